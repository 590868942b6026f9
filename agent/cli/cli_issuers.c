/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_issuers.h"

#include "agent/base/civil.h"
#include "agent/base/json.h"
#include "agent/cli/cli_admin.h"
#include "agent/cli/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define ANSWER_MAX ((size_t)1 << 20)
#define CELL       24U

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent issuers [--config FILE] [--json]\n"
		"\n"
		"Tells for each issuer that the running agent asks over the network how its keys\n"
		"are: fresh; stale, when the last retrieval failed and older keys are used;\n"
		"expired, when they are too old for that; never, when none were had yet.\n"
		"\n"
		"--json   as the agent says it, for programs\n"
		"\n"
		"Exit status: 0 all issuers' tokens can be checked; 1 those of some cannot, or no\n"
		"agent answers; 2 wrong call.\n"
		"\n"
		"example: pan-agent issuers\n",
		out);
	return code;
}

/* Text of a process that reads strangers' bytes: none of it moves a cursor. */
static struct span
text_of(const struct json *j, const char *name, const char *fallback)
{
	struct span s = span_of(fallback);

	if (json_get_str(j, name, &s) && span_control(s))
		return SPAN("(not printable)");
	return s;
}

/* "12 s", "5 min", "3 h", "2 d", in whole parts. */
static const char *
duration(int64_t s, char out[CELL])
{
	static const struct {
		int64_t from, part;
		const char *unit;
	} units[] = {{172800, 86400, "d"}, {7200, 3600, "h"}, {120, 60, "min"}, {0, 1, "s"}};
	size_t i = 0;

	while (s < units[i].from && units[i].from > 0)
		i++;
	(void)snprintf(out, CELL, "%lld %s", (long long)(s / units[i].part), units[i].unit);
	return out;
}

/* How long ago (or until) the instant of this member is. */
static const char *
distance(const struct json *j, const char *name, int64_t now, int sign, char out[CELL])
{
	int64_t at = 0;

	if (!json_get_i64(j, name, &at) || at < 0 || at > 253402300799)
		return "-";
	int64_t s = sign * (at - now);
	return s <= 0 ? "now" : duration(s, out);
}

static void
print_trouble(const struct json *i)
{
	struct span error = text_of(i, "error", NULL);
	AUTO_BUF when = BUF_INIT(64);
	int64_t since = 0;

	if (error.n == 0)
		return;
	if (json_get_i64(i, "since", &since) && since >= 0 && since <= 253402300799)
		civil_write_iso(&when, since);
	if (when.n > 0)
		(void)printf("  since %.*s: ", SPAN_ARG(buf_span(&when)));
	else
		(void)printf("  ");
	(void)printf("%.*s\n", SPAN_ARG(error));
}

static void
print_issuer(const struct json *i, int64_t now)
{
	struct span name = text_of(i, "name", "-");
	struct span issuer = text_of(i, "issuer", "-");
	char keys[CELL] = "-";
	char age[CELL];
	char next[CELL];
	int64_t n = 0;

	if (json_get_i64(i, "keys", &n))
		(void)snprintf(keys, sizeof(keys), "%lld", (long long)n);
	(void)printf("%-8.*s %4s %8s %8s  %.*s\n", SPAN_ARG(text_of(i, "state", "?")), keys,
		distance(i, "fetched", now, -1, age), distance(i, "next", now, 1, next),
		SPAN_ARG(name));
	if (!span_eq(issuer, name))
		(void)printf("  %.*s\n", SPAN_ARG(issuer));
	print_trouble(i);
}

static void
print_issuers(const struct json *list)
{
	int64_t now = time(NULL);

	if (json_count(list) == 0) {
		(void)puts("No issuer is asked over the network, or none was yet.");
		return;
	}
	(void)printf("%-8s %4s %8s %8s  %s\n", "STATE", "KEYS", "AGE", "NEXT IN", "ISSUER");
	for (size_t i = 0; i < json_count(list); i++)
		print_issuer(json_at(list, i), now);
}

static bool
all_usable(const struct json *list)
{
	bool all = true;

	for (size_t i = 0; i < json_count(list); i++) {
		struct span state = text_of(json_at(list, i), "state", "?");
		all = all && (span_is(state, "fresh") || span_is(state, "stale"));
	}
	return all;
}

static int
show(struct span answer, bool as_json)
{
	AUTO_JSON j = json_parse(answer, NULL, NULL);
	const struct json *list = json_get(j, "issuers");

	if (json_kind(list) != JSON_KIND_LIST) {
		(void)fputs("pan-agent issuers: the agent's answer is not understood\n", stderr);
		return EXIT_NO;
	}
	if (as_json) {
		AUTO_BUF out = BUF_INIT(ANSWER_MAX * 6);
		json_write(j, &out);
		(void)printf("%.*s\n", SPAN_ARG(buf_span(&out)));
	} else {
		print_issuers(list);
	}
	return all_usable(list) ? EXIT_DONE : EXIT_NO;
}

int
cli_issuers(int argc, char **argv)
{
	const struct cli_admin_page page = {.command = "issuers",
		.path = "/issuers",
		.max = ANSWER_MAX,
		.help = help,
		.show = show};

	return cli_admin_page(&page, argc, argv);
}
