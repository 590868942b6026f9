/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What this folder asks of the courier, the one role that speaks to issuers, and what comes back.
 * Plain values: agent/errand.c carries them over a socketpair, a test hands them over directly.
 * Spans are borrowed for the call.  Nothing of a token decides which URL is contacted: an errand
 * names an issuer of the configuration, and the courier has the URLs from its own copy of that
 * configuration and from the issuer's discovery document.
 */
enum errand_kind {
	ERRAND_REFRESH = 1, /* fetch the issuer's keys now, if that is allowed now */
	ERRAND_INTROSPECT,  /* RFC 7662 2.1 */
	ERRAND_USERINFO,    /* OpenID Connect Core 1.0, 5.3 */
	ERRAND_CODE         /* RFC 6749 4.1.3 with RFC 7636; then userinfo with the new token */
};

#define ERRAND_TEXT_MAX 16384U /* bytes of each span */

struct errand {
	enum errand_kind kind;
	uint64_t id;                    /* echoed in the report; 0 with ERRAND_REFRESH */
	struct span issuer;             /* as configured */
	struct span token;              /* INTROSPECT, USERINFO: the token; CODE: the code */
	struct span verifier, redirect; /* CODE: PKCE's code_verifier, redirect_uri */
};

enum report_kind {
	REPORT_KEYS = 1, /* a key set: at a link's start, after each retrieval */
	REPORT_TROUBLE,  /* the last attempt failed; keys that were reported before stay good */
	REPORT_ANSWER    /* to an errand with this id */
};

enum report_result {
	RESULT_OK,      /* 200, and a body */
	RESULT_REFUSED, /* the issuer does not take this token or code (RFC 6749 5.2, RFC 6750 3.1)
			 */
	RESULT_OURS,    /* it does not take our own client's credentials: a fault of the settings */
	RESULT_FAILED,  /* no answer, or none that is of use */
	RESULT_BUSY     /* too many are waiting: not asked */
};

/* Every ERRAND_REFRESH is followed by one REPORT_KEYS or REPORT_TROUBLE of its issuer. */
#define REPORT_BODY_MAX (64UL * 1024)

struct report {
	enum report_kind kind;
	uint64_t id;        /* ANSWER */
	struct span issuer; /* as configured */
	/* KEYS */
	struct span jwks; /* text of the set, at most REPORT_BODY_MAX; unfiltered */
	int64_t fetched;  /* seconds UTC of the retrieval; may lie days back */
	struct span authorization_endpoint; /* of the discovery document; absent: none */
	struct span end_session_endpoint;
	bool iss_parameter; /* RFC 9207: its authorization responses name it */
	/* TROUBLE */
	int64_t since;        /* seconds UTC of the first failure in a row */
	unsigned retry_after; /* seconds until the next attempt */
	struct span text;     /* for people; ASCII, at most 200 bytes */
	/* ANSWER */
	enum report_result result;
	struct span body;     /* at most REPORT_BODY_MAX */
	struct span userinfo; /* CODE: of the second question; absent: none was asked or answered */
};

/* How errands leave; may be called by any thread; false: the courier is not there. */
typedef bool errand_fn(void *arg, const struct errand *e);
