/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/proc.h"
#include "agent/catalog/ledger_merge.h"
#include "agent/catalog/store.h"
#include "agent/gate_ledger.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char dir[64], file[96], audit[96];
	struct arena mem;
};

static int
setup(void **state)
{
	static struct place p; /* cmocka's state */

	p = (struct place){.file = ""};
	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/pan-ledger-XXXXXX");
	assert_non_null(mkdtemp(p.dir));
	(void)snprintf(p.file, sizeof(p.file), "%s/ledger.sqlite", p.dir);
	(void)snprintf(p.audit, sizeof(p.audit), "%s/audit.jsonl", p.dir);
	assert_true(arena_init(&p.mem, 8UL << 20));
	*state = &p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	char line[128];

	arena_fini(&p->mem);
	(void)snprintf(line, sizeof(line), "rm -r %s", p->dir);
	return system(line); /* NOLINT(cert-env33-c): a folder of our own */
}

static struct ledger_event
event(const char *target, const char *type, const char *at, const char *by)
{
	struct ledger_event ev = {.target = span_of(target)};

	ev.text.value[EVENT_TEXT_TYPE] = span_of(type);
	ev.text.value[EVENT_TEXT_AT] = span_of(at);
	ev.text.value[EVENT_TEXT_BY] = span_of(by);
	return ev;
}

static void
add(const char *file, const struct ledger_event *ev)
{
	struct ledger *l = NULL;
	struct err e = {0};
	int64_t seq = 0;

	assert_true(ledger_open(file, LEDGER_WRITE, &l, &e));
	assert_true(
		ledger_begin(l, &e) && ledger_event_add(l, ev, &seq, &e) && ledger_commit(l, &e));
	assert_true(seq > 0);
	ledger_close(l);
}

/* What was committed is there for a reader, in order, and of its target alone. */
static void
keeps(void **state)
{
	struct place *p = *state;
	struct ledger_event of_all = event("P1", "restriction", "2026-02-01T00:00:00Z", "director");
	struct ledger_event withdrawal =
		event("10.5072/a", "withdrawal", "2026-01-01T00:00:00Z", "director");
	struct ledger_event other = event("10.5072/b", "withdrawal", "2026-01-01T00:00:00Z", "pi");
	struct ledger_event *list = NULL;
	struct ledger *l = NULL;
	size_t n = 9;

	assert_true(ledger_open(p->file, LEDGER_READ, &l, NULL));
	assert_true(ledger_events(l, SPAN("10.5072/a"), SPAN("P1"), &p->mem, &list, &n, NULL));
	assert_int_equal(n, 0); /* no file: nothing stands in it */
	ledger_close(l);

	of_all.of_proposal = true;
	withdrawal.iss = SPAN("https://i.test");
	withdrawal.sub = SPAN("u-1");
	withdrawal.text.value[EVENT_TEXT_NOTE] = SPAN("found to be wrong");
	add(p->file, &withdrawal);
	add(p->file, &other);
	add(p->file, &of_all);
	assert_true(ledger_open(p->file, LEDGER_READ, &l, NULL));
	assert_true(ledger_events(l, SPAN("10.5072/a"), SPAN("P1"), &p->mem, &list, &n, NULL));
	assert_int_equal(n, 2);
	check_span(list[0].text.value[EVENT_TEXT_NOTE], "found to be wrong");
	check_span(list[0].sub, "u-1");
	assert_false(list[0].of_proposal);
	assert_true(list[1].of_proposal);
	check_span(list[1].target, "P1");
	assert_true(ledger_events(l, SPAN("10.5072/a"), SPAN_NONE, &p->mem, &list, &n, NULL));
	assert_int_equal(n, 1);
	assert_true(ledger_events(l, SPAN("P1"), SPAN_NONE, &p->mem, &list, &n, NULL));
	assert_int_equal(n, 0); /* a dataset that is named as a proposal is another thing */
	assert_true(ledger_events_since(l, 1, 10, &p->mem, &list, &n, NULL));
	assert_int_equal(n, 2);
	check_span(list[0].target, "10.5072/b");
	ledger_close(l);
}

