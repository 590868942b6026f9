/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"
#include "policy/request.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OBJECT   "\"object\":{\"pid\":\"10.5072/x\",\"dates\":{\"experiment_end\":\"2024-05-31\"}}"
#define OF       "\"action\":\"data.read\"," OBJECT

static const char text[] =
	"policy: house\n"
	"version: 3\n"
	"timezone: Europe/Paris\n"
	"valid_from: 2020-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y, extend_by: [pi], approve: [director],\n"
	"  max_extension: 1y, early_release: [team]}\n"
	"grant: {withdrawn: [director]}\n"
	"metadata: {public_at: {experiment_end: [title, team]}}\n"
	"groups: {team: [pi, delegate]}\n"
	"rules:\n"
	"  - {id: record, effect: permit, action: [meta.public], when: {}}\n"
	"  - {id: team-data, effect: permit, action: [data.read], when: {role: [team]}}\n"
	"  - {id: staff, effect: permit, action: [data.read], when: {state: [embargoed],\n"
	"     role: [local_contact], purpose: [support, curation], network: [facility],\n"
	"     not_role: [service, director], assurance: low, entitlement: [urn:b, urn:a],\n"
	"     protocol: [https]}}\n"
	"  - {id: later, effect: permit, action: [data.read], when: {state: [open]},\n"
	"     obligations: [cite, licence-notice]}\n"
	"tests:\n"
	"  - {name: x, now: 2027-05-31, dates: {experiment_end: 2024-05-31},\n"
	"     action: data.read, expect: permit}\n";

#define NEAR                                                                                       \
	"near    team-data (line 13) would permit it to pi, delegate\n"                            \
	"near    staff (line 14) would permit it to local_contact without the role director or "   \
	"service with assurance low or better with the entitlement urn:a or 1 others for support " \
	"or curation on the facility network over https\n"

#define BOUND                                                                                      \
	"bound   house: experiment_end 2024-05-31 (experiment_start is not recorded) fits, "       \
	"valid from 2020-01-01\n"
#define NOTHING "next    nothing changes by time alone\n"
#define THEN    "        then nothing changes by time alone\n"

