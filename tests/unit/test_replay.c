/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/replay.h"

#include "tests/unit/check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW 1000000

static enum replay_answer
add(struct replay *r, const char *jkt, const char *jti, int64_t until, int64_t now)
{
	return replay_add(r, span_of(jkt), span_of(jti), until, now);
}

static void
once(void **state)
{
	struct replay *r = NULL;

	(void)state;
	assert_true(replay_new(NOW, &r, NULL));
	assert_int_equal(replay_born(r), NOW);
	assert_int_equal(add(r, "k", "a", NOW + 10, NOW), REPLAY_NEW);
	assert_int_equal(add(r, "k", "a", NOW + 10, NOW), REPLAY_SEEN);
	CHECK_ROW("until its end, and not a second longer");
	assert_int_equal(add(r, "k", "a", NOW + 20, NOW + 9), REPLAY_SEEN);
	assert_int_equal(add(r, "k", "a", NOW + 20, NOW + 10), REPLAY_NEW);
	assert_int_equal(add(r, "k", "a", NOW + 20, NOW + 19), REPLAY_SEEN);
	CHECK_ROW("another jti, another key, the same bytes divided otherwise");
	assert_int_equal(add(r, "k", "b", NOW + 10, NOW), REPLAY_NEW);
	assert_int_equal(add(r, "l", "a", NOW + 10, NOW), REPLAY_NEW);
	assert_int_equal(add(r, "ka", "", NOW + 10, NOW), REPLAY_NEW);
	assert_int_equal(add(r, "", "ka", NOW + 10, NOW), REPLAY_NEW);
	replay_free(r);
	replay_free(NULL);
}

/* Full: nothing is forgotten, and what is new is not taken; the keys of other shares go on. */
static void
full(void **state)
{
	struct replay *r = NULL;
	char jti[24];
	unsigned taken = 0;
	unsigned refused = 0;
	unsigned others = 0;

	(void)state;
	assert_true(replay_new(NOW, &r, NULL));
	for (unsigned i = 0; i < 2 * REPLAY_ENTRIES / REPLAY_SHARES; i++) {
		(void)snprintf(jti, sizeof(jti), "%u", i);
		enum replay_answer a = add(r, "k", jti, NOW + 10, NOW);
		assert_int_not_equal(a, REPLAY_SEEN);
		taken += a == REPLAY_NEW;
		refused += a == REPLAY_FULL;
	}
	print_message("    one key: %u taken, %u refused\n", taken, refused);
	assert_true(taken <= REPLAY_ENTRIES / REPLAY_SHARES);
	assert_true(taken > REPLAY_ENTRIES / REPLAY_SHARES * 9 / 10);
	unsigned seen = 0;
	for (unsigned i = 0; i < 2 * REPLAY_ENTRIES / REPLAY_SHARES; i++) {
		(void)snprintf(jti, sizeof(jti), "%u", i);
		seen += add(r, "k", jti, NOW + 10, NOW) == REPLAY_SEEN;
	}
	assert_true(seen >= taken);
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(jti, sizeof(jti), "key %u", i);
		others += add(r, jti, "a", NOW + 10, NOW) == REPLAY_NEW;
	}
	assert_true(others > 130 && others < 200);
	CHECK_ROW("time makes room");
	assert_int_equal(add(r, "k", "later", NOW + 20, NOW + 10), REPLAY_NEW);
	replay_free(r);
}

/* Two processes with one descriptor; one dies in the middle of it, maybe with a lock. */
static void
shared(void **state)
{
	struct err e = {0};
	struct replay *a = NULL;
	struct replay *b = NULL;
	int fd = replay_create(NOW, &e);
	int status = 0;

	(void)state;
	assert_true(fd >= 0);
	assert_true(replay_map(fd, &a, &e));
	assert_true(replay_map(fd, &b, &e));
	assert_int_equal(add(a, "k", "a", NOW + 10, NOW), REPLAY_NEW);
	assert_int_equal(add(b, "k", "a", NOW + 10, NOW), REPLAY_SEEN);
	pid_t child = fork();
	if (child == 0) {
		char jti[24];
		for (unsigned i = 0;; i++) {
			(void)snprintf(jti, sizeof(jti), "c%u", i);
			(void)add(a, "k", jti, NOW + 10, NOW);
		}
	}
	while (add(b, "k", "c1000", 0, NOW) != REPLAY_SEEN)
		;
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(add(b, "k", "c0", NOW + 10, NOW), REPLAY_SEEN);
	for (unsigned i = 0; i < 5000; i++) {
		char jti[24];
		(void)snprintf(jti, sizeof(jti), "d%u", i);
		assert_int_equal(add(b, "l", jti, NOW + 10, NOW), REPLAY_NEW);
	}
	replay_free(a);
	replay_free(b);
	CHECK_ROW("a descriptor of something else");
	assert_int_equal(ftruncate(fd, 10), -1); /* sealed: nobody can pull it away */
	(void)close(fd);
	fd = memfd_create("x", MFD_CLOEXEC);
	assert_false(replay_map(fd, &a, &e));
	assert_int_equal(ftruncate(fd, 100000000), 0);
	assert_false(replay_map(fd, &a, &e));
	(void)close(fd);
	assert_false(replay_map(-1, &a, &e));
}

struct racer {
	struct replay *r;
	unsigned won;
};

static void *
race(void *arg)
{
	struct racer *x = arg;
	char jti[24];

	for (unsigned i = 0; i < 20000; i++) {
		(void)snprintf(jti, sizeof(jti), "%u", i);
		x->won += add(x->r, "k", jti, NOW + 10, NOW) == REPLAY_NEW;
	}
	return NULL;
}

/* Of any number who come with one proof at the same moment, one wins. */
static void
threads(void **state)
{
	struct racer racers[4];
	pthread_t thread[4];
	struct replay *r = NULL;
	unsigned won = 0;

	(void)state;
	assert_true(replay_new(NOW, &r, NULL));
	for (int i = 0; i < 4; i++) {
		racers[i] = (struct racer){r, 0};
		assert_int_equal(pthread_create(&thread[i], NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		(void)pthread_join(thread[i], NULL);
		won += racers[i].won;
	}
	assert_int_equal(won, 20000);
	replay_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once),
		cmocka_unit_test(full),
		cmocka_unit_test(shared),
		cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