/* The database itself refuses to change what was written. */
static void
append_only(void **state)
{
	static const char *const tries[] = {"UPDATE event SET type = 'reinstatement'",
		"DELETE FROM event", "UPDATE flag SET note = ''", "DELETE FROM flag"};
	struct place *p = *state;
	struct ledger_event ev = event("d", "withdrawal", "2026-01-01T00:00:00Z", "director");
	struct ledger_flag flag = {.of_proposal = true,
		.target = SPAN("P"),
		.flag = FLAG_PERSONAL_DATA,
		.at = SPAN("2026-01-01T00:00:00Z")};
	struct ledger *l = NULL;
	struct store *s = NULL;
	struct err e = {0};
	uint32_t set = 0;

	add(p->file, &ev);
	assert_true(ledger_open(p->file, LEDGER_WRITE, &l, &e) && ledger_begin(l, &e));
	assert_true(ledger_flag_add(l, &flag, &e) && ledger_flag_add(l, &flag, &e));
	assert_true(ledger_commit(l, &e) && ledger_flags(l, SPAN("x"), SPAN("P"), &set, &e));
	assert_int_equal(set, 1U << FLAG_PERSONAL_DATA);
	assert_true(ledger_flags(l, SPAN("P"), SPAN("x"), &set, &e));
	assert_int_equal(set, 0);
	ledger_close(l);
	assert_true(store_open(p->file, STORE_WRITE, &s, &e));
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		e = (struct err){0};
		assert_false(store_run(s, tries[i], &e));
		assert_non_null(strstr(e.msg, "append-only"));
	}
	store_close(s);
}

/* A reader that found nothing asks again when the epoch has moved, and not before. */
static void
by_epoch(void **state)
{
	struct place *p = *state;
	struct ledger_event ev = event("d", "withdrawal", "2026-01-01T00:00:00Z", "director");
	struct ledger_event *list = NULL;
	struct ledger *made = NULL;
	struct ledger *l = NULL;
	size_t n = 0;

	assert_true(ledger_open(p->file, LEDGER_WRITE, &made, NULL));
	assert_true(ledger_open(p->file, LEDGER_READ, &l, NULL));
	for (int i = 0; i < 2; i++) {
		ledger_hold(l, 7);
		assert_true(ledger_events(l, SPAN("d"), SPAN_NONE, &p->mem, &list, &n, NULL));
		assert_int_equal(n, 0);
		ledger_release(l);
		if (i == 0)
			add(p->file, &ev);
	}
	ledger_hold(l, 8);
	assert_true(ledger_events(l, SPAN("d"), SPAN_NONE, &p->mem, &list, &n, NULL));
	assert_int_equal(n, 1);
	ledger_release(l);
	ledger_close(l);
	ledger_close(made);
}

/* Two logs become one by time, each in its own order. */
static void
merges(void **state)
{
	static const struct {
		const char *own[3], *more[3], *want; /* instants; want: o and m in order */
	} rows[] = {
		{{NULL}, {"2026-01-01", "2026-01-02"}, "mm"},
		{{"2026-01-01", "2026-01-03"}, {"2026-01-02"}, "omo"},
		{{"2026-01-02"}, {"2026-01-02"}, "om"},
		/* its own order holds whatever the times say */
		{{"2026-01-05", "2026-01-01"}, {"2026-01-03"}, "moo"},
		{{"2026-01-01"}, {"2026-01-05", "2026-01-02"}, "omm"},
		{{"2026-01-02T12:00:00Z"}, {"2026-01-02T11:00:00Z", "2026-01-02T13:00:00Z"}, "mom"},
	};
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_event own[3] = {0};
		struct ledger_event more[3] = {0};
		struct policy_event *all = NULL;
		char got[8] = "";
		size_t n_own = 0;
		size_t n_more = 0;
		size_t n = 0;
		for (; n_own < 3 && rows[i].own[n_own] != NULL; n_own++) {
			struct ledger_event ev =
				event("d", "restriction", rows[i].own[n_own], "pi");
			assert_null(event_read(&ev.text, &own[n_own]));
		}
		for (; n_more < 3 && rows[i].more[n_more] != NULL; n_more++)
			more[n_more] = event("d", "withdrawal", rows[i].more[n_more], "pi");
		assert_true(ledger_merge(own, n_own, more, n_more, &p->mem, &all, &n));
		assert_int_equal(n, n_own + n_more);
		for (size_t k = 0; k < n; k++)
			got[k] = all[k].type == EVENT_WITHDRAWAL ? 'm' : 'o';
		assert_string_equal(got, rows[i].want);
	}
}

