/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"
#include "transfer/tpc.h"

#define TO "Destination: https://a.example/x\n"

static const struct {
	const char *name, *fields;
	bool good;
} rows[] = {
	{"gfal2",
		"User-Agent: gfal2\nDestination: https://dst.example:8443/w/a.h5\n"
		"X-Number-Of-Streams: 0\nSecure-Redirection: 1\nCredential: none\n"
		"TransferHeaderAuthorization: Bearer T2\nRequireChecksumVerification: false\n",
		true},
	{"davix", "Destination: davs://dst.example/w/a\nX-Number-Of-Streams: 1\n", true},
	{"pull", "Source: https://a.example/x\n", true},
	{"nothing", "", false},
	{"both", TO "Source: https://a.example/x\n", false},
	{"twice", TO TO, false},
	{"ftp", "Destination: ftp://a.example/x\n", false},
	{"plain http", "Destination: http://a.example/x\n", false},
	{"user", "Destination: https://u:p@a.example/x\n", false},
	{"no path", "Destination: https://a.example\n", false},
	{"no host", "Destination: https:///x\n", false},
	{"port alone", "Destination: https://:1/x\n", false},
	{"port 0", "Destination: https://a.example:0/x\n", false},
	{"port 65536", "Destination: https://a.example:65536/x\n", false},
	{"no port", "Destination: https://a.example:/x\n", false},
	{"fragment", "Destination: https://a.example/x#y\n", false},
	{"blank", "Destination: https://a.example/x y\n", false},
	{"percent in a host", "Destination: https://%61.example/x\n", false},
	{"backslash", "Destination: https://a.example\\@b/x\n", false},
	{"not an address", "Destination: https://1.2.3.4.5/x\n", false},
	{"nearly one", "Destination: https://a.0x7f/x\n", false},
	{"address", "Destination: https://[2001:db8::1]:443/x\n", true},
	{"brackets around a name", "Destination: https://[a.example]/x\n", false},
	{"open bracket", "Destination: https://[::1/x\n", false},
	{"behind the bracket", "Destination: https://[::1]x/x\n", false},
	{"relative", "Destination: /x\n", false},
	{"credential", TO "Credential: gridsite\n", false},
	{"overwrite", TO "Overwrite: F\n", true},
	{"overwrite else", TO "Overwrite: f\n", false},
	{"streams", TO "X-Number-Of-Streams: 100\n", true},
	{"too many streams", TO "X-Number-Of-Streams: 101\n", false},
	{"negative", TO "X-Number-Of-Streams: -1\n", false},
	{"host", TO "TransferHeaderHost: evil\n", false},
	{"length", TO "transferheadercontent-length: 0\n", false},
	{"no name", TO "TransferHeader: x\n", false},
	{"te", TO "TransferHeaderTE: x\n", false},
};

static void
fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tpc_plan p;
		struct err e = {.code = ERR_NONE};
		CHECK_ROW(rows[i].name);
		assert_int_equal(tpc_read(span_of(rows[i].fields), &p, &e), rows[i].good);
		assert_int_equal(e.code, rows[i].good ? ERR_NONE : ERR_SYNTAX);
	}
}

static void
plan(void **state)
{
	struct tpc_plan p;
	AUTO_BUF url = BUF_INIT(TPC_URL_MAX + 16);

	(void)state;
	assert_true(tpc_read(span_of(rows[0].fields), &p, NULL));
	assert_true(p.way == TPC_PUSH && p.verify == TPC_VERIFY_NO && !p.keep);
	assert_int_equal(p.n_fields, 1);
	check_span(p.fields[0].name, "Authorization");
	check_span(p.fields[0].value, "Bearer T2");
	check_span(p.url.host, "dst.example");
	assert_int_equal(p.url.port, 8443);
	assert_false(p.url.literal);
	assert_true(tpc_read(SPAN("Destination: davs://[::1]/a?b\nOverwrite: F\n"), &p, NULL));
	assert_true(p.keep && p.verify == TPC_VERIFY_ASK && p.url.literal && p.url.port == 443);
	tpc_url_write(&p.url, &url);
	check_span(buf_span(&url), "https://[::1]/a?b");
}

static void
lines(void **state)
{
	static const struct {
		const char *line;
		unsigned status; /* 0: none */
	} known[] = {{"202", 202}, {"403 No.", 403}, {"503 Later.", 503}, {"202 x", 0}, {"403", 0},
		{"403 ", 0}, {"200", 0}, {"", 0}, {"x", 0}, {"403 a\x01", 0}};
	AUTO_BUF out = BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		unsigned status = 0;
		struct span text = SPAN_NONE;
		CHECK_ROW(known[i].line);
		assert_int_equal(tpc_line_read(span_of(known[i].line), &status, &text),
			known[i].status != 0);
		assert_int_equal(status, known[i].status);
	}
	tpc_marker(&out, 1795425849, 49397760, SPAN("tcp:192.0.2.7:443"));
	check_span(buf_span(&out), "Perf Marker\nTimestamp: 1795425849\nStripe Index: 0\n"
				   "Stripe Bytes Transferred: 49397760\nTotal Stripe Count: 1\n"
				   "RemoteConnections: tcp:192.0.2.7:443\nEnd\n");
	buf_reset(&out);
	tpc_failure(&out, SPAN("a\nb\r\xc3"));
	check_span(buf_span(&out), "failure: a?b??\n");
}

static void
digests(void **state)
{
	struct digest_values a = {.have = 0};
	struct digest_values b = {.have = 0};

	(void)state;
	tpc_digest_read(SPAN("adler32=62c0215, md5=XUFAKrxLKna5cZ2REBfFkg==,sha=x"), &a);
	assert_int_equal(a.have, 1U << DIGEST_ADLER32 | 1U << DIGEST_MD5);
	assert_int_equal(a.adler32, 0x062c0215);
	tpc_digest_read(SPAN("MD5=5d41402abc4b2a76b9719d911017c592"), &b);
	assert_int_equal(b.have, 1U << DIGEST_MD5);
	assert_null(tpc_digest_differs(&a, &b));
	b.md5[0] ^= 1;
	assert_string_equal(tpc_digest_differs(&a, &b), "md5");
	tpc_digest_read(SPAN("adler32=00000001"), &b);
	assert_string_equal(tpc_digest_differs(&a, &b), "adler32");
	b.have = 0;
	tpc_digest_read(SPAN("adler32=x, md5=, adler32=123456789, md5"), &b);
	assert_int_equal(b.have, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fields), cmocka_unit_test(plan),
		cmocka_unit_test(lines), cmocka_unit_test(digests)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
