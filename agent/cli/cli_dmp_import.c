/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_dmp_import.h"

#include <stdio.h>
#include <time.h>

#include "agent/catalog/madmp.h"
#include "agent/catalog/madmp_terms.h"
#include "agent/catalog/madmp_wish.h"
#include "agent/cli/cli_dmp.h"
#include "agent/cli/cli_dmp_judge.h"
#include "agent/cli/cli_dmp_report.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/cli_options.h"
#include "agent/cli/command.h"

#define KEEP_MEMORY ((size_t)256 * 1024 * 1024)
#define OUT_BYTES   ((size_t)64 * 1024 * 1024)
#define NOTE_ID     256U

static int
help(void)
{
	(void)fputs(
		"usage: pan-agent dmp import [--proposal ID] [--by ROLE] [--dry-run] [--json] "
		"FILE\n"
		"\n"
		"Reads a data management plan (RDA DMP Common Standard 1.2; FILE -: standard\n"
		"input) as a proposal, never an order.  A licence that starts before the release\n"
		"date is a request to open on that day, and counts as the policy says; a later\n"
		"one changes nothing.  personal_data or sensitive_data of \"yes\" or \"unknown\"\n"
		"sets the flag personal-data.  What differs from the policy is reported.  Asked\n"
		"again, the same plan asks for nothing new.\n"
		"\n"
		"A dataset of the plan means the one with its pid in this machine's catalogue; "
		"one\n"
		"without such a pid stands for the rest of its proposal.\n"
		"\n"
		"--proposal ID   of this proposal; default: those that the plan's project_id name\n"
		"--by ROLE       in which role the plan asks; default: pi\n"
		"--dry-run       report, and ask for nothing\n"
		"--json          the report as JSON;  --config FILE   agent.yaml\n"
		"\n"
		"Exit status: 0 all was taken; 1 conflicts; 2 no plan that can be read, wrong "
		"call.\n"
		"\n"
		"example: pan-agent dmp import plan.json --proposal 2026-0123 --dry-run\n",
		stdout);
	return EXIT_DONE;
}

/* One call. */
struct call {
	const char *config, *proposal, *by, *file;
	bool dry, json;
	struct cli_facts w;
	struct arena keep; /* plan, names, pids, report */
	struct madmp plan;
	struct madmp_names names;
	struct cli_dmp_report report;
};

/* ---- the plan ---- */

static bool
read_plan(struct call *c)
{
	AUTO_BUF text = BUF_INIT(MADMP_BYTES);
	AUTO_BUF report = BUF_INIT(OUT_BYTES);
	struct err e = {0};

	if (!cli_file_read(c->file, &text, &e)) {
		(void)fprintf(stderr, "pan-agent dmp import: %s\n", e.msg);
		return false;
	}
	if (madmp_parse(c->file, buf_span(&text), &c->keep, &report, &c->plan, &e))
		return true;
	(void)fwrite(report.p, 1, report.n, stderr);
	return false;
}

/* ---- which datasets ---- */

static void
add_stray(struct call *c, const struct madmp_dataset *d, struct span note)
{
	cli_dmp_add(&c->report, &(struct cli_dmp_row){.dataset = d->id.identifier,
					.what = "dataset",
					.plan = d->title,
					.outcome = DMP_CONFLICT,
					.note = note});
}

/* The entry names a dataset of the catalogue: *ret its pid, else absent. */
static bool
find_name(struct call *c, const struct madmp_dataset *d, struct span *ret, struct err *e)
{
	struct span pid = madmp_pid(d->id.identifier, cli_dmp_origin(&c->w));
	size_t mark = c->w.arena.used;
	struct catalog_dataset ds;

	*ret = SPAN_NONE;
	if (!cli_facts_dataset(&c->w, pid, &ds, e)) {
		arena_rewind(&c->w.arena, mark);
		return e->code == ERR_ABSENT;
	}
	if (c->proposal != NULL && !span_is(ds.proposal, c->proposal))
		add_stray(c, d, SPAN("is of another proposal"));
	*ret = pid;
	arena_rewind(&c->w.arena, mark);
	return true;
}

static bool
find_names(struct call *c, struct err *e)
{
	struct span *pid = arena_array(&c->keep, c->plan.n_datasets + 1, sizeof(*pid));

	if (pid == NULL)
		return err_set(e, ERR_LIMIT, NULL, "the plan is too large");
	for (size_t i = 0; i < c->plan.n_datasets; i++)
		if (!find_name(c, &c->plan.datasets[i], &pid[i], e))
			return false;
	c->names = (struct madmp_names){pid, c->plan.n_datasets};
	return true;
}

/* ---- one dataset ---- */

/* Has the report spoken of this dataset? */
static bool
is_judged(const struct call *c, struct span pid)
{
	for (const struct cli_dmp_row *row = c->report.first; row != NULL; row = row->next)
		if (span_eq(row->dataset, pid))
			return true;
	return false;
}

static bool
take_dataset(
	struct call *c, const struct cli_dmp_desk *d, struct span pid, bool rest, struct err *e)
{
	size_t mark = c->w.arena.used;
	struct catalog_dataset ds;
	struct madmp_wish wish;

	if (is_judged(c, pid))
		return true;
	if (!cli_facts_dataset(&c->w, pid, &ds, e))
		return false;
	madmp_wish(&c->plan, &c->names, pid, rest, cli_dmp_licence(d, &ds), &wish);
	if (wish.entries > 0 && (c->proposal == NULL || span_is(ds.proposal, c->proposal)))
		cli_dmp_judge(d, &ds, &wish);
	arena_rewind(&c->w.arena, mark);
	return true;
}

