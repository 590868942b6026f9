/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/answers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/crypto.h"
#include "auth/answers_table.h"
#include "auth/claims_copy.h"
#include "auth/peer_rate.h"
#include "auth/seats.h"

#define ISSUER_KEY 32U

struct slot {
	uint64_t id; /* 0: free */
	int64_t until_ms;
	uint8_t key[ANSWERS_KEY_SIZE];
	char *payload; /* NULL: an opaque token */
	bool counted;  /* for its address */
	uint8_t peer[16];
	size_t n_payload;
};

struct answers {
	pthread_mutex_t lock;
	struct answers_table *yes, *no;
	struct peer_rate *rate;
	size_t n_issuers;
	uint8_t (*issuer_key)[ISSUER_KEY];
	struct slot *slot; /* ANSWERS_ASKED_MAX for each issuer */
	uint64_t round;    /* id = round * slots + index of the slot: never given twice */
};

static bool
fill(struct answers *a, struct err *e)
{
	size_t n = a->n_issuers > 0 ? a->n_issuers : 1;
	uint32_t start = 0;

	a->yes = answers_table_new(ANSWERS_ENTRIES, (size_t)ANSWERS_ENTRIES * ANSWERS_ENTRY_BYTES);
	a->no = answers_table_new(ANSWERS_ENTRIES, (size_t)ANSWERS_ENTRIES * ANSWERS_ENTRY_BYTES);
	a->rate = peer_rate_new(ANSWERS_PEERS, ANSWERS_RATE);
	a->issuer_key = calloc(n, sizeof(*a->issuer_key));
	a->slot = calloc(n * ANSWERS_ASKED_MAX, sizeof(*a->slot));
	if (a->yes == NULL || a->no == NULL || a->rate == NULL || a->issuer_key == NULL ||
		a->slot == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "answers of issuers: no memory");
	for (size_t i = 0; i < n; i++)
		if (!crypto_random(a->issuer_key[i], ISSUER_KEY, e))
			return false;
	if (!crypto_random(&start, sizeof(start), e))
		return false;
	a->round = (uint64_t)start + 1; /* a report for an earlier process finds nothing here */
	return true;
}

bool
answers_new(size_t n_issuers, struct answers **ret, struct err *e)
{
	struct answers *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "answers of issuers: no memory");
	(void)pthread_mutex_init(&a->lock, NULL);
	a->n_issuers = n_issuers;
	if (!fill(a, e)) {
		answers_free(a);
		return false;
	}
	*ret = a;
	return true;
}

static void
release(struct slot *s)
{
	if (s->payload != NULL)
		explicit_bzero(s->payload, s->n_payload);
	free(s->payload);
	*s = (struct slot){.id = 0};
}

void
answers_free(struct answers *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; a->slot != NULL && i < a->n_issuers * ANSWERS_ASKED_MAX; i++)
		release(&a->slot[i]);
	if (a->issuer_key != NULL)
		explicit_bzero(a->issuer_key, a->n_issuers * ISSUER_KEY);
	free(a->slot);
	free(a->issuer_key);
	peer_rate_free(a->rate);
	answers_table_free(a->yes);
	answers_table_free(a->no);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- asking ---- */

static void
trouble(struct answers_found *f, enum answers_state state, unsigned retry_after,
	const struct err *why)
{
	*f = (struct answers_found){.state = state, .retry_after = retry_after, .why = *why};
}

static void
no_memory(struct answers_found *f)
{
	struct err why = {.code = ERR_NONE};

	(void)err_set(&why, ERR_LIMIT, NULL, "token: no memory left for this request");
	trouble(f, ANSWERS_TROUBLE, ANSWERS_TROUBLE_MS / 1000, &why);
}

/* What is known by now. */
static bool
known(struct answers *a, const uint8_t key[ANSWERS_KEY_SIZE], int64_t now_ms, struct arena *mem,
	struct answers_found *ret)
{
	const struct answers_entry *is = answers_table_get(a->yes, key, now_ms);

