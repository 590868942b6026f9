/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/json.h"
#include "agent/base/span.h"
#include "auth/issuers.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What can be told to somebody about himself, with the reasons.  Pure. */
struct me_source {
	const struct subject *subject;
	const struct issuer *issuer;
	const struct json *claims; /* what the issuer said, as it is read here; NULL: not at hand */
	const struct json *kept;   /* of a session (auth/id_token.h); NULL: by a token */
};

struct me_value {
	struct span value; /* as the issuer wrote it */
	struct span claim; /* where it stood */
	const char *from;  /* "token", "ID token", "userinfo", "issuer's answer" */
	bool counts;
	struct span why;
};

#define ME_NOTES_MAX 8U

struct me_facts {
	struct span id_claim;
	const char *id_from;
	struct span name, email; /* absent: not told */
	bool email_verified;
	struct me_value *groups;
	size_t n_groups;
	struct me_value *assurance;
	size_t n_assurance;
	const struct span *scopes; /* words */
	size_t n_scopes;
	struct span notes[ME_NOTES_MAX]; /* what is missing or may surprise */
	size_t n_notes;
};

/* Everything lies in `mem` or in what `s` points to.  ERR_LIMIT: the arena is full. */
bool me_facts(const struct me_source *s, struct arena *mem, struct me_facts *ret, struct err *e);