static const struct {
	const char *name, *question, *want;
} rows[] = {
	{"refused", "{\"now\":\"2026-06-01\",\"subject\":{\"roles\":[\"registered\"]}," OF "}",
		"deny    10.5072/x  data.read  jane (registered)  2026-06-01T00:00:00+02:00\n"
		"state   embargoed until 2027-05-31 00:00 Europe/Paris (2027-05-30T22:00:00Z)\n"
		"        experiment_end 2024-05-31 + 3y (at most 1y longer), no events counted\n"
		"rule    default: no rule permits it      policy house version 3 sha256 SHA\n"
		"reason  embargoed      status 403\n"
		"ask     pi or delegate may open it now; pi may ask for longer, director "
		"approves\n" NEAR BOUND
		"next    2027-05-31 00:00 Europe/Paris: open, permit by later (line 18)\n" THEN},
	{"permitted, with a log",
		"{\"now\":\"2027-06-01\"," OF
		",\"events\":[{\"type\":\"extension\",\"id\":\"e\",\"at\":\"2027-01-10\",\"by\":"
		"\"pi\",\"period\":\"1y\"},{\"type\":\"extension\",\"at\":\"2027-01-11\",\"by\":"
		"\"delegate\",\"until\":\"2030-01-01\"},{\"type\":\"release\",\"at\":\"2027-02-"
		"01\","
		"\"by\":\"pi\",\"on\":\"2027-03-01\"},{\"type\":\"withdrawal\",\"at\":\"2027-07-"
		"01\","
		"\"by\":\"pi\"}]}",
		"permit  10.5072/x  data.read  jane  2027-06-01T00:00:00+02:00\n"
		"state   open since 2027-03-01 00:00 Europe/Paris (2027-02-28T23:00:00Z)\n"
		"        experiment_end 2024-05-31 + 3y (at most 1y longer), 1 event counted\n"
		"        extension of 2027-01-10 by pi, + 1y: not approved\n"
		"        extension of 2027-01-11 by delegate, until 2030-01-01: does not count: "
		"not "
		"for this role to record\n"
		"        release of 2027-02-01 by pi, to open on 2027-03-01: counts, since "
		"2027-02-01 "
		"00:00 "
		"Europe/Paris\n"
		"        withdrawal of 2027-07-01 by pi: recorded after this time\n"
		"rule    later (line 18)      policy house version 3 sha256 SHA\n"
		"status  200\n"
		"with    cite, licence-notice\n"
		"        cite: the answer says how to cite it\n"
		"        licence-notice: the answer links the licence, CC-BY-4.0\n" BOUND NOTHING},
	{"approved",
		"{\"now\":\"2027-06-01\"," OF
		",\"events\":[{\"type\":\"extension\",\"id\":\"e\",\"at\":\"2027-01-10\",\"by\":"
		"\"pi\",\"period\":\"1y\"},{\"type\":\"approval\",\"of\":\"e\",\"at\":\"2027-01-"
		"20\","
		"\"by\":\"director\"}]}",
		"deny    10.5072/x  data.read  jane  2027-06-01T00:00:00+02:00\n"
		"state   embargoed until 2028-05-31 00:00 Europe/Paris (2028-05-30T22:00:00Z)\n"
		"        experiment_end 2024-05-31 + 3y (at most 1y longer), 1 event counted\n"
		"        extension of 2027-01-10 by pi, + 1y: counts, since 2027-01-20 00:00 "
		"Europe/Paris\n"
		"        approval of 2027-01-20 by director, of e: noted\n"
		"rule    default: no rule permits it      policy house version 3 sha256 SHA\n"
		"reason  embargoed      status 401\n"
		"ask     pi or delegate may open it now; pi may ask for longer, director "
		"approves\n" NEAR BOUND
		"next    2028-05-31 00:00 Europe/Paris: open, permit by later (line 18)\n" THEN},
	{"record", "{\"now\":\"2024-06-01\",\"action\":\"meta.public\"," OBJECT "}",
		"permit  10.5072/x  meta.public  jane  2024-06-01T00:00:00+02:00\n"
		"state   embargoed until 2027-05-31 00:00 Europe/Paris (2027-05-30T22:00:00Z)\n"
		"        experiment_end 2024-05-31 + 3y (at most 1y longer), no events counted\n"
		"rule    record (line 12)      policy house version 3 sha256 SHA\n"
		"status  200\n"
		"fields  title, team\n" BOUND
		"next    2027-05-31 00:00 Europe/Paris: open, permit by record (line 12)\n" THEN},
	{"withdrawn, and a log entry that cannot be read",
		"{\"now\":\"2027-06-01\",\"subject\":{}," OF
		",\"events\":[{\"type\":\"withdrawal\",\"at\":\"2027-05-01T10:30:00Z\",\"by\":"
		"\"pi\"}"
		",{\"type\":\"what\"}]}",
		"deny    10.5072/x  data.read  jane  2027-06-01T00:00:00+02:00\n"
		"state   withdrawn\n"
		"        experiment_end 2024-05-31 + 3y (at most 1y longer), 1 event counted\n"
		"        withdrawal of 2027-05-01 by pi: counts, since 2027-05-01 12:30 "
		"Europe/Paris\n"
		"        entry 2 of its log: cannot be understood: it closes the dataset until the "
		"log "
		"is repaired\n"
		"rule    default: no rule permits it      policy house version 3 sha256 SHA\n"
		"reason  withdrawn      status 410\n"
		"ask     director may reinstate it\n"
		"near    team-data (line 13) would permit it to pi, delegate\n" BOUND NOTHING},
	{"proprietary",
		"{\"now\":\"2027-06-01\",\"subject\":{},\"action\":\"data.list\",\"object\":{"
		"\"route\":"
		"\"proprietary\",\"dates\":{\"experiment_end\":\"2024-05-31\"}}}",
		"deny    (no pid)  data.list  jane  2027-06-01T00:00:00+02:00\n"
		"state   proprietary\n"
		"        route proprietary: never opens by time, no events counted\n"
		"rule    default: no rule permits it      policy house version 3 sha256 SHA\n"
		"reason  proprietary      status 403\n"
		"ask     nobody: no role is named for it\n" BOUND NOTHING},
	{"no policy",
		"{\"now\":\"2027-06-01\",\"action\":\"data.read\",\"object\":{\"pid\":\"10.5072/"
		"x\"}}",
		"deny    10.5072/x  data.read  jane\n"
		"rule    no-policy      status 404\n"
		"ask     the administrator: it has no dates: give its root a `proposal`, and that "
		"one dates "
		"in proposals.yaml\n"
		"bound   house: no date is recorded, valid from 2020-01-01\n"},
	{"dates that no policy fits",
		"{\"now\":\"2027-06-01\",\"action\":\"data.read\",\"object\":{\"pid\":\"10.5072/"
		"x\",\"dates\":{\"experiment_start\":\"1990-05-31\"}}}",
		"deny    10.5072/x  data.read  jane\n"
		"rule    no-policy      status 404\n"
		"ask     the administrator: not exactly one loaded policy fits its dates\n"
		"bound   house: experiment_start 1990-05-31 does not fit, valid from 2020-01-01\n"},
	{"bound to a policy that is not loaded",
		"{\"now\":\"2027-06-01\",\"action\":\"data.read\",\"object\":{\"pid\":\"10.5072/"
		"x\",\"policy\":\"other\"}}",
		"deny    10.5072/x  data.read  jane\n"
		"rule    no-policy      status 404\n"
		"ask     the administrator: it is bound to the policy other, which is not loaded: "
		"list that file in `policy`, or bind it anew (`policy` in proposals.yaml, or "
		"`pan-agent index --rebind 10.5072/x`)\n"
		"bound   other: the question names it, but no such policy is loaded\n"
		"        house: no date is recorded, valid from 2020-01-01\n"},
};

