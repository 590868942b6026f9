/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/settings_check.h"

#include "agent/base/signer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#define LAYOUT_MAX 8U /* folders deep */
#define HOST_MAX   253U

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

bool
settings_check_text(struct span v, struct err *e)
{
	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f)
			return err_set(e, ERR_SYNTAX, NULL, "must not hold control characters");
	return v.n > 0 || err_set(e, ERR_SYNTAX, NULL, "must not be empty");
}

bool
settings_check_name(struct span v, struct err *e)
{
	bool good = v.n > 0 && v.n <= 63 && (is_lower(v.p[0]) || is_digit(v.p[0]));

	for (size_t i = 0; good && i < v.n; i++)
		good = is_lower(v.p[i]) || is_digit(v.p[i]) || span_has(SPAN("._-"), v.p[i]);
	return good ||
	       err_set(e, ERR_SYNTAX, NULL,
		       "must be a name of a-z, 0-9, '.', '_' and '-', at most 63 characters");
}

/* host[:port] or [IPv6][:port] (RFC 3986 3.2.2); *port is absent where none is written. */
static bool
cut_port(struct span v, struct span *host, struct span *port)
{
	bool literal = v.n > 0 && v.p[0] == '[';

	*port = literal ? span_skip(v, 1) : v;
	*host = span_cut(port, literal ? ']' : ':');
	if (!literal)
		return true;
	if (port->p == NULL || (port->n > 0 && port->p[0] != ':'))
		return false;
	*port = port->n > 0 ? span_skip(*port, 1) : SPAN_NONE;
	return true;
}

bool
settings_check_host(struct span v, struct err *e)
{
	struct span host;
	struct span port;
	uint64_t number = 0;
	bool good = cut_port(v, &host, &port) && host.n > 0 && host.n <= HOST_MAX;

	for (size_t i = 0; good && i < host.n; i++)
		good = is_alnum(host.p[i]) || span_has(SPAN(".-:"), host.p[i]);
	if (good && port.p != NULL)
		good = span_u64(port, 65535, &number) && number > 0;
	return good || err_set(e, ERR_SYNTAX, NULL, "must be a host name, or host:port");
}

bool
settings_check_origin(struct span v, struct err *e)
{
	struct span scheme = SPAN("https://");

	if (span_starts(v, scheme) && settings_check_host(span_skip(v, scheme.n), NULL))
		return true;
	return err_set(e, ERR_SYNTAX, "RFC 6454 4", "must be https://host or https://host:port, %s",
		"without a path or a slash at the end");
}

bool
settings_check_url(struct span v, struct err *e)
{
	struct span rest = v;
	struct span secure = SPAN("https://");
	struct span plain = SPAN("http://");
	bool good = span_starts(v, secure) || span_starts(v, plain);

	rest = span_skip(v, span_starts(v, secure) ? secure.n : plain.n);
	good = good && settings_check_host(span_cut(&rest, '/'), NULL);
	for (size_t i = 0; i < v.n; i++)
		good = good && (unsigned char)v.p[i] > 0x20 && (unsigned char)v.p[i] < 0x7f &&
		       !span_has(SPAN("\"\\<>^`{|}#"), v.p[i]);
	return good || err_set(e, ERR_SYNTAX, "RFC 3986 3",
			       "must be an absolute URL, https://host/path, without a fragment");
}

bool
settings_check_proxy(struct span v, struct err *e)
{
	struct span scheme = SPAN("http://");

	if (span_starts(v, scheme) && settings_check_host(span_skip(v, scheme.n), NULL))
		return true;
	return err_set(e, ERR_SYNTAX, NULL, "must be http://host:port");
}

/* Is it a numeric address, and of how many bits? */
static bool
is_address(struct span v, unsigned *ret_bits)
{
	unsigned char raw[16];
	char text[INET6_ADDRSTRLEN];

	if (!span_cstr(v, text, sizeof(text)))
		return false;
	if (inet_pton(AF_INET, text, raw) == 1)
		*ret_bits = 32;
	else if (inet_pton(AF_INET6, text, raw) == 1)
		*ret_bits = 128;
	else
		return false;
	return true;
}

bool
settings_check_listen(struct span v, struct err *e)
{
	struct span host;
	struct span port;
	uint64_t number = 0;
	unsigned bits = 0;

	if (cut_port(v, &host, &port) && is_address(host, &bits) &&
		bits == (v.p[0] == '[' ? 128U : 32U) && span_u64(port, 65535, &number))
		return true;
	return err_set(e, ERR_SYNTAX, NULL,
		"must be ADDRESS:PORT with a numeric address, like 127.0.0.1:8443 or [::1]:8443");
}

bool
settings_check_block(struct span v, struct err *e)
{
	struct span rest = v;
	struct span host = span_cut(&rest, '/');
	uint64_t number = 0;
	unsigned bits = 0;

	if (is_address(host, &bits) && span_u64(rest, bits, &number))
		return true;
	return err_set(e, ERR_SYNTAX, "RFC 4632 3.1",
		"must be ADDRESS/BITS, like 192.0.2.0/24 or 2001:db8::/32");
}

