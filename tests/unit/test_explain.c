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
		"approves\n" NEAR},
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
		"        release of 2027-02-01 by pi, on 2027-03-01: counts, since 2027-02-01 "
		"00:00 "
		"Europe/Paris\n"
		"        withdrawal of 2027-07-01 by pi: recorded after this time\n"
		"rule    later (line 18)      policy house version 3 sha256 SHA\n"
		"status  200\n"
		"with    cite, licence-notice\n"},
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
		"approves\n" NEAR},
	{"record", "{\"now\":\"2024-06-01\",\"action\":\"meta.public\"," OBJECT "}",
		"permit  10.5072/x  meta.public  jane  2024-06-01T00:00:00+02:00\n"
		"state   embargoed until 2027-05-31 00:00 Europe/Paris (2027-05-30T22:00:00Z)\n"
		"        experiment_end 2024-05-31 + 3y (at most 1y longer), no events counted\n"
		"rule    record (line 12)      policy house version 3 sha256 SHA\n"
		"status  200\n"
		"fields  title, team\n"},
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
		"near    team-data (line 13) would permit it to pi, delegate\n"},
	{"proprietary",
		"{\"now\":\"2027-06-01\",\"subject\":{},\"action\":\"data.list\",\"object\":{"
		"\"route\":"
		"\"proprietary\",\"dates\":{\"experiment_end\":\"2024-05-31\"}}}",
		"deny    (no pid)  data.list  jane  2027-06-01T00:00:00+02:00\n"
		"state   proprietary\n"
		"        route proprietary: never opens by time, no events counted\n"
		"rule    default: no rule permits it      policy house version 3 sha256 SHA\n"
		"reason  proprietary      status 403\n"
		"ask     nobody: no role is named for it\n"},
	{"no policy",
		"{\"now\":\"2027-06-01\",\"action\":\"data.read\",\"object\":{\"pid\":\"10.5072/"
		"x\"}}",
		"deny    10.5072/x  data.read  jane\n"
		"rule    no-policy      status 404\n"
		"ask     the administrator: it has no dates: give its root a `proposal`, and that "
		"one dates "
		"in proposals.yaml\n"},
	{"dates that no policy fits",
		"{\"now\":\"2027-06-01\",\"action\":\"data.read\",\"object\":{\"pid\":\"10.5072/"
		"x\",\"dates\":{\"experiment_start\":\"1990-05-31\"}}}",
		"deny    10.5072/x  data.read  jane\n"
		"rule    no-policy      status 404\n"
		"ask     the administrator: not exactly one loaded policy fits its dates\n"},
	{"bound to a policy that is not loaded",
		"{\"now\":\"2027-06-01\",\"action\":\"data.read\",\"object\":{\"pid\":\"10.5072/"
		"x\",\"policy\":\"other\"}}",
		"deny    10.5072/x  data.read  jane\n"
		"rule    no-policy      status 404\n"
		"ask     the administrator: it is bound to the policy other, which is not loaded: "
		"list that file in `policy`, or bind it anew (`policy` in proposals.yaml, or "
		"`pan-agent index --rebind 10.5072/x`)\n"},
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
		explain_write(s, &r.facts, SPAN("jane"), &got);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explanations),
	};
	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
