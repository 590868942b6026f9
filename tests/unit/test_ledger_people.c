/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/ledger_people.h"
#include "agent/catalog/store.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY 86400

struct place {
	char dir[64], file[96];
	struct arena mem;
	struct ledger *l;
};

static const struct ledger_person alice = {SPAN_INIT("https://a.test"), SPAN_INIT("alice")};
static const struct ledger_person bob = {SPAN_INIT("https://a.test"), SPAN_INIT("bob")};
/* The same name at another issuer is another person. */
static const struct ledger_person other = {SPAN_INIT("https://b.test"), SPAN_INIT("alice")};

static int
setup(void **state)
{
	static struct place p; /* cmocka's state */

	p = (struct place){.file = ""};
	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/pan-people-XXXXXX");
	assert_non_null(mkdtemp(p.dir));
	(void)snprintf(p.file, sizeof(p.file), "%s/ledger.sqlite", p.dir);
	assert_true(arena_init(&p.mem, 8UL << 20));
	assert_true(ledger_open(p.file, LEDGER_WRITE, &p.l, NULL));
	*state = &p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	char line[128];

	ledger_close(p->l);
	arena_fini(&p->mem);
	(void)snprintf(line, sizeof(line), "rm -r %s", p->dir);
	return system(line); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a folder of our own */
}

static bool
accept_terms(struct place *p, const struct ledger_person *who, const char *terms, bool yes)
{
	const struct ledger_terms_change c = {*who, span_of(terms), yes, 1000};
	struct err e = {0};
	bool is_new = false;

	assert_true(ledger_begin(p->l, &e));
	assert_true(ledger_terms_put(p->l, &c, &is_new, &e));
	assert_true(ledger_commit(p->l, &e));
	return is_new;
}

static size_t
terms_of(struct place *p, const struct ledger_person *who, const char *first)
{
	struct ledger_terms *list = NULL;
	size_t n = 0;

	assert_true(ledger_terms_of(p->l, who, &p->mem, &list, &n, NULL));
	if (n > 0)
		assert_true(span_is(list[0].terms, first) && list[0].at == 1000);
	return n;
}

/* Exactly that version, of exactly that person, once, until it is taken back. */
static void
terms(void **state)
{
	struct place *p = *state;

	assert_int_equal(terms_of(p, &alice, NULL), 0);
	assert_true(accept_terms(p, &alice, "human-data@3", true));
	assert_false(accept_terms(p, &alice, "human-data@3", true));
	assert_true(accept_terms(p, &alice, "human-data@4", true));
	assert_int_equal(terms_of(p, &alice, "human-data@3"), 2);
	assert_int_equal(terms_of(p, &bob, NULL), 0);
	assert_int_equal(terms_of(p, &other, NULL), 0);
	assert_false(accept_terms(p, &bob, "human-data@3", false));
	assert_true(accept_terms(p, &alice, "human-data@3", false));
	assert_int_equal(terms_of(p, &alice, "human-data@4"), 1);
	assert_true(accept_terms(p, &alice, "human-data@3", true));
	assert_int_equal(terms_of(p, &alice, "human-data@4"), 2);
}

/* Back and forth all day would have every grant decided again each time. */
static void
terms_limit(void **state)
{
	struct place *p = *state;
	struct ledger_terms_change c = {alice, SPAN("a@1"), true, 1000};
	struct err e = {0};
	bool is_new = false;

	for (unsigned i = 0; i < LEDGER_TERMS; i++)
		assert_true(accept_terms(p, &alice, "a@1", i % 2 == 0));
	assert_true(ledger_begin(p->l, NULL));
	assert_false(ledger_terms_put(p->l, &c, &is_new, &e));
	assert_int_equal(e.code, ERR_RANGE);
	c.who = bob;
	assert_true(ledger_terms_put(p->l, &c, &is_new, &e) && is_new);
	c.who = alice;
	c.at = 1000 + DAY;
	assert_true(ledger_terms_put(p->l, &c, &is_new, &e) && is_new);
	ledger_rollback(p->l);
}

static bool
request(struct place *p, const struct ledger_person *who, const char *id, const char *pid,
	int64_t at, struct err *e)
{
	const struct ledger_request r = {.id = span_of(id),
		.pid = span_of(pid),
		.who = *who,
		.action = SPAN("data.read"),
		.text = SPAN("for my thesis"),
		.at = at};

	assert_true(ledger_begin(p->l, NULL));
	bool ok = ledger_request_add(p->l, &r, 3, e);
	if (ok)
		assert_true(ledger_commit(p->l, NULL));
	else
		ledger_rollback(p->l);
	return ok;
}

static bool
reply(struct place *p, const char *id, enum ledger_answer answer)
{
	const struct ledger_reply r = {.id = span_of(id),
		.answer = answer,
		.who = bob,
		.by = SPAN("pi"),
		.note = SPAN("ask me in May"),
		.at = 2000};
	struct err e = {0};

	assert_true(ledger_begin(p->l, NULL));
	bool ok = ledger_request_answer(p->l, &r, &e);
	if (ok)
		assert_true(ledger_commit(p->l, NULL));
	else
		ledger_rollback(p->l);
	return ok;
}

