/* SPDX-License-Identifier: Apache-2.0 */
/* The one decision path, from a question to an answer, with a real catalogue, policy and audit log.
 */
#include "agent/gate_grant.h"
#include "agent/gate_problem.h"
#include "agent/trusted_time.h"
#include "tests/unit/gate_world.h"

struct row {
	const char *name;
	enum http_method method;
	const char *path, *accept, *authorization, *query;
	unsigned status;
	const char *field;  /* must stand in the fields */
	const char *text;   /* must stand in the body */
	const char *absent; /* must not */
};

static const struct row rows[] = {
	{"open file", HTTP_GET, "/data/10.5072/OPEN/a b.txt", NULL, NULL, NULL, 200,
		"Content-Type: text/plain", NULL, NULL},
	{"licence link", HTTP_GET, "/data/10.5072/OPEN/a b.txt", NULL, NULL, NULL, 200,
		"Link: <https://spdx.org/licenses/CC-BY-4.0>; rel=\"license\"\r\n", NULL, NULL},
	{"cite link", HTTP_HEAD, "/data/10.5072/OPEN/sub/<x>.h5", NULL, NULL, NULL, 200,
		"Link: <https://doi.org/10.5072/OPEN>; rel=\"cite-as\"\r\n", NULL, NULL},
	{"no such file", HTTP_GET, "/data/10.5072/OPEN/b.txt", NULL, NULL, NULL, 404,
		"problem+json", "not-found", NULL},
	{"catalogued, gone from disk", HTTP_GET, "/data/10.5072/OPEN/vanished.txt", NULL, NULL,
		NULL, 404, NULL, "not-found", NULL},
	{"link out of the root", HTTP_GET, "/data/10.5072/OPEN/link.txt", NULL, NULL, NULL, 404,
		NULL, "not-found", NULL},
	{"link into another dataset", HTTP_GET, "/data/10.5072/OPEN/sideways.txt", NULL, NULL, NULL,
		404, NULL, "not-found", "secret"},
	{"link inside the dataset", HTTP_GET, "/data/10.5072/OPEN/inner.txt", NULL, NULL, NULL, 200,
		NULL, NULL, NULL},
	{"slash behind a file", HTTP_GET, "/data/10.5072/OPEN/a b.txt/", NULL, NULL, NULL, 404,
		NULL, "not-found", NULL},
	{"listing", HTTP_GET, "/data/10.5072/OPEN/", NULL, NULL, NULL, 200, "text/html",
		"<a href=\"a%20b.txt\">", NULL},
	{"listing shows folders once", HTTP_GET, "/data/10.5072/OPEN/", NULL, NULL, NULL, 200, NULL,
		"<a href=\"sub/\">", NULL},
	{"listing escapes what HTML would read in a link", HTTP_GET, "/data/10.5072/OPEN/sub/",
		NULL, NULL, NULL, 200, NULL, "<a href=\"a&amp;copy.h5\">", "\"a&copy"},
	{"listing of a folder", HTTP_GET, "/data/10.5072/OPEN/sub/", NULL, NULL, NULL, 200, NULL,
		"&lt;x&gt;.h5", "<x>"},
	{"listing as JSON", HTTP_GET, "/data/10.5072/OPEN/sub/", "application/json", NULL, NULL,
		200, "application/json", "{\"name\":\"<x>.h5\",\"type\":\"file\",\"size\":8,",
		NULL},
	{"no such folder", HTTP_GET, "/data/10.5072/OPEN/nope/", NULL, NULL, NULL, 404, NULL,
		"not-found", NULL},
	{"folder without slash", HTTP_GET, "/data/10.5072/OPEN/sub", NULL, NULL, NULL, 301,
		"Location: /data/10.5072/OPEN/sub/\r\n", NULL, NULL},
	{"dataset without slash", HTTP_GET, "/data/10.5072/OPEN", NULL, NULL, NULL, 301,
		"Location: /data/10.5072/OPEN/\r\n", NULL, NULL},
	{"embargo names rule and date", HTTP_GET, "/data/10.5072/SHUT/a.txt", NULL, NULL, NULL, 401,
		"WWW-Authenticate: Bearer realm=\"localhost\", resource_metadata=",
		"\"release_date\":\"2029-01-02\"", "secret"},
	{"embargo names whom to ask", HTTP_GET, "/data/10.5072/SHUT/a.txt", NULL, NULL, NULL, 401,
		NULL, "\"grantors\":[\"pi\"],\"contact\":\"office@test.example\"", NULL},
	{"embargoed name that is not there", HTTP_GET, "/data/10.5072/SHUT/b.txt", NULL, NULL, NULL,
		401, NULL, "embargoed", NULL},
	{"embargoed listing", HTTP_GET, "/data/10.5072/SHUT/", NULL, NULL, NULL, 401, NULL,
		"embargoed", "a.txt"},
	{"listing with the title that is public", HTTP_GET, "/data/10.5072/OPEN/", NULL, NULL, NULL,
		200, NULL, "A discovery", NULL},
	{"listing without the title that is not", HTTP_GET, "/data/10.5072/PLAN/", NULL, NULL, NULL,
		200, NULL, "10.5072/PLAN", "discovery"},
	{"JSON without the title that is not", HTTP_GET, "/data/10.5072/PLAN/", "application/json",
		NULL, NULL, 200, NULL, "\"title\":null", "discovery"},
	{"embargo as a page for browsers", HTTP_GET, "/data/10.5072/SHUT/a.txt", "text/html", NULL,
		NULL, 401, "text/html", "/datasets/10.5072/SHUT/access-requests\">Ask for access",
		"secret"},
	{"its date", HTTP_GET, "/data/10.5072/SHUT/", "text/html,*/*;q=0.8", NULL, NULL, 401,
		"WWW-Authenticate: Bearer", "2029-01-02, 00:00 Europe/Paris", "a.txt"},
	{"hidden as a page", HTTP_GET, "/data/10.5072/PAID/a.txt", "text/html", NULL, NULL, 404,
		"text/html", "<h1>Not found", "PAID"},
	{"absent as a page", HTTP_GET, "/data/10.5072/NONE/a.txt", "text/html", NULL, NULL, 404,
		"text/html", "<h1>Not found", "NONE"},
	{"withdrawn as a page", HTTP_GET, "/data/10.5072/GONE/a.txt", "text/html", NULL, NULL, 410,
		"text/html", "<h1>Withdrawn", NULL},
	{"proprietary is hidden", HTTP_GET, "/data/10.5072/PAID/a.txt", NULL, NULL, NULL, 404, NULL,
		"not-found", "proprietary"},
	{"withdrawn", HTTP_GET, "/data/10.5072/GONE/a.txt", NULL, NULL, NULL, 410, NULL,
		"\"reason\":\"withdrawn\"", NULL},
	{"unknown pid", HTTP_GET, "/data/10.5072/NONE/a.txt", NULL, NULL, NULL, 404, NULL,
		"not-found", NULL},
	{"datasets", HTTP_GET, "/data/", NULL, NULL, NULL, 200, NULL, "<a href=\"10.5072/SHUT/\">",
		"PAID"},
	{"datasets after one", HTTP_GET, "/data/", NULL, NULL, "after=10.5072%2FOPEN", 200, NULL,
		"10.5072/SHUT", "OPEN"},
	{"datasets as JSON", HTTP_GET, "/data/", "application/json", NULL, NULL, 200, NULL,
		"{\"datasets\":[{\"pid\":\"10.5072/GONE\"", NULL},
	{"a bad token is judged though the file is open", HTTP_GET, "/data/10.5072/OPEN/a b.txt",
		NULL, "Bearer x", NULL, 401, "error=\"invalid_token\"", NULL, "hello"},
	{"token in the query", HTTP_GET, "/data/10.5072/OPEN/a b.txt", NULL, NULL,
		"x=1&access_token=abc", 400, "error=\"invalid_request\"", NULL, NULL},
	{"other scheme counts as none", HTTP_GET, "/data/10.5072/OPEN/a b.txt", NULL, "Basic eDp5",
		NULL, 200, NULL, NULL, NULL},
	{"PROPFIND without depth", HTTP_PROPFIND, "/data/10.5072/OPEN/", NULL, NULL, NULL, 403,
		NULL, "propfind-finite-depth", NULL},
	{"nothing is written", HTTP_PUT, "/data/10.5072/OPEN/new", NULL, NULL, NULL, 405, NULL,
		"\"status\":405", NULL},
	{"home page escapes", HTTP_GET, "/", NULL, NULL, NULL, 200, "text/html",
		"Test &lt;facility&gt;", "<facility>"},
	{"that of a hidden one nowhere", HTTP_GET, "/datasets/10.5072/PAID", NULL, NULL, NULL, 404,
		NULL, "not-found", NULL},
	{"health", HTTP_GET, "/healthz", NULL, NULL, NULL, 200, NULL,
		"{\"status\":\"ok\",\"policy\":\"current\",\"audit\":\"ok\"}", NULL},
	{"resource metadata", HTTP_GET, "/.well-known/oauth-protected-resource", NULL, NULL, NULL,
		200, "application/json", "\"bearer_methods_supported\":[\"header\"]", NULL},
	{"nothing there", HTTP_GET, "/etc/passwd", NULL, NULL, NULL, 404, NULL, "not-found", NULL},
};

