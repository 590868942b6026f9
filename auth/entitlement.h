/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/span.h"

#include <stdbool.h>

/*
 * Groups and capabilities as AARC-G069 and AARC-G027 write them:
 *   <namespace>:group:<group>[:<subgroup>]*[:role=<role>][#<authority>]   (G027: `res`)
 * in one normal form: `urn`, namespace identifier and namespace in lower case, percent-escapes in
 * upper-case hex; the rest keeps its case.  AARC-G002 has the same form with the authority made
 * mandatory.  A value of any other form is opaque text that only an equal text matches; so is EGI's
 * older <namespace>:<authority>:<role>@<group>, of which the namespace is told all the same, for it
 * decides who may assert it.  Pure.
 */
#define ENTITLEMENT_MAX 1024U /* bytes of one value; 40 ordinary ones make 4 KiB (ENT-6) */

struct entitlement {
	struct span text;      /* normal form; in the arena */
	bool opaque;           /* nothing below is set but, in the older form, `space` */
	bool capability;       /* `res` instead of `group` */
	struct span space;     /* "urn:geant:umbrellaid.org"; these point into text */
	struct span path;      /* "pan:proposal:MX-1234" */
	struct span role;      /* absent: none */
	struct span authority; /* absent: none */
};

/* False only when the arena is full or the value is longer than ENTITLEMENT_MAX. */
bool entitlement_parse(struct span value, struct arena *mem, struct entitlement *ret);
