/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/auth_world.h"
#include "tests/unit/bearer.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A hit never outlives exp, nor precedes nbf when the clock jumps back; another arena gets its own
 * copy. */
static void
caching(void **state)
{
	struct world *w = *state;
	AUTO_BUF field = BUF_INIT(16384);
	AUTO_ARENA mem = {0};
	struct subject s;
	struct auth_refusal why;
	uint64_t before = auth_cache_hits(w->auth[0]);

	assert_true(arena_init(&mem, 256U * 1024U));
	buf_adds(&field, "Bearer ");
	mint_token(&w->key[RS], SPAN(HEADER),
		SPAN("{\"nbf\":1799999000,\"groups\":[\"URN:x:Y:group:Staff#a\",\"plain\"]," ISS SUB
				AUD EXP REST),
		&field);
	assert_true(bearer(w->auth[0], buf_span(&field), NOW, &mem, &s, &why));
	assert_int_equal(auth_cache_hits(w->auth[0]), before);
	arena_reset(&mem);
	assert_true(bearer(w->auth[0], buf_span(&field), NOW + 599, &mem, &s, &why));
	assert_int_equal(auth_cache_hits(w->auth[0]), before + 1);
	check_span(s.sub, "alice");
	check_span(s.iss, "https://a.test");
	check_span(s.client, "cli");
	check_span(s.jti, "j1");
	assert_int_equal(s.expires, NOW + 600);
	assert_int_equal(s.n_entitlements, 2);
	check_span(s.entitlements[0], "urn:x:y:group:Staff#a");
	check_span(s.entitlements[1], "plain");
	assert_true(s.scoped);
	assert_int_equal(s.n_read_paths, 1);
	check_span(s.read_paths[0], "/");
	assert_false(bearer(w->auth[0], buf_span(&field), NOW + 600, &mem, &s, &why));
	assert_non_null(strstr(why.description, "exp: expired 0 s ago"));
	assert_false(bearer(w->auth[0], buf_span(&field), NOW - 3600, &mem, &s, &why));
	assert_non_null(strstr(why.description, "nbf: "));
	/* A cached text with a byte more is another token. */
	buf_addc(&field, 'A');
	assert_false(bearer(w->auth[0], buf_span(&field), NOW, &mem, &s, &why));
}

/* T1, T2: two verifiers share nothing; a token good for one issuer's key is not good for another
 * issuer that has the same kid. */
static void
separate(void **state)
{
	struct world *w = *state;
	AUTO_BUF one = BUF_INIT(16384);
	AUTO_BUF two = BUF_INIT(16384);
	struct mint fake = w->key[EVIL];
	struct settings_issuer pair[2] = {w->issuer[0], w->issuer[0]};
	struct settings settings = w->settings;
	AUTO_BUF report = BUF_INIT(8192);
	AUTO_ARENA mem = {0};
	struct auth *a = NULL;
	struct subject s;
	struct auth_refusal why;

	assert_true(arena_init(&mem, 256U * 1024U));
	fake.kid = "rs-1";
	buf_adds(&one, "{\"keys\":[");
	mint_jwk(&w->key[RS], "", &one);
	buf_adds(&one, "]}");
	buf_adds(&two, "{\"keys\":[");
	mint_jwk(&fake, "", &two);
	buf_adds(&two, "]}");
	pair[1].issuer = "https://other.test";
	settings.issuers = pair;
	settings.n_issuers = 2;
	settings.kept_keys = false;
	const struct span jwks[] = {buf_span(&one), buf_span(&two)};
	assert_true(
		auth_load(&settings, &(struct auth_texts){.jwks = jwks}, NULL, &report, &a, NULL));
	for (int i = 0; i < 3; i++) {
		AUTO_BUF good = BUF_INIT(16384);
		AUTO_BUF bad = BUF_INIT(16384);
		arena_reset(&mem);
		buf_adds(&good, "Bearer ");
		buf_adds(&bad, "Bearer ");
		mint_token(&w->key[RS], SPAN(HEADER), SPAN(GOOD), &good);
		mint_token(&w->key[RS], SPAN(HEADER),
			SPAN("{\"iss\":\"https://other.test\"," SUB AUD EXP REST), &bad);
		assert_true(bearer(a, buf_span(&good), NOW, &mem, &s, &why));
		assert_false(bearer(a, buf_span(&bad), NOW, &mem, &s, &why));
		assert_non_null(strstr(why.description, "signature: "));
	}
	auth_free(a);
}

