/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/front_link.h"

#include "agent/base/fdpass.h"
#include "agent/wire.h"
#include "tests/unit/granted.h"

#include <sys/resource.h>

/* ---- the double of agent/http/conn.c: only remembers ---- */

struct seen {
	unsigned answered, unanswered, postponed;
	unsigned status;
};

static struct seen *
seen_of(struct conn *c)
{
	return (struct seen *)(void *)c;
}

void
conn_answered(struct conn *c, struct http_answer *a)
{
	seen_of(c)->answered++;
	seen_of(c)->status = a->status;
	grant_unref(a->grant);
}

void
conn_unanswered(struct conn *c)
{
	seen_of(c)->unanswered++;
}

void
conn_postponed(struct conn *c)
{
	seen_of(c)->postponed++;
}

struct world {
	struct loop loop;
	struct front_link *link;
	int gate;       /* the other end */
	size_t n_notes; /* in the last message of notes */
	char in[FDPASS_MESSAGE];
};

static void
connect_gate(struct world *w)
{
	int pair[2];

	assert_true(fdpass_pair(pair, true, NULL));
	w->gate = pair[1];
	front_link_up(w->link, pair[0]);
}

static uint64_t
ask(struct world *w, struct seen *s, const char *path)
{
	struct http_ask q = {.method = HTTP_GET, .path = span_of(path)};

	assert_true(front_link_ask(w->link, (struct conn *)(void *)s, &q));
	return q.id;
}

static void
turn(struct world *w)
{
	for (int i = 0; i < 3; i++)
		assert_true(loop_turn(&w->loop, 0, NULL));
}

/* The next message that reached the gate; 0: none. */
static enum wire_kind
next(struct world *w, struct http_ask *q, struct http_done *d)
{
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t n_fds = 0;

	if (fdpass_recv(w->gate, w->in, sizeof(w->in), &n, fds, &n_fds, NULL) != FDPASS_OK)
		return 0;
	struct span msg = {w->in, n};
	if (wire_kind(msg) == WIRE_ASK)
		assert_true(wire_read_ask(msg, q, NULL));
	else
		assert_true(wire_read_done(msg, d, &w->n_notes, NULL));
	return wire_kind(msg);
}

static void
reply(struct world *w, uint64_t id, unsigned status)
{
	struct http_answer a = {.id = id, .status = (uint16_t)status, .body = HTTP_NO_BODY};
	struct buf out = BUF_INIT(4096);

	wire_write_answer(&a, &out);
	assert_int_equal(fdpass_send(w->gate, buf_span(&out), NULL, 0, NULL), FDPASS_OK);
	buf_fini(&out);
}

static struct world *
world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_true(loop_init(&w->loop, NULL));
	assert_true(front_link_new(&w->loop, &w->link, NULL));
	w->gate = -1;
	return w;
}

static void
world_free(struct world *w)
{
	front_link_free(w->link);
	loop_fini(&w->loop);
	if (w->gate >= 0)
		(void)close(w->gate);
	free(w);
}

static void
many(void **state)
{
	struct world *w = world_new();
	struct seen s[100] = {{0}};
	uint64_t id[100];
	struct http_ask q;
	struct http_done d[WIRE_DONES];

	(void)state;
	connect_gate(w);
	for (int i = 0; i < 100; i++)
		id[i] = ask(w, &s[i], "/data/x");
	turn(w);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(next(w, &q, d), WIRE_ASK);
		assert_int_equal(q.id, id[i]);
	}
	CHECK_ROW("answers in any order find their question");
	for (int i = 99; i >= 0; i--) {
		reply(w, id[i], 200 + (unsigned)i);
		turn(w);
	}
	for (int i = 0; i < 100; i++) {
		assert_int_equal(s[i].answered, 1);
		assert_int_equal(s[i].status, 200 + i);
	}
	CHECK_ROW("a number that nobody asked, or a second answer, is dropped");
	reply(w, 1U << 20, 200);
	reply(w, id[5], 200);
	turn(w);
	assert_int_equal(s[5].answered, 1);
	assert_true(front_link_quiet(w->link));
	world_free(w);
}

static void
forgets(void **state)
{
	struct world *w = world_new();
	struct seen s[3] = {{0}};
	struct http_ask q;
	struct http_done d[WIRE_DONES];

	(void)state;
	connect_gate(w);
	CHECK_ROW("forgotten before it was sent: never sent");
	front_link_forget(w->link, ask(w, &s[0], "/data/a"));
	uint64_t second = ask(w, &s[1], "/data/b");
	turn(w);
	assert_int_equal(next(w, &q, d), WIRE_ASK);
	check_span(q.path, "/data/b");
	assert_int_equal(next(w, &q, d), 0);
	CHECK_ROW("forgotten after it was sent: the answer finds nobody, the slot is free");
	front_link_forget(w->link, second);
	reply(w, second, 200);
	turn(w);
	assert_int_equal(s[1].answered, 0);
	assert_true(front_link_quiet(w->link));
	world_free(w);
}

