/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/proof.h"

#include "auth/jws.h"
#include "tests/unit/mint.h"

#define NOW   1800000000
#define TOKEN "a.token"
#define ORIG  "https://data.test/"

enum signer { ES, OTHER, RS, N_SIGNERS };

struct world {
	struct mint key[N_SIGNERS];
	struct buf jwk[N_SIGNERS];
	char jkt[N_SIGNERS][CLAIMS_BINDING_MAX + 1];
	struct settings_issuer settings;
	struct issuer issuer;
	struct replay *seen;
	struct arena mem;
};

/* base64url of the SHA-256 of a text. */
static void
hash_text(struct span s, struct buf *out)
{
	uint8_t digest[CRYPTO_SHA256_SIZE];

	assert_true(crypto_sha256(s, digest));
	base64_url_encode(out, digest, sizeof(digest));
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	for (int i = 0; i < N_SIGNERS; i++) {
		AUTO_BUF unused = BUF_INIT(8192);
		AUTO_BUF kid = BUF_INIT(64);
		w->key[i] = mint_key(i == RS ? "RS256" : "ES256", NULL);
		w->jwk[i] = (struct buf)BUF_INIT(4096);
		mint_jwk(&w->key[i], "", &w->jwk[i]);
		assert_true(crypto_key_jwk(w->key[i].key, &unused, &kid, NULL));
		assert_true(span_cstr(buf_span(&kid), w->jkt[i], sizeof(w->jkt[i])));
	}
	w->settings = (struct settings_issuer){.issuer = "https://a.test", .dpop = DPOP_OPTIONAL};
	w->issuer = (struct issuer){
		.iss = SPAN("https://a.test"), .settings = &w->settings, .leeway = 30};
	assert_true(replay_new(NOW - 3600, &w->seen, NULL));
	assert_true(arena_init(&w->mem, 1 << 20));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < N_SIGNERS; i++) {
		crypto_key_free(w->key[i].key);
		buf_fini(&w->jwk[i]);
	}
	replay_free(w->seen);
	arena_fini(&w->mem);
	free(w);
	return 0;
}

/* $E, $O, $R: the keys; $A: the hash of the token; $B: of another. */
static void
expand(const struct world *w, const char *text, struct buf *out)
{
	for (; *text != '\0'; text++) {
		if (*text != '$') {
			buf_addc(out, *text);
			continue;
		}
		text++;
		if (*text == 'A' || *text == 'B')
			hash_text(*text == 'A' ? SPAN(TOKEN) : SPAN("b.token"), out);
		else
			buf_add(out, buf_span(&w->jwk[*text == 'E'   ? ES
						      : *text == 'O' ? OTHER
								     : RS]));
	}
}

static void
make(const struct world *w, enum signer by, const char *header, const char *payload,
	struct buf *out)
{
	AUTO_BUF h = BUF_INIT(8192);
	AUTO_BUF p = BUF_INIT(8192);

	expand(w, header, &h);
	expand(w, payload, &p);
	mint_token(&w->key[by], buf_span(&h), buf_span(&p), out);
}

static const char *const host_names[] = {"alias.test", "other.test:8443", "[::1]:9443"};
static const struct settings_list hosts = {host_names, 3};

static struct auth_request
request_of(struct span proof)
{
	return (struct auth_request){
		.dpop = proof, .method = SPAN("GET"), .path = SPAN("/data/10.5072/x y/\xc3\xa9")};
}

static enum proof_verdict
check_at(struct world *w, const struct auth_request *q, int64_t now, struct err *e)
{
	const struct binding b = {.jkt = span_of(w->jkt[ES])};
	const struct proof_case c = {.request = q,
		.token = SPAN(TOKEN),
		.dpop = true,
		.origin = SPAN(ORIG),
		.hosts = &hosts,
		.mem = &w->mem};

	arena_reset(&w->mem);
	*e = (struct err){.code = ERR_NONE};
	return proof_check(w->seen, &w->issuer, &b, &c, now * 1000, e);
}

#define HEAD(x) "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":$E" x "}"
#define GOOD    HEAD("")
#define HTM     "\"htm\":\"GET\","
#define HTU     "\"htu\":\"https://data.test/data/10.5072/x%20y/%C3%A9\","
#define IAT     "\"iat\":1800000000,"
#define ATH     ",\"ath\":\"$A\"}"
#define U(uri)  "{" HTM "\"htu\":\"" uri "\"," IAT "\"jti\":\"" uri "\"" ATH
#define P       "data/10.5072/x%20y/%C3%A9"
#define T(iat)  "{" HTM HTU "\"iat\":" iat ",\"jti\":\"" iat "\"" ATH
#define J(jti)  "{" HTM HTU IAT "\"jti\":" jti ATH
#define X64     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

