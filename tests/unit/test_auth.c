/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth.h"
#include "tests/unit/mint.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOW 1800000000

#define ISS "\"iss\":\"https://a.test\","
#define SUB "\"sub\":\"alice\","
#define AUD "\"aud\":\"https://data.test/\","
#define EXP "\"exp\":1800000600,"
#define REST                                                                                       \
	"\"iat\":1799999990,\"jti\":\"j1\",\"client_id\":\"cli\",\"scope\":\"openid "              \
	"storage.read:/\"}"
#define GOOD   "{" ISS SUB AUD EXP REST
#define HEADER "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"rs-1\"}"
#define H(x)   "{\"alg\":\"RS256\",\"typ\":\"at+jwt\",\"kid\":\"rs-1\"," x "}"

enum signer { RS, ES, EVIL, B };

struct world {
	struct mint key[4];
	struct settings settings;
	struct settings_issuer issuer[3];
	struct auth *auth[2]; /* by liboauth2, and by the kept keys */
};

static const char *const typs[] = {"at+jwt", "JWT", "absent"};
static const char *const clients[] = {"oidc-agent"};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	AUTO_BUF a = BUF_INIT(16384);
	AUTO_BUF b = BUF_INIT(16384);

	assert_non_null(w);
	w->key[RS] = mint_key("RS256", "rs-1");
	w->key[ES] = mint_key("ES256", "es-1");
	w->key[EVIL] = mint_key("RS256", "evil");
	w->key[B] = mint_key("ES256", NULL);
	buf_adds(&a, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"oct-1\",\"k\":\"AAAA\"},");
	mint_jwk(&w->key[RS], ",\"use\":\"sig\",\"alg\":\"RS256\"", &a);
	buf_addc(&a, ',');
	mint_jwk(&w->key[ES], "", &a);
	buf_adds(&a, "]}");
	buf_adds(&b, "{\"keys\":[");
	mint_jwk(&w->key[B], "", &b);
	buf_adds(&b, "]}");
	w->issuer[0] = (struct settings_issuer){.issuer = "https://a.test",
		.name = "A",
		.profile = "rfc9068",
		.typ = {typs, 3},
		.require_kid = -1,
		.path_scopes = 1,
		.allow_any_audience = -1,
		.require_iat = -1};
	w->issuer[1] = (struct settings_issuer){.issuer = "https://b.test",
		.name = "B",
		.profile = "egi",
		.azp = {clients, 1},
		.require_kid = 0,
		.path_scopes = -1,
		.allow_any_audience = -1,
		.require_iat = -1};
	w->issuer[2] = w->issuer[0];
	w->issuer[2].issuer = "https://dead.test";
	w->settings = (struct settings){.file = "agent.yaml",
		.facility = "Test",
		.public_url = "https://data.test",
		.issuers = w->issuer,
		.n_issuers = 3};
	const struct span jwks[] = {buf_span(&a), buf_span(&b), SPAN_NONE};
	for (int i = 0; i < 2; i++) {
		AUTO_BUF report = BUF_INIT(8192);
		struct err e = {0};
		w->settings.kept_keys = i == 1;
		assert_true(auth_load(&w->settings, jwks, NULL, &report, &w->auth[i], &e));
		buf_addc(&report, '\0');
		assert_non_null(strstr(report.p, "a symmetric key (oct)"));
		assert_non_null(strstr(report.p, "https://dead.test: no keys"));
	}
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++)
		auth_free(w->auth[i]);
	for (int i = 0; i < 4; i++)
		crypto_key_free(w->key[i].key);
	free(w);
	return 0;
}

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
	{"alg missing", RS, "{\"kid\":\"rs-1\"}", GOOD, 401, "alg: is nothing"},
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
	{"iss missing", RS, HEADER, "{" SUB AUD EXP REST, 401, "iss: is nothing"},
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
	{"sub missing", RS, HEADER, "{" ISS AUD EXP REST, 401, "sub: is nothing"},
	{"sub empty", RS, HEADER, "{\"sub\":\"\"," ISS AUD EXP REST, 401, "sub: expected 1"},
	{"sub with NUL", RS, HEADER, "{\"sub\":\"alice\\u0000bob\"," ISS AUD EXP REST, 401,
		"payload: JSON: a NUL"},
	{"sub with a line end", RS, HEADER, "{\"sub\":\"alice\\nbob\"," ISS AUD EXP REST, 401,
		"sub: holds a control character (RFC 7519 4.1.2)"},
	{"NUL in an unknown claim", RS, HEADER, "{\"x\":\"\\u0000\"," ISS SUB AUD EXP REST, 401,
		"payload: JSON: a NUL"},
	{"sub number", RS, HEADER, "{\"sub\":1," ISS AUD EXP REST, 401, "sub: is an integer"},
	{"cnf", RS, HEADER, "{\"cnf\":{\"jkt\":\"x\"}," ISS SUB AUD EXP REST, 401,
		"(RFC 7800 3.1)"},
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
			bool ok = auth_check(w->auth[k / 2], buf_span(&field), NOW, &mem, &s, &why);
			if (ok != (r->status == 0))
				fail_msg("accepted: %d (%s)", ok, why.description);
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
		bool ok = auth_check(w->auth[0], buf_span(&field), NOW, &mem, &s, &why);
		assert_int_equal(ok, cases[i].status <= 1);
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
	assert_true(auth_check(w->auth[0], SPAN_NONE, NOW, &mem, &s, &why));
	assert_false(s.authenticated);
	assert_false(auth_check(w->auth[0], SPAN("Bearer garbage"), NOW, &mem, &s, &why));
	assert_non_null(strstr(why.description, "opaque"));
	assert_false(auth_check(w->auth[0], SPAN("Bearer "), NOW, &mem, &s, &why));
	assert_int_equal(why.status, 400);
}

