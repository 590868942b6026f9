/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The courier with a clock that a test turns, a network that a test answers for, and everything
 * that it says written down.
 */
#include "agent/base/fetch.h"
#include "agent/courier.h"
#include "agent/courier_tell.h"
#include "tests/unit/mint.h"

#define MANY 256

struct asked {
	char url[512], body[8192], etag[64], user[64], password[64], bearer[128], ca[16];
	unsigned total_ms;
	bool post, loopback, open;
	fetch_done *done;
	void *arg;
};

struct told {
	unsigned link;
	struct report r; /* its spans are cut off; the texts are below */
	char jwks[8192], text[256], body[256], userinfo[256], authorize[128], issuer[128];
};

struct world {
	struct courier_now now;
	uint32_t random;
	bool refuse; /* fetch_start says no */
	struct settings settings;
	struct settings_issuer issuer[4];
	struct issuers issuers;
	struct courier_files files[4];
	struct courier *courier;
	struct asked asked[MANY];
	struct told told[MANY];
	char notes[MANY][512];
	size_t n_asked, n_told, n_notes, n_kept;
	char kept[65536];
	struct mint key;
	char jwks[8192]; /* a set with that key */
};

static inline void
world_copy(char *out, size_t n, struct span s)
{
	assert_true(s.n < n);
	if (s.n > 0)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

static inline struct courier_now
world_now(void *arg)
{
	return ((struct world *)arg)->now;
}

static inline uint32_t
world_random(void *arg)
{
	return ((struct world *)arg)->random;
}

static inline bool
world_fetch(
	void *arg, const struct fetch_request *r, fetch_done *done, void *done_arg, struct err *e)
{
	struct world *w = arg;

	if (w->refuse)
		return err_set(e, ERR_SYNTAX, NULL, "not a URL that can be asked");
	assert_true(w->n_asked < MANY);
	struct asked *a = &w->asked[w->n_asked++];
	*a = (struct asked){.total_ms = r->total_ms,
		.post = r->method == FETCH_POST,
		.loopback = r->loopback,
		.open = true,
		.done = done,
		.arg = done_arg};
	world_copy(a->url, sizeof(a->url), span_of(r->url));
	world_copy(a->body, sizeof(a->body), r->body);
	world_copy(a->etag, sizeof(a->etag), span_of(r->etag));
	world_copy(a->user, sizeof(a->user), r->user);
	world_copy(a->password, sizeof(a->password), r->password);
	world_copy(a->bearer, sizeof(a->bearer), r->bearer);
	world_copy(a->ca, sizeof(a->ca), r->ca);
	return true;
}

static inline void
world_report(void *arg, unsigned link, const struct report *r)
{
	struct world *w = arg;

	assert_true(w->n_told < MANY);
	struct told *t = &w->told[w->n_told++];
	t->link = link;
	t->r = *r;
	world_copy(t->issuer, sizeof(t->issuer), r->issuer);
	world_copy(t->jwks, sizeof(t->jwks), r->jwks);
	world_copy(t->text, sizeof(t->text), r->text);
	world_copy(t->body, sizeof(t->body), r->body);
	world_copy(t->userinfo, sizeof(t->userinfo), r->userinfo);
	world_copy(t->authorize, sizeof(t->authorize), r->authorization_endpoint);
}

static inline void
world_keep(void *arg, const struct courier_kept *k)
{
	struct world *w = arg;
	AUTO_BUF text = BUF_INIT(sizeof(w->kept));

	courier_kept_write(k, &text);
	world_copy(w->kept, sizeof(w->kept), buf_span(&text));
	w->n_kept++;
}

static inline void
world_note(void *arg, enum log_level l, const char *event, const char *msg, struct span issuer,
	struct span text)
{
	struct world *w = arg;

	assert_true(w->n_notes < MANY);
	assert_true(issuer.n > 0);
	(void)snprintf(w->notes[w->n_notes++], sizeof(w->notes[0]), "%d %s: %s (%.*s)", (int)l,
		event, msg, SPAN_ARG(text));
}

static inline struct settings_issuer
world_issuer(const char *iss)
{
	return (struct settings_issuer){.issuer = iss,
		.name = "I",
		.profile = "generic",
		.require_kid = -1,
		.path_scopes = -1,
		.allow_any_audience = -1,
		.require_iat = -1,
		.refresh = 3600,
		.stale_max = 172800};
}

/* One generic issuer, https://i.test, unless the test has put others into w->issuer. */
static inline struct world *
world_make(void)
{
	struct world *w = calloc(1, sizeof(*w));
	AUTO_BUF set = BUF_INIT(sizeof(w->jwks));

	assert_non_null(w);
	w->now = (struct courier_now){.ms = 5000000, .utc = 1795000000};
	w->random = 500; /* the middle of +-10 % */
	w->issuer[0] = world_issuer("https://i.test");
	w->settings = (struct settings){.file = "agent.yaml", .issuers = w->issuer, .n_issuers = 1};
	w->key = mint_key("ES256", "k1");
	buf_adds(&set, "{\"keys\":[");
	mint_jwk(&w->key, "", &set);
	buf_adds(&set, "]}");
	world_copy(w->jwks, sizeof(w->jwks), buf_span(&set));
	return w;
}

static inline void
world_start(struct world *w)
{
	const struct courier_world world = {
		w, world_now, world_random, world_fetch, world_report, world_keep, world_note};
	AUTO_BUF report = BUF_INIT(65536);

	if (w->issuers.item == NULL)
		assert_true(issuers_load(
			&w->settings, SPAN("https://data.test/"), &report, &w->issuers, NULL));
	assert_true(courier_new(&world, &w->issuers, w->files, &w->courier, NULL));
}

static inline void
world_free(struct world *w)
{
	courier_free(w->courier);
	issuers_fini(&w->issuers);
	crypto_key_free(w->key.key);
	free(w);
}

/* The clock goes on by so many milliseconds, and what is due is done. */
static inline int
world_pass(struct world *w, int64_t ms)
{
	w->now.ms += ms;
	w->now.utc = 1795000000 + (w->now.ms - 5000000) / 1000;
	return courier_turn(w->courier);
}

static inline size_t
world_open(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_asked; i++)
		n += w->asked[i].open;
	return n;
}