/* SIG-3: a token without kid is tried against four keys that fit, not against the whole set. */
static void
tries(void **state)
{
	struct world *w = *state;
	struct settings settings = w->settings;
	AUTO_BUF field = BUF_INIT(16384);
	AUTO_ARENA mem = {0};

	assert_true(arena_init(&mem, 256U * 1024U));
	settings.n_issuers = 1;
	buf_adds(&field, "Bearer ");
	mint_token(&w->key[ES], SPAN("{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}"), SPAN(GOOD), &field);
	for (unsigned before = 3; before <= 4; before++) {
		AUTO_BUF set = BUF_INIT(16384);
		AUTO_BUF report = BUF_INIT(8192);
		struct auth *a = NULL;
		struct subject s;
		struct auth_refusal why;
		buf_adds(&set, "{\"keys\":[");
		for (unsigned i = 0; i < before; i++) {
			mint_jwk(&w->key[B], "", &set);
			buf_addc(&set, ',');
			mint_jwk(&w->key[RS], "", &set); /* does not fit, does not count */
			buf_addc(&set, ',');
		}
		mint_jwk(&w->key[ES], "", &set);
		buf_adds(&set, "]}");
		const struct span jwks[] = {buf_span(&set)};
		assert_true(auth_load(
			&settings, &(struct auth_texts){.jwks = jwks}, NULL, &report, &a, NULL));
		assert_int_equal(bearer(a, buf_span(&field), NOW, &mem, &s, &why), before == 3);
		auth_free(a);
	}
}

static void
scopes(void **state)
{
	struct world *w = *state;
	AUTO_BUF field = BUF_INIT(16384);
	AUTO_BUF challenge = BUF_INIT(4096);
	AUTO_ARENA mem = {0};
	struct subject s;
	struct auth_refusal why;

	assert_true(arena_init(&mem, 256U * 1024U));
	buf_adds(&field, "Bearer ");
	mint_token(&w->key[RS], SPAN(HEADER),
		SPAN("{" ISS SUB AUD "\"exp\":1800000600,\"scope\":\"storage.read:/data/foo\"}"),
		&field);
	assert_true(bearer(w->auth[0], buf_span(&field), NOW, &mem, &s, &why));
	assert_true(auth_covers(w->auth[0], &s, SPAN("/data/foo/a.txt"), &mem, &why));
	assert_false(auth_covers(w->auth[0], &s, SPAN("/data/foo bar"), &mem, &why));
	assert_int_equal(why.status, 403);
	auth_write_challenge(&challenge, SPAN("data.test"), SPAN("https://data.test/.w"), &why);
	check_span(buf_span(&challenge),
		"Bearer realm=\"data.test\", resource_metadata=\"https://data.test/.w\", "
		"error=\"insufficient_scope\", error_description=\"scope: the token does not cover "
		"this path; ask for the scope named here (RFC 6750 3.1)\", "
		"scope=\"storage.read:/data/foo%20bar\"");
	/* Reading does not include writing. */
	assert_false(auth_covers_write(w->auth[0], &s, SPAN("/data/foo/a.txt"), &mem, &why));
	assert_int_equal(why.status, 403);
	check_span(why.scope, "storage.create:/data/foo/a.txt");
	s.scoped = false;
	assert_true(auth_covers(w->auth[0], &s, SPAN("/anything"), &mem, &why));
	assert_true(auth_covers_write(w->auth[0], &s, SPAN("/anything"), &mem, &why));
}

static void
writing_scopes(void **state)
{
	static const struct {
		const char *scope, *path;
		bool writes, reads;
	} rows[] = {
		{"storage.create:/data/foo", "/data/foo/a", true, false},
		{"storage.modify:/data/foo", "/data/foo/a", true, false},
		{"storage.create:/data/foo", "/data/foobar", false, false},
		{"storage.read:/data storage.create:/data/x", "/data/x", true, true},
		{"storage.read:/data storage.create:/data/x", "/data/y", false, true},
		{"storage.stage:/data", "/data/y", false, false},
		{"write:/data", "/data/y", false,
			false}, /* a word of SciTokens, not of this issuer */
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF field = BUF_INIT(16384);
		AUTO_BUF claims = BUF_INIT(1024);
		AUTO_ARENA mem = {0};
		struct subject s;
		struct auth_refusal why;
		CHECK_ROW(rows[i].scope);
		assert_true(arena_init(&mem, 256U * 1024U));
		buf_adds(&field, "Bearer ");
		buf_addf(&claims, "{" ISS SUB AUD "\"exp\":1800000600,\"scope\":\"%s\"}",
			rows[i].scope);
		mint_token(&w->key[RS], SPAN(HEADER), buf_span(&claims), &field);
		/* The second time from the cache of tokens. */
		for (int again = 0; again < 2; again++) {
			assert_true(bearer(w->auth[0], buf_span(&field), NOW, &mem, &s, &why));
			assert_int_equal(auth_covers_write(
						 w->auth[0], &s, span_of(rows[i].path), &mem, &why),
				rows[i].writes);
			assert_int_equal(
				auth_covers(w->auth[0], &s, span_of(rows[i].path), &mem, &why),
				rows[i].reads);
		}
	}
}

