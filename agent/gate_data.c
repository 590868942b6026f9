/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_data.h"

#include "agent/base/metric.h"
#include "agent/catalog/limits.h"
#include "agent/gate_catalogue.h"
#include "agent/gate_collection.h"
#include "agent/gate_copy.h"
#include "agent/gate_grant.h"
#include "agent/gate_listing.h"
#include "agent/gate_oblige.h"
#include "agent/gate_people.h"
#include "agent/gate_problem.h"
#include "agent/gate_put.h"
#include "agent/gate_record.h"
#include "agent/gate_view.h"
#include "agent/wish.h"
#include "policy/state.h"
#include "transfer/digest.h"

#include <string.h>

/* ---- deciding ---- */

static bool
fill_facts(struct gate_desk *d, struct gate_case *c, enum action action, struct err *e)
{
	struct view_asker who;
	uint32_t roles = 0;

	if (!gate_view_asker(d, c, &who, e))
		return false;
	if (c->subject.authenticated && c->dataset.document != 0 &&
		!catalog_roles(d->catalog, c->dataset.document, &c->subject, &roles, e))
		return false;
	c->facts = (struct facts){
		.subject = who.subject,
		.roles = who.roles | roles,
		.accepted = who.accepted,
		.n_accepted = who.n_accepted,
		.object = c->dataset.facts,
		.action = action,
		.network = who.network,
		.purpose = who.purpose,
		.protocol = action == ACTION_DATA_STAGE ? PROTOCOL_PUSH : who.protocol,
		.supports = who.supports,
		.n_supports = who.n_supports,
		.now = {.given = true, .instant = who.now},
	};
	gate_people_grants(d, c);
	return true;
}

static void
answer_unrecorded(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	gate_problem_later(d, c, "The audit log cannot be written, so no data leave.", 30, ret);
}

/* An event may lie ahead (a withdrawal that was planned, a clock that is a little fast): what was
 * decided before it holds until then, and no longer. */
static void
note_ahead(struct gate_desk *d, struct gate_case *c)
{
	const struct policy *p = policy_bound(d->gate->policies, &c->dataset.facts);
	int64_t at = 0;

	c->next_event = 0;
	if (p == NULL || !state_next_event(p, &c->dataset.facts, c->now, &at))
		return;
	c->next_event = at;
	if (c->decision.max_age > at - c->now)
		c->decision.max_age = (unsigned)(at - c->now);
}

bool
gate_data_judge(struct gate_desk *d, struct gate_case *c, enum action action, struct err *e)
{
	if (!fill_facts(d, c, action, e))
		return false;
	policy_decide(d->gate->policies, &c->facts, &c->decision);
	note_ahead(d, c);
	metric_add(d->metrics, c->decision.permit ? METRIC_DECISIONS_PERMIT : METRIC_DECISIONS_DENY,
		1);
	return true;
}

/* ---- what a permit brings along ---- */

static void
add_digests(struct gate_desk *d, const struct gate_case *c, const struct catalog_file *f)
{
	struct digest_values v = {
		.have = 1U << DIGEST_ADLER32 | 1U << DIGEST_CRC32C | 1U << DIGEST_MD5 |
			1U << DIGEST_SHA256,
		.adler32 = f->adler32,
		.crc32c = f->crc32c,
	};
	AUTO_BUF line = BUF_INIT(1024);

	memcpy(v.md5, f->md5, sizeof(v.md5));
	memcpy(v.sha256, f->sha256, sizeof(v.sha256));
	if (c->ask->want_digest.p != NULL &&
		digest_write(&line, digest_want(c->ask->want_digest), &v))
		gate_field(d, "Digest", buf_span(&line));
	buf_reset(&line);
	if (c->ask->want_repr_digest.p != NULL &&
		digest_write_repr(&line, digest_want_repr(c->ask->want_repr_digest), &v))
		gate_field(d, "Repr-Digest", buf_span(&line));
}

struct span
gate_data_type(const struct catalog_file *f)
{
	static const struct {
		struct span ending, type;
	} types[] = {
		{SPAN_INIT(".txt"), SPAN_INIT("text/plain; charset=utf-8")},
		{SPAN_INIT(".json"), SPAN_INIT("application/json")},
		{SPAN_INIT(".csv"), SPAN_INIT("text/csv")},
		{SPAN_INIT(".md"), SPAN_INIT("text/markdown; charset=utf-8")},
	};

	if (span_is(f->format, "nexus") || span_is(f->format, "hdf5"))
		return SPAN("application/x-hdf5");
	if (span_is(f->format, "hdf4"))
		return SPAN("application/x-hdf");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_ends(f->path, types[i].ending))
			return types[i].type;
	return SPAN("application/octet-stream");
}

/* ---- files and folders ---- */

static bool
wants_digests(const struct http_ask *q)
{
	return digest_want(q->want_digest) != 0 || digest_want_repr(q->want_repr_digest) != 0;
}