static void
explanations(void **state)
{
	struct policy_source src = {"house.yaml", span_of(text)};
	AUTO_BUF report = BUF_INIT(65536);
	struct policy_set *s = policy_set_load(&src, 1, &report, NULL);
	char sha[9] = "";

	(void)state;
	check_span(buf_span(&report), "");
	assert_non_null(s);
	for (int i = 0; i < 4; i++)
		(void)snprintf(sha + (size_t)i * 2, 3, "%02x", policy_set_sha256(s, 0)[i]);
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO_BUF got = BUF_INIT(65536);
		AUTO_BUF want = BUF_INIT(65536);
		AUTO_ARENA a = {0};
		AUTO_JSON j = json_parse(span_of(rows[i].question), NULL, NULL);
		const char *at = strstr(rows[i].want, "SHA");
		struct request r;
		CHECK_ROW(rows[i].name);
		assert_true(arena_init(&a, 1 << 20));
		assert_true(request_parse(j, &a, &r));
		explain_write(s, &r.facts, &(struct explain_options){.who = SPAN("jane")}, &got);
		if (at == NULL)
			buf_adds(&want, rows[i].want);
		else
			buf_addf(&want, "%.*s%s%s", (int)(at - rows[i].want), rows[i].want, sha,
				at + 3);
		buf_addc(&want, '\0');
		check_span(buf_span(&got), want.p);
	}
	policy_set_free(s);
}

/* ---- parts of it, with two policies ---- */

static const char older[] =
	"policy: older\nversion: 1\ntimezone: Europe/Paris\nvalid_from: 2015-01-01\n"
	"valid_until: 2024-01-01\nlicence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y}\nrules:\n"
	"  - {id: all, effect: permit, action: data.read, when: {}}\n"
	"tests:\n  - {name: x, now: 2030-01-01, action: data.read, expect: permit}\n";

