/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/mover_run.h"

#include "agent/base/checksum.h"
#include "agent/base/here.h"
#include "agent/base/proc.h"
#include "agent/base/scope.h"
#include "transfer/tpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MARKER_MS 5000LL
#define FIRST_MS  120000LL /* to the first byte, and to the answer after the last one */
#define STALL_MS  60000LL  /* between two */
#define BEGIN_MS  2000LL   /* the client's answer waits for an address no longer */
#define LOOK_MS   20000LL  /* nor for what stands at the destination */
#define LAST_MS   10000LL  /* for a client that does not read its last line */
#define REDIRECTS 3U
#define PIPE_MAX  8192U
#define MOVES_MAX 96U /* with those that are ending */

bool
mover_new(const struct mover_options *o, struct carry *c, struct mover **ret, struct err *e)
{
	struct mover *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "no memory for transfers");
	m->o = *o;
	m->carry = c;
	*ret = m;
	return true;
}

static void
move_free(struct move *v)
{
	if (v->link != NULL) {
		*v->link = v->next;
		if (v->next != NULL)
			v->next->link = v->link;
		v->owner->n--;
	}
	carry_cancel(v->job);
	grant_unref(v->haul.grant);
	scope_close(&v->pipe);
	buf_wipe(&v->text);
	buf_fini(&v->url);
	buf_fini(&v->out);
	free(v);
}

void
mover_free(struct mover *m)
{
	if (m == NULL)
		return;
	while (m->first != NULL)
		move_free(m->first);
	free(m);
}

size_t
mover_active(const struct mover *m)
{
	return m->n;
}

/* ---- ends ---- */

static void
end(struct move *v, enum haul_result result, int64_t now_ms)
{
	struct mover *m = v->owner;
	struct haul_ended h = {.decision = grant_info(v->haul.grant)->decision,
		.bytes = v->sent,
		.result = result,
		.host = span_of(v->host),
		.file = v->haul.file,
		.size = grant_info(v->haul.grant)->size};

	memcpy(h.trace, v->haul.trace, sizeof(h.trace));
	v->step = MOVE_OVER;
	v->over_ms = now_ms;
	m->active--;
	metric_add(m->o.metrics, METRIC_PUSHES, -1);
	metric_add(m->o.metrics, METRIC_PUSHED_BYTES, (int64_t)v->sent);
	metric_add(m->o.metrics,
		result == HAUL_COMPLETE ? METRIC_PUSHES_DONE : METRIC_PUSHES_FAILED, 1);
	mover_flush(v);
	m->o.ended(m->o.arg, v->from, &h);
}

/* `status`: of the answer, where the client has none yet; else it is one line behind its 202. */
static void
fail(struct move *v, unsigned status, struct span why, int64_t now_ms)
{
	if (!v->begun && status != 202) {
		buf_addf(&v->out, "%u ", status);
		for (size_t i = 0; i < why.n && i < TPC_LINE_MAX - 8; i++)
			buf_addc(&v->out, why.p[i] >= ' ' && why.p[i] <= '~' ? why.p[i] : '?');
		buf_addc(&v->out, '\n');
	} else {
		mover_begin(v, now_ms);
		tpc_failure(&v->out, why);
	}
	end(v, HAUL_FAILED, now_ms);
}

static void
fail_text(struct move *v, const char *why, int64_t now_ms)
{
	fail(v, 202, span_of(why), now_ms);
}

static void
succeed(struct move *v, int64_t now_ms)
{
	mover_begin(v, now_ms);
	if (v->out.n == 0)
		mover_mark(v, now_ms);
	tpc_success(&v->out);
	end(v, HAUL_COMPLETE, now_ms);
}

/* ---- what agent/base/carry.h asks ---- */

static ssize_t
on_read(void *arg, char *buf, size_t n, uint64_t offset)
{
	struct move *v = arg;
	ssize_t got = grant_pread(v->haul.grant, buf, n, offset);

	if (got <= 0) {
		v->changed = true;
		return -1;
	}
	if (offset == 0) {
		v->adler = CHECKSUM_ADLER32_INIT;
		v->summed = 0;
	}
	if (offset == v->summed) {
		v->adler = checksum_adler32(v->adler, buf, (size_t)got);
		v->summed += (uint64_t)got;
	}
	return got;
}

