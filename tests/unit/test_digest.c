/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"
#include "transfer/digest.h"

#define A   (1U << DIGEST_ADLER32)
#define C   (1U << DIGEST_CRC32C)
#define M   (1U << DIGEST_MD5)
#define S   (1U << DIGEST_SHA256)
#define ALL (A | C | M | S)

static void
asked(void **state)
{
	static const struct {
		const char *name, *in;
		uint32_t want;
	} rows[] = {
		{"absent", NULL, 0},
		{"empty", "", 0},
		{"one", "adler32", A},
		{"as gfal2 types it", "ADLER32", A},
		{"upper case", "MD5", M},
		{"all", "adler32,md5, SHA-256 ,crc32c", ALL},
		{"qualities", "md5;q=0.3, sha-256;q=1", M | S},
		{"switched off", "md5;q=0, sha-256;q=0.000, adler32", A},
		{"small quality", "md5;q=0.001", M},
		{"malformed quality", "md5;q=2, sha-256;q=1.5, adler32;q=x, crc32c", C},
		{"four decimals", "md5;q=0.1234", 0},
		{"quality with blanks", "md5 ; Q=0.5", M},
		{"another parameter", "md5;x=y", M},
		{"unknown", "sha-512, unixsum, adler", 0},
		{"empty elements", ",,md5,", M},
		{"part of a name", "md", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(digest_want(span_of(rows[i].in)), rows[i].want);
	}
}

static void
asked_repr(void **state)
{
	static const struct {
		const char *name, *in;
		uint32_t want;
	} rows[] = {
		{"absent", NULL, 0},
		{"empty", "", 0},
		{"one", "sha-256=10", S},
		{"two", "sha-256=1, adler=5", S | A},
		{"all", "sha-256=1,adler=5,\tmd5=3 , crc32c=10", ALL},
		{"off", "sha-256=0, md5=1", M},
		{"unknown", "sha-512=3, unixsum=1", 0},
		{"last of two", "md5=1, md5=0", 0},
		{"last of two on", "md5=0, md5=2", M},
		{"parameters", "md5=1;a;b=2", M},
		{"upper case is malformed", "SHA-256=1, md5=1", 0},
		{"key that begins with a digit", "1a=1, md5=1", 0},
		{"longest key alphabet", "*az09_-.=1, md5=1", M},
		{"no value", "sha-256, md5=1", 0},
		{"above 10", "md5=11", 0},
		{"negative", "md5=-1", 0},
		{"decimal", "md5=1.0", 0},
		{"blank around the equals sign", "md5 =1", 0},
		{"comma at the end", "md5=1,", 0},
		{"as Want-Digest", "md5;q=0.3", 0},
		{"garbage", "=,;", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(digest_want_repr(span_of(rows[i].in)), rows[i].want);
	}
}

/* Of the three bytes "abc". */
static const struct digest_values abc = {
	.have = ALL,
	.adler32 = 0x024d0127,
	.crc32c = 0x364b3fb7,
	.md5 = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1,
		0x7f, 0x72},
	.sha256 = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d,
		0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff,
		0x61, 0xf2, 0x00, 0x15, 0xad},
};

static void
answered(void **state)
{
	struct digest_values some = abc;
	AUTO_BUF b = BUF_INIT(1024);

	(void)state;
	assert_true(digest_write(&b, ALL, &abc));
	check_span(buf_span(&b), "adler32=024d0127,crc32c=364b3fb7,md5=kAFQmDzST7DWlj99KOF/cg==,"
				 "sha-256=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
	buf_reset(&b);
	assert_true(digest_write_repr(&b, ALL, &abc));
	check_span(buf_span(&b), "adler=:Ak0BJw==:, crc32c=:Nks/tw==:, "
				 "md5=:kAFQmDzST7DWlj99KOF/cg==:, "
				 "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:");
	buf_reset(&b);
	some.have = M;
	some.adler32 = 1;
	assert_true(digest_write(&b, ALL, &some));
	check_span(buf_span(&b), "md5=kAFQmDzST7DWlj99KOF/cg==");
	buf_reset(&b);
	assert_false(digest_write(&b, A | S, &some));
	assert_false(digest_write_repr(&b, 0, &abc));
	assert_int_equal(b.n, 0);
	some.have = A; /* davix pads shorter values on the wrong side */
	assert_true(digest_write(&b, A, &some));
	check_span(buf_span(&b), "adler32=00000001");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked),
		cmocka_unit_test(asked_repr),
		cmocka_unit_test(answered),
	};
	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
