/* SPDX-License-Identifier: Apache-2.0 */
/* Archives as bodies: what the gate is asked for, what leaves, and what ends one early. */
#include "agent/base/checksum.h"
#include "agent/http/conn_archive.h"
#include "tests/unit/conn_world.h"
#include "transfer/archive.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define MEMBERS  46U
#define PREFIX   "/data/x/"
#define FROM     8U /* bytes of it */
#define ASKS_MAX 64U
#define NOTES    64U

/* ---- a dataset, and a gate that the test answers for ---- */

struct member {
	char path[16];
	size_t size;
	struct granted file;
};

struct place {
	struct world w;
	struct member m[MEMBERS];
	struct buf plan;
	struct archive *layout;
	uint32_t crc[MEMBERS + 1];
	bool late;
	/* questions that wait */
	struct {
		uint64_t id;
		char path[64];
	} ask[ASKS_MAX];
	size_t n_ask;
	size_t member_asks, answered, forgotten, most;
	bool agains; /* each question about a member said `again` */
	/* what the gate does */
	const char *odd; /* a member of which it says something else */
	uint16_t status; /* that */
	size_t n_stale;  /* so many answers about members are older than the epoch */
	bool mute;
	uint32_t audit_from;
	struct http_done note[NOTES];
	size_t n_note;
	uint64_t file_bytes;
};

static bool
place_ask(void *arg, struct conn *c, struct http_ask *q)
{
	struct place *p = arg;

	p->w.asking = c;
	q->id = ++p->w.n_asks;
	assert_true(p->n_ask < ASKS_MAX);
	p->ask[p->n_ask].id = q->id;
	assert_true(span_cstr(q->path, p->ask[p->n_ask].path, sizeof(p->ask[0].path)));
	if (span_starts(q->path, SPAN(PREFIX))) {
		p->member_asks++;
		p->agains = p->agains && q->again && q->query.p == NULL && q->accept.p == NULL;
		check_span(q->authorization, "Bearer t");
		check_span(q->within, "/archive/x.tar");
	}
	if (++p->n_ask > p->most)
		p->most = p->n_ask;
	return true;
}

static void
place_forget(void *arg, uint64_t id)
{
	struct place *p = arg;

	for (size_t i = 0; i < p->n_ask; i++)
		if (p->ask[i].id == id) {
			p->ask[i] = p->ask[--p->n_ask];
			p->forgotten++;
			return;
		}
	fail_msg("forgotten, and nobody asked: %u", (unsigned)id);
}

static void
place_done(void *arg, const struct http_done *d)
{
	struct place *p = arg;

	assert_true(p->n_note < NOTES);
	p->note[p->n_note++] = *d;
	if (d->decision == 42)
		p->file_bytes += d->bytes;
	on_done(&p->w, d);
}

static struct grant *
plan_grant(struct place *p)
{
	struct grant_info info = {.expires = INT64_MAX,
		.epoch = p->w.epoch,
		.decision = 41,
		.generated = true,
		.modified = 784111777,
		.etag = "\"plan\"",
		.rate = p->w.rate};
	struct grant *g = NULL;
	int fd = memfd_create("plan", MFD_CLOEXEC);

	assert_int_equal(write(fd, p->plan.p, p->plan.n), p->plan.n);
	assert_true(grant_issue(&fd, &info, &g, NULL));
	return g;
}

static struct grant *
member_grant(struct place *p, const struct member *m)
{
	struct grant_info info = *grant_info(m->file.grant);
	int fd = fcntl(m->file.fd, F_DUPFD_CLOEXEC, 0);
	struct grant *g = NULL;

	info.epoch = p->w.epoch - (p->n_stale > 0);
	p->n_stale -= p->n_stale > 0;
	info.audit_from = p->audit_from;
	info.rate = p->w.rate;
	assert_true(grant_issue(&fd, &info, &g, NULL));
	return g;
}