static bool
is_own(const struct mover_options *o, const uint8_t address[NET_GUARD_ADDRESS], uint16_t port)
{
	const char *kind = net_guard_kind(address);
	bool ours =
		kind != NULL && (strcmp(kind, "loopback") == 0 || strcmp(kind, "unspecified") == 0);

	for (size_t i = 0; i < o->n_ports; i++)
		if (o->ports[i] == port)
			return ours || here_is(address);
	return false;
}

static bool
is_allowed(const struct move *v, const uint8_t address[NET_GUARD_ADDRESS])
{
	const struct settings_list *allow = &v->owner->o.settings->allow;

	for (size_t i = 0; i < allow->n; i++) {
		struct span item = span_of(allow->item[i]);
		if (net_guard_within(item, address) || net_guard_same_name(item, v->at.host))
			return true;
	}
	return false;
}

/*
 * Asked for every address before it is connected to, whatever the name said when it was looked up
 * before.
 */
static bool
on_address(void *arg, const uint8_t address[16], uint16_t port)
{
	struct move *v = arg;

	if (is_own(&v->owner->o, address, port))
		v->refused = "this agent's own";
	else if (net_guard_kind(address) != NULL && !is_allowed(v, address))
		v->refused = net_guard_kind(address);
	else
		return true;
	return false;
}

/* ---- steps ---- */

static void on_done(void *arg, const struct carry_answer *a, const struct err *why);

static void
start(struct move *v, enum move_step step)
{
	const struct carry_request r = {.method = step == MOVE_SEND ? CARRY_PUT : CARRY_HEAD,
		.url = v->url.p,
		.fields = v->haul.fields,
		.authorized = v->authorized,
		.want_digest = step == MOVE_VERIFY ? "adler32,md5;q=0.5" : NULL,
		.ca = v->owner->o.ca,
		.size = grant_info(v->haul.grant)->size,
		.arg = v,
		.read = on_read,
		.address = on_address,
		.done = on_done};
	struct err e = {.code = ERR_NONE};

	v->step = step;
	v->progress_ms = proc_now_ms();
	if (!carry_start(v->owner->carry, &r, &v->job, &e))
		fail(v, 502, span_of(e.msg), proc_now_ms());
}

/* An absolute URL, or a path on the same host. */
static bool
set_url(struct move *v, struct span text, struct err *e)
{
	AUTO_BUF url = BUF_INIT(TPC_URL_MAX + 16);
	struct tpc_url u;

	if (span_starts(text, SPAN("/")) && !span_starts(text, SPAN("//"))) {
		buf_adds(&url, "https://");
		buf_add(&url, v->at.authority);
	}
	buf_add(&url, text);
	if (!buf_ok(&url))
		return err_set(e, ERR_SYNTAX, NULL, "a URL that is too long");
	if (!tpc_url_read(buf_span(&url), &u, e))
		return false;
	bool same =
		v->url.n == 0 || (u.port == v->at.port && net_guard_same_name(u.host, v->at.host));
	v->authorized = v->authorized && same;
	AUTO_BUF next = BUF_INIT(TPC_URL_MAX + 16);
	tpc_url_write(&u, &next);
	buf_addc(&next, '\0');
	if (!buf_ok(&next))
		return err_set(e, ERR_SYNTAX, NULL, "a URL that is too long");
	struct buf old = v->url;
	v->url = next;
	next = old;
	return tpc_url_read(span_of(v->url.p), &v->at, e);
}

static void
redirect(struct move *v, const struct carry_answer *a)
{
	struct err e = {.code = ERR_NONE};

	if (a->location.p == NULL || ++v->redirects > REDIRECTS) {
		fail_text(v,
			a->location.p == NULL ? "the other side redirects to nowhere"
					      : "more than 3 redirects",
			proc_now_ms());
		return;
	}
	if (!set_url(v, a->location, &e)) {
		fail_text(v, "the other side redirects to what is not sent to", proc_now_ms());
		return;
	}
	v->sent = 0;
	start(v, v->step);
}

static void
fail_status(struct move *v, const char *what, unsigned status)
{
	char text[96];

	(void)snprintf(text, sizeof(text), "the other side answered %u to %s", status, what);
	fail_text(v, text, proc_now_ms());
}

/* Overwrite: F. */
static void
looked(struct move *v, unsigned status)
{
	if (status == 404 || status == 410)
		start(v, MOVE_SEND);
	else if (status < 300)
		fail(v, 412, SPAN("The destination is there, and Overwrite is F."), proc_now_ms());
	else
		fail_status(v, "HEAD", status);
}