struct fact {
	const char *name;
	enum signer by;
	const char *header, *payload;
	const char *text; /* of the refusal; NULL: accepted */
};

static const struct fact rows[] = {
	{"good", ES, GOOD, J("\"good\""), NULL},
	{"typ in capitals", ES, "{\"typ\":\"DPoP+JWT\",\"alg\":\"ES256\",\"jwk\":$E}", J("\"typ\""),
		NULL},
	{"members that mean nothing", ES, HEAD(",\"kid\":\"k\",\"x\":1"),
		"{" HTM HTU IAT "\"nonce\":\"n\",\"jti\":\"more\"" ATH, NULL},
	{"jti of 256 bytes", ES, GOOD, J("\"" X64 X64 X64 X64 "\""), NULL},
	{"iat as a fraction", ES, GOOD, T("1799999999.5"), NULL},
	{"the oldest", ES, GOOD, T("1799999700"), NULL},
	{"the newest", ES, GOOD, T("1800000030"), NULL},
	{"exp and nbf that hold", ES, GOOD,
		"{" HTM HTU IAT "\"exp\":1800000001,\"nbf\":1800000030,\"jti\":\"exp\"" ATH, NULL},
	{"htu with the port", ES, GOOD, U("https://data.test:443/" P), NULL},
	{"htu with an empty port", ES, GOOD, U("https://data.test:/" P), NULL},
	{"htu in capitals", ES, GOOD, U("HTTPS://DATA.test/" P), NULL},
	{"htu with more escapes", ES, GOOD, U("https://data.test/%64ata/10.5072/x%20y/%c3%a9"),
		NULL},
	{"htu of an alias", ES, GOOD, U("https://alias.test/" P), NULL},
	{"htu of an alias with its port", ES, GOOD, U("https://other.test:8443/" P), NULL},
	{"htu of an address", ES, GOOD, U("https://[::1]:9443/" P), NULL},

	{"not by its key", OTHER, GOOD, J("\"a\""), "signature: not made"},
	{"another key", OTHER, "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":$O}", J("\"a\""),
		"(cnf.jkt)"},
	{"a key of another kind", RS, "{\"typ\":\"dpop+jwt\",\"alg\":\"RS256\",\"jwk\":$R}",
		J("\"a\""), "(cnf.jkt)"},
	{"alg of another kind", RS, "{\"typ\":\"dpop+jwt\",\"alg\":\"RS256\",\"jwk\":$E}",
		J("\"a\""), "alg: RS256 does not fit"},
	{"alg none", ES, "{\"typ\":\"dpop+jwt\",\"alg\":\"none\",\"jwk\":$E}", J("\"a\""), "alg: "},
	{"alg HS256", ES, "{\"typ\":\"dpop+jwt\",\"alg\":\"HS256\",\"jwk\":$E}", J("\"a\""),
		"alg: "},
	{"no alg", ES, "{\"typ\":\"dpop+jwt\",\"jwk\":$E}", J("\"a\""), "alg: "},
	{"no typ", ES, "{\"alg\":\"ES256\",\"jwk\":$E}", J("\"a\""), "typ: "},
	{"typ of a token", ES, "{\"typ\":\"at+jwt\",\"alg\":\"ES256\",\"jwk\":$E}", J("\"a\""),
		"typ: "},
	{"typ JWT", ES, "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"jwk\":$E}", J("\"a\""), "typ: "},
	{"crit", ES, HEAD(",\"crit\":[\"b64\"]"), J("\"a\""), "crit: "},
	{"b64", ES, HEAD(",\"b64\":true"), J("\"a\""), "b64: "},
	{"no jwk", ES, "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\"}", J("\"a\""), "jwk: is missing"},
	{"jwk text", ES, "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":\"x\"}", J("\"a\""),
		"jwk: is a string"},
	{"jwk twice", ES, HEAD(",\"jwk\":$E"), J("\"a\""), "header: "},
	{"jwk of nothing", ES, "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{}}", J("\"a\""),
		"jwk: not a public key"},
	{"jwk symmetric", ES,
		"{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}",
		J("\"a\""), "jwk: not a public key"},

	{"another method", ES, GOOD, "{\"htm\":\"POST\"," HTU IAT "\"jti\":\"a\"" ATH,
		"htm: of another method"},
	{"HEAD is not GET", ES, GOOD, "{\"htm\":\"HEAD\"," HTU IAT "\"jti\":\"a\"" ATH, "htm: "},
	{"method in small letters", ES, GOOD, "{\"htm\":\"get\"," HTU IAT "\"jti\":\"a\"" ATH,
		"htm: "},
	{"no htm", ES, GOOD, "{" HTU IAT "\"jti\":\"a\"" ATH, "htm: is missing"},
	{"htm list", ES, GOOD, "{\"htm\":[\"GET\"]," HTU IAT "\"jti\":\"a\"" ATH, "htm: is a"},

	{"no htu", ES, GOOD, "{" HTM IAT "\"jti\":\"a\"" ATH, "htu: is missing"},
	{"another path", ES, GOOD, U("https://data.test/data/10.5072/y"), "htu: of another path"},
	{"a longer path", ES, GOOD, U("https://data.test/" P "/"), "htu: of another path"},
	{"a shorter path", ES, GOOD, U("https://data.test/data/10.5072/x%20y/"), "another path"},
	{"no path", ES, GOOD, U("https://data.test"), "htu: of another path"},
	{"a path decoded twice", ES, GOOD, U("https://data.test/data/10.5072/x%2520y/%C3%A9"),
		"htu: of another path"},
	{"a path with an encoded slash", ES, GOOD,
		U("https://data.test/data%2F10.5072/x%20y/%C3%A9"), "htu: of another path"},
	{"a path with dots", ES, GOOD, U("https://data.test/data/../" P), "another path"},
	{"a path with half an escape", ES, GOOD, U("https://data.test/data/10.5072/x%2"),
		"another path"},
	{"a path that is not ASCII", ES, GOOD, U("https://data.test/data/10.5072/x%20y/\xc3\xa9"),
		"another path"},
	{"htu with a query", ES, GOOD, U("https://data.test/" P "?a=b"), "htu: holds a query"},
	{"htu with a fragment", ES, GOOD, U("https://data.test/" P "#a"), "htu: holds a query"},
	{"htu of http", ES, GOOD, U("http://data.test/" P), "htu: of another server"},
	{"htu of another host", ES, GOOD, U("https://evil.test/" P), "htu: of another server"},
	{"htu of another port", ES, GOOD, U("https://data.test:8443/" P), "htu: of another server"},
	{"htu of an alias, another port", ES, GOOD, U("https://alias.test:8443/" P),
		"htu: of another server"},
	{"htu of an alias without its port", ES, GOOD, U("https://other.test/" P),
		"htu: of another server"},
	{"htu with a user", ES, GOOD, U("https://data.test@evil.test/" P), "another server"},
	{"htu with a user of ours", ES, GOOD, U("https://evil.test@data.test/" P),
		"another server"},
	{"htu with a longer host", ES, GOOD, U("https://data.test.evil/" P), "another server"},
	{"htu with a port out of range", ES, GOOD, U("https://data.test:65979/" P),
		"another server"},
	{"htu of a path alone", ES, GOOD, U("/" P), "htu: not an absolute URI"},
	{"htu without a host", ES, GOOD, U("https:///" P), "htu: not an absolute URI"},
	{"htu without slashes", ES, GOOD, U("https:data.test/" P), "htu: not an absolute URI"},

	{"too old", ES, GOOD, T("1799999699"), "iat: made 301 s ago"},
	{"from the future", ES, GOOD, T("1800000031"), "iat: made 31 s in the future"},
	{"iat text", ES, GOOD, "{" HTM HTU "\"iat\":\"1800000000\",\"jti\":\"a\"" ATH, "iat: is a"},
	{"no iat", ES, GOOD, "{" HTM HTU "\"jti\":\"a\"" ATH, "iat: is missing"},
	{"iat 0", ES, GOOD, T("0"), "iat: not a time"},
	{"iat 2^53", ES, GOOD, T("9007199254740992"), "iat: not a time"},
	{"iat milliseconds", ES, GOOD, T("1800000000000"), "in the future"},
	{"exp past", ES, GOOD, "{" HTM HTU IAT "\"exp\":1800000000,\"jti\":\"a\"" ATH, "exp: "},
	{"exp text", ES, GOOD, "{" HTM HTU IAT "\"exp\":\"x\",\"jti\":\"a\"" ATH, "exp: "},
	{"nbf to come", ES, GOOD, "{" HTM HTU IAT "\"nbf\":1800000031,\"jti\":\"a\"" ATH, "nbf: "},

	{"no jti", ES, GOOD, "{" HTM HTU IAT "\"x\":1" ATH, "jti: is missing"},
	{"jti empty", ES, GOOD, J("\"\""), "jti: expected 1 to 256"},
	{"jti number", ES, GOOD, J("7"), "jti: is an integer"},
	{"jti of 257 bytes", ES, GOOD, J("\"" X64 X64 X64 X64 "x\""), "jti: expected 1 to 256"},

	{"no ath", ES, GOOD, "{" HTM HTU IAT "\"jti\":\"a\"}", "ath: is missing"},
	{"ath of another token", ES, GOOD, "{" HTM HTU IAT "\"jti\":\"a\",\"ath\":\"$B\"}",
		"ath: "},
	{"ath with padding", ES, GOOD, "{" HTM HTU IAT "\"jti\":\"a\",\"ath\":\"$A=\"}", "ath: "},
	{"payload twice htm", ES, GOOD, "{" HTM HTM HTU IAT "\"jti\":\"a\"" ATH, "payload: "},
};

