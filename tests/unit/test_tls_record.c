/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_record.h"

#include "tests/unit/check.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>

/* ---- the secret in a line ---- */

#define RANDOM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LABEL  "SERVER_TRAFFIC_SECRET_0 "

static void
secret_lines(void **state)
{
	static const struct {
		const char *name, *line;
		size_t n;
	} rows[] = {
		{"32 bytes", LABEL RANDOM " " RANDOM, 32},
		{"48 bytes", LABEL RANDOM " " RANDOM "00112233445566778899AABBCCDDEEFF", 48},
		{"another secret", "CLIENT_TRAFFIC_SECRET_0 " RANDOM " " RANDOM, 0},
		{"of the handshake", "SERVER_HANDSHAKE_TRAFFIC_SECRET " RANDOM " " RANDOM, 0},
		{"a short random", LABEL "0123 " RANDOM, 0},
		{"a short secret", LABEL RANDOM " 0123", 0},
		{"no secret", LABEL RANDOM, 0},
		{"one digit more", LABEL RANDOM " " RANDOM "0", 0},
		{"another word", LABEL RANDOM " " RANDOM " x", 0},
		{"no hex", LABEL RANDOM " g" RANDOM, 0},
		{"nothing", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t out[TLS_RECORD_SECRET] = {0};
		size_t n = 0;
		CHECK_ROW(rows[i].name);
		bool ok = tls_record_secret(span_of(rows[i].line), out, &n);
		assert_int_equal(ok, rows[i].n > 0);
		assert_int_equal(n, rows[i].n);
		assert_int_equal(out[1], ok ? 0x23 : 0);
		if (n == 48)
			assert_int_equal(out[47], 0xff);
	}
}

/* ---- another way to the same keys: HMAC, by hand (RFC 5869 2.3, RFC 8446 7.1) ---- */

struct reader {
	const EVP_MD *md;
	const EVP_CIPHER *cipher;
	size_t key_n, secret_n;
	uint64_t number;
	unsigned char secret[48], key[32], iv[12];
};

/* One block is enough. */
static void
expand(const struct reader *r, const char *label, unsigned char *out, size_t n)
{
	unsigned char info[64] = {0, (unsigned char)n, (unsigned char)(6 + strlen(label))};
	unsigned char block[EVP_MAX_MD_SIZE];
	size_t at = 3;

	memcpy(info + at, "tls13 ", 6);
	at += 6;
	memcpy(info + at, label, strlen(label));
	at += strlen(label);
	info[at++] = 0; /* no context */
	info[at++] = 1; /* the first block */
	assert_non_null(HMAC(r->md, r->secret, (int)r->secret_n, info, at, block, NULL));
	memcpy(out, block, n);
}

static void
reader_next(struct reader *r)
{
	expand(r, "key", r->key, r->key_n);
	expand(r, "iv", r->iv, 12);
	r->number = 0;
}

static struct reader
reader_make(unsigned suite, const unsigned char *secret)
{
	bool wide = suite == 0x1302;
	struct reader r = {.md = wide ? EVP_sha384() : EVP_sha256(),
		.cipher = wide ? EVP_aes_256_gcm() : EVP_aes_128_gcm(),
		.key_n = wide ? 32 : 16,
		.secret_n = wide ? 48 : 32};

	memcpy(r.secret, secret, r.secret_n);
	reader_next(&r);
	return r;
}

/* The text and its type; only with the nonce that is next. */
static size_t
reads(struct reader *r, unsigned char *in, size_t n, unsigned char *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char nonce[12];
	int k = 0;

	memcpy(nonce, r->iv, 12);
	for (int i = 0; i < 8; i++)
		nonce[11 - i] ^= (unsigned char)(r->number >> (8 * i));
	r->number++;
	assert_int_equal(in[0] << 16 | in[1] << 8 | in[2], 0x170303);
	assert_int_equal(in[3] << 8 | in[4], n - 5);
	assert_int_equal(EVP_DecryptInit_ex(c, r->cipher, NULL, r->key, nonce), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, in + n - 16), 1);
	assert_int_equal(EVP_DecryptUpdate(c, NULL, &k, in, 5), 1);
	assert_int_equal(EVP_DecryptUpdate(c, out, &k, in + 5, (int)n - 21), 1);
	assert_int_equal(EVP_DecryptFinal_ex(c, out + k, &k), 1);
	EVP_CIPHER_CTX_free(c);
	return n - 21;
}

