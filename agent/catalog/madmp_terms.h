/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/span.h"

/*
 * What a plan calls by addresses, in the words of the catalogue and of policies.  Pure; results are
 * borrowed from the argument or static unless they say otherwise.
 */

/*
 * The SPDX identifier of a licence that a policy can have: by the address of its text
 * (creativecommons.org, opendatacommons.org), of spdx.org, by a fragment LicenseRef-NAME, or by
 * itself.  Absent: another one.
 */
struct span madmp_licence(struct span ref);
/*
 * The address of its text; of LicenseRef-NAME, which has none, a fragment of `origin` (in the
 * arena).
 */
struct span madmp_licence_ref(struct span licence, struct span origin, struct arena *a);
/*
 * The pid that an identifier means: without doi:, https://doi.org/, hdl: and the like, and without
 * the address of this agent (origin without a slash at the end).
 */
struct span madmp_pid(struct span identifier, struct span origin);
/* The type that the standard has for a pid: doi, handle or other. */
struct span madmp_pid_type(struct span pid);
