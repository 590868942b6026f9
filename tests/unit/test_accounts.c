/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/accounts.h"
#include "tests/unit/check.h"

#include <time.h>

#define A   "https://a.test"
#define B   "https://b.test"
#define TOP "accounts:\n  - "

static const char *const once[] = {"https://old.test"};
static struct settings_issuer settings[2] = {
	{.issuer = A, .formerly = {once, 1}}, {.issuer = B, .profile = "umbrellaid"}};
static struct issuer items[2];

static struct issuers
both(void)
{
	items[0] = (struct issuer){.iss = SPAN(A), .settings = &settings[0], .user = SPAN("sub")};
	items[1] = (struct issuer){.iss = SPAN(B),
		.settings = &settings[1],
		.user = SPAN("voperson_id"),
		.user_else = SPAN("sub"),
		.edu_id = true};
	return (struct issuers){items, 2};
}

/* Where the fault is and how its message begins; NULL: it reads. */
static void
files(void **state)
{
	static const struct {
		const char *name, *in, *where;
	} rows[] = {
		{"a user", TOP "{issuer: \"" A "\", value: u, user: m}\n", NULL},
		{"proposals alone", TOP "{issuer: \"" A "\", value: u, proposals: [P-1]}\n", NULL},
		{"none", "accounts: []\n", NULL},
		{"the same value of another claim",
			TOP "{issuer: \"" A "\", value: u, user: m}\n  - {issuer: \"" A
			    "\", claim: uid, value: u, user: m}\n",
			NULL},
		{"the same value of another issuer",
			TOP "{issuer: \"" A "\", value: u, user: m}\n  - {issuer: \"" B
			    "\", value: u, user: m}\n",
			NULL},
		{"twice",
			TOP "{issuer: \"" A "\", value: u, user: m}\n  - {issuer: \"" A
			    "\", value: u, user: n}\n",
			"3:5: error: this user stands twice, first in line 2"},
		{"twice by the default claim and by its name",
			TOP "{issuer: \"" A "\", value: u, user: m}\n  - {issuer: \"" A
			    "\", claim: sub, value: u, user: n}\n",
			"3:5: error: this user stands twice"},
		{"twice by an older name",
			TOP "{issuer: \"" A "\", value: u, user: m}\n  - {issuer: \""
			    "https://old.test"
			    "\", value: u, user: n}\n",
			"3:5: error: this user stands twice"},
		{"twice in another case where ids have none",
			TOP "{issuer: \"" B "\", value: u@x, user: m}\n  - {issuer: \"" B
			    "\", value: U@X, user: n}\n",
			"3:5: error: this user stands twice"},
		{"no issuer", TOP "{value: u, user: m}\n", "2:5: error: a row needs an issuer and"},
		{"no value", TOP "{issuer: i, user: m}\n", "2:5: error: a row needs an issuer and"},
		{"linked to nothing", TOP "{issuer: i, value: u}\n",
			"2:5: error: a row needs a user or"},
		{"a key misspelt", TOP "{issuer: i, valeu: u, user: m}\n",
			"2:17: error: unknown key \"valeu\"; did you mean \"value\"?"},
		{"another key above", "account: []\n", "1:1: error: unknown key \"account\""},
		{"not a mapping", "- x\n", "1:1: error: expected a mapping with accounts"},
		{"not a list", "accounts: x\n", "1:11: error: the list `accounts` is missing"},
		{"a row that is a text", TOP "x\n", "2:5: error: expected a mapping with issuer"},
		{"a value that is a list", TOP "{issuer: i, value: [u], user: m}\n",
			"2:24: error: value must be one text"},
		{"a control character", TOP "{issuer: i, value: \"a\\u0085b\", user: m}\n",
			"2:24: error: value: holds a control character"},
		{"proposals as a text", TOP "{issuer: \"" A "\", value: u, proposals: P-1}\n",
			"2:53: error: proposals must be a list"},
		{"a proposal that is a list",
			TOP "{issuer: \"" A "\", value: u, proposals: [[x]]}\n",
			"2:54: error: a proposal must be one text"},
		{"no YAML of ours", "accounts: &x []\n", "1:11: error: "},
		{"an issuer that is not here", TOP "{issuer: i, value: u, user: m}\n",
			"2:5: warning: no issuer of this name"},
		{"a name that its holder chooses",
			TOP "{issuer: \"" A "\", claim: preferred_username, value: u, user: m}\n",
			"2:39: warning: claim: where its holder"},
		{"eight other claims",
			TOP "{issuer: \"" A "\", claim: a, value: u, user: m}\n"
			    "  - {issuer: \"" A "\", claim: b, value: u, user: m}\n"
			    "  - {issuer: \"" A "\", claim: c, value: u, user: m}\n"
			    "  - {issuer: \"" A "\", claim: d, value: u, user: m}\n"
			    "  - {issuer: \"" A "\", claim: e, value: u, user: m}\n"
			    "  - {issuer: \"" A "\", claim: f, value: u, user: m}\n"
			    "  - {issuer: \"" A "\", claim: g, value: u, user: m}\n"
			    "  - {issuer: \"" A "\", claim: h, value: u, user: m}\n",
			"9:39: error: claim: more than 8"},
	};
	struct issuers all = both();

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_BUF report = BUF_INIT(8192);
		AUTO_BUF want = BUF_INIT(256);
		struct accounts *a = NULL;
		struct err e = {0};
		CHECK_ROW(rows[k].name);
		bool ok = accounts_load(span_of(rows[k].in), "f", &all, &report, &a, &e);
		bool error = rows[k].where != NULL && strstr(rows[k].where, "error") != NULL;
		assert_int_equal(ok, !error);
		assert_int_equal(e.code, error ? ERR_SYNTAX : ERR_NONE);
		buf_addf(&want, "f:%s", rows[k].where != NULL ? rows[k].where : "");
		if (rows[k].where == NULL)
			assert_int_equal(report.n, 0);
		else if (!span_starts(buf_span(&report), buf_span(&want)))
			fail_msg("got \"%.*s\", want \"%s\"", SPAN_ARG(buf_span(&report)),
				rows[k].where);
		accounts_free(a);
	}
}