static void
place_answer(struct place *p, uint64_t id, const char *path)
{
	struct http_answer a = {.id = id, .status = 200, .fields = SPAN("Content-Type: x/y\r\n")};

	if (strncmp(path, PREFIX, FROM) != 0) {
		a.body = HTTP_ARCHIVE;
		a.grant = plan_grant(p);
		a.ranges = !p->late;
	} else if (p->odd != NULL && strcmp(path + FROM, p->odd) == 0) {
		a.status = p->status;
		a.body = HTTP_INLINE;
		a.text = SPAN("no\n");
	} else {
		for (size_t i = 0; i < MEMBERS && a.grant == NULL; i++)
			if (strcmp(path + FROM, p->m[i].path) == 0)
				a.grant = member_grant(p, &p->m[i]);
		a.body = HTTP_FILE;
		a.ranges = true;
		assert_non_null(a.grant);
	}
	conn_answered(p->w.asking, &a);
}

/* Turns until nothing moves any more; the last question is answered first. */
static void
turn(struct place *p)
{
	for (int still = 0; still < 4; still++) {
		size_t before = p->w.got.n + p->w.n_asks + p->answered;
		assert_true(loop_turn(&p->w.loop, 0, NULL));
		while (p->n_ask > 0 && !p->mute && !p->w.closed) {
			size_t i = --p->n_ask;
			uint64_t id = p->ask[i].id;
			char path[64];
			memcpy(path, p->ask[i].path, sizeof(path));
			p->answered++;
			place_answer(p, id, path);
			drink(&p->w);
		}
		drink(&p->w);
		if (p->w.got.n + p->w.n_asks + p->answered != before)
			still = -1;
	}
}

static void
plan_make(struct place *p, enum archive_form form)
{
	struct archive_top top = {form, SPAN("x"), SPAN(PREFIX)};
	struct archive_last last = {!p->late, SPAN("MANIFEST.json"), SPAN("{}\n"), 0};

	archive_plan_start(&p->plan, &top);
	for (size_t i = 0; i < MEMBERS; i++) {
		const struct grant_info *g = grant_info(p->m[i].file.grant);
		struct archive_member m = {span_of(p->m[i].path), g->size, g->mtime_s,
			(uint32_t)g->mtime_ns, p->crc[i + 1]};
		archive_plan_member(&p->plan, &m);
	}
	archive_plan_end(&p->plan, &last);
	assert_true(archive_new(buf_span(&p->plan), &p->layout, NULL));
	p->crc[0] = archive_text_crc(p->layout);
}

/* "a" of 20 bytes, "b" of none, "big" of 300,000, and many small ones. */
static void
place_begin(struct place *p, enum archive_form form, bool late)
{
	memset(p, 0, sizeof(*p));
	world_begin(&p->w);
	p->late = late;
	p->agains = true;
	p->plan = (struct buf)BUF_INIT(1 << 20);
	p->w.env.gate =
		(struct conn_gate){p, place_ask, place_forget, place_done, on_identity, on_closed};
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member *m = &p->m[i];
		m->size = i == 0 ? SMALL : i == 1 ? 0 : i == 2 ? BIG : 100 * i;
		if (i < 3)
			(void)snprintf(m->path, sizeof(m->path), "%s",
				i == 0   ? "a"
				: i == 1 ? "b"
					 : "big");
		else
			(void)snprintf(m->path, sizeof(m->path), "s/%02zu", i);
		m->file = granted_make(m->size);
		for (size_t k = 0; k < m->size; k++) {
			char c = granted_byte(k);
			p->crc[i + 1] = checksum_crc32(p->crc[i + 1], &c, 1);
		}
	}
	plan_make(p, form);
}

static void
place_end(struct place *p)
{
	world_end(&p->w);
	assert_int_equal(p->n_ask, 0); /* each question was answered or forgotten */
	assert_int_equal(p->w.env.archived, 0);
	archive_free(p->layout);
	buf_fini(&p->plan);
	for (size_t i = 0; i < MEMBERS; i++)
		granted_end(&p->m[i].file);
}

/* What has to leave, from an offset on. */
static void
render(const struct place *p, uint64_t at, struct buf *out)
{
	AUTO_BUF scratch = BUF_INIT(1 << 20);
	struct archive_piece q;

	for (; at < archive_size(p->layout); at += q.n) {
		archive_find(p->layout, at, &q);
		if (q.part == ARCHIVE_DATA)
			for (uint64_t i = 0; i < q.n; i++)
				buf_addc(out, granted_byte((size_t)(q.from + i)));
		else
			buf_add(out, archive_text(p->layout, &q, p->crc, &scratch));
	}
	assert_true(buf_ok(out));
}

