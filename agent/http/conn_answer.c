/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_answer.h"

#include "agent/base/base64.h"
#include "agent/base/civil.h"
#include "agent/base/crypto.h"
#include "agent/base/scope.h"
#include "agent/http/cond.h"
#include "agent/http/conn_archive.h"
#include "agent/http/conn_note.h"
#include "agent/http/conn_read.h"
#include "agent/http/conn_receive.h"
#include "agent/http/conn_relay.h"

#include <stdlib.h>
#include <string.h>

#define BOUNDARY_BYTES 16U
#define TAG_BYTES      16U /* of the hash of a text */
#define TAG_TEXT       64U

enum conn_go
conn_answer_flush(struct conn *c)
{
	uint64_t before = c->out.sent;
	enum step s = STEP_DONE;

	if (tls_out_waiting(&c->out) > 0) {
		s = tls_out_flush(&c->out, NULL);
		metric_add(c->env->metrics, METRIC_BYTES_SENT, (int64_t)(c->out.sent - before));
	}
	switch (s) {
	case STEP_DONE:
		conn_note_flush(c, true);
		return CONN_GO;
	case STEP_READ:
	case STEP_WRITE:
		return CONN_WRITES;
	case STEP_FAIL:
		break;
	}
	return CONN_OVER;
}

/* ---- heads ---- */

static void
count_status(struct conn *c, unsigned status)
{
	static const enum metric of[] = {METRIC_REQUESTS_2XX, METRIC_REQUESTS_2XX,
		METRIC_REQUESTS_2XX, METRIC_REQUESTS_3XX, METRIC_REQUESTS_4XX, METRIC_REQUESTS_5XX};

	metric_add(c->env->metrics, of[status / 100 < 6 ? status / 100 : 5], 1);
}

static bool
keeps(struct conn *c)
{
	struct conn_request *r = c->req;

	r->keep = r->keep && !c->env->draining && conn_read_can_drop(c);
	return r->keep;
}

static unsigned
minor(const struct conn *c)
{
	return c->req->begun ? c->req->head.minor : 1;
}

static bool
is_head(const struct conn *c)
{
	return c->req->begun && c->req->head.method == HTTP_HEAD;
}

static struct buf *
head_start(struct conn *c, unsigned status)
{
	struct buf *out = &c->env->head;

	buf_reset(out);
	respond_tick(&c->env->clock, c->env->loop->utc);
	respond_start(out, status, &c->env->clock);
	count_status(c, status);
	if (c->req->quota.name[0] != '\0')
		respond_quota(out, &c->req->quota);
	return out;
}

enum conn_go
conn_answer_done(struct conn *c)
{
	struct conn_request *r = c->req;

	conn_receive_end(r);
	conn_relay_free(take_ptr(&r->relay));
	body_fini(&r->out);
	rate_leave(&r->rate);
	share_leave(&r->link);
	free(r->text);
	r->text = NULL;
	conn_archive_free(r->archive);
	r->archive = NULL;
	r->noting = false;
	if (!r->keep) {
		c->state = CONN_FINISH;
		return CONN_GO;
	}
	if (r->unread)
		return conn_read_drop(c);
	conn_read_next(c);
	return CONN_GO;
}

/* The head of env->head goes out; false: it is too long or there is no memory. */
static bool
head_send(struct conn *c)
{
	struct span head = buf_span(&c->env->head);

	return buf_ok(&c->env->head) && tls_out_head(&c->out, &head, 1);
}

enum conn_go
conn_answer_error(struct conn *c, const struct respond_error *p)
{
	struct respond_error full = *p;

	if (!c->req->begun)
		c->req->keep = false; /* nothing behind a broken head can be trusted */
	full.keep = c->req->begun && keeps(c);
	full.head = is_head(c);
	full.minor = minor(c);
	full.trace = c->req->begun ? c->req->trace : NULL;
	full.quota = c->req->begun ? &c->req->quota : NULL;
	buf_reset(&c->env->head);
	respond_tick(&c->env->clock, c->env->loop->utc);
	respond_error(&c->env->head, &c->env->clock, &full);
	count_status(c, p->status);
	return head_send(c) ? conn_answer_done(c) : CONN_OVER;
}

enum conn_go
conn_answer_status(struct conn *c, unsigned status, const struct err *e)
{
	struct respond_error p = {.status = status, .err = e};

	return conn_answer_error(c, &p);
}

enum conn_go
conn_answer_options(struct conn *c, const char *allow, bool dav)
{
	struct buf *out = head_start(c, 200);

	respond_field(out, "Allow", span_of(allow));
	if (dav)
		respond_field(out, "DAV", SPAN("1"));
	respond_length(out, 0);
	respond_end(out, keeps(c), minor(c));
	return head_send(c) ? conn_answer_done(c) : CONN_OVER;
}

