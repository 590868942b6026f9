/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "policy/model.h"

#include <stdint.h>

/* How the release date of a dataset came about, in words: part of an explanation. */

/* "2027-05-31 00:00 Europe/Paris" */
void explain_log_local(const struct policy *p, int64_t at, struct buf *out);
/* "2027-05-31T00:00:00+02:00" in the zone of the policy. */
void explain_log_instant(const struct policy *p, int64_t at, struct buf *out);
/* Lines that begin with eight blanks: the anchor and the period, then each event with its fate. */
void explain_log_write(
	const struct policy *p, const struct object_facts *o, int64_t now, struct buf *out);
