/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person reads of a decision, tested with the decision: every state, reason and detail, what
 * permits bring along, and whom to ask.  A row is a question in JSON, without its braces.
 */
#include "policy/policy.h"
#include "policy/request.h"
#include "tests/unit/check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char house[] =
	"policy: house\n"
	"version: 7\n"
	"timezone: Europe/Paris\n"
	"contact: data@house.example\n"
	"valid_from: 2020-01-01\n"
	"valid_until: 2028-01-01\n"
	"licence: CC-BY-4.0\n"
	"embargo: {anchor: experiment_end, period: 3y, early_release: [pi, coproposer, delegate]}\n"
	"routes: {icrd: agreement}\n"
	"restrict: {flags: [export-control]}\n"
	"grant: {proprietary: [pi], agreement: [user_office], restricted: [director],\n"
	"  withdrawn: [director, archivist]}\n"
	"metadata: {public_at: {experiment_end: [title, team], release: [files]}}\n"
	"terms:\n"
	"  organ: {version: 2, title: Organ scans, url: 'https://house.example/organ'}\n"
	"  plain: {version: 1, title: Plain terms}\n"
	"rates: {slow: {streams: 1}}\n"
	"rules:\n"
	"  - {id: gone, effect: permit, action: [meta.public], when: {state: [withdrawn]},\n"
	"     obligations: [tombstone]}\n"
	"  - {id: record, effect: permit, action: [meta.public], when: {reached: "
	"[experiment_end]}}\n"
	"  - {id: law, effect: deny, action: [data.read], when: {network: [eosc]},\n"
	"     reason: contract, status: 451}\n"
	"  - {id: still, effect: deny, action: [meta.full], when: {state: [embargoed]},\n"
	"     reason: embargoed}\n"
	"  - {id: team, effect: permit, action: [data.read, data.list], when: {role: [pi]},\n"
	"     obligations: ['audit:basic']}\n"
	"  - {id: staff, effect: permit, action: [data.read, data.stage],\n"
	"     when: {role: [local_contact]}, obligations: ['audit:full', confidential]}\n"
	"  - {id: organs, effect: permit, action: [data.read], when: {state: [open],\n"
	"     flag: [personal-data]}, obligations: ['accept-terms:organ@2', no-cache]}\n"
	"  - {id: logs, effect: permit, action: [data.read], when: {state: [open], kind: [log]},\n"
	"     obligations: ['accept-terms:plain@1']}\n"
	"  - {id: marked, effect: permit, action: [data.read], when: {state: [open],\n"
	"     instrument: [id02]}, obligations: [x-watermark]}\n"
	"  - {id: open, effect: permit, action: [data.read, data.list], when: {state: [open]},\n"
	"     obligations: [cite, licence-notice, 'rate:slow']}\n"
	"  - {id: plans, effect: permit, action: [policy.simulate], when: {role: [director]}}\n"
	"tests:\n"
	"  - {name: open, now: 2027-06-01, dates: {experiment_end: 2024-05-31},\n"
	"     action: data.read, expect: permit}\n";

/* No contact, nobody who may grant anything, and a record that is always there. */
static const char bare[] =
	"policy: bare\n"
	"version: 1\n"
	"timezone: UTC\n"
	"valid_from: 2030-01-01\n"
	"licence: LicenseRef-own\n"
	"embargo: {anchor: experiment_end, period: 3y}\n"
	"rules:\n"
	"  - {id: record, effect: permit, action: [meta.public], when: {}}\n"
	"tests:\n"
	"  - {name: record, now: 2031-01-01, action: meta.public, expect: permit}\n";

#define DATES    "\"dates\":{\"experiment_end\":\"2024-05-31\"}"
#define OBJECT   "\"object\":{" DATES "}"
#define BARE     "\"object\":{\"policy\":\"bare\",\"dates\":{\"experiment_end\":\"2031-05-31\"}}"
#define READ     "\"action\":\"data.read\","
#define LIST     "\"action\":\"data.list\","
#define RECORD   "\"action\":\"meta.public\","
#define FULL     "\"action\":\"meta.full\","
#define STAGE    "\"action\":\"data.stage\","
#define WRITE    "\"action\":\"data.write\","
#define PROPOSAL "\"action\":\"proposal.read\","
#define SIMULATE "\"action\":\"policy.simulate\","
#define EARLY    "\"now\":\"2026-01-01T00:00:00Z\","
#define LATE     "\"now\":\"2027-06-01T00:00:00Z\","
#define STRANGER "\"subject\":{\"roles\":[\"registered\"]},"
#define PI       "\"subject\":{\"roles\":[\"registered\",\"pi\"]},"
#define STAFF    "\"subject\":{\"roles\":[\"local_contact\"]},"
#define EVENT(e) "\"events\":[{\"at\":\"2026-01-01\",\"by\":\"pi\",\"type\":\"" e "\"}],"
#define AWAY                                                                                       \
	"There is no such dataset or file here, or it is not public; if you are on its team, "     \
	"send a token of yours."
