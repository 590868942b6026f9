/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/h2_answer.h"
#include "agent/http/h2_run.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_FRAME 32U /* bytes of a chunk around its data, at most */
#define PLAIN_MAX   (256UL * 1024)

/* ---- streams ---- */

struct h2_stream *
h2_stream_of(const struct h2 *h, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h->session, id);
}

struct h2_stream *
h2_stream_new(struct h2 *h, int32_t id)
{
	struct h2_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->h2 = h;
	s->id = id;
	s->in = (struct buf)BUF_INIT(H2_STREAM_WINDOW + H2_DATA);
	s->plain = (struct buf)BUF_INIT(PLAIN_MAX);
	h2_head_init(&s->head);
	s->next = h->streams;
	if (s->next != NULL)
		s->next->prev = s;
	h->streams = s;
	return s;
}

void
h2_stream_free(struct h2_stream *s)
{
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		s->h2->streams = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	h2_head_fini(&s->head);
	buf_fini(&s->in);
	buf_fini(&s->plain);
	free(s);
}

/* Bytes of its body that nobody will read: the windows open again. */
static void
drop_body(struct h2_stream *s)
{
	size_t n = h2_stream_unread(s);

	if (n > 0 && !s->closed)
		(void)nghttp2_session_consume(s->h2->session, s->id, n);
	else if (n > 0)
		(void)nghttp2_session_consume_connection(s->h2->session, n);
	buf_fini(&s->in);
	s->in_at = 0;
}

void *
h2_stream_user(const struct h2_stream *s)
{
	return s->user;
}

void
h2_stream_own(struct h2_stream *s, void *user)
{
	s->user = user;
}

void
h2_stream_leave(struct h2_stream *s)
{
	s->owned = false;
	s->user = NULL;
	s->offer = SPAN_NONE;
	s->last = s->ended; /* never an end where bytes are missing */
	s->h2->n_owned--;
	drop_body(s);
	if (s->closed)
		h2_stream_free(s);
}

uint32_t
h2_code(enum h2_why why)
{
	static const uint32_t of[] = {[H2_NO_ERROR] = NGHTTP2_NO_ERROR,
		[H2_INTERNAL] = NGHTTP2_INTERNAL_ERROR,
		[H2_REFUSED] = NGHTTP2_REFUSED_STREAM,
		[H2_CANCEL] = NGHTTP2_CANCEL,
		[H2_CALM] = NGHTTP2_ENHANCE_YOUR_CALM};

	return of[why];
}

void
h2_stream_reset(struct h2_stream *s, enum h2_why why)
{
	if (!s->closed)
		(void)nghttp2_submit_rst_stream(
			s->h2->session, NGHTTP2_FLAG_NONE, s->id, h2_code(why));
}

/* ---- the text of a request ---- */

size_t
h2_stream_unread(const struct h2_stream *s)
{
	return s->in.n - s->in_at;
}

static size_t
take_text(struct h2_stream *s, char *buf, size_t cap)
{
	struct span part = span_first(span_skip(buf_span(&s->head.text), s->text_at), cap);

	memcpy(buf, part.p, part.n);
	s->text_at += part.n;
	if (s->text_at == s->head.text.n) {
		bool has_length = s->head.has_length;
		h2_head_fini(&s->head);
		s->head.has_length = has_length;
		s->text_at = 0;
	}
	return part.n;
}

static size_t
take_body(struct h2_stream *s, char *buf, size_t cap)
{
	struct span part = span_first(span_skip(buf_span(&s->in), s->in_at), cap);

	memcpy(buf, part.p, part.n);
	s->in_at += part.n;
	if (s->in_at == s->in.n) {
		buf_reset(&s->in);
		s->in_at = 0;
	}
	if (s->closed)
		(void)nghttp2_session_consume_connection(s->h2->session, part.n);
	else
		(void)nghttp2_session_consume(s->h2->session, s->id, part.n);
	return part.n;
}

/* One chunk of HTTP/1.1, or the last one. */
static size_t
take_chunk(struct h2_stream *s, char *buf, size_t cap)
{
	static const char last[] = "0\r\n\r\n";
	size_t n = h2_stream_unread(s);

	if (cap < CHUNK_FRAME)
		return 0;
	if (n == 0) {
		s->read_end = true;
		memcpy(buf, last, sizeof(last) - 1);
		return sizeof(last) - 1;
	}
	if (n > cap - CHUNK_FRAME)
		n = cap - CHUNK_FRAME;
	size_t at = (size_t)snprintf(buf, cap, "%zx\r\n", n);
	at += take_body(s, buf + at, n);
	buf[at++] = '\r';
	buf[at++] = '\n';
	return at;
}

