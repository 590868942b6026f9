/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy_simulate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/scope.h"
#include "agent/cli/cli_facts.h"
#include "agent/cli/cli_policy.h"
#include "agent/cli/command.h"
#include "policy/simulate_log.h"
#include "policy/simulate_write.h"

#define OUT_BYTES ((size_t)4 * 1024 * 1024)

static const char simulate_text[] =
	"usage: pan-agent policy simulate --log FILE [--log FILE]... --against POLICY [--against\n"
	"       POLICY]... [options]\n"
	"\n"
	"Decides every decision of an audit log again under other policies, at its own time\n"
	"and from its own facts, and tells which would differ.\n"
	"  --log FILE       audit log; several, oldest first; - is standard input\n"
	"  --against FILE   policy files that would be in force, all of them\n"
	"  --config FILE    agent.yaml, whose catalogue has the logs of the datasets; without\n"
	"                   it, decisions that used entries of one are undecided\n"
	"  --since, --until DATE  only decisions of that time (a date is its first instant UTC)\n"
	"  --all            another rule, status or obligation is a difference, too\n"
	"  --json           one JSON object\n"
	"\n"
	"Exit status: 0 no difference; 1 differences; 2 wrong call, unreadable, or lines that\n"
	"are not those of an audit log.\n"
	"\n"
	"example: pan-agent policy simulate --log audit.jsonl --against new.yaml\n";

struct call {
	const char **logs, **against;
	size_t n_logs, n_against;
	const char *config, *since, *until;
	bool all, json, help;
	int64_t since_ms, until_ms;
};

static int
complain(const char *what, const char *more)
{
	(void)fprintf(stderr, "pan-agent policy simulate: %s%s\n", what, more);
	return EXIT_CALL;
}

/* ---- the logs of datasets ---- */

static bool
events_of(
	void *arg, struct span pid, struct arena *a, const struct policy_event **ret, size_t *ret_n)
{
	struct cli_facts *f = arg;
	struct catalog_dataset ds;

	if (!catalog_by_pid(f->catalog, pid, a, &ds, NULL))
		return false;
	*ret = ds.facts.events;
	*ret_n = ds.facts.n_events;
	return true;
}

/* ---- the run ---- */

static int
read_log(struct simulate *s, const char *name)
{
	const struct simulate_limits limits = {0};
	struct simulate_lines lines;
	struct err e = {0};
	bool input = strcmp(name, "-") == 0;
	AUTO_FD own = input ? -1 : open(name, O_RDONLY | O_CLOEXEC);

	if (!input && own < 0)
		return complain(name, ": cannot be opened");
	if (!simulate_log(s, input ? STDIN_FILENO : own, &limits, &lines, &e))
		return complain(name, e.msg);
	if (lines.torn)
		(void)fprintf(stderr,
			"pan-agent policy simulate: %s: the last line has no end and was left "
			"out\n",
			name);
	if (lines.unreadable == 0)
		return EXIT_DONE;
	(void)fprintf(stderr,
		"pan-agent policy simulate: %s: %" PRIu64 " line%s of no audit log, the first is "
		"line %" PRIu64 ": %s; see pan-agent audit verify\n",
		name, lines.unreadable, lines.unreadable == 1 ? " is" : "s are", lines.first,
		lines.why.msg);
	return EXIT_CALL;
}

static int
show(struct simulate *s, bool json, int code)
{
	AUTO_BUF out = BUF_INIT(OUT_BYTES);
	struct simulate_counts counts;

	simulate_counts(s, &counts);
	if (json) {
		simulate_write_json(s, &out);
		buf_addc(&out, '\n');
	} else {
		simulate_write(s, &out);
	}
	if (!buf_ok(&out) || fwrite(out.p, 1, out.n, stdout) != out.n)
		return EXIT_CALL;
	return code != EXIT_DONE ? code : counts.changed > 0 ? EXIT_NO : EXIT_DONE;
}

