/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies under a rate class, and bodies whose grant ends while they are under way. */
#include "tests/unit/conn_world.h"

static struct conn *
the_conn(struct world *w)
{
	return (struct conn *)(void *)w->env.conns.next;
}

static void
begin(struct world *w, uint32_t streams, uint32_t mbit, uint32_t requests)
{
	world_begin(w);
	w->rate = (struct grant_rate){.name = "bulk",
		.who = {1},
		.streams = streams,
		.mbit = mbit,
		.requests_per_min = requests};
	w->epoch++; /* regrant() brings the rate along */
}

static bool
got(const struct world *w, const char *text)
{
	return memmem(w->got.p, w->got.n, text, strlen(text)) != NULL;
}

/* ---- rate classes ---- */

static void
requests(void **state)
{
	static const struct {
		const char *name;
		struct span ask;
		const char *want;
		bool note; /* of the refusal */
	} rows[] = {
		{"files", SPAN_INIT(GET("/data/x/small") GET("/data/x/small") GET("/data/x/small")),
			"200 200 429 ", true},
		{"HEAD counts",
			SPAN_INIT("HEAD /data/x/small HTTP/1.1\r\nHost: h\r\n\r\n" GET(
				"/data/x/small") GET("/data/x/small")),
			"200 200 429 ", true},
		{"304 and 416 count",
			SPAN_INIT(WITH("If-None-Match: \"abc\"") WITH("Range: bytes=900-")
					GET("/data/x/small")),
			"304 416 429 ", true},
		{"what the gate wrote counts",
			SPAN_INIT(
				GET("/data/x/public") GET("/data/x/public") GET("/data/x/public")),
			"200 200 429 ", false},
		{"a refusal of the gate does not",
			SPAN_INIT(GET("/data/x/none") GET("/data/x/small") GET("/data/x/small")),
			"404 200 200 ", false},
	};
	(void)state;
	for (int keep = 0; keep < 2; keep++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct world w;
			char list[64];
			CHECK_ROW(rows[i].name);
			begin(&w, 0, 0, 2);
			w.keep = keep > 0; /* a grant that is kept counts, too */
			say(&w, rows[i].ask, SIZE_MAX);
			statuses(buf_span(&w.got), list);
			assert_string_equal(list, rows[i].want);
			if (strstr(list, "429") != NULL) {
				assert_true(got(&w, "\r\nRetry-After: 30\r\n"));
				assert_true(got(&w, "\r\nRateLimit: \"bulk\";r=1;t=30\r\n"));
				assert_true(got(&w, "\r\nRateLimit: \"bulk\";r=0;t=30\r\n"));
				assert_true(got(&w, "\r\nRateLimit-Policy: \"bulk\";q=2;w=60\r\n"));
				assert_true(got(&w, "Rate class bulk allows 2 requests a minute"));
				assert_true(got(&w, "\"rate\":{\"class\":\"bulk\","
						    "\"requests_per_min\":2},\"trace\":\""));
			}
			assert_int_equal(w.done.result, rows[i].note ? HTTP_CUT : HTTP_COMPLETE);
			assert_int_equal(w.done.why, rows[i].note ? HTTP_WHY_RATE : HTTP_WHY_NONE);
			assert_int_equal(w.env.n_conns, 1); /* the connection stays */
			world_end(&w);
		}
}

/* Another connection of the same identity. */
static int
another(struct world *w)
{
	static const uint8_t peer[16];
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_true(conn_new(&w->env, pair[1], peer, NULL));
	return pair[0];
}

static void
send_all(int fd, struct span s)
{
	assert_int_equal(send(fd, s.p, s.n, MSG_NOSIGNAL), s.n);
}

