/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/team.h"

#include "policy/facts.h"

/* Does an entitlement that was granted (normal form) satisfy the one that a team row asks for?
 * ENT-3 of the token reference: a row without a role takes any role of that group, one without an
 * authority any authority. */
static bool
entitled(struct span wanted, struct span given)
{
	struct span want_authority = wanted;
	struct span give_authority = given;
	struct span want = span_cut(&want_authority, '#');
	struct span give = span_cut(&give_authority, '#');

	if (want_authority.p != NULL && !span_eq(want_authority, give_authority))
		return false;
	return span_eq(want, give) ||
	       (span_starts(give, want) && span_starts(span_skip(give, want.n), SPAN(":role=")) &&
		       !span_has(span_skip(give, want.n + 1), ':'));
}

bool
team_has(const struct team_row *row, const struct subject *who)
{
	struct span issuer = row->issuer;

	if (issuer.p != NULL && issuer.n == 0)
		return row->sub.n > 0 && span_eq(row->sub, who->local_user);
	if (issuer.p != NULL && !span_eq(issuer, who->iss))
		return false;
	/* A sub means nothing without its issuer: two issuers' equal ids are two people. */
	if (row->sub.p != NULL)
		return issuer.p != NULL && who->sub.n > 0 && span_eq(row->sub, who->sub);
	for (size_t i = 0; row->entitlement.n > 0 && i < who->n_entitlements; i++)
		if (entitled(row->entitlement, who->entitlements[i]) &&
			(issuer.p != NULL || !facts_needs_issuer(who, who->entitlements[i])))
			return true;
	return false;
}

bool
team_linked(struct span proposal, const struct subject *who)
{
	for (size_t i = 0; proposal.n > 0 && i < who->n_proposals; i++)
		if (span_eq(who->proposals[i], proposal))
			return true;
	return false;
}

/* The entitlement without ":role=X" at its end; the same where there is none. */
static struct span
without_role(struct span s)
{
	static const struct span mark = SPAN_INIT(":role=");
	size_t at = s.n;

	while (at > 0 && s.p[at - 1] != ':')
		at--;
	return at > 0 && span_starts(span_skip(s, at - 1), mark) ? span_first(s, at - 1) : s;
}

size_t
team_wanted(struct span given, struct buf *texts, struct span ret[TEAM_WANTED])
{
	struct span authority = given;
	struct span whole = span_cut(&authority, '#');
	struct span group = without_role(whole);
	size_t n = 0;

	ret[n++] = given;
	if (authority.p != NULL)
		ret[n++] = whole;
	if (group.n == whole.n)
		return n;
	ret[n++] = group;
	if (authority.p == NULL)
		return n;
	buf_add(texts, group);
	buf_addc(texts, '#');
	buf_add(texts, authority);
	if (buf_ok(texts))
		ret[n++] = buf_span(texts);
	return n;
}