/* The one table: each accepted proof is refused the second time, whatever refused ones did between.
 */
static void
proofs(void **state)
{
	struct world *w = *state;
	struct err e;

	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_BUF text = BUF_INIT(16384);
		const struct fact *r = &rows[k];
		CHECK_ROW(r->name);
		make(w, r->by, r->header, r->payload, &text);
		struct auth_request q = request_of(buf_span(&text));
		enum proof_verdict v = check_at(w, &q, NOW, &e);
		if (r->text == NULL && v != PROOF_GOOD)
			fail_msg("refused: %s", e.msg);
		assert_int_equal(v, r->text == NULL ? PROOF_GOOD : PROOF_BAD);
		if (r->text == NULL) {
			assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
			assert_non_null(strstr(e.msg, "jti: this proof was used already"));
			q.again = true;
			assert_int_equal(check_at(w, &q, NOW + 7200, &e), PROOF_GOOD);
			continue;
		}
		assert_non_null(e.ref);
		assert_int_equal(e.code, ERR_UNAUTH);
		if (strncmp(e.msg, "DPoP proof: ", 12) != 0 || strstr(e.msg, r->text) == NULL)
			fail_msg("got \"%s\", want \"%s\"", e.msg, r->text);
	}
}

/* A question that is asked again for a body in work forgives age and use, and nothing else. */
static void
asked_again(void **state)
{
	struct world *w = *state;
	AUTO_BUF text = BUF_INIT(16384);
	AUTO_BUF forged = BUF_INIT(16384);
	struct err e;

	make(w, ES, GOOD, J("\"again\""), &text);
	make(w, OTHER, GOOD, J("\"again\""), &forged);
	struct auth_request q = request_of(buf_span(&text));
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_GOOD);
	q.again = true;
	for (int i = 0; i < 3; i++)
		assert_int_equal(check_at(w, &q, NOW + i * 1000, &e), PROOF_GOOD);
	q.path = SPAN("/data/10.5072/other");
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	q = request_of(buf_span(&forged));
	q.again = true;
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	q = request_of(buf_span(&text));
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
}

