/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/audit_line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Is it the chain that an agent wrote?  Fed line by line, in order, over as many files as it has;
 * the first thing that does not fit ends it (policy language 15): a wrong `prev`, a gap in `seq`,
 * time going back, a checkpoint that does not fit or is not signed by a known key, a line that no
 * agent writes.  Pure but for the memory of the last hashes; as fast as SHA-256.
 */
struct audit_verify;

struct audit_verified {
	uint64_t records, checkpoints;
	uint64_t first_seq, last_seq; /* 0: there was no record */
	int64_t first_ms, last_ms;
	uint64_t signed_upto; /* the last record that a good signature covers; 0: none */
	uint64_t unchecked;   /* checkpoints whose signature nobody could check: no keys */
};

/*
 * keys: n public keys (Ed25519), copied.  With none of them signatures are not checked; with some a
 * checkpoint by another key is a break.
 */
bool audit_verify_new(
	const uint8_t (*keys)[32], size_t n, struct audit_verify **ret, struct err *e);
void audit_verify_free(struct audit_verify *v); /* NULL is allowed */
/*
 * line: without its line end.  False: the chain breaks here; *e says how, with `ref` POL-20.
 * line_ret (may be NULL): the line, when it could be read at all.
 */
bool audit_verify_line(
	struct audit_verify *v, struct span line, struct audit_line *line_ret, struct err *e);
/* After the last line.  False: the chain does not begin at its beginning, and no checkpoint says
 * why. */
bool audit_verify_end(const struct audit_verify *v, struct err *e);
const struct audit_verified *audit_verify_found(const struct audit_verify *v);
