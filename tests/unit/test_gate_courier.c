/* SPDX-License-Identifier: Apache-2.0 */
/* The gate's end of the link to the courier, whose other end the test plays. */
#include "agent/gate_courier.h"

#include "agent/errand.h"
#include "tests/unit/gate_waiting.h"

#include <pthread.h>

#define SENDERS 4U
#define EACH    200U

struct link {
	struct waiting *w;
	struct gate_courier *gate;
	int courier; /* the other end; -1: away */
	char in[FDPASS_MESSAGE];
};

static void
connect_courier(struct link *l)
{
	int pair[2];

	assert_true(fdpass_pair(pair, true, NULL));
	l->courier = pair[0];
	gate_courier_link(l->gate, &pair[1]);
	assert_int_equal(pair[1], -1); /* taken */
}

static int
link_setup(void **state)
{
	struct link *l = calloc(1, sizeof(*l));
	void *w = NULL;

	assert_non_null(l);
	assert_int_equal(waiting_setup(&w), 0);
	l->w = w;
	l->courier = -1;
	assert_true(gate_courier_new(l->w->place->gate.auth, &l->gate, NULL));
	*state = l;
	return 0;
}

static int
link_teardown(void **state)
{
	struct link *l = *state;
	void *w = l->w;

	gate_courier_free(l->gate);
	if (l->courier >= 0)
		(void)close(l->courier);
	free(l);
	return waiting_teardown(&w);
}

static bool
next_errand(struct link *l, struct errand *ret)
{
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t n_fds = 0;

	if (fdpass_recv(l->courier, l->in, sizeof(l->in), &n, fds, &n_fds, NULL) != FDPASS_OK)
		return false;
	assert_int_equal(n_fds, 0);
	assert_true(errand_read((struct span){l->in, n}, ret, NULL));
	return true;
}

static void
send_keys(struct link *l, int64_t now_ms)
{
	AUTO_BUF jwks = BUF_INIT(8192);
	AUTO_BUF msg = BUF_INIT(FDPASS_MESSAGE);

	waiting_jwks(l->w, &jwks);
	const struct report r = {.kind = REPORT_KEYS,
		.issuer = SPAN(KEYS_ISS),
		.jwks = buf_span(&jwks),
		.fetched = now_ms / 1000};
	errand_write_report(&r, &msg);
	assert_int_equal(fdpass_send(l->courier, buf_span(&msg), NULL, 0, NULL), FDPASS_OK);
}

static enum gate_found
ask(struct link *l, int64_t now_ms, const struct gate_wait *before, struct gate_wait *ret)
{
	struct gate_desk *d = &l->w->place->desk;
	const struct http_ask q = waiting_ask(l->w, 1);
	struct gate_case c;
	struct http_answer a;

	gate_start(d);
	gate_begin(d, &q, now_ms, before, &c);
	*ret = c.wait;
	if (c.found != GATE_WAITS) {
		gate_record(d, &c, 1);
		gate_finish(d, &c, &a);
		grant_unref(a.grant);
	}
	gate_end(d);
	return c.found;
}

/* A token, an errand, keys, a permit. */
static void
there_and_back(void **state)
{
	struct link *l = *state;
	struct gate_wait wait;
	struct errand r;

	connect_courier(l);
	assert_true(gate_courier_fd(l->gate) >= 0);
	assert_int_equal(ask(l, NOW_MS, NULL, &wait), GATE_WAITS);
	assert_true(next_errand(l, &r));
	assert_int_equal(r.kind, ERRAND_REFRESH);
	check_span(r.issuer, KEYS_ISS);
	assert_false(next_errand(l, &r));
	assert_false(gate_courier_serve(l->gate, NOW_MS)); /* nothing was said yet */
	send_keys(l, NOW_MS);
	assert_true(gate_courier_serve(l->gate, NOW_MS));
	assert_true(gate_ready(&l->w->place->desk, &wait, NOW_MS));
	assert_int_equal(ask(l, NOW_MS, &wait, &wait), GATE_DECIDED);
}

static void
courier_is_away(void **state)
{
	struct link *l = *state;
	const struct errand r = {.kind = ERRAND_REFRESH, .issuer = SPAN(KEYS_ISS)};
	struct gate_wait wait;

	assert_int_equal(gate_courier_fd(l->gate), -1);
	assert_false(gate_courier_serve(l->gate, NOW_MS));
	assert_false(gate_courier_send(l->gate, &r));
	assert_int_equal(ask(l, NOW_MS, NULL, &wait), GATE_REFUSED);
	/* It comes, dies, and comes again. */
	for (int i = 0; i < 2; i++) {
		connect_courier(l);
		assert_true(gate_courier_send(l->gate, &r));
		(void)close(l->courier);
		l->courier = -1;
		(void)gate_courier_serve(l->gate, NOW_MS);
		assert_int_equal(gate_courier_fd(l->gate), -1);
		assert_false(gate_courier_send(l->gate, &r));
	}
}