/* ---- inline answers ---- */

/* The fields of the gate: all, or without Content-Type, whose value is then given back. */
static struct span
add_fields(struct buf *out, struct span fields, bool keep_type)
{
	struct span type = SPAN_NONE;

	while (fields.n > 0) {
		struct span line = span_cut(&fields, '\n');
		struct span value = line;
		struct span name = span_cut(&value, ':');
		if (span_eq_nocase(name, SPAN("Content-Type"))) {
			type = span_trim(span_first(value, value.n > 0 ? value.n - 1 : 0));
			if (!keep_type)
				continue;
		}
		buf_add(out, line);
		buf_addc(out, '\n');
	}
	return type;
}

/* May caches keep it for everybody (RFC 9111 5.2.2.9)?  Then they can ask whether it is still so.
 */
static bool
is_public(const struct http_answer *a)
{
	struct span rest = a->status == 200 ? a->fields : SPAN_NONE;

	while (rest.n > 0)
		if (span_starts(span_cut(&rest, '\n'), SPAN("Cache-Control: public")))
			return true;
	return false;
}

static bool
tag_make(struct span text, struct buf *out)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];

	if (!crypto_sha256(text, hash))
		return false;
	buf_addc(out, '"');
	base64_url_encode(out, hash, TAG_BYTES);
	buf_addc(out, '"');
	return buf_ok(out);
}

static enum conn_go
answer_same(struct conn *c, const struct http_answer *a, struct span etag)
{
	struct buf *out = head_start(c, 304);

	(void)add_fields(out, a->fields, false);
	respond_field(out, "ETag", etag);
	respond_end(out, keeps(c), minor(c));
	return head_send(c) ? conn_answer_done(c) : CONN_OVER;
}

static enum conn_go
answer_text(struct conn *c, const struct http_answer *a, struct span etag)
{
	struct conn_request *r = c->req;
	struct buf *out = head_start(c, a->status);

	buf_add(out, a->fields);
	if (etag.n > 0)
		respond_field(out, "ETag", etag);
	if (a->status != 204 && a->status != 304)
		respond_length(out, a->text.n);
	respond_end(out, keeps(c), minor(c));
	if (!head_send(c))
		return CONN_OVER;
	if (is_head(c) || a->text.n == 0)
		return conn_answer_done(c);
	struct span rest = span_skip(a->text, tls_out_mem(&c->out, a->text));
	if (rest.n == 0)
		return conn_answer_done(c);
	r->text = malloc(rest.n);
	if (r->text == NULL)
		return CONN_OVER;
	memcpy(r->text, rest.p, rest.n);
	r->n_text = rest.n;
	r->text_at = 0;
	c->state = CONN_SEND;
	return CONN_GO;
}

static enum conn_go
answer_inline(struct conn *c, const struct http_answer *a)
{
	AUTO_BUF tag = BUF_INIT(TAG_TEXT);
	struct cond_state cur = {.modified = INT64_MIN};
	struct respond_error p = {.status = 412};

	if (!is_public(a) || !tag_make(a->text, &tag))
		return answer_text(c, a, SPAN_NONE);
	cur.etag = buf_span(&tag);
	switch (cond_eval(&c->req->head, &cur, c->env->loop->utc)) {
	case COND_PROCEED:
		break;
	case COND_NOT_MODIFIED:
		return answer_same(c, a, cur.etag);
	case COND_FAILED:
		return conn_answer_error(c, &p);
	}
	return answer_text(c, a, cur.etag);
}

/* ---- rate classes ---- */

static const struct grant_rate *
rate_of(const struct http_answer *a)
{
	return http_granted(a->body) ? &grant_info(a->grant)->rate : &a->rate;
}

/* Permitted, and more than its class allows: nothing of it leaves. */
static enum conn_go
answer_limited(struct conn *c, const struct http_answer *a, enum metric what, unsigned seconds)
{
	const struct grant_rate *r = rate_of(a);
	struct respond_error p = {.status = 429, .retry_after = seconds, .rate = r};
	struct err e = {.code = ERR_NONE};

	if (what == METRIC_LIMITED_STREAMS)
		(void)err_set(&e, ERR_LIMIT, NULL,
			"Rate class %s allows %u downloads at a time: wait until one of yours has "
			"ended.",
			r->name, r->streams);
	else
		(void)err_set(&e, ERR_LIMIT, NULL,
			"Rate class %s allows %u requests a minute: the next one is allowed in %u "
			"s.",
			r->name, r->requests_per_min, seconds);
	p.err = &e;
	metric_add(c->env->metrics, what, 1);
	if (http_granted(a->body)) {
		conn_note_begin(c, grant_info(a->grant), NULL);
		conn_note_in_work(c)->result = HTTP_CUT;
		conn_note_in_work(c)->why = HTTP_WHY_RATE;
	}
	return conn_answer_error(c, &p);
}