static void
sent(struct move *v, unsigned status)
{
	const struct grant_info *g = grant_info(v->haul.grant);
	const struct digest_values *known = &v->haul.digests;
	bool summed = v->summed == g->size && g->size > 0;

	if (status >= 300) {
		fail_status(v, "PUT", status);
		return;
	}
	if (!grant_unchanged(v->haul.grant) || v->sent != g->size ||
		(summed && (known->have & 1U << DIGEST_ADLER32) != 0 &&
			known->adler32 != v->adler)) {
		fail_text(v, "the file changed while it was sent", proc_now_ms());
		return;
	}
	if (v->haul.verify == TPC_VERIFY_NO)
		succeed(v, proc_now_ms());
	else
		start(v, MOVE_VERIFY);
}

static void
verified(struct move *v, const struct carry_answer *a)
{
	struct digest_values theirs = {.have = 0};
	struct digest_values ours = v->haul.digests;

	ours.adler32 = grant_info(v->haul.grant)->size > 0 ? v->adler : CHECKSUM_ADLER32_INIT;
	ours.have |= 1U << DIGEST_ADLER32; /* of what left, whatever is recorded */
	if (a->status >= 200 && a->status < 300)
		tpc_digest_read(a->digest, &theirs);
	const char *differs = tpc_digest_differs(&ours, &theirs);
	if (differs != NULL) {
		char text[64];
		(void)snprintf(text, sizeof(text), "checksum mismatch (%s)", differs);
		fail_text(v, text, proc_now_ms());
	} else if ((theirs.have & ours.have) == 0 && v->haul.verify == TPC_VERIFY_MUST) {
		fail_text(v, "checksum verification: the other side gives no adler32 and no md5",
			proc_now_ms());
	} else {
		succeed(v, proc_now_ms());
	}
}

/* No answer came. */
static void
broken(struct move *v, const struct err *why)
{
	char text[160];

	if (v->refused != NULL) {
		(void)snprintf(text, sizeof(text),
			"The other side is at an address that is not sent to: %s.", v->refused);
		fail(v, 403, span_of(text), proc_now_ms());
	} else if (v->changed) {
		fail_text(v, "the file changed while it was sent", proc_now_ms());
	} else if (v->step == MOVE_VERIFY && v->haul.verify == TPC_VERIFY_ASK) {
		succeed(v, proc_now_ms());
	} else {
		fail_text(v, why->msg, proc_now_ms());
	}
}

static void
on_done(void *arg, const struct carry_answer *a, const struct err *why)
{
	struct move *v = arg;

	if (v->step == MOVE_SEND)
		v->sent = carry_sent(v->job);
	v->job = NULL; /* it goes when this returns */
	if (why != NULL)
		broken(v, why);
	else if (a->status >= 300 && a->status < 400 && v->step != MOVE_OVER)
		redirect(v, a);
	else if (v->step == MOVE_LOOK)
		looked(v, a->status);
	else if (v->step == MOVE_SEND)
		sent(v, a->status);
	else
		verified(v, a);
}

/* ---- taking one ---- */

/* Room once, so that nothing moves and no copy of a token is left behind. */
static bool
keep_text(struct move *v, const struct haul *h)
{
	size_t all = h->fields.n + h->file.n + 1;

	v->text.max = all;
	if (!buf_reserve(&v->text, all))
		return false;
	buf_add(&v->text, h->fields);
	buf_add(&v->text, h->file);
	v->haul.fields = span_first(buf_span(&v->text), h->fields.n);
	if (h->file.p != NULL)
		v->haul.file = span_skip(buf_span(&v->text), h->fields.n);
	v->haul.url = SPAN_NONE; /* set_url has its own */
	return true;
}

static void
refuse(struct mover *m, struct move *v, unsigned link, const struct haul *h, int *pipe)
{
	static const char busy[] =
		"503 Too many transfers are under way here: try again in a while.\n";
	struct haul_ended ended = {
		.decision = grant_info(h->grant)->decision, .result = HAUL_CUT, .host = SPAN("-")};

	memcpy(ended.trace, h->trace, sizeof(ended.trace));
	(void)!write(*pipe, busy, sizeof(busy) - 1);
	grant_unref(h->grant);
	(void)close(take_fd(pipe));
	if (v != NULL)
		buf_wipe(&v->text);
	free(v);
	m->o.ended(m->o.arg, link, &ended);
}

