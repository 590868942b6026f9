/* SPDX-License-Identifier: Apache-2.0 */
/* The page of a dataset: what is public by now, what one may do, and for how long that holds. */
#include "agent/base/civil.h"
#include "tests/unit/gate_world.h"

/* ---- the world's own policy ---- */

static const struct row {
	const char *name, *path, *accept;
	unsigned status;
	const char *field, *text, *absent; /* as in test_gate.c */
} rows[] = {
	{"open", "/datasets/10.5072/OPEN", NULL, 200, "text/html", "<h1>A discovery</h1>", NULL},
	{"its DOI", "/datasets/10.5072/OPEN", NULL, 200,
		"Link: <https://doi.org/10.5072/OPEN>; rel=\"cite-as\"\r\n",
		"<a href=\"https://doi.org/10.5072/OPEN\">", NULL},
	{"its licence", "/datasets/10.5072/OPEN", NULL, 200,
		"Link: <https://spdx.org/licenses/CC-BY-4.0>; rel=\"license\"\r\n", NULL, NULL},
	{"its files", "/datasets/10.5072/OPEN", NULL, 200, NULL,
		"<a href=\"/data/10.5072/OPEN/\">Files</a>", "Ask for access"},
	{"no script", "/datasets/10.5072/OPEN", NULL, 200, "default-src 'none'", "</main>",
		"<script"},
	{"as JSON", "/datasets/10.5072/OPEN", "application/json", 200, "application/json",
		"{\"identifier\":\"10.5072/OPEN\",\"doi\":\"https://doi.org/10.5072/OPEN\","
		"\"facility\":\"Test <facility>\",\"publisher\":\"Test <facility>\","
		"\"publication_year\":2013,\"resource_type\":\"Dataset\",\"kind\":\"raw\","
		"\"access_state\":\"open\","
		"\"access_right\":\"http://purl.org/coar/access_right/c_abf2\","
		"\"release_date\":\"2013-01-02\",\"licence\":\"CC-BY-4.0\","
		"\"licence_url\":\"https://spdx.org/licenses/CC-BY-4.0\","
		"\"contact\":\"office@test.example\","
		"\"metadata\":{\"title\":\"A discovery\",\"proposal_title\":\"Old and open\","
		"\"record\":{\"title\":\"A discovery\"}},\"complete\":false,"
		"\"fields\":[\"title\"],\"policy\":{\"policy\":\"test\",\"version\":1,\"sha256\":",
		"\"files\":"},
	{"may be kept for an hour", "/datasets/10.5072/OPEN", "application/json", 200,
		"Cache-Control: public, max-age=3600\r\n", NULL, NULL},
	{"varies by who asks", "/datasets/10.5072/OPEN", NULL, 200,
		"Vary: Accept, Authorization\r\n", NULL, NULL},
	{"embargoed", "/datasets/10.5072/SHUT", NULL, 200, "max-age=3600",
		"This dataset is under embargo until 2029-01-02 (Europe/Paris)",
		"/data/10.5072/SHUT"},
	{"embargoed: where to ask", "/datasets/10.5072/SHUT", NULL, 200, NULL,
		"<a href=\"/datasets/10.5072/SHUT/access-requests\">Ask for access</a>", "Files"},
	{"embargoed as JSON", "/datasets/10.5072/SHUT", "application/json", 200, NULL,
		"\"data\":{\"effect\":\"deny\",\"rule\":\"default\",\"reason\":\"embargoed\","
		"\"status\":401,\"detail\":\"This dataset is under embargo",
		"a.txt"},
	{"names may be listed, data not read", "/datasets/10.5072/PLAN", "application/json", 200,
		NULL,
		"\"links\":{\"data\":\"/data/10.5072/PLAN/\",\"access_requests\":"
		"\"/datasets/10.5072/PLAN/"
		"access-requests\",\"terms\":null,\"zip\":null,\"tar\":null}",
		"A discovery"},
	{"nothing but the minimal record", "/datasets/10.5072/PLAN", NULL, 200, NULL,
		"<h1>10.5072/PLAN</h1>", "A discovery"},
	{"withdrawn", "/datasets/10.5072/GONE", NULL, 200, NULL, "was withdrawn", "/data/"},
	{"withdrawn: whom to ask", "/datasets/10.5072/GONE", "application/json", 200, NULL,
		"\"access_state\":\"withdrawn\"", "access_requests\":\"/"},
	{"hidden", "/datasets/10.5072/PAID", NULL, 404, "problem+json", "not-found", "PAID"},
	{"not there", "/datasets/10.5072/NONE", NULL, 404, "problem+json", "not-found", "NONE"},
	{"with a slash", "/datasets/10.5072/OPEN/", NULL, 404, NULL, "not-found", NULL},
};

