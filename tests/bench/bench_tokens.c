/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the check of a token costs, beside the bare signature, in one process and thread: see
 * tests/bench/tokens, which runs this.  Each round measures all rows on the same tokens one after
 * the other, by the CPU time of the thread; a row's figure and ratio are medians over the rounds.
 */
#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "agent/base/jsonw.h"
#include "auth/auth.h"
#include "auth/issuers.h"
#include "auth/jws.h"
#include "auth/keyring.h"
#include "auth/keys.h"
#include "auth/oidc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define ROUNDS_MAX 101U
#define DER_MAX    80U
#define SIG_MAX    256U
#define EXP        4000000000L
#define NOW_MS     1800000000000L

enum alg { RS256, ES256, ALGS };
static const char *const alg_name[ALGS] = {"RS256", "ES256"};

/* What is measured.  RAW is the unit of the ratios. */
enum row {
	RAW,
	STAGE,
	PAYLOAD,
	STAGE_NET, /* STAGE without PAYLOAD: what goal G4 is about */
	LIBRARY,
	LIBRARY_PAYLOAD,
	LIBRARY_NET, /* LIBRARY without LIBRARY_PAYLOAD: its floor (SIG-5) */
	CHECK_KEPT,
	CHECK_LIBRARY,
	CACHED,
	ROWS
};
static const struct {
	const char *key, *text;
	double goal[ALGS]; /* lowest ratio; 0: none */
} rows[ROWS] = {
	[RAW] = {"raw", "EVP_PKEY_verify on a ready digest", {0, 0}},
	[STAGE] = {"stage_all", "kept-key: token text to verdict", {0, 0}},
	[PAYLOAD] = {"payload", "  of it the payload's JSON", {0, 0}},
	[STAGE_NET] = {"stage", "kept-key: signature stage", {0.80, 0.80}},
	[LIBRARY] = {"liboauth2_all", "liboauth2 alone (jwk verifier)", {0, 0}},
	[LIBRARY_PAYLOAD] = {"liboauth2_payload", "  of it the payload's JSON", {0, 0}},
	[LIBRARY_NET] = {"liboauth2", "liboauth2: signature stage", {0.30, 0.55}},
	[CHECK_KEPT] = {"check_kept", "whole check of a new token, kept-key", {0, 0}},
	[CHECK_LIBRARY] = {"check_liboauth2", "whole check of a new token, liboauth2", {0, 0}},
	[CACHED] = {"cached", "check of a token that was seen before", {0, 0}},
};

struct sample {
	char *field;       /* "Bearer TOKEN" */
	struct span token; /* in it */
	uint8_t digest[CRYPTO_SHA256_SIZE];
	uint8_t sig[SIG_MAX]; /* as EVP_PKEY_verify takes it */
	size_t n_sig;
};

struct bench {
	size_t n;
	unsigned rounds;
	struct crypto_key *key[ALGS];
	struct sample *sample[ALGS];
	EVP_PKEY_CTX *raw[ALGS];
	struct buf jwks;
	struct keys *keys;
	struct oidc *oidc;
	struct oidc_verifier *verifier[ALGS];
	struct settings settings;
	struct settings_issuer issuer;
	struct arena mem;
	double ns[ROWS][ALGS][ROUNDS_MAX];
	double speed[ALGS]; /* verifications a second by `openssl speed`; 0: not given */
};

static void
must(bool fact, const char *what)
{
	if (fact)
		return;
	(void)fprintf(stderr, "bench_tokens: %s\n", what);
	exit(1);
}

static int64_t
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- keys and tokens ---- */

static void
make_key(struct bench *b, enum alg a)
{
	AUTO_BUF pem = BUF_INIT(16384);
	AUTO_BUF jwk = BUF_INIT(16384);

	must(crypto_key_generate(alg_name[a], &pem, NULL) &&
			crypto_key_load(buf_span(&pem), &b->key[a], NULL) &&
			crypto_key_jwk(b->key[a], &jwk, NULL, NULL),
		"cannot make a key");
	buf_addc(&b->jwks, a == 0 ? '{' : ',');
	if (a == 0)
		buf_adds(&b->jwks, "\"keys\":[");
	buf_add(&b->jwks, buf_span(&jwk));
	if (a == ALGS - 1)
		buf_adds(&b->jwks, "]}");
}

