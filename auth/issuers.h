/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/json.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "auth/jws.h"
#include "auth/profiles.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Whom the agent believes, and by which rules: each issuer of the configuration with the presets of
 * its profile (auth/profiles.h) filled in.  Nothing about any issuer is compiled in.  Pure.
 */
#define ISSUERS_WORDS 34U

struct words {
	struct span item[ISSUERS_WORDS];
	size_t n;
};

struct issuer {
	struct span iss; /* compared byte for byte (ISS-1) */
	const struct settings_issuer *settings;
	const char *profile;          /* its name, never an alias */
	const struct profile *preset; /* its row; NULL: as if it had none */
	unsigned algs;                /* bits of enum jws_alg */
	struct words typ;             /* without "application/"; compared without regard to case */
	bool typ_absent;              /* a token without typ is accepted */
	struct words audience;
	struct words azp;            /* accepted instead of an absent aud; empty: aud is needed */
	struct words namespaces;     /* of entitlements that it may assert; empty: not limited */
	struct words groups;         /* claim paths, "a/b" */
	struct span user, user_else; /* claim of the unique id; absent user_else: no other */
	bool edu_id;                 /* the unique id has the form of eduPersonUniqueId */
	struct span id_scope;        /* what must follow its @; absent: any */
	struct words required;       /* claims that must be there */
	struct span assurance;       /* claim of identity assurance */
	unsigned max_lifetime;       /* seconds from iat to exp; 0: not limited */
	bool require_kid, require_iat, path_scopes;
	bool several;          /* it is not the only issuer */
	struct span read_word; /* "storage.read" or "read" */
	struct span
		write_words; /* "storage.create storage.modify" or "write": none includes reading */
	struct span base_path; /* without a slash at the end; "" for "/" */
	unsigned leeway;       /* seconds for nbf and iat */
};

struct issuers {
	struct issuer *item;
	size_t n;
};

/*
 * origin: the agent's public origin with a slash behind it, the default audience.  Borrows the
 * texts of `s` and `origin`, which must outlive it.  All faults go to `report`, one "FILE:LINE:1:
 * error: ..." a line (warnings as "warning:"); ERR_SYNTAX then.
 */
bool issuers_load(const struct settings *s, struct span origin, struct buf *report,
	struct issuers *ret, struct err *e);
void issuers_fini(struct issuers *i);
/* NULL: no such issuer. */
const struct issuer *issuers_find(const struct issuers *i, struct span iss);
/*
 * The issuer of the unverified iss: it picks the keys and the rules, nothing else.  ERR_UNAUTH when
 * it is not trusted, or takes no JWTs (token_kind).
 */
bool issuers_claim(const struct issuers *all, const struct json *payload, const struct issuer **ret,
	struct err *e);
/* alg, typ and kid of the token's header by the issuer's rules (JWS-4, JWS-6, require_kid). */
bool issuers_header(const struct issuer *i, const struct jws *j, struct err *e);
/* Effective values, one "key: value" a line, for `pan-agent check` (ISS-2); no secret. */
void issuers_write(const struct issuer *i, struct buf *out);