	if (is != NULL) {
		void *to = arena_alloc(mem, is->bytes);
		if (to == NULL)
			no_memory(ret);
		else
			*ret = (struct answers_found){.state = ANSWERS_YES,
				.claims = claims_copy_to(&is->claims, to),
				.until_ms = is->until_ms};
		return true;
	}
	is = answers_table_get(a->no, key, now_ms);
	if (is == NULL)
		return false;
	if (is->why->code == ERR_UNAUTH)
		trouble(ret, ANSWERS_NO, 0, is->why);
	else
		trouble(ret, ANSWERS_TROUBLE, ANSWERS_TROUBLE_MS / 1000, is->why);
	return true;
}

/* The question about this token that is under way, or a free slot, or NULL. */
static struct slot *
slot_for(struct answers *a, size_t issuer, const uint8_t key[ANSWERS_KEY_SIZE], int64_t now_ms)
{
	struct slot *of = &a->slot[issuer * ANSWERS_ASKED_MAX];
	struct slot *vacant = NULL;

	for (size_t i = 0; i < ANSWERS_ASKED_MAX; i++) {
		if (of[i].id != 0 && !answers_lives(of[i].until_ms, ANSWERS_ASKED_MS, now_ms))
			release(&of[i]);
		if (of[i].id != 0 && memcmp(of[i].key, key, ANSWERS_KEY_SIZE) == 0)
			return &of[i];
		if (of[i].id == 0 && vacant == NULL)
			vacant = &of[i];
	}
	return vacant;
}

static bool
keep_payload(struct slot *s, struct span payload)
{
	if (payload.p == NULL)
		return true;
	s->payload = malloc(payload.n + 1);
	if (s->payload == NULL)
		return false;
	if (payload.n > 0)
		memcpy(s->payload, payload.p, payload.n);
	s->n_payload = payload.n;
	return true;
}

static void
begin(struct answers *a, const struct answers_question *q, int64_t now_ms, struct slot *s,
	struct answers_found *ret)
{
	if (!keep_payload(s, q->payload)) {
		release(s);
		no_memory(ret);
		return;
	}
	s->until_ms = now_ms + ANSWERS_ASKED_MS;
	s->id = a->round++ * (a->n_issuers * ANSWERS_ASKED_MAX) + (uint64_t)(s - a->slot);
	*ret = (struct answers_found){.state = ANSWERS_NEW, .id = s->id};
}

/* Does this address have as many questions under way as it may?  Else the others wait for its. */
static bool
greedy(const struct answers *a, const struct answers_question *q)
{
	const struct slot *of = &a->slot[q->issuer * ANSWERS_ASKED_MAX];
	unsigned n = 0;

	for (size_t i = 0; i < ANSWERS_ASKED_MAX && q->peer != NULL; i++)
		n += of[i].id != 0 && of[i].counted && seats_same_peer(of[i].peer, q->peer);
	return n >= ANSWERS_PEER_MAX;
}

/* Nothing is known of the token: who may ask, and is there room? */
static void
unknown(struct answers *a, const struct answers_question *q, const uint8_t key[ANSWERS_KEY_SIZE],
	int64_t now_ms, struct answers_found *ret)
{
	struct slot *s = slot_for(a, q->issuer, key, now_ms);
	struct err why = {.code = ERR_NONE};

	if (s != NULL && s->id != 0) {
		*ret = (struct answers_found){.state = ANSWERS_PENDING, .id = s->id};
		return;
	}
	if (greedy(a, q) || (q->peer != NULL && !peer_rate_allow(a->rate, q->peer, now_ms))) {
		(void)err_set(&why, ERR_LIMIT, "RFC 6585 4",
			"token: more than %u unknown tokens a second from this address, or %u that "
			"wait for an answer",
			ANSWERS_RATE, ANSWERS_PEER_MAX);
		trouble(ret, ANSWERS_TOO_MANY, 1, &why);
		return;
	}
	if (s == NULL) {
		(void)err_set(&why, ERR_LIMIT, NULL,
			"token: too many tokens wait for an answer of their issuer");
		trouble(ret, ANSWERS_FULL, ANSWERS_TROUBLE_MS / 1000, &why);
		return;
	}
	memcpy(s->key, key, ANSWERS_KEY_SIZE);
	s->counted = q->peer != NULL;
	if (q->peer != NULL)
		memcpy(s->peer, q->peer, sizeof(s->peer));
	begin(a, q, now_ms, s, ret);
}

void
answers_ask(struct answers *a, const struct answers_question *q, int64_t now_ms, struct arena *mem,
	struct answers_found *ret)
{
	uint8_t key[ANSWERS_KEY_SIZE];
	struct span issuer_key = {(const char *)a->issuer_key[q->issuer], ISSUER_KEY};