/* The claims of an ordinary facility token: RFC 9068, with two entitlements. */
static void
write_token(struct bench *b, enum alg a, size_t i, struct buf *out)
{
	AUTO_BUF header = BUF_INIT(4096);
	AUTO_BUF payload = BUF_INIT(4096);
	AUTO_BUF sig = BUF_INIT(4096);
	struct span kid = keys_at(b->keys, a)->kid;

	buf_addf(&header, "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%.*s\"}", alg_name[a],
		SPAN_ARG(kid));
	buf_addf(&payload,
		"{\"iss\":\"https://login.example.org\",\"sub\":\"u%08zu@users.example.org\","
		"\"aud\":\"https://data.example.org/\",\"exp\":%ld,\"iat\":1799999000,"
		"\"jti\":\"6b0f4bd2-%08zu\",\"client_id\":\"pan-agent-cli\","
		"\"scope\":\"openid profile entitlements\",\"entitlements\":["
		"\"urn:geant:example.org:group:pan:proposal:MX-1234:role=PI#login.example.org\","
		"\"urn:geant:example.org:group:pan:staff#login.example.org\"]}",
		i, EXP, i);
	base64_url_encode(out, header.p, header.n);
	buf_addc(out, '.');
	base64_url_encode(out, payload.p, payload.n);
	must(crypto_key_sign(b->key[a], span_skip(buf_span(out), 7), &sig, NULL), "cannot sign");
	buf_addc(out, '.');
	base64_url_encode(out, sig.p, sig.n);
}

/* RFC 7518 3.4: r and s as the DER that libcrypto reads. */
static size_t
der_of(const struct jws *j, uint8_t out[SIG_MAX])
{
	int half = (int)j->n_sig / 2;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *at = out;

	must(sig != NULL &&
			ECDSA_SIG_set0(sig, BN_bin2bn(j->sig, half, NULL),
				BN_bin2bn(j->sig + half, half, NULL)) == 1 &&
			i2d_ECDSA_SIG(sig, NULL) <= (int)DER_MAX,
		"no signature");
	size_t n = (size_t)i2d_ECDSA_SIG(sig, &at);
	ECDSA_SIG_free(sig);
	return n;
}

static void
make_sample(struct bench *b, enum alg a, size_t i)
{
	struct sample *s = &b->sample[a][i];
	AUTO_BUF field = BUF_INIT(16384);
	AUTO_JWS j = {.token = SPAN_NONE};

	buf_adds(&field, "Bearer ");
	write_token(b, a, i, &field);
	buf_addc(&field, '\0');
	must(buf_ok(&field), "no memory");
	s->token = (struct span){field.p + 7, field.n - 8};
	s->field = field.p;
	field = (struct buf)BUF_INIT(0);
	arena_reset(&b->mem);
	must(jws_parse(s->token, &b->mem, &j, NULL) && crypto_sha256(j.input, s->digest),
		"a token of ours is not read");
	if (a == ES256) {
		s->n_sig = der_of(&j, s->sig);
		return;
	}
	must(j.n_sig <= SIG_MAX, "a long signature");
	memcpy(s->sig, j.sig, j.n_sig);
	s->n_sig = j.n_sig;
}

static void
make_raw(struct bench *b, enum alg a)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, keys_at(b->keys, a)->pkey, NULL);

	must(c != NULL && EVP_PKEY_verify_init(c) == 1 &&
			(a != RS256 || EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1) &&
			EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1,
		"libcrypto: no context");
	b->raw[a] = c;
}

