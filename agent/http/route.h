/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"
#include "agent/http/exchange.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Which paths there are, and which methods each takes.  The front refuses the rest by itself: 404
 * for a path without a row, 405 with Allow for a method that the row does not take.  Pure.
 */
struct route {
	struct span path; /* the path itself */
	bool below;       /* and everything below it */
	bool dav;         /* OPTIONS says DAV: 1 */
	uint32_t methods; /* set of 1U << enum http_method */
	uint32_t form;    /* POST takes an application/x-www-form-urlencoded body of at most so
			     many bytes; 0: any body, at most HTTP_BODY_MAX */
	const char *allow;
};

/* The value of Allow; copies: COPY is not refused everywhere (the gate says the rest). */
const char *route_allow(const struct route *r, bool copies);
/* `path` is decoded, "*" for the asterisk.  NULL: 404. */
const struct route *route_find(struct span path);
static inline bool
route_takes(const struct route *r, enum http_method m)
{
	return (r->methods & (1U << m)) != 0;
}
