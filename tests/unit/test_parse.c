/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/parse.h"
#include "policy/policy.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char base[] =
	"policy: house\n"                                                              /* 1 */
	"version: 7\n"                                                                 /* 2 */
	"timezone: Europe/Paris\n"                                                     /* 3 */
	"valid_from: 2020-01-01\n"                                                     /* 4 */
	"valid_until: 2028-01-01\n"                                                    /* 5 */
	"licence: CC-BY-4.0\n"                                                         /* 6 */
	"embargo:\n"                                                                   /* 7 */
	"  anchor: experiment_end\n"                                                   /* 8 */
	"  period: 3y\n"                                                               /* 9 */
	"  extend_by: [pi]\n"                                                          /* 10 */
	"  objection_window: 14d\n"                                                    /* 11 */
	"routes: {icrd: agreement}\n"                                                  /* 12 */
	"restrict: {flags: [export-control]}\n"                                        /* 13 */
	"metadata: {public_at: {experiment_end: [title]}}\n"                           /* 14 */
	"terms: {organ: {version: 2, title: Organ scans}}\n"                           /* 15 */
	"rates: {slow: {streams: 1}}\n"                                                /* 16 */
	"streams: {on_deny: cut, max_age: 1d}\n"                                       /* 17 */
	"cache: {max_age: 30min}\n"                                                    /* 18 */
	"audit: {retention: 1y}\n"                                                     /* 19 */
	"retention: {raw: 10y}\n"                                                      /* 20 */
	"doi: {mint: never}\n"                                                         /* 21 */
	"groups: {team: [pi, coproposer]}\n"                                           /* 22 */
	"rules:\n"                                                                     /* 23 */
	"  - id: open\n"                                                               /* 24 */
	"    effect: permit\n"                                                         /* 25 */
	"    action: [data.read]\n"                                                    /* 26 */
	"    when: {state: [open], not_role: [service]}\n"                             /* 27 */
	"    obligations: [cite]\n"                                                    /* 28 */
	"  - id: closed\n"                                                             /* 29 */
	"    effect: deny\n"                                                           /* 30 */
	"    action: [data.list]\n"                                                    /* 31 */
	"    when: {pid: [a, b]}\n"                                                    /* 32 */
	"    reason: why\n"                                                            /* 33 */
	"    status: 451\n"                                                            /* 34 */
	"tests:\n"                                                                     /* 35 */
	"  - {name: one, now: 2027-06-01, dates: {experiment_end: 2024-05-31},\n"      /* 36 */
	"     action: data.read, expect: permit, rule: open}\n"                        /* 37 */
	"  - name: two\n"                                                              /* 38 */
	"    now: 2027-06-01\n"                                                        /* 39 */
	"    events: [{type: extension, id: e, at: 2026-01-01, by: pi, period: 1y}]\n" /* 40 */
	"    action: data.read\n"                                                      /* 41 */
	"    expect: deny\n";                                                          /* 42 */

