/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that wait for their issuer: asked again, expired, forgotten; and what the gate answers.
 */
#include "tests/unit/gate_waiting.h"

#include <fcntl.h>
#include <sys/mman.h>

/* What is wiped before it is freed, seen from outside: this takes the place of the C library's. */
static size_t wiped;
void __explicit_bzero_chk(void *p, size_t n, size_t room);
void explicit_bzero(void *p, size_t n);

void
explicit_bzero(void *p, size_t n)
{
	volatile char *at = p;

	wiped += n;
	for (size_t i = 0; i < n; i++)
		at[i] = 0;
}

void
__explicit_bzero_chk(void *p, size_t n, size_t room)
{
	assert_true(n <= room);
	explicit_bzero(p, n);
}

/* ---- the gate ---- */

/* A turn of one question. */
static void
turn(struct waiting *w, const struct http_ask *q, int64_t now_ms, const struct gate_wait *before,
	struct gate_case *c)
{
	struct gate_desk *d = &w->place->desk;

	gate_start(d);
	gate_begin(d, q, now_ms, before, c);
	gate_record(d, c, 1);
}

static unsigned
finish(struct waiting *w, struct gate_case *c, struct http_answer *a)
{
	struct gate_desk *d = &w->place->desk;

	gate_finish(d, c, a);
	grant_unref(a->grant);
	gate_end(d);
	return a->status;
}

static void
waits_then_is_answered(void **state)
{
	struct waiting *w = *state;
	struct gate_desk *d = &w->place->desk;
	struct http_ask q = waiting_ask(w, 1);
	struct http_answer a;
	struct gate_case c;
	int64_t before = audit_size(w->place);

	turn(w, &q, NOW_MS, NULL, &c);
	gate_end(d);
	assert_int_equal(c.found, GATE_WAITS);
	assert_int_equal(w->errands, 1);
	assert_int_equal(audit_size(w->place), before);
	assert_int_equal(gate_until(&c.wait), NOW_MS + AUTH_WAIT_MS);
	assert_false(gate_ready(d, &c.wait, NOW_MS + 1));
	keys_come(w, NOW_MS + 100);
	assert_true(gate_ready(d, &c.wait, NOW_MS + 100));
	struct gate_wait wait = c.wait;
	turn(w, &q, NOW_MS + 100, &wait, &c);
	assert_int_equal(c.found, GATE_DECIDED);
	assert_true(c.subject.authenticated && c.recorded);
	assert_int_equal(finish(w, &c, &a), 200);
	assert_true(audit_size(w->place) > before);
	/* The next one needs no errand. */
	turn(w, &q, NOW_MS + 200, NULL, &c);
	assert_int_equal(finish(w, &c, &a), 200);
	assert_int_equal(w->errands, 1);
}

/* Nobody answers: 503, who is to blame and when to come again; the same for HEAD (ANS-4). */
static void
waits_in_vain(void **state)
{
	struct waiting *w = *state;
	struct http_ask q = waiting_ask(w, 1);
	struct http_answer a;
	struct gate_case c;
	char fields[1024] = {0};

	for (int head = 0; head < 2; head++) {
		q.method = head != 0 ? HTTP_HEAD : HTTP_GET;
		turn(w, &q, NOW_MS, NULL, &c);
		gate_end(&w->place->desk);
		struct gate_wait wait = c.wait;
		assert_int_equal(c.found, GATE_WAITS);
		turn(w, &q, NOW_MS + 2500, &wait, &c);
		gate_end(&w->place->desk);
		assert_int_equal(c.found, GATE_WAITS);
		assert_int_equal(gate_until(&c.wait), NOW_MS + AUTH_WAIT_MS);
		wait = c.wait;
		assert_true(gate_ready(&w->place->desk, &wait, NOW_MS + AUTH_WAIT_MS));
		turn(w, &q, NOW_MS + AUTH_WAIT_MS, &wait, &c);
		assert_int_equal(finish(w, &c, &a), 503);
		assert_true(holds(a.fields, "Retry-After: "));
		assert_false(holds(a.fields, "WWW-Authenticate"));
		assert_true(holds(a.text, KEYS_ISS));
		if (head == 0)
			assert_true(span_cstr(a.fields, fields, sizeof(fields)));
		else
			check_span(a.fields, fields);
	}
}