static void
writing(void **state)
{
	struct world *w = *state;
	AUTO_BUF out = BUF_INIT(8192);

	auth_write_challenge(&out, SPAN("a\"b"), SPAN_NONE, NULL);
	check_span(buf_span(&out), "Bearer realm=\"a\\\"b\"");
	buf_reset(&out);
	auth_write_metadata(w->auth[0], &out);
	buf_addc(&out, '\0');
	assert_non_null(strstr(out.p, "{\"resource\":\"https://data.test/\",")); /* test_prm */
	assert_non_null(strstr(out.p, "\"resource_name\":\"Test\""));
}

static void
bad_key_file(void **state)
{
	struct world *w = *state;
	const struct span jwks[] = {SPAN("{\"keys\":1}"), SPAN("["), SPAN_NONE};
	AUTO_BUF report = BUF_INIT(8192);
	struct auth *a = NULL;
	struct err e = {0};

	assert_false(
		auth_load(&w->settings, &(struct auth_texts){.jwks = jwks}, NULL, &report, &a, &e));
	assert_string_equal(e.ref, "RFC 7517 5");
	buf_addc(&report, '\0');
	assert_non_null(strstr(report.p, "error: issuer https://a.test: JWK set: no array"));
	assert_non_null(strstr(report.p, "error: issuer https://b.test: JWK set: JSON"));
}

/* SIG-6: the two backends agree on mutated tokens, and accept none of them. */
static void
mutations(void **state)
{
	struct world *w = *state;
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
	AUTO_BUF token = BUF_INIT(16384);
	AUTO_ARENA mem = {0};
	uint32_t random = 12345;

	assert_true(arena_init(&mem, 256U * 1024U));
	for (unsigned i = 0; i < 1500; i++) {
		struct subject s;
		struct auth_refusal why[2];
		bool ok[2];
		buf_reset(&token);
		buf_adds(&token, "Bearer ");
		mint_token(&w->key[ES], SPAN("{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}"), SPAN(GOOD),
			&token);
		random = random * 1664525 + 1013904223;
		char *at = token.p + 7 + (random >> 8) % (token.n - 7);
		char was = *at;
		*at = alphabet[(random >> 3) % (sizeof(alphabet) - 1)];
		for (int k = 0; k < 2; k++) {
			arena_reset(&mem);
			ok[k] = bearer(w->auth[k], buf_span(&token), NOW, &mem, &s, &why[k]);
		}
		assert_int_equal(ok[0], ok[1]);
		assert_int_equal(ok[0], *at == was);
		if (!ok[0])
			assert_string_equal(why[0].description, why[1].description);
	}
}

/* From here on, opening, connecting and starting threads or programs ends the process. */
static bool
confine(void)
{
	static const int refused[] = {SYS_open, SYS_openat, SYS_openat2, SYS_socket, SYS_connect,
		SYS_clone, SYS_clone3, SYS_fork, SYS_vfork, SYS_execve};
	enum { N = sizeof(refused) / sizeof(refused[0]) };
	struct sock_filter f[N + 3] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};

	for (unsigned i = 0; i < N; i++)
		f[i + 1] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[i], (unsigned char)(N - i), 0);
	f[N + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[N + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	struct sock_fprog prog = {N + 3, f};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
}

/* T16: after auth_load nothing is opened and nothing started: the first checks of a process, good
 * and bad, pass a filter that kills for it. */
static void
confined(void **state)
{
	struct world *w = *state;
	AUTO_BUF good = BUF_INIT(16384);
	AUTO_BUF bad = BUF_INIT(16384);
	int end = 0;

	buf_adds(&good, "Bearer ");
	buf_adds(&bad, "Bearer ");
	mint_token(&w->key[ES], SPAN("{\"alg\":\"ES256\",\"typ\":\"JWT\"}"),
		SPAN("{\"f\":1," ISS SUB AUD EXP REST), &good);
	mint_token(&w->key[EVIL], SPAN(HEADER), SPAN(GOOD), &bad);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		AUTO_ARENA mem = {0};
		struct subject s;
		struct auth_refusal why;
		if (!arena_init(&mem, 256U * 1024U) || !confine())
			_exit(2);
		for (int k = 0; k < 2; k++)
			if (!bearer(w->auth[k], buf_span(&good), NOW, &mem, &s, &why) ||
				bearer(w->auth[k], buf_span(&bad), NOW, &mem, &s, &why))
				_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &end, 0), pid);
	assert_true(WIFEXITED(end));
	assert_int_equal(WEXITSTATUS(end), 0);
}