/* ---- files ---- */

static void
add_validators(struct buf *out, const struct grant_info *g)
{
	if (g->etag[0] == '\0')
		return;
	respond_field(out, "ETag", span_of(g->etag));
	buf_adds(out, "Last-Modified: ");
	civil_write_http(out, g->modified);
	buf_adds(out, "\r\n");
}

/*
 * POL-18: an answer that was kept is older than its decision, and no cache may hold it beyond the
 * next change.
 */
static void
add_caching(struct buf *out, const struct grant_info *g, int64_t now)
{
	int64_t left = g->expires - now;

	if (g->max_age == 0)
		return;
	buf_adds(out, "Cache-Control: public, max-age=");
	buf_addu(out, left >= (int64_t)g->max_age ? g->max_age : left > 0 ? (uint64_t)left : 0);
	buf_adds(out, "\r\n");
}

static enum conn_go
answer_not_modified(struct conn *c, const struct http_answer *a)
{
	const struct grant_info *g = grant_info(a->grant);
	struct buf *out = head_start(c, 304);

	(void)add_fields(out, a->fields, false);
	add_caching(out, g, c->env->loop->utc);
	add_validators(out, g);
	respond_end(out, keeps(c), minor(c));
	conn_note_begin(c, g, NULL);
	return head_send(c) ? conn_answer_done(c) : CONN_OVER;
}

/* The same for the same ETag and Range on every node with this certificate, so that a retry
 * elsewhere continues; nobody who writes files can know it.
 */
static bool
boundary_make(struct conn *c, const struct grant_info *g, struct buf *out)
{
	uint8_t mac[CRYPTO_SHA256_SIZE];
	struct span key = {(const char *)c->env->boundary_key, sizeof(c->env->boundary_key)};

	buf_adds(out, g->etag);
	buf_add(out, c->req->head.range);
	bool ok = buf_ok(out) && crypto_hmac_sha256(key, buf_span(out), mac);
	buf_reset(out);
	buf_add_hex(out, mac, BOUNDARY_BYTES);
	return ok && buf_ok(out);
}

/* The body, and the fields that describe it. */
static bool
set_parts(struct conn *c, const struct http_answer *a, const struct range_set *set, struct buf *out)
{
	AUTO_BUF boundary = BUF_INIT(HTTP_HEAD_MAX);
	struct span type = add_fields(out, a->fields, false);

	if (!boundary_make(c, grant_info(a->grant), &boundary))
		return false;
	buf_adds(out, "Content-Type: multipart/byteranges; boundary=");
	buf_add(out, buf_span(&boundary));
	buf_adds(out, "\r\n");
	if (type.n == 0)
		type = SPAN("application/octet-stream");
	return body_parts(&c->req->out, a->grant, set, buf_span(&boundary), type);
}

static bool
set_body(struct conn *c, const struct http_answer *a, const struct range_set *set, struct buf *out)
{
	if (set != NULL && set->n > 1)
		return set_parts(c, a, set, out);
	struct conn_archive *x = c->req->archive;
	buf_add(out, a->fields);
	if (set == NULL && x == NULL)
		body_whole(&c->req->out, a->grant);
	if (set == NULL)
		return true;
	buf_adds(out, "Content-Range: ");
	range_write(out, &set->r[0], x != NULL ? conn_archive_size(x) : grant_info(a->grant)->size);
	buf_adds(out, "\r\n");
	if (x != NULL)
		conn_archive_range(x, set->r[0].first, set->r[0].last);
	else
		body_range(&c->req->out, a->grant, &set->r[0]);
	return true;
}

static enum conn_go
answer_bytes(struct conn *c, const struct http_answer *a, const struct range_set *set)
{
	const struct grant_info *g = grant_info(a->grant);
	struct range_set whole = {.n = 1, .r = {{0, g->size - 1}}};
	int64_t now = c->env->loop->now;

	if (!is_head(c) && !rate_enter(c->env->rates, &g->rate, now, &c->req->rate))
		return answer_limited(c, a, METRIC_LIMITED_STREAMS, RATE_STREAM_WAIT);
	if (!is_head(c))
		share_enter(c->env->share, g->rate.identity, &c->req->link);
	struct buf *out = head_start(c, set != NULL ? 206 : a->status);
	if (!set_body(c, a, set, out))
		return CONN_OVER;
	if (a->ranges)
		respond_field(out, "Accept-Ranges", SPAN("bytes"));
	add_caching(out, g, c->env->loop->utc);
	add_validators(out, g);
	respond_length(out, c->req->archive != NULL ? conn_archive_length(c->req->archive)
						    : body_length(&c->req->out));
	respond_end(out, keeps(c), minor(c));
	if (!head_send(c))
		return CONN_OVER;
	if (is_head(c)) {
		conn_note_begin(c, g, NULL);
		return conn_answer_done(c);
	}
	c->req->started_ms = now;
	if (c->req->archive != NULL) {
		conn_archive_start(c);
		return CONN_GO;
	}
	if (set == NULL && g->size > 0)
		set = &whole;
	conn_note_begin(c, g, set);
	c->req->noting = true;
	c->state = CONN_SEND;
	return CONN_GO;
}

