/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_review.h"

#include "agent/base/base64.h"
#include "agent/gate_data.h"
#include "agent/gate_people.h"
#include "agent/gate_problem.h"
#include "agent/gate_record.h"

#include <stdio.h>

enum { SECRET_BYTES = 32, SECRET_TEXT = 43, DAY = 86400 };

/* A link that lives, by the secret of the path; what follows that to c->rest. */
static bool
find_link(struct gate_desk *d, struct gate_case *c, struct ledger_link *ret, struct err *e)
{
	struct span rest = span_skip(c->ask->path, sizeof("/review/") - 1);
	struct span secret = span_cut(&rest, '/');
	uint8_t bytes[SECRET_BYTES];
	uint8_t hash[CRYPTO_SHA256_SIZE];
	size_t n = 0;

	c->rest = rest;
	(void)err_set(e, ERR_ABSENT, NULL, "no such link");
	if (d->ledger == NULL || secret.n != SECRET_TEXT ||
		!base64_url_decode(secret, bytes, sizeof(bytes), &n) || n != SECRET_BYTES)
		return false;
	if (!crypto_sha256(secret, hash))
		return err_set(e, ERR_LIMIT, NULL, "no memory for a link");
	return ledger_link_by_hash(d->ledger, hash, &d->mem, ret, e) &&
	       (ledger_link_live(ret, c->now) || err_set(e, ERR_ABSENT, NULL, "no such link"));
}

/* Guesses are told one by one only as far as any refusals are. */
static void
refuse(struct gate_desk *d, struct gate_case *c)
{
	c->refusal = (struct auth_refusal){.status = 404};
	(void)snprintf(c->refusal.description, sizeof(c->refusal.description),
		"reviewer link: unknown, ended or revoked");
	gate_record_refused(d, c);
	c->found = GATE_ABSENT;
}

static bool
is_listing(const struct gate_case *c)
{
	return c->rest.p == NULL || c->rest.n == 0 || span_ends(c->rest, SPAN("/"));
}

static bool
decide(struct gate_desk *d, struct gate_case *c, struct err *e)
{
	if (!gate_data_judge(d, c, is_listing(c) ? ACTION_DATA_LIST : ACTION_DATA_READ, e))
		return false;
	if (c->decision.state == STATE_EMBARGOED || c->decision.state == STATE_OPEN)
		return true;
	/* What the link was for is gone (gate_data_judge): its bearer is told what any stranger
	 * with a name is. */
	return !c->decision.permit || err_set(e, ERR_ABSENT, NULL, "no such link");
}

void
gate_review_begin(struct gate_desk *d, struct gate_case *c)
{
	struct ledger_link k = {.last_day = -1};
	struct err e = {0};

	c->found = GATE_FAILED;
	if (!find_link(d, c, &k, &e)) {
		if (e.code == ERR_ABSENT)
			refuse(d, c);
		return;
	}
	c->link = k.id;
	c->own = arena_alloc(&d->mem, sizeof(k));
	if (c->own == NULL)
		return;
	*(struct ledger_link *)c->own = k;
	c->subject = (struct subject){.authenticated = true,
		.iss = span_of(d->gate->settings->public_url),
		.sub = arena_printf(&d->mem, "link:%.*s", SPAN_ARG(k.id)),
		.expires = c->wall + (k.until - c->now), /* a subject ends by the wall clock */
		.several = true};
	e = (struct err){0};
	if (catalog_by_pid(d->catalog, k.pid, &d->mem, &c->dataset, &e) && decide(d, c, &e)) {
		c->found = GATE_DECIDED;
		gate_record_decision(d, c);
	} else if (e.code == ERR_ABSENT) {
		refuse(d, c);
	}
}

static bool
insert_use(struct ledger *l, struct gate_entry *x, struct err *e)
{
	const struct ledger_link *k = x->what;

	/* It changes no decision, and the decision has its own record. */
	x->nothing = true;
	return ledger_link_use(l, k->id, x->now_ms / 1000 / DAY, e);
}

/* Once a day; where it cannot be written the log of decisions has it all the same. */
static void
note_use(struct gate_desk *d, struct gate_case *c)
{
	struct ledger_link *k = c->own;
	struct gate_entry x = {
		.kind = "link", .now_ms = c->now_ms, .insert = insert_use, .what = k};

	if (k->last_day < c->now / DAY && d->gate->ledger != NULL)
		(void)gate_ledger_write(d->gate->ledger, &x, NULL);
}

static void
add_fields(struct gate_desk *d)
{
	gate_field(d, "Referrer-Policy", SPAN("no-referrer"));
	gate_field(d, "X-Robots-Tag", SPAN("noindex, nofollow"));
}

void
gate_review_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	add_fields(d);
	if (c->found == GATE_ABSENT) {
		gate_problem(d, c, 404, "not-found",
			"There is nothing at this address. A link for reviewers may have ended, or "
			"been taken back: ask whoever sent it.",
			ret);
	} else if (c->found != GATE_DECIDED) {
		gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
	} else if (!c->recorded) {
		gate_problem_later(
			d, c, "The audit log cannot be written, so no data leave.", 30, ret);
	} else if (!c->decision.permit) {
		gate_problem_denied(d, c, ret);
	} else {
		note_use(d, c);
		gate_data_member(d, c, ret);
	}
}