static void
make_all(struct bench *b)
{
	struct err e = {.code = ERR_NONE};

	must(arena_init(&b->mem, 1U << 20) && crypto_prepare(NULL), "no memory");
	for (enum alg a = RS256; a < ALGS; a++)
		make_key(b, a);
	must(keys_load(
		     buf_span(&b->jwks), 1U << JWS_RS256 | 1U << JWS_ES256, NULL, &b->keys, NULL) &&
			keys_count(b->keys) == ALGS && oidc_start(ALGS, &b->oidc, &e),
		"keys are not read");
	for (enum alg a = RS256; a < ALGS; a++) {
		b->sample[a] = calloc(b->n, sizeof(*b->sample[a]));
		must(b->sample[a] != NULL, "no memory");
		for (size_t i = 0; i < b->n; i++)
			make_sample(b, a, i);
		make_raw(b, a);
		must(oidc_verifier_new(b->oidc, keys_at(b->keys, a)->jwk, &b->verifier[a], &e),
			"liboauth2: no verifier");
	}
	b->issuer = (struct settings_issuer){.issuer = "https://login.example.org",
		.name = "Example",
		.profile = "generic",
		.jwks_file = "jwks",
		.require_kid = -1,
		.path_scopes = -1,
		.allow_any_audience = -1,
		.require_iat = -1};
	b->settings = (struct settings){.file = "agent.yaml",
		.public_url = "https://data.example.org",
		.issuers = &b->issuer,
		.n_issuers = 1};
}

/* A door of our own with an empty cache: what was seen in another round is new again. */
static struct auth *
door(struct bench *b, bool kept)
{
	const struct span jwks[] = {buf_span(&b->jwks)};
	AUTO_BUF report = BUF_INIT(8192);
	struct auth *a = NULL;

	b->settings.kept_keys = kept;
	must(auth_load(&b->settings, &(struct auth_texts){.jwks = jwks}, NULL, &report, &a, NULL),
		"the settings are not read");
	return a;
}

/* ---- measuring: each returns the nanoseconds for all samples ---- */

static int64_t
time_raw(struct bench *b, enum alg a)
{
	int64_t from = cpu_ns();

	for (size_t i = 0; i < b->n; i++) {
		const struct sample *s = &b->sample[a][i];
		must(EVP_PKEY_verify(b->raw[a], s->sig, s->n_sig, s->digest, sizeof(s->digest)) ==
				1,
			"libcrypto refuses a signature");
	}
	return cpu_ns() - from;
}

static int64_t
time_library(struct bench *b, enum alg a)
{
	int64_t from = cpu_ns();

	for (size_t i = 0; i < b->n; i++)
		must(oidc_verify(b->verifier[a], b->sample[a][i].token.p),
			"liboauth2 refuses a token");
	return cpu_ns() - from;
}

/* jws_parse, the header by the issuer's rules, and a key of the ring. */
static int64_t
time_stage(struct bench *b, enum alg a, struct auth *door)
{
	const struct issuer *issuer = &auth_issuers(door)->item[0];
	struct keyring *ring = auth_keyring(door);
	struct keyring_more more;
	int64_t from = cpu_ns();

	for (size_t i = 0; i < b->n; i++) {
		AUTO_JWS j = {.token = SPAN_NONE};
		arena_reset(&b->mem);
		must(jws_parse(b->sample[a][i].token, &b->mem, &j, NULL) &&
				issuers_header(issuer, &j, NULL) &&
				keyring_verify(ring, 0, &j, NOW_MS, &more, NULL) == KEYRING_GOOD,
			"the keys refuse a token");
	}
	return cpu_ns() - from;
}

/* By json.h, or by jansson alone, as liboauth2 reads it. */
static void
read_payload(struct span text, bool ours)
{
	static const struct json_limits limits = {
		.depth = JWS_DEPTH_MAX, .members = JWS_MEMBERS_MAX, .object = true, .no_nul = true};

	if (ours)
		json_free(json_parse(text, &limits, NULL));
	else
		json_decref(json_loadb(text.p, text.n, 0, NULL));
}

/* What a stage spends on the payload's JSON, and the goals do not count. */
static int64_t
time_payload(struct bench *b, enum alg a, bool ours)
{
	int64_t total = 0;

	for (size_t i = 0; i < b->n; i++) {
		AUTO_JWS j = {.token = SPAN_NONE};
		arena_reset(&b->mem);
		must(jws_parse(b->sample[a][i].token, &b->mem, &j, NULL), "not read");
		int64_t from = cpu_ns();
		read_payload(j.payload_text, ours);
		int64_t mid = cpu_ns();
		total += (mid - from) - (cpu_ns() - mid); /* without what the clock costs */
	}
	return total;
}

