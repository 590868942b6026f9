/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/facts.h"

#include "policy/scalar.h"

const char *const role_names[ROLE_COUNT] = {
	[ROLE_ANONYMOUS] = "anonymous",
	[ROLE_AUTHENTICATED] = "authenticated",
	[ROLE_REGISTERED] = "registered",
	[ROLE_PI] = "pi",
	[ROLE_COPROPOSER] = "coproposer",
	[ROLE_DELEGATE] = "delegate",
	[ROLE_LOCAL_CONTACT] = "local_contact",
	[ROLE_INSTRUMENT_SCIENTIST] = "instrument_scientist",
	[ROLE_COMPUTING] = "computing",
	[ROLE_ARCHIVIST] = "archivist",
	[ROLE_CUSTODIAN] = "custodian",
	[ROLE_DIRECTOR] = "director",
	[ROLE_USER_OFFICE] = "user_office",
	[ROLE_SERVICE] = "service",
};
const char *const kind_names[KIND_COUNT] = {
	[KIND_RAW] = "raw",
	[KIND_PROCESSED] = "processed",
	[KIND_REPORT] = "report",
	[KIND_LOG] = "log",
	[KIND_PREVIEW] = "preview",
};
const char *const route_names[ROUTE_COUNT] = {
	[ROUTE_ACADEMIC] = "academic",
	[ROUTE_INHOUSE] = "inhouse",
	[ROUTE_ICRD] = "icrd",
	[ROUTE_PROPRIETARY] = "proprietary",
};
const char *const flag_names[FLAG_COUNT] = {
	[FLAG_PERSONAL_DATA] = "personal-data",
	[FLAG_EXPORT_CONTROL] = "export-control",
	[FLAG_THIRD_PARTY_RIGHTS] = "third-party-rights",
};
const char *const milestone_names[MILESTONE_COUNT] = {
	[MILESTONE_PROPOSAL_ACCEPTED] = "proposal_accepted",
	[MILESTONE_EXPERIMENT_START] = "experiment_start",
	[MILESTONE_EXPERIMENT_END] = "experiment_end",
	[MILESTONE_DATA_COLLECTED] = "data_collected",
};
const char *const action_names[ACTION_COUNT] = {
	[ACTION_META_PUBLIC] = "meta.public",
	[ACTION_META_FULL] = "meta.full",
	[ACTION_DATA_LIST] = "data.list",
	[ACTION_DATA_READ] = "data.read",
	[ACTION_DATA_STAGE] = "data.stage",
	[ACTION_DATA_WRITE] = "data.write",
	[ACTION_PROPOSAL_READ] = "proposal.read",
	[ACTION_POLICY_SIMULATE] = "policy.simulate",
};
const char *const network_names[NETWORK_COUNT] = {
	[NETWORK_INTERNET] = "internet",
	[NETWORK_FACILITY] = "facility",
	[NETWORK_EOSC] = "eosc",
};
const char *const purpose_names[PURPOSE_COUNT] = {
	[PURPOSE_UNSPECIFIED] = "unspecified",
	[PURPOSE_SUPPORT] = "support",
	[PURPOSE_CURATION] = "curation",
	[PURPOSE_ANALYSIS] = "analysis",
};
const char *const protocol_names[PROTOCOL_COUNT] = {
	[PROTOCOL_HTTPS] = "https",
	[PROTOCOL_SFTP] = "sftp",
	[PROTOCOL_H5] = "h5",
	[PROTOCOL_SEARCH] = "search",
	[PROTOCOL_OAI] = "oai",
	[PROTOCOL_PUSH] = "push",
};
const char *const event_names[EVENT_COUNT] = {
	[EVENT_EXTENSION] = "extension",
	[EVENT_RELEASE] = "release",
	[EVENT_APPROVAL] = "approval",
	[EVENT_OBJECTION] = "objection",
	[EVENT_AGREEMENT] = "agreement",
	[EVENT_RESTRICTION] = "restriction",
	[EVENT_RESTRICTION_LIFTED] = "restriction_lifted",
	[EVENT_WITHDRAWAL] = "withdrawal",
	[EVENT_REINSTATEMENT] = "reinstatement",
};
const char *const assurance_names[ASSURANCE_HIGH + 1] = {
	[ASSURANCE_NONE] = "none",
	[ASSURANCE_LOW] = "low",
	[ASSURANCE_MEDIUM] = "medium",
	[ASSURANCE_HIGH] = "high",
};

int
facts_name(struct span s, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (names[i] != NULL && span_is(s, names[i]))
			return i;
	return -1;
}

/* Two digits at `at`, from 0 to max. */
static bool
pair(struct span s, size_t at, unsigned max, int *ret)
{
	uint64_t v = 0;

	if (s.n < at + 2 || !span_u64(span_first(span_skip(s, at), 2), max, &v))
		return false;
	*ret = (int)v;
	return true;
}

/* "Z", "+hh:mm" or "-hh:mm", as seconds east of UTC. */
static bool
offset(struct span s, int *ret)
{
	int h = 0;
	int m = 0;

	if (span_is(s, "Z")) {
		*ret = 0;
		return true;
	}
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':')
		return false;
	if (!pair(s, 1, 14, &h) || !pair(s, 4, 59, &m))
		return false;
	*ret = (s.p[0] == '-' ? -1 : 1) * (h * 3600 + m * 60);
	return true;
}

bool
facts_needs_issuer(const struct subject *s, struct span entitlement)
{
	return s->several &&
	       (s->unlisted || !span_eq_nocase(span_first(entitlement, 4), SPAN("urn:")));
}

bool
facts_parse_when(struct span s, struct when *ret)
{
	struct when w = {.given = true};
	int h = 0;
	int m = 0;
	int sec = 0;
	int east = 0;

	if (!scalar_date(span_first(s, 10), &w.date))
		return false;
	if (s.n == 10) {
		w.is_date = true;
		*ret = w;
		return true;
	}
	if (s.n < 20 || s.p[10] != 'T' || s.p[13] != ':' || s.p[16] != ':')
		return false;
	if (!pair(s, 11, 23, &h) || !pair(s, 14, 59, &m) || !pair(s, 17, 59, &sec) ||
		!offset(span_skip(s, 19), &east))
		return false;
	int seconds = h * 3600 + m * 60 + sec - east;
	w.instant = (int64_t)w.date * 86400 + seconds;
	w.date = 0;
	*ret = w;
	return true;
}
