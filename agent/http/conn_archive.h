/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "agent/http/conn.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * An archive as the body of an answer (HTTP_ARCHIVE): the front reads the plan that the gate wrote
 * (transfer/archive.h), knows from it the length and what stands at each offset, writes headers by
 * itself and asks the gate for each member as anybody would: GET of /data/PID/MEMBER with the same
 * credential.  So each member is decided, recorded and granted by itself.  The next members are
 * asked for while one is sent, so that many small ones do not wait for an answer each.
 *
 * A member that is refused by now, gone, or not what the plan says ends the connection short; the
 * note of the archive says why.  Nothing is ever padded.
 *
 * A connection has such a thing (conn_request.archive) from conn_archive_open to the end of its
 * answer.  While a member is in work it is conn_request.out, and conn_stream.c sends it.
 */
#define CONN_ARCHIVE_AHEAD  16U                   /* members that are asked for ahead */
#define CONN_ARCHIVE_WINDOW (512UL * 1024)        /* bytes: not those that begin beyond */
#define CONN_ARCHIVE_MEMORY (256UL * 1024 * 1024) /* of the plans of one worker */

/* 0, or the status that says why there is none: 500 (no plan), 503 (no memory). */
unsigned conn_archive_open(struct conn *c, const struct http_answer *a);
/* Gives everything back, and forgets what was asked.  NULL allowed. */
void conn_archive_free(struct conn_archive *x);

uint64_t conn_archive_size(const struct conn_archive *x);
/* The bytes to be sent: first to last, both inclusive. */
void conn_archive_range(struct conn_archive *x, uint64_t first, uint64_t last);
uint64_t conn_archive_length(const struct conn_archive *x); /* of those */
/* The head is written: the body follows. */
void conn_archive_start(struct conn *c);

/* What stands next, while no member is in work. */
enum conn_go conn_archive_send(struct conn *c);
/* Ask for members whose turn comes soon. */
void conn_archive_ahead(struct conn *c);
/* So many bytes of the member in work were put into the output. */
void conn_archive_saw(struct conn *c, size_t n);
/* All of them were. */
enum conn_go conn_archive_member_end(struct conn *c);
/* The connection ends, and the body with it: its note.  Nothing without an archive. */
void conn_archive_gone(struct conn *c);

/* The path of the member in work; absent: there is none. */
struct span conn_archive_path(const struct conn_archive *x);
/* Is this the answer about a member that was asked for ahead?  Then it takes a->grant; *ret_drive:
 * the connection waited for it. */
bool conn_archive_answered(struct conn *c, struct http_answer *a, bool *ret_drive);
/* One of the questions was not answered in time.  False: it was not about a member. */
bool conn_archive_unanswered(struct conn *c, enum conn_go *ret);
/* One of the answers could not be taken (no descriptor was free): it is asked for again. */
bool conn_archive_postponed(struct conn *c);
/* A moment has passed since an answer about a member that was stale when it came. */
void conn_archive_again(struct conn *c);
