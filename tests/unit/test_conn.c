/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn.h"

#include "tests/unit/granted.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

/* ---- the double of agent/http/tls.c: plain bytes over a socketpair ---- */

struct tls {
	int fd;
};

bool
tls_new(struct tls_ctx *c, int fd, struct tls **ret, struct err *e)
{
	(void)c;
	(void)e;
	*ret = malloc(sizeof(**ret));
	(*ret)->fd = fd;
	return true;
}

void
tls_free(struct tls *t)
{
	free(t);
}

void
tls_wake(struct tls *t, bool peer_closed)
{
	(void)t;
	(void)peer_closed;
}

enum step
tls_handshake(struct tls *t, struct err *e)
{
	(void)t;
	(void)e;
	return STEP_DONE;
}

enum step
tls_read(struct tls *t, char *buf, size_t cap, size_t *ret_n, struct err *e)
{
	ssize_t n = recv(t->fd, buf, cap, MSG_DONTWAIT);

	(void)e;
	if (n < 0)
		return errno == EAGAIN ? STEP_READ : STEP_FAIL;
	*ret_n = (size_t)n;
	return STEP_DONE;
}

enum step
tls_write(struct tls *t, struct span bytes, size_t *ret_n, struct err *e)
{
	ssize_t n = send(t->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)e;
	if (n < 0)
		return errno == EAGAIN ? STEP_WRITE : STEP_FAIL;
	*ret_n = (size_t)n;
	return STEP_DONE;
}

enum step
tls_push(struct tls *t, struct err *e)
{
	(void)t;
	(void)e;
	return STEP_DONE;
}

size_t
tls_pending(const struct tls *t)
{
	(void)t;
	return 0;
}

void
tls_close(struct tls *t)
{
	(void)t;
}

/* ---- a worker with one connection, and a gate that the test answers for ---- */

#define SMALL 20U
#define BIG   300000U

struct world {
	struct loop loop;
	struct conn_env env;
	struct settings_limits limits;
	uint64_t epoch;
	struct granted small, big;
	int client;
	struct buf got;
	bool closed;
	/* the question in flight */
	struct conn *asking;
	enum http_method method;
	char path[64];
	struct buf body;
	bool keep, mute, deny;
	unsigned n_stale; /* so many answers carry the grant of the last epoch */
	unsigned n_asks, n_forgotten, n_done, n_closed;
	struct http_done done;
	int n_identities;
};

static bool
on_ask(void *arg, struct conn *c, struct http_ask *q)
{
	struct world *w = arg;

	q->id = ++w->n_asks;
	w->asking = c;
	w->method = q->method;
	buf_reset(&w->body);
	buf_add(&w->body, q->body);
	return span_cstr(q->path, w->path, sizeof(w->path));
}

static void
on_forget(void *arg, uint64_t id)
{
	struct world *w = arg;

	assert_int_equal(id, w->n_asks);
	w->asking = NULL;
	w->n_forgotten++;
}

static void
on_done(void *arg, const struct http_done *d)
{
	struct world *w = arg;

	w->n_done++;
	w->done = *d;
}

static bool
on_identity(void *arg, uint64_t was, uint64_t is)
{
	struct world *w = arg;

	if (is != 0 && w->n_identities >= 1 && was == 0)
		return false;
	w->n_identities += (is != 0) - (was != 0);
	return true;
}

static void
on_closed(void *arg, struct conn *c)
{
	(void)c;
	((struct world *)arg)->n_closed++;
}

/* The same files under the epoch of now. */
static void
regrant(struct world *w)
{
	struct granted *files[] = {&w->small, &w->big};

	for (size_t i = 0; i < 2; i++) {
		struct grant_info info = *grant_info(files[i]->grant);
		int fd = fcntl(files[i]->fd, F_DUPFD_CLOEXEC, 0);
		if (info.epoch == w->epoch)
			continue;
		info.epoch = w->epoch;
		info.decision++;
		grant_unref(files[i]->grant);
		assert_true(grant_issue(&fd, &info, &files[i]->grant, NULL));
	}
}

