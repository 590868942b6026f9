/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a dataset, through the gate: who may, what is written, what holds afterwards. */
#include "agent/base/civil.h"
#include "agent/gate_data.h"
#include "agent/gate_events.h"
#include "agent/gate_grant.h"
#include "agent/gate_ledger.h"
#include "tests/unit/gate_world.h"

struct world {
	struct gate_place *place;
	char ledger[2048];
	uint64_t epoch;
};

static int
with_ledger(void **state)
{
	static struct world w; /* cmocka's state */
	void *place = NULL;
	struct err e = {0};

	assert_int_equal(setup(&place), 0);
	w = (struct world){.place = place, .epoch = 3};
	struct gate_place *p = w.place;
	(void)snprintf(w.ledger, sizeof(w.ledger), "%s/ledger.sqlite", p->dir);
	p->settings.ledger = w.ledger;
	p->gate.epoch = &w.epoch;
	assert_true(gate_ledger_open(w.ledger, p->gate.audit, &w.epoch, &p->gate.ledger, &e));
	gate_desk_fini(&p->desk);
	assert_true(gate_desk_init(&p->desk, &p->gate, &e));
	*state = &w;
	return 0;
}

static int
without(void **state)
{
	struct world *w = *state;
	void *place = w->place;

	gate_ledger_close(w->place->gate.ledger);
	return teardown(&place);
}

/* ---- anonymous, through the rows ---- */

static const struct {
	const char *name;
	enum http_method method;
	const char *path, *body;
	unsigned status;
	const char *text;
} rows[] = {
	{"POST needs somebody", HTTP_POST, "/datasets/10.5072/SHUT/events",
		"{\"type\":\"release\"}", 401, "Send a token"},
	{"the log is not for strangers", HTTP_GET, "/datasets/10.5072/SHUT/events", NULL, 401,
		"embargoed"},
	{"hidden is absent", HTTP_POST, "/datasets/10.5072/PAID/events", "{\"type\":\"release\"}",
		404, "not-found"},
	{"absent", HTTP_POST, "/datasets/10.5072/NONE/events", "{\"type\":\"release\"}", 404,
		"not-found"},
	{"nothing there", HTTP_GET, "/datasets/10.5072/SHUT/nothing", NULL, 404, "not-found"},
	{"nothing below", HTTP_GET, "/datasets/10.5072/SHUT/events/3", NULL, 404, "not-found"},
};

static void
strangers(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_answer a;
		const struct http_ask q = {.method = rows[i].method,
			.path = span_of(rows[i].path),
			.body = span_of(rows[i].body)};
		CHECK_ROW(rows[i].name);
		gate_answer(&w->place->desk, &q, NOW * 1000LL, &a);
		assert_int_equal(a.status, rows[i].status);
		assert_non_null(memmem(a.text.p, a.text.n, rows[i].text, strlen(rows[i].text)));
	}
	assert_int_equal(w->epoch, 3);
}

/* ---- somebody with roles ---- */

struct asking {
	struct gate_case c;
	struct http_ask ask;
};

static void
prepare(struct world *w, const char *pid, uint32_t roles, struct asking *ret)
{
	struct gate_desk *d = &w->place->desk;
	struct err e = {0};

	gate_start(d);
	*ret = (struct asking){.ask = {.trace = {9}}};
	ret->c = (struct gate_case){.ask = &ret->ask, .now = NOW, .now_ms = NOW * 1000LL};
	ret->c.subject = (struct subject){
		.authenticated = true, .iss = SPAN("https://i.test"), .sub = SPAN("u-1")};
	assert_true(catalog_by_pid(d->catalog, span_of(pid), &d->mem, &ret->c.dataset, &e));
	assert_true(gate_data_judge(d, &ret->c, ACTION_DATA_READ, &e));
	ret->c.facts.roles = roles;
}

static bool
record(struct world *w, struct asking *k, const char *type, const char *by, struct buf *out,
	unsigned *status, struct err *e)
{
	struct gate_event ev = {.text.value[EVENT_TEXT_TYPE] = span_of(type)};

	ev.text.value[EVENT_TEXT_BY] = span_of(by);
	return gate_events_record(&w->place->desk, &k->c, &ev, out, status, e);
}