static bool
holds(struct span text, const char *what)
{
	return what == NULL || (text.n > 0 && memmem(text.p, text.n, what, strlen(what)) != NULL);
}

static void
pages(void **state)
{
	struct gate_place *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const struct http_ask q = {.method = i % 2 == 0 ? HTTP_GET : HTTP_HEAD,
			.path = span_of(r->path),
			.accept = span_of(r->accept)};
		struct http_answer a;
		CHECK_ROW(r->name);
		gate_answer(&p->desk, &q, NOW * 1000LL, &a);
		if (a.status != r->status || !holds(a.fields, r->field) || !holds(a.text, r->text))
			fail_msg("%u\n%.*s%.*s", a.status, SPAN_ARG(a.fields), SPAN_ARG(a.text));
		if (r->absent != NULL && holds(a.text, r->absent))
			fail_msg("gives away %s: %.*s", r->absent, SPAN_ARG(a.text));
	}
}

/* ---- policies that differ in what is public when ---- */

/* What a reader said of a file with more in it. */
static const char rich[] =
	"{\"format\":\"nexus\",\"hdf5_version\":2,\"problem\":null,\"entries\":[{\"name\":"
	"\"entry\",\"title\":\"A <b>title\",\"instrument\":\"INTER\",\"sample\":\"stone\","
	"\"definition\":\"NXreflections\",\"start_time\":\"2023-05-01T08:00:00Z\",\"users\":["
	"\"Mary "
	"Doe\"],\"parameters\":[{\"name\":\"temperature\",\"value\":4,\"unit\":\"K\"}]}],"
	"\"notes\":[]}";

static const char proposals_of_tiers[] =
	"proposals:\n"
	"  - {id: OPEN, title: Old, dates: {proposal_accepted: 2022-03-01, experiment_start: "
	"2023-05-01, experiment_end: 2023-05-03}}\n"
	"  - {id: SHUT, title: New, dates: {proposal_accepted: 2024-03-01, experiment_start: "
	"2024-06-01, experiment_end: 2024-06-03}}\n"
	"  - {id: PLAN, title: Done, policy: done, dates: {proposal_accepted: 2022-03-01, "
	"experiment_start: 2023-05-01, experiment_end: 2023-05-03}}\n";

/* Metadata at completion, terms for the data, and staff on the facility's network. */
static const char done_text[] =
	"policy: done\n"
	"version: 7\n"
	"timezone: UTC\n"
	"valid_from: 1990-01-01\n"
	"valid_until: 1991-01-01\n"
	"licence: LicenseRef-house\n"
	"embargo: {anchor: experiment_end, period: 1y}\n"
	"terms: {t: {version: 2, title: The terms}}\n"
	"metadata: {public_at: {experiment_end: [title, instrument, team, dates, parameters]}}\n"
	"rules:\n"
	"  - {id: record, effect: permit, action: meta.public, when: {reached: experiment_end}}\n"
	"  - {id: inside, effect: permit, action: data.list, when: {network: facility}}\n"
	"  - {id: data, effect: permit, action: data.read, when: {state: open}, obligations: "
	"[\"accept-terms:t@2\"]}\n"
	"tests:\n"
	"  - {name: t, now: 1990-01-01, action: data.read, expect: deny}\n";

