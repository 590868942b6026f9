/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/gate.h"

/*
 * PUT and MKCOL on /data/: the words of HTTP around agent/gate_ingest.h.  A PUT is asked twice: the
 * first question gets HTTP_UPLOAD and a file to write the body into, the second, with `commit`, its
 * name.
 */
bool gate_put_is(const struct http_ask *q);
void gate_put_begin(struct gate_desk *d, struct gate_case *c);
/* What needs no dataset to be answered, or has none: true when it is. */
bool gate_put_early(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
/* After a permit that was recorded. */
void gate_put_answer(struct gate_desk *d, struct gate_case *c, struct http_answer *ret);
