/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/keys.h"
#include "tests/unit/mint.h"

#define BOTH (1U << JWS_RS256 | 1U << JWS_ES256)
/* RFC 7517 A.1: a P-256 key. */
#define EC_X "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\""
#define EC_Y "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define EC   "\"kty\":\"EC\",\"crv\":\"P-256\"," EC_X "," EC_Y
/* RFC 7515 A.2: an RSA key of 2048 bits. */
#define RSA_TAIL                                                                                   \
	"fgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt"  \
	"0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH"   \
	"SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT"   \
	"6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA_N "o" RSA_TAIL /* the highest bit set */
#define RSA   "\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\""

/* why NULL: kept */
static const struct {
	const char *name, *jwk;
	unsigned algs, fits;
	const char *why;
} rows_filter[] = {
	{"P-256", "{" EC ",\"kid\":\"a\"}", BOTH, 1U << JWS_ES256, NULL},
	{"RSA", "{" RSA ",\"use\":\"sig\",\"alg\":\"RS256\"}", BOTH, 1U << JWS_RS256, NULL},
	{"RSA for both", "{" RSA "}", BOTH | 1U << JWS_PS256, 1U << JWS_RS256 | 1U << JWS_PS256,
		NULL},
	{"RSA with alg PS256", "{" RSA ",\"alg\":\"PS256\"}", BOTH | 1U << JWS_PS256,
		1U << JWS_PS256, NULL},
	{"key_ops with verify", "{" EC ",\"key_ops\":[\"sign\",\"verify\"]}", BOTH, 1U << JWS_ES256,
		NULL},
	{"unknown members", "{" EC ",\"x5c\":[1],\"foo\":{}}", BOTH, 1U << JWS_ES256, NULL},
	{"members of another type", "{" EC ",\"e\":\"AQAB\",\"n\":\"AQAB\"}", BOTH, 1U << JWS_ES256,
		NULL},
	{"alg not enabled", "{" RSA ",\"alg\":\"PS256\"}", BOTH, 0, "its alg"},
	{"alg unknown", "{" RSA ",\"alg\":\"RS512\"}", BOTH, 0, "its alg"},
	{"alg of another kind", "{" EC ",\"alg\":\"RS256\"}", BOTH, 0, "its alg"},
	{"alg number", "{" EC ",\"alg\":1}", BOTH, 0, "its alg"},
	{"EC where the issuer has RSA", "{" EC "}", 1U << JWS_RS256, 0, "its alg"},
	{"use enc", "{" EC ",\"use\":\"enc\"}", BOTH, 0, "use is not sig"},
	{"use list", "{" EC ",\"use\":[\"sig\"]}", BOTH, 0, "use is not sig"},
	{"key_ops without verify", "{" EC ",\"key_ops\":[\"encrypt\"]}", BOTH, 0, "key_ops"},
	{"key_ops text", "{" EC ",\"key_ops\":\"verify\"}", BOTH, 0, "key_ops"},
	{"oct", "{\"kty\":\"oct\",\"k\":\"AAAA\"}", BOTH, 0, "symmetric"},
	{"OKP", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", BOTH, 0, "neither"},
	{"no kty", "{}", BOTH, 0, "kty is missing"},
	{"not an object", "1", BOTH, 0, "kty is missing"},
	{"private EC", "{" EC ",\"d\":\"AAAA\"}", BOTH, 0, "PRIVATE KEY"},
	{"private RSA", "{" RSA ",\"p\":\"AAAA\"}", BOTH, 0, "PRIVATE KEY"},
	{"RSA of 2046 bits", "{\"kty\":\"RSA\",\"n\":\"I" RSA_TAIL "\",\"e\":\"AQAB\"}", BOTH, 0,
		"2048 to 8192"},
	{"e is 1", "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQ\"}", BOTH, 0, "exponent"},
	{"e is even", "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAA\"}", BOTH, 0, "exponent"},
	{"n with padding", "{\"kty\":\"RSA\",\"n\":\"AQAB==\",\"e\":\"AQAB\"}", BOTH, 0, "n or e"},
	{"no e", "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}", BOTH, 0, "n or e"},
	{"other curve", "{\"kty\":\"EC\",\"crv\":\"P-521\"," EC_X "," EC_Y "}", BOTH, 0,
		"P-256 or P-384"},
	{"x too short", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\"," EC_Y "}", BOTH, 0,
		"wrong length"},
	{"not on the curve",
		"{\"kty\":\"EC\",\"crv\":\"P-256\"," EC_X
		",\"y\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"}",
		BOTH, 0, "not on the curve"},
	{"kid number", "{" EC ",\"kid\":1}", BOTH, 0, "kid is not a string"},
};

