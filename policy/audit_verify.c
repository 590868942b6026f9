/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_verify.h"

#include "agent/base/base64.h"
#include "agent/base/crypto.h"
#include "policy/audit_keys.h"

#include <stdlib.h>
#include <string.h>

#define RULE     "POL-20"
#define KEYS_MAX 64U
#define HASHES   4096U /* the last ones: a checkpoint is about a line so near */
#define HASH     CRYPTO_SHA256_SIZE

struct known_key {
	uint8_t key[CRYPTO_ED25519_PUBLIC];
	uint8_t id[8];
};

struct audit_verify {
	struct crypto_digest *digest;
	struct known_key keys[KEYS_MAX];
	size_t n_keys;
	struct audit_verified found;
	uint8_t first_prev[HASH];
	uint8_t hashes[HASHES][HASH]; /* of line seq at seq modulo HASHES */
	bool explained;               /* a checkpoint vouches for what is before the first line */
};

bool
audit_verify_new(const uint8_t (*keys)[32], size_t n, struct audit_verify **ret, struct err *e)
{
	struct audit_verify *v = calloc(1, sizeof(*v));

	if (v == NULL || n > KEYS_MAX) {
		free(v);
		return err_set(e, ERR_LIMIT, NULL, "more than %u keys, or no memory", KEYS_MAX);
	}
	for (size_t i = 0; i < n; i++) {
		memcpy(v->keys[i].key, keys[i], sizeof(v->keys[i].key));
		(void)audit_keys_id(v->keys[i].key, v->keys[i].id);
	}
	v->n_keys = n;
	if (!crypto_digest_new(CRYPTO_HASH_SHA256, &v->digest, e)) {
		free(v);
		return false;
	}
	*ret = v;
	return true;
}

void
audit_verify_free(struct audit_verify *v)
{
	if (v == NULL)
		return;
	crypto_digest_free(v->digest);
	free(v);
}

static bool
broken(struct err *e, const char *what)
{
	return err_set(e, ERR_SYNTAX, RULE, "%s", what);
}

/* ---- checkpoints ---- */

static bool
read_hex(struct span text, uint8_t *ret, size_t n)
{
	uint64_t v = 0;

	if (text.n != 2 * n + 2 || text.p[0] != '"')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!span_hex_u64((struct span){text.p + 1 + 2 * i, 2}, 255, &v))
			return false;
		ret[i] = (uint8_t)v;
	}
	return true;
}

static bool
read_signing(const struct audit_line *l, struct audit_signing *ret)
{
	struct span sig = audit_line_member(l, "sig");
	size_t n = 0;

	return span_u64(audit_line_member(l, "upto"), INT64_MAX, &ret->upto) &&
	       read_hex(audit_line_member(l, "head"), ret->head, sizeof(ret->head)) &&
	       read_hex(audit_line_member(l, "key"), ret->key, sizeof(ret->key)) && sig.n > 2 &&
	       base64_decode((struct span){sig.p + 1, sig.n - 2}, ret->sig, sizeof(ret->sig), &n) &&
	       n == sizeof(ret->sig);
}

/* The hash of line `upto`, which stands before line `seq`; NULL: it is not known any more. */
static const uint8_t *
hash_of(const struct audit_verify *v, uint64_t upto, uint64_t seq)
{
	uint64_t first = v->found.first_seq;

	if (upto >= seq)
		return NULL;
	if (upto + 1 == first)
		return v->first_prev;
	return upto >= first && seq - upto <= HASHES ? v->hashes[upto % HASHES] : NULL;
}

static bool
check_signature(struct audit_verify *v, const struct audit_signing *s, struct err *e)
{
	for (size_t i = 0; i < v->n_keys; i++) {
		if (memcmp(v->keys[i].id, s->key, sizeof(s->key)) != 0)
			continue;
		if (!audit_keys_check(v->keys[i].key, s))
			return broken(e, "the checkpoint's signature is wrong");
		v->found.signed_upto = s->upto;
		return true;
	}
	if (v->n_keys > 0)
		return broken(e,
			"the checkpoint is signed by a key that was not given: if the agent had "
			"another one then, give it too (--key)");
	v->found.unchecked++;
	return true;
}