/* One change of the base; the first error's place and words.  want NULL: no error. */
static const struct {
	const char *find, *replace, *want;
} rows[] = {
	{"house", "house", NULL},
	/* words that may stand so */
	{"extend_by: [pi]", "extend_by: pi", NULL},
	{"extend_by: [pi]", "extend_by: []", NULL},
	{"extend_by: [pi]", "extend_by: [team, director]", NULL},
	{"extend_by: [pi]", "max_extension: none", NULL},
	{"action: [data.read]", "action: data.read", NULL},
	{"obligations: [cite]", "obligations: []", NULL},
	{"obligations: [cite]", "obligations: ['accept-terms:organ@2', 'rate:slow', x-mark]",
		"36:5: error: test failed: 'one': effect: expected permit, got deny (rule open"},
	{"rates: {slow: {streams: 1}}", "rates: {slow: {}}", NULL},
	{"valid_until: 2028-01-01\n", "", NULL},
	{"reason: why", "reason: why\n    note: 'free text: here'", NULL},
	{"now: 2027-06-01\n", "now: \"2027-06-01T00:00:00+02:00\"\n    role: []\n    flag: []\n",
		NULL},
	{"licence: CC-BY-4.0", "licence: LicenseRef-House", NULL},
	{"open], not_role", "open], reached: [release], not_role", NULL},
	/* keys */
	{"version", "versoin", "1:1: error: missing key 'version' in the policy"},
	{"cache:", "cahce:",
		"18:1: error: unknown key 'cahce' in the policy, did you mean 'cache'?"},
	{"not_role", "notrole",
		"27:27: error: unknown key 'notrole' in when, did you mean 'not_role'?"},
	{"icrd:", "industry:", "12:10: error: unknown key 'industry' in routes"},
	{"doi: {mint: never}", "reviewer_links: {by: [nobody]}",
		"21:23: error: unknown role 'nobody'"},
	{"experiment_end: [title]", "experiment: [title]",
		"14:24: error: unknown key 'experiment'"},
	{"raw:", "images:", "20:13: error: unknown key 'images' in retention"},
	{"  anchor: experiment_end\n", "", "8:3: error: missing key 'anchor' in embargo"},
	{"{flags: [export-control]}", "{}", "13:11: error: missing key 'flags' in restrict"},
	{"title: Organ scans", "url: x", "15:16: error: missing key 'title' in terms"},
	{"    when: {pid: [a, b]}\n", "", "29:5: error: missing key 'when' in a rule"},
	{"    reason: why\n", "", "29:5: error: missing key 'reason' in a deny rule"},
	{"name: one, ", "", "36:5: error: missing key 'name' in a test"},
	{"obligations: [cite]", "reason: no",
		"28:5: error: 'reason' is not allowed in a permit rule"},
	{"obligations: [cite]", "status: 403",
		"28:5: error: 'status' is not allowed in a permit rule"},
	{"reason: why", "reason: why\n    obligations: [cite]",
		"34:5: error: 'obligations' is not allowed in a deny rule"},
	/* shapes */
	{"routes: {icrd: agreement}", "routes: [icrd]", "12:9: error: must be a mapping: 'routes'"},
	{"version: 7", "version: [7]", "2:10: error: must be a scalar: 'version'"},
	{"action: [data.read]", "action: {data.read: x}", "26:13: error: must be a list: 'action'"},
	{"action: [data.read]", "action: []", "26:13: error: empty list of 'action'"},
	{"pid: [a, b]", "pid: []", "32:17: error: empty list of 'pid'"},
	{"pid: [a, b]", "pid: [a, a]", "32:21: error: duplicate value 'a', first on line 32"},
	{"pid: [a, b]", "assurance: [low]", "32:23: error: must be a scalar: 'assurance'"},
	{"pid: [a, b]", "state: [open, open]", "32:26: error: duplicate value 'open'"},
	{"pid: [a, b]", "role: [team, team]", "32:25: error: duplicate value 'team'"},
	{"pid: [a, b]", "role: [pi, team, pi]", "32:29: error: duplicate value 'pi'"},
	{"pid: [a, b]", "role: [pi, team]", NULL},
	{"pid: [a, b]", "pid: [a, {b: c}]", "32:21: error: must be a scalar"},
	/* words */
	{"policy: house", "policy: House", "1:9: error: bad identifier 'House'"},
	{"version: 7", "version: 07", "2:10: error: bad number '07'"},
	{"Europe/Paris", "Europe/Pariss", "3:11: error: bad time zone 'Europe/Pariss'"},
	{"Europe/Paris", "Europe", "3:11: error: bad time zone 'Europe'"},
	{"Europe/Paris", "../Paris", "3:11: error: bad time zone '../Paris'"},
	{"Europe/Paris", "right/UTC", "3:11: error: bad time zone 'right/UTC'"},
	{"from: 2020-01-01", "from: 2020-02-30", "4:13: error: bad date '2020-02-30'"},
	{"until: 2028-01-01", "until: 2020-01-01", "5:14: error: bad interval"},
	{"until: 2028-01-01", "until: 2020-01-02",
		NULL}, /* the file's tests are its own in any case */
	{"CC-BY-4.0", "CC-BY", "6:10: error: unknown licence 'CC-BY'"},
	{"period: 3y", "period: 3 years", "9:11: error: bad period '3 years'"},
	{"[pi]", "[PI]", "10:15: error: unknown role 'PI', did you mean 'pi'?"},
	{"[pi]", "[teem]", "10:15: error: unknown role 'teem', did you mean 'team'?"},
	{"14d", "2m", "11:21: error: bad period '2m': an objection window is given in days"},
	{"icrd: agreement", "icrd: later", "12:16: error: unknown value 'later'"},
	{"[title]", "[titel]", "14:41: error: unknown value 'titel', did you mean 'title'?"},
	{"{organ: {version: 2", "{Organ: {version: 2",
		"15:9: error: bad identifier 'Organ' of terms"},
	{"on_deny: cut", "on_deny: stop", "17:20: error: unknown value 'stop': one of cut finish"},
	{"30min", "30m", "18:18: error: bad duration '30m'"},
	{"{team: [pi", "{pi: [pi", "22:10: error: 'pi' is the name of a role"},
	{"{team: [pi", "{Team: [pi", "22:10: error: bad identifier 'Team' of a group"},
	{"coproposer]", "team]", "22:21: error: unknown role 'team'"},
	{"coproposer]", "pi]", "22:21: error: duplicate value 'pi'"},
	{"id: open", "id: default", "24:9: error: reserved"},
	{"id: closed", "id: open", "29:9: error: duplicate id 'open', first on line 24"},
	{"effect: permit", "effect: allow",
		"25:13: error: unknown value 'allow': one of permit deny"},
	{"[data.read]", "[data.*]", "26:14: error: unknown value 'data.*'"},
	{"not_role: [service]", "role: [pi], not_role: [team]", "27:39: error: contradiction"},
	{"not_role: [service]", "role: [pi, director], not_role: [team]",
		"36:5: error: test failed: 'one': effect: expected permit, got deny; rule: "
		"expected open, got default (rule default, line 0"},
	{"not_role: [service]", "flag: [personal-data], not_flag: [personal-data]",
		"27:50: error: contradiction"},
	{"not_role: [service]", "reached: [always]", "27:37: error: unknown value 'always'"},
	{"[cite]", "[quote]", "28:19: error: unknown obligation 'quote'"},
	{"[cite]", "['audit:ful']",
		"28:19: error: unknown obligation 'audit:ful', did you mean 'audit:full'?"},
	{"[cite]", "[x-]", "28:19: error: unknown obligation 'x-'"},
	{"[cite]", "['accept-terms:organ']", "28:19: error: unknown terms 'organ'"},
	{"[cite]", "['accept-terms:organ@3']", "28:19: error: unknown terms 'organ@3'"},
	{"[cite]", "['accept-terms:organ@02']", "28:19: error: unknown terms 'organ@02'"},
	{"[cite]", "['rate:fast']", "28:19: error: unknown rate 'fast'"},
	{"status: 451", "status: 402", "34:13: error: unknown value '402'"},
	/* tests */
	{"rule: open}", "rule: opne}", "37:47: error: unknown rule 'opne'"},
	{"rule: open}", "rule: closed}",
		"36:5: error: test failed: 'one': rule: expected closed, got open "
		"(rule open, line 24, state open, release 2027-05-31)"},
	{"rule: open}", "max_age: 0}", NULL}, /* not_role depends on the asker */
	{"rule: open}", "max_age: 1800}",
		"36:5: error: test failed: 'one': max_age: expected 1800, got 0"},
	{"rule: open}", "release: none}",
		"36:5: error: test failed: 'one': release: expected none, got 2027-05-31"},
	{"rule: open}", "release: 2027-05-31, state: open, status: 200, obligations: [cite]}",
		NULL},
	{"rule: open}", "fields: []}",
		"36:5: error: test failed: 'one': fields: expected [], got none"},
	{"rule: open}", "reason: why}",
		"36:5: error: test failed: 'one': reason: expected why, got none"},
	{"rule: open}", "obligations: []}",
		"36:5: error: test failed: 'one': obligations: expected [], got [cite]"},
	{"now: 2027-06-01, ", "now: tomorrow, ", "36:22: error: bad time 'tomorrow'"},
	{"now: 2027-06-01, ", "now: 2027-06-31, ",
		"36:22: error: bad time '2027-06-31' (bad date)"},
	{"name: two", "name: one", "38:11: error: duplicate name 'one'"},
	{"now: 2027-06-01\n", "now: 2027-06-01\n    role: [team]\n",
		"40:12: error: unknown role 'team'"},
	{"now: 2027-06-01\n", "now: 2027-06-01\n    role: [anonymous]\n",
		"40:12: error: 'anonymous' is not allowed here"},
	{"now: 2027-06-01\n", "now: 2027-06-01\n    supports: []\n", "40:15: error: empty list"},
	{"type: extension", "type: extention",
		"40:21: error: unknown value 'extention', did you mean"},
	{"period: 1y}]", "on: 2027-01-01}]", "40:14: error: missing key 'period' or 'until'"},
	{"period: 1y}]", "period: 1y, on: 2027-01-01}]",
		"40:75: error: 'on' is not allowed in an event"},
	{"period: 1y}]", "period: 1y, until: 2027-01-01}]",
		"40:75: error: 'until' is not allowed here"},
	{"at: 2026-01-01, ", "", "40:14: error: missing key 'at' in an event"},
	{"by: pi, ", "by: team, ", "40:59: error: unknown role 'team': a group cannot"},
	{"type: extension, id: e", "type: approval", "40:14: error: missing key 'of' in an event"},
};