static uint64_t
open_requests(struct place *p)
{
	uint64_t n = 0;

	assert_true(ledger_requests_count(p->l, &n, NULL));
	return n;
}

static void
requests(void **state)
{
	struct place *p = *state;
	struct ledger_request *list = NULL;
	struct ledger_request one;
	struct err e = {0};
	size_t n = 0;

	assert_true(request(p, &alice, "q-1", "10.5072/a", 1000, &e));
	assert_false(request(p, &alice, "q-2", "10.5072/a", 1001, &e));
	assert_int_equal(e.code, ERR_DENIED);
	assert_true(request(p, &other, "q-3", "10.5072/a", 1002, &e));
	assert_true(request(p, &alice, "q-4", "10.5072/b", 1003, &e));
	assert_true(request(p, &alice, "q-5", "10.5072/c", 1004, &e));
	assert_false(request(p, &alice, "q-6", "10.5072/d", 1005, &e));
	assert_int_equal(e.code, ERR_RANGE);
	assert_true(request(p, &alice, "q-6", "10.5072/d", 1001 + DAY, &e));
	assert_int_equal(open_requests(p), 5);
	assert_true(ledger_requests_open(p->l, SPAN("10.5072/a"), &p->mem, &list, &n, &e));
	assert_int_equal(n, 2);
	assert_true(span_is(list[0].id, "q-3") && span_is(list[0].who.iss, "https://b.test"));
	assert_true(ledger_requests_open(p->l, SPAN_NONE, &p->mem, &list, &n, &e) && n == 5);
	assert_true(reply(p, "q-1", ANSWER_DECLINE));
	assert_false(reply(p, "q-1", ANSWER_GRANT));
	assert_int_equal(open_requests(p), 4);
	assert_true(
		ledger_requests_open(p->l, SPAN("10.5072/a"), &p->mem, &list, &n, &e) && n == 1);
	assert_true(ledger_requests_by(p->l, &alice, &p->mem, &list, &n, &e) && n == 4);
	assert_true(span_is(list[3].id, "q-1") && list[3].answer == ANSWER_DECLINE);
	assert_true(span_is(list[3].note, "ask me in May") && list[3].answered == 2000);
	/* Answered, so it may be asked again. */
	assert_true(request(p, &alice, "q-7", "10.5072/a", 1001 + (3L * DAY), &e));
	assert_true(ledger_request_get(p->l, SPAN("q-7"), &p->mem, &one, &e));
	assert_int_equal(one.answer, ANSWER_NONE);
	assert_null(one.note.p);
	assert_false(ledger_request_get(p->l, SPAN("q-8"), &p->mem, &one, &e));
	assert_int_equal(e.code, ERR_ABSENT);
}

static void
add_link(struct place *p, const char *id, const char *pid, uint8_t secret, int64_t until)
{
	uint8_t hash[LEDGER_LINK_HASH] = {secret};
	const struct ledger_link k = {.id = span_of(id),
		.pid = span_of(pid),
		.who = secret == 0 ? alice : (struct ledger_person){SPAN_NONE, SPAN_NONE},
		.by = SPAN("pi"),
		.maker = bob,
		.note = SPAN("for the referee"),
		.at = 1000,
		.until = until};

	assert_true(ledger_begin(p->l, NULL));
	assert_true(ledger_link_add(p->l, &k, secret == 0 ? NULL : hash, NULL));
	assert_true(ledger_commit(p->l, NULL));
}

static size_t
grants(struct place *p, const struct ledger_person *who, int64_t now)
{
	struct ledger_link *list = NULL;
	size_t n = 0;

	assert_true(ledger_grants_of(p->l, who, now, &p->mem, &list, &n, NULL));
	return n;
}

static bool
end_link(struct place *p, const char *id)
{
	const struct ledger_link_end x = {span_of(id), alice, SPAN("pi"), 1500};

	assert_true(ledger_begin(p->l, NULL));
	bool ok = ledger_link_end(p->l, &x, NULL);
	assert_true(ledger_commit(p->l, NULL));
	return ok;
}

