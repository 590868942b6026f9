/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "policy/audit.h"
#include "policy/policy.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What the policies say of old records (policy language 16): whole older files of a log are deleted
 * when the day of their last record is `retention` past, from the oldest on and no further than the
 * first that has to stay; a month's key when its end is `pseudonymise_after` past, and from then on
 * nobody can say whom that month's names mean.  What cannot be read stays.
 */
#define AUDIT_EXPIRE_MAX 64U /* of each kind in one run; the rest goes in the next */

struct audit_expired_names {
	char files[AUDIT_EXPIRE_MAX][AUDIT_NAME_MAX];
	size_t n_files;
	char keys[AUDIT_EXPIRE_MAX][AUDIT_NAME_MAX];
	size_t n_keys;
};

/*
 * Deletes; *ret is what is gone, filled in on failure too (the first file that could not be deleted
 * ends it).  now: seconds UTC of a clock that is trusted (policy language 13.1).  The caller writes
 * the record.
 */
bool audit_expire(const struct audit_place *at, const struct policy_audit *rules, int64_t now,
	struct audit_expired_names *ret, struct err *e);