/* The field itself. */
static void
fields(void **state)
{
	struct world *w = *state;
	AUTO_BUF text = BUF_INIT(16384);
	AUTO_BUF odd = BUF_INIT(16384);
	struct err e;

	make(w, ES, GOOD, J("\"field\""), &text);
	struct auth_request q = request_of(SPAN_NONE);
	CHECK_ROW("none");
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	assert_non_null(strstr(e.msg, "no DPoP field"));
	CHECK_ROW("two");
	q = request_of(buf_span(&text));
	q.two_proofs = true;
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	assert_non_null(strstr(e.msg, "more than one DPoP field"));
	static const char *const bad[] = {"", "x", "..", "a.b.c", "a.b.c.d.e", "{}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_ROW(bad[i]);
		q = request_of(span_of(bad[i]));
		assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	}
	CHECK_ROW("two in one field");
	buf_add(&odd, buf_span(&text));
	buf_addc(&odd, ',');
	buf_add(&odd, buf_span(&text));
	q = request_of(buf_span(&odd));
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	CHECK_ROW("a bit of the signature changed");
	buf_reset(&odd);
	buf_add(&odd, buf_span(&text));
	odd.p[odd.n - 10] = odd.p[odd.n - 10] == 'A' ? 'B' : 'A';
	q = request_of(buf_span(&odd));
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	CHECK_ROW("cut");
	q = request_of(span_first(buf_span(&text), text.n - 1));
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	CHECK_ROW("too long");
	buf_reset(&odd);
	while (odd.n <= PROOF_MAX)
		buf_addc(&odd, 'a');
	q = request_of(buf_span(&odd));
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	assert_non_null(strstr(e.msg, "at most 8192"));
	CHECK_ROW("none of these used the good one up");
	q = request_of(buf_span(&text));
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_GOOD);
	CHECK_ROW("a full arena is a limit of ours");
	w->mem.cap = 64;
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_LATER);
	assert_int_equal(e.code, ERR_LIMIT);
	w->mem.cap = 1 << 20;
}

