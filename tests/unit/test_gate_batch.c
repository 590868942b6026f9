/* SPDX-License-Identifier: Apache-2.0 */
/* Turns of questions from a worker's link, some of which wait while others are answered. */
#include "agent/gate_batch.h"

#include "agent/base/fdpass.h"
#include "tests/unit/gate_waiting.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>

#define MANY  24U
#define SEATS 2U
#define EACH  40U

static int64_t
real_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A worker's end of a link, and the gate's. */
struct link {
	int worker, gate;
	struct gate_batch *batch;
	char in[FDPASS_MESSAGE];
};

static void
link_open(struct link *l, struct gate_desk *d, uint64_t *epoch)
{
	int pair[2];

	assert_true(fdpass_pair(pair, true, NULL));
	l->worker = pair[0];
	l->gate = pair[1];
	assert_true(gate_batch_new(d, l->gate, epoch, &l->batch, NULL));
}

static void
link_close(struct link *l)
{
	gate_batch_free(l->batch);
	(void)close(l->gate);
	if (l->worker >= 0)
		(void)close(l->worker);
}

static void
send_ask(struct link *l, const struct http_ask *q)
{
	AUTO_BUF msg = BUF_INIT(FDPASS_MESSAGE);

	wire_write_ask(q, &msg);
	assert_int_equal(fdpass_send(l->worker, buf_span(&msg), NULL, 0, NULL), FDPASS_OK);
}

/* The next answer; its status, or 0 when none is there. */
static unsigned
next_answer(struct link *l, uint64_t *ret_id)
{
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t n_fds = 0;
	struct http_answer a;

	if (fdpass_recv(l->worker, l->in, sizeof(l->in), &n, fds, &n_fds, NULL) != FDPASS_OK)
		return 0;
	assert_true(wire_read_answer((struct span){l->in, n}, &fds[0], &a, NULL));
	for (size_t i = 0; i < n_fds; i++)
		scope_close(&fds[i]);
	grant_unref(a.grant);
	*ret_id = a.id;
	return a.status;
}

static size_t
count_lines(const struct gate_place *p, const char *what)
{
	AUTO_BUF text = BUF_INIT(1UL << 22);
	AUTO_FD fd = open(p->audit, O_RDONLY | O_CLOEXEC);
	size_t n = 0;

	assert_true(buf_reserve(&text, (size_t)audit_size(p)));
	ssize_t got = pread(fd, text.p, (size_t)audit_size(p), 0);
	assert_int_equal(got, audit_size(p));
	for (struct span rest = {text.p, (size_t)got}; rest.n > 0;)
		n += holds(span_cut(&rest, '\n'), what);
	return n;
}

static void
send_notes(struct link *l, const struct http_done *d, size_t n)
{
	AUTO_BUF msg = BUF_INIT(FDPASS_MESSAGE);

	for (size_t i = 0; i < n; i++)
		wire_write_done(d, &msg);
	assert_int_equal(fdpass_send(l->worker, buf_span(&msg), NULL, 0, NULL), FDPASS_OK);
}

/* What the log says of bodies that ended; with audit:full which file and ranges, however long. */
static void
closings(void **state)
{
	static char name[WIRE_FILE_MAX - 8];
	char ranges[2 * HTTP_RANGE_SIZE] = {1, [8] = 2, [17] = 1, [24] = 3, [25] = 1};
	struct waiting *w = *state;
	struct link l = {0};
	struct http_done d = {.decision = 7, .bytes = 9};

	link_open(&l, &w->place->desk, &w->place->epoch);
	send_notes(&l, &d, 1);
	d.result = HTTP_CUT;
	d.why = HTTP_WHY_OVERDUE;
	d.file = SPAN("raw/a.h5");
	d.ranges = (struct span){ranges, sizeof(ranges)};
	send_notes(&l, &d, 1);
	assert_true(gate_batch_serve(l.batch));
	assert_int_equal(
		count_lines(w->place, "\"decision\":7,\"bytes\":9,\"result\":\"complete\"}"), 1);
	assert_int_equal(
		count_lines(w->place,
			"\"decision\":7,\"bytes\":9,\"result\":\"cut\",\"file\":\"raw/a.h5\","
			"\"ranges\":[[1,2],[256,259]],\"why\":\"overdue\"}"),
		1);
	memset(name, 1, sizeof(name)); /* six characters each in the log */
	memset(name, 'x', sizeof(name) / 2);
	d.file = (struct span){name, sizeof(name)};
	for (int i = 0; i < 3; i++)
		send_notes(&l, &d, 14);
	while (count_lines(w->place, "\"why\":\"overdue\"") < 43)
		assert_true(gate_batch_serve(l.batch));
	assert_int_equal(w->place->epoch, 0);
	link_close(&l);
}

