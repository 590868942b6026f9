/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/target.h"

#include <arpa/inet.h>
#include <string.h>

#define TARGET_NAME_MAX 255U

/* ---- host ---- */

/* A DNS name or IPv4 address: labels of letters, digits, '-' and '_', with dots between. */
static bool
reg_name(struct span s)
{
	char before = '.';

	if (s.n > TARGET_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alnum =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alnum && c != '-' && c != '_' && (c != '.' || before == '.'))
			return false;
		before = c;
	}
	return s.n > 0;
}

static bool
ipv6_literal(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	return span_cstr(s, text, sizeof(text)) && inet_pton(AF_INET6, text, &a) == 1;
}

/* The name, in brackets when it is an IPv6 address; *rest is what follows it. */
static bool
cut_name(struct span host, struct span *ret_name, struct span *rest)
{
	struct span inner = span_skip(host, 1);

	if (host.n > 0 && host.p[0] == '[') {
		struct span address = span_cut(&inner, ']');
		if (inner.p == NULL || !ipv6_literal(address))
			return false;
		*ret_name = span_first(host, address.n + 2);
	} else {
		const char *colon = host.n > 0 ? memchr(host.p, ':', host.n) : NULL;
		*ret_name = span_first(host, colon != NULL ? (size_t)(colon - host.p) : host.n);
		if (!reg_name(*ret_name))
			return false;
	}
	*rest = span_skip(host, ret_name->n);
	return true;
}

bool
target_host(struct span host, struct span *ret_name, unsigned *ret_port, struct err *e)
{
	struct span name = SPAN_NONE;
	struct span rest = SPAN_NONE;
	uint64_t port = TARGET_PORT_NONE;

	if (!cut_name(host, &name, &rest))
		return err_set(e, ERR_SYNTAX, "RFC 9110 7.2", "the host is not a name or address");
	/* RFC 3986 3.2.3 allows a colon without digits. */
	if (rest.n > 0 && rest.p[0] != ':')
		return err_set(
			e, ERR_SYNTAX, "RFC 9110 7.2", "something else than a port after the host");
	if (rest.n > 1 && (rest.n > 6 || !span_u64(span_skip(rest, 1), 65535, &port) || port == 0))
		return err_set(e, ERR_SYNTAX, "RFC 9110 7.2", "a port outside of 1 to 65535");
	*ret_name = name;
	*ret_port = (unsigned)port;
	return true;
}

bool
target_ours(struct span authority, const struct span *own, size_t n_own)
{
	struct span name = SPAN_NONE;
	struct span mine = SPAN_NONE;
	unsigned port = 0;
	unsigned my_port = 0;

	if (authority.p == NULL || n_own == 0)
		return true;
	if (!target_host(authority, &name, &port, NULL))
		return false;
	for (size_t i = 0; i < n_own; i++)
		if (target_host(own[i], &mine, &my_port, NULL) && span_eq_nocase(name, mine) &&
			(my_port == TARGET_PORT_NONE || port == TARGET_PORT_NONE ||
				my_port == port))
			return true;
	return false;
}

/* ---- path ---- */

static bool
visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] > 0x7e || s.p[i] == '#')
			return false;
	return true;
}

/* "" or "/..." after one of the trees whose names stand verbatim in the path. */
static bool
verbatim(struct span path)
{
	static const struct span trees[] = {SPAN_INIT("/data"), SPAN_INIT("/archive")};

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		struct span rest = span_skip(path, trees[i].n);
		if (span_starts(path, trees[i]) && (rest.n == 0 || rest.p[0] == '/'))
			return true;
	}
	return false;
}

/* Percent-decoding, once.  Returns the length, or SIZE_MAX for a malformed escape. */
static size_t
decode(struct span raw, char *out, bool *ret_slash)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		uint64_t v = 0;
		if (raw.p[i] != '%') {
			out[n++] = raw.p[i];
			continue;
		}
		struct span two = span_first(span_skip(raw, i + 1), 2);
		if (two.n != 2 || !span_hex_u64(two, 0xff, &v))
			return SIZE_MAX;
		if (v == '/')
			*ret_slash = true;
		out[n++] = (char)v;
		i += 2;
	}
	return n;
}

