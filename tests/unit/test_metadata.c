/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "agent/cli/metadata.h"
#include "tests/unit/check.h"

#define HEAD   "{\"resource\":\"https://d.test/\","
#define ISSUER "\"authorization_servers\":[\"https://i.test\"]"
#define TWO    "\"authorization_servers\":[\"https://i.test\",\"https://j.test/r\"]"

/* want: resource|name|scopes| and for each issuer issuer,name,client,scopes,audience,ask| ; NULL:
 * refused, and the message begins with `refused` */
static const struct {
	const char *name, *text, *want, *refused;
} rows_metadata[] = {
	{"least", HEAD ISSUER "}", "https://d.test/|||https://i.test,,,,,resource|", NULL},
	{"unknown members", HEAD ISSUER ",\"x\":{\"y\":[1]}}",
		"https://d.test/|||https://i.test,,,,,resource|", NULL},
	{"all",
		HEAD TWO ",\"resource_name\":\"F\xc3\xa9\",\"scopes_supported\":[\"a\",\"b\"],"
			 "\"bearer_methods_supported\":[\"header\"],\"pan_issuers\":[{\"issuer\":"
			 "\"https://j.test/r\",\"name\":\"J\",\"client_id\":\"cli\",\"scopes\":["
			 "\"openid\",\"x:/\"],\"audience\":\"aud\",\"audience_parameter\":"
			 "\"audience\"}]}",
		"https://d.test/|F\xc3\xa9|a b|https://i.test,,,,,resource|"
		"https://j.test/r,J,cli,openid x:/,aud,audience|",
		NULL},
	{"null is none",
		HEAD ISSUER ",\"resource_name\":null,\"pan_issuers\":[{\"issuer\":"
			    "\"https://i.test\",\"name\":null,\"client_id\":null}]}",
		"https://d.test/|||https://i.test,,,,,resource|", NULL},
	{"no audience is asked for",
		HEAD ISSUER ",\"pan_issuers\":[{\"issuer\":\"https://i.test\","
			    "\"audience_parameter\":\"none\",\"scopes\":[]}]}",
		"https://d.test/|||https://i.test,,,,,none|", NULL},
	{"loopback issuer", HEAD "\"authorization_servers\":[\"http://127.0.0.1:9400\"]}",
		"https://d.test/|||http://127.0.0.1:9400,,,,,resource|", NULL},
	{"resource that is a name", "{\"resource\":\"pan-data\"," ISSUER "}",
		"pan-data|||https://i.test,,,,,resource|", NULL},
	{"no resource", "{" ISSUER "}", NULL, "resource"},
	{"empty resource", "{\"resource\":\"\"," ISSUER "}", NULL, "resource"},
	{"resource with a blank", "{\"resource\":\"https://d test\"," ISSUER "}", NULL, "resource"},
	{"resource with an escape sequence", "{\"resource\":\"https://d\\u001b\"," ISSUER "}", NULL,
		"resource"},
	{"resource of another kind", "{\"resource\":[\"https://d.test/\"]," ISSUER "}", NULL,
		"resource"},
	{"no issuers", HEAD "\"x\":1}", NULL, "authorization_servers"},
	{"empty list of issuers", HEAD "\"authorization_servers\":[]}", NULL,
		"authorization_servers"},
	{"issuer by plain http", HEAD "\"authorization_servers\":[\"http://i.test\"]}", NULL,
		"authorization_servers"},
	{"issuer with a query", HEAD "\"authorization_servers\":[\"https://i.test?x\"]}", NULL,
		"authorization_servers"},
	{"issuer with a user", HEAD "\"authorization_servers\":[\"https://a@i.test\"]}", NULL,
		"authorization_servers"},
	{"issuer that is a number", HEAD "\"authorization_servers\":[1]}", NULL,
		"authorization_servers"},
	{"issuer twice", HEAD "\"authorization_servers\":[\"https://i.test\",\"https://i.test\"]}",
		NULL, "authorization_servers"},
	{"issuer text", HEAD "\"authorization_servers\":\"https://i.test\"}", NULL,
		"authorization_servers"},
	{"other methods only", HEAD ISSUER ",\"bearer_methods_supported\":[\"body\"]}", NULL,
		"bearer_methods_supported"},
	{"methods of another kind", HEAD ISSUER ",\"bearer_methods_supported\":\"header\"}", NULL,
		"bearer_methods_supported"},
	{"name with a control character", HEAD ISSUER ",\"resource_name\":\"a\\u001b[2J\"}", NULL,
		"resource_name"},
	{"scope with a blank", HEAD ISSUER ",\"scopes_supported\":[\"a b\"]}", NULL,
		"scopes_supported"},
	{"scopes as text", HEAD ISSUER ",\"scopes_supported\":\"a b\"}", NULL, "scopes_supported"},
	{"issuer of ours that is none",
		HEAD ISSUER ",\"pan_issuers\":[{\"issuer\":\"https://k.test\"}]}", NULL,
		"pan_issuers"},
	{"entry without issuer", HEAD ISSUER ",\"pan_issuers\":[{\"client_id\":\"x\"}]}", NULL,
		"pan_issuers"},
	{"entry that is text", HEAD ISSUER ",\"pan_issuers\":[\"https://i.test\"]}", NULL,
		"pan_issuers"},
	{"client with a blank",
		HEAD ISSUER
		",\"pan_issuers\":[{\"issuer\":\"https://i.test\",\"client_id\":\"a b\"}]}",
		NULL, "client_id"},
	{"another way to ask",
		HEAD ISSUER ",\"pan_issuers\":[{\"issuer\":\"https://i.test\","
			    "\"audience_parameter\":\"both\"}]}",
		NULL, "pan_issuers: audience_parameter"},
	{"bound, as text", HEAD ISSUER ",\"dpop_bound_access_tokens_required\":\"true\"}", NULL,
		"dpop_bound_access_tokens_required"},
	{"member twice", HEAD HEAD ISSUER "}}", NULL, ""},
	{"list", "[]", NULL, ""},
	{"nothing", "", NULL, ""},
	{"text behind it", HEAD ISSUER "}x", NULL, ""},
};

