/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * /archive/{pid}.tar and /archive/{pid}.zip: a dataset as one file, or what file= and glob= choose
 * of it (transfer/choice.h).  Names and sizes are shown, so the archive is decided as data.list,
 * and then as data.read: where that is refused, the refusal is the answer.  What it holds says a
 * plan (agent/gate_pack.h), which the front gets in a sealed memory file; the bytes of each member
 * it asks for one by one, as anybody would ask for /data/PID/MEMBER, so each is decided and
 * recorded again when its turn comes.
 */
void gate_archive_begin(struct gate_desk *d, struct gate_case *c);
void gate_archive_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);

/* Is `path` a member of a dataset, "/data/PID/MEMBER", and `archive` one of that? */
bool gate_archive_holds(struct span archive, struct span path);
/*
 * "/archive/PID.zip?file=sub/" as a URL, for a listing of folder "sub/" ("": of the dataset).
 * False: this asker may not read the dataset, which has been found and may be listed (c->facts).
 */
bool gate_archive_address(const struct gate_desk *d, const struct gate_case *c, struct span folder,
	const char *ending, struct buf *out);
