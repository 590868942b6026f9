/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_words.h"

#include "agent/base/buf.h"
#include "agent/base/json.h"

#include <string.h>

#define PAIRS_MAX 16U

const char *const gate_word_names[WORD_COUNT] = {
	[WORD_DO] = "do",
	[WORD_TEXT] = "text",
	[WORD_ACTION] = "action",
	[WORD_NOTE] = "note",
	[WORD_TO] = "to",
	[WORD_UNTIL] = "until",
	[WORD_DAYS] = "days",
	[WORD_TOKEN] = "token",
};

/* Bytes, and whether line ends are fine. */
static const struct {
	size_t max;
	bool lines;
} limits[WORD_COUNT] = {
	[WORD_DO] = {16, false},
	[WORD_TEXT] = {GATE_WORDS_TEXT, true},
	[WORD_ACTION] = {32, false},
	[WORD_NOTE] = {GATE_WORDS_NOTE, true},
	[WORD_TO] = {200, false},
	[WORD_UNTIL] = {32, false},
	[WORD_DAYS] = {5, false},
	[WORD_TOKEN] = {128, false},
};

/* ---- one word ---- */

static bool
expected(uint32_t allowed, struct span name, struct err *e)
{
	AUTO_BUF list = BUF_INIT(200);

	for (unsigned i = 0; i < WORD_COUNT; i++)
		if ((allowed >> i & 1U) != 0 && i != WORD_TOKEN)
			buf_addf(&list, "%s%s", list.n > 0 ? ", " : "", gate_word_names[i]);
	if (span_control(name) || !span_utf8(name) || name.n > 32)
		name = SPAN("that one");
	return err_set(e, ERR_SYNTAX, NULL, "unknown word '%.*s'; here go: %.*s", SPAN_ARG(name),
		SPAN_ARG(list.n > 0 ? buf_span(&list) : SPAN("none")));
}

static bool
find(struct span name, uint32_t allowed, unsigned *ret, struct err *e)
{
	for (unsigned i = 0; i < WORD_COUNT; i++)
		if ((allowed >> i & 1U) != 0 && span_is(name, gate_word_names[i])) {
			*ret = i;
			return true;
		}
	return expected(allowed, name, e);
}

/* CR LF and CR become LF (browsers send CR LF), a tab a blank; blanks and line ends at both ends
 * go. */
static struct span
tidy(struct span s, struct arena *mem)
{
	char *p = arena_str(mem, s);
	size_t n = 0;
	size_t from = 0;

	if (p == NULL)
		return SPAN_NONE;
	for (size_t i = 0; i < s.n; i++) {
		if (p[i] == '\r' && i + 1 < s.n && p[i + 1] == '\n')
			continue;
		p[n] = p[i] == '\r' ? '\n' : p[i];
		if (p[n] == '\t')
			p[n] = ' ';
		n++;
	}
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == ' '))
		n--;
	while (from < n && (p[from] == '\n' || p[from] == ' '))
		from++;
	return (struct span){p + from, n - from};
}

static bool
has_control(struct span s, bool lines)
{
	while (lines && s.p != NULL) {
		struct span line = span_cut(&s, '\n');
		if (span_control(line))
			return true;
	}
	return s.p != NULL && span_control(s);
}

