/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier.h"

#include "tests/unit/courier_world.h"

static int
setup(void **state)
{
	*state = world_make();
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* ---- what works ---- */

static void
first_round(void **state)
{
	struct world *w = *state;

	w->files[0].ca = SPAN("CA");
	world_start(w);
	assert_int_equal(courier_turn(w->courier), 5000);
	assert_string_equal(world_next(w)->url, "https://i.test/.well-known/openid-configuration");
	assert_string_equal(world_next(w)->ca, "CA");
	assert_false(world_next(w)->loopback);
	assert_int_equal(world_next(w)->total_ms, 5000);
	world_pass(w, 2000);
	world_reply(w, 200, DOCUMENT("https://i.test"));
	assert_string_equal(world_next(w)->url, "https://i.test/jwks");
	CHECK_ROW("both together have five seconds");
	assert_int_equal(world_next(w)->total_ms, 3000);
	world_answer(w, (struct fetch_answer){.status = 200,
				.body = span_of(w->jwks),
				.etag = SPAN("\"v1\""),
				.max_age = -1});
	const struct told *t = world_last(w);
	assert_int_equal(w->n_told, 1);
	assert_int_equal(t->link, COURIER_ALL);
	assert_int_equal(t->r.kind, REPORT_KEYS);
	assert_string_equal(t->jwks, w->jwks);
	assert_int_equal(t->r.fetched, 1795000002);
	assert_string_equal(t->authorize, "https://i.test/auth");
	assert_int_equal(w->n_kept, 1);
	assert_int_equal(w->n_notes, 1);
	assert_string_equal(w->notes[0], "2 issuer: its keys are fresh ()");
	assert_int_equal(courier_turn(w->courier), 60000);
	CHECK_ROW("an hour later: the key set alone, if it has changed");
	world_pass(w, 3599000);
	assert_int_equal(world_open(w), 0);
	world_pass(w, 1000);
	assert_string_equal(world_next(w)->url, "https://i.test/jwks");
	assert_string_equal(world_next(w)->etag, "\"v1\"");
	world_reply(w, 304, NULL);
	assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
	assert_int_equal(world_last(w)->r.fetched, 1795003602);
	assert_string_equal(world_last(w)->jwks, w->jwks);
	assert_int_equal(w->n_kept, 2);
	CHECK_ROW("after six hours the document comes first again");
	for (int i = 0; i < 5; i++) {
		world_pass(w, 3600000);
		if (i < 4)
			world_reply(w, 304, NULL);
	}
	assert_non_null(strstr(world_next(w)->url, "openid-configuration"));
	assert_int_equal(w->n_notes, 1);
}

/* refresh, Cache-Control, and where in +-10 % the dice fall: seconds until the next round. */
static void
intervals(void **state)
{
	static const struct {
		const char *name;
		unsigned refresh;
		int64_t max_age;
		uint32_t random;
		int64_t ms;
	} rows[] = {
		{"an hour", 3600, -1, 500, 3600000},
		{"ten percent less", 3600, -1, 0, 3240000},
		{"ten percent more", 3600, -1, 999, 3959280},
		{"Cache-Control lengthens", 3600, 7200, 500, 7200000},
		{"up to six hours", 3600, 86400, 500, 21600000},
		{"and never shortens", 3600, 60, 500, 3600000},
		{"no-store does not either", 3600, 0, 500, 3600000},
		{"a minute", 60, 120, 500, 120000},
		{"of a test, it does not count", 59, 120, 500, 59000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_make();
		CHECK_ROW(rows[i].name);
		w->issuer[0].refresh = rows[i].refresh;
		w->random = rows[i].random;
		world_start(w);
		(void)courier_turn(w->courier);
		world_reply(w, 200, DOCUMENT("https://i.test"));
		world_answer(w, (struct fetch_answer){.status = 200,
					.body = span_of(w->jwks),
					.max_age = rows[i].max_age});
		world_pass(w, rows[i].ms - 1);
		assert_int_equal(world_open(w), 0);
		world_pass(w, 1);
		assert_int_equal(world_open(w), 1);
		world_free(w);
	}
	(void)state;
}

/* ---- what fails ---- */

struct failure {
	const char *name;
	unsigned document; /* status; 0: nothing comes */
	const char *document_text;
	unsigned keys; /* 0 with NULL text: not asked for */
	const char *keys_text;
	const char *why; /* part of the report */
};

static void
failures(void **state)
{
	static const struct failure rows[] = {
		{"no connection", 0, NULL, 0, NULL, "discovery: connection refused"},
		{"500", 500, "{}", 0, NULL, "discovery: the answer was 500"},
		{"404, and no path", 404, "{}", 0, NULL, "discovery: the answer was 404"},
		{"redirect", 302, "", 0, NULL, "redirects are not followed"},
		{"no JSON", 200, "<html>", 0, NULL, "discovery: "},
		{"another issuer", 200, DOCUMENT("https://evil.test"), 0, NULL,
			"another issuer: 'https://evil.test'"},
		{"a slash more", 200, DOCUMENT("https://i.test/"), 0, NULL, "another issuer"},
		{"no issuer", 200, "{\"jwks_uri\":\"https://i.test/jwks\"}", 0, NULL,
			"does not name"},
		{"keys over http", 200,
			"{\"issuer\":\"https://i.test\",\"jwks_uri\":\"http://i.test/jwks\"}", 0,
			NULL, "not an https URL"},
		{"no keys' place", 200, "{\"issuer\":\"https://i.test\"}", 0, NULL,
			"names no jwks_uri"},
		{"keys: nothing comes", 200, DOCUMENT("https://i.test"), 0, "",
			"keys: connection refused"},
		{"keys: 503", 200, DOCUMENT("https://i.test"), 503, "{}",
			"keys: the answer was 503"},
		{"keys: redirect", 200, DOCUMENT("https://i.test"), 302, "",
			"redirects are not followed"},
		{"keys: 304 to no question", 200, DOCUMENT("https://i.test"), 304, "",
			"keys: the answer was 304"},
		{"keys: no set", 200, DOCUMENT("https://i.test"), 200, "[]", "keys: JWK set: "},
		{"keys: an empty set", 200, DOCUMENT("https://i.test"), 200, "{\"keys\":[]}",
			"no key that may be used (0 dropped)"},
		{"keys: none of use", 200, DOCUMENT("https://i.test"), 200,
			"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
			"no key that may be used (1 dropped)"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_make();
		CHECK_ROW(rows[i].name);
		world_start(w);
		(void)courier_turn(w->courier);
		world_reply(w, rows[i].document, rows[i].document_text);
		if (rows[i].keys_text != NULL)
			world_reply(w, rows[i].keys, rows[i].keys_text);
		assert_int_equal(world_open(w), 0);
		assert_int_equal(w->n_told, 1);
		assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
		assert_non_null(strstr(world_last(w)->text, rows[i].why));
		assert_int_equal(world_last(w)->r.since, 1795000000);
		assert_int_equal(world_last(w)->r.retry_after, 2);
		assert_int_equal(w->n_kept, 0);
		assert_int_equal(w->n_notes, 1);
		world_free(w);
	}
	(void)state;
}

static void
retries(void **state)
{
	static const int64_t delays[] = {1, 2, 4, 8, 16, 30, 30, 30};
	struct world *w = *state;

	world_start(w);
	(void)courier_turn(w->courier);
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		world_reply(w, 0, NULL);
		world_pass(w, delays[i] * 1000 - 1);
		assert_int_equal(world_open(w), 0);
		world_pass(w, 1);
		assert_int_equal(world_open(w), 1);
	}
	CHECK_ROW("one line, however often");
	assert_int_equal(w->n_notes, 1);
	assert_int_equal(world_last(w)->r.since, 1795000000);
	CHECK_ROW("a success forgets");
	world_reply(w, 200, DOCUMENT("https://i.test"));
	world_reply(w, 200, w->jwks);
	assert_int_equal(w->n_notes, 2);
	world_pass(w, 3600000);
	world_reply(w, 0, NULL);
	assert_int_equal(w->n_notes, 3);
	assert_string_equal(w->notes[2],
		"1 issuer: it cannot be asked; older keys are used (keys: connection refused)");
	world_pass(w, 1000);
	assert_int_equal(world_open(w), 1);
	CHECK_ROW("a request that is not allowed is a failure as well");
	world_reply(w, 0, NULL);
	w->refuse = true;
	world_pass(w, 2000);
	assert_int_equal(world_open(w), 0);
	assert_string_equal(world_last(w)->text, "not a URL that can be asked");
	world_pass(w, 4000);
	assert_int_equal(w->n_notes, 3);
}

/* Text from outside in a report: ASCII, cut. */
static void
hostile_text(void **state)
{
	struct world *w = *state;
	char document[2048];

	world_start(w);
	(void)courier_turn(w->courier);
	(void)snprintf(document, sizeof(document), "{\"issuer\":\"\\n\\u0007\xc3\xbc%0500d\"}", 7);
	world_reply(w, 200, document);
	const char *text = world_last(w)->text;
	assert_true(strlen(text) <= 200);
	for (size_t i = 0; text[i] != '\0'; i++)
		assert_true(text[i] >= ' ' && text[i] <= '~');
	assert_non_null(strstr(text, "another issuer: '????0000"));
}

/* ---- where the document is ---- */

static void
places(void **state)
{
	struct world *w = *state;

	w->issuer[0].issuer = "https://i.test/realms/pan";
	world_start(w);
	(void)courier_turn(w->courier);
	assert_string_equal(
		world_next(w)->url, "https://i.test/realms/pan/.well-known/openid-configuration");
	world_pass(w, 1000);
	world_reply(w, 404, "");
	assert_string_equal(world_next(w)->url,
		"https://i.test/.well-known/oauth-authorization-server/realms/pan");
	assert_int_equal(world_next(w)->total_ms, 4000);
	world_reply(w, 404, "");
	assert_int_equal(world_open(w), 0);
	assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
	CHECK_ROW("a place of the settings is the only one");
	struct world *other = world_make();
	other->issuer[0].issuer = "https://i.test/realms/pan";
	other->issuer[0].discovery = "https://meta.test/doc";
	world_start(other);
	(void)courier_turn(other->courier);
	assert_string_equal(world_next(other)->url, "https://meta.test/doc");
	world_reply(other, 404, "");
	assert_int_equal(world_open(other), 0);
	world_free(other);
	CHECK_ROW("with jwks_uri there is no document");
	other = world_make();
	other->issuer[0].jwks_uri = "https://keys.test/set";
	world_start(other);
	(void)courier_turn(other->courier);
	assert_string_equal(world_next(other)->url, "https://keys.test/set");
	world_reply(other, 404, "");
	assert_int_equal(world_open(other), 0);
	world_pass(other, 1000);
	world_reply(other, 200, other->jwks);
	assert_int_equal(world_last(other)->r.kind, REPORT_KEYS);
	world_free(other);
}

/* 4xx for the key set: they may have moved. */
static void
moved(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_fresh(w);
	world_pass(w, 3600000);
	world_reply(w, 404, "");
	assert_non_null(strstr(world_next(w)->url, "openid-configuration"));
	world_reply(w, 200, "{\"issuer\":\"https://i.test\",\"jwks_uri\":\"https://i.test/new\"}");
	assert_string_equal(world_next(w)->url, "https://i.test/new");
	world_reply(w, 200, w->jwks);
	assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
	assert_string_equal(world_last(w)->authorize, "");
	CHECK_ROW("but once in a round");
	world_pass(w, 3600000);
	world_reply(w, 410, "");
	world_reply(w, 200, DOCUMENT("https://i.test"));
	world_reply(w, 410, "");
	assert_int_equal(world_open(w), 0);
	assert_string_equal(world_last(w)->text, "keys: the answer was 410");
	CHECK_ROW("a round is over after five seconds");
	world_pass(w, 1000);
	world_pass(w, 4990);
	world_reply(w, 410, "");
	assert_int_equal(world_open(w), 0);
	assert_non_null(strstr(world_last(w)->text, "in time"));
}

/* ---- age ---- */

/* A set without a key of use is no failure to read it: what it lacks is withdrawn (T12). */
static void
withdrawn(void **state)
{
	static const char *const sets[] = {
		"{\"keys\":[]}", "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"k1\",\"k\":\"AAAA\"}]}"};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct world *w = world_make();
		CHECK_ROW(sets[i]);
		world_start(w);
		world_fresh(w);
		size_t told = w->n_told;
		size_t notes = w->n_notes;
		world_pass(w, 3600000);
		world_reply(w, 200, sets[i]);
		assert_int_equal(w->n_told, told + 2);
		assert_int_equal(w->told[told].r.kind, REPORT_KEYS);
		assert_string_equal(w->told[told].jwks, "{\"keys\":[]}");
		assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
		assert_null(strstr(w->kept, "\\\"k1\\\""));
		assert_int_equal(w->n_notes, notes + 1);
		assert_non_null(strstr(w->notes[notes], "withdrawn"));
		courier_link(w->courier, 7);
		assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
		CHECK_ROW("a second later there are keys again");
		world_pass(w, 1000);
		world_reply(w, 200, w->jwks);
		assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
		assert_string_equal(world_last(w)->jwks, w->jwks);
		world_free(w);
	}
	(void)state;
}

static void
ages(void **state)
{
	struct world *w = *state;

	w->issuer[0].stale_max = 86400;
	world_start(w);
	world_fresh(w);
	world_pass(w, 3600000);
	world_reply(w, 200, "{\"keys\":1}");
	assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
	CHECK_ROW("who links now gets the keys of before");
	courier_link(w->courier, 7);
	assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
	assert_int_equal(world_last(w)->link, 7);
	assert_string_equal(world_last(w)->jwks, w->jwks);
	CHECK_ROW("for a day, in the settings of this test");
	world_pass(w, 1000);
	assert_int_equal(world_open(w), 1);
	world_pass(w, 86400000 - 3601000 - 1);
	courier_link(w->courier, 8);
	assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
	world_pass(w, 1);
	assert_int_equal(world_last(w)->link, COURIER_ALL);
	assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
	courier_link(w->courier, 9);
	assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
	assert_int_equal(world_last(w)->link, 9);
	assert_int_equal(w->n_notes, 3);
	assert_non_null(strstr(w->notes[2], "0 issuer: its keys are too old"));
	CHECK_ROW("and it comes back");
	world_reply(w, 0, NULL);
	world_pass(w, 2000);
	world_reply(w, 200, DOCUMENT("https://i.test"));
	world_reply(w, 200, w->jwks);
	assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
	assert_int_equal(w->n_notes, 4);
}

/* ---- what gates ask for ---- */

static void
unknown_kid(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_fresh(w);
	size_t told = w->n_told;
	world_errand(w, 1, ERRAND_REFRESH, 0);
	assert_string_equal(world_next(w)->url, "https://i.test/jwks");
	CHECK_ROW("single flight");
	world_errand(w, 1, ERRAND_REFRESH, 0);
	world_errand(w, 2, ERRAND_REFRESH, 0);
	assert_int_equal(world_open(w), 1);
	assert_int_equal(w->n_told, told);
	world_reply(w, 200, w->jwks);
	assert_int_equal(w->n_told, told + 1);
	assert_int_equal(world_last(w)->link, COURIER_ALL);
	CHECK_ROW("once in thirty seconds; else what there is, at once and to who asks");
	world_pass(w, 29999);
	world_errand(w, 2, ERRAND_REFRESH, 0);
	assert_int_equal(world_open(w), 0);
	assert_int_equal(world_last(w)->link, 2);
	assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
	world_pass(w, 1);
	world_errand(w, 2, ERRAND_REFRESH, 0);
	assert_int_equal(world_open(w), 1);
	CHECK_ROW("a failure is told, and again to who asks after it");
	world_reply(w, 0, NULL);
	assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
	world_errand(w, 3, ERRAND_REFRESH, 0);
	assert_int_equal(world_open(w), 0);
	assert_int_equal(world_last(w)->link, 3);
	assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
	CHECK_ROW("fifty of them are one retrieval");
	world_pass(w, 1000);
	world_reply(w, 200, w->jwks);
	size_t asked = w->n_asked;
	for (int i = 0; i < 50; i++) {
		world_pass(w, 20);
		world_errand(w, 1, ERRAND_REFRESH, 0);
	}
	assert_int_equal(w->n_asked, asked);
}

static void
no_keys(void **state)
{
	struct world *w = *state;

	world_start(w);
	(void)courier_turn(w->courier);
	CHECK_ROW("a gate that links before anything was tried is told when it was");
	courier_link(w->courier, 1);
	assert_int_equal(w->n_told, 0);
	world_errand(w, 1, ERRAND_REFRESH, 0);
	assert_int_equal(world_open(w), 1);
	assert_int_equal(w->n_told, 0);
	world_reply(w, 0, NULL);
	assert_int_equal(w->n_told, 1);
	CHECK_ROW("less than a second after a failure: at once");
	world_pass(w, 500);
	world_errand(w, 1, ERRAND_REFRESH, 0);
	assert_int_equal(world_last(w)->link, 1);
	assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
	world_pass(w, 500);
	world_reply(w, 0, NULL);
	CHECK_ROW("more than a second: it is tried");
	world_pass(w, 1000);
	assert_int_equal(world_open(w), 0);
	world_errand(w, 1, ERRAND_REFRESH, 0);
	assert_int_equal(world_open(w), 1);
	CHECK_ROW("an issuer that is not known here");
	courier_errand(w->courier, 4,
		&(struct errand){.kind = ERRAND_REFRESH, .issuer = SPAN("https://other.test")});
	assert_int_equal(world_last(w)->link, 4);
	assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
	assert_string_equal(world_last(w)->issuer, "https://other.test");
	CHECK_ROW("nothing new in a courier that ends");
	courier_drain(w->courier);
	world_reply(w, 0, NULL);
	world_pass(w, 60000);
	world_errand(w, 1, ERRAND_REFRESH, 0);
	assert_int_equal(world_open(w), 0);
	assert_int_equal(world_last(w)->link, 1);
}

/* One issuer in trouble, silent or hostile, costs the others nothing. */
static void
several(void **state)
{
	struct world *w = *state;

	w->issuer[1] = world_issuer("https://file.test");
	w->issuer[1].jwks_file = "keys.json";
	w->issuer[2] = world_issuer("https://login.test");
	w->issuer[2].jwks_file = "keys.json";
	w->issuer[2].web_client_id = "web";
	w->issuer[3] = world_issuer("http://127.0.0.1:8080");
	w->issuer[3].insecure = true;
	w->settings.n_issuers = 4;
	world_start(w);
	assert_true(courier_fetches(w->courier, 0));
	assert_false(courier_fetches(w->courier, 1));
	assert_true(courier_fetches(w->courier, 2));
	(void)courier_turn(w->courier);
	assert_int_equal(world_open(w), 3);
	CHECK_ROW("i.test is silent; the document of login.test is all that is asked there");
	w->asked[0].open = false;
	assert_string_equal(
		world_next(w)->url, "https://login.test/.well-known/openid-configuration");
	world_reply(w, 200, DOCUMENT("https://login.test"));
	assert_string_equal(world_last(w)->jwks, "{\"keys\":[]}");
	assert_string_equal(world_last(w)->authorize, "https://login.test/auth");
	assert_true(world_next(w)->loopback);
	world_reply(w, 200, DOCUMENT("http://127.0.0.1:8080"));
	world_reply(w, 200, w->jwks);
	assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
	assert_string_equal(world_last(w)->issuer, "http://127.0.0.1:8080");
	assert_int_equal(w->n_kept, 1);
	world_pass(w, 3600000);
	CHECK_ROW("an hour later it asks for the document again");
	assert_non_null(strstr(world_next(w)->url, "login.test"));
}

/* ---- what was kept ---- */

static void
restored(void **state)
{
	static const struct {
		const char *name;
		int64_t later; /* seconds */
		const char *find, *put;
		bool good;
	} rows[] = {
		{"as it was written", 3600, NULL, NULL, true},
		{"just young enough", 172799, NULL, NULL, true},
		{"too old", 172800, NULL, NULL, false},
		{"of the future", -1, NULL, NULL, false},
		{"of another issuer", 1, "\"https://i.test\"", "\"https://j.test\"", false},
		{"another version", 1, "\"version\":1", "\"version\":2", false},
		{"a member more", 1, "{\"version\":1", "{\"x\":1,\"version\":1", false},
		{"torn", 1, "}\n", "", false},
		{"no keys", 1, "\\\"keys\\\":[", "\\\"keis\\\":[", false},
		{"a key of another curve", 1, "P-256", "P-255", false},
		{"an endpoint over http", 1, "https://i.test/auth", "http://i.test/auth", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_make();
		struct err e = {0};
		char text[sizeof(w->kept) + 64];
		CHECK_ROW(rows[i].name);
		world_start(w);
		world_fresh(w);
		courier_free(w->courier);
		w->n_told = w->n_notes = w->n_asked = 0;
		const char *at = rows[i].find != NULL ? strstr(w->kept, rows[i].find) : w->kept;
		assert_non_null(at);
		(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - w->kept), w->kept,
			rows[i].put != NULL ? rows[i].put : "",
			at + (rows[i].find != NULL ? strlen(rows[i].find) : 0));
		w->now.ms += rows[i].later * 1000;
		w->now.utc += rows[i].later;
		world_start(w);
		assert_int_equal(courier_restore(w->courier, 0, span_of(text), &e), rows[i].good);
		courier_link(w->courier, 1);
		assert_int_equal(w->n_told, rows[i].good ? 1 : 0);
		if (rows[i].good) {
			assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
			assert_int_equal(world_last(w)->r.fetched, 1795000000);
			assert_string_equal(world_last(w)->jwks, w->jwks);
			assert_string_equal(world_last(w)->authorize, "https://i.test/auth");
		}
		(void)courier_turn(w->courier);
		assert_non_null(strstr(world_next(w)->url, "openid-configuration"));
		world_free(w);
	}
	(void)state;
}

/* A restart while the issuer is down loses nothing, and its ETag is of use when it is back. */
static void
restored_down(void **state)
{
	struct world *w = *state;

	world_start(w);
	(void)courier_turn(w->courier);
	world_reply(w, 200, DOCUMENT("https://i.test"));
	world_answer(w, (struct fetch_answer){.status = 200,
				.body = span_of(w->jwks),
				.etag = SPAN("\"v1\""),
				.max_age = -1});
	courier_free(w->courier);
	w->now.ms += 3600000;
	world_start(w);
	assert_true(courier_restore(w->courier, 0, span_of(w->kept), NULL));
	(void)courier_turn(w->courier);
	world_reply(w, 0, NULL);
	courier_link(w->courier, 1);
	assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
	CHECK_ROW("until they are too old");
	for (int i = 0; i < 60; i++) {
		world_pass(w, 3600000);
		if (world_open(w) > 0)
			world_reply(w, 0, NULL);
	}
	courier_link(w->courier, 2);
	assert_int_equal(world_last(w)->r.kind, REPORT_TROUBLE);
	CHECK_ROW("no ETag without keys");
	world_pass(w, 30000);
	world_reply(w, 200, DOCUMENT("https://i.test"));
	assert_string_equal(world_next(w)->etag, "");
	world_reply(w, 200, w->jwks);
	assert_int_equal(world_last(w)->r.kind, REPORT_KEYS);
}

/* ---- what is told to people ---- */

static void
told(void **state)
{
	struct world *w = *state;
	AUTO_BUF json = BUF_INIT(65536);
	AUTO_BUF metrics = BUF_INIT(65536);
	char set[16384];

	w->issuer[0].name = "Facility \"X\"";
	world_start(w);
	assert_true(courier_changed(w->courier));
	assert_false(courier_changed(w->courier));
	(void)courier_turn(w->courier);
	world_reply(w, 200, DOCUMENT("https://i.test"));
	CHECK_ROW("a key that is dropped is told once; a private one loudly");
	(void)snprintf(set, sizeof(set),
		"{\"keys\":[{\"kty\":\"EC\",\"kid\":\"leak\",\"d\":\"AAAA\"},%s", w->jwks + 9);
	world_reply(w, 200, set);
	assert_true(courier_changed(w->courier));
	assert_int_equal(w->n_notes, 2);
	assert_non_null(strstr(w->notes[0], "0 issuer.keys: a published key is not used (key 1 "
					    "\"leak\" dropped: PRIVATE KEY MATERIAL"));
	world_pass(w, 3600000);
	world_reply(w, 200, set);
	assert_int_equal(w->n_notes, 2);
	world_pass(w, 3600000);
	world_reply(w, 0, NULL);
	world_pass(w, 500);
	courier_tell_json(w->courier, &json);
	check_span(buf_span(&json),
		"{\"issuers\":[{\"issuer\":\"https://i.test\",\"name\":\"Facility \\\"X\\\"\","
		"\"profile\":\"generic\",\"source\":\"discovery\",\"state\":\"stale\",\"keys\":1,"
		"\"dropped\":1,\"failures\":1,\"fetched\":1795003600,\"next\":1795007201,"
		"\"error\":\"keys: connection refused\",\"since\":1795007200}]}");
	courier_tell_metrics(w->courier, &metrics);
	buf_addc(&metrics, '\0');
	const char *const lines[] = {"# TYPE pan_issuer_state gauge\n",
		"\npan_issuer_state{issuer=\"https://i.test\",state=\"stale\"} 1\n",
		"\npan_issuer_state{issuer=\"https://i.test\",state=\"fresh\"} 0\n",
		"\npan_issuer_keys{issuer=\"https://i.test\"} 1\n",
		"\npan_issuer_age_seconds{issuer=\"https://i.test\"} 3600\n",
		"\npan_issuer_failures_total{issuer=\"https://i.test\"} 1\n",
		"# HELP pan_introspections_total "};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		CHECK_ROW(lines[i]);
		assert_non_null(strstr(metrics.p, lines[i]));
	}
	assert_null(strstr(metrics.p, "pan_introspections_total{"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_round, setup, teardown),
		cmocka_unit_test(intervals),
		cmocka_unit_test(failures),
		cmocka_unit_test_setup_teardown(retries, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_text, setup, teardown),
		cmocka_unit_test_setup_teardown(places, setup, teardown),
		cmocka_unit_test_setup_teardown(moved, setup, teardown),
		cmocka_unit_test(withdrawn),
		cmocka_unit_test_setup_teardown(ages, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_kid, setup, teardown),
		cmocka_unit_test_setup_teardown(no_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(several, setup, teardown),
		cmocka_unit_test(restored),
		cmocka_unit_test_setup_teardown(restored_down, setup, teardown),
		cmocka_unit_test_setup_teardown(told, setup, teardown),
	};
	return cmocka_run_group_tests_name("courier", tests, NULL, NULL);
}