/* What is all digits and dots is no name: an address that was mistyped. */
bool
settings_check_target(struct span v, struct err *e)
{
	bool letter = false;
	unsigned bits = 0;
	bool good = v.n > 0 && v.n <= HOST_MAX;

	if (is_address(v, &bits) || settings_check_block(v, NULL))
		return true;
	for (size_t i = 0; good && i < v.n; i++) {
		good = is_alnum(v.p[i]) || span_has(SPAN(".-"), v.p[i]);
		letter = letter || (is_alnum(v.p[i]) && (v.p[i] < '0' || v.p[i] > '9'));
	}
	return (good && letter) ||
	       err_set(e, ERR_SYNTAX, NULL,
		       "must be a host name without a port, or ADDRESS/BITS, like storage.example "
		       "or 10.1.0.0/16");
}

bool
settings_check_zone(struct span v, struct err *e)
{
	char path[128];
	bool good = v.n > 0 && v.n <= 64 && is_alnum(v.p[0]);

	for (size_t i = 0; good && i < v.n; i++)
		good = is_alnum(v.p[i]) || span_has(SPAN("/_+-"), v.p[i]);
	if (!good)
		return err_set(e, ERR_SYNTAX, NULL,
			"must be a name of the time zone database, like Europe/Stockholm");
	(void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", SPAN_ARG(v));
	return span_is(v, "UTC") || access(path, R_OK) == 0 ||
	       err_set(e, ERR_ABSENT, NULL, "is not in the time zone database (%s; package tzdata)",
		       path);
}

bool
settings_check_rooted(struct span v, struct err *e)
{
	return (v.n > 0 && v.p[0] == '/') || err_set(e, ERR_SYNTAX, NULL, "must begin with '/'");
}

bool
settings_check_signer(struct span v, struct err *e)
{
	uint8_t key[SIGNER_KEY];

	if (!signer_read(v, key, e))
		return false;
	return !signer_published(key) ||
	       err_set(e, ERR_DENIED, "RFC 8032 7.1",
		       "is a key of RFC 8032 whose private half everybody has: make one with "
		       "`pan-agent policy keygen`");
}

bool
settings_check_next(struct span *rest, struct span *name)
{
	(void)span_cut(rest, '{');
	if (rest->p == NULL || !span_has(*rest, '}'))
		return false;
	*name = span_cut(rest, '}');
	return true;
}

static bool
is_variable(struct span v)
{
	bool good = v.n > 0 && v.n <= 32 && is_lower(v.p[0]);

	for (size_t i = 0; good && i < v.n; i++)
		good = is_lower(v.p[i]) || is_digit(v.p[i]) || v.p[i] == '_';
	return good;
}

bool
settings_check_layout(struct span v, struct err *e)
{
	struct span seen[LAYOUT_MAX] = {{0}};
	struct span rest = v;
	size_t n = 0;

	if (span_is(v, "."))
		return true;
	while (rest.p != NULL) {
		struct span part = span_cut(&rest, '/');
		struct span name = span_first(span_skip(part, 1), part.n > 2 ? part.n - 2 : 0);
		if (part.n < 3 || part.p[0] != '{' || part.p[part.n - 1] != '}' ||
			!is_variable(name))
			return err_set(e, ERR_SYNTAX, NULL,
				"must be '.' or {name}/{name}/..., one name for each leading "
				"folder");
		if (n == LAYOUT_MAX)
			return err_set(e, ERR_LIMIT, NULL, "has more than %u folders", LAYOUT_MAX);
		for (size_t i = 0; i < n; i++)
			if (span_eq(seen[i], name))
				return err_set(
					e, ERR_SYNTAX, NULL, "names {%.*s} twice", SPAN_ARG(name));
		seen[n++] = name;
	}
	return true;
}

static bool
template_braces(struct span v, struct err *e)
{
	struct span rest = v;
	struct span name = SPAN_NONE;
	size_t used = 0;
	size_t braces = 0;

	for (size_t i = 0; i < v.n; i++)
		braces += v.p[i] == '{' || v.p[i] == '}';
	while (settings_check_next(&rest, &name)) {
		if (!is_variable(name))
			return err_set(e, ERR_SYNTAX, NULL,
				"holds {%.*s}: a name has a-z, 0-9 and '_', at most 32 characters",
				SPAN_ARG(span_first(name, 40)));
		used += 2;
	}
	return used == braces ||
	       err_set(e, ERR_SYNTAX, NULL, "has a brace without its partner: write {name}");
}

bool
settings_check_template(struct span v, struct err *e)
{
	struct span rest = v;

	if (v.n == 0)
		return err_set(e, ERR_SYNTAX, NULL, "must not be empty");
	while (rest.p != NULL) {
		struct span part = span_cut(&rest, '/');
		if (part.n == 0 || span_is(part, ".") || span_is(part, ".."))
			return err_set(e, ERR_SYNTAX, NULL,
				"must not have empty, '.' or '..' segments: it stands in URLs");
	}
	for (size_t i = 0; v.p != NULL && i < v.n; i++)
		if ((unsigned char)v.p[i] <= 0x20 || v.p[i] == 0x7f)
			return err_set(
				e, ERR_SYNTAX, NULL, "must not hold spaces: it stands in URLs");
	return template_braces(v, e);
}