static bool
take(unsigned word, struct span value, struct arena *mem, struct gate_words *ret, struct err *e)
{
	const char *name = gate_word_names[word];
	uint64_t days = 0;

	if (ret->value[word].p != NULL)
		return err_set(e, ERR_SYNTAX, NULL, "%s: stands twice", name);
	struct span s = limits[word].lines ? tidy(value, mem) : arena_span(mem, value);
	if (s.p == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for this request");
	if (s.n == 0)
		return err_set(e, ERR_SYNTAX, NULL, "%s: is empty", name);
	if (s.n > limits[word].max)
		return err_set(
			e, ERR_SYNTAX, NULL, "%s: longer than %zu bytes", name, limits[word].max);
	if (!span_utf8(s) || has_control(s, limits[word].lines))
		return err_set(e, ERR_SYNTAX, NULL,
			"%s: holds a control character, or is not UTF-8", name);
	if (word == WORD_DAYS && (!span_u64(s, GATE_WORDS_DAYS, &days) || days == 0))
		return err_set(e, ERR_SYNTAX, NULL, "days: a number from 1 to %u", GATE_WORDS_DAYS);
	if (word == WORD_DAYS)
		ret->days = (unsigned)days;
	ret->value[word] = s;
	return true;
}

/* ---- JSON ---- */

/* Text, and for `days` a number too. */
static bool
json_value(unsigned word, const struct json *j, struct arena *mem, struct span *ret, struct err *e)
{
	int64_t n = 0;

	if (json_str(j, ret))
		return true;
	if (word == WORD_DAYS && json_i64(j, &n) && n >= 0) {
		*ret = arena_printf(mem, "%lld", (long long)n);
		return true;
	}
	return err_set(e, ERR_SYNTAX, NULL, "%s: must be %s, not %s", gate_word_names[word],
		word == WORD_DAYS ? "a number" : "a string", json_kind_name(json_kind(j)));
}

bool
gate_words_json(struct span body, uint32_t allowed, struct arena *mem, struct gate_words *ret,
	struct err *e)
{
	static const struct json_limits strict = {
		.depth = 2, .members = PAIRS_MAX, .object = true, .no_nul = true};
	struct gate_words w = {.days = 0};
	struct span name = SPAN_NONE;
	const struct json *value = NULL;
	struct err why = {0};
	void *at = NULL;

	if (body.n == 0) {
		*ret = w;
		return true;
	}
	AUTO_JSON j = json_parse(body, &strict, &why);
	if (j == NULL)
		return err_set(e, ERR_SYNTAX, "RFC 8259", "%s", why.msg);
	while (json_each(j, &at, &name, &value)) {
		struct span text = SPAN_NONE;
		unsigned word = 0;
		if (!find(name, allowed & ~(1U << WORD_TOKEN), &word, e) ||
			!json_value(word, value, mem, &text, e) || !take(word, text, mem, &w, e))
			return false;
	}
	*ret = w;
	return true;
}

/* ---- forms ---- */

/* WHATWG URL 5.1: '+' is a blank, %XX a byte. */
static bool
decode(struct span s, struct arena *mem, struct span *ret)
{
	char *p = arena_str(mem, s);
	size_t n = 0;

	if (p == NULL)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t byte = (unsigned char)(s.p[i] == '+' ? ' ' : s.p[i]);
		if (s.p[i] == '%') {
			if (i + 2 >= s.n ||
				!span_hex_u64(span_first(span_skip(s, i + 1), 2), 255, &byte))
				return false;
			i += 2;
		}
		p[n++] = (char)byte;
	}
	*ret = (struct span){p, n};
	return true;
}

bool
gate_words_form(struct span body, uint32_t allowed, struct arena *mem, struct gate_words *ret,
	struct err *e)
{
	struct gate_words w = {.days = 0};
	unsigned pairs = 0;

	while (body.n > 0) {
		struct span value = span_cut(&body, '&');
		struct span name = span_cut(&value, '=');
		struct span text = SPAN_NONE;
		unsigned word = 0;
		if (pairs++ == PAIRS_MAX)
			return err_set(e, ERR_SYNTAX, NULL, "more than %u fields", PAIRS_MAX);
		if (!find(name, allowed, &word, e))
			return false;
		if (value.n == 0) /* a field of the form that was left empty */
			continue;
		if (!decode(value, mem, &text))
			return err_set(e, ERR_SYNTAX, NULL, "%s: malformed", gate_word_names[word]);
		if (!take(word, text, mem, &w, e))
			return false;
	}
	*ret = w;
	return true;
}
