/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The permission to move the bytes of one opened file: descriptor, size, validators, expiry, audit
 * id. Everything that sends or receives file bytes takes a grant; only the gate can issue one
 * (policy/grant_issue.h), and the front adopts what arrives with a descriptor over its socketpair
 * (policy/grant_adopt.h, in agent/wire.c alone).  So no byte leaves without a decision.
 */
struct grant;

#define GRANT_RATE_NAME 65U /* an identifier and its NUL */

/* A rate class (policy language 7, `rates`) as who sends the bytes needs it; without a name: none.
 */
struct grant_rate {
	char name[GRANT_RATE_NAME]; /* of the class, NUL-terminated; "": not limited */
	uint8_t who[16];  /* whose limit: a keyed hash of the class and of the subject or the
			     client address, equal for equals within one gate; no name */
	uint32_t streams; /* bodies at a time; 0 here and below: not limited */
	uint32_t mbit;    /* 10^6 bits a second, of all of them together */
	uint32_t requests_per_min;
	/*
	 * Whose share of the link the bytes are (limits.link_mbit), whatever the class: a keyed
	 * hash of the subject or the client address; 0: the link has no limit.
	 */
	uint64_t identity;
};

/* What may be done under a grant. */
enum grant_kind {
	GRANT_READ,  /* grant_pread on a file */
	GRANT_WRITE, /* grant_pwrite on a file that has no name yet */
	GRANT_PIPE,  /* read(2) on grant_pipe */
};

struct grant_info {
	enum grant_kind kind;
	uint64_t size;   /* bytes, by fstat at open; GRANT_WRITE: that are to be written */
	int64_t mtime_s; /* of the opened inode, to notice a change under us */
	int64_t mtime_ns, ctime_s, ctime_ns;
	int64_t modified;  /* Last-Modified: the time recorded in the catalogue */
	int64_t expires;   /* seconds UTC: the decision could change from then on */
	uint64_t epoch;    /* of the policy in force at the decision */
	uint64_t decision; /* sequence number of the audit record */
	char etag[48]; /* strong, with its quotes, NUL-terminated; "" for bodies that the gate wrote
			*/
	bool generated; /* a body written by the gate (memfd): never changes under us */
	/*
	 * Obligation audit:full: who sends tells which ranges of which file left.  The file's name
	 * inside of the dataset begins at this byte of the path that was asked for; 0: not wanted.
	 */
	uint32_t audit_from;
	uint32_t max_age; /* seconds for shared caches, never beyond `expires`; 0: none of them */
	struct grant_rate rate;
};

const struct grant_info *grant_info(const struct grant *g);
struct grant *grant_ref(struct grant *g);
void grant_unref(struct grant *g); /* closes at the last one; NULL allowed */
/* pread on the granted file; -1 with errno. */
ssize_t grant_pread(const struct grant *g, void *buf, size_t n, uint64_t offset);
/* pwrite on it, inside of its size; -1 with errno: EBADF unless GRANT_WRITE, EFBIG beyond. */
ssize_t grant_pwrite(const struct grant *g, const void *buf, size_t n, uint64_t offset);
/* What was written there begins its way to the disk; does not wait for it. */
void grant_flush(const struct grant *g, uint64_t offset, uint64_t n);
/* GRANT_PIPE: the descriptor, to be watched and read, still the grant's; else -1. */
int grant_pipe(const struct grant *g);
/* Is the inode still what it was at open (size, mtime, ctime)? */
bool grant_unchanged(const struct grant *g);
/*
 * May bytes still leave at `now` (seconds by the wall clock) under `epoch`?  Setting that clock
 * back does not help: the time that was left when the grant was made runs by the boot clock too.
 */
bool grant_valid(const struct grant *g, int64_t now, uint64_t epoch);
