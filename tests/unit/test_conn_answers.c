/* SPDX-License-Identifier: Apache-2.0 */
/* How answers go out, and what ends them. */
#include "tests/unit/conn_world.h"

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
	assert_string_equal(w->who, "|||||");
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
	assert_string_equal(w.who, "|||||a"); /* its proof would be used up */
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

/* What caches may keep for everybody has a tag, by which they ask again. */
static void
tagged(void **state)
{
#define TAG      "\"RBNvo1WzZ4oRRq0W9-hkng\"" /* of {}: SHA-256, its first half */
#define ASK(how) "GET /data/x/public HTTP/1.1\r\nHost: h\r\n" how "\r\n\r\n"
	static const struct {
		const char *name;
		struct span ask;
		const char *status;
		bool type, tag, text;
	} asked[] = {
		{"new", SPAN_INIT(ASK("Accept: */*")), "200", true, true, true},
		{"HEAD", SPAN_INIT("HEAD /data/x/public HTTP/1.1\r\nHost: h\r\n\r\n"), "200", true,
			true, false},
		{"the same", SPAN_INIT(ASK("If-None-Match: " TAG)), "304", false, true, false},
		{"another", SPAN_INIT(ASK("If-None-Match: \"x\"")), "200", true, true, true},
		{"a wrong guess", SPAN_INIT(ASK("If-Match: \"x\"")), "412", true, false, false},
		{"not for everybody", SPAN_INIT(GET("/data/x/none")), "404", true, false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct world w;
		CHECK_ROW(asked[i].name);
		world_begin(&w);
		say(&w, asked[i].ask, SIZE_MAX);
		buf_addc(&w.got, '\0');
		assert_memory_equal(w.got.p + 9, asked[i].status, 3);
		assert_int_equal(strstr(w.got.p, "\r\nContent-Type: ") != NULL, asked[i].type);
		assert_int_equal(strstr(w.got.p, "\r\nETag: " TAG "\r\n") != NULL, asked[i].tag);
		assert_int_equal(strstr(w.got.p, "\r\n\r\n{}") != NULL, asked[i].text);
		world_end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(big_file),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(goes_on),
		cmocka_unit_test(kept),
		cmocka_unit_test(gate_away),
		cmocka_unit_test(drains),
		cmocka_unit_test(holds_nothing),
		cmocka_unit_test(tagged),
	};
	return cmocka_run_group_tests_name("conn_answers", tests, NULL, NULL);
}
