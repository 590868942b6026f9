/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/base64.h"
#include "agent/base/buf.h"
#include "auth/jws.h"
#include "tests/unit/check.h"

/* 64 bytes, as an ES256 signature has; its last character has four unused bits. */
#define SIG "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
part(struct buf *out, struct span s)
{
	base64_url_encode(out, s.p, s.n);
	buf_addc(out, '.');
}

#define LIT(s)                                                                                     \
	{                                                                                          \
		"" s, sizeof(s) - 1                                                                \
	}

/* JWS-3 to JWS-8, on the decoded bytes. */
static const struct {
	const char *name;
	struct span header, payload;
	const char *ref; /* NULL: accepted */
} rows_content[] = {
	{"least", LIT("{\"alg\":\"ES256\"}"), LIT("{}"), NULL},
	{"ignored members", LIT("{\"alg\":\"ES256\",\"jku\":1,\"x5u\":1,\"jwk\":{},\"x5c\":[]}"),
		LIT("{}"), NULL},
	{"blanks", LIT(" {\"alg\" : \"ES256\"}\n"), LIT("\t{}\r\n"), NULL},
	{"alg missing", LIT("{}"), LIT("{}"), "RFC 7515 4.1.1"},
	{"alg number", LIT("{\"alg\":256}"), LIT("{}"), "RFC 7515 4.1.1"},
	{"alg none", LIT("{\"alg\":\"none\"}"), LIT("{}"), "RFC 8725 3.1"},
	{"alg None", LIT("{\"alg\":\"None\"}"), LIT("{}"), "RFC 8725 3.1"},
	{"alg empty", LIT("{\"alg\":\"\"}"), LIT("{}"), "RFC 8725 3.1"},
	{"alg lower case", LIT("{\"alg\":\"es256\"}"), LIT("{}"), "RFC 8725 3.1"},
	{"alg HS256", LIT("{\"alg\":\"HS256\"}"), LIT("{}"), "RFC 8725 3.1"},
	{"alg EdDSA", LIT("{\"alg\":\"EdDSA\"}"), LIT("{}"), "RFC 8725 3.1"},
	{"alg RS512", LIT("{\"alg\":\"RS512\"}"), LIT("{}"), "RFC 8725 3.1"},
	{"alg with a blank", LIT("{\"alg\":\"ES256 \"}"), LIT("{}"), "RFC 8725 3.1"},
	{"alg with NUL", LIT("{\"alg\":\"ES256\\u0000\"}"), LIT("{}"), "RFC 8259"},
	{"size of another alg", LIT("{\"alg\":\"RS256\"}"), LIT("{}"), "RFC 7518 3"},
	{"size of P-384", LIT("{\"alg\":\"ES384\"}"), LIT("{}"), "RFC 7518 3"},
	{"crit", LIT("{\"alg\":\"ES256\",\"crit\":[]}"), LIT("{}"), "RFC 7515 4.1.11"},
	{"crit escaped", LIT("{\"alg\":\"ES256\",\"cr\\u0069t\":[]}"), LIT("{}"),
		"RFC 7515 4.1.11"},
	{"b64", LIT("{\"alg\":\"ES256\",\"b64\":true}"), LIT("{}"), "RFC 7797 3"},
	{"zip", LIT("{\"alg\":\"ES256\",\"zip\":null}"), LIT("{}"), "RFC 7516 4.1.3"},
	{"kid null", LIT("{\"alg\":\"ES256\",\"kid\":null}"), LIT("{}"), "RFC 7515 4.1"},
	{"typ list", LIT("{\"alg\":\"ES256\",\"typ\":[\"JWT\"]}"), LIT("{}"), "RFC 7515 4.1"},
	{"payload list", LIT("{\"alg\":\"ES256\"}"), LIT("[]"), "RFC 8259"},
	{"payload cut", LIT("{\"alg\":\"ES256\"}"), LIT("{\"iss\":"), "RFC 8259"},
	{"NUL behind the payload", LIT("{\"alg\":\"ES256\"}"), LIT("{}\0"), "RFC 8259"},
	{"payload not UTF-8", LIT("{\"alg\":\"ES256\"}"), LIT("{\"a\":\"\xe9\"}"), "RFC 8259 8.1"},
	{"header not UTF-8", LIT("{\"alg\":\"ES256\",\"x\":\"\xe9\"}"), LIT("{}"), "RFC 8259 8.1"},
};

