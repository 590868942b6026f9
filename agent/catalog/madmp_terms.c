/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/madmp_terms.h"

#include <stdbool.h>
#include <stddef.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OWN      "LicenseRef-" /* SPDX 2.3, annex D: a licence that is not on their list */

/* The licences that the policy language knows (its section 7); addresses as they are published. */
static const struct {
	struct span spdx, at; /* at: without https:// and what follows the last slash */
} licences[] = {
	{SPAN_INIT("CC0-1.0"), SPAN_INIT("creativecommons.org/publicdomain/zero/1.0")},
	{SPAN_INIT("CC-BY-4.0"), SPAN_INIT("creativecommons.org/licenses/by/4.0")},
	{SPAN_INIT("CC-BY-SA-4.0"), SPAN_INIT("creativecommons.org/licenses/by-sa/4.0")},
	{SPAN_INIT("CC-BY-NC-4.0"), SPAN_INIT("creativecommons.org/licenses/by-nc/4.0")},
	{SPAN_INIT("CC-BY-NC-SA-4.0"), SPAN_INIT("creativecommons.org/licenses/by-nc-sa/4.0")},
	{SPAN_INIT("ODbL-1.0"), SPAN_INIT("opendatacommons.org/licenses/odbl/1-0")},
	{SPAN_INIT("ODC-By-1.0"), SPAN_INIT("opendatacommons.org/licenses/by/1-0")},
	{SPAN_INIT("PDDL-1.0"), SPAN_INIT("opendatacommons.org/licenses/pddl/1-0")},
};

/* Takes the prefix away, letters without regard to case; false: it does not begin so. */
static bool
cut(struct span *s, struct span prefix)
{
	if (s->n < prefix.n || !span_eq_nocase(span_first(*s, prefix.n), prefix))
		return false;
	*s = span_skip(*s, prefix.n);
	return true;
}

static void
cut_scheme(struct span *s)
{
	if (cut(s, SPAN("https://")) || cut(s, SPAN("http://")))
		(void)cut(s, SPAN("www."));
}

/* What an address of the text may end with: nothing, a slash, or a page below it. */
static bool
is_tail(struct span s)
{
	static const struct span tails[] = {SPAN_INIT(""), SPAN_INIT("/"), SPAN_INIT("/legalcode"),
		SPAN_INIT("/deed.en"), SPAN_INIT("/legalcode.en"), SPAN_INIT(".html")};

	for (size_t i = 0; i < COUNT(tails); i++)
		if (span_eq_nocase(s, tails[i]))
			return true;
	return false;
}

/* The part after the last '#' or '/', if it is a licence of somebody's own. */
static struct span
own_licence(struct span ref)
{
	size_t at = ref.n;

	while (at > 0 && ref.p[at - 1] != '#' && ref.p[at - 1] != '/')
		at--;
	struct span name = span_skip(ref, at);
	return span_starts(name, SPAN(OWN)) ? name : SPAN_NONE;
}

struct span
madmp_licence(struct span ref)
{
	struct span own = own_licence(ref);

	if (own.p != NULL)
		return own;
	cut_scheme(&ref);
	bool spdx = cut(&ref, SPAN("spdx.org/licenses/"));
	for (size_t i = 0; i < COUNT(licences); i++) {
		struct span by_name = ref;
		struct span by_address = ref;
		if (cut(&by_name, licences[i].spdx) && is_tail(by_name))
			return licences[i].spdx;
		if (!spdx && cut(&by_address, licences[i].at) && is_tail(by_address))
			return licences[i].spdx;
	}
	return SPAN_NONE;
}

struct span
madmp_licence_ref(struct span licence, struct span origin, struct arena *a)
{
	for (size_t i = 0; i < COUNT(licences); i++)
		if (span_eq(licence, licences[i].spdx))
			return arena_printf(a, "https://%.*s/", SPAN_ARG(licences[i].at));
	return arena_printf(a, "%.*s/#%.*s", SPAN_ARG(origin), SPAN_ARG(licence));
}

/* /data/PID/ and /datasets/PID of this agent. */
static bool
cut_origin(struct span *s, struct span origin)
{
	struct span rest = *s;

	if (origin.n == 0 || !cut(&rest, origin))
		return false;
	if (!cut(&rest, SPAN("/data/")) && !cut(&rest, SPAN("/datasets/")))
		return false;
	*s = rest;
	return true;
}

struct span
madmp_pid(struct span identifier, struct span origin)
{
	static const struct span resolvers[] = {SPAN_INIT("https://doi.org/"),
		SPAN_INIT("http://doi.org/"), SPAN_INIT("https://dx.doi.org/"),
		SPAN_INIT("http://dx.doi.org/"), SPAN_INIT("https://hdl.handle.net/"),
		SPAN_INIT("http://hdl.handle.net/"), SPAN_INIT("info:doi/"), SPAN_INIT("doi:"),
		SPAN_INIT("hdl:")};
	struct span s = span_trim(identifier);
	bool found = cut_origin(&s, origin);

	for (size_t i = 0; !found && i < COUNT(resolvers); i++)
		found = cut(&s, resolvers[i]);
	while (found && span_ends(s, SPAN("/")))
		s.n--;
	return s;
}

struct span
madmp_pid_type(struct span pid)
{
	struct span suffix = pid;
	struct span prefix = span_cut(&suffix, '/');
	bool dotted = false;

	for (size_t i = 0; i < prefix.n; i++) {
		dotted = dotted || prefix.p[i] == '.';
		if (prefix.p[i] != '.' && (prefix.p[i] < '0' || prefix.p[i] > '9'))
			return SPAN("other");
	}
	if (prefix.n == 0 || suffix.n == 0)
		return SPAN("other");
	return dotted && span_starts(prefix, SPAN("10.")) ? SPAN("doi") : SPAN("handle");
}
