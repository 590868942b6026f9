/* SPDX-License-Identifier: Apache-2.0 */
/* Which tokens are accepted, and what is said of the others. */
#include "auth/auth_explain.h"
#include "tests/unit/auth_world.h"
#include "tests/unit/bearer.h"

struct row {
	const char *name;
	enum signer by;
	const char *header, *payload;
	int status;           /* 0: accepted */
	const char *contains; /* of the description: the claim and the clause */
};

/* Each row is one fact of sections 3.2, 3.3, 4 and 6. */
static const struct row rows[] = {
	{"RS256", RS, HEADER, GOOD, 0, NULL},
	{"ES256", ES, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"es-1\"}", GOOD, 0, NULL},
	{"typ JWT", RS, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rs-1\"}", GOOD, 0, NULL},
	{"typ in full", RS, "{\"alg\":\"RS256\",\"typ\":\"Application/AT+JWT\",\"kid\":\"rs-1\"}",
		GOOD, 0, NULL},
	{"no typ", RS, "{\"alg\":\"RS256\",\"kid\":\"rs-1\"}", GOOD, 0, NULL},
	{"no kid", ES, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", GOOD, 0, NULL},
	{"unknown members", RS, H("\"x-foo\":1,\"jku\":\"https://evil.test\""),
		"{\"foo\":{\"a\":[1,null]}," ISS SUB AUD EXP REST, 0, NULL},
	{"exp as a fraction", RS, HEADER, "{" ISS SUB AUD "\"exp\":1800000000.5," REST, 0, NULL},
	{"nbf within the leeway", RS, HEADER, "{\"nbf\":1800000030," ISS SUB AUD EXP REST, 0, NULL},
	{"aud in an array", RS, HEADER,
		"{" ISS SUB "\"aud\":[\"x\",\"https://data.test\"]," EXP REST, 0, NULL},

	{"alg none", RS, "{\"alg\":\"none\",\"kid\":\"rs-1\"}", GOOD, 401, "alg: "},
	{"alg HS256 by oct-1", RS, "{\"alg\":\"HS256\",\"kid\":\"oct-1\"}", GOOD, 401,
		"(RFC 8725 3.1)"},
	{"alg missing", RS, "{\"kid\":\"rs-1\"}", GOOD, 401, "alg: is missing"},
	{"alg null", RS, "{\"alg\":null,\"kid\":\"rs-1\"}", GOOD, 401, "alg: is null"},
	{"alg array", RS, "{\"alg\":[\"RS256\"],\"kid\":\"rs-1\"}", GOOD, 401, "(RFC 7515 4.1.1)"},
	{"alg not enabled", RS, "{\"alg\":\"PS256\",\"kid\":\"rs-1\"}", GOOD, 401,
		"alg: PS256 is not one"},
	{"alg twice", RS, "{\"alg\":\"none\",\"kid\":\"rs-1\",\"alg\":\"RS256\"}", GOOD, 401,
		"header: JSON: a member is given twice"},
	{"ES256 under the kid of an RSA key", ES, "{\"alg\":\"ES256\",\"kid\":\"rs-1\"}", GOOD, 401,
		"alg: ES256 does not fit key rs-1"},
	{"RS256 under the kid of an EC key", RS, "{\"alg\":\"RS256\",\"kid\":\"es-1\"}", GOOD, 401,
		"alg: RS256 does not fit key es-1"},
	{"crit", RS, H("\"crit\":[\"x\"]"), GOOD, 401, "crit: "},
	{"crit empty", RS, H("\"crit\":[]"), GOOD, 401, "(RFC 7515 4.1.11)"},
	{"crit null", RS, H("\"crit\":null"), GOOD, 401, "(RFC 7515 4.1.11)"},
	{"b64", RS, H("\"b64\":false"), GOOD, 401, "(RFC 7797 3)"},
	{"zip", RS, H("\"zip\":\"DEF\""), GOOD, 401, "zip: "},
	{"cty", RS, H("\"cty\":\"JWT\""), GOOD, 401, "cty: "},
	{"enc", RS, H("\"enc\":\"A128GCM\""), GOOD, 401, "enc: "},
	{"typ logout+jwt", RS, "{\"alg\":\"RS256\",\"typ\":\"logout+jwt\",\"kid\":\"rs-1\"}", GOOD,
		401, "(RFC 8725 3.11)"},
	{"typ number", RS, "{\"alg\":\"RS256\",\"typ\":1,\"kid\":\"rs-1\"}", GOOD, 401,
		"typ: is an integer"},
	{"kid number", RS, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":1}", GOOD, 401,
		"kid: is an integer"},
	{"kid with NUL", RS, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rs-1\\u0000x\"}", GOOD,
		401, "header: JSON: a NUL"},
	{"kid with a tab", RS, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rs-1\\t\"}", GOOD, 401,
		"kid: holds a control"},
	{"kid unknown", RS, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"nope\"}", GOOD, 401,
		"kid: key nope is not published by https://a.test (RFC 7515 4.1.4)"},
	{"kid with quotes", EVIL, "{\"alg\":\"RS256\",\"kid\":\"x' OR \\\"1\\\"='1\"}", GOOD, 401,
		"kid: key x' OR ?1?='1"},
	{"attacker's key under our kid", EVIL, HEADER, GOOD, 401, "signature: "},
	{"attacker's key without kid", EVIL, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", GOOD, 401,
		"(RFC 7515 5.2)"},
	{"header is an array", RS, "[\"RS256\"]", GOOD, 401, "header: JSON: an object"},
	{"header is text", RS, "alg=RS256", GOOD, 401, "header: JSON: "},

	{"exp past", RS, HEADER, "{" ISS SUB AUD "\"exp\":1799996400," REST, 401,
		"exp: expired 3600 s ago; get a new token (RFC 9068 4)"},
	{"exp now", RS, HEADER, "{" ISS SUB AUD "\"exp\":1800000000," REST, 401, "exp: expired 0"},
	{"exp missing", RS, HEADER, "{" ISS SUB AUD REST, 401, "exp: absent"},
	{"exp in a string", RS, HEADER, "{" ISS SUB AUD "\"exp\":\"9999999999\"," REST, 401,
		"exp: is a string"},
	{"exp null", RS, HEADER, "{" ISS SUB AUD "\"exp\":null," REST, 401, "exp: is null"},
	{"exp true", RS, HEADER, "{" ISS SUB AUD "\"exp\":true," REST, 401, "exp: is a boolean"},
	{"exp array", RS, HEADER, "{" ISS SUB AUD "\"exp\":[1900000000]," REST, 401,
		"exp: is an array"},
	{"exp 0", RS, HEADER, "{" ISS SUB AUD "\"exp\":0," REST, 401, "(RFC 7519 4.1.4)"},
	{"exp negative", RS, HEADER, "{" ISS SUB AUD "\"exp\":-1," REST, 401, "(RFC 7519 4.1.4)"},
	{"exp 2^53", RS, HEADER, "{" ISS SUB AUD "\"exp\":9007199254740992," REST, 401,
		"exp: not a time"},
	{"exp 1e300", RS, HEADER, "{" ISS SUB AUD "\"exp\":1e300," REST, 401, "exp: not a time"},
	{"exp 1e999", RS, HEADER, "{" ISS SUB AUD "\"exp\":1e999," REST, 401, "payload: JSON"},
	{"exp twice", RS, HEADER, "{\"exp\":1," ISS SUB AUD EXP REST, 401, "twice"},
	{"nbf beyond the leeway", RS, HEADER, "{\"nbf\":1800000031," ISS SUB AUD EXP REST, 401,
		"(RFC 7519 4.1.5)"},
	{"nbf in a string", RS, HEADER, "{\"nbf\":\"0\"," ISS SUB AUD EXP REST, 401,
		"nbf: is a string"},
	{"iat in the future", RS, HEADER,
		"{" ISS SUB AUD EXP "\"iat\":1800000031,\"scope\":\"storage.read:/\"}", 401,
		"(RFC 7519 4.1.6)"},
	{"iss missing", RS, HEADER, "{" SUB AUD EXP REST, 401, "iss: is missing"},
	{"iss array", RS, HEADER, "{\"iss\":[\"https://a.test\"]," SUB AUD EXP REST, 401,
		"iss: is an array"},
	{"iss with a slash", RS, HEADER, "{\"iss\":\"https://a.test/\"," SUB AUD EXP REST, 401,
		"iss: https://a.test/ is not trusted"},
	{"iss in capitals", RS, HEADER, "{\"iss\":\"https://A.test\"," SUB AUD EXP REST, 401,
		"(RFC 9068 4)"},
	{"iss with NUL", RS, HEADER, "{\"iss\":\"https://a.test\\u0000\"," SUB AUD EXP REST, 401,
		"payload: JSON: a NUL"},
	{"iss of another issuer", RS, HEADER, "{\"iss\":\"https://b.test\"," SUB AUD EXP REST, 401,
		"typ: at+jwt"},
	{"aud of somebody else", RS, HEADER, "{" ISS SUB "\"aud\":\"https://evil.test/\"," EXP REST,
		401,
		"aud: https://evil.test/; expected https://data.test/ (setting audience) (RFC 9068 "
		"4)"},
	{"aud missing", RS, HEADER, "{" ISS SUB EXP REST, 401, "aud: absent"},
	{"aud empty", RS, HEADER, "{" ISS SUB "\"aud\":\"\"," EXP REST, 401, "aud: an empty text"},
	{"aud empty array", RS, HEADER, "{" ISS SUB "\"aud\":[]," EXP REST, 401, "aud: "},
	{"aud prefix", RS, HEADER, "{" ISS SUB "\"aud\":\"https://data.test/x\"," EXP REST, 401,
		"aud: "},
	{"aud in capitals", RS, HEADER, "{" ISS SUB "\"aud\":\"HTTPS://DATA.TEST/\"," EXP REST, 401,
		"aud: "},
	{"aud object", RS, HEADER, "{" ISS SUB "\"aud\":{\"https://data.test/\":1}," EXP REST, 401,
		"aud: nothing readable"},
	{"aud nested", RS, HEADER, "{" ISS SUB "\"aud\":[[\"https://data.test/\"]]," EXP REST, 401,
		"aud: "},
	{"aud array with a number", RS, HEADER,
		"{" ISS SUB "\"aud\":[\"https://data.test/\",1]," EXP REST, 401, "aud: "},
	{"aud null", RS, HEADER, "{" ISS SUB "\"aud\":null," EXP REST, 401, "aud: "},
	{"ID token", RS, HEADER, "{\"nonce\":\"n\"," ISS SUB "\"aud\":\"cli\"," EXP REST, 401,
		"ID token"},
	{"sub missing", RS, HEADER, "{" ISS AUD EXP REST, 401, "sub: is missing"},
	{"sub empty", RS, HEADER, "{\"sub\":\"\"," ISS AUD EXP REST, 401, "sub: expected 1"},
	{"sub with NUL", RS, HEADER, "{\"sub\":\"alice\\u0000bob\"," ISS AUD EXP REST, 401,
		"payload: JSON: a NUL"},
	{"sub with a line end", RS, HEADER, "{\"sub\":\"alice\\nbob\"," ISS AUD EXP REST, 401,
		"sub: holds a control character (RFC 7519 4.1.2)"},
	{"NUL in an unknown claim", RS, HEADER, "{\"x\":\"\\u0000\"," ISS SUB AUD EXP REST, 401,
		"payload: JSON: a NUL"},
	{"sub number", RS, HEADER, "{\"sub\":1," ISS AUD EXP REST, 401, "sub: is an integer"},
	{"cnf", RS, HEADER, "{\"cnf\":{\"jkt\":\"x\"}," ISS SUB AUD EXP REST, 401,
		"(RFC 9449 6.1)"},
	{"cnf of a DPoP key", RS, HEADER,
		"{\"cnf\":{\"jkt\":\"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"}," ISS SUB AUD
			EXP REST,
		401, "cnf: "},
	{"cnf of a certificate", RS, HEADER,
		"{\"cnf\":{\"x5t#S256\":\"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I\"}," ISS SUB
			AUD EXP REST,
		401, "cnf: "},
	{"cnf null", RS, HEADER, "{\"cnf\":null," ISS SUB AUD EXP REST, 401, "cnf: "},
	{"scope array", RS, HEADER,
		"{\"scope\":[\"storage.read:/\"]," ISS SUB AUD "\"exp\":1800000600}", 401,
		"(RFC 9068 2.2.3)"},
	{"scope without path", RS, HEADER,
		"{\"scope\":\"storage.read\"," ISS SUB AUD "\"exp\":1800000600}", 401,
		"(WLCG profile 1.3, 2.2.1)"},
	{"payload is text", RS, HEADER, "\"alice\"", 401, "payload: JSON: an object"},
	{"payload null", RS, HEADER, "null", 401, "payload: JSON: "},
	{"payload twice", RS, HEADER, GOOD "{\"x\":1}", 401, "payload: JSON: something follows"},
	{"payload with a byte order mark", RS, HEADER, "\xef\xbb\xbf" GOOD, 401, "byte order"},
	{"payload not UTF-8", RS, HEADER, "{\"n\":\"\xff\"," ISS SUB AUD EXP REST, 401, "UTF-8"},

	{"issuer without keys", RS, HEADER, "{\"iss\":\"https://dead.test\"," SUB AUD EXP REST, 503,
		"keys are not available"},

	{"no aud, azp on the list", B, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
		"{\"iss\":\"https://b.test\",\"azp\":\"oidc-agent\"," SUB EXP REST, 0, NULL},
	{"no aud, azp not on the list", B, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
		"{\"iss\":\"https://b.test\",\"azp\":\"other\"," SUB EXP REST, 401, "azp: other"},
	{"no aud, no azp", B, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
		"{\"iss\":\"https://b.test\"," SUB EXP REST, 401, "azp: absent"},
	{"azp on the list, foreign aud", B, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
		"{\"iss\":\"https://b.test\",\"azp\":\"oidc-agent\",\"aud\":\"https://evil.test/"
		"\"," SUB EXP REST,
		401, "aud: https://evil.test/"},
	{"key of A for issuer B", ES, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
		"{\"iss\":\"https://b.test\",\"azp\":\"oidc-agent\"," SUB EXP REST, 401,
		"signature: "},
};

