/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_line.h"

#include "agent/base/civil.h"

#include <string.h>

#define RULE     "POL-20"
#define DEPTH    32U
#define TIME_LEN 24U
#define KIND_MAX 32U

/* A kind and the keys after `node`, in their order; one with a ? may be missing. */
static const struct kind_row {
	struct span name;
	const char *keys;
} kinds[] = {
	/* `file` at the end, and no tzdata: so agents before 1.0 wrote */
	{SPAN_INIT("decision"), "trace subject object action context effect rule line policy "
				"version sha256 state release_at reason status obligations file?"},
	{SPAN_INIT("close"), "trace decision bytes result file? ranges? why? to?"},
	/* bytes: not of a folder; why: of one that did not land after all */
	{SPAN_INIT("landed"), "trace subject object decision file bytes? sha256?"},
	{SPAN_INIT("unlanded"), "trace subject object decision file why"},
	{SPAN_INIT("refused"), "trace status reason"},
	{SPAN_INIT("refused-more"), "count"},
	{SPAN_INIT("start"), "agent tzdata? policies"},
	{SPAN_INIT("reload"), "agent tzdata policies replaced changed? decisions?"},
	{SPAN_INIT("event"), "trace subject object event"},
	{SPAN_INIT("terms"), "trace subject object? terms"},
	{SPAN_INIT("request"), "trace subject object? request"},
	{SPAN_INIT("link"), "trace subject object? link"},
	{SPAN_INIT("clock"), "step_s used"},
	{SPAN_INIT("checkpoint"), "upto head key sig"},
	{SPAN_INIT("expired"), "files keys"},
	{SPAN_INIT("login"), "trace subject client acr?"},
	{SPAN_INIT("logout"), "trace subject client acr?"},
};

/* ---- text ---- */

static bool
fault(struct err *e, const char *what)
{
	return err_set(e, ERR_SYNTAX, RULE, "%s", what);
}

static bool
expect(struct span *s, struct span text)
{
	if (!span_starts(*s, text))
		return false;
	*s = span_skip(*s, text.n);
	return true;
}

static int
peek(struct span s)
{
	return s.n > 0 ? (unsigned char)s.p[0] : -1;
}

static bool
digit(int c)
{
	return c >= '0' && c <= '9';
}

static size_t
digits(struct span *s)
{
	size_t n = 0;

	while (n < s->n && digit((unsigned char)s->p[n]))
		n++;
	*s = span_skip(*s, n);
	return n;
}

/* ---- JSON without blanks (RFC 8259), read over and not kept ---- */

static bool
skip_escape(struct span *s)
{
	uint64_t v = 0;
	int c = s->n > 1 ? s->p[1] : 0;

	if (c == 'u') {
		if (s->n < 6 || !span_hex_u64((struct span){s->p + 2, 4}, 0xffff, &v))
			return false;
		*s = span_skip(*s, 6);
		return true;
	}
	if (c == 0 || strchr("\"\\/bfnrt", c) == NULL)
		return false;
	*s = span_skip(*s, 2);
	return true;
}

/* A string with its quotes. */
static bool
skip_string(struct span *s)
{
	if (peek(*s) != '"')
		return false;
	*s = span_skip(*s, 1);
	for (;;) {
		size_t n = 0;
		while (n < s->n && s->p[n] != '"' && s->p[n] != '\\' &&
			(unsigned char)s->p[n] >= 0x20)
			n++;
		*s = span_skip(*s, n);
		if (peek(*s) == '"')
			break;
		if (peek(*s) != '\\' || !skip_escape(s))
			return false;
	}
	*s = span_skip(*s, 1);
	return true;
}

static bool
skip_number(struct span *s)
{
	(void)expect(s, SPAN("-"));
	bool zero = peek(*s) == '0';
	size_t n = digits(s);
	if (n == 0 || (zero && n > 1))
		return false;
	if (expect(s, SPAN(".")) && digits(s) == 0)
		return false;
	if (!expect(s, SPAN("e")) && !expect(s, SPAN("E")))
		return true;
	if (!expect(s, SPAN("-")))
		(void)expect(s, SPAN("+"));
	return digits(s) > 0;
}

static bool
skip_scalar(struct span *s)
{
	int c = peek(*s);

	if (c == '"')
		return skip_string(s);
	if (c == '-' || digit(c))
		return skip_number(s);
	return expect(s, SPAN("true")) || expect(s, SPAN("false")) || expect(s, SPAN("null"));
}

/* A member's name and its colon. */
static bool
skip_name(struct span *s, struct span *ret)
{
	const char *from = s->p;

	if (!skip_string(s))
		return false;
	if (ret != NULL)
		*ret = (struct span){from + 1, (size_t)(s->p - from) - 2};
	return expect(s, SPAN(":"));
}

