/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_status.h"

#include "agent/base/json.h"
#include "agent/cli/cli_admin.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX ((size_t)1 << 20)

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent status [--config FILE] [--json]\n"
		"\n"
		"Tells what the running agent's processes do, whether the configuration on disk\n"
		"is in force, which policies are, and what needs a restart.\n"
		"\n"
		"Exit status: 0 serving under the current configuration; 1 anything else;\n"
		"2 wrong call.\n"
		"\n"
		"example: pan-agent status\n",
		out);
	return code;
}

static struct span
text_of(const struct json *j, const char *name)
{
	struct span s = SPAN("");

	(void)json_get_str(j, name, &s);
	return s;
}

static long long
number_of(const struct json *j, const char *name)
{
	int64_t v = 0;

	(void)json_get_i64(j, name, &v);
	return (long long)v;
}

static void
print_role(const struct json *r)
{
	(void)printf("%-10.*s %4lld %9lld %-9.*s %8lld  %.*s\n", SPAN_ARG(text_of(r, "role")),
		number_of(r, "slot"), number_of(r, "pid"), SPAN_ARG(text_of(r, "state")),
		number_of(r, "restarts"), SPAN_ARG(text_of(r, "status")));
}

/* Which policies decide, for data of which days. */
static void
print_policies(const struct json *list)
{
	if (json_count(list) == 0)
		return;
	(void)printf("\n%-20s %7s %-8s  %-10s %-10s  %s\n", "POLICY", "VERSION", "SHA256", "FROM",
		"UNTIL", "FILE");
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *p = json_at(list, i);
		struct span until = SPAN("-");
		(void)json_get_str(p, "valid_until", &until);
		(void)printf("%-20.*s %7lld %-8.*s  %-10.*s %-10.*s  %.*s\n",
			SPAN_ARG(text_of(p, "policy")), number_of(p, "version"),
			SPAN_ARG(span_first(text_of(p, "sha256"), 8)),
			SPAN_ARG(text_of(p, "valid_from")), SPAN_ARG(until),
			SPAN_ARG(text_of(p, "file")));
	}
}

/* The answer is our own agent's, but it is read as strictly as a stranger's. */
static int
print_status(struct span text)
{
	AUTO_JSON j = json_parse(text, NULL, NULL);
	const struct json *roles = json_get(j, "roles");
	const struct json *listen = json_get(j, "listen");
	struct span restart = SPAN_NONE;
	struct span address = SPAN_NONE;

	if (j == NULL || roles == NULL) {
		(void)fputs("pan-agent status: the agent's answer is not understood\n", stderr);
		return 1;
	}
	(void)printf("pan-agentd %.*s, %.*s, process %lld\n", SPAN_ARG(text_of(j, "version")),
		SPAN_ARG(text_of(j, "state")), number_of(j, "pid"));
	(void)printf("configuration  %.*s (%.*s)\n", SPAN_ARG(text_of(j, "config")),
		SPAN_ARG(text_of(j, "policy")));
	if (json_get_str(j, "needs_restart", &restart))
		(void)printf("needs restart  %.*s\n", SPAN_ARG(restart));
	for (size_t i = 0; i < json_count(listen); i++)
		if (json_str(json_at(listen, i), &address))
			(void)printf("listens on     %.*s\n", SPAN_ARG(address));
	(void)printf("\n%-10s %4s %9s %-9s %8s  %s\n", "ROLE", "SLOT", "PID", "STATE", "RESTARTS",
		"STATUS");
	for (size_t i = 0; i < json_count(roles); i++)
		print_role(json_at(roles, i));
	print_policies(json_get(j, "policies"));
	(void)fwrite(text_of(j, "report").p, 1, text_of(j, "report").n, stdout);
	return span_is(text_of(j, "state"), "serving") && span_is(text_of(j, "policy"), "current")
		       ? 0
		       : 1;
}

static int
show(struct span answer, bool json)
{
	if (!json)
		return print_status(answer);
	(void)fwrite(answer.p, 1, answer.n, stdout);
	return 0;
}

int
cli_status(int argc, char **argv)
{
	const struct cli_admin_page page = {.command = "status",
		.path = "/status",
		.max = ANSWER_MAX,
		.help = help,
		.show = show};

	return cli_admin_page(&page, argc, argv);
}
