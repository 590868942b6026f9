/* SPDX-License-Identifier: Apache-2.0 */
/* /archive/PID.tar and .zip in the gate: who gets one, and what its plan holds. */
#include "agent/gate_archive.h"
#include "agent/gate_grant.h"
#include "tests/unit/gate_world.h"
#include "transfer/archive.h"

static const struct row {
	const char *name;
	const char *path, *query;
	unsigned status;
	const char *field; /* must stand in the fields */
	const char *text;  /* must stand in the body, or in the manifest */
	const char *names; /* of the members, each with a blank behind; NULL: it is no archive */
} rows[] = {
	{"all of it", "/archive/10.5072/OPEN.tar", NULL, 200, "Content-Type: application/x-tar\r\n",
		"\"complete\":true,\"token_covers_all\":true,\"left_out\":[]}",
		"a b.txt inner.txt link.txt named.nxs sideways.txt sub/<x>.h5 sub/a&copy.h5 "
		"vanished.txt "},
	{"as zip", "/archive/10.5072/OPEN.zip", "file=a+b.txt", 200,
		"Content-Disposition: attachment; filename=\"10.5072_OPEN.zip\"\r\n",
		"\"chosen\":{\"file\":[\"a b.txt\"],\"glob\":[]},\"members\":1,\"bytes\":5,",
		"a b.txt "},
	{"a folder", "/archive/10.5072/OPEN.tar", "file=sub/", 200,
		"X-Content-Type-Options: nosniff", "\"members\":2", "sub/<x>.h5 sub/a&copy.h5 "},
	{"file and pattern", "/archive/10.5072/OPEN.tar", "glob=*.nxs&file=sub/a%26copy.h5", 200,
		"Link: <https://spdx.org/licenses/CC-BY-4.0>; rel=\"license\"",
		"\"glob\":[\"*.nxs\"]", "named.nxs sub/a&copy.h5 "},
	{"two files and a folder, not in order", "/archive/10.5072/OPEN.tar",
		"file=vanished.txt&file=sub/&file=a%20b.txt", 200, "Cache-Control: private", NULL,
		"a b.txt sub/<x>.h5 sub/a&copy.h5 vanished.txt "},
	{"a file that is not there", "/archive/10.5072/OPEN.tar", "file=a+b.txt&file=nope", 404,
		"problem+json", "no-such-member", NULL},
	{"it is named", "/archive/10.5072/OPEN.tar", "file=nope", 404, NULL,
		"meant by \\\"nope\\\"", NULL},
	{"a folder without its slash", "/archive/10.5072/OPEN.tar", "file=sub", 404, NULL,
		"folders with a slash", NULL},
	{"a pattern for nothing", "/archive/10.5072/OPEN.tar", "glob=*.cbf", 404, NULL, "*.cbf",
		NULL},
	{"another word", "/archive/10.5072/OPEN.tar", "path=a", 400, NULL, "file=NAME", NULL},
	{"embargoed", "/archive/10.5072/SHUT.zip", NULL, 401, "WWW-Authenticate: Bearer",
		"\"release_date\":\"2029-01-02\"", NULL},
	{"its names are not told", "/archive/10.5072/SHUT.zip", "file=nope", 401, NULL, "embargoed",
		NULL},
	{"names, but no bytes", "/archive/10.5072/PLAN.zip", NULL, 401, NULL, "embargoed", NULL},
	{"hidden", "/archive/10.5072/PAID.zip", NULL, 404, NULL, "not-found", NULL},
	{"withdrawn", "/archive/10.5072/GONE.zip", NULL, 410, NULL, "\"reason\":\"withdrawn\"",
		NULL},
	{"no such dataset", "/archive/10.5072/NONE.zip", NULL, 404, NULL, "not-found", NULL},
	{"another form", "/archive/10.5072/OPEN.7z", NULL, 404, NULL, "not-found", NULL},
	{"no form", "/archive/10.5072/OPEN", NULL, 404, NULL, "not-found", NULL},
	{"no pid", "/archive/.zip", NULL, 404, NULL, "not-found", NULL},
	{"a longer path", "/archive/10.5072/OPEN/sub.zip", NULL, 404, NULL, "not-found", NULL},
};

static bool
holds(struct span text, const char *what)
{
	return what == NULL ||
	       (text.p != NULL && memmem(text.p, text.n, what, strlen(what)) != NULL);
}

/* ---- one question, and the plan that comes of it ---- */

struct got {
	struct http_answer a;
	char etag[48];
	struct buf plan, names, text;
};

