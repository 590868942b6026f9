/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "auth/courier.h"

#include <stdbool.h>

/*
 * The messages between the gate and the courier (auth/courier.h), as agent/wire.h writes those of
 * the front: fixed little-endian numbers, then length-prefixed spans; reading is strict.  An errand
 * holds a token, so what it was written into is wiped by the caller.  Pure.  Fuzz target: errand.
 */
void errand_write(const struct errand *r, struct buf *out);
bool errand_read(struct span msg, struct errand *ret, struct err *e);
void errand_write_report(const struct report *r, struct buf *out);
bool errand_read_report(struct span msg, struct report *ret, struct err *e);