static bool
insert(struct ledger *l, struct gate_entry *x, struct err *e)
{
	int64_t seq = 0;

	return ledger_event_add(l, x->what, &seq, e);
}

static size_t
count(struct place *p)
{
	struct ledger_event *list = NULL;
	struct ledger *l = NULL;
	size_t n = 0;

	assert_true(ledger_open(p->file, LEDGER_READ, &l, NULL));
	assert_true(ledger_events(l, SPAN("d"), SPAN_NONE, &p->mem, &list, &n, NULL));
	ledger_close(l);
	return n;
}

/* Row, record and epoch go together; without the record there is no row. */
static void
with_record(void **state)
{
	struct place *p = *state;
	struct ledger_event ev = event("d", "withdrawal", "2026-01-01T00:00:00Z", "director");
	struct gate_entry x = {
		.kind = "event", .record = SPAN("\"x\":1"), .insert = insert, .what = &ev};
	struct gate_ledger *g = NULL;
	struct audit *audit = NULL;
	struct err e = {0};
	uint64_t epoch = 5;

	int fd = open(p->audit, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	assert_true(audit_open(
		&fd, &(struct audit_place){.dir = -1}, "gate", AUDIT_SYNC_NEVER, &audit, &e));
	assert_true(gate_ledger_open(p->file, audit, &epoch, &g, &e));
	assert_true(gate_ledger_write(g, &x, &e));
	assert_int_equal(epoch, 6);
	assert_int_equal(count(p), 1);
	char *longer = calloc(1, AUDIT_LINE_MAX + 1); /* no line can hold it */
	assert_non_null(longer);
	memset(longer, 'x', AUDIT_LINE_MAX);
	x.record = (struct span){longer, AUDIT_LINE_MAX};
	assert_false(gate_ledger_write(g, &x, &e));
	free(longer);
	assert_int_equal(epoch, 6);
	assert_int_equal(count(p), 1);
	gate_ledger_close(g);
	audit_free(audit);
}

static off_t
size_of(const char *file)
{
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	return st.st_size;
}

/* The audit log tells of no event that a full disk has kept out of the ledger. */
static void
without_room(void **state)
{
	struct place *p = *state;
	struct ledger_event ev = event("d", "withdrawal", "2026-01-01T00:00:00Z", "director");
	struct gate_entry x = {
		.kind = "event", .record = SPAN("\"x\":1"), .insert = insert, .what = &ev};
	struct gate_ledger *g = NULL;
	struct audit *audit = NULL;
	struct rlimit all;
	struct err e = {0};
	uint64_t epoch = 5;

	int fd = open(p->audit, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	assert_true(audit_open(
		&fd, &(struct audit_place){.dir = -1}, "gate", AUDIT_SYNC_NEVER, &audit, &e));
	assert_true(gate_ledger_open(p->file, audit, &epoch, &g, &e));
	assert_true(gate_ledger_write(g, &x, &e));
	(void)snprintf(p->file + strlen(p->file), 5, "-wal");
	rlim_t had = (rlim_t)size_of(p->file); /* no more than it has */
	p->file[strlen(p->file) - 4] = '\0';
	off_t told = size_of(p->audit);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE,
				 &(struct rlimit){.rlim_cur = had, .rlim_max = all.rlim_max}),
		0);
	bool ok = gate_ledger_write(g, &x, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_false(ok);
	assert_int_equal(size_of(p->audit), told);
	assert_int_equal(count(p), 1);
	assert_int_equal(epoch, 6);
	assert_true(gate_ledger_write(g, &x, &e));
	assert_int_equal(count(p), 2);
	gate_ledger_close(g);
	audit_free(audit);
}

/* Downloads wait behind a writer, so it waits for another process a moment, and not again at once.
 */
static void
held_by_another(void **state)
{
	struct place *p = *state;
	struct ledger_event ev = event("d", "withdrawal", "2026-01-01T00:00:00Z", "director");
	struct gate_entry x = {
		.kind = "event", .record = SPAN("\"x\":1"), .insert = insert, .what = &ev};
	struct gate_ledger *g = NULL;
	struct ledger *other = NULL;
	struct audit *audit = NULL;
	struct err e = {0};
	uint64_t epoch = 5;

	int fd = open(p->audit, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	assert_true(audit_open(
		&fd, &(struct audit_place){.dir = -1}, "gate", AUDIT_SYNC_NEVER, &audit, &e));
	assert_true(gate_ledger_open(p->file, audit, &epoch, &g, &e));
	assert_true(ledger_open(p->file, LEDGER_WRITE, &other, &e) && ledger_begin(other, &e));
	long long begun = proc_now_ms();
	for (int i = 0; i < 20; i++) {
		e = (struct err){0};
		assert_false(gate_ledger_write(g, &x, &e));
		assert_non_null(strstr(e.msg, "ledger: another process is writing"));
	}
	assert_true(proc_now_ms() - begun < 900);
	ledger_rollback(other);
	ledger_close(other);
	bool ok = false;
	for (int i = 0; i < 50 && !ok; i++) {
		(void)usleep(50000);
		ok = gate_ledger_write(g, &x, &e);
	}
	assert_true(ok);
	assert_int_equal(count(p), 1);
	gate_ledger_close(g);
	audit_free(audit);
}

/* People cannot fill a log so that nobody could withdraw the dataset any more; and of two events
 * that come at once with the same id one is refused, or an approval would mean both. */
static void
room(void **state)
{
	struct place *p = *state;
	struct ledger_event ev = event("10.5072/a", "release", "2026-01-01T00:00:00Z", "pi");
	struct ledger *l = NULL;
	struct err e = {0};
	int64_t seq = 0;

	assert_true(ledger_open(p->file, LEDGER_WRITE, &l, &e) && ledger_begin(l, &e));
	ev.iss = SPAN("https://i.test");
	ev.sub = SPAN("u-1");
	ev.text.value[EVENT_TEXT_ID] = SPAN("r-1");
	assert_true(ledger_event_add(l, &ev, &seq, &e));
	assert_false(ledger_event_add(l, &ev, &seq, &e));
	assert_int_equal(e.code, ERR_RANGE);
	ev.target = SPAN("10.5072/b");
	assert_true(ledger_event_add(l, &ev, &seq, &e));
	ev.target = SPAN("10.5072/a");
	ev.text.value[EVENT_TEXT_ID] = SPAN_NONE;
	for (unsigned i = 1; i < LEDGER_EVENTS - LEDGER_SPARE; i++)
		assert_true(ledger_event_add(l, &ev, &seq, &e));
	assert_false(ledger_event_add(l, &ev, &seq, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	ev.iss = SPAN_NONE;
	for (unsigned i = 0; i < LEDGER_SPARE; i++)
		assert_true(ledger_event_add(l, &ev, &seq, &e));
	assert_false(ledger_event_add(l, &ev, &seq, &e));
	assert_true(ledger_commit(l, &e));
	ledger_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keeps, setup, teardown),
		cmocka_unit_test_setup_teardown(append_only, setup, teardown),
		cmocka_unit_test_setup_teardown(by_epoch, setup, teardown),
		cmocka_unit_test_setup_teardown(merges, setup, teardown),
		cmocka_unit_test_setup_teardown(with_record, setup, teardown),
		cmocka_unit_test_setup_teardown(room, setup, teardown),
		cmocka_unit_test_setup_teardown(without_room, setup, teardown),
		cmocka_unit_test_setup_teardown(held_by_another, setup, teardown),
	};
	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
