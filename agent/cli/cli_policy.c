/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli_explain.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/command.h"
#include "policy/parse.h"
#include "policy/selftest.h"

/* More than allowed, so that the reader says so. */
#define FILE_BYTES   ((size_t)4 * 1024 * 1024 + 2)
#define REPORT_BYTES ((size_t)16 * 1024 * 1024)
#define TAP_BYTES    ((size_t)256 * 1024 * 1024)

enum { FILES_MAX = 1024 };

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent policy check FILE...\n"
		"       pan-agent policy test FILE...\n"
		"       pan-agent policy explain --as WHO --on PID --action ACTION [--at DATE]\n"
		"       pan-agent policy explain --json --policy FILE --input FILE\n"
		"\n"
		"check     read the files as the agent would, run their tests; silent if all is "
		"well\n"
		"test      the same, with one line of TAP for each test\n"
		"explain   one decision, in words, from this machine's catalogue; or decisions "
		"for\n"
		"          questions in JSON, one a line (`pan-agent policy explain --help`)\n"
		"\n"
		"Faults are lines FILE:LINE:COLUMN: error: MESSAGE on standard error.\n"
		"Exit status: 0 all is well; 1 the files have faults; 2 wrong call or unreadable.\n"
		"\n"
		"example: pan-agent policy check /etc/pan-agent/policies/*.yaml\n",
		out);
	return code;
}

/* ---- files ---- */

void
cli_policy_files_fini(struct cli_policy_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		buf_fini(&f->texts[i]);
	free(f->texts);
	free(f->sources);
	*f = (struct cli_policy_files){0};
}

bool
cli_policy_read(const char *const *names, size_t n, struct cli_policy_files *ret)
{
	struct cli_policy_files f = {
		.sources = calloc(n > 0 ? n : 1, sizeof(*f.sources)),
		.texts = calloc(n > 0 ? n : 1, sizeof(*f.texts)),
	};
	struct err e = {0};

	if (f.sources == NULL || f.texts == NULL || n > FILES_MAX) {
		(void)fputs("pan-agent policy: too many files\n", stderr);
		cli_policy_files_fini(&f);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		f.n++;
		f.texts[i].max = FILE_BYTES;
		if (!cli_file_read(names[i], &f.texts[i], &e) && e.code != ERR_LIMIT) {
			(void)fprintf(stderr, "pan-agent policy: %s\n", e.msg);
			cli_policy_files_fini(&f);
			return false;
		}
		f.sources[i] = (struct policy_source){names[i], buf_span(&f.texts[i])};
	}
	*ret = f;
	return true;
}

static void
print(FILE *out, const struct buf *b)
{
	if (b->n > 0)
		(void)fwrite(b->p, 1, b->n, out);
}

struct policy_set *
cli_policy_load(const struct cli_policy_files *f)
{
	AUTO_BUF report = BUF_INIT(REPORT_BYTES);
	struct err e = {0};
	struct policy_set *s = policy_set_load(f->sources, f->n, &report, &e);

	print(stderr, &report);
	if (s == NULL && report.n == 0)
		(void)fprintf(stderr, "pan-agent policy: %s\n", e.msg);
	return s;
}

/* ---- check ---- */

static int
check(const char *const *names, size_t n)
{
	struct cli_policy_files f = {0};

	if (!cli_policy_read(names, n, &f))
		return EXIT_CALL;
	struct policy_set *s = cli_policy_load(&f);
	int code = s != NULL ? EXIT_DONE : EXIT_NO;
	policy_set_free(s);
	cli_policy_files_fini(&f);
	return code;
}

/* ---- test ---- */

/* Returns whether all is well with the file. */
static bool
test_file(const struct policy_source *src, struct buf *tap, struct buf *report, unsigned *number)
{
	struct policy *p = parse_policy(src->name, src->text, report, NULL);

	if (p == NULL) {
		buf_addf(tap, "not ok %u - %s can be read\n", ++*number, src->name);
		return false;
	}
	unsigned failed = selftest_run(p, report, tap, number);
	model_free(p);
	return failed == 0;
}

static int
test(const char *const *names, size_t n)
{
	struct cli_policy_files f = {0};
	AUTO_BUF tap = BUF_INIT(TAP_BYTES);
	AUTO_BUF report = BUF_INIT(REPORT_BYTES);
	unsigned number = 0;
	bool ok = true;

	if (!cli_policy_read(names, n, &f))
		return EXIT_CALL;
	for (size_t i = 0; i < f.n; i++)
		if (!test_file(&f.sources[i], &tap, &report, &number))
			ok = false;
	(void)printf("TAP version 13\n1..%u\n", number);
	print(stdout, &tap);
	/* What concerns the files together; the rest was said above. */
	if (ok && f.n > 1) {
		struct policy_set *s = policy_set_load(f.sources, f.n, &report, NULL);
		ok = s != NULL;
		policy_set_free(s);
	}
	print(stderr, &report);
	cli_policy_files_fini(&f);
	return ok ? EXIT_DONE : EXIT_NO;
}

int
cli_policy(int argc, char **argv)
{
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return help(stdout, EXIT_DONE);
	if (argc >= 2 && strcmp(argv[1], "explain") == 0)
		return cli_explain(argc - 1, argv + 1);
	bool is_check = argc >= 2 && strcmp(argv[1], "check") == 0;
	if (!is_check && (argc < 2 || strcmp(argv[1], "test") != 0))
		return help(stderr, EXIT_CALL);
	if (argc >= 3 && strcmp(argv[2], "--help") == 0)
		return help(stdout, EXIT_DONE);
	int from = argc >= 3 && strcmp(argv[2], "--") == 0 ? 3 : 2;
	if (from >= argc || (from == 2 && argv[2][0] == '-' && argv[2][1] != '\0'))
		return help(stderr, EXIT_CALL);
	const char *const *names = (const char *const *)argv + from;
	return is_check ? check(names, (size_t)(argc - from)) : test(names, (size_t)(argc - from));
}
