/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/tokens.h"
#include "tests/unit/client_world.h"

static void
stripping(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {{"a", "a"}, {" \t\n\v\f\ra\r\n", "a"}, {"a b", "a b"}, {" \n", ""}, {"", ""},
		{"\xc2\xa0"
		 "a",
			"\xc2\xa0"
			"a"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].text);
		check_span(tokens_strip(span_of(rows[i].text)), rows[i].want);
	}
}

/* One place a column; NULL: nothing there.  want: the token, or NULL with the code. */
static const struct {
	const char *name, *option, *env, *env_file, *run, *tmp;
	mode_t mode; /* of run and tmp; 0: 0600 */
	const char *want;
	enum tokens_from from;
	enum err_code code;
} rows_order[] = {
	{"all", "o", "e", "f", "r", "t", 0, "o", TOKENS_FILE, ERR_NONE},
	{"no option", NULL, "e", "f", "r", "t", 0, "e", TOKENS_ENV, ERR_NONE},
	{"the file that is named", NULL, NULL, "f", "r", "t", 0, "f", TOKENS_ENV_FILE, ERR_NONE},
	{"the file of the session", NULL, NULL, NULL, "r", "t", 0, "r", TOKENS_RUNTIME, ERR_NONE},
	{"the file in /tmp", NULL, NULL, NULL, NULL, "t", 0, "t", TOKENS_TMP, ERR_NONE},
	{"nothing", NULL, NULL, NULL, NULL, NULL, 0, NULL, TOKENS_NONE, ERR_ABSENT},
	{"blanks are taken off", NULL, " e\n", NULL, NULL, NULL, 0, "e", TOKENS_ENV, ERR_NONE},
	{"what is empty is passed over", NULL, " ", "\n", "\t", "t\n", 0, "t", TOKENS_TMP,
		ERR_NONE},
	{"what is no token ends it", NULL, "e e", "f", "r", "t", 0, NULL, TOKENS_NONE, ERR_SYNTAX},
	{"so in a file", NULL, NULL, "f\"", "r", "t", 0, NULL, TOKENS_NONE, ERR_SYNTAX},
	{"so in the session's", NULL, NULL, NULL, "{\"a\":1}", "t", 0, NULL, TOKENS_NONE,
		ERR_SYNTAX},
	{"an empty file that was asked for", " ", "e", NULL, NULL, NULL, 0, NULL, TOKENS_NONE,
		ERR_SYNTAX},
	{"others may read", NULL, NULL, NULL, "r", NULL, 0644, "r", TOKENS_RUNTIME, ERR_NONE},
	{"the group may write", NULL, NULL, NULL, "r", "t", 0620, NULL, TOKENS_NONE, ERR_DENIED},
	{"others may write", NULL, NULL, NULL, NULL, "t", 0602, NULL, TOKENS_NONE, ERR_DENIED},
};

static void
put(struct world *w, const char *folder, const char *text, mode_t mode)
{
	char path[160];
	char name[64];

	(void)snprintf(path, sizeof(path), "%s/%s", w->dir, folder);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(name, sizeof(name), "%s/bt_u%u", folder, (unsigned)geteuid());
	if (text != NULL)
		(void)world_file(w, name, mode != 0 ? mode : 0600, text, path, sizeof(path));
}