static void
check_refusal(const struct auth_refusal *why, const struct row *r)
{
	assert_int_equal(why->status, r->status);
	if (strstr(why->description, r->contains) == NULL)
		fail_msg("got \"%s\", want \"%s\"", why->description, r->contains);
	assert_int_equal(why->retry_after > 0, r->status == 503);
	if (r->status == 401)
		assert_string_equal(why->error, "invalid_token");
	for (const char *c = why->description; *c != '\0'; c++)
		assert_true(*c >= 0x20 && *c < 0x7f && *c != '"' && *c != '\\');
}

/* The explanation comes to the same verdict, by the same words, and shows nothing of the text. */
static void
check_explained(struct world *w, struct span token, int status, const char *description)
{
	static struct auth_explain x;
	const struct span jwks[] = {buf_span(&w->set[0]), buf_span(&w->set[1]), SPAN_NONE};
	const struct auth_explain_case c = {
		.issuers = auth_issuers(w->auth[0]), .jwks = jwks, .now = NOW};
	struct span parts = token;
	AUTO_ARENA mem = {0};
	AUTO_BUF out = BUF_INIT(262144);

	assert_true(arena_init(&mem, 1U << 20));
	assert_true(auth_explain(&c, token, &mem, &x, NULL));
	auth_explain_text(&x, &out);
	auth_explain_json(&x, &out);
	buf_addc(&out, '\0');
	if (x.status != status)
		fail_msg("explained as %d, not %d: %s", x.status, status, out.p);
	for (size_t i = 0; i < 3 && parts.p != NULL; i++) {
		struct span part = span_cut(&parts, '.');
		assert_true(part.n < 12 || memmem(out.p, out.n, part.p, part.n) == NULL);
	}
	if (status == 200) {
		assert_int_equal(x.decisive, x.n);
		return;
	}
	/* What the client is told is cut and in ASCII: its beginning must be the step's. */
	struct span why = x.step[x.decisive].why;
	assert_int_equal(x.step[x.decisive].result, AUTH_EXPLAIN_FAILED);
	for (size_t i = 0; i < 40 && i < why.n; i++)
		assert_true(description[i] == why.p[i] || description[i] == '?');
}

