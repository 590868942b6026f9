/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"
#include "transfer/announced.h"

/* Of "hello". */
#define ADLER  "062c0215"
#define MD5_64 "XUFAKrxLKna5cZ2REBfFkg=="
#define MD5_16 "5d41402abc4b2a76b9719d911017c592"
#define SHA_64 "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
#define SHA_16 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static const struct digest_values hello = {
	.have = 1U << DIGEST_ADLER32 | 1U << DIGEST_CRC32C | 1U << DIGEST_MD5 | 1U << DIGEST_SHA256,
	.adler32 = 0x062c0215,
	.crc32c = 0x9a71bb4c,
	.md5 = {0x5d, 0x41, 0x40, 0x2a, 0xbc, 0x4b, 0x2a, 0x76, 0xb9, 0x71, 0x9d, 0x91, 0x10, 0x17,
		0xc5, 0x92},
	.sha256 = {0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e, 0x26, 0xe8, 0x3b, 0x2a, 0xc5,
		0xb9, 0xe2, 0x9e, 0x1b, 0x16, 0x1e, 0x5c, 0x1f, 0xa7, 0x42, 0x5e, 0x73, 0x04, 0x33,
		0x62, 0x93, 0x8b, 0x98, 0x24},
};

#define A (1U << DIGEST_ADLER32)
#define C (1U << DIGEST_CRC32C)
#define M (1U << DIGEST_MD5)
#define S (1U << DIGEST_SHA256)

static const struct {
	const char *name, *fields;
	bool good;
	uint32_t have;
	const char *differs; /* from "hello" */
} rows[] = {
	{"nothing", "", true, 0, NULL},
	{"other fields", "Accept: */*\nContent-MD5: x\nWant-Digest: md5\n", true, 0, NULL},
	{"adler as gfal2 and davix write it", "Digest: adler32=" ADLER "\n", true, A, NULL},
	{"upper case", "DIGEST: ADLER32=062C0215\n", true, A, NULL},
	{"several", "Digest: adler32=" ADLER ", md5=" MD5_64 ",sha-256=" SHA_64 "\n", true,
		A | M | S, NULL},
	{"md5 in hexadecimal", "Digest: md5=" MD5_16 "\n", true, M, NULL},
	{"crc32c", "Digest: crc32c=9a71bb4c\n", true, C, NULL},
	{"an algorithm of nobody's", "Digest: sha-512=AAAA, unixsum=7\n", true, 0, NULL},
	{"another value", "Digest: adler32=062c0216\n", true, A, "adler32"},
	{"another md5", "Digest: md5=XUFAKrxLKna5cZ2REBfFkA==\n", true, M, "md5"},
	{"too short", "Digest: adler32=62c0215\n", false, 0, NULL},
	{"empty value", "Digest: md5=\n", false, 0, NULL},
	{"no value", "Digest: md5\n", false, 0, NULL},
	{"not base64", "Digest: sha-256=!!!!\n", false, 0, NULL},
	{"twice the same", "Digest: md5=" MD5_64 "\nDigest: md5=" MD5_16 "\n", true, M, NULL},
	{"twice, another", "Digest: adler32=" ADLER "\nDigest: adler32=00000001\n", false, 0, NULL},
	{"RFC 9530", "Repr-Digest: sha-256=:" SHA_64 ":\n", true, S, NULL},
	{"with more", "Repr-Digest: sha-512=:AA==:, sha-256=:" SHA_64 ":;a=b, adler=:BiwCFQ==:\n",
		true, A | S, NULL},
	{"of the content", "Content-Digest: md5=:" MD5_64 ":\n", true, M, NULL},
	{"no byte sequence", "Repr-Digest: sha-256=" SHA_64 "\n", false, 0, NULL},
	{"half a byte sequence", "Repr-Digest: sha-256=:" SHA_64 "\n", false, 0, NULL},
	{"a colon alone", "Repr-Digest: sha-256=:\n", false, 0, NULL},
	{"the digest of another algorithm", "Repr-Digest: sha-256=:" MD5_64 ":\n", false, 0, NULL},
	{"keys are in lower case", "Repr-Digest: SHA-256=:AA==:\n", true, 0, NULL},
	{"rclone", "OC-Checksum: MD5:" MD5_16 "\n", true, M, NULL},
	{"rclone, what is not computed",
		"OC-Checksum: SHA1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d\n", true, 0, NULL},
	{"ownCloud, several", "OC-Checksum: SHA256:" SHA_16 " Adler32:" ADLER "\n", true, A | S,
		NULL},
	{"ownCloud, broken", "OC-Checksum: MD5:5d41\n", false, 0, NULL},
	{"in two ways", "Digest: adler32=" ADLER "\nRepr-Digest: adler=:BiwCFQ==:\n", true, A,
		NULL},
	{"in two ways, another", "OC-Checksum: adler32:00000000\nRepr-Digest: adler=:BiwCFQ==:\n",
		false, 0, NULL},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct digest_values v;
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		assert_int_equal(announced_read(span_of(rows[i].fields), &v, &e), rows[i].good);
		if (!rows[i].good) {
			assert_int_equal(e.code, ERR_SYNTAX);
			continue;
		}
		assert_int_equal(v.have, rows[i].have);
		const char *which = announced_differs(&v, &hello);
		if (rows[i].differs == NULL)
			assert_null(which);
		else
			assert_string_equal(which, rows[i].differs);
	}
}

/* What was said and not computed does not hold. */
static void
not_computed(void **state)
{
	const struct digest_values none = {.have = 0};

	(void)state;
	assert_string_equal(announced_differs(&hello, &none), "adler32");
	assert_null(announced_differs(&none, &none));
}

static void
fields(void **state)
{
	struct span f = SPAN("Accept: */*\nIF-None-Match:  * \nX:\nnot a field\n");

	(void)state;
	check_span(announced_field(f, SPAN("If-None-Match")), "*");
	check_span(announced_field(f, SPAN("accept")), "*/*");
	check_span(announced_field(f, SPAN("x")), "");
	check_span(announced_field(f, SPAN("If-Match")), NULL);
	check_span(announced_field(f, SPAN("not a field")), NULL);
	check_span(announced_field(SPAN_NONE, SPAN("x")), NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(not_computed),
		cmocka_unit_test(fields),
	};
	return cmocka_run_group_tests_name("announced", tests, NULL, NULL);
}
