/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/kept.h"

#include "tests/unit/granted.h"

#include <pthread.h>

#define NOW (GRANTED_EXPIRES - 1)

static const uint8_t seed[16] = {1, 2, 3};

/* Is there one?  It is given back at once. */
static bool
found(struct kept *k, const struct http_ask *q, int64_t now, uint64_t epoch)
{
	const struct http_answer *a = kept_get(k, q, now, epoch);

	kept_done(a);
	return a != NULL;
}

static struct http_answer
answer_of(struct granted *g)
{
	return (struct http_answer){.id = 9,
		.status = 200,
		.body = HTTP_FILE,
		.fields = SPAN("Content-Type: a/b\r\n"),
		.grant = g->grant,
		.ranges = true,
		.keep = true};
}

static struct http_ask
ask_of(const char *path, const char *token)
{
	return (struct http_ask){
		.method = HTTP_GET, .path = span_of(path), .authorization = span_of(token)};
}

static const struct {
	const char *name;
	bool found;
} rows_keys[] = {
	{"the same", true},
	{"HEAD is of the same class", true},
	{"another path", false},
	{"another query", false},
	{"no query", false},
	{"an empty query is not no query", false},
	{"another credential", false},
	{"no credential", false},
	{"another Accept", false},
	{"a digest is wanted", false},
	{"a digest of the other family is wanted", false},
	{"PROPFIND", false},
	{"two credentials", false},
	{"with a body", false},
	{"the bytes moved from one field to the next", false},
	{"another client address (a rule may ask for the network)", false},
	{"with a proof", false},
	{"with two proofs", false},
	{"of a session", false},
	{"within a login", false},
	{"with a client certificate", false},
};
enum { N_KEYS = sizeof(rows_keys) / sizeof(rows_keys[0]) };

/* The question of each row: `q`, but for what its name says. */
static void
vary(const struct http_ask *q, struct http_ask *ret)
{
	for (size_t i = 0; i < N_KEYS; i++)
		ret[i] = *q;
	ret[1].method = HTTP_HEAD;
	ret[2].path = SPAN("/data/x/z");
	ret[3].query = SPAN("a=c");
	ret[4].query = SPAN_NONE;
	ret[5].query = SPAN("");
	ret[6].authorization = SPAN("Bearer u");
	ret[7].authorization = SPAN_NONE;
	ret[8].accept = SPAN("text/html");
	ret[9].want_digest = SPAN("md5");
	ret[10].want_repr_digest = SPAN("md5=1");
	ret[11].method = HTTP_PROPFIND;
	ret[12].two_credentials = true;
	ret[13].body = SPAN("x");
	ret[14].path = SPAN("/data/x/ya");
	ret[14].query = SPAN("=b");
	ret[15].peer[15] = 1;
	ret[16].dpop = SPAN("");
	ret[17].two_proofs = true;
	ret[18].session = SPAN("s");
	ret[19].login = SPAN("l");
	ret[20].has_certificate = true;
}

/* Questions whose answers may be kept at all. */
static bool
keeps(const struct http_ask *q)
{
	return q->method != HTTP_PROPFIND && !q->two_credentials && q->body.n == 0 &&
	       q->dpop.p == NULL && !q->two_proofs && q->session.p == NULL && q->login.p == NULL &&
	       !q->has_certificate;
}

static void
keys(void **state)
{
	struct granted g = granted_make(10);
	struct http_answer a = answer_of(&g);
	struct http_ask q = ask_of("/data/x/y", "Bearer t");
	struct http_ask asks[N_KEYS];
	struct kept *k = NULL;

	(void)state;
	q.query = SPAN("a=b");
	q.accept = SPAN("*/*");
	assert_true(kept_new(32, seed, &k, NULL));
	kept_put(k, &q, &a);
	assert_int_equal(kept_count(k), 1);
	const struct http_answer *got = kept_get(k, &q, NOW, GRANTED_EPOCH);
	assert_non_null(got);
	check_span(got->fields, "Content-Type: a/b\r\n");
	assert_int_equal(got->id, 0);
	assert_ptr_equal(got->grant, g.grant);
	kept_done(got);

	vary(&q, asks);
	for (size_t i = 0; i < N_KEYS; i++) {
		CHECK_ROW(rows_keys[i].name);
		assert_int_equal(found(k, &asks[i], NOW, GRANTED_EPOCH), rows_keys[i].found);
		kept_put(k, &asks[i], &a);
		assert_int_equal(found(k, &asks[i], NOW, GRANTED_EPOCH), keeps(&asks[i]));
	}
	kept_free(k);
	granted_end(&g);
}

static void
not_kept(void **state)
{
	struct granted g = granted_make(10);
	struct http_ask q = ask_of("/data/x/y", NULL);
	struct kept *k = NULL;
	struct {
		const char *name;
		struct http_answer a;
	} rows[] = {
		{"the gate did not allow it", answer_of(&g)},
		{"an answer that ends the connection", answer_of(&g)},
		{"inline", answer_of(&g)},
	};
	(void)state;
	rows[0].a.keep = false;
	rows[1].a.close = true;
	rows[2].a.body = HTTP_INLINE;
	assert_true(kept_new(8, seed, &k, NULL));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		kept_put(k, &q, &rows[i].a);
		assert_int_equal(kept_count(k), 0);
	}
	kept_free(k);
	granted_end(&g);
}