/* INT-1, KEY-7: those that wait are state, so the next question has its answer in the same turn. */
static void
others_go_on(void **state)
{
	struct waiting *w = *state;
	struct link l = {0};
	struct http_ask open = {.id = 1000, .path = SPAN(OPEN_FILE)};
	uint64_t id = 0;
	uint64_t seen = 0;
	int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	link_open(&l, &w->place->desk, &w->place->epoch);
	for (uint64_t i = 0; i < MANY; i++) {
		const struct http_ask q = waiting_ask(w, i);
		send_ask(&l, &q);
	}
	send_ask(&l, &open);
	while (next_answer(&l, &id) == 0)
		assert_true(gate_batch_serve(l.batch));
	assert_int_equal(id, 1000);
	assert_int_equal(gate_batch_parked(l.batch), MANY);
	assert_int_equal(count_lines(w->place, "\"kind\":\"decision\""), 1);
	assert_true(gate_batch_wait(l.batch, wake)); /* a second look, for what came meanwhile */
	assert_true(gate_batch_serve(l.batch));
	keys_come(w, real_ms());
	assert_int_equal(eventfd_write(wake, 1), 0);
	for (int i = 0; gate_batch_parked(l.batch) > 0 && i < 10; i++) {
		assert_true(gate_batch_wait(l.batch, wake));
		assert_true(gate_batch_serve(l.batch));
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(next_answer(&l, &id), 200);
		assert_true(id < MANY && (seen >> id & 1U) == 0);
		seen |= 1ULL << id;
	}
	assert_int_equal(next_answer(&l, &id), 0);
	assert_int_equal(count_lines(w->place, "\"kind\":\"decision\""), 1 + MANY);
	assert_int_equal(w->errands, 1);
	(void)close(wake);
	link_close(&l);
}

/* The worker goes away: what waited for it is forgotten, and its places are free. */
static void
worker_goes(void **state)
{
	struct waiting *w = *state;

	for (int round = 0; round < 3; round++) {
		struct link l = {0};
		uint64_t id = 0;
		link_open(&l, &w->place->desk, &w->place->epoch);
		for (uint64_t i = 0; i < AUTH_WAITING_MAX; i++) {
			const struct http_ask q = waiting_ask(w, i);
			send_ask(&l, &q);
			assert_true(gate_batch_serve(l.batch));
		}
		assert_int_equal(gate_batch_parked(l.batch), AUTH_WAITING_MAX);
		assert_int_equal(next_answer(&l, &id), 0);
		(void)close(l.worker);
		l.worker = -1;
		assert_true(gate_batch_wait(l.batch, -1));
		assert_false(gate_batch_serve(l.batch));
		link_close(&l);
	}
}

/* ---- threads: as in agent/role_gate.c ---- */

struct seat {
	struct gate_desk desk;
	struct link link;
	uint64_t *epoch;
	pthread_t thread;
	int wake;
	size_t parked; /* atomic */
};

static void *
seat_main(void *arg)
{
	struct seat *s = arg;
	bool open = true;

	while (open) {
		__atomic_store_n(&s->parked, gate_batch_parked(s->link.batch), __ATOMIC_SEQ_CST);
		if (gate_batch_wait(s->link.batch, s->wake))
			open = gate_batch_serve(s->link.batch);
	}
	return NULL;
}

static void
seat_start(struct waiting *w, struct seat *s)
{
	assert_true(gate_desk_init(&s->desk, &w->place->gate, NULL));
	link_open(&s->link, &s->desk, &w->place->epoch);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(pthread_create(&s->thread, NULL, seat_main, s), 0);
}

static void
seat_stop(struct seat *s)
{
	(void)close(s->link.worker);
	s->link.worker = -1;
	(void)pthread_join(s->thread, NULL);
	link_close(&s->link);
	(void)close(s->wake);
	gate_desk_fini(&s->desk);
}

static void
ask_and_wait(struct waiting *w, struct seat *s, uint64_t id)
{
	const struct http_ask q = waiting_ask(w, id);

	send_ask(&s->link, &q);
	while (__atomic_load_n(&s->parked, __ATOMIC_SEQ_CST) == 0)
		(void)sched_yield();
}

static void
get_answer(struct seat *s, uint64_t want)
{
	struct pollfd p = {.fd = s->link.worker, .events = POLLIN};
	uint64_t id = 0;

	/* Well below AUTH_WAIT_MS: it was woken, it did not expire. */
	assert_int_equal(poll(&p, 1, 3000), 1);
	assert_int_equal(next_answer(&s->link, &id), 200);
	assert_int_equal(id, want);
}

/* No report is missed, whenever it comes, and each waiting thread is woken by it. */
static void
threads_are_woken(void **state)
{
	struct waiting *w = *state;
	struct seat seat[SEATS] = {0};

	for (unsigned i = 0; i < SEATS; i++)
		seat_start(w, &seat[i]);
	for (unsigned round = 0; round < EACH; round++) {
		/* A new key each time: the last one's tokens wait again. */
		crypto_key_free(w->key.key);
		w->key = mint_key("ES256", "k1");
		buf_reset(&w->token);
		waiting_token(w, round, &w->token);
		const struct report none = {.kind = REPORT_KEYS,
			.issuer = SPAN(KEYS_ISS),
			.jwks = SPAN("{\"keys\":[]}"),
			.fetched = real_ms() / 1000};
		auth_report(w->place->gate.auth, &none, real_ms());
		for (unsigned i = 0; i < SEATS; i++)
			ask_and_wait(w, &seat[i], round);
		keys_come(w, real_ms());
		for (unsigned i = 0; i < SEATS; i++)
			if (__atomic_load_n(&seat[i].parked, __ATOMIC_SEQ_CST) > 0)
				(void)eventfd_write(seat[i].wake, 1);
		for (unsigned i = 0; i < SEATS; i++)
			get_answer(&seat[i], round);
	}
	for (unsigned i = 0; i < SEATS; i++)
		seat_stop(&seat[i]);
}

int
main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, waiting_setup, waiting_teardown)
	const struct CMUnitTest tests[] = {
		ONE(closings),
		ONE(others_go_on),
		ONE(worker_goes),
		ONE(threads_are_woken),
	};
	return cmocka_run_group_tests_name("gate_batch", tests, NULL, NULL);
}
