/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_events_list.h"

#include <stdio.h>
#include <time.h>

#include "agent/cli/cli_facts.h"
#include "agent/cli/cli_options.h"
#include "agent/cli/command.h"
#include "policy/explain_log.h"
#include "policy/state.h"

enum { TEXT_MAX = 1024 * 1024 };

static int
help(FILE *out, int code)
{
	(void)fputs("usage: pan-agent policy events PID [--config FILE]\n"
		    "\n"
		    "The log of a dataset, out of proposals.yaml and the agent's ledger: how its\n"
		    "release date comes about, each event and whether it counts, and then what\n"
		    "the ledger keeps of it: number, id, who, and the reason that was given.\n"
		    "\n"
		    "Exit status: 0; 2 wrong call, or no such dataset.\n"
		    "\n"
		    "example: pan-agent policy events 10.5072/abc\n",
		out);
	return code;
}

/* Its own name, or that of the event which it speaks of. */
static struct span
name_of(const struct span *v)
{
	if (v[EVENT_TEXT_ID].p != NULL)
		return v[EVENT_TEXT_ID];
	return v[EVENT_TEXT_OF].p != NULL ? v[EVENT_TEXT_OF] : SPAN("-");
}

static void
print_event(const struct ledger_event *ev)
{
	const struct span *v = ev->text.value;
	struct span name = name_of(v);
	struct span who = ev->sub.p != NULL ? ev->sub : SPAN("the administrator");

	(void)printf("%6lld  %.*s  %-18.*s %-10.*s %-14.*s %.*s%s%.*s\n", (long long)ev->seq,
		SPAN_ARG(v[EVENT_TEXT_AT]), SPAN_ARG(v[EVENT_TEXT_TYPE]),
		SPAN_ARG(v[EVENT_TEXT_BY]), SPAN_ARG(name), SPAN_ARG(who),
		v[EVENT_TEXT_NOTE].p != NULL ? ": " : "", SPAN_ARG(v[EVENT_TEXT_NOTE]));
}

/* What it is now, and how that comes about. */
static void
write_state(const struct cli_facts *f, const struct catalog_dataset *ds, struct buf *out)
{
	const struct policy *p = policy_bound(f->policies, &ds->facts);
	struct state_view v;
	int64_t now = time(NULL);

	buf_addf(out, "%.*s  ", SPAN_ARG(ds->pid));
	if (p == NULL) {
		buf_adds(out, "no loaded policy decides about it\n");
		return;
	}
	state_compute(p, &ds->facts, now, &v);
	buf_adds(out, state_names[v.state]);
	if (v.has_release) {
		buf_adds(out, v.state == STATE_OPEN ? " since " : " until ");
		explain_log_local(p, v.release_at, out);
	}
	buf_addf(out, ", policy %.*s version %u\n", SPAN_ARG(p->id), p->version);
	explain_log_write(p, &ds->facts, now, out);
}

static int
list(struct cli_facts *f, const char *pid)
{
	struct catalog_dataset ds;
	struct ledger_event *events = NULL;
	struct err e = {0};
	size_t n = 0;
	AUTO_BUF out = BUF_INIT(TEXT_MAX);

	if (!cli_facts_dataset(f, span_of(pid), &ds, &e))
		return cli_facts_complain(f, pid, &e);
	write_state(f, &ds, &out);
	(void)fwrite(out.p, 1, out.n, stdout);
	if (!ledger_events(f->ledger, ds.pid, ds.proposal, &f->arena, &events, &n, &e))
		return cli_facts_complain(f, "ledger", &e);
	if (n > 0)
		(void)puts("\nledger");
	for (size_t i = 0; i < n; i++)
		print_event(&events[i]);
	return EXIT_DONE;
}

int
cli_events_list(int argc, char **argv)
{
	struct cli_facts f = {0};
	const char *pid = NULL;
	const char *config = NULL;
	bool want_help = false;
	const struct cli_option table[] = {{"--config", &config, NULL}};
	const struct cli_call call = {
		.command = "policy events", .argc = argc, .argv = argv, .from = 1};

	if (!cli_options_read(&call, table, 1, &pid, &want_help))
		return EXIT_CALL;
	if (want_help)
		return help(stdout, EXIT_DONE);
	if (pid == NULL)
		return help(stderr, EXIT_CALL);
	int code = cli_facts_open(&f, "policy events", config, NULL);
	if (code >= 0)
		return code;
	code = list(&f, pid);
	cli_facts_close(&f);
	return code;
}