static bool
holds(struct span text, const char *what)
{
	return what == NULL ||
	       (text.p != NULL && memmem(text.p, text.n, what, strlen(what)) != NULL);
}

static struct http_ask
question(size_t i)
{
	const struct row *r = &rows[i];

	return (struct http_ask){.id = i,
		.method = r->method,
		.path = span_of(r->path),
		.accept = span_of(r->accept),
		.authorization = span_of(r->authorization),
		.query = span_of(r->query),
		.trace = {7}};
}

static void
check_answer(size_t i, const struct http_answer *a)
{
	const struct row *r = &rows[i];

	CHECK_ROW(r->name);
	if (a->status != r->status || !holds(a->fields, r->field) || !holds(a->text, r->text))
		fail_msg("%u\n%.*s%.*s", a->status, SPAN_ARG(a->fields), SPAN_ARG(a->text));
	if (r->absent != NULL && holds(a->text, r->absent))
		fail_msg("gives away \"%s\": %.*s", r->absent, SPAN_ARG(a->text));
	assert_int_equal(a->id, i);
	assert_true(a->body == HTTP_FILE || a->grant == NULL);
	grant_unref(a->grant);
}

static void
answers(void **state)
{
	struct gate_place *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_ask q = question(i);
		struct http_answer a;
		gate_answer(&p->desk, &q, NOW * 1000LL, &a);
		check_answer(i, &a);
	}
}

