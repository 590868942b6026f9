/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/kept.h"

#include "agent/base/siphash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS     16U
#define SHARDED    1024U /* smaller tables are one shard: the order of use is exact */
#define LOOK_BACK  8U    /* how far for a text that is the same */
#define CACHE_LINE 64U

/* Bytes that entries have in common: a credential, the fields of an answer. */
struct text {
	atomic_uint refs;
	size_t n;
	char p[];
};

/* What a question must have in common with an entry, beside the client's address. */
enum part { PATH, QUERY, ACCEPT, WANT_DIGEST, WANT_REPR_DIGEST, PARTS };

struct key {
	uint64_t hash;
	struct span authorization;
	struct span part[PARTS];
	const uint8_t *peer;
};

struct entry {
	struct http_answer answer; /* first: kept_done() finds the entry by it */
	atomic_uint refs;          /* of the table, and of each answer in use */
	uint32_t part_n[PARTS];    /* UINT32_MAX: absent */
	uint64_t hash;
	uint8_t peer[16];
	struct entry *chain;         /* of the bucket */
	struct entry *newer, *older; /* of the order of use */
	struct text *authorization;  /* NULL: absent */
	struct text *fields;
	char text[]; /* the parts, one behind the other */
};

struct shard {
	pthread_mutex_t lock;
	size_t max, n, mask;
	struct entry **bucket;
	struct entry *newest, *oldest;
} __attribute__((aligned(CACHE_LINE)));

struct kept {
	uint64_t seed[2];
	size_t n_shards;
	atomic_uint_fast64_t swept; /* the epoch of the last sweep */
	atomic_uint turn;           /* which shard is swept next, and which one gives way */
	struct shard shard[SHARDS];
};

/* ---- keys ---- */

/*
 * A proof is for one request (RFC 9449 11.1), a session may have ended since (logout), and a
 * certificate is the connection's own: the gate is asked each time.
 */
static bool
once(const struct http_ask *q)
{
	return q->dpop.p != NULL || q->two_proofs || q->session.p != NULL || q->login.p != NULL ||
	       q->has_certificate;
}

/* A rule may ask where the client is (policy: network), so another address is another key. */
static uint64_t
key_hash(const struct kept *k, const struct key *key)
{
	struct span peer = {(const char *)key->peer, sizeof(((struct entry *)NULL)->peer)};
	uint64_t h = siphash(k->seed, peer);

	if (key->authorization.p != NULL)
		h = h * 0x9e3779b97f4a7c15U + siphash(k->seed, key->authorization);
	for (unsigned i = 0; i < PARTS; i++) {
		h *= 0x9e3779b97f4a7c15U;
		if (key->part[i].p != NULL)
			h += siphash(k->seed, key->part[i]);
	}
	return h ^ h >> 32;
}

/* GET and HEAD are one class: the front leaves the bytes of the body away by itself. */
static bool
key_make(const struct kept *k, const struct http_ask *q, struct key *ret)
{
	if ((q->method != HTTP_GET && q->method != HTTP_HEAD) || q->two_credentials ||
		q->body.n > 0 || once(q))
		return false;
	*ret = (struct key){.authorization = q->authorization,
		.part = {q->path, q->query, q->accept, q->want_digest, q->want_repr_digest},
		.peer = q->peer};
	size_t n = q->authorization.n;
	for (unsigned i = 0; i < PARTS; i++)
		n += ret->part[i].n;
	if (n > KEPT_KEY_MAX)
		return false;
	ret->hash = key_hash(k, ret);
	return true;
}

static bool
text_eq(const struct text *t, struct span s)
{
	if (t == NULL || s.p == NULL)
		return t == NULL && s.p == NULL;
	return t->n == s.n && memcmp(t->p, s.p, s.n) == 0;
}

static uint32_t
part_size(struct span s)
{
	return s.p == NULL ? UINT32_MAX : (uint32_t)s.n;
}

/* Of the whole text, whatever the hash says. */
static bool
key_eq(const struct entry *x, const struct key *key)
{
	const char *at = x->text;

	for (unsigned i = 0; i < PARTS; i++)
		if (x->part_n[i] != part_size(key->part[i]))
			return false;
	for (unsigned i = 0; i < PARTS; i++) {
		if (key->part[i].n > 0 && memcmp(at, key->part[i].p, key->part[i].n) != 0)
			return false;
		at += key->part[i].n;
	}
	return memcmp(x->peer, key->peer, sizeof(x->peer)) == 0 &&
	       text_eq(x->authorization, key->authorization);
}

/* ---- texts ---- */