static void
answer(struct world *w)
{
	struct http_answer a = {.status = 404, .body = HTTP_INLINE, .text = SPAN("no such file\n")};
	struct conn *c = w->asking;

	if (c == NULL || w->mute)
		return;
	w->asking = NULL;
	if (w->n_stale > 0)
		w->n_stale--;
	else
		regrant(w);
	a.fields = SPAN("Content-Type: text/plain\r\n");
	if (w->method == HTTP_PROPFIND) {
		a.status = 207;
		a.text = buf_span(&w->body);
	} else if (!w->deny &&
		   (strcmp(w->path, "/data/x/small") == 0 || strcmp(w->path, "/data/x/big") == 0)) {
		struct granted *g = w->path[8] == 's' ? &w->small : &w->big;
		a = (struct http_answer){.status = 200,
			.body = HTTP_FILE,
			.fields = a.fields,
			.grant = grant_ref(g->grant),
			.ranges = true,
			.keep = w->keep};
	}
	conn_answered(c, &a);
}

static void
world_begin(struct world *w)
{
	static const struct span own[] = {SPAN_INIT("h")};
	static const uint8_t seed[16];
	static const uint8_t peer[16];
	int pair[2];

	*w = (struct world){.limits = {1, 1, 1, 1, 1024, 100, 100, 100, 1, 16},
		.epoch = GRANTED_EPOCH,
		.got = BUF_INIT(4 << 20),
		.body = BUF_INIT(1 << 20)};
	assert_true(loop_init(&w->loop, NULL));
	w->env = (struct conn_env){.loop = &w->loop,
		.limits = &w->limits,
		.own = own,
		.n_own = 1,
		.epoch = &w->epoch,
		.gate = {w, on_ask, on_forget, on_done, on_identity, on_closed}};
	assert_true(conn_env_init(&w->env, NULL));
	assert_true(kept_new(4, seed, &w->env.kept, NULL));
	w->small = granted_make(SMALL);
	w->big = granted_make(BIG);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	w->client = pair[0];
	assert_true(conn_new(&w->env, pair[1], peer, NULL));
}

static void
world_end(struct world *w)
{
	conn_env_fini(&w->env);
	kept_free(w->env.kept);
	loop_fini(&w->loop);
	granted_end(&w->small);
	granted_end(&w->big);
	buf_fini(&w->got);
	buf_fini(&w->body);
	(void)close(w->client);
}

static void
drink(struct world *w)
{
	char p[65536];

	for (;;) {
		ssize_t n = recv(w->client, p, sizeof(p), MSG_DONTWAIT);
		if (n == 0)
			w->closed = true;
		if (n <= 0)
			return;
		buf_add(&w->got, (struct span){p, (size_t)n});
	}
}

/* Turns until nothing moves any more. */
static void
settle(struct world *w)
{
	for (int still = 0; still < 4; still++) {
		size_t before = w->got.n;
		unsigned asks = w->n_asks;
		assert_true(loop_turn(&w->loop, 0, NULL));
		answer(w);
		drink(w);
		if (w->got.n != before || w->n_asks != asks)
			still = -1;
	}
}

