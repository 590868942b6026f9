/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_record.h"

#include "agent/base/log.h"
#include "agent/base/metric.h"
#include "agent/gate_network.h"
#include "agent/gate_refused.h"
#include "policy/audit_record.h"

#include <stdio.h>

/* The end of a record in the desk's; one that is too long for a line is none. */
static void
put_end(struct gate_desk *d, struct gate_case *c)
{
	struct err e = {0};

	c->record_n = d->record.n - c->record_at;
	if (buf_ok(&d->record) && c->record_n <= AUDIT_REST_MAX)
		return;
	d->record.n = c->record_at;
	d->record.bad = false;
	c->record_n = 0;
	metric_add(d->metrics, METRIC_AUDIT_FAILED, 1);
	(void)err_set(&e, ERR_LIMIT, NULL, "audit record too long");
	gate_tell(d, c->now_ms, &e);
}

bool
gate_record_who(
	struct gate_desk *d, struct gate_case *c, char id[AUDIT_ID_LEN], struct audit_who *ret)
{
	struct err e = {0};

	*ret = (struct audit_who){
		.mentioned = d->gate->mentioned, .n_mentioned = d->gate->n_mentioned};
	if (!c->subject.authenticated)
		return true;
	if (c->link.p != NULL) { /* a reviewer's link is nobody's name */
		(void)snprintf(id, AUDIT_ID_LEN, "link:%.*s", SPAN_ARG(c->link));
		ret->id = span_of(id);
		return true;
	}
	if (!audit_subject_id(d->gate->audit, c->subject.iss, c->subject.sub, c->now, id, &e)) {
		gate_tell(d, c->now_ms, &e);
		return false;
	}
	ret->id = span_of(id);
	return true;
}

void
gate_record_login(struct gate_desk *d, struct gate_case *c, const char *kind)
{
	struct audit_who who;
	char id[AUDIT_ID_LEN];

	if (!gate_record_who(d, c, id, &who))
		return;
	c->kind = kind;
	c->record_at = d->record.n;
	audit_record_login(&d->record, c->ask->trace, who, &c->subject);
	put_end(d, c);
}

void
gate_record_decision(struct gate_desk *d, struct gate_case *c)
{
	struct audit_who who;
	char id[AUDIT_ID_LEN];

	if (!gate_record_who(d, c, id, &who))
		return;
	c->kind = "decision";
	c->record_at = d->record.n;
	audit_record_decision(&d->record, c->ask->trace, who, &c->facts, &c->decision);
	put_end(d, c);
}

static void
put_refused(struct gate_desk *d, struct gate_case *c, int status, const char *why)
{
	c->kind = "refused";
	c->record_at = d->record.n;
	audit_record_refused(&d->record, c->ask->trace, status, why);
	put_end(d, c);
}

void
gate_record_absent(struct gate_desk *d, struct gate_case *c)
{
	put_refused(d, c, 404, "no such dataset");
}

static void
write_line(const struct gate_case *c)
{
	char peer[GATE_NETWORK_TEXT];
	AUTO_BUF trace = BUF_INIT(64);

	gate_network_write(c->ask->peer, peer);
	buf_add_hex(&trace, c->ask->trace, sizeof(c->ask->trace));
	log_info("token", "refused", LOG_I64("status", c->refusal.status),
		LOG_STR("reason", c->refusal.description), LOG_STR("peer", peer),
		LOG_SPAN("trace", buf_span(&trace)));
}

void
gate_record_refused(struct gate_desk *d, struct gate_case *c)
{
	if (gate_refused_record(d->gate->refused, c->now_ms))
		put_refused(d, c, c->refusal.status, c->refusal.description);
	if (gate_refused_line(d->gate->refused, c->now_ms))
		write_line(c);
}
