/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/audit_names.h"
#include "policy/audit_record.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The keys of the audit log, files of its folder that only the agent's user may read (0600): one a
 * month for the names of persons, and one that signs checkpoints.  Whoever comes first makes them,
 * under flock().
 */
#define AUDIT_KEY_LEN 32U
#define AUDIT_ID_LEN  48U /* room for "2026-06:" and 32 hex digits */

/*
 * The key of a month.  make: it is made where there is none; else ERR_ABSENT: it was deleted, or
 * never was.
 */
bool audit_keys_month(int dir, const char month[AUDIT_MONTH_LEN], bool make,
	uint8_t ret[AUDIT_KEY_LEN], struct err *e);
/*
 * The name of a person in the log: month, colon, 32 hex digits of HMAC-SHA-256(key of the month,
 * iss NUL sub). Never sub itself.  Pure.
 */
bool audit_keys_person(const uint8_t key[AUDIT_KEY_LEN], const char month[AUDIT_MONTH_LEN],
	struct span iss, struct span sub, char ret[AUDIT_ID_LEN], struct err *e);

/*
 * audit-sign.key (Ed25519, PEM), made with its public half audit-sign.pub (for everybody) where
 * there is none.  The secret is the caller's to wipe.
 */
bool audit_keys_signing(int dir, uint8_t ret_secret[32], struct err *e);

/* What a checkpoint says of a public key: the first bytes of its SHA-256.  Pure, as the two below.
 */
bool audit_keys_id(const uint8_t key[32], uint8_t ret[8]);
/* Signs the lines up to s->upto, the last of them with the hash s->head: fills in key and sig. */
bool audit_keys_sign(const uint8_t secret[32], struct audit_signing *s, struct err *e);
bool audit_keys_check(const uint8_t key[32], const struct audit_signing *s);
