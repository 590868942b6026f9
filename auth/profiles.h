/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/settings.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What a profile presets for an issuer, as data: one row for each kind of issuer, nothing about any
 * single issuer.  Each preset can be set singly in agent.yaml; auth/issuers.c fills in.  Reference:
 * the token page, section 2.
 */
#define PROFILES_LIST 4U

struct profile {
	const char *name;
	const char *alias;              /* an older spelling; NULL: none */
	const char *what;               /* whose tokens, for people */
	const char *typ[PROFILES_LIST]; /* "absent" for a token without typ; NULL ends the list */
	const char *algorithms[PROFILES_LIST];
	const char *user, *user_else; /* claim of the unique id; NULL user_else: no other */
	bool edu_id;          /* the unique id has the form of eduPersonUniqueId: id@scope */
	const char *id_scope; /* what must follow its @; NULL: any */
	const char *groups[PROFILES_LIST]; /* claim paths of groups and entitlements */
	const char *assurance;             /* claim of identity assurance */
	const char *read_word;             /* scope that gives reading: "storage.read" */
	const char *write_words;           /* those that give adding files; NULL: WLCG's */
	bool require_kid, require_iat, path_scopes;
	const char *any; /* the audience that means "whoever"; NULL: there is none */
	/* A claim that names the version of the token's form; NULL: none.  Where it is there, its
	 * value must be one of these texts, or with `major` begin with one and a dot. */
	const char *version_claim;
	const char *versions[PROFILES_LIST];
	bool version_major;
	/* What `pan-agent check` advises where it is not set: groups that the token does not hold.
	 */
	enum settings_enrich enrich;
	const char *namespace; /* of its entitlements, for the same advice; NULL: none is known */
};

/* By name or alias; NULL: no such profile. */
const struct profile *profiles_find(const char *name);
const struct profile *profiles_at(size_t i); /* NULL past the end */
