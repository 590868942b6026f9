/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/scope.h"
#include "agent/haul.h"
#include "policy/grant_issue.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <sys/mman.h>

static void
make_grant(struct grant **ret)
{
	AUTO_FD fd = memfd_create("t", MFD_CLOEXEC);
	const struct grant_info info = {.decision = 7, .epoch = 3, .expires = 9};

	assert_int_equal(write(fd, "hello", 5), 5);
	assert_true(grant_issue(&fd, &info, ret, NULL));
}

static void
haul(void **state)
{
	struct haul h = {.trace = {1, 2},
		.keep = true,
		.verify = TPC_VERIFY_MUST,
		.url = SPAN_INIT("https://a.example/x"),
		.fields = SPAN_INIT("A: b\n"),
		.digests = {.have = 1U << DIGEST_ADLER32, .adler32 = 5}};
	struct haul r;
	struct err e = {.code = ERR_NONE};
	AUTO_BUF b = BUF_INIT(65536);
	AUTO_BUF again = BUF_INIT(65536);

	(void)state;
	make_grant(&h.grant);
	haul_write(&h, &b);
	AUTO_FD fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(haul_read(buf_span(&b), &fd, &r, &e));
	assert_int_equal(fd, -1);
	assert_int_equal(grant_info(r.grant)->size, 5);
	assert_int_equal(grant_info(r.grant)->decision, 7);
	haul_write(&r, &again);
	assert_true(span_eq(buf_span(&b), buf_span(&again)));
	grant_unref(r.grant);
	for (size_t n = 0; n < b.n; n++) {
		AUTO_FD more = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_false(haul_read((struct span){b.p, n}, &more, &r, &e));
		assert_true(more >= 0);
	}
	int none = -1;
	assert_false(haul_read(buf_span(&b), &none, &r, &e));
	grant_unref(h.grant);
}

static void
ended(void **state)
{
	const struct haul_ended h = {.trace = {9},
		.decision = 1,
		.bytes = 2,
		.result = HAUL_CUT,
		.host = SPAN_INIT("a.example:443"),
		.file = SPAN_INIT("f"),
		.size = 3};
	struct haul_ended r;
	AUTO_BUF b = BUF_INIT(65536);

	(void)state;
	haul_write_ended(&h, &b);
	assert_true(haul_read_ended(buf_span(&b), &r, NULL));
	assert_true(r.decision == 1 && r.bytes == 2 && r.result == HAUL_CUT && r.size == 3);
	check_span(r.host, "a.example:443");
	for (size_t n = 0; n < b.n; n++)
		assert_false(haul_read_ended((struct span){b.p, n}, &r, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(haul), cmocka_unit_test(ended)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