static struct text *
text_new(struct span s)
{
	struct text *t = malloc(sizeof(*t) + s.n);

	if (t == NULL)
		return NULL;
	atomic_init(&t->refs, 1);
	t->n = s.n;
	if (s.n > 0)
		memcpy(t->p, s.p, s.n);
	return t;
}

static struct text *
text_ref(struct text *t)
{
	if (t != NULL)
		atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

static void
text_unref(struct text *t)
{
	if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	explicit_bzero(t->p, t->n); /* it may be a credential */
	free(t);
}

/* ---- entries ---- */

static void
entry_unref(struct entry *x)
{
	if (x == NULL || atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) != 1)
		return;
	text_unref(x->authorization);
	text_unref(x->fields);
	grant_unref(x->answer.grant);
	free(x);
}

static struct entry *
entry_new(const struct key *key, const struct http_answer *a)
{
	size_t n = 0;

	for (unsigned i = 0; i < PARTS; i++)
		n += key->part[i].n;
	struct entry *x = calloc(1, sizeof(*x) + n);
	if (x == NULL)
		return NULL;
	atomic_init(&x->refs, 1);
	x->hash = key->hash;
	memcpy(x->peer, key->peer, sizeof(x->peer));
	char *at = x->text;
	for (unsigned i = 0; i < PARTS; i++) {
		x->part_n[i] = part_size(key->part[i]);
		if (key->part[i].n > 0)
			memcpy(at, key->part[i].p, key->part[i].n);
		at += key->part[i].n;
	}
	x->answer = *a;
	x->answer.id = 0;
	x->answer.text = SPAN_NONE;
	x->answer.grant = grant_ref(a->grant);
	return x;
}

/* One user's files mostly have both in common with those that were kept just before. */
static bool
entry_texts(const struct shard *s, const struct key *key, struct span fields, struct entry *x)
{
	struct entry *like = s->newest;

	for (unsigned i = 0; i < LOOK_BACK && like != NULL; i++, like = like->older) {
		if (x->authorization == NULL && text_eq(like->authorization, key->authorization))
			x->authorization = text_ref(like->authorization);
		if (x->fields == NULL && text_eq(like->fields, fields))
			x->fields = text_ref(like->fields);
	}
	if (x->authorization == NULL && key->authorization.p != NULL)
		x->authorization = text_new(key->authorization);
	if (x->fields == NULL)
		x->fields = text_new(fields);
	if (x->fields != NULL)
		x->answer.fields = (struct span){x->fields->p, x->fields->n};
	return x->fields != NULL && (x->authorization != NULL || key->authorization.p == NULL);
}

static void
order_out(struct shard *s, struct entry *x)
{
	if (x->newer != NULL)
		x->newer->older = x->older;
	else
		s->newest = x->older;
	if (x->older != NULL)
		x->older->newer = x->newer;
	else
		s->oldest = x->newer;
}

static void
order_in(struct shard *s, struct entry *x)
{
	x->newer = NULL;
	x->older = s->newest;
	if (s->newest != NULL)
		s->newest->newer = x;
	else
		s->oldest = x;
	s->newest = x;
}

static struct entry **
bucket_of(struct shard *s, uint64_t hash)
{
	return &s->bucket[hash >> 8 & s->mask]; /* the low bits have chosen the shard */
}

static void
drop(struct shard *s, struct entry *x)
{
	struct entry **at = bucket_of(s, x->hash);

	while (*at != x)
		at = &(*at)->chain;
	*at = x->chain;
	order_out(s, x);
	s->n--;
	entry_unref(x);
}

static struct entry *
find(struct shard *s, const struct key *key)
{
	struct entry *x = *bucket_of(s, key->hash);

	while (x != NULL && (x->hash != key->hash || !key_eq(x, key)))
		x = x->chain;
	return x;
}

/* ---- the table ---- */

static struct shard *
shard_of(struct kept *k, uint64_t hash)
{
	return &k->shard[hash & (k->n_shards - 1)];
}

static bool
shard_init(struct shard *s, size_t max)
{
	size_t buckets = 16;

	while (buckets < max)
		buckets *= 2;
	s->bucket = calloc(buckets, sizeof(struct entry *));
	s->max = max;
	s->mask = buckets - 1;
	return s->bucket != NULL;
}

