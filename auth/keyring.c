/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/keyring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/civil.h"
#include "agent/base/crypto.h"
#include "auth/keys.h"

#define RETRY_NOBODY   30U /* seconds: there is no courier, or it is not there now */
#define RETRY_MAX      60U
#define JUST_FAILED_MS 1000  /* KEY-9: so young a failure answers for the next request too */
#define ENDPOINT_MAX   2048U /* bytes of a URL */

/* One set; freed by the last who uses it. */
struct key_set {
	unsigned refs;   /* atomic */
	int64_t fetched; /* seconds UTC */
	struct keys *keys;
	struct oidc_verifier *verifier[KEYS_MAX]; /* NULL: by the kept key */
};

/* The keys of one issuer; the lock is held for a few instructions at a time. */
struct ring {
	pthread_mutex_t lock;
	struct key_set *set; /* NULL: none came yet */
	uint64_t generation; /* of the set */
	uint8_t hash[CRYPTO_SHA256_SIZE];
	bool fixed;         /* from a file */
	uint64_t turn;      /* reports so far */
	bool fetching;      /* asked for, not reported */
	int64_t asked_ms;   /* when it was, last */
	int64_t refetch_ms; /* when it was for an unknown kid, last; 0: never */
	bool trouble;       /* the last report was one */
	int64_t since;      /* of the failures, seconds UTC; 0: not known */
	int64_t trouble_ms; /* when it came */
	unsigned retry_after;
	char why[201];
	struct buf authorize, end_session;
	bool iss_parameter;
};

struct keyring {
	const struct issuers *issuers;
	struct oidc *oidc;
	errand_fn *send;
	void *arg;
	struct ring *ring;
	uint64_t changed; /* atomic */
};

/* ---- sets ---- */

static void
set_unref(struct key_set *s)
{
	if (s == NULL || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (size_t i = 0; i < KEYS_MAX; i++)
		oidc_verifier_free(s->verifier[i]);
	keys_free(s->keys);
	free(s);
}

static struct key_set *
set_take(struct ring *r)
{
	(void)pthread_mutex_lock(&r->lock);
	struct key_set *s = r->set;
	if (s != NULL)
		(void)__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	(void)pthread_mutex_unlock(&r->lock);
	return s;
}

/* More keys than verifiers that can be made are verified by their kept form, with the same verdict
 * (SIG-6). */
static bool
set_new(struct keyring *k, size_t issuer, struct span jwks, struct buf *report,
	struct key_set **ret, struct err *e)
{
	struct key_set *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "keys: no memory");
	s->refs = 1;
	if (!keys_load(jwks, k->issuers->item[issuer].algs, report, &s->keys, e)) {
		free(s);
		return false;
	}
	for (size_t i = 0; k->oidc != NULL && i < keys_count(s->keys); i++)
		(void)oidc_verifier_new(k->oidc, keys_at(s->keys, i)->jwk, &s->verifier[i], NULL);
	*ret = s;
	return true;
}

/* The new set takes the old one's place; an equal one leaves what was verified good. */
static void
set_swap(struct keyring *k, size_t issuer, struct key_set *s, struct span jwks)
{
	struct ring *r = &k->ring[issuer];
	uint8_t hash[CRYPTO_SHA256_SIZE] = {0};
	bool known = crypto_sha256(jwks, hash);

	(void)pthread_mutex_lock(&r->lock);
	struct key_set *old = r->set;
	bool other = !known || memcmp(hash, r->hash, sizeof(hash)) != 0;
	if (old == NULL || other)
		r->generation++;
	if (old != NULL && other)
		(void)__atomic_add_fetch(&k->changed, 1, __ATOMIC_RELEASE);
	memcpy(r->hash, hash, sizeof(hash));
	r->set = s;
	(void)pthread_mutex_unlock(&r->lock);
	set_unref(old);
}

/* ---- the ring ---- */

