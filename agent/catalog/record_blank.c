/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/record_blank.h"

#include "agent/base/json.h"
#include "agent/base/jsonw.h"

#define RECORD_JSON ((size_t)4 * 1024 * 1024)

/* Which field of the policy language each member belongs to; one that is not here never leaves. */
static const struct {
	struct span name;
	enum meta_field field;
} members[] = {
	{SPAN_INIT("title"), FIELD_TITLE},
	{SPAN_INIT("definition"), FIELD_TECHNIQUE},
	{SPAN_INIT("technique"), FIELD_TECHNIQUE},
	{SPAN_INIT("experiment"), FIELD_RELATED},
	{SPAN_INIT("entry_id"), FIELD_RELATED},
	{SPAN_INIT("run_cycle"), FIELD_INSTRUMENT},
	{SPAN_INIT("instrument"), FIELD_INSTRUMENT},
	{SPAN_INIT("source"), FIELD_INSTRUMENT},
	{SPAN_INIT("source_type"), FIELD_INSTRUMENT},
	{SPAN_INIT("probe"), FIELD_INSTRUMENT},
	{SPAN_INIT("sample"), FIELD_SAMPLE},
	{SPAN_INIT("formula"), FIELD_SAMPLE},
	{SPAN_INIT("start"), FIELD_DATES},
	{SPAN_INIT("end"), FIELD_DATES},
	{SPAN_INIT("start_zone_assumed"), FIELD_DATES},
	{SPAN_INIT("users"), FIELD_TEAM},
	{SPAN_INIT("parameters"), FIELD_PARAMETERS},
};

static bool
may(const struct view_shown *s, struct span name)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (span_eq(members[i].name, name))
			return view_has(s, members[i].field);
	return false;
}

bool
record_blank(struct span json, const struct view_shown *s, struct arena *a, struct span *ret,
	struct err *e)
{
	static const struct json_limits limits = {.bytes = RECORD_JSON, .object = true};
	AUTO_BUF out = BUF_INIT(RECORD_JSON);
	AUTO_JSON record = json_parse(json, &limits, e);
	const struct json *value = NULL;
	struct span name = SPAN_NONE;
	void *at = NULL;
	bool comma = false;

	if (record == NULL)
		return false;
	buf_addc(&out, '{');
	while (json_each(record, &at, &name, &value)) {
		if (!may(s, name) || json_kind(value) == JSON_KIND_NULL)
			continue;
		if (comma)
			buf_addc(&out, ',');
		comma = true;
		jsonw_quote(&out, name);
		buf_addc(&out, ':');
		json_write(value, &out);
	}
	buf_addc(&out, '}');
	if (!buf_ok(&out))
		return err_set(e, ERR_LIMIT, NULL, "the record of a dataset is too large");
	*ret = arena_span(a, buf_span(&out));
	return ret->p != NULL || err_set(e, ERR_LIMIT, NULL, "no memory left for this request");
}
