/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lint.h"

#include "agent/base/json.h"
#include "agent/base/scope.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What most rows have in common. */
#define HEAD                                                                                       \
	"policy: house\nversion: 1\ntimezone: Europe/Paris\nvalid_from: 2020-01-01\n"              \
	"licence: CC-BY-4.0\n"
#define PLAIN  "embargo: {anchor: experiment_end, period: 3y, early_release: [pi]}\n"
#define RECORD "  - {id: record, effect: permit, action: meta.public, when: {}}\n"
#define OPEN   "  - {id: open, effect: permit, action: data.read, when: {state: open}}\n"
#define TEAM   "  - {id: team, effect: permit, action: data.read, when: {role: [pi, delegate]}}\n"
#define TEST                                                                                       \
	"tests:\n"                                                                                 \
	"  - {name: x, now: 2030-01-01, dates: {experiment_end: 2020-01-01}, action: data.read,\n" \
	"     expect: permit}\n"

/* `rules` stand between `record` and `open`; how often the code is found. */
static const struct row {
	const char *name, *code, *head, *rules;
	unsigned found;
	const char *text; /* of the message; NULL: not looked at */
} rows[] = {
	/* L1: shadowed by an earlier permit */
	{"a permit after a wider one", "L1", PLAIN,
		TEAM "  - {id: late, effect: permit, action: data.read, when: {role: pi}}\n", 1,
		"'team' (line 9) stands before it and permits all of it"},
	{"before it", "L1", PLAIN,
		"  - {id: late, effect: permit, action: data.read, when: {role: pi}}\n" TEAM, 0,
		NULL},
	{"of another role", "L1", PLAIN,
		TEAM "  - {id: late, effect: permit, action: data.read, when: {role: director}}\n",
		0, NULL},
	{"of another action too", "L1", PLAIN,
		TEAM "  - {id: late, effect: permit, action: [data.read, data.stage],\n"
		     "     when: {role: pi}}\n",
		0, NULL},
	{"after two that cover it together", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {network: [internet, "
		"eosc]}}\n"
		"  - {id: b, effect: permit, action: data.read, when: {network: facility}}\n" TEAM,
		2, "'a' (line 9) and 'b' (line 10) together"},
	{"after two that leave a network", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {network: internet,\n"
		"     state: embargoed}}\n"
		"  - {id: b, effect: permit, action: data.read, when: {network: facility}}\n" TEAM,
		0, NULL},
	{"one has the role, the other has it not", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {role: pi}}\n"
		"  - {id: b, effect: permit, action: data.read, when: {not_role: pi}}\n",
		1, "rule 'open' can never decide anything: 'a' (line 9) and 'b' (line 10)"},
	{"one has the role, the other has another", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {role: pi}}\n"
		"  - {id: b, effect: permit, action: data.read, when: {not_role: [pi, "
		"director]}}\n",
		0, NULL},
	/* L1: covered by denies */
	{"a permit that one deny forbids", "L1", PLAIN,
		"  - {id: gone, effect: permit, action: data.read, when: {state: withdrawn}}\n"
		"  - {id: no, effect: deny, action: [data.read, data.list], when:\n"
		"     {state: withdrawn}, reason: gone}\n",
		1, "it contradicts 'no' (line 10), which denies all that it permits"},
	{"but for the archivist", "L1", PLAIN,
		"  - {id: gone, effect: permit, action: data.read, when: {state: withdrawn}}\n"
		"  - {id: no, effect: deny, action: [data.read, data.list], when:\n"
		"     {state: withdrawn, not_role: archivist}, reason: gone}\n",
		0, NULL},
	{"a deny after a wider one", "L1", PLAIN,
		"  - {id: a, effect: deny, action: data.read, when: {flag: export-control}, "
		"reason: a}"
		"\n"
		"  - {id: b, effect: deny, action: data.read, when: {flag: export-control,\n"
		"     network: eosc}, reason: b}\n",
		1, "'a' (line 9) stands before it and denies all of it"},
	{"a deny after a permit", "L1", PLAIN,
		TEAM "  - {id: b, effect: deny, action: data.read, when: {flag: export-control},\n"
		     "     reason: b}\n",
		0, NULL},
	{"flags: both of them, one of them", "L1", PLAIN,
		"  - {id: a, effect: deny, action: data.read, when: {flag: [personal-data,\n"
		"     export-control]}, reason: a}\n"
		"  - {id: b, effect: deny, action: data.read, when: {flag: personal-data}, reason: "
		"b}"
		"\n",
		1, NULL},
	/* L1: conditions that nothing meets */
	{"a route that never has the state", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {route: proprietary,\n"
		"     state: open}}\n",
		1, "no dataset of its routes and flags is ever in its states"},
	{"a route that has it", "L1", PLAIN "routes: {proprietary: after_embargo}\n",
		"  - {id: a, effect: permit, action: data.read, when: {route: proprietary,\n"
		"     state: embargoed}}\n",
		0, NULL},
	{"an agreement that nobody may record", "L1", PLAIN "routes: {icrd: agreement}\n",
		"  - {id: a, effect: permit, action: data.read, when: {route: icrd, state: "
		"open}}\n",
		1, NULL},
	{"that somebody may", "L1",
		PLAIN "routes: {icrd: agreement}\ngrant: {agreement: user_office}\n",
		"  - {id: a, effect: permit, action: data.read, when: {route: icrd, state: "
		"open}}\n",
		0, NULL},
	{"a flag that closes", "L1", PLAIN "restrict: {flags: [personal-data]}\n",
		"  - {id: a, effect: deny, action: data.read, when: {flag: personal-data,\n"
		"     state: open}, reason: a}\n",
		1, NULL},
	{"the assurance of nobody", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {role: anonymous,\n"
		"     assurance: low}}\n",
		1, "no subject meets all that it asks of one"},
	{"open, counted from what has not come", "L1",
		"embargo: {anchor: experiment_end, period: 3y}\n",
		"  - {id: a, effect: deny, action: meta.full, when: {state: open, reached:\n"
		"     experiment_end}, reason: a}\n"
		"  - {id: b, effect: permit, action: meta.full, when: {state: open}}\n",
		1, "it contradicts 'a'"},
	{"opened early", "L1", PLAIN,
		"  - {id: a, effect: deny, action: meta.full, when: {state: open, reached:\n"
		"     experiment_end}, reason: a}\n"
		"  - {id: b, effect: permit, action: meta.full, when: {state: open}}\n",
		0, NULL},
	/* L1: text */
	{"the same dataset", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.list, when: {pid: [x, y, z]}}\n"
		"  - {id: b, effect: permit, action: data.list, when: {pid: [y, x]}}\n",
		1, NULL},
	{"another one", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.list, when: {pid: [x, y, z]}}\n"
		"  - {id: b, effect: permit, action: data.list, when: {pid: [y, w]}}\n",
		0, NULL},
	{"an entitlement of any issuer is not one of this", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.list, when: {entitlement: urn:x}}\n"
		"  - {id: b, effect: permit, action: data.list, when: {entitlement: urn:x,\n"
		"     issuer: https://i}}\n",
		0, NULL},
	{"an issuer", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.list, when: {issuer: [https://i,\n"
		"     https://j]}}\n"
		"  - {id: b, effect: permit, action: data.list, when: {entitlement: urn:x,\n"
		"     issuer: https://i}}\n",
		1, NULL},
	{"a lower assurance first", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.list, when: {assurance: low}}\n"
		"  - {id: b, effect: permit, action: data.list, when: {assurance: high}}\n",
		1, NULL},
	{"a higher one first", "L1", PLAIN,
		"  - {id: a, effect: permit, action: data.list, when: {assurance: high}}\n"
		"  - {id: b, effect: permit, action: data.list, when: {assurance: low}}\n",
		0, NULL},
	/* L2 */
	{"anybody writes", "L11", PLAIN,
		"  - {id: w, effect: permit, action: data.write, when: {}}\n", 1,
		"rule 'w' lets anybody, without a token, add data"},
	{"everybody with an account writes", "L11", PLAIN,
		"  - {id: w, effect: permit, action: data.write, when: {role: registered}}\n", 1,
		"rule 'w' lets everybody with an account or a token add data"},
	{"contributors write", "L11", PLAIN,
		"  - {id: w, effect: permit, action: data.write, when: {entitlement: urn:x}}\n"
		"  - {id: v, effect: permit, action: data.write, when: {role: service}}\n",
		0, NULL},
	{"a permit of other actions", "L11", PLAIN,
		"  - {id: w, effect: permit, action: data.list, when: {}}\n", 0, NULL},
	{"anybody reads under embargo", "L2", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {state: [embargoed,\n"
		"     restricted]}}\n",
		1,
		"lets anybody, without a token, read data in the state restricted and embargoed"},
	{"a registered one does", "L2", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {state: embargoed,\n"
		"     not_role: anonymous}}\n",
		1, "lets everybody with an account or a token read"},
	{"after the acceptance of terms", "L2", PLAIN "terms: {t: {version: 1, title: T}}\n",
		"  - {id: a, effect: permit, action: data.read, when: {state: embargoed},\n"
		"     obligations: ['accept-terms:t@1']}\n",
		1, "lets everybody with an account or a token read"},
	{"the team does", "L2", PLAIN, TEAM, 0, NULL},
	{"who has an entitlement does", "L2", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {entitlement: urn:x}}\n", 0,
		NULL},
	{"a deny forbids it", "L2", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {kind: log}}\n"
		"  - {id: b, effect: deny, action: data.read, when: {not_role: pi, state: "
		"[withdrawn,\n"
		"     proprietary, restricted, embargoed]}, reason: b}\n",
		0, NULL},
	/* L6 */
	{"a preview for anybody", "L6", PLAIN,
		"  - {id: a, effect: permit, action: data.read, when: {kind: preview,\n"
		"     state: embargoed}}\n",
		1, "(a reader without a token, state embargoed)"},
	{"raw alone is denied", "L6", PLAIN,
		"  - {id: a, effect: deny, action: data.read, when: {kind: raw, flag: "
		"personal-data,\n"
		"     not_role: pi}, reason: a}\n",
		1, "rule 'open' permits previews"},
	{"raw alone of one dataset is denied", "L6", PLAIN,
		"  - {id: a, effect: deny, action: data.read, when: {kind: raw, pid: "
		"'10.5072/x'},\n"
		"     reason: a}\n",
		1, "dataset 10.5072/x"},
	{"both are", "L6", PLAIN,
		"  - {id: a, effect: deny, action: data.read, when: {kind: [raw, preview],\n"
		"     flag: personal-data}, reason: a}\n",
		0, NULL},
	{"a preview for the team, which reads raw by another rule", "L6", PLAIN,
		TEAM "  - {id: a, effect: permit, action: data.read, when: {kind: preview,\n"
		     "     role: director}}\n"
		     "  - {id: b, effect: permit, action: data.read, when: {kind: raw,\n"
		     "     role: [director, archivist]}}\n",
		0, NULL},
	/* L7 */
	{"no test", "L7", PLAIN, TEAM, 2, "add one that expects rule: team"},
	{"a test", "L7", PLAIN, "", 1, "expects rule: record"},
	/* L8 */
	{"a group that nothing uses", "L8", PLAIN "groups: {team: [pi]}\n", "", 1,
		"nothing uses the group 'team'"},
	{"a group", "L8", PLAIN "groups: {team: [pi]}\ngrant: {withdrawn: team}\n", "", 0, NULL},
	{"terms and rates that nothing uses", "L8",
		PLAIN "terms: {t: {version: 2, title: T}}\nrates: {r: {streams: 1}}\n", "", 2,
		"add accept-terms:t@2 to the obligations"},
	{"terms and rates", "L8",
		PLAIN "terms: {t: {version: 2, title: T}}\nrates: {r: {streams: 1}}\n",
		"  - {id: a, effect: permit, action: data.list, when: {},\n"
		"     obligations: ['rate:r', 'accept-terms:t@2']}\n",
		0, NULL},
	/* L9 */
	{"approval of what nobody asks for", "L9",
		"embargo: {anchor: experiment_end, period: 3y, approve: director}\n", "", 1,
		"x:6:56: warning: L9: 'approve' without 'extend_by'"},
	{"a cap of what nobody asks for", "L9",
		"embargo: {anchor: experiment_end, period: 3y, max_extension: 1y}\n", "", 1, NULL},
	{"objections to what nobody may", "L9",
		"embargo: {anchor: experiment_end, period: 3y, objection_window: 14d,\n"
		"  early_approve: pi}\n",
		"", 2, NULL},
	{"all of it with those who ask", "L9",
		"embargo: {anchor: experiment_end, period: 3y, extend_by: pi, early_release: pi,\n"
		"  objection_window: 14d, early_approve: director, approve: director,\n"
		"  max_extension: 1y}\n",
		"", 0, NULL},
};

static struct policy_set *
load(const char *const *texts, size_t n)
{
	static const char *const names[] = {"x", "y", "z"};
	AUTO_BUF report = BUF_INIT(1U << 16);
	struct policy_source sources[3];

	for (size_t i = 0; i < n; i++)
		sources[i] = (struct policy_source){names[i], span_of(texts[i])};
	struct policy_set *s = policy_set_load(sources, n, &report, NULL);
	if (s == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	return s;
}

/* How many lines of the report have the code. */
static unsigned
count(const struct buf *report, const char *code)
{
	struct span rest = buf_span(report);
	unsigned n = 0;
	char want[32];

	(void)snprintf(want, sizeof(want), ": warning: %s: ", code);
	while (rest.n > 0) {
		struct span line = span_cut(&rest, '\n');
		n += memmem(line.p, line.n, want, strlen(want)) != NULL;
	}
	return n;
}

static void
check(const char *const *texts, size_t n, const char *code, unsigned found, const char *text)
{
	AUTO_BUF report = BUF_INIT(1U << 16);
	struct policy_set *s = load(texts, n);

	(void)policy_lint(s, &report);
	if (count(&report, code) != found ||
		(text != NULL && memmem(report.p, report.n, text, strlen(text)) == NULL))
		fail_msg("%u times %s \"%s\", got:\n%.*s", found, code, text != NULL ? text : "",
			SPAN_ARG(buf_span(&report)));
	policy_set_free(s);
}

static void
codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO_FREE char *text = NULL;
		CHECK_ROW(rows[i].name);
		assert_true(asprintf(&text, HEAD "%srules:\n" RECORD "%s" OPEN TEST, rows[i].head,
				    rows[i].rules) > 0);
		const char *texts[] = {text};
		check(texts, 1, rows[i].code, rows[i].found, rows[i].text);
	}
}

/* Those that speak of the policy as a whole: all rules. */
static const struct {
	const char *name, *code, *head, *rules, *tests;
	unsigned found;
} wholes[] = {
	{"open data for nobody", "L3", PLAIN,
		RECORD TEAM
		"  - {id: no, effect: deny, action: data.read, when: {state: open}, reason: no}\n",
		"expect: deny", 1},
	{"open data for the team alone", "L3", PLAIN, RECORD TEAM, "expect: deny", 0},
	{"nothing ever opens", "L3",
		PLAIN "routes: {academic: never, inhouse: never, icrd: never}\n", RECORD,
		"expect: deny", 0},
	{"open data after terms", "L3", PLAIN "terms: {t: {version: 1, title: T}}\n",
		RECORD "  - {id: a, effect: permit, action: data.read, when: {state: open},\n"
		       "     obligations: ['accept-terms:t@1']}\n",
		"expect: deny", 0},
	{"a DOI without a page", "L4", PLAIN "doi: {mint: at_experiment_end}\n",
		"  - {id: a, effect: permit, action: meta.public, when: {state: open}}\n",
		"expect: deny", 1},
	{"a page for those with a token", "L4", PLAIN "doi: {mint: on_request}\n",
		"  - {id: a, effect: permit, action: meta.public, when: {not_role: anonymous}}\n",
		"expect: deny", 1},
	{"a page", "L4", PLAIN "doi: {mint: at_experiment_end}\n",
		"  - {id: a, effect: permit, action: meta.public, when: {reached: "
		"experiment_end}}\n",
		"expect: deny", 0},
	{"a DOI at the release", "L4", PLAIN "doi: {mint: at_release}\n", TEAM, "expect: deny", 0},
	{"no tombstone", "L5", PLAIN,
		"  - {id: a, effect: permit, action: meta.public, when: {state: open}}\n",
		"expect: deny", 1},
	{"a tombstone", "L5", PLAIN,
		"  - {id: a, effect: permit, action: meta.public, when: {state: withdrawn},\n"
		"     obligations: tombstone}\n",
		"expect: deny", 0},
	{"a tombstone that is denied", "L5", PLAIN,
		"  - {id: a, effect: permit, action: meta.public, when: {state: withdrawn},\n"
		"     obligations: tombstone}\n"
		"  - {id: b, effect: deny, action: meta.public, when: {state: withdrawn,\n"
		"     not_role: archivist}, reason: b}\n",
		"expect: deny", 1},
};

static void
whole_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wholes); i++) {
		AUTO_FREE char *text = NULL;
		CHECK_ROW(wholes[i].name);
		assert_true(
			asprintf(&text,
				HEAD "%srules:\n%stests:\n  - {name: x, now: 2030-01-01, action: "
				     "data.read, %s}\n",
				wholes[i].head, wholes[i].rules, wholes[i].tests) > 0);
		const char *texts[] = {text};
		check(texts, 1, wholes[i].code, wholes[i].found, NULL);
	}
}

