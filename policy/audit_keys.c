/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_keys.h"

#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define SIGN_KEY   "audit-sign.key"
#define SIGN_PUB   "audit-sign.pub"
#define PEM_MAX    4096U
#define SIGN_TEXT  "pan-agent audit 1"
#define SIGN_BYTES (sizeof(SIGN_TEXT) + 32 + 8) /* its NUL is the zero byte */

/* ---- months ---- */

bool
audit_keys_month(int dir, const char month[AUDIT_MONTH_LEN], bool make, uint8_t ret[AUDIT_KEY_LEN],
	struct err *e)
{
	char name[AUDIT_NAME_MAX];

	audit_names_key(month, name);
	AUTO_FD fd = openat(
		dir, name, (make ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, NULL, "there is no %s", name);
	if (fd < 0 || flock(fd, make ? LOCK_EX : LOCK_SH) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not open %s", name);
	ssize_t n = pread(fd, ret, AUDIT_KEY_LEN, 0);
	if (n == (ssize_t)AUDIT_KEY_LEN)
		return true;
	if (!make)
		return err_set(e, ERR_ABSENT, NULL, "%s holds no key", name);
	if (!crypto_random(ret, AUDIT_KEY_LEN, e))
		return false;
	if (pwrite(fd, ret, AUDIT_KEY_LEN, 0) != (ssize_t)AUDIT_KEY_LEN || fdatasync(fd) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not write %s", name);
	return true;
}

bool
audit_keys_person(const uint8_t key[AUDIT_KEY_LEN], const char month[AUDIT_MONTH_LEN],
	struct span iss, struct span sub, char ret[AUDIT_ID_LEN], struct err *e)
{
	AUTO_BUF text = BUF_INIT(4096);
	AUTO_BUF id = BUF_INIT(AUDIT_ID_LEN);
	uint8_t mac[32];

	buf_add(&text, iss);
	buf_addc(&text, '\0');
	buf_add(&text, sub);
	if (!buf_ok(&text))
		return err_set(e, ERR_LIMIT, NULL, "issuer and subject above 4 KiB");
	if (!crypto_hmac_sha256(
		    (struct span){(const char *)key, AUDIT_KEY_LEN}, buf_span(&text), mac))
		return err_set(e, ERR_SYSTEM, NULL, "HMAC: libcrypto failed");
	buf_adds(&id, month);
	buf_addc(&id, ':');
	buf_add_hex(&id, mac, 16);
	return span_cstr(buf_span(&id), ret, AUDIT_ID_LEN);
}

/* ---- the signing key ---- */

/* For everybody; one that is there and says the same stays. */
static bool
write_public(int dir, const uint8_t secret[32], struct err *e)
{
	uint8_t key[CRYPTO_ED25519_PUBLIC];
	char there[PEM_MAX];
	AUTO_BUF pem = BUF_INIT(PEM_MAX);

	if (!crypto_ed25519_public(secret, key, e) || !crypto_ed25519_write_public(key, &pem, e))
		return false;
	AUTO_FD fd = openat(dir, SIGN_PUB, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	ssize_t n = fd >= 0 ? pread(fd, there, sizeof(there), 0) : -1;
	if (n >= 0 && span_eq((struct span){there, (size_t)n}, buf_span(&pem)))
		return true;
	if (n < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, pem.p, pem.n, 0) != (ssize_t)pem.n)
		return err_set(e, ERR_SYSTEM, NULL, "could not write " SIGN_PUB);
	return true;
}

static bool
make_secret(int fd, uint8_t ret[32], struct err *e)
{
	struct buf pem = BUF_INIT(PEM_MAX);
	bool ok = buf_reserve(&pem, 512) && crypto_ed25519_generate(ret, e) &&
		  crypto_ed25519_write(ret, &pem, e);

	if (ok && (pwrite(fd, pem.p, pem.n, 0) != (ssize_t)pem.n || fdatasync(fd) < 0))
		ok = err_set(e, ERR_SYSTEM, NULL, "could not write " SIGN_KEY);
	buf_wipe(&pem);
	return ok;
}

bool
audit_keys_signing(int dir, uint8_t ret_secret[32], struct err *e)
{
	char text[PEM_MAX];
	AUTO_FD fd = openat(dir, SIGN_KEY, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not open " SIGN_KEY);
	ssize_t n = pread(fd, text, sizeof(text), 0);
	if (n < 0)
		return err_set(e, ERR_SYSTEM, NULL, "could not read " SIGN_KEY);
	bool ok = n == 0 ? make_secret(fd, ret_secret, e)
			 : crypto_ed25519_read((struct span){text, (size_t)n}, ret_secret, NULL);
	explicit_bzero(text, sizeof(text));
	if (!ok && n > 0)
		return err_set(e, ERR_SYNTAX, "RFC 8410",
			SIGN_KEY
			" is not a private Ed25519 key in PEM: put back the one that the log "
			"was signed with, or take the file away to have a new one made");
	return ok && write_public(dir, ret_secret, e);
}

/* ---- signatures ---- */

bool
audit_keys_id(const uint8_t key[32], uint8_t ret[8])
{
	uint8_t hash[CRYPTO_SHA256_SIZE];

	if (!crypto_sha256((struct span){(const char *)key, 32}, hash))
		return false;
	memcpy(ret, hash, 8);
	return true;
}

static struct span
signed_text(const struct audit_signing *s, uint8_t text[SIGN_BYTES])
{
	memcpy(text, SIGN_TEXT, sizeof(SIGN_TEXT));
	memcpy(text + sizeof(SIGN_TEXT), s->head, 32);
	for (unsigned i = 0; i < 8; i++)
		text[sizeof(SIGN_TEXT) + 32 + i] = (uint8_t)(s->upto >> (56 - 8 * i));
	return (struct span){(const char *)text, SIGN_BYTES};
}

bool
audit_keys_sign(const uint8_t secret[32], struct audit_signing *s, struct err *e)
{
	uint8_t text[SIGN_BYTES];
	uint8_t key[CRYPTO_ED25519_PUBLIC];

	return crypto_ed25519_public(secret, key, e) && audit_keys_id(key, s->key) &&
	       crypto_ed25519_sign(secret, signed_text(s, text), s->sig, e);
}

bool
audit_keys_check(const uint8_t key[32], const struct audit_signing *s)
{
	uint8_t text[SIGN_BYTES];

	return crypto_ed25519_verify(key, signed_text(s, text), s->sig);
}