static void
answer_file(struct gate_desk *d, struct gate_case *c, const struct catalog_file *f,
	struct http_answer *ret)
{
	struct err e = {0};

	if (!gate_open(d, c, f, &ret->grant, &e)) {
		if (e.code == ERR_ABSENT)
			gate_problem_absent(d, c, ret);
		else
			gate_problem_later(d, c, "The file cannot be opened now.", 10, ret);
		return;
	}
	const struct grant_info *g = grant_info(ret->grant);
	gate_field(d, "Content-Type", gate_data_type(f));
	/* A scientist's file is never a page of ours. */
	gate_field(d, "X-Content-Type-Options", SPAN("nosniff"));
	gate_field(d, "Content-Security-Policy", SPAN("sandbox; default-src 'none'"));
	gate_oblige_file(d, c, g->max_age);
	bool recorded = f->has_digests && g->size == f->bytes && g->mtime_s == f->mtime_s &&
			g->mtime_ns == f->mtime_ns &&
			g->ctime_s * LIMIT_NS + g->ctime_ns == f->ctime;
	if (recorded)
		add_digests(d, c, f);
	ret->body = HTTP_FILE;
	ret->fields = buf_span(&d->fields);
	ret->ranges = true;
	ret->keep = recorded || !wants_digests(c->ask); /* soon it may have them */
}

static void
redirect_to_folder(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	AUTO_BUF to = BUF_INIT(16384);

	buf_add_url(&to, c->ask->path);
	buf_addc(&to, '/');
	gate_field(d, "Location", buf_span(&to));
	gate_problem(d, c, 301, "folder", "A folder's name ends with a slash.", ret);
}

static bool
is_listing(const struct gate_case *c)
{
	return c->rest.p == NULL || c->rest.n == 0 || span_ends(c->rest, SPAN("/")) ||
	       c->ask->method == HTTP_PROPFIND;
}

void
gate_data_member(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct catalog_file f = {0};
	struct err e = {0};

	if (c->rest.p == NULL && c->ask->method != HTTP_PROPFIND) {
		redirect_to_folder(d, c, ret);
		return;
	}
	if (is_listing(c)) {
		gate_listing_answer(d, c, ret);
		return;
	}
	if (catalog_file_get(d->catalog, c->dataset.id, c->rest, &d->mem, &f, &e)) {
		answer_file(d, c, &f, ret);
		return;
	}
	if (e.code != ERR_ABSENT)
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
	else if (gate_listing_is_folder(d, c))
		redirect_to_folder(d, c, ret);
	else
		gate_problem_absent(d, c, ret);
}

static struct span
below_data(const struct gate_case *c)
{
	return span_skip(c->ask->path, sizeof("/data/") - 1);
}

/* A shorter path that could be a pid; absent: there is none. */
static struct span
above(struct span pid)
{
	size_t n = pid.n;

	while (n > 0 && pid.p[n - 1] != '/')
		n--;
	return n > 1 ? span_first(pid, n - 1) : SPAN_NONE;
}

static enum action
action_of(const struct gate_case *c)
{
	if (gate_copy_is(c->ask))
		return ACTION_DATA_STAGE;
	return is_listing(c) ? ACTION_DATA_LIST : ACTION_DATA_READ;
}

/*
 * The longest pid wins, but one that is hidden from the asker must not stand in front of a shorter
 * one that is not: else names below a dataset would tell which of them are datasets themselves.
 * Where none shows, the first one is what was decided.
 */
bool
gate_data_find(struct gate_desk *d, struct gate_case *c, struct err *e)
{
	const struct span path = below_data(c);
	struct gate_case hidden = {.found = GATE_NOTHING};

	if (!catalog_match(d->catalog, path, &d->mem, &c->dataset, &c->rest, e))
		return false;
	for (;;) {
		if (!gate_data_judge(d, c, action_of(c), e))
			return false;
		if (c->decision.permit || c->decision.status != 404)
			return true;
		if (hidden.ask == NULL)
			hidden = *c;
		struct span shorter = above(c->dataset.pid);
		struct span rest = SPAN_NONE;
		if (shorter.p == NULL ||
			!catalog_match(d->catalog, shorter, &d->mem, &c->dataset, &rest, e))
			break;
		c->rest = span_skip(path, c->dataset.pid.n + 1);
	}
	*c = hidden;
	return e->code == ERR_NONE || e->code == ERR_ABSENT;
}

/*
 * For PROPFIND a path is a collection where no dataset shows at it, but one below it.  What is
 * hidden and what is not there are looked at alike.  Else c->found, and the record that it takes.
 */