static const char file[] =
	"accounts:\n"
	"  - {issuer: \"" A "\", value: alice, user: asmith}\n"
	"  - {issuer: \"https://old.test\", value: carol, user: cjones}\n"
	"  - {issuer: \"" A "\", claim: email, value: bob@x.org, user: bob, proposals: [MX-1]}\n"
	"  - {issuer: \"" A "\", claim: ext/orcid, value: 0000-0002, user: dora}\n"
	"  - {issuer: \"" B "\", value: 0AB1@umbrella.test, proposals: [MX-1, MA-2]}\n"
	"  - {issuer: \"" B "\", claim: sub, value: s-9, user: egon}\n";

static void
finding(void **state)
{
	static const struct {
		const char *name;
		int issuer;
		const char *sub, *claims, *user;
		size_t proposals;
	} rows[] = {
		{"by sub", 0, "alice", "{}", "asmith", 0},
		{"another case is another user", 0, "Alice", "{}", NULL, 0},
		{"the same sub of another issuer", 1, "alice", "{}", NULL, 0},
		{"by an older name of the issuer", 0, "carol", "{}", "cjones", 0},
		{"by a verified address", 0, "x",
			"{\"email\":\"bob@x.org\",\"email_verified\":true}", "bob", 1},
		{"not verified", 0, "x", "{\"email\":\"bob@x.org\",\"email_verified\":false}", NULL,
			0},
		{"verified as a text", 0, "x",
			"{\"email\":\"bob@x.org\",\"email_verified\":\"true\"}", NULL, 0},
		{"verified or not is not said", 0, "x", "{\"email\":\"bob@x.org\"}", NULL, 0},
		{"the address of another issuer", 1, "x",
			"{\"email\":\"bob@x.org\",\"email_verified\":true}", NULL, 0},
		{"deeper", 0, "x", "{\"ext\":{\"orcid\":\"0000-0002\"}}", "dora", 0},
		{"one of a list", 0, "x", "{\"ext\":{\"orcid\":[1,\"z\",\"0000-0002\"]}}", "dora",
			0},
		{"another kind", 0, "x", "{\"ext\":{\"orcid\":2}}", NULL, 0},
		{"the id before other claims", 0, "alice",
			"{\"email\":\"bob@x.org\",\"email_verified\":true}", "asmith", 0},
		{"in lower case, as the claims give it", 1, "0ab1@umbrella.test", "{}", NULL, 2},
		{"by sub where the id is another claim", 1, "v", "{\"sub\":\"s-9\"}", "egon", 0},
		{"nobody", 0, "", "{}", NULL, 0},
	};
	struct issuers all = both();
	AUTO_BUF report = BUF_INIT(8192);
	struct accounts *a = NULL;

	(void)state;
	assert_true(accounts_load(span_of(file), "f", &all, &report, &a, NULL));
	assert_int_equal(report.n, 0);
	assert_int_equal(accounts_count(a), 6);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		AUTO_JSON j = json_parse(span_of(rows[k].claims), NULL, NULL);
		struct subject s = {.authenticated = true, .sub = span_of(rows[k].sub)};
		CHECK_ROW(rows[k].name);
		accounts_find(a, &all.item[rows[k].issuer], j, &s);
		check_span(s.local_user, rows[k].user);
		assert_true((s.local_user.p != NULL) == (rows[k].user != NULL)); /* registered? */
		assert_int_equal(s.n_proposals, rows[k].proposals);
	}
	struct subject linked = {
		.authenticated = true, .sub = SPAN("alice"), .local_user = SPAN("mallory")};
	accounts_find(a, &all.item[0], NULL, &linked);
	check_span(linked.local_user, "mallory");
	struct subject nobody = {.sub = SPAN("alice")};
	accounts_find(a, &all.item[0], NULL, &nobody);
	check_span(nobody.local_user, NULL);
	accounts_find(NULL, &all.item[0], NULL, &linked);
	accounts_free(a);
	accounts_free(NULL);
}

