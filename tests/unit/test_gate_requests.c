/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for access: who may ask, who sees it, what an answer gives. */
#include "tests/unit/people_world.h"

#define REQUESTS "/datasets/10.5072/SHUT/access-requests"
#define SHUT     "/data/10.5072/SHUT/a.txt"

static void
ask_for(struct people *w, const char *who, char at[128])
{
	char id[32];

	(void)call(w, HTTP_POST, REQUESTS, "{\"text\":\"for my thesis\\nplease\"}", who);
	says(w, 201, "\"state\":\"open\"");
	member(w, "id", id, sizeof(id));
	(void)snprintf(at, 128, REQUESTS "/%s", id);
}

/* Asked, seen by the PI, granted for a time, seen by the asker, ended. */
static void
granted(void **state)
{
	struct people *w = *state;
	char at[128];
	char grant[32];

	ask_for(w, "bob", at);
	assert_int_equal(call(w, HTTP_GET, REQUESTS, NULL, "pia"), 200);
	says(w, 200, "\"grantor\":true,\"waiting\":[{\"id\":\"q-");
	says(w, 200, "\"text\":\"for my thesis\\nplease\"");
	says(w, 200,
		"\"who\":{\"issuer\":\"https://keys.test\",\"issuer_name\":\"Keys\",\"sub\":"
		"\"bob\"}");
	assert_int_equal(call(w, HTTP_GET, "/me", NULL, "pia"), 200);
	says(w, 200, "\"requests\":{\"waiting\":[{\"id\":\"q-");
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "bob"), 403);
	assert_int_equal(
		call(w, HTTP_POST, at, "{\"do\":\"grant\",\"days\":2,\"note\":\"ok\"}", "pia"),
		200);
	says(w, 200, "\"state\":\"granted\",\"grant\":\"r-");
	member(w, "grant", grant, sizeof(grant));
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "bob"), 200);
	assert_string_equal(w->file, "secret");
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "eve"), 403);
	/* A hold is for whoever was let in, too, though the team may read on. */
	people_event(w, "10.5072/SHUT", "restriction", "director");
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "bob"), 403);
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "cop"), 200);
	people_event(w, "10.5072/SHUT", "restriction_lifted", "director");
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "bob"), 200);
	assert_int_equal(call(w, HTTP_GET, "/me", NULL, "bob"), 200);
	says(w, 200, "\"own\":[{\"id\":\"q-");
	says(w, 200,
		"\"state\":\"granted\",\"answered\":\"2026-09-21T14:13:20Z\",\"by\":\"pi\","
		"\"note\":\"ok\"");
	assert_int_equal(audited(w, "bob"), 0);
	assert_int_equal(audited(w, "thesis"), 0);
	assert_int_equal(audited(w, "\"what\":\"granted\",\"until\":"), 1);
	w->at += 2L * DAY;
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "bob"), 403);
}

/* Let in to read is not a member of the team: no event, no link, no answer. */
static void
no_more(void **state)
{
	struct people *w = *state;
	char at[128];
	char other[128];
	char id[32];

	ask_for(w, "bob", at);
	ask_for(w, "eve", other);
	assert_int_equal(call(w, HTTP_POST, at, "{\"do\":\"grant\"}", "pia"), 200);
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "bob"), 200);
	assert_int_equal(call(w, HTTP_POST, "/datasets/10.5072/SHUT/events",
				 "{\"type\":\"release\"}", "bob"),
		403);
	assert_int_equal(call(w, HTTP_POST, "/datasets/10.5072/SHUT/events",
				 "{\"type\":\"release\",\"by\":\"delegate\"}", "bob"),
		403);
	assert_int_equal(call(w, HTTP_POST, other, "{\"do\":\"decline\"}", "bob"), 404);
	assert_int_equal(call(w, HTTP_POST, "/datasets/10.5072/SHUT/links", "{}", "bob"), 403);
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "eve"), 403);
	/* Taken back like a link. */
	assert_int_equal(call(w, HTTP_GET, "/datasets/10.5072/SHUT/links", NULL, "pia"), 200);
	says(w, 200, "\"kind\":\"person\",\"live\":true,\"by\":\"pi\",\"to\":\"bob\"");
	member(w, "id", id, sizeof(id));
	(void)snprintf(at, sizeof(at), "/datasets/10.5072/SHUT/links/%s", id);
	assert_int_equal(call(w, HTTP_DELETE, at, NULL, "bob"), 404);
	assert_int_equal(call(w, HTTP_DELETE, at, NULL, "pia"), 200);
	assert_int_equal(call(w, HTTP_GET, SHUT, NULL, "bob"), 403);
}

