/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/route.h"

#include <stddef.h>

#define READS (1U << HTTP_GET | 1U << HTTP_HEAD | 1U << HTTP_OPTIONS)

static const struct route routes[] = {
	{SPAN_INIT("/data"), true, true, READS | 1U << HTTP_PROPFIND,
		"GET, HEAD, OPTIONS, PROPFIND"},
	{SPAN_INIT("/.well-known/oauth-protected-resource"), true, false, READS,
		"GET, HEAD, OPTIONS"},
	{SPAN_INIT("/healthz"), false, false, READS, "GET, HEAD, OPTIONS"},
	{SPAN_INIT("/"), false, false, READS, "GET, HEAD, OPTIONS"},
	{SPAN_INIT("*"), false, true, 1U << HTTP_OPTIONS, "GET, HEAD, OPTIONS, PROPFIND"},
};

const struct route *
route_find(struct span path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *r = &routes[i];
		if (span_eq(path, r->path))
			return r;
		if (r->below && span_starts(path, r->path) && path.p[r->path.n] == '/')
			return r;
	}
	return NULL;
}
