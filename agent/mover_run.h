/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/mover.h"
#include "transfer/tpc.h"

/* The inside of agent/mover.h, for mover.c and mover_tell.c. */

enum move_step { MOVE_LOOK, MOVE_SEND, MOVE_VERIFY, MOVE_OVER };

struct move {
	struct mover *owner;
	struct move *next, **link;
	unsigned from; /* link to the gate that sent it */
	int pipe;
	enum move_step step;
	struct carry_job *job;
	struct haul haul;  /* its spans lie in `text` */
	struct buf text;   /* wiped */
	struct buf url;    /* the present one, NUL-terminated */
	struct tpc_url at; /* of it */
	struct buf out;    /* for the pipe */
	bool begun;        /* the client has its 202 */
	bool authorized;   /* no redirect has led to another host */
	bool gone;         /* the client has left */
	bool changed;      /* the file is not what was granted */
	unsigned redirects;
	const char *refused; /* kind of an address that is not sent to; NULL: none was met */
	int64_t started_ms, progress_ms, marker_ms, over_ms;
	uint64_t sent;
	uint32_t adler; /* of the first `summed` bytes */
	uint64_t summed;
	char host[TPC_HOST_MAX + 9]; /* of the first URL, with its port */
};

struct mover {
	struct mover_options o;
	struct carry *carry;
	struct move *first;
	size_t active; /* that are not over */
	size_t n;
};

/* ---- mover_tell.c: the client's pipe ---- */

/* As much as fits; v->gone: the client has left. */
void mover_flush(struct move *v);
uint64_t mover_sent(const struct move *v); /* bytes that left so far */
void mover_mark(struct move *v, int64_t now_ms);
/* The client's 202 and a first marker; once. */
void mover_begin(struct move *v, int64_t now_ms);
