/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/tpc.h"

#include "agent/base/base64.h"

#include <string.h>

#define FAILURE_MAX 900U /* bytes of a last line; davix reads 1023 */
#define STREAMS_MAX 100U

/* ---- URLs ---- */

/* What may stand in a URL (RFC 3986); the rest comes percent-encoded. */
static bool
is_url_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_';
}

static bool
bad(struct err *e, const char *why)
{
	return err_set(e, ERR_SYNTAX, NULL, "%s", why);
}

static bool
read_scheme(struct span *text, struct err *e)
{
	struct span rest = *text;
	struct span scheme = span_cut(&rest, ':');

	if (rest.p == NULL || !span_starts(rest, SPAN("//")))
		return bad(e, "The other side is named by an absolute URL, https://HOST/PATH.");
	if (!span_eq_nocase(scheme, SPAN("https")) && !span_eq_nocase(scheme, SPAN("davs")))
		return bad(e, "The other side must be https:// (or davs://); nothing else is "
			      "spoken to.");
	*text = span_skip(rest, 2);
	return true;
}

/* The last part is all digits, or 0x and what follows: then the whole is an address, or nothing. */
static bool
ends_in_number(struct span host)
{
	struct span last = SPAN_NONE;

	if (span_ends(host, SPAN(".")))
		host.n--;
	while (host.p != NULL)
		last = span_cut(&host, '.');
	if (span_starts(last, SPAN("0x")) || span_starts(last, SPAN("0X")))
		return true;
	for (size_t i = 0; i < last.n; i++)
		if (last.p[i] < '0' || last.p[i] > '9')
			return false;
	return last.n > 0;
}

/* The host in front of *port, which is absent then where there is none. */
static bool
cut_host(struct span *port, struct span *host, struct err *e)
{
	if (!span_starts(*port, SPAN("["))) {
		*host = span_cut(port, ':');
		for (size_t i = 0; i < host->n; i++)
			if (!is_name_char(host->p[i]))
				return bad(e, "The host of the URL is no name of a host.");
		return true;
	}
	*host = span_skip(span_cut(port, ']'), 1);
	if (port->p == NULL || (port->n > 0 && port->p[0] != ':') || !span_has(*host, ':'))
		return bad(e, "The host of the URL is no address in brackets.");
	*port = port->n > 0 ? span_skip(*port, 1) : SPAN_NONE;
	return true;
}

/* Host and port; an IPv6 address stands in brackets. */
static bool
read_authority(struct tpc_url *u, struct err *e)
{
	struct span port = u->authority;
	uint64_t number = 443;

	if (span_has(u->authority, '@'))
		return bad(e, "No user name may stand in the URL of the other side.");
	if (!cut_host(&port, &u->host, e))
		return false;
	u->literal = net_guard_literal(u->host, u->address);
	if (u->host.n == 0 || u->host.n > TPC_HOST_MAX ||
		(!u->literal && (span_has(u->host, ':') || ends_in_number(u->host))))
		return bad(e, "The host of the URL is neither a name nor an address.");
	if (port.p != NULL && (!span_u64(port, UINT16_MAX, &number) || number == 0))
		return bad(e, "The port of the URL is none.");
	u->port = (uint16_t)number;
	return true;
}

bool
tpc_url_read(struct span text, struct tpc_url *ret, struct err *e)
{
	struct tpc_url u = {.port = 0};

	if (text.n > TPC_URL_MAX)
		return bad(e, "The URL of the other side is longer than 4 KiB.");
	for (size_t i = 0; i < text.n; i++)
		if (!is_url_char(text.p[i]))
			return bad(e, "A URL has no blanks and no such characters: encode them.");
	if (span_has(text, '#'))
		return bad(e, "A fragment (#) names no file.");
	if (!read_scheme(&text, e))
		return false;
	const char *slash = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
	if (slash == NULL)
		return bad(e, "The URL of the other side has no path: name the file there.");
	u.authority = span_first(text, (size_t)(slash - text.p));
	u.target = span_skip(text, u.authority.n);
	if (!read_authority(&u, e))
		return false;
	*ret = u;
	return true;
}

void
tpc_url_write(const struct tpc_url *u, struct buf *out)
{
	buf_adds(out, "https://");
	buf_add(out, u->authority);
	buf_add(out, u->target);
}

