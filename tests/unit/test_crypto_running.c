/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/base/crypto.h"
#include "agent/base/crypto_running.h"

#define BYTES 1000U

/* What libcrypto's other door says of the same bytes. */
static void
expect(const uint8_t *p, size_t n, const uint8_t sha256[32], const uint8_t md5[16])
{
	struct crypto_digest *d = NULL;
	uint8_t out[CRYPTO_DIGEST_MAX];
	size_t n_out = 0;

	assert_true(crypto_digest_new(CRYPTO_HASH_SHA256, &d, NULL));
	assert_true(crypto_digest_add(d, p, n) && crypto_digest_end(d, out, &n_out));
	assert_memory_equal(out, sha256, 32);
	crypto_digest_free(d);
	assert_true(crypto_digest_new(CRYPTO_HASH_MD5, &d, NULL));
	assert_true(crypto_digest_add(d, p, n) && crypto_digest_end(d, out, &n_out));
	assert_memory_equal(out, md5, 16);
	crypto_digest_free(d);
}

/* Cut at each byte: where a block ends the state is a value, and another one goes on with it. */
static void
cut_anywhere(void **state)
{
	struct crypto_running *a = NULL;
	struct crypto_running *b = NULL;
	uint8_t text[BYTES];
	uint8_t sha256[32];
	uint8_t md5[16];
	struct crypto_state s;

	(void)state;
	for (size_t i = 0; i < BYTES; i++)
		text[i] = (uint8_t)(i * 31 + i / 7);
	assert_true(crypto_running_new(&a, NULL));
	assert_true(crypto_running_new(&b, NULL));
	for (size_t cut = 0; cut <= BYTES; cut++) {
		crypto_running_start(a);
		assert_true(crypto_running_add(a, text, cut));
		assert_true(crypto_running_digests(a, sha256, md5));
		expect(text, cut, sha256, md5);
		bool whole = cut % CRYPTO_RUNNING_BLOCK == 0;
		assert_int_equal(crypto_running_state(a, &s), whole);
		if (!whole)
			continue;
		assert_int_equal(s.n, cut);
		assert_true(crypto_running_resume(b, &s));
		assert_true(crypto_running_add(b, text + cut, BYTES - cut));
		assert_true(crypto_running_digests(b, sha256, md5));
		expect(text, BYTES, sha256, md5);
	}
	s.n = 63;
	assert_false(crypto_running_resume(b, &s));
	assert_true(crypto_running_add(b, text, BYTES) && crypto_running_digests(b, sha256, md5));
	expect(text, BYTES, sha256, md5);
	crypto_running_free(a);
	crypto_running_free(b);
}

/* The count of bits needs its second word beyond 512 MiB. */
static void
long_ones(void **state)
{
	static uint8_t block[1U << 20];
	struct crypto_running *a = NULL;
	struct crypto_running *b = NULL;
	struct crypto_state s;
	uint8_t want[2][48];

	(void)state;
	assert_true(crypto_running_new(&a, NULL));
	assert_true(crypto_running_new(&b, NULL));
	for (unsigned i = 0; i < 600; i++)
		assert_true(crypto_running_add(a, block, sizeof(block)));
	assert_true(crypto_running_state(a, &s));
	assert_true(crypto_running_resume(b, &s));
	assert_true(crypto_running_add(a, "end", 3) && crypto_running_add(b, "end", 3));
	assert_true(crypto_running_digests(a, want[0], want[0] + 32));
	assert_true(crypto_running_digests(b, want[1], want[1] + 32));
	assert_memory_equal(want[0], want[1], sizeof(want[0]));
	crypto_running_free(a);
	crypto_running_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(long_ones),
	};
	return cmocka_run_group_tests_name("crypto_running", tests, NULL, NULL);
}
