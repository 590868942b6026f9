/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/crypto.h"
#include "agent/cli/cli_auth_keys.h"
#include "tests/unit/client_world.h"

#define I    "https://i.test"
#define JWKS "\"jwks\":\"{\\\"keys\\\":[]}\""
#define GOOD "{\"version\":1,\"issuer\":\"https://i.test\",\"fetched\":1000," JWKS "}"

static const struct {
	const char *name, *text;
	bool good;
} rows_kept[] = {
	{"least", GOOD, true},
	{"with what is the courier's own",
		"{\"version\":1,\"issuer\":\"https://i.test\",\"fetched\":1000,\"etag\":\"x\"," JWKS
		",\"document\":{\"jwks_uri\":\"https://i.test/k\",\"iss_parameter\":true}}",
		true},
	{"another version",
		"{\"version\":2,\"issuer\":\"https://i.test\",\"fetched\":1000," JWKS "}", false},
	{"another issuer",
		"{\"version\":1,\"issuer\":\"https://j.test\",\"fetched\":1000," JWKS "}", false},
	{"no issuer", "{\"version\":1,\"fetched\":1000," JWKS "}", false},
	{"time as text",
		"{\"version\":1,\"issuer\":\"https://i.test\",\"fetched\":\"1000\"," JWKS "}",
		false},
	{"negative time", "{\"version\":1,\"issuer\":\"https://i.test\",\"fetched\":-1," JWKS "}",
		false},
	{"keys that are an object",
		"{\"version\":1,\"issuer\":\"https://"
		"i.test\",\"fetched\":1,\"jwks\":{\"keys\":[]}}",
		false},
	{"torn", "{\"version\":1,\"issuer\":\"https://i.test\",\"fet", false},
	{"nothing", "", false},
};

static void
parsing(void **state)
{
	AUTO_ARENA mem = {0};

	(void)state;
	assert_true(arena_init(&mem, 65536));
	for (size_t i = 0; i < sizeof(rows_kept) / sizeof(rows_kept[0]); i++) {
		struct span jwks = SPAN_NONE;
		int64_t fetched = 0;
		struct err e = {0};
		CHECK_ROW(rows_kept[i].name);
		bool ok = cli_auth_keys_parse(
			span_of(rows_kept[i].text), SPAN(I), &mem, &jwks, &fetched, &e);
		assert_int_equal(ok, rows_kept[i].good);
		if (!ok)
			continue;
		check_span(jwks, "{\"keys\":[]}");
		assert_int_equal(fetched, 1000);
	}
}

/* From STATE_DIR/issuers, by the name's hash, while they are young; or from a key file. */
static void
finding(void **state)
{
	struct world w;
	AUTO_ARENA mem = {0};
	AUTO_BUF name = BUF_INIT(256);
	uint8_t sum[CRYPTO_SHA256_SIZE];
	char path[200];
	struct span jwks = SPAN_NONE;
	struct err e = {0};

	(void)state;
	world_init(&w, NULL, 0);
	assert_true(arena_init(&mem, 65536));
	const struct settings s = {.state_dir = w.dir};
	struct settings_issuer i = {.issuer = I, .stale_max = 172800};
	(void)snprintf(path, sizeof(path), "%s/issuers", w.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(cli_auth_keys(&s, &i, 1000, &mem, &jwks, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	assert_true(crypto_sha256(SPAN(I), sum));
	buf_adds(&name, "issuers/");
	buf_add_hex(&name, sum, sizeof(sum));
	buf_adds(&name, ".json");
	buf_addc(&name, '\0');
	(void)world_file(&w, name.p, 0640, GOOD, path, sizeof(path));
	assert_true(cli_auth_keys(&s, &i, 1000 + 172800, &mem, &jwks, &e));
	check_span(jwks, "{\"keys\":[]}");
	assert_false(cli_auth_keys(&s, &i, 1000 + 172801, &mem, &jwks, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	(void)world_file(&w, name.p, 0640, "{}", path, sizeof(path));
	assert_false(cli_auth_keys(&s, &i, 1000, &mem, &jwks, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	i.jwks_file = world_file(&w, "keys", 0644, "KEYS", path, sizeof(path));
	assert_true(cli_auth_keys(&s, &i, 1000, &mem, &jwks, &e));
	check_span(jwks, "KEYS");
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing),
		cmocka_unit_test(finding),
	};
	return cmocka_run_group_tests_name("cli_auth_keys", tests, NULL, NULL);
}
