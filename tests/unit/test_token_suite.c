/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/settings.h"
#include "auth/auth.h"
#include "auth/auth_explain.h"
#include "tests/unit/bearer.h"
#include "tests/unit/check.h"

#include <time.h>
#include <unistd.h>

#define SUITE "../shared/cases/tokens"

/*
 * The hostile tokens of the suite beside the project, when it is there, against both signature
 * backends: the same verdict from each (SIG-6), and the status that the case asks for.
 */
struct suite {
	struct settings settings;
	struct settings_issuer issuer[2];
	struct auth *auth[2];
	struct buf text;
	struct span jwks[2];
};

static void
read_all(struct buf *to)
{
	FILE *f = popen("python3 tests/unit/token_suite.py " SUITE, "re");

	assert_non_null(f);
	for (size_t n = 1; n > 0;) {
		assert_true(buf_reserve(to, 65536));
		n = fread(to->p + to->n, 1, 65536, f);
		to->n += n;
	}
	assert_int_equal(pclose(f), 0);
}

static void
load(struct suite *s, struct span a, struct span b)
{
	static const char *const typs[] = {"at+jwt", "JWT", "absent"};
	static const char *const audience[] = {"https://data.test/"};
	static const char *const clients[] = {"oidc-agent"};

	s->jwks[0] = a;
	s->jwks[1] = b;
	for (int i = 0; i < 2; i++)
		s->issuer[i] = (struct settings_issuer){.name = "suite",
			.profile = "generic",
			.typ = {typs, 3},
			.audience = {audience, 1},
			.require_kid = 0,
			.path_scopes = i == 0,
			.allow_any_audience = -1,
			.require_iat = -1};
	s->issuer[0].issuer = "http://127.0.0.1:19577";
	s->issuer[1].issuer = "http://127.0.0.1:19578";
	s->issuer[1].azp = (struct settings_list){clients, 1};
	s->settings = (struct settings){
		.public_url = "https://data.test", .issuers = s->issuer, .n_issuers = 2};
	for (int i = 0; i < 2; i++) {
		AUTO_BUF report = BUF_INIT(65536);
		s->settings.kept_keys = i == 1;
		assert_true(auth_load(&s->settings, &(struct auth_texts){.jwks = s->jwks}, NULL,
			&report, &s->auth[i], NULL));
	}
}

/* As the gate would answer for an existing file at this path. */
static int
status(struct auth *a, struct span token, struct span path, const char **error)
{
	AUTO_ARENA mem = {0};
	AUTO_BUF field = BUF_INIT(1U << 20);
	struct subject who;
	struct auth_refusal why = {.status = 0};

	assert_true(arena_init(&mem, 262144));
	buf_adds(&field, "Bearer ");
	buf_add(&field, token);
	*error = NULL;
	if (bearer(a, buf_span(&field), (int64_t)time(NULL), &mem, &who, &why) &&
		auth_covers(a, &who, path, &mem, &why))
		return 200;
	*error = why.error;
	return why.status;
}

/* As `pan-agent auth explain` would say. */
static int
explained(const struct suite *s, struct span token, struct span path)
{
	static struct auth_explain x;
	const struct auth_explain_case c = {.issuers = auth_issuers(s->auth[0]),
		.jwks = s->jwks,
		.now = (int64_t)time(NULL),
		.path = path};
	AUTO_ARENA mem = {0};

	assert_true(arena_init(&mem, 1U << 20));
	assert_true(auth_explain(&c, token, &mem, &x, NULL));
	return x.status;
}

static bool
expected(struct span statuses, int got)
{
	uint64_t v = 0;

	while (statuses.p != NULL)
		if (span_u64(span_cut(&statuses, ','), 999, &v) && (int)v == got)
			return true;
	return false;
}

static unsigned
judge(struct suite *s, struct span line)
{
	struct span name = span_cut(&line, '\t');
	struct span statuses = span_cut(&line, '\t');
	struct span want_error = span_cut(&line, '\t');
	struct span path = span_cut(&line, '\t');
	const char *error[2];
	int got[2];

	if (span_has(path, '%'))
		return 0; /* the request's syntax, not the token's */
	for (int i = 0; i < 2; i++)
		got[i] = status(s->auth[i], line, path, &error[i]);
	int told = explained(s, line, path);
	bool good = got[0] == got[1] && got[0] == told && expected(statuses, got[0]) &&
		    (got[0] != 401 || span_is(want_error, "-") ||
			    span_eq(want_error, span_of(error[0])));
	if (!good)
		print_error("%.*s: want %.*s, got %d and %d (%s), explained as %d\n",
			SPAN_ARG(name), SPAN_ARG(statuses), got[0], got[1],
			error[0] != NULL ? error[0] : "-", told);
	return !good;
}

static void
cases(void **state)
{
	struct suite s = {.text = BUF_INIT(8U << 20)};
	unsigned bad = 0;
	unsigned n = 0;

	(void)state;
	if (access(SUITE "/mint.py", R_OK) != 0) {
		print_message("    no suite beside the project\n");
		skip();
	}
	read_all(&s.text);
	struct span rest = buf_span(&s.text);
	struct span a = span_cut(&rest, '\n');
	struct span b = span_cut(&rest, '\n');
	load(&s, a, b);
	for (; rest.n > 0; n++)
		bad += judge(&s, span_cut(&rest, '\n'));
	print_message("    %u cases\n", n);
	for (int i = 0; i < 2; i++)
		auth_free(s.auth[i]);
	buf_fini(&s.text);
	assert_true(n > 50);
	assert_int_equal(bad, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
	};
	return cmocka_run_group_tests_name("token_suite", tests, NULL, NULL);
}
