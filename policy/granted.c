/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/granted.h"

#define READS                                                                                      \
	(1U << ACTION_META_PUBLIC | 1U << ACTION_META_FULL | 1U << ACTION_DATA_LIST |              \
		1U << ACTION_DATA_READ)

uint32_t
granted_roles(const struct policy_set *s, struct facts *f, uint32_t roles)
{
	uint32_t added = roles & ~f->roles;
	struct decision n;

	if (added == 0 || f->action >= ACTION_COUNT || (READS >> f->action & 1U) == 0)
		return 0;
	policy_decide(s, f, &n);
	if (n.state != STATE_EMBARGOED && n.state != STATE_OPEN)
		return 0;
	f->roles |= added;
	return added;
}
