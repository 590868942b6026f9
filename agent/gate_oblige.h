/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * What a permit brings along in the fields of its answer (policy language 4, 13.3): links to the
 * DOI, the licence and the dataset, a notice to the reader, and how long caches may keep it.
 */

/* Seconds for which everybody may keep what was decided; 0: nobody may. */
unsigned gate_oblige_age(const struct gate_desk *d, const struct gate_case *c);
/*
 * `most`, or the seconds for which the answer to `action` may be shared if that is less: none where
 * somebody who is as anonymous in another network would get another one, also by a rule that
 * denies.  Whoever has a token asks for another answer (Vary: Authorization).
 */
unsigned gate_oblige_age_of(
	const struct gate_desk *d, const struct gate_case *c, enum action action, unsigned most);
/* Of a file.  max_age: of its grant, where the front finds how long caches may keep it. */
void gate_oblige_file(struct gate_desk *d, const struct gate_case *c, unsigned max_age);
/* Of a listing, whose page may show the dataset's title beside what was decided. */
void gate_oblige_page(struct gate_desk *d, const struct gate_case *c);
/* Of a listing that is never cached (PROPFIND). */
void gate_oblige_private(struct gate_desk *d, const struct gate_case *c);
/* What the reader of confidential data is told, one sentence; absent: nothing. */
struct span gate_oblige_notice(const struct gate_case *c);
/* "https://data.example.org/datasets/10.5072/abc", percent-encoded; `more`: "/events", or "". */
void gate_oblige_address(
	const struct gate_desk *d, const struct gate_case *c, const char *more, struct buf *out);