static void
got_fini(struct got *g)
{
	grant_unref(g->a.grant);
	buf_fini(&g->plan);
	buf_fini(&g->names);
	buf_fini(&g->text);
}
#define AUTO_GOT __attribute__((cleanup(got_fini))) struct got

static void
read_plan(struct got *g)
{
	const struct grant_info *info = grant_info(g->a.grant);
	struct archive *a = NULL;
	struct archive_piece p;
	struct err e = {0};
	AUTO_BUF scratch = BUF_INIT(65536);

	memcpy(g->etag, info->etag, sizeof(g->etag));
	assert_true(buf_reserve(&g->plan, info->size));
	assert_int_equal(grant_pread(g->a.grant, g->plan.p, info->size, 0), info->size);
	g->plan.n = info->size;
	if (!archive_new(buf_span(&g->plan), &a, &e))
		fail_msg("%s", e.msg);
	for (size_t i = 1; i < archive_entries(a); i++) {
		struct archive_member m;
		archive_member(a, i, &m);
		buf_add(&g->names, m.path);
		buf_addc(&g->names, ' ');
	}
	for (uint64_t at = 0; at < archive_at(a, 1); at += p.n) {
		archive_find(a, at, &p);
		if (p.part == ARCHIVE_TEXT)
			buf_add(&g->text, archive_text(a, &p, NULL, &scratch));
	}
	archive_free(a);
}

static void
ask(struct gate_place *p, const char *path, const char *query, const struct subject *who,
	struct got *ret)
{
	struct http_ask q = {
		.id = 1, .method = HTTP_GET, .path = span_of(path), .query = span_of(query)};
	struct gate_case c;

	q.peer[10] = 0xff;
	q.peer[11] = 0xff;
	*ret = (struct got){
		.plan = BUF_INIT(1 << 20), .names = BUF_INIT(65536), .text = BUF_INIT(65536)};
	gate_start(&p->desk);
	gate_begin(&p->desk, &q, NOW * 1000LL, NULL, &c);
	if (who != NULL)
		c.subject = *who;
	gate_record(&p->desk, &c, 1);
	gate_finish(&p->desk, &c, &ret->a);
	gate_end(&p->desk);
	if (ret->a.body == HTTP_ARCHIVE)
		read_plan(ret);
	else
		buf_add(&ret->text, ret->a.text);
}

static void
answers(void **state)
{
	struct gate_place *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		AUTO_GOT g;
		CHECK_ROW(r->name);
		ask(p, r->path, r->query, NULL, &g);
		if (g.a.status != r->status || !holds(g.a.fields, r->field) ||
			!holds(buf_span(&g.text), r->text))
			fail_msg("%u, %.*s, %.*s", g.a.status, SPAN_ARG(g.a.fields),
				SPAN_ARG(buf_span(&g.text)));
		assert_int_equal(g.a.body == HTTP_ARCHIVE, r->names != NULL);
		if (r->names != NULL)
			check_span(buf_span(&g.names), r->names);
	}
}

/* The tag is that of the bytes: it does not move by itself, and another choice has another one. */
static void
tags(void **state)
{
	struct gate_place *p = *state;
	AUTO_GOT one;
	AUTO_GOT again;
	AUTO_GOT other;
	AUTO_GOT zip;

	ask(p, "/archive/10.5072/OPEN.tar", NULL, NULL, &one);
	ask(p, "/archive/10.5072/OPEN.tar", NULL, NULL, &again);
	ask(p, "/archive/10.5072/OPEN.tar", "file=sub/", NULL, &other);
	ask(p, "/archive/10.5072/OPEN.zip", NULL, NULL, &zip);
	assert_string_equal(one.etag, again.etag);
	assert_string_not_equal(one.etag, other.etag);
	assert_string_not_equal(one.etag, zip.etag);
	assert_int_equal(strlen(one.etag), 24);
	assert_true(one.a.ranges && !one.a.keep);
}

/* ---- what is left out ---- */

/* A dataset whose pid leads to the folder `sub` of another one, of this proposal. */
static void
put_nested(struct gate_place *p, const char *proposal, int64_t *id)
{
	struct ingest *in = NULL;
	struct err e = {0};
	struct ingest_dataset d = {.pid = SPAN("10.5072/OPEN/sub"),
		.folder = SPAN("SUB"),
		.proposal = span_of(proposal)};

	assert_true(ingest_open(p->catalogue, &in, &e) && ingest_begin(in, &e));
	assert_true(ingest_source(in, SPAN("main"), 0, SPAN("/x"), &d.source, &e));
	assert_true(ingest_dataset_put(in, &d, id, &e));
	assert_true(ingest_record(in, *id, &d, &e));
	assert_true(ingest_commit(in, &e));
	ingest_close(in);
}