/* ---- the fields of a COPY ---- */

/* All that have one place each; the others are TransferHeader and what is passed over. */
enum known { DESTINATION, SOURCE, CREDENTIAL, OVERWRITE, STREAMS, VERIFY, KNOWN };

static const struct span known_names[KNOWN] = {
	[DESTINATION] = SPAN_INIT("Destination"),
	[SOURCE] = SPAN_INIT("Source"),
	[CREDENTIAL] = SPAN_INIT("Credential"),
	[OVERWRITE] = SPAN_INIT("Overwrite"),
	[STREAMS] = SPAN_INIT("X-Number-Of-Streams"),
	[VERIFY] = SPAN_INIT("RequireChecksumVerification"),
};

/* What frames a message or belongs to one connection is ours to write. */
static bool
may_be_sent(struct span name)
{
	static const struct span never[] = {SPAN_INIT("Host"), SPAN_INIT("Content-Length"),
		SPAN_INIT("Transfer-Encoding"), SPAN_INIT("Connection"), SPAN_INIT("TE"),
		SPAN_INIT("Trailer"), SPAN_INIT("Upgrade"), SPAN_INIT("Expect"), SPAN_INIT("Range"),
		SPAN_INIT("Keep-Alive"), SPAN_INIT("Proxy-Connection"),
		SPAN_INIT("Proxy-Authorization"), SPAN_INIT("Content-Range"),
		SPAN_INIT("HTTP2-Settings")};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (span_eq_nocase(name, never[i]))
			return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] >= 0x7f || name.p[i] == ':')
			return false;
	return name.n > 0;
}

static bool
add_header(struct tpc_plan *p, struct span name, struct span value, struct err *e)
{
	if (!may_be_sent(name))
		return err_set(e, ERR_SYNTAX, NULL, "TransferHeader%.*s is not sent on.",
			(int)(name.n < 40 ? name.n : 40), name.n > 0 ? name.p : "");
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			return bad(e, "A control character cannot be sent on.");
	if (p->n_fields == TPC_FIELDS_MAX)
		return bad(e, "More than 32 fields to be sent on.");
	p->fields[p->n_fields].name = name;
	p->fields[p->n_fields++].value = value;
	return true;
}

static bool
take_line(struct tpc_plan *p, struct span known[KNOWN], struct span line, struct err *e)
{
	static const struct span transfer = SPAN_INIT("TransferHeader");
	struct span value = line;
	struct span name = span_cut(&value, ':');

	value = span_trim(value);
	if (value.p == NULL)
		value = SPAN("");
	if (name.n >= transfer.n && span_eq_nocase(span_first(name, transfer.n), transfer))
		return add_header(p, span_skip(name, transfer.n), value, e);
	for (size_t i = 0; i < KNOWN; i++) {
		if (!span_eq_nocase(name, known_names[i]))
			continue;
		if (known[i].p != NULL)
			return err_set(e, ERR_SYNTAX, NULL, "%s is there twice.", known_names[i].p);
		known[i] = value;
	}
	return true;
}

static bool
judge(struct tpc_plan *p, const struct span known[KNOWN], struct err *e)
{
	uint64_t streams = 0;

	if ((known[DESTINATION].p != NULL) == (known[SOURCE].p != NULL))
		return bad(e, "A COPY has either Destination (push) or Source (pull).");
	p->way = known[SOURCE].p != NULL ? TPC_PULL : TPC_PUSH;
	if (!tpc_url_read(known[p->way == TPC_PULL ? SOURCE : DESTINATION], &p->url, e))
		return false;
	if (known[CREDENTIAL].p != NULL && !span_eq_nocase(known[CREDENTIAL], SPAN("none")))
		return bad(e, "Credential: none is all that there is here: send what the other "
			      "side needs as TransferHeaderAuthorization.");
	if (known[OVERWRITE].p != NULL && !span_is(known[OVERWRITE], "T") &&
		!span_is(known[OVERWRITE], "F"))
		return bad(e, "Overwrite is T or F.");
	p->keep = span_is(known[OVERWRITE], "F");
	if (known[STREAMS].p != NULL && !span_u64(known[STREAMS], STREAMS_MAX, &streams))
		return bad(e, "X-Number-Of-Streams is 0 to 100.");
	if (span_eq_nocase(known[VERIFY], SPAN("false")))
		p->verify = TPC_VERIFY_NO;
	else if (known[VERIFY].p != NULL)
		p->verify = TPC_VERIFY_MUST;
	return true;
}