/* The team opens its data: it is written, recorded, and in force for the next question. */
static void
opens(void **state)
{
	struct world *w = *state;
	struct gate_desk *d = &w->place->desk;
	struct asking k;
	struct err e = {0};
	unsigned status = 0;
	char line[4096] = "";
	AUTO_BUF out = BUF_INIT(8192);

	prepare(w, "10.5072/SHUT", 1U << ROLE_PI, &k);
	assert_int_equal(k.c.decision.state, STATE_EMBARGOED);
	assert_true(record(w, &k, "release", NULL, &out, &status, &e));
	gate_end(d);
	assert_int_equal(status, 201);
	buf_addc(&out, '\0');
	assert_non_null(strstr(out.p, "\"by\":\"pi\""));
	assert_non_null(strstr(out.p, "\"state\":\"open\""));
	assert_non_null(strstr(out.p, "The dataset is open since 2026-09-21 (Europe/Paris)."));
	assert_int_equal(w->epoch, 4);
	AUTO_FD fd = open(w->place->audit, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, line, sizeof(line) - 1) > 0);
	assert_non_null(strstr(line, "\"kind\":\"event\""));
	assert_non_null(strstr(line, "\"type\":\"release\""));
	assert_null(strstr(line, "u-1")); /* a person is never in the log */

	prepare(w, "10.5072/SHUT", 0, &k);
	assert_int_equal(k.c.decision.state, STATE_OPEN);
	gate_end(d);
	prepare(w, "10.5072/OPEN", 0, &k);
	assert_int_equal(k.c.facts.object.n_events, 0); /* of that dataset alone */
	gate_end(d);
}

/* Who may not changes nothing, and learns who may. */
static void
refuses(void **state)
{
	static const struct {
		const char *pid;
		uint32_t roles;
		const char *type, *by;
		unsigned status;
		const char *words;
	} no[] = {
		{"10.5072/SHUT", 1U << ROLE_COPROPOSER, "release", NULL, 403, "only pi may record"},
		{"10.5072/SHUT", 1U << ROLE_COPROPOSER, "release", "pi", 403,
			"you do not have the role pi here"},
		{"10.5072/SHUT", 0, "release", NULL, 403, "only pi may record"},
		{"10.5072/SHUT", 1U << ROLE_PI, "withdrawal", NULL, 403, "only director may"},
		{"10.5072/SHUT", 1U << ROLE_PI, "extension", NULL, 400, "either `period` or"},
		{"10.5072/SHUT", 1U << ROLE_PI, "opening", NULL, 400, "not one of the event types"},
		{"10.5072/SHUT", 1U << ROLE_PI, "release", "king", 400, "`by` is not a role"},
		{"10.5072/OPEN", 1U << ROLE_PI, "release", NULL, 409, "it is open already"},
		{"10.5072/SHUT", 1U << ROLE_DIRECTOR, "reinstatement", NULL, 409,
			"it is not withdrawn"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		struct asking k;
		struct err e = {0};
		unsigned status = 0;
		AUTO_BUF out = BUF_INIT(8192);
		CHECK_ROW(no[i].words);
		prepare(w, no[i].pid, no[i].roles, &k);
		assert_false(record(w, &k, no[i].type, no[i].by, &out, &status, &e));
		gate_end(&w->place->desk);
		assert_int_equal(status, no[i].status);
		assert_non_null(strstr(e.msg, no[i].words));
		assert_int_equal(out.n, 0);
	}
	assert_int_equal(w->epoch, 3);
}

/* An event of somebody is of now, whatever they say, and theirs: nobody skips the window for
 * objections, or closes what is open by an objection of the day before. */
static void
of_now(void **state)
{
	static const struct {
		const char *at, *sub;
		bool trusted;
		const char *words; /* NULL: it is recorded, with this: */
		const char *written;
	} when[] = {
		{"2025-01-01T00:00:00Z", NULL, false, "5 minutes in the past", NULL},
		{"2025-01-01", NULL, false, "5 minutes in the past", NULL},
		{NULL, "somebody-else", false, "`sub`: leave it out", NULL},
		{"2026-09-21T11:58:00Z", NULL, false, NULL, "\"at\":\"2026-09-21T12:00:00Z\""},
		{"2026-09-21T12:01:00Z", NULL, false, NULL, "\"at\":\"2026-09-21T12:01:00Z\""},
		{"2026-01-01T00:00:00Z", "somebody", true, NULL, "\"at\":\"2026-01-01T00:00:00Z\""},
	};
	struct world *w = *state;
	const int64_t noon = 1790000000 / 86400 * 86400 + 43200;

	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		struct gate_event ev = {
			.trusted = when[i].trusted, .text.value[EVENT_TEXT_TYPE] = SPAN("release")};
		struct asking k;
		struct err e = {0};
		unsigned status = 0;
		char line[32768] = "";
		AUTO_BUF out = BUF_INIT(8192);
		CHECK_ROW(when[i].at != NULL ? when[i].at : when[i].sub);
		prepare(w, "10.5072/SHUT", 1U << ROLE_PI, &k);
		k.c.now = noon;
		k.c.now_ms = noon * 1000;
		ev.text.value[EVENT_TEXT_BY] = SPAN("pi");
		ev.text.value[EVENT_TEXT_ON] = SPAN("2026-12-01");
		ev.text.value[EVENT_TEXT_AT] = span_of(when[i].at);
		ev.text.value[EVENT_TEXT_SUB] = span_of(when[i].sub);
		bool ok = gate_events_record(&w->place->desk, &k.c, &ev, &out, &status, &e);
		gate_end(&w->place->desk);
		assert_int_equal(status, when[i].words != NULL ? 400 : 201);
		assert_true(ok == (when[i].words == NULL));
		if (!ok) {
			assert_non_null(strstr(e.msg, when[i].words));
			continue;
		}
		buf_addc(&out, '\0');
		assert_non_null(strstr(out.p, when[i].written));
		AUTO_FD fd = open(w->place->audit, O_RDONLY | O_CLOEXEC);
		assert_true(read(fd, line, sizeof(line) - 1) > 0);
		assert_null(strstr(line, "somebody"));
	}
}