struct work {
	struct auth *auth;
	struct span field[2]; /* good, bad */
	unsigned wrong;
};

static void *
worker(void *arg)
{
	struct work *w = arg;
	AUTO_ARENA mem = {0};

	if (!arena_init(&mem, 256U * 1024U))
		w->wrong++;
	for (unsigned i = 0; i < 400; i++) {
		struct subject s = {.authenticated = false};
		struct auth_refusal why;
		arena_reset(&mem);
		if (!bearer(w->auth, w->field[0], NOW, &mem, &s, &why) || !span_is(s.sub, "alice"))
			w->wrong++;
		if (i % 8 == 0 && bearer(w->auth, w->field[1], NOW, &mem, &s, &why))
			w->wrong++;
	}
	return NULL;
}

/* One struct auth in several threads: by verification (the bad token is never kept) and by cache.
 */
static void
threads(void **state)
{
	struct world *w = *state;
	AUTO_BUF good = BUF_INIT(16384);
	AUTO_BUF bad = BUF_INIT(16384);

	buf_adds(&good, "Bearer ");
	buf_adds(&bad, "Bearer ");
	mint_token(&w->key[RS], SPAN(HEADER), SPAN("{\"t\":1," ISS SUB AUD EXP REST), &good);
	mint_token(&w->key[EVIL], SPAN(HEADER), SPAN(GOOD), &bad);
	for (int k = 0; k < 2; k++) {
		pthread_t id[4];
		struct work work[4];
		for (int i = 0; i < 4; i++) {
			work[i] = (struct work){w->auth[k], {buf_span(&good), buf_span(&bad)}, 0};
			assert_int_equal(pthread_create(&id[i], NULL, worker, &work[i]), 0);
		}
		for (int i = 0; i < 4; i++) {
			assert_int_equal(pthread_join(id[i], NULL), 0);
			assert_int_equal(work[i].wrong, 0);
		}
	}
}

static double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Prints, compares nothing: the machine is shared. */
static void
rates(void **state)
{
	struct world *w = *state;
	static const char *const names[] = {"liboauth2", "kept-key"};
	const char *headers[] = {HEADER, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"es-1\"}"};
	AUTO_ARENA mem = {0};

	assert_true(arena_init(&mem, 256U * 1024U));
	for (int k = 0; k < 4; k++) {
		enum { TOKENS = 200 };
		AUTO_BUF all = BUF_INIT(1U << 20);
		size_t end[TOKENS + 1] = {0};
		for (int i = 0; i < TOKENS; i++) {
			char payload[400];
			(void)snprintf(payload, sizeof(payload), "{\"x\":%d," ISS SUB AUD EXP REST,
				k * 1000 + i);
			buf_adds(&all, "Bearer ");
			mint_token(&w->key[k % 2], span_of(headers[k % 2]), span_of(payload), &all);
			end[i + 1] = all.n;
		}
		for (int round = 0; round < 2; round++) {
			double t = seconds();
			for (int i = 0; i < TOKENS; i++) {
				struct subject s;
				struct auth_refusal why;
				struct span f = {all.p + end[i], end[i + 1] - end[i]};
				arena_reset(&mem);
				assert_true(bearer(w->auth[k / 2], f, NOW, &mem, &s, &why));
			}
			t = (seconds() - t) / TOKENS * 1e6;
			print_message("    %s %s %s: %.2f us a token\n", names[k / 2],
				k % 2 == 0 ? "RS256" : "ES256", round == 0 ? "verified" : "cached",
				t);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confined), /* first: nothing is warm */
		cmocka_unit_test(caching),
		cmocka_unit_test(separate),
		cmocka_unit_test(tries),
		cmocka_unit_test(scopes),
		cmocka_unit_test(writing_scopes),
		cmocka_unit_test(writing),
		cmocka_unit_test(bad_key_file),
		cmocka_unit_test(mutations),
		cmocka_unit_test(threads),
		cmocka_unit_test(rates),
	};
	return cmocka_run_group_tests_name("auth", tests, setup, teardown);
}