#define FILE_OF(id, dates)                                                                         \
	"policy: " id "\nversion: 1\ntimezone: Europe/Paris\nlicence: CC-BY-4.0\n" PLAIN dates     \
	"rules:\n" RECORD OPEN TEST

static const struct {
	const char *name;
	const char *texts[3];
	unsigned found;
	const char *text;
} sets[] = {
	{"one after the other",
		{FILE_OF("b", "valid_from: 2024-01-01\n"),
			FILE_OF("a", "valid_from: 2015-01-01\nvalid_until: 2024-01-01\n")},
		0, NULL},
	{"a gap",
		{FILE_OF("b", "valid_from: 2024-03-01\n"),
			FILE_OF("a", "valid_from: 2015-01-01\nvalid_until: 2024-01-01\n")},
		1,
		"y:6:13: warning: L10: a gap: no policy applies to data of 2024-01-01 to "
		"2024-02-29"},
	{"a third one fills it",
		{FILE_OF("b", "valid_from: 2024-03-01\n"),
			FILE_OF("a", "valid_from: 2015-01-01\nvalid_until: 2024-01-01\n"),
			FILE_OF("c", "valid_from: 2024-01-01\nvalid_until: 2024-03-01\n")},
		0, NULL},
	{"two milestones",
		{FILE_OF("a", "valid_from: 2015-01-01\n"),
			FILE_OF("b", "valid_from: 2020-01-01\nbind_on: data_collected\n")},
		1, "an overlap: from 2020-01-01 on both 'b' (by data_collected) and 'a' (x, by"},
	{"one after the other by two milestones",
		{FILE_OF("a", "valid_from: 2015-01-01\nvalid_until: 2020-01-01\n"),
			FILE_OF("b", "valid_from: 2020-01-01\nbind_on: data_collected\n")},
		0, NULL},
};

