/* SPDX-License-Identifier: Apache-2.0 */
/* Reviewers' links: who may make one, what is behind it, and what ends it. */
#include "tests/unit/people_world.h"

#define LINKS "/datasets/10.5072/SHUT/links"

/* A link of pia's; its path "/review/SECRET/" to `path`, its id to `id`. */
static void
make(struct people *w, const char *body, char path[64], char id[32])
{
	char url[128];

	assert_int_equal(call(w, HTTP_POST, LINKS, body, "pia"), 201);
	member(w, "url", url, sizeof(url));
	assert_int_equal(strncmp(url, ORIGIN "/review/", strlen(ORIGIN "/review/")), 0);
	assert_int_equal(strlen(url), strlen(ORIGIN "/review/") + 44);
	assert_true(span_cstr(span_of(url + strlen(ORIGIN)), path, 64));
	member(w, "id", id, 32);
}

static unsigned
review(struct people *w, const char *path, const char *rest)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "%s%s", path, rest);
	return call(w, HTTP_GET, whole, NULL, NULL);
}

/* The way of a link: made, used by somebody without a name, seen, revoked. */
static void
whole_way(void **state)
{
	struct people *w = *state;
	char path[64];
	char id[32];
	char one[128];

	assert_int_equal(call(w, HTTP_GET, "/data/10.5072/SHUT/a.txt", NULL, NULL), 401);
	make(w, "{\"note\":\"referee 2\",\"to\":\"a journal\",\"days\":30}", path, id);
	assert_int_equal(w->epoch, 4);
	assert_int_equal(review(w, path, "a.txt"), 200);
	assert_string_equal(w->file, "secret");
	assert_non_null(strstr(w->fields.p, "Referrer-Policy: no-referrer\r\n"));
	assert_non_null(strstr(w->fields.p, "X-Robots-Tag: noindex"));
	assert_non_null(strstr(w->fields.p, "Cache-Control: private, no-store\r\n"));
	assert_int_equal(review(w, path, ""), 200);
	says(w, 200, "href=\"a.txt\"");
	assert_non_null(strstr(w->fields.p, "Referrer-Policy: no-referrer\r\n"));
	/* Uses do not end what others hold. */
	assert_int_equal(w->epoch, 4);
	(void)snprintf(one, sizeof(one), "%.51s", path);
	assert_int_equal(review(w, one, ""), 301);
	w->at += 2L * DAY;
	assert_int_equal(review(w, path, "a.txt"), 200);
	assert_int_equal(call(w, HTTP_GET, LINKS, NULL, "pia"), 200);
	says(w, 200,
		"\"kind\":\"link\",\"live\":true,\"by\":\"pi\",\"to\":\"a journal\",\"note\":"
		"\"referee 2\"");
	says(w, 200,
		"\"until\":\"2026-10-20T22:00:00Z\",\"last_used\":\"2026-09-23\","
		"\"days_used\":2");
	assert_null(strstr(w->text.p, "review"));
	assert_int_equal(audited(w, "\"subject\":{\"id\":\"link:r-"), 4);
	assert_int_equal(audited(w, "\"roles\":[\"delegate\"]"), 4);
	assert_int_equal(audited(w, path + strlen("/review/")), 0);
	path[50] = '\0';
	assert_int_equal(audited(w, path + strlen("/review/")), 0); /* nor without its slash */
	path[50] = one[50];
	(void)snprintf(one, sizeof(one), LINKS "/%s", id);
	assert_int_equal(call(w, HTTP_DELETE, one, NULL, "pia"), 200);
	assert_int_equal(w->epoch, 5);
	assert_int_equal(review(w, path, "a.txt"), 404);
	assert_int_equal(call(w, HTTP_DELETE, one, NULL, "pia"), 200);
	assert_int_equal(w->epoch, 5);
	assert_int_equal(call(w, HTTP_GET, LINKS, NULL, "pia"), 200);
	says(w, 200, "\"live\":false");
	says(w, 200, "\"revoked_by\":\"pi\"");
}

