/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "auth/id_token.h"
#include "tests/unit/check.h"

#define NOW 1800000000

#define NONCE  "n0123456789012345678901234567890123456789ab"
#define ISS    "\"iss\":\"https://op.test\","
#define AUD    "\"aud\":\"web\","
#define TIMES  "\"exp\":1800000300,\"iat\":1799999999,"
#define SUB    "\"sub\":\"alice\","
#define N      "\"nonce\":\"" NONCE "\""
#define GOOD   "{" ISS AUD TIMES SUB N "}"
#define M(x)   "{" ISS AUD TIMES SUB N "," x "}"
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"k1\"}"
#define CORE   "OpenID Connect Core 1.0, 3.1.3.7"

struct world {
	struct issuer issuer;
	struct arena mem;
	enum keyring_verdict verdict;
	unsigned asked;
};

static enum keyring_verdict
sign(void *arg, size_t issuer, const struct jws *j, struct err *e)
{
	struct world *w = arg;

	assert_int_equal(issuer, 3);
	assert_true(j->payload != NULL);
	w->asked++;
	if (w->verdict == KEYRING_BAD)
		(void)err_set(e, ERR_UNAUTH, "RFC 7515 5.2", "signature: forged");
	return w->verdict;
}

static int
setup(void **state)
{
	static struct world w;

	w = (struct world){.verdict = KEYRING_GOOD,
		.issuer = {.iss = SPAN("https://op.test"),
			.algs = 1U << JWS_RS256 | 1U << JWS_ES256,
			.groups = {.item = {SPAN("eduperson_entitlement")}, .n = 1},
			.user = SPAN("voperson_id"),
			.user_else = SPAN("sub"),
			.leeway = 30}};
	*state = &w;
	return arena_init(&w.mem, 4UL << 20) ? 0 : -1;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	arena_fini(&w->mem);
	return 0;
}

static void
write_token(struct buf *out, const char *header, const char *payload)
{
	static const char sig[64];

	base64_url_encode(out, header, strlen(header));
	buf_addc(out, '.');
	base64_url_encode(out, payload, strlen(payload));
	buf_addc(out, '.');
	base64_url_encode(out, sig, sizeof(sig));
}

static enum keyring_verdict
check_body(struct world *w, struct span body, const char *userinfo, struct buf *kept, struct err *e)
{
	const struct id_token_answer a = {.issuer = &w->issuer,
		.index = 3,
		.client = SPAN("web"),
		.nonce = SPAN(NONCE),
		.body = body,
		.userinfo = span_of(userinfo),
		.sign = sign,
		.arg = w,
		.now = NOW};

	arena_reset(&w->mem);
	buf_reset(kept);
	*e = (struct err){.code = ERR_NONE};
	return id_token_check(&a, &w->mem, kept, e);
}

static enum keyring_verdict
check(struct world *w, const char *header, const char *payload, const char *userinfo,
	struct buf *kept, struct err *e)
{
	AUTO_BUF body = BUF_INIT(1UL << 20);

	buf_adds(&body, "{\"access_token\":\"at\",\"token_type\":\"bearer\",\"scope\":\"openid "
			"email\",\"id_token\":\"");
	write_token(&body, header, payload);
	buf_adds(&body, "\"}");
	return check_body(w, buf_span(&body), userinfo, kept, e);
}

struct fact {
	const char *name, *header, *payload, *userinfo;
	const char *ref; /* NULL: accepted */
	const char *says;
};