/* A hit never outlives exp, nor precedes nbf when the clock jumps back; another arena gets its own
 * copy. */
static void
caching(void **state)
{
	struct world *w = *state;
	AUTO_BUF field = BUF_INIT(16384);
	AUTO_ARENA mem = {0};
	struct subject s;
	struct auth_refusal why;
	uint64_t before = auth_cache_hits(w->auth[0]);

	assert_true(arena_init(&mem, 256U * 1024U));
	buf_adds(&field, "Bearer ");
	mint_token(&w->key[RS], SPAN(HEADER),
		SPAN("{\"nbf\":1799999000,\"groups\":[\"URN:x:Y:group:Staff#a\",\"plain\"]," ISS SUB
				AUD EXP REST),
		&field);
	assert_true(auth_check(w->auth[0], buf_span(&field), NOW, &mem, &s, &why));
	assert_int_equal(auth_cache_hits(w->auth[0]), before);
	arena_reset(&mem);
	assert_true(auth_check(w->auth[0], buf_span(&field), NOW + 599, &mem, &s, &why));
	assert_int_equal(auth_cache_hits(w->auth[0]), before + 1);
	check_span(s.sub, "alice");
	check_span(s.iss, "https://a.test");
	check_span(s.client, "cli");
	check_span(s.jti, "j1");
	assert_int_equal(s.expires, NOW + 600);
	assert_int_equal(s.n_entitlements, 2);
	check_span(s.entitlements[0], "urn:x:y:group:Staff#a");
	check_span(s.entitlements[1], "plain");
	assert_true(s.scoped);
	assert_int_equal(s.n_read_paths, 1);
	check_span(s.read_paths[0], "/");
	assert_false(auth_check(w->auth[0], buf_span(&field), NOW + 600, &mem, &s, &why));
	assert_non_null(strstr(why.description, "exp: expired 0 s ago"));
	assert_false(auth_check(w->auth[0], buf_span(&field), NOW - 3600, &mem, &s, &why));
	assert_non_null(strstr(why.description, "nbf: "));
	/* A cached text with a byte more is another token. */
	buf_addc(&field, 'A');
	assert_false(auth_check(w->auth[0], buf_span(&field), NOW, &mem, &s, &why));
}

/* T1, T2: two verifiers share nothing; a token good for one issuer's key is not good for another
 * issuer that has the same kid. */