static void
change(const char *find, const char *replace, struct buf *out)
{
	const char *at = strstr(base, find);

	assert_non_null(at);
	buf_add(out, (struct span){base, (size_t)(at - base)});
	buf_adds(out, replace);
	buf_adds(out, at + strlen(find));
}

static void
grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO_BUF file = BUF_INIT(65536);
		AUTO_BUF report = BUF_INIT(65536);
		char want[256] = "";
		CHECK_ROW(rows[i].replace);
		change(rows[i].find, rows[i].replace, &file);
		struct policy_source src = {"f", buf_span(&file)};
		struct policy_set *s = policy_set_load(&src, 1, &report, NULL);
		policy_set_free(s);
		assert_int_equal(s == NULL, rows[i].want != NULL);
		if (rows[i].want == NULL) {
			check_span(buf_span(&report), "");
			continue;
		}
		(void)snprintf(want, sizeof(want), "f:%s", rows[i].want);
		check_span(span_first(buf_span(&report), strlen(want)), want);
	}
}

/* All faults of a file, in file order, at most twenty lines; the number is of all. */
static void
many(void **state)
{
	AUTO_BUF report = BUF_INIT(65536);
	AUTO_BUF file = BUF_INIT(65536);
	struct err e = {0};
	size_t lines = 0;

	(void)state;
	change("reason: why", "reason: why\n    zz: 1", &file);
	for (int i = 0; i < 30; i++)
		buf_addf(&file, "unknown%d: x\n", i);
	assert_null(parse_policy("f", buf_span(&file), &report, &e));
	check_span(span_of(e.msg), "f: 31 errors");
	check_span(span_first(buf_span(&report), 12), "f:34:5: erro");
	for (size_t i = 0; i < report.n; i++)
		lines += report.p[i] == '\n';
	assert_int_equal(lines, 20);
}