enum step
h2_stream_read(struct h2_stream *s, char *buf, size_t cap, size_t *ret_n)
{
	*ret_n = 0;
	if (s->head.text.n > 0) {
		*ret_n = take_text(s, buf, cap);
		return STEP_DONE;
	}
	if (h2_stream_unread(s) == 0 && !s->body_end)
		return STEP_READ;
	if (!s->body || s->read_end)
		return STEP_DONE;
	*ret_n = s->head.has_length ? take_body(s, buf, cap) : take_chunk(s, buf, cap);
	return STEP_DONE;
}

/* ---- the text of an answer ---- */

static ssize_t // NOLINTNEXTLINE(readability-function-size): the library's type of callback
data_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t n, uint32_t *flags,
	nghttp2_data_source *source, void *arg)
{
	struct h2_stream *s = source->ptr;

	(void)session;
	(void)id;
	(void)buf;
	(void)arg;
	if (n > s->offer.n)
		n = s->offer.n;
	if (n == 0 && !s->last) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (s->last && n == s->offer.n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static bool
submit(struct h2_stream *s, const struct h2_answer *a, bool body)
{
	nghttp2_nv nv[H2_ANSWER_FIELDS];
	nghttp2_data_provider from = {.source = {.ptr = s}, .read_callback = data_read};
	nghttp2_session *session = s->h2->session;

	for (size_t i = 0; i < a->n; i++) {
		const struct h2_field *f = &a->field[i];
		nv[i] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)f->name.p,
			.namelen = f->name.n,
			.value = (uint8_t *)(uintptr_t)f->value.p,
			.valuelen = f->value.n,
			.flags = f->secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE};
	}
	s->waiting++;
	if (a->status < 200)
		return nghttp2_submit_headers(
			       session, NGHTTP2_FLAG_NONE, s->id, NULL, nv, a->n, NULL) == 0;
	s->answered = true;
	s->chunked = a->chunked;
	if (s->chunked)
		chunk_init(&s->chunk, UINT64_MAX);
	return nghttp2_submit_response(session, s->id, nv, a->n, body ? &from : NULL) == 0;
}

/* The chunks of a body of unknown length, without what stands around them. */
static bool
put_chunked(struct h2_stream *s, struct span in)
{
	size_t used = 0;

	if (s->offer.n == 0)
		buf_reset(&s->plain);
	size_t at = s->plain.n - s->offer.n;
	enum step step = chunk_feed(&s->chunk, in, &s->plain, &used, NULL);
	if (step == STEP_FAIL || !buf_ok(&s->plain))
		return false;
	s->offer = span_skip(buf_span(&s->plain), at);
	s->last = step == STEP_DONE;
	return true;
}

bool
h2_stream_put(struct h2_stream *s, char *p, size_t n, bool last, size_t *ret_used)
{
	struct h2_answer a;
	size_t at = 0;

	while (!s->answered && at < n) {
		if (s->closed || !h2_answer_read(p + at, n - at, &a, NULL))
			return false;
		at += a.used;
		if (!submit(s, &a, !last || at < n))
			return false;
	}
	*ret_used = s->chunked ? n : at;
	if (s->chunked) {
		if (!put_chunked(s, (struct span){p + at, n - at}))
			return false;
		s->taken = 0;
	} else {
		s->offer = (struct span){p + at, n - at};
		s->last = last;
	}
	if (s->deferred && (s->offer.n > 0 || s->last)) {
		s->deferred = false;
		(void)nghttp2_session_resume_data(s->h2->session, s->id);
	}
	return s->answered || !last;
}

size_t
h2_stream_taken(struct h2_stream *s)
{
	size_t n = s->chunked ? 0 : s->taken;

	s->taken = 0;
	return n;
}

size_t
h2_stream_flight(const struct h2_stream *s)
{
	return s->flight + (s->chunked ? s->offer.n : 0) - (s->chunked ? 0 : s->taken);
}

size_t
h2_stream_left(struct h2_stream *s)
{
	size_t n = s->flight;

	s->flight = 0;
	s->unsent = false;
	return n;
}

bool
h2_stream_busy(const struct h2_stream *s)
{
	return s->unsent;
}

bool
h2_stream_quiet(const struct h2_stream *s, bool last)
{
	return s->waiting == 0 && !s->unsent && s->offer.n == 0 && (!last || s->ended);
}
