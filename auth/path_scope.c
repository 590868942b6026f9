/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/path_scope.h"

/* One component, decoded once (RFC 3986 2.1); false: ambiguous, or not a name. */
static bool
decode(struct span c, char *out, size_t *n)
{
	size_t at = *n;

	for (size_t i = 0; i < c.n; i++) {
		uint64_t v = (unsigned char)c.p[i];
		if (c.p[i] == '%') {
			if (c.n - i < 3 ||
				!span_hex_u64(span_first(span_skip(c, i + 1), 2), 255, &v))
				return false;
			i += 2;
		}
		if (v < 0x20 || v == 0x7f || v == '/')
			return false;
		out[at++] = (char)v;
	}
	struct span name = {out + *n, at - *n};
	if (name.n == 0 || span_is(name, ".") || span_is(name, ".."))
		return false;
	*n = at;
	return true;
}

/* base and path, decoded; absent when the path grants nothing.  room: base.n + path.n bytes. */
static struct span
resolve(struct span base, struct span path, char *out)
{
	size_t n = 0;
	struct span rest = span_skip(path, 1);

	for (; n < base.n; n++)
		out[n] = base.p[n];
	out[n++] = '/';
	while (rest.p != NULL && rest.n > 0) {
		struct span c = span_cut(&rest, '/');
		if (!decode(c, out, &n))
			return SPAN_NONE;
		if (rest.p != NULL)
			out[n++] = '/';
	}
	return (struct span){out, n};
}

/* Is it one of a list with spaces between? */
static bool
is_one_of(struct span words, struct span name)
{
	while (words.p != NULL)
		if (span_eq(span_cut(&words, ' '), name))
			return name.n > 0;
	return false;
}

bool
path_scope_read(struct span scope, struct span words, struct span base, struct arena *mem,
	struct path_scopes *ret, struct err *e)
{
	size_t n = 0;
	size_t most = 1;

	for (size_t i = 0; i < scope.n; i++)
		most += scope.p[i] == ' ';
	struct span *path = arena_array(mem, most, sizeof(*path));
	if (path == NULL)
		return err_set(e, ERR_LIMIT, NULL, "scope: no memory left for this request");
	while (scope.p != NULL) {
		struct span rest = span_cut(&scope, ' ');
		struct span name = span_cut(&rest, ':');
		if (!is_one_of(words, name))
			continue;
		if (rest.n == 0 || rest.p[0] != '/')
			return err_set(e, ERR_UNAUTH, "WLCG profile 1.3, 2.2.1",
				"scope: %.*s without an absolute path makes the token unusable",
				SPAN_ARG(name));
		char *out = arena_alloc(mem, base.n + rest.n);
		if (out == NULL)
			return err_set(
				e, ERR_LIMIT, NULL, "scope: no memory left for this request");
		struct span got = resolve(base, rest, out);
		if (got.p != NULL)
			path[n++] = got;
	}
	*ret = (struct path_scopes){path, n};
	return true;
}

bool
path_scope_covers(struct span granted, struct span path)
{
	if (granted.n == 0 || !span_starts(path, granted))
		return false;
	return path.n == granted.n || granted.p[granted.n - 1] == '/' || path.p[granted.n] == '/';
}
