/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_dmp_export.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/civil.h"
#include "agent/base/fdwrite.h"
#include "agent/base/scope.h"
#include "agent/catalog/madmp.h"
#include "agent/catalog/madmp_terms.h"
#include "agent/cli/cli_dmp.h"
#include "agent/cli/cli_options.h"
#include "agent/cli/command.h"
#include "policy/calendar.h"
#include "policy/model.h"
#include "policy/state.h"

#define KEEP_MEMORY ((size_t)64 * 1024 * 1024)
#define OUT_BYTES   ((size_t)256 * 1024 * 1024)
#define OUT_MODE    0644

static int
help(void)
{
	(void)fputs(
		"usage: pan-agent dmp export [--config FILE] [--out FILE] PROPOSAL\n"
		"\n"
		"Writes the data management plan of a proposal as it came out, in JSON (RDA DMP\n"
		"Common Standard 1.2): its datasets in this machine's catalogue with their sizes,\n"
		"addresses, licence and release date, and who may have them now.\n"
		"\n"
		"Licence and dates are those of the policy in force when the data were taken, "
		"with\n"
		"all that was asked and granted since.  The plan is the administrator's view: it\n"
		"names datasets that strangers may not know of yet.\n"
		"\n"
		"--out FILE   write to this file instead of standard output\n"
		"\n"
		"Exit status: 0 done; 1 no dataset of this proposal is in the catalogue; 2 wrong\n"
		"call, or something cannot be read or written.\n"
		"\n"
		"example: pan-agent dmp export 2026-0123 --out plan.json\n",
		stdout);
	return EXIT_DONE;
}

/* One call. */
struct call {
	const char *config, *out, *proposal;
	struct cli_facts w;
	struct arena keep; /* what the plan points to */
	struct madmp plan;
	int64_t now;
	bool known; /* what the proposal itself says was taken */
};

static struct span
kept(struct call *c, struct span s)
{
	return s.p != NULL ? arena_span(&c->keep, s) : SPAN_NONE;
}

/* ---- one dataset ---- */

/* Who may read now: everybody; some, or the team; nobody or those whom somebody lets in. */
static enum madmp_access
access_of(const struct decision *d)
{
	if (d->permit)
		return MADMP_OPEN;
	return d->state == STATE_OPEN || d->state == STATE_EMBARGOED ? MADMP_SHARED : MADMP_CLOSED;
}

/* How long the policy keeps data of this kind, from their last date on. */
static void
keep_until(const struct policy *p, const struct object_facts *o, struct madmp_date *ret)
{
	static const enum milestone from[] = {MILESTONE_DATA_COLLECTED, MILESTONE_EXPERIMENT_END};

	if (p == NULL || (p->has_retention & 1U << o->kind) == 0)
		return;
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		const struct when *w = &o->dates[from[i]];
		if (!w->given)
			continue;
		ret->given = true;
		ret->day = calendar_add(calendar_when_date(p->zone, w), p->retention[o->kind]);
		return;
	}
}

static bool
take_license(struct call *c, const struct decision *d, struct madmp_distribution *to)
{
	if (!d->has_release)
		return true;
	to->licenses = arena_array(&c->keep, 1, sizeof(*to->licenses));
	if (to->licenses == NULL)
		return false;
	to->n_licenses = 1;
	to->licenses[0].start = (struct madmp_date){true, d->release_date};
	to->licenses[0].ref = madmp_licence_ref(d->licence, cli_dmp_origin(&c->w), &c->keep);
	return true;
}

static bool
take_distribution(struct call *c, const struct catalog_dataset *ds, const struct decision *d,
	struct madmp_dataset *to)
{
	AUTO_BUF url = BUF_INIT(8192);
	struct madmp_distribution *one = arena_array(&c->keep, 1, sizeof(*one));

	if (one == NULL)
		return false;
	buf_add(&url, cli_dmp_origin(&c->w));
	buf_adds(&url, "/data/");
	buf_add_url(&url, ds->pid);
	buf_addc(&url, '/');
	*one = (struct madmp_distribution){.title = SPAN("Files as they were measured"),
		.access = access_of(d),
		.access_url = kept(c, buf_span(&url)),
		.has_size = true,
		.bytes = ds->bytes,
		.host = {.given = true,
			.title = span_of(c->w.settings->facility),
			.url = cli_dmp_origin(&c->w)}};
	keep_until(policy_bound(c->w.policies, &ds->facts), &ds->facts, &one->available_until);
	to->distributions = one;
	to->n_distributions = 1;
	return take_license(c, d, one);
}