static void
say(struct world *w, struct span text, size_t step)
{
	while (text.n > 0 && !w->closed) {
		struct span now = span_first(text, step);
		ssize_t n = send(w->client, now.p, now.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return;
		text = span_skip(text, n > 0 ? (size_t)n : 0);
		settle(w);
	}
	settle(w);
}

/* "200 404 ", the statuses of what came. */
static void
statuses(struct span got, char *ret)
{
	const char *at = got.p;
	size_t left = got.n;

	*ret = '\0';
	while (left > 0 && (at = memmem(at, left, "HTTP/1.1 ", 9)) != NULL) {
		memcpy(ret, at + 9, 4);
		ret += 4;
		*ret = '\0';
		at += 9;
		left = (size_t)(got.p + got.n - at);
	}
}

#define GET(path)   "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define WITH(field) "GET /data/x/small HTTP/1.1\r\nHost: h\r\n" field "\r\n\r\n"

struct row {
	const char *name, *in, *statuses;
	bool closed;
	const char *has, *lacks; /* NULL: not looked for */
	unsigned asks;
};

static const struct row rows[] = {
	{"one file", GET("/data/x/small"), "200 ", false, "Content-Length: 20\r\n",
		"Connection:", 1},
	{"missing", GET("/data/x/none"), "404 ", false, "no such file", NULL, 1},
	{"unknown path", GET("/other"), "404 ", false, "problem+json", NULL, 0},
	{"head", "HEAD /data/x/none HTTP/1.1\r\nHost: h\r\n\r\n", "404 ", false,
		"Content-Length: 13\r\n", "no such", 1},
	{"close is obeyed", WITH("Connection: close"), "200 ", true, "Connection: close", NULL, 1},
	{"three in one go", GET("/data/x/small") GET("/data/x/none") GET("/data/x/small"),
		"200 404 200 ", false, NULL, NULL, 3},
	{"another host", "GET /data/x/small HTTP/1.1\r\nHost: other\r\n\r\n", "421 ", false, NULL,
		NULL, 0},
	{"no host", "GET /data/x/small HTTP/1.1\r\n\r\n" GET("/data/x/small"), "400 ", true, NULL,
		NULL, 0},
	{"bad path", GET("/data/../x") GET("/data/x/small"), "400 ", true, NULL, NULL, 0},
	{"wrong method, body dropped",
		"POST /data/x/small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /" GET(
			"/data/x/small"),
		"405 200 ", false, "Allow: GET", NULL, 1},
	{"wrong method, chunked body dropped",
		"POST /data/x/small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nGET\r\n0\r\n\r\n" GET("/data/x/small"),
		"405 200 ", false, NULL, NULL, 1},
	{"wrong method, broken chunks",
		"POST /data/x/small HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nGETTT\r\n0\r\n\r\n" GET("/data/x/small"),
		"405 ", true, NULL, NULL, 0},
	{"wrong method, body too long to drop",
		"POST /data/x/small HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", "405 ",
		true, "Connection: close", NULL, 0},
	{"wrong method, body held back",
		"PUT /data/x/small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
		"Expect: 100-continue\r\n\r\n",
		"405 ", true, NULL, "100 Continue", 0},
	{"propfind", "PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n<a/>",
		"207 ", false, "<a/>", NULL, 1},
	{"propfind without body", "PROPFIND /data/x HTTP/1.1\r\nHost: h\r\n\r\n", "207 ", false,
		"Content-Length: 0", NULL, 1},
	{"propfind in chunks, and the next",
		"PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\n<ab\r\n2;x=y\r\n/>\r\n0\r\nT: x\r\n\r\n" GET("/data/x/none"),
		"207 404 ", false, "<ab/>", NULL, 2},
	{"propfind with broken chunks",
		"PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"-3\r\n<ab",
		"400 ", true, NULL, NULL, 0},
	{"propfind too long",
		"PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n", "413 ",
		true, NULL, NULL, 0},
	{"body of a GET is not a request",
		"GET /data/x/small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /", "200 ",
		false, NULL, NULL, 1},
	{"options", "OPTIONS /data/x/small HTTP/1.1\r\nHost: h\r\n\r\n", "200 ", false, "DAV: 1",
		NULL, 0},
	{"options of the server", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "200 ", false,
		"Allow:", NULL, 0},
	{"garbage", "\x16\x03\x01\r\n\r\n", "400 ", true, NULL, NULL, 0},
	{"range", WITH("Range: bytes=2-4"), "206 ", false, "Content-Range: bytes 2-4/20\r\n", NULL,
		1},
	{"ranges", WITH("Range: bytes=0-1,5-6"), "206 ", false,
		"multipart/byteranges; boundary=", NULL, 1},
	{"range outside", WITH("Range: bytes=20-"), "416 ", false, "Content-Range: bytes */20\r\n",
		NULL, 1},
	{"two ranges fields", WITH("Range: bytes=0-1\r\nRange: bytes=0-2"), "200 ", false, NULL,
		NULL, 1},
	{"range of HEAD", "HEAD /data/x/small HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\n\r\n",
		"200 ", false, "Content-Length: 20\r\n", NULL, 1},
	{"same etag", WITH("If-None-Match: \"abc\""), "304 ", false, "ETag: \"abc\"",
		"Content-Length", 1},
	{"other etag demanded", WITH("If-Match: \"x\""), "412 ", false, NULL, NULL, 1},
	{"if-range with another etag", WITH("Range: bytes=0-1\r\nIf-Range: \"x\""), "200 ", false,
		NULL, NULL, 1},
	{"HTTP/1.0", "GET /data/x/small HTTP/1.0\r\n\r\n", "200 ", true, NULL, NULL, 1},
};

static void
check_row(const struct row *r, size_t step)
{
	struct world w;
	char seen[256];

	world_begin(&w);
	say(&w, span_of(r->in), step);
	statuses(buf_span(&w.got), seen);
	assert_string_equal(seen, r->statuses);
	assert_int_equal(w.closed, r->closed);
	assert_int_equal(w.n_asks, r->asks);
	if (r->has != NULL && memmem(w.got.p, w.got.n, r->has, strlen(r->has)) == NULL)
		fail_msg("no \"%s\" in %.*s", r->has, SPAN_ARG(buf_span(&w.got)));
	if (r->lacks != NULL && memmem(w.got.p, w.got.n, r->lacks, strlen(r->lacks)) != NULL)
		fail_msg("\"%s\" in %.*s", r->lacks, SPAN_ARG(buf_span(&w.got)));
	world_end(&w);
	assert_int_equal(w.n_closed, 1);
}

static void
exchanges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		check_row(&rows[i], SIZE_MAX);
		check_row(&rows[i], 1);
	}
}

