/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_gcm.h"

#include "agent/http/tls_backend.h"

#include "tests/unit/check.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>

#define BIG   40000U
#define TAG_N 16

/* The default provider and ours, for one key size. */
struct both {
	struct tls_backend *backend;
	EVP_CIPHER *own, *imb;
};

static unsigned char key[32], iv[12], plain[BIG], sealed[2][BIG + 64], opened[BIG + 64];

static void
fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525U + 1013904223U;
		p[i] = (unsigned char)(seed >> 24);
	}
}

/* Where the machine cannot, there is nothing to compare. */
static void
both_open(struct both *b, const char *name)
{
	struct err e = {.code = ERR_NONE};

	if (!tls_backend_new(&b->backend, &e)) {
		assert_int_equal(e.code, ERR_ABSENT);
		print_message("    skipped: %s\n", e.msg);
		skip();
	}
	b->own = EVP_CIPHER_fetch(tls_backend_library(b->backend), name, "provider=default");
	b->imb = EVP_CIPHER_fetch(tls_backend_library(b->backend), name, "provider=imb");
	assert_non_null(b->own);
	assert_non_null(b->imb);
	assert_ptr_not_equal(EVP_CIPHER_get0_provider(b->own), EVP_CIPHER_get0_provider(b->imb));
	fill(key, sizeof(key), 1);
	fill(iv, sizeof(iv), 2);
	fill(plain, sizeof(plain), 3);
}

static void
both_close(struct both *b)
{
	EVP_CIPHER_free(b->own);
	EVP_CIPHER_free(b->imb);
	tls_backend_free(b->backend);
}

static EVP_CIPHER_CTX *
ready(const EVP_CIPHER *cipher, int seal)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	assert_non_null(c);
	assert_int_equal(EVP_CipherInit_ex(c, cipher, NULL, key, iv, seal), 1);
	return c;
}

/* In pieces of `piece` bytes; the text goes to `out`, the tag behind it. */
static void
seal(const EVP_CIPHER *cipher, const unsigned char *in, size_t n, size_t piece, unsigned char *out)
{
	EVP_CIPHER_CTX *c = ready(cipher, 1);
	int k = 0;

	assert_int_equal(
		EVP_CipherUpdate(c, NULL, &k, (const unsigned char *)"\x17\x03\x03", 3), 1);
	assert_int_equal(EVP_CipherUpdate(c, NULL, &k, (const unsigned char *)"\x40\x11", 2), 1);
	for (size_t at = 0; at < n; at += piece) {
		int want = (int)(n - at < piece ? n - at : piece);
		assert_int_equal(EVP_CipherUpdate(c, out + at, &k, in + at, want), 1);
		assert_int_equal(k, want);
	}
	assert_int_equal(EVP_CipherFinal_ex(c, out + n, &k), 1);
	assert_int_equal(k, 0);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_N, out + n), 1);
	EVP_CIPHER_CTX_free(c);
}

static bool
opens(const EVP_CIPHER *cipher, unsigned char *in, size_t n, size_t piece)
{
	EVP_CIPHER_CTX *c = ready(cipher, 0);
	int k = 0;

	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_N, in + n), 1);
	assert_int_equal(
		EVP_CipherUpdate(c, NULL, &k, (const unsigned char *)"\x17\x03\x03\x40\x11", 5), 1);
	for (size_t at = 0; at < n; at += piece)
		assert_int_equal(EVP_CipherUpdate(c, opened + at, &k, in + at,
					 (int)(n - at < piece ? n - at : piece)),
			1);
	bool ok = EVP_CipherFinal_ex(c, opened + n, &k) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

static void
compare(struct both *b, size_t n, size_t piece, size_t shift)
{
	seal(b->own, plain + shift, n, n + 1, sealed[0]);
	seal(b->imb, plain + shift, n, piece, sealed[1] + shift);
	assert_memory_equal(sealed[0], sealed[1] + shift, n + TAG_N);
	assert_true(opens(b->imb, sealed[1] + shift, n, piece));
	assert_memory_equal(opened, plain + shift, n);
	sealed[1][shift + n + n % TAG_N] ^= 0x10; /* one bit of the tag */
	assert_false(opens(b->imb, sealed[1] + shift, n, piece));
	sealed[1][shift + n + n % TAG_N] ^= 0x10;
	if (n > 0) {
		sealed[1][shift + n / 2] ^= 1; /* one bit of the text */
		assert_false(opens(b->imb, sealed[1] + shift, n, piece));
	}
}