static void
separate(void **state)
{
	struct world *w = *state;
	AUTO_BUF one = BUF_INIT(16384);
	AUTO_BUF two = BUF_INIT(16384);
	struct mint fake = w->key[EVIL];
	struct settings_issuer pair[2] = {w->issuer[0], w->issuer[0]};
	struct settings settings = w->settings;
	AUTO_BUF report = BUF_INIT(8192);
	AUTO_ARENA mem = {0};
	struct auth *a = NULL;
	struct subject s;
	struct auth_refusal why;

	assert_true(arena_init(&mem, 256U * 1024U));
	fake.kid = "rs-1";
	buf_adds(&one, "{\"keys\":[");
	mint_jwk(&w->key[RS], "", &one);
	buf_adds(&one, "]}");
	buf_adds(&two, "{\"keys\":[");
	mint_jwk(&fake, "", &two);
	buf_adds(&two, "]}");
	pair[1].issuer = "https://other.test";
	settings.issuers = pair;
	settings.n_issuers = 2;
	settings.kept_keys = false;
	const struct span jwks[] = {buf_span(&one), buf_span(&two)};
	assert_true(auth_load(&settings, jwks, NULL, &report, &a, NULL));
	for (int i = 0; i < 3; i++) {
		AUTO_BUF good = BUF_INIT(16384);
		AUTO_BUF bad = BUF_INIT(16384);
		arena_reset(&mem);
		buf_adds(&good, "Bearer ");
		buf_adds(&bad, "Bearer ");
		mint_token(&w->key[RS], SPAN(HEADER), SPAN(GOOD), &good);
		mint_token(&w->key[RS], SPAN(HEADER),
			SPAN("{\"iss\":\"https://other.test\"," SUB AUD EXP REST), &bad);
		assert_true(auth_check(a, buf_span(&good), NOW, &mem, &s, &why));
		assert_false(auth_check(a, buf_span(&bad), NOW, &mem, &s, &why));
		assert_non_null(strstr(why.description, "signature: "));
	}
	auth_free(a);
}

/* SIG-3: a token without kid is tried against four keys that fit, not against the whole set. */
static void
tries(void **state)
{
	struct world *w = *state;
	struct settings settings = w->settings;
	AUTO_BUF field = BUF_INIT(16384);
	AUTO_ARENA mem = {0};

	assert_true(arena_init(&mem, 256U * 1024U));
	settings.n_issuers = 1;
	buf_adds(&field, "Bearer ");
	mint_token(&w->key[ES], SPAN("{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}"), SPAN(GOOD), &field);
	for (unsigned before = 3; before <= 4; before++) {
		AUTO_BUF set = BUF_INIT(16384);
		AUTO_BUF report = BUF_INIT(8192);
		struct auth *a = NULL;
		struct subject s;
		struct auth_refusal why;
		buf_adds(&set, "{\"keys\":[");
		for (unsigned i = 0; i < before; i++) {
			mint_jwk(&w->key[B], "", &set);
			buf_addc(&set, ',');
			mint_jwk(&w->key[RS], "", &set); /* does not fit, does not count */
			buf_addc(&set, ',');
		}
		mint_jwk(&w->key[ES], "", &set);
		buf_adds(&set, "]}");
		const struct span jwks[] = {buf_span(&set)};
		assert_true(auth_load(&settings, jwks, NULL, &report, &a, NULL));
		assert_int_equal(auth_check(a, buf_span(&field), NOW, &mem, &s, &why), before == 3);
		auth_free(a);
	}
}

static void
scopes(void **state)
{
	struct world *w = *state;
	AUTO_BUF field = BUF_INIT(16384);
	AUTO_BUF challenge = BUF_INIT(4096);
	AUTO_ARENA mem = {0};
	struct subject s;
	struct auth_refusal why;

	assert_true(arena_init(&mem, 256U * 1024U));
	buf_adds(&field, "Bearer ");
	mint_token(&w->key[RS], SPAN(HEADER),
		SPAN("{" ISS SUB AUD "\"exp\":1800000600,\"scope\":\"storage.read:/data/foo\"}"),
		&field);
	assert_true(auth_check(w->auth[0], buf_span(&field), NOW, &mem, &s, &why));
	assert_true(auth_covers(w->auth[0], &s, SPAN("/data/foo/a.txt"), &mem, &why));
	assert_false(auth_covers(w->auth[0], &s, SPAN("/data/foo bar"), &mem, &why));
	assert_int_equal(why.status, 403);
	auth_write_challenge(&challenge, SPAN("data.test"), SPAN("https://data.test/.w"), &why);
	check_span(buf_span(&challenge),
		"Bearer realm=\"data.test\", resource_metadata=\"https://data.test/.w\", "
		"error=\"insufficient_scope\", error_description=\"scope: the token does not cover "
		"this path; ask for the scope named here (RFC 6750 3.1)\", "
		"scope=\"storage.read:/data/foo%20bar\"");
	s.scoped = false;
	assert_true(auth_covers(w->auth[0], &s, SPAN("/anything"), &mem, &why));
}

