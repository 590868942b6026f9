/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/* What the gate is told when the bytes of an answer under a grant have left, or never will. */

/* A note for the answer in work.  set: what is to leave; NULL: nothing of the file. */
void conn_note_begin(struct conn *c, const struct grant_info *g, const struct range_set *set);
/* The one that was begun last. */
struct http_done *conn_note_in_work(struct conn *c);
/*
 * all_left: everything in the output has left, so the notes but the one of the body under way can
 * go.  Else the connection ends: what has not left is taken off, and all notes go.
 */
void conn_note_flush(struct conn *c, bool all_left);
