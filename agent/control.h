/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The messages between the supervisor and a role: 14 bytes of fixed little-endian numbers, then
 * name and text.  Reading is strict: a kind may only come from its side and may only carry its own
 * fields, so that a role that was taken over can say nothing but these.  Pure.
 */
enum control_kind {
	/* from the supervisor */
	CONTROL_FILE = 1, /* name, text = path; one descriptor */
	CONTROL_START,    /* the bundle is complete */
	CONTROL_LINK,     /* peer, slot; one descriptor */
	CONTROL_JOB,      /* text = JSON of the job; at most one descriptor */
	CONTROL_DRAIN,
	CONTROL_PING, /* number */
	/* from the role */
	CONTROL_READY,  /* text = one line for people */
	CONTROL_REFUSE, /* number = exit code, text = lines for the operator */
	CONTROL_PONG,   /* number of the ping */
	CONTROL_KILL,   /* slot of the reader to be killed */
	CONTROL_DONE,   /* number = exit code of the job */
	CONTROL_REPORT, /* name, text: role_report */
	CONTROL_KINDS
};

#define CONTROL_NAME_MAX 31U
#define CONTROL_PATH_MAX 4096U
#define CONTROL_TEXT_MAX ((size_t)60 * 1024) /* of a refusal or a report */
#define CONTROL_MESSAGE  (CONTROL_TEXT_MAX + CONTROL_NAME_MAX + 16U)

struct control {
	enum control_kind kind;
	unsigned peer; /* enum process */
	unsigned slot; /* at most 65535 */
	uint32_t number;
	struct span name;
	struct span text;
};

/* Writes what control_read accepts; text is cut at the maximum of its kind. */
void control_write(const struct control *c, struct buf *out);
/* Spans point into msg.  False: malformed, or not of this side. */
bool control_read(struct span msg, bool from_role, struct control *ret, struct err *e);