/* The same answers when they share turns, whoever their neighbours are. */
static void
answers_in_turns(void **state)
{
	struct gate_place *p = *state;
	const size_t all = sizeof(rows) / sizeof(rows[0]);

	for (size_t from = 0; from < all; from += GATE_TURN / 2) {
		struct http_ask q[GATE_TURN];
		struct gate_case c[GATE_TURN];
		struct http_answer a;
		size_t n = all - from < GATE_TURN ? all - from : GATE_TURN;
		gate_start(&p->desk);
		for (size_t i = 0; i < n; i++) {
			q[i] = question(from + i);
			gate_begin(&p->desk, &q[i], NOW * 1000LL, NULL, &c[i]);
		}
		gate_record(&p->desk, c, n);
		for (size_t i = 0; i < n; i++) {
			if (i == n / 2)
				gate_end(&p->desk);
			gate_finish(&p->desk, &c[i], &a);
			check_answer(from + i, &a);
		}
		gate_end(&p->desk);
	}
}

/* Section 10 of the tokens reference: who gets a challenge, and who is told to come again. */
static void
credentials(void **state)
{
	static const struct {
		const char *name;
		struct auth_refusal why;
		const char *field, *absent, *type;
	} cases[] = {
		{"two tokens", {.status = 400, .error = "invalid_request", .description = "x"},
			"error=\"invalid_request\"", "Retry-After", "problem:invalid_request\""},
		{"bad token", {.status = 401, .error = "invalid_token", .description = "x"},
			"error=\"invalid_token\"", "Retry-After", "problem:invalid_token\""},
		{"stronger login",
			{.status = 401,
				.error = "insufficient_user_authentication",
				.description = "x"},
			"error=\"insufficient_user_authentication\"", "Retry-After",
			"problem:insufficient_user_authentication\""},
		{"scope",
			{.status = 403,
				.error = "insufficient_scope",
				.description = "x",
				.scope = SPAN_INIT("storage.read:/a")},
			"scope=\"storage.read:/a\"", "Retry-After", "problem:insufficient_scope\""},
		{"too many", {.status = 429, .description = "x", .retry_after = 1},
			"Retry-After: 1\r\n", "WWW-Authenticate", "problem:too-many-requests\""},
		{"issuer away", {.status = 503, .description = "x", .retry_after = 30},
			"Retry-After: 30\r\n", "WWW-Authenticate", "problem:unavailable\""},
		{"no time named", {.status = 503, .description = "x"}, "Retry-After: 1\r\n",
			"WWW-Authenticate", "problem:unavailable\""},
	};
	struct gate_place *p = *state;
	const struct http_ask q = {.path = SPAN("/data/")};
	const struct gate_case c = {.ask = &q};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_answer a = {0};
		CHECK_ROW(cases[i].name);
		buf_reset(&p->desk.fields);
		gate_problem_credential(&p->desk, &c, &cases[i].why, &a);
		assert_int_equal(a.status, cases[i].why.status);
		assert_true(holds(a.fields, cases[i].field));
		assert_false(holds(a.fields, cases[i].absent));
		assert_true(holds(a.text, cases[i].type));
	}
}