static void
answers(void **state)
{
	struct people *w = *state;
	char at[128];

	ask_for(w, "bob", at);
	assert_int_equal(call(w, HTTP_POST, at, "{\"do\":\"decline\"}", "eve"), 404);
	assert_int_equal(call(w, HTTP_POST, at, "{\"do\":\"decline\"}", NULL), 401);
	assert_int_equal(call(w, HTTP_POST, at, "{\"do\":\"grant\"}", "bob"), 400);
	assert_int_equal(call(w, HTTP_POST, at, "{\"do\":\"withdraw\"}", "pia"), 400);
	assert_int_equal(call(w, HTTP_POST, at, "{}", "pia"), 400);
	/* A coproposer may open data, and so decline; to let somebody in is the PI's. */
	assert_int_equal(call(w, HTTP_POST, at, "{\"do\":\"grant\"}", "cop"), 403);
	assert_int_equal(call(w, HTTP_POST, "/datasets/10.5072/PAID/access-requests/q-1",
				 "{\"do\":\"decline\"}", "pia"),
		404);
	(void)call(w, HTTP_POST, at, "{\"do\":\"decline\",\"note\":\"ask in May\"}", "cop");
	says(w, 200, "\"state\":\"declined\"");
	assert_int_equal(call(w, HTTP_POST, at, "{\"do\":\"grant\"}", "pia"), 409);
	assert_int_equal(call(w, HTTP_GET, REQUESTS, NULL, "bob"), 200);
	says(w, 200, "\"grantor\":false,\"waiting\":[],\"own\":[{");
	says(w, 200, "\"note\":\"ask in May\"");
	assert_null(strstr(w->text.p, "\"cop\""));
	ask_for(w, "bob", at);
	assert_int_equal(call(w, HTTP_DELETE, at, NULL, "eve"), 404);
	assert_int_equal(call(w, HTTP_DELETE, at, NULL, "bob"), 200);
	says(w, 200, "\"state\":\"withdrawn\"");
}

/* An id of another dataset is no id here. */
static void
crossed(void **state)
{
	struct people *w = *state;
	char at[128];
	char there[160];

	ask_for(w, "bob", at);
	(void)snprintf(
		there, sizeof(there), "/datasets/10.5072/PAID/access-requests%s", strrchr(at, '/'));
	assert_int_equal(call(w, HTTP_POST, there, "{\"do\":\"decline\"}", "pia"), 404);
	(void)snprintf(there, sizeof(there), "%s/x", at);
	assert_int_equal(call(w, HTTP_POST, there, "{\"do\":\"decline\"}", "pia"), 404);
}

static void
refused(void **state)
{
	static const struct {
		const char *name;
		enum http_method method;
		const char *path, *body, *who;
		unsigned status;
		const char *text;
	} rows[] = {
		{"nobody", HTTP_POST, REQUESTS, "{\"text\":\"x\"}", NULL, 401, "nobody is known"},
		{"nobody reads", HTTP_GET, REQUESTS, NULL, NULL, 401, "nobody is known"},
		{"hidden", HTTP_POST, "/datasets/10.5072/PAID/access-requests", "{\"text\":\"x\"}",
			"bob", 404, "not-found"},
		{"absent", HTTP_POST, "/datasets/10.5072/NONE/access-requests", "{\"text\":\"x\"}",
			"bob", 404, "not-found"},
		{"it is open", HTTP_POST, "/datasets/10.5072/OPEN/access-requests",
			"{\"text\":\"x\"}", "bob", 409, "read it already"},
		{"terms come first", HTTP_POST, "/datasets/10.5072/PLAN/access-requests",
			"{\"text\":\"x\"}", "bob", 409, ORIGIN "/terms/human-data@3"},
		{"of the team", HTTP_POST, REQUESTS, "{\"text\":\"x\"}", "cop", 409, "already"},
		{"no word", HTTP_POST, REQUESTS, "{}", "bob", 400, "say what you need"},
		{"blank", HTTP_POST, REQUESTS, "{\"text\":\" \\n \"}", "bob", 400, "empty"},
		{"a bell", HTTP_POST, REQUESTS, "{\"text\":\"a\\u0007\"}", "bob", 400, "control"},
		{"an escape of C1", HTTP_POST, REQUESTS, "{\"text\":\"a\\u009b1m\"}", "bob", 400,
			"control"},
		{"an action of another kind", HTTP_POST, REQUESTS,
			"{\"text\":\"x\",\"action\":\"policy.simulate\"}", "bob", 400, "data.read"},
		{"whose name", HTTP_POST, REQUESTS, "{\"text\":\"x\",\"sub\":\"eve\"}", "bob", 400,
			"unknown word 'sub'"},
		{"twice the same word", HTTP_POST, REQUESTS, "{\"text\":\"x\",\"text\":\"y\"}",
			"bob", 400, "twice"},
		{"nested", HTTP_POST, REQUESTS, "{\"text\":{\"a\":\"x\"}}", "bob", 400, "a string"},
		{"one alone", HTTP_GET, REQUESTS "/q-1", NULL, "bob", 404, "not-found"},
	};
	struct people *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		(void)call(w, rows[i].method, rows[i].path, rows[i].body, rows[i].who);
		says(w, rows[i].status, rows[i].text);
	}
	assert_int_equal(w->epoch, 3);
}

