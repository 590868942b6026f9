/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_dmp_judge.h"

#include "agent/cli/cli_dmp_ask.h"
#include "policy/calendar.h"
#include "policy/event_check.h"
#include "policy/scalar.h"

/* One dataset under judgement. */
struct bench {
	const struct cli_dmp_desk *desk;
	const struct catalog_dataset *ds;
	const struct madmp_wish *wish;
	const struct policy *p; /* NULL: none was in force, or several, so nobody has the data */
	struct state_view now;  /* what it is by the policy */
};

static void
add(const struct bench *b, const struct cli_dmp_row *row)
{
	struct cli_dmp_row one = *row;

	one.dataset = b->ds->pid;
	cli_dmp_add(b->desk->report, &one);
}

/* ---- personal data ---- */

/* An entry that stands for all data of its proposal speaks of those to come, too. */
static void
ask_flag(const struct cli_dmp_desk *d, struct cli_dmp_row *row, struct span proposal, bool closes)
{
	const struct cli_dmp_ask a = {.pid = row->dataset,
		.proposal = proposal,
		.by = role_names[d->by],
		.note = d->note};
	struct err e = {0};

	row->outcome = d->dry ? DMP_WOULD_ASK : DMP_ASKED;
	row->note = proposal.p != NULL ? SPAN("the flag for all data of the proposal")
				       : SPAN("the flag");
	if (closes)
		row->note = proposal.p != NULL
				    ? SPAN("the flag for all data of the proposal; by this policy "
					   "it closes them")
				    : SPAN("the flag; by this policy it closes the dataset");
	if (!d->dry && !cli_dmp_ask_flag(d->w, &a, &e)) {
		row->outcome = DMP_REFUSED;
		row->note = span_of(e.msg);
	}
	cli_dmp_add(d->report, row);
}

static void
judge_personal(const struct bench *b)
{
	bool stands = (b->ds->facts.flags & 1U << FLAG_PERSONAL_DATA) != 0;
	bool whole = b->wish->rest && !b->desk->named;
	struct cli_dmp_row row = {.dataset = b->ds->pid,
		.what = "personal data",
		.plan = b->wish->personal ? b->wish->answer : SPAN("no"),
		.policy = stands ? SPAN("flag personal-data") : SPAN("no flag"),
		.outcome = DMP_AGREES};

	if (b->wish->personal && !stands) {
		ask_flag(b->desk, &row, whole ? b->ds->proposal : SPAN_NONE,
			b->p != NULL && (b->p->restrict_flags & 1U << FLAG_PERSONAL_DATA) != 0);
		return;
	}
	if (stands && !b->wish->personal) {
		row.outcome = DMP_CONFLICT;
		row.note = SPAN("the flag stands: a plan does not take it away");
	}
	if (stands || b->wish->personal)
		add(b, &row);
}

/* ---- licence ---- */

static void
judge_licence(const struct bench *b)
{
	struct cli_dmp_row row = {.what = "licence"};

	if (b->p == NULL)
		return;
	row.policy = b->p->licence;
	if (b->wish->other.p != NULL) {
		row.plan = b->wish->other;
		row.outcome = DMP_CONFLICT;
		row.note = SPAN("the licence of the policy stands");
		add(b, &row);
	} else if (b->wish->licence.p != NULL) {
		row.plan = b->p->licence;
		row.outcome = DMP_AGREES;
		add(b, &row);
	}
}

/* ---- opening ---- */

static struct span
day_text(const struct bench *b, int32_t day)
{
	AUTO_BUF text = BUF_INIT(32);

	scalar_write_date(&text, day);
	return arena_span(b->desk->report->a, buf_span(&text));
}

/* A release of this day that stands in the log already; n_events: none. */
static size_t
asked_before(const struct bench *b)
{
	const struct object_facts *o = &b->ds->facts;
	size_t i = 0;

	while (i < o->n_events) {
		const struct policy_event *ev = &o->events[i];
		if (!ev->malformed && ev->type == EVENT_RELEASE && ev->on.given &&
			ev->on.date == b->wish->day)
			break;
		i++;
	}
	return i;
}

static void
add_before(const struct bench *b, struct cli_dmp_row *row, size_t i)
{
	int64_t effect = 0;
	enum state_verdict v = state_judge(b->p, &b->ds->facts, i, b->desk->now, &effect);

	row->outcome = DMP_AGREES;
	row->note = SPAN("was asked before");
	if (v == VERDICT_UNAPPROVED)
		row->note = SPAN("was asked before and waits for an approval");
	if (v == VERDICT_OBJECTED || v == VERDICT_ROLE) {
		row->outcome = DMP_CONFLICT;
		row->note = v == VERDICT_ROLE
				    ? SPAN("was asked before, in a role that may not open")
				    : SPAN("was asked before, and a member of the team objected");
	}
	add(b, row);
}

