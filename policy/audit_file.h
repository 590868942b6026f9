/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/audit_line.h"
#include "policy/audit_names.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The file of an audit log, which several processes append to, each through a description of its
 * own: under flock(), in one write, and after a look whether another one wrote, or began a new file
 * of that name.  Also where the chain stands.  For policy/audit.c; not for two threads at once.
 */
struct audit_place {
	int dir;          /* folder of all files, O_PATH, borrowed; -1: none, so no other files */
	const char *name; /* of the log in it */
	uint64_t max;     /* bytes of a file, then a new one is begun; 0: by month alone */
};

struct audit_file {
	int fd, dir;
	char name[AUDIT_NAME_MAX];
	uint64_t max;
	uint64_t device, inode; /* of the open file */
	/* Where the chain stands, true after audit_file_lock. */
	uint64_t size; /* of the file */
	uint64_t seq;  /* of the last line; 0: none */
	int64_t ms;
	uint8_t hash[32];   /* of the last line */
	uint64_t signed_at; /* seq of the last checkpoint that is known; 0: none */
	int64_t signed_ms;
	/* What was found, until somebody tells. */
	bool torn;                   /* half a line at the end, which was moved away */
	uint64_t lost_from, lost_to; /* lines that stood there once; lost_to 0: none */
	char turned[AUDIT_NAME_MAX]; /* the file got this name, and a new one was begun; "": no */
	bool stuck;                  /* it could not be renamed */
	int64_t turn_after;          /* not tried before, ms */
};

/* The tail of a file: its last whole line. */
struct audit_tail {
	uint64_t size;  /* of the file */
	uint64_t whole; /* bytes up to the last line end */
	uint64_t seq;   /* 0: there is no line */
	int64_t ms;
	uint8_t hash[32];
};
/* ERR_SYNTAX, ERR_LIMIT: the last line is none of an audit log. */
bool audit_file_tail(int fd, struct audit_tail *ret, struct err *e);

/* Takes *fd on success (O_APPEND | O_RDWR), closes nothing otherwise. */
bool audit_file_open(int *fd, const struct audit_place *at, struct audit_file *ret, struct err *e);
void audit_file_close(struct audit_file *f);
/* Alone until audit_file_unlock; what stands above is true then.  On failure it is not locked. */
bool audit_file_lock(struct audit_file *f, struct err *e);
void audit_file_unlock(struct audit_file *f);
/*
 * Begin a new file where the month of `ms` asks for one, or the size (locked, and again locked
 * after).  One that cannot be renamed goes on as it is: only a failed lock is a failure.
 */
bool audit_file_turn(struct audit_file *f, int64_t ms, struct err *e);
/* All of `text` behind the last line, or nothing of it.  The caller brings the chain up to date. */
bool audit_file_write(struct audit_file *f, struct span text, struct err *e);
/*
 * Is there room for the longest line?  What is left of a full disk may be enough for a short one.
 * True where nobody can tell.
 */
bool audit_file_room(const struct audit_file *f, struct err *e);

/*
 * NAME.head says how far the log had come when it was last flushed, and where the last checkpoint
 * stands: so that a log that was cut since is noticed at the next start, and no one has to read it
 * to know when the next checkpoint is due.
 */
struct audit_head {
	uint64_t seq, signed_at;
	int64_t ms, signed_ms;
	uint8_t hash[32];
};
bool audit_file_read_head(const struct audit_file *f, struct audit_head *ret);
bool audit_file_write_head(const struct audit_file *f, const struct audit_head *h, struct err *e);