static const char strict[] =
	"policy: strict\nversion: 2\ntimezone: Europe/Paris\nvalid_from: 2024-01-01\n"
	"licence: CC-BY-4.0\nterms: {human: {version: 2, title: T, url: 'https://t'}}\n"
	"embargo: {anchor: experiment_end, period: 3y}\n"
	"metadata: {public_at: {experiment_start: [title], experiment_end: [team, dates]}}\n"
	"rates: {slow: {streams: 2, mbit: 100}, free: {}}\nrules:\n"
	"  - {id: export, effect: deny, action: data.read, when: {flag: export-control,\n"
	"     not_role: [director], network: [internet, eosc]}, reason: export}\n"
	"  - {id: gone, effect: deny, action: data.read, when: {state: withdrawn}, reason: gone}\n"
	"  - {id: human, effect: permit, action: data.read, when: {flag: personal-data,\n"
	"     not_flag: third-party-rights}, obligations: ['accept-terms:human@2',\n"
	"     'audit:full', 'rate:slow']}\n"
	"  - {id: team, effect: permit, action: data.read, when: {role: [pi, delegate],\n"
	"     purpose: [analysis, curation], assurance: medium, protocol: https, kind: raw,\n"
	"     route: [academic, icrd], reached: [experiment_end, release]},\n"
	"     obligations: ['rate:free', x-own]}\n"
	"  - {id: one, effect: permit, action: data.read, when: {pid: [a, b], issuer: "
	"'https://i',\n"
	"     entitlement: [urn:a, urn:b, urn:c]}}\n"
	"  - {id: open, effect: permit, action: data.read, when: {state: open}}\n"
	"  - {id: record, effect: permit, action: meta.public, when: {}}\n"
	"tests:\n  - {name: x, now: 2030-01-01, action: data.stage, expect: deny}\n";

#define START      "\"experiment_start\":\"2024-05-28\""
#define END        "\"experiment_end\":\"2024-05-31\""
#define NEWER(...) "\"object\":{\"pid\":\"x\",\"dates\":{" START "," END "}" __VA_ARGS__ "}}"
#define READ(now)  "{\"now\":\"" now "\",\"action\":\"data.read\","
#define SOME       "\"subject\":{\"iss\":\"https://i\",\"roles\":[\"registered\"]},"