static void
request(struct place *p, const char *method, const char *more)
{
	AUTO_BUF b = BUF_INIT(1024);

	p->w.got.n = 0;
	p->n_note = 0;
	buf_addf(&b,
		"%s /archive/x.tar HTTP/1.1\r\nHost: h\r\nAccept: x/y\r\nAuthorization: Bearer "
		"t\r\n%s\r\n",
		method, more);
	assert_int_equal(send(p->w.client, b.p, b.n, MSG_NOSIGNAL), b.n);
}

static struct span
body_of(const struct place *p)
{
	const char *end = memmem(p->w.got.p, p->w.got.n, "\r\n\r\n", 4);

	assert_non_null(end);
	size_t head = (size_t)(end - p->w.got.p) + 4;
	return (struct span){p->w.got.p + head, p->w.got.n - head};
}

static bool
got(const struct place *p, const char *text)
{
	return memmem(p->w.got.p, p->w.got.n, text, strlen(text)) != NULL;
}

/* ---- what leaves ---- */

static void
whole(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct place p;
		AUTO_BUF want = BUF_INIT(1 << 20);
		char length[64];
		place_begin(&p, k == 0 ? ARCHIVE_TAR : ARCHIVE_ZIP, k == 2);
		render(&p, 0, &want);
		request(&p, "GET", k == 2 ? "Range: bytes=5-\r\n" : "");
		turn(&p);
		assert_true(got(&p, "HTTP/1.1 200 "));
		assert_true(got(&p, "\r\nETag: \"plan\"\r\n"));
		assert_int_equal(got(&p, "\r\nAccept-Ranges: bytes\r\n"), k < 2);
		(void)snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", want.n);
		assert_true(got(&p, length));
		assert_true(span_eq(body_of(&p), buf_span(&want)));
		assert_int_equal(p.member_asks, MEMBERS);
		assert_true(p.agains);
		assert_in_range(p.most, 8, CONN_ARCHIVE_AHEAD); /* it asks ahead */
		assert_int_equal(p.n_note, MEMBERS + 1);
		assert_int_equal(p.note[MEMBERS].decision, 41);
		assert_int_equal(p.note[MEMBERS].bytes + p.file_bytes, want.n);
		for (size_t i = 0; i < p.n_note; i++)
			assert_int_equal(p.note[i].result, HTTP_COMPLETE);
		assert_int_equal(p.w.env.n_conns, 1); /* and goes on */
		place_end(&p);
	}
}

/* From many offsets, each with as many questions as members lie behind it at most. */
static void
ranges(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct place p;
		AUTO_BUF want = BUF_INIT(1 << 20);
		char range[64];
		place_begin(&p, k == 0 ? ARCHIVE_TAR : ARCHIVE_ZIP, false);
		render(&p, 0, &want);
		for (uint64_t at = 1; at < want.n;
			at += at < 4096 || at + 9000 > want.n ? 97 : 24989) {
			uint64_t last = at + (at % 2 == 0 ? 700 : want.n) - 1;
			p.n_note = 0;
			(void)snprintf(range, sizeof(range), "Range: bytes=%llu-%llu\r\n",
				(unsigned long long)at, (unsigned long long)last);
			request(&p, "GET", range);
			turn(&p);
			assert_true(got(&p, "HTTP/1.1 206 "));
			assert_true(got(&p, "\r\nContent-Range: bytes "));
			struct span rest = span_skip(buf_span(&want), (size_t)at);
			assert_true(
				span_eq(body_of(&p), span_first(rest, (size_t)(last + 1 - at))));
			assert_int_equal(p.note[p.n_note - 1].decision, 41);
		}
		place_end(&p);
	}
}