static void
content(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t i = 0; i < sizeof(rows_content) / sizeof(rows_content[0]); i++) {
		AUTO_BUF token = BUF_INIT(4096);
		AUTO_JWS j = {.token = SPAN_NONE};
		struct err e = {0};
		CHECK_ROW(rows_content[i].name);
		part(&token, rows_content[i].header);
		part(&token, rows_content[i].payload);
		buf_adds(&token, SIG);
		assert_int_equal(
			jws_parse(buf_span(&token), &mem, &j, &e), rows_content[i].ref == NULL);
		if (rows_content[i].ref != NULL) {
			assert_int_equal(e.code, ERR_UNAUTH);
			assert_string_equal(e.ref, rows_content[i].ref);
			continue;
		}
		assert_true(span_eq(j.header_text, rows_content[i].header));
		assert_true(span_eq(j.payload_text, rows_content[i].payload));
		assert_int_equal(j.n_sig, 64);
		assert_int_equal(j.input.n, token.n - sizeof(SIG));
	}
}

#define H "eyJhbGciOiJFUzI1NiJ9" /* {"alg":"ES256"} */

/* JWS-1 and JWS-2, on the text. */
static void
text(void **state)
{
	static const struct {
		const char *name, *in, *ref;
	} rows[] = {
		{"good", H ".e30." SIG, NULL},
		{"a byte too many", H ".e30.A" SIG, "RFC 7518 3"},
		{"one part", H, "RFC 7515 7.1"},
		{"two parts", H ".e30", "RFC 7515 7.1"},
		{"no header", ".e30." SIG, "RFC 7515 7.1"},
		{"no payload", H ".." SIG, "RFC 7515 7.1"},
		{"no signature", H ".e30.", "RFC 7515 7.1"},
		{"four parts", H ".e30." SIG ".x", "RFC 7515 7.1"},
		{"dot behind", H ".e30." SIG ".", "RFC 7515 7.1"},
		{"five parts", H ".e30." SIG ".x.y", "RFC 7515 7.1"},
		{"six parts", H ".e30." SIG ".x.y.z", "RFC 7515 7.1"},
		{"padding", H ".e30=." SIG, "RFC 7515 2"},
		{"unused bits of the payload", H ".e31." SIG, "RFC 7515 2"},
		{"standard alphabet", H ".e30." SIG "+/", "RFC 7515 2"},
		{"blank", H ". e30." SIG, "RFC 7515 2"},
		{"JSON serialisation", "{\"payload\":\"e30\"}", "RFC 7515 7.1"},
		{"nothing", "", "RFC 7515 7.1"},
	};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_JWS j = {.token = SPAN_NONE};
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		assert_int_equal(jws_parse(span_of(rows[i].in), &mem, &j, &e), rows[i].ref == NULL);
		if (rows[i].ref != NULL)
			assert_string_equal(e.ref, rows[i].ref);
	}
	/* The unused bits of a last character, each of them. */
	for (const char *c = "BCDEFGHIJKLMNOP"; *c != '\0'; c++) {
		AUTO_BUF token = BUF_INIT(4096);
		AUTO_JWS j = {.token = SPAN_NONE};
		buf_adds(&token, H ".e30." SIG);
		token.p[token.n - 1] = *c;
		assert_false(jws_parse(buf_span(&token), &mem, &j, NULL));
	}
}

static void
limits(void **state)
{
	AUTO_ARENA mem = {0};
	AUTO_ARENA small = {0};
	struct err e = {0};

	(void)state;
	assert_true(arena_init(&mem, 262144));
	for (unsigned n = JWS_MEMBERS_MAX; n <= JWS_MEMBERS_MAX + 1; n++) {
		AUTO_BUF payload = BUF_INIT(16384);
		AUTO_BUF token = BUF_INIT(32768);
		AUTO_JWS j = {.token = SPAN_NONE};
		for (unsigned i = 0; i < n; i++)
			buf_addf(&payload, "%c\"%u\":1", i == 0 ? '{' : ',', i);
		buf_addc(&payload, '}');
		part(&token, SPAN("{\"alg\":\"ES256\"}"));
		part(&token, buf_span(&payload));
		buf_adds(&token, SIG);
		assert_int_equal(jws_parse(buf_span(&token), &mem, &j, &e), n == JWS_MEMBERS_MAX);
	}
	assert_int_equal(e.code, ERR_UNAUTH);
	AUTO_JWS j = {.token = SPAN_NONE};
	assert_true(arena_init(&small, 128));
	assert_false(jws_parse(SPAN(H ".e30." SIG), &small, &j, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	for (unsigned n = JWS_KID_MAX; n <= JWS_KID_MAX + 1; n++) {
		AUTO_BUF header = BUF_INIT(4096);
		AUTO_BUF token = BUF_INIT(4096);
		AUTO_JWS k = {.token = SPAN_NONE};
		buf_adds(&header, "{\"alg\":\"ES256\",\"kid\":\"");
		for (unsigned i = 0; i < n; i++)
			buf_addc(&header, 'k');
		buf_adds(&header, "\"}");
		part(&token, buf_span(&header));
		buf_adds(&token, "e30." SIG);
		assert_int_equal(jws_parse(buf_span(&token), &mem, &k, &e), n == JWS_KID_MAX);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content),
		cmocka_unit_test(text),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("jws", tests, NULL, NULL);
}