#define AWAY_KNOWN                                                                                 \
	"There is no such dataset or file here, or it is not for you; if you are on its team, "    \
	"ask its principal investigator whether the user office knows."
#define FAULT                                                                                      \
	"The agent could not put the question to its policy (rule input); that is a fault of the " \
	"agent, so tell its administrator."
#define EMBARGO "This dataset is under embargo until 2027-05-31 (Europe/Paris)"
#define TEAM                                                                                       \
	"ask the principal investigator, coproposer or delegate, who may have it opened earlier."
#define ORGANS "\"object\":{\"flags\":[\"personal-data\"]," DATES "}"

static const struct {
	const char *name, *question;
	bool permit;
	const char *rule;
	int status;
	const char *sentence;
} rows[] = {
	/* embargoed */
	{"embargo, anonymous", READ EARLY OBJECT, false, "default", 401,
		EMBARGO ", so you may not read its data (rule default of policy house); sign in to "
			"be recognised, or " TEAM},
	{"embargo, somebody", READ EARLY STRANGER OBJECT, false, "default", 403,
		EMBARGO ", so you may not read its data (rule default of policy house); " TEAM},
	{"embargo, its files", LIST EARLY STRANGER OBJECT, false, "default", 403,
		EMBARGO ", so you may not list its files (rule default of policy house); " TEAM},
	{"embargo, elsewhere", STAGE EARLY STRANGER OBJECT, false, "default", 403,
		EMBARGO ", so you may not have its data sent elsewhere (rule default of policy "
			"house); " TEAM},
	{"embargo, writing: no state closes it and nobody opens it", WRITE EARLY STRANGER OBJECT,
		false, "default", 403,
		EMBARGO ", but no rule lets you add data to it (rule default of policy house); "
			"questions to data@house.example."},
	{"embargo, the proposal", PROPOSAL EARLY STRANGER OBJECT, false, "default", 403,
		EMBARGO ", so you may not read its proposal (rule default of policy house); " TEAM},
	{"embargo, by a rule that says so", FULL EARLY STRANGER OBJECT, false, "still", 403,
		EMBARGO
		", so you may not see all of its metadata (rule still of policy house); " TEAM},
	{"embargo, a rule with a reason of its own",
		READ EARLY STRANGER "\"context\":{\"network\":\"eosc\"}," OBJECT, false, "law", 451,
		EMBARGO ", and you may not read its data for the reason \"contract\" (rule law of "
			"policy house); " TEAM},
	{"embargo, the team", READ EARLY PI OBJECT, true, "team", 200,
		EMBARGO ", and you may read its data (rule team of policy house); this is "
			"recorded."},
	{"embargo, staff", STAGE EARLY STAFF OBJECT, true, "staff", 200,
		EMBARGO ", and you may have its data sent elsewhere (rule staff of policy house); "
			"each file and range is recorded, keep it confidential."},
	{"embargo, the record", RECORD EARLY OBJECT, true, "record", 200,
		EMBARGO ", and you may see its public record: title, team (rule record of policy "
			"house)."},
	/* open */
	{"open", READ LATE OBJECT, true, "open", 200,
		"This dataset is open, so you may read its data (rule open of policy house); cite "
		"it by its DOI, its licence is CC-BY-4.0, its rate class is slow."},
	{"open, the record", RECORD LATE OBJECT, true, "record", 200,
		"This dataset is open, so you may see its public record: title, team, files (rule "
		"record of policy house)."},
	{"open, no rule, anonymous", FULL LATE OBJECT, false, "default", 401,
		"This dataset is open, but no rule lets you see all of its metadata (rule default "
		"of policy house); sign in to be recognised, or write to data@house.example."},
	{"open, no rule, somebody", PROPOSAL LATE STRANGER OBJECT, false, "default", 403,
		"This dataset is open, but no rule lets you read its proposal (rule default of "
		"policy house); questions to data@house.example."},
	{"open, a rule's own reason",
		READ LATE STRANGER "\"context\":{\"network\":\"eosc\"}," OBJECT, false, "law", 451,
		"This dataset is open, but you may not read its data for the reason \"contract\" "
		"(rule law of policy house); questions to data@house.example."},
	{"terms", READ LATE STRANGER ORGANS, false, "organs", 403,
		"This dataset is open, and you may read its data once you have accepted the terms "
		"\"Organ scans\" (organ@2), which stand at https://house.example/organ (rule "
		"organs "
		"of policy house)."},
	{"terms, anonymous", READ LATE ORGANS, false, "organs", 401,
		"This dataset is open, and you may read its data once you have accepted the terms "
		"\"Organ scans\" (organ@2), which stand at https://house.example/organ (rule "
		"organs "
		"of policy house); sign in to be recognised."},
	{"terms without an address", READ LATE STRANGER "\"object\":{\"kind\":\"log\"," DATES "}",
		false, "logs", 403,
		"This dataset is open, and you may read its data once you have accepted the terms "
		"\"Plain terms\" (plain@1) (rule logs of policy house)."},
	{"terms accepted", READ LATE "\"subject\":{\"accepted\":[\"organ@2\"]}," ORGANS, true,
		"organs", 200,
		"This dataset is open, so you may read its data (rule organs of policy house); the "
		"terms organ@2 hold, which you accepted, no cache may keep it."},
	{"an obligation that nobody carries out",
		READ LATE STRANGER "\"object\":{\"instrument\":\"id02\"," DATES "}", false,
		"marked", 403,
		"This dataset is open, but you may not read its data, for that is tied to "
		"x-watermark, which this service cannot carry out (rule marked of policy house); "
		"questions to data@house.example."},
	{"one that the asker carries out",
		READ LATE STRANGER "\"context\":{\"supports\":[\"x-watermark\"]},\"object\":{"
				   "\"instrument\":\"id02\"," DATES "}",
		true, "marked", 200,
		"This dataset is open, so you may read its data (rule marked of policy house); "
		"x-watermark is carried out."},
	/* restricted */
	{"flagged", READ LATE STRANGER "\"object\":{\"flags\":[\"export-control\"]," DATES "}",
		false, "default", 403,
		"This dataset is restricted (flagged export-control), so you may not read its data "
		"(rule default of policy house); ask the director, who may lift the restriction."},
	{"on hold", READ LATE STRANGER EVENT("restriction") OBJECT, false, "default", 403,
		"This dataset is restricted by a hold, so you may not read its data (rule default "
		"of policy house); ask the director, who may lift the restriction."},
	{"on hold, the team", READ LATE PI EVENT("restriction") OBJECT, true, "team", 200,
		"This dataset is restricted by a hold, and you may read its data (rule team of "
		"policy house); this is recorded."},
	{"no agreement", READ LATE STRANGER "\"object\":{\"route\":\"icrd\"," DATES "}", false,
		"default", 403,
		"This dataset is restricted until an agreement on its opening is recorded, so you "
		"may not read its data (rule default of policy house); ask the user office, who "
		"may "
		"record one."},
	{"no date to count from", READ LATE STRANGER "\"object\":{\"policy\":\"bare\"}", false,
		"default", 403,
		"This dataset is restricted because the date from which its embargo counts is not "
		"recorded, so you may not read its data (rule default of policy bare)."},
	{"a log that cannot be read", READ LATE STRANGER EVENT("nonsense") OBJECT, false, "default",
		403,
		"This dataset is restricted because its log holds an entry that cannot be "
		"understood, so you may not read its data (rule default of policy house); ask the "
		"director, who may lift the restriction."},
	/* proprietary */
	{"proprietary", READ LATE STRANGER "\"object\":{\"route\":\"proprietary\"," DATES "}",
		false, "default", 403,
		"This dataset comes from proprietary beamtime, which does not open with time, so "
		"you may not read its data (rule default of policy house); ask the principal "
		"investigator, who may say who gets it."},
	{"proprietary, the team", READ LATE PI "\"object\":{\"route\":\"proprietary\"," DATES "}",
		true, "team", 200,
		"This dataset comes from proprietary beamtime, which does not open with time, and "
		"you may read its data (rule team of policy house); this is recorded."},
	/* withdrawn */
	{"withdrawn", READ LATE STRANGER EVENT("withdrawal") OBJECT, false, "default", 410,
		"This dataset was withdrawn, so you may not read its data (rule default of policy "
		"house); ask the director or archivist, who may reinstate it."},
	{"tombstone", RECORD LATE EVENT("withdrawal") OBJECT, true, "gone", 410,
		"This dataset was withdrawn, and its public record is what is left of it: title, "
		"team (rule gone of policy house)."},
	/* nobody to ask */
	{"nobody to ask, anonymous", READ "\"now\":\"2032-01-01\"," BARE, false, "default", 401,
		"This dataset is under embargo until 2034-05-31 (UTC), so you may not read its "
		"data (rule default of policy bare); sign in to be recognised."},
	{"nobody to ask, somebody", READ "\"now\":\"2032-01-01\"," STRANGER BARE, false, "default",
		403,
		"This dataset is under embargo until 2034-05-31 (UTC), so you may not read its "
		"data (rule default of policy bare)."},
	{"nothing in the record but the least", RECORD "\"now\":\"2032-01-01\"," BARE, true,
		"record", 200,
		"This dataset is under embargo until 2034-05-31 (UTC), and you may see its public "
		"record: the minimal record alone (rule record of policy bare)."},
	/* what is said of the hidden and of the absent */
	{"hidden, anonymous", READ "\"now\":\"2024-05-30\"," OBJECT, false, "default", 404, AWAY},
	{"hidden, somebody", READ "\"now\":\"2024-05-30\"," STRANGER OBJECT, false, "default", 404,
		AWAY_KNOWN},
	{"no policy, anonymous",
		READ LATE "\"object\":{\"dates\":{\"experiment_start\":\"2028-01-01\"}}", false,
		"no-policy", 404, AWAY},
	{"no policy, somebody", READ LATE STRANGER "\"object\":{\"policy\":\"other\"}", false,
		"no-policy", 404, AWAY_KNOWN},
	/* policies themselves */
	{"may not try out policies", SIMULATE LATE STRANGER "\"object\":{\"policy\":\"house\"}",
		false, "default", 403,
		"You may not try out policies (rule default of policy house); questions to "
		"data@house.example."},
	{"may try out policies",
		SIMULATE LATE "\"subject\":{\"roles\":[\"director\"]},\"object\":{\"policy\":"
			      "\"house\"}",
		true, "plans", 200, "You may try out policies (rule plans of policy house)."},
	/* a question that cannot be put */
	{"an unknown word", READ LATE "\"object\":{\"kind\":\"movie\"," DATES "}", false, "input",
		500, FAULT},
	{"no time", READ OBJECT, false, "input", 500, FAULT},
};

