/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/origin.h"

#include <stdio.h>
#include <string.h>

#define HOST_MAX 253U /* RFC 1035 2.3.4 */

struct parts {
	bool https;
	struct span host, port; /* port absent: none was given */
	struct span rest;
};

static bool
shown_safely(struct span url)
{
	for (size_t i = 0; i < url.n; i++) {
		char c = url.p[i];
		if (c <= ' ' || c > '~' || strchr("\"'<>\\^`{|}", c) != NULL)
			return false;
	}
	return true;
}

static char
lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* A name, an IPv4 address, or an IPv6 address in brackets (RFC 3986 3.2.2). */
static bool
good_host(struct span host)
{
	const char *set = "abcdefghijklmnopqrstuvwxyz0123456789.-_";

	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host = (struct span){host.p + 1, host.n - 2};
		set = "abcdef0123456789:.";
	}
	if (host.n == 0 || host.n > HOST_MAX)
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (strchr(set, lower(host.p[i])) == NULL)
			return false;
	return true;
}

static bool
cut_authority(struct span authority, struct parts *p)
{
	size_t close = 0;

	for (size_t i = 0; i < authority.n; i++)
		close = authority.p[i] == ']' ? i : close;
	struct span tail = span_skip(authority, close);
	p->host = span_first(authority, close + span_cut(&tail, ':').n);
	p->port = tail;
	return good_host(p->host);
}

static bool
cut_url(struct span url, struct parts *p, struct err *e)
{
	struct span https = SPAN("https://");
	struct span http = SPAN("http://");

	p->https = span_eq_nocase(span_first(url, https.n), https);
	if (!p->https && !span_eq_nocase(span_first(url, http.n), http))
		return err_set(e, ERR_SYNTAX, NULL, "write it as https://HOST/...");
	if (url.n > ORIGIN_URL_MAX || !shown_safely(url))
		return err_set(e, ERR_SYNTAX, "RFC 3986 2",
			"too long, or a character that no URL may hold");
	url = span_skip(url, p->https ? https.n : http.n);
	size_t n = 0;
	while (n < url.n && strchr("/?#", url.p[n]) == NULL)
		n++;
	struct span authority = span_first(url, n);
	p->rest = span_skip(url, n);
	if (span_has(authority, '@') || span_has(p->rest, '#'))
		return err_set(e, ERR_SYNTAX, "RFC 3986 3", "no user name and no # in it, please");
	return cut_authority(authority, p) ||
	       err_set(e, ERR_SYNTAX, "RFC 3986 3.2.2", "its host is missing or malformed");
}

static bool
is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
	       strcmp(host, "[::1]") == 0;
}

bool
origin_parse(struct span url, struct origin *ret, struct err *e)
{
	struct parts p = {.https = false};
	struct origin o = {.text = ""};
	char host[HOST_MAX + 3] = "";
	uint64_t port = 0;

	if (!cut_url(url, &p, e))
		return false;
	for (size_t i = 0; i < p.host.n; i++)
		host[i] = lower(p.host.p[i]);
	if (p.port.p != NULL && (!span_u64(p.port, 65535, &port) || port == 0))
		return err_set(
			e, ERR_SYNTAX, "RFC 3986 3.2.3", "its port is no number from 1 to 65535");
	o.loopback = is_loopback(host);
	if (!p.https && !o.loopback)
		return err_set(e, ERR_SYNTAX, "RFC 6750 5.3",
			"plain http is for this very machine only; write https://");
	int n = snprintf(o.text, sizeof(o.text), "%s://%s", p.https ? "https" : "http", host);
	if (port != 0 && port != (p.https ? 443U : 80U))
		(void)snprintf(o.text + n, sizeof(o.text) - (size_t)n, ":%u", (unsigned)port);
	o.rest = p.rest;
	*ret = o;
	return true;
}

bool
origin_same(const struct origin *o, struct span url)
{
	struct origin other;

	return origin_parse(url, &other, NULL) && strcmp(o->text, other.text) == 0;
}
