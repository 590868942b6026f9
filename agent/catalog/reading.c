/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/reading.h"

#include "agent/base/json.h"
#include "policy/facts.h"

const char *const reading_text_names[READING_TEXT_COUNT] = {
	[READING_NAME] = "name",
	[READING_TITLE] = "title",
	[READING_DEFINITION] = "definition",
	[READING_EXPERIMENT] = "experiment_identifier",
	[READING_ENTRY_ID] = "entry_identifier",
	[READING_RUN_CYCLE] = "run_cycle",
	[READING_INSTRUMENT] = "instrument",
	[READING_SOURCE] = "source",
	[READING_SOURCE_TYPE] = "source_type",
	[READING_PROBE] = "probe",
	[READING_SAMPLE] = "sample",
	[READING_FORMULA] = "formula",
	[READING_TECHNIQUE] = "technique",
};

static const char *const formats[] = {"nexus", "hdf5", "hdf4", "other"};
/* "died" of transfer/reading.h: the first two are no signals. */
static const char *const deaths[] = {"deadline", "unread", "another end", "SIGABRT", "SIGBUS",
	"SIGFPE", "SIGILL", "SIGKILL", "SIGPIPE", "SIGSEGV", "SIGSYS", "SIGTRAP"};

/* Cut at a limit without leaving half a character. */
static struct span
cut_text(struct span s)
{
	size_t n = READING_TEXT;

	if (s.n <= n)
		return s;
	while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return span_first(s, n);
}

static bool
is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static struct span
clean(struct span s, struct arena *a)
{
	size_t from = 0;

	if (s.p == NULL)
		return SPAN_NONE;
	s = cut_text(s);
	char *p = arena_str(a, s);
	if (p == NULL)
		return SPAN_NONE;
	for (size_t i = 0; i < s.n; i++)
		if (is_control((unsigned char)p[i]))
			p[i] = ' ';
	while (from < s.n && p[from] == ' ')
		from++;
	while (s.n > from && p[s.n - 1] == ' ')
		s.n--;
	return s.n > from ? (struct span){p + from, s.n - from} : SPAN_NONE;
}

static bool
wrong(const char *key, const char *what, struct err *e)
{
	return err_set(
		e, ERR_SYNTAX, "transfer/reading.h", "reader's answer: %s is not %s", key, what);
}

/* A text member that may be null or missing. */
static bool
read_text(const struct json *o, const char *key, struct arena *a, struct span *ret, struct err *e)
{
	const struct json *v = json_get(o, key);
	struct span s = SPAN_NONE;

	if (v == NULL || json_kind(v) == JSON_KIND_NULL)
		return true;
	if (!json_str(v, &s))
		return wrong(key, "text or null", e);
	*ret = clean(s, a);
	return true;
}

/* A list member that may be missing: its length, at most `max`; *cut when it is longer. */
static bool
read_list(const struct json *o, const char *key, size_t max, const struct json **ret_list,
	size_t *ret_n, bool *cut)
{
	const struct json *v = json_get(o, key);
	enum json_kind kind = json_kind(v);

	*ret_list = v;
	*ret_n = kind == JSON_KIND_LIST ? json_count(v) : 0;
	if (*ret_n > max) {
		*ret_n = max;
		*cut = true;
	}
	return kind == JSON_KIND_LIST || kind == JSON_KIND_NULL || kind == JSON_KIND_NONE;
}

static bool
read_texts(
	const struct json *list, size_t n, struct arena *a, const struct span **ret, size_t *ret_n)
{
	struct span *out = arena_array(a, n, sizeof(*out));
	size_t kept = 0;

	for (size_t i = 0; out != NULL && i < n; i++) {
		struct span s = SPAN_NONE;
		if (!json_str(json_at(list, i), &s))
			return false;
		s = clean(s, a);
		if (s.p != NULL)
			out[kept++] = s;
	}
	*ret = out;
	*ret_n = kept;
	return true;
}

static bool
read_time(const struct json *o, const char *key, int64_t *ret, struct err *e)
{
	const struct json *v = json_get(o, key);
	struct when w = {0};
	struct span s = SPAN_NONE;

	*ret = INT64_MIN;
	if (v == NULL || json_kind(v) == JSON_KIND_NULL)
		return true;
	if (!json_str(v, &s) || !facts_parse_when(s, &w) || w.is_date)
		return wrong(key, "an instant of RFC 3339", e);
	*ret = w.instant;
	return true;
}

