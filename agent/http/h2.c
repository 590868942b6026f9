/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/h2.h"

#include "agent/http/h2_run.h"
#include "agent/http/head.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_HEAD  9U    /* RFC 9113 4.1 */
#define FRAME_LEAST 1024U /* less room than that waits for the next write */

/* ---- credit ---- */

static void
credit_fill(struct h2 *h, int64_t now_ms)
{
	int64_t more = (now_ms - h->credit_ms) * H2_CREDIT_SECOND / 1000;

	if (more <= 0)
		return;
	h->credit_ms = now_ms;
	h->credit = more > H2_CREDIT - h->credit ? H2_CREDIT : h->credit + (int32_t)more;
}

static void
credit_give(struct h2 *h, int32_t n)
{
	h->credit = h->credit + n > H2_CREDIT ? H2_CREDIT : h->credit + n;
}

/* What a frame costs that brings nothing; known or not. */
static int32_t
cost(const struct h2 *h)
{
	switch (h->head[3]) {
	case NGHTTP2_HEADERS:
		return 0;
	case NGHTTP2_DATA:
		return h->skip == 0 && (h->head[4] & NGHTTP2_FLAG_END_STREAM) == 0 ? 5 : 0;
	case NGHTTP2_RST_STREAM:
	case NGHTTP2_SETTINGS:
		return 10;
	case NGHTTP2_CONTINUATION:
		return 5;
	default:
		return 1;
	}
}

/* ---- what the library tells: receiving ---- */

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	/* Round robin between streams, whatever the client would have first. */
	static const nghttp2_extpri equal = {.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
	struct h2 *h = arg;
	int32_t id = frame->hd.stream_id;

	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct h2_stream *s = h2_stream_new(h, id);
	if (s == NULL)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (nghttp2_session_set_stream_user_data(session, id, s) != 0) {
		h2_stream_free(s);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	(void)nghttp2_session_change_extpri_stream_priority(session, id, &equal, 1);
	return 0;
}

static int // NOLINTNEXTLINE(readability-function-size): the library's type of callback
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t n_name,
	const uint8_t *value, size_t n_value, uint8_t flags, void *arg)
{
	struct h2_stream *s = h2_stream_of(arg, frame->hd.stream_id);
	struct span n = {(const char *)name, n_name};
	struct span v = {(const char *)value, n_value};
	struct err e = {.code = ERR_NONE};

	(void)session;
	(void)flags;
	if (s == NULL)
		return 0;
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST ? h2_head_field(&s->head, n, v, &e)
						       : h2_head_trailer(n, v, &e))
		return 0;
	s->bad = true;
	return e.code == ERR_LIMIT ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int // NOLINTNEXTLINE(readability-function-size): the library's type of callback
on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t n_name, const uint8_t *value, size_t n_value, uint8_t flags, void *arg)
{
	struct h2_stream *s = h2_stream_of(arg, frame->hd.stream_id);

	(void)session;
	(void)name;
	(void)n_name;
	(void)value;
	(void)n_value;
	(void)flags;
	if (s != NULL)
		s->bad = true; /* RFC 9113 8.2.1: malformed, not to be overlooked */
	return 0;
}

static void
refuse(struct h2_stream *s)
{
	if (!s->closed)
		(void)nghttp2_submit_rst_stream(
			s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_PROTOCOL_ERROR);
}

static void
head_whole(struct h2 *h, struct h2_stream *s, bool body)
{
	s->body = body;
	s->body_end = !body;
	if (s->bad || !h2_head_end(&s->head, body, NULL)) {
		refuse(s);
		return;
	}
	s->owned = true;
	h->n_owned++;
	h->calls.begun(h->calls.arg, s);
}

static int
on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	(void)session;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	struct h2_stream *s = h2_stream_of(h, frame->hd.stream_id);
	if (s == NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
		head_whole(h, s, !end);
		return 0;
	}
	if (s->bad)
		refuse(s);
	else if (end)
		s->body_end = true;
	if (end && s->owned)
		h->calls.body(h->calls.arg, s);
	return 0;
}

/*
 * More of a body whose answer has ended.  RFC 9113 8.1: RST_STREAM NO_ERROR tells the client to
 * stop, but who is still sending may lose the answer by it, so at first it is only dropped.
 */