static void
ends(void **state)
{
	struct granted g = granted_make(10);
	struct http_answer a = answer_of(&g);
	struct http_ask q = ask_of("/data/x/y", NULL);
	struct kept *k = NULL;

	(void)state;
	assert_true(kept_new(8, seed, &k, NULL));
	kept_put(k, &q, &a);
	CHECK_ROW("expiry");
	assert_true(found(k, &q, NOW, GRANTED_EPOCH));
	assert_false(found(k, &q, GRANTED_EXPIRES, GRANTED_EPOCH));
	assert_int_equal(kept_count(k), 0);
	kept_put(k, &q, &a);
	CHECK_ROW("epoch");
	assert_false(found(k, &q, NOW, GRANTED_EPOCH + 1));
	assert_int_equal(kept_count(k), 0);
	kept_put(k, &q, &a);
	CHECK_ROW("sweep");
	kept_sweep(k, NOW, GRANTED_EPOCH);
	assert_int_equal(kept_count(k), 1);
	kept_sweep(k, GRANTED_EXPIRES, GRANTED_EPOCH);
	assert_int_equal(kept_count(k), 0);
	kept_put(k, &q, &a);
	CHECK_ROW("the file changed");
	assert_int_equal(pwrite(g.fd, "more than it was", 16, 0), 16);
	assert_false(found(k, &q, NOW, GRANTED_EPOCH));
	assert_int_equal(kept_count(k), 0);
	kept_free(k);
	granted_end(&g);
}

static void
bounded(void **state)
{
	struct granted g = granted_make(10);
	struct http_answer a = answer_of(&g);
	struct http_ask q;
	struct kept *k = NULL;
	char path[32];

	(void)state;
	assert_true(kept_new(4, seed, &k, NULL));
	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), "/data/%d", i);
		q = ask_of(path, NULL);
		kept_put(k, &q, &a);
		kept_put(k, &q, &a);
		assert_true(kept_count(k) <= 4);
		q = ask_of("/data/0", NULL); /* used each time: stays */
		assert_true(found(k, &q, NOW, GRANTED_EPOCH));
	}
	q = ask_of("/data/99", NULL);
	assert_true(found(k, &q, NOW, GRANTED_EPOCH));
	q = ask_of("/data/50", NULL);
	assert_false(found(k, &q, NOW, GRANTED_EPOCH));
	kept_free(k);
	CHECK_ROW("a table of nothing");
	assert_true(kept_new(0, seed, &k, NULL));
	kept_put(k, &q, &a);
	assert_int_equal(kept_count(k), 0);
	kept_free(k);
	granted_end(&g);
}

static void
yields(void **state)
{
	struct granted g = granted_make(10);
	struct http_answer a = answer_of(&g);
	struct http_ask q = ask_of("/data/0", NULL);
	struct kept *k = NULL;
	char path[32];

	(void)state;
	assert_true(kept_new(4096, seed, &k, NULL));
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(path, sizeof(path), "/data/%d", i);
		q = ask_of(path, NULL);
		kept_put(k, &q, &a);
	}
	CHECK_ROW("an answer in use stays good when its place is given up");
	const struct http_answer *held = kept_get(k, &q, NOW, GRANTED_EPOCH);
	assert_non_null(held);
	assert_int_equal(kept_yield(k, 100), 100);
	assert_int_equal(kept_count(k), 900);
	assert_true(found(k, &q, NOW, GRANTED_EPOCH)); /* the newest */
	assert_int_equal(kept_yield(k, 5000), 900);
	assert_int_equal(kept_yield(k, 1), 0);
	assert_int_equal(kept_count(k), 0);
	assert_false(found(k, &q, NOW, GRANTED_EPOCH));
	check_span(held->fields, "Content-Type: a/b\r\n");
	assert_true(grant_valid(held->grant, NOW, GRANTED_EPOCH));
	kept_done(held);
	kept_free(k);
	granted_end(&g);
}

enum { THREADS = 4, PATHS = 1500, ROUNDS = 6000 };

struct worker {
	struct kept *k;
	struct http_answer a;
	unsigned number, wrong;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	char path[32];

	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)snprintf(path, sizeof(path), "/data/%u", i * (w->number + 1) % PATHS);
		struct http_ask q = ask_of(path, i % 3 == 0 ? "Bearer t" : NULL);
		const struct http_answer *a = kept_get(w->k, &q, NOW, GRANTED_EPOCH);
		if (a == NULL)
			kept_put(w->k, &q, &w->a);
		else if (!span_is(a->fields, "Content-Type: a/b\r\n"))
			w->wrong++;
		kept_done(a);
		if (i % 500 == 499)
			(void)kept_yield(w->k, 10);
		if (i % 1000 == 999)
			kept_sweep(w->k, NOW, GRANTED_EPOCH);
	}
	return NULL;
}

static void
shared(void **state)
{
	struct granted g = granted_make(10);
	struct worker w[THREADS];
	pthread_t t[THREADS];
	struct kept *k = NULL;

	(void)state;
	assert_true(kept_new(1024, seed, &k, NULL));
	for (unsigned i = 0; i < THREADS; i++) {
		w[i] = (struct worker){.k = k, .a = answer_of(&g), .number = i};
		assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], NULL), 0);
		assert_int_equal(w[i].wrong, 0);
	}
	assert_true(kept_count(k) > 0 && kept_count(k) <= 1024);
	kept_sweep(k, NOW, GRANTED_EPOCH + 1);
	assert_int_equal(kept_count(k), 0);
	kept_free(k);
	granted_end(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(not_kept),
		cmocka_unit_test(ends),
		cmocka_unit_test(bounded),
		cmocka_unit_test(yields),
		cmocka_unit_test(shared),
	};
	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
