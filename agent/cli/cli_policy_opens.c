/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy_opens.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/base/jsonw.h"
#include "agent/cli/cli_catalogue.h"
#include "agent/cli/cli_facts.h"
#include "agent/cli/cli_options.h"
#include "agent/cli/cli_size.h"
#include "agent/cli/command.h"
#include "policy/calendar.h"
#include "policy/opening.h"
#include "policy/scalar.h"
#include "policy/view_all.h"

#define KEPT ((size_t)1024 * 1024 * 1024) /* of the pids of all datasets; a cap, not a size */
enum { PAGE = 1000 };

static const char help_text[] =
	"usage: pan-agent policy opens [--until DATE] [--from DATE] [--proposal ID] [--all]\n"
	"                              [--json] [--config FILE]\n"
	"\n"
	"The datasets of this machine that open from now on (or from --from) until the end of the\n"
	"day --until, by date: by their embargo, with what their log says of it, by agreement, or\n"
	"when a window for objections ends and nobody has objected.  Then a line for each month.\n"
	"\n"
	"--proposal  those of this proposal alone\n"
	"--all       and those that no passing of time opens, with the reason\n"
	"--json      one JSON object for each dataset, then one for each month\n"
	"\n"
	"Exit status: 0 done; 2 wrong call, or something cannot be read.\n"
	"\n"
	"example: pan-agent policy opens --until 2027-12-31\n";

struct row {
	struct span pid, proposal;   /* proposal absent: none */
	const struct policy *policy; /* NULL: none decides about it */
	uint64_t bytes;
	struct opening opening;
	struct when anchor;
};

struct call {
	const char *config, *from, *until, *proposal;
	bool json, all;
	int32_t from_date, until_date; /* INT32_MIN: from now on */
	int64_t now;
	struct row *rows;
	size_t n, cap;
	struct arena kept;
};

static int
complain(const char *what)
{
	(void)fprintf(
		stderr, "pan-agent policy opens: %s; see pan-agent policy opens --help\n", what);
	return EXIT_CALL;
}

/* ---- what there is ---- */

static bool
wanted(const struct call *c, const struct row *r)
{
	const struct opening *o = &r->opening;

	if (r->policy == NULL || !o->opens)
		return c->all;
	return (c->from_date == INT32_MIN ? o->at > c->now : o->date >= c->from_date) &&
	       o->date <= c->until_date;
}

static bool
keep(struct call *c, const struct row *r)
{
	if (c->n == c->cap) {
		size_t cap = c->cap > 0 ? c->cap * 2 : 1024;
		struct row *more = reallocarray(c->rows, cap, sizeof(*more));
		if (more == NULL)
			return false;
		c->rows = more;
		c->cap = cap;
	}
	struct row *to = &c->rows[c->n++];
	*to = *r;
	to->pid = arena_span(&c->kept, r->pid);
	if (r->proposal.p != NULL)
		to->proposal = arena_span(&c->kept, r->proposal);
	return !c->kept.full;
}

static bool
take(struct call *c, const struct cli_facts *f, const struct catalog_dataset *d)
{
	struct row r = {.pid = d->pid, .proposal = d->proposal, .bytes = d->bytes};

	if (c->proposal != NULL && !span_is(d->proposal, c->proposal))
		return true;
	r.policy = policy_bound(f->policies, &d->facts);
	if (r.policy != NULL) {
		opening_find(r.policy, &d->facts, c->now, &r.opening);
		r.anchor = d->facts.dates[r.policy->embargo.anchor];
	}
	return !wanted(c, &r) || keep(c, &r);
}

static bool
take_all(struct call *c, struct cli_facts *f, struct err *e)
{
	struct catalog_query q = {.view = view_all(), .limit = PAGE};
	struct catalog_page p = {.more = true};

	while (p.more) {
		arena_reset(&f->arena);
		if (!catalog_datasets(f->catalog, &q, &f->arena, &p, e))
			return false;
		for (size_t i = 0; i < p.n; i++)
			if (!take(c, f, &p.row[i].dataset))
				return err_set(e, ERR_LIMIT, NULL, "no memory for so many");
		q.behind = p.at;
	}
	return true;
}