static void
between_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sets); i++) {
		size_t n = 1;
		CHECK_ROW(sets[i].name);
		while (n < COUNT(sets[i].texts) && sets[i].texts[n] != NULL)
			n++;
		check(sets[i].texts, n, "L10", sets[i].found, sets[i].text);
	}
}

static void
as_json(void **state)
{
	static const char text[] = HEAD PLAIN "groups: {team: [pi]}\nrules:\n" RECORD OPEN TEST;
	const char *texts[] = {text};
	AUTO_BUF out = BUF_INIT(1U << 16);
	struct policy_set *s = load(texts, 1);
	struct span got;
	int64_t line = 0;

	(void)state;
	assert_int_equal(policy_lint_json(s, &out), 2);
	AUTO_JSON j = json_parse(buf_span(&out), NULL, NULL);
	const struct json *list = json_get(j, "findings");
	assert_int_equal(json_count(list), 2);
	assert_int_equal(json_count(json_get(j, "notes")), 0);
	assert_true(json_get_str(json_at(list, 0), "code", &got));
	check_span(got, "L8");
	assert_int_equal(json_kind(json_get(json_at(list, 0), "rule")), JSON_KIND_NULL);
	assert_true(json_get_str(json_at(list, 1), "rule", &got));
	check_span(got, "record");
	assert_true(json_get_i64(json_at(list, 1), "line", &line));
	assert_int_equal(line, 9);
	policy_set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes),
		cmocka_unit_test(whole_policies),
		cmocka_unit_test(between_policies),
		cmocka_unit_test(as_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