	if (!crypto_hmac_sha256(issuer_key, q->token, key)) {
		no_memory(ret);
		return;
	}
	(void)pthread_mutex_lock(&a->lock);
	if (!known(a, key, now_ms, mem, ret))
		unknown(a, q, key, now_ms, ret);
	(void)pthread_mutex_unlock(&a->lock);
}

/* ---- by id ---- */

/* NULL: not under way. */
static struct slot *
slot_of(struct answers *a, uint64_t id)
{
	size_t n = a->n_issuers * ANSWERS_ASKED_MAX;
	struct slot *s = n > 0 && id != 0 ? &a->slot[id % n] : NULL;

	return s != NULL && s->id == id ? s : NULL;
}

bool
answers_ready(struct answers *a, uint64_t id, int64_t now_ms)
{
	(void)pthread_mutex_lock(&a->lock);
	const struct slot *s = slot_of(a, id);
	bool ready = s == NULL || !answers_lives(s->until_ms, ANSWERS_ASKED_MS, now_ms);
	(void)pthread_mutex_unlock(&a->lock);
	return ready;
}

bool
answers_asked(struct answers *a, uint64_t id, struct arena *mem, size_t *ret_issuer,
	struct span *ret_payload)
{
	struct span payload = SPAN_NONE;

	(void)pthread_mutex_lock(&a->lock);
	const struct slot *s = slot_of(a, id);
	bool ok = s != NULL;
	if (ok && s->payload != NULL) {
		payload = arena_span(mem, (struct span){s->payload, s->n_payload});
		ok = payload.p != NULL;
	}
	if (ok) {
		*ret_issuer = (size_t)(s - a->slot) / ANSWERS_ASKED_MAX;
		*ret_payload = payload;
	}
	(void)pthread_mutex_unlock(&a->lock);
	return ok;
}

/* Replaces what either table had; the question is over in any case. */
static void
put(struct answers *a, struct slot *s, const struct answers_entry *e, int64_t now_ms)
{
	answers_table_drop(e->why == NULL ? a->no : a->yes, s->key);
	(void)answers_table_put(e->why == NULL ? a->yes : a->no, s->key, e, now_ms);
	release(s);
}

static void
put_no(struct answers *a, struct slot *s, const struct err *why, int64_t now_ms)
{
	int64_t keep = why->code == ERR_UNAUTH ? ANSWERS_NO_MS : ANSWERS_TROUBLE_MS;

	put(a, s, &(struct answers_entry){.until_ms = now_ms + keep, .why = why}, now_ms);
}

void
answers_put_yes(struct answers *a, uint64_t id, const struct claims *claims, int64_t now_ms)
{
	int64_t until_ms = now_ms + ANSWERS_YES_MS;
	double exp_ms = claims->life.exp * 1000;
	struct err why = {.code = ERR_NONE};

	if (exp_ms < (double)until_ms)
		until_ms = (int64_t)exp_ms;
	bool large = claims_copy_size(claims) > ANSWERS_ENTRY_MAX;
	if (large)
		(void)err_set(&why, ERR_LIMIT, NULL,
			"token: what its issuer says of it is more than %u bytes",
			ANSWERS_ENTRY_MAX);
	(void)pthread_mutex_lock(&a->lock);
	struct slot *s = slot_of(a, id);
	if (s != NULL && large)
		put_no(a, s, &why, now_ms);
	else if (s != NULL)
		put(a, s, &(struct answers_entry){.until_ms = until_ms, .claims = *claims}, now_ms);
	(void)pthread_mutex_unlock(&a->lock);
}

void
answers_put_no(struct answers *a, uint64_t id, const struct err *why, int64_t now_ms)
{
	(void)pthread_mutex_lock(&a->lock);
	struct slot *s = slot_of(a, id);
	if (s != NULL)
		put_no(a, s, why, now_ms);
	(void)pthread_mutex_unlock(&a->lock);
}

void
answers_drop(struct answers *a, uint64_t id)
{
	(void)pthread_mutex_lock(&a->lock);
	struct slot *s = slot_of(a, id);
	if (s != NULL)
		release(s);
	(void)pthread_mutex_unlock(&a->lock);
}
