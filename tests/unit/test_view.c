/* SPDX-License-Identifier: Apache-2.0 */
/* What shows to whom: the view against the decisions that it stands for. */
#include "policy/view_all.h"
#include "tests/unit/check.h"

#include <string.h>

static const char old_text[] =
	"policy: old\n"
	"version: 1\n"
	"timezone: Europe/Paris\n"
	"valid_from: 2000-01-01\n"
	"valid_until: 2020-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y, early_release: [pi]}\n"
	"metadata: {public_at: {proposal_accepted: [title], experiment_end: [instrument], release: "
	"[sample, files]}}\n"
	"grant: {withdrawn: [director]}\n"
	"rules:\n"
	"  - {id: secret, effect: deny, action: [meta.public], when: {proposal: [HIDDEN], "
	"not_role: "
	"[pi]}, reason: hidden}\n"
	"  - {id: staff, effect: permit, action: [meta.public, meta.full], when: {role: "
	"[archivist], network: facility}}\n"
	"  - {id: team, effect: permit, action: [meta.public, meta.full], when: {role: [pi]}}\n"
	"  - {id: record, effect: permit, action: meta.public, when: {state: [embargoed, open, "
	"withdrawn]}}\n"
	"tests:\n"
	"  - {name: t, now: 2025-01-01, dates: {experiment_end: 2024-05-31}, action: data.read, "
	"expect: deny}\n";

/* Nobody but those with roles sees that there is something. */
static const char new_text[] =
	"policy: new\n"
	"version: 1\n"
	"timezone: Europe/Paris\n"
	"valid_from: 2020-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y}\n"
	"terms: {t: {version: 1, title: Terms}}\n"
	"rules:\n"
	"  - {id: never, effect: deny, action: [meta.full], when: {role: service}, reason: no}\n"
	"  - {id: team, effect: permit, action: [meta.public, meta.full], when: {role: [pi, "
	"service]}}\n"
	"  - {id: terms, effect: permit, action: meta.public, when: {role: registered, state: "
	"open},"
	" obligations: [\"accept-terms:t@1\"]}\n"
	"  - {id: own, effect: permit, action: meta.public, when: {role: director},"
	" obligations: [x-mine]}\n"
	"tests:\n"
	"  - {name: t, now: 2025-01-01, dates: {experiment_end: 2024-05-31}, action: data.read, "
	"expect: deny}\n";

struct world {
	struct policy_set *policies;
	struct arena arena;
};