static void
facts(struct world *w, const struct fact *rows, size_t n)
{
	AUTO_BUF kept = BUF_INIT(1UL << 20);
	struct err e;

	for (size_t i = 0; i < n; i++) {
		CHECK_ROW(rows[i].name);
		w->asked = 0;
		enum keyring_verdict got =
			check(w, rows[i].header != NULL ? rows[i].header : HEADER, rows[i].payload,
				rows[i].userinfo, &kept, &e);
		assert_int_equal(got, rows[i].ref == NULL ? KEYRING_GOOD : KEYRING_BAD);
		assert_int_equal(w->asked, rows[i].ref == NULL);
		if (rows[i].ref == NULL)
			continue;
		assert_int_equal(kept.n, 0);
		assert_non_null(e.ref);
		assert_string_equal(e.ref, rows[i].ref);
		if (strstr(e.msg, rows[i].says) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", e.msg, rows[i].says);
	}
}

static void
headers(void **state)
{
	static const struct fact rows[] = {
		{"good", NULL, GOOD, NULL, NULL, NULL},
		{"typ JWT", "{\"alg\":\"ES256\",\"typ\":\"jwt\"}", GOOD, NULL, NULL, NULL},
		{"an access token", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", GOOD, NULL,
			"RFC 8725 3.11", "typ is not JWT"},
		{"a logout token", "{\"alg\":\"ES256\",\"typ\":\"logout+jwt\"}", GOOD, NULL,
			"RFC 8725 3.11", "typ"},
		{"alg none", "{\"alg\":\"none\"}", GOOD, NULL, "RFC 8725 3.1", "alg"},
		{"HMAC", "{\"alg\":\"HS256\"}", GOOD, NULL, "RFC 8725 3.1", "alg"},
		{"an alg that is off", "{\"alg\":\"ES384\"}", GOOD, NULL, "RFC 7518 3",
			"signature"},
		{"crit", "{\"alg\":\"ES256\",\"crit\":[\"x\"]}", GOOD, NULL, "RFC 7515 4.1.11",
			"crit"},
	};
	struct world *w = *state;
	AUTO_BUF kept = BUF_INIT(4096);
	struct err e;

	facts(w, rows, sizeof(rows) / sizeof(rows[0]));
	w->issuer.algs = 1U << JWS_RS256;
	assert_int_equal(check(w, HEADER, GOOD, NULL, &kept, &e), KEYRING_BAD);
	assert_string_equal(e.ref, CORE);
	w->issuer.algs = 1U << JWS_ES256;
	w->issuer.require_kid = true;
	assert_int_equal(check(w, "{\"alg\":\"ES256\"}", GOOD, NULL, &kept, &e), KEYRING_BAD);
	assert_string_equal(e.ref, "RFC 7515 4.1.4");
	assert_int_equal(check(w, HEADER, GOOD, NULL, &kept, &e), KEYRING_GOOD);
}

static void
claims(void **state)
{
	static const struct fact rows[] = {
		{"aud list", NULL, "{" ISS "\"aud\":[\"web\"]," TIMES SUB N "}", NULL, NULL, NULL},
		{"azp", NULL, M("\"azp\":\"web\""), NULL, NULL, NULL},
		{"several audiences with azp", NULL,
			"{" ISS "\"aud\":[\"x\",\"web\"],\"azp\":\"web\"," TIMES SUB N "}", NULL,
			NULL, NULL},
		{"several audiences without", NULL,
			"{" ISS "\"aud\":[\"x\",\"web\"]," TIMES SUB N "}", NULL, CORE,
			"several audiences"},
		{"azp of another", NULL, M("\"azp\":\"cli\""), NULL, CORE, "azp"},
		{"azp no string", NULL, M("\"azp\":[\"web\"]"), NULL, CORE, "azp"},
		{"another client", NULL, "{" ISS "\"aud\":\"cli\"," TIMES SUB N "}", NULL, CORE,
			"aud is not"},
		{"no aud", NULL, "{" ISS TIMES SUB N "}", NULL, CORE, "aud is not"},
		{"aud empty list", NULL, "{" ISS "\"aud\":[]," TIMES SUB N "}", NULL, CORE,
			"aud is not"},
		{"aud with a number", NULL, "{" ISS "\"aud\":[\"web\",1]," TIMES SUB N "}", NULL,
			CORE, "no list of strings"},
		{"aud prefix", NULL, "{" ISS "\"aud\":\"web2\"," TIMES SUB N "}", NULL, CORE,
			"aud is not"},
		{"iss of another", NULL, "{\"iss\":\"https://evil.test\"," AUD TIMES SUB N "}",
			NULL, CORE, "iss"},
		{"iss with a slash", NULL, "{\"iss\":\"https://op.test/\"," AUD TIMES SUB N "}",
			NULL, CORE, "iss"},
		{"no iss", NULL, "{" AUD TIMES SUB N "}", NULL, CORE, "iss"},
		{"expired", NULL, "{" ISS AUD "\"exp\":1800000000,\"iat\":1799999999," SUB N "}",
			NULL, "RFC 9068 4", "exp"},
		{"no exp", NULL, "{" ISS AUD "\"iat\":1799999999," SUB N "}", NULL, "RFC 9068 2.2",
			"exp"},
		{"no iat", NULL, "{" ISS AUD "\"exp\":1800000300," SUB N "}", NULL,
			"OpenID Connect Core 1.0, 2", "iat"},
		{"iat ahead", NULL, "{" ISS AUD "\"exp\":1800000300,\"iat\":1800000031," SUB N "}",
			NULL, "RFC 7519 4.1.6", "iat"},
		{"no nonce", NULL, "{" ISS AUD TIMES "\"sub\":\"alice\"}", NULL, CORE, "nonce"},
		{"nonce of another login", NULL,
			"{" ISS AUD TIMES SUB
			"\"nonce\":\"m0123456789012345678901234567890123456789ab\"}",
			NULL, CORE, "nonce"},
		{"nonce prefix", NULL, "{" ISS AUD TIMES SUB "\"nonce\":\"n0\"}", NULL, CORE,
			"nonce"},
		{"nonce longer", NULL, "{" ISS AUD TIMES SUB "\"nonce\":\"" NONCE "x\"}", NULL,
			CORE, "nonce"},
		{"no sub", NULL, "{" ISS AUD TIMES N "}", NULL, "OpenID Connect Core 1.0, 2",
			"sub"},
		{"sub empty", NULL, "{" ISS AUD TIMES "\"sub\":\"\"," N "}", NULL,
			"OpenID Connect Core 1.0, 2", "sub"},
		{"at_hash", NULL, M("\"at_hash\":\"24neEOI6mp-xEEvrcfLPLg\""), NULL,
			"OpenID Connect Core 1.0, 3.1.3.8", "at_hash"},
		{"at_hash no string", NULL, M("\"at_hash\":1"), NULL,
			"OpenID Connect Core 1.0, 3.1.3.8", "at_hash"},
		{"sub twice", NULL, M("\"sub\":\"bob\""), NULL, "RFC 8259", "payload"},
	};

	facts(*state, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
hashes(void **state)
{
	struct world *w = *state;
	AUTO_BUF kept = BUF_INIT(4096);
	AUTO_BUF payload = BUF_INIT(4096);
	uint8_t hash[CRYPTO_SHA256_SIZE];
	struct err e;

	assert_true(crypto_sha256(SPAN("at"), hash));
	buf_adds(&payload, "{" ISS AUD TIMES SUB N ",\"at_hash\":\"");
	base64_url_encode(&payload, hash, 16);
	buf_adds(&payload, "\"}");
	buf_addc(&payload, '\0');
	assert_int_equal(check(w, HEADER, payload.p, NULL, &kept, &e), KEYRING_GOOD);
	/* It was of use for this one check. */
	assert_null(memmem(kept.p, kept.n, "at_hash", 7));
	assert_null(memmem(kept.p, kept.n, "nonce", 5));
}

static void
userinfos(void **state)
{
	static const struct fact rows[] = {
		{"same person", NULL, GOOD, "{\"sub\":\"alice\",\"name\":\"A\"}", NULL, NULL},
		{"another person", NULL, GOOD, "{\"sub\":\"bob\"}",
			"OpenID Connect Core 1.0, 5.3.2", "sub"},
		{"case", NULL, GOOD, "{\"sub\":\"Alice\"}", "OpenID Connect Core 1.0, 5.3.2",
			"sub"},
		{"nobody", NULL, GOOD, "{\"name\":\"A\"}", "OpenID Connect Core 1.0, 5.3.2", "sub"},
		{"sub list", NULL, GOOD, "{\"sub\":[\"alice\"]}", "OpenID Connect Core 1.0, 5.3.2",
			"sub"},
		{"two unique ids", NULL, M("\"voperson_id\":\"v1\""),
			"{\"sub\":\"alice\",\"voperson_id\":\"v2\"}",
			"OpenID Connect Core 1.0, 5.3.2", "voperson_id"},
		{"one unique id twice", NULL, M("\"voperson_id\":\"v1\""),
			"{\"sub\":\"alice\",\"voperson_id\":\"v1\"}", NULL, NULL},
		{"no object", NULL, GOOD, "[]", "RFC 8259", "userinfo"},
		{"empty", NULL, GOOD, "", "RFC 8259", "userinfo"},
	};
	struct world *w = *state;
	AUTO_BUF kept = BUF_INIT(4096);
	struct err e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		enum keyring_verdict got =
			check(w, HEADER, rows[i].payload, rows[i].userinfo, &kept, &e);
		assert_int_equal(got, rows[i].ref == NULL ? KEYRING_GOOD : KEYRING_BAD);
		if (rows[i].ref == NULL)
			continue;
		assert_true(span_starts(span_of(e.ref), span_of(rows[i].ref)));
		assert_non_null(strstr(e.msg, rows[i].says));
	}
}

/* What the two tell, together. */
static void
merged(void **state)
{
	struct world *w = *state;
	AUTO_BUF kept = BUF_INIT(8192);
	struct err e;

	assert_int_equal(
		check(w, HEADER, M("\"acr\":\"mfa\",\"email\":\"old@x.test\",\"auth_time\":5"),
			"{\"sub\":\"alice\",\"name\":\"A\",\"email\":\"new@x.test\",\"acr\":"
			"\"none\","
			"\"iss\":\"https://evil.test\",\"exp\":1,\"auth_time\":6,\"cnf\":{},"
			"\"eduperson_entitlement\":[\"g\"]}",
			&kept, &e),
		KEYRING_GOOD);
	check_span(buf_span(&kept),
		"{\"client\":\"web\",\"scope\":\"openid email\",\"asked\":true,"
		"\"userinfo\":[\"name\",\"email\",\"eduperson_entitlement\"],"
		"\"claims\":{\"iss\":\"https://op.test\",\"aud\":\"web\",\"exp\":1800000300,"
		"\"iat\":1799999999,\"sub\":\"alice\",\"acr\":\"mfa\",\"auth_time\":5,"
		"\"name\":\"A\",\"email\":\"new@x.test\",\"eduperson_entitlement\":[\"g\"]}}");
	assert_int_equal(check(w, HEADER, GOOD, "{\"sub\":\"alice\",\"acr\":\"mfa\"}", &kept, &e),
		KEYRING_GOOD);
	assert_non_null(memmem(kept.p, kept.n, "\"acr\":\"mfa\"", 11));
	assert_int_equal(check(w, HEADER, GOOD, NULL, &kept, &e), KEYRING_GOOD);
	check_span(buf_span(&kept),
		"{\"client\":\"web\",\"scope\":\"openid email\",\"asked\":false,\"userinfo\":[],"
		"\"claims\":{\"iss\":\"https://op.test\",\"aud\":\"web\",\"exp\":1800000300,"
		"\"iat\":1799999999,\"sub\":\"alice\"}}");
}

static void
bodies(void **state)
{
	static const struct {
		const char *name, *body; /* "$" is a good ID token */
		enum err_code code;      /* ERR_NONE: accepted */
	} rows[] = {
		{"smallest", "{\"token_type\":\"Bearer\",\"id_token\":\"$\"}", ERR_NONE},
		{"no ID token", "{\"token_type\":\"Bearer\",\"access_token\":\"x\"}", ERR_UPSTREAM},
		{"ID token no string", "{\"token_type\":\"Bearer\",\"id_token\":{}}", ERR_UPSTREAM},
		{"no type", "{\"id_token\":\"$\"}", ERR_UPSTREAM},
		{"bound type", "{\"token_type\":\"DPoP\",\"id_token\":\"$\"}", ERR_UPSTREAM},
		{"no object", "[]", ERR_UPSTREAM},
		{"no JSON", "<html>", ERR_UPSTREAM},
		{"nothing", "", ERR_UPSTREAM},
		{"twice", "{\"token_type\":\"Bearer\",\"id_token\":\"$\",\"id_token\":\"$\"}",
			ERR_UPSTREAM},
		{"bytes behind", "{\"token_type\":\"Bearer\",\"id_token\":\"$\"}x", ERR_UPSTREAM},
		{"no JWS", "{\"token_type\":\"Bearer\",\"id_token\":\"a.b\"}", ERR_UNAUTH},
	};
	struct world *w = *state;
	AUTO_BUF kept = BUF_INIT(8192);
	struct err e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF body = BUF_INIT(8192);
		CHECK_ROW(rows[i].name);
		for (const char *p = rows[i].body; *p != '\0'; p++) {
			if (*p == '$')
				write_token(&body, HEADER, GOOD);
			else
				buf_addc(&body, *p);
		}
		assert_int_equal(check_body(w, buf_span(&body), NULL, &kept, &e),
			rows[i].code == ERR_NONE ? KEYRING_GOOD : KEYRING_BAD);
		assert_int_equal(e.code, rows[i].code);
	}
}

static void
signatures(void **state)
{
	struct world *w = *state;
	AUTO_BUF kept = BUF_INIT(8192);
	struct err e;

	w->verdict = KEYRING_WAIT;
	assert_int_equal(check(w, HEADER, GOOD, NULL, &kept, &e), KEYRING_WAIT);
	assert_int_equal(kept.n, 0);
	w->verdict = KEYRING_BAD;
	assert_int_equal(check(w, HEADER, GOOD, NULL, &kept, &e), KEYRING_BAD);
	assert_string_equal(e.ref, "RFC 7515 5.2");
	assert_int_equal(kept.n, 0);
}

static void
too_much(void **state)
{
	struct world *w = *state;
	AUTO_BUF kept = BUF_INIT(1UL << 20);
	AUTO_BUF text = BUF_INIT(1UL << 20);
	struct err e;

	for (size_t n = ID_TOKEN_CLAIMS_MAX - 400; n <= ID_TOKEN_CLAIMS_MAX; n += 400) {
		buf_reset(&text);
		buf_adds(&text, "{\"sub\":\"alice\",\"x\":\"");
		while (text.n < n)
			buf_addc(&text, 'x');
		buf_adds(&text, "\"}");
		buf_addc(&text, '\0');
		bool fits = n < ID_TOKEN_CLAIMS_MAX;
		assert_int_equal(check(w, HEADER, GOOD, text.p, &kept, &e),
			fits ? KEYRING_GOOD : KEYRING_BAD);
		assert_int_equal(e.code, fits ? ERR_NONE : ERR_DENIED);
		assert_int_equal(kept.n > 0, fits);
	}
}

/* ---- the subject of what was kept ---- */

static void
subjects(void **state)
{
	static const struct {
		const char *name, *kept;
		const char *sub; /* NULL: refused */
	} rows[] = {
		{"voperson_id",
			"{\"client\":\"web\",\"claims\":{\"sub\":\"a\",\"voperson_id\":\"v\"}}",
			"v"},
		{"else sub", "{\"client\":\"web\",\"claims\":{\"sub\":\"a\"}}", "a"},
		{"no claims", "{\"client\":\"web\"}", NULL},
		{"claims of a wrong kind", "{\"client\":\"web\",\"claims\":[]}", NULL},
		{"no client", "{\"claims\":{\"sub\":\"a\"}}", NULL},
		{"no sub", "{\"client\":\"web\",\"claims\":{}}", NULL},
		{"groups of a wrong size", "{\"client\":\"web\",\"claims\":{\"sub\":\"a\\u0000\"}}",
			NULL},
	};
	struct world *w = *state;
	struct subject s;
	struct err e = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_JSON j = json_parse(span_of(rows[i].kept), NULL, NULL);
		CHECK_ROW(rows[i].name);
		assert_non_null(j);
		assert_int_equal(id_token_subject(&w->issuer, NULL, j, &w->mem, &s, &e),
			rows[i].sub != NULL);
		if (rows[i].sub == NULL) {
			assert_int_equal(e.code, ERR_UNAUTH);
			continue;
		}
		assert_true(s.authenticated);
		check_span(s.sub, rows[i].sub);
		check_span(s.iss, "https://op.test");
		check_span(s.client, "web");
		assert_null(s.local_user.p);
	}
}