/* By date, by policy, by pid; what does not open last. */
static int
by_date(const void *x, const void *y)
{
	const struct row *a = x;
	const struct row *b = y;

	if (a->opening.opens != b->opening.opens)
		return a->opening.opens ? -1 : 1;
	if (a->opening.opens && a->opening.date != b->opening.date)
		return a->opening.date < b->opening.date ? -1 : 1;
	if ((a->policy == NULL) != (b->policy == NULL))
		return a->policy == NULL ? 1 : -1;
	int by_policy = a->policy != NULL ? span_cmp(a->policy->id, b->policy->id) : 0;
	return by_policy != 0 ? by_policy : span_cmp(a->pid, b->pid);
}

/* ---- words ---- */

static void
write_cause(const struct row *r, struct buf *out)
{
	const struct opening *o = &r->opening;

	if (r->policy == NULL)
		return;
	const struct embargo *m = &r->policy->embargo;
	switch (o->cause) {
	case OPENING_EMBARGO:
		scalar_write_period(out, m->period);
		buf_addf(out, " from %s ", milestone_names[m->anchor]);
		if (r->anchor.given)
			scalar_write_date(out, calendar_when_date(r->policy->zone, &r->anchor));
		return;
	case OPENING_EARLIER:
		buf_adds(out, "released earlier, not ");
		break;
	case OPENING_LONGER:
		buf_adds(out, "extended, not ");
		break;
	case OPENING_WINDOW:
		buf_adds(out, "released earlier unless somebody objects before, not ");
		break;
	case OPENING_AGREEMENT:
		buf_adds(out, "by agreement");
		return;
	case OPENING_COUNT:
		return;
	}
	scalar_write_date(out, o->plain_date);
}

/* Why it never does. */
static const char *
why_not(const struct row *r)
{
	if (r->policy == NULL)
		return "no-policy";
	return r->opening.detail != NULL ? r->opening.detail : state_names[r->opening.state];
}

static void
print_row(const struct row *r)
{
	AUTO_BUF text = BUF_INIT(256);

	if (!r->opening.opens) {
		(void)fputs("never       ", stdout);
	} else {
		scalar_write_date(&text, r->opening.date);
		(void)printf("%.*s  ", SPAN_ARG(buf_span(&text)));
	}
	cli_catalogue_print(r->pid);
	(void)fputs("  ", stdout);
	cli_catalogue_print(r->policy != NULL ? r->policy->id : SPAN_NONE);
	buf_reset(&text);
	if (r->opening.opens)
		write_cause(r, &text);
	else
		buf_adds(&text, why_not(r));
	(void)printf("  %.*s\n", SPAN_ARG(buf_span(&text)));
}

static void
write_row(const struct row *r, struct buf *out)
{
	const struct opening *o = &r->opening;
	AUTO_BUF text = BUF_INIT(256);
	struct jsonw w;

	buf_reset(out);
	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "pid", r->pid);
	jsonw_str(&w, "proposal", r->proposal);
	jsonw_str(&w, "policy", r->policy != NULL ? r->policy->id : SPAN_NONE);
	jsonw_cstr(&w, "state", r->policy != NULL ? state_names[o->state] : NULL);
	if (o->opens)
		scalar_write_date(&text, o->date);
	jsonw_str(&w, "release_date", o->opens ? buf_span(&text) : SPAN_NONE);
	jsonw_iso(&w, "release_at", o->opens ? o->at : INT64_MIN);
	jsonw_cstr(&w, "cause", o->opens ? opening_causes[o->cause] : why_not(r));
	buf_reset(&text);
	if (o->opens && o->has_plain)
		scalar_write_date(&text, o->plain_date);
	jsonw_str(&w, "without_events", text.n > 0 ? buf_span(&text) : SPAN_NONE);
	jsonw_u64(&w, "bytes", r->bytes);
	jsonw_end(&w, '}');
	buf_addc(out, '\n');
	(void)fwrite(out->p, 1, buf_ok(out) ? out->n : 0, stdout);
}

