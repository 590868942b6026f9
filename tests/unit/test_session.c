/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/crypto.h"
#include "agent/base/scope.h"
#include "agent/session.h"
#include "tests/unit/check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOW 1000000

static const struct session_rules rules = {.idle = 600, .max = 3600};

struct desk {
	int fd;
	struct session_store *s;
	struct arena mem;
};

static int
memory(size_t slots)
{
	int fd = memfd_create("sessions", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(
		ftruncate(fd, (off_t)(SESSION_HEAD_BYTES + slots * SESSION_SLOT_BYTES)), 0);
	return fd;
}

static int
open_desk(void **state)
{
	static struct desk d;

	d = (struct desk){.fd = memory(8)};
	*state = &d;
	return arena_init(&d.mem, 4UL << 20) && session_open(d.fd, &rules, &d.s, NULL) ? 0 : -1;
}

static int
close_desk(void **state)
{
	struct desk *d = *state;

	session_close(d->s);
	arena_fini(&d->mem);
	(void)close(d->fd);
	return 0;
}

static void
make(struct session_store *s, const char *claims, int64_t now, struct buf *cookie)
{
	buf_reset(cookie);
	assert_true(session_make(s, SPAN("https://op.test"), span_of(claims), now, cookie, NULL));
}

static bool
there(struct desk *d, struct buf *cookie, int64_t now)
{
	struct session got;

	arena_reset(&d->mem);
	return session_find(d->s, buf_span(cookie), now, &d->mem, &got, NULL);
}

static void
one(void **state)
{
	struct desk *d = *state;
	AUTO_BUF cookie = BUF_INIT(100);
	AUTO_BUF second = BUF_INIT(100);
	AUTO_BUF token = BUF_INIT(100);
	AUTO_BUF again = BUF_INIT(100);
	struct session got;
	struct err e = {0};

	make(d->s, "{\"sub\":\"a\"}", NOW, &cookie);
	make(d->s, "{\"sub\":\"b\"}", NOW, &second);
	assert_int_equal(cookie.n, SESSION_COOKIE_LEN);
	assert_false(span_eq(buf_span(&cookie), buf_span(&second)));
	assert_true(session_find(d->s, buf_span(&cookie), NOW + 5, &d->mem, &got, NULL));
	check_span(got.issuer, "https://op.test");
	check_span(got.claims, "{\"sub\":\"a\"}");
	assert_int_equal(got.created, NOW);
	assert_int_equal(got.used, NOW);
	assert_int_equal(got.ends, NOW + 3600);
	assert_true(session_form_token(d->s, &got, &token));
	assert_true(session_find(d->s, buf_span(&second), NOW + 5, &d->mem, &got, NULL));
	check_span(got.claims, "{\"sub\":\"b\"}");
	assert_true(session_form_token(d->s, &got, &again));
	assert_false(span_eq(buf_span(&token), buf_span(&again)));
	assert_int_equal(session_count(d->s, NOW), 2);
	assert_true(session_end(d->s, buf_span(&cookie), NULL));
	assert_true(session_end(d->s, buf_span(&cookie), NULL));
	assert_false(session_find(d->s, buf_span(&cookie), NOW + 5, &d->mem, &got, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	assert_true(there(d, &second, NOW));
}

/* The cookie itself is nowhere in the memory, and nothing of a session is after its end. */
static void
kept(void **state)
{
	struct desk *d = *state;
	AUTO_BUF cookie = BUF_INIT(100);
	size_t n = SESSION_HEAD_BYTES + 8 * SESSION_SLOT_BYTES;
	const char *p = mmap(NULL, n, PROT_READ, MAP_SHARED, d->fd, 0);

	assert_true(p != MAP_FAILED);
	make(d->s, "{\"sub\":\"someone\"}", NOW, &cookie);
	assert_null(memmem(p, n, cookie.p, cookie.n));
	assert_non_null(memmem(p, n, "someone", 7));
	assert_true(session_end(d->s, buf_span(&cookie), NULL));
	assert_null(memmem(p, n, "someone", 7));
	assert_int_equal(munmap((void *)(uintptr_t)p, n), 0);
}

static void
no_cookies(void **state)
{
	static const struct {
		const char *name, *cookie;
	} rows[] = {
		{"empty", ""},
		{"short", "AAAA"},
		{"another", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		{"not canonical", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"},
		{"other alphabet", "AAAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAAA"},
		{"long", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
	};
	struct desk *d = *state;
	struct session got;
	struct err e = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_false(session_find(d->s, span_of(rows[i].cookie), NOW, &d->mem, &got, &e));
		assert_int_equal(e.code, ERR_ABSENT);
		assert_true(session_end(d->s, span_of(rows[i].cookie), NULL));
	}
	assert_false(session_find(d->s, SPAN_NONE, NOW, &d->mem, &got, &e));
}

static void
lives(void **state)
{
	static const struct {
		const char *name;
		int64_t uses[8]; /* seconds after the login; 0: no more */
		int64_t last;
		bool alive;
	} rows[] = {
		{"at once", {0}, 0, true},
		{"just idle enough", {0}, 599, true},
		{"idle", {0}, 600, false},
		{"used in between", {300, 800}, 1399, true},
		{"idle since the last use", {300, 800}, 1400, false},
		{"a busy one until its end", {590, 1180, 1770, 2360, 2950, 3540}, 3599, true},
		{"a busy one at its end", {590, 1180, 1770, 2360, 2950, 3540}, 3600, false},
		{"the clock went back an hour", {0}, -3600, true},
		{"the clock went back a year", {0}, -86400 * 365, false},
	};
	struct desk *d = *state;
	AUTO_BUF cookie = BUF_INIT(100);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int64_t start = NOW + 400 * 86400;
		CHECK_ROW(rows[i].name);
		make(d->s, "{}", start, &cookie);
		for (size_t k = 0; k < 8 && rows[i].uses[k] != 0; k++)
			assert_true(there(d, &cookie, start + rows[i].uses[k]));
		assert_int_equal(there(d, &cookie, start + rows[i].last), rows[i].alive);
		/* One that ended is gone, whatever the clock does next. */
		assert_int_equal(there(d, &cookie, start + rows[i].last), rows[i].alive);
	}
}

static void
sizes(void **state)
{
	static char big[SESSION_TEXT_MAX + 1];
	struct desk *d = *state;
	AUTO_BUF cookie = BUF_INIT(200);
	AUTO_ARENA small = {0};
	struct session got;
	struct err e = {0};

	memset(big, 'x', sizeof(big));
	struct span text = {big, SESSION_TEXT_MAX};
	assert_true(session_make(d->s, SPAN(""), text, NOW, &cookie, NULL));
	assert_true(session_find(d->s, buf_span(&cookie), NOW, &d->mem, &got, NULL));
	assert_true(span_eq(got.claims, text));
	assert_int_equal(got.issuer.n, 0);
	assert_false(session_make(d->s, SPAN("i"), text, NOW, &cookie, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_false(
		session_make(d->s, (struct span){big, sizeof(big)}, SPAN(""), NOW, &cookie, &e));
	assert_true(arena_init(&small, 4096));
	assert_false(session_find(d->s, buf_span(&cookie), NOW, &small, &got, &e));
	assert_int_equal(e.code, ERR_LIMIT);
}

/* Eight slots: the ninth login ends the one that was unused the longest, or one that is over. */
static void
full(void **state)
{
	struct desk *d = *state;
	struct buf cookies[10];

	for (size_t i = 0; i < 10; i++)
		cookies[i] = (struct buf)BUF_INIT(100);
	for (int i = 0; i < 8; i++)
		make(d->s, "{}", NOW + i, &cookies[i]);
	assert_true(there(d, &cookies[0], NOW + 10));
	make(d->s, "{}", NOW + 11, &cookies[8]);
	for (int i = 0; i < 9; i++)
		assert_int_equal(there(d, &cookies[i], NOW + 20), i != 1);
	assert_true(there(d, &cookies[0], NOW + 500));
	/* All but the first are idle now, and the first is not taken for a newer one. */
	make(d->s, "{}", NOW + 1000, &cookies[9]);
	assert_true(there(d, &cookies[0], NOW + 1000));
	assert_true(there(d, &cookies[9], NOW + 1000));
	assert_int_equal(session_count(d->s, NOW + 1000), 2);
	for (size_t i = 0; i < 10; i++)
		buf_fini(&cookies[i]);
}

static void
spending(void **state)
{
	struct desk *d = *state;
	struct err e = {0};
	char text[16];

	assert_true(session_spend(d->s, SPAN("s1"), NOW + 600, NOW, NULL));
	assert_false(session_spend(d->s, SPAN("s1"), NOW + 600, NOW + 599, &e));
	assert_int_equal(e.code, ERR_DENIED);
	assert_string_equal(e.ref, "RFC 6749 10.12");
	assert_true(session_spend(d->s, SPAN("s2"), NOW + 600, NOW, NULL));
	assert_true(session_spend(d->s, SPAN("s1"), NOW + 1200, NOW + 600, NULL));
	for (unsigned i = 0; i < SESSION_SLOTS - 2; i++) {
		(void)snprintf(text, sizeof(text), "more %u", i);
		assert_true(session_spend(d->s, span_of(text), NOW + 2000, NOW, NULL));
	}
	/* Full: the one that would be forgotten first is. */
	assert_true(session_spend(d->s, SPAN("last"), NOW + 2000, NOW, NULL));
	assert_true(session_spend(d->s, SPAN("s2"), NOW + 600, NOW, NULL));
	assert_false(session_spend(d->s, SPAN("last"), NOW + 2000, NOW, NULL));
}

/* ---- several processes ---- */

static void
exited(pid_t child)
{
	int status = 0;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
two_processes(void **state)
{
	struct desk *d = *state;
	AUTO_BUF cookie = BUF_INIT(100);
	AUTO_BUF other = BUF_INIT(100);
	struct session_store *again = NULL;
	struct session got;

	make(d->s, "{\"sub\":\"a\"}", NOW, &cookie);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* A new gate: its own mapping, the same sessions and the same key. */
		bool ok = session_open(d->fd, &rules, &again, NULL) &&
			  session_find(again, buf_span(&cookie), NOW + 1, &d->mem, &got, NULL) &&
			  span_is(got.claims, "{\"sub\":\"a\"}") &&
			  crypto_same(session_seal_key(again), session_seal_key(d->s),
				  CRYPTO_SEAL_KEY) &&
			  session_end(again, buf_span(&cookie), NULL) &&
			  session_make(again, SPAN("i"), SPAN("{}"), NOW, &other, NULL);
		_exit(ok ? 0 : 1);
	}
	exited(child);
	assert_false(there(d, &cookie, NOW + 2));
	assert_int_equal(session_count(d->s, NOW + 2), 1);
}

/* The gate that died with the lock, and one that holds it and does not come back. */
static void
dead_holder(void **state)
{
	struct desk *d = *state;
	AUTO_BUF cookie = BUF_INIT(100);
	struct err e = {0};
	int pipes[2];
	char c = 0;

	make(d->s, "{}", NOW, &cookie);
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		char *p = mmap(
			NULL, SESSION_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);
		bool ok = p != MAP_FAILED &&
			  pthread_mutex_lock((pthread_mutex_t *)(void *)(p + SESSION_LOCK_AT)) == 0;
		(void)!write(pipes[1], ok ? "y" : "n", 1);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(pipes[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	struct session got;
	assert_false(session_find(d->s, buf_span(&cookie), NOW, &d->mem, &got, &e));
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(there(d, &cookie, NOW));
	make(d->s, "{}", NOW, &cookie);
	assert_true(there(d, &cookie, NOW));
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

/* Gates that are killed at any moment leave a store that works, and only whole sessions. */
static void
killed_anywhere(void **state)
{
	static char text[9000];
	struct desk *d = *state;
	AUTO_BUF cookie = BUF_INIT(100);

	memset(text, 'y', sizeof(text));
	for (unsigned i = 0; i < 40; i++) {
		const struct timespec while_ = {.tv_nsec = 200000 + i * 37000};
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			for (;;) {
				buf_reset(&cookie);
				(void)session_make(d->s, SPAN("https://op.test"),
					(struct span){text, sizeof(text)}, NOW, &cookie, NULL);
				(void)session_end(d->s, buf_span(&cookie), NULL);
			}
		}
		(void)nanosleep(&while_, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		make(d->s, "{\"sub\":\"a\"}", NOW, &cookie);
		assert_true(there(d, &cookie, NOW));
	}
	assert_true(session_count(d->s, NOW) <= 8);
}

/* ---- memory that is not as it was left ---- */

static void
strange_memory(void **state)
{
	struct desk *d = *state;
	AUTO_BUF cookie = BUF_INIT(100);
	char *p = mmap(NULL, SESSION_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, 0);
	uint32_t lengths[2] = {15, 11};
	static const struct {
		size_t at; /* issuer's length, claims' length */
		uint32_t length;
	} wild[] = {
		{0, 0xffffffffU}, {1, 0x7fffffffU}, {0, SESSION_TEXT_MAX}, {1, SESSION_TEXT_MAX}};

	assert_true(p != MAP_FAILED);
	make(d->s, "{\"sub\":\"a\"}", NOW, &cookie);
	char *at = memmem(p, SESSION_HEAD_BYTES, lengths, sizeof(lengths));
	assert_non_null(at);
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		make(d->s, "{\"sub\":\"a\"}", NOW, &cookie);
		at = memmem(p, SESSION_HEAD_BYTES, lengths, sizeof(lengths));
		while (at != NULL) {
			memcpy(at + 4 * wild[i].at, &wild[i].length, 4);
			at = memmem(p, SESSION_HEAD_BYTES, lengths, sizeof(lengths));
		}
		assert_false(there(d, &cookie, NOW));
		assert_int_equal(session_count(d->s, NOW), 0);
	}
	assert_int_equal(munmap(p, SESSION_HEAD_BYTES), 0);
}

static void
other_memory(void **state)
{
	struct session_store *s = NULL;
	struct err e = {0};
	AUTO_FD none = memory(0);
	AUTO_FD old = memory(1);
	AUTO_FD huge = memory(2UL * SESSION_SLOTS);
	AUTO_BUF cookie = BUF_INIT(100);

	(void)state;
	assert_false(session_open(none, &rules, &s, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_false(session_open(-1, &rules, &s, &e));
	assert_int_equal(pwrite(old, "pansess0", 8, 0), 8);
	assert_false(session_open(old, &rules, &s, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_true(session_open(huge, &rules, &s, NULL));
	make(s, "{}", NOW, &cookie);
	assert_int_equal(session_count(s, NOW), 1);
	session_close(s);
	assert_int_equal(ftruncate(huge, (off_t)(SESSION_HEAD_BYTES + SESSION_SLOT_BYTES)), 0);
	assert_false(session_open(huge, &rules, &s, &e));
	assert_int_equal(e.code, ERR_SYNTAX);
	session_close(NULL);
}

/* ---- threads ---- */

struct worker {
	pthread_t thread;
	struct session_store *s;
	bool good;
};

static void *
many(void *arg)
{
	struct worker *w = arg;
	AUTO_BUF cookie = BUF_INIT(100);
	AUTO_ARENA mem = {0};
	struct session got;

	w->good = arena_init(&mem, 1U << 16);
	for (int i = 0; i < 500 && w->good; i++) {
		arena_reset(&mem);
		buf_reset(&cookie);
		w->good = session_make(
				  w->s, SPAN("i"), SPAN("{\"sub\":1}"), NOW + i, &cookie, NULL) &&
			  session_find(w->s, buf_span(&cookie), NOW + i, &mem, &got, NULL) &&
			  span_is(got.claims, "{\"sub\":1}") &&
			  session_end(w->s, buf_span(&cookie), NULL);
	}
	return NULL;
}

static void
threads(void **state)
{
	struct desk *d = *state;
	struct worker w[4];

	for (size_t i = 0; i < 4; i++) {
		w[i] = (struct worker){.s = d->s};
		assert_int_equal(pthread_create(&w[i].thread, NULL, many, &w[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		assert_true(w[i].good);
	}
	assert_int_equal(session_count(d->s, NOW + 500), 0);
}

#define WITH_DESK(f) cmocka_unit_test_setup_teardown(f, open_desk, close_desk)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DESK(one),
		WITH_DESK(kept),
		WITH_DESK(no_cookies),
		WITH_DESK(lives),
		WITH_DESK(sizes),
		WITH_DESK(full),
		WITH_DESK(spending),
		WITH_DESK(two_processes),
		WITH_DESK(dead_holder),
		WITH_DESK(killed_anywhere),
		WITH_DESK(strange_memory),
		cmocka_unit_test(other_memory),
		WITH_DESK(threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