/* No "." and "..", no empty segment but the last. */
static bool
good_segments(struct span path)
{
	struct span rest = span_skip(path, 1);

	while (rest.p != NULL) {
		struct span segment = span_cut(&rest, '/');
		if (span_is(segment, ".") || span_is(segment, "..") ||
			(segment.n == 0 && rest.p != NULL))
			return false;
	}
	return true;
}

static bool
decode_path(struct span raw, char *out, size_t cap, struct span *ret, struct err *e)
{
	bool slash = false;

	if (raw.n > cap)
		return err_set(e, ERR_SYNTAX, "RFC 9110 4.1", "a path of more than %zu bytes", cap);
	size_t n = decode(raw, out, &slash);
	if (n == SIZE_MAX)
		return err_set(e, ERR_SYNTAX, "RFC 3986 2.1",
			"a percent sign in the path without two hexadecimal digits");
	struct span path = {out, n};
	if (!span_utf8(path))
		return err_set(e, ERR_SYNTAX, "RFC 3629 3", "a path that is not UTF-8");
	if (span_control(path))
		return err_set(e, ERR_SYNTAX, "RFC 3986 2.2", "a control character in the path");
	if (slash && verbatim(path))
		return err_set(e, ERR_SYNTAX, "RFC 3986 2.2",
			"an encoded slash in the path: write the identifier with its own slash");
	if (!good_segments(path))
		return err_set(e, ERR_SYNTAX, "RFC 3986 5.2.4",
			"an empty or dot segment in the path: each resource has one name");
	*ret = path;
	return true;
}

/* ---- the three forms ---- */

/* Takes scheme and authority off *rest, which then begins with '/' or '?' or is empty. */
static bool
cut_authority(struct span *rest, struct span *ret, struct err *e)
{
	static const struct span schemes[] = {SPAN_INIT("https://"), SPAN_INIT("http://")};
	struct span name = SPAN_NONE;
	unsigned port = 0;
	size_t skip = 0;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (span_eq_nocase(span_first(*rest, schemes[i].n), schemes[i]))
			skip = schemes[i].n;
	if (skip == 0)
		return err_set(e, ERR_SYNTAX, "RFC 9112 3.2",
			"the target is neither a path nor an absolute URI of this server");
	struct span at = span_skip(*rest, skip);
	size_t n = 0;
	while (n < at.n && at.p[n] != '/' && at.p[n] != '?')
		n++;
	if (!target_host(span_first(at, n), &name, &port, e))
		return false;
	*ret = span_first(at, n);
	*rest = span_skip(at, n);
	return true;
}

bool
target_parse(struct span raw, enum http_method m, char *out, size_t cap, struct target *ret,
	struct err *e)
{
	struct target t = {.form = TARGET_ORIGIN};
	struct span rest = raw;

	if (span_is(raw, "*")) {
		if (m != HTTP_OPTIONS)
			return err_set(e, ERR_SYNTAX, "RFC 9112 3.2.4",
				"the target * goes with OPTIONS only");
		*ret = (struct target){.form = TARGET_ASTERISK, .raw = raw, .path = raw};
		return true;
	}
	if (!visible(raw))
		return err_set(e, ERR_SYNTAX, "RFC 9112 3.2",
			"a fragment, blank or byte outside of ASCII in the target");
	if (raw.n == 0 || raw.p[0] != '/') {
		if (!cut_authority(&rest, &t.authority, e))
			return false;
		t.form = TARGET_ABSOLUTE;
	}
	t.raw = span_cut(&rest, '?');
	t.query = rest;
	if (t.raw.n == 0)
		t.raw = SPAN("/"); /* RFC 9112 3.2.2: the absolute form without a path */
	if (!decode_path(t.raw, out, cap, &t.path, e))
		return false;
	*ret = t;
	return true;
}
