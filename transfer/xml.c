/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/xml.h"

#include <expat.h>
#include <string.h>

/* Between namespace and name: XML 1.0 allows it nowhere, not even as a character reference. */
#define XML_SEPARATOR '\x1f'

struct reading {
	XML_Parser parser;
	xml_begin *begin;
	void *ctx;
	unsigned depth;
	bool doctype, deep;
};

static void XMLCALL
on_start(void *data, const XML_Char *text, const XML_Char **attributes)
{
	struct reading *r = data;
	struct span rest = span_of(text);
	struct span ns = span_cut(&rest, XML_SEPARATOR);
	struct xml_name name = {.ns = ns, .local = rest};

	(void)attributes;
	if (rest.p == NULL)
		name = (struct xml_name){.ns = SPAN_NONE, .local = ns};
	if (++r->depth > XML_DEPTH_MAX) {
		r->deep = true;
		(void)XML_StopParser(r->parser, XML_FALSE);
		return;
	}
	r->begin(r->ctx, r->depth, &name);
}

static void XMLCALL
on_end(void *data, const XML_Char *text)
{
	struct reading *r = data;

	(void)text;
	r->depth--;
}

static void XMLCALL
on_doctype(void *data, const XML_Char *name, const XML_Char *system_id, const XML_Char *public_id,
	int internal)
{
	struct reading *r = data;

	(void)name, (void)system_id, (void)public_id, (void)internal;
	r->doctype = true;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

static bool
verdict(const struct reading *r, enum XML_Status status, struct err *e)
{
	if (r->doctype)
		return err_set(e, ERR_SYNTAX, "RFC 4918 20.6", "the XML has a DOCTYPE");
	if (r->deep)
		return err_set(e, ERR_LIMIT, "RFC 4918 20.1",
			"the XML is nested more than %d levels deep", XML_DEPTH_MAX);
	if (status != XML_STATUS_OK)
		return err_set(e, ERR_SYNTAX, "XML 1.0 2.1", "line %lu of the XML: %s",
			(unsigned long)XML_GetCurrentLineNumber(r->parser),
			XML_ErrorString(XML_GetErrorCode(r->parser)));
	return true;
}

bool
xml_parse(struct span text, xml_begin *begin, void *ctx, struct err *e)
{
	struct reading r = {.begin = begin, .ctx = ctx};

	if (text.n > XML_BODY_MAX)
		return err_set(e, ERR_LIMIT, "RFC 9110 15.5.14",
			"an XML body of more than %d bytes", XML_BODY_MAX);
	r.parser = XML_ParserCreateNS(NULL, XML_SEPARATOR);
	if (r.parser == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for an XML parser");
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	bool ok = verdict(
		&r, XML_Parse(r.parser, text.p != NULL ? text.p : "", (int)text.n, XML_TRUE), e);
	XML_ParserFree(r.parser);
	return ok;
}