/* The size that is promised: 100 000 rows, each found; one more is refused. */
static void
many(void **state)
{
	struct issuers all = both();
	AUTO_BUF text = BUF_INIT(ACCOUNTS_BYTES_MAX);
	AUTO_BUF report = BUF_INIT(8192);
	struct accounts *a = NULL;
	struct timespec t[2];
	char sub[32];

	(void)state;
	buf_adds(&text, "accounts:\n");
	for (unsigned k = 0; k < ACCOUNTS_MAX; k++)
		buf_addf(&text,
			"  - {issuer: \"" A "\", claim: sub, value: \"%u@umbrellaid.org\", user: "
			"user%u, proposals: [MX-%u, MA-%u]}\n",
			k, k, k, k + 1);
	(void)clock_gettime(CLOCK_MONOTONIC, &t[0]);
	bool ok = accounts_load(buf_span(&text), "f", &all, &report, &a, NULL);
	if (!ok)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	(void)clock_gettime(CLOCK_MONOTONIC, &t[1]);
	print_message("    %zu bytes in %.2f s\n", text.n,
		(double)(t[1].tv_sec - t[0].tv_sec) + (double)(t[1].tv_nsec - t[0].tv_nsec) / 1e9);
	assert_int_equal(accounts_count(a), ACCOUNTS_MAX);
	for (unsigned k = 0; k < ACCOUNTS_MAX; k++) {
		struct subject s = {.authenticated = true};
		(void)snprintf(sub, sizeof(sub), "%u@umbrellaid.org", k);
		s.sub = span_of(sub);
		accounts_find(a, &all.item[0], NULL, &s);
		(void)snprintf(sub, sizeof(sub), "user%u", k);
		assert_true(span_is(s.local_user, sub) && s.n_proposals == 2);
	}
	accounts_free(a);
	buf_adds(&text, "  - {issuer: x, value: y, user: z}\n");
	assert_false(accounts_load(buf_span(&text), "f", &all, &report, &a, NULL));
	buf_addc(&report, '\0');
	assert_non_null(strstr(report.p, "f:2:3: error: accounts has more than 100000 rows"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(finding),
		cmocka_unit_test(many),
	};
	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