static void
filter(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows_filter) / sizeof(rows_filter[0]); i++) {
		AUTO_BUF set = BUF_INIT(8192);
		AUTO_BUF report = BUF_INIT(4096);
		struct keys *k = NULL;
		CHECK_ROW(rows_filter[i].name);
		/* A good key behind it stays usable. */
		buf_addf(&set,
			"{\"keys\":[%s,{" EC ",\"kid\":\"good\"},{" RSA ",\"kid\":\"good\"}]}",
			rows_filter[i].jwk);
		assert_true(keys_load(buf_span(&set), rows_filter[i].algs, &report, &k, NULL));
		const struct key *first = keys_at(k, 0);
		if (rows_filter[i].why == NULL) {
			assert_int_equal(report.n, rows_filter[i].algs == BOTH ? 0 : report.n);
			assert_int_equal(first->algs, rows_filter[i].fits);
			assert_null(strstr(first->jwk, "x5c"));
			assert_true(strstr(first->jwk, "\"n\"") == NULL ||
				    strstr(first->jwk, "\"x\"") == NULL);
		} else {
			buf_addc(&report, '\0');
			if (strstr(report.p, rows_filter[i].why) == NULL)
				fail_msg("got \"%s\"", report.p);
			assert_non_null(strstr(report.p, "key 1 "));
			check_span(first->kid, "good");
		}
		keys_free(k);
	}
	keys_free(NULL);
}