static void
continues(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	say(&w,
		SPAN("PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
		     "Expect: 100-continue\r\n\r\n"),
		SIZE_MAX);
	CHECK_ROW("100 comes before the body, and nothing else");
	check_span(buf_span(&w.got), "HTTP/1.1 100 Continue\r\n\r\n");
	say(&w, SPAN("<a/>"), SIZE_MAX);
	assert_non_null(memmem(w.got.p, w.got.n, "HTTP/1.1 207", 12));
	world_end(&w);
}

static void
big_file(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	say(&w, SPAN(GET("/data/x/big") GET("/data/x/none")), SIZE_MAX);
	CHECK_ROW("all bytes, then the next answer, and a note");
	const char *body = memmem(w.got.p, w.got.n, "\r\n\r\n", 4);
	assert_non_null(body);
	for (size_t i = 0; i < BIG; i++) {
		if (body[4 + i] != granted_byte(i))
			fail_msg("byte %zu differs", i);
	}
	assert_memory_equal(body + 4 + BIG, "HTTP/1.1 404", 12);
	assert_int_equal(w.n_done, 1);
	assert_int_equal(w.done.result, HTTP_COMPLETE);
	assert_int_equal(w.done.bytes, BIG);
	assert_int_equal(w.done.last, BIG - 1);
	assert_int_equal(w.done.decision, 42);
	world_end(&w);
}

