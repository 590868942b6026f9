/* SPDX-License-Identifier: Apache-2.0 */
/* A dataset without a public record cannot be told from one that does not exist (POL-11, POL-15).
 */
#include "agent/gate_catalogue.h"
#include "agent/session.h"
#include "tests/unit/gate_world.h"

#include <sys/mman.h>

/* ---- by name ---- */

/* "10.5072/PAID" is there and hidden, "10.5072/NONE" is not there; as long as each other. */
static const struct probe {
	const char *name;
	enum http_method method;
	const char *before, *behind, *accept, *depth;
} probes[] = {
	{"file", HTTP_GET, "/data/", "/a.txt", NULL, NULL},
	{"no such file", HTTP_GET, "/data/", "/b.txt", NULL, NULL},
	{"head of a file", HTTP_HEAD, "/data/", "/a.txt", NULL, NULL},
	{"folder", HTTP_GET, "/data/", "/", NULL, NULL},
	{"folder as JSON", HTTP_GET, "/data/", "/", "application/json", NULL},
	{"without a slash", HTTP_GET, "/data/", "", NULL, NULL},
	{"a folder in it", HTTP_GET, "/data/", "/sub/", NULL, NULL},
	{"PROPFIND 0", HTTP_PROPFIND, "/data/", "/", NULL, "0"},
	{"PROPFIND 1", HTTP_PROPFIND, "/data/", "/", NULL, "1"},
	{"PROPFIND without depth", HTTP_PROPFIND, "/data/", "/", NULL, NULL},
	{"PROPFIND with a bad depth", HTTP_PROPFIND, "/data/", "/", NULL, "7"},
	{"its record", HTTP_GET, "/datasets/", "", NULL, NULL},
	{"its record as JSON", HTTP_GET, "/datasets/", "", "application/json", NULL},
	{"head of its record", HTTP_HEAD, "/datasets/", "", NULL, NULL},
	{"its record with a slash", HTTP_GET, "/datasets/", "/", NULL, NULL},
	{"its log", HTTP_GET, "/datasets/", "/events", NULL, NULL},
	{"an event", HTTP_POST, "/datasets/", "/events", NULL, NULL},
	{"its requests", HTTP_GET, "/datasets/", "/access-requests", "text/html", NULL},
	{"a request", HTTP_POST, "/datasets/", "/access-requests", NULL, NULL},
	{"its links", HTTP_GET, "/datasets/", "/links", NULL, NULL},
	{"nothing below", HTTP_GET, "/datasets/", "/nothing", NULL, NULL},
	{"a method for nothing", HTTP_DELETE, "/datasets/", "", NULL, NULL},
	{"PROPFIND of a file", HTTP_PROPFIND, "/data/", "/a.txt", NULL, "0"},
};

struct kept {
	unsigned status;
	enum http_body body;
	struct buf fields, text;
};

static void
ask(struct gate_place *p, const struct probe *r, const char *pid, struct kept *ret)
{
	AUTO_BUF path = BUF_INIT(256);
	struct http_answer a;

	buf_addf(&path, "%s10.5072/%s%s", r->before, pid, r->behind);
	const struct http_ask q = {.method = r->method,
		.path = buf_span(&path),
		.accept = span_of(r->accept),
		.depth = span_of(r->depth),
		.trace = {7}};
	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	*ret = (struct kept){
		.status = a.status, .body = a.body, .fields.max = 65536, .text.max = 65536};
	buf_add(&ret->fields, a.fields);
	buf_add(&ret->text, a.text);
	assert_null(a.grant);
}

static void
same(const struct kept *x, const struct kept *y)
{
	assert_int_equal(x->status, y->status);
	assert_int_equal(x->body, y->body);
	if (!span_eq(buf_span(&x->fields), buf_span(&y->fields)))
		fail_msg("%.*s\n%.*s", SPAN_ARG(buf_span(&x->fields)),
			SPAN_ARG(buf_span(&y->fields)));
	if (!span_eq(buf_span(&x->text), buf_span(&y->text)))
		fail_msg("%.*s\n%.*s", SPAN_ARG(buf_span(&x->text)), SPAN_ARG(buf_span(&y->text)));
}

