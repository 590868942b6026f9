/* SPDX-License-Identifier: Apache-2.0 */
/* Obligations in the fields of answers, and the whole documents of refusals. */
#include "agent/gate_oblige.h"

#include "agent/gate_data.h"
#include "agent/gate_problem.h"
#include "tests/unit/gate_policy.h"

#define FILE_  "/data/10.5072/OPEN/a b.txt"
#define LIST   "/data/10.5072/OPEN/"
#define PUBLIC "Cache-Control: public, max-age=3600\r\n"
#define SHUT   "Cache-Control: private, no-store\r\n"
#define VARY   "Vary: Accept, Authorization\r\n"
#define HOME   "Link: <https://localhost/datasets/10.5072/OPEN>; rel=\"collection\"\r\n"
#define WITH_LICENCE(id)                                                                           \
	"policy: test\nversion: 1\ntimezone: Europe/Paris\nvalid_from: 2000-01-01\n"               \
	"licence: " id "\nembargo: {anchor: experiment_end, period: 3y}\n"                         \
	"metadata: {public_at: {experiment_end: [title]}}\n"
/* The title is shown to those inside the facility alone. */
#define INSIDE                                                                                     \
	"  - {id: inside, effect: deny, action: [data.read, data.list], when: {network: eosc}, "   \
	"reason: not-there}\n"
#define WITHOUT_TITLE                                                                              \
	"policy: test\nversion: 1\ntimezone: Europe/Paris\nvalid_from: 2000-01-01\n"               \
	"licence: CC-BY-4.0\nembargo: {anchor: experiment_end, period: 3y}\n"                      \
	"rules:\n  - {id: record, effect: permit, action: [meta.public], when: {}}\n"
#define NO_TITLE                                                                                   \
	"policy: test\nversion: 1\ntimezone: Europe/Paris\nvalid_from: 2000-01-01\n"               \
	"licence: CC-BY-4.0\nembargo: {anchor: experiment_end, period: 3y}\n"                      \
	"rules:\n  - {id: record, effect: permit, action: [meta.public], when: {}}\n"              \
	"  - {id: inside, effect: permit, action: [meta.full], when: {network: facility}}\n"

static bool
holds(struct span text, const char *what)
{
	return what == NULL ||
	       (text.p != NULL && memmem(text.p, text.n, what, strlen(what)) != NULL);
}

