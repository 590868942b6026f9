/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "tests/unit/check.h"
#include "transfer/dav.h"
#include "transfer/xml.h"

#define ALL                                                                                        \
	(1U << DAV_RESOURCETYPE | 1U << DAV_GETLASTMODIFIED | 1U << DAV_GETCONTENTLENGTH |         \
		1U << DAV_GETETAG | 1U << DAV_GETCONTENTTYPE)
#define HEAD "<?xml version=\"1.0\" encoding=\"utf-8\" ?>"
#define P    "<D:propfind xmlns:D=\"DAV:\">"
#define Q    "</D:propfind>"

static const struct {
	const char *name, *in;
	bool ok;
	uint32_t want;
	size_t unknown;
	const char *ref;
} rows[] = {
	{"no body", "", true, ALL, 0, NULL},
	{"allprop", HEAD P "<D:allprop/>" Q, true, ALL, 0, NULL},
	{"allprop and include",
		P "<D:allprop/><D:include><mode xmlns=\"LCGDM:\"/><D:x/></D:include>" Q, true,
		ALL | 1U << DAV_MODE, 1, NULL},
	{"as davix asks",
		HEAD "<D:propfind xmlns:D=\"DAV:\" xmlns:L=\"LCGDM:\"><D:prop>"
		     "<D:displayname/><D:getlastmodified/><D:creationdate/><D:getcontentlength/>"
		     "<D:quota-used-bytes/><D:resourcetype><D:collection/></D:resourcetype>"
		     "<L:mode/><D:owner/><D:group/></D:prop></D:propfind>",
		true,
		1U << DAV_GETLASTMODIFIED | 1U << DAV_GETCONTENTLENGTH | 1U << DAV_RESOURCETYPE |
			1U << DAV_MODE,
		5, NULL},
	{"default namespace", "<propfind xmlns=\"DAV:\"><prop><getetag/></prop></propfind>", true,
		1U << DAV_GETETAG, 0, NULL},
	{"checksums of owncloud",
		P "<D:prop><checksums xmlns=\"http://owncloud.org/ns\"/></D:prop>" Q, true,
		1U << DAV_CHECKSUMS, 0, NULL},
	{"empty prop", P "<D:prop/>" Q, true, 0, 0, NULL},
	{"without a namespace", P "<D:prop><getetag/></D:prop>" Q, true, 0, 1, NULL},
	{"foreign element beside", P "<x xmlns=\"y\"><a/></x><D:allprop/>" Q, true, ALL, 0, NULL},
	{"predefined entity", P "<D:prop><D:x>&amp;&#65;</D:x></D:prop>" Q, true, 0, 1, NULL},
	{"two kinds", P "<D:prop/><D:allprop/>" Q, false, 0, 0, "RFC 4918 14.20"},
	{"no kind", P Q, false, 0, 0, "RFC 4918 14.20"},
	{"another root", "<D:lockinfo xmlns:D=\"DAV:\"><D:prop/></D:lockinfo>", false, 0, 0,
		"RFC 4918 14.20"},
	{"root without namespace", "<propfind><prop/></propfind>", false, 0, 0, "RFC 4918 14.20"},
	{"not closed", P "<D:allprop/>", false, 0, 0, "XML 1.0 2.1"},
	{"not nested", P "<D:prop></D:propfind></D:prop>", false, 0, 0, "XML 1.0 2.1"},
	{"text", "hello", false, 0, 0, "XML 1.0 2.1"},
	{"blank", " \n", false, 0, 0, "XML 1.0 2.1"},
	{"behind the root", P "<D:allprop/>" Q "<x/>", false, 0, 0, "XML 1.0 2.1"},
	{"unbound prefix", "<D:propfind><D:allprop/></D:propfind>", false, 0, 0, "XML 1.0 2.1"},
	{"DOCTYPE", "<!DOCTYPE propfind>" P "<D:allprop/>" Q, false, 0, 0, "RFC 4918 20.6"},
	{"external entity",
		"<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>" P
		"<D:prop>&e;</D:prop>" Q,
		false, 0, 0, "RFC 4918 20.6"},
	{"entity bomb", "<!DOCTYPE x [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>", false,
		0, 0, "RFC 4918 20.6"},
	{"undefined entity", P "<D:prop>&e;</D:prop>" Q, false, 0, 0, "XML 1.0 2.1"},
	{"invalid UTF-8", P "<D:prop>\xff</D:prop>" Q, false, 0, 0, "XML 1.0 2.1"},
};