static const struct tier {
	const char *name, *pid, *at;
	unsigned status;
	const char *shows[4];
	const char *hides[6];
} tiers[] = {
	{"before acceptance nothing is known", "OPEN", "2022-02-28T23:59:59Z", 404, {"not-found"},
		{"title"}},
	{"at acceptance the title", "OPEN", "2022-03-01T00:00:00Z", 200,
		{"\"fields\":[\"title\"]", "A <b>title", "\"proposal_title\":\"Old\""},
		{"INTER", "stone", "Mary", "2023-", "temperature", "NXref"}},
	{"at completion no more", "OPEN", "2023-05-04T00:00:00Z", 200,
		{"\"fields\":[\"title\"]", "\"embargoed\""}, {"INTER", "stone", "Mary", "2023-05"}},
	{"with the data the rest", "OPEN", "2026-05-03T00:00:00Z", 200,
		{"INTER", "stone", "Mary Doe", "\"complete\":true"}, {"secret"}},
	{"the title at any time", "SHUT", "2024-01-01T00:00:00Z", 200,
		{"\"fields\":[\"title\"]", "A <b>title", "isis-2024"}, {"INTER", "stone"}},
	{"and never anything else", "SHUT", "2031-01-01T00:00:00Z", 200,
		{"\"fields\":[\"title\"]", "\"open\"", "/data/10.5072/SHUT/"},
		{"INTER", "stone", "Mary", "temperature", "\"start\"", "NXref"}},
	{"before completion nothing", "PLAN", "2023-05-02T23:59:59Z", 404, {"not-found"},
		{"title"}},
	{"at completion five fields", "PLAN", "2023-05-03T00:00:00Z", 200,
		{"[\"title\",\"team\",\"instrument\",\"dates\",\"parameters\"]", "INTER",
			"Mary Doe", "\"experiment_end\":\"2023-05-03\""},
		{"stone", "NXref", "\"files\"", "\"proposal\":", "spdx"}},
	{"then terms to accept", "PLAN", "2024-05-03T00:00:00Z", 200,
		{"\"terms\":\"/terms/t@2\"", "\"grantors\":[\"self\"]", "The terms",
			"\"licence_url\":null"},
		{"stone"}},
};

static void
add_rich(struct gate_place *p)
{
	static const char *const ids[] = {"OPEN", "SHUT", "PLAN"};
	struct ingest *in = NULL;
	struct err e = {0};
	struct proposals all;
	int64_t source = 0;
	AUTO_BUF report = BUF_INIT(8192);
	AUTO_ARENA a = {0};

	assert_true(arena_init(&a, 80UL << 20));
	assert_true(ingest_open(p->catalogue, &in, &e) && ingest_begin(in, &e));
	if (!proposals_parse("p.yaml", span_of(proposals_of_tiers), &a, &report, &all, &e))
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	assert_true(ingest_proposals(in, &all, &e));
	assert_true(ingest_source(in, SPAN("main"), 0, SPAN("/x"), &source, &e));
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		AUTO_BUF pid = BUF_INIT(64);
		AUTO_BUF other = BUF_INIT(64);
		int64_t id = 0;
		buf_addf(&pid, "10.5072/%s", ids[i]);
		const struct ingest_dataset d = {.source = source,
			.folder = span_of(ids[i]),
			.proposal = span_of(ids[i]),
			.pid = buf_span(&pid)};
		const struct ingest_file f = {.path = SPAN("named.nxs"),
			.format = SPAN("nexus"),
			.reading = span_of(rich)};
		assert_true(ingest_dataset_find(in, &d, &id, &other, &e) && id != 0);
		assert_true(ingest_file_put(in, id, &f, &e));
		assert_true(ingest_record(in, id, &d, &e));
	}
	assert_true(ingest_commit(in, &e));
	ingest_close(in);
}

static void
read_text(const char *path, struct buf *to)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	char block[65536];
	ssize_t n = 0;

	assert_true(fd >= 0);
	while ((n = read(fd, block, sizeof(block))) > 0)
		buf_add(to, (struct span){block, (size_t)n});
}