/* sub stands in for another unique id only where the issuer was asked for that, and has none. */
static void
told(void **state)
{
#define KEPT(asked, more)                                                                          \
	"{\"client\":\"web\",\"asked\":" asked ",\"claims\":{\"sub\":\"a\"" more "}}"
	static const struct {
		const char *name;
		enum settings_enrich enrich;
		bool other; /* there is a second choice */
		const char *kept, *sub;
	} rows[] = {
		{"it is there", ENRICH_USERINFO, false, KEPT("false", ",\"voperson_id\":\"v\""),
			"v"},
		{"userinfo did not answer", ENRICH_USERINFO, false, KEPT("false", ""), NULL},
		{"nor is there another", ENRICH_USERINFO, false, KEPT("true", ""), NULL},
		{"a second choice, not asked", ENRICH_USERINFO, true, KEPT("false", ""), NULL},
		{"a second choice, asked", ENRICH_USERINFO, true, KEPT("true", ""), "a"},
		{"a second choice, and nobody to ask", ENRICH_NO, true, KEPT("false", ""), "a"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings_issuer settings = {.enrich = rows[i].enrich};
		AUTO_JSON j = json_parse(span_of(rows[i].kept), NULL, NULL);
		struct subject s = {.authenticated = false};
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		w->issuer.settings = &settings;
		w->issuer.user_else = rows[i].other ? SPAN("sub") : SPAN_NONE;
		assert_int_equal(id_token_subject(&w->issuer, NULL, j, &w->mem, &s, &e),
			rows[i].sub != NULL);
		if (rows[i].sub != NULL)
			check_span(s.sub, rows[i].sub);
		else
			assert_int_equal(e.code, ERR_UNAUTH);
	}
}

static void
linked(void **state)
{
	struct world *w = *state;
	struct issuers all = {.item = &w->issuer, .n = 1};
	AUTO_BUF report = BUF_INIT(4096);
	struct settings_issuer settings = {.issuer = "https://op.test"};
	struct accounts *a = NULL;
	struct subject s;
	AUTO_JSON j = json_parse(
		SPAN("{\"client\":\"web\",\"claims\":{\"sub\":\"a\",\"voperson_id\":\"v\","
		     "\"eduperson_entitlement\":[\"g1\",\"g2\"]}}"),
		NULL, NULL);

	w->issuer.settings = &settings;
	assert_true(accounts_load(
		SPAN("accounts:\n"
		     "  - {issuer: https://op.test, value: v, user: anna, proposals: [MX-1]}\n"),
		"accounts.yaml", &all, &report, &a, NULL));
	assert_true(id_token_subject(&w->issuer, a, j, &w->mem, &s, NULL));
	check_span(s.local_user, "anna");
	assert_int_equal(s.n_proposals, 1);
	assert_int_equal(s.n_entitlements, 2);
	accounts_free(a);
}

#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(headers),
		IN_WORLD(claims),
		IN_WORLD(hashes),
		IN_WORLD(userinfos),
		IN_WORLD(merged),
		IN_WORLD(bodies),
		IN_WORLD(signatures),
		IN_WORLD(too_much),
		IN_WORLD(subjects),
		IN_WORLD(told),
		IN_WORLD(linked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
