/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/json.h"

#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#define JSON_BYTES   (64U << 20)
#define JSON_DEPTH   32U
#define JSON_MEMBERS 1000000U

static const char rfc[] = "RFC 8259";

/*
 * jansson seeds its hash tables at the first object and may open /dev/urandom for that: done here,
 * before main(), because a confined role cannot open files any more.
 */
__attribute__((constructor)) static void
seed(void)
{
	json_object_seed(0);
}

/* `struct json` is jansson's value under a name of ours. */
static const json_t *
inner(const struct json *j)
{
	return (const json_t *)(const void *)j;
}

static const struct json *
outer(const json_t *j)
{
	return (const struct json *)(const void *)j;
}

static struct json_limits
filled(const struct json_limits *given)
{
	struct json_limits l = given != NULL ? *given : (struct json_limits){0};

	if (l.bytes == 0)
		l.bytes = JSON_BYTES;
	if (l.depth == 0)
		l.depth = JSON_DEPTH;
	if (l.members == 0)
		l.members = JSON_MEMBERS;
	return l;
}

/*
 * Depth and members are counted on the text, before jansson builds anything: outside of strings
 * each colon is one member and each bracket one step.  Text that breaks the grammar is refused
 * afterwards.
 */
static bool
measure(struct span text, const struct json_limits *l, struct err *e)
{
	unsigned depth = 0;
	unsigned members = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '"')
			quoted = !quoted;
		else if (quoted)
			i += c == '\\';
		else if (c == '[' || c == '{')
			depth++;
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		else
			members += c == ':';
		if (depth > l->depth)
			return err_set(e, ERR_LIMIT, rfc, "JSON: nested deeper than %u", l->depth);
		if (members > l->members)
			return err_set(e, ERR_LIMIT, rfc, "JSON: more than %u members", l->members);
	}
	return true;
}

/* Why jansson refused, in words that hold nothing of the text. */
static const char *
reason(const json_error_t *je)
{
	switch (json_error_code(je)) {
	case json_error_premature_end_of_input:
		return "ends too early";
	case json_error_end_of_input_expected:
		return "something follows the value";
	case json_error_duplicate_key:
		return "a member is given twice";
	case json_error_numeric_overflow:
		return "a number is out of range";
	case json_error_null_byte_in_key:
	case json_error_null_character:
		return "a NUL character where none may be";
	case json_error_invalid_utf8:
		return "not UTF-8";
	case json_error_out_of_memory:
		return "out of memory";
	case json_error_cannot_open_file:
	case json_error_unknown:
	case json_error_stack_overflow:
	case json_error_invalid_argument:
	case json_error_invalid_syntax:
	case json_error_invalid_format:
	case json_error_wrong_type:
	case json_error_null_value:
	case json_error_item_not_found:
	case json_error_index_out_of_range:
		break;
	}
	return "not well-formed";
}

struct json *
json_parse(struct span text, const struct json_limits *limits, struct err *e)
{
	const struct json_limits l = filled(limits);
	json_error_t je = {0};

	if (text.n > l.bytes) {
		err_set(e, ERR_LIMIT, rfc, "JSON: longer than %zu bytes", l.bytes);
		return NULL;
	}
	if (span_starts(text, SPAN("\xef\xbb\xbf"))) {
		err_set(e, ERR_SYNTAX, "RFC 8259 8.1", "JSON: begins with a byte order mark");
		return NULL;
	}
	if (!span_utf8(text)) {
		err_set(e, ERR_SYNTAX, "RFC 8259 8.1", "JSON: not UTF-8");
		return NULL;
	}
	if (!measure(text, &l, e))
		return NULL;
	json_t *j = json_loadb(text.p != NULL ? text.p : "", text.n,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | (l.no_nul ? 0 : JSON_ALLOW_NUL), &je);
	if (j == NULL) {
		err_set(e, ERR_SYNTAX, rfc, "JSON: %s (line %d, column %d)", reason(&je), je.line,
			je.column);
		return NULL;
	}
	if (l.object && !json_is_object(j)) {
		json_decref(j);
		err_set(e, ERR_SYNTAX, rfc, "JSON: an object is needed");
		return NULL;
	}
	return (struct json *)(void *)j;
}