static int
run(const struct call *c, const struct policy_set *against, struct cli_facts *facts)
{
	const struct simulate_options o = {
		.against = against,
		.events = {facts != NULL ? events_of : NULL, facts},
		.all = c->all,
		.since_ms = c->since_ms,
		.until_ms = c->until_ms,
	};
	struct simulate *s = simulate_new(&o);
	int code = EXIT_DONE;

	if (s == NULL)
		return complain("no memory", "");
	for (size_t i = 0; i < c->n_logs; i++) {
		int got = read_log(s, c->logs[i]);
		code = got != EXIT_DONE ? got : code;
	}
	code = show(s, c->json, code);
	simulate_free(s);
	return code;
}

static int
with_policies(const struct call *c, const struct policy_set *against)
{
	struct cli_facts facts = {.command = "policy simulate"};

	if (c->config == NULL)
		return run(c, against, NULL);
	int code = cli_facts_open(&facts, "policy simulate", c->config, against);
	if (code < 0) {
		code = run(c, against, &facts);
		cli_facts_close(&facts);
	}
	return code;
}

static int
with_files(const struct call *c)
{
	struct cli_policy_files files = {0};

	if (!cli_policy_read(c->against, c->n_against, &files))
		return EXIT_CALL;
	struct policy_set *against = cli_policy_load(&files);
	int code = against != NULL ? with_policies(c, against) : EXIT_CALL;
	policy_set_free(against);
	cli_policy_files_fini(&files);
	return code;
}

/* ---- the call ---- */

static bool
take_switch(struct call *c, const char *name)
{
	if (strcmp(name, "--json") == 0)
		c->json = true;
	else if (strcmp(name, "--all") == 0)
		c->all = true;
	else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		c->help = true;
	else
		return false;
	return true;
}

static const char **
place_of(struct call *c, const char *name)
{
	if (strcmp(name, "--log") == 0)
		return &c->logs[c->n_logs++];
	if (strcmp(name, "--against") == 0)
		return &c->against[c->n_against++];
	if (strcmp(name, "--config") == 0)
		return &c->config;
	if (strcmp(name, "--since") == 0)
		return &c->since;
	return strcmp(name, "--until") == 0 ? &c->until : NULL;
}

static bool
take_options(int argc, char **argv, struct call *c)
{
	for (int i = 1; i < argc; i++) {
		if (take_switch(c, argv[i]))
			continue;
		const char **to = place_of(c, argv[i]);
		if (to == NULL || i + 1 == argc) {
			(void)complain(
				to == NULL ? "no option " : "a value is missing after ", argv[i]);
			return false;
		}
		*to = argv[++i];
	}
	return true;
}

/* A date or an instant, as milliseconds. */
static bool
take_time(const char *text, int64_t *ret)
{
	struct when w = {0};

	if (text == NULL)
		return true;
	if (!facts_parse_when(span_of(text), &w)) {
		(void)complain(text, ": write 2027-05-31 or 2027-05-31T08:00:00Z");
		return false;
	}
	*ret = (w.is_date ? (int64_t)w.date * 86400 : w.instant) * 1000;
	return true;
}

int
cli_policy_simulate(int argc, char **argv)
{
	AUTO_FREE const char **logs = calloc((size_t)argc, sizeof(*logs));
	AUTO_FREE const char **against = calloc((size_t)argc, sizeof(*against));
	struct call c = {.logs = logs, .against = against};

	if (logs == NULL || against == NULL || !take_options(argc, argv, &c))
		return EXIT_CALL;
	if (c.help) {
		(void)fputs(simulate_text, stdout);
		return EXIT_DONE;
	}
	if (c.n_logs == 0 || c.n_against == 0)
		return complain("--log and --against are needed; see --help", "");
	if (!take_time(c.since, &c.since_ms) || !take_time(c.until, &c.until_ms))
		return EXIT_CALL;
	return with_files(&c);
}
