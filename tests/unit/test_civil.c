/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/civil.h"
#include "tests/unit/check.h"

static const struct row {
	const char *name;
	int64_t secs;
	const char *iso, *http;
} rows[] = {
	{"the epoch", 0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
	{"a second before it", -1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
	{"the date of RFC 9110", 784111777, "1994-11-06T08:49:37Z",
		"Sun, 06 Nov 1994 08:49:37 GMT"},
	{"a leap day", 1709208000, "2024-02-29T12:00:00Z", "Thu, 29 Feb 2024 12:00:00 GMT"},
	{"the first year of four digits", -30610224000, "1000-01-01T00:00:00Z",
		"Wed, 01 Jan 1000 00:00:00 GMT"},
	{"year one", -62135596800, "0001-01-01T00:00:00Z", "Mon, 01 Jan 0001 00:00:00 GMT"},
	{"the last second of four digits", 253402300799, "9999-12-31T23:59:59Z",
		"Fri, 31 Dec 9999 23:59:59 GMT"},
	{"a file's time beyond them", 253402300800, "10000-01-01T00:00:00Z",
		"Sat, 01 Jan 10000 00:00:00 GMT"},
};

static void
writes(void **state)
{
	const struct row *r = *state;
	AUTO_BUF iso = BUF_INIT(64);
	AUTO_BUF http = BUF_INIT(64);

	civil_write_iso(&iso, r->secs);
	civil_write_http(&http, r->secs);
	assert_true(span_is(buf_span(&iso), r->iso));
	assert_true(span_is(buf_span(&http), r->http));
}

static void
hex_at_the_limit(void **state)
{
	AUTO_BUF fits = BUF_INIT(4);
	AUTO_BUF small = BUF_INIT(3);

	(void)state;
	buf_add_hex(&fits, "\x0f\xa0", 2);
	assert_true(buf_ok(&fits) && span_is(buf_span(&fits), "0fa0"));
	buf_add_hex(&small, "\x0f\xa0", 2);
	assert_false(buf_ok(&small));
	assert_int_equal(small.n, 0);
}

int
main(void)
{
	struct CMUnitTest t[sizeof(rows) / sizeof(rows[0]) + 1] = {
		cmocka_unit_test(hex_at_the_limit)};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		t[i + 1] = (struct CMUnitTest){
			rows[i].name, writes, NULL, NULL, (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(t, NULL, NULL);
}
