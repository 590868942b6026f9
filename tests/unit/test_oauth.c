/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/oauth.h"
#include "tests/unit/check.h"

#define ISS   "{\"issuer\":\"https://i.test\","
#define TOKEN "\"token_endpoint\":\"https://i.test/token\""

/* want: token|device|revocation|scopes; NULL: refused */
static const struct {
	const char *name, *issuer, *text, *want;
} rows_server[] = {
	{"least", "https://i.test", ISS TOKEN "}", "https://i.test/token|||"},
	{"all", "https://i.test",
		ISS TOKEN ",\"device_authorization_endpoint\":\"https://o.test/d?x=1\","
			  "\"revocation_endpoint\":\"https://i.test/r\",\"scopes_supported\":["
			  "\"a\",\"b c\",1,\"d\"]}",
		"https://i.test/token|https://o.test/d?x=1|https://i.test/r|a d"},
	{"another issuer", "https://i.test/", ISS TOKEN "}", NULL},
	{"issuer in another case", "https://I.test", ISS TOKEN "}", NULL},
	{"no issuer", "https://i.test", "{" TOKEN "}", NULL},
	{"no token endpoint", "https://i.test", ISS "\"x\":1}", NULL},
	{"endpoint by plain http", "https://i.test",
		ISS "\"token_endpoint\":\"http://i.test/token\"}", NULL},
	{"endpoint on our own machine, of an issuer elsewhere", "https://i.test",
		ISS "\"token_endpoint\":\"http://127.0.0.1/token\"}", NULL},
	{"endpoint that is a list", "https://i.test", ISS TOKEN ",\"revocation_endpoint\":[]}",
		NULL},
	{"loopback", "http://127.0.0.1:9",
		"{\"issuer\":\"http://127.0.0.1:9\",\"token_endpoint\":\"http://127.0.0.1:9/t\"}",
		"http://127.0.0.1:9/t|||"},
	{"no object", "https://i.test", "[]", NULL},
};

static void
servers(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 1U << 20));
	for (size_t i = 0; i < sizeof(rows_server) / sizeof(rows_server[0]); i++) {
		struct oauth_server s = {.token = SPAN_NONE};
		struct err e = {0};
		AUTO_BUF text = BUF_INIT(4096);
		CHECK_ROW(rows_server[i].name);
		bool ok = oauth_server_parse(
			span_of(rows_server[i].text), span_of(rows_server[i].issuer), &mem, &s, &e);
		assert_int_equal(ok, rows_server[i].want != NULL);
		if (!ok)
			continue;
		buf_addf(&text, "%.*s|%.*s|%.*s|%.*s", SPAN_ARG(s.token), SPAN_ARG(s.device),
			SPAN_ARG(s.revocation), SPAN_ARG(s.scopes_supported));
		check_span(buf_span(&text), rows_server[i].want);
	}
}

static void
discovery_urls(void **state)
{
	static const struct {
		const char *issuer;
		unsigned attempt;
		const char *want;
	} rows[] = {
		{"https://i.test", 0, "https://i.test/.well-known/openid-configuration"},
		{"https://i.test/", 0, "https://i.test/.well-known/openid-configuration"},
		{"https://i.test/r/u", 0, "https://i.test/r/u/.well-known/openid-configuration"},
		{"https://i.test/r/u/", 1,
			"https://i.test/.well-known/oauth-authorization-server/r/u"},
		{"https://i.test", 1, "https://i.test/.well-known/oauth-authorization-server"},
		{"https://i.test", 2, NULL},
		{"http://i.test", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF url = BUF_INIT(4096);
		CHECK_ROW(rows[i].issuer);
		bool ok = oauth_discovery_url(span_of(rows[i].issuer), rows[i].attempt, &url);
		assert_int_equal(ok, rows[i].want != NULL);
		if (ok)
			check_span(buf_span(&url), rows[i].want);
	}
}

#define CODE                                                                                       \
	"{\"device_code\":\"dc\",\"user_code\":\"AB-12\",\"verification_uri\":\"https://i.test/"   \
	"d\","

/* want: user_code|uri|complete|expires|interval */
static const struct {
	const char *name, *text, *want;
} rows_code[] = {
	{"least", CODE "\"expires_in\":600}", "AB-12|https://i.test/d||600|5"},
	{"all",
		CODE "\"expires_in\":600,\"interval\":7,\"verification_uri_complete\":"
		     "\"https://i.test/d?u=AB-12\"}",
		"AB-12|https://i.test/d|https://i.test/d?u=AB-12|600|7"},
	{"longer than anybody waits", CODE "\"expires_in\":86400,\"interval\":3600}",
		"AB-12|https://i.test/d||1800|60"},
	{"interval 0 is one second", CODE "\"expires_in\":600,\"interval\":0}",
		"AB-12|https://i.test/d||600|1"},
	{"code with a blank",
		"{\"device_code\":\"d\",\"user_code\":\"AB 12\",\"verification_uri\":"
		"\"https://i.test/d\",\"expires_in\":9}",
		"AB 12|https://i.test/d||9|5"},
	{"no expires_in", CODE "\"interval\":5}", NULL},
	{"expires_in as text", CODE "\"expires_in\":\"600\"}", NULL},
	{"negative expires_in", CODE "\"expires_in\":-1}", NULL},
	{"interval as text", CODE "\"expires_in\":600,\"interval\":\"5\"}", NULL},
	{"no device_code",
		"{\"user_code\":\"A\",\"verification_uri\":\"https://i.test\",\"expires_in\":9}",
		NULL},
	{"device_code with a line end",
		"{\"device_code\":\"a\\nb\",\"user_code\":\"A\",\"verification_uri\":"
		"\"https://i.test\",\"expires_in\":9}",
		NULL},
	{"escape sequence in the code",
		"{\"device_code\":\"d\",\"user_code\":\"A\\u001b[31m\",\"verification_uri\":"
		"\"https://i.test\",\"expires_in\":9}",
		NULL},
	{"escape sequence in the URL",
		"{\"device_code\":\"d\",\"user_code\":\"A\",\"verification_uri\":\"https://"
		"i.test/\\u001b\",\"expires_in\":9}",
		NULL},
	{"a page by plain http",
		"{\"device_code\":\"d\",\"user_code\":\"A\",\"verification_uri\":\"http://"
		"i.test/\",\"expires_in\":9}",
		NULL},
	{"a page that is a script",
		CODE "\"expires_in\":9,\"verification_uri_complete\":\"javascript:x\"}", NULL},
};

static void
codes(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 1U << 20));
	for (size_t i = 0; i < sizeof(rows_code) / sizeof(rows_code[0]); i++) {
		struct oauth_code c = {.expires_in = 0};
		struct err e = {0};
		AUTO_BUF text = BUF_INIT(4096);
		CHECK_ROW(rows_code[i].name);
		bool ok = oauth_code_parse(span_of(rows_code[i].text), &mem, &c, &e);
		assert_int_equal(ok, rows_code[i].want != NULL);
		if (!ok)
			continue;
		buf_addf(&text, "%.*s|%.*s|%.*s|%u|%u", SPAN_ARG(c.user_code), SPAN_ARG(c.uri),
			SPAN_ARG(c.complete), c.expires_in, c.interval);
		check_span(buf_span(&text), rows_code[i].want);
	}
}

