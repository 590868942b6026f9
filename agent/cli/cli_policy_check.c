/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy_check.h"

#include <stdio.h>
#include <string.h>

#include "agent/cli/cli_policy.h"
#include "agent/cli/command.h"
#include "policy/parse.h"
#include "policy/selftest.h"

#define REPORT_BYTES ((size_t)16 * 1024 * 1024)
#define TAP_BYTES    ((size_t)256 * 1024 * 1024)

static const char check_text[] =
	"usage: pan-agent policy check FILE...\n"
	"\n"
	"Reads the files as the agent would: their grammar, their tests, and whether two of\n"
	"them answer for the same data.  Needs neither the daemon nor a catalogue.\n"
	"\n"
	"Silent if all is well; faults are lines FILE:LINE:COLUMN: error: MESSAGE on standard\n"
	"error.  - is standard input.\n"
	"\n"
	"Exit status: 0 all is well; 1 the files have faults; 2 wrong call or unreadable.\n"
	"\n"
	"example: pan-agent policy check /etc/pan-agent/policies/*.yaml\n";

static const char test_text[] =
	"usage: pan-agent policy test FILE...\n"
	"\n"
	"As pan-agent policy check, and writes one line of TAP for each test of the files on\n"
	"standard output.  - is standard input.\n"
	"\n"
	"Exit status: 0 all tests pass; 1 one fails, or the files have faults; 2 wrong call or\n"
	"unreadable.\n"
	"\n"
	"example: pan-agent policy test my-facility.yaml\n";

static void
print(FILE *out, const struct buf *b)
{
	if (b->n > 0)
		(void)fwrite(b->p, 1, b->n, out);
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

/* ---- the calls ---- */

typedef int over_files(const char *const *names, size_t n);

static int
with_names(int argc, char **argv, const char *help, over_files *run)
{
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		(void)fputs(help, stdout);
		return EXIT_DONE;
	}
	int from = argc >= 2 && strcmp(argv[1], "--") == 0 ? 2 : 1;
	if (from >= argc || (from == 1 && argv[1][0] == '-' && argv[1][1] != '\0')) {
		(void)fputs(help, stderr);
		return EXIT_CALL;
	}
	return run((const char *const *)argv + from, (size_t)(argc - from));
}

int
cli_policy_check(int argc, char **argv)
{
	return with_names(argc, argv, check_text, check);
}

int
cli_policy_test(int argc, char **argv)
{
	return with_names(argc, argv, test_text, test);
}