static const struct other_row {
	const char *name, *method, *field, *want;
} others[] = {
	{"HEAD", "HEAD", "", "HTTP/1.1 200 "},
	{"HEAD has no range", "HEAD", "Range: bytes=1-2\r\n", "HTTP/1.1 200 "},
	{"the same tag", "GET", "If-None-Match: \"plan\"\r\n", "HTTP/1.1 304 "},
	{"another tag", "GET", "If-Match: \"x\"\r\n", "HTTP/1.1 412 "},
	{"behind the end", "GET", "Range: bytes=99999999-\r\n", "HTTP/1.1 416 "},
};

/* No member is asked for where none is sent. */
static void
no_bytes(void **state)
{
	struct place p;

	(void)state;
	place_begin(&p, ARCHIVE_TAR, false);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		CHECK_ROW(others[i].name);
		request(&p, others[i].method, others[i].field);
		turn(&p);
		assert_true(got(&p, others[i].want));
		assert_int_equal(p.member_asks, 0);
		assert_true(body_of(&p).n < 1024);
	}
	request(&p, "GET", "Range: bytes=0-1,5-6\r\n"); /* several: all of it */
	turn(&p);
	assert_true(got(&p, "HTTP/1.1 200 "));
	assert_int_equal(body_of(&p).n, archive_size(p.layout));
	request(&p, "GET", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n");
	turn(&p);
	assert_true(got(&p, "HTTP/1.1 200 "));
	p.plan.n--;
	request(&p, "GET", "");
	turn(&p);
	assert_true(got(&p, "HTTP/1.1 500 "));
	place_end(&p);
}

/* ---- what ends one ---- */

static const struct cut_row {
	const char *name, *odd;
	uint16_t status;
	enum http_result result;
	enum http_why why;
} cuts[] = {
	{"refused", "s/20", 403, HTTP_CUT, HTTP_WHY_DENIED},
	{"the token has expired", "b", 401, HTTP_CUT, HTTP_WHY_DENIED},
	{"gone", "s/45", 404, HTTP_BROKEN, HTTP_WHY_CHANGED},
	{"withdrawn", "a", 410, HTTP_BROKEN, HTTP_WHY_CHANGED},
	{"not to be opened now", "s/05", 503, HTTP_CUT, HTTP_WHY_UNANSWERED},
};

/* The connection ends before the length is reached, in front of the member's header. */
static void
cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		const struct cut_row *r = &cuts[i];
		struct place p;
		AUTO_BUF want = BUF_INIT(1 << 20);
		size_t entry = 1;
		CHECK_ROW(r->name);
		place_begin(&p, ARCHIVE_TAR, false);
		p.odd = r->odd;
		p.status = r->status;
		while (strcmp(p.m[entry - 1].path, r->odd) != 0)
			entry++;
		render(&p, 0, &want);
		request(&p, "GET", "");
		turn(&p);
		assert_true(p.w.closed);
		assert_true(span_eq(body_of(&p),
			span_first(buf_span(&want), (size_t)archive_at(p.layout, entry))));
		assert_int_equal(p.n_note, entry);
		assert_int_equal(p.w.done.decision, 41);
		assert_int_equal(p.w.done.result, r->result);
		assert_int_equal(p.w.done.why, r->why);
		place_end(&p);
	}
}

/* A file that is not what the plan says is never begun. */
static void
changed(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct place p;
		struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 5}};
		place_begin(&p, ARCHIVE_ZIP, k == 1);
		if (k == 0)
			assert_int_equal(futimens(p.m[2].file.fd, times), 0);
		else
			assert_int_equal(ftruncate(p.m[2].file.fd, BIG - 1), 0);
		request(&p, "GET", "");
		turn(&p);
		assert_true(p.w.closed);
		assert_int_equal(p.w.done.result, HTTP_BROKEN);
		assert_int_equal(p.w.done.why, HTTP_WHY_CHANGED);
		assert_int_equal(body_of(&p).n, archive_at(p.layout, 3));
		place_end(&p);
	}
}

static struct conn *
the_conn(struct place *p)
{
	return (struct conn *)(void *)p->w.env.conns.next;
}