static void
asked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dav_query q = {.want = 77};
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		assert_int_equal(dav_parse(span_of(rows[i].in), &q, &e), rows[i].ok);
		if (!rows[i].ok) {
			assert_string_equal(e.ref, rows[i].ref);
			assert_int_equal(q.want, 77);
			continue;
		}
		assert_int_equal(q.want, rows[i].want);
		assert_int_equal(q.n_unknown, rows[i].unknown);
		assert_false(q.names);
	}
}

static bool
nested(unsigned levels, size_t padding)
{
	AUTO_BUF b = BUF_INIT(1U << 20);
	struct dav_query q;

	buf_adds(&b, P "<D:allprop/>");
	for (unsigned i = 0; i < levels; i++)
		buf_adds(&b, "<a>");
	for (size_t i = 0; i < padding; i++)
		buf_addc(&b, ' ');
	for (unsigned i = 0; i < levels; i++)
		buf_adds(&b, "</a>");
	buf_adds(&b, Q);
	return dav_parse(buf_span(&b), &q, NULL);
}

static void
limits(void **state)
{
	size_t fixed = strlen(P "<D:allprop/>" Q);
	struct dav_query q;
	AUTO_BUF b = BUF_INIT(1U << 20);

	(void)state;
	assert_true(nested(XML_DEPTH_MAX - 1, 0));
	assert_false(nested(XML_DEPTH_MAX, 0));
	assert_false(nested(8000, 0));
	assert_true(nested(0, XML_BODY_MAX - fixed));
	assert_false(nested(0, XML_BODY_MAX - fixed + 1));
	buf_adds(&b, P "<D:prop>");
	for (unsigned i = 0; i < 1000; i++)
		buf_addf(&b, "<D:x%u/>", i);
	buf_adds(&b, "</D:prop>" Q);
	assert_true(dav_parse(buf_span(&b), &q, NULL));
	assert_int_equal(q.n_unknown, DAV_UNKNOWN_MAX);
	buf_reset(&b); /* names that do not fit are left out, the others stay */
	buf_adds(&b, P "<D:prop><a xmlns=\"");
	for (unsigned i = 0; i < DAV_TEXT_MAX; i++)
		buf_addc(&b, 'n');
	buf_adds(&b, "\"/><b xmlns=\"x\"/></D:prop>" Q);
	assert_true(dav_parse(buf_span(&b), &q, NULL));
	assert_int_equal(q.n_unknown, 1);
	check_span(span_first(span_of(q.text), 2), "xb");
}

static void
answered(void **state)
{
	const struct dav_entry file = {.path = SPAN("/data/a b&<c>.h5"),
		.modified = 784111777,
		.size = 12,
		.etag = SPAN("\"x&y\""),
		.type = SPAN("text/plain")};
	const struct dav_entry folder = {.path = SPAN("/data/a"),
		.folder = true,
		.modified = INT64_MIN,
		.etag = SPAN("\"a\""),
		.type = SPAN("text/html")};
	const struct dav_entry root = {.path = SPAN("/"), .folder = true, .modified = INT64_MIN};
	struct dav_query q;
	AUTO_BUF b = BUF_INIT(1U << 16);

	(void)state;
	assert_true(dav_parse(SPAN(""), &q, NULL));
	dav_write_entry(&b, &q, &file);
	check_span(buf_span(&b),
		"<D:response><D:href>/data/a%20b&amp;%3Cc%3E.h5</D:href><D:propstat><D:prop>"
		"<D:resourcetype/><D:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT"
		"</D:getlastmodified><D:getcontentlength>12</D:getcontentlength>"
		"<D:getetag>&quot;x&amp;y&quot;</D:getetag>"
		"<D:getcontenttype>text/plain</D:getcontenttype></D:prop>"
		"<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>");
	buf_reset(&b);
	dav_write_entry(&b, &q, &folder);
	check_span(buf_span(&b), "<D:response><D:href>/data/a/</D:href><D:propstat><D:prop>"
				 "<D:resourcetype><D:collection/></D:resourcetype></D:prop>"
				 "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>");
	buf_reset(&b);
	assert_true(dav_parse(SPAN(P "<D:prop><D:owner/><L:mode xmlns:L=\"LCGDM:\"/>"
				     "<x xmlns=\"a&amp;b\"/></D:prop>" Q),
		&q, NULL));
	dav_write_entry(&b, &q, &root);
	check_span(buf_span(&b),
		"<D:response><D:href>/</D:href><D:propstat><D:prop>"
		"<L:mode xmlns:L=\"LCGDM:\">040555</L:mode></D:prop>"
		"<D:status>HTTP/1.1 200 OK</D:status></D:propstat><D:propstat><D:prop>"
		"<owner xmlns=\"DAV:\"/><x xmlns=\"a&amp;b\"/></D:prop>"
		"<D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>");
	buf_reset(&b);
	assert_true(dav_parse(SPAN(P "<D:propname/>" Q), &q, NULL));
	assert_true(q.names);
	dav_write_entry(&b, &q, &file);
	assert_null(memmem(b.p, b.n, "1994", 4));
	assert_non_null(memmem(b.p, b.n, "<D:getetag/>", 12));
}