static void
ask(const struct policy_set *s, const char *question, struct decision *d, struct buf *sentence)
{
	AUTO_ARENA a = {0};
	AUTO_BUF text = BUF_INIT(4096);
	struct request r;

	buf_addf(&text, "{%s}", question);
	AUTO_JSON j = json_parse(buf_span(&text), NULL, NULL);
	assert_non_null(j);
	assert_true(arena_init(&a, 1 << 20));
	if (!request_parse(j, &a, &r))
		r.facts = (struct facts){0};
	policy_decide(s, &r.facts, d);
	decision_write_sentence(d, &r.facts, sentence);
}

static struct policy_set *
load(void)
{
	const struct policy_source files[] = {
		{"house.yaml", span_of(house)}, {"bare.yaml", span_of(bare)}};
	AUTO_BUF report = BUF_INIT(1 << 16);
	struct policy_set *s = policy_set_load(files, 2, &report, NULL);

	check_span(buf_span(&report), "");
	assert_non_null(s);
	return s;
}

static void
sentences(void **state)
{
	struct policy_set *s = load();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO_BUF sentence = BUF_INIT(4096);
		struct decision d;
		CHECK_ROW(rows[i].name);
		ask(s, rows[i].question, &d, &sentence);
		check_span(buf_span(&sentence), rows[i].sentence);
		check_span(d.rule, rows[i].rule);
		assert_int_equal(d.permit, rows[i].permit);
		assert_int_equal(d.status, rows[i].status);
	}
	policy_set_free(s);
}

/* Each state, each action and each built-in reason is in the table. */
static void
complete(void **state)
{
	static const char *const reasons[] = {"withdrawn", "proprietary", "restricted", "embargoed",
		"no-rule", "unknown-obligation", "terms-not-accepted", "unknown-input", "no-policy",
		"contract"};
	struct policy_set *s = load();
	uint32_t states = 0;
	uint32_t seen = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		AUTO_BUF sentence = BUF_INIT(4096);
		struct decision d;
		ask(s, rows[i].question, &d, &sentence);
		states |= 1U << d.state;
		for (size_t k = 0; k < COUNT(reasons); k++)
			if (span_is(d.reason, reasons[k]))
				seen |= 1U << k;
	}
	assert_int_equal(states, (1U << (STATE_OPEN + 1)) - 1);
	assert_int_equal(seen, (1U << COUNT(reasons)) - 1);
	policy_set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences),
		cmocka_unit_test(complete),
	};
	return cmocka_run_group_tests_name("sentence", tests, NULL, NULL);
}