static void
drop(struct h2_stream *s, size_t n)
{
	bool before = s->dropped <= H2_DROP;

	s->dropped += n;
	if (before && s->dropped > H2_DROP)
		h2_stream_reset(s, H2_NO_ERROR);
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s = h2_stream_of(h, id);

	(void)flags;
	if (s == NULL || !s->owned) {
		(void)nghttp2_session_consume(session, id, n);
		if (s != NULL)
			drop(s, n);
		return 0;
	}
	if (s->in_at > 0) {
		buf_drop(&s->in, s->in_at);
		s->in_at = 0;
	}
	buf_add(&s->in, (struct span){(const char *)p, n});
	if (!buf_ok(&s->in))
		return NGHTTP2_ERR_CALLBACK_FAILURE; /* no memory: the windows bound it */
	h->calls.body(h->calls.arg, s);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s = h2_stream_of(h, id);

	(void)session;
	(void)code;
	if (s == NULL)
		return 0;
	s->closed = true;
	if (s->ended)
		credit_give(h, 5);
	if (s->owned && !s->ended)
		h->calls.closed(h->calls.arg, s);
	else if (!s->owned)
		h2_stream_free(s);
	return 0;
}

/* ---- what the library asks: sending ---- */

static ssize_t // NOLINTNEXTLINE(readability-function-size): the library's type of callback
data_length(nghttp2_session *session, uint8_t type, int32_t id, int32_t window,
	int32_t stream_window, uint32_t frame_max, void *arg)
{
	const struct h2 *h = arg;
	size_t room = h->room - h->at;
	ssize_t n = H2_DATA;

	(void)session;
	(void)type;
	(void)id;
	if (room > FRAME_HEAD + FRAME_LEAST && (ssize_t)(room - FRAME_HEAD) < n)
		n = (ssize_t)(room - FRAME_HEAD);
	if ((ssize_t)frame_max < n)
		n = (ssize_t)frame_max;
	if (window < n)
		n = window;
	return stream_window < n ? stream_window : n;
}

static int // NOLINTNEXTLINE(readability-function-size): the library's type of callback
data_send(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
	nghttp2_data_source *source, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *s = source->ptr;
	char *to = h->to + h->at;

	(void)session;
	(void)frame; /* there is no padding: nobody asked for any */
	if (h->room - h->at < FRAME_HEAD + n)
		return NGHTTP2_ERR_WOULDBLOCK;
	if (!s->owned || n > s->offer.n)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* it was left meanwhile */
	memcpy(to, head, FRAME_HEAD);
	if (n > 0)
		memcpy(to + FRAME_HEAD, s->offer.p, n);
	h->at += FRAME_HEAD + n;
	s->offer = span_skip(s->offer, n);
	s->taken += n;
	s->flight += n;
	s->unsent = true;
	credit_give(h, 2);
	return 0;
}

static int
on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	int32_t id = frame->hd.stream_id;

	(void)session;
	if (frame->hd.type == NGHTTP2_RST_STREAM &&
		frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
		h->credit -= 10; /* who has us reset streams resets them */
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	struct h2_stream *s = h2_stream_of(h, id);
	if (s == NULL)
		return 0;
	s->unsent = true;
	if (frame->hd.type == NGHTTP2_HEADERS)
		s->waiting--;
	if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		return 0;
	s->ended = true;
	return 0;
}

/* ---- the session ---- */