/* The new link takes the place of one that still stands. */
static void
link_is_replaced(void **state)
{
	struct link *l = *state;
	const struct errand r = {.kind = ERRAND_REFRESH, .issuer = SPAN(KEYS_ISS)};
	struct errand got;

	connect_courier(l);
	int old = l->courier;
	connect_courier(l);
	assert_true(gate_courier_send(l->gate, &r));
	assert_true(next_errand(l, &got));
	char byte = 0;
	assert_int_equal(read(old, &byte, 1), 0); /* closed */
	(void)close(old);
}

/* What is no report ends the link, and what came before it still counts. */
static void
nonsense_ends_the_link(void **state)
{
	struct link *l = *state;
	const struct errand r = {.kind = ERRAND_REFRESH, .issuer = SPAN(KEYS_ISS)};
	AUTO_BUF msg = BUF_INIT(FDPASS_MESSAGE);

	connect_courier(l);
	send_keys(l, NOW_MS);
	errand_write(&r, &msg); /* an errand is no report */
	assert_int_equal(fdpass_send(l->courier, buf_span(&msg), NULL, 0, NULL), FDPASS_OK);
	send_keys(l, NOW_MS);
	assert_true(gate_courier_serve(l->gate, NOW_MS));
	assert_int_equal(gate_courier_fd(l->gate), -1);
	struct gate_wait wait;
	assert_int_equal(ask(l, NOW_MS, NULL, &wait), GATE_DECIDED);
}

/* A courier that floods us gets no more than its share of a turn. */
static void
takes_turns(void **state)
{
	struct link *l = *state;
	const struct report r = {.kind = REPORT_TROUBLE,
		.issuer = SPAN(KEYS_ISS),
		.since = NOW,
		.retry_after = 1,
		.text = SPAN("away")};
	AUTO_BUF msg = BUF_INIT(FDPASS_MESSAGE);
	unsigned n = 0;

	connect_courier(l);
	errand_write_report(&r, &msg);
	while (fdpass_send(l->courier, buf_span(&msg), NULL, 0, NULL) == FDPASS_OK)
		n++;
	assert_true(n > GATE_COURIER_TURN);
	assert_true(gate_courier_serve(l->gate, NOW_MS));
	unsigned room = 0;
	while (fdpass_send(l->courier, buf_span(&msg), NULL, 0, NULL) == FDPASS_OK)
		room++;
	assert_true(room <= GATE_COURIER_TURN);
}

/* A socket that is full refuses at once: nobody waits for the courier. */
static void
full_socket(void **state)
{
	struct link *l = *state;
	char token[4096];
	struct errand r = {.kind = ERRAND_INTROSPECT,
		.id = 1,
		.issuer = SPAN(KEYS_ISS),
		.token = {token, sizeof(token)}};
	struct errand got;
	unsigned n = 0;

	memset(token, 'a', sizeof(token));
	connect_courier(l);
	while (gate_courier_send(l->gate, &r))
		n++;
	assert_true(n > 0);
	assert_true(gate_courier_fd(l->gate) >= 0); /* it is only behind */
	assert_true(next_errand(l, &got));
	assert_int_equal(got.token.n, sizeof(token));
}

/* ---- many threads send while one reads and the link changes ---- */

static void *
sender(void *arg)
{
	struct link *l = arg;
	const struct errand r = {.kind = ERRAND_REFRESH, .issuer = SPAN(KEYS_ISS)};

	for (unsigned i = 0; i < EACH; i++)
		(void)gate_courier_send(l->gate, &r);
	return NULL;
}

static void
threads(void **state)
{
	struct link *l = *state;
	pthread_t thread[SENDERS];
	struct errand r;

	connect_courier(l);
	for (unsigned i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, sender, l), 0);
	for (unsigned i = 0; i < 50; i++) {
		send_keys(l, NOW_MS);
		assert_true(gate_courier_serve(l->gate, NOW_MS));
		while (next_errand(l, &r))
			assert_int_equal(r.kind, ERRAND_REFRESH);
		if (i % 10 == 9) {
			(void)close(l->courier);
			connect_courier(l);
		}
	}
	for (unsigned i = 0; i < SENDERS; i++)
		(void)pthread_join(thread[i], NULL);
}

int
main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, link_setup, link_teardown)
	const struct CMUnitTest tests[] = {
		ONE(there_and_back),
		ONE(courier_is_away),
		ONE(link_is_replaced),
		ONE(nonsense_ends_the_link),
		ONE(takes_turns),
		ONE(full_socket),
		ONE(threads),
	};
	return cmocka_run_group_tests_name("gate_courier", tests, NULL, NULL);
}
