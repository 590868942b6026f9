/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy_lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/scope.h"
#include "agent/cli/cli_facts.h"
#include "agent/cli/cli_policy.h"
#include "agent/cli/cli_policy_lint_catalogue.h"
#include "agent/cli/command.h"
#include "policy/lint.h"

#define REPORT_BYTES ((size_t)64 * 1024 * 1024)

static const char lint_text[] =
	"usage: pan-agent policy lint [--json] FILE...\n"
	"       pan-agent policy lint --catalogue [--config FILE] [FILE...]\n"
	"\n"
	"Warns of what is probably not meant, over all questions that can be asked:\n"
	"  L1   a rule that can never decide    L6   previews for whom raw data are denied\n"
	"  L2   closed data for everybody       L7   a rule that no test is decided by\n"
	"  L3   open data for nobody            L8   a group, terms or rate class without use\n"
	"  L4   DOIs without a public page      L9   embargo keys without effect\n"
	"  L5   no tombstone                    L10  gaps and overlaps between the files\n"
	"  L11  writing for everybody\n"
	"\n"
	"Findings are lines FILE:LINE:COLUMN: warning: L1: MESSAGE on standard output.\n"
	"  --json       one JSON object instead: findings, and notes on what was not judged\n"
	"  --catalogue  and the datasets of this machine: L10 for each whose stored binding is\n"
	"               not what its dates and these policies (without FILE: those of the\n"
	"               configuration) give today\n"
	"\n"
	"Exit status: 0 nothing found; 1 findings; 2 wrong call, unreadable, or the files have\n"
	"faults.\n"
	"\n"
	"example: pan-agent policy lint /etc/pan-agent/policies/*.yaml\n";

static int
complain(const char *what, const char *more)
{
	(void)fprintf(stderr, "pan-agent policy lint: %s%s; see pan-agent policy lint --help\n",
		what, more);
	return EXIT_CALL;
}

static int
lint(const struct policy_set *s, bool json)
{
	AUTO_BUF out = BUF_INIT(REPORT_BYTES);
	unsigned findings = json ? policy_lint_json(s, &out) : policy_lint(s, &out);

	if (json)
		buf_addc(&out, '\n');
	if (!buf_ok(&out))
		return complain("too many findings", "");
	if (out.n > 0 && fwrite(out.p, 1, out.n, stdout) != out.n)
		return EXIT_CALL;
	return findings == 0 ? EXIT_DONE : EXIT_NO;
}

static int
lint_files(const char *const *names, size_t n, bool json)
{
	struct cli_policy_files f = {0};

	if (!cli_policy_read(names, n, &f))
		return EXIT_CALL;
	struct policy_set *s = cli_policy_load(&f);
	int code = s != NULL ? lint(s, json) : EXIT_CALL;
	policy_set_free(s);
	cli_policy_files_fini(&f);
	return code;
}

/* files NULL: those of the configuration. */
static int
lint_catalogue(const struct policy_set *files, const char *config)
{
	AUTO_BUF out = BUF_INIT(REPORT_BYTES);
	struct cli_facts f;
	unsigned found = 0;
	int code = cli_facts_open(&f, "policy lint", config, files);

	if (code >= 0)
		return code;
	unsigned findings = policy_lint(f.policies, &out);
	code = EXIT_CALL;
	if (cli_policy_lint_catalogue(&f, &out, &found)) {
		if (!buf_ok(&out))
			code = complain("too many findings", "");
		else if (out.n == 0 || fwrite(out.p, 1, out.n, stdout) == out.n)
			code = findings + found == 0 ? EXIT_DONE : EXIT_NO;
	}
	cli_facts_close(&f);
	return code;
}

/* Without names: the files of the configuration. */
static int
lint_with_catalogue(const char *const *names, size_t n, const char *config)
{
	struct cli_policy_files files = {0};

	if (n == 0)
		return lint_catalogue(NULL, config);
	if (!cli_policy_read(names, n, &files))
		return EXIT_CALL;
	struct policy_set *s = cli_policy_load(&files);
	int code = s != NULL ? lint_catalogue(s, config) : EXIT_CALL;
	policy_set_free(s);
	cli_policy_files_fini(&files);
	return code;
}

int
cli_policy_lint(int argc, char **argv)
{
	AUTO_FREE const char **names = calloc((size_t)argc, sizeof(*names));
	size_t n = 0;
	const char *config = NULL;
	bool json = false;
	bool catalogue = false;
	bool plain = false; /* after -- */

	if (names == NULL)
		return EXIT_CALL;
	for (int i = 1; i < argc; i++) {
		bool option = !plain && argv[i][0] == '-' && argv[i][1] != '\0';
		if (option && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
			(void)fputs(lint_text, stdout);
			return EXIT_DONE;
		}
		if (!option)
			names[n++] = argv[i];
		else if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--catalogue") == 0)
			catalogue = true;
		else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			config = argv[++i];
		else if (strcmp(argv[i], "--") == 0)
			plain = true;
		else
			return complain("no option ", argv[i]);
	}
	if (catalogue && json)
		return complain("--json is for files alone", "");
	if (catalogue)
		return lint_with_catalogue(names, n, config);
	return n > 0 ? lint_files(names, n, json) : complain("which files?", "");
}
