/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "policy/subject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Everything that a decision depends on (reference: the policy language, section 2), as closed
 * vocabularies and borrowed spans.  Bit sets hold 1U << enumerator.  The text names of all
 * enumerators stand in policy/facts.c and are the words of the policy file, of JSON and of messages
 * alike.
 */
enum policy_role {
	ROLE_ANONYMOUS,
	ROLE_AUTHENTICATED,
	ROLE_REGISTERED,
	ROLE_PI,
	ROLE_COPROPOSER,
	ROLE_DELEGATE,
	ROLE_LOCAL_CONTACT,
	ROLE_INSTRUMENT_SCIENTIST,
	ROLE_COMPUTING,
	ROLE_ARCHIVIST,
	ROLE_CUSTODIAN,
	ROLE_DIRECTOR,
	ROLE_USER_OFFICE,
	ROLE_SERVICE,
	ROLE_COUNT
};
enum kind { KIND_RAW, KIND_PROCESSED, KIND_REPORT, KIND_LOG, KIND_PREVIEW, KIND_COUNT };
enum route { ROUTE_ACADEMIC, ROUTE_INHOUSE, ROUTE_ICRD, ROUTE_PROPRIETARY, ROUTE_COUNT };
enum flag { FLAG_PERSONAL_DATA, FLAG_EXPORT_CONTROL, FLAG_THIRD_PARTY_RIGHTS, FLAG_COUNT };
enum milestone {
	MILESTONE_PROPOSAL_ACCEPTED,
	MILESTONE_EXPERIMENT_START,
	MILESTONE_EXPERIMENT_END,
	MILESTONE_DATA_COLLECTED,
	MILESTONE_COUNT
};
enum action {
	ACTION_META_PUBLIC,
	ACTION_META_FULL,
	ACTION_DATA_LIST,
	ACTION_DATA_READ,
	ACTION_DATA_STAGE,
	ACTION_DATA_WRITE,
	ACTION_PROPOSAL_READ,
	ACTION_POLICY_SIMULATE,
	ACTION_COUNT
};
enum network { NETWORK_INTERNET, NETWORK_FACILITY, NETWORK_EOSC, NETWORK_COUNT };
enum purpose {
	PURPOSE_UNSPECIFIED,
	PURPOSE_SUPPORT,
	PURPOSE_CURATION,
	PURPOSE_ANALYSIS,
	PURPOSE_COUNT
};
enum protocol {
	PROTOCOL_HTTPS,
	PROTOCOL_SFTP,
	PROTOCOL_H5,
	PROTOCOL_SEARCH,
	PROTOCOL_OAI,
	PROTOCOL_PUSH,
	PROTOCOL_COUNT
};

/* A date or an instant, as given; absent: given == false. */
struct when {
	bool given;
	bool is_date;    /* `date` counts, else `instant` */
	int32_t date;    /* days since 1970-01-01, local to the bound policy's zone */
	int64_t instant; /* seconds UTC */
};

enum event_type {
	EVENT_EXTENSION,
	EVENT_RELEASE,
	EVENT_APPROVAL,
	EVENT_OBJECTION,
	EVENT_AGREEMENT,
	EVENT_RESTRICTION,
	EVENT_RESTRICTION_LIFTED,
	EVENT_WITHDRAWAL,
	EVENT_REINSTATEMENT,
	EVENT_COUNT
};
struct period {
	int32_t months, days;
};
/* One entry of a dataset's append-only log. */
struct policy_event {
	bool malformed; /* closes the object; nothing else of it is read */
	enum event_type type;
	struct when at;
	enum policy_role by;
	struct span id, of; /* absent: none */
	bool has_period;
	struct period period;
	struct when until, on, release; /* dates */
};

struct object_facts {
	struct span pid, proposal, instrument; /* absent: not known */
	enum kind kind;
	enum route route;
	uint32_t flags; /* of enum flag */
	struct when dates[MILESTONE_COUNT];
	struct span policy;                /* explicit binding; absent: by date */
	const struct policy_event *events; /* in the order of the log */
	size_t n_events;
};

struct facts {
	const struct subject *subject; /* NULL: anonymous */
	uint32_t roles; /* of enum policy_role, towards this object; without anonymous and
			   authenticated */
	const struct span *accepted; /* "ID@VERSION" of accepted terms */
	size_t n_accepted;
	struct object_facts object;
	enum action action;
	enum network network;
	enum purpose purpose;
	enum protocol protocol;
	const struct span *supports; /* x- obligations that the asker carries out */
	size_t n_supports;
	struct when now;
};

/* Names: "pi", "data.read", ...  `n` of each table is its _COUNT. */
extern const char *const role_names[ROLE_COUNT];
extern const char *const kind_names[KIND_COUNT];
extern const char *const route_names[ROUTE_COUNT];
extern const char *const flag_names[FLAG_COUNT];
extern const char *const milestone_names[MILESTONE_COUNT];
extern const char *const action_names[ACTION_COUNT];
extern const char *const network_names[NETWORK_COUNT];
extern const char *const purpose_names[PURPOSE_COUNT];
extern const char *const protocol_names[PROTOCOL_COUNT];
extern const char *const event_names[EVENT_COUNT];
extern const char *const assurance_names[ASSURANCE_HIGH + 1];
/* Index of s in a table of n names, or -1. */
int facts_name(struct span s, const char *const *names, int n);
/*
 * May this entitlement be matched only by what names the issuer, too?  So with several issuers,
 * where the subject's may assert anything, or the value has no namespace that could belong to one.
 */
bool facts_needs_issuer(const struct subject *s, struct span entitlement);
/* A date YYYY-MM-DD or an instant (RFC 3339, seconds, Z or offset) as the policy language has them.
 */
bool facts_parse_when(struct span s, struct when *ret);