static struct policy_set *
tier_policies(void)
{
	AUTO_BUF old = BUF_INIT(1 << 20);
	AUTO_BUF now = BUF_INIT(1 << 20);
	AUTO_BUF report = BUF_INIT(8192);

	read_text("policy/examples/isis-2022.yaml", &old);
	read_text("policy/examples/isis-2024.yaml", &now);
	const struct policy_source sources[] = {{"isis-2022.yaml", buf_span(&old)},
		{"isis-2024.yaml", buf_span(&now)},
		{"done.yaml", {done_text, sizeof(done_text) - 1}}};
	struct policy_set *set = policy_set_load(sources, 3, &report, NULL);
	if (set == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	return set;
}

static void
ask(struct gate_place *p, const char *path, const char *at, const char *accept,
	struct http_answer *ret)
{
	struct when w = {0};
	const struct http_ask q = {
		.method = HTTP_GET, .path = span_of(path), .accept = span_of(accept)};

	assert_true(facts_parse_when(span_of(at), &w));
	gate_answer(&p->desk, &q, w.instant * 1000, ret);
}

static void
check_tier(struct gate_place *p, const struct tier *t)
{
	char path[64];
	struct http_answer a;

	CHECK_ROW(t->name);
	(void)snprintf(path, sizeof(path), "/datasets/10.5072/%s", t->pid);
	ask(p, path, t->at, "application/json", &a);
	if (a.status != t->status)
		fail_msg("%u %.*s", a.status, SPAN_ARG(a.text));
	for (size_t i = 0; i < 4; i++)
		if (!holds(a.text, t->shows[i]))
			fail_msg("lacks %s: %.*s", t->shows[i], SPAN_ARG(a.text));
	for (size_t i = 0; i < 6 && t->hides[i] != NULL; i++)
		/* A problem document has a title of its own. */
		if (holds(a.text, t->hides[i]) &&
			(a.status == 200 || strcmp(t->hides[i], "title") != 0))
			fail_msg("shows %s: %.*s", t->hides[i], SPAN_ARG(a.text));
	/* The page says the same, and the list no more. */
	ask(p, path, t->at, NULL, &a);
	for (size_t i = 0; i < 6 && t->hides[i] != NULL && a.status == 200; i++)
		assert_false(t->hides[i][0] != '"' && holds(a.text, t->hides[i]));
	assert_false(holds(a.text, "<b>"));
	ask(p, "/data/", t->at, "application/json", &a);
	(void)snprintf(path, sizeof(path), "\"10.5072/%s\"", t->pid);
	assert_int_equal(holds(a.text, path), t->status == 200);
}

static void
by_tiers(void **state)
{
	struct gate_place *p = *state;
	struct policy_set *set = tier_policies();
	struct http_answer a;

	add_rich(p);
	p->gate.policies = set;
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++)
		check_tier(p, &tiers[i]);
	/* In the list: at acceptance no instrument, with the data it is there. */
	ask(p, "/data/", "2022-03-01T00:00:00Z", "application/json", &a);
	assert_false(holds(a.text, "INTER") || holds(a.text, "stone"));
	ask(p, "/data/", "2026-05-03T00:00:00Z", "application/json", &a);
	assert_true(holds(a.text, "\"instrument\":\"INTER\"") && holds(a.text, "stone"));
	/* What is decided by network is for nobody else to keep; and nothing outlives a change. */
	ask(p, "/datasets/10.5072/PLAN", "2023-06-01T00:00:00Z", NULL, &a);
	assert_true(holds(a.fields, "Cache-Control: private, no-store\r\n"));
	ask(p, "/datasets/10.5072/OPEN", "2026-05-02T22:59:50Z", NULL, &a);
	assert_true(holds(a.fields, "Cache-Control: public, max-age=10\r\n"));
	p->gate.policies = p->policies;
	policy_set_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(by_tiers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
