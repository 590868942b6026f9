/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/chunk.h"
#include "agent/http/h2.h"
#include "agent/http/parse.h"
#include "tests/fuzz/hold.h"

#include <string.h>

#define SEEN 8U

/* One stream: what the inner side has read of it. */
struct seen {
	struct h2_stream *s;
	struct buf text;
	bool ended;
};

struct world {
	struct seen seen[SEEN];
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";

static void
begun(void *arg, struct h2_stream *s)
{
	struct world *w = arg;

	for (size_t i = 0; i < SEEN; i++) {
		if (w->seen[i].s != NULL)
			continue;
		w->seen[i].s = s;
		w->seen[i].text = (struct buf)BUF_INIT(1 << 20);
		h2_stream_own(s, &w->seen[i]);
		return;
	}
	h2_stream_reset(s, H2_REFUSED);
	h2_stream_leave(s);
}

static void
body(void *arg, struct h2_stream *s)
{
	(void)arg;
	(void)s;
}

/*
 * The property: the text that a stream gives out is one request for the parser of HTTP/1.1, and
 * what follows its head is its body, all of it; or the parser refuses it.
 */
static void
judge(struct seen *x)
{
	struct http_parse p = {0};
	struct http_head head;
	struct chunk c;
	size_t used = 0;
	enum step s = http_parse(&p, buf_span(&x->text), &head, &used, NULL);

	if (s == STEP_DONE) {
		struct span rest = span_skip(buf_span(&x->text), used);
		size_t n = 0;
		chunk_init(&c, UINT64_MAX);
		hold(!head.keep_alive);
		if (head.chunked)
			hold(chunk_feed(&c, rest, NULL, &n, NULL) != STEP_FAIL && n == rest.n);
		else
			hold(rest.n <= head.content_length);
	}
	buf_fini(&x->text);
}

static void
closed(void *arg, struct h2_stream *s)
{
	struct seen *x = h2_stream_user(s);

	(void)arg;
	judge(x);
	x->s = NULL;
	h2_stream_leave(s);
}

static void
work(struct seen *x, unsigned how)
{
	static char answer[][64] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"};
	char some[512];
	size_t n = 0;

	while (!x->ended && h2_stream_read(x->s, some, sizeof(some), &n) == STEP_DONE) {
		buf_add(&x->text, (struct span){some, n});
		x->ended = n == 0;
	}
	if (!x->ended || !buf_ok(&x->text))
		return;
	char *text = answer[how % 2];
	memcpy(some, text, strlen(text) + 1);
	hold(h2_stream_put(x->s, some, strlen(some), true, &n));
	judge(x);
	struct h2_stream *s = x->s;
	*x = (struct seen){.s = NULL};
	if (how % 3 == 0)
		h2_stream_reset(s, H2_INTERNAL);
	h2_stream_leave(s);
}

/* Bytes behind the preface, in pieces; after each, the streams are read and answered. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.seen = {{NULL, {0}, false}}};
	struct h2_calls calls = {&w, begun, body, closed};
	struct span in = {(const char *)data, size};
	struct h2 *h = NULL;
	char out[4096];

	hold(h2_new(&calls, 0, &h, NULL));
	h2_receive(h, (struct span){preface, sizeof(preface) - 1}, 0);
	while (in.n > 0) {
		unsigned how = (uint8_t)in.p[in.n - 1];
		struct span piece = span_first(in, 1 + how * 8U);
		in = span_skip(in, piece.n);
		h2_receive(h, piece, (int64_t)how);
		for (size_t i = 0; i < SEEN; i++)
			if (w.seen[i].s != NULL)
				work(&w.seen[i], how);
		while (h2_send(h, out, sizeof(out)) > 0) {
		}
		hold(h2_streams(h) <= SEEN);
	}
	h2_free(h);
	return 0;
}
