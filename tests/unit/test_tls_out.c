/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_out.h"

#include "agent/base/buf.h"
#include "tests/unit/granted.h"

#define NOW (GRANTED_EXPIRES - 1)

/* The double of agent/http/tls.c: takes `room` bytes, then blocks. */
struct tls {
	struct buf got;
	size_t room;
	unsigned records, full;
	bool fails;
};

enum step
tls_write(struct tls *t, struct span bytes, size_t *ret_n, struct err *e)
{
	size_t n = bytes.n < TLS_RECORD ? bytes.n : TLS_RECORD;

	(void)e;
	if (t->fails)
		return STEP_FAIL;
	if (t->room < n)
		return STEP_WRITE;
	t->room -= n;
	t->records++;
	t->full += n == TLS_RECORD;
	buf_add(&t->got, (struct span){bytes.p, n});
	*ret_n = n;
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

static void
collects(void **state)
{
	struct tls t = {.got = BUF_INIT(1 << 20), .room = SIZE_MAX};
	struct pool pool;
	struct granted g = granted_make(16384);
	struct body b;
	size_t n = 0;

	(void)state;
	pool_init(&pool, TLS_OUT_SIZE);
	struct tls_out o = {.tls = &t, .pool = &pool};
	for (int i = 0; i < 3; i++) {
		struct span head = SPAN("head\r\n\r\n");
		assert_true(tls_out_head(&o, &head, 1));
		body_whole(&b, g.grant);
		assert_int_equal(tls_out_file(&o, &b, SIZE_MAX, NOW, GRANTED_EPOCH, &n), BODY_END);
		assert_int_equal(n, 16384);
		body_fini(&b);
	}
	assert_int_equal(tls_out_flush(&o, NULL), STEP_DONE);
	CHECK_ROW("three answers of 16 KiB leave in three full records and a rest");
	assert_int_equal(t.got.n, 3 * (16384 + 8));
	assert_int_equal(t.records, 4);
	assert_int_equal(t.full, 3);
	assert_null(o.buf); /* nothing is held when nothing waits */
	assert_int_equal(o.sent, t.got.n);
	buf_fini(&t.got);
	pool_fini(&pool);
	granted_end(&g);
}

static void
blocks(void **state)
{
	const size_t size = 300001;
	struct tls t = {.got = BUF_INIT(1 << 20)};
	struct pool pool;
	struct granted g = granted_make(size);
	struct body b;
	enum body_step s = BODY_MORE;

	(void)state;
	pool_init(&pool, TLS_OUT_SIZE);
	struct tls_out o = {.tls = &t, .pool = &pool};
	struct span head = SPAN("H");
	assert_true(tls_out_head(&o, &head, 1));
	body_whole(&b, g.grant);
	while (s == BODY_MORE || tls_out_waiting(&o) > 0) {
		size_t n = 0;
		t.room += 20000; /* a little at a time */
		if (s == BODY_MORE)
			s = tls_out_file(&o, &b, SIZE_MAX, NOW, GRANTED_EPOCH, &n);
		enum step f = tls_out_flush(&o, NULL);
		assert_true(f == STEP_DONE || f == STEP_WRITE);
	}
	assert_int_equal(s, BODY_END);
	assert_int_equal(t.got.n, size + 1);
	for (size_t i = 0; i < size; i++) {
		if (t.got.p[i + 1] != granted_byte(i))
			fail_msg("byte %zu differs", i);
	}
	body_fini(&b);
	buf_fini(&t.got);
	pool_fini(&pool);
	granted_end(&g);
}

static void
refuses(void **state)
{
	struct tls t = {.got = BUF_INIT(1 << 20), .room = SIZE_MAX};
	struct pool pool;
	static char big[TLS_OUT_SIZE + 1];
	struct span too_much = {big, sizeof(big)};

	(void)state;
	pool_init(&pool, TLS_OUT_SIZE);
	struct tls_out o = {.tls = &t, .pool = &pool};
	CHECK_ROW("a head goes whole or not at all");
	assert_false(tls_out_head(&o, &too_much, 1));
	assert_int_equal(tls_out_waiting(&o), 0);
	CHECK_ROW("memory goes as far as there is room");
	assert_int_equal(tls_out_mem(&o, too_much), TLS_OUT_SIZE);
	assert_int_equal(tls_out_mem(&o, too_much), 0);
	t.fails = true;
	assert_int_equal(tls_out_flush(&o, NULL), STEP_FAIL);
	tls_out_release(&o);
	assert_int_equal(tls_out_waiting(&o), 0);
	buf_fini(&t.got);
	pool_fini(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collects),
		cmocka_unit_test(blocks),
		cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests_name("tls_out", tests, NULL, NULL);
}
