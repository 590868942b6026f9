/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "auth/issuers.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * How many credentials were refused, by issuer and by the claim or stage that failed (LOG-3).  The
 * words are fixed, so nothing of a token can name a series.  Safe in any number of threads.
 */
struct refusals;

#define REFUSALS_NOBODY SIZE_MAX /* the issuer is not known */

bool refusals_new(const struct issuers *issuers, struct refusals **ret, struct err *e);
void refusals_free(struct refusals *r); /* NULL is allowed */
/* description: as auth_refusal has it, "word: what is wrong". */
void refusals_count(struct refusals *r, size_t issuer, struct span description);
/* Lines of the text format 0.0.4: pan_token_refused_total{issuer="...",reason="..."}. */
void refusals_write(const struct refusals *r, struct buf *out);
