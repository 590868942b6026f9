/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_archive.h"

#include "agent/base/checksum.h"
#include "agent/http/conn_answer.h"
#include "agent/http/conn_ask.h"
#include "agent/http/conn_note.h"
#include "transfer/archive.h"

#include <stdlib.h>
#include <string.h>

#define PATH_MAX_ALL (2 * ARCHIVE_PATH_MAX)                           /* prefix and member */
#define TEXT_MAX     (ARCHIVE_DIR_MAX + 2 * ARCHIVE_PATH_MAX + 4096U) /* around one member */
#define NOTES_SPARE  3U /* of a member, of the archive, and one more */

/* A member that was asked for, before its turn comes. */
struct ahead {
	enum { AHEAD_ASKED, AHEAD_GRANTED, AHEAD_REFUSED, AHEAD_LATER } state;
	size_t entry;
	uint64_t id;         /* AHEAD_ASKED */
	struct grant *grant; /* AHEAD_GRANTED: owned */
	uint16_t status;     /* AHEAD_REFUSED */
	unsigned tries;      /* answers that were stale when they came */
};

struct conn_archive {
	struct conn_env *env;
	struct archive *layout;
	char *plan;
	size_t memory;          /* as counted in conn_env.archived */
	struct grant_info info; /* of the plan's grant */
	uint64_t at, end;       /* the next byte, and the one behind the last */
	bool started;
	bool closing; /* the connection ends, and has forgotten this question by itself: */
	uint64_t forgotten;
	struct ahead ahead[CONN_ARCHIVE_AHEAD]; /* a ring, in order of entries */
	size_t first, n;
	size_t next;     /* the entry to be asked for next */
	size_t entry;    /* of the member in work; 0: none */
	uint64_t length; /* bytes of it that are sent */
	struct buf path; /* of it */
	uint32_t *found; /* CRC-32 of each entry, of a late archive; else NULL */
	struct buf text, ask;
	uint64_t texts; /* bytes that are no member's */
	enum http_result result;
	enum http_why why;
};

/* ---- opening ---- */

static bool
read_plan(struct conn_archive *x, const struct grant *g)
{
	size_t size = (size_t)x->info.size;
	size_t n = 0;

	x->plan = malloc(size + 1);
	while (x->plan != NULL && n < size) {
		ssize_t r = grant_pread(g, x->plan + n, size - n, n);
		if (r <= 0)
			return false;
		n += (size_t)r;
	}
	return x->plan != NULL;
}

static bool
make(struct conn_archive *x, const struct grant *g)
{
	if (!read_plan(x, g) ||
		!archive_new((struct span){x->plan, (size_t)x->info.size}, &x->layout, NULL))
		return false;
	if (archive_late(x->layout)) {
		x->found = calloc(archive_entries(x->layout), sizeof(*x->found));
		if (x->found == NULL)
			return false;
		x->found[0] = archive_text_crc(x->layout);
	}
	x->end = archive_size(x->layout);
	return true;
}

unsigned
conn_archive_open(struct conn *c, const struct http_answer *a)
{
	const struct grant_info *g = grant_info(a->grant);
	struct conn_archive *x = calloc(1, sizeof(*x));

	/* The layout takes less than the plan does. */
	if (x == NULL || g->size > ARCHIVE_PLAN_MAX ||
		c->env->archived + 2 * g->size > CONN_ARCHIVE_MEMORY) {
		free(x);
		return 503;
	}
	x->info = *g;
	x->path = (struct buf)BUF_INIT(PATH_MAX_ALL);
	x->ask = (struct buf)BUF_INIT(PATH_MAX_ALL);
	x->text = (struct buf)BUF_INIT(TEXT_MAX);
	x->memory = 2 * (size_t)g->size;
	x->env = c->env;
	x->env->archived += x->memory;
	if (!make(x, a->grant)) {
		conn_archive_free(x);
		return 500;
	}
	c->req->archive = x;
	return 0;
}

static struct ahead *
ahead_at(struct conn_archive *x, size_t i)
{
	return &x->ahead[(x->first + i) % CONN_ARCHIVE_AHEAD];
}

static void
forget(const struct conn_archive *x, struct ahead *s)
{
	if (s->state == AHEAD_ASKED && (!x->closing || s->id != x->forgotten))
		x->env->gate.forget(x->env->gate.arg, s->id);
	grant_unref(s->grant);
	*s = (struct ahead){.state = AHEAD_LATER, .entry = s->entry, .tries = s->tries};
}

static void
drop_first(struct conn_archive *x)
{
	forget(x, ahead_at(x, 0));
	x->first = (x->first + 1) % CONN_ARCHIVE_AHEAD;
	x->n--;
}

