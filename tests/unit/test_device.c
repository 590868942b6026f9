/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/device.h"
#include "tests/unit/check.h"

#define PENDING "{\"error\":\"authorization_pending\"}"
#define SLOW    "{\"error\":\"slow_down\"}"
#define TOKENS  "{\"access_token\":\"at\",\"token_type\":\"Bearer\"}"

/* One answer a step, each given at the moment that the one before asked for; interval 5 s, 600 s in
 * all.  wait: seconds until the next question; 0: it ended so. */
static const struct step {
	unsigned status;
	const char *body;
	int64_t retry_after;
	enum device_turn turn;
	unsigned wait;
	enum err_code code;
} flow_good[] = {{400, PENDING, -1, DEVICE_AGAIN, 5, ERR_NONE},
	{400, SLOW, -1, DEVICE_AGAIN, 10, ERR_NONE}, {400, PENDING, -1, DEVICE_AGAIN, 10, ERR_NONE},
	{400, SLOW, -1, DEVICE_AGAIN, 15, ERR_NONE}, {200, TOKENS, -1, DEVICE_DONE, 0, ERR_NONE}},
  flow_trouble[] = {{0, "", -1, DEVICE_AGAIN, 10, ERR_NONE},
	  {502, "<html>", -1, DEVICE_AGAIN, 20, ERR_NONE},
	  {503, "", -1, DEVICE_AGAIN, 40, ERR_NONE}, {0, "", -1, DEVICE_AGAIN, 80, ERR_NONE},
	  {0, "", -1, DEVICE_AGAIN, 80, ERR_NONE}, /* it does not grow for ever */
	  {400, PENDING, -1, DEVICE_AGAIN, 5, ERR_NONE}, {0, "", -1, DEVICE_AGAIN, 10, ERR_NONE},
	  {429, "", 33, DEVICE_AGAIN, 33, ERR_NONE}, {429, "", 100000, DEVICE_AGAIN, 120, ERR_NONE},
	  {200, TOKENS, -1, DEVICE_DONE, 0, ERR_NONE}},
  flow_denied[] = {{400, "{\"error\":\"access_denied\"}", -1, DEVICE_NO, 0, ERR_DENIED}},
  flow_expired[] = {{400, "{\"error\":\"expired_token\"}", -1, DEVICE_NO, 0, ERR_LIMIT}},
  flow_other[] = {{400, "{\"error\":\"invalid_client\"}", -1, DEVICE_NO, 0, ERR_UPSTREAM}},
  flow_empty[] = {{400, "", -1, DEVICE_NO, 0, ERR_UPSTREAM}},
  flow_redirect[] = {{302, "", -1, DEVICE_NO, 0, ERR_UPSTREAM}},
  flow_bound[] = {{200, "{\"access_token\":\"a\",\"token_type\":\"DPoP\"}", -1, DEVICE_NO, 0,
	  ERR_UPSTREAM}};

#define FLOW(f) f, sizeof(f) / sizeof((f)[0])
static const struct {
	const char *name;
	const struct step *step;
	size_t n;
} flows[] = {{"pending, slower, tokens", FLOW(flow_good)}, {"trouble", FLOW(flow_trouble)},
	{"denied", FLOW(flow_denied)}, {"expired", FLOW(flow_expired)},
	{"another error", FLOW(flow_other)}, {"an error without a reason", FLOW(flow_empty)},
	{"a redirect", FLOW(flow_redirect)}, {"another kind of token", FLOW(flow_bound)}};

static void
judging(void **state)
{
	const struct oauth_code code = {.expires_in = 600, .interval = 5};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 1U << 20));
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		struct device d;
		CHECK_ROW(flows[i].name);
		device_begin(&code, 1000, &d);
		assert_int_equal(d.next_ms, 6000);
		for (size_t k = 0; k < flows[i].n; k++) {
			const struct step *s = &flows[i].step[k];
			const struct device_answer a = {
				s->status, span_of(s->body), s->retry_after};
			struct oauth_tokens t = {.lifetime = 0};
			struct err e = {0};
			int64_t now = d.next_ms;
			assert_int_equal(device_judge(&d, &a, now, &mem, &t, &e), s->turn);
			assert_int_equal(e.code, s->code);
			if (s->turn == DEVICE_AGAIN)
				assert_int_equal(d.next_ms - now, s->wait * 1000);
			assert_int_equal(t.access.n > 0, s->turn == DEVICE_DONE);
			oauth_tokens_fini(&t);
		}
	}
}

/* Whatever the issuer says, it ends. */
static void
ending(void **state)
{
	static const char *const bodies[] = {PENDING, SLOW, NULL};
	const struct oauth_code code = {.expires_in = OAUTH_WAIT_MAX, .interval = 1};
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 4U << 20));
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const struct device_answer a = {
			bodies[i] != NULL ? 400 : 0, span_of(bodies[i]), -1};
		struct oauth_tokens t;
		struct device d;
		struct err e = {0};
		int64_t now = 0;
		unsigned asked = 0;
		device_begin(&code, 0, &d);
		do {
			assert_true(d.next_ms > now);
			now = d.next_ms;
			assert_true(now < d.until_ms);
			assert_true(++asked <= OAUTH_WAIT_MAX);
			arena_reset(&mem);
		} while (device_judge(&d, &a, now, &mem, &t, &e) == DEVICE_AGAIN);
		assert_int_equal(e.code, ERR_LIMIT);
	}
}

static void
left(void **state)
{
	const struct oauth_code code = {.expires_in = 10, .interval = 5};
	struct device d;

	(void)state;
	device_begin(&code, 500, &d);
	assert_int_equal(device_left(&d, 500), 10);
	assert_int_equal(device_left(&d, 501), 10);
	assert_int_equal(device_left(&d, 10499), 1);
	assert_int_equal(device_left(&d, 10500), 0);
	assert_int_equal(device_left(&d, 99999), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judging),
		cmocka_unit_test(ending),
		cmocka_unit_test(left),
	};
	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