static void
order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows_order) / sizeof(rows_order[0]); i++) {
		struct world w;
		AUTO_TOKENS got = {.from = TOKENS_NONE};
		struct err e = {0};
		char option[160];
		char named[160];
		char run[96];
		char tmp[96];
		CHECK_ROW(rows_order[i].name);
		world_init(&w, NULL, 0);
		put(&w, "run", rows_order[i].run, rows_order[i].mode);
		put(&w, "tmp", rows_order[i].tmp, rows_order[i].mode);
		(void)snprintf(run, sizeof(run), "%s/run", w.dir);
		(void)snprintf(tmp, sizeof(tmp), "%s/tmp", w.dir);
		assert_int_equal(setenv("XDG_RUNTIME_DIR", run, 1), 0);
		if (rows_order[i].env != NULL)
			assert_int_equal(setenv("BEARER_TOKEN", rows_order[i].env, 1), 0);
		if (rows_order[i].env_file != NULL)
			assert_int_equal(
				setenv("BEARER_TOKEN_FILE",
					world_file(&w, "named", 0644, rows_order[i].env_file, named,
						sizeof(named)),
					1),
				0);
		struct tokens_options o = {.tmp = tmp, .client = &w.client};
		if (rows_order[i].option != NULL)
			o.file = world_file(
				&w, "option", 0644, rows_order[i].option, option, sizeof(option));
		bool ok = tokens_find("https://d.test/data/x", &o, &got, &e);
		assert_int_equal(ok, rows_order[i].want != NULL);
		assert_int_equal(e.code, rows_order[i].code);
		assert_int_equal(got.from, rows_order[i].from);
		if (ok)
			check_span(secret_open(&got.token), rows_order[i].want);
		assert_int_equal(w.said.n, 0); /* nobody was asked */
		world_fini(&w);
	}
}

