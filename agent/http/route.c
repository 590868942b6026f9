/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/route.h"

#include <stddef.h>

#define READS    (1U << HTTP_GET | 1U << HTTP_HEAD | 1U << HTTP_OPTIONS)
#define WRITES   (READS | 1U << HTTP_POST | 1U << HTTP_DELETE)
#define FORM_MAX 4096U

static const struct route routes[] = {
	{SPAN_INIT("/data"), true, true,
		READS | 1U << HTTP_PROPFIND | 1U << HTTP_PUT | 1U << HTTP_MKCOL | 1U << HTTP_COPY,
		0, "GET, HEAD, OPTIONS, PROPFIND"},
	/* A whole dataset as one tar or zip file. */
	{SPAN_INIT("/archive"), true, false, READS, 0, "GET, HEAD, OPTIONS"},
	/* What people do about a dataset and about terms: JSON with a token, a form with a login.
	 */
	{SPAN_INIT("/datasets"), true, false, WRITES, 0, "GET, HEAD, OPTIONS, POST, DELETE"},
	{SPAN_INIT("/terms"), true, false, WRITES, 0, "GET, HEAD, OPTIONS, POST, DELETE"},
	{SPAN_INIT("/review"), true, false, READS, 0, "GET, HEAD, OPTIONS"},
	{SPAN_INIT("/.well-known/oauth-protected-resource"), true, false, READS, 0,
		"GET, HEAD, OPTIONS"},
	/* A browser's login: the way to the issuer, the way back below it, and who is logged in. */
	{SPAN_INIT("/login"), true, false, READS, 0, "GET, HEAD, OPTIONS"},
	{SPAN_INIT("/logout"), false, false, 1U << HTTP_POST | 1U << HTTP_OPTIONS, FORM_MAX,
		"POST, OPTIONS"},
	{SPAN_INIT("/me"), false, false, READS, 0, "GET, HEAD, OPTIONS"},
	{SPAN_INIT("/healthz"), false, false, READS, 0, "GET, HEAD, OPTIONS"},
	{SPAN_INIT("/"), false, false, READS, 0, "GET, HEAD, OPTIONS"},
	{SPAN_INIT("*"), false, true, 1U << HTTP_OPTIONS, 0, "GET, HEAD, OPTIONS, PROPFIND"},
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

const char *
route_allow(const struct route *r, bool copies)
{
	return copies && r->dav ? "GET, HEAD, OPTIONS, PROPFIND, COPY" : r->allow;
}