/* want: access|refresh|lifetime|scope; NULL: refused with this clause */
static const struct {
	const char *name, *text, *want, *ref;
} rows_tokens[] = {
	{"least", "{\"access_token\":\"a.b.c\",\"token_type\":\"Bearer\"}", "a.b.c||0|", NULL},
	{"all",
		"{\"access_token\":\"at\",\"token_type\":\"bearer\",\"expires_in\":3600,"
		"\"refresh_token\":\"r!t\",\"scope\":\"openid x:/\",\"id_token\":\"x\"}",
		"at|r!t|3600|openid x:/", NULL},
	{"empty scope", "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"scope\":\"\"}",
		"at||0|", NULL},
	{"another type", "{\"access_token\":\"at\",\"token_type\":\"DPoP\"}", NULL, "RFC 6749 7.1"},
	{"no type", "{\"access_token\":\"at\"}", NULL, "RFC 6749 7.1"},
	{"no token", "{\"token_type\":\"Bearer\"}", NULL, "RFC 6750 2.1"},
	{"no b64token", "{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", NULL,
		"RFC 6750 2.1"},
	{"line end in the token", "{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}",
		NULL, "RFC 6750 2.1"},
	{"lifetime as text",
		"{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":\"60\"}", NULL,
		"RFC 6749 5.1"},
	{"lifetime 0", "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":0}", NULL,
		"RFC 6749 5.1"},
	{"refresh token with a blank",
		"{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"refresh_token\":\"a b\"}",
		NULL, "RFC 6749 5.1"},
	{"scope as a list", "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"scope\":[\"a\"]}",
		NULL, "RFC 6749 5.1"},
};

static void
tokens(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 1U << 20));
	for (size_t i = 0; i < sizeof(rows_tokens) / sizeof(rows_tokens[0]); i++) {
		struct oauth_tokens t = {.lifetime = 0};
		struct err e = {0};
		AUTO_BUF text = BUF_INIT(4096);
		CHECK_ROW(rows_tokens[i].name);
		bool ok = oauth_tokens_parse(span_of(rows_tokens[i].text), &mem, &t, &e);
		assert_int_equal(ok, rows_tokens[i].want != NULL);
		if (!ok) {
			assert_string_equal(e.ref, rows_tokens[i].ref);
			continue;
		}
		buf_addf(&text, "%.*s|%.*s|%lld|%.*s", SPAN_ARG(secret_open(&t.access)),
			SPAN_ARG(secret_open(&t.refresh)), (long long)t.lifetime,
			SPAN_ARG(t.scope));
		oauth_tokens_fini(&t);
		check_span(buf_span(&text), rows_tokens[i].want);
	}
}

/* want: code|description */
static const struct {
	const char *name, *text, *want;
} rows_error[] = {
	{"code", "{\"error\":\"slow_down\"}", "slow_down|"},
	{"with words", "{\"error\":\"x\",\"error_description\":\"not now\"}", "x|not now"},
	{"words with a line end", "{\"error\":\"x\",\"error_description\":\"a\\nb\"}", "x|"},
	{"words with an escape sequence", "{\"error\":\"x\",\"error_description\":\"\\u001b[2J\"}",
		"x|"},
	{"code with an escape sequence", "{\"error\":\"\\u001bx\"}", "|"},
	{"code of another kind", "{\"error\":{}}", "|"},
	{"no JSON", "<html>", "|"},
	{"nothing", "", "|"},
};

static void
errors(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t i = 0; i < sizeof(rows_error) / sizeof(rows_error[0]); i++) {
		struct oauth_error why;
		AUTO_BUF text = BUF_INIT(4096);
		CHECK_ROW(rows_error[i].name);
		oauth_error_parse(span_of(rows_error[i].text), &mem, &why);
		buf_addf(&text, "%.*s|%.*s", SPAN_ARG(why.code), SPAN_ARG(why.description));
		check_span(buf_span(&text), rows_error[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers),
		cmocka_unit_test(discovery_urls),
		cmocka_unit_test(codes),
		cmocka_unit_test(tokens),
		cmocka_unit_test(errors),
	};
	return cmocka_run_group_tests_name("oauth", tests, NULL, NULL);
}
