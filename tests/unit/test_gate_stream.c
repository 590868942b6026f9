/* SPDX-License-Identifier: Apache-2.0 */
/* What the gate tells the sender of the bytes: rate class, audit level, leave to finish. */
#include "agent/gate_grant.h"
#include "agent/gate_stream.h"

#include "tests/unit/gate_policy.h"

static const char *const files[] = {"/data/10.5072/OPEN/a b.txt", "/data/10.5072/SHUT/a.txt",
	"/data/10.5072/PAID/a.txt", "/data/10.5072/GONE/a.txt", "/data/10.5072/NONE/a.txt"};

static struct grant_rate
rate_for(struct gate_place *p, const char *path, uint8_t network, uint8_t host)
{
	struct http_ask q = {.method = HTTP_GET, .path = span_of(path)};
	struct http_answer a;
	struct grant_rate r;

	q.peer[0] = network;
	q.peer[15] = host;
	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	assert_int_equal(a.status, 200);
	r = a.body == HTTP_FILE ? grant_info(a.grant)->rate : a.rate;
	grant_unref(a.grant);
	return r;
}

static bool
same(struct grant_rate a, struct grant_rate b)
{
	return memcmp(a.who, b.who, sizeof(a.who)) == 0;
}

static void
rates(void **state)
{
	struct gate_place *p = *state;
	const char *list = "/data/10.5072/OPEN/";
	struct policy_set *set = enforce(p, HEAD RECORD OPEN("rate:bulk") TESTS);

	for (size_t i = 0; i < 4; i++)
		p->gate.rate_key[i] = i + 1;
	struct grant_rate r = rate_for(p, files[0], 0x20, 1);
	assert_string_equal(r.name, "bulk");
	assert_int_equal(r.streams, 2);
	assert_int_equal(r.mbit, 80);
	assert_int_equal(r.requests_per_min, 30);
	CHECK_ROW("files and listings of a dataset are of one class");
	assert_true(same(r, rate_for(p, list, 0x20, 1)));
	CHECK_ROW("a /64 is one host, another one is another");
	assert_true(same(r, rate_for(p, files[0], 0x20, 2)));
	assert_false(same(r, rate_for(p, files[0], 0x30, 1)));
	CHECK_ROW("another key, other names");
	p->gate.rate_key[2]++;
	assert_false(same(r, rate_for(p, files[0], 0x20, 1)));
	p->gate.rate_key[2]--;
	relax(p, set);
	CHECK_ROW("another class, another count");
	set = enforce(p, HEAD RECORD OPEN("rate:slow") TESTS);
	struct grant_rate slow = rate_for(p, files[0], 0x20, 1);
	assert_string_equal(slow.name, "slow");
	assert_false(same(r, slow));
	relax(p, set);
	CHECK_ROW("no class");
	assert_string_equal(rate_for(p, files[0], 0x20, 1).name, "");
	CHECK_ROW("what no rule decided is not limited");
	assert_string_equal(rate_for(p, "/healthz", 0x20, 1).name, "");
}

/* A class counts for its subject; whoever has no token counts by address. */
static void
identities(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q = {.path = SPAN("/x"), .peer = {[10] = 0xff, [11] = 0xff, [15] = 1}};
	struct rate class = {.id = SPAN("bulk"), .mbit = 1};
	struct gate_case c = {.ask = &q, .decision = {.permit = true, .rate = &class}};
	struct grant_rate nobody[2];
	struct grant_rate jane[3];
	struct grant_rate none;

	gate_stream_rate(&p->gate, &c, &nobody[0]);
	q.peer[15] = 2; /* IPv4 counts whole */
	gate_stream_rate(&p->gate, &c, &nobody[1]);
	assert_false(same(nobody[0], nobody[1]));
	c.subject = (struct subject){
		.authenticated = true, .iss = SPAN("https://i"), .sub = SPAN("jane")};
	gate_stream_rate(&p->gate, &c, &jane[0]);
	q.peer[15] = 3;
	gate_stream_rate(&p->gate, &c, &jane[1]);
	assert_true(same(jane[0], jane[1]));
	c.subject.iss = SPAN("https://ijane");
	c.subject.sub = SPAN("");
	gate_stream_rate(&p->gate, &c, &jane[2]);
	assert_false(same(jane[0], jane[2]));
	assert_false(same(jane[0], nobody[1]));
	assert_null(memmem(&jane[0], sizeof(jane[0]), "jane", 4));
	c.decision.permit = false;
	gate_stream_rate(&p->gate, &c, &none);
	assert_string_equal(none.name, "");
	CHECK_ROW("whose share of the link: by subject or address, whatever the class");
	assert_true(nobody[0].identity == 0 && jane[0].identity == 0);
	p->settings.limits.link_mbit = 100;
	gate_stream_rate(&p->gate, &c, &none);
	assert_int_equal(none.identity, 0);
	c.decision.permit = true;
	gate_stream_rate(&p->gate, &c, &jane[0]);
	c.decision.rate = NULL;
	q.peer[15] = 4;
	gate_stream_rate(&p->gate, &c, &jane[1]);
	assert_true(jane[0].identity != 0 && jane[0].identity == jane[1].identity);
	c.subject.authenticated = false;
	gate_stream_rate(&p->gate, &c, &nobody[0]);
	q.peer[15] = 5;
	gate_stream_rate(&p->gate, &c, &nobody[1]);
	assert_true(nobody[0].identity != nobody[1].identity);
	assert_true(nobody[0].identity != jane[0].identity);
	p->settings.limits.link_mbit = 0;
}