static void
restarts(void **state)
{
	struct world *w = world_new();
	struct seen s[4] = {{0}};
	struct http_ask q;
	struct http_done d[WIRE_DONES];
	struct http_done note = {.decision = 5, .bytes = 3};

	(void)state;
	connect_gate(w);
	uint64_t first = ask(w, &s[0], "/data/a");
	uint64_t answered = ask(w, &s[1], "/data/b");
	turn(w);
	reply(w, answered, 200);
	turn(w);
	(void)close(w->gate); /* it dies */
	w->gate = -1;
	turn(w);
	assert_false(front_link_is_up(w->link));
	uint64_t late = ask(w, &s[2], "/data/c");
	front_link_forget(w->link, ask(w, &s[3], "/data/d"));
	front_link_done(w->link, &note);
	turn(w);
	connect_gate(w);
	turn(w);
	CHECK_ROW("the next gate gets the note, and each open question once");
	assert_int_equal(next(w, &q, d), WIRE_DONE);
	assert_int_equal(d[0].decision, 5);
	assert_int_equal(w->n_notes, 1);
	uint64_t got[2] = {0};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(next(w, &q, d), WIRE_ASK);
		got[i] = q.id;
	}
	assert_true((got[0] == first && got[1] == late) || (got[0] == late && got[1] == first));
	assert_int_equal(next(w, &q, d), 0);
	reply(w, first, 200);
	reply(w, late, 404);
	turn(w);
	assert_int_equal(s[0].answered, 1);
	assert_int_equal(s[2].status, 404);
	world_free(w);
}

/* What may have been done already is not sent to the next gate; what was not sent yet is. */
static void
never_twice(void **state)
{
	static const enum http_method methods[] = {HTTP_POST, HTTP_DELETE, HTTP_GET};
	struct world *w = world_new();
	struct seen s[4] = {{0}};
	struct http_ask q = {.path = SPAN("/datasets/a/events")};
	struct http_done d[WIRE_DONES];

	(void)state;
	connect_gate(w);
	for (size_t i = 0; i < 3; i++) {
		q.method = methods[i];
		assert_true(front_link_ask(w->link, (struct conn *)(void *)&s[i], &q));
	}
	turn(w);
	(void)close(w->gate);
	w->gate = -1;
	turn(w);
	q.method = HTTP_POST;
	assert_true(front_link_ask(w->link, (struct conn *)(void *)&s[3], &q));
	turn(w);
	assert_int_equal(s[0].unanswered, 0);
	connect_gate(w);
	turn(w);
	assert_int_equal(s[0].unanswered, 1);
	assert_int_equal(s[1].unanswered, 1);
	assert_int_equal(s[2].unanswered, 0);
	assert_int_equal(s[3].unanswered, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(next(w, &q, d), WIRE_ASK);
		assert_true(q.method == HTTP_GET || q.method == HTTP_POST);
	}
	assert_int_equal(next(w, &q, d), 0);
	world_free(w);
}

/* Notes share messages, in order, and none is lost between two gates. */
static void
notes(void **state)
{
	struct world *w = world_new();
	struct http_ask q;
	struct http_done d[WIRE_DONES];
	uint64_t seen = 0;

	(void)state;
	for (unsigned i = 0; i < 3 * WIRE_DONES + 1; i++) {
		if (i == WIRE_DONES + 2) {
			connect_gate(w);
			turn(w);
		}
		front_link_done(w->link, &(struct http_done){.decision = i});
	}
	assert_false(front_link_quiet(w->link));
	front_link_push(w->link);
	assert_true(front_link_quiet(w->link));
	for (unsigned messages = 0; messages < 4; messages++) {
		assert_int_equal(next(w, &q, d), WIRE_DONE);
		for (size_t i = 0; i < w->n_notes; i++)
			assert_int_equal(d[i].decision, seen++);
	}
	assert_int_equal(seen, 3 * WIRE_DONES + 1);
	assert_int_equal(next(w, &q, d), 0);
	CHECK_ROW("a single note leaves by itself, after a moment");
	front_link_done(w->link, &(struct http_done){.decision = 9});
	turn(w);
	assert_int_equal(next(w, &q, d), 0);
	for (int64_t start = w->loop.now; w->loop.now - start < 600;)
		assert_true(loop_turn(&w->loop, 50, NULL));
	assert_int_equal(next(w, &q, d), WIRE_DONE);
	assert_int_equal(front_link_lost(w->link), 0);
	world_free(w);
}