/* Nobody finds a door by trying, and none leads to another room. */
static void
attacks(void **state)
{
	static const struct {
		const char *name, *rest;
		unsigned status;
	} rows[] = {
		{"another dataset's file", "10.5072/PAID/a.txt", 404},
		{"a folder that is none", "sub/", 404},
		{"no such file", "b.txt", 404},
		{"the folder above, as a name", "..%2fPAID/a.txt", 404},
		{"what a decoder left", "../PAID/a.txt", 404},
		{"a file of the catalogue alone", "named.nxs", 404},
	};
	struct people *w = *state;
	char path[64];
	char id[32];
	char other[64];
	char first[4096];

	make(w, NULL, path, id);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(review(w, path, rows[i].rest), rows[i].status);
	}
	(void)review(w, "/review/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/", "a.txt");
	says(w, 404, "There is nothing at this address.");
	assert_true(span_cstr(span_of(w->text.p), first, sizeof(first)));
	static const char *const wrong[] = {"/review/", "/review/x/",
		"/review/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB/",
		"/review/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_ROW(wrong[i]);
		assert_int_equal(review(w, wrong[i], ""), 404);
		assert_string_equal(w->text.p, first);
	}
	/* Its last character's unused bits are no second spelling (base64.h). */
	memcpy(other, path, sizeof(other));
	other[50] = path[50] == 'A' ? 'B' : (char)(path[50] + 1);
	assert_int_equal(review(w, other, "a.txt"), 404);
	/* A link is no name: what it opens it opens at its own address alone. */
	assert_int_equal(call(w, HTTP_GET, "/data/10.5072/SHUT/a.txt", NULL, "link:r-1"), 403);
	w->at += 120L * DAY;
	assert_int_equal(review(w, path, "a.txt"), 404);
	assert_string_equal(w->text.p, first);
}

/* The last second, and the first without it. */
static void
ends(void **state)
{
	static const struct {
		const char *name, *body;
		int64_t until; /* seconds from NOW */
	} rows[] = {
		{"an instant", "{\"until\":\"2026-09-21T14:14:20Z\"}", 60},
		{"a day, from its beginning", "{\"until\":\"2026-09-23\"}", 114400},
		{"days, at midnight", "{\"days\":1}", 28000},
		{"days as text", "{\"days\":\"1\"}", 28000},
		{"no word: what the policy allows", "{}", 7721200},
		{"more than that", "{\"until\":\"2029-01-01\"}", 7721200},
	};
	struct people *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char path[64];
		char id[32];
		CHECK_ROW(rows[i].name);
		w->at = NOW;
		make(w, rows[i].body, path, id);
		says(w, 201, i == 5 ? "\"sooner\":true" : "\"sooner\":false");
		w->at = NOW + rows[i].until - 1;
		assert_int_equal(review(w, path, "a.txt"), 200);
		w->at = NOW + rows[i].until;
		assert_int_equal(review(w, path, "a.txt"), 404);
	}
}