void
json_free(struct json *j)
{
	json_decref((json_t *)(void *)j);
}

enum json_kind
json_kind(const struct json *j)
{
	if (j == NULL)
		return JSON_KIND_NONE;
	switch (json_typeof(inner(j))) {
	case JSON_OBJECT:
		return JSON_KIND_OBJECT;
	case JSON_ARRAY:
		return JSON_KIND_LIST;
	case JSON_STRING:
		return JSON_KIND_STRING;
	case JSON_INTEGER:
		return JSON_KIND_INT;
	case JSON_REAL:
		return JSON_KIND_REAL;
	case JSON_TRUE:
	case JSON_FALSE:
		return JSON_KIND_BOOL;
	case JSON_NULL:
		break;
	}
	return JSON_KIND_NULL;
}

const char *
json_kind_name(enum json_kind k)
{
	static const char *const names[] = {
		[JSON_KIND_NONE] = "missing",
		[JSON_KIND_NULL] = "null",
		[JSON_KIND_BOOL] = "a boolean",
		[JSON_KIND_INT] = "an integer",
		[JSON_KIND_REAL] = "a fraction",
		[JSON_KIND_STRING] = "a string",
		[JSON_KIND_LIST] = "an array",
		[JSON_KIND_OBJECT] = "an object",
	};
	return names[k];
}

bool
json_str(const struct json *j, struct span *ret)
{
	if (!json_is_string(inner(j)))
		return false;
	*ret = (struct span){json_string_value(inner(j)), json_string_length(inner(j))};
	return true;
}

bool
json_i64(const struct json *j, int64_t *ret)
{
	if (!json_is_integer(inner(j)))
		return false;
	*ret = (int64_t)json_integer_value(inner(j));
	return true;
}

bool
json_f64(const struct json *j, double *ret)
{
	if (!json_is_number(inner(j)) || !isfinite(json_number_value(inner(j))))
		return false;
	*ret = json_number_value(inner(j));
	return true;
}

bool
json_truth(const struct json *j, bool *ret)
{
	if (!json_is_boolean(inner(j)))
		return false;
	*ret = json_is_true(inner(j));
	return true;
}

size_t
json_count(const struct json *j)
{
	if (json_is_object(inner(j)))
		return json_object_size(inner(j));
	return json_is_array(inner(j)) ? json_array_size(inner(j)) : 0;
}

const struct json *
json_at(const struct json *list, size_t i)
{
	return json_is_array(inner(list)) ? outer(json_array_get(inner(list), i)) : NULL;
}

const struct json *
json_get(const struct json *object, const char *name)
{
	return json_is_object(inner(object)) ? outer(json_object_get(inner(object), name)) : NULL;
}

bool
json_each(const struct json *object, void **at, struct span *name, const struct json **value)
{
	/* jansson's iterators ask for a writable object and write nothing. */
	json_t *o = (json_t *)(uintptr_t)object;

	if (!json_is_object(o))
		return false;
	void *next = *at == NULL ? json_object_iter(o) : json_object_iter_next(o, *at);
	if (next == NULL)
		return false;
	*at = next;
	*name = (struct span){json_object_iter_key(next), json_object_iter_key_len(next)};
	*value = outer(json_object_iter_value(next));
	return true;
}

bool
json_get_str(const struct json *object, const char *name, struct span *ret)
{
	return json_str(json_get(object, name), ret);
}

bool
json_get_i64(const struct json *object, const char *name, int64_t *ret)
{
	return json_i64(json_get(object, name), ret);
}

static int
append(const char *p, size_t n, void *out)
{
	buf_add(out, (struct span){p, n});
	return buf_ok(out) ? 0 : -1;
}

void
json_write(const struct json *j, struct buf *out)
{
	if (json_dump_callback(inner(j), append, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
		out->bad = true;
}

bool
json_same(const struct json *a, const struct json *b)
{
	return json_equal(inner(a), inner(b)) == 1;
}