bool
keyring_new(const struct issuers *issuers, struct oidc *oidc, struct keyring **ret, struct err *e)
{
	struct keyring *k = calloc(1, sizeof(*k));

	if (k != NULL)
		k->ring = calloc(issuers->n + 1, sizeof(*k->ring));
	if (k == NULL || k->ring == NULL) {
		free(k);
		return err_set(e, ERR_SYSTEM, NULL, "keys: no memory");
	}
	k->issuers = issuers;
	k->oidc = oidc;
	for (size_t i = 0; i < issuers->n; i++) {
		(void)pthread_mutex_init(&k->ring[i].lock, NULL);
		k->ring[i].authorize.max = k->ring[i].end_session.max = ENDPOINT_MAX;
	}
	*ret = k;
	return true;
}

void
keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->issuers->n; i++) {
		set_unref(k->ring[i].set);
		buf_fini(&k->ring[i].authorize);
		buf_fini(&k->ring[i].end_session);
		(void)pthread_mutex_destroy(&k->ring[i].lock);
	}
	free(k->ring);
	free(k);
}

void
keyring_courier(struct keyring *k, errand_fn *send, void *arg)
{
	k->send = send;
	k->arg = arg;
}

bool
keyring_load(struct keyring *k, size_t issuer, struct span jwks, struct buf *report, struct err *e)
{
	struct key_set *s = NULL;

	if (!set_new(k, issuer, jwks, report, &s, e))
		return false;
	k->ring[issuer].fixed = true;
	set_swap(k, issuer, s, jwks);
	return true;
}

/* ---- reports ---- */

static void
note_trouble(struct ring *r, struct span text, unsigned retry_after, int64_t now_ms)
{
	struct span cut = span_first(text, sizeof(r->why) - 1);

	r->trouble = true;
	r->trouble_ms = now_ms;
	r->retry_after = retry_after < 2 ? 2 : retry_after > RETRY_MAX ? RETRY_MAX : retry_after;
	if (!span_cstr(cut, r->why, sizeof(r->why)))
		r->why[0] = '\0';
}

static void
copy_endpoint(struct buf *to, struct span url)
{
	buf_reset(to);
	if (span_starts(url, SPAN("https://")) || span_starts(url, SPAN("http://")))
		buf_add(to, url);
	if (!buf_ok(to))
		buf_reset(to);
}

void
keyring_report(struct keyring *k, size_t issuer, const struct report *r, int64_t now_ms)
{
	struct ring *ring = &k->ring[issuer];
	struct key_set *s = NULL;
	struct err e = {.code = ERR_NONE};
	bool keys =
		r->kind == REPORT_KEYS && !ring->fixed && set_new(k, issuer, r->jwks, NULL, &s, &e);

	if (keys && s != NULL) {
		s->fetched = r->fetched;
		set_swap(k, issuer, s, r->jwks);
	}
	(void)pthread_mutex_lock(&ring->lock);
	ring->turn++;
	ring->fetching = false;
	if (r->kind == REPORT_KEYS) {
		copy_endpoint(&ring->authorize, r->authorization_endpoint);
		copy_endpoint(&ring->end_session, r->end_session_endpoint);
		ring->iss_parameter = r->iss_parameter;
		ring->trouble = false;
	} else {
		note_trouble(ring, r->text, r->retry_after, now_ms);
		ring->since = r->since;
	}
	if (r->kind == REPORT_KEYS && !keys && !ring->fixed)
		note_trouble(ring, span_of(e.msg), RETRY_NOBODY, now_ms);
	if (!ring->trouble)
		ring->since = 0;
	(void)pthread_mutex_unlock(&ring->lock);
}

/* ---- asking for keys ---- */

/* Is it less than `ms` since?  A clock that went back must not stop anything for an hour. */
static bool
within(int64_t since_ms, int64_t ms, int64_t now_ms)
{
	return now_ms >= since_ms && now_ms - since_ms < ms;
}