void
conn_archive_free(struct conn_archive *x)
{
	if (x == NULL)
		return;
	while (x->n > 0)
		drop_first(x);
	x->env->archived -= x->memory;
	archive_free(x->layout);
	free(x->plan);
	free(x->found);
	buf_fini(&x->path);
	buf_fini(&x->ask);
	buf_fini(&x->text);
	free(x);
}

uint64_t
conn_archive_size(const struct conn_archive *x)
{
	return archive_size(x->layout);
}

void
conn_archive_range(struct conn_archive *x, uint64_t first, uint64_t last)
{
	x->at = first;
	x->end = last + 1;
}

uint64_t
conn_archive_length(const struct conn_archive *x)
{
	return x->end - x->at;
}

struct span
conn_archive_path(const struct conn_archive *x)
{
	return x->entry > 0 ? buf_span(&x->path) : SPAN_NONE;
}

/* ---- asking ---- */

static void
path_of(const struct conn_archive *x, size_t entry, struct buf *out)
{
	struct archive_member m;

	archive_member(x->layout, entry, &m);
	buf_reset(out);
	buf_add(out, archive_prefix(x->layout));
	buf_add(out, m.path);
}

static void
ask(struct conn *c, struct ahead *s)
{
	struct conn_archive *x = c->req->archive;
	struct grant *kept = NULL;

	path_of(x, s->entry, &x->ask);
	if (!buf_ok(&x->ask) || !conn_ask_member(c, buf_span(&x->ask), &s->id, &kept)) {
		s->state = AHEAD_LATER;
		s->tries++;
	} else if (kept != NULL) {
		s->grant = kept;
		s->state = AHEAD_GRANTED;
	} else {
		s->state = AHEAD_ASKED;
	}
}

static void
push(struct conn *c, size_t entry)
{
	struct conn_archive *x = c->req->archive;
	struct ahead *s = ahead_at(x, x->n++);

	*s = (struct ahead){.state = AHEAD_LATER, .entry = entry};
	x->next = entry + 1;
	ask(c, s);
}

void
conn_archive_ahead(struct conn *c)
{
	struct conn_archive *x = c->req->archive;
	uint64_t near = x->at + (x->entry > 0 ? c->req->out.put : 0) + CONN_ARCHIVE_WINDOW;

	if (near > x->end)
		near = x->end;
	while (x->n < CONN_ARCHIVE_AHEAD && x->next < archive_entries(x->layout) &&
		archive_at(x->layout, x->next) < near)
		push(c, x->next);
}

bool
conn_archive_answered(struct conn *c, struct http_answer *a, bool *ret_drive)
{
	struct conn_request *r = c->req;
	struct conn_archive *x = r != NULL ? r->archive : NULL;
	struct ahead *s = NULL;

	if (x == NULL)
		return false;
	for (size_t i = 0; i < x->n && s == NULL; i++)
		if (ahead_at(x, i)->state == AHEAD_ASKED && ahead_at(x, i)->id == a->id)
			s = ahead_at(x, i);
	if (s == NULL)
		return false;
	if (a->body != HTTP_FILE) {
		s->state = AHEAD_REFUSED;
		s->status = a->status;
		grant_unref(a->grant);
	} else {
		s->state = AHEAD_GRANTED;
		s->grant = a->grant;
	}
	*ret_drive = c->state == CONN_ASK && !r->renewing && r->asked && r->ask_id == a->id;
	if (*ret_drive) {
		r->asked = false;
		c->state = CONN_SEND;
	}
	return true;
}

/* ---- the end before the end ---- */

/* What is in the buffer may leave, the rest never does. */
static enum conn_go
cut(struct conn *c, enum http_result result, enum http_why why)
{
	c->req->archive->result = result;
	c->req->archive->why = why;
	metric_add(c->env->metrics, METRIC_TRANSFERS_CUT, 1);
	(void)conn_answer_flush(c);
	return CONN_OVER;
}

/*
 * Which of the questions it was is not known: all are forgotten, to be asked again when their turn
 * comes.  False: there is no archive, or the grant of the member in work is to be renewed.
 * *ret_waited: the connection waited for a member.
 */
static bool
ask_later(struct conn *c, bool *ret_waited)
{
	struct conn_archive *x = c->req != NULL ? c->req->archive : NULL;

	if (x == NULL)
		return false;
	if (c->req->renewing && c->req->asked)
		c->env->gate.forget(c->env->gate.arg, c->req->ask_id);
	*ret_waited = c->state == CONN_ASK;
	for (size_t i = 0; i < x->n; i++) {
		struct ahead *s = ahead_at(x, i);
		if (s->state != AHEAD_ASKED)
			continue;
		forget(x, s);
		s->tries++;
	}
	if (c->req->renewing)
		return false;
	c->req->asked = false;
	return true;
}