static const struct part {
	const char *name, *question;
	struct explain_options o;
	const char *want[4]; /* each is there */
	const char *without; /* is not; NULL: not looked at */
} parts[] = {
	{"a deny, and whom it spares",
		READ("2025-01-01") SOME NEWER(",\"flags\":[\"export-control\"]"),
		{{NULL, 0}, EXPLAIN_NAMED, false},
		{"denies  export (line 11) denies it to anybody without the role director on the "
		 "internet or eosc network\n"},
		"\nover "},
	{"a deny that overrules", READ("2029-01-01") NEWER(",\"flags\":[\"export-control\"]"),
		{{NULL, 0}, EXPLAIN_NAMED, false},
		{"denies  export", "over    open (line 23) permits it, and is overruled\n"},
		"rules "},
	{"terms that were not accepted",
		READ("2025-01-01") SOME NEWER(",\"flags\":[\"personal-data\"]"),
		{{NULL, 0}, EXPLAIN_NAMED, false},
		{"rule    human (line 14)",
			"ask     the asker, who has not accepted human@2 (T) at https://t\n"},
		"denies "},
	{"terms that were",
		READ("2025-01-01") "\"subject\":{\"iss\":\"i\",\"accepted\":[\"human@2\"]}," NEWER(
			",\"flags\":[\"personal-data\"]"),
		{{NULL, 0}, EXPLAIN_NAMED, false},
		{"with    accept-terms:human@2, audit:full, rate:slow\n"
		 "        accept-terms:human@2: the asker has accepted these terms\n",
			"rate:slow: within 2 bodies at a time, 100 Mbit/s\n",
			"terms   accepted: human@2\n"},
		NULL},
	{"obligations of one's own, and a rate without limits",
		READ("2025-01-01") "\"context\":{\"purpose\":\"analysis\",\"supports\":[\"x-own\"]}"
				   ",\"subject\":{\"iss\":\"i\",\"roles\":[\"pi\"],\"assurance\":"
				   "\"high\"}," NEWER(),
		{{NULL, 0}, EXPLAIN_NAMED, false},
		{"rate:free: within no limit\n",
			"x-own: the component that asks carries this out\n"},
		NULL},
	{"every rule", READ("2024-05-01") SOME NEWER(), {{NULL, 0}, EXPLAIN_NAMED, true},
		{"rules   export (line 11, deny): no flag export-control\n"
		 "        gone (line 13, deny): state is embargoed, not withdrawn\n"
		 "        human (line 14, permit): no flag personal-data\n",
			"        team (line 17, permit): purpose is unspecified, not curation or "
			"analysis; the asker is not pi or delegate; not reached: experiment_end or "
			"release; assurance below medium\n",
			"        one (line 21, permit): no entitlement urn:a or 2 others; the pid "
			"is "
			"not a or 1 others\n",
			"        open (line 23, permit): state is embargoed, not open\n"
			"        default: no rule permits it, so it is denied\n"},
		"record"},
	{"every rule of a deny",
		READ("2029-01-01") "\"subject\":{\"iss\":\"i\",\"roles\":[\"director\"]},"
				   "\"context\":{\"network\":\"facility\"}," NEWER(
					   ",\"flags\":[\"export-control\",\"third-party-"
					   "rights\"]"),
		{{NULL, 0}, EXPLAIN_NAMED, true},
		{"export (line 11, deny): network is facility, not internet or eosc; the asker is "
		 "director\n",
			"human (line 14, permit): no flag personal-data; flag third-party-rights\n",
			"one (line 21, permit): no entitlement urn:a or 2 others; the issuer is "
			"not "
			"https://i; ",
			"open (line 23, permit): holds and decides\n        default: not asked\n"},
		NULL},
	{"bound by its date", READ("2025-01-01") NEWER(), {{NULL, 0}, EXPLAIN_NAMED, false},
		{"bound   strict: experiment_start 2024-05-28 fits, valid from 2024-01-01\n"
		 "        not older: experiment_start 2024-05-28 does not fit, valid from "
		 "2015-01-01 "
		 "until before 2024-01-01\n"},
		NULL},
	{"by what was stored", READ("2025-01-01") NEWER(",\"policy\":\"older\""),
		{{NULL, 0}, EXPLAIN_STORED, false},
		{"bound   older: stored when the dataset was first catalogued\n"
		 "        by its dates: experiment_start 2024-05-28 does not fit, valid from",
			"        not strict: experiment_start 2024-05-28 fits, valid from "
			"2024-01-01"},
		NULL},
	{"by proposals.yaml", READ("2025-01-01") NEWER(",\"policy\":\"strict\""),
		{{NULL, 0}, EXPLAIN_PROPOSALS, false},
		{"bound   strict: proposals.yaml says so\n        by its dates: "}, NULL},
	{"what comes", "{\"now\":\"2024-05-01\",\"action\":\"meta.public\"," NEWER(),
		{{NULL, 0}, EXPLAIN_NAMED, false},
		{"next    2024-05-28 00:00 Europe/Paris: embargoed, permit by record (line 24), 1 "
		 "instead of 0 fields\n",
			"        2024-05-31 00:00 Europe/Paris: embargoed, permit by record (line "
			"24), "
			"3 instead of 1 fields\n",
			"        2027-05-31 00:00 Europe/Paris: open, permit by record (line "
			"24)\n"},
		NULL},
	{"what makes no difference", READ("2024-05-01") NEWER(), {{NULL, 0}, EXPLAIN_NAMED, false},
		{"next    2024-05-28 00:00 Europe/Paris: no difference to this question\n"}, NULL},
};

static void
partly(void **state)
{
	const struct policy_source sources[] = {{"o", span_of(older)}, {"s", span_of(strict)}};
	AUTO_BUF report = BUF_INIT(65536);
	struct policy_set *s = policy_set_load(sources, 2, &report, NULL);

	(void)state;
	check_span(buf_span(&report), "");
	for (size_t i = 0; i < COUNT(parts); i++) {
		const struct part *t = &parts[i];
		AUTO_BUF got = BUF_INIT(65536);
		AUTO_ARENA a = {0};
		AUTO_JSON j = json_parse(span_of(t->question), NULL, NULL);
		struct request r;
		CHECK_ROW(t->name);
		assert_true(arena_init(&a, 1 << 20));
		if (!request_parse(j, &a, &r))
			fail_msg("%s", t->question);
		explain_write(s, &r.facts, &t->o, &got);
		buf_addc(&got, '\0');
		for (size_t k = 0; k < COUNT(t->want) && t->want[k] != NULL; k++)
			if (strstr(got.p, t->want[k]) == NULL)
				fail_msg("want %s\ngot  %s", t->want[k], got.p);
		if (t->without != NULL && strstr(got.p, t->without) != NULL)
			fail_msg("without %s\ngot  %s", t->without, got.p);
	}
	policy_set_free(s);
}