/* What is planned ends what was decided before it: grants that are kept, and pages in caches. */
static void
ahead(void **state)
{
	struct world *w = *state;
	struct gate_event ev = {.trusted = true};
	const struct http_ask q = {.method = HTTP_GET, .path = SPAN("/datasets/10.5072/OPEN")};
	struct http_answer a;
	struct asking k;
	struct err e = {0};
	unsigned status = 0;
	AUTO_BUF at = BUF_INIT(64);
	AUTO_BUF out = BUF_INIT(8192);

	prepare(w, "10.5072/OPEN", 0, &k);
	k.c.subject.authenticated = false;
	assert_true(gate_expiry(&k.c) > 86400);
	civil_write_iso(&at, NOW + 100);
	ev.text.value[EVENT_TEXT_TYPE] = SPAN("withdrawal");
	ev.text.value[EVENT_TEXT_BY] = SPAN("director");
	ev.text.value[EVENT_TEXT_AT] = buf_span(&at);
	assert_true(gate_events_record(&w->place->desk, &k.c, &ev, &out, &status, &e));
	gate_end(&w->place->desk);
	prepare(w, "10.5072/OPEN", 0, &k);
	k.c.subject.authenticated = false;
	assert_int_equal(k.c.decision.state, STATE_OPEN);
	assert_int_equal(gate_expiry(&k.c), k.c.wall + 100);
	gate_end(&w->place->desk);
	gate_answer(&w->place->desk, &q, NOW * 1000LL, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(memmem(a.fields.p, a.fields.n, "max-age=100\r", 12));
	gate_answer(&w->place->desk, &q, (NOW + 100) * 1000LL, &a);
	assert_non_null(memmem(a.text.p, a.text.n, "withdrawn", 9));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(strangers, with_ledger, without),
		cmocka_unit_test_setup_teardown(opens, with_ledger, without),
		cmocka_unit_test_setup_teardown(refuses, with_ledger, without),
		cmocka_unit_test_setup_teardown(of_now, with_ledger, without),
		cmocka_unit_test_setup_teardown(ahead, with_ledger, without),
	};
	return cmocka_run_group_tests_name("gate_events", tests, NULL, NULL);
}