/* What no licence says. */
static struct span
rights_of(uint32_t flags)
{
	bool export = (flags & 1U << FLAG_EXPORT_CONTROL) != 0;
	bool others = (flags & 1U << FLAG_THIRD_PARTY_RIGHTS) != 0;

	if (export && others)
		return SPAN("Under export control; others have rights in these data.");
	if (export)
		return SPAN("Under export control.");
	return others ? SPAN("Others have rights in these data.") : SPAN_NONE;
}

/* What a stranger would be told on the day of the plan. */
static void
decide(const struct call *c, const struct catalog_dataset *ds, struct decision *ret)
{
	struct facts f = {.object = ds->facts,
		.action = ACTION_DATA_READ,
		.now = {.given = true, .instant = c->now}};

	policy_decide(c->w.policies, &f, ret);
}

static bool
take_dataset(struct call *c, const struct catalog_dataset *ds, struct madmp_dataset *to)
{
	bool personal = (ds->facts.flags & 1U << FLAG_PERSONAL_DATA) != 0;
	struct decision d;

	decide(c, ds, &d);
	to->title = kept(c, ds->title.n > 0 ? ds->title : ds->pid);
	to->id = (struct madmp_id){kept(c, ds->pid), madmp_pid_type(ds->pid)};
	to->type = SPAN("dataset");
	to->rights = rights_of(ds->facts.flags);
	to->personal = personal ? MADMP_YES : MADMP_NO;
	to->sensitive = to->personal;
	if (personal)
		c->plan.ethical = MADMP_YES;
	if (d.state == STATE_OPEN && d.has_release)
		to->issued = (struct madmp_date){true, d.release_date};
	return to->title.p != NULL && to->id.identifier.p != NULL &&
	       take_distribution(c, ds, &d, to);
}

/* ---- the proposal ---- */

/* The local date at the facility of the bound policy. */
static void
take_date(const struct policy *p, const struct when *w, struct madmp_date *ret)
{
	if (!w->given || p == NULL)
		return;
	ret->given = true;
	ret->day = calendar_when_date(p->zone, w);
}

/* A plan keeps its day of creation for ever: the first thing that is known of the proposal. */
static int64_t
created(const struct policy *p, const struct object_facts *o, int64_t now)
{
	int64_t first = now;

	for (int m = 0; m < MILESTONE_COUNT; m++) {
		if (!o->dates[m].given || p == NULL)
			continue;
		int64_t at = calendar_when_instant(p->zone, &o->dates[m]);
		first = at < first ? at : first;
	}
	return first;
}

static struct span
instant(struct call *c, int64_t at)
{
	AUTO_BUF text = BUF_INIT(64);

	civil_write_iso(&text, at);
	return kept(c, buf_span(&text));
}

/* An address for mail, as the standard wants it: of the agent, or of the policy. */
static struct span
mbox(const struct call *c, const struct policy *p)
{
	struct span own = span_of(c->w.settings->contact);

	return !span_has(own, '@') && p != NULL && span_has(p->contact, '@') ? p->contact : own;
}

/* What all datasets of the proposal have in common, from the first of them. */
static bool
take_proposal(struct call *c, const struct catalog_dataset *ds)
{
	const struct policy *p = policy_bound(c->w.policies, &ds->facts);
	struct madmp_project *project = arena_array(&c->keep, 1, sizeof(*project));
	struct madmp_id *id = arena_array(&c->keep, 1, sizeof(*id));
	struct span name = span_of(c->proposal);

	if (project == NULL || id == NULL)
		return false;
	*id = (struct madmp_id){name, SPAN("other")};
	project->title = kept(c, ds->proposal_title.n > 0 ? ds->proposal_title : name);
	project->ids = (struct madmp_ids){id, 1};
	take_date(p, &ds->facts.dates[MILESTONE_EXPERIMENT_START], &project->start);
	take_date(p, &ds->facts.dates[MILESTONE_EXPERIMENT_END], &project->end);
	c->plan.projects = project;
	c->plan.n_projects = 1;
	c->plan.created = instant(c, created(p, &ds->facts, c->now));
	c->plan.title = arena_printf(&c->keep, "Data of %.*s", SPAN_ARG(project->title));
	c->plan.mbox = mbox(c, p);
	c->known = true;
	return project->title.p != NULL && c->plan.created.p != NULL && c->plan.title.p != NULL;
}