/* Until the big member is on its way and the client reads no more. */
static void
stall(struct place *p)
{
	int small = 4096;

	(void)setsockopt(p->w.client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	(void)setsockopt(the_conn(p)->watch.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	request(p, "GET", "");
	for (int i = 0; i < 20; i++) {
		assert_true(loop_turn(&p->w.loop, 0, NULL));
		while (p->n_ask > 0) {
			size_t k = --p->n_ask;
			char path[64];
			memcpy(path, p->ask[k].path, sizeof(path));
			p->answered++;
			place_answer(p, p->ask[k].id, path);
		}
	}
	check_span(conn_archive_path(the_conn(p)->req->archive), PREFIX "big");
}

/* A reload in the middle of a member: it is asked for again, and so are those that wait. */
static void
reload(void **state)
{
	struct place p;
	AUTO_BUF want = BUF_INIT(1 << 20);

	(void)state;
	place_begin(&p, ARCHIVE_TAR, false);
	render(&p, 0, &want);
	stall(&p);
	p.w.epoch++;
	p.agains = true;
	turn(&p);
	assert_true(span_eq(body_of(&p), buf_span(&want)));
	assert_true(p.agains);
	assert_true(p.member_asks > MEMBERS);
	assert_int_equal(p.w.done.result, HTTP_COMPLETE);
	place_end(&p);
}

/* The same, and the gate says no: the body ends within the member. */
static void
reload_refused(void **state)
{
	struct place p;

	(void)state;
	place_begin(&p, ARCHIVE_TAR, false);
	stall(&p);
	p.w.epoch++;
	p.odd = "big";
	p.status = 403;
	turn(&p);
	assert_true(p.w.closed);
	assert_true(body_of(&p).n < archive_at(p.layout, 4));
	assert_int_equal(p.w.done.decision, 41);
	assert_int_equal(p.w.done.why, HTTP_WHY_DENIED);
	assert_int_equal(p.note[p.n_note - 2].decision, 42);
	assert_int_equal(p.note[p.n_note - 2].why, HTTP_WHY_DENIED);
	place_end(&p);
}

/* Answers that are older than the epoch are asked for again; the second time after a moment. */
static void
stale(void **state)
{
	struct place p;
	AUTO_BUF want = BUF_INIT(1 << 20);

	(void)state;
	place_begin(&p, ARCHIVE_TAR, false);
	render(&p, 0, &want);
	p.n_stale = 20;
	request(&p, "GET", "");
	for (int i = 0; i < 40 && p.w.n_done <= MEMBERS; i++) {
		turn(&p);
		assert_true(loop_turn(&p.w.loop, 300, NULL));
	}
	turn(&p);
	assert_true(span_eq(body_of(&p), buf_span(&want)));
	place_end(&p);
}

/* Who leaves in the middle: nothing stays behind, and the notes say so. */
static void
client_gone(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct place p;
		place_begin(&p, ARCHIVE_TAR, false);
		if (k == 0) {
			stall(&p);
		} else {
			p.mute = true; /* it waits for the first member */
			request(&p, "GET", "");
			assert_true(loop_turn(&p.w.loop, 0, NULL));
			assert_true(loop_turn(&p.w.loop, 0, NULL));
			assert_int_equal(p.n_ask, 1);
			place_answer(&p, p.ask[--p.n_ask].id, "/archive/x.tar");
			assert_true(p.n_ask > 1);
		}
		conn_close(the_conn(&p));
		assert_int_equal(p.n_ask, 0);
		assert_int_equal(p.w.done.decision, 41);
		assert_int_equal(p.w.done.result, HTTP_CLIENT_GONE);
		place_end(&p);
	}
}

/* A gate that does not answer: the body ends when it waits for that, and not before. */
static void
unanswered(void **state)
{
	struct place p;
	AUTO_BUF want = BUF_INIT(1 << 20);

	(void)state;
	place_begin(&p, ARCHIVE_TAR, false);
	render(&p, 0, &want);
	stall(&p);
	p.mute = true;
	while (p.n_ask == 0) { /* until some are asked for ahead */
		char some[2048];
		(void)recv(p.w.client, some, sizeof(some), MSG_DONTWAIT);
		buf_add(&p.w.got, (struct span){some, 0});
		assert_true(loop_turn(&p.w.loop, 0, NULL));
	}
	conn_unanswered(the_conn(&p));
	assert_int_equal(p.w.env.n_conns, 1);
	p.mute = false;
	turn(&p);
	assert_int_equal(p.w.done.result, HTTP_COMPLETE);
	p.mute = true;
	request(&p, "GET", "");
	turn(&p);
	place_answer(&p, p.ask[--p.n_ask].id, "/archive/x.tar");
	turn(&p);
	conn_unanswered(the_conn(&p));
	drink(&p.w);
	assert_true(p.w.closed);
	assert_int_equal(p.w.done.why, HTTP_WHY_UNANSWERED);
	place_end(&p);
}

/* The gate is silent when the grant of a member has to be renewed: all that was asked is forgotten.
 */
static void
renewal_unanswered(void **state)
{
	struct place p;

	(void)state;
	place_begin(&p, ARCHIVE_TAR, false);
	stall(&p);
	p.mute = true;
	p.w.epoch++;
	for (int i = 0; i < 50 && p.n_ask == 0; i++) {
		drink(&p.w);
		assert_true(loop_turn(&p.w.loop, 0, NULL));
	}
	assert_true(p.n_ask > 0);
	conn_unanswered(the_conn(&p));
	drink(&p.w);
	assert_true(p.w.closed);
	assert_int_equal(p.n_ask, 0);
	assert_int_equal(p.w.done.decision, 41);
	assert_int_equal(p.w.done.why, HTTP_WHY_UNANSWERED);
	place_end(&p);
}

/* No descriptor was free for an answer: it is asked for again, whether it is waited for or not. */
static void
postponed(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct place p;
		AUTO_BUF want = BUF_INIT(1 << 20);
		place_begin(&p, ARCHIVE_TAR, false);
		render(&p, 0, &want);
		p.mute = true;
		request(&p, "GET", "");
		turn(&p);
		place_answer(&p, p.ask[--p.n_ask].id, "/archive/x.tar");
		turn(&p);
		assert_true(p.n_ask > 1);
		if (k == 1) { /* the first one is there, and is being sent */
			uint64_t id = p.ask[0].id;
			p.ask[0] = p.ask[--p.n_ask];
			place_answer(&p, id, PREFIX "a");
		}
		conn_postponed(the_conn(&p));
		p.mute = false;
		turn(&p);
		assert_true(span_eq(body_of(&p), buf_span(&want)));
		assert_int_equal(p.w.done.result, HTTP_COMPLETE);
		place_end(&p);
	}
}