/* The user office says that there is such a proposal; nothing was measured yet. */
static void
take_empty(struct call *c, const struct cli_dmp_desk *d, struct span proposal)
{
	struct madmp_wish wish;

	madmp_wish(&c->plan, &c->names, SPAN(""), true, SPAN_NONE, &wish);
	if (wish.entries > 0)
		cli_dmp_judge_proposal(d, proposal, &wish);
}

static bool
take_proposal(struct call *c, const struct cli_dmp_desk *d, struct span proposal, bool *found,
	struct err *e)
{
	struct cli_dmp_pids pids;

	if (!cli_dmp_of_proposal(&c->w, proposal, &c->keep, &pids, e))
		return false;
	if (pids.n == 0 && c->proposal != NULL)
		take_empty(c, d, proposal);
	*found = *found || pids.n > 0 || c->proposal != NULL;
	for (size_t i = 0; i < pids.n; i++)
		if (!take_dataset(c, d, pids.item[i], true, e))
			return false;
	return true;
}

/* The proposals that the plan's projects are called by. */
static bool
take_projects(struct call *c, const struct cli_dmp_desk *d, bool *found, struct err *e)
{
	for (size_t i = 0; i < c->plan.n_projects; i++) {
		const struct madmp_ids *ids = &c->plan.projects[i].ids;
		for (size_t k = 0; k < ids->n; k++)
			if (!take_proposal(c, d, ids->item[k].identifier, found, e))
				return false;
	}
	return true;
}

/* Entries that name a dataset which no proposal above has; and those that name none. */
static bool
take_rest(struct call *c, const struct cli_dmp_desk *d, bool found, struct err *e)
{
	for (size_t i = 0; i < c->names.n; i++) {
		struct span pid = c->names.pid[i];
		if (pid.p == NULL && !found)
			add_stray(c, &c->plan.datasets[i],
				SPAN("is not in the catalogue, nor is a proposal that the plan "
				     "names: give it with --proposal"));
		if (pid.p != NULL && !take_dataset(c, d, pid, false, e))
			return false;
	}
	return true;
}

static bool
take_all(struct call *c, const struct cli_dmp_desk *d, struct err *e)
{
	bool found = false;

	if (c->proposal != NULL ? !take_proposal(c, d, span_of(c->proposal), &found, e)
				: !take_projects(c, d, &found, e))
		return false;
	return take_rest(c, d, found, e);
}

/* ---- the call ---- */

static int
show(struct call *c)
{
	AUTO_BUF out = BUF_INIT(OUT_BYTES);

	if (c->json)
		cli_dmp_write_json(&c->report, c->plan.id.identifier, &out);
	else
		cli_dmp_write_table(&c->report, &out);
	if (c->report.full || !buf_ok(&out))
		return cli_facts_complain(&c->w, "the report is too long", NULL);
	(void)fwrite(out.p, 1, out.n, stdout);
	return cli_dmp_all_taken(&c->report) ? EXIT_DONE : EXIT_NO;
}

/* For the log, which takes printable text alone. */
static struct span
note_of(struct call *c)
{
	struct span id = span_first(c->plan.id.identifier, NOTE_ID);

	if (span_control(id) || !span_utf8(id))
		id = SPAN("(not printable)");
	return arena_printf(&c->keep, "data management plan %.*s", SPAN_ARG(id));
}

static int
import(struct call *c, enum policy_role by)
{
	struct span note = note_of(c);
	struct cli_dmp_desk d = {.w = &c->w,
		.report = &c->report,
		.by = by,
		.note = note,
		.now = time(NULL),
		.dry = c->dry};
	struct err e = {0};

	c->report.a = &c->keep;
	bool ok = find_names(c, &e);
	for (size_t i = 0; ok && i < c->names.n; i++)
		d.named = d.named || c->names.pid[i].p != NULL;
	if (!ok || !take_all(c, &d, &e))
		return cli_facts_complain(&c->w, "the datasets of the plan", &e);
	return show(c);
}

static int
run(struct call *c)
{
	int by = c->by != NULL ? facts_name(span_of(c->by), role_names, ROLE_COUNT) : ROLE_PI;

	if (by <= ROLE_AUTHENTICATED) {
		(void)fprintf(
			stderr, "pan-agent dmp import: --by '%s' is no role of a person\n", c->by);
		return EXIT_CALL;
	}
	if (!arena_init(&c->keep, KEEP_MEMORY) || !read_plan(c))
		return EXIT_CALL;
	int code = cli_facts_open(&c->w, "dmp import", c->config, NULL);
	if (code >= 0)
		return code;
	code = import(c, (enum policy_role)by);
	cli_facts_close(&c->w);
	return code;
}

int
cli_dmp_import(int argc, char **argv)
{
	struct call c = {.dry = false};
	const struct cli_option table[] = {{"--config", &c.config, NULL},
		{"--proposal", &c.proposal, NULL}, {"--by", &c.by, NULL},
		{"--dry-run", NULL, &c.dry}, {"--json", NULL, &c.json}};
	const struct cli_call call = {"dmp import", argc, argv, 1};
	bool want_help = false;

	if (!cli_options_read(&call, table, sizeof(table) / sizeof(table[0]), &c.file, &want_help))
		return EXIT_CALL;
	if (want_help)
		return help();
	if (c.file == NULL) {
		(void)fputs("pan-agent dmp import: which FILE? see pan-agent dmp import --help\n",
			stderr);
		return EXIT_CALL;
	}
	int code = run(&c);
	arena_fini(&c.keep);
	return code;
}
