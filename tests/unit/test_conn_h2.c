/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_h2.h"
#include "tests/unit/check.h"
#include "tests/unit/conn_world.h"

/* A client of HTTP/2 in frames: fields are literals that the table of HPACK never sees. */
enum { DATA = 0, HEADERS = 1, RST = 3, SETTINGS = 4, GOAWAY = 7, WINDOW = 8 };
enum { END_STREAM = 1, END_HEADERS = 4 };

static void
frame(struct buf *out, unsigned type, unsigned flags, uint32_t stream, struct span payload)
{
	const char head[9] = {(char)(payload.n >> 16), (char)(payload.n >> 8), (char)payload.n,
		(char)type, (char)flags, (char)(stream >> 24), (char)(stream >> 16),
		(char)(stream >> 8), (char)stream};

	buf_add(out, (struct span){head, sizeof(head)});
	buf_add(out, payload);
}

static void
field(struct buf *out, struct span name, struct span value)
{
	buf_addc(out, '\x10');
	buf_addc(out, (char)name.n);
	buf_add(out, name);
	buf_addc(out, (char)value.n);
	buf_add(out, value);
}

static void
get(struct buf *out, uint32_t stream, const char *path)
{
	AUTO_BUF block = BUF_INIT(4096);

	field(&block, SPAN(":method"), SPAN("GET"));
	field(&block, SPAN(":scheme"), SPAN("https"));
	field(&block, SPAN(":authority"), SPAN("h"));
	field(&block, SPAN(":path"), span_of(path));
	frame(out, HEADERS, END_STREAM | END_HEADERS, stream, buf_span(&block));
}

