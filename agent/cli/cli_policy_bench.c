/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "agent/base/scope.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/cli_options.h"
#include "agent/cli/cli_policy.h"
#include "agent/cli/command.h"
#include "policy/eval_facts.h"
#include "policy/request.h"

#define REQUEST_BYTES  ((size_t)256 * 1024 * 1024)
#define REQUEST_MEMORY ((size_t)1024 * 1024 * 1024)
#define LINE_MEMORY    ((size_t)64 * 1024 * 1024)

enum { ROUNDS = 5, ROUND_NS = 100000000, QUESTIONS_MAX = 100000 };

/* One question, twice: as text, and ready to be decided. */
struct question {
	struct span line;
	struct json *json;
	struct request request;
	struct prepared prepared;
};

struct bench {
	const struct policy_set *set;
	struct question *q;
	size_t n, bad, permits;
	struct arena mem; /* of the questions */
	double load_ms, prepared_ns, full_ns;
};

static int
help(FILE *out, int code)
{
	(void)fputs("usage: pan-agent policy bench --policy FILE --requests FILE [--json]\n"
		    "\n"
		    "  --policy FILE    the policy file that decides\n"
		    "  --requests FILE  questions in JSON, one a line, as for `policy explain "
		    "--input`\n"
		    "  --json           the figures as one line of JSON\n"
		    "\n"
		    "Measures in CPU time of one thread: the load (reading, checking, the file's "
		    "tests),\n"
		    "decisions from prepared facts, and whole ones from the questions' JSON.\n"
		    "Exit status: 0 measured; 1 the policy has faults; 2 wrong call or "
		    "unreadable.\n"
		    "\n"
		    "example: pan-agent policy bench --policy facility.yaml --requests "
		    "questions.jsonl\n",
		out);
	return code;
}

static int64_t
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	return v[n / 2];
}

/* ---- the questions ---- */

static struct json *
parse_line(struct span line, struct arena *a, struct request *ret)
{
	struct json_limits limits = {.bytes = LINE_MEMORY, .object = true};
	struct json *j = json_parse(line, &limits, NULL);

	*ret = (struct request){0};
	if (j == NULL || !request_parse(j, a, ret))
		ret->facts = (struct facts){0}; /* no time: the decision by rule `input` */
	return j;
}

static void
take_line(struct bench *b, struct span line)
{
	struct question *q = &b->q[b->n++];

	q->line = line;
	q->json = parse_line(line, &b->mem, &q->request);
	policy_prepare(b->set, &q->request.facts, &q->prepared);
	b->bad += q->prepared.policy == NULL;
}

/* False: there is nothing to ask, which was said. */
static bool
take_questions(struct bench *b, struct span text)
{
	b->q = calloc(QUESTIONS_MAX, sizeof(*b->q));
	if (b->q == NULL || !arena_init(&b->mem, REQUEST_MEMORY))
		return false;
	while (text.p != NULL && b->n < QUESTIONS_MAX) {
		struct span line = span_cut(&text, '\n');
		if (line.n > 0)
			take_line(b, line);
	}
	if (b->n == 0)
		(void)fputs(
			"pan-agent policy bench: no question in the file of --requests\n", stderr);
	if (b->bad > 0)
		(void)fprintf(stderr,
			"pan-agent policy bench: warning: %zu of %zu questions have no policy or "
			"are malformed; their answers are quicker\n",
			b->bad, b->n);
	return b->n > 0;
}

static void
bench_fini(struct bench *b)
{
	for (size_t i = 0; i < b->n; i++)
		json_free(b->q[i].json);
	free(b->q);
	arena_fini(&b->mem);
}

/* ---- measuring ---- */

static size_t
decide_prepared(struct bench *b, struct arena *a)
{
	size_t permits = 0;
	struct decision d;

	(void)a;
	for (size_t i = 0; i < b->n; i++) {
		policy_decide_prepared(&b->q[i].prepared, b->q[i].request.facts.action, &d);
		permits += d.permit;
	}
	return permits;
}

static size_t
decide_full(struct bench *b, struct arena *a)
{
	size_t permits = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct request r;
		struct decision d;
		arena_reset(a);
		struct json *j = parse_line(b->q[i].line, a, &r);
		policy_decide(b->set, &r.facts, &d);
		permits += d.permit;
		json_free(j);
	}
	return permits;
}