static void
checksums(void **state)
{
	static const uint8_t md5[16] = {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80,
		0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e};
	struct dav_entry file = {
		.path = SPAN("/a"), .modified = INT64_MIN, .md5 = md5, .adler32 = 1};
	struct dav_query q;
	AUTO_BUF b = BUF_INIT(1U << 16);

	(void)state;
	assert_true(
		dav_parse(SPAN("<a:propfind xmlns:a=\"DAV:\" xmlns:o=\"http://owncloud.org/ns\">"
			       "<a:prop><o:checksums/></a:prop></a:propfind>"),
			&q, NULL));
	dav_write_entry(&b, &q, &file);
	check_span(buf_span(&b), "<D:response><D:href>/a</D:href><D:propstat><D:prop>"
				 "<oc:checksums xmlns:oc=\"http://owncloud.org/ns\"><oc:checksum>"
				 "MD5:d41d8cd98f00b204e9800998ecf8427e ADLER32:00000001"
				 "</oc:checksum></oc:checksums></D:prop>"
				 "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>");
	file.md5 = NULL; /* not recorded */
	buf_reset(&b);
	dav_write_entry(&b, &q, &file);
	assert_null(memmem(b.p, b.n, "checksum", 8));
	assert_true(dav_parse(SPAN(""), &q, NULL));
	file.md5 = md5; /* not asked for */
	buf_reset(&b);
	dav_write_entry(&b, &q, &file);
	assert_null(memmem(b.p, b.n, "checksum", 8));
}

static void
depths(void **state)
{
	static const struct {
		const char *in;
		enum dav_depth want;
	} depth[] = {
		{NULL, DAV_DEPTH_INFINITE},
		{"0", DAV_DEPTH_0},
		{"1", DAV_DEPTH_1},
		{"Infinity", DAV_DEPTH_INFINITE},
		{"2", DAV_DEPTH_BAD},
		{"", DAV_DEPTH_BAD},
		{"00", DAV_DEPTH_BAD},
		{"1,noroot", DAV_DEPTH_BAD},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(depth) / sizeof(depth[0]); i++)
		assert_int_equal(dav_read_depth(span_of(depth[i].in)), depth[i].want);
}

static void
ignore(void *ctx, unsigned depth, const struct xml_name *name)
{
	(void)ctx, (void)depth, (void)name;
}

static void
frames(void **state)
{
	AUTO_BUF b = BUF_INIT(1U << 20);
	struct dav_query q = {.want = 1};
	char path[70000];

	(void)state;
	dav_write_start(&b);
	dav_write_end(&b);
	assert_true(xml_parse(buf_span(&b), ignore, NULL, NULL));
	buf_reset(&b);
	dav_write_finite_depth(&b);
	assert_true(xml_parse(buf_span(&b), ignore, NULL, NULL));
	memset(path, 'a', sizeof(path)); /* a path that no file has is no half answer */
	dav_write_entry(&b, &q, &(struct dav_entry){.path = {path, sizeof(path)}});
	assert_false(buf_ok(&b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked),
		cmocka_unit_test(limits),
		cmocka_unit_test(answered),
		cmocka_unit_test(checksums),
		cmocka_unit_test(depths),
		cmocka_unit_test(frames),
	};
	return cmocka_run_group_tests_name("dav", tests, NULL, NULL);
}