static void
begin_absent(struct gate_desk *d, struct gate_case *c, bool decided)
{
	struct gate_case own = *c;
	struct err e = {0};

	if (c->ask->method == HTTP_PROPFIND) {
		if (gate_collection_shows(d, &own, &e)) {
			c->found = GATE_NOTHING;
			return;
		}
		if (e.code != ERR_NONE)
			return;
	}
	c->found = decided ? GATE_DECIDED : GATE_ABSENT;
	if (decided)
		gate_record_decision(d, c);
	else
		gate_record_absent(d, c);
}

static bool
reads(enum http_method m)
{
	return m == HTTP_GET || m == HTTP_HEAD || m == HTTP_PROPFIND;
}

/*
 * https 7.3: a value that is asked for and not recorded is computed while the answer waits.  Of a
 * file that is too long for that, the indexer says so at once, and comes to it next.
 */
static bool
waits_for_digests(struct gate_desk *d, struct gate_case *c)
{
	const struct http_ask *q = c->ask;
	struct catalog_file f = {0};

	if ((q->method != HTTP_GET && q->method != HTTP_HEAD) || c->wished || is_listing(c) ||
		!c->decision.permit || c->decision.status == 410)
		return false;
	if (!wants_digests(q) ||
		!catalog_file_get(d->catalog, c->dataset.id, c->rest, &d->mem, &f, NULL) ||
		f.has_digests)
		return false;
	return gate_wish(d, c,
		&(struct wish){.kind = WISH_DIGESTS,
			.root = c->dataset.root_name,
			.folder = c->dataset.folder,
			.path = f.path});
}

void
gate_data_begin(struct gate_desk *d, struct gate_case *c)
{
	struct err e = {0};

	if (gate_put_is(c->ask)) {
		gate_put_begin(d, c);
		return;
	}
	if (!reads(c->ask->method) && !(gate_copy_is(c->ask) && d->gate->settings->transfer.push))
		return;
	/* A token with path scopes reads below them only, whatever policy says (tokens SCP-1). */
	if (!auth_covers(d->gate->auth, &c->subject, c->ask->path, &d->mem, &c->refusal)) {
		c->found = GATE_OUTSIDE;
		return;
	}
	if (below_data(c).n == 0)
		return;
	c->found = GATE_FAILED;
	bool found = gate_data_find(d, c, &e);
	if (found && waits_for_digests(d, c)) {
		c->found = GATE_WAITS;
		return;
	}
	if (found && (c->decision.permit || c->decision.status != 404)) {
		c->found = GATE_DECIDED;
		gate_record_decision(d, c);
	} else if (found || e.code == ERR_ABSENT) {
		begin_absent(d, c, found);
	}
}

/*
 * With the groups that could not be asked for the answer might be another: 503 (tokens INT-8). Also
 * where there is no such dataset, for a hidden one must not differ from it.
 */
static bool
needs_groups(const struct gate_case *c)
{
	if (!c->subject.incomplete)
		return false;
	return c->found == GATE_ABSENT ||
	       (!c->decision.permit && (c->decision.status == 403 || c->decision.status == 404));
}

bool
gate_data_permitted(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	switch (c->found) {
	case GATE_NOTHING:
	case GATE_REFUSED:
	case GATE_WAITS: /* none of them comes here */
	case GATE_OUTSIDE:
		gate_problem_credential(d, c, &c->refusal, ret);
		return false;
	case GATE_FAILED:
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
		return false;
	case GATE_ABSENT:
	case GATE_DECIDED:
		break;
	}
	if (!c->recorded)
		answer_unrecorded(d, c, ret);
	else if (needs_groups(c))
		gate_problem_incomplete(d, c, ret);
	else if (c->found == GATE_ABSENT)
		gate_problem_absent(d, c, ret);
	else if (!c->decision.permit || c->decision.status == 410)
		gate_problem_denied(d, c, ret); /* a permit with `tombstone` is that page, too */
	else
		return true;
	return false;
}

void
gate_data_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	bool put = gate_put_is(c->ask);
	bool copy = gate_copy_is(c->ask);

	if (put && gate_put_early(d, c, ret))
		return;
	if (copy && gate_copy_early(d, c, ret))
		return;
	if (!put && !copy && !reads(c->ask->method)) {
		gate_field(d, "Allow", SPAN("GET, HEAD, OPTIONS, PROPFIND"));
		gate_problem(d, c, 405, "method", "Nothing can be written here.", ret);
		return;
	}
	if (c->found != GATE_NOTHING) {
		if (!gate_data_permitted(d, c, ret))
			return;
		if (put)
			gate_put_answer(d, c, ret);
		else if (copy)
			gate_copy_answer(d, c, ret);
		else
			gate_data_member(d, c, ret);
	} else if (c->ask->method == HTTP_PROPFIND) {
		gate_collection_answer(d, c, ret);
	} else if (!span_starts(c->ask->path, SPAN("/data/"))) {
		redirect_to_folder(d, c, ret);
	} else {
		gate_catalogue_answer(d, c, ret);
	}
}