static void
audit_level(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q = {.method = HTTP_GET, .path = SPAN("/data/10.5072/OPEN/sub/<x>.h5")};
	struct http_answer a;
	struct policy_set *set = enforce(p, HEAD RECORD OPEN("audit:full") TESTS);

	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	check_span(span_skip(q.path, grant_info(a.grant)->audit_from), "sub/<x>.h5");
	grant_unref(a.grant);
	relax(p, set);
	set = enforce(p, HEAD RECORD OPEN("audit:basic") TESTS);
	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	assert_int_equal(grant_info(a.grant)->audit_from, 0);
	grant_unref(a.grant);
	relax(p, set);
}

/* A local extension that nobody here carries out: no permit (POL-10). */
static void
unknown_obligation(void **state)
{
	struct gate_place *p = *state;
	struct http_ask q = {.method = HTTP_GET, .path = SPAN("/data/10.5072/OPEN/a b.txt")};
	struct http_answer a;
	struct policy_set *set = enforce(p, HEAD RECORD OPEN("cite, x-watermark") TESTS);

	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	assert_int_equal(a.status, 401);
	assert_int_equal(a.body, HTTP_INLINE);
	assert_null(a.grant);
	assert_non_null(memmem(
		a.text.p, a.text.n, "\"reason\":\"unknown-obligation\",\"rule\":\"open\"", 43));
	relax(p, set);
}

static void
leave(void **state)
{
	static const struct {
		const char *name, *policy;
		size_t file;
		bool again;
		unsigned status;
		uint32_t seconds;
	} rows[] = {
		{"not asked for a body under way", HEAD FINISH RECORD CLOSED TESTS, 0, false, 401,
			0},
		{"a rule says no, the body may end", HEAD FINISH RECORD CLOSED TESTS, 0, true, 401,
			7200},
		{"cut is the default", HEAD RECORD CLOSED TESTS, 0, true, 401, 0},
		{"an embargo came back", HEAD FINISH RECORD CLOSED TESTS, 1, true, 401, 7200},
		{"withdrawn is withdrawn", HEAD FINISH RECORD CLOSED TESTS, 3, true, 410, 0},
		{"no such dataset", HEAD FINISH RECORD CLOSED TESTS, 4, true, 404, 0},
		{"permitted: a grant, nothing to finish", HEAD FINISH RECORD OPEN("cite") TESTS, 0,
			true, 200, 0},
	};
	struct gate_place *p = *state;

	p->epoch = 5;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_ask q = {.method = HTTP_GET,
			.path = span_of(files[rows[i].file]),
			.again = rows[i].again};
		struct http_answer a;
		struct policy_set *set = enforce(p, rows[i].policy);
		CHECK_ROW(rows[i].name);
		gate_answer(&p->desk, &q, NOW * 1000LL, &a);
		assert_int_equal(a.status, rows[i].status);
		assert_int_equal(a.finish.seconds, rows[i].seconds);
		/* Whatever a front says about itself: no file without a permit. */
		assert_int_equal(a.grant != NULL, rows[i].status == 200);
		assert_int_equal(gate_descriptor(&a) >= 0, rows[i].status == 200);
		if (rows[i].seconds > 0) {
			assert_int_equal(a.finish.epoch, 5);
			assert_true(a.finish.expires > NOW);
		}
		grant_unref(a.grant);
		relax(p, set);
	}
}

/* An expired token is no word against the data; one that is bad otherwise is not looked into. */
static void
tokens(void **state)
{
	static const struct {
		const char *name, *why;
		size_t file;
		uint32_t seconds;
	} rows[] = {
		{"expired, open data", "exp: expired 3 s ago; get a new token", 0, 7200},
		{"expired, data under embargo", "exp: expired 3 s ago; get a new token", 1, 7200},
		{"expired, withdrawn meanwhile", "exp: expired 3 s ago; get a new token", 3, 0},
		{"expired, no such dataset", "exp: expired 3 s ago; get a new token", 4, 0},
		{"revoked", "the issuer says that the token is not active", 0, 0},
	};
	struct gate_place *p = *state;
	struct policy_set *set = enforce(p, HEAD FINISH RECORD OPEN("cite") TESTS);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_ask q = {
			.method = HTTP_GET, .path = span_of(files[rows[i].file]), .again = true};
		struct http_answer a = {.status = 401, .body = HTTP_INLINE};
		struct gate_case c = {.ask = &q, .now = NOW, .epoch = 5, .found = GATE_REFUSED};
		CHECK_ROW(rows[i].name);
		(void)snprintf(
			c.refusal.description, sizeof(c.refusal.description), "%s", rows[i].why);
		gate_stream_finish(&p->desk, &c, &a);
		assert_int_equal(a.finish.seconds, rows[i].seconds);
		assert_null(a.grant);
		q.again = false;
		a.finish.seconds = 0;
		c.found = GATE_REFUSED;
		gate_stream_finish(&p->desk, &c, &a);
		assert_int_equal(a.finish.seconds, 0);
	}
	relax(p, set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),
		cmocka_unit_test(identities),
		cmocka_unit_test(audit_level),
		cmocka_unit_test(unknown_obligation),
		cmocka_unit_test(leave),
		cmocka_unit_test(tokens),
	};
	return cmocka_run_group_tests_name("gate_stream", tests, setup, teardown);
}