static void
fields(void **state)
{
	static const struct {
		const char *name, *policy, *path, *accept;
		enum http_method method;
		uint32_t max_age; /* of the grant */
		const char *field, *absent, *text;
	} rows[] = {
		{"cite names the DOI", HEAD RECORD OPEN("cite") TESTS, FILE_, NULL, HTTP_GET, 3600,
			"Link: <https://doi.org/10.5072/OPEN>; rel=\"cite-as\"\r\n", "license",
			NULL},
		{"a listing too", HEAD RECORD OPEN("cite") TESTS, LIST, NULL, HTTP_GET, 0,
			"Link: <https://doi.org/10.5072/OPEN>; rel=\"cite-as\"\r\n", "license",
			NULL},
		{"and WebDAV", HEAD RECORD OPEN("cite, licence-notice") TESTS, FILE_, NULL,
			HTTP_PROPFIND, 0, "rel=\"cite-as\"\r\n", NULL, NULL},
		{"the licence", HEAD RECORD OPEN("licence-notice") TESTS, FILE_, NULL, HTTP_GET,
			3600, "Link: <https://spdx.org/licenses/CC-BY-4.0>; rel=\"license\"\r\n",
			"cite-as", NULL},
		{"the waiver", WITH_LICENCE("CC0-1.0") RECORD OPEN("licence-notice") TESTS, FILE_,
			NULL, HTTP_GET, 3600,
			"Link: <https://spdx.org/licenses/CC0-1.0>; rel=\"license\"\r\n", NULL,
			NULL},
		{"of a database", WITH_LICENCE("ODC-By-1.0") RECORD OPEN("licence-notice") TESTS,
			LIST, NULL, HTTP_GET, 0,
			"Link: <https://spdx.org/licenses/ODC-By-1.0>; rel=\"license\"\r\n", NULL,
			NULL},
		{"a licence of one's own",
			WITH_LICENCE("LicenseRef-Ours") RECORD OPEN("licence-notice") TESTS, FILE_,
			NULL, HTTP_GET, 3600,
			"Link: <https://localhost/datasets/10.5072/OPEN>; rel=\"license\"; "
			"title=\"LicenseRef-Ours\"\r\n",
			"spdx", NULL},
		{"the dataset, always", HEAD RECORD OPEN("") TESTS, FILE_, NULL, HTTP_GET, 3600,
			HOME, "cite-as", NULL},
		{"confidential", HEAD RECORD OPEN("confidential") TESTS, FILE_, NULL, HTTP_GET, 0,
			SHUT, "public", NULL},
		{"confidential, to the reader of a file", HEAD RECORD OPEN("confidential") TESTS,
			FILE_, NULL, HTTP_GET, 0,
			"Pan-Notice: Confidential: these data are for you alone.", NULL, NULL},
		{"of a page", HEAD RECORD OPEN("confidential") TESTS, LIST, "text/html", HTTP_GET,
			0, "Pan-Notice: Confidential", "public",
			"<strong>Confidential: these data"},
		{"of JSON", HEAD RECORD OPEN("confidential") TESTS, LIST, "application/json",
			HTTP_GET, 0, SHUT, NULL, "\"notice\":\"Confidential: these data"},
		{"no notice without it", HEAD RECORD OPEN("") TESTS, LIST, "application/json",
			HTTP_GET, 0, NULL, "Pan-Notice", "\"licence\":\"CC-BY-4.0\",\"entries\""},
		{"no-cache", HEAD RECORD OPEN("no-cache") TESTS, FILE_, NULL, HTTP_GET, 0, SHUT,
			"public", NULL},
		{"what everybody may have: the front says for how long", HEAD RECORD OPEN("") TESTS,
			FILE_, NULL, HTTP_GET, 3600, VARY, "Cache-Control", NULL},
		{"a listing that everybody sees alike", HEAD RECORD OPEN("") TESTS, LIST, NULL,
			HTTP_GET, 0, PUBLIC VARY, "private", "A discovery"},
		{"the policy's time", HEAD "cache: {max_age: 90s}\n" RECORD OPEN("") TESTS, LIST,
			NULL, HTTP_GET, 0, "Cache-Control: public, max-age=90\r\n", NULL, NULL},
		{"a title that others may see", NO_TITLE OPEN("") TESTS, LIST, NULL, HTTP_GET, 0,
			SHUT VARY, "public, max-age", NULL},
		{"a title that nobody sees", WITHOUT_TITLE OPEN("") TESTS, LIST, NULL, HTTP_GET, 0,
			PUBLIC VARY, "private", "10.5072/OPEN"},
		{"closed to another network", HEAD RECORD INSIDE OPEN("") TESTS, FILE_, NULL,
			HTTP_GET, 0, SHUT, "public", NULL},
		{"so is the listing", HEAD RECORD INSIDE OPEN("") TESTS, LIST, NULL, HTTP_GET, 0,
			SHUT, "public", NULL},
		{"WebDAV is never kept", HEAD RECORD OPEN("") TESTS, FILE_, NULL, HTTP_PROPFIND, 0,
			SHUT VARY, "public", NULL},
		{"a tombstone is a page of its own, whatever the action",
			HEAD RECORD OPEN("tombstone") TESTS, FILE_, NULL, HTTP_GET, 0,
			"problem+json", "public", "urn:pan-agent:problem:tombstone"},
	};
	struct gate_place *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_ask q = {.method = rows[i].method,
			.path = span_of(rows[i].path),
			.accept = span_of(rows[i].accept),
			.depth = SPAN("0")};
		struct http_answer a;
		struct policy_set *set = enforce(p, rows[i].policy);
		CHECK_ROW(rows[i].name);
		gate_answer(&p->desk, &q, NOW * 1000LL, &a);
		if (!holds(a.fields, rows[i].field) || !holds(a.fields, VARY) ||
			!holds(a.text, rows[i].text))
			fail_msg("%u\n%.*s%.*s", a.status, SPAN_ARG(a.fields), SPAN_ARG(a.text));
		if (rows[i].absent != NULL && holds(a.fields, rows[i].absent))
			fail_msg("%.*s", SPAN_ARG(a.fields));
		assert_false(holds(a.fields, "immutable") || holds(a.fields, "stale-while"));
		assert_int_equal(
			a.grant != NULL ? grant_info(a.grant)->max_age : 0, rows[i].max_age);
		grant_unref(a.grant);
		relax(p, set);
	}
}