static const struct nested_row {
	const char *name, *proposal;
	const char *text;
	bool inside; /* its files are members all the same */
} nested[] = {
	{"an embargoed one", "SHUT",
		"\"complete\":false,\"token_covers_all\":true,\"left_out\":[{\"path\":\"sub/"
		"<x>.h5\","
		"\"size\":8,\"digests\":false,\"reason\":\"embargoed\",\"status\":401,\"rule\":"
		"\"default\",\"release_date\":\"2029-01-02\"},{\"path\":\"sub/a&copy.h5\",",
		false},
	{"an open one", "OPEN",
		"{\"path\":\"sub/"
		"<x>.h5\",\"size\":8,\"digests\":false,\"reason\":\"other-dataset\","
		"\"pid\":\"10.5072/OPEN/sub\"}",
		false},
	{"a hidden one", "PAID", "\"complete\":true", true},
};

static void
left_out(void **state)
{
	struct gate_place *p = *state;
	int64_t id = 0;

	for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++) {
		const struct nested_row *r = &nested[i];
		AUTO_GOT g;
		AUTO_GOT part;
		CHECK_ROW(r->name);
		put_nested(p, r->proposal, &id);
		ask(p, "/archive/10.5072/OPEN.zip", NULL, NULL, &g);
		assert_int_equal(g.a.status, 200);
		if (!holds(buf_span(&g.text), r->text))
			fail_msg("%.*s", SPAN_ARG(buf_span(&g.text)));
		assert_int_equal(holds(buf_span(&g.names), "sub/"), r->inside);
		/* Nothing but what is refused: then that is the answer. */
		ask(p, "/archive/10.5072/OPEN.zip", "file=sub/", NULL, &part);
		assert_int_equal(part.a.status, i == 0 ? 401 : 200);
	}
}

/* A proof for an archive is good for its members, and for nothing else. */
static void
within(void **state)
{
	static const struct {
		const char *archive, *path;
		bool holds;
	} cases[] = {
		{"/archive/10.5072/a.zip", "/data/10.5072/a/x", true},
		{"/archive/10.5072/a.tar", "/data/10.5072/a/x/y", true},
		{"/archive/10.5072/a.tar", "/data/10.5072/ab/x", false},
		{"/archive/10.5072/a.tar", "/data/10.5072/b/x", false},
		{"/archive/10.5072/a.tar", "/data/10.5072/a", false},
		{"/archive/10.5072/a.tar", "/datasets/10.5072/a/x", false},
		{"/archive/.tar", "/data/10.5072/a/x", false},
		{"/data/10.5072/a", "/data/10.5072/a/x", false},
		{"", "/data/10.5072/a/x", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_ROW(cases[i].path);
		assert_int_equal(
			gate_archive_holds(span_of(cases[i].archive), span_of(cases[i].path)),
			cases[i].holds);
	}
	assert_false(gate_archive_holds(SPAN_NONE, SPAN("/data/10.5072/a/x")));
}

/* A token that reads below one folder gets that folder, and no name of another one. */
static void
scoped(void **state)
{
	struct gate_place *p = *state;
	const struct span paths[] = {SPAN_INIT("/data/10.5072/OPEN/sub")};
	const struct span none[] = {SPAN_INIT("/data/10.5072/SHUT")};
	struct subject who = {.authenticated = true,
		.iss = SPAN(KEYS_ISS),
		.sub = SPAN("u"),
		.expires = INT64_MAX,
		.scoped = true,
		.read_paths = paths,
		.n_read_paths = 1};
	AUTO_GOT g;
	AUTO_GOT all;

	ask(p, "/archive/10.5072/OPEN.tar", NULL, &who, &g);
	assert_int_equal(g.a.status, 200);
	check_span(buf_span(&g.names), "sub/<x>.h5 sub/a&copy.h5 ");
	assert_true(holds(buf_span(&g.text), "\"token_covers_all\":false,\"left_out\":[]}"));
	who.read_paths = none;
	ask(p, "/archive/10.5072/OPEN.tar", NULL, &who, &all);
	assert_int_equal(all.a.status, 403);
	assert_true(holds(all.a.fields, "error=\"insufficient_scope\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, setup, teardown),
		cmocka_unit_test_setup_teardown(tags, setup, teardown),
		cmocka_unit_test_setup_teardown(left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(scoped, setup, teardown),
		cmocka_unit_test(within),
	};
	return cmocka_run_group_tests_name("gate_archive", tests, NULL, NULL);
}