static bool
read_parameters(const struct json *list, size_t n, struct arena *a, struct reading_entry *entry,
	struct err *e)
{
	struct reading_parameter *out = arena_array(a, n, sizeof(*out));
	size_t kept = 0;

	for (size_t i = 0; out != NULL && i < n; i++) {
		const struct json *o = json_at(list, i);
		struct reading_parameter p = {0};
		if (json_kind(o) != JSON_KIND_OBJECT || !json_f64(json_get(o, "value"), &p.value))
			return wrong("parameters", "a list of {name, value, unit}", e);
		if (!read_text(o, "name", a, &p.name, e) || !read_text(o, "unit", a, &p.unit, e))
			return false;
		if (p.name.p != NULL)
			out[kept++] = p;
	}
	entry->parameters = out;
	entry->n_parameters = kept;
	return true;
}

static bool
read_entry(
	const struct json *o, struct arena *a, struct reading_entry *ret, bool *cut, struct err *e)
{
	const struct json *list = NULL;
	struct span zone = SPAN_NONE;
	size_t n = 0;

	if (json_kind(o) != JSON_KIND_OBJECT)
		return wrong("entries", "a list of objects", e);
	for (int i = 0; i < READING_TEXT_COUNT; i++)
		if (!read_text(o, reading_text_names[i], a, &ret->text[i], e))
			return false;
	if (!read_time(o, "start_time", &ret->start, e) ||
		!read_time(o, "end_time", &ret->end, e) || !read_text(o, "start_zone", a, &zone, e))
		return false;
	ret->assumed_zone = span_is(zone, "assumed");
	if (!read_list(o, "users", READING_USERS, &list, &n, cut) ||
		!read_texts(list, n, a, &ret->users, &ret->n_users))
		return wrong("users", "a list of names", e);
	if (!read_list(o, "parameters", READING_PARAMETERS, &list, &n, cut))
		return wrong("parameters", "a list", e);
	return read_parameters(list, n, a, ret, e);
}

static bool
read_entries(const struct json *list, size_t n, struct arena *a, struct reading *r, struct err *e)
{
	struct reading_entry *out = arena_array(a, n, sizeof(*out));

	for (size_t i = 0; out != NULL && i < n; i++)
		if (!read_entry(json_at(list, i), a, &out[i], &r->cut, e))
			return false;
	r->entries = out;
	r->n_entries = out != NULL ? n : 0;
	return true;
}

/* "died" is absent from the answer of a reader that lived. */
static bool
read_end(const struct json *top, struct reading *r, struct err *e)
{
	const struct json *v = json_get(top, "died");
	struct span s = SPAN_NONE;

	if (v == NULL || json_kind(v) == JSON_KIND_NULL)
		return true;
	int i = json_str(v, &s) ? facts_name(s, deaths, sizeof(deaths) / sizeof(deaths[0])) : -1;
	if (i < 0)
		return wrong("died", "a signal, deadline or unread", e);
	r->end = i == 0 ? READING_OVERRAN : i == 1 ? READING_MISSED : READING_DIED;
	if (r->problem.p == NULL || r->n_entries > 0)
		return wrong("died", "with a problem and without entries", e);
	return true;
}

static bool
read_all(const struct json *top, struct arena *a, struct reading *r, struct err *e)
{
	const struct json *list = NULL;
	size_t n = 0;

	if (!read_text(top, "format", a, &r->format, e) ||
		!read_text(top, "problem", a, &r->problem, e))
		return false;
	if (facts_name(r->format, formats, sizeof(formats) / sizeof(formats[0])) < 0)
		return wrong("format", "nexus, hdf5, hdf4 or other", e);
	if (!read_list(top, "notes", READING_NOTES, &list, &n, &r->cut) ||
		!read_texts(list, n, a, &r->notes, &r->n_notes))
		return wrong("notes", "a list of texts", e);
	if (!read_list(top, "entries", READING_ENTRIES, &list, &n, &r->cut))
		return wrong("entries", "a list", e);
	return read_entries(list, n, a, r, e) && read_end(top, r, e);
}

bool
reading_parse(struct span text, struct arena *a, struct reading *ret, struct err *e)
{
	static const struct json_limits limits = {
		.bytes = READING_BYTES, .depth = 6, .members = 20000, .object = true};
	AUTO_JSON top = json_parse(text, &limits, e);
	struct reading r = {0};

	if (top == NULL || !read_all(top, a, &r, e))
		return false;
	if (a->full)
		return err_set(e, ERR_LIMIT, NULL, "reader's answer: no memory left for it");
	*ret = r;
	return true;
}