void
mover_take(struct mover *m, unsigned link, const struct haul *h, int *pipe, int64_t now_ms)
{
	struct err e = {.code = ERR_NONE};
	struct move *v = calloc(1, sizeof(*v));

	if (v == NULL || m->active >= m->o.settings->parallel || m->n >= MOVES_MAX ||
		!keep_text(v, h)) {
		refuse(m, v, link, h, pipe);
		return;
	}
	v->owner = m;
	v->from = link;
	v->haul.verify = h->verify;
	v->haul.keep = h->keep;
	v->haul.digests = h->digests;
	v->haul.grant = h->grant;
	memcpy(v->haul.trace, h->trace, sizeof(v->haul.trace));
	v->pipe = take_fd(pipe);
	v->url.max = TPC_URL_MAX + 16;
	v->out.max = PIPE_MAX;
	v->authorized = true;
	v->started_ms = v->progress_ms = v->marker_ms = now_ms;
	v->adler = CHECKSUM_ADLER32_INIT;
	v->next = m->first;
	v->link = &m->first;
	if (v->next != NULL)
		v->next->link = &v->next;
	m->first = v;
	m->n++;
	m->active++;
	metric_add(m->o.metrics, METRIC_PUSHES, 1);
	if (!set_url(v, h->url, &e)) { /* the gate has read it already */
		fail(v, 502, span_of(e.msg), now_ms);
		return;
	}
	(void)snprintf(
		v->host, sizeof(v->host), "%.*s:%u", SPAN_ARG(v->at.host), (unsigned)v->at.port);
	start(v, h->keep ? MOVE_LOOK : MOVE_SEND);
}

/* ---- now and then ---- */

unsigned
mover_poll(const struct mover *m, struct pollfd *p, unsigned max)
{
	unsigned n = 0;

	for (const struct move *v = m->first; v != NULL && n < max; v = v->next)
		p[n++] = (struct pollfd){.fd = v->pipe, .events = v->out.n > 0 ? POLLOUT : 0};
	return n;
}

static void
leave(struct move *v, int64_t now_ms)
{
	if (v->step == MOVE_OVER)
		return;
	if (v->step == MOVE_SEND && v->job != NULL)
		v->sent = carry_sent(v->job);
	carry_cancel(take_ptr(&v->job));
	end(v, HAUL_CLIENT_GONE, now_ms);
}

static void
stop(struct move *v, const char *why, int64_t now_ms)
{
	v->sent = mover_sent(v);
	carry_cancel(take_ptr(&v->job));
	fail_text(v, why, now_ms);
}

/* Progress of a PUT; HEADs have a limit of their own. */
static void
watch(struct move *v, int64_t now_ms)
{
	uint64_t is = mover_sent(v);
	uint64_t size = grant_info(v->haul.grant)->size;

	if (v->step != MOVE_SEND)
		return;
	if (is != v->sent)
		v->progress_ms = now_ms;
	v->sent = is;
	if (now_ms - v->progress_ms > (is == 0 || is >= size ? FIRST_MS : STALL_MS))
		stop(v, "the other side takes no more bytes", now_ms);
}

static void
tend(struct move *v, int64_t now_ms)
{
	int64_t patience = v->step == MOVE_LOOK ? LOOK_MS : BEGIN_MS;
	char remote[80] = "";

	mover_flush(v);
	if (v->gone) {
		leave(v, now_ms);
		return;
	}
	if (v->job != NULL)
		carry_remote(v->job, remote);
	/* There is a connection, to an address that was asked about. */
	bool connected = v->step == MOVE_SEND && remote[0] != '\0';
	if (connected || now_ms - v->started_ms > patience)
		mover_begin(v, now_ms);
	if (v->begun && now_ms - v->marker_ms >= MARKER_MS)
		mover_mark(v, now_ms);
	watch(v, now_ms);
}

void
mover_tend(struct mover *m, const struct pollfd *p, unsigned n, int64_t now_ms)
{
	struct move *next = NULL;

	for (struct move *v = m->first; v != NULL; v = next) {
		next = v->next;
		for (unsigned i = 0; i < n; i++)
			if (p[i].fd == v->pipe && (p[i].revents & (POLLERR | POLLNVAL)) != 0)
				v->gone = true;
		if (v->step != MOVE_OVER)
			tend(v, now_ms);
		else
			mover_flush(v);
		if (v->step == MOVE_OVER &&
			(v->gone || v->out.n == 0 || now_ms - v->over_ms > LAST_MS))
			move_free(v);
	}
}
