/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/exchange.h"

#include "agent/base/secret.h"

#include <pthread.h>
#include <stdlib.h>

struct place {
	uint64_t id; /* 0: free */
	int64_t until_ms;
	bool answered;
	enum report_result result;
	struct secret body, userinfo; /* p NULL: none */
};

struct exchange {
	pthread_mutex_t lock;
	struct place places[EXCHANGE_MAX];
};

bool
exchange_new(struct exchange **ret, struct err *e)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (x == NULL || pthread_mutex_init(&x->lock, NULL) != 0) {
		free(x);
		return err_set(e, ERR_LIMIT, NULL, "logins: no memory");
	}
	*ret = x;
	return true;
}

static void
clear(struct place *p)
{
	secret_fini(&p->body);
	secret_fini(&p->userinfo);
	*p = (struct place){.id = 0};
}

void
exchange_free(struct exchange *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < EXCHANGE_MAX; i++)
		clear(&x->places[i]);
	(void)pthread_mutex_destroy(&x->lock);
	free(x);
}

/* Past, or further away than it can be: the clock went back. */
static bool
over(const struct place *p, int64_t now_ms)
{
	return p->until_ms <= now_ms || p->until_ms - now_ms > EXCHANGE_MS;
}

/* NULL: none has this id. */
static struct place *
find(struct exchange *x, uint64_t id)
{
	for (size_t i = 0; i < EXCHANGE_MAX && id != 0; i++)
		if (x->places[i].id == id)
			return &x->places[i];
	return NULL;
}

bool
exchange_begin(struct exchange *x, uint64_t id, int64_t now_ms, struct err *e)
{
	struct place *p = NULL;

	(void)pthread_mutex_lock(&x->lock);
	for (size_t i = 0; i < EXCHANGE_MAX && p == NULL; i++)
		if (x->places[i].id == 0 || over(&x->places[i], now_ms))
			p = &x->places[i];
	if (p != NULL) {
		clear(p);
		p->id = id;
		p->until_ms = now_ms + EXCHANGE_MS;
	}
	(void)pthread_mutex_unlock(&x->lock);
	return p != NULL || err_set(e, ERR_LIMIT, "RFC 6749 10.10",
				    "%u logins are under way; try again in a moment", EXCHANGE_MAX);
}

bool
exchange_report(struct exchange *x, const struct report *r)
{
	(void)pthread_mutex_lock(&x->lock);
	struct place *p = find(x, r->id);
	if (p != NULL && !p->answered) {
		bool kept = (r->body.p == NULL || secret_set(&p->body, r->body)) &&
			    (r->userinfo.p == NULL || secret_set(&p->userinfo, r->userinfo));
		p->result = kept ? r->result : RESULT_FAILED;
		p->answered = true;
	}
	(void)pthread_mutex_unlock(&x->lock);
	return p != NULL;
}

bool
exchange_ready(struct exchange *x, uint64_t id, int64_t now_ms)
{
	(void)pthread_mutex_lock(&x->lock);
	const struct place *p = find(x, id);
	bool ready = p == NULL || p->answered || over(p, now_ms);
	(void)pthread_mutex_unlock(&x->lock);
	return ready;
}

static bool
copy(const struct secret *s, struct arena *mem, struct span *ret)
{
	struct span v = secret_open(s);

	*ret = v.p != NULL ? arena_span(mem, v) : SPAN_NONE;
	return v.p == NULL || ret->p != NULL;
}

bool
exchange_answer(struct exchange *x, uint64_t id, struct arena *mem, struct exchange_result *ret,
	struct err *e)
{
	struct exchange_result got = {.result = RESULT_FAILED};
	bool room = true;

	(void)pthread_mutex_lock(&x->lock);
	const struct place *p = find(x, id);
	if (p != NULL && p->answered) {
		got.result = p->result;
		room = copy(&p->body, mem, &got.body) && copy(&p->userinfo, mem, &got.userinfo);
	}
	(void)pthread_mutex_unlock(&x->lock);
	if (!room)
		return err_set(e, ERR_LIMIT, NULL, "login: no memory left for this request");
	*ret = got;
	return true;
}

void
exchange_forget(struct exchange *x, uint64_t id)
{
	(void)pthread_mutex_lock(&x->lock);
	struct place *p = find(x, id);
	if (p != NULL)
		clear(p);
	(void)pthread_mutex_unlock(&x->lock);
}