/* Where a value begins: whether it is whole, or a list or object was opened. */
struct nest {
	uint32_t objects; /* bit d: what is open at depth d is an object */
	unsigned depth;
	bool whole;
};

static bool
open_value(struct span *s, struct nest *n)
{
	int c = peek(*s);
	bool object = c == '{';

	n->whole = true;
	if (c != '{' && c != '[')
		return skip_scalar(s);
	*s = span_skip(*s, 1);
	if (expect(s, object ? SPAN("}") : SPAN("]")))
		return true;
	if (n->depth == DEPTH)
		return false;
	n->objects = (n->objects & ~(1U << n->depth)) | (uint32_t)object << n->depth;
	n->depth++;
	n->whole = false;
	return !object || skip_name(s, NULL);
}

/* After a whole value: the ends of what it ends, up to where the next one begins. */
static bool
end_value(struct span *s, struct nest *n)
{
	while (n->depth > 0) {
		bool object = (n->objects >> (n->depth - 1) & 1U) != 0;
		if (expect(s, SPAN(",")))
			return !object || skip_name(s, NULL);
		if (!expect(s, object ? SPAN("}") : SPAN("]")))
			return false;
		n->depth--;
	}
	return true;
}

static bool
skip_value(struct span *s)
{
	struct nest n = {.depth = 0};

	do {
		if (!open_value(s, &n) || (n.whole && !end_value(s, &n)))
			return false;
	} while (n.depth > 0);
	return true;
}

/* ---- the head ---- */

