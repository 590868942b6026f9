/* SPDX-License-Identifier: Apache-2.0 */
/* Terms: accepted once, by the person alone, exactly that version, until they are taken back. */
#include "agent/gate_terms.h"
#include "tests/unit/people_world.h"

#define TERMS "/terms/human-data@3"
#define HUMAN "/data/10.5072/PLAN/a.txt"

/* A token accepts; the next question to the data is answered. */
static void
by_token(void **state)
{
	struct people *w = *state;

	assert_int_equal(call(w, HTTP_GET, HUMAN, NULL, "bob"), 403);
	says(w, 403, "terms-not-accepted");
	assert_int_equal(call(w, HTTP_GET, TERMS, NULL, NULL), 200);
	says(w, 200, "\"accepted\":null");
	assert_int_equal(call(w, HTTP_POST, TERMS, NULL, "bob"), 201);
	says(w, 201, "\"accepted\":true,\"at\":\"2026-09-21T14:13:20Z\"");
	assert_int_equal(w->epoch, 4);
	assert_int_equal(call(w, HTTP_GET, HUMAN, NULL, "bob"), 200);
	assert_string_equal(w->file, "human");
	assert_int_equal(audited(w, "\"accepted\":[\"human-data@3\"]"), 1);
	assert_int_equal(call(w, HTTP_GET, HUMAN, NULL, "eve"), 403);
	/* Once is enough. */
	w->at += DAY;
	assert_int_equal(call(w, HTTP_POST, TERMS, "{}", "bob"), 200);
	says(w, 200, "\"at\":\"2026-09-21T14:13:20Z\"");
	assert_int_equal(w->epoch, 4);
	assert_int_equal(call(w, HTTP_GET, "/me", NULL, "bob"), 200);
	says(w, 200, "\"terms\":[{\"terms\":\"human-data@3\",\"at\":");
	assert_int_equal(call(w, HTTP_DELETE, TERMS, NULL, "bob"), 200);
	says(w, 200, "\"accepted\":false");
	assert_int_equal(call(w, HTTP_GET, HUMAN, NULL, "bob"), 403);
	assert_int_equal(
		audited(w, "\"terms\":{\"id\":\"human-data@3\",\"what\":\"accepted\"}"), 1);
	assert_int_equal(audited(w, "\"what\":\"withdrawn\""), 1);
	assert_int_equal(audited(w, "bob"), 0); /* a person is never in the log */
}

/* A browser's form accepts; its cookie opens no data all the same. */
static void
by_browser(void **state)
{
	struct people *w = *state;

	assert_int_equal(call(w, HTTP_GET, TERMS, NULL, "browser"), 200);
	says(w, 200, "Data of &lt;people&gt;");
	says(w, 200, "href=\"https://test.example/terms?a=1&amp;b=2\"");
	says(w, 200, "value=\"accept\"");
	says(w, 200, "not by you");
	assert_null(strstr(w->text.p, "<people>"));
	assert_non_null(strstr(w->fields.p, "Referrer-Policy: same-origin"));
	assert_int_equal(send_form(w, TERMS, "&do=accept"), 303);
	assert_non_null(strstr(w->fields.p, "Location: /terms/human-data@3\r\n"));
	assert_int_equal(call(w, HTTP_GET, TERMS, NULL, "browser"), 200);
	says(w, 200, "value=\"withdraw\"");
	assert_int_equal(call(w, HTTP_GET, HUMAN, NULL, "ann"), 200);
	assert_int_equal(call(w, HTTP_GET, HUMAN, NULL, "browser"), 401);
	assert_int_equal(call(w, HTTP_GET, "/me", NULL, "browser"), 200);
	says(w, 200, "Terms that you have accepted");
	assert_int_equal(send_form(w, TERMS, "&do=withdraw"), 303);
	assert_int_equal(call(w, HTTP_GET, HUMAN, NULL, "ann"), 403);
}