static void
write(const struct metadata *m, struct buf *out)
{
	buf_addf(out, "%.*s|%.*s|%.*s|", SPAN_ARG(m->resource), SPAN_ARG(m->name),
		SPAN_ARG(m->scopes));
	for (size_t i = 0; i < m->n; i++)
		buf_addf(out, "%.*s,%.*s,%.*s,%.*s,%.*s,%s|", SPAN_ARG(m->issuer[i].issuer),
			SPAN_ARG(m->issuer[i].name), SPAN_ARG(m->issuer[i].client_id),
			SPAN_ARG(m->issuer[i].scopes), SPAN_ARG(m->issuer[i].audience),
			metadata_ask_names[m->issuer[i].ask]);
}

static void
parsing(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 1U << 20));
	for (size_t i = 0; i < sizeof(rows_metadata) / sizeof(rows_metadata[0]); i++) {
		struct metadata got = {.n = 0};
		struct err e = {0};
		AUTO_BUF text = BUF_INIT(65536);
		CHECK_ROW(rows_metadata[i].name);
		bool ok = metadata_parse(span_of(rows_metadata[i].text), &mem, &got, &e);
		if (ok != (rows_metadata[i].want != NULL))
			fail_msg("%s", e.msg);
		if (!ok) {
			assert_true(span_starts(span_of(e.msg), span_of(rows_metadata[i].refused)));
			assert_int_equal(got.n, 0);
			continue;
		}
		write(&got, &text);
		check_span(buf_span(&text), rows_metadata[i].want);
	}
}

static void
limits(void **state)
{
	AUTO_ARENA mem = {0};
	struct metadata got = {.n = 0};

	(void)state;
	assert_true(arena_init(&mem, 1U << 20));
	for (unsigned n = METADATA_ISSUERS_MAX; n <= METADATA_ISSUERS_MAX + 1; n++) {
		AUTO_BUF text = BUF_INIT(65536);
		buf_adds(&text, HEAD "\"authorization_servers\":[");
		for (unsigned i = 0; i < n; i++)
			buf_addf(&text, "%s\"https://i%u.test\"", i > 0 ? "," : "", i);
		buf_adds(&text, "]}");
		bool ok = metadata_parse(buf_span(&text), &mem, &got, NULL);
		assert_int_equal(ok, n <= METADATA_ISSUERS_MAX);
	}
}

static void
words(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {{"a", true}, {"a b", true}, {"a  b", false}, {" a", false}, {"a ", false},
		{"", false}, {"a\tb", false}, {"\xc3\xa9", false}, {"~!", true}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].text);
		assert_int_equal(metadata_words(span_of(rows[i].text)), rows[i].good);
	}
	assert_false(metadata_words(SPAN_NONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),
		cmocka_unit_test(limits),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
