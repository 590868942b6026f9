/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/base64.h"
#include "tests/unit/check.h"

static void
decoding(void **state)
{
	static const struct {
		const char *name, *in;
		size_t cap;
		bool ok;
		const char *want;
	} rows[] = {
		{"empty", "", 10, true, ""},
		{"one byte", "Zg", 10, true, "f"},
		{"two bytes", "Zm8", 10, true, "fo"},
		{"three bytes", "Zm9v", 10, true, "foo"},
		{"six bytes", "Zm9vYmFy", 6, true, "foobar"},
		{"one byte too many for cap", "Zm9vYmFy", 5, false, NULL},
		{"url alphabet", "-_-_", 10, true, "\xfb\xff\xbf"},
		{"standard alphabet", "+/+/", 10, false, NULL},
		{"padding", "Zg==", 10, false, NULL},
		{"one character over", "Zm9vY", 10, false, NULL},
		{"unused bits of one byte", "Zh", 10, false, NULL},
		{"unused bits of two bytes", "Zm9", 10, false, NULL},
		{"blank inside", "Zm9 ", 10, false, NULL},
		{"line end", "Zm9v\n", 10, false, NULL},
		{"star", "Zm*v", 10, false, NULL},
		{"high byte", "Zm\xc3v", 10, false, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[16];
		size_t n = 77;
		CHECK_ROW(rows[i].name);
		assert_int_equal(
			base64_url_decode(span_of(rows[i].in), out, rows[i].cap, &n), rows[i].ok);
		if (!rows[i].ok) {
			assert_int_equal(n, 77);
			continue;
		}
		check_span(((struct span){out, n}), rows[i].want);
		AUTO_BUF again = BUF_INIT(64);
		base64_url_encode(&again, out, n);
		check_span(buf_span(&again), rows[i].in);
	}
}

/* RFC 4648 10. */
static void
encoding(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xfb\xff\xbf", "+/+/"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF out = BUF_INIT(64);
		CHECK_ROW(rows[i][1]);
		base64_encode(&out, rows[i][0], strlen(rows[i][0]));
		check_span(buf_span(&out), rows[i][1]);
		char back[8];
		size_t n = 77;
		assert_true(base64_decode(buf_span(&out), back, strlen(rows[i][0]), &n));
		check_span(((struct span){back, n}), rows[i][0]);
	}
}

static void
strictness(void **state)
{
	static const char *const rows[] = {"Zg",
		"Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "Zm=v", "Zm9v\n", "-_-_",
		"Zm9vZm9vZm9v", "Zm 9", "Zg==Zg=="};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[8];
		size_t n = 77;
		CHECK_ROW(rows[i]);
		assert_false(base64_decode(span_of(rows[i]), out, sizeof(out), &n));
		assert_int_equal(n, 77);
	}
}

/* Every byte value and every length modulo 3 comes back. */
static void
round_trip(void **state)
{
	unsigned char in[256];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 7 + 3);
	for (size_t n = 0; n <= sizeof(in); n++) {
		AUTO_BUF text = BUF_INIT(1024);
		unsigned char back[300];
		size_t got = 0;
		base64_url_encode(&text, in, n);
		assert_true(base64_room(text.n) >= n);
		assert_true(base64_url_decode(buf_span(&text), back, n, &got));
		assert_int_equal(got, n);
		assert_memory_equal(back, in, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding),
		cmocka_unit_test(encoding),
		cmocka_unit_test(strictness),
		cmocka_unit_test(round_trip),
	};
	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