static int64_t
audit_size(const struct gate_place *p)
{
	struct stat st = {0};

	assert_int_equal(stat(p->audit, &st), 0);
	return st.st_size;
}

/* A record that no line can hold stops its own question and no other of the turn. */
static void
too_long_to_record(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q[3] = {{.path = SPAN("/data/10.5072/OPEN/a b.txt")},
		{.path = SPAN("/data/10.5072/OPEN/a b.txt")},
		{.path = SPAN("/data/10.5072/OPEN/a b.txt")}};
	struct gate_case c[3];
	const size_t room = p->desk.record.max;
	struct http_answer a;
	static const uint16_t want[3] = {200, 503, 200};

	int64_t before = audit_size(p);
	gate_start(&p->desk);
	for (size_t i = 0; i < 3; i++) {
		p->desk.record.max = i == 1 ? p->desk.record.n + 10 : room;
		gate_begin(&p->desk, &q[i], NOW * 1000LL, NULL, &c[i]);
	}
	assert_int_equal(audit_size(p), before);
	gate_record(&p->desk, c, 3);
	assert_true(audit_size(p) > before);
	before = audit_size(p);
	for (size_t i = 0; i < 3; i++) {
		gate_finish(&p->desk, &c[i], &a);
		assert_int_equal(a.status, want[i]);
		assert_true(a.grant == NULL || grant_info(a.grant)->decision == c[i].record);
		grant_unref(a.grant);
	}
	gate_end(&p->desk);
	assert_int_equal(audit_size(p), before);
	assert_int_equal(c[2].record, c[0].record + 1);
}

/* What changes during a turn ends its grants, also those of questions begun after the change. */
static void
epoch_of_the_turn(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q = {.path = SPAN("/data/10.5072/OPEN/a b.txt")};
	struct gate_case c;
	struct http_answer a;

	p->epoch = 8;
	gate_start(&p->desk);
	p->epoch = 9;
	gate_begin(&p->desk, &q, NOW * 1000LL, NULL, &c);
	gate_record(&p->desk, &c, 1);
	gate_finish(&p->desk, &c, &a);
	gate_end(&p->desk);
	assert_false(grant_valid(a.grant, NOW, 9));
	grant_unref(a.grant);
}

/* Hidden and missing are one answer, to the byte, and both wait for the audit log's disk. */
static void
hidden_is_missing(void **state)
{
	struct gate_place *p = *state;
	int64_t before = audit_size(p);
	struct http_ask q = {.method = HTTP_GET, .path = SPAN("/data/10.5072/PAID/a.txt")};
	struct http_answer a;
	char first[1024] = {0};

	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	assert_true(a.text.n < sizeof(first));
	memcpy(first, a.text.p, a.text.n);
	assert_true(audit_size(p) > before);
	before = audit_size(p);
	q.path = SPAN("/data/10.5072/NONE/a.txt");
	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	check_span(a.text, first);
	assert_true(audit_size(p) > before);
}

static void
grants(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q = {.method = HTTP_GET, .path = SPAN("/data/10.5072/OPEN/a b.txt")};
	struct http_answer a;
	char text[8] = {0};

	p->epoch = 5;
	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	assert_int_equal(a.body, HTTP_FILE);
	assert_true(a.keep && a.ranges);
	const struct grant_info *g = grant_info(a.grant);
	assert_int_equal(g->size, 5);
	assert_int_equal(grant_pread(a.grant, text, 8, 0), 5);
	assert_string_equal(text, "hello");
	assert_int_equal(strlen(g->etag), 24);
	assert_true(grant_unchanged(a.grant));
	assert_true(grant_valid(a.grant, NOW, 5));
	assert_false(grant_valid(a.grant, NOW, 6));
	assert_false(grant_valid(a.grant, g->expires, 5));
	assert_true(g->decision > 0);
	grant_unref(a.grant);
}