/* Nanoseconds for one question: whole passes over all of them, the median of some rounds. */
static double
measure(struct bench *b, size_t (*pass)(struct bench *, struct arena *), struct arena *a)
{
	double ns[ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		int64_t start = cpu_ns();
		int64_t spent = 0;
		size_t done = 0;
		while (spent < ROUND_NS) {
			b->permits = pass(b, a);
			done += b->n;
			spent = cpu_ns() - start;
		}
		ns[r] = (double)spent / (double)done;
	}
	return median(ns, ROUNDS);
}

/* NULL: the file has faults, which were written to standard error. */
static struct policy_set *
load(const struct cli_policy_files *f, double *ret_ms)
{
	struct policy_set *s = NULL;
	double ms[ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		policy_set_free(s);
		int64_t start = cpu_ns();
		s = cli_policy_load(f);
		ms[r] = (double)(cpu_ns() - start) / 1e6;
		if (s == NULL)
			return NULL;
	}
	*ret_ms = median(ms, ROUNDS);
	return s;
}

/* ---- the report ---- */

static void
show_text(const struct bench *b)
{
	(void)printf("rules       %zu, asked by %zu questions, of which %zu are permitted\n",
		policy_set_rules(b->set), b->n, b->permits);
	(void)printf("load        %.1f ms: read, checked, indexed, tested\n", b->load_ms);
	(void)printf("prepared    %.0f decisions/s, %.1f ns each\n", 1e9 / b->prepared_ns,
		b->prepared_ns);
	(void)printf("full        %.0f decisions/s from JSON, %.0f ns each\n", 1e9 / b->full_ns,
		b->full_ns);
}

static void
show_json(const struct bench *b)
{
	(void)printf("{\"rules\":%zu,\"questions\":%zu,\"permits\":%zu,\"load_ms\":%.3f,"
		     "\"prepared_per_s\":%.0f,\"prepared_ns\":%.1f,\"full_per_s\":%.0f,"
		     "\"full_ns\":%.0f}\n",
		policy_set_rules(b->set), b->n, b->permits, b->load_ms, 1e9 / b->prepared_ns,
		b->prepared_ns, 1e9 / b->full_ns, b->full_ns);
}

static int
run(struct bench *b, struct span requests, bool json)
{
	AUTO_ARENA line = {0};

	if (!take_questions(b, requests) || !arena_init(&line, LINE_MEMORY))
		return EXIT_CALL;
	b->prepared_ns = measure(b, decide_prepared, &line);
	b->full_ns = measure(b, decide_full, &line);
	if (json)
		show_json(b);
	else
		show_text(b);
	return EXIT_DONE;
}

static int
run_files(const char *policy, const char *requests, bool json)
{
	AUTO_BUF text = BUF_INIT(REQUEST_BYTES);
	struct cli_policy_files f = {0};
	struct bench b = {0};
	struct err e = {0};
	int code = EXIT_NO;

	if (!cli_file_read(requests, &text, &e)) {
		(void)fprintf(stderr, "pan-agent policy bench: %s\n", e.msg);
		return EXIT_CALL;
	}
	if (!cli_policy_read(&policy, 1, &f))
		return EXIT_CALL;
	struct policy_set *s = load(&f, &b.load_ms);
	b.set = s;
	if (s != NULL)
		code = run(&b, buf_span(&text), json);
	bench_fini(&b);
	policy_set_free(s);
	cli_policy_files_fini(&f);
	return code;
}

int
cli_policy_bench(int argc, char **argv)
{
	const char *policy = NULL;
	const char *requests = NULL;
	bool json = false;
	bool wants_help = false;
	const struct cli_option table[] = {
		{"--policy", &policy, NULL},
		{"--requests", &requests, NULL},
		{"--json", NULL, &json},
	};
	const struct cli_call call = {"policy bench", argc, argv, 1};

	if (!cli_options_read(&call, table, sizeof(table) / sizeof(table[0]), NULL, &wants_help))
		return EXIT_CALL;
	if (wants_help)
		return help(stdout, EXIT_DONE);
	if (policy == NULL || requests == NULL) {
		(void)fputs("pan-agent policy bench: --policy FILE and --requests FILE are "
			    "needed; see --help\n",
			stderr);
		return EXIT_CALL;
	}
	return run_files(policy, requests, json);
}
