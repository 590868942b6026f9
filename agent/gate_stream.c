/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_stream.h"

#include "agent/base/siphash.h"
#include "agent/gate_data.h"
#include "agent/gate_grant.h"

#include <string.h>

/* Zero bytes between them: no two of them read as another two. */
static void
put(struct buf *b, struct span s)
{
	buf_add(b, s);
	buf_addc(b, '\0');
}

/* One host owns a /64 of IPv6. */
static struct span
address(const uint8_t peer[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return (struct span){
		(const char *)peer, memcmp(peer, mapped, sizeof(mapped)) == 0 ? 16 : 8};
}

static void
put_asker(const struct gate_case *c, struct buf *who)
{
	const struct subject *s = &c->subject;

	buf_addc(who, s->authenticated ? 's' : 'a');
	if (s->authenticated) {
		put(who, s->iss);
		buf_add(who, s->sub);
	} else {
		buf_add(who, address(c->ask->peer));
	}
}

static uint64_t
identity(const struct gate *g, const struct gate_case *c)
{
	AUTO_BUF who = BUF_INIT(16384);

	put_asker(c, &who);
	return siphash(&g->rate_key[0], buf_span(&who)) | 1;
}

void
gate_stream_rate(const struct gate *g, const struct gate_case *c, struct grant_rate *ret)
{
	const struct rate *r = c->decision.rate;
	AUTO_BUF who = BUF_INIT(16384);
	uint64_t half[2];

	*ret = (struct grant_rate){.streams = 0};
	if (!c->decision.permit)
		return;
	if (g->settings->limits.link_mbit > 0)
		ret->identity = identity(g, c);
	if (r == NULL || !span_cstr(r->id, ret->name, sizeof(ret->name)))
		return;
	put(&who, c->decision.policy);
	put(&who, r->id);
	put_asker(c, &who);
	/* Without memory all whom that befalls count as one. */
	half[0] = siphash(&g->rate_key[0], buf_span(&who));
	half[1] = siphash(&g->rate_key[2], buf_span(&who));
	memcpy(ret->who, half, sizeof(ret->who));
	ret->streams = r->streams;
	ret->mbit = r->mbit;
	ret->requests_per_min = r->requests_per_min;
}

uint32_t
gate_stream_audit(const struct gate_case *c)
{
	return c->decision.full && c->rest.n < c->ask->path.n
		       ? (uint32_t)(c->ask->path.n - c->rest.n)
		       : 0;
}

/*
 * An expired token says nothing against the data: may the body end if nobody in particular asks for
 * the rest?  A permit for everybody lets it go on all the more.
 */
static bool
judge_without_token(struct gate_desk *d, struct gate_case *c)
{
	struct err e = {0};

	c->subject = (struct subject){.authenticated = false};
	return span_starts(span_of(c->refusal.description), SPAN("exp: expired")) &&
	       gate_data_find(d, c, &e);
}

void
gate_stream_finish(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	const struct decision *n = &c->decision;

	if (!c->ask->again || http_granted(ret->body))
		return;
	if (c->found == GATE_REFUSED && !judge_without_token(d, c))
		return;
	if (c->found != GATE_REFUSED && (c->found != GATE_DECIDED || !c->recorded || n->permit))
		return;
	if (!n->finish)
		return;
	ret->finish = (struct http_finish){
		.seconds = n->finish_s, .epoch = c->epoch, .expires = gate_expiry(c)};
}