bool
audit_line_time(struct span text, int64_t *ret_ms)
{
	static const char form[] = "0000-00-00T00:00:00.000Z";
	static const struct {
		unsigned char at, n;
	} fields[7] = {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}, {20, 3}};
	uint64_t v[7] = {0};

	if (text.n != TIME_LEN)
		return false;
	for (size_t i = 0; i < TIME_LEN; i++)
		if (form[i] == '0' ? !digit((unsigned char)text.p[i]) : text.p[i] != form[i])
			return false;
	for (size_t i = 0; i < 7; i++)
		(void)span_u64((struct span){text.p + fields[i].at, fields[i].n}, 9999, &v[i]);
	struct civil c = {(int)v[0], (int)v[1], (int)v[2], (int)v[3], (int)v[4], (int)v[5]};
	if (c.year < 1970 || c.month < 1 || c.month > 12 || c.day < 1 ||
		c.day > civil_month_days(c.year, c.month) || c.hour > 23 || c.min > 59 ||
		c.sec > 59)
		return false;
	*ret_ms = civil_secs(&c) * 1000 + (int64_t)v[6];
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 64 digits, lower case as we write them. */
static bool
read_hash(struct span *s, uint8_t ret[32])
{
	if (s->n < 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		int high = hex_digit(s->p[2 * i]);
		int low = hex_digit(s->p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	*s = span_skip(*s, 64);
	return true;
}

static bool
read_seq(struct span *s, uint64_t *ret)
{
	const char *from = s->p;
	bool zero = peek(*s) == '0';
	size_t n = digits(s);

	return !zero && span_u64((struct span){from, n}, INT64_MAX, ret);
}

static bool
read_kind(struct span *s, struct span *ret)
{
	size_t n = 0;

	while (n < s->n && ((s->p[n] >= 'a' && s->p[n] <= 'z') || s->p[n] == '-'))
		n++;
	*ret = span_first(*s, n);
	*s = span_skip(*s, n);
	return n > 0 && n <= KIND_MAX;
}

/* Returns what is wrong, or NULL. */
static const char *
read_head(struct span *s, struct audit_line *l)
{
	if (!expect(s, SPAN("{\"seq\":")) || !read_seq(s, &l->seq) || !expect(s, SPAN(",")))
		return "does not begin with {\"seq\":NUMBER,";
	if (!expect(s, SPAN("\"time\":\"")) || !audit_line_time(span_first(*s, TIME_LEN), &l->ms))
		return "`time` is not the second member, or not UTC with milliseconds";
	*s = span_skip(*s, TIME_LEN);
	if (!expect(s, SPAN("\",\"prev\":\"")) || !read_hash(s, l->prev))
		return "`prev` is not the third member, or not 64 hex digits";
	if (!expect(s, SPAN("\",\"kind\":\"")) || !read_kind(s, &l->kind) || !expect(s, SPAN("\"")))
		return "`kind` is not the fourth member, or not a word";
	return NULL;
}

bool
audit_line_head(struct span line, struct audit_line *ret, struct err *e)
{
	struct audit_line l = {0};
	const char *wrong = read_head(&line, &l);

	if (wrong != NULL)
		return fault(e, wrong);
	*ret = l;
	return true;
}

/* ---- the rest ---- */

/* Past the key in *keys that `name` is; false: it is not there, or one that must be stands before.
 */
static bool
take_key(const char **keys, struct span name)
{
	struct span rest = span_of(*keys);

	while (rest.n > 0) {
		struct span key = span_cut(&rest, ' ');
		bool optional = span_ends(key, SPAN("?"));
		key.n -= optional ? 1 : 0;
		*keys = rest.p != NULL ? rest.p : "";
		if (span_eq(key, name))
			return true;
		if (!optional)
			return false;
	}
	return false;
}

static bool
may_end(const char *keys)
{
	struct span rest = span_of(keys);

	while (rest.n > 0)
		if (!span_ends(span_cut(&rest, ' '), SPAN("?")))
			return false;
	return true;
}

/* Members up to the brace that ends the line; keys: NULL of a kind that is not known here. */
static bool
read_members(struct span *s, const char *keys, struct err *e)
{
	while (expect(s, SPAN(","))) {
		struct span name = SPAN_NONE;
		if (!skip_name(s, &name))
			return fault(
				e, "a member's name was expected behind a comma, without blanks");
		if (keys != NULL && !take_key(&keys, name))
			return err_set(e, ERR_SYNTAX, RULE,
				"member '%.*s' does not belong here in a record of this kind",
				(int)(name.n < 40 ? name.n : 40), name.p);
		if (!skip_value(s))
			return err_set(e, ERR_SYNTAX, RULE,
				"the value of '%.*s' is not JSON without blanks",
				(int)(name.n < 40 ? name.n : 40), name.p);
	}
	if (keys != NULL && !may_end(keys))
		return fault(e, "members that a record of this kind has are missing");
	return true;
}

static const char *
keys_of(struct span kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_eq(kinds[i].name, kind))
			return kinds[i].keys;
	return NULL;
}

bool
audit_line_parse(struct span line, struct audit_line *ret, struct err *e)
{
	struct audit_line l = {0};
	struct span s = line;

	if (line.n >= AUDIT_LINE_MAX)
		return err_set(e, ERR_LIMIT, RULE, "longer than a line can be (%lu bytes)",
			AUDIT_LINE_MAX);
	if (!span_utf8(line))
		return fault(e, "not UTF-8");
	const char *wrong = read_head(&s, &l);
	if (wrong != NULL)
		return fault(e, wrong);
	if (!expect(&s, SPAN(",\"node\":")))
		return fault(e, "`node` is not the fifth member");
	const char *from = s.p;
	if (!skip_string(&s))
		return fault(e, "`node` is not text");
	l.node = (struct span){from, (size_t)(s.p - from)};
	from = s.p;
	if (!read_members(&s, keys_of(l.kind), e))
		return false;
	l.rest = span_skip((struct span){from, (size_t)(s.p - from)}, 1);
	if (!expect(&s, SPAN("}")) || s.n > 0)
		return fault(e, "does not end with its first closing brace");
	*ret = l;
	return true;
}

struct span
audit_line_member(const struct audit_line *l, const char *name)
{
	struct span s = l->rest;
	struct span key = SPAN_NONE;

	while (s.n > 0 && skip_name(&s, &key)) {
		const char *from = s.p;
		if (!skip_value(&s))
			break;
		if (span_is(key, name))
			return (struct span){from, (size_t)(s.p - from)};
		s = span_skip(s, 1);
	}
	return SPAN_NONE;
}

void
audit_line_write(struct buf *out, const struct audit_line *l)
{
	AUTO_BUF time = BUF_INIT(64);

	civil_write_iso(&time, l->ms / 1000);
	buf_adds(out, "{\"seq\":");
	buf_addu(out, l->seq);
	buf_adds(out, ",\"time\":\"");
	buf_add(out, span_first(buf_span(&time), TIME_LEN - 5));
	unsigned milli = (unsigned)(l->ms % 1000);
	const char point[4] = {'.', (char)('0' + milli / 100), (char)('0' + milli / 10 % 10),
		(char)('0' + milli % 10)};
	buf_add(out, (struct span){point, sizeof(point)});
	buf_adds(out, "Z\",\"prev\":\"");
	buf_add_hex(out, l->prev, sizeof(l->prev));
	buf_adds(out, "\",\"kind\":\"");
	buf_add(out, l->kind);
	buf_adds(out, "\",\"node\":");
	buf_add(out, l->node);
	if (l->rest.n > 0)
		buf_addc(out, ',');
	buf_add(out, l->rest);
	buf_adds(out, "}\n");
}

struct json *
audit_line_json(struct span line, struct err *e)
{
	static const struct json_limits limits = {
		.bytes = AUDIT_LINE_MAX, .depth = DEPTH + 1, .members = 4096, .object = true};

	return json_parse(line, &limits, e);
}