static void
by_name(void **state)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		struct kept hidden;
		struct kept absent;
		CHECK_ROW(probes[i].name);
		ask(*state, &probes[i], "PAID", &hidden);
		ask(*state, &probes[i], "NONE", &absent);
		assert_int_equal(hidden.status, 404);
		same(&hidden, &absent);
		buf_fini(&hidden.fields);
		buf_fini(&hidden.text);
		buf_fini(&absent.fields);
		buf_fini(&absent.text);
	}
}

/* A hidden dataset below another one's name: that one answers, as if there were nothing. */
static void
by_names_below(void **state)
{
	static const char *const behind[] = {"/a.txt", "/", "", "/named.nxs"};
	struct gate_place *p = *state;
	struct ingest *in = NULL;
	struct err e = {0};
	int64_t source = 0;

	assert_true(ingest_open(p->catalogue, &in, &e) && ingest_begin(in, &e));
	assert_true(ingest_source(in, SPAN("main"), 0, SPAN("/x"), &source, &e));
	static const struct span pids[] = {SPAN_INIT("10.5072/SHUT/sub"),
		SPAN_INIT("10.5072/SHUT/sub/sub"), SPAN_INIT("10.5072/OPEN/sux")};
	for (size_t i = 0; i < 3; i++) {
		const struct ingest_dataset d = {.source = source,
			.folder = pids[i],
			.pid = pids[i],
			.proposal = SPAN("PAID")};
		int64_t id = 0;
		assert_true(ingest_dataset_put(in, &d, &id, &e));
	}
	assert_true(ingest_commit(in, &e));
	ingest_close(in);
	for (size_t i = 0; i < 4; i++) {
		const struct probe r = {behind[i], HTTP_GET, "/data/", behind[i], NULL, NULL};
		struct kept kept[6];
		CHECK_ROW(behind[i]);
		ask(p, &r, "SHUT/sub", &kept[0]);
		ask(p, &r, "SHUT/suz", &kept[1]);
		ask(p, &r, "SHUT/sub/sub", &kept[2]);
		ask(p, &r, "SHUT/sub/suz", &kept[3]);
		ask(p, &r, "OPEN/sux", &kept[4]);
		ask(p, &r, "OPEN/suz", &kept[5]);
		assert_int_equal(kept[0].status, 401);
		for (size_t k = 0; k < 6; k += 2)
			same(&kept[k], &kept[k + 1]);
		for (size_t k = 0; k < 6; k++) {
			buf_fini(&kept[k].fields);
			buf_fini(&kept[k].text);
		}
	}
}

/* ---- by lists ---- */

static const char *const pages[] = {
	"", "after=10.5072/OPEN", "after=10.5072%2FOPEN", "title=Paid", "cursor=", "after="};

static void
list(struct gate_place *p, struct span query, const char *accept, struct buf *ret, unsigned status)
{
	const struct http_ask q = {.method = HTTP_GET,
		.path = SPAN("/data/"),
		.query = query,
		.accept = span_of(accept),
		.trace = {7}};
	struct http_answer a;

	gate_answer(&p->desk, &q, NOW * 1000LL, &a);
	assert_int_equal(a.status, status);
	buf_reset(ret);
	if (a.grant != NULL) {
		assert_true(buf_reserve(ret, grant_info(a.grant)->size));
		ret->n = grant_info(a.grant)->size;
		assert_int_equal(grant_pread(a.grant, ret->p, ret->n, 0), ret->n);
		grant_unref(a.grant);
	} else {
		buf_add(ret, a.text);
	}
}

static bool
says(const struct buf *b, const char *what)
{
	return b->n > 0 && memmem(b->p, b->n, what, strlen(what)) != NULL;
}