/* The oldest question that has no answer. */
static inline struct asked *
world_next(struct world *w)
{
	for (size_t i = 0; i < w->n_asked; i++)
		if (w->asked[i].open)
			return &w->asked[i];
	fail_msg("nothing is asked");
	abort();
}

/* Answers it, and lets the courier go on. */
static inline void
world_answer(struct world *w, struct fetch_answer a)
{
	struct asked *q = world_next(w);
	const struct err why = {.code = ERR_UPSTREAM, .msg = "connection refused"};

	q->open = false;
	q->done(q->arg, &a, a.status == 0 ? &why : NULL);
	(void)courier_turn(w->courier);
}

static inline void
world_reply(struct world *w, unsigned status, const char *body)
{
	world_answer(w, (struct fetch_answer){.status = status,
				.body = body != NULL ? span_of(body) : SPAN(""),
				.content_type = SPAN("application/json"),
				.max_age = -1,
				.retry_after = -1});
}

#define DOCUMENT(iss)                                                                              \
	"{\"issuer\":\"" iss "\",\"jwks_uri\":\"" iss "/jwks\",\"introspection_endpoint\":\"" iss  \
	"/introspect\",\"userinfo_endpoint\":\"" iss "/userinfo\",\"token_endpoint\":\"" iss       \
	"/token\",\"authorization_endpoint\":\"" iss "/auth\"}"

/* Document and keys of the one issuer have come. */
static inline void
world_fresh(struct world *w)
{
	(void)courier_turn(w->courier);
	world_reply(w, 200, DOCUMENT("https://i.test"));
	world_reply(w, 200, w->jwks);
	assert_int_equal(world_open(w), 0);
}

static inline const struct told *
world_last(const struct world *w)
{
	assert_true(w->n_told > 0);
	return &w->told[w->n_told - 1];
}

static inline void
world_errand(struct world *w, unsigned link, enum errand_kind kind, uint64_t id)
{
	const struct errand r = {.kind = kind,
		.id = id,
		.issuer = SPAN("https://i.test"),
		.token = SPAN("secret-token"),
		.verifier = SPAN("the-verifier"),
		.redirect = SPAN("https://data.test/done")};

	courier_errand(w->courier, link, &r);
}