/* A clock that goes back makes no question wait for an hour. */
static void
clock_goes_back(void **state)
{
	struct waiting *w = *state;
	struct http_ask q = waiting_ask(w, 1);
	struct http_answer a;
	struct gate_case c;

	turn(w, &q, NOW_MS, NULL, &c);
	gate_end(&w->place->desk);
	struct gate_wait wait = c.wait;
	assert_true(gate_ready(&w->place->desk, &wait, NOW_MS - 3600 * 1000));
	turn(w, &q, NOW_MS - 3600 * 1000, &wait, &c);
	assert_int_equal(finish(w, &c, &a), 503);
	assert_true(holds(a.fields, "Retry-After: "));
}

/* Who cannot keep a question that waits answers it all the same. */
static void
cannot_be_kept(void **state)
{
	struct waiting *w = *state;
	struct http_ask q = waiting_ask(w, 1);
	struct http_answer a;

	for (unsigned i = 0; i < AUTH_WAITING_MAX * 2; i++) {
		gate_answer(&w->place->desk, &q, NOW_MS, &a);
		assert_int_equal(a.status, 503);
		assert_true(holds(a.fields, "Retry-After: 2\r\n"));
	}
}

/* tokens INT-8: a no may be for want of groups; hidden and missing stay one answer. */
static void
without_groups(void **state)
{
	static const struct {
		const char *name, *path;
		unsigned status;
	} rows[] = {
		{"a permit goes on", OPEN_FILE, 200},
		{"embargoed", SHUT_FILE, 503},
		{"hidden", "/data/10.5072/PAID/a.txt", 503},
		{"missing", "/data/10.5072/NONE/a.txt", 503},
		{"withdrawn for everybody", "/data/10.5072/GONE/a.txt", 410},
	};
	struct waiting *w = *state;
	struct http_answer a;
	struct gate_case c;

	keys_come(w, NOW_MS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_ask q = waiting_ask(w, 1);
		CHECK_ROW(rows[i].name);
		q.path = span_of(rows[i].path);
		turn(w, &q, NOW_MS, NULL, &c);
		assert_true(c.subject.authenticated);
		c.subject.incomplete = true;
		assert_int_equal(finish(w, &c, &a), rows[i].status);
		if (rows[i].status == 503) {
			assert_true(holds(a.fields, "Retry-After: 10\r\n"));
			assert_true(holds(a.text, "cannot be asked for at " KEYS_ISS " now"));
		}
	}
}

/* ---- the list ---- */

static void
write_ask(const struct waiting *w, uint64_t id, struct buf *out)
{
	struct http_ask q = waiting_ask(w, id);

	buf_reset(out);
	wire_write_ask(&q, out);
}

static struct gate_parked *
parked_new(struct waiting *w)
{
	struct gate_parked *p = NULL;

	assert_true(gate_parked_new(&w->place->desk, &p, NULL));
	return p;
}

/* Ask, and keep it if it waits. */
static bool
park(struct waiting *w, struct gate_parked *p, uint64_t id, int64_t now_ms)
{
	struct http_ask q = waiting_ask(w, id);
	struct gate_case c;
	AUTO_BUF msg = BUF_INIT(FDPASS_MESSAGE);
	int none = -1;

	turn(w, &q, now_ms, NULL, &c);
	gate_end(&w->place->desk);
	if (c.found != GATE_WAITS)
		return false;
	write_ask(w, id, &msg);
	assert_true(gate_parked_add(p, buf_span(&msg), &none, &c.wait, NULL));
	assert_int_equal(gate_until(&c.wait), 0); /* taken */
	return true;
}