static void
tokens(void **state)
{
	struct world *w = *state;
	AUTO_ARENA mem = {0};

	assert_true(arena_init(&mem, 256U * 1024U));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		AUTO_BUF field = BUF_INIT(16384);
		CHECK_ROW(r->name);
		buf_adds(&field, "Bearer ");
		mint_token(&w->key[r->by], span_of(r->header), span_of(r->payload), &field);
		/* Each backend twice: the second time an accepted token comes from the cache. */
		for (int k = 0; k < 4; k++) {
			struct subject s;
			struct auth_refusal why = {0};
			arena_reset(&mem);
			bool ok = bearer(w->auth[k / 2], buf_span(&field), NOW, &mem, &s, &why);
			if (ok != (r->status == 0))
				fail_msg("accepted: %d (%s)", ok, why.description);
			check_explained(w, span_skip(buf_span(&field), 7), ok ? 200 : why.status,
				why.description);
			if (!ok) {
				check_refusal(&why, r);
				continue;
			}
			assert_true(s.authenticated);
			check_span(s.sub, "alice");
		}
	}
}

/* What is not a well-formed token at all: by its text. */
static void
texts(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *name, *before, *after;
		size_t cut;
		int status; /* 1: anonymous */
		const char *error, *contains;
	} cases[] = {
		{"good", "Bearer ", "", 0, 0, NULL, NULL},
		{"scheme in capitals", "BEARER ", "", 0, 0, NULL, NULL},
		{"two blanks", "Bearer  ", "", 0, 0, NULL, NULL},
		{"other scheme", "Basic ", "", 0, 1, NULL, NULL},
		{"padding behind", "Bearer ", "==", 0, 401, "invalid_token",
			"signature: not base64url"},
		{"fourth part", "Bearer ", ".x", 0, 401, "invalid_token", "(RFC 7515 7.1)"},
		{"five parts", "Bearer ", ".x.y", 0, 401, "invalid_token", "JWE"},
		{"star", "Bearer ", "*", 0, 401, "invalid_token", "(RFC 6750 2.1)"},
		{"last byte cut", "Bearer ", "", 2, 401, "invalid_token", "signature: "},
		{"control byte", "Bearer ", "\x01", 0, 400, "invalid_request", "control byte"},
		{"second word", "Bearer ", " x", 0, 400, "invalid_request", "one word"},
		{"list", "Bearer ", ", Bearer x", 0, 400, "invalid_request", "(RFC 6750 2.1)"},
	};
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_ARENA mem = {0};

	assert_true(arena_init(&mem, 256U * 1024U));
	mint_token(&w->key[RS], SPAN(HEADER), SPAN(GOOD), &token);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO_BUF field = BUF_INIT(16384);
		struct subject s;
		struct auth_refusal why = {0};
		CHECK_ROW(cases[i].name);
		buf_adds(&field, cases[i].before);
		buf_add(&field, span_first(buf_span(&token), token.n - cases[i].cut));
		buf_adds(&field, cases[i].after);
		bool ok = bearer(w->auth[0], buf_span(&field), NOW, &mem, &s, &why);
		assert_int_equal(ok, cases[i].status <= 1);
		if (cases[i].status != 1)
			check_explained(w, span_skip(buf_span(&field), 7), ok ? 200 : why.status,
				why.description);
		if (ok) {
			assert_int_equal(s.authenticated, cases[i].status == 0);
			continue;
		}
		assert_int_equal(why.status, cases[i].status);
		assert_string_equal(why.error, cases[i].error);
		assert_non_null(strstr(why.description, cases[i].contains));
		assert_null(strstr(why.description, "eyJ"));
	}
	struct subject s;
	struct auth_refusal why;
	assert_true(bearer(w->auth[0], SPAN_NONE, NOW, &mem, &s, &why));
	assert_false(s.authenticated);
	assert_false(bearer(w->auth[0], SPAN("Bearer garbage"), NOW, &mem, &s, &why));
	assert_non_null(strstr(why.description, "opaque"));
	assert_false(bearer(w->auth[0], SPAN("Bearer "), NOW, &mem, &s, &why));
	assert_int_equal(why.status, 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens),
		cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests_name("auth_tokens", tests, setup, teardown);
}