/* A listing whose embargo is to end is kept until then. */
static void
until_the_change(void **state)
{
	static const char text[] =
		HEAD "rules:\n  - {id: all, effect: permit, action: [meta.public, data.list], "
		     "when: {}}\n" TESTS;
	const int64_t release = 1862002800; /* of SHUT: 2029-01-02T00:00+01:00 */
	struct gate_place *p = *state;
	struct http_ask q = {.method = HTTP_GET, .path = SPAN("/data/10.5072/SHUT/")};
	struct http_answer a;
	struct policy_set *set = enforce(p, text);

	gate_answer(&p->desk, &q, (release - 100) * 1000, &a);
	assert_true(holds(a.fields, "Cache-Control: public, max-age=100\r\n"));
	gate_answer(&p->desk, &q, (release - 1) * 1000, &a);
	assert_true(holds(a.fields, "Cache-Control: public, max-age=1\r\n"));
	gate_answer(&p->desk, &q, release * 1000, &a);
	assert_true(holds(a.fields, PUBLIC));
	relax(p, set);
}

/* A dataset without a DOI is cited by its own address. */
static void
other_names(void **state)
{
	static const struct span cite[] = {SPAN_INIT("cite")};
	struct gate_place *p = *state;
	struct http_ask q = {.path = SPAN("/x")};
	struct gate_case c = {.ask = &q, .decision = {.obligations = cite, .n_obligations = 1}};

	c.dataset.pid = SPAN("hdl:21.1/a \xc3\xbc");
	buf_reset(&p->desk.fields);
	gate_oblige_private(&p->desk, &c);
	assert_true(holds(buf_span(&p->desk.fields),
		"Link: <https://localhost/datasets/hdl:21.1/a%20%C3%BC>; rel=\"cite-as\"\r\n"));
}

/* ---- refusals, each as a whole ---- */

/* The sentence is tested where it is made (test_sentence.c): here it is "...". */
#define TYPE(name, title, code)                                                                    \
	"{\"type\":\"urn:pan-agent:problem:" name "\",\"title\":\"" title "\",\"status\":" code    \
	",\"trace\":\"07000000000000000000000000000000\",\"detail\":\"...\""
#define RULE(reason, rule)                                                                         \
	",\"reason\":" reason ",\"rule\":\"" rule "\",\"policy\":\"test\",\"version\":1,"
#define OLD                                                                                        \
	"\"release_date\":\"2013-01-02\",\"release_at\":\"2013-01-01T23:00:00Z\",\"grantors\":[]," \
	"\"contact\":\"me@test.example\"}\n"
#define NEW                                                                                        \
	"\"release_date\":\"2029-01-02\",\"release_at\":\"2029-01-01T23:00:00Z\",\"grantors\":"    \
	"[\"pi\"],\"contact\":\"office@test.example\",\"ask\":{\"method\":\"POST\",\"href\":"      \
	"\"https://localhost/datasets/10.5072/SHUT/access-requests\"}"
#define LOGIN  ",\"login\":{\"command\":\"pan-agent login https://localhost\",\"page\":null}"
#define ABSENT TYPE("not-found", "Not Found", "404") "}\n"
#define TERMS  "terms: {human: {version: 2, title: Human data, url: \"https://t.example/human\"}}\n"
#define LAW                                                                                        \
	"rules:\n  - {id: court, effect: deny, action: [data.read], when: {}, "                    \
	"reason: court-order, status: 451}\n"                                                      \
	"  - {id: record, effect: permit, action: [meta.public], when: {}}\n"

static void
check_document(struct span got, const char *want)
{
	const char detail[] = "\"detail\":\"";
	const char *from = memmem(got.p, got.n, detail, sizeof(detail) - 1);
	AUTO_BUF text = BUF_INIT(8192);

	assert_non_null(from);
	from += sizeof(detail) - 1;
	size_t left = (size_t)(got.p + got.n - from);
	const char *to = memmem(from, left, "\",\"reason\"", 10);
	if (to == NULL)
		to = memmem(from, left, "\"}", 2);
	assert_true(to != NULL && to - from > 20);
	buf_add(&text, (struct span){got.p, (size_t)(from - got.p)});
	buf_adds(&text, "...");
	buf_add(&text, (struct span){to, (size_t)(got.p + got.n - to)});
	check_span(buf_span(&text), want);
}