bool
conn_answer_stream(struct conn *c, unsigned status, struct span fields, bool *ret_chunked)
{
	struct buf *out = head_start(c, status);

	*ret_chunked = minor(c) > 0;
	c->req->keep = c->req->keep && *ret_chunked;
	buf_add(out, fields);
	if (*ret_chunked)
		respond_field(out, "Transfer-Encoding", SPAN("chunked"));
	respond_end(out, keeps(c), minor(c));
	return head_send(c);
}

static enum conn_go
answer_pipe(struct conn *c, const struct http_answer *a)
{
	const struct grant_rate *rate = &grant_info(a->grant)->rate;

	if (!rate_enter(c->env->rates, rate, c->env->loop->now, &c->req->rate))
		return answer_limited(c, a, METRIC_LIMITED_STREAMS, RATE_STREAM_WAIT);
	return conn_relay_begin(c, a);
}

/* Preconditions, then Range (RFC 9110 13.2.2): only now, after the gate's permit. */
static enum conn_go
answer_file(struct conn *c, const struct http_answer *a)
{
	const struct grant_info *g = grant_info(a->grant);
	const struct http_head *h = &c->req->head;
	int64_t now = c->env->loop->utc;
	struct cond_state cur = {.etag = span_of(g->etag), .modified = g->modified};
	struct respond_error p = {.status = 412};
	struct range_set set;
	bool archive = a->body == HTTP_ARCHIVE;

	if (!a->ranges && !archive)
		return answer_bytes(c, a, NULL);
	switch (cond_eval(h, &cur, now)) {
	case COND_PROCEED:
		break;
	case COND_NOT_MODIFIED:
		return answer_not_modified(c, a);
	case COND_FAILED:
		conn_note_begin(c, g, NULL);
		return conn_answer_error(c, &p);
	}
	p.status = archive ? conn_archive_open(c, a) : 0;
	if (p.status != 0) {
		p.retry_after = 10;
		return conn_answer_error(c, &p);
	}
	uint64_t size = archive ? conn_archive_size(c->req->archive) : g->size;
	if (!a->ranges || h->method != HTTP_GET || h->ranges != 1 || !cond_range(h, &cur, now))
		return answer_bytes(c, a, NULL);
	switch (range_parse(h->range, size, &set)) {
	case RANGE_IGNORE:
		return answer_bytes(c, a, NULL);
	case RANGE_PARTS:
		/* Of an archive one range or all of it. */
		return answer_bytes(c, a, archive && set.n > 1 ? NULL : &set);
	case RANGE_OUTSIDE:
		break;
	}
	p.status = 416;
	p.size = &size;
	conn_note_begin(c, g, NULL);
	return conn_answer_error(c, &p);
}

static enum conn_go
answer_upload(struct conn *c, const struct http_answer *a)
{
	const struct grant_rate *rate = &grant_info(a->grant)->rate;

	if (c->req->up == NULL &&
		!rate_enter(c->env->rates, rate, c->env->loop->now, &c->req->rate))
		return answer_limited(c, a, METRIC_LIMITED_STREAMS, RATE_STREAM_WAIT);
	return conn_receive_begin(c, a);
}

enum conn_go
conn_answer_gate(struct conn *c, const struct http_answer *a)
{
	/* A PUT is one request, however often the gate is asked. */
	if (c->req->up == NULL &&
		!rate_request(c->env->rates, rate_of(a), c->env->loop->now, &c->req->quota))
		return answer_limited(c, a, METRIC_LIMITED_REQUESTS, c->req->quota.reset_s);
	switch (a->body) {
	case HTTP_FILE:
	case HTTP_ARCHIVE:
		return answer_file(c, a);
	case HTTP_PIPE:
		return answer_pipe(c, a);
		return conn_answer_status(c, 501, NULL);
	case HTTP_UPLOAD:
		return answer_upload(c, a);
	case HTTP_NO_BODY:
	case HTTP_INLINE:
		break;
	}
	return answer_inline(c, a);
}