bool
tpc_read(struct span fields, struct tpc_plan *ret, struct err *e)
{
	struct span known[KNOWN] = {{NULL, 0}};
	struct tpc_plan p = {.n_fields = 0};

	while (fields.n > 0)
		if (!take_line(&p, known, span_cut(&fields, '\n'), e))
			return false;
	if (!judge(&p, known, e))
		return false;
	*ret = p;
	return true;
}

/* ---- what the client is told ---- */

void
tpc_marker(struct buf *out, int64_t utc, uint64_t bytes, struct span remote)
{
	buf_addf(out,
		"Perf Marker\nTimestamp: %lld\nStripe Index: 0\nStripe Bytes Transferred: %llu\n"
		"Total Stripe Count: 1\n",
		(long long)utc, (unsigned long long)bytes);
	if (remote.n > 0)
		buf_addf(out, "RemoteConnections: %.*s\n", SPAN_ARG(remote));
	buf_adds(out, "End\n");
}

void
tpc_success(struct buf *out)
{
	buf_adds(out, "success: Created\n");
}

void
tpc_failure(struct buf *out, struct span text)
{
	size_t n = text.n < FAILURE_MAX ? text.n : FAILURE_MAX;

	buf_adds(out, "failure: ");
	for (size_t i = 0; i < n; i++)
		buf_addc(out, text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?');
	buf_addc(out, '\n');
}

bool
tpc_line_read(struct span line, unsigned *status, struct span *text)
{
	static const unsigned known[] = {202, 403, 412, 502, 503};
	uint64_t v = 0;

	if (line.n > TPC_LINE_MAX || !span_utf8(line) || span_control(line))
		return false;
	struct span rest = line;
	if (!span_u64(span_cut(&rest, ' '), 999, &v))
		return false;
	bool is = v == 202 ? rest.p == NULL : rest.n > 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is && known[i] == v) {
			*status = (unsigned)v;
			*text = rest;
			return true;
		}
	return false;
}

/* ---- digests ---- */

/* Eight digits; some leave out the zeros in front. */
static void
read_adler(struct span text, struct digest_values *ret)
{
	uint64_t v = 0;

	if (text.n > 8 || !span_hex_u64(text, UINT32_MAX, &v))
		return;
	ret->adler32 = (uint32_t)v;
	ret->have |= 1U << DIGEST_ADLER32;
}

/* Base64 as RFC 3230 has it, or the hexadecimal of servers that do not know that. */
static void
read_md5(struct span text, struct digest_values *ret)
{
	uint8_t md5[32] = {0};
	size_t n = 0;

	if (text.n == 32) {
		for (n = 0; n < 16; n++) {
			uint64_t v = 0;
			if (!span_hex_u64(span_first(span_skip(text, 2 * n), 2), 255, &v))
				return;
			md5[n] = (uint8_t)v;
		}
	} else if (!base64_decode(text, md5, sizeof(md5), &n) || n != 16) {
		return;
	}
	memcpy(ret->md5, md5, 16);
	ret->have |= 1U << DIGEST_MD5;
}

void
tpc_digest_read(struct span value, struct digest_values *ret)
{
	while (value.n > 0) {
		struct span text = span_trim(span_cut(&value, ','));
		struct span name = span_cut(&text, '=');
		if (text.p == NULL)
			continue;
		if (span_eq_nocase(name, SPAN("adler32")))
			read_adler(text, ret);
		else if (span_eq_nocase(name, SPAN("md5")))
			read_md5(text, ret);
	}
}

const char *
tpc_digest_differs(const struct digest_values *a, const struct digest_values *b)
{
	uint32_t both = a->have & b->have;

	if ((both & 1U << DIGEST_ADLER32) != 0 && a->adler32 != b->adler32)
		return "adler32";
	if ((both & 1U << DIGEST_MD5) != 0 && memcmp(a->md5, b->md5, sizeof(a->md5)) != 0)
		return "md5";
	return NULL;
}