bool
conn_archive_unanswered(struct conn *c, enum conn_go *ret)
{
	bool waited = false;

	if (!ask_later(c, &waited))
		return false;
	*ret = waited ? cut(c, HTTP_CUT, HTTP_WHY_UNANSWERED) : CONN_GO;
	return true;
}

bool
conn_archive_postponed(struct conn *c)
{
	bool waited = false;

	if (!ask_later(c, &waited))
		return false;
	if (waited)
		c->state = CONN_SEND;
	return true;
}

void
conn_archive_gone(struct conn *c)
{
	struct conn_request *r = c->req;
	struct conn_archive *x = r != NULL ? r->archive : NULL;

	if (x == NULL || !x->started)
		return;
	x->closing = c->state == CONN_ASK && r->asked;
	x->forgotten = r->ask_id;
	if (r->noting && conn_note_in_work(c)->result == HTTP_COMPLETE)
		conn_note_in_work(c)->result = HTTP_CLIENT_GONE;
	if (r->noting && x->result == HTTP_COMPLETE) {
		x->result = conn_note_in_work(c)->result;
		x->why = conn_note_in_work(c)->why;
	}
	conn_note_begin(c, &x->info, NULL);
	r->noting = true;
	conn_note_in_work(c)->bytes = x->texts;
	conn_note_in_work(c)->result = x->result;
	conn_note_in_work(c)->why = x->why;
}

/* ---- sending ---- */

void
conn_archive_start(struct conn *c)
{
	struct conn_archive *x = c->req->archive;
	struct archive_piece p;

	archive_find(x->layout, x->at, &p);
	x->next = p.entry;
	if (p.part == ARCHIVE_CENTRAL || p.part == ARCHIVE_END)
		x->next = archive_entries(x->layout);
	else if (p.part == ARCHIVE_TAIL || p.entry == 0)
		x->next++;
	x->started = true;
	c->state = CONN_SEND;
}

/* Nothing of the whole is left. */
static enum conn_go
end(struct conn *c)
{
	struct conn_archive *x = c->req->archive;

	conn_note_begin(c, &x->info, NULL);
	conn_note_in_work(c)->bytes = x->texts;
	return conn_answer_done(c);
}

/* Is the granted file the one in the plan?  Its ETag may be another by now: digests are added. */
static bool
same(const struct conn_archive *x, const struct ahead *s)
{
	const struct grant_info *g = grant_info(s->grant);
	struct archive_member m;

	archive_member(x->layout, s->entry, &m);
	return !g->generated && g->size == m.size && g->mtime_s == m.mtime_s &&
	       g->mtime_ns == (int64_t)m.mtime_ns;
}

static enum conn_go
refused(struct conn *c, const struct ahead *s)
{
	if (s->status == 404 || s->status == 410)
		return cut(c, HTTP_BROKEN, HTTP_WHY_CHANGED);
	if (s->status >= 500)
		return cut(c, HTTP_CUT, HTTP_WHY_UNANSWERED);
	return cut(c, HTTP_CUT, HTTP_WHY_DENIED);
}

/* The gate decided before a reload that has happened meanwhile: the next one is asked, the first
 * time at once, then after a moment. */
static enum conn_go
later(struct conn *c, struct ahead *s)
{
	if (s->tries > CONN_RETRY_MAX)
		return cut(c, HTTP_CUT, HTTP_WHY_UNANSWERED);
	if (s->tries <= 1) {
		ask(c, s);
		return CONN_GO;
	}
	c->state = CONN_ASK;
	c->req->asked = false;
	return CONN_GO;
}

void
conn_archive_again(struct conn *c)
{
	struct conn_archive *x = c->req->archive;

	c->state = CONN_SEND;
	if (x->n > 0)
		ask(c, ahead_at(x, 0));
}

/* The member's grant is there: CONN_GO and *ret set.  Else what to do now. */
static enum conn_go
need(struct conn *c, size_t entry, struct ahead **ret)
{
	struct conn_archive *x = c->req->archive;

	while (x->n > 0 && ahead_at(x, 0)->entry != entry)
		drop_first(x);
	if (x->n == 0)
		push(c, entry);
	struct ahead *s = ahead_at(x, 0);
	uint64_t epoch = __atomic_load_n(c->env->epoch, __ATOMIC_ACQUIRE);
	if (s->state == AHEAD_GRANTED && !grant_valid(s->grant, c->env->loop->utc, epoch)) {
		s->tries++;
		forget(x, s);
	}
	switch (s->state) {
	case AHEAD_ASKED:
		c->state = CONN_ASK;
		c->req->asked = true;
		c->req->ask_id = s->id;
		return CONN_GO;
	case AHEAD_LATER:
		return later(c, s);
	case AHEAD_REFUSED:
		return refused(c, s);
	case AHEAD_GRANTED:
		break;
	}
	if (!same(x, s))
		return cut(c, HTTP_BROKEN, HTTP_WHY_CHANGED);
	*ret = s;
	return CONN_GO;
}