/* ---- records ---- */

static unsigned char sealed[TLS_RECORD_TEXT + TLS_RECORD_MORE], opened[TLS_RECORD_TEXT + 32];
static char plain[TLS_RECORD_TEXT + 1];
static const unsigned char secret[48] = "forty-eight bytes that nobody should ever learn";

static struct tls_record_seats *
seats(const struct tls_backend *b)
{
	struct tls_record_seats *s = NULL;

	assert_true(tls_record_seats_new(b, &s, NULL));
	return s;
}

static struct tls_record *
writer(struct tls_record_seats *b, unsigned suite, uint64_t most)
{
	struct tls_record *r = NULL;
	struct err e = {.code = ERR_NONE};
	struct span s = {(const char *)secret, suite == 0x1302 ? 48 : 32};

	if (!tls_record_new(b, suite, s, most, &r, &e))
		fail_msg("%s", e.msg);
	return r;
}

/* RFC 8448 3: the records of a server, the second and third under its traffic secret. */
static void
rfc_8448(void **state)
{
	static const unsigned char known[] = {0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56, 0xad,
		0x47, 0x11, 0x6b, 0x45, 0xa9, 0x50, 0x32, 0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb, 0x6b,
		0x3a, 0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43};
	static const unsigned char data[] = {0x17, 0x03, 0x03, 0x00, 0x43, 0x2e, 0x93, 0x7e, 0x11,
		0xef, 0x4a, 0xc7, 0x40, 0xe5, 0x38, 0xad, 0x36, 0x00, 0x5f, 0xc4, 0xa4, 0x69, 0x32,
		0xfc, 0x32, 0x25, 0xd0, 0x5f, 0x82, 0xaa, 0x1b, 0x36, 0xe3, 0x0e, 0xfa, 0xf9, 0x7d,
		0x90, 0xe6, 0xdf, 0xfc, 0x60, 0x2d, 0xcb, 0x50, 0x1a, 0x59, 0xa8, 0xfc, 0xc4, 0x9c,
		0x4b, 0xf2, 0xe5, 0xf0, 0xa2, 0x1c, 0x00, 0x47, 0xc2, 0xab, 0xf3, 0x32, 0x54, 0x0d,
		0xd0, 0x32, 0xe1, 0x67, 0xc2, 0x95, 0x5d};
	static const unsigned char alert[] = {0x17, 0x03, 0x03, 0x00, 0x13, 0xb5, 0x8f, 0xd6, 0x71,
		0x66, 0xeb, 0xf5, 0x99, 0xd2, 0x47, 0x20, 0xcf, 0xbe, 0x7e, 0xfa, 0x7a, 0x88, 0x64,
		0xa9};
	struct tls_record *r = NULL;
	struct tls_record_seats *b = seats(NULL);
	size_t n = 0;
	char text[50];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	assert_true(tls_record_new(b, 0x1301, (struct span){(const char *)known, 32}, 9, &r, NULL));
	assert_true(tls_record_seal(r, TLS_RECORD_HANDSHAKE, SPAN("a ticket"), sealed, &n));
	assert_true(
		tls_record_seal(r, TLS_RECORD_DATA, (struct span){text, sizeof(text)}, sealed, &n));
	assert_int_equal(n, sizeof(data));
	assert_memory_equal(sealed, data, sizeof(data));
	assert_true(tls_record_seal(r, TLS_RECORD_ALERT, (struct span){"\x01", 2}, sealed, &n));
	assert_int_equal(n, sizeof(alert));
	assert_memory_equal(sealed, alert, sizeof(alert));
	tls_record_free(r);
	tls_record_seats_free(b);
}

struct turn {
	struct tls_record *writer;
	struct reader reader;
	unsigned updates;
};