static void
asked_again_when_ready(void **state)
{
	struct waiting *w = *state;
	struct gate_parked *p = parked_new(w);
	struct gate_question *q[8];

	assert_int_equal(gate_parked_timeout(p, NOW_MS), -1);
	for (uint64_t id = 1; id <= 5; id++)
		assert_true(park(w, p, id, NOW_MS + (int64_t)id));
	assert_int_equal(gate_parked_count(p), 5);
	assert_int_equal(w->errands, 1); /* single flight */
	assert_int_equal(gate_parked_timeout(p, NOW_MS + 5), 0);
	assert_int_equal(gate_parked_take(p, NOW_MS + 5, q, 8), 0);
	assert_int_equal(gate_parked_timeout(p, NOW_MS + 5), AUTH_WAIT_MS - 4);
	keys_come(w, NOW_MS + 50);
	assert_int_equal(gate_parked_take(p, NOW_MS + 50, q, 8), 0); /* nobody said so */
	gate_parked_wake(p);
	assert_int_equal(gate_parked_timeout(p, NOW_MS + 50), 0);
	assert_int_equal(gate_parked_take(p, NOW_MS + 50, q, 2), 2);
	assert_int_equal(q[0]->ask.id, 1); /* the oldest first */
	assert_int_equal(q[1]->ask.id, 2);
	check_span(q[0]->ask.path, OPEN_FILE);
	assert_true(span_eq(q[0]->ask.authorization, buf_span(&w->token)));
	assert_int_equal(gate_parked_timeout(p, NOW_MS + 50), 0); /* there are more */
	struct gate_wait again = q[0]->wait;
	gate_parked_back(p, q[0], &again);
	gate_parked_end(p, q[1]);
	assert_int_equal(gate_parked_count(p), 4);
	assert_int_equal(gate_parked_take(p, NOW_MS + 50, q, 8), 4);
	assert_int_equal(q[3]->ask.id, 1);
	for (int i = 0; i < 4; i++)
		gate_parked_end(p, q[i]);
	assert_int_equal(gate_parked_count(p), 0);
	assert_int_equal(gate_parked_timeout(p, NOW_MS + 50), -1);
	gate_parked_free(p);
}

static void
expires(void **state)
{
	struct waiting *w = *state;
	struct gate_parked *p = parked_new(w);
	struct gate_question *q[2];

	assert_true(park(w, p, 1, NOW_MS));
	assert_true(park(w, p, 2, NOW_MS + 1000));
	assert_int_equal(gate_parked_take(p, NOW_MS + 1000, q, 2), 0);
	assert_int_equal(gate_parked_timeout(p, NOW_MS + AUTH_WAIT_MS - 1), 1);
	assert_int_equal(gate_parked_take(p, NOW_MS + AUTH_WAIT_MS - 1, q, 2), 0);
	assert_int_equal(gate_parked_timeout(p, NOW_MS + AUTH_WAIT_MS), 0);
	assert_int_equal(gate_parked_take(p, NOW_MS + AUTH_WAIT_MS, q, 2), 1);
	assert_int_equal(q[0]->ask.id, 1);
	gate_parked_end(p, q[0]);
	assert_int_equal(gate_parked_timeout(p, NOW_MS + AUTH_WAIT_MS), 1000);
	/* The clock went back by an hour. */
	assert_int_equal(gate_parked_take(p, NOW_MS - 3600 * 1000, q, 2), 1);
	gate_parked_end(p, q[0]);
	gate_parked_free(p);
}

/* What was parked is wiped, all of it, when it ends and when its link does. */
static void
is_wiped(void **state)
{
	struct waiting *w = *state;
	struct gate_parked *p = parked_new(w);
	struct gate_question *q[2];

	assert_true(park(w, p, 1, NOW_MS));
	assert_true(park(w, p, 2, NOW_MS + 10));
	assert_int_equal(gate_parked_take(p, NOW_MS + AUTH_WAIT_MS, q, 1), 1);
	size_t want = sizeof(*q[0]) + q[0]->n;
	assert_true(q[0]->n > w->token.n);
	wiped = 0;
	gate_parked_end(p, q[0]);
	assert_true(wiped == want);
	gate_parked_free(p);
	assert_true(wiped == 2 * want);
}

/* With its link a question is forgotten: the issuer's places are free again. */
static void
link_ends(void **state)
{
	struct waiting *w = *state;

	for (int round = 0; round < 2; round++) {
		struct gate_parked *p = parked_new(w);
		for (uint64_t id = 0; id < AUTH_WAITING_MAX; id++)
			assert_true(park(w, p, id, NOW_MS));
		assert_false(park(w, p, 1000, NOW_MS));
		gate_parked_free(p);
	}
}