/* Faults of places: a file that is named must be there, a known one may be missing. */
static void
places(void **state)
{
	struct world w;
	AUTO_TOKENS got = {.from = TOKENS_NONE};
	struct err e = {0};
	char path[160];

	(void)state;
	world_init(&w, NULL, 0);
	struct tokens_options o = {.tmp = w.dir, .client = &w.client};
	assert_int_equal(setenv("BEARER_TOKEN_FILE", "/nonexistent/x", 1), 0);
	assert_false(tokens_find(NULL, &o, &got, &e));
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_string_equal(e.msg, "$BEARER_TOKEN_FILE: /nonexistent/x: No such file or directory");
	(void)unsetenv("BEARER_TOKEN_FILE");
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/nonexistent", 1), 0);
	assert_false(tokens_find(NULL, &o, &got, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	/* a link to a good file is not followed in /tmp */
	char target[160];
	(void)world_file(&w, "t", 0600, "t", target, sizeof(target));
	(void)snprintf(path, sizeof(path), "%s/bt_u%u", w.dir, (unsigned)geteuid());
	assert_int_equal(symlink(target, path), 0);
	assert_false(tokens_find(NULL, &o, &got, &e));
	assert_int_equal(e.code, ERR_DENIED);
	assert_non_null(strstr(e.msg, "a link is not followed here"));
	assert_false(tokens_find("http://d.test/", &o, &got, &e)); /* CLI-6 */
	assert_int_equal(e.code, ERR_SYNTAX);
	world_fini(&w);
}

/* Somebody else's file under our name is neither used nor in the way. */
static void
foreign(void **state)
{
	struct world w;
	AUTO_TOKENS got = {.from = TOKENS_NONE};
	struct err e = {0};
	char path[160];

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	world_init(&w, NULL, 0);
	const struct tokens_options o = {.tmp = w.dir, .client = &w.client};
	put(&w, "run", "r", 0644);
	(void)snprintf(path, sizeof(path), "%s/run", w.dir);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", path, 1), 0);
	(void)snprintf(path, sizeof(path), "%s/run/bt_u0", w.dir);
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_false(tokens_find(NULL, &o, &got, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	(void)snprintf(path, sizeof(path), "%s/bt_u0", w.dir);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(lchown(path, 12345, 0), 0);
	assert_false(tokens_find(NULL, &o, &got, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	world_fini(&w);
}

/* ---- the kept login ---- */

#define NOW 1000000000
#define T   "https://i.test/t"
#define GOOD                                                                                       \
	"{\"access_token\":\"new\",\"token_type\":\"Bearer\",\"expires_in\":600,\"refresh_"        \
	"token\":\"r2\"}"
#define GONE "{\"error\":\"invalid_grant\",\"error_description\":\"grant request is invalid\"}"

/* expires: seconds from now.  want NULL: `code`.  refresh: what is kept afterwards. */
static const struct {
	const char *name;
	int64_t expires;
	const char *refresh;
	bool renew;
	struct world_row row;
	const char *want, *kept;
	enum err_code code;
} rows_kept[] = {
	{"good", 600, "r1", false, {T, 200, GOOD}, "old", "r1", ERR_NONE},
	{"61 s left", 61, "r1", false, {T, 200, GOOD}, "old", "r1", ERR_NONE},
	{"60 s left", 60, "r1", false, {T, 200, GOOD}, "new", "r2", ERR_NONE},
	{"ended", -5, "r1", false, {T, 200, GOOD}, "new", "r2", ERR_NONE},
	{"it is wanted", 600, "r1", true, {T, 200, GOOD}, "new", "r2", ERR_NONE},
	{"no end is known", -NOW, "r1", false, {T, 200, GOOD}, "old", "r1", ERR_NONE},
	{"the issuer is away, some time is left", 30, "r1", false, {T, 0, ""}, "old", "r1",
		ERR_NONE},
	{"the issuer is away", -5, "r1", false, {T, 0, ""}, NULL, "r1", ERR_UPSTREAM},
	{"the issuer is away, and it is wanted", 600, "r1", true, {T, 0, ""}, NULL, "r1",
		ERR_UPSTREAM},
	{"the login has ended", -5, "r1", false, {T, 400, GONE}, NULL, "r1", ERR_UNAUTH},
	{"nothing to renew it with", -5, NULL, false, {T, 200, GOOD}, NULL, NULL, ERR_UNAUTH},
	{"the same refresh token stays", -5, "r1", false,
		{T, 200, "{\"access_token\":\"new\",\"token_type\":\"Bearer\"}"}, "new", "r1",
		ERR_NONE},
	{"an answer of another kind", -5, "r1", false, {T, 200, "{}"}, NULL, "r1", ERR_UPSTREAM},
	{"a page", -5, "r1", false, {T, 502, "<html>"}, NULL, "r1", ERR_UPSTREAM},
};

static void
kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows_kept) / sizeof(rows_kept[0]); i++) {
		struct world w;
		AUTO_STORE s = {.folder = -1};
		AUTO_LOGIN l = {.saved = 0};
		AUTO_LOGIN after = {.saved = 0};
		AUTO_TOKENS got = {.from = TOKENS_NONE};
		struct err e = {0};
		CHECK_ROW(rows_kept[i].name);
		world_init(&w, &rows_kept[i].row, 1);
		assert_true(token_store_open(true, &s, NULL));
		assert_true(token_login_init(&l));
		l.server = SPAN("https://d.test");
		l.issuer = SPAN("https://i.test");
		l.client_id = SPAN("cli");
		l.token_endpoint = SPAN(T);
		l.audience = SPAN("https://d.test/");
		l.ask = SPAN("resource");
		l.expires = NOW + rows_kept[i].expires;
		assert_true(secret_set(&l.access, SPAN("old")));
		if (rows_kept[i].refresh != NULL)
			assert_true(secret_set(&l.refresh, span_of(rows_kept[i].refresh)));
		assert_true(token_store_save(&s, &l, NULL));
		const struct tokens_options o = {
			.tmp = w.dir, .client = &w.client, .renew = rows_kept[i].renew};
		bool ok = tokens_find("https://D.test/data/x", &o, &got, &e);
		assert_int_equal(ok, rows_kept[i].want != NULL);
		assert_int_equal(e.code, ok ? ERR_NONE : rows_kept[i].code);
		if (ok)
			check_span(secret_open(&got.token), rows_kept[i].want);
		assert_true(token_store_newest(&s, SPAN_NONE, &after, NULL));
		check_span(secret_open(&after.refresh), rows_kept[i].kept);
		if (ok)
			check_span(secret_open(&after.access), rows_kept[i].want);
		if (w.said.n > 0)
			check_span(buf_span(&w.said),
				T " grant_type=refresh_token&refresh_token=r1&client_id=cli"
				  "&resource=https%3A%2F%2Fd.test%2F\n");
		world_fini(&w);
	}
}

/* Without a URL, only when it is clear which server is meant; never another server's. */
static void
servers(void **state)
{
	struct world w;
	AUTO_STORE s = {.folder = -1};

	(void)state;
	world_init(&w, NULL, 0);
	const struct tokens_options o = {.tmp = w.dir, .client = &w.client};
	assert_true(token_store_open(true, &s, NULL));
	for (unsigned i = 0; i < 2; i++) {
		AUTO_LOGIN l = {.saved = 0};
		AUTO_TOKENS got = {.from = TOKENS_NONE};
		assert_true(token_login_init(&l));
		l.server = i == 0 ? SPAN("https://a.test") : SPAN("https://b.test");
		l.issuer = SPAN("https://i.test");
		l.client_id = SPAN("cli");
		l.token_endpoint = SPAN(T);
		l.ask = SPAN("none");
		assert_true(secret_set(&l.access, i == 0 ? SPAN("a") : SPAN("b")));
		assert_true(token_store_save(&s, &l, NULL));
		assert_int_equal(tokens_find(NULL, &o, &got, NULL), i == 0);
		tokens_fini(&got);
		assert_false(tokens_find("https://c.test", &o, &got, NULL));
		assert_false(tokens_find("https://a.test:8443", &o, &got, NULL));
		assert_true(tokens_find("https://a.test/x", &o, &got, NULL));
		check_span(secret_open(&got.token), "a");
	}
	world_fini(&w);
}

static bool
no_choice(void *arg, const struct metadata *m, size_t *ret)
{
	(void)arg;
	(void)m;
	(void)ret;
	return false;
}

static bool
no_consent(void *arg, const char *server, struct span audience)
{
	(void)arg;
	(void)server;
	(void)audience;
	return false;
}

static void
see_code(void *arg, const struct oauth_code *c, struct span issuer)
{
	(void)c;
	(void)issuer;
	++*(unsigned *)arg;
}

static void
see_time(void *arg, unsigned left)
{
	(void)arg;
	(void)left;
}

/* The last place: a login now, where somebody sits; and when the kept one has ended. */
static void
login_now(void **state)
{
	static const struct world_row rows[] = {
		{"https://d.test" METADATA_PATH, 200,
			"{\"resource\":\"https://d.test/\",\"authorization_servers\":[\"https://"
			"i.test\"],\"pan_issuers\":[{\"issuer\":\"https://i.test\",\"client_id\":"
			"\"cli\"}]}"},
		{"https://i.test/.well-known/openid-configuration", 200,
			"{\"issuer\":\"https://i.test\",\"token_endpoint\":\"https://i.test/t\","
			"\"device_authorization_endpoint\":\"https://i.test/d\"}"},
		{"https://i.test/d", 200,
			"{\"device_code\":\"d\",\"user_code\":\"u\",\"verification_uri\":\"https://"
			"i.test/u\",\"expires_in\":60}"},
		{T, 200,
			"{\"access_token\":\"first\",\"token_type\":\"Bearer\",\"expires_in\":90}"},
		{T, 200, "{\"access_token\":\"second\",\"token_type\":\"Bearer\"}"}};
	static const char *const want[] = {"first", "first", "second"};
	static const enum tokens_from from[] = {TOKENS_LOGIN, TOKENS_KEPT, TOKENS_LOGIN};
	unsigned codes = 0;
	const struct device_login_ui ui = {no_choice, no_consent, see_code, see_time, &codes};
	struct world w;

	(void)state;
	world_init(&w, rows, 5);
	const struct tokens_options o = {.tmp = w.dir, .client = &w.client, .ui = &ui};
	for (unsigned i = 0; i < 3; i++) {
		AUTO_TOKENS got = {.from = TOKENS_NONE};
		assert_true(tokens_find("https://d.test/data/x", &o, &got, NULL));
		check_span(secret_open(&got.token), want[i]);
		assert_int_equal(got.from, from[i]);
		w.ms += i * 100000;
	}
	assert_int_equal(codes, 2);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stripping),
		cmocka_unit_test(order),
		cmocka_unit_test(places),
		cmocka_unit_test(foreign),
		cmocka_unit_test(kept),
		cmocka_unit_test(login_now),
		cmocka_unit_test(servers),
	};
	return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
