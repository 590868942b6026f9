/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision costs by the index and by the linear scan, in one process and thread: see
 * tests/bench/policy, which runs this.  Each round measures all rows on the same questions one
 * after the other, by the CPU time of the thread; a row's figure is its median over the rounds.
 * Before that, both ways must give the same decision about every question.
 */
#include "agent/base/json.h"
#include "agent/base/scope.h"
#include "policy/eval_facts.h"
#include "policy/policy.h"
#include "policy/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MAX    101U
#define QUESTIONS_MAX 100000U
#define FILE_MAX      ((size_t)256 * 1024 * 1024)

enum row { LOAD, REFERENCE, SCAN, INDEX, FACTS, ROWS };

struct question {
	struct json *json;
	struct request request;
	struct prepared prepared;
};

struct bench {
	struct policy_source source;
	struct policy_set *set;
	struct question *q;
	size_t n;
	struct arena mem;
	double ns[ROWS][ROUNDS_MAX];
};

static void
must(bool fact, const char *what)
{
	if (fact)
		return;
	(void)fprintf(stderr, "bench_policy: %s\n", what);
	exit(1);
}

static double
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static struct span
slurp(const char *name, char **ret)
{
	FILE *f = fopen(name, "re");
	char *p = NULL;
	size_t cap = 0;

	must(f != NULL, name);
	ssize_t n = getdelim(&p, &cap, '\0', f);
	must(n > 0 && (size_t)n < FILE_MAX, name);
	(void)fclose(f);
	*ret = p;
	return (struct span){p, (size_t)n};
}

static void
load(struct bench *b)
{
	AUTO_BUF report = BUF_INIT(1 << 20);

	policy_set_free(b->set);
	b->set = policy_set_load(&b->source, 1, &report, NULL);
	if (report.n > 0)
		(void)fwrite(report.p, 1, report.n, stderr);
	must(b->set != NULL, "the policy does not load");
}

static void
take_questions(struct bench *b, struct span text)
{
	struct json_limits limits = {.bytes = FILE_MAX, .object = true};

	b->q = calloc(QUESTIONS_MAX, sizeof(*b->q));
	must(b->q != NULL && arena_init(&b->mem, (size_t)1 << 30), "no memory");
	while (text.p != NULL && b->n < QUESTIONS_MAX) {
		struct span line = span_cut(&text, '\n');
		if (line.n == 0)
			continue;
		struct question *q = &b->q[b->n++];
		q->json = json_parse(line, &limits, NULL);
		must(q->json != NULL && request_parse(q->json, &b->mem, &q->request),
			"a malformed question");
	}
	must(b->n > 0, "no questions");
}

/* Ready for the set as it is now; both ways must agree. */
static void
prepare(struct bench *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct question *q = &b->q[i];
		enum action action = q->request.facts.action;
		struct decision x;
		policy_prepare(b->set, &q->request.facts, &q->prepared);
		policy_decide_prepared(&q->prepared, action, &x);
		for (enum row way = REFERENCE; way < INDEX; way++) {
			struct decision y;
			struct prepared other = q->prepared;
			other.way = way == SCAN ? BY_LIST : BY_REFERENCE;
			policy_decide_prepared(&other, action, &y);
			must(memcmp(&x, &y, sizeof(x)) == 0, "two ways of deciding disagree");
		}
	}
}

static unsigned
pass(struct bench *b, enum row row)
{
	unsigned permits = 0;
	struct decision d;

	for (size_t i = 0; i < b->n; i++) {
		struct question *q = &b->q[i];
		if (row == FACTS) {
			policy_decide(b->set, &q->request.facts, &d);
		} else {
			q->prepared.way = row == REFERENCE ? BY_REFERENCE
					  : row == SCAN    ? BY_LIST
							   : BY_INDEX;
			policy_decide_prepared(&q->prepared, q->request.facts.action, &d);
		}
		permits += d.permit;
	}
	return permits;
}

static void
measure(struct bench *b, unsigned rounds)
{
	unsigned permits = pass(b, INDEX);

	for (unsigned r = 0; r < rounds; r++) {
		double t = cpu_ns();
		load(b);
		b->ns[LOAD][r] = cpu_ns() - t;
		prepare(b);
		for (enum row row = REFERENCE; row < ROWS; row++) {
			unsigned times = row == INDEX ? 10 : row == SCAN ? 3 : 1;
			t = cpu_ns();
			for (unsigned k = 0; k < times; k++)
				must(pass(b, row) == permits, "an answer changed");
			b->ns[row][r] = (cpu_ns() - t) / (double)(b->n * times);
		}
	}
	for (enum row row = LOAD; row < ROWS; row++)
		qsort(b->ns[row], rounds, sizeof(double), by_size);
}

static void
report(const struct bench *b, unsigned rounds)
{
	double m[ROWS];

	for (enum row row = LOAD; row < ROWS; row++)
		m[row] = b->ns[row][rounds / 2];
	(void)printf("{\"rules\":%zu,\"questions\":%zu,\"load_ms\":%.2f,\"reference_ns\":%.1f,"
		     "\"scan_ns\":%.1f,\"index_ns\":%.1f,\"index_per_s\":%.0f,\"ratio\":%.4f,"
		     "\"facts_ns\":%.1f}\n",
		policy_set_rules(b->set), b->n, m[LOAD] / 1e6, m[REFERENCE], m[SCAN], m[INDEX],
		1e9 / m[INDEX], m[INDEX] / m[SCAN], m[FACTS]);
}

/* bench_policy POLICY QUESTIONS ROUNDS: one line of JSON */
int
main(int argc, char **argv)
{
	struct bench b = {0};

	must(argc == 4, "usage: bench_policy POLICY QUESTIONS ROUNDS");
	unsigned rounds = (unsigned)strtoul(argv[3], NULL, 10);
	must(rounds > 0 && rounds <= ROUNDS_MAX, "rounds: 1 to 101");
	AUTO_FREE char *policy = NULL;
	AUTO_FREE char *questions = NULL;
	b.source = (struct policy_source){argv[1], slurp(argv[1], &policy)};
	take_questions(&b, slurp(argv[2], &questions));
	load(&b);
	prepare(&b);
	measure(&b, rounds);
	report(&b, rounds);
	for (size_t i = 0; i < b.n; i++)
		json_free(b.q[i].json);
	policy_set_free(b.set);
	free(b.q);
	arena_fini(&b.mem);
	return 0;
}
