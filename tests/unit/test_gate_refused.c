/* SPDX-License-Identifier: Apache-2.0 */
/* How many refusals are told one by one, and that none is forgotten. */
#include "agent/gate_refused.h"

#include "tests/unit/gate_waiting.h"

#include <pthread.h>

#define THREADS 4U

static struct span
read_log(const struct gate_place *p, int64_t from, struct buf *out)
{
	AUTO_FD fd = open(p->audit, O_RDONLY | O_CLOEXEC);
	size_t n = (size_t)(audit_size(p) - from);

	buf_reset(out);
	assert_true(fd >= 0 && buf_reserve(out, n));
	assert_int_equal(pread(fd, out->p, n, from), (ssize_t)n);
	out->n = n;
	return buf_span(out);
}

static size_t
count_lines(struct span text, const char *what)
{
	size_t n = 0;

	while (text.n > 0)
		n += holds(span_cut(&text, '\n'), what);
	return n;
}

/* In one write with its turn, up to the limit; then counted, and told in the next second. */
static void
records(void **state)
{
	struct waiting *w = *state;
	struct gate_place *p = w->place;
	struct gate_refused *r = NULL;
	AUTO_BUF text = BUF_INIT(1UL << 20);
	const struct http_ask q = {
		.path = SPAN(OPEN_FILE), .authorization = SPAN("Bearer nonsense"), .trace = {1}};
	struct http_answer a;
	int64_t from = audit_size(p);

	assert_true(gate_refused_new(&r, NULL));
	p->gate.refused = r;
	for (unsigned i = 0; i < GATE_REFUSED_RECORDS + 50; i++) {
		gate_answer(&p->desk, &q, NOW_MS + i, &a);
		assert_int_equal(a.status, 401); /* each is answered */
	}
	struct span log = read_log(p, from, &text);
	assert_int_equal(count_lines(log, "\"kind\":\"refused\""), GATE_REFUSED_RECORDS);
	gate_refused_tell(r, p->gate.audit, NULL, NOW_MS + 999, false);
	log = read_log(p, from, &text);
	assert_int_equal(count_lines(log, "refused-more"), 0); /* the second is not over */
	gate_refused_tell(r, p->gate.audit, NULL, NOW_MS + 1000, false);
	gate_refused_tell(r, p->gate.audit, NULL, NOW_MS + 2000, false);
	log = read_log(p, from, &text);
	assert_int_equal(count_lines(log, "refused-more"), 1);
	assert_int_equal(
		count_lines(log, "\"kind\":\"refused-more\",\"node\":\"gate\",\"count\":50}"), 1);
	/* A new second, a new share; and the end tells what its second still holds. */
	for (unsigned i = 0; i < GATE_REFUSED_RECORDS + 1; i++)
		gate_answer(&p->desk, &q, NOW_MS + 5000, &a);
	gate_refused_tell(r, p->gate.audit, NULL, NOW_MS + 5000, true);
	log = read_log(p, from, &text);
	assert_int_equal(count_lines(log, "\"kind\":\"refused\""), 2 * GATE_REFUSED_RECORDS);
	assert_int_equal(count_lines(log, "\"count\":1}"), 1);
	/* Missing datasets are recorded without limit, as hidden ones are. */
	from = audit_size(p);
	const struct http_ask none = {.path = SPAN("/data/10.5072/NONE/a.txt")};
	for (unsigned i = 0; i < GATE_REFUSED_RECORDS + 5; i++)
		gate_answer(&p->desk, &none, NOW_MS + 5000, &a);
	log = read_log(p, from, &text);
	assert_int_equal(count_lines(log, "no such dataset"), GATE_REFUSED_RECORDS + 5);
	/* The chain holds: the log is opened again, and its next record follows. */
	audit_free(p->gate.audit);
	int fd = open(p->audit, O_RDWR | O_APPEND | O_CLOEXEC);
	assert_true(audit_open(&fd, &(struct audit_place){.dir = -1}, "gate", AUDIT_SYNC_NEVER,
		&p->gate.audit, NULL));
	struct audit_news news;
	audit_news(p->gate.audit, &news);
	assert_false(news.torn);
	gate_refused_free(r);
	p->gate.refused = NULL;
}

/* A log that cannot take the count gets it the next time. */
static void
count_is_kept(void **state)
{
	struct waiting *w = *state;
	struct gate_place *p = w->place;
	struct gate_refused *r = NULL;
	struct audit *broken = NULL;
	AUTO_BUF text = BUF_INIT(1UL << 20);
	int fd = open("/dev/full", O_RDWR | O_APPEND | O_CLOEXEC);

	if (!audit_open(&fd, &(struct audit_place){.dir = -1}, "gate", AUDIT_SYNC_NEVER, &broken,
		    NULL)) {
		scope_close(&fd);
		skip();
	}
	assert_true(gate_refused_new(&r, NULL));
	for (unsigned i = 0; i < GATE_REFUSED_RECORDS + 7; i++)
		(void)gate_refused_record(r, NOW_MS);
	gate_refused_tell(r, broken, NULL, NOW_MS + 1000, false);
	gate_refused_tell(r, p->gate.audit, NULL, NOW_MS + 2000, false);
	assert_int_equal(count_lines(read_log(p, 0, &text), "\"count\":7}"), 1);
	audit_free(broken);
	gate_refused_free(r);
}

struct racer {
	struct gate_refused *r;
	unsigned passed;
};

static void *
race(void *arg)
{
	struct racer *x = arg;

	for (unsigned i = 0; i < 1000; i++)
		x->passed += gate_refused_line(x->r, NOW_MS);
	return NULL;
}

/* One share for all threads. */
static void
threads(void **state)
{
	struct gate_refused *r = NULL;
	struct racer x[THREADS];
	pthread_t thread[THREADS];
	unsigned passed = 0;

	(void)state;
	assert_true(gate_refused_new(&r, NULL));
	for (unsigned i = 0; i < THREADS; i++) {
		x[i] = (struct racer){.r = r};
		assert_int_equal(pthread_create(&thread[i], NULL, race, &x[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		(void)pthread_join(thread[i], NULL);
		passed += x[i].passed;
	}
	assert_int_equal(passed, GATE_REFUSED_LINES);
	/* A clock that goes back begins a new second. */
	assert_true(gate_refused_line(r, NOW_MS - 60000));
	gate_refused_free(r);
	assert_true(gate_refused_line(NULL, NOW_MS) && gate_refused_record(NULL, NOW_MS));
}

int
main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, waiting_setup, waiting_teardown)
	const struct CMUnitTest tests[] = {
		ONE(records),
		ONE(count_is_kept),
		cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests_name("gate_refused", tests, NULL, NULL);
}