static void
same_bytes_with(const char *name)
{
	static const size_t pieces[] = {1, 7, 16, 17, 64, 1000, 16384, BIG};
	struct both b;

	both_open(&b, name);
	CHECK_ROW("every length to 300");
	for (size_t n = 0; n <= 300; n++)
		compare(&b, n, 1 + n % 40, n % 17);
	CHECK_ROW("lengths about those of records, in pieces, at every alignment");
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (size_t shift = 0; shift < 8; shift++)
			compare(&b, 16380 + 5 * shift, pieces[i], shift);
	compare(&b, BIG - 1, BIG, 1);
	both_close(&b);
}

static void
same_bytes(void **state)
{
	(void)state;
	same_bytes_with("AES-128-GCM");
	same_bytes_with("AES-256-GCM");
}

static void
in_place(void **state)
{
	struct both b;

	(void)state;
	both_open(&b, "AES-128-GCM");
	seal(b.own, plain, 16385, BIG, sealed[0]);
	memcpy(sealed[1], plain, 16385);
	seal(b.imb, sealed[1], 16385, BIG, sealed[1]);
	assert_memory_equal(sealed[0], sealed[1], 16385 + TAG_N);
	both_close(&b);
}

static void
copies(void **state)
{
	struct both b;
	EVP_CIPHER_CTX *other = EVP_CIPHER_CTX_new();
	unsigned char tag[2][TAG_N];
	int k = 0;

	(void)state;
	both_open(&b, "AES-256-GCM");
	EVP_CIPHER_CTX *c = ready(b.imb, 1);
	assert_int_equal(EVP_CipherUpdate(c, sealed[0], &k, plain, 1001), 1);
	CHECK_ROW("a copy goes on by itself, also after the first is gone");
	assert_int_equal(EVP_CIPHER_CTX_copy(other, c), 1);
	assert_int_equal(EVP_CipherUpdate(c, sealed[0] + 1001, &k, plain + 1001, 999), 1);
	assert_int_equal(EVP_CipherFinal_ex(c, sealed[0] + 2000, &k), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_N, tag[0]), 1);
	EVP_CIPHER_CTX_free(c);
	assert_int_equal(EVP_CipherUpdate(other, sealed[1], &k, plain + 1001, 999), 1);
	assert_int_equal(EVP_CipherFinal_ex(other, sealed[1] + 999, &k), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(other, EVP_CTRL_AEAD_GET_TAG, TAG_N, tag[1]), 1);
	assert_memory_equal(sealed[0] + 1001, sealed[1], 999);
	assert_memory_equal(tag[0], tag[1], TAG_N);
	EVP_CIPHER_CTX_free(other);
	both_close(&b);
}

static void
refuses(void **state)
{
	struct both b;
	unsigned char tag[TAG_N] = {0};
	unsigned char long_aad[TLS_GCM_AAD + 1] = {0};
	int k = 0;

	(void)state;
	both_open(&b, "AES-128-GCM");
	EVP_CIPHER_CTX *c = ready(b.imb, 1);
	CHECK_ROW("another length of nonce");
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 16, NULL), 0);
	CHECK_ROW("another length of tag");
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 12, NULL), 0);
	CHECK_ROW("a tag that is not made yet");
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_N, tag), 0);
	CHECK_ROW("too much additional data");
	assert_int_equal(EVP_CipherUpdate(c, NULL, &k, long_aad, sizeof(long_aad)), 0);
	assert_int_equal(EVP_CipherUpdate(c, NULL, &k, long_aad, TLS_GCM_AAD), 1);
	assert_int_equal(EVP_CipherUpdate(c, NULL, &k, long_aad, 1), 0);
	assert_int_equal(EVP_CipherUpdate(c, sealed[0], &k, plain, 10), 1);
	CHECK_ROW("additional data behind data");
	assert_int_equal(EVP_CipherUpdate(c, NULL, &k, long_aad, 1), 0);
	assert_int_equal(EVP_CipherFinal_ex(c, sealed[0], &k), 1);
	CHECK_ROW("a second message under the same nonce");
	assert_int_equal(EVP_CipherUpdate(c, sealed[0], &k, plain, 10), 0);
	assert_int_equal(EVP_CipherFinal_ex(c, sealed[0], &k), 0);
	CHECK_ROW("another nonce begins another message");
	assert_int_equal(EVP_CipherInit_ex(c, NULL, NULL, NULL, iv, -1), 1);
	assert_int_equal(EVP_CipherUpdate(c, sealed[0], &k, plain, 10), 1);
	CHECK_ROW("a key without a nonce does not go on with the message");
	assert_int_equal(EVP_CipherInit_ex(c, NULL, NULL, key + 1, NULL, -1), 1);
	assert_int_equal(EVP_CipherUpdate(c, sealed[0], &k, plain, 10), 0);
	EVP_CIPHER_CTX_free(c);
	c = ready(b.imb, 0);
	CHECK_ROW("a message whose tag nobody gave");
	assert_int_equal(EVP_CipherUpdate(c, opened, &k, sealed[0], 10), 1);
	assert_int_equal(EVP_CipherFinal_ex(c, opened, &k), 0);
	EVP_CIPHER_CTX_free(c);
	c = EVP_CIPHER_CTX_new();
	CHECK_ROW("no key");
	assert_int_equal(EVP_CipherInit_ex(c, b.imb, NULL, NULL, iv, 1), 1);
	assert_int_equal(EVP_CipherUpdate(c, sealed[0], &k, plain, 10), 0);
	EVP_CIPHER_CTX_free(c);
	both_close(&b);
}