static void
check_one(struct bench *b, struct auth *door, const struct sample *s)
{
	const struct auth_request q = {.authorization = {s->field, 7 + s->token.n},
		.method = SPAN("GET"),
		.path = SPAN("/data/x"),
		.now_ms = NOW_MS};
	struct subject who;
	struct auth_refusal why;
	struct auth_wait wait = {.id = 0};

	arena_reset(&b->mem);
	must(auth_check(door, &q, &b->mem, &who, &why, &wait) == AUTH_YES,
		"the check refuses a token");
}

static int64_t
time_check(struct bench *b, enum alg a, struct auth *door)
{
	int64_t from = cpu_ns();

	for (size_t i = 0; i < b->n; i++)
		check_one(b, door, &b->sample[a][i]);
	return cpu_ns() - from;
}

/* A few tokens over and over, so that none pushes another one out. */
static int64_t
time_cached(struct bench *b, enum alg a, struct auth *door)
{
	size_t few = b->n < 32 ? b->n : 32;

	for (size_t i = 0; i < few; i++)
		check_one(b, door, &b->sample[a][i]);
	uint64_t hits = auth_cache_hits(door);
	int64_t from = cpu_ns();
	for (size_t i = 0; i < b->n; i++)
		check_one(b, door, &b->sample[a][i % few]);
	int64_t spent = cpu_ns() - from;
	must(auth_cache_hits(door) == hits + b->n, "a token was not kept");
	return spent;
}

static void
run_round(struct bench *b, enum alg a, unsigned r)
{
	struct auth *kept = door(b, true);
	struct auth *library = door(b, false);
	double n = (double)b->n;

	b->ns[RAW][a][r] = (double)time_raw(b, a) / n;
	b->ns[STAGE][a][r] = (double)time_stage(b, a, kept) / n;
	b->ns[PAYLOAD][a][r] = (double)time_payload(b, a, true) / n;
	b->ns[STAGE_NET][a][r] = b->ns[STAGE][a][r] - b->ns[PAYLOAD][a][r];
	b->ns[LIBRARY][a][r] = (double)time_library(b, a) / n;
	b->ns[LIBRARY_PAYLOAD][a][r] = (double)time_payload(b, a, false) / n;
	b->ns[LIBRARY_NET][a][r] = b->ns[LIBRARY][a][r] - b->ns[LIBRARY_PAYLOAD][a][r];
	b->ns[CHECK_KEPT][a][r] = (double)time_check(b, a, kept) / n;
	b->ns[CHECK_LIBRARY][a][r] = (double)time_check(b, a, library) / n;
	must(auth_cache_hits(kept) == 0 && auth_cache_hits(library) == 0, "a token was not new");
	b->ns[CACHED][a][r] = (double)time_cached(b, a, kept) / n;
	auth_free(kept);
	auth_free(library);
}

/* ---- telling ---- */

static int
by_value(const void *x, const void *y)
{
	const double a = *(const double *)x;
	const double b = *(const double *)y;

	return (a > b) - (a < b);
}

static double
median(const double *v, unsigned n)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return sorted[n / 2];
}

/* How fast beside RAW: of each round by itself, since the machine is not the same in all. */
static double
ratio(const struct bench *b, enum row r, enum alg a)
{
	double v[ROUNDS_MAX];

	for (unsigned k = 0; k < b->rounds; k++)
		v[k] = b->ns[RAW][a][k] / b->ns[r][a][k];
	return median(v, b->rounds);
}

static bool
met(const struct bench *b, enum row r, enum alg a)
{
	return ratio(b, r, a) >= rows[r].goal[a];
}

static bool
is_part(enum row r)
{
	return r == PAYLOAD || r == LIBRARY_PAYLOAD;
}

static void
tell_cell(const struct bench *b, enum row r, enum alg a)
{
	printf(" %9.0f ns", median(b->ns[r][a], b->rounds));
	if (is_part(r))
		printf(" %8s", "");
	else
		printf(" %8.3f", ratio(b, r, a));
}

