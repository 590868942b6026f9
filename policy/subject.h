/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Identity assurance (REFEDS RAF IAP), in rising order. */
enum assurance { ASSURANCE_NONE, ASSURANCE_LOW, ASSURANCE_MEDIUM, ASSURANCE_HIGH };

/*
 * Who is calling: filled by auth/ from a checked token, read by policy/ and by the gate.  A plain
 * value; its spans live in the request's arena.  All zero is the anonymous subject.
 */
struct subject {
	bool authenticated; /* a token was presented and checked */
	struct span iss;    /* issuer, as configured */
	struct span
		sub; /* unique id by the issuer's profile; two issuers' equal ids are two people */
	struct span client; /* client_id or azp, for the audit */
	struct span jti;
	int64_t expires; /* exp of the token, or of what its issuer said of it, whichever is sooner;
			    seconds UTC; no grant outlives it */
	enum assurance assurance;
	struct span acr;
	const struct span *entitlements; /* normal form (AARC-G069), with authority */
	size_t n_entitlements;
	bool several;  /* other issuers are trusted as well */
	bool unlisted; /* its issuer has no list of namespaces that it may assert */
	bool scoped;   /* the issuer demands path scopes: these paths narrow what policy gives */
	const struct span *read_paths; /* absolute, decoded, below the issuer's base path */
	size_t n_read_paths;
	const struct span *write_paths; /* the same for writing; neither includes the other */
	size_t n_write_paths;
	struct span local_user;       /* account at the facility, when linked; else absent */
	const struct span *proposals; /* linked to it: member of the team of each (coproposer) */
	size_t n_proposals;
	const struct span *scopes; /* words of the token's scope, as given; to explain with */
	size_t n_scopes;
	bool incomplete; /* claims that live at the issuer alone could not be asked for */
};