static nghttp2_session_callbacks *
callbacks(void)
{
	nghttp2_session_callbacks *c = NULL;

	if (nghttp2_session_callbacks_new(&c) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(c, on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
	nghttp2_session_callbacks_set_data_source_read_length_callback(c, data_length);
	nghttp2_session_callbacks_set_send_data_callback(c, data_send);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
	return c;
}

static nghttp2_option *
options(void)
{
	nghttp2_option *o = NULL;

	if (nghttp2_option_new(&o) != 0)
		return NULL;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_stream_reset_rate_limit(o, H2_RESETS, H2_RESETS_SECOND);
	nghttp2_option_set_max_continuations(o, H2_CONTINUATIONS);
	nghttp2_option_set_max_outbound_ack(o, H2_ACKS);
	return o;
}

static bool
settings(nghttp2_session *session)
{
	static const nghttp2_settings_entry rows[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};

	return nghttp2_submit_settings(
		       session, NGHTTP2_FLAG_NONE, rows, sizeof(rows) / sizeof(rows[0])) == 0 &&
	       nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, H2_WINDOW) == 0;
}

bool
h2_new(const struct h2_calls *calls, int64_t now_ms, struct h2 **ret, struct err *e)
{
	struct h2 *h = calloc(1, sizeof(*h));
	nghttp2_session_callbacks *c = callbacks();
	nghttp2_option *o = options();
	bool ok = h != NULL && c != NULL && o != NULL &&
		  nghttp2_session_server_new2(&h->session, c, h, o) == 0;

	nghttp2_session_callbacks_del(c);
	nghttp2_option_del(o);
	if (!ok) {
		free(h);
		return err_set(e, ERR_LIMIT, NULL, "no memory for a session of HTTP/2");
	}
	h->calls = *calls;
	h->skip = NGHTTP2_CLIENT_MAGIC_LEN;
	h->credit = H2_CREDIT;
	h->credit_ms = now_ms;
	if (!settings(h->session)) {
		h2_free(h);
		return err_set(e, ERR_LIMIT, NULL, "no memory for a session of HTTP/2");
	}
	*ret = h;
	return true;
}

void
h2_free(struct h2 *h)
{
	if (h == NULL)
		return;
	while (h->streams != NULL) {
		struct h2_stream *s = h->streams;
		s->closed = true;
		if (s->owned)
			h->calls.closed(h->calls.arg, s);
		else
			h2_stream_free(s);
	}
	nghttp2_session_del(h->session);
	free(h);
}

static void
end(struct h2 *h, uint32_t code)
{
	h->ending = true;
	if (nghttp2_session_terminate_session(h->session, code) != 0)
		h->failed = true;
}

/* A frame's head is whole (RFC 9113 4.1). */
static void
scan_head(struct h2 *h)
{
	const uint8_t *p = h->head;

	h->skip = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
	h->n_head = 0;
	if (p[3] == NGHTTP2_HEADERS || p[3] == NGHTTP2_CONTINUATION)
		h->block = (p[4] & NGHTTP2_FLAG_END_HEADERS) == 0;
	h->credit -= cost(h);
}

static void
scan(struct h2 *h, struct span in)
{
	while (in.n > 0) {
		size_t n = h->skip < in.n ? h->skip : in.n;
		h->skip -= n;
		in = span_skip(in, n);
		for (; in.n > 0 && h->n_head < sizeof(h->head); in = span_skip(in, 1))
			h->head[h->n_head++] = (uint8_t)in.p[0];
		if (h->n_head == sizeof(h->head))
			scan_head(h);
	}
}

void
h2_receive(struct h2 *h, struct span bytes, int64_t now_ms)
{
	if (h->ending)
		return;
	credit_fill(h, now_ms);
	scan(h, bytes);
	if (h->credit < 0) {
		end(h, NGHTTP2_ENHANCE_YOUR_CALM);
		return;
	}
	ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes.p, bytes.n);
	if (n == NGHTTP2_ERR_CALLBACK_FAILURE || n == NGHTTP2_ERR_FLOODED || h->credit < 0)
		end(h, NGHTTP2_ENHANCE_YOUR_CALM);
	else if (n < 0)
		end(h, NGHTTP2_PROTOCOL_ERROR);
}

/* True: the frame is out, and there is room for another. */
static bool
give_rest(struct h2 *h)
{
	struct span part = span_first(h->rest, h->room - h->at);

	if (part.n > 0)
		memcpy(h->to + h->at, part.p, part.n);
	h->at += part.n;
	h->rest = span_skip(h->rest, part.n);
	return h->rest.n == 0 && h->at < h->room;
}

size_t
h2_send(struct h2 *h, char *to, size_t room)
{
	h->to = to;
	h->room = room;
	h->at = 0;
	while (give_rest(h)) {
		const uint8_t *p = NULL;
		ssize_t n = nghttp2_session_mem_send(h->session, &p);
		h->failed = h->failed || n < 0;
		if (n <= 0)
			break;
		h->rest = (struct span){(const char *)p, (size_t)n};
	}
	return h->at;
}

bool
h2_over(const struct h2 *h)
{
	return h->failed || (h->rest.n == 0 && nghttp2_session_want_read(h->session) == 0 &&
				    nghttp2_session_want_write(h->session) == 0);
}

bool
h2_in_head(const struct h2 *h)
{
	return h->block || h->n_head > 0 || (h->skip > 0 && h->head[3] != NGHTTP2_DATA);
}

size_t
h2_streams(const struct h2 *h)
{
	return h->n_owned;
}

void
h2_goaway(struct h2 *h, enum h2_why why)
{
	int32_t last = nghttp2_session_get_last_proc_stream_id(h->session);

	if (why != H2_NO_ERROR)
		end(h, h2_code(why));
	else if (nghttp2_submit_goaway(
			 h->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0) != 0)
		h->failed = true;
}
