/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/signer.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Detached signatures of policy files (policy language, section 14): FILE.sig holds Ed25519
 * signatures (RFC 8032) over "pan-agent policy 1", a zero byte, and the file.  Pure.
 *
 *   pan-agent-policy-signature 1
 *   key 21fe31dfa154a261
 *   sig 8GpPriLHd84p...
 *
 * The last two lines stand once for each signature.
 */
#define POLICY_SIGN_ID     8U    /* bytes: the first of the SHA-256 of the public key */
#define POLICY_SIGN_BYTES  64U   /* of a signature */
#define POLICY_SIGN_SECRET 32U   /* of a private key */
#define POLICY_SIGN_PAIRS  4U    /* at most, in one file */
#define POLICY_SIGN_TEXT   1024U /* bytes of a .sig: more than four pairs need */

struct policy_signature {
	uint8_t key[POLICY_SIGN_ID];
	uint8_t sig[POLICY_SIGN_BYTES];
};

struct policy_signatures {
	struct policy_signature pair[POLICY_SIGN_PAIRS]; /* pair i: lines 2i + 2 and 2i + 3 */
	size_t n;
};

/* Whose signatures count, and how many of them a file needs. */
struct policy_signers {
	const uint8_t (*key)[SIGNER_KEY];
	size_t n;
	unsigned required; /* by different keys */
};

/*
 * The text of a .sig, read strictly: each line ends with a line feed, lower-case hex, canonical
 * base64, nothing else.  *line: where it is wrong.
 */
bool policy_sign_read(
	struct span text, struct policy_signatures *ret, unsigned *line, struct err *e);
/* What policy_sign_read reads again. */
void policy_sign_write(const struct policy_signatures *s, struct buf *out);

/* The name of a key in a .sig. */
bool policy_sign_id(const uint8_t key[SIGNER_KEY], uint8_t ret[POLICY_SIGN_ID]);
/* Is this a signature of the file by this key? */
bool policy_sign_good(
	struct span file, const uint8_t key[SIGNER_KEY], const uint8_t sig[POLICY_SIGN_BYTES]);
/* Sign the file; `secret` is a private key of Ed25519 (agent/base/crypto.h). */
bool policy_sign_make(struct span file, const uint8_t secret[POLICY_SIGN_SECRET],
	struct policy_signature *ret, struct err *e);

/*
 * Does the file carry the signatures that it needs?  `sig` is the text of its .sig, absent where
 * there is none.  Without signers none is needed.  A wrong signature by one of the signers is
 * always an error, for then the file is not what they signed; signatures by strangers do not count.
 * A key counts once.  False: e says what is wrong, *line of the .sig where.
 */
bool policy_sign_check(struct span file, struct span sig, const struct policy_signers *s,
	unsigned *line, struct err *e);

/*
 * The same for a caller who writes reports: a fault is the line "NAME.sig:LINE:1: error: MESSAGE".
 */
struct policy_sign_source {
	const char *name; /* of the policy file */
	struct span file, sig;
};
bool policy_sign_report(
	const struct policy_sign_source *src, const struct policy_signers *s, struct buf *report);