/* ---- the rule that is named is the one that decides ---- */

static uint32_t
chance(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33) % n;
}

/* "rule    NAME (line N)" or "rule    default: " is there once, and --all says the same. */
static void
check_named(const char *got, const struct decision *d)
{
	char line[256];

	if (d->line > 0)
		(void)snprintf(line, sizeof(line), "\nrule    %.*s (line %u) ", SPAN_ARG(d->rule),
			d->line);
	else
		(void)snprintf(line, sizeof(line), "\nrule    %.*s: ", SPAN_ARG(d->rule));
	assert_true(strncmp(got, d->permit ? "permit " : "deny ", d->permit ? 7 : 5) == 0);
	if (strstr(got, line) == NULL)
		fail_msg("want %s\ngot  %s", line, got);
	if (d->line > 0)
		(void)snprintf(line, sizeof(line), " %.*s (line %u, %s): holds and decides\n",
			SPAN_ARG(d->rule), d->line,
			d->permit || d->terms.p != NULL || span_is(d->reason, "unknown-obligation")
				? "permit"
				: "deny");
	else
		(void)snprintf(line, sizeof(line), " default: no rule permits it");
	if (strstr(got, line) == NULL)
		fail_msg("want %s\ngot  %s", line, got);
}

static void
names_the_rule(void **state)
{
	const struct policy_source sources[] = {{"o", span_of(older)}, {"s", span_of(strict)}};
	AUTO_BUF report = BUF_INIT(65536);
	struct policy_set *s = policy_set_load(sources, 2, &report, NULL);
	static const char *const years[] = {"2016", "2022", "2024", "2026"};
	static const char *const entitlements[] = {"urn:a", "urn:z"};
	static const struct explain_options o = {.who = SPAN_INIT("x"), .all = true};
	uint64_t seed = 4;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct subject subject = {.authenticated = true, .iss = SPAN("https://i")};
		const struct span entitlement = span_of(entitlements[chance(&seed, 2)]);
		const struct span accepted = SPAN("human@2");
		struct facts f = {.action = (enum action)chance(&seed, ACTION_COUNT),
			.network = (enum network)chance(&seed, NETWORK_COUNT),
			.purpose = (enum purpose)chance(&seed, PURPOSE_COUNT),
			.accepted = &accepted,
			.n_accepted = chance(&seed, 2),
			.now = {.given = true, .instant = 1700000000 + chance(&seed, 200000000)}};
		char date[16];
		AUTO_BUF got = BUF_INIT(65536);
		struct decision d;
		(void)snprintf(date, sizeof(date), "%s-03-0%u", years[chance(&seed, 4)],
			1 + chance(&seed, 9));
		assert_true(
			facts_parse_when(span_of(date), &f.object.dates[MILESTONE_EXPERIMENT_END]));
		f.object.flags = chance(&seed, 1U << FLAG_COUNT);
		f.object.kind = (enum kind)chance(&seed, KIND_COUNT);
		f.object.route = (enum route)chance(&seed, ROUTE_COUNT);
		f.object.pid = chance(&seed, 2) == 0 ? SPAN("a") : SPAN("z");
		subject.entitlements = &entitlement;
		subject.n_entitlements = 1;
		subject.assurance = (enum assurance)chance(&seed, 4);
		if (chance(&seed, 3) > 0) {
			f.subject = &subject;
			f.roles = chance(&seed, 1U << ROLE_COUNT) & ~3U;
		}
		policy_decide(s, &f, &d);
		explain_write(s, &f, &o, &got);
		buf_addc(&got, '\0');
		check_named(got.p, &d);
	}
	policy_set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explanations),
		cmocka_unit_test(partly),
		cmocka_unit_test(names_the_rule),
	};
	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