/* Keys that are no keys: private members, weak ones, points that lie nowhere. */
static void
hostile_keys(void **state)
{
	static const struct {
		const char *name, *jwk, *text;
	} keys[] = {
		{"private",
			"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"a\",\"y\":\"b\",\"d\":\"c\"}",
			"PRIVATE KEY MATERIAL"},
		{"not on the curve",
			"{\"kty\":\"EC\",\"crv\":\"P-256\","
			"\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
			"\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}",
			"not on the curve"},
		{"another curve", "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"a\",\"y\":\"b\"}",
			"P-256 or P-384"},
		{"weak RSA", "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "2048 to 8192"},
		{"OKP", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"a\",\"y\":\"\"}",
			"neither RSA nor EC"},
		{"for encryption",
			"{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"enc\","
			"\"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs\","
			"\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\"}",
			"use is not sig"},
	};
	struct world *w = *state;

	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		AUTO_BUF header = BUF_INIT(4096);
		AUTO_BUF proof = BUF_INIT(16384);
		AUTO_BUF canon = BUF_INIT(4096);
		AUTO_BUF jkt = BUF_INIT(64);
		AUTO_JSON j = json_parse(span_of(keys[k].jwk), NULL, NULL);
		struct jsonw o;
		struct span v;
		struct err e = {0};
		CHECK_ROW(keys[k].name);
		/* Its thumbprint is what the token is bound to: only the key itself is wrong. */
		jsonw_init(&o, &canon);
		jsonw_obj(&o, NULL);
		static const char *const members[] = {"crv", "e", "kty", "n", "x", "y"};
		for (size_t m = 0; m < 6; m++)
			if (json_get_str(j, members[m], &v))
				jsonw_str(&o, members[m], v);
		jsonw_end(&o, '}');
		hash_text(buf_span(&canon), &jkt);
		buf_addf(&header, "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":%s}",
			keys[k].jwk);
		buf_addc(&header, '\0');
		make(w, ES, header.p, J("\"k\""), &proof);
		const struct auth_request q = request_of(buf_span(&proof));
		const struct binding b = {.jkt = buf_span(&jkt)};
		const struct proof_case c = {
			&q, SPAN(TOKEN), true, SPAN("https://data.test"), NULL, &w->mem};
		arena_reset(&w->mem);
		assert_int_equal(
			proof_check(w->seen, &w->issuer, &b, &c, NOW * 1000LL, &e), PROOF_BAD);
		if (strstr(e.msg, keys[k].text) == NULL)
			fail_msg("got \"%s\", want \"%s\"", e.msg, keys[k].text);
	}
}