/* The state of the dataset counts at each request, not that at the making. */
static void
states(void **state)
{
	struct people *w = *state;
	char path[64];
	char id[32];

	make(w, NULL, path, id);
	people_event(w, "10.5072/SHUT", "restriction", "director");
	(void)review(w, path, "a.txt");
	says(w, 403, "restricted");
	people_event(w, "10.5072/SHUT", "restriction_lifted", "director");
	assert_int_equal(review(w, path, "a.txt"), 200);
	people_event(w, "10.5072/SHUT", "withdrawal", "pi");
	assert_int_equal(review(w, path, "a.txt"), 410);
	people_event(w, "10.5072/SHUT", "reinstatement", "director");
	assert_int_equal(review(w, path, ""), 200);
	people_event(w, "10.5072/SHUT", "release", "pi");
	assert_int_equal(call(w, HTTP_GET, "/data/10.5072/SHUT/a.txt", NULL, NULL), 200);
	assert_int_equal(review(w, path, "a.txt"), 200);
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
		{"nobody", HTTP_POST, LINKS, "{}", NULL, 401, "nobody is known"},
		{"nobody reads", HTTP_GET, LINKS, NULL, NULL, 401, "nobody is known"},
		{"a stranger", HTTP_POST, LINKS, "{}", "eve", 403, "leaves this to pi"},
		{"a stranger reads", HTTP_GET, LINKS, NULL, "eve", 403, "those who may make them"},
		{"a team member whom policy does not name", HTTP_POST, LINKS, "{}", "cop", 403,
			"leaves this to pi"},
		{"hidden", HTTP_POST, "/datasets/10.5072/PAID/links", "{}", "eve", 404,
			"not-found"},
		{"hidden from nobody", HTTP_POST, "/datasets/10.5072/PAID/links", "{}", NULL, 404,
			"not-found"},
		{"absent", HTTP_POST, "/datasets/10.5072/NONE/links", "{}", "pia", 404,
			"not-found"},
		{"proprietary", HTTP_POST, "/datasets/10.5072/PAID/links", "{}", "pia", 409,
			"the dataset is proprietary"},
		{"no such link", HTTP_DELETE, LINKS "/r-0000000000", NULL, "pia", 404, "not-found"},
		{"all links at once", HTTP_DELETE, LINKS, NULL, "pia", 404, "not-found"},
		{"two ends", HTTP_POST, LINKS, "{\"days\":3,\"until\":\"2026-10-01\"}", "pia", 400,
			"not both"},
		{"the past", HTTP_POST, LINKS, "{\"until\":\"2026-09-21\"}", "pia", 409, "past"},
		{"no date", HTTP_POST, LINKS, "{\"until\":\"soon\"}", "pia", 400, "2027-05-31"},
		{"no days", HTTP_POST, LINKS, "{\"days\":0}", "pia", 400, "from 1 to"},
		{"too many days", HTTP_POST, LINKS, "{\"days\":36526}", "pia", 400, "from 1 to"},
		{"a fraction", HTTP_POST, LINKS, "{\"days\":1.5}", "pia", 400, "a number"},
		{"another word", HTTP_POST, LINKS, "{\"sub\":\"x\"}", "pia", 400,
			"unknown word 'sub'"},
		{"a list", HTTP_POST, LINKS, "[]", "pia", 400, "bad-request"},
		{"a control character", HTTP_POST, LINKS, "{\"note\":\"a\\u0007\"}", "pia", 400,
			"control"},
		{"one method too many", HTTP_PUT, LINKS, "{}", "pia", 405, "method"},
	};
	struct people *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		(void)call(w, rows[i].method, rows[i].path, rows[i].body, rows[i].who);
		says(w, rows[i].status, rows[i].text);
	}
	assert_int_equal(w->epoch, 3);
}

/* Of another dataset, of another person. */
static void
revoking(void **state)
{
	struct people *w = *state;
	char path[64];
	char id[32];
	char at[128];

	make(w, NULL, path, id);
	(void)snprintf(at, sizeof(at), LINKS "/%s", id);
	assert_int_equal(call(w, HTTP_DELETE, at, NULL, "eve"), 404);
	assert_int_equal(call(w, HTTP_DELETE, at, NULL, "cop"), 404);
	assert_int_equal(call(w, HTTP_POST, at, "{\"do\":\"make\"}", "pia"), 400);
	(void)snprintf(at, sizeof(at), "/datasets/10.5072/PAID/links/%s", id);
	assert_int_equal(call(w, HTTP_DELETE, at, NULL, "pia"), 404);
	assert_int_equal(review(w, path, "a.txt"), 200);
	(void)snprintf(at, sizeof(at), LINKS "/%s", id);
	assert_int_equal(call(w, HTTP_POST, at, "{\"do\":\"revoke\"}", "pia"), 200);
	assert_int_equal(review(w, path, "a.txt"), 404);
}

/* No audit record, no data; no room in the ledger, no link. */
static void
no_record(void **state)
{
	struct people *w = *state;
	struct gate_ledger *kept = w->place->gate.ledger;
	char path[64];
	char id[32];

	make(w, NULL, path, id);
	w->place->gate.ledger = NULL;
	assert_int_equal(call(w, HTTP_POST, LINKS, "{}", "pia"), 503);
	assert_int_equal(review(w, path, "a.txt"), 200); /* its use is in the audit log */
	w->place->gate.ledger = kept;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PEOPLE(whole_way),
		WITH_PEOPLE(attacks),
		WITH_PEOPLE(ends),
		WITH_PEOPLE(states),
		WITH_PEOPLE(refused),
		WITH_PEOPLE(revoking),
		WITH_PEOPLE(no_record),
	};

	return cmocka_run_group_tests_name("gate_links", tests, NULL, NULL);
}