static void
documents(void **state)
{
	static const struct {
		const char *name, *policy, *path, *text;
	} rows[] = {
		{"401: under embargo, nobody is known", NULL, "/data/10.5072/SHUT/a.txt",
			TYPE("embargoed", "Unauthorized", "401") RULE("\"embargoed\"", "default")
				NEW LOGIN "}\n"},
		{"404: hidden", NULL, "/data/10.5072/PAID/a.txt", ABSENT},
		{"404: not there", NULL, "/data/10.5072/NONE/a.txt", ABSENT},
		{"410: withdrawn", NULL, "/data/10.5072/GONE/a.txt",
			TYPE("withdrawn", "Gone", "410") RULE("\"withdrawn\"",
				"gone") "\"release_date\":null,\"release_at\":null,\"grantors\":"
					"[\"director\"],\"contact\":\"office@test.example\","
					"\"ask\":{"
					"\"method\":\"POST\",\"href\":\"https://localhost/datasets/"
					"10.5072/GONE/access-requests\"}}\n"},
		{"410: a tombstone", HEAD RECORD OPEN("tombstone") TESTS, FILE_,
			TYPE("tombstone", "Gone", "410") RULE("null", "open") OLD},
		{"401: terms first", HEAD TERMS RECORD OPEN("\"accept-terms:human@2\"") TESTS,
			FILE_,
			TYPE("terms-not-accepted", "Unauthorized", "401") RULE(
				"\"terms-not-accepted\"",
				"open") "\"release_date\":\"2013-01-02\",\"release_at\":\"2013-01-"
					"01T23:00:00Z\",\"grantors\":[\"self\"],\"contact\":"
					"\"me@test.example\",\"accept\":{\"method\":\"POST\","
					"\"href\":\"https://localhost/terms/"
					"human@2\",\"terms\":\"human@2\",\"title\":\"Human data\","
					"\"text\":\"https://t.example/human\"}" LOGIN "}\n"},
		{"451: by law", HEAD LAW TESTS, FILE_,
			TYPE("court-order", "Unavailable For Legal Reasons", "451")
				RULE("\"court-order\"", "court") OLD},
	};
	struct gate_place *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_ask q = {
			.method = HTTP_GET, .path = span_of(rows[i].path), .trace = {7}};
		struct http_answer a;
		struct policy_set *set = rows[i].policy != NULL ? enforce(p, rows[i].policy) : NULL;
		CHECK_ROW(rows[i].name);
		gate_answer(&p->desk, &q, NOW * 1000LL, &a);
		check_document(a.text, rows[i].text);
		assert_true(holds(a.fields, "Content-Type: application/problem+json\r\n"));
		assert_true(holds(a.fields, SHUT VARY));
		assert_int_equal(holds(a.fields, "WWW-Authenticate: Bearer"), a.status == 401);
		if (set != NULL)
			relax(p, set);
	}
}

/* Somebody who is known gets 403, and no login. */
static void
known(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q = {
		.method = HTTP_GET, .path = SPAN("/data/10.5072/SHUT/a.txt"), .trace = {7}};
	struct gate_case c = {.ask = &q, .now = NOW};
	struct http_answer a = {0};
	struct err e = {0};

	c.subject = (struct subject){
		.authenticated = true, .iss = SPAN("https://i"), .sub = SPAN("jane")};
	gate_start(&p->desk);
	assert_true(gate_data_find(&p->desk, &c, &e));
	assert_true(gate_data_judge(&p->desk, &c, ACTION_DATA_READ, &e));
	buf_reset(&p->desk.fields);
	gate_problem_denied(&p->desk, &c, &a);
	gate_end(&p->desk);
	check_document(a.text,
		TYPE("embargoed", "Forbidden", "403") RULE("\"embargoed\"", "default") NEW "}\n");
	assert_false(holds(a.fields, "WWW-Authenticate"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(until_the_change),
		cmocka_unit_test(other_names),
		cmocka_unit_test(documents),
		cmocka_unit_test(known),
	};
	return cmocka_run_group_tests_name("gate_oblige", tests, setup, teardown);
}