static void
has_limits(void **state)
{
	struct waiting *w = *state;
	struct gate_parked *p = parked_new(w);
	struct gate_wait wait = {.token = {.until_ms = NOW_MS + AUTH_WAIT_MS}};
	struct gate_question *q[1];
	struct err e = {0};
	AUTO_BUF msg = BUF_INIT(FDPASS_MESSAGE);
	int none = -1;

	write_ask(w, 1, &msg);
	for (size_t i = 0; i < GATE_PARKED_MAX; i++) {
		struct gate_wait one = wait;
		assert_true(gate_parked_add(p, buf_span(&msg), &none, &one, NULL));
	}
	assert_false(gate_parked_add(p, buf_span(&msg), &none, &wait, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_not_equal(gate_until(&wait), 0);
	/* One that is out keeps its place: it may come back. */
	assert_int_equal(gate_parked_take(p, NOW_MS + AUTH_WAIT_MS, q, 1), 1);
	assert_false(gate_parked_add(p, buf_span(&msg), &none, &wait, &e));
	gate_parked_end(p, q[0]);
	assert_true(gate_parked_add(p, buf_span(&msg), &none, &wait, &e));
	gate_parked_free(p);
}

static void
has_a_limit_of_bytes(void **state)
{
	struct waiting *w = *state;
	struct gate_parked *p = parked_new(w);
	struct http_ask q = waiting_ask(w, 1);
	struct gate_wait wait = {.token = {.until_ms = NOW_MS + AUTH_WAIT_MS}};
	AUTO_BUF msg = BUF_INIT(FDPASS_MESSAGE);
	int none = -1;
	char *body = calloc(1, HTTP_BODY_MAX);
	size_t n = 0;

	q.body = (struct span){body, HTTP_BODY_MAX};
	wire_write_ask(&q, &msg);
	for (struct gate_wait one = wait; gate_parked_add(p, buf_span(&msg), &none, &one, NULL);
		one = wait)
		n++;
	assert_true(n * msg.n <= GATE_PARKED_BYTES && (n + 1) * msg.n > GATE_PARKED_BYTES);
	gate_parked_free(p);
	free(body);
}

/* What came along with a commit is the question's, and is closed with it. */
static void
keeps_what_has_landed(void **state)
{
	struct waiting *w = *state;
	struct gate_parked *p = parked_new(w);
	struct http_ask q = waiting_ask(w, 1);
	struct gate_wait wait = {.token = {.until_ms = NOW_MS}};
	struct gate_question *out[1];
	AUTO_BUF msg = BUF_INIT(FDPASS_MESSAGE);
	int fd = memfd_create("landed", MFD_CLOEXEC);
	int was = fd;

	q.method = HTTP_PUT;
	q.has_length = true;
	q.commit = true;
	wire_write_ask(&q, &msg);
	assert_false(gate_parked_add(p, SPAN("nonsense"), &fd, &wait, NULL));
	assert_int_equal(fd, was);
	assert_true(gate_parked_add(p, buf_span(&msg), &fd, &wait, NULL));
	assert_int_equal(fd, -1);
	assert_int_equal(gate_parked_take(p, NOW_MS + 1, out, 1), 1);
	assert_int_equal(out[0]->ask.landed, was);
	assert_true(fcntl(was, F_GETFD) >= 0);
	gate_parked_end(p, out[0]);
	assert_int_equal(fcntl(was, F_GETFD), -1);
	gate_parked_free(p);
}

static void
takes_only_questions(void **state)
{
	struct waiting *w = *state;
	struct gate_parked *p = parked_new(w);
	struct gate_wait wait = {.token = {.until_ms = NOW_MS}};
	int none = -1;

	assert_false(gate_parked_add(p, SPAN("nonsense"), &none, &wait, NULL));
	assert_int_equal(gate_parked_count(p), 0);
	gate_parked_free(p);
}

int
main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, waiting_setup, waiting_teardown)
	const struct CMUnitTest tests[] = {
		ONE(waits_then_is_answered),
		ONE(waits_in_vain),
		ONE(clock_goes_back),
		ONE(cannot_be_kept),
		ONE(without_groups),
		ONE(asked_again_when_ready),
		ONE(expires),
		ONE(is_wiped),
		ONE(link_ends),
		ONE(has_limits),
		ONE(has_a_limit_of_bytes),
		ONE(keeps_what_has_landed),
		ONE(takes_only_questions),
	};
	return cmocka_run_group_tests_name("gate_parked", tests, NULL, NULL);
}