static void
hello(struct buf *out, struct span window)
{
	buf_add(out, SPAN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
	frame(out, SETTINGS, 0, 0, window);
	frame(out, WINDOW, 0, 0, SPAN("\x00\x40\x00\x00"));
}

#define WIDE SPAN("\x00\x04\x00\x40\x00\x00") /* INITIAL_WINDOW_SIZE 4 MiB */
#define SHUT SPAN("\x00\x04\x00\x00\x00\x00") /* 0 */

static struct conn *
the_conn(struct world *w)
{
	return (struct conn *)(void *)w->env.conns.next;
}

static void
begin(struct world *w)
{
	world_begin(w);
	the_conn(w)->tls->http2 = true;
}

struct seen {
	unsigned heads, ends, resets, goaways;
	uint32_t code; /* of the last reset or goaway */
	size_t data;
};

static uint32_t
number(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static struct seen
look(const struct world *w)
{
	struct span rest = buf_span(&w->got);
	struct seen s = {0};

	while (rest.n >= 9) {
		size_t n = number(rest.p) >> 8;
		unsigned type = (unsigned char)rest.p[3];
		unsigned flags = (unsigned char)rest.p[4];
		const char *payload = rest.p + 9;
		assert_true(rest.n >= 9 + n);
		s.heads += type == HEADERS;
		s.data += type == DATA ? n : 0;
		s.ends += (type == DATA || type == HEADERS) && (flags & END_STREAM) != 0;
		s.resets += type == RST;
		s.goaways += type == GOAWAY;
		if (type == RST)
			s.code = number(payload);
		if (type == GOAWAY)
			s.code = number(payload + 4);
		rest = span_skip(rest, 9 + n);
	}
	assert_int_equal(rest.n, 0);
	return s;
}

/* Forty at once: sixteen hold buffers, all are answered, each by itself noted. */
static void
many(void **state)
{
	struct world w;
	AUTO_BUF out = BUF_INIT(1 << 16);

	(void)state;
	begin(&w);
	w.keep = true;
	hello(&out, WIDE);
	get(&out, 1,
		"/data/x/small"); /* the test's gate answers one at a time, these two are kept */
	say(&w, buf_span(&out), SIZE_MAX);
	buf_reset(&out);
	get(&out, 3, "/data/x/big");
	say(&w, buf_span(&out), SIZE_MAX);
	buf_reset(&out);
	for (uint32_t i = 2; i < 40; i++)
		get(&out, 2 * i + 1, i % 4 == 3 ? "/data/x/big" : "/data/x/small");
	say(&w, buf_span(&out), SIZE_MAX);
	struct seen s = look(&w);
	assert_int_equal(s.heads, 40);
	assert_int_equal(s.ends, 40);
	assert_int_equal(s.resets, 0);
	assert_int_equal(s.data, (size_t)11 * BIG + (size_t)29 * SMALL);
	assert_int_equal(w.n_done, 40);
	assert_int_equal(w.done.result, HTTP_COMPLETE);
	assert_int_equal(w.env.n_conns, 1);
	assert_null(the_conn(&w)->in);
	assert_null(the_conn(&w)->out.buf);
	world_end(&w);
}

/* Byte by byte, and what is not there. */
static void
pieces(void **state)
{
	struct world w;
	AUTO_BUF out = BUF_INIT(1 << 16);

	(void)state;
	begin(&w);
	hello(&out, WIDE);
	get(&out, 1, "/data/x/small");
	get(&out, 3, "/nothing");
	say(&w, buf_span(&out), 1);
	struct seen s = look(&w);
	assert_int_equal(s.heads, 2);
	assert_int_equal(s.ends, 2);
	world_end(&w);
}

/* A stream that is cut, by us or by the client; the other one goes on. */
static void
cuts(void **state)
{
	enum how { CHANGED, RESET, STALLED, CLOSED };
	static const struct {
		const char *name;
		enum how how;
		uint32_t code;
		enum http_result want;
	} rows[] = {
		{"the file changes", CHANGED, 2, HTTP_BROKEN},
		{"the client resets it", RESET, 0, HTTP_CLIENT_GONE},
		{"the window stays shut", STALLED, 2, HTTP_CLIENT_GONE},
		{"the client goes", CLOSED, 0, HTTP_CLIENT_GONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;
		AUTO_BUF out = BUF_INIT(1 << 16);
		CHECK_ROW(rows[i].name);
		begin(&w);
		hello(&out, SHUT);
		get(&out, 1, "/data/x/big");
		w.mute = true;
		say(&w, buf_span(&out), SIZE_MAX);
		struct conn *inner = w.asking;
		w.mute = false;
		settle(&w);
		assert_int_equal(w.n_done, 0);
		assert_int_equal(look(&w).data, 0);
		buf_reset(&out);
		if (rows[i].how == CHANGED) {
			assert_int_equal(pwrite(w.big.fd, "x", 1, 0), 1);
			frame(&out, WINDOW, 0, 1, SPAN("\x00\x40\x00\x00"));
		} else if (rows[i].how == RESET) {
			frame(&out, RST, 0, 1, SPAN("\x00\x00\x00\x08"));
		} else if (rows[i].how == STALLED) {
			assert_int_equal(inner->deadline, CONN_T_RATE);
			inner->timer.fn(inner->timer.arg);
		} else {
			assert_int_equal(shutdown(w.client, SHUT_RDWR), 0);
		}
		if (rows[i].how != CLOSED)
			get(&out, 3, "/nothing");
		say(&w, buf_span(&out), SIZE_MAX);
		settle(&w);
		assert_int_equal(w.n_done, 1);
		assert_int_equal(w.done.result, rows[i].want);
		assert_true(w.done.bytes < BIG);
		if (rows[i].how != CLOSED) {
			struct seen s = look(&w);
			assert_int_equal(s.heads, 2);
			assert_int_equal(s.ends, 0); /* the window of the second is shut too */
			assert_int_equal(s.resets, rows[i].code != 0);
			assert_int_equal(s.code, rows[i].code);
		}
		assert_int_equal(w.env.n_conns, rows[i].how != CLOSED);
		world_end(&w);
	}
}

/* Idle, it says goodbye; draining, after the stream that is there. */
static void
goodbye(void **state)
{
	(void)state;
	for (int drain = 0; drain < 2; drain++) {
		struct world w;
		AUTO_BUF out = BUF_INIT(1 << 16);
		begin(&w);
		hello(&out, WIDE);
		get(&out, 1, "/data/x/small");
		w.mute = drain != 0;
		say(&w, buf_span(&out), SIZE_MAX);
		if (drain != 0) {
			conn_env_drain(&w.env);
			settle(&w);
			assert_int_equal(look(&w).goaways, 1);
			assert_false(w.closed);
			w.mute = false;
		} else {
			assert_int_equal(the_conn(&w)->deadline, CONN_T_IDLE);
			the_conn(&w)->timer.fn(the_conn(&w)->timer.arg);
		}
		settle(&w);
		struct seen s = look(&w);
		assert_int_equal(s.ends, 1);
		assert_int_equal(s.goaways, 1);
		assert_int_equal(s.code, 0);
		assert_true(w.closed);
		world_end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many),
		cmocka_unit_test(pieces),
		cmocka_unit_test(cuts),
		cmocka_unit_test(goodbye),
	};
	return cmocka_run_group_tests_name("conn_h2", tests, NULL, NULL);
}