/* The client reads nothing, so that the transfer stands; then something happens. */
static void
stalled(struct world *w)
{
	int small = 4096;

	world_begin(w);
	(void)setsockopt(w->client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	struct conn *c = (struct conn *)(void *)w->env.conns.next;
	(void)setsockopt(c->watch.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	assert_int_equal(send(w->client, GET("/data/x/big"), sizeof(GET("/data/x/big")) - 1, 0),
		sizeof(GET("/data/x/big")) - 1);
	for (int i = 0; i < 4; i++) {
		assert_true(loop_turn(&w->loop, 0, NULL));
		answer(w);
	}
	assert_int_equal(w->n_done, 0);
}

static void
cut_short(void **state)
{
	enum what { TRUNCATE, REVOKE, REPLACE, LEAVE };
	static const struct {
		const char *name;
		enum what what;
		enum http_result want;
	} cuts[] = {
		{"the file is truncated", TRUNCATE, HTTP_BROKEN},
		{"the policy changes, and says no", REVOKE, HTTP_CUT},
		{"the policy changes, and so did the file", REPLACE, HTTP_CUT},
		{"the client goes away", LEAVE, HTTP_CLIENT_GONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct world w;
		CHECK_ROW(cuts[i].name);
		stalled(&w);
		if (cuts[i].what == TRUNCATE)
			assert_int_equal(ftruncate(w.big.fd, BIG / 2), 0);
		w.deny = cuts[i].what == REVOKE;
		if (cuts[i].what == REVOKE || cuts[i].what == REPLACE)
			w.epoch++;
		if (cuts[i].what == REPLACE)
			assert_int_equal(pwrite(w.big.fd, "x", 1, 0), 1);
		if (cuts[i].what == LEAVE)
			(void)shutdown(w.client, SHUT_RDWR);
		settle(&w);
		assert_int_equal(w.env.n_conns, 0);
		assert_int_equal(w.n_done, 1);
		assert_int_equal(w.done.result, cuts[i].want);
		assert_true(w.done.bytes < BIG);
		assert_true(w.got.n < BIG);
		world_end(&w);
	}
}

static void
is_whole_big(const struct world *w)
{
	const char *body = memmem(w->got.p, w->got.n, "\r\n\r\n", 4);

	assert_non_null(body);
	assert_true((size_t)(w->got.p + w->got.n - body) >= 4 + BIG);
	for (size_t i = 0; i < BIG; i++) {
		if (body[4 + i] != granted_byte(i))
			fail_msg("byte %zu differs", i);
	}
}

static void
go_on(unsigned n_stale)
{
	struct world w;

	stalled(&w);
	w.epoch++;
	w.n_stale = n_stale;
	int64_t start = w.loop.now;
	while (w.n_done == 0 && w.loop.now - start < 3000) {
		assert_true(loop_turn(&w.loop, 10, NULL));
		answer(&w);
		drink(&w);
	}
	settle(&w);
	assert_int_equal(w.n_done, 1);
	assert_int_equal(w.done.result, HTTP_COMPLETE);
	assert_int_equal(w.done.bytes, BIG);
	assert_int_equal(w.done.decision, 43); /* the one in force at the end */
	assert_int_equal(w.n_asks, 2 + n_stale);
	is_whole_big(&w);
	world_end(&w);
}

static void
goes_on(void **state)
{
	(void)state;
	CHECK_ROW("the policy changes, and still says yes");
	go_on(0);
	CHECK_ROW("the first answers are of the gate that is leaving");
	go_on(2);
}

/* The buffers of idle connections wait for the next one without the credentials of the last. */
static void
forgets_credentials(void **state)
{
	static const char two[] = WITH("Authorization: Bearer secret-token")
		WITH("Authorization: Bearer other-secret");
	struct world w;

	(void)state;
	for (size_t step = 7; step < 1000; step += 992) {
		world_begin(&w);
		w.env.in.free[0] = calloc(1, CONN_IN_SIZE);
		w.env.in.n = 1;
		say(&w, (struct span){two, sizeof(two) - 1}, step);
		assert_int_equal(w.n_asks, 2);
		assert_int_equal(w.env.in.n, 1);
		assert_null(memmem(w.env.in.free[0], CONN_IN_SIZE, "secret", 6));
		world_end(&w);
	}
}

static void
kept(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	w.keep = true;
	say(&w, SPAN(GET("/data/x/small") GET("/data/x/small")), SIZE_MAX);
	CHECK_ROW("the second is not asked, but noted");
	assert_int_equal(w.n_asks, 1);
	assert_int_equal(w.n_done, 2);
	w.epoch++;
	say(&w, SPAN(GET("/data/x/none")), SIZE_MAX);
	say(&w, SPAN(GET("/data/x/small")), SIZE_MAX);
	CHECK_ROW("after the epoch has moved it is asked again");
	assert_int_equal(w.n_asks, 3);
	world_end(&w);
}

static void
gate_away(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	w.mute = true;
	say(&w, SPAN(GET("/data/x/small") GET("/data/x/none")), SIZE_MAX);
	assert_int_equal(w.n_asks, 1);
	assert_int_equal(w.got.n, 0);
	CHECK_ROW("no answer in time: 503, and the connection stays");
	struct conn *c = w.asking;
	w.asking = NULL;
	conn_unanswered(c);
	settle(&w);
	assert_non_null(memmem(w.got.p, w.got.n, "Retry-After", 11));
	assert_int_equal(w.n_asks, 2);
	CHECK_ROW("a client that leaves takes its question back");
	(void)shutdown(w.client, SHUT_RDWR);
	settle(&w);
	assert_int_equal(w.n_forgotten, 1);
	assert_int_equal(w.env.n_conns, 0);
	world_end(&w);
}

static void
wait_closed(struct world *w)
{
	int64_t start = w->loop.now;

	while (!w->closed && w->loop.now - start < 4000) {
		assert_true(loop_turn(&w->loop, 100, NULL));
		drink(w);
	}
	assert_true(w->closed);
}

static void
deadlines(void **state)
{
	static const struct {
		const char *name, *in, *has; /* NULL: closed without a word */
	} late[] = {
		{"nothing comes", "", NULL},
		{"a head that does not end", "GET / HTT", "HTTP/1.1 408"},
		{"idle after an answer", GET("/data/x/none"), NULL},
		{"a body that does not come",
			"PROPFIND /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx",
			"HTTP/1.1 408"},
		{"a dropped body that does not come",
			"POST /data/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		struct world w;
		CHECK_ROW(late[i].name);
		world_begin(&w);
		say(&w, span_of(late[i].in), SIZE_MAX);
		assert_false(w.closed);
		buf_reset(&w.got);
		wait_closed(&w);
		if (late[i].has != NULL)
			assert_non_null(memmem(w.got.p, w.got.n, late[i].has, strlen(late[i].has)));
		else
			assert_int_equal(w.got.n, 0);
		world_end(&w);
	}
}

static void
identities(void **state)
{
	struct world w;
	char seen[64];

	(void)state;
	world_begin(&w);
	say(&w,
		SPAN(WITH("Authorization: Bearer a") WITH("Authorization: Bearer a")
				GET("/data/x/small") WITH("Authorization: Bearer b")),
		SIZE_MAX);
	CHECK_ROW("a connection counts for one credential, the last it used");
	statuses(buf_span(&w.got), seen);
	assert_string_equal(seen, "200 200 200 200 ");
	assert_int_equal(w.n_identities, 1);
	world_end(&w);
	assert_int_equal(w.n_identities, 0);

	world_begin(&w);
	w.n_identities = 1; /* another connection has it */
	say(&w, SPAN(WITH("Authorization: Bearer a") GET("/data/x/small")), SIZE_MAX);
	CHECK_ROW("too many connections of one credential");
	statuses(buf_span(&w.got), seen);
	assert_string_equal(seen, "429 200 ");
	assert_non_null(memmem(w.got.p, w.got.n, "Retry-After", 11));
	world_end(&w);
	assert_int_equal(w.n_identities, 1);
}

static void
drains(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	say(&w, SPAN(GET("/data/x/none")), SIZE_MAX);
	conn_env_drain(&w.env);
	settle(&w);
	CHECK_ROW("an idle connection is closed");
	assert_true(w.closed);
	world_end(&w);

	world_begin(&w);
	w.mute = true;
	say(&w, SPAN(GET("/data/x/small")), SIZE_MAX);
	conn_env_drain(&w.env);
	w.mute = false;
	settle(&w);
	CHECK_ROW("a request in work is answered, and told that it was the last");
	assert_true(w.closed);
	assert_non_null(memmem(w.got.p, w.got.n, "Connection: close", 17));
	assert_non_null(memmem(w.got.p, w.got.n, "HTTP/1.1 200", 12));
	world_end(&w);
}

static void
holds_nothing(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	say(&w, SPAN(GET("/data/x/big")), SIZE_MAX);
	const struct conn *c = (const struct conn *)(const void *)w.env.conns.next;
	CHECK_ROW("an idle connection holds no buffer");
	assert_null(c->in);
	assert_null(c->req);
	assert_null(c->out.buf);
	world_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges),
		cmocka_unit_test(continues),
		cmocka_unit_test(big_file),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(goes_on),
		cmocka_unit_test(forgets_credentials),
		cmocka_unit_test(kept),
		cmocka_unit_test(gate_away),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(identities),
		cmocka_unit_test(drains),
		cmocka_unit_test(holds_nothing),
	};
	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
