/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lint calls unreachable decides nothing, and what it calls reachable decides the example that
 * it gives: random policies, with random questions to both.
 */
#include "policy/lint_cover.h"

#include "policy/eval.h"
#include "policy/parse.h"
#include "tests/unit/check.h"

#define TEXT_MAX ((size_t)1 << 16)
#define DAY      86400
#define NOW      ((int64_t)1900000000)

enum { POLICIES = 60, QUESTIONS = 100 * 1000, RULES = 9 };

/* ---- chance ---- */

static uint64_t
chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static unsigned
below(uint64_t *seed, unsigned n)
{
	return (unsigned)(chance(seed) >> 33) % n;
}

/* ---- a policy ---- */

struct words {
	const char *key;
	const char *words[6];
};
static const struct words keys[] = {
	{"state", {"withdrawn", "proprietary", "restricted", "embargoed", "open", NULL}},
	{"kind", {"raw", "preview", "log", NULL}},
	{"route", {"academic", "icrd", "proprietary", NULL}},
	{"network", {"internet", "facility", "eosc", NULL}},
	{"purpose", {"unspecified", "support", NULL}},
	{"role", {"pi", "delegate", "registered", "anonymous", "director", NULL}},
	{"role", {"pi", "delegate", "authenticated", "registered", NULL}},
	{"not_role", {"pi", "delegate", "registered", "anonymous", "authenticated", NULL}},
	{"not_role", {"director", "pi", "delegate", NULL}},
	{"flag", {"personal-data", "export-control", "third-party-rights", NULL}},
	{"not_flag", {"personal-data", "export-control", NULL}},
	{"reached", {"experiment_end", "proposal_accepted", "release", NULL}},
	{"assurance", {"low", "medium", NULL}},
	{"entitlement", {"urn:a", "urn:b", NULL}},
	{"issuer", {"https://i", "https://j", NULL}},
	{"proposal", {"P1", "P2", NULL}},
	{"pid", {"d1", "d2", "d3", NULL}},
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static void
add_words(struct buf *out, const struct words *k, uint64_t *seed)
{
	unsigned n = 0;
	const char *comma = "";

	while (k->words[n] != NULL)
		n++;
	buf_addf(out, "%s: ", k->key);
	if (strcmp(k->key, "assurance") == 0) {
		buf_adds(out, k->words[below(seed, n)]);
		return;
	}
	unsigned set = 1 + below(seed, (1U << n) - 1U);
	buf_addc(out, '[');
	for (unsigned i = 0; i < n; i++)
		if ((set >> i & 1U) != 0) {
			buf_addf(out, "%s'%s'", comma, k->words[i]);
			comma = ", ";
		}
	buf_addc(out, ']');
}

static void
add_rule(struct buf *out, unsigned i, uint64_t *seed)
{
	static const char *const actions[] = {"data.read", "data.list", "data.read, data.list"};
	bool permit = below(seed, 3) > 0;
	unsigned wanted = below(seed, 4);
	const char *comma = "";
	uint32_t used = 0;

	buf_addf(out, "  - {id: r%u, effect: %s, action: [%s], %swhen: {", i,
		permit ? "permit" : "deny", actions[below(seed, 3)], permit ? "" : "reason: no, ");
	while (wanted-- > 0) {
		unsigned k = below(seed, KEYS);
		bool twice = false;
		for (unsigned o = 0; o < KEYS; o++)
			twice = twice ||
				((used >> o & 1U) != 0 && strcmp(keys[o].key, keys[k].key) == 0);
		if (twice)
			continue;
		used |= 1U << k;
		buf_adds(out, comma);
		add_words(out, &keys[k], seed);
		comma = ", ";
	}
	buf_adds(out, "}}\n");
}

/* NULL: what chance wrote is refused (a contradiction). */
static struct policy *
make_policy(struct buf *text, uint64_t *seed)
{
	static const char *const heads[] = {"", "routes: {icrd: agreement}\n",
		"routes: {icrd: agreement}\ngrant: {agreement: pi}\n",
		"restrict: {flags: [export-control]}\n",
		"routes: {proprietary: after_embargo, icrd: never}\n"};
	AUTO_BUF report = BUF_INIT(TEXT_MAX);

	buf_reset(text);
	buf_addf(text,
		"policy: x\nversion: 1\ntimezone: UTC\nvalid_from: 2000-01-01\nlicence: CC0-1.0\n"
		"embargo: {anchor: experiment_end, period: 3y%s}\n%srules:\n",
		below(seed, 2) == 0 ? "" : ", early_release: pi", heads[below(seed, 5)]);
	unsigned n = 2 + below(seed, RULES - 1);
	for (unsigned i = 0; i < n; i++)
		add_rule(text, i, seed);
	buf_adds(text, "tests:\n  - {name: x, now: 2020-01-01, action: data.read, expect: deny}\n");
	return parse_policy("x", buf_span(text), &report, NULL);
}

/* ---- a question ---- */

/* A question whose parts live in it: it must stay where it is. */
struct question {
	struct facts facts;
	struct subject subject;
	struct span entitlements[2];
	struct policy_event events[2];
};

static struct when
day(int64_t days)
{
	return (struct when){.given = true, .instant = NOW + days * DAY};
}

static void
add_event(struct question *q, enum event_type type, enum policy_role by, int64_t release)
{
	q->events[q->facts.object.n_events++] = (struct policy_event){
		.type = type, .at = day(-1), .by = by, .release = day(release)};
	q->facts.object.events = q->events;
}

static bool
reached(const struct cover_case *k, enum milestone m)
{
	return (k->reached >> m & 1U) != 0;
}

/* Dates and a log that bring the dataset into the state of the example. */
static void
reach_state(const struct policy *p, const struct cover_case *k, struct question *q)
{
	bool agreement = p->modes[k->route] == MODE_AGREEMENT;
	struct when *end = &q->facts.object.dates[MILESTONE_EXPERIMENT_END];

	if (k->state == STATE_WITHDRAWN)
		add_event(q, EVENT_WITHDRAWAL, ROLE_PI, 0);
	if (k->state == STATE_RESTRICTED)
		add_event(q, EVENT_RESTRICTION, ROLE_PI, 0);
	if (k->state != STATE_EMBARGOED && k->state != STATE_OPEN)
		return;
	if (agreement)
		add_event(q, EVENT_AGREEMENT, ROLE_PI, k->state == STATE_OPEN ? -1 : 9);
	else if (k->state == STATE_EMBARGOED)
		*end = day(reached(k, MILESTONE_EXPERIMENT_END) ? -2 : 2);
	else if (reached(k, MILESTONE_EXPERIMENT_END) || p->embargo.early_release.n == 0)
		*end = day(-2000);
	else {
		*end = day(2);
		add_event(q, EVENT_RELEASE, ROLE_PI, 0);
	}
}

static void
ask_case(const struct policy *p, const struct rule *r, const struct cover_case *k,
	struct question *q)
{
	bool several = (r->uses >> WHEN_ISSUER & 1U) != 0; /* then entitlements need the issuer */

	*q = (struct question){
		.facts = {.action = k->action,
			.network = k->network,
			.purpose = k->purpose,
			.protocol = k->protocol,
			.now = day(0),
			.roles = k->roles & ~(1U << ROLE_ANONYMOUS | 1U << ROLE_AUTHENTICATED)}};
	q->facts.object = (struct object_facts){.pid = k->pid,
		.proposal = k->proposal,
		.instrument = k->instrument,
		.kind = k->kind,
		.route = k->route,
		.flags = k->flags};
	for (int m = 0; m < MILESTONE_COUNT; m++)
		if (reached(k, (enum milestone)m))
			q->facts.object.dates[m] = day(-2);
	reach_state(p, k, q);
	if ((k->roles >> ROLE_AUTHENTICATED & 1U) == 0)
		return;
	q->entitlements[0] = k->entitlements[0];
	q->subject = (struct subject){.authenticated = true,
		.iss = k->issuer.p != NULL ? k->issuer : SPAN("https://other"),
		.assurance = k->assurance,
		.entitlements = q->entitlements,
		.n_entitlements = k->entitlements[0].p != NULL,
		.several = several,
		.unlisted = several};
	q->facts.subject = &q->subject;
}

static struct span
one_of(const char *const *words, unsigned n, uint64_t *seed)
{
	unsigned i = below(seed, n + 1);

	return i == n ? SPAN_NONE : span_of(words[i]);
}

static void
ask_chance(const struct policy *p, uint64_t *seed, struct question *q)
{
	static const char *const issuers[] = {"https://i", "https://j", "https://k"};
	static const char *const entitlements[] = {"urn:a", "urn:b", "urn:c"};
	static const char *const proposals[] = {"P1", "P2", "P3"};
	static const char *const pids[] = {"d1", "d2", "d3", "d4"};
	static const enum route routes[] = {ROUTE_ACADEMIC, ROUTE_ICRD, ROUTE_PROPRIETARY};
	static const int64_t days[] = {-2000, -2, 2};
	struct cover_case k = {
		.action = ACTION_DATA_LIST + (enum action)below(seed, 2),
		.state = STATE_WITHDRAWN + (enum state)below(seed, 5),
		.route = routes[below(seed, 3)],
		.flags = below(seed, 8),
		.kind = (enum kind)below(seed, KIND_COUNT),
		.network = (enum network)below(seed, NETWORK_COUNT),
		.purpose = (enum purpose)below(seed, PURPOSE_COUNT),
		.protocol = (enum protocol)below(seed, PROTOCOL_COUNT),
		.assurance = (enum assurance)below(seed, 4),
		.issuer = one_of(issuers, 3, seed),
		.proposal = one_of(proposals, 3, seed),
		.pid = one_of(pids, 4, seed),
		.entitlements = {one_of(entitlements, 3, seed)},
		.roles = 1U << ROLE_ANONYMOUS,
	};

	if (below(seed, 4) > 0)
		k.roles = 1U << ROLE_AUTHENTICATED |
			  (below(seed, 1U << ROLE_COUNT) & ~(1U << ROLE_ANONYMOUS));
	if (below(seed, 2) == 0) /* few of them */
		k.roles &= 1U << ROLE_ANONYMOUS | 1U << ROLE_AUTHENTICATED | 1U << ROLE_PI |
			   1U << ROLE_REGISTERED;
	ask_case(p, &p->rules[0], &k, q);
	q->subject.several = q->subject.unlisted = below(seed, 2) == 0;
	for (int m = 0; m < MILESTONE_COUNT; m++)
		if (below(seed, 2) == 0)
			q->facts.object.dates[m] = day(days[below(seed, 3)]);
	q->entitlements[1] = SPAN("urn:b");
	if (below(seed, 8) == 0 && q->subject.n_entitlements == 1)
		q->subject.n_entitlements = 2;
}

/* The place of the rule that decides; n_rules: none. */
static size_t
decides(const struct policy *p, const struct question *q)
{
	struct decision d;

	eval_decide(p, &q->facts, &d);
	for (size_t i = 0; i < p->n_rules; i++)
		if (span_eq(p->rules[i].id, d.rule))
			return i;
	return p->n_rules;
}

/* ---- the two properties ---- */

static unsigned
check_policy(const struct policy *p, const struct buf *text, uint64_t *seed)
{
	struct cover *c = cover_new(p);
	bool never[RULES + 2] = {false};
	unsigned found = 0;
	struct cover_case k;
	struct question q;

	assert_non_null(c);
	for (size_t i = 0; i < p->n_rules; i++) {
		enum cover_answer got = cover_decides(c, &cover_all, i, &k);
		assert_int_not_equal(got, COVER_UNKNOWN);
		never[i] = got == COVER_NONE;
		found += never[i];
		if (never[i])
			continue;
		ask_case(p, &p->rules[i], &k, &q);
		if (decides(p, &q) != i)
			fail_msg("rule r%zu, whose example r%zu decides:\n%.*s", i, decides(p, &q),
				SPAN_ARG(buf_span(text)));
	}
	for (unsigned n = 0; n < QUESTIONS && found > 0; n++) {
		ask_chance(p, seed, &q);
		size_t i = decides(p, &q);
		if (i < p->n_rules && never[i])
			fail_msg("rule r%zu decides all the same:\n%.*s", i,
				SPAN_ARG(buf_span(text)));
	}
	cover_free(c);
	return found;
}

static void
unreachable_or_not(void **state)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	uint64_t seed = 88172645463325252ULL;
	unsigned found = 0;
	unsigned policies = 0;

	(void)state;
	while (policies < POLICIES) {
		struct policy *p = make_policy(&text, &seed);
		if (p != NULL) {
			policies++;
			found += check_policy(p, &text, &seed);
		}
		model_free(p);
	}
	print_message("    %u unreachable rules\n", found);
	assert_true(found > POLICIES / 3);
}

/* Only rules that can stand in the way are blamed. */
static void
blamed_rules(void **state)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	uint64_t seed = 1234567890123ULL;
	struct cover_case k;
	size_t by[RULES + 2];
	unsigned found = 0;

	(void)state;
	while (found < 200) {
		struct policy *p = make_policy(&text, &seed);
		struct cover *c = p != NULL ? cover_new(p) : NULL;
		for (size_t i = 0; c != NULL && i < p->n_rules; i++) {
			if (cover_decides(c, &cover_all, i, &k) != COVER_NONE)
				continue;
			size_t n = cover_blockers(c, i, by, RULES + 2);
			found++;
			for (size_t b = 0; b < n; b++)
				assert_true(by[b] != i && (by[b] < i || !p->rules[by[b]].permit));
		}
		cover_free(c);
		model_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unreachable_or_not),
		cmocka_unit_test(blamed_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