static void
by_lists(void **state)
{
	AUTO_BUF got = BUF_INIT(1 << 20);

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		list(*state, span_of(pages[i]), "application/json", &got, 200);
		assert_false(says(&got, "PAID"));
		list(*state, span_of(pages[i]), NULL, &got, 200);
		assert_false(says(&got, "PAID"));
	}
	/* A list begins behind what one sees: not where something hidden stands, nor where nothing
	 * does. */
	AUTO_BUF other = BUF_INIT(1 << 20);
	list(*state, SPAN("after=10.5072/PAID"), "application/json", &got, 400);
	list(*state, SPAN("after=10.5072/PAIX"), "application/json", &other, 400);
	assert_true(span_eq(buf_span(&got), buf_span(&other)));
}

/* ---- by the work that a page takes ---- */

#define HIDDEN (GATE_CATALOGUE_LOOK + 2000U)

/* Many that nobody sees between PAID and PLAN. */
static void
hide_many(struct gate_place *p)
{
	struct ingest *in = NULL;
	struct err e = {0};
	int64_t source = 0;

	assert_true(ingest_open(p->catalogue, &in, &e) && ingest_begin(in, &e));
	assert_true(ingest_source(in, SPAN("main"), 0, SPAN("/x"), &source, &e));
	for (unsigned i = 0; i < HIDDEN; i++) {
		AUTO_BUF pid = BUF_INIT(64);
		int64_t id = 0;
		buf_addf(&pid, "10.5072/PH%05u", i);
		const struct ingest_dataset d = {.source = source,
			.folder = buf_span(&pid),
			.pid = buf_span(&pid),
			.proposal = SPAN("PAID")};
		assert_true(ingest_dataset_put(in, &d, &id, &e));
	}
	assert_true(ingest_commit(in, &e));
	ingest_close(in);
}

static struct span
next_of(const struct buf *page, struct buf *ret)
{
	static const char mark[] = "\"next\":\"/data/?";
	const char *at = memmem(page->p, page->n, mark, sizeof(mark) - 1);

	buf_reset(ret);
	if (at == NULL)
		return SPAN_NONE;
	struct span rest = {at + sizeof(mark) - 1, (size_t)(page->p + page->n - at)};
	buf_add(ret, span_cut(&rest, '"'));
	return buf_span(ret);
}

static void
cursor(void **state)
{
	static const struct session_rules session = {.idle = 60, .max = 60};
	struct gate_place *p = *state;
	AUTO_BUF page = BUF_INIT(1 << 20);
	AUTO_BUF next = BUF_INIT(8192);
	AUTO_FD fd = memfd_create("sessions", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)(SESSION_HEAD_BYTES + 8 * SESSION_SLOT_BYTES)), 0);
	assert_true(session_open(fd, &session, &p->gate.sessions, NULL));
	hide_many(p);
	list(p, SPAN_NONE, "application/json", &page, 200);
	assert_true(says(&page, "10.5072/OPEN") && says(&page, "\"after\":null"));
	assert_false(says(&page, "10.5072/P"));
	struct span at = next_of(&page, &next);
	assert_true(span_starts(at, SPAN("cursor=")) && at.n == 7 + 48);
	list(p, at, NULL, &page, 200);
	assert_true(says(&page, "10.5072/PLAN") && says(&page, "10.5072/SHUT"));
	assert_false(says(&page, "next") || says(&page, "OPEN"));
	/* How far a page comes would tell a name that hides, from one place or the next. */
	list(p, SPAN("after=10.5072/PH01990"), NULL, &page, 400);
	list(p, SPAN("after=10.5072/PH01999x"), NULL, &page, 400);
	list(p, SPAN("after=10.5072/PLAN"), "application/json", &page, 200);
	/* What is not ours is refused, and so is a place that is gone. */
	next.p[30] = next.p[30] == 'A' ? 'B' : 'A';
	list(p, at, NULL, &page, 400);
	assert_true(says(&page, "begin again"));
	list(p, SPAN("cursor=AAAA"), NULL, &page, 400);
	session_close(p->gate.sessions);
	p->gate.sessions = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name),
		cmocka_unit_test(by_names_below),
		cmocka_unit_test(by_lists),
		cmocka_unit_test(cursor),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
