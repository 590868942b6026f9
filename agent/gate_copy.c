/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_copy.h"

#include "agent/base/scope.h"
#include "agent/gate_grant.h"
#include "agent/gate_mover.h"
#include "agent/gate_oblige.h"
#include "agent/gate_problem.h"
#include "transfer/tpc.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool
gate_copy_is(const struct http_ask *q)
{
	return q->method == HTTP_COPY;
}

bool
gate_copy_early(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	if (d->gate->settings->transfer.push)
		return false;
	gate_field(d, "Allow", SPAN("GET, HEAD, OPTIONS, PROPFIND"));
	gate_problem(d, c, 405, "method",
		"This agent sends no files elsewhere: download them, and send them yourself.", ret);
	return true;
}

/* ---- where to ---- */

static bool
is_allowed(const struct settings_list *allow, const struct tpc_url *u)
{
	for (size_t i = 0; i < allow->n; i++) {
		struct span item = span_of(allow->item[i]);
		if (net_guard_same_name(item, u->host) ||
			(u->literal && net_guard_within(item, u->address)))
			return true;
	}
	return false;
}

/* The agent's own name, with its port; its addresses are the mover's to know. */
static bool
is_own(const struct settings *s, const struct tpc_url *u)
{
	struct tpc_url own;
	AUTO_BUF url = BUF_INIT(TPC_URL_MAX);

	buf_adds(&url, s->public_url);
	buf_addc(&url, '/');
	return tpc_url_read(buf_span(&url), &own, NULL) && own.port == u->port &&
	       net_guard_same_name(own.host, u->host);
}

/* What can be said without asking the name service; NULL: nothing against it. */
static const char *
refused(const struct settings *s, const struct tpc_url *u)
{
	if (is_own(s, u))
		return "The destination is this agent itself.";
	if (is_allowed(&s->transfer.allow, u))
		return NULL;
	if (net_guard_is_local(u->host))
		return "The destination is the agent's own machine, and nothing is sent there.";
	if (u->literal && net_guard_kind(u->address) != NULL)
		return "The destination is no address of the internet, and nothing is sent there "
		       "that the agent's administrator has not allowed.";
	return NULL;
}

/* ---- the haul ---- */

static void
add_fields(const struct tpc_plan *p, struct buf *out)
{
	(void)buf_reserve(out, HAUL_FIELDS_MAX); /* once: a token is among them */
	for (size_t i = 0; i < p->n_fields; i++) {
		buf_add(out, p->fields[i].name);
		buf_adds(out, ": ");
		buf_add(out, p->fields[i].value);
		buf_addc(out, '\n');
	}
}

static void
add_digests(const struct catalog_file *f, const struct grant_info *g, struct digest_values *ret)
{
	if (!f->has_digests || g->size != f->bytes || g->mtime_s != f->mtime_s ||
		g->mtime_ns != f->mtime_ns)
		return;
	ret->have = 1U << DIGEST_ADLER32 | 1U << DIGEST_MD5;
	ret->adler32 = f->adler32;
	memcpy(ret->md5, f->md5, sizeof(ret->md5));
}

/* False: the mover is not there now. */
static bool
send_haul(struct gate_desk *d, const struct gate_case *c, const struct tpc_plan *p,
	const struct catalog_file *f, struct grant *grant, int pipe)
{
	const struct http_answer file = {.body = HTTP_FILE, .grant = grant};
	struct buf url = BUF_INIT(TPC_URL_MAX + 16);
	struct buf fields = BUF_INIT(HAUL_FIELDS_MAX);
	struct haul h = {.keep = p->keep, .verify = p->verify, .grant = grant};

	memcpy(h.trace, c->ask->trace, sizeof(h.trace));
	tpc_url_write(&p->url, &url);
	add_fields(p, &fields);
	add_digests(f, grant_info(grant), &h.digests);
	h.url = buf_span(&url);
	h.fields = buf_span(&fields);
	if (grant_info(grant)->audit_from > 0)
		h.file = f->path;
	bool sent = buf_ok(&url) && buf_ok(&fields) &&
		    gate_mover_send(d->gate->mover, &h, gate_descriptor(&file), pipe);
	buf_wipe(&url); /* a query may be a credential */
	buf_wipe(&fields);
	return sent;
}

static bool
start(struct gate_desk *d, struct gate_case *c, const struct tpc_plan *p,
	const struct catalog_file *f, int pipe, struct http_answer *ret)
{
	struct grant *grant = NULL;
	struct err e = {.code = ERR_NONE};

	if (!gate_open(d, c, f, &grant, &e)) {
		if (e.code == ERR_ABSENT)
			gate_problem_absent(d, c, ret);
		else
			gate_problem_later(d, c, "The file cannot be opened now.", 10, ret);
		return false;
	}
	bool sent = d->gate->mover != NULL && send_haul(d, c, p, f, grant, pipe);
	grant_unref(grant);
	if (!sent)
		gate_problem_later(d, c, "Files cannot be sent elsewhere now.", 5, ret);
	return sent;
}

/*
 * A transfer under way is asked about again, when its grant has ended: then there is a pipe in
 * which nothing comes, and its grant says until when the transfer may go on.
 */
static void
answer_pipe(struct gate_desk *d, struct gate_case *c, const struct tpc_plan *p,
	const struct catalog_file *f, struct http_answer *ret)
{
	int ends[2];
	struct err e = {.code = ERR_NONE};

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		gate_problem_later(d, c, "The agent is short of descriptors.", 10, ret);
		return;
	}
	AUTO_FD out = ends[0];
	AUTO_FD in = ends[1];
	if (!c->ask->again && !start(d, c, p, f, in, ret))
		return;
	if (!gate_grant_pipe(d, c, &out, &ret->grant, &e)) {
		gate_problem_later(d, c, "The transfer cannot be followed.", 10, ret);
		return;
	}
	gate_field(d, "Content-Type", SPAN("text/plain"));
	gate_oblige_private(d, c);
	ret->status = 202;
	ret->body = HTTP_PIPE;
	ret->fields = buf_span(&d->fields);
}

void
gate_copy_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret)
{
	struct catalog_file f = {0};
	struct tpc_plan p;
	struct err e = {.code = ERR_NONE};

	if (!tpc_read(c->ask->fields, &p, &e)) {
		gate_problem(d, c, 400, "copy", e.msg, ret);
		return;
	}
	if (p.way == TPC_PULL) {
		gate_problem(d, c, 403, "read-only",
			"Nothing is fetched from elsewhere into this agent: send the file with "
			"PUT, "
			"where data can be added.",
			ret);
		return;
	}
	if (!catalog_file_get(d->catalog, c->dataset.id, c->rest, &d->mem, &f, &e)) {
		if (e.code == ERR_ABSENT)
			gate_problem_absent(d, c, ret);
		else
			gate_problem_later(d, c, "The catalogue does not answer.", 10, ret);
		return;
	}
	const char *why = refused(d->gate->settings, &p.url);
	if (why != NULL)
		gate_problem(d, c, 403, "destination", why, ret);
	else
		answer_pipe(d, c, &p, &f, ret);
}
