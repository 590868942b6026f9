/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli_events.h"
#include "agent/cli/cli_events_list.h"
#include "agent/cli/cli_explain.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/cli_policy_bench.h"
#include "agent/cli/cli_policy_check.h"
#include "agent/cli/cli_policy_lint.h"
#include "agent/cli/cli_policy_list.h"
#include "agent/cli/cli_policy_opens.h"
#include "agent/cli/cli_policy_sign.h"
#include "agent/cli/cli_policy_simulate.h"
#include "agent/cli/cli_policy_verify.h"
#include "agent/cli/command.h"

/* More than allowed, so that the reader says so. */
#define FILE_BYTES   ((size_t)4 * 1024 * 1024 + 2)
#define REPORT_BYTES ((size_t)16 * 1024 * 1024)

enum { FILES_MAX = 1024 };

/* One row for each subcommand, in the order of `pan-agent policy --help`; argv[0] is its name. */
static const struct command subcommands[] = {
	{"check", "read policy files as the agent would and run their tests", cli_policy_check},
	{"test", "the same, with one line of TAP for each test", cli_policy_test},
	{"lint", "warn of what is probably not meant", cli_policy_lint},
	{"list", "which policies hold for data of which days", cli_policy_list},
	{"simulate", "what would have been decided otherwise, by an audit log",
		cli_policy_simulate},
	{"opens", "which datasets open when, and why", cli_policy_opens},
	{"explain", "one decision in words, or decisions for questions in JSON", cli_explain},
	{"sign", "sign a policy file, beside it in FILE.sig", cli_policy_sign},
	{"verify", "are policy files signed as agent.yaml asks?", cli_policy_verify},
	{"keygen", "make a key to sign policies with", cli_policy_keygen},
	{"bench", "what loading and deciding cost on this machine", cli_policy_bench},
	{"release", "open a dataset earlier", cli_events},
	{"extend", "ask for a longer embargo", cli_events},
	{"approve", "approve an extension or a release", cli_events},
	{"object", "object to a release while its window is open", cli_events},
	{"agree", "record the day on which data of an agreement open", cli_events},
	{"restrict", "put a hold on a dataset", cli_events},
	{"lift", "take the hold away", cli_events},
	{"withdraw", "withdraw a dataset; its page stays", cli_events},
	{"reinstate", "take a withdrawal back", cli_events},
	{"events", "the log of a dataset, and what counts of it", cli_events_list},
	{NULL, NULL, NULL},
};

int
cli_policy(int argc, char **argv)
{
	return command_group(
		subcommands, "pan-agent policy check /etc/pan-agent/policies/*.yaml", argc, argv);
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

struct policy_set *
cli_policy_load(const struct cli_policy_files *f)
{
	AUTO_BUF report = BUF_INIT(REPORT_BYTES);
	struct err e = {0};
	struct policy_set *s = policy_set_load(f->sources, f->n, &report, &e);

	if (report.n > 0)
		(void)fwrite(report.p, 1, report.n, stderr);
	if (s == NULL && report.n == 0)
		(void)fprintf(stderr, "pan-agent policy: %s\n", e.msg);
	return s;
}