static void
writing(void **state)
{
	struct world *w = *state;
	AUTO_BUF out = BUF_INIT(8192);

	auth_write_challenge(&out, SPAN("a\"b"), SPAN_NONE, NULL);
	check_span(buf_span(&out), "Bearer realm=\"a\\\"b\"");
	buf_reset(&out);
	auth_write_metadata(w->auth[0], &out);
	check_span(buf_span(&out),
		"{\"resource\":\"https://data.test/\",\"authorization_servers\":[\"https://"
		"a.test\","
		"\"https://b.test\",\"https://dead.test\"],\"scopes_supported\":[\"storage.read:/"
		"\"],"
		"\"bearer_methods_supported\":[\"header\"],\"resource_name\":\"Test\",\"pan_"
		"issuers\":["
		"{\"issuer\":\"https://a.test\",\"name\":\"A\",\"audience\":\"https://data.test/\","
		"\"scopes\":[\"storage.read:/\"]},"
		"{\"issuer\":\"https://b.test\",\"name\":\"B\",\"audience\":\"https://data.test/\","
		"\"scopes\":[]},"
		"{\"issuer\":\"https://dead.test\",\"name\":\"A\",\"audience\":\"https://data.test/"
		"\","
		"\"scopes\":[\"storage.read:/\"]}]}");
	buf_reset(&out);
	auth_write_issuers(w->auth[0], &out);
	buf_addc(&out, '\0');
	assert_non_null(strstr(out.p, "key: rs-1, 2048 bits\n"));
}

static void
bad_key_file(void **state)
{
	struct world *w = *state;
	const struct span jwks[] = {SPAN("{\"keys\":1}"), SPAN("["), SPAN_NONE};
	AUTO_BUF report = BUF_INIT(8192);
	struct auth *a = NULL;
	struct err e = {0};

	assert_false(auth_load(&w->settings, jwks, NULL, &report, &a, &e));
	assert_string_equal(e.ref, "RFC 7517 5");
	buf_addc(&report, '\0');
	assert_non_null(strstr(report.p, "error: issuer https://a.test: JWK set: no array"));
	assert_non_null(strstr(report.p, "error: issuer https://b.test: JWK set: JSON"));
}

/* SIG-6: the two backends agree on mutated tokens, and accept none of them. */
static void
mutations(void **state)
{
	struct world *w = *state;
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_ARENA mem = {0};
	uint32_t random = 12345;

	assert_true(arena_init(&mem, 256U * 1024U));
	for (unsigned i = 0; i < 1500; i++) {
		struct subject s;
		struct auth_refusal why[2];
		bool ok[2];
		buf_reset(&token);
		buf_adds(&token, "Bearer ");
		mint_token(&w->key[ES], SPAN("{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}"), SPAN(GOOD),
			&token);
		random = random * 1664525 + 1013904223;
		char *at = token.p + 7 + (random >> 8) % (token.n - 7);
		char was = *at;
		*at = alphabet[(random >> 3) % (sizeof(alphabet) - 1)];
		for (int k = 0; k < 2; k++) {
			arena_reset(&mem);
			ok[k] = auth_check(w->auth[k], buf_span(&token), NOW, &mem, &s, &why[k]);
		}
		assert_int_equal(ok[0], ok[1]);
		assert_int_equal(ok[0], *at == was);
		if (!ok[0])
			assert_string_equal(why[0].description, why[1].description);
	}
}

/* From here on, opening, connecting and starting threads or programs ends the process. */
static bool
confine(void)
{
	static const int refused[] = {SYS_open, SYS_openat, SYS_openat2, SYS_socket, SYS_connect,
		SYS_clone, SYS_clone3, SYS_fork, SYS_vfork, SYS_execve};
	enum { N = sizeof(refused) / sizeof(refused[0]) };
	struct sock_filter f[N + 3] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};

	for (unsigned i = 0; i < N; i++)
		f[i + 1] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[i], (unsigned char)(N - i), 0);
	f[N + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[N + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	struct sock_fprog prog = {N + 3, f};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

/* T16: after auth_load nothing is opened and nothing started: the first checks of a process, good
 * and bad, pass a filter that kills for it. */
static void
confined(void **state)
{
	struct world *w = *state;
	AUTO_BUF good = BUF_INIT(16384);
	AUTO_BUF bad = BUF_INIT(16384);
	int end = 0;

	buf_adds(&good, "Bearer ");
	buf_adds(&bad, "Bearer ");
	mint_token(&w->key[ES], SPAN("{\"alg\":\"ES256\",\"typ\":\"JWT\"}"),
		SPAN("{\"f\":1," ISS SUB AUD EXP REST), &good);
	mint_token(&w->key[EVIL], SPAN(HEADER), SPAN(GOOD), &bad);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		AUTO_ARENA mem = {0};
		struct subject s;
		struct auth_refusal why;
		if (!arena_init(&mem, 256U * 1024U) || !confine())
			_exit(2);
		for (int k = 0; k < 2; k++)
			if (!auth_check(w->auth[k], buf_span(&good), NOW, &mem, &s, &why) ||
				auth_check(w->auth[k], buf_span(&bad), NOW, &mem, &s, &why))
				_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &end, 0), pid);
	assert_true(WIFEXITED(end));
	assert_int_equal(WEXITSTATUS(end), 0);
}

