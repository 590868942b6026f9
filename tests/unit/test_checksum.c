/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/base/checksum.h"

static const struct row {
	const char *name;
	struct span in;
	uint32_t adler32, crc32c;
} rows[] = {
	{"nothing", SPAN_INIT(""), 1, 0},
	{"one letter", SPAN_INIT("a"), 0x00620062, 0xc1d04330},
	{"three letters", SPAN_INIT("abc"), 0x024d0127, 0x364b3fb7},
	{"nine digits, the usual check value", SPAN_INIT("123456789"), 0x091e01de, 0xe3069283},
	{"RFC 3720 B.4: 32 zeroes",
		SPAN_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		0x00200001, 0x8a9136aa},
	{"RFC 3720 B.4: 32 ones",
		SPAN_INIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
			  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		0x0e2e1fe1, 0x62a8ab43},
	{"a word", SPAN_INIT("Wikipedia"), 0x11e60398, 0},
};

static void
vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		uint32_t a = CHECKSUM_ADLER32_INIT;
		uint32_t c = CHECKSUM_CRC32C_INIT;

		CHECK_ROW(r->name);
		assert_int_equal(checksum_adler32(a, r->in.p, r->in.n), r->adler32);
		assert_int_equal(checksum_crc32c(c, r->in.p, r->in.n),
			checksum_crc32c_plain(c, r->in.p, r->in.n));
		if (r->crc32c != 0 || r->in.n == 0)
			assert_int_equal(checksum_crc32c(c, r->in.p, r->in.n), r->crc32c);
		for (size_t k = 0; k < r->in.n; k++) { /* one byte at a time */
			a = checksum_adler32(a, r->in.p + k, 1);
			c = checksum_crc32c(c, r->in.p + k, 1);
		}
		assert_int_equal(a, r->adler32);
		assert_int_equal(c, checksum_crc32c_plain(CHECKSUM_CRC32C_INIT, r->in.p, r->in.n));
	}
}

/* Longer than one run of Adler-32, with every byte at its largest, in pieces of odd sizes. */
static void
pieces(void **state)
{
	static uint8_t b[20000];
	uint32_t a = CHECKSUM_ADLER32_INIT;
	uint32_t c = CHECKSUM_CRC32C_INIT;
	uint64_t low = 1;
	uint64_t high = 0;

	(void)state;
	memset(b, 0xff, sizeof(b));
	for (size_t i = 0; i < sizeof(b); i++) {
		low = (low + b[i]) % 65521;
		high = (high + low) % 65521;
	}
	assert_int_equal(checksum_adler32(a, b, sizeof(b)), high << 16 | low);
	for (size_t at = 0, n = 1; at < sizeof(b); at += n, n = n * 3 + 1) {
		if (n > sizeof(b) - at)
			n = sizeof(b) - at;
		a = checksum_adler32(a, b + at, n);
		c = checksum_crc32c(c, b + at, n);
	}
	assert_int_equal(a, high << 16 | low);
	assert_int_equal(c, checksum_crc32c_plain(CHECKSUM_CRC32C_INIT, b, sizeof(b)));
}

/* CRC-32 of zip: check values, then each length and offset by instruction and by table. */
static void
crc32(void **state)
{
	static uint8_t b[1024];
	uint32_t x = 1;

	(void)state;
	assert_int_equal(checksum_crc32(CHECKSUM_CRC32_INIT, "", 0), 0);
	assert_int_equal(checksum_crc32(CHECKSUM_CRC32_INIT, "123456789", 9), 0xcbf43926);
	for (size_t i = 0; i < sizeof(b); i++) {
		x = x * 1664525U + 1013904223U;
		b[i] = (uint8_t)(x >> 24);
	}
	for (size_t n = 0; n <= 300; n++)
		for (size_t at = 0; at < 5; at++) {
			uint32_t first = checksum_crc32_plain(CHECKSUM_CRC32_INIT, b, at);
			uint32_t want = checksum_crc32_plain(first, b + at, n);
			assert_int_equal(checksum_crc32(first, b + at, n), want);
			assert_int_equal(checksum_crc32(CHECKSUM_CRC32_INIT, b, at + n), want);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors), cmocka_unit_test(pieces), cmocka_unit_test(crc32)};
	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