bool
kept_new(size_t max, const uint8_t seed[16], struct kept **ret, struct err *e)
{
	struct kept *k = aligned_alloc(CACHE_LINE, sizeof(*k));
	bool ok = k != NULL;

	if (ok) {
		memset(k, 0, sizeof(*k));
		memcpy(k->seed, seed, sizeof(k->seed));
		k->n_shards = max >= SHARDED ? SHARDS : 1;
	}
	for (size_t i = 0; ok && i < SHARDS; i++) {
		ok = pthread_mutex_init(&k->shard[i].lock, NULL) == 0;
		if (i < k->n_shards)
			ok = ok && shard_init(&k->shard[i], max / k->n_shards);
	}
	if (!ok) {
		kept_free(k);
		return err_set(e, ERR_LIMIT, NULL, "no memory for kept grants");
	}
	*ret = k;
	return true;
}

void
kept_free(struct kept *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n_shards; i++) {
		while (k->shard[i].oldest != NULL)
			drop(&k->shard[i], k->shard[i].oldest);
		free((void *)k->shard[i].bucket);
	}
	free(k);
}

const struct http_answer *
kept_get(struct kept *k, const struct http_ask *q, int64_t now, uint64_t epoch)
{
	struct key key;

	if (k->shard[0].max == 0 || !key_make(k, q, &key))
		return NULL;
	struct shard *s = shard_of(k, key.hash);
	(void)pthread_mutex_lock(&s->lock);
	struct entry *x = find(s, &key);
	if (x != NULL &&
		!(grant_valid(x->answer.grant, now, epoch) && grant_unchanged(x->answer.grant))) {
		drop(s, x);
		x = NULL;
	}
	if (x != NULL) {
		atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
		if (x != s->newest) {
			order_out(s, x);
			order_in(s, x);
		}
	}
	(void)pthread_mutex_unlock(&s->lock);
	return x != NULL ? &x->answer : NULL;
}

void
kept_done(const struct http_answer *a)
{
	_Static_assert(offsetof(struct entry, answer) == 0, "an answer is where its entry is");
	entry_unref((struct entry *)(uintptr_t)a);
}

static void
put(struct shard *s, const struct key *key, struct span fields, struct entry *x)
{
	struct entry *old = find(s, key);

	if (!entry_texts(s, key, fields, x)) {
		entry_unref(x);
		return;
	}
	if (old != NULL)
		drop(s, old);
	else if (s->n >= s->max)
		drop(s, s->oldest);
	x->chain = *bucket_of(s, key->hash);
	*bucket_of(s, key->hash) = x;
	order_in(s, x);
	s->n++;
}

void
kept_put(struct kept *k, const struct http_ask *q, const struct http_answer *a)
{
	struct key key;

	if (!a->keep || a->close || a->body != HTTP_FILE || a->fields.n > KEPT_FIELDS_MAX ||
		k->shard[0].max == 0 || !key_make(k, q, &key))
		return;
	struct entry *x = entry_new(&key, a);
	if (x == NULL)
		return;
	struct shard *s = shard_of(k, key.hash);
	(void)pthread_mutex_lock(&s->lock);
	put(s, &key, a->fields, x);
	(void)pthread_mutex_unlock(&s->lock);
}

static void
sweep(struct shard *s, int64_t now, uint64_t epoch)
{
	(void)pthread_mutex_lock(&s->lock);
	struct entry *x = s->oldest;
	while (x != NULL) {
		struct entry *newer = x->newer;
		if (!grant_valid(x->answer.grant, now, epoch))
			drop(s, x);
		x = newer;
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void
kept_sweep(struct kept *k, int64_t now, uint64_t epoch)
{
	size_t one = atomic_fetch_add(&k->turn, 1) % k->n_shards;
	bool all = atomic_exchange(&k->swept, epoch) != epoch;

	for (size_t i = 0; i < k->n_shards; i++)
		if (all || i == one)
			sweep(&k->shard[i], now, epoch);
}

size_t
kept_yield(struct kept *k, size_t n)
{
	size_t empty = 0;
	size_t left = n;

	while (left > 0 && empty < k->n_shards) {
		struct shard *s = &k->shard[atomic_fetch_add(&k->turn, 1) % k->n_shards];
		(void)pthread_mutex_lock(&s->lock);
		empty = s->oldest == NULL ? empty + 1 : 0;
		if (s->oldest != NULL) {
			drop(s, s->oldest);
			left--;
		}
		(void)pthread_mutex_unlock(&s->lock);
	}
	return n - left;
}

size_t
kept_count(struct kept *k)
{
	size_t n = 0;

	for (size_t i = 0; i < k->n_shards; i++) {
		(void)pthread_mutex_lock(&k->shard[i].lock);
		n += k->shard[i].n;
		(void)pthread_mutex_unlock(&k->shard[i].lock);
	}
	return n;
}