struct work {
	struct auth *auth;
	struct span field[2]; /* good, bad */
	unsigned wrong;
};

static void *
worker(void *arg)
{
	struct work *w = arg;
	AUTO_ARENA mem = {0};

	if (!arena_init(&mem, 256U * 1024U))
		w->wrong++;
	for (unsigned i = 0; i < 400; i++) {
		struct subject s = {.authenticated = false};
		struct auth_refusal why;
		arena_reset(&mem);
		if (!auth_check(w->auth, w->field[0], NOW, &mem, &s, &why) ||
			!span_is(s.sub, "alice"))
			w->wrong++;
		if (i % 8 == 0 && auth_check(w->auth, w->field[1], NOW, &mem, &s, &why))
			w->wrong++;
	}
	return NULL;
}

/* One struct auth in several threads: by verification (the bad token is never kept) and by cache.
 */
static void
threads(void **state)
{
	struct world *w = *state;
	AUTO_BUF good = BUF_INIT(16384);
	AUTO_BUF bad = BUF_INIT(16384);

	buf_adds(&good, "Bearer ");
	buf_adds(&bad, "Bearer ");
	mint_token(&w->key[RS], SPAN(HEADER), SPAN("{\"t\":1," ISS SUB AUD EXP REST), &good);
	mint_token(&w->key[EVIL], SPAN(HEADER), SPAN(GOOD), &bad);
	for (int k = 0; k < 2; k++) {
		pthread_t id[4];
		struct work work[4];
		for (int i = 0; i < 4; i++) {
			work[i] = (struct work){w->auth[k], {buf_span(&good), buf_span(&bad)}, 0};
			assert_int_equal(pthread_create(&id[i], NULL, worker, &work[i]), 0);
		}
		for (int i = 0; i < 4; i++) {
			assert_int_equal(pthread_join(id[i], NULL), 0);
			assert_int_equal(work[i].wrong, 0);
		}
	}
}

static double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Prints, compares nothing: the machine is shared. */
static void
rates(void **state)
{
	struct world *w = *state;
	static const char *const names[] = {"liboauth2", "kept-key"};
	const char *headers[] = {HEADER, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"es-1\"}"};
	AUTO_ARENA mem = {0};

	assert_true(arena_init(&mem, 256U * 1024U));
	for (int k = 0; k < 4; k++) {
		enum { TOKENS = 200 };
		AUTO_BUF all = BUF_INIT(1U << 20);
		size_t end[TOKENS + 1] = {0};
		for (int i = 0; i < TOKENS; i++) {
			char payload[400];
			(void)snprintf(payload, sizeof(payload), "{\"x\":%d," ISS SUB AUD EXP REST,
				k * 1000 + i);
			buf_adds(&all, "Bearer ");
			mint_token(&w->key[k % 2], span_of(headers[k % 2]), span_of(payload), &all);
			end[i + 1] = all.n;
		}
		for (int round = 0; round < 2; round++) {
			double t = seconds();
			for (int i = 0; i < TOKENS; i++) {
				struct subject s;
				struct auth_refusal why;
				struct span f = {all.p + end[i], end[i + 1] - end[i]};
				arena_reset(&mem);
				assert_true(auth_check(w->auth[k / 2], f, NOW, &mem, &s, &why));
			}
			t = (seconds() - t) / TOKENS * 1e6;
			print_message("    %s %s %s: %.2f us a token\n", names[k / 2],
				k % 2 == 0 ? "RS256" : "ES256", round == 0 ? "verified" : "cached",
				t);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confined), /* first: nothing is warm */
		cmocka_unit_test(tokens),
		cmocka_unit_test(texts),
		cmocka_unit_test(caching),
		cmocka_unit_test(separate),
		cmocka_unit_test(tries),
		cmocka_unit_test(scopes),
		cmocka_unit_test(writing),
		cmocka_unit_test(bad_key_file),
		cmocka_unit_test(mutations),
		cmocka_unit_test(threads),
		cmocka_unit_test(rates),
	};
	return cmocka_run_group_tests_name("auth", tests, setup, teardown);
}
