/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>

/*
 * Why a server refused: the first Bearer challenge of a WWW-Authenticate field (RFC 9110 11.6.1,
 * RFC 6750 3), among others in any order.  Values are as they were before quoting; one that holds
 * anything but visible ASCII and blanks is absent, for they are shown on terminals.  Pure; fuzz
 * target: answer_challenge.
 */
struct answer_challenge {
	struct span error; /* "invalid_token"; absent: none was given */
	struct span description;
	struct span scope;    /* with insufficient_scope: what is needed */
	struct span acr;      /* RFC 9470: what is wanted */
	struct span metadata; /* resource_metadata, RFC 9728 5.1 */
};

/* ERR_ABSENT: no Bearer challenge; ERR_SYNTAX: malformed. */
bool answer_challenge_parse(
	struct span field, struct arena *mem, struct answer_challenge *ret, struct err *e);