static void
tell_text(const struct bench *b)
{
	printf("%s, liboauth2 %s; %zu tokens of %zu and %zu bytes; medians of %u rounds, CPU time "
	       "of one thread\n",
		crypto_version(), oidc_version(), b->n, b->sample[RS256][0].token.n,
		b->sample[ES256][0].token.n, b->rounds);
	printf("%-40s %21s %21s\n", "", "RSA-2048, RS256", "P-256, ES256");
	for (enum row r = RAW; r < ROWS; r++) {
		printf("%-40s", rows[r].text);
		for (enum alg a = RS256; a < ALGS; a++)
			tell_cell(b, r, a);
		printf("\n");
		if (rows[r].goal[RS256] > 0)
			printf("%-40s %17.2f %-3s %17.2f %-3s\n", "  at least", rows[r].goal[RS256],
				met(b, r, RS256) ? "met" : "NOT", rows[r].goal[ES256],
				met(b, r, ES256) ? "met" : "NOT");
	}
	if (b->speed[RS256] > 0 && b->speed[ES256] > 0)
		printf("%-40s %9.0f ns %8s %9.0f ns\n", "openssl speed, verify",
			1e9 / b->speed[RS256], "", 1e9 / b->speed[ES256]);
}

static void
tell_row(struct jsonw *w, const struct bench *b, enum row r, enum alg a)
{
	char text[32];

	jsonw_obj(w, alg_name[a]);
	jsonw_i64(w, "ns", (int64_t)median(b->ns[r][a], b->rounds));
	(void)snprintf(text, sizeof(text), "%.4f", ratio(b, r, a));
	if (!is_part(r))
		jsonw_raw(w, "ratio", span_of(text));
	if (rows[r].goal[a] > 0) {
		(void)snprintf(text, sizeof(text), "%.2f", rows[r].goal[a]);
		jsonw_raw(w, "at_least", span_of(text));
		jsonw_bool(w, "met", met(b, r, a));
	}
	jsonw_end(w, '}');
}

static void
tell_json(const struct bench *b)
{
	AUTO_BUF out = BUF_INIT(65536);
	struct jsonw w;

	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "libcrypto", crypto_version());
	jsonw_cstr(&w, "liboauth2_version", oidc_version());
	jsonw_i64(&w, "tokens", (int64_t)b->n);
	jsonw_i64(&w, "rounds", b->rounds);
	for (enum row r = RAW; r < ROWS; r++) {
		jsonw_obj(&w, rows[r].key);
		tell_row(&w, b, r, RS256);
		tell_row(&w, b, r, ES256);
		jsonw_end(&w, '}');
	}
	if (b->speed[RS256] > 0 && b->speed[ES256] > 0) {
		jsonw_obj(&w, "openssl_speed_verify");
		jsonw_i64(&w, alg_name[RS256], (int64_t)(1e9 / b->speed[RS256]));
		jsonw_i64(&w, alg_name[ES256], (int64_t)(1e9 / b->speed[ES256]));
		jsonw_end(&w, '}');
	}
	jsonw_end(&w, '}');
	printf("%.*s\n", SPAN_ARG(buf_span(&out)));
}

/* bench_tokens ROUNDS TOKENS text|json SPEED_RSA SPEED_EC; 0: met all goals, 3: not all. */
int
main(int argc, char **argv)
{
	static struct bench b;
	uint64_t n[4] = {0};
	bool ok = argc == 6;

	for (int i = 0; ok && i < 4; i++)
		ok = span_u64(span_of(argv[i < 2 ? i + 1 : i + 2]), 100000000, &n[i]);
	if (!ok || n[0] < 1 || n[0] > ROUNDS_MAX || n[1] < 1 || n[1] > 2000) {
		(void)fprintf(stderr,
			"usage: bench_tokens ROUNDS(1-%u) TOKENS(1-2000) text|json "
			"VERIFY/S(rsa) VERIFY/S(ec)\n",
			ROUNDS_MAX);
		return 2;
	}
	b = (struct bench){.n = (size_t)n[1],
		.rounds = (unsigned)n[0],
		.jwks = BUF_INIT(65536),
		.speed = {(double)n[2], (double)n[3]}};
	make_all(&b);
	for (unsigned r = 0; r < b.rounds; r++)
		for (enum alg a = RS256; a < ALGS; a++)
			run_round(&b, a, r);
	if (strcmp(argv[3], "json") == 0)
		tell_json(&b);
	else
		tell_text(&b);
	for (enum row r = RAW; r < ROWS; r++)
		ok = ok && met(&b, r, RS256) && met(&b, r, ES256);
	return ok ? 0 : 3;
}