static void
one_record(struct turn *t, unsigned i)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 16383, 16384};
	size_t n = 0;
	size_t want = sizes[i % 8];
	enum tls_record_type type = i % 9 == 0 ? TLS_RECORD_ALERT : TLS_RECORD_DATA;

	if (tls_record_due(t->writer) || i % 101 == 100) {
		assert_true(tls_record_update(t->writer, sealed, &n));
		assert_int_equal(n, TLS_RECORD_UPDATE);
		assert_int_equal(reads(&t->reader, sealed, n, opened), 6);
		assert_memory_equal(opened, "\x18\0\0\x01\0\x16", 6);
		expand(&t->reader, "traffic upd", t->reader.secret, t->reader.secret_n);
		reader_next(&t->reader);
		t->updates++;
	}
	assert_true(tls_record_seal(t->writer, type, (struct span){plain, want}, sealed, &n));
	assert_int_equal(n, want + TLS_RECORD_MORE);
	assert_int_equal(reads(&t->reader, sealed, n, opened), want + 1);
	assert_memory_equal(opened, plain, want);
	assert_int_equal(opened[want], type);
}

/* Each record opens under the next number of the next key, so no nonce comes twice. */
static void
numbers(const struct tls_backend *b)
{
	static const unsigned suite[] = {0x1301, 0x1302, 0x1301, 0x1302, 0x1301};
	struct tls_record_seats *s = seats(b);
	struct turn turn[5] = {{.writer = NULL}};

	for (unsigned i = 0; i < 5; i++) {
		turn[i].writer = writer(s, suite[i], 50 - i);
		turn[i].reader = reader_make(suite[i], secret);
	}
	for (unsigned i = 0; i < 2000; i++) {
		struct turn *t = &turn[i / 3 * 7 % 5]; /* some go on, some take turns */
		one_record(t, i);
		if (i % 401 != 400)
			continue;
		CHECK_ROW("one ends, another takes its memory and its turns");
		tls_record_free(t->writer);
		t->writer = writer(s, suite[t - turn], 50);
		t->reader = reader_make(suite[t - turn], secret);
	}
	for (unsigned i = 0; i < 5; i++) {
		assert_true(turn[i].updates >= 5);
		tls_record_free(turn[i].writer);
	}
	tls_record_seats_free(s);
}

static void
fill_plain(void)
{
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (char)(i * 7 + i / 251);
}

static void
each_number_once(void **state)
{
	struct tls_backend *b = NULL;

	(void)state;
	fill_plain();
	numbers(NULL);
	if (tls_backend_new(&b, NULL))
		numbers(b);
	tls_backend_free(b);
}

static void
ends(void **state)
{
	struct tls_record_seats *b = seats(NULL);
	struct tls_record *r = writer(b, 0x1301, 3);
	size_t n = 0;

	(void)state;
	CHECK_ROW("behind the last number of a key only an update");
	for (int i = 0; i < 3; i++) {
		assert_false(tls_record_due(r));
		assert_true(tls_record_seal(r, TLS_RECORD_DATA, SPAN("x"), sealed, &n));
	}
	assert_true(tls_record_due(r));
	assert_true(tls_record_update(r, sealed, &n));
	assert_false(tls_record_due(r));
	CHECK_ROW("whoever goes on without one is ended, updates too");
	for (int i = 0; i < 3; i++)
		assert_true(tls_record_seal(r, TLS_RECORD_DATA, SPAN("x"), sealed, &n));
	assert_false(tls_record_seal(r, TLS_RECORD_DATA, SPAN("x"), sealed, &n));
	assert_false(tls_record_update(r, sealed, &n));
	tls_record_free(r);
	CHECK_ROW("a text that is too long ends it");
	r = writer(b, 0x1301, 3);
	assert_false(tls_record_seal(
		r, TLS_RECORD_DATA, (struct span){plain, sizeof(plain)}, sealed, &n));
	assert_false(tls_record_seal(r, TLS_RECORD_DATA, SPAN("x"), sealed, &n));
	tls_record_free(r);
	CHECK_ROW("suites and secrets that do not belong together");
	r = NULL;
	assert_false(tls_record_knows(0x1303));
	assert_false(tls_record_new(b, 0x1303, (struct span){plain, 32}, 3, &r, NULL));
	assert_false(tls_record_new(b, 0x1301, (struct span){plain, 48}, 3, &r, NULL));
	assert_null(r);
	tls_record_seats_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_lines),
		cmocka_unit_test(rfc_8448),
		cmocka_unit_test(each_number_once),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