/* ---- TLS 1.2 (RFC 5288 3) ---- */

static EVP_CIPHER_CTX *
ready_tls12(const EVP_CIPHER *cipher, int seal_it)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	assert_non_null(c);
	assert_int_equal(EVP_CipherInit_ex(c, cipher, NULL, key, NULL, seal_it), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_IV_FIXED, 4, iv), 1);
	return c;
}

/* A record in place: explicit nonce (8), text, tag (16). */
static bool
record(EVP_CIPHER_CTX *c, unsigned char *at, size_t n, int *ret_n)
{
	size_t known = n - (EVP_CIPHER_CTX_is_encrypting(c) ? TAG_N : 0);
	unsigned char aad[13] = {0, 0, 0, 0, 0, 0, 0, 9, 0x17, 3, 3, (unsigned char)(known >> 8),
		(unsigned char)known};

	if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_TLS1_AAD, sizeof(aad), aad) != TAG_N)
		return false;
	return EVP_CipherUpdate(c, at, ret_n, at, (int)n) == 1;
}

static void
tls12(void **state)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 16384};
	struct both b;
	int n = 0;

	(void)state;
	both_open(&b, "AES-128-GCM");
	EVP_CIPHER_CTX *seals = ready_tls12(b.imb, 1);
	EVP_CIPHER_CTX *other = ready_tls12(b.own, 1);
	EVP_CIPHER_CTX *own = ready_tls12(b.own, 0);
	EVP_CIPHER_CTX *imb = ready_tls12(b.imb, 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t all = 8 + sizes[i] + TAG_N;
		unsigned char *p = sealed[0];
		CHECK_ROW("the default provider opens what ours sealed");
		memcpy(p + 8, plain, sizes[i]);
		assert_true(record(seals, p, all, &n));
		assert_int_equal(n, all);
		assert_int_equal(p[7], i); /* the nonce counts */
		memcpy(sealed[1], p, all);
		assert_true(record(own, p, all, &n));
		assert_memory_equal(p + 8, plain, sizes[i]);
		CHECK_ROW("not with another byte");
		sealed[1][all - 1] ^= 1;
		assert_false(record(imb, sealed[1], all, &n));
		CHECK_ROW("ours opens what the default provider sealed");
		memcpy(p + 8, plain, sizes[i]);
		assert_true(record(other, p, all, &n));
		assert_true(record(imb, p, all, &n));
		assert_int_equal(n, sizes[i]);
		assert_memory_equal(p + 8, plain, sizes[i]);
	}
	CHECK_ROW("a length that does not belong to the record");
	assert_false(record(seals, sealed[0], 23, &n));
	CHECK_ROW("the salt comes once for each key, or nonces would come again");
	assert_int_equal(EVP_CIPHER_CTX_ctrl(seals, EVP_CTRL_GCM_SET_IV_FIXED, 4, iv), 0);
	assert_int_equal(EVP_CipherInit_ex(seals, NULL, NULL, NULL, iv, -1), 0);
	EVP_CIPHER_CTX_free(seals);
	EVP_CIPHER_CTX_free(other);
	EVP_CIPHER_CTX_free(own);
	EVP_CIPHER_CTX_free(imb);
	both_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes),
		cmocka_unit_test(in_place),
		cmocka_unit_test(copies),
		cmocka_unit_test(refuses),
		cmocka_unit_test(tls12),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
