/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_kept.h"

#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ISSUER SPAN_INIT("https://i.test")
/* printf %s https://i.test | sha256sum */
#define NAME "64516cbcc7f0656b9a8315d114f3d0e6e3a2fe80b71a663b0387dbfb0549196b.json"

struct folder {
	char path[64];
	int fd; /* O_PATH, as in the bundle */
	char name[COURIER_KEPT_NAME];
};

static int
setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	(void)snprintf(f->path, sizeof(f->path), "/tmp/test_kept.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_true(courier_kept_name(SPAN("https://i.test"), f->name));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct folder *f = *state;

	(void)unlinkat(f->fd, f->name, 0);
	assert_int_equal(close(f->fd), 0);
	assert_int_equal(rmdir(f->path), 0); /* nothing else was left there */
	free(f);
	return 0;
}

static struct courier_kept
sample(void)
{
	struct courier_kept k = {.issuer = ISSUER,
		.fetched = 1795000000,
		.etag = SPAN_INIT("W/\"a\\b\""),
		.jwks = SPAN_INIT("{\"keys\":[\"\xc3\xbc\"]}"),
		.has_document = true,
		.document = {.iss_parameter = true}};

	(void)strcpy(k.document.url[COURIER_JWKS], "https://i.test/jwks");
	(void)strcpy(k.document.url[COURIER_TOKEN], "https://i.test/token");
	return k;
}

static void
rounds(void **state)
{
	struct folder *f = *state;
	const struct courier_kept k = sample();
	struct courier_kept r;
	struct stat st;

	assert_string_equal(f->name, NAME);
	for (int i = 0; i < 2; i++) {
		AUTO_BUF text = BUF_INIT(COURIER_KEPT_MAX + 4096);
		AUTO_BUF mem = BUF_INIT(COURIER_KEPT_MAX);
		assert_true(courier_kept_save(f->fd, &k, NULL));
		assert_true(courier_kept_load(f->fd, k.issuer, &text, NULL));
		assert_true(courier_kept_parse(buf_span(&text), k.issuer, false, &mem, &r, NULL));
		assert_true(span_eq(r.issuer, k.issuer));
		assert_true(span_eq(r.etag, k.etag));
		assert_true(span_eq(r.jwks, k.jwks));
		assert_int_equal(r.fetched, k.fetched);
		assert_true(r.has_document && r.document.iss_parameter);
		assert_string_equal(r.document.url[COURIER_JWKS], "https://i.test/jwks");
		assert_string_equal(r.document.url[COURIER_TOKEN], "https://i.test/token");
		assert_string_equal(r.document.url[COURIER_USERINFO], "");
		CHECK_ROW("each cut of it is refused");
		for (size_t n = 0; n + 1 < text.n; n++) {
			struct err e = {.code = ERR_NONE};
			AUTO_BUF other = BUF_INIT(COURIER_KEPT_MAX);
			assert_false(courier_kept_parse(
				span_first(buf_span(&text), n), k.issuer, false, &other, &r, &e));
			assert_int_equal(e.code, ERR_SYNTAX);
		}
	}
	assert_int_equal(fstatat(f->fd, f->name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07, 0);
}

static void
files(void **state)
{
	struct folder *f = *state;
	const struct courier_kept k = sample();
	struct err e = {.code = ERR_NONE};
	AUTO_BUF text = BUF_INIT(COURIER_KEPT_MAX + 4096);
	char path[192];

	(void)snprintf(path, sizeof(path), "%s/%s", f->path, f->name);
	CHECK_ROW("none");
	assert_false(courier_kept_load(f->fd, k.issuer, &text, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	CHECK_ROW("a symbolic link");
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_false(courier_kept_load(f->fd, k.issuer, &text, &e));
	assert_int_equal(e.code, ERR_SYSTEM);
	CHECK_ROW("which is replaced, not followed");
	assert_true(courier_kept_save(f->fd, &k, NULL));
	assert_true(courier_kept_load(f->fd, k.issuer, &text, &e));
	CHECK_ROW("a pipe, without waiting for it");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(courier_kept_load(f->fd, k.issuer, &text, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	CHECK_ROW("too long");
	assert_int_equal(unlink(path), 0);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, (off_t)COURIER_KEPT_MAX + 1), 0);
	assert_int_equal(close(fd), 0);
	assert_false(courier_kept_load(f->fd, k.issuer, &text, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	CHECK_ROW("a folder that may not be written");
	int bad = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_false(courier_kept_save(bad, &k, &e));
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_int_equal(close(bad), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rounds, setup, teardown),
		cmocka_unit_test_setup_teardown(files, setup, teardown),
	};
	return cmocka_run_group_tests_name("courier_kept", tests, NULL, NULL);
}
