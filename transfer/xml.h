/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Reading XML of strangers (the one wrapper of expat): no DOCTYPE and with it no entities of its
 * own, a limit on size and depth, no recursion.
 */
enum xml_limit {
	XML_BODY_MAX = 64 * 1024, /* bytes */
	XML_DEPTH_MAX = 32,       /* open elements */
};

struct xml_name {
	struct span ns, local; /* UTF-8; ns absent: no namespace */
};

/* An element began; depth 1 is the root.  The spans die with the call. */
typedef void xml_begin(void *ctx, unsigned depth, const struct xml_name *name);

/* ERR_SYNTAX: malformed, or with a DOCTYPE; ERR_LIMIT: too large or too deep (both are 400s). */
bool xml_parse(struct span text, xml_begin *begin, void *ctx, struct err *e);
