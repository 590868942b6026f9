/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "tests/unit/check.h"
#include "transfer/digest_sum.h"

#define ALL ((1U << DIGEST_COUNT) - 1)

/* "123456789": the check values of RFC 3720 (CRC-32C), RFC 1950, RFC 1321, FIPS 180-4. */
static void
known(void **state)
{
	struct digest_sum *s = NULL;
	struct digest_values v = {.have = 0};
	AUTO_BUF hex = BUF_INIT(256);

	(void)state;
	assert_true(digest_sum_new(ALL, &s, NULL));
	assert_true(digest_sum_add(s, "1234", 4) && digest_sum_add(s, "", 0) &&
		    digest_sum_add(s, "56789", 5));
	assert_true(digest_sum_end(s, &v));
	digest_sum_free(s);
	assert_int_equal(v.have, ALL);
	assert_int_equal(v.adler32, 0x091e01de);
	assert_int_equal(v.crc32c, 0xe3069283);
	buf_add_hex(&hex, v.md5, sizeof(v.md5));
	buf_addc(&hex, ' ');
	buf_add_hex(&hex, v.sha256, sizeof(v.sha256));
	check_span(buf_span(&hex), "25f9e794323b453885f5181f1b624d0b "
				   "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb"
				   "225");
}

/* What is not wanted is not computed, and an empty body has digests, too. */
static void
wanted(void **state)
{
	(void)state;
	for (uint32_t want = 0; want <= ALL; want++) {
		struct digest_sum *s = NULL;
		struct digest_values v = {.have = 77};
		assert_true(digest_sum_new(want | 1U << 31, &s, NULL));
		assert_true(digest_sum_end(s, &v));
		digest_sum_free(s);
		assert_int_equal(v.have, want);
		assert_int_equal(v.adler32, 1);
		assert_int_equal(v.md5[0], (want & 1U << DIGEST_MD5) != 0 ? 0xd4 : 0);
		assert_int_equal(v.sha256[0], (want & 1U << DIGEST_SHA256) != 0 ? 0xe3 : 0);
	}
	digest_sum_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
