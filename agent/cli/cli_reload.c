/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_reload.h"

#include "agent/cli/cli_admin.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX ((size_t)1 << 20)

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent reload [--config FILE]\n"
		"\n"
		"Has the running agent read its configuration, policy and keys again, and waits\n"
		"for the outcome: the policies that are in force then, and what changed.  With a\n"
		"fault anywhere the old state stays in force, and the faults are printed.  Keys\n"
		"that need a restart are named.\n"
		"\n"
		"Exit status: 0 reloaded; 1 refused, or no agent runs; 2 wrong call.\n"
		"\n"
		"example: pan-agent reload\n",
		out);
	return code;
}

int
cli_reload(int argc, char **argv)
{
	const char *config = NULL;
	AUTO_BUF answer = BUF_INIT(ANSWER_MAX);
	struct err e = {0};
	int status = 0;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return help(stdout, 0);
	if (argc == 3 && strcmp(argv[1], "--config") == 0)
		config = argv[2];
	else if (argc != 1)
		return help(stderr, 2);
	struct settings *s = cli_admin_settings("reload", config);
	if (s == NULL)
		return 1;
	bool asked = cli_admin_ask(s->runtime_dir, "POST", "/reload", &status, &answer, &e);
	settings_free(s);
	if (!asked) {
		(void)fprintf(stderr, "pan-agent reload: %s\n", e.msg);
		return 1;
	}
	(void)fwrite(answer.p, 1, answer.n, status == 200 ? stdout : stderr);
	if (status == 200)
		return 0;
	(void)fputs("pan-agent reload: refused; the old configuration stays in force\n", stderr);
	return 1;
}
