/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_discovery.h"

#include "tests/unit/check.h"

static void
urls(void **state)
{
	static const struct {
		const char *url;
		bool secure, insecure; /* may be asked, without and with `insecure` */
	} rows[] = {
		{"https://i.test", true, true},
		{"https://i.test/", true, true},
		{"https://i.test:8443/a?b=c", true, true},
		{"https://[::1]/", true, true},
		{"http://127.0.0.1:8080/x", false, true},
		{"http://localhost/x", false, true},
		{"http://[::1]:8080/x", false, true},
		{"http://i.test/", false, false},
		{"http://127.0.0.1.evil.test/", false, false},
		{"http://127.0.0.1@evil.test/", false, false},
		{"https://user@i.test/", false, false},
		{"https://i.test/#x", false, false},
		{"https://", false, false},
		{"https:///x", false, false},
		{"https://:443/x", false, false},
		{"https:/i.test", false, false},
		{"HTTPS://i.test", false, false},
		{"https://i.test/a b", false, false},
		{"https://i.test/\r\nX: y", false, false},
		{"https://i.test/\xc3\xbc", false, false},
		{"https://i.test\\@evil.test/", false, false},
		{"file:///etc/passwd", false, false},
		{"ftp://i.test/", false, false},
		{"//i.test/", false, false},
		{"", false, false},
	};
	char url[COURIER_URL_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].url);
		assert_int_equal(
			courier_discovery_url(span_of(rows[i].url), false), rows[i].secure);
		assert_int_equal(
			courier_discovery_url(span_of(rows[i].url), true), rows[i].insecure);
	}
	memset(url, 'x', sizeof(url));
	memcpy(url, "https://i.test/", 15);
	assert_true(courier_discovery_url((struct span){url, COURIER_URL_MAX}, false));
	assert_false(courier_discovery_url((struct span){url, COURIER_URL_MAX + 1}, false));
	assert_false(courier_discovery_url(SPAN("https://i.test/\0x"), false));
}

static void
documents(void **state)
{
	static const struct {
		const char *name, *text;
		enum err_code code;
		const char *what; /* of the message */
	} rows[] = {
		{"good", "{\"issuer\":\"https://i.test\",\"jwks_uri\":\"https://k.test/\"}",
			ERR_NONE, NULL},
		{"no keys named", "{\"issuer\":\"https://i.test\"}", ERR_NONE, NULL},
		{"another issuer", "{\"issuer\":\"https://j.test\"}", ERR_UPSTREAM,
			"another issuer: 'https://j.test'"},
		{"other letters", "{\"issuer\":\"https://I.test\"}", ERR_UPSTREAM, "another"},
		{"a list of issuers", "{\"issuer\":[\"https://i.test\"]}", ERR_UPSTREAM,
			"does not name"},
		{"no issuer", "{}", ERR_UPSTREAM, "does not name"},
		{"two issuers", "{\"issuer\":\"https://i.test\",\"issuer\":\"https://j.test\"}",
			ERR_SYNTAX, "discovery: "},
		{"a list", "[]", ERR_SYNTAX, "discovery: "},
		{"more behind it", "{\"issuer\":\"https://i.test\"}x", ERR_SYNTAX, "discovery: "},
		{"NUL in the name", "{\"issuer\":\"https://i.test\\u0000\"}", ERR_SYNTAX, ""},
		{"keys over http",
			"{\"issuer\":\"https://i.test\",\"jwks_uri\":\"http://i.test/\"}",
			ERR_UPSTREAM, "jwks_uri"},
		{"keys are a number", "{\"issuer\":\"https://i.test\",\"jwks_uri\":7}",
			ERR_UPSTREAM, "jwks_uri"},
		{"keys are null", "{\"issuer\":\"https://i.test\",\"jwks_uri\":null}", ERR_UPSTREAM,
			"jwks_uri"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct courier_discovery d;
		struct err e = {.code = ERR_NONE};
		CHECK_ROW(rows[i].name);
		assert_int_equal(courier_discovery_parse(span_of(rows[i].text),
					 SPAN("https://i.test"), false, &d, &e),
			rows[i].code == ERR_NONE);
		assert_int_equal(e.code, rows[i].code);
		if (rows[i].what != NULL)
			assert_non_null(strstr(e.msg, rows[i].what));
	}
}

static void
endpoints(void **state)
{
	static const char text[] =
		"{\"issuer\":\"http://127.0.0.1:1\",\"jwks_uri\":\"http://127.0.0.1:1/k\","
		"\"introspection_endpoint\":\"https://i.test/i\",\"userinfo_endpoint\":\"http://"
		"i.test/u\",\"token_endpoint\":7,\"authorization_endpoint\":\"https://i.test/a\","
		"\"end_session_endpoint\":\"javascript:alert(1)\","
		"\"authorization_response_iss_parameter_supported\":true}";
	struct courier_discovery d;

	(void)state;
	assert_true(
		courier_discovery_parse(span_of(text), SPAN("http://127.0.0.1:1"), true, &d, NULL));
	assert_string_equal(d.url[COURIER_JWKS], "http://127.0.0.1:1/k");
	assert_string_equal(d.url[COURIER_INTROSPECTION], "https://i.test/i");
	assert_string_equal(d.url[COURIER_AUTHORIZATION], "https://i.test/a");
	CHECK_ROW("what may not be asked is as if it were not there");
	assert_string_equal(d.url[COURIER_USERINFO], "");
	assert_string_equal(d.url[COURIER_TOKEN], "");
	assert_string_equal(d.url[COURIER_END_SESSION], "");
	assert_true(d.iss_parameter);
	CHECK_ROW("without `insecure` its keys may not be asked for");
	assert_false(courier_discovery_parse(
		span_of(text), SPAN("http://127.0.0.1:1"), false, &d, NULL));
}

static void
places(void **state)
{
	static const struct {
		const char *issuer, *place, *elsewhere;
	} rows[] = {
		{"https://i.test", "https://i.test/.well-known/openid-configuration", NULL},
		{"https://i.test/", "https://i.test/.well-known/openid-configuration", NULL},
		{"https://i.test:1/a/b", "https://i.test:1/a/b/.well-known/openid-configuration",
			"https://i.test:1/.well-known/oauth-authorization-server/a/b"},
		{"https://i.test/a/", "https://i.test/a/.well-known/openid-configuration",
			"https://i.test/.well-known/oauth-authorization-server/a"},
		{"nonsense", "nonsense/.well-known/openid-configuration", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF b = BUF_INIT(4096);
		CHECK_ROW(rows[i].issuer);
		courier_discovery_place(span_of(rows[i].issuer), &b);
		check_span(buf_span(&b), rows[i].place);
		buf_reset(&b);
		assert_int_equal(courier_discovery_elsewhere(span_of(rows[i].issuer), &b),
			rows[i].elsewhere != NULL);
		if (rows[i].elsewhere != NULL)
			check_span(buf_span(&b), rows[i].elsewhere);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(documents),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(places),
	};
	return cmocka_run_group_tests_name("courier_discovery", tests, NULL, NULL);
}