/* audit:full names the member, and what of it left. */
static void
full(void **state)
{
	struct place p;

	(void)state;
	place_begin(&p, ARCHIVE_TAR, false);
	p.audit_from = FROM;
	request(&p, "GET", "Range: bytes=0-1027\r\n"); /* four bytes of the text's block short */
	turn(&p);
	assert_int_equal(p.n_note, 1);
	request(&p, "GET", "Range: bytes=1024-1545\r\n");
	turn(&p);
	assert_string_equal(p.w.done_file, "a");
	assert_int_equal(p.w.done_ranges[0], 0);
	assert_int_equal(p.w.done_ranges[1], 9);
	place_end(&p);
}

/* One stream of a class that allows one. */
static void
limited(void **state)
{
	struct place p;

	(void)state;
	place_begin(&p, ARCHIVE_TAR, false);
	p.w.rate = (struct grant_rate){.name = "bulk", .who = {1}, .requests_per_min = 1};
	request(&p, "GET", "");
	turn(&p);
	assert_true(got(&p, "HTTP/1.1 200 ")); /* its members are no requests */
	assert_int_equal(p.w.done.result, HTTP_COMPLETE);
	request(&p, "GET", "");
	turn(&p);
	assert_true(got(&p, "HTTP/1.1 429 "));
	place_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(ranges),
		cmocka_unit_test(no_bytes),
		cmocka_unit_test(cut),
		cmocka_unit_test(changed),
		cmocka_unit_test(reload),
		cmocka_unit_test(reload_refused),
		cmocka_unit_test(stale),
		cmocka_unit_test(client_gone),
		cmocka_unit_test(unanswered),
		cmocka_unit_test(renewal_unanswered),
		cmocka_unit_test(postponed),
		cmocka_unit_test(full),
		cmocka_unit_test(limited),
	};
	return cmocka_run_group_tests_name("conn_archive", tests, NULL, NULL);
}
