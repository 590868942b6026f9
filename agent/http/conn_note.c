/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/conn_note.h"

#include "agent/http/conn_archive.h"

#include <stdlib.h>
#include <string.h>

static void
put_u64(char *out, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (char)(v >> (8 * i));
}

/* Obligation audit:full: the file and the ranges, in one block that the note owns. */
static void
note_full(struct span path, const struct range_set *set, uint32_t from, struct http_done *d)
{
	struct span file = span_skip(path, from);
	size_t n = set != NULL ? set->n : 0;
	char *block = malloc(file.n + n * HTTP_RANGE_SIZE + 1);

	if (block == NULL)
		return;
	memcpy(block, file.p, file.n);
	d->file = (struct span){block, file.n};
	d->ranges = (struct span){block + file.n, n * HTTP_RANGE_SIZE};
	for (size_t i = 0; i < n; i++) {
		char *out = block + file.n + i * HTTP_RANGE_SIZE;
		put_u64(out, set->r[i].first);
		put_u64(out + 8, set->r[i].last);
	}
}

void
conn_note_begin(struct conn *c, const struct grant_info *g, const struct range_set *set)
{
	struct conn_request *r = c->req;
	struct http_done *d = &r->note[r->n_notes++];

	*d = (struct http_done){.decision = g->decision, .result = HTTP_COMPLETE};
	memcpy(d->trace, r->trace, sizeof(d->trace));
	struct span path = r->archive != NULL ? conn_archive_path(r->archive) : r->target.path;
	if (g->audit_from > 0 && g->audit_from < path.n)
		note_full(path, set, g->audit_from, d);
}

struct http_done *
conn_note_in_work(struct conn *c)
{
	return &c->req->note[c->req->n_notes - 1];
}

/* All bytes of the buffer left: the notes but the one in work can go. */
static void
notes_left(struct conn *c)
{
	struct conn_request *r = c->req;
	size_t n = r->noting ? r->n_notes - 1 : r->n_notes;

	for (size_t i = 0; i < n; i++) {
		c->env->gate.done(c->env->gate.arg, &r->note[i]);
		free((char *)(uintptr_t)r->note[i].file.p);
	}
	if (r->noting)
		r->note[0] = r->note[n];
	r->n_notes -= n;
}

void
conn_note_flush(struct conn *c, bool all_left)
{
	struct conn_request *r = c->req;
	uint64_t unsent = tls_out_waiting(&c->out);

	if (r == NULL || r->n_notes == 0)
		return;
	if (all_left) {
		notes_left(c);
		return;
	}
	for (size_t i = r->n_notes; i > 0; i--) {
		struct http_done *d = &r->note[i - 1];
		uint64_t lost = d->bytes < unsent ? d->bytes : unsent;
		d->bytes -= lost;
		unsent -= lost;
		if (d->result == HTTP_COMPLETE && (lost > 0 || (r->noting && i == r->n_notes)))
			d->result = HTTP_CLIENT_GONE;
	}
	r->noting = false;
	notes_left(c);
}
