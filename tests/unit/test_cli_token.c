/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/scope.h"
#include "agent/cli/cli_token.h"
#include "auth/auth.h"
#include "tests/unit/bearer.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

struct place {
	char dir[64], out[128], config[128];
};

static void
path(const struct place *p, const char *name, char *to, size_t n)
{
	(void)snprintf(to, n, "%s/%s", p->dir, name);
}

static void
slurp(const char *file, struct buf *to)
{
	AUTO_FD fd = open(file, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(buf_reserve(to, 32768));
	ssize_t n = read(fd, to->p, 32768);
	assert_true(n >= 0);
	to->n = (size_t)n;
}

/* cli_token with its standard output in p->out. */
static int
run(const struct place *p, int argc, const char **argv)
{
	(void)fflush(stdout);
	int saved = dup(STDOUT_FILENO);
	int fd = open(p->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	int code = cli_token(argc, (char **)(uintptr_t)argv);
	(void)fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	(void)close(fd);
	return code;
}

static void
clean(const struct place *p)
{
	static const char *const names[] = {"demo-key.pem", "demo-jwks.json", "out", "agent.yaml"};
	char file[160];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path(p, names[i], file, sizeof(file));
		(void)unlink(file);
	}
	(void)rmdir(p->dir);
}

/* auth/ accepts the token in p->out, by that configuration and those keys. */
static void
is_accepted(const struct place *p, struct span config, const char *jwks_file)
{
	AUTO_BUF jwks = BUF_INIT(65536);
	AUTO_BUF field = BUF_INIT(65536);
	AUTO_BUF report = BUF_INIT(65536);
	AUTO_BUF token = BUF_INIT(65536);
	AUTO_ARENA mem = {0};
	struct auth *a = NULL;
	struct subject who;
	struct auth_refusal why = {0};

	struct settings *s = settings_parse(p->config, config, &report, NULL);
	assert_non_null(s);
	slurp(jwks_file, &jwks);
	const struct span keys[] = {buf_span(&jwks)};
	assert_true(auth_load(s, &(struct auth_texts){.jwks = keys}, NULL, &report, &a, NULL));
	slurp(p->out, &token);
	assert_true(token.n > 0 && token.p[token.n - 1] == '\n');
	buf_adds(&field, "Bearer ");
	buf_add(&field, span_first(buf_span(&token), token.n - 1));
	assert_true(arena_init(&mem, 65536));
	int64_t now = (int64_t)time(NULL);
	assert_true(bearer(a, buf_span(&field), now, &mem, &who, &why));
	check_span(who.sub, "alice");
	check_span(who.client, "pan-agent-demo");
	assert_int_equal(who.n_entitlements, 2);
	assert_in_range(who.expires, now + 118, now + 121);
	auth_free(a);
	settings_free(s);
}

static void
wrong_calls(const struct place *p)
{
	const char *other[] = {
		"token", "mint", "--config", p->config, "--sub", "x", "--issuer", "https://x"};
	assert_int_equal(run(p, 8, other), 1);
	const char *nobody[] = {"token", "mint", "--config", p->config};
	assert_int_equal(run(p, 4, nobody), 2);
	const char *unknown[] = {"token", "mint", "--subject", "x"};
	assert_int_equal(run(p, 4, unknown), 2);
	const char *bare[] = {"token", "mint", "--sub"};
	assert_int_equal(run(p, 3, bare), 2);
	const char *help[] = {"token", "--help"};
	assert_int_equal(run(p, 2, help), 0);
}

/* A demo issuer is made, a token minted with it, and auth/ accepts that token. */
static void
from_issuer_to_subject(void **state)
{
	struct place p = {.dir = "/tmp/pan-token-XXXXXX"};
	char key[160];
	char jwks_file[160];
	struct stat st;
	AUTO_BUF config = BUF_INIT(65536);

	(void)state;
	assert_non_null(mkdtemp(p.dir));
	path(&p, "out", p.out, sizeof(p.out));
	path(&p, "agent.yaml", p.config, sizeof(p.config));
	path(&p, "demo-key.pem", key, sizeof(key));
	path(&p, "demo-jwks.json", jwks_file, sizeof(jwks_file));
	const char *make[] = {
		"token", "demo-issuer", "--dir", p.dir, "--issuer", "https://demo.test"};
	assert_int_equal(run(&p, 6, make), 0);
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_adds(&config, "facility: T\ncontact: c\npublic_url: https://data.test\n"
			  "certificates: [{chain: c, key: k}]\npolicy: {files: [p]}\n"
			  "roots: [{name: r, path: /tmp, layout: ., pid: x}]\n");
	AUTO_BUF lines = BUF_INIT(65536);
	slurp(p.out, &lines);
	buf_add(&config, buf_span(&lines));
	AUTO_FD fd = open(p.config, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, config.p, config.n), config.n);
	assert_int_equal(run(&p, 6, make), 1); /* never overwritten */

	const char *mint[] = {"token", "mint", "--config", p.config, "--sub", "alice",
		"--entitlement", "a", "--entitlement", "b", "--lifetime", "2m"};
	assert_int_equal(run(&p, 12, mint), 0);
	is_accepted(&p, buf_span(&config), jwks_file);
	wrong_calls(&p);
	clean(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_issuer_to_subject),
	};
	return cmocka_run_group_tests_name("cli_token", tests, NULL, NULL);
}
