/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A gate whose tokens wait for keys, and a courier that the test plays. */
#include "agent/gate_parked.h"
#include "agent/wire.h"
#include "tests/unit/gate_world.h"
#include "tests/unit/mint.h"

#define NOW_MS    (NOW * 1000LL)
#define OPEN_FILE "/data/10.5072/OPEN/a b.txt"
#define SHUT_FILE "/data/10.5072/SHUT/a.txt"

struct waiting {
	struct gate_place *place;
	struct mint key;
	struct buf token; /* "Bearer ...", signed by the key */
	unsigned errands; /* atomic */
	bool away;        /* the courier: nothing can be sent */
};

static inline bool
take_errand(void *arg, const struct errand *r)
{
	struct waiting *w = arg;

	assert_int_equal(r->kind, ERRAND_REFRESH);
	assert_true(span_is(r->issuer, KEYS_ISS));
	(void)__atomic_add_fetch(&w->errands, 1, __ATOMIC_RELAXED);
	return !w->away;
}

/* A token whose last member is "n":N, so that two differ. */
static inline void
waiting_token(const struct waiting *w, unsigned n, struct buf *out)
{
	AUTO_BUF payload = BUF_INIT(1024);

	/* For the clock of the test and for the real one, whichever the test uses. */
	buf_addf(&payload,
		"{\"iss\":\"" KEYS_ISS "\",\"sub\":\"alice\",\"aud\":\"https://localhost/\","
		"\"exp\":4000000000,\"iat\":1700000000,\"jti\":\"j%u\",\"client_id\":\"cli\"}",
		n);
	buf_adds(out, "Bearer ");
	AUTO_BUF text = BUF_INIT(8192);
	mint_token(&w->key, SPAN("{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}"),
		buf_span(&payload), &text);
	buf_add(out, buf_span(&text));
}

static inline int
waiting_setup(void **state)
{
	struct waiting *w = calloc(1, sizeof(*w));
	void *place = NULL;

	assert_non_null(w);
	assert_int_equal(setup(&place), 0);
	w->place = place;
	w->key = mint_key("ES256", "k1");
	w->token = (struct buf)BUF_INIT(8192);
	waiting_token(w, 0, &w->token);
	auth_courier(w->place->gate.auth, take_errand, w);
	*state = w;
	return 0;
}

static inline int
waiting_teardown(void **state)
{
	struct waiting *w = *state;
	void *place = w->place;

	crypto_key_free(w->key.key);
	buf_fini(&w->token);
	free(w);
	return teardown(&place);
}

/* The key set as the issuer publishes it. */
static inline void
waiting_jwks(const struct waiting *w, struct buf *out)
{
	buf_adds(out, "{\"keys\":[");
	mint_jwk(&w->key, "", out);
	buf_adds(out, "]}");
}

static inline void
keys_come(const struct waiting *w, int64_t now_ms)
{
	AUTO_BUF jwks = BUF_INIT(8192);

	waiting_jwks(w, &jwks);
	const struct report r = {.kind = REPORT_KEYS,
		.issuer = SPAN(KEYS_ISS),
		.jwks = buf_span(&jwks),
		.fetched = now_ms / 1000};
	auth_report(w->place->gate.auth, &r, now_ms);
}

static inline struct http_ask
waiting_ask(const struct waiting *w, uint64_t id)
{
	return (struct http_ask){.id = id,
		.method = HTTP_GET,
		.path = SPAN(OPEN_FILE),
		.authorization = buf_span(&w->token),
		.peer = {(uint8_t)(id % 2)}, /* of one address only half may wait */
		.trace = {7}};
}

static inline int64_t
audit_size(const struct gate_place *p)
{
	struct stat st = {0};

	assert_int_equal(stat(p->audit, &st), 0);
	return st.st_size;
}

static inline bool
holds(struct span text, const char *what)
{
	return what == NULL ||
	       (text.p != NULL && memmem(text.p, text.n, what, strlen(what)) != NULL);
}
