/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"
#include "transfer/archive.h"
#include "transfer/choice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The plan of an archive (transfer/archive.h) out of the catalogue: which members of c->dataset go
 * into it for this asker, and what is told of the others.  The dataset as a whole was decided
 * before; here each member is asked what can differ from that: a token that reads below some paths
 * only, another dataset whose pid leads to the same name, a name that no archive may hold.
 *
 * What is left out stands in the archive's first entry, MANIFEST.json, with the reason; but names
 * that lie outside of what a token covers are not told, only that there may be such.
 *
 * The ETag is a hash over all that the bytes depend on: form, names, sizes, times, digests where
 * they are recorded, the manifest.  It is the same on every node.
 */
struct gate_pack {
	enum archive_form form;
	struct choice choice;
	/* filled: */
	size_t members, left_out;
	uint64_t bytes;
	bool narrowed;    /* the token does not cover all that was chosen */
	bool late;        /* zip, and the CRC-32 of a member is not recorded */
	bool has_refused; /* below: of the first member that policy refuses */
	int64_t modified; /* the newest member */
	struct decision refused;
	char etag[48];
};

/*
 * The plan into d->body.  Reads the catalogue in batches; the desk's memory is as before behind it.
 * ERR_LIMIT: the archive would be too large, or the question takes too long; a sentence says so.
 */
bool gate_pack(struct gate_desk *d, const struct gate_case *c, struct gate_pack *p, struct err *e);