/* Whom the door does not open for, and what else may come. */
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
		{"nobody", HTTP_POST, TERMS, NULL, NULL, 401, "nobody is known here"},
		{"nobody takes back", HTTP_DELETE, TERMS, NULL, NULL, 401, "pan-agent login"},
		{"another version", HTTP_POST, "/terms/human-data@4", NULL, "bob", 404,
			"not-found"},
		{"other terms", HTTP_POST, "/terms/x@1", NULL, "bob", 404, "not-found"},
		{"never accepted, and gone", HTTP_DELETE, "/terms/x@1", NULL, "bob", 404,
			"not-found"},
		{"no version", HTTP_POST, "/terms/human-data", NULL, "bob", 404, "not-found"},
		{"below", HTTP_POST, TERMS "/x", NULL, "bob", 404, "not-found"},
		{"shown of another version", HTTP_GET, "/terms/human-data@4", NULL, "bob", 404,
			"in this version"},
		{"all of them cannot be accepted", HTTP_POST, "/terms", NULL, "bob", 404,
			"not-found"},
		{"another word", HTTP_POST, TERMS, "{\"note\":\"x\"}", "bob", 400, "here go: do"},
		{"another deed", HTTP_POST, TERMS, "{\"do\":\"sell\"}", "bob", 400, "'withdraw'"},
		{"twice", HTTP_POST, TERMS, "{\"do\":\"accept\",\"do\":\"accept\"}", "bob", 400,
			"twice"},
		{"a form with a token", HTTP_POST, TERMS, "do=accept", "bob", 400, "bad-request"},
	};
	struct people *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		(void)call(w, rows[i].method, rows[i].path, rows[i].body, rows[i].who);
		says(w, rows[i].status, rows[i].text);
	}
	assert_int_equal(w->epoch, 3);
	assert_int_equal(call(w, HTTP_GET, "/terms", NULL, NULL), 200);
	says(w, 200, "{\"terms\":[{\"terms\":\"human-data@3\"");
}

/* Forms of other sites do nothing. */
static void
forged(void **state)
{
	static const struct {
		const char *name, *origin, *site;
		bool token;
		unsigned status;
	} rows[] = {
		{"another site", "https://evil.test", NULL, true, 403},
		{"another site that claims more", "https://evil.test", "same-origin", true, 403},
		{"our origin with a port", ORIGIN ":444", NULL, true, 403},
		{"nothing said", NULL, NULL, true, 403},
		{"opaque", "null", "cross-site", true, 403},
		{"a sister site", NULL, "same-site", true, 403},
		{"without the token", ORIGIN, "same-origin", false, 403},
		{"ours", ORIGIN, NULL, true, 303},
		{"ours, by its metadata", NULL, "same-origin", true, 303},
	};
	struct people *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_ask q = {.method = HTTP_POST,
			.path = SPAN(TERMS),
			.origin = span_of(rows[i].origin),
			.fetch_site = span_of(rows[i].site)};
		AUTO_BUF body = BUF_INIT(256);
		CHECK_ROW(rows[i].name);
		buf_addf(&body, "token=%s",
			rows[i].token ? w->form : "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
		q.body = buf_span(&body);
		assert_int_equal(people_ask(w, &q, "browser"), rows[i].status);
		assert_int_equal(w->epoch, rows[i].status == 303 ? 4 : 3);
	}
}

/* What cannot be recorded does not happen. */
static void
no_record(void **state)
{
	struct people *w = *state;
	struct gate_ledger *kept = w->place->gate.ledger;

	w->place->gate.ledger = NULL;
	assert_int_equal(call(w, HTTP_POST, TERMS, NULL, "bob"), 503);
	w->place->gate.ledger = kept;
	assert_int_equal(call(w, HTTP_GET, HUMAN, NULL, "bob"), 403);
}

static void
names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} rows[] = {
		{"human-data@3", true},
		{"a@999999999", true},
		{"a@1000000000", false},
		{"a@0", false},
		{"a@01", false},
		{"a@", false},
		{"@1", false},
		{"a", false},
		{"A@1", false},
		{"a@1@2", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(gate_terms_name(span_of(rows[i].name)), rows[i].good);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PEOPLE(by_token),
		WITH_PEOPLE(by_browser),
		WITH_PEOPLE(refused),
		WITH_PEOPLE(forged),
		WITH_PEOPLE(no_record),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("gate_terms", tests, NULL, NULL);
}