static void
links(void **state)
{
	struct place *p = *state;
	uint8_t hash[LEDGER_LINK_HASH] = {7};
	struct ledger_link *list = NULL;
	struct ledger_link k;
	struct err e = {0};
	size_t n = 0;

	add_link(p, "r-1", "10.5072/a", 7, 5000);
	add_link(p, "r-2", "10.5072/a", 8, 1100);
	add_link(p, "r-3", "10.5072/b", 0, 5000);
	assert_true(ledger_link_by_hash(p->l, hash, &p->mem, &k, &e));
	assert_true(span_is(k.id, "r-1") && !k.personal && k.who.iss.p == NULL);
	assert_true(ledger_link_live(&k, 4999) && !ledger_link_live(&k, 5000));
	assert_int_equal(k.last_day, -1);
	hash[31] = 1;
	assert_false(ledger_link_by_hash(p->l, hash, &p->mem, &k, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	assert_int_equal(grants(p, &alice, 4999), 1);
	assert_int_equal(grants(p, &alice, 5000), 0);
	assert_int_equal(grants(p, &other, 4999), 0);
	for (int day = 3; day < 6; day++) {
		assert_true(ledger_begin(p->l, NULL));
		assert_true(ledger_link_use(p->l, SPAN("r-1"), day / 2, &e));
		assert_true(ledger_commit(p->l, NULL));
	}
	assert_true(end_link(p, "r-3") && !end_link(p, "r-3"));
	assert_int_equal(grants(p, &alice, 1600), 0);
	assert_true(ledger_links(p->l, SPAN("10.5072/a"), &p->mem, &list, &n, &e));
	assert_int_equal(n, 2);
	assert_true(span_is(list[1].id, "r-1") && list[1].last_day == 2 && list[1].days == 2);
	assert_true(ledger_link_get(p->l, SPAN("r-3"), &p->mem, &k, &e));
	assert_true(k.personal && span_is(k.who.sub, "alice") && k.ended == 1500 &&
		    span_is(k.ended_by, "pi") && !ledger_link_live(&k, 1001));
}

/* More than a folder of links would do for a conference, and fewer than a leak needs. */
static void
link_limit(void **state)
{
	struct place *p = *state;
	struct ledger_link k = {.id = SPAN("r-last"),
		.pid = SPAN("10.5072/a"),
		.who = alice,
		.by = SPAN("pi"),
		.maker = bob,
		.at = 1000,
		.until = 2000};
	struct err e = {0};
	char id[16];

	for (unsigned i = 0; i < LEDGER_LINKS; i++) {
		(void)snprintf(id, sizeof(id), "r-%u", i);
		add_link(p, id, "10.5072/a", 0, 2000);
	}
	assert_true(ledger_begin(p->l, NULL));
	assert_false(ledger_link_add(p->l, &k, NULL, &e));
	assert_int_equal(e.code, ERR_RANGE);
	k.at = 2000; /* those have ended, but it was today */
	k.until = 300000;
	assert_false(ledger_link_add(p->l, &k, NULL, &e));
	k.at = 1001 + DAY;
	assert_true(ledger_link_add(p->l, &k, NULL, &e));
	ledger_rollback(p->l);
}

/* The database itself keeps every row as it was written. */
static void
kept(void **state)
{
	static const char *const tries[] = {
		"UPDATE acceptance SET accepted = 1",
		"DELETE FROM acceptance",
		"UPDATE request SET text = ''",
		"DELETE FROM request",
		"UPDATE answer SET answer = 2",
		"DELETE FROM answer",
		"UPDATE link SET until = 9999999999",
		"DELETE FROM link",
		"DELETE FROM link_end",
		"UPDATE link_use SET day = 0",
	};
	struct place *p = *state;
	struct store *s = NULL;
	struct err e = {0};

	(void)accept_terms(p, &alice, "a@1", true);
	assert_true(request(p, &alice, "q-1", "10.5072/a", 1000, &e) &&
		    reply(p, "q-1", ANSWER_DECLINE));
	add_link(p, "r-1", "10.5072/a", 7, 5000);
	assert_true(end_link(p, "r-1") && ledger_begin(p->l, &e) &&
		    ledger_link_use(p->l, SPAN("r-1"), 1, &e) && ledger_commit(p->l, &e));
	assert_true(store_open(p->file, STORE_WRITE, &s, &e));
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		CHECK_ROW(tries[i]);
		assert_false(store_run(s, tries[i], &e));
		assert_non_null(strstr(e.msg, "append-only"));
	}
	store_close(s);
}

/* A reader of an empty ledger asks nothing, until a write has moved the epoch. */
static void
seen_by_readers(void **state)
{
	struct place *p = *state;
	struct ledger *reader = NULL;
	struct ledger_terms *list = NULL;
	size_t n = 9;

	assert_true(ledger_open(p->file, LEDGER_READ, &reader, NULL));
	ledger_hold(reader, 4);
	assert_true(ledger_terms_of(reader, &alice, &p->mem, &list, &n, NULL) && n == 0);
	ledger_release(reader);
	(void)accept_terms(p, &alice, "a@1", true);
	ledger_hold(reader, 5);
	assert_true(ledger_terms_of(reader, &alice, &p->mem, &list, &n, NULL) && n == 1);
	ledger_release(reader);
	ledger_close(reader);
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {HERE(terms), HERE(terms_limit), HERE(requests),
		HERE(links), HERE(link_limit), HERE(kept), HERE(seen_by_readers)};

	return cmocka_run_group_tests_name("ledger_people", tests, NULL, NULL);
}
