/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/kept.h"

#include "agent/base/buf.h"
#include "agent/base/siphash.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *chain;         /* of the bucket */
	struct entry *newer, *older; /* of the order of use */
	uint64_t hash;
	struct span key, fields; /* owned */
	struct http_answer answer;
};

struct kept {
	size_t max, n, mask;
	uint64_t seed[2];
	struct entry **bucket;
	struct entry *newest, *oldest;
	struct buf key; /* of the question in work; it holds a credential */
};

/* ---- keys ---- */

static void
key_span(struct buf *b, struct span s)
{
	uint32_t n = s.p == NULL ? UINT32_MAX : (uint32_t)s.n;

	buf_add(b, (struct span){(const char *)&n, sizeof(n)});
	buf_add(b, s);
}

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

/* GET and HEAD are one class: the front leaves the bytes of the body away by itself. */
static bool
key_make(struct kept *k, const struct http_ask *q)
{
	if ((q->method != HTTP_GET && q->method != HTTP_HEAD) || q->two_credentials ||
		q->body.n > 0 || once(q))
		return false;
	buf_reset(&k->key);
	/* A rule may ask where the client is (policy: network), so another address is another key.
	 */
	buf_add(&k->key, (struct span){(const char *)q->peer, sizeof(q->peer)});
	key_span(&k->key, q->path);
	key_span(&k->key, q->query);
	key_span(&k->key, q->authorization);
	key_span(&k->key, q->accept);
	key_span(&k->key, q->want_digest);
	key_span(&k->key, q->want_repr_digest);
	return buf_ok(&k->key);
}

static bool
key_eq(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* ---- entries ---- */

static bool
copy_span(struct span s, struct span *ret)
{
	char *p = malloc(s.n + 1);

	if (p == NULL)
		return false;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*ret = (struct span){p, s.n};
	return true;
}

static void
entry_free(struct entry *x)
{
	if (x->key.p != NULL)
		explicit_bzero((char *)(uintptr_t)x->key.p, x->key.n);
	free((char *)(uintptr_t)x->key.p);
	free((char *)(uintptr_t)x->fields.p);
	grant_unref(x->answer.grant);
	free(x);
}

static void
order_out(struct kept *k, struct entry *x)
{
	if (x->newer != NULL)
		x->newer->older = x->older;
	else
		k->newest = x->older;
	if (x->older != NULL)
		x->older->newer = x->newer;
	else
		k->oldest = x->newer;
}

static void
order_in(struct kept *k, struct entry *x)
{
	x->newer = NULL;
	x->older = k->newest;
	if (k->newest != NULL)
		k->newest->newer = x;
	else
		k->oldest = x;
	k->newest = x;
}

static void
drop(struct kept *k, struct entry *x)
{
	struct entry **at = &k->bucket[x->hash & k->mask];

	while (*at != x)
		at = &(*at)->chain;
	*at = x->chain;
	order_out(k, x);
	k->n--;
	entry_free(x);
}

static struct entry *
find(const struct kept *k, uint64_t hash)
{
	struct entry *x = k->bucket[hash & k->mask];

	while (x != NULL && (x->hash != hash || !key_eq(x->key, buf_span(&k->key))))
		x = x->chain;
	return x;
}

/* ---- the table ---- */

bool
kept_new(size_t max, const uint8_t seed[16], struct kept **ret, struct err *e)
{
	struct kept *k = calloc(1, sizeof(*k));
	size_t buckets = 16;

	while (buckets < max)
		buckets *= 2;
	if (k != NULL)
		k->bucket = calloc(buckets, sizeof(struct entry *));
	if (k != NULL)
		k->key.max = KEPT_KEY_MAX; /* all of it at once: growing would leave credentials
					      behind */
	if (k == NULL || k->bucket == NULL || !buf_reserve(&k->key, KEPT_KEY_MAX)) {
		free(k != NULL ? (void *)k->bucket : NULL);
		free(k);
		return err_set(e, ERR_LIMIT, NULL, "no memory for kept grants");
	}
	k->max = max;
	k->mask = buckets - 1;
	memcpy(k->seed, seed, sizeof(k->seed));
	*ret = k;
	return true;
}

void
kept_free(struct kept *k)
{
	if (k == NULL)
		return;
	while (k->oldest != NULL)
		drop(k, k->oldest);
	if (k->key.p != NULL)
		explicit_bzero(k->key.p, k->key.cap);
	buf_fini(&k->key);
	free((void *)k->bucket);
	free(k);
}

const struct http_answer *
kept_get(struct kept *k, const struct http_ask *q, int64_t now, uint64_t epoch)
{
	if (k->n == 0 || !key_make(k, q))
		return NULL;
	struct entry *x = find(k, siphash(k->seed, buf_span(&k->key)));
	if (x == NULL)
		return NULL;
	if (!grant_valid(x->answer.grant, now, epoch) || !grant_unchanged(x->answer.grant)) {
		drop(k, x);
		return NULL;
	}
	if (x != k->newest) {
		order_out(k, x);
		order_in(k, x);
	}
	return &x->answer;
}

void
kept_put(struct kept *k, const struct http_ask *q, const struct http_answer *a)
{
	if (!a->keep || a->close || a->body != HTTP_FILE || a->fields.n > KEPT_FIELDS_MAX ||
		k->max == 0 || !key_make(k, q))
		return;
	uint64_t hash = siphash(k->seed, buf_span(&k->key));
	struct entry *old = find(k, hash);
	if (old != NULL)
		drop(k, old);
	else if (k->n >= k->max)
		drop(k, k->oldest);
	struct entry *x = calloc(1, sizeof(*x));
	if (x == NULL)
		return;
	if (!copy_span(buf_span(&k->key), &x->key) || !copy_span(a->fields, &x->fields)) {
		entry_free(x);
		return;
	}
	x->hash = hash;
	x->answer = *a;
	x->answer.id = 0;
	x->answer.fields = x->fields;
	x->answer.text = SPAN_NONE;
	x->answer.grant = grant_ref(a->grant);
	x->chain = k->bucket[hash & k->mask];
	k->bucket[hash & k->mask] = x;
	order_in(k, x);
	k->n++;
}

void
kept_sweep(struct kept *k, int64_t now, uint64_t epoch)
{
	struct entry *x = k->oldest;

	while (x != NULL) {
		struct entry *newer = x->newer;
		if (!grant_valid(x->answer.grant, now, epoch))
			drop(k, x);
		x = newer;
	}
}

size_t
kept_count(const struct kept *k)
{
	return k->n;
}