enum asked { ASKED_NOT, ASKED_NOW, ASKED_BEFORE };

/* One retrieval at a time; for an unknown kid seldom.  The lock is held: a message is sent without
 * waiting. */
static enum asked
ask(struct keyring *k, size_t issuer, bool unknown_kid, int64_t now_ms)
{
	struct ring *r = &k->ring[issuer];
	const struct errand errand = {
		.kind = ERRAND_REFRESH, .issuer = k->issuers->item[issuer].iss};

	if (r->fetching && within(r->asked_ms, KEYRING_ANSWER_MS, now_ms))
		return ASKED_BEFORE;
	r->fetching = false;
	if (unknown_kid && r->refetch_ms != 0 && within(r->refetch_ms, KEYRING_REFETCH_MS, now_ms))
		return ASKED_NOT;
	if (k->send == NULL || !k->send(k->arg, &errand))
		return ASKED_NOT;
	r->fetching = true;
	r->asked_ms = now_ms;
	if (unknown_kid)
		r->refetch_ms = now_ms;
	return ASKED_NOW;
}

/* The lock is held. */
static enum keyring_verdict
in_trouble(const struct keyring *k, size_t issuer, struct keyring_more *more, struct err *e)
{
	const struct ring *r = &k->ring[issuer];

	struct span iss = span_first(k->issuers->item[issuer].iss, 60);
	AUTO_BUF since = BUF_INIT(64);

	more->retry_after = r->trouble ? r->retry_after : RETRY_NOBODY;
	if (r->trouble && r->since > 0) {
		buf_adds(&since, " since ");
		civil_write_iso(&since, r->since);
	}
	(void)err_set(e, ERR_UPSTREAM, "RFC 7517",
		"issuer %.*s: its keys are not available%.*s; try again later%s%s", SPAN_ARG(iss),
		SPAN_ARG(buf_span(&since)), r->trouble ? "; " : "", r->trouble ? r->why : "");
	return KEYRING_BAD;
}

/* No set at all, or one that is too old: wait for a retrieval, unless one has just failed. */
static enum keyring_verdict
without_keys(
	struct keyring *k, size_t issuer, int64_t now_ms, struct keyring_more *more, struct err *e)
{
	struct ring *r = &k->ring[issuer];
	enum keyring_verdict v = KEYRING_WAIT;

	(void)pthread_mutex_lock(&r->lock);
	more->turn = r->turn;
	bool failed = r->trouble && within(r->trouble_ms, JUST_FAILED_MS, now_ms);
	if (r->fixed || failed || ask(k, issuer, false, now_ms) == ASKED_NOT)
		v = in_trouble(k, issuer, more, e);
	(void)pthread_mutex_unlock(&r->lock);
	return v;
}

/* The set has no such key.  It may have been published since. */
static enum keyring_verdict
unknown_kid(
	struct keyring *k, size_t issuer, int64_t now_ms, struct keyring_more *more, struct err *e)
{
	struct ring *r = &k->ring[issuer];
	enum keyring_verdict v = KEYRING_BAD;

	if (r->fixed)
		return KEYRING_BAD;
	(void)pthread_mutex_lock(&r->lock);
	more->turn = r->turn;
	if (ask(k, issuer, true, now_ms) != ASKED_NOT)
		v = KEYRING_WAIT;
	else if (r->trouble && r->trouble_ms >= r->refetch_ms && r->refetch_ms != 0)
		v = in_trouble(k, issuer, more, e);
	(void)pthread_mutex_unlock(&r->lock);
	return v;
}

/* ---- verifying ---- */

struct search {
	const struct jws *j;
	unsigned found; /* keys with the kid */
	unsigned tried; /* and fit for the alg */
};

