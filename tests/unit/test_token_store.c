/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/token_store.h"
#include "tests/unit/client_world.h"

#include <dirent.h>
#include <sys/wait.h>

static void
make(struct token_login *l, const char *server, const char *issuer, const char *token,
	int64_t saved)
{
	assert_true(token_login_init(l));
	assert_true(token_login_text(l, &l->server, span_of(server), NULL));
	assert_true(token_login_text(l, &l->issuer, span_of(issuer), NULL));
	assert_true(token_login_text(l, &l->client_id, SPAN("cli"), NULL));
	assert_true(token_login_text(l, &l->token_endpoint, SPAN("https://i.test/t"), NULL));
	assert_true(token_login_text(l, &l->ask, SPAN("resource"), NULL));
	assert_true(secret_set(&l->access, span_of(token)));
	l->saved = saved;
}

static void
keep(struct token_store *s, const char *server, const char *issuer, const char *token,
	int64_t saved)
{
	AUTO_LOGIN l = {.saved = 0};

	make(&l, server, issuer, token, saved);
	assert_true(token_store_save(s, &l, NULL));
}

/* Only files that are meant, for their owner alone. */
static void
folder_is_closed(const struct token_store *s, unsigned files)
{
	struct stat st;
	unsigned n = 0;

	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	DIR *at = opendir(s->path);
	assert_non_null(at);
	for (const struct dirent *d = readdir(at); d != NULL; d = readdir(at)) {
		if (d->d_name[0] == '.' && (d->d_name[1] == '\0' || d->d_name[1] == '.'))
			continue;
		assert_int_equal(fstatat(dirfd(at), d->d_name, &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		n++;
	}
	(void)closedir(at);
	assert_int_equal(n, files);
}

static void
keeping(void **state)
{
	struct world w;
	AUTO_STORE s = {.folder = -1};
	struct err e = {0};

	(void)state;
	world_init(&w, NULL, 0);
	(void)umask(0);
	assert_true(token_store_open(false, &s, NULL)); /* none yet: empty */
	AUTO_LOGIN none = {.saved = 0};
	assert_false(token_store_newest(&s, SPAN_NONE, &none, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	assert_false(token_store_lock(&s, &e));
	assert_true(token_store_open(true, &s, NULL));
	keep(&s, "https://a.test", "https://i.test", "a1", 10);
	keep(&s, "https://a.test", "https://j.test", "a2", 30);
	keep(&s, "https://b.test", "https://i.test", "b1", 20);
	keep(&s, "https://a.test", "https://i.test", "a3", 11); /* replaces a1 */
	folder_is_closed(&s, 3);
	assert_int_equal(token_store_servers(&s), 2);

	AUTO_LOGIN a = {.saved = 0};
	assert_true(token_store_load(&s, SPAN("https://a.test"), SPAN("https://i.test"), &a, NULL));
	check_span(secret_open(&a.access), "a3");
	AUTO_LOGIN newest = {.saved = 0};
	assert_true(token_store_newest(&s, SPAN("https://a.test"), &newest, NULL));
	check_span(secret_open(&newest.access), "a2");
	AUTO_LOGIN b = {.saved = 0};
	assert_true(token_store_newest(&s, SPAN("https://b.test"), &b, NULL));
	check_span(secret_open(&b.access), "b1");
	AUTO_LOGIN any = {.saved = 0};
	assert_true(token_store_newest(&s, SPAN_NONE, &any, NULL));
	check_span(secret_open(&any.access), "a2");

	assert_true(token_store_delete(&s, &newest, NULL));
	assert_true(token_store_delete(&s, &newest, NULL)); /* no fault */
	assert_false(
		token_store_load(&s, SPAN("https://a.test"), SPAN("https://j.test"), &none, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	folder_is_closed(&s, 2);
	world_fini(&w);
}

/* A file that others could have read or written, or that is of another login, is refused. */
static void
refusing(void **state)
{
	char names[TOKEN_STORE_MAX][TOKEN_STORE_NAME];
	struct world w;
	AUTO_STORE s = {.folder = -1};
	AUTO_LOGIN l = {.saved = 0};
	struct err e = {0};

	(void)state;
	world_init(&w, NULL, 0);
	assert_true(token_store_open(true, &s, NULL));
	keep(&s, "https://a.test", "https://i.test", "a1", 10);
	assert_int_equal(token_store_names(&s, names), 1);
	assert_int_equal(fchmodat(s.folder, names[0], 0640, 0), 0);
	assert_false(token_store_newest(&s, SPAN_NONE, &l, &e));
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(fchmodat(s.folder, names[0], 0600, 0), 0);
	assert_true(token_store_newest(&s, SPAN_NONE, &l, &e));
	token_login_fini(&l);

	/* the same bytes under another login's name */
	keep(&s, "https://b.test", "https://i.test", "b1", 10);
	assert_int_equal(token_store_names(&s, names), 2);
	assert_int_equal(renameat(s.folder, names[0], s.folder, names[1]), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_false(token_store_load(&s,
			i == 0 ? SPAN("https://a.test") : SPAN("https://b.test"),
			SPAN("https://i.test"), &l, NULL));

	assert_int_equal(symlinkat("/etc/passwd", s.folder, names[0]), 0);
	assert_false(token_store_read(&s, names[0], &l, &e));
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_int_equal(chmod(s.path, 0755), 0); /* mended */
	AUTO_STORE again = {.folder = -1};
	assert_true(token_store_open(false, &again, NULL));
	struct stat st;
	assert_int_equal(stat(s.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	world_fini(&w);
}

/* Two processes: the second waits for the first. */
static void
locking(void **state)
{
	struct world w;
	AUTO_STORE s = {.folder = -1};
	int pipes[2];
	char c = 0;

	(void)state;
	world_init(&w, NULL, 0);
	assert_true(token_store_open(true, &s, NULL));
	assert_true(token_store_lock(&s, NULL));
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		AUTO_STORE own = {.folder = -1};
		bool ok = token_store_open(false, &own, NULL) && token_store_lock(&own, NULL);
		(void)!write(pipes[1], ok ? "y" : "n", 1);
		_exit(0);
	}
	(void)usleep(150000);
	assert_int_equal(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(pipes[0], &c, 1), -1);
	token_store_unlock(&s);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(read(pipes[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeping),
		cmocka_unit_test(refusing),
		cmocka_unit_test(locking),
	};
	return cmocka_run_group_tests_name("token_store", tests, NULL, NULL);
}
