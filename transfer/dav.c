/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/dav.h"

#include "agent/base/civil.h"
#include "transfer/xml.h"

#include <string.h>

#define DAV_NS "DAV:"

enum { DAV_HREF_MAX = 64 * 1024 };

/* Each row's prefix is bound where it stands, but for that of DAV:, which the root binds. */
static const struct row {
	struct span ns, name;
	bool all;  /* part of allprop */
	bool file; /* files only */
	const char *prefix;
} rows[DAV_PROP_COUNT] = {
	[DAV_RESOURCETYPE] = {SPAN_INIT(DAV_NS), SPAN_INIT("resourcetype"), true, false, "D"},
	[DAV_GETLASTMODIFIED] = {SPAN_INIT(DAV_NS), SPAN_INIT("getlastmodified"), true, false, "D"},
	[DAV_GETCONTENTLENGTH] = {SPAN_INIT(DAV_NS), SPAN_INIT("getcontentlength"), true, true,
		"D"},
	[DAV_GETETAG] = {SPAN_INIT(DAV_NS), SPAN_INIT("getetag"), true, true, "D"},
	[DAV_GETCONTENTTYPE] = {SPAN_INIT(DAV_NS), SPAN_INIT("getcontenttype"), true, true, "D"},
	[DAV_MODE] = {SPAN_INIT("LCGDM:"), SPAN_INIT("mode"), false, false, "L"},
	[DAV_CHECKSUMS] = {SPAN_INIT("http://owncloud.org/ns"), SPAN_INIT("checksums"), false, true,
		"oc"},
};

enum dav_depth
dav_read_depth(struct span field)
{
	if (field.p == NULL || span_eq_nocase(field, SPAN("infinity")))
		return DAV_DEPTH_INFINITE;
	if (span_is(field, "0"))
		return DAV_DEPTH_0;
	return span_is(field, "1") ? DAV_DEPTH_1 : DAV_DEPTH_BAD;
}

/* ---- reading ---- */

struct reading {
	struct dav_query *q;
	size_t used;    /* of q->text */
	bool root;      /* the root was DAV: propfind */
	unsigned kinds; /* prop, allprop, propname: how many */
	bool in_list;   /* the children of the open depth-2 element are names */
};

static uint32_t
all_props(void)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < DAV_PROP_COUNT; i++)
		if (rows[i].all)
			set |= 1U << i;
	return set;
}

static void
keep_unknown(struct reading *r, const struct xml_name *name)
{
	struct dav_query *q = r->q;

	if (q->n_unknown == DAV_UNKNOWN_MAX ||
		name->ns.n + name->local.n > sizeof(q->text) - r->used)
		return;
	q->unknown[q->n_unknown].ns = (uint16_t)name->ns.n;
	q->unknown[q->n_unknown].local = (uint16_t)name->local.n;
	q->n_unknown++;
	if (name->ns.n > 0)
		memcpy(q->text + r->used, name->ns.p, name->ns.n);
	r->used += name->ns.n;
	memcpy(q->text + r->used, name->local.p, name->local.n);
	r->used += name->local.n;
}

static void
on_property(struct reading *r, const struct xml_name *name)
{
	for (unsigned i = 0; i < DAV_PROP_COUNT; i++)
		if (span_eq(name->ns, rows[i].ns) && span_eq(name->local, rows[i].name)) {
			r->q->want |= 1U << i;
			return;
		}
	keep_unknown(r, name);
}

static void
on_kind(struct reading *r, const struct xml_name *name)
{
	r->in_list = false;
	if (!span_is(name->ns, DAV_NS))
		return; /* RFC 4918 17: unknown elements are ignored */
	if (span_is(name->local, "prop")) {
		r->in_list = true;
		r->kinds++;
	} else if (span_is(name->local, "allprop")) {
		r->q->want |= all_props();
		r->kinds++;
	} else if (span_is(name->local, "propname")) {
		r->q->want |= (1U << DAV_PROP_COUNT) - 1;
		r->q->names = true;
		r->kinds++;
	} else if (span_is(name->local, "include")) {
		r->in_list = true;
	}
}

static void
on_element(void *ctx, unsigned depth, const struct xml_name *name)
{
	struct reading *r = ctx;

	if (depth == 1)
		r->root = span_is(name->ns, DAV_NS) && span_is(name->local, "propfind");
	else if (depth == 2)
		on_kind(r, name);
	else if (depth == 3 && r->in_list)
		on_property(r, name);
}

bool
dav_parse(struct span body, struct dav_query *ret, struct err *e)
{
	struct dav_query q = {.want = 0};
	struct reading r = {.q = &q};

	if (body.n == 0) {
		*ret = (struct dav_query){.want = all_props()};
		return true;
	}
	if (!xml_parse(body, on_element, &r, e))
		return false;
	if (!r.root || r.kinds != 1)
		return err_set(e, ERR_SYNTAX, "RFC 4918 14.20",
			"the body is not a DAV: propfind with one of prop, allprop, propname");
	*ret = q;
	return true;
}

/* ---- writing ---- */

void
dav_write_start(struct buf *out)
{
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
		      "<D:multistatus xmlns:D=\"DAV:\">");
}