static void
streams(void **state)
{
	struct world w;
	char answer_text[4096] = "";
	int small = 4096;

	(void)state;
	begin(&w, 1, 0, 0);
	(void)setsockopt(the_conn(&w)->watch.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	send_all(w.client, SPAN(GET("/data/x/big")));
	for (int i = 0; i < 4; i++) {
		assert_true(loop_turn(&w.loop, 0, NULL));
		answer(&w);
	}
	int other = another(&w);
	send_all(other, SPAN(GET("/data/x/small")));
	for (int i = 0; i < 4; i++) {
		assert_true(loop_turn(&w.loop, 0, NULL));
		answer(&w);
	}
	assert_true(recv(other, answer_text, sizeof(answer_text) - 1, 0) > 0);
	assert_non_null(strstr(answer_text, "HTTP/1.1 429 "));
	assert_non_null(strstr(answer_text, "\r\nRetry-After: 5\r\n"));
	assert_non_null(strstr(answer_text, "allows 1 downloads at a time"));
	assert_non_null(strstr(answer_text, "\"rate\":{\"class\":\"bulk\",\"streams\":1}"));
	/* HEAD has no body; and when the first has ended, the next may begin. */
	send_all(other, SPAN("HEAD /data/x/small HTTP/1.1\r\nHost: h\r\n\r\n"));
	for (int i = 0; i < 4; i++) {
		assert_true(loop_turn(&w.loop, 0, NULL));
		answer(&w);
	}
	memset(answer_text, 0, sizeof(answer_text));
	assert_true(recv(other, answer_text, sizeof(answer_text) - 1, 0) > 0);
	assert_non_null(strstr(answer_text, "HTTP/1.1 200 "));
	settle(&w);
	assert_true(w.got.n > BIG);
	send_all(other, SPAN(GET("/data/x/small")));
	settle(&w);
	memset(answer_text, 0, sizeof(answer_text));
	assert_true(recv(other, answer_text, sizeof(answer_text) - 1, 0) > 0);
	assert_non_null(strstr(answer_text, "HTTP/1.1 200 "));
	(void)close(other);
	world_end(&w);
}

/* A client that goes away in its body gives its place back. */
static void
place_given_back(void **state)
{
	struct world w;
	int small = 4096;

	(void)state;
	begin(&w, 1, 0, 0);
	(void)setsockopt(the_conn(&w)->watch.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	send_all(w.client, SPAN(GET("/data/x/big")));
	for (int i = 0; i < 4; i++) {
		assert_true(loop_turn(&w.loop, 0, NULL));
		answer(&w);
	}
	int other = another(&w);
	conn_close(the_conn(&w));
	assert_int_equal(w.done.result, HTTP_CLIENT_GONE);
	(void)close(w.client);
	w.client = other;
	say(&w, SPAN(GET("/data/x/small")), SIZE_MAX);
	assert_true(got(&w, "HTTP/1.1 200 "));
	world_end(&w);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 300 kB at 1 MB a second: 100 kB at once, the rest by timers, and no turn without need. */
static void
throttled(void **state)
{
	static const struct span asks[] = {SPAN_INIT(GET("/data/x/big")),
		SPAN_INIT("GET /data/x/big HTTP/1.1\r\nHost: h\r\n"
			  "Range: bytes=0-149999,150001-299999\r\n\r\n")};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		int turns = 0;
		begin(&w, 0, 8, 0);
		w.limits.min_rate = 1000000; /* who is throttled is not slow */
		int64_t from = now_ms();
		send_all(w.client, asks[i]);
		while (w.n_done == 0 && turns < 1000) {
			assert_true(loop_turn(&w.loop, 1000, NULL));
			answer(&w);
			drink(&w);
			turns++;
		}
		assert_int_equal(w.done.result, HTTP_COMPLETE);
		assert_true(w.got.n > 299999);
		assert_in_range(now_ms() - from, 150, 3000);
		assert_true(turns < 60);
		world_end(&w);
	}
}

/* The link is the limit, not a class. */
static void
linked(void **state)
{
	struct world w;
	uint64_t took = 0;

	(void)state;
	world_begin(&w);
	assert_true(share_new(16, 64, &w.env.share, NULL));
	w.rate = (struct grant_rate){.identity = 5};
	w.epoch++;
	w.limits.min_rate = 1000000;
	int64_t from = now_ms();
	say(&w, SPAN(GET("/data/x/big") GET("/data/x/big") GET("/data/x/small")), SIZE_MAX);
	for (int turns = 0; w.n_done < 3 && turns < 1000; turns++) {
		assert_true(loop_turn(&w.loop, 1000, NULL));
		answer(&w);
		drink(&w);
		took = (uint64_t)(now_ms() - from);
	}
	assert_int_equal(w.n_done, 3);
	assert_true(w.got.n > 2 * BIG);
	assert_in_range(took, 120, 3000); /* 600 KB, of which 256 KiB are the burst */
	assert_false(got(&w, "RateLimit"));
	settle(&w);
	assert_int_equal(share_count(w.env.share), 0);
	share_free(w.env.share);
	w.env.share = NULL;
	world_end(&w);
}

/* ---- grants that end ---- */

static void
stall_on(struct world *w, struct span request)
{
	int small = 4096;

	(void)setsockopt(w->client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)setsockopt(the_conn(w)->watch.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	send_all(w->client, request);
	for (int i = 0; i < 4; i++) {
		assert_true(loop_turn(&w->loop, 0, NULL));
		answer(w);
	}
	assert_int_equal(w->n_done, 0);
}

static void
stall(struct world *w)
{
	stall_on(w, SPAN(GET("/data/x/big")));
}

static void
finishing(void **state)
{
	enum then { NOTHING, OVERDUE, WITHDRAWN, PERMIT, EXPIRED, CHANGED };
	static const struct {
		const char *name;
		enum then then;
		unsigned asks;
		enum http_result want;
		enum http_why why;
	} rows[] = {
		{"it ends", NOTHING, 2, HTTP_COMPLETE, HTTP_WHY_NONE},
		{"it takes too long", OVERDUE, 2, HTTP_CUT, HTTP_WHY_OVERDUE},
		{"then the data are withdrawn", WITHDRAWN, 3, HTTP_CUT, HTTP_WHY_DENIED},
		{"then it is permitted again", PERMIT, 3, HTTP_COMPLETE, HTTP_WHY_NONE},
		{"the answer has its own end", EXPIRED, 3, HTTP_CUT, HTTP_WHY_DENIED},
		{"the file changes", CHANGED, 2, HTTP_BROKEN, HTTP_WHY_CHANGED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;
		CHECK_ROW(rows[i].name);
		world_begin(&w);
		w.keep = true;
		stall(&w);
		w.deny = true;
		w.epoch++;
		w.finish =
			(struct http_finish){.seconds = 10, .epoch = w.epoch, .expires = INT64_MAX};
		for (int k = 0; k < 50 && w.n_asks < 2; k++) { /* until the gate is asked */
			char some[2048];
			(void)recv(w.client, some, sizeof(some), MSG_DONTWAIT);
			assert_true(loop_turn(&w.loop, 0, NULL));
		}
		assert_int_equal(w.n_asks, 2);
		assert_string_equal(w.who, "|||||a");
		answer(&w);
		assert_int_equal(w.env.n_conns, 1);
		if (rows[i].then == OVERDUE)
			the_conn(&w)->req->started_ms -= 10000;
		if (rows[i].then == WITHDRAWN || rows[i].then == PERMIT)
			w.epoch++;
		if (rows[i].then == WITHDRAWN || rows[i].then == EXPIRED)
			w.finish = (struct http_finish){.seconds = 0};
		if (rows[i].then == EXPIRED)
			the_conn(&w)->req->finish.expires = 0;
		if (rows[i].then == CHANGED)
			assert_int_equal(pwrite(w.big.fd, "x", 1, 0), 1);
		w.deny = rows[i].then != PERMIT;
		settle(&w);
		assert_int_equal(w.n_asks, rows[i].asks);
		assert_int_equal(w.n_done, 1);
		assert_int_equal(w.done.result, rows[i].want);
		assert_int_equal(w.done.why, rows[i].why);
		/* A response that ended leaves the connection; the next one is refused. */
		if (rows[i].then == NOTHING) {
			assert_int_equal(w.done.bytes, BIG);
			w.got.n = 0;
			say(&w,
				SPAN("GET /data/x/big HTTP/1.1\r\nHost: h\r\n"
				     "Range: bytes=5-9\r\n\r\n"),
				SIZE_MAX);
			assert_true(got(&w, "HTTP/1.1 404 "));
			assert_string_equal(w.who, "|||||");
		} else if (rows[i].want != HTTP_COMPLETE) {
			assert_int_equal(w.env.n_conns, 0);
		}
		world_end(&w);
	}
}

/* Leave to finish that was given before the last change is asked for again, from the next gate. */
static void
stale_leave(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	stall(&w);
	w.deny = true;
	w.epoch++;
	w.finish = (struct http_finish){.seconds = 10, .epoch = w.epoch - 1, .expires = INT64_MAX};
	settle(&w);
	assert_int_equal(w.n_asks, 2);
	assert_int_equal(w.n_done, 0);
	w.finish.epoch = w.epoch;
	for (int k = 0; k < 8 && w.n_done == 0; k++) {
		assert_true(loop_turn(&w.loop, 300, NULL));
		settle(&w);
	}
	assert_int_equal(w.n_asks, 3);
	assert_int_equal(w.done.result, HTTP_COMPLETE);
	world_end(&w);
}

/* A grant that ends with time (next_change, an expired token): the body in work asks, once. */
static void
expires(void **state)
{
	static const struct span asks[] = {SPAN_INIT(GET("/data/x/big")),
		SPAN_INIT("GET /data/x/big HTTP/1.1\r\nHost: h\r\n"
			  "Range: bytes=0-149999,150001-299999\r\n\r\n")};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct world w;
		struct grant *ended = NULL;
		bool deny = i > 1;
		world_begin(&w);
		stall_on(&w, asks[i % 2]);
		struct grant_info info = *grant_info(w.big.grant);
		int fd = fcntl(w.big.fd, F_DUPFD_CLOEXEC, 0);
		info.expires = w.loop.utc;
		assert_true(grant_issue(&fd, &info, &ended, NULL));
		grant_unref(the_conn(&w)->req->out.grant);
		the_conn(&w)->req->out.grant = ended;
		w.deny = deny;
		settle(&w);
		assert_int_equal(w.n_asks, 2);
		assert_string_equal(w.who, "|||||a");
		assert_int_equal(w.n_done, 1);
		assert_int_equal(w.done.result, deny ? HTTP_CUT : HTTP_COMPLETE);
		assert_int_equal(w.done.why, deny ? HTTP_WHY_DENIED : HTTP_WHY_NONE);
		assert_int_equal(w.done.bytes >= 299999, !deny);
		assert_int_equal(w.env.n_conns, deny ? 0 : 1);
		world_end(&w);
	}
}

/* POL-18: what caches may keep never outlives the grant, also where the answer is an older one. */
static void
caching(void **state)
{
	static const struct {
		const char *name;
		uint32_t max_age;
		int64_t left;
		const char *want[2]; /* one of them: the second may have gone on */
	} rows[] = {
		{"the policy's", 60, 3600, {"Cache-Control: public, max-age=60\r\n", NULL}},
		{"until the next change", 60, 9,
			{"Cache-Control: public, max-age=9\r\n",
				"Cache-Control: public, max-age=8\r\n"}},
		{"none", 0, 3600, {"\r\n\r\n", NULL}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;
		CHECK_ROW(rows[i].name);
		world_begin(&w);
		w.keep = true;
		w.max_age = rows[i].max_age;
		w.expires = w.loop.utc + rows[i].left;
		w.epoch++;
		say(&w, SPAN(GET("/data/x/small")), SIZE_MAX);
		for (int k = 0; k < 3; k++) { /* then from the kept one: whole, a part, unchanged */
			static const struct span again[] = {SPAN_INIT(WITH("A: b")),
				SPAN_INIT(WITH("Range: bytes=0-1,5-6")),
				SPAN_INIT(WITH("If-None-Match: \"abc\""))};
			assert_true(got(&w, rows[i].want[0]) ||
				    (rows[i].want[1] != NULL && got(&w, rows[i].want[1])));
			assert_int_equal(got(&w, "Cache-Control"), rows[i].max_age > 0);
			w.got.n = 0;
			say(&w, again[k], SIZE_MAX);
		}
		assert_int_equal(w.n_asks, 1);
		world_end(&w);
	}
}

/* ---- audit:full ---- */

static void
full(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w);
	w.audit_from = sizeof("/data/x/") - 1;
	w.epoch++;
	say(&w, SPAN(WITH("Range: bytes=0-1,5-6")), SIZE_MAX);
	assert_int_equal(w.n_done, 1);
	assert_string_equal(w.done_file, "small");
	assert_int_equal(w.done.ranges.n, 2 * HTTP_RANGE_SIZE);
	assert_int_equal(w.done_ranges[0], 0);
	assert_int_equal(w.done_ranges[1], 1);
	assert_int_equal(w.done_ranges[2], 5);
	assert_int_equal(w.done_ranges[3], 6);
	say(&w, SPAN(GET("/data/x/big") "HEAD /data/x/small HTTP/1.1\r\nHost: h\r\n\r\n"),
		SIZE_MAX);
	assert_int_equal(w.n_done, 3);
	assert_int_equal(w.done.ranges.n, 0);
	assert_int_equal(w.done_ranges[1], BIG - 1);
	assert_non_null(w.done.file.p);
	w.audit_from = 0;
	w.epoch++;
	say(&w, SPAN(GET("/data/x/small")), SIZE_MAX);
	assert_null(w.done.file.p);
	assert_null(w.done.ranges.p);
	world_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(streams),
		cmocka_unit_test(place_given_back),
		cmocka_unit_test(throttled),
		cmocka_unit_test(linked),
		cmocka_unit_test(finishing),
		cmocka_unit_test(stale_leave),
		cmocka_unit_test(expires),
		cmocka_unit_test(caching),
		cmocka_unit_test(full),
	};
	return cmocka_run_group_tests_name("conn_stream", tests, NULL, NULL);
}