/* ---- months ---- */

static void
print_month(const struct call *c, struct span month, uint64_t n, uint64_t bytes)
{
	char size[32];

	if (c->json)
		(void)printf("{\"month\":\"%.*s\",\"datasets\":%llu,\"bytes\":%llu}\n",
			SPAN_ARG(month), (unsigned long long)n, (unsigned long long)bytes);
	else
		(void)printf("%.*s  %llu dataset%s, %s\n", SPAN_ARG(month), (unsigned long long)n,
			n == 1 ? "" : "s", cli_size(bytes, size, sizeof(size)));
}

static void
months(const struct call *c)
{
	AUTO_BUF month = BUF_INIT(32);
	AUTO_BUF date = BUF_INIT(32);
	uint64_t n = 0;
	uint64_t bytes = 0;

	if (!c->json && c->n > 0)
		(void)fputc('\n', stdout);
	for (size_t i = 0; i < c->n; i++) {
		buf_reset(&date);
		if (c->rows[i].opening.opens)
			scalar_write_date(&date, c->rows[i].opening.date);
		else
			buf_adds(&date, "never");
		struct span now = span_first(buf_span(&date), 7);
		if (!span_eq(now, buf_span(&month))) {
			if (n > 0)
				print_month(c, buf_span(&month), n, bytes);
			buf_reset(&month);
			buf_add(&month, now);
			n = bytes = 0;
		}
		n++;
		bytes += c->rows[i].bytes;
	}
	if (n > 0)
		print_month(c, buf_span(&month), n, bytes);
	else if (!c->json)
		(void)puts("no dataset opens in that time");
}

/* ---- the call ---- */

static int
show(struct call *c, struct cli_facts *f)
{
	AUTO_BUF line = BUF_INIT(65536);
	struct err e = {0};

	if (!arena_init(&c->kept, KEPT))
		return cli_facts_complain(f, "no memory", NULL);
	if (!take_all(c, f, &e))
		return cli_facts_complain(f, "catalogue", &e);
	if (c->n > 1)
		qsort(c->rows, c->n, sizeof(*c->rows), by_date);
	for (size_t i = 0; i < c->n; i++)
		if (c->json)
			write_row(&c->rows[i], &line);
		else
			print_row(&c->rows[i]);
	months(c);
	return EXIT_DONE;
}

static bool
read_days(struct call *c)
{
	c->from_date = INT32_MIN;
	c->until_date = INT32_MAX;
	return (c->from == NULL || scalar_date(span_of(c->from), &c->from_date)) &&
	       (c->until == NULL || scalar_date(span_of(c->until), &c->until_date));
}

int
cli_policy_opens(int argc, char **argv)
{
	struct call c = {.now = (int64_t)time(NULL)};
	const struct cli_option table[] = {{"--config", &c.config, NULL}, {"--from", &c.from, NULL},
		{"--until", &c.until, NULL}, {"--proposal", &c.proposal, NULL},
		{"--json", NULL, &c.json}, {"--all", NULL, &c.all}};
	const struct cli_call call = {"policy opens", argc, argv, 1};
	struct cli_facts f;
	bool help = false;

	if (!cli_options_read(&call, table, sizeof(table) / sizeof(table[0]), NULL, &help))
		return EXIT_CALL;
	if (help) {
		(void)fputs(help_text, stdout);
		return EXIT_DONE;
	}
	if (!read_days(&c))
		return complain("a day is YYYY-MM-DD");
	int code = cli_facts_open(&f, "policy opens", c.config, NULL);
	if (code >= 0)
		return code;
	code = show(&c, &f);
	arena_fini(&c.kept);
	free(c.rows);
	cli_facts_close(&f);
	return code;
}