void
dav_write_end(struct buf *out)
{
	buf_adds(out, "</D:multistatus>\n");
}

void
dav_write_finite_depth(struct buf *out)
{
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
		      "<D:error xmlns:D=\"DAV:\"><D:propfind-finite-depth/></D:error>\n");
}

/* Path only: davix takes the last segment of such an href as the name. */
static void
write_href(struct buf *out, const struct dav_entry *entry)
{
	AUTO_BUF href = BUF_INIT(DAV_HREF_MAX);

	buf_add_url(&href, entry->path);
	if (entry->folder && !span_ends(entry->path, SPAN("/")))
		buf_addc(&href, '/');
	if (!buf_ok(&href))
		out->bad = true;
	buf_adds(out, "<D:href>");
	buf_add_html(out, buf_span(&href));
	buf_adds(out, "</D:href>");
}

static bool
known(enum dav_prop prop, const struct dav_entry *entry)
{
	if (rows[prop].file && entry->folder)
		return false;
	switch (prop) {
	case DAV_GETLASTMODIFIED:
		return entry->modified != INT64_MIN;
	case DAV_GETETAG:
		return entry->etag.p != NULL;
	case DAV_GETCONTENTTYPE:
		return entry->type.p != NULL;
	case DAV_CHECKSUMS:
		return entry->md5 != NULL;
	case DAV_RESOURCETYPE:
	case DAV_GETCONTENTLENGTH:
	case DAV_MODE:
	case DAV_PROP_COUNT:
		break;
	}
	return true;
}

/* One element with a blank between them, each name in capitals: as rclone reads them. */
static void
write_checksums(struct buf *out, const struct dav_entry *entry)
{
	buf_adds(out, "<oc:checksum>MD5:");
	buf_add_hex(out, entry->md5, 16);
	buf_addf(out, " ADLER32:%08x</oc:checksum>", (unsigned)entry->adler32);
}

static void
write_value(struct buf *out, enum dav_prop prop, const struct dav_entry *entry)
{
	switch (prop) {
	case DAV_RESOURCETYPE:
		if (entry->folder)
			buf_adds(out, "<D:collection/>");
		break;
	case DAV_GETLASTMODIFIED:
		civil_write_http(out, entry->modified);
		break;
	case DAV_GETCONTENTLENGTH:
		buf_addu(out, entry->size);
		break;
	case DAV_GETETAG:
		buf_add_html(out, entry->etag);
		break;
	case DAV_GETCONTENTTYPE:
		buf_add_html(out, entry->type);
		break;
	case DAV_MODE: /* whole st_mode: davix makes a directory into something else without it */
		buf_adds(out, entry->folder ? "040555" : "0100444");
		break;
	case DAV_CHECKSUMS:
		write_checksums(out, entry);
		break;
	case DAV_PROP_COUNT:
		break;
	}
}

static void
write_prop(struct buf *out, enum dav_prop prop, const struct dav_entry *entry, bool empty)
{
	const struct row *r = &rows[prop];

	buf_addf(out, "<%s:%s", r->prefix, r->name.p);
	if (!span_is(r->ns, DAV_NS))
		buf_addf(out, " xmlns:%s=\"%s\"", r->prefix, r->ns.p);
	if (empty) {
		buf_adds(out, "/>");
		return;
	}
	buf_addc(out, '>');
	write_value(out, prop, entry);
	buf_addf(out, "</%s:%s>", r->prefix, r->name.p);
}

static void
write_found(struct buf *out, const struct dav_query *q, const struct dav_entry *entry)
{
	buf_adds(out, "<D:propstat><D:prop>");
	for (unsigned i = 0; i < DAV_PROP_COUNT; i++) {
		enum dav_prop prop = (enum dav_prop)i;
		bool empty = q->names || (prop == DAV_RESOURCETYPE && !entry->folder);
		if ((q->want & 1U << i) != 0 && known(prop, entry))
			write_prop(out, prop, entry, empty);
	}
	buf_adds(out, "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>");
}

static void
write_unknown(struct buf *out, const struct dav_query *q)
{
	struct span rest = {q->text, sizeof(q->text)};

	buf_adds(out, "<D:propstat><D:prop>");
	for (size_t i = 0; i < q->n_unknown; i++) {
		struct span ns = span_first(rest, q->unknown[i].ns);
		rest = span_skip(rest, ns.n);
		struct span local = span_first(rest, q->unknown[i].local);
		rest = span_skip(rest, local.n);
		buf_addc(out, '<');
		buf_add(out, local);
		buf_adds(out, " xmlns=\"");
		buf_add_html(out, ns);
		buf_adds(out, "\"/>");
	}
	buf_adds(out, "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>");
}

void
dav_write_entry(struct buf *out, const struct dav_query *q, const struct dav_entry *entry)
{
	buf_adds(out, "<D:response>");
	write_href(out, entry);
	/* One propstat with 200 and no second: davix would list the entry twice. */
	if (q->want != 0 || q->n_unknown == 0)
		write_found(out, q, entry);
	if (q->n_unknown > 0)
		write_unknown(out, q);
	buf_adds(out, "</D:response>");
}