/* Which token goes with which scheme, by the issuer's setting; and certificates. */
static void
schemes(void **state)
{
	enum { PLAIN, JKT, X5T, BOTH };
	enum { NO, GOOD_ONE, OTHER_ONE };
	static const struct {
		const char *name;
		enum settings_dpop setting;
		int token;
		bool dpop;
		int certificate;
		enum proof_verdict want;
		const char *text;
	} facts[] = {
		{"plain", DPOP_OPTIONAL, PLAIN, false, NO, PROOF_GOOD, NULL},
		{"plain, certificate shown", DPOP_NO, PLAIN, false, GOOD_ONE, PROOF_GOOD, NULL},
		{"plain where DPoP is required", DPOP_REQUIRED, PLAIN, false, NO, PROOF_TOKEN,
			"must be bound by DPoP"},
		{"plain by DPoP", DPOP_OPTIONAL, PLAIN, true, NO, PROOF_TOKEN, "cnf: no jkt"},
		{"plain by DPoP where it is required", DPOP_REQUIRED, PLAIN, true, NO, PROOF_TOKEN,
			"cnf: no jkt"},
		{"bound", DPOP_OPTIONAL, JKT, true, NO, PROOF_GOOD, NULL},
		{"bound where it is required", DPOP_REQUIRED, JKT, true, NO, PROOF_GOOD, NULL},
		{"bound by Bearer", DPOP_OPTIONAL, JKT, false, NO, PROOF_TOKEN,
			"cnf: bound to a key (DPoP)"},
		{"bound by Bearer where there is no DPoP", DPOP_NO, JKT, false, NO, PROOF_TOKEN,
			"cnf: bound to a key (DPoP)"},
		{"bound where there is no DPoP", DPOP_NO, JKT, true, NO, PROOF_TOKEN,
			"not accepted for this issuer"},
		{"certificate", DPOP_NO, X5T, false, GOOD_ONE, PROOF_GOOD, NULL},
		{"no certificate", DPOP_NO, X5T, false, NO, PROOF_TOKEN, "none was shown"},
		{"another certificate", DPOP_NO, X5T, false, OTHER_ONE, PROOF_TOKEN,
			"another TLS client certificate"},
		{"certificate by DPoP", DPOP_OPTIONAL, X5T, true, GOOD_ONE, PROOF_TOKEN,
			"cnf: no jkt"},
		{"certificate where DPoP is required", DPOP_REQUIRED, X5T, false, GOOD_ONE,
			PROOF_TOKEN, "must be bound by DPoP"},
		{"both", DPOP_OPTIONAL, BOTH, true, GOOD_ONE, PROOF_GOOD, NULL},
		{"both, no certificate", DPOP_OPTIONAL, BOTH, true, NO, PROOF_TOKEN,
			"none was shown"},
		{"both by Bearer", DPOP_OPTIONAL, BOTH, false, GOOD_ONE, PROOF_TOKEN,
			"cnf: bound to a key (DPoP)"},
	};
	static const uint8_t certificates[2][CRYPTO_SHA256_SIZE] = {{1}, {2}};
	struct world *w = *state;
	AUTO_BUF x5t = BUF_INIT(64);

	base64_url_encode(&x5t, certificates[0], CRYPTO_SHA256_SIZE);
	for (size_t k = 0; k < sizeof(facts) / sizeof(facts[0]); k++) {
		AUTO_BUF proof = BUF_INIT(16384);
		AUTO_BUF payload = BUF_INIT(4096);
		struct err e = {0};
		CHECK_ROW(facts[k].name);
		buf_adds(&payload, "{" HTM HTU IAT "\"jti\":\"scheme ");
		buf_addu(&payload, k);
		buf_adds(&payload, "\"" ATH);
		buf_addc(&payload, '\0');
		make(w, ES, GOOD, payload.p, &proof);
		struct auth_request q = request_of(buf_span(&proof));
		if (facts[k].certificate != NO)
			q.certificate = certificates[facts[k].certificate == OTHER_ONE];
		bool jkt = facts[k].token == JKT || facts[k].token == BOTH;
		bool tls = facts[k].token == X5T || facts[k].token == BOTH;
		const struct binding b = {
			jkt ? span_of(w->jkt[ES]) : SPAN_NONE, tls ? buf_span(&x5t) : SPAN_NONE};
		const struct proof_case c = {
			&q, SPAN(TOKEN), facts[k].dpop, SPAN(ORIG), &hosts, &w->mem};
		w->settings.dpop = facts[k].setting;
		arena_reset(&w->mem);
		assert_int_equal(
			proof_check(w->seen, &w->issuer, &b, &c, NOW * 1000LL, &e), facts[k].want);
		if (facts[k].text != NULL && strstr(e.msg, facts[k].text) == NULL)
			fail_msg("got \"%s\", want \"%s\"", e.msg, facts[k].text);
	}
	w->settings.dpop = DPOP_OPTIONAL;
}

/* A server that has just started cannot know what was used before. */
static void
young(void **state)
{
	struct world *w = *state;
	struct replay *old = w->seen;
	AUTO_BUF early = BUF_INIT(16384);
	AUTO_BUF late = BUF_INIT(16384);
	struct err e;

	make(w, ES, GOOD, T("1799999999"), &early);
	make(w, ES, GOOD, T("1800000000"), &late);
	assert_true(replay_new(NOW - 30, &w->seen, NULL));
	struct auth_request q = request_of(buf_span(&early));
	assert_int_equal(check_at(w, &q, NOW - 1, &e), PROOF_LATER);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	assert_string_equal(e.ref, "RFC 9449 11.1");
	q = request_of(buf_span(&late));
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_GOOD);
	assert_int_equal(check_at(w, &q, NOW, &e), PROOF_BAD);
	replay_free(w->seen);
	w->seen = old;
}