static void
sets(void **state)
{
	static const struct {
		const char *name, *in, *ref;
		size_t n;
	} rows[] = {
		{"empty", "{\"keys\":[]}", NULL, 0},
		{"two with one kid", "{\"keys\":[{" EC ",\"kid\":\"a\"},{" RSA ",\"kid\":\"a\"}]}",
			NULL, 2},
		{"no keys", "{}", "RFC 7517 5", 0},
		{"keys is an object", "{\"keys\":{}}", "RFC 7517 5", 0},
		{"an array", "[]", "RFC 7517 5", 0},
		{"text", "<html>", "RFC 7517 5", 0},
		{"nothing", "", "RFC 7517 5", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keys *k = NULL;
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		assert_int_equal(
			keys_load(span_of(rows[i].in), BOTH, NULL, &k, &e), rows[i].ref == NULL);
		if (rows[i].ref != NULL) {
			assert_string_equal(e.ref, rows[i].ref);
			continue;
		}
		assert_int_equal(keys_count(k), rows[i].n);
		assert_null(keys_at(k, rows[i].n));
		keys_free(k);
	}
}

static void
lookup(void **state)
{
	struct keys *k = NULL;
	size_t at = 0;

	(void)state;
	assert_true(keys_load(SPAN("{\"keys\":[{" EC ",\"kid\":\"a\"},{" RSA ",\"kid\":\"b\"},{" RSA
				   ",\"kid\":\"a\"},{" EC "}]}"),
		BOTH, NULL, &k, NULL));
	assert_ptr_equal(keys_next(k, SPAN("a"), &at), keys_at(k, 0));
	assert_ptr_equal(keys_next(k, SPAN("a"), &at), keys_at(k, 2));
	assert_null(keys_next(k, SPAN("a"), &at));
	at = 0;
	assert_null(keys_next(k, SPAN("A"), &at));
	at = 0;
	assert_null(keys_next(k, SPAN(""), &at)); /* an empty kid is a kid */
	at = 0;
	for (size_t i = 0; i < 4; i++)
		assert_ptr_equal(keys_next(k, SPAN_NONE, &at), keys_at(k, i));
	assert_null(keys_next(k, SPAN_NONE, &at));
	keys_free(k);
}

/* RFC 7515 A.2 and A.3: the tokens of the standard verify, and with one bit changed they do not. */
static void
vectors(void **state)
{
	static const struct {
		const char *name, *jwk, *token;
	} rows[] = {
		{"A.2, RS256", "{\"keys\":[{" RSA "}]}",
			"eyJhbGciOiJSUzI1NiJ9."
			"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS"
			"9p"
			"c19yb290Ijp0cnVlfQ."
			"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-"
			"0Qc"
			"_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
			"nZLgrnbyTyWz"
			"O75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--"
			"xi12jzDwusC-"
			"eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AX"
			"LIh"
			"WkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
		{"A.3, ES256",
			"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
			"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
			"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
			"eyJhbGciOiJFUzI1NiJ9."
			"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS"
			"9p"
			"c19yb290Ijp0cnVlfQ."
			"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-"
			"F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP"
			"3-Kg6NU1Q"},
	};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keys *k = NULL;
		AUTO_JWS j = {.token = SPAN_NONE};
		CHECK_ROW(rows[i].name);
		assert_true(keys_load(span_of(rows[i].jwk), BOTH, NULL, &k, NULL));
		assert_true(jws_parse(span_of(rows[i].token), &mem, &j, NULL));
		assert_true(keys_verify(keys_at(k, 0), &j));
		for (size_t bit = 0; bit < 8; bit++) {
			uint8_t *sig = (uint8_t *)(uintptr_t)j.sig;
			sig[17 + bit] ^= (uint8_t)(1U << bit);
			assert_false(keys_verify(keys_at(k, 0), &j));
			sig[17 + bit] ^= (uint8_t)(1U << bit);
		}
		j.input.n--;
		assert_false(keys_verify(keys_at(k, 0), &j));
		j.input.n++;
		/* r = s = 0 and r = s = 2^256 - 1 */
		memset((void *)(uintptr_t)j.sig, 0, j.n_sig);
		assert_false(keys_verify(keys_at(k, 0), &j));
		memset((void *)(uintptr_t)j.sig, 0xff, j.n_sig);
		assert_false(keys_verify(keys_at(k, 0), &j));
		keys_free(k);
	}
}

/* r and s of every shape: the highest bit set, leading zeros (RFC 7518 3.4 against X.690 8.3). */
static void
ecdsa_shapes(void **state)
{
	struct mint m = mint_key("ES256", NULL);
	AUTO_BUF jwks = BUF_INIT(8192);
	AUTO_ARENA mem = {0};
	struct keys *k = NULL;
	unsigned high = 0;
	unsigned zero = 0;

	(void)state;
	buf_adds(&jwks, "{\"keys\":[");
	mint_jwk(&m, "", &jwks);
	buf_adds(&jwks, "]}");
	assert_true(keys_load(buf_span(&jwks), BOTH, NULL, &k, NULL));
	assert_true(arena_init(&mem, 65536));
	for (unsigned i = 0; i < 1500; i++) {
		AUTO_BUF token = BUF_INIT(4096);
		AUTO_JWS j = {.token = SPAN_NONE};
		mint_token(&m, SPAN("{\"alg\":\"ES256\"}"), SPAN("{}"), &token);
		assert_true(jws_parse(buf_span(&token), &mem, &j, NULL));
		high += (j.sig[0] & 0x80) != 0;
		zero += j.sig[0] == 0 || j.sig[32] == 0;
		assert_true(keys_verify(keys_at(k, 0), &j));
		arena_reset(&mem);
	}
	assert_true(high > 0 && zero > 0); /* the second fails once in 10^5 runs */
	AUTO_JWS j = {.alg = JWS_ES256, .input = SPAN("x"), .sig = (const uint8_t *)"", .n_sig = 0};
	assert_false(keys_verify(keys_at(k, 0), &j)); /* not from jws_parse */
	keys_free(k);
	crypto_key_free(m.key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter),
		cmocka_unit_test(sets),
		cmocka_unit_test(lookup),
		cmocka_unit_test(vectors),
		cmocka_unit_test(ecdsa_shapes),
	};
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
