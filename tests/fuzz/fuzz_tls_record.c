/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_record.h"
#include "tests/fuzz/hold.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <string.h>

#define MOST 5U

/* A reader that derives its keys another way, and knows one number: the next. */
struct reader {
	const EVP_MD *md;
	const EVP_CIPHER *cipher;
	size_t key_n, secret_n;
	uint64_t number;
	unsigned char secret[48], key[32], iv[12];
};

static unsigned char sealed[TLS_RECORD_TEXT + TLS_RECORD_MORE], opened[TLS_RECORD_TEXT + 32];
static char plain[TLS_RECORD_TEXT + 9];

static void
expand(const struct reader *r, const char *label, unsigned char *out, size_t n)
{
	unsigned char info[64] = {0, (unsigned char)n, (unsigned char)(6 + strlen(label))};
	unsigned char block[EVP_MAX_MD_SIZE];
	size_t at = 9 + strlen(label);

	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, strlen(label));
	info[at + 1] = 1; /* behind an empty context: the first block */
	hold(HMAC(r->md, r->secret, (int)r->secret_n, info, at + 2, block, NULL) != NULL);
	memcpy(out, block, n);
}

static void
next_key(struct reader *r)
{
	expand(r, "key", r->key, r->key_n);
	expand(r, "iv", r->iv, 12);
	r->number = 0;
}

static void
check(struct reader *r, size_t n, struct span text, unsigned type)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char nonce[12];
	int k = 0;

	memcpy(nonce, r->iv, 12);
	nonce[11] ^= (unsigned char)r->number++;
	hold(n == text.n + TLS_RECORD_MORE && sealed[3] << 8 == (int)((n - 5) & 0xff00) &&
		sealed[4] == (unsigned char)(n - 5));
	hold(EVP_DecryptInit_ex(c, r->cipher, NULL, r->key, nonce) == 1 &&
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, sealed + n - 16) == 1 &&
		EVP_DecryptUpdate(c, NULL, &k, sealed, 5) == 1 &&
		EVP_DecryptUpdate(c, opened, &k, sealed + 5, (int)n - 21) == 1 &&
		EVP_DecryptFinal_ex(c, opened + k, &k) == 1);
	hold(memcmp(opened, text.p, text.n) == 0 && opened[text.n] == type);
	EVP_CIPHER_CTX_free(c);
}

/* One step: an update, or a record of the length that the input says.  False: the writer ended. */
static bool
step(struct tls_record *w, struct reader *r, const uint8_t in[3])
{
	size_t n = 0;
	size_t want = (size_t)(in[1] << 8 | in[2]) % (TLS_RECORD_TEXT + 3);
	unsigned type = 21U + in[0] % 3U;
	bool full = r->number == MOST;

	hold(tls_record_due(w) == full);
	if (in[0] >= 0xf0 || (full && in[0] >= 0x20)) {
		hold(tls_record_update(w, sealed, &n));
		check(r, n, (struct span){"\x18\0\0\x01\0", 5}, TLS_RECORD_HANDSHAKE);
		expand(r, "traffic upd", r->secret, r->secret_n);
		next_key(r);
		return true;
	}
	bool ok = tls_record_seal(
		w, (enum tls_record_type)type, (struct span){plain, want}, sealed, &n);
	hold(ok == (!full && want <= TLS_RECORD_TEXT));
	if (ok)
		check(r, n, (struct span){plain, want}, type);
	return ok;
}

static void
check_line(struct span line)
{
	uint8_t out[TLS_RECORD_SECRET];
	char back[2 * TLS_RECORD_SECRET + 1];
	size_t n = 0;

	if (!tls_record_secret(line, out, &n))
		return;
	hold(n == 32 || n == 48);
	for (size_t i = 0; i < n; i++)
		(void)snprintf(back + 2 * i, 3, "%02x", out[i]);
	hold(line.n > 2 * n && strncasecmp(back, line.p + line.n - 2 * n, 2 * n) == 0);
}

/*
 * Whatever is asked for in whatever order: each record opens under the next number of the next key,
 * and a writer that refused once gives nothing more.  A line of a key log: the digits it ends with.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_record_seats *seats = NULL;
	struct tls_record *w = NULL;
	size_t n = 0;
	size_t at = 49;

	check_line((struct span){(const char *)data, size});
	if (size < at)
		return 0;
	bool wide = data[48] & 1;
	struct reader r = {.md = wide ? EVP_sha384() : EVP_sha256(),
		.cipher = wide ? EVP_aes_256_gcm() : EVP_aes_128_gcm(),
		.key_n = wide ? 32 : 16,
		.secret_n = wide ? 48 : 32};
	memcpy(r.secret, data, r.secret_n);
	next_key(&r);
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (char)(i + data[i % size]);
	hold(tls_record_seats_new(NULL, &seats, NULL));
	hold(tls_record_new(seats, wide ? 0x1302 : 0x1301,
		(struct span){(const char *)data, r.secret_n}, MOST, &w, NULL));
	bool alive = true;
	for (; alive && at + 3 <= size && at < 300; at += 3)
		alive = step(w, &r, data + at);
	if (!alive)
		hold(!tls_record_update(w, sealed, &n) &&
			!tls_record_seal(w, TLS_RECORD_DATA, SPAN("x"), sealed, &n));
	tls_record_free(w);
	tls_record_seats_free(seats);
	return 0;
}