static void
limits(void **state)
{
	struct people *w = *state;
	AUTO_BUF long_text = BUF_INIT(65536);
	char at[128];

	ask_for(w, "bob", at);
	(void)call(w, HTTP_POST, REQUESTS, "{\"text\":\"again\"}", "bob");
	says(w, 409, "waits for an answer already");
	for (int i = 0; i < 9; i++) {
		assert_int_equal(call(w, HTTP_DELETE, at, NULL, "bob"), 200);
		ask_for(w, "bob", at);
	}
	assert_int_equal(call(w, HTTP_DELETE, at, NULL, "bob"), 200);
	(void)call(w, HTTP_POST, REQUESTS, "{\"text\":\"again\"}", "bob");
	says(w, 429, "10 requests in a day");
	w->at += DAY + 1;
	ask_for(w, "bob", at);
	buf_adds(&long_text, "{\"text\":\"");
	for (int i = 0; i < 4001; i++)
		buf_addc(&long_text, 'x');
	buf_adds(&long_text, "\"}");
	buf_addc(&long_text, '\0');
	(void)call(w, HTTP_POST, REQUESTS, long_text.p, "eve");
	says(w, 400, "longer than 4000 bytes");
}

/* A browser's form asks; one that others send does not. */
static void
by_browser(void **state)
{
	struct people *w = *state;
	struct http_ask forged = {.method = HTTP_POST,
		.path = SPAN(REQUESTS),
		.origin = SPAN("https://evil.test"),
		.body = SPAN("text=x")};

	assert_int_equal(call(w, HTTP_GET, REQUESTS, NULL, "browser"), 200);
	says(w, 200, "who you are: ann at https://keys.test");
	says(w, 200, "<textarea");
	assert_int_equal(people_ask(w, &forged, "browser"), 403);
	assert_int_equal(call(w, HTTP_POST, REQUESTS, "text=x", "browser"), 403);
	assert_int_equal(w->epoch, 3);
	assert_int_equal(send_form(w, REQUESTS, "&do=ask&text=For+my%0D%0A%3Cthesis%3E"), 303);
	assert_non_null(
		strstr(w->fields.p, "Location: /datasets/10.5072/SHUT/access-requests\r\n"));
	assert_int_equal(call(w, HTTP_GET, REQUESTS, NULL, "browser"), 200);
	says(w, 200, "For my\n&lt;thesis&gt;");
	says(w, 200, "waits for an answer");
	assert_int_equal(call(w, HTTP_GET, "/me", NULL, "browser"), 200);
	says(w, 200, "Your requests");
	assert_int_equal(call(w, HTTP_GET, REQUESTS, NULL, NULL), 401);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PEOPLE(granted),
		WITH_PEOPLE(no_more),
		WITH_PEOPLE(answers),
		WITH_PEOPLE(crossed),
		WITH_PEOPLE(refused),
		WITH_PEOPLE(limits),
		WITH_PEOPLE(by_browser),
	};

	return cmocka_run_group_tests_name("gate_requests", tests, NULL, NULL);
}
