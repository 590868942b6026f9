/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"
#include "policy/facts.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The scalar types of the policy language (its section 7).  Each takes the whole text or nothing;
 * results are untouched on failure.  Dates are days since 1970-01-01.
 */
bool scalar_ident(struct span s);                      /* [a-z][a-z0-9-]{0,63} */
bool scalar_group(struct span s);                      /* [a-z][a-z0-9_-]{0,63} */
bool scalar_number(struct span s, unsigned *ret);      /* [1-9][0-9]{0,8} */
bool scalar_date(struct span s, int32_t *ret);         /* YYYY-MM-DD, 1900 to 2999 */
bool scalar_period(struct span s, struct period *ret); /* 3y, 18m, 14d */
bool scalar_duration(struct span s, unsigned *ret);    /* 30min, 12h, as seconds */
bool scalar_zone(struct span s);                       /* the form of a zone's name */
bool scalar_licence(struct span s);                    /* of the closed list, or LicenseRef-NAME */
void scalar_write_date(struct buf *b, int32_t date);   /* YYYY-MM-DD */
void scalar_write_period(struct buf *b, struct period p); /* "3y", "1y6m", "3y+14d", "0d" */