/* A decision is as old as its question: what changed while it was made ends its grant. */
static void
epoch_of_the_question(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q = {.path = SPAN("/data/10.5072/OPEN/a b.txt")};
	struct gate_case c = {
		.ask = &q, .now = NOW, .wall = NOW, .epoch = 5, .decision = {.permit = true}};
	struct catalog_file f = {.path = SPAN("a b.txt")};
	struct grant *g = NULL;

	c.dataset.folder = SPAN("OPEN");
	c.dataset.root_name = SPAN("main");
	p->epoch = 6;
	assert_true(gate_open(&p->desk, &c, &f, &g, NULL));
	assert_false(grant_valid(g, NOW, 6));
	grant_unref(g);
}

/* Policy goes by trusted time, here by what an earlier gate has kept; grants by the wall clock. */
static void
trusted(void **state)
{
	static const char *const at = "00000001900000000000 00000001900000000000\n"; /* 2030 */
	struct gate_place *p = *state;
	struct http_ask q = {.method = HTTP_GET, .path = SPAN("/data/10.5072/SHUT/a.txt")};
	struct http_answer a;

	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	assert_int_equal(a.status, 401);
	AUTO_FD dir = open(p->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD kept = openat(dir, TRUSTED_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(write(kept, at, strlen(at)) == (ssize_t)strlen(at));
	assert_true(trusted_time_new(dir, &p->gate.time, NULL));
	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(grant_info(a.grant)->expires, NOW + 30 * 86400);
	grant_unref(a.grant);
	trusted_time_free(p->gate.time);
	p->gate.time = NULL;
	assert_int_equal(unlinkat(dir, TRUSTED_FILE, 0), 0);
}

/* The moment before the release and the moment itself: local midnight in Paris. */
static void
release_moment(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q = {.method = HTTP_GET, .path = SPAN("/data/10.5072/SHUT/a.txt")};
	struct http_answer a;
	const int64_t release = 1862002800; /* 2029-01-02T00:00+01:00 = 2029-01-01T23:00Z */

	gate_answer(&p->desk, &q, (release - 1) * 1000, &a);
	assert_int_equal(a.status, 401);
	gate_answer(&p->desk, &q, release * 1000, &a);
	assert_int_equal(a.status, 200);
	grant_unref(a.grant);
}

/* What was refused and what was granted stands in the log; a log that cannot be written stops data,
 * not metadata. */
static void
recorded(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q = {
		.method = HTTP_GET, .path = SPAN("/data/10.5072/OPEN/a b.txt"), .trace = {0xab}};
	struct http_answer a;
	struct stat before;
	struct stat after;
	AUTO_BUF text = BUF_INIT(4096);

	assert_int_equal(stat(p->audit, &before), 0);
	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	grant_unref(a.grant);
	assert_int_equal(stat(p->audit, &after), 0);
	AUTO_FD fd = open(p->audit, O_RDONLY | O_CLOEXEC);
	assert_true(buf_reserve(&text, 4000));
	ssize_t n = pread(fd, text.p, 4000, before.st_size);
	assert_int_equal(n, after.st_size - before.st_size);
	struct span line = {text.p, (size_t)n};
	assert_true(holds(line, "\"kind\":\"decision\",\"node\":\"gate\",\"trace\":\"ab00"));
	assert_true(holds(line, "\"pid\":\"10.5072/OPEN\",\"proposal\":\"OPEN\""));
	assert_true(holds(line, "\"effect\":\"permit\",\"rule\":\"open-data\""));
	struct audit_line l;
	assert_true(audit_line_parse(span_first(line, line.n - 1), &l, NULL));
	check_span(audit_line_member(&l, "subject"), "null");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(answers_in_turns),
		cmocka_unit_test(credentials),
		cmocka_unit_test(too_long_to_record),
		cmocka_unit_test(epoch_of_the_turn),
		cmocka_unit_test(hidden_is_missing),
		cmocka_unit_test(grants),
		cmocka_unit_test(epoch_of_the_question),
		cmocka_unit_test(trusted),
		cmocka_unit_test(release_moment),
		cmocka_unit_test(recorded),
	};
	return cmocka_run_group_tests_name("gate", tests, setup, teardown);
}
