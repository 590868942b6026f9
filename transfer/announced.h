/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "transfer/digest.h"

#include <stdbool.h>

/*
 * What a sender says of the bytes that it sends: Digest (RFC 3230), Repr-Digest and Content-Digest
 * (RFC 9530), and OC-Checksum, by which rclone and ownCloud's clients say it.  Pure.
 */

/*
 * `fields`: the head's, a line "Name: value\n" each.  ret->have is what was said; algorithms that
 * nobody here computes are passed over.  ERR_SYNTAX: a value that is none of its algorithm's, or
 * two values of one algorithm.
 */
bool announced_read(struct span fields, struct digest_values *ret, struct err *e);
/* The name of an algorithm of `said` whose value is another one in `found`, or is not there; NULL:
 * all are the same. */
const char *announced_differs(const struct digest_values *said, const struct digest_values *found);
/* The first field of this name (compared without regard to case); absent: there is none. */
struct span announced_field(struct span fields, struct span name);