static bool
take_frame(struct call *c)
{
	struct span url = cli_dmp_origin(&c->w);
	struct madmp_id *id = arena_array(&c->keep, 1, sizeof(*id));

	if (id == NULL)
		return false;
	*id = (struct madmp_id){url, SPAN("url")};
	c->plan.language = SPAN("eng");
	c->plan.modified = instant(c, c->now);
	c->plan.ethical = MADMP_UNKNOWN;
	c->plan.contact = span_of(c->w.settings->facility);
	c->plan.contact_ids = (struct madmp_ids){id, 1};
	c->plan.id = (struct madmp_id){
		arena_printf(&c->keep, "%.*s/#dmp-%s", SPAN_ARG(url), c->proposal), SPAN("other")};
	return c->plan.modified.p != NULL && c->plan.id.identifier.p != NULL;
}

static bool
take_all(struct call *c, const struct cli_dmp_pids *pids, struct err *e)
{
	size_t n = 0;

	c->plan.datasets = arena_array(&c->keep, pids->n, sizeof(*c->plan.datasets));
	bool ok = c->plan.datasets != NULL && take_frame(c);
	for (size_t i = 0; ok && i < pids->n; i++) {
		struct catalog_dataset ds;
		size_t mark = c->w.arena.used;
		if (!cli_facts_dataset(&c->w, pids->item[i], &ds, e))
			return false;
		ok = (c->known || take_proposal(c, &ds)) &&
		     take_dataset(c, &ds, &c->plan.datasets[n++]);
		arena_rewind(&c->w.arena, mark);
	}
	c->plan.n_datasets = n;
	return ok || err_set(e, ERR_LIMIT, NULL, "the plan is too large");
}

/* ---- out ---- */

static bool
write_file(const char *path, struct span text, struct err *e)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, OUT_MODE);

	if (fd < 0)
		return err_set(e, ERR_SYSTEM, NULL, "open %s", path);
	return (fdwrite_all(fd, text) && close(take_fd(&fd)) == 0) ||
	       err_set(e, ERR_SYSTEM, NULL, "write %s", path);
}

static int
write_plan(struct call *c)
{
	AUTO_BUF out = BUF_INIT(OUT_BYTES);
	struct err e = {0};

	madmp_write(&c->plan, &out);
	buf_addc(&out, '\n');
	if (!buf_ok(&out))
		return cli_facts_complain(&c->w, "the plan is too large", NULL);
	if (c->out != NULL && !write_file(c->out, buf_span(&out), &e))
		return cli_facts_complain(&c->w, "--out", &e);
	if (c->out == NULL && !fdwrite_all(STDOUT_FILENO, buf_span(&out)))
		return cli_facts_complain(&c->w, "standard output cannot be written", NULL);
	return EXIT_DONE;
}

static int export(struct call *c)
{
	struct cli_dmp_pids pids;
	struct err e = {0};

	if (!cli_dmp_of_proposal(&c->w, span_of(c->proposal), &c->keep, &pids, &e))
		return cli_facts_complain(&c->w, "catalogue", &e);
	if (pids.n == 0) {
		(void)fprintf(stderr,
			"pan-agent dmp export: no dataset of proposal '%s' is in the catalogue; "
			"`pan-agent ls --json` shows the proposals that there are\n",
			c->proposal);
		return EXIT_NO;
	}
	if (!take_all(c, &pids, &e))
		return cli_facts_complain(&c->w, c->proposal, &e);
	return write_plan(c);
}

int
cli_dmp_export(int argc, char **argv)
{
	struct call c = {.now = time(NULL)};
	const struct cli_option table[] = {{"--config", &c.config, NULL}, {"--out", &c.out, NULL}};
	const struct cli_call call = {"dmp export", argc, argv, 1};
	bool want_help = false;

	if (!cli_options_read(
		    &call, table, sizeof(table) / sizeof(table[0]), &c.proposal, &want_help))
		return EXIT_CALL;
	if (want_help)
		return help();
	if (c.proposal == NULL) {
		(void)fputs(
			"pan-agent dmp export: which PROPOSAL? see pan-agent dmp export --help\n",
			stderr);
		return EXIT_CALL;
	}
	if (!arena_init(&c.keep, KEEP_MEMORY))
		return EXIT_CALL;
	int code = cli_facts_open(&c.w, "dmp export", c.config, NULL);
	if (code < 0) {
		code = export(&c);
		cli_facts_close(&c.w);
	}
	arena_fini(&c.keep);
	return code;
}
