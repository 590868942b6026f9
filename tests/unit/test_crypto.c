/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/crypto.h"
#include "agent/base/json.h"
#include "tests/unit/check.h"

static void
check_hex(const void *p, size_t n, const char *want)
{
	AUTO_BUF hex = BUF_INIT(256);

	buf_add_hex(&hex, p, n);
	check_span(buf_span(&hex), want);
}

/* FIPS 180-4 examples and RFC 1321 A.5. */
static void
digests(void **state)
{
	static const struct {
		const char *name;
		enum crypto_hash what;
		const char *in, *want;
	} rows[] = {
		{"SHA-256 of abc", CRYPTO_HASH_SHA256, "abc",
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"SHA-256 of nothing", CRYPTO_HASH_SHA256, "",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"MD5 of message digest", CRYPTO_HASH_MD5, "message digest",
			"f96b697d7cb7938d525a2f31aaf161d0"},
		{"SHA-384 of abc", CRYPTO_HASH_SHA384, "abc",
			"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
			"8086072ba1e7cc2358baeca134c825a7"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crypto_digest *d = NULL;
		uint8_t out[CRYPTO_DIGEST_MAX];
		size_t n = 0;
		CHECK_ROW(rows[i].name);
		assert_true(crypto_digest_new(rows[i].what, &d, NULL));
		for (int again = 0; again < 2; again++) { /* the second time byte by byte */
			size_t step = again ? 1 : strlen(rows[i].in);
			for (size_t at = 0; at < strlen(rows[i].in); at += step)
				assert_true(crypto_digest_add(d, rows[i].in + at, step));
			assert_true(crypto_digest_end(d, out, &n));
			check_hex(out, n, rows[i].want);
		}
		crypto_digest_free(d);
	}
	uint8_t one[CRYPTO_SHA256_SIZE];
	assert_true(crypto_sha256(SPAN("abc"), one));
	check_hex(one, sizeof(one), rows[0].want);
	crypto_digest_free(NULL);
}

/* RFC 4231 4.2, 4.3, 4.7. */
static void
macs(void **state)
{
	char key[131];
	uint8_t out[CRYPTO_SHA256_SIZE];

	(void)state;
	memset(key, 0x0b, 20);
	assert_true(crypto_hmac_sha256((struct span){key, 20}, SPAN("Hi There"), out));
	check_hex(out, sizeof(out),
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_true(crypto_hmac_sha256(SPAN("Jefe"), SPAN("what do ya want for nothing?"), out));
	check_hex(out, sizeof(out),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	assert_true(crypto_hmac_sha256((struct span){key, sizeof(key)},
		SPAN("Test Using Larger Than Block-Size Key - Hash Key First"), out));
	check_hex(out, sizeof(out),
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void
randomness(void **state)
{
	uint8_t a[32] = {0};
	uint8_t b[32] = {0};

	(void)state;
	assert_true(crypto_prepare(NULL));
	assert_true(crypto_random(a, sizeof(a), NULL));
	assert_true(crypto_random(b, sizeof(b), NULL));
	assert_false(crypto_same(a, b, sizeof(a)));
	assert_true(crypto_same(a, a, sizeof(a)));
	memcpy(b, a, sizeof(a));
	b[31] ^= 1;
	assert_false(crypto_same(a, b, sizeof(a)));
	assert_false(crypto_random(a, 257, NULL));
}

/* A generated key signs, and its JWK is what the tests of auth/ verify with. */
static void
keys(void **state)
{
	AUTO_BUF pem = BUF_INIT(4096);
	AUTO_BUF jwk = BUF_INIT(4096);
	AUTO_BUF kid = BUF_INIT(64);
	AUTO_BUF sig = BUF_INIT(4096);
	struct crypto_key *k = NULL;
	struct span s;

	(void)state;
	assert_true(crypto_key_generate("ES256", &pem, NULL));
	assert_true(span_starts(buf_span(&pem), SPAN("-----BEGIN PRIVATE KEY-----\n")));
	assert_true(crypto_key_load(buf_span(&pem), &k, NULL));
	assert_string_equal(crypto_key_alg(k), "ES256");
	assert_true(crypto_key_sign(k, SPAN("a.b"), &sig, NULL));
	assert_int_equal(sig.n, 64);
	assert_true(crypto_key_jwk(k, &jwk, &kid, NULL));
	crypto_key_free(k);
	AUTO_JSON j = json_parse(buf_span(&jwk), NULL, NULL);
	assert_non_null(j);
	assert_true(json_get_str(j, "kid", &s));
	assert_true(span_eq(s, buf_span(&kid)));
	assert_int_equal(s.n, 43);
	assert_true(json_get_str(j, "x", &s));
	assert_int_equal(s.n, 43);
	assert_null(json_get(j, "d"));
	crypto_key_free(NULL);
}

static void
bad_keys(void **state)
{
	static const struct {
		const char *name, *pem, *ref;
	} rows[] = {
		{"nothing", "", "RFC 7468"},
		{"text", "hello", "RFC 7468"},
		{"cut PEM",
			"-----BEGIN PRIVATE KEY-----\n"
			"MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBiVjMIkWS7FFAf4BTi\n"
			"-----END PRIVATE KEY-----\n",
			"RFC 7468"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crypto_key *k = NULL;
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		assert_false(crypto_key_load(span_of(rows[i].pem), &k, &e));
		assert_null(k);
		assert_string_equal(e.ref, rows[i].ref);
	}
}

static struct span
from_hex(struct buf *b, const char *text)
{
	uint64_t v = 0;

	for (struct span rest = span_of(text); rest.n > 0; rest = span_skip(rest, 2)) {
		assert_true(span_hex_u64(span_first(rest, 2), 255, &v));
		buf_addc(b, (char)v);
	}
	return buf_span(b);
}

/* Test case 16 of the GCM specification. */
static void
sealed_text(void **state)
{
	AUTO_BUF key = BUF_INIT(64);
	AUTO_BUF context = BUF_INIT(64);
	AUTO_BUF text = BUF_INIT(256);
	AUTO_BUF got = BUF_INIT(256);

	(void)state;
	(void)from_hex(&key, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
	(void)from_hex(&context, "feedfacedeadbeeffeedfacedeadbeefabaddad2");
	(void)from_hex(&text, "cafebabefacedbaddecaf888"
			      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
			      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
			      "76fc6ece0f4e1768cddf8853bb2d551b");
	assert_true(crypto_open(
		(const uint8_t *)key.p, buf_span(&context), buf_span(&text), &got, NULL));
	check_hex(got.p, got.n,
		"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
		"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
}

static void
sealing(void **state)
{
	static const uint8_t key[CRYPTO_SEAL_KEY] = {1, 2, 3};
	static const uint8_t other[CRYPTO_SEAL_KEY] = {1, 2, 4};
	static const char *const texts[] = {"", "x", "exactly sixteen.", "a text of some length"};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO_BUF a = BUF_INIT(256);
		AUTO_BUF b = BUF_INIT(256);
		AUTO_BUF got = BUF_INIT(256);
		CHECK_ROW(texts[i]);
		assert_true(crypto_seal(key, SPAN("for"), span_of(texts[i]), &a, NULL));
		assert_true(crypto_seal(key, SPAN("for"), span_of(texts[i]), &b, NULL));
		assert_int_equal(a.n, strlen(texts[i]) + CRYPTO_SEAL_MORE);
		assert_false(span_eq(buf_span(&a), buf_span(&b)));
		assert_true(crypto_open(key, SPAN("for"), buf_span(&a), &got, NULL));
		check_span(buf_span(&got), texts[i]);
		buf_reset(&got);
		assert_false(crypto_open(key, SPAN("other"), buf_span(&a), &got, &e));
		assert_int_equal(e.code, ERR_UNAUTH);
		assert_false(crypto_open(other, SPAN("for"), buf_span(&a), &got, &e));
		assert_false(
			crypto_open(key, SPAN("for"), span_first(buf_span(&a), a.n - 1), &got, &e));
		for (size_t k = 0; k < a.n; k++) {
			a.p[k] ^= 1;
			assert_false(crypto_open(key, SPAN("for"), buf_span(&a), &got, &e));
			a.p[k] ^= 1;
		}
		assert_int_equal(got.n, 0);
	}
}

static void
sealing_sizes(void **state)
{
	static const uint8_t key[CRYPTO_SEAL_KEY] = {1};
	static char big[CRYPTO_SEAL_MAX + CRYPTO_SEAL_MORE + 1];
	AUTO_BUF b = BUF_INIT(2UL << 20);
	AUTO_BUF small = BUF_INIT(CRYPTO_SEAL_MORE + 1);
	struct err e = {0};

	(void)state;
	assert_false(crypto_seal(key, SPAN_NONE, (struct span){big, CRYPTO_SEAL_MAX + 1}, &b, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_true(crypto_seal(key, SPAN_NONE, (struct span){big, CRYPTO_SEAL_MAX}, &b, &e));
	assert_false(crypto_open(key, SPAN_NONE, (struct span){big, sizeof(big)}, &b, &e));
	assert_int_equal(e.code, ERR_UNAUTH);
	assert_false(crypto_open(key, SPAN_NONE, SPAN("short"), &b, &e));
	assert_int_equal(e.code, ERR_UNAUTH);
	assert_false(crypto_open(key, SPAN_NONE, SPAN_NONE, &b, &e));
	assert_true(crypto_seal(key, SPAN_NONE, SPAN("x"), &small, &e));
	assert_false(crypto_seal(key, SPAN_NONE, SPAN("x"), &small, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

/* RFC 8032 7.1, tests 1 to 3. */
static void
ed25519_vectors(void **state)
{
	static const struct {
		const char *name, *secret, *key, *text, *signature;
	} rows[] = {
		{"test 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
			"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"test 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
		{"test 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
			"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF secret = BUF_INIT(64);
		AUTO_BUF text = BUF_INIT(64);
		uint8_t key[CRYPTO_ED25519_PUBLIC];
		uint8_t sig[CRYPTO_ED25519_SIGNATURE];
		CHECK_ROW(rows[i].name);
		const uint8_t *s = (const uint8_t *)from_hex(&secret, rows[i].secret).p;
		struct span t = from_hex(&text, rows[i].text);
		assert_true(crypto_ed25519_public(s, key, NULL));
		check_hex(key, sizeof(key), rows[i].key);
		assert_true(crypto_ed25519_sign(s, t, sig, NULL));
		check_hex(sig, sizeof(sig), rows[i].signature);
		assert_true(crypto_ed25519_verify(key, t, sig));
		assert_false(crypto_ed25519_verify(key, SPAN("else"), sig));
		for (size_t k = 0; k < sizeof(sig); k++) {
			sig[k] ^= 1;
			assert_false(crypto_ed25519_verify(key, t, sig));
			sig[k] ^= 1;
		}
		key[5] ^= 1;
		assert_false(crypto_ed25519_verify(key, t, sig));
	}
}

static void
ed25519_files(void **state)
{
	uint8_t secret[CRYPTO_ED25519_SECRET];
	uint8_t key[CRYPTO_ED25519_PUBLIC];
	uint8_t back[CRYPTO_ED25519_PUBLIC];
	AUTO_BUF pem = BUF_INIT(4096);
	AUTO_BUF other = BUF_INIT(4096);
	struct err e = {0};

	(void)state;
	assert_true(crypto_ed25519_generate(secret, &e));
	assert_true(crypto_ed25519_public(secret, key, &e));
	assert_true(crypto_ed25519_write(secret, &pem, &e));
	assert_true(span_starts(buf_span(&pem), SPAN("-----BEGIN PRIVATE KEY-----\n")));
	assert_true(crypto_ed25519_read(buf_span(&pem), back, &e));
	assert_memory_equal(back, secret, sizeof(secret));
	assert_true(crypto_ed25519_read_public(buf_span(&pem), back, &e));
	assert_memory_equal(back, key, sizeof(key));
	buf_reset(&pem);
	assert_true(crypto_ed25519_write_public(key, &pem, &e));
	assert_true(span_starts(buf_span(&pem), SPAN("-----BEGIN PUBLIC KEY-----\n")));
	assert_true(crypto_ed25519_read_public(buf_span(&pem), back, &e));
	assert_memory_equal(back, key, sizeof(key));
	assert_false(crypto_ed25519_read(buf_span(&pem), back, &e));
	assert_string_equal(e.ref, "RFC 8410");
	assert_false(crypto_ed25519_read_public(SPAN("no key"), back, &e));
	assert_true(crypto_key_generate("ES256", &other, &e));
	assert_false(crypto_ed25519_read(buf_span(&other), back, &e));
	assert_false(crypto_ed25519_read_public(buf_span(&other), back, &e));
	assert_memory_equal(back, key, sizeof(key));
	AUTO_BUF small = BUF_INIT(16);
	assert_false(crypto_ed25519_write(secret, &small, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests),
		cmocka_unit_test(macs),
		cmocka_unit_test(randomness),
		cmocka_unit_test(keys),
		cmocka_unit_test(bad_keys),
		cmocka_unit_test(sealed_text),
		cmocka_unit_test(sealing),
		cmocka_unit_test(sealing_sizes),
		cmocka_unit_test(ed25519_vectors),
		cmocka_unit_test(ed25519_files),
	};
	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