static void
ask_release(const struct bench *b, struct cli_dmp_row *row)
{
	const struct policy_event ev = {.type = EVENT_RELEASE,
		.at = {.given = true, .instant = b->desk->now},
		.by = b->desk->by,
		.on = {.given = true, .is_date = true, .date = b->wish->day}};
	const struct event_question q = {
		.p = b->p, .o = &b->ds->facts, .ev = &ev, .now = b->desk->now};
	const struct cli_dmp_ask a = {.pid = b->ds->pid,
		.by = role_names[b->desk->by],
		.note = b->desk->note,
		.day = b->wish->day};
	AUTO_BUF sentence = BUF_INIT(1024);
	struct event_outcome out;
	struct err e = {0};

	if (event_check(&q, b->desk->report->a, &out, &e) != EVENT_GOOD ||
		(!b->desk->dry && !cli_dmp_ask_release(b->desk->w, &a, &e))) {
		row->outcome = DMP_REFUSED;
		row->note = span_of(e.msg);
		add(b, row);
		return;
	}
	event_write_sentence(&q, &out, &sentence);
	row->outcome = b->desk->dry ? DMP_WOULD_ASK : DMP_ASKED;
	row->note = buf_span(&sentence);
	add(b, row);
}

static void
judge_day(const struct bench *b, struct cli_dmp_row *row)
{
	int32_t release = calendar_date(b->p->zone, b->now.release_at);
	size_t before = asked_before(b);

	row->outcome = DMP_AGREES;
	if (b->wish->day > release) {
		row->outcome = DMP_CONFLICT;
		row->note = SPAN("a plan may shorten an embargo, never lengthen it");
		add(b, row);
	} else if (b->wish->day == release) {
		add(b, row);
	} else if (b->now.state == STATE_OPEN) {
		row->note = SPAN("the data are open already");
		add(b, row);
	} else if (before < b->ds->facts.n_events) {
		add_before(b, row, before);
	} else {
		ask_release(b, row);
	}
}

/* Nobody has the data then, which is what `never` asks for. */
static void
judge_unbound(const struct bench *b)
{
	struct cli_dmp_row row = {.what = "opening", .outcome = DMP_AGREES};

	row.note = SPAN("no policy was in force when it was taken, or several were: `pan-agent "
			"policy explain` tells");
	row.plan = SPAN("never");
	if (b->wish->opening == MADMP_DAY) {
		row.plan = day_text(b, b->wish->day);
		row.outcome = DMP_CONFLICT;
	}
	add(b, &row);
}

static void
judge_opening(const struct bench *b)
{
	bool never = b->wish->opening == MADMP_NEVER;
	struct cli_dmp_row row = {.what = "opening", .outcome = DMP_CONFLICT};

	if (b->wish->opening == MADMP_NO_DAY)
		return;
	row.plan = never ? SPAN("never") : day_text(b, b->wish->day);
	row.policy = b->now.has_release ? day_text(b, calendar_date(b->p->zone, b->now.release_at))
					: span_of(state_names[b->now.state]);
	if (!never && b->now.has_release) {
		judge_day(b, &row);
		return;
	}
	if (never != b->now.has_release)
		row.outcome = DMP_AGREES;
	else if (never)
		row.note = SPAN("a plan cannot keep closed what the policy opens");
	else
		row.note = SPAN("the policy gives these data no day");
	add(b, &row);
}

/* ---- all of it ---- */

struct span
cli_dmp_licence(const struct cli_dmp_desk *d, const struct catalog_dataset *ds)
{
	const struct policy *p = policy_bound(d->w->policies, &ds->facts);

	return p != NULL ? p->licence : SPAN_NONE;
}

void
cli_dmp_judge(const struct cli_dmp_desk *d, const struct catalog_dataset *ds,
	const struct madmp_wish *wish)
{
	struct bench b = {
		.desk = d, .ds = ds, .wish = wish, .p = policy_bound(d->w->policies, &ds->facts)};

	if (b.p != NULL)
		state_compute(b.p, &ds->facts, d->now, &b.now);
	judge_personal(&b); /* what closes comes before what opens */
	judge_licence(&b);
	if (b.p != NULL)
		judge_opening(&b);
	else if (wish->opening != MADMP_NO_DAY)
		judge_unbound(&b);
}

void
cli_dmp_judge_proposal(
	const struct cli_dmp_desk *d, struct span proposal, const struct madmp_wish *wish)
{
	struct cli_dmp_row row = {
		.dataset = proposal, .what = "personal data", .plan = wish->answer};
	uint32_t flags = 0;
	struct err e = {0};

	if (wish->personal && !ledger_flags(d->w->ledger, SPAN_NONE, proposal, &flags, &e)) {
		row.outcome = DMP_REFUSED;
		row.note = span_of(e.msg);
		cli_dmp_add(d->report, &row);
	} else if (wish->personal && (flags & 1U << FLAG_PERSONAL_DATA) != 0) {
		row.policy = SPAN("flag personal-data");
		row.outcome = DMP_AGREES;
		cli_dmp_add(d->report, &row);
	} else if (wish->personal) {
		row.policy = SPAN("no flag");
		ask_flag(d, &row, proposal, false);
	}
	if (wish->opening == MADMP_NO_DAY)
		return;
	cli_dmp_add(d->report,
		&(struct cli_dmp_row){.dataset = proposal,
			.what = "dataset",
			.plan = wish->first->title,
			.outcome = DMP_CONFLICT,
			.note = SPAN("no dataset of this proposal is in the catalogue yet: import "
				     "the plan again when there is")});
}