static void
waits_its_time(void **state)
{
	struct world *w = world_new();
	struct seen s = {0};

	(void)state;
	(void)ask(w, &s, "/data/a");
	int64_t start = w->loop.now;
	while (s.unanswered == 0 && w->loop.now - start < 8000)
		assert_true(loop_turn(&w->loop, 100, NULL));
	CHECK_ROW("without a gate a question waits 5 s, and then is told so");
	assert_int_equal(s.unanswered, 1);
	assert_true(w->loop.now - start >= FRONT_LINK_DOWN_MS);
	assert_true(w->loop.now - start <= FRONT_LINK_DOWN_MS + 1500);
	assert_true(front_link_quiet(w->link));
	world_free(w);
}

static void
bounded(void **state)
{
	struct world *w = world_new();
	struct http_done note = {.decision = 5};

	(void)state;
	for (unsigned i = 0; i < FRONT_LINK_NOTES + 3; i++)
		front_link_done(w->link, &note);
	CHECK_ROW("notes that no gate takes are lost at the limit, and counted");
	assert_int_equal(front_link_lost(w->link), 3);
	world_free(w);
}

static void
nonsense(void **state)
{
	struct world *w = world_new();
	struct seen s = {0};

	(void)state;
	connect_gate(w);
	(void)ask(w, &s, "/data/a");
	turn(w);
	assert_int_equal(fdpass_send(w->gate, SPAN("nonsense"), NULL, 0, NULL), FDPASS_OK);
	turn(w);
	CHECK_ROW("a gate that speaks nonsense is let go");
	assert_false(front_link_is_up(w->link));
	assert_int_equal(s.answered, 0);
	world_free(w);
}

static void
count_short(void *arg, size_t n)
{
	*(size_t *)arg += n;
}

static void
grant(struct world *w, const struct granted *g, uint64_t id)
{
	struct http_answer a = {
		.id = id, .status = 200, .body = HTTP_FILE, .grant = g->grant, .keep = true};
	AUTO_BUF out = BUF_INIT(4096);

	wire_write_answer(&a, &out);
	assert_int_equal(fdpass_send(w->gate, buf_span(&out), &g->fd, 1, NULL), FDPASS_OK);
}

static void
descriptors(void **state)
{
	struct world *w = world_new();
	struct granted g = granted_make(10);
	struct seen s[4] = {{0}};
	uint64_t id[4];
	struct rlimit was;
	size_t given = 0;

	(void)state;
	connect_gate(w);
	front_link_short(w->link, INT32_MAX, count_short, &given);
	for (int i = 0; i < 4; i++)
		id[i] = ask(w, &s[i], "/data/x");
	turn(w);
	CHECK_ROW("there are enough");
	grant(w, &g, id[0]);
	turn(w);
	assert_int_equal(s[0].answered, 1);
	assert_int_equal(given, 0);
	CHECK_ROW("a high number: some are given up, the answer is good");
	front_link_short(w->link, 0, count_short, &given);
	grant(w, &g, id[1]);
	turn(w);
	assert_int_equal(s[1].answered, 1);
	assert_true(given >= FRONT_LINK_SHORT);
	given = 0;
	CHECK_ROW("none is left: more are given up, the question is for later, the link stays");
	grant(w, &g, id[2]);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	struct rlimit none = {.rlim_cur = 0, .rlim_max = was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turn(w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(given, FRONT_LINK_SHORT);
	assert_int_equal(s[2].answered, 0);
	assert_int_equal(s[2].postponed, 1);
	assert_true(front_link_is_up(w->link));
	CHECK_ROW("and then the next one is answered");
	grant(w, &g, id[3]);
	turn(w);
	assert_int_equal(s[3].answered, 1);
	assert_true(front_link_quiet(w->link));
	granted_end(&g);
	world_free(w);
}

/* Each connection takes the lowest free number; kept files give theirs back, the oldest first. */
static void
connections_find_room(void **state)
{
	enum { HIGH = 2000, KEPT = 1500, COME = 1800 };
	static bool used[HIGH + KEPT];
	size_t oldest = 0;
	int top = 0;

	(void)state;
	for (int i = 0; i < KEPT; i++)
		used[i] = true;
	for (int i = 0; i < COME; i++) {
		int fd = 0;
		while (used[fd])
			fd++;
		used[fd] = true;
		top = fd > top ? fd : top;
		size_t n = fd >= HIGH ? front_link_give_up(fd, HIGH) : 0;
		for (; n > 0 && oldest < KEPT; n--)
			used[oldest++] = false;
	}
	assert_true(top < HIGH + 64);
	assert_true(oldest >= COME + KEPT - HIGH - 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(connections_find_room),
		cmocka_unit_test(forgets),
		cmocka_unit_test(restarts),
		cmocka_unit_test(never_twice),
		cmocka_unit_test(notes),
		cmocka_unit_test(waits_its_time),
		cmocka_unit_test(bounded),
		cmocka_unit_test(nonsense),
	};
	return cmocka_run_group_tests_name("front_link", tests, NULL, NULL);
}
