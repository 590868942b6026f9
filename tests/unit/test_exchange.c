/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/exchange.h"
#include "tests/unit/check.h"

#include <pthread.h>

static struct report
answer(uint64_t id, const char *body, const char *userinfo)
{
	return (struct report){.kind = REPORT_ANSWER,
		.id = id,
		.result = RESULT_OK,
		.body = span_of(body),
		.userinfo = span_of(userinfo)};
}

struct desk {
	struct exchange *x;
	struct arena mem;
};

static int
open_desk(void **state)
{
	static struct desk d;

	d = (struct desk){.x = NULL};
	*state = &d;
	return arena_init(&d.mem, 1U << 20) && exchange_new(&d.x, NULL) ? 0 : -1;
}

static int
close_desk(void **state)
{
	struct desk *d = *state;

	exchange_free(d->x);
	arena_fini(&d->mem);
	return 0;
}

/* Places that nobody came back for are given away, also when the clock goes back. */
static void
clock_goes_back(void **state)
{
	struct desk *d = *state;
	const int64_t now = 7200000;

	for (uint64_t id = 1; id <= EXCHANGE_MAX; id++)
		assert_true(exchange_begin(d->x, id, now, NULL));
	assert_false(exchange_begin(d->x, 1000, now, NULL));
	assert_true(exchange_ready(d->x, 1, now - 3600000));
	assert_true(exchange_begin(d->x, 1000, now - 3600000, NULL));
}

static void
one(void **state)
{
	struct desk *d = *state;
	struct exchange_result got;
	struct report r = answer(7, "{\"id_token\":1}", "{}");

	assert_true(exchange_begin(d->x, 7, 1000, NULL));
	assert_false(exchange_ready(d->x, 7, 1000));
	assert_true(exchange_answer(d->x, 7, &d->mem, &got, NULL));
	assert_int_equal(got.result, RESULT_FAILED);
	assert_true(exchange_report(d->x, &r));
	assert_true(exchange_ready(d->x, 7, 1000));
	for (int again = 0; again < 2; again++) {
		assert_true(exchange_answer(d->x, 7, &d->mem, &got, NULL));
		assert_int_equal(got.result, RESULT_OK);
		check_span(got.body, "{\"id_token\":1}");
		check_span(got.userinfo, "{}");
	}
	/* A second answer changes nothing: it can only be a mistake or a lie. */
	r = answer(7, "other", NULL);
	assert_true(exchange_report(d->x, &r));
	assert_true(exchange_answer(d->x, 7, &d->mem, &got, NULL));
	check_span(got.body, "{\"id_token\":1}");
	exchange_forget(d->x, 7);
	assert_false(exchange_report(d->x, &r));
	assert_true(exchange_ready(d->x, 7, 1000));
	assert_true(exchange_answer(d->x, 7, &d->mem, &got, NULL));
	assert_int_equal(got.result, RESULT_FAILED);
}

static void
none_came(void **state)
{
	struct desk *d = *state;
	struct exchange_result got;
	struct report r = answer(9, "x", NULL);

	assert_false(exchange_report(d->x, &r));
	r.id = 0; /* free places have no id that could be answered */
	assert_false(exchange_report(d->x, &r));
	assert_true(exchange_begin(d->x, 9, 1000, NULL));
	assert_false(exchange_ready(d->x, 9, 1000 + EXCHANGE_MS - 1));
	assert_true(exchange_ready(d->x, 9, 1000 + EXCHANGE_MS));
	assert_true(exchange_answer(d->x, 9, &d->mem, &got, NULL));
	assert_int_equal(got.result, RESULT_FAILED);
	assert_null(got.body.p);
}

static void
full(void **state)
{
	struct desk *d = *state;
	struct err e = {0};

	for (uint64_t id = 1; id <= EXCHANGE_MAX; id++)
		assert_true(exchange_begin(d->x, id, 1000, NULL));
	assert_false(exchange_begin(d->x, 100, 1000 + EXCHANGE_MS - 1, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	exchange_forget(d->x, 5);
	assert_true(exchange_begin(d->x, 100, 1000, NULL));
	/* Places that nobody came back for are given away. */
	assert_true(exchange_begin(d->x, 101, 1000 + EXCHANGE_MS, NULL));
}

static void
narrow(void **state)
{
	struct desk *d = *state;
	struct exchange_result got = {.result = RESULT_BUSY};
	struct report r = answer(3, "0123456789012345678901234567890123456789", NULL);
	AUTO_ARENA small = {0};
	struct err e = {0};

	assert_true(arena_init(&small, 16));
	assert_true(exchange_begin(d->x, 3, 0, NULL));
	assert_true(exchange_report(d->x, &r));
	assert_false(exchange_answer(d->x, 3, &small, &got, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(got.result, RESULT_BUSY);
}

struct worker {
	pthread_t thread;
	struct exchange *x;
	uint64_t first;
	bool good;
};

static void *
many(void *arg)
{
	struct worker *w = arg;
	struct exchange_result got;
	AUTO_ARENA mem = {0};
	char text[32];

	w->good = arena_init(&mem, 1U << 16);
	for (uint64_t id = w->first; id < w->first + 1000 && w->good; id++) {
		(void)snprintf(text, sizeof(text), "body %llu", (unsigned long long)id);
		struct report r = answer(id, text, NULL);
		w->good = exchange_begin(w->x, id, 0, NULL) && exchange_report(w->x, &r) &&
			  exchange_ready(w->x, id, 0) &&
			  exchange_answer(w->x, id, &mem, &got, NULL) && span_is(got.body, text);
		exchange_forget(w->x, id);
		arena_reset(&mem);
	}
	return NULL;
}

static void
threads(void **state)
{
	struct desk *d = *state;
	struct worker w[4];

	for (size_t i = 0; i < 4; i++) {
		w[i] = (struct worker){.x = d->x, .first = 1 + i * 10000};
		assert_int_equal(pthread_create(&w[i].thread, NULL, many, &w[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		assert_true(w[i].good);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(clock_goes_back, open_desk, close_desk),
		cmocka_unit_test_setup_teardown(one, open_desk, close_desk),
		cmocka_unit_test_setup_teardown(none_came, open_desk, close_desk),
		cmocka_unit_test_setup_teardown(full, open_desk, close_desk),
		cmocka_unit_test_setup_teardown(narrow, open_desk, close_desk),
		cmocka_unit_test_setup_teardown(threads, open_desk, close_desk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