static bool
check_checkpoint(struct audit_verify *v, const struct audit_line *l, struct err *e)
{
	struct audit_signing s;

	if (!read_signing(l, &s))
		return broken(e, "the checkpoint's upto, head, key or sig is not of its form");
	const uint8_t *hash = hash_of(v, s.upto, l->seq);
	if (hash == NULL)
		return broken(e, "the checkpoint is not about a line shortly before it");
	if (memcmp(hash, s.head, HASH) != 0)
		return broken(e, "the checkpoint's head is not the hash of the line that it names");
	if (!check_signature(v, &s, e))
		return false;
	v->found.checkpoints++;
	v->explained = true;
	return true;
}

/* ---- the chain ---- */

static bool
begin(struct audit_verify *v, const struct audit_line *l, struct err *e)
{
	static const uint8_t zeros[HASH];
	bool zero = memcmp(l->prev, zeros, HASH) == 0;

	if (l->seq == 1 && !zero)
		return broken(e, "`prev` of record 1 is not zero");
	if (l->seq > 1 && zero)
		return broken(e, "`prev` is zero, and this is not record 1");
	v->explained = l->seq == 1;
	v->found.first_seq = l->seq;
	v->found.first_ms = l->ms;
	memcpy(v->first_prev, l->prev, HASH);
	return true;
}

static bool
follows(const struct audit_verify *v, const struct audit_line *l, struct err *e)
{
	const struct audit_verified *f = &v->found;

	if (l->seq == f->last_seq + 2)
		return err_set(e, ERR_SYNTAX, RULE, "record %llu is missing before it",
			(unsigned long long)f->last_seq + 1);
	if (l->seq > f->last_seq + 1)
		return err_set(e, ERR_SYNTAX, RULE, "records %llu to %llu are missing before it",
			(unsigned long long)f->last_seq + 1, (unsigned long long)l->seq - 1);
	if (l->seq <= f->last_seq)
		return err_set(e, ERR_SYNTAX, RULE, "record %llu comes after record %llu",
			(unsigned long long)l->seq, (unsigned long long)f->last_seq);
	if (memcmp(l->prev, v->hashes[f->last_seq % HASHES], HASH) != 0)
		return broken(e,
			"`prev` is not the hash of the line before: that line or this one was "
			"changed");
	if (l->ms < f->last_ms)
		return broken(e, "its time is before that of the line before");
	return true;
}

bool
audit_verify_line(
	struct audit_verify *v, struct span line, struct audit_line *line_ret, struct err *e)
{
	struct audit_verified *f = &v->found;
	struct audit_line l;
	size_t n = 0;
	uint8_t hash[CRYPTO_DIGEST_MAX];

	if (!audit_line_parse(line, &l, e))
		return false;
	if (line_ret != NULL)
		*line_ret = l;
	if (!(f->records == 0 ? begin(v, &l, e) : follows(v, &l, e)))
		return false;
	if (span_is(l.kind, "checkpoint") && !check_checkpoint(v, &l, e))
		return false;
	if (!crypto_digest_add(v->digest, line.p, line.n) ||
		!crypto_digest_end(v->digest, hash, &n) || n != HASH)
		return err_set(e, ERR_SYSTEM, NULL, "SHA-256: libcrypto failed");
	memcpy(v->hashes[l.seq % HASHES], hash, HASH);
	f->records++;
	f->last_seq = l.seq;
	f->last_ms = l.ms;
	return true;
}

bool
audit_verify_end(const struct audit_verify *v, struct err *e)
{
	if (v->found.records == 0 || v->explained)
		return true;
	return err_set(e, ERR_SYNTAX, RULE,
		"it begins with record %llu, and no checkpoint vouches for what was before: give "
		"the "
		"older files too, if they are there",
		(unsigned long long)v->found.first_seq);
}

const struct audit_verified *
audit_verify_found(const struct audit_verify *v)
{
	return &v->found;
}