/* Proofs that others made: RFC 9449 7.1, figure 12, and algorithms that our own signer lacks. */
static void
vectors(void **state)
{
	static const struct {
		const char *name, *jkt, *token, *origin, *path;
		int64_t now;
		const char *proof;
		bool good;
	} others[] = {
		{"RFC 9449", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
			"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
			"https://resource.example.org", "/protectedresource", 1562262618,
			"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Im"
			"w4dEZyaHgt"
			"MzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NH"
			"piVFRsY3VO"
			"SmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19."
			"eyJqdGkiOiJlMWozVl9iS2ljOC1MQUV"
			"CIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90Z"
			"WN0ZWRyZXN"
			"vdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXW"
			"G9hTnk1OUl"
			"pS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-"
			"yqyVnmcw6Fy"
			"1dqd-jfxSYoMxhAJpLjA",
			true},
		{"ES384", "w_-w3fzceQaNjyDw7HejfKn7FJScDaYJyWpxXTrr1xw", TOKEN, ORIG, "/data/x",
			NOW,
			"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMzg0IiwiandrIjp7Imt0eSI6IkVDIiwiY3J2Ij"
			"oiUC0zODQi"
			"LCJ4IjoiQVJvbWZIUzVZMGpjYzBqX29FZTJBQ1A1dnJqOWV2ZmVfSGp6RV9xdHp2bXlNUmZrMW"
			"R3SDVXdlVH"
			"S3dISVJLNCIsInkiOiIzNThaejFpZ0dfaTE3Y1cxMkRVVloxdHVsSkRMT3JHWVZ6ZlNoTkYyQV"
			"dCSGxSd3lX"
			"XzBXdEJEM2lyLUhEaU0tIn19."
			"eyJqdGkiOiJ2MSIsImh0bSI6IkdFVCIsImh0dSI6Imh0dHBzOi8vZGF0YS5"
			"0ZXN0L2RhdGEveCIsImlhdCI6MTgwMDAwMDAwMCwiYXRoIjoicnBwWDF6SzZZOUNENGFNSk1zc"
			"2J2clBTdlk"
			"4WFRHNTRSQk1DUXRkNGVsWSJ9.PdY-"
			"lnDw08rNJKIh6PjR6RJDJ7fTlRUdyFk9c3urNm1kqSmPRi-LY1s2El"
			"N1TyyPo0zcZW4OtWH1-jwQ4l7VDMNk07JH9z7yHHaX8RjRisZ6WXrmGzRH-OhAZA-GRmM-",
			true},
		{"PS256", "zqoM0MEI-jsjdQX6XfWXdfhOUdc5bhvIB65GxtrRof4", TOKEN, ORIG, "/data/x",
			NOW,
			"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IlBTMjU2IiwiandrIjp7Imt0eSI6IlJTQSIsIm4iOi"
			"IxaDFFcU5n"
			"eHE0d2szbW9EZWxaaWwyOWZqZGpnZTFveTk2ZU9Db0FRN2JMSWhtVUJsdzZsRUNlcXhsbmRKd3"
			"dwaW9maDFV"
			"R2FJSzdUSldDcVVOMXR5bjVNVmQtMU5udDMyZjdETC1VaF9VcUppdHJzOVZkZXVVaHRkMXBxem"
			"xnS2ZKU1R0"
			"Z1JOd2tTNnJqTjlFMHl5T2wyNFdKbG9oTExsaTZ2cDNKZVdlZXkycjZsR1JqdmVQaUhkUDdZdG"
			"xaalB1UTBl"
			"X195cm5LblFwbWYzNnFyaTdnRUsySlhGb1FmWTdQLXBscE5BMVl6UkZpZFBWaE9Vak9Idi1fWU"
			"JLZ25DNUF0"
			"UldDaVAzNUhPTnV6U2xLb19qa2RjMmUxbW5oR1hpeHdUaVlTMG5QVGFTZGkwUkdoWkNkS2FvSm"
			"tnakpIdWsx"
			"eU9LOHNFUjFQOVNTUi1rVHlWTXciLCJlIjoiQVFBQiJ9fQ."
			"eyJqdGkiOiJ2MSIsImh0bSI6IkdFVCIsImh0d"
			"SI6Imh0dHBzOi8vZGF0YS50ZXN0L2RhdGEveCIsImlhdCI6MTgwMDAwMDAwMCwiYXRoIjoicnB"
			"wWDF6SzZZO"
			"UNENGFNSk1zc2J2clBTdlk4WFRHNTRSQk1DUXRkNGVsWSJ9."
			"aMKs4Hb4lP2Quu8XbLaRG20lzINocaESYWXm"
			"A5G8oq6Ws-VTUwKO0OH2BR32IAGfdbBPZLoyEiSzfj0916e-cQhXDc862ZZCC0OL5sCm-"
			"2yv6J5ADs8-hTuq"
			"cgAiN_XKP4DtqGvX_yF1W6VKY-9OfR--lU0b6CXgx4AiOBus-"
			"6TyrNoljxmTOcYr70NgUbPG1ghSwMCKV426"
			"s463DMcTdGyUzMXhAsJURO82zOtL0iMuAVHlrjw6XW2p1IR6c5xSusY82rn3cSMDaKoGCvEmg1"
			"S5ENh0-Ocf"
			"VrIvySzzwx2ZWNZ0wxNHq_Cdld49h9LCe-V1ZxbGNJWIpWF9qUaV3Q",
			true},
		{"RSA of 1024 bits", "KAcbuJhl8qW5q4EWs-NQRvsZ_Bn8J3rb7ag21fHScNo", TOKEN, ORIG,
			"/data/x", NOW,
			"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IlJTMjU2IiwiandrIjp7Imt0eSI6IlJTQSIsIm4iOi"
			"J3WTRDdXFE"
			"ajhEVUJRa0ZNTGJkc3hXT09TWHJWWXoyZ2NjcWJaN1hhVUhlT0hReWRkRkc0WWFCUUEwdHlFRD"
			"hOSEJSODJk"
			"ZjQ3SVVMc1ZMblo2d09pZFRKQ2xsWkxWY3l1SGN4TTZsVXBMN2JoX1h1ZHdOVXppLTV5cHl0NT"
			"BMQ1dIRmRw"
			"RjlfRUZEd2FoOG1TQjJXUjBtLW1VTDhvVzBfN090VVpFWmZ4bTAiLCJlIjoiQVFBQiJ9fQ."
			"eyJqdGkiOiJ2M"
			"SIsImh0bSI6IkdFVCIsImh0dSI6Imh0dHBzOi8vZGF0YS50ZXN0L2RhdGEveCIsImlhdCI6MTg"
			"wMDAwMDAwM"
			"CwiYXRoIjoicnBwWDF6SzZZOUNENGFNSk1zc2J2clBTdlk4WFRHNTRSQk1DUXRkNGVsWSJ9."
			"UDTxOC2kkjyI"
			"HQHu51TdFcm0czhB5ZXYGmiuGnqyQ6GMQHHx3A5KkMSujgld6WFR6-m-NZcQ-Ay5PNU_"
			"LBiUgKIySu4_uO-_"
			"hTMznYIArS505f2-SoY1yXjf2WQDK_N6kQL2MpFy_PolU7qMvIRfW-4kJ21VRYKKeqEe-"
			"eLN368",
			false},
	};
	struct world *w = *state;

	for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
		struct replay *seen = NULL;
		struct err e = {0};
		CHECK_ROW(others[k].name);
		assert_true(replay_new(others[k].now - 3600, &seen, NULL));
		const struct auth_request q = {.dpop = span_of(others[k].proof),
			.method = SPAN("GET"),
			.path = span_of(others[k].path)};
		const struct binding b = {.jkt = span_of(others[k].jkt)};
		const struct proof_case c = {&q, span_of(others[k].token), true,
			span_of(others[k].origin), NULL, &w->mem};
		for (int again = 0; again < 2; again++) {
			arena_reset(&w->mem);
			enum proof_verdict v =
				proof_check(seen, &w->issuer, &b, &c, others[k].now * 1000, &e);
			if (others[k].good && again == 0 && v != PROOF_GOOD)
				fail_msg("%s", e.msg);
			assert_int_equal(v, others[k].good && again == 0 ? PROOF_GOOD : PROOF_BAD);
		}
		replay_free(seen);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proofs),
		cmocka_unit_test(asked_again),
		cmocka_unit_test(fields),
		cmocka_unit_test(hostile_keys),
		cmocka_unit_test(schemes),
		cmocka_unit_test(young),
		cmocka_unit_test(vectors),
	};
	return cmocka_run_group_tests_name("proof", tests, setup, teardown);
}
