/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

/*
 * Text of forms and of client authentication.  Everything but letters, digits and -._~ is %XX, a
 * blank too, which every decoder of application/x-www-form-urlencoded reads.  Pure.  What is
 * written may be a secret: wipe `out` (buf_wipe), which leaves no copy behind where it grows.
 */
void form_percent(struct buf *out, struct span s);
/* "name=value", with '&' in front where out is not empty. */
void form_add(struct buf *out, const char *name, struct span value);
/* "Basic ..." (RFC 7617 2), each part percent-encoded first (RFC 6749 2.3.1). */
void form_basic(struct buf *out, struct span user, struct span password);