/* The keys of the token's own issuer that carry its kid and fit its alg (SIG-1, SIG-3, SIG-4). */
static bool
try_keys(const struct key_set *set, struct search *s)
{
	const struct key *key = NULL;
	size_t at = 0;
	bool good = false;

	while (!good && s->tried < KEYS_TRIED_MAX &&
		(key = keys_next(set->keys, s->j->kid, &at)) != NULL) {
		const struct oidc_verifier *v = set->verifier[at - 1];
		bool fits = (key->algs >> s->j->alg & 1U) != 0;
		s->found++;
		s->tried += fits;
		if (fits)
			good = v != NULL ? oidc_verify(v, s->j->token.p) : keys_verify(key, s->j);
	}
	return good;
}

/* Is a set of this age good?  A file's always. */
static bool
young(const struct keyring *k, size_t issuer, const struct key_set *set, int64_t now_ms)
{
	return k->ring[issuer].fixed ||
	       now_ms / 1000 - set->fetched < (int64_t)k->issuers->item[issuer].settings->stale_max;
}

enum keyring_verdict
keyring_verify(struct keyring *k, size_t issuer, const struct jws *j, int64_t now_ms,
	struct keyring_more *more, struct err *e)
{
	struct search s = {.j = j};
	struct err why = {.code = ERR_NONE};
	enum keyring_verdict v = KEYRING_BAD;
	struct key_set *set = set_take(&k->ring[issuer]);

	*more = (struct keyring_more){0};
	if (set == NULL || keys_count(set->keys) == 0 || !young(k, issuer, set, now_ms))
		v = without_keys(k, issuer, now_ms, more, &why);
	else if (try_keys(set, &s))
		v = KEYRING_GOOD;
	else if (s.found == 0)
		v = unknown_kid(k, issuer, now_ms, more, &why);
	set_unref(set);
	if (v == KEYRING_BAD) {
		if (why.code == ERR_NONE)
			(void)keys_refuse(j, k->issuers->item[issuer].iss, s.found, s.tried, &why);
		*e = why;
	}
	return v;
}

bool
keyring_ready(struct keyring *k, size_t issuer, uint64_t turn, int64_t now_ms)
{
	struct ring *r = &k->ring[issuer];

	(void)pthread_mutex_lock(&r->lock);
	bool ready =
		r->turn != turn || !r->fetching || !within(r->asked_ms, KEYRING_ANSWER_MS, now_ms);
	(void)pthread_mutex_unlock(&r->lock);
	return ready;
}

bool
keyring_young(struct keyring *k, size_t issuer, int64_t now_ms)
{
	struct key_set *set = set_take(&k->ring[issuer]);
	bool yes = set != NULL && young(k, issuer, set, now_ms);

	set_unref(set);
	return yes;
}

/* ---- telling ---- */

uint64_t
keyring_generation(struct keyring *k, size_t issuer)
{
	struct ring *r = &k->ring[issuer];

	(void)pthread_mutex_lock(&r->lock);
	uint64_t generation = r->generation;
	(void)pthread_mutex_unlock(&r->lock);
	return generation;
}

uint64_t
keyring_changed(const struct keyring *k)
{
	return __atomic_load_n(&k->changed, __ATOMIC_ACQUIRE);
}

size_t
keyring_count(struct keyring *k, size_t issuer)
{
	struct key_set *s = set_take(&k->ring[issuer]);
	size_t n = s != NULL ? keys_count(s->keys) : 0;

	set_unref(s);
	return n;
}

bool
keyring_endpoints(struct keyring *k, size_t issuer, struct buf *authorize, struct buf *end_session,
	bool *ret_iss_parameter)
{
	struct ring *r = &k->ring[issuer];

	(void)pthread_mutex_lock(&r->lock);
	bool known = r->authorize.n > 0;
	buf_add(authorize, buf_span(&r->authorize));
	if (end_session != NULL)
		buf_add(end_session, buf_span(&r->end_session));
	*ret_iss_parameter = r->iss_parameter;
	(void)pthread_mutex_unlock(&r->lock);
	return known;
}