/* The sections that no rule reads: what stands there, and what holds where nothing does. */
static void
kept(void **state)
{
	AUTO_BUF report = BUF_INIT(65536);
	AUTO_BUF file = BUF_INIT(65536);

	(void)state;
	change("doi: {mint: never}",
		"doi: {mint: at_release}\nreviewer_links: {by: [team], max_age: 14d}", &file);
	struct policy *p = parse_policy("f", buf_span(&file), &report, NULL);
	assert_non_null(p);
	assert_int_equal(p->n_rates, 1);
	check_span(p->rates[0].id, "slow");
	assert_int_equal(p->rates[0].streams, 1);
	assert_int_equal(p->rates[0].mbit, 0);
	assert_false(p->finish);
	assert_int_equal(p->stream_max_age, 86400);
	assert_int_equal(p->audit_retention.months, 12);
	assert_int_equal(p->audit_pseudonymise_after.days, 90);
	assert_int_equal(p->has_retention, 1U << KIND_RAW);
	assert_int_equal(p->retention[KIND_RAW].months, 120);
	assert_int_equal(p->mint, MINT_AT_RELEASE);
	assert_int_equal(p->links_by.set, 1U << ROLE_PI | 1U << ROLE_COPROPOSER);
	assert_int_equal(p->links_max_age.days, 14);
	model_free(p);
	buf_reset(&file);
	change("streams: {on_deny: cut, max_age: 1d}", "streams: {on_deny: finish, max_age: 2h}",
		&file);
	p = parse_policy("f", buf_span(&file), &report, NULL);
	assert_non_null(p);
	assert_true(p->finish);
	assert_int_equal(p->stream_max_age, 7200);
	assert_int_equal(p->links_by.set, 1U << ROLE_PI);
	assert_int_equal(p->links_max_age.days, 90);
	model_free(p);
}

/* Every prefix of a good file is refused with one clear line, or is good. */
static void
cut(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(base) - 1; n++) {
		AUTO_BUF report = BUF_INIT(65536);
		struct policy *p = parse_policy("f", (struct span){base, n}, &report, NULL);
		assert_int_equal(p == NULL, report.n > 0);
		model_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grammar),
		cmocka_unit_test(many),
		cmocka_unit_test(kept),
		cmocka_unit_test(cut),
	};
	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
