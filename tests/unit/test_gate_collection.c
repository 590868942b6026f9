/* SPDX-License-Identifier: Apache-2.0 */
/* PROPFIND from /data/ down: what shows, once, and nothing of what is hidden. */
#include "agent/gate_collection.h"
#include "tests/unit/gate_world.h"

static void
add_datasets(struct gate_place *p)
{
	static const struct {
		struct span pid, proposal;
	} more[] = {
		{SPAN_INIT("plain"), SPAN_INIT("OPEN")},
		{SPAN_INIT("10.5072/OPEN/deep/x"), SPAN_INIT("OPEN")},
		{SPAN_INIT("10.5072/OPEN-2"), SPAN_INIT("OPEN")},
		{SPAN_INIT("10.9/a"), SPAN_INIT("PAID")},
		{SPAN_INIT("10.9/a b/<c>"), SPAN_INIT("OPEN")},
		{SPAN_INIT("10.9/a/b"), SPAN_INIT("OPEN")},
		{SPAN_INIT("10.9/a/c"), SPAN_INIT("PAID")},
		{SPAN_INIT("10.9/hid/x"), SPAN_INIT("PAID")},
	};
	struct ingest *in = NULL;
	struct err e = {0};
	int64_t source = 0;
	int64_t id = 0;

	assert_true(ingest_open(p->catalogue, &in, &e) && ingest_begin(in, &e));
	assert_true(ingest_source(in, SPAN("main"), 0, SPAN("/x"), &source, &e));
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		const struct ingest_dataset d = {.source = source,
			.folder = more[i].pid,
			.pid = more[i].pid,
			.proposal = more[i].proposal};
		id = 0;
		assert_true(ingest_dataset_put(in, &d, &id, &e) && ingest_record(in, id, &d, &e));
	}
	assert_true(ingest_commit(in, &e));
	ingest_close(in);
}

/* The hrefs of an answer, a blank behind each. */
static void
hrefs(struct span text, struct buf *out)
{
	static const struct span begin = SPAN_INIT("<D:href>");

	for (size_t i = 0; i + begin.n <= text.n; i++) {
		if (!span_starts(span_skip(text, i), begin))
			continue;
		struct span rest = span_skip(text, i + begin.n);
		buf_add(out, span_cut(&rest, '<'));
		buf_addc(out, ' ');
	}
}

static const struct {
	const char *path, *depth;
	unsigned status;
	const char *want;
} rows[] = {
	{"/data/", "1", 207, "/data/ /data/10.5072/ /data/10.9/ /data/plain/ "},
	{"/data/", "0", 207, "/data/ "},
	{"/data", "1", 207, "/data/ /data/10.5072/ /data/10.9/ /data/plain/ "},
	{"/data/", NULL, 403, ""},
	{"/data/", "2", 400, ""},
	{"/data/10.5072/", "1", 207,
		"/data/10.5072/ /data/10.5072/GONE/ /data/10.5072/OPEN/ /data/10.5072/OPEN-2/ "
		"/data/10.5072/PLAN/ /data/10.5072/SHUT/ "},
	{"/data/10.5072", "1", 207,
		"/data/10.5072/ /data/10.5072/GONE/ /data/10.5072/OPEN/ /data/10.5072/OPEN-2/ "
		"/data/10.5072/PLAN/ /data/10.5072/SHUT/ "},
	{"/data/10.5072", "0", 207, "/data/10.5072/ "},
	{"/data/10.9/", "1", 207, "/data/10.9/ /data/10.9/a%20b/ /data/10.9/a/ "},
	{"/data/10.9/a/", "1", 207, "/data/10.9/a/ /data/10.9/a/b/ "},
	{"/data/10.9/a b/", "1", 207, "/data/10.9/a%20b/ /data/10.9/a%20b/%3Cc%3E/ "},
	{"/data/10.9/a/c/", "1", 404, ""},
	{"/data/10.9/hid/", "1", 404, ""},
	{"/data/10.9/hid", "0", 404, ""},
	{"/data/10.9/none/", "1", 404, ""},
	{"/data/10/", "1", 404, ""},
	{"/data/10.5072/OPEN/", "1", 207,
		"/data/10.5072/OPEN/ /data/10.5072/OPEN/a%20b.txt /data/10.5072/OPEN/inner.txt "
		"/data/10.5072/OPEN/link.txt /data/10.5072/OPEN/named.nxs "
		"/data/10.5072/OPEN/sideways.txt /data/10.5072/OPEN/sub/ "
		"/data/10.5072/OPEN/vanished.txt "},
	{"/data/10.5072/OPEN/sub", "1", 207,
		"/data/10.5072/OPEN/sub/ /data/10.5072/OPEN/sub/%3Cx%3E.h5 "
		"/data/10.5072/OPEN/sub/a&amp;copy.h5 "},
	{"/data/10.5072/OPEN/a b.txt", "1", 207, "/data/10.5072/OPEN/a%20b.txt "},
	{"/data/10.5072/OPEN/a b.txt/", "0", 404, ""},
	{"/data/10.5072/OPEN/none/", "0", 404, ""},
};

static void
walked(void **state)
{
	struct gate_place *p = *state;

	add_datasets(p);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF found = BUF_INIT(8192);
		struct http_answer a;
		const struct http_ask q = {.method = HTTP_PROPFIND,
			.path = span_of(rows[i].path),
			.depth = span_of(rows[i].depth)};
		CHECK_ROW(rows[i].path);
		gate_answer(&p->desk, &q, NOW * 1000LL, &a);
		assert_int_equal(a.status, rows[i].status);
		hrefs(a.text, &found);
		check_span(buf_span(&found), rows[i].want);
	}
}

/* More than fits into a page of the walk, hidden ones between them. */
static void
many(void **state)
{
	enum { N = 1000 };
	struct gate_place *p = *state;
	struct ingest *in = NULL;
	struct err e = {0};
	int64_t source = 0;
	int64_t id = 0;
	size_t n = 0;
	struct http_answer a;
	const struct http_ask q = {
		.method = HTTP_PROPFIND, .path = SPAN_INIT("/data/many"), .depth = SPAN_INIT("1")};

	assert_true(ingest_open(p->catalogue, &in, &e) && ingest_begin(in, &e));
	assert_true(ingest_source(in, SPAN("main"), 0, SPAN("/x"), &source, &e));
	for (size_t i = 0; i < N; i++) {
		AUTO_BUF pid = BUF_INIT(64);
		buf_addf(&pid, i % 3 == 2 ? "many/%04zu/sub" : "many/%04zu", i);
		const struct ingest_dataset d = {.source = source,
			.folder = buf_span(&pid),
			.pid = buf_span(&pid),
			.proposal = i % 2 == 0 ? SPAN("OPEN") : SPAN("PAID")};
		id = 0;
		assert_true(ingest_dataset_put(in, &d, &id, &e) && ingest_record(in, id, &d, &e));
	}
	assert_true(ingest_commit(in, &e));
	ingest_close(in);
	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	assert_int_equal(a.status, 207);
	struct span text = buf_span(&p->desk.body);
	for (size_t i = 0; i + 12 <= text.n; i++)
		n += span_starts(span_skip(text, i), SPAN("<D:response>")) ? 1 : 0;
	assert_int_equal(n, N / 2 + 1);
	grant_unref(a.grant);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walked),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