/* The class of a member of another dataset may be another one: then that one counts. */
static void
move_rate(struct conn *c, const struct grant_rate *r)
{
	struct grant_rate *was = &c->req->archive->info.rate;

	if (strcmp(r->name, was->name) == 0 && memcmp(r->who, was->who, sizeof(was->who)) == 0)
		return;
	rate_move(c->env->rates, r, c->env->loop->now, &c->req->rate);
	*was = *r;
}

/* The member becomes the body in work: from its byte `from`, n bytes (0: it is empty). */
static void
member_start(struct conn *c, struct ahead *s, uint64_t from, uint64_t n)
{
	struct conn_request *r = c->req;
	struct conn_archive *x = r->archive;
	const struct grant_info *g = grant_info(s->grant);
	struct range_set set = {.n = 1, .r = {{from, from + n - 1}}};

	x->entry = s->entry;
	x->length = n;
	path_of(x, x->entry, &x->path);
	move_rate(c, &g->rate);
	if (n == g->size)
		body_whole(&r->out, s->grant);
	else
		body_range(&r->out, s->grant, &set.r[0]);
	r->finish = (struct http_finish){.seconds = 0};
	conn_note_begin(c, g, n > 0 ? &set : NULL);
	r->noting = true;
	drop_first(x);
}

enum conn_go
conn_archive_member_end(struct conn *c)
{
	struct conn_request *r = c->req;
	struct conn_archive *x = r->archive;

	x->at += x->length;
	x->entry = 0;
	body_fini(&r->out);
	r->noting = false;
	return CONN_GO;
}

void
conn_archive_saw(struct conn *c, size_t n)
{
	struct conn_archive *x = c->req->archive;
	uint32_t *crc = x->found != NULL && x->entry > 0 ? &x->found[x->entry] : NULL;

	if (crc != NULL)
		*crc = checksum_crc32(*crc, c->out.buf + c->out.n - n, n);
}

static enum conn_go
send_text(struct conn *c, const struct archive_piece *p)
{
	struct conn_archive *x = c->req->archive;
	struct span text = archive_text(x->layout, p, x->found, &x->text);

	if (text.n < p->n)
		return cut(c, HTTP_BROKEN, HTTP_WHY_NONE);
	size_t n = tls_out_mem(&c->out, span_first(text, (size_t)p->n));
	x->at += n;
	x->texts += n;
	if (n == p->n)
		return CONN_GO;
	return n > 0 || tls_out_waiting(&c->out) > 0 ? conn_answer_flush(c) : CONN_OVER;
}

/* An empty member has no bytes of its own, and is decided and noted all the same. */
static enum conn_go
send_head(struct conn *c, const struct archive_piece *p)
{
	struct conn_archive *x = c->req->archive;
	struct ahead *s = NULL;
	uint64_t behind = x->at + p->n;

	enum conn_go go = need(c, p->entry, &s);
	if (s == NULL)
		return go;
	bool empty = grant_info(s->grant)->size == 0;
	go = send_text(c, p);
	if (x->at == behind && empty && go == CONN_GO) {
		member_start(c, s, 0, 0);
		return conn_archive_member_end(c);
	}
	return go;
}

static enum conn_go
send_data(struct conn *c, const struct archive_piece *p)
{
	struct ahead *s = NULL;
	enum conn_go go = need(c, p->entry, &s);

	if (s != NULL)
		member_start(c, s, p->from, p->n);
	return go;
}

enum conn_go
conn_archive_send(struct conn *c)
{
	struct conn_request *r = c->req;
	struct conn_archive *x = r->archive;
	struct archive_piece p;

	if (r->n_notes + NOTES_SPARE > CONN_NOTES) {
		enum conn_go go = conn_answer_flush(c);
		if (go != CONN_GO)
			return go;
	}
	if (x->at == x->end)
		return end(c);
	conn_archive_ahead(c);
	archive_find(x->layout, x->at, &p);
	if (p.n > x->end - x->at)
		p.n = x->end - x->at;
	if (p.part == ARCHIVE_DATA)
		return send_data(c, &p);
	if (p.part == ARCHIVE_HEAD && p.entry > 0)
		return send_head(c, &p);
	return send_text(c, &p);
}