static int
setup(void **state)
{
	static struct world w; /* cmocka's state */
	const struct policy_source sources[] = {{"old.yaml", {old_text, sizeof(old_text) - 1}},
		{"new.yaml", {new_text, sizeof(new_text) - 1}}};
	AUTO_BUF report = BUF_INIT(8192);

	w.policies = policy_set_load(sources, 2, &report, NULL);
	if (w.policies == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	assert_true(arena_init(&w.arena, 1 << 20));
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	policy_set_free(w->policies);
	arena_fini(&w->arena);
	return 0;
}

static struct when
date(struct span s)
{
	struct when w = {0};

	assert_true(s.p == NULL || facts_parse_when(s, &w));
	return w;
}

/* ---- the view and the decision agree, for every asker and every dataset of a grid ---- */

struct asker {
	const char *name;
	bool anonymous;
	uint32_t base, towards; /* roles */
	enum network network;
	bool accepts, supports;
};
static const struct asker askers[] = {
	{"anonymous", .anonymous = true},
	{"anonymous who claims roles", .anonymous = true, .towards = 1U << ROLE_PI},
	{"with a token", .network = NETWORK_INTERNET},
	{"registered", .base = 1U << ROLE_REGISTERED},
	{"registered, terms accepted", .base = 1U << ROLE_REGISTERED, .accepts = true},
	{"pi", .towards = 1U << ROLE_PI},
	{"pi and service", .towards = 1U << ROLE_PI | 1U << ROLE_SERVICE},
	{"archivist at home", .towards = 1U << ROLE_ARCHIVIST},
	{"archivist here", .towards = 1U << ROLE_ARCHIVIST, .network = NETWORK_FACILITY},
	{"director", .towards = 1U << ROLE_DIRECTOR},
	{"director with a component of ours", .towards = 1U << ROLE_DIRECTOR, .supports = true},
};

static const struct span days[] = {SPAN_INIT("2012-02-29"), SPAN_INIT("2019-12-31"),
	SPAN_INIT("2020-01-01"), SPAN_INIT("2026-01-01"), SPAN_INIT("2030-01-01"), {NULL, 0}};
static const struct policy_event gone[] = {
	{.type = EVENT_WITHDRAWAL, .at = {.given = true, .instant = 1600000000}}};

static void
same(const struct world *w, const struct view *v, const struct facts *from, uint32_t towards)
{
	struct facts f = *from;
	struct decision pub;
	struct decision full;
	struct view_shown s = {.fields = 77};

	f.action = ACTION_META_PUBLIC;
	policy_decide(w->policies, &f, &pub);
	f.action = ACTION_META_FULL;
	policy_decide(w->policies, &f, &full);
	bool shows = view_shows(v, &f.object, towards, &s);
	assert_int_equal(shows, pub.permit);
	if (!shows) {
		assert_int_equal(s.fields, 77); /* left alone */
		return;
	}
	assert_int_equal(s.full, full.permit);
	assert_int_equal(s.fields, full.permit ? VIEW_FIELDS : pub.fields);
	assert_int_equal(s.decision.state, pub.state);
	assert_int_equal(s.decision.status, pub.status);
	assert_int_equal(s.decision.max_age, pub.max_age);
	assert_true(span_eq(s.decision.rule, pub.rule));
}

/* Datasets in each shape, twice, so that the second comes from what the view remembers. */
static size_t
each_dataset(const struct world *w, const struct view *v, struct facts *f, const struct asker *a)
{
	static const char *const proposals[] = {NULL, "HIDDEN", "OTHER"};
	size_t n = 0;

	for (size_t i = 0; i < 2 * sizeof(days) / sizeof(days[0]) * 3 * 2; i++) {
		const struct span day = days[i / 2 % (sizeof(days) / sizeof(days[0]))];
		f->object = (struct object_facts){.pid = SPAN("p"),
			.proposal = span_of(proposals[i % 3]),
			.events = gone,
			.n_events = i / 12 % 2,
			.route = i % 5 == 0 ? ROUTE_PROPRIETARY : ROUTE_ACADEMIC};
		f->object.dates[MILESTONE_EXPERIMENT_END] = date(day);
		f->object.dates[MILESTONE_PROPOSAL_ACCEPTED] = date(SPAN("2011-01-01"));
		if (i % 7 == 0)
			f->object.policy = i % 2 == 0 ? SPAN("new") : SPAN("lost");
		same(w, v, f, a->towards);
		n++;
	}
	return n;
}

static void
agrees(void **state)
{
	static const struct span terms[] = {SPAN_INIT("t@1")};
	static const struct span own[] = {SPAN_INIT("x-mine")};
	struct world *w = *state;
	const struct subject subject = {
		.authenticated = true, .iss = SPAN("https://i"), .sub = SPAN("s")};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(askers) / sizeof(askers[0]); i++) {
		const struct asker *a = &askers[i];
		const struct view_asker who = {.policies = w->policies,
			.subject = a->anonymous ? NULL : &subject,
			.roles = a->base,
			.network = a->network,
			.accepted = terms,
			.n_accepted = a->accepts,
			.supports = own,
			.n_supports = a->supports,
			.now = 1790000000};
		struct facts f = {.subject = who.subject,
			.roles = a->base | a->towards,
			.network = a->network,
			.accepted = terms,
			.n_accepted = a->accepts,
			.supports = own,
			.n_supports = a->supports,
			.now = {.given = true, .instant = who.now}};
		const struct view *v = NULL;
		arena_reset(&w->arena);
		assert_true(view_new(&who, &w->arena, &v, NULL));
		assert_ptr_equal(view_subject(v), who.subject);
		n += each_dataset(w, v, &f, a);
	}
	assert_true(n > 700);
}

/* ---- what an asker sees, by name ---- */

static void
tiers(void **state)
{
	static const struct {
		const char *at;
		bool shows;
		uint32_t fields;
	} rows[] = {
		{"2014-06-01", true, 1U << FIELD_TITLE}, /* accepted */
		{"2015-01-10", true, 1U << FIELD_TITLE | 1U << FIELD_INSTRUMENT},
		{"2018-01-10", true,
			1U << FIELD_TITLE | 1U << FIELD_INSTRUMENT | 1U << FIELD_SAMPLE |
				1U << FIELD_FILES},
	};
	struct world *w = *state;
	struct object_facts o = {.proposal = SPAN("OTHER")};

	o.dates[MILESTONE_PROPOSAL_ACCEPTED] = date(SPAN("2014-01-01"));
	o.dates[MILESTONE_EXPERIMENT_END] = date(SPAN("2015-01-02"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct view_asker who = {.policies = w->policies};
		struct view_shown s;
		const struct view *v = NULL;
		who.now = (int64_t)date(span_of(rows[i].at)).date * 86400;
		arena_reset(&w->arena);
		assert_true(view_new(&who, &w->arena, &v, NULL));
		assert_int_equal(view_shows(v, &o, 0, &s), rows[i].shows);
		assert_int_equal(s.fields, rows[i].fields);
		assert_true(view_has(&s, FIELD_TITLE) && !view_has(&s, FIELD_TEAM));
	}
}

static void
everything(void **state)
{
	const struct view *v = view_all();
	struct object_facts o = {.policy = SPAN("lost")};
	struct view_shown s;

	(void)state;
	assert_true(view_is_all(v) && view_subject(v) == NULL);
	assert_true(view_shows(v, &o, 0, &s));
	assert_true(s.full && s.fields == VIEW_FIELDS);
}

static void
no_memory(void **state)
{
	struct world *w = *state;
	const struct view_asker who = {.policies = w->policies};
	const struct view *v = NULL;
	struct err e = {0};
	AUTO_ARENA small = {0};

	assert_true(arena_init(&small, 64));
	assert_false(view_new(&who, &small, &v, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_null(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees),
		cmocka_unit_test(tiers),
		cmocka_unit_test(everything),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
