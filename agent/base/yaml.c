/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/yaml.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

/* Policy language 8.  A file is read whole, so each of these bounds what one file can cost. */
enum {
	LIMIT_BYTES = 4 * 1024 * 1024,
	LIMIT_DEPTH = 8,      /* collections inside each other */
	LIMIT_NODES = 200000, /* scalars (keys too) and collections */
	LIMIT_SCALAR = 4096,  /* bytes */
	LIMIT_ERRORS = 20,    /* lines for one file */
	LIMIT_EDITS = 2,      /* of a near match */
	LIMIT_NEAR = 64,      /* bytes of a name that is compared */
};

/* A collection that is still open. */
struct frame {
	struct yaml_node *node, *last;
	bool has_key; /* of a mapping: the key came, its value is due */
	struct span key;
	unsigned key_line, key_col, key_end;
};

/* The keys of all mappings seen so far, by open addressing: a mapping of 100 000 keys stays linear.
 */
struct key_slot {
	const struct yaml_node *map;
	struct span key;
};

struct reader {
	const char *file;
	struct span text;
	struct yaml_limits limits;
	struct arena *a;
	struct buf *report;
	struct frame stack[LIMIT_DEPTH];
	unsigned depth, nodes, documents;
	struct yaml_node *root;
	size_t at, at_index; /* byte and character index of the last mark that was looked up */
	struct key_slot *keys;
	size_t n_keys, cap_keys;
};

/* ---- messages ---- */

/* A message is one line for a terminal and a log: nothing in it may move the cursor or begin a new
 * line. */
__attribute__((format(printf, 2, 0))) static void
add_clean(struct buf *b, const char *fmt, va_list ap)
{
	char msg[1024];
	int n = vsnprintf(msg, sizeof(msg), fmt, ap);

	for (int i = 0; i < n && i < (int)sizeof(msg) - 1; i++) {
		unsigned char c = (unsigned char)msg[i];
		buf_addc(b, c < 0x20 || c == 0x7f ? '?' : msg[i]);
	}
}

__attribute__((format(printf, 5, 0))) static void
error_line(struct buf *report, const char *file, unsigned line, unsigned col, const char *fmt,
	va_list ap)
{
	buf_addf(report, "%s:%u:%u: error: ", file, line, col);
	add_clean(report, fmt, ap);
	buf_addc(report, '\n');
}

void
yaml_error(struct buf *report, const char *file, unsigned line, unsigned col, unsigned *count,
	const char *fmt, ...)
{
	va_list ap;

	if ((*count)++ >= LIMIT_ERRORS)
		return;
	va_start(ap, fmt);
	error_line(report, file, line, col, fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 4, 5))) static bool
fail_at(struct reader *r, unsigned line, unsigned col, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_line(r->report, r->file, line, col, fmt, ap);
	va_end(ap);
	return false;
}

#define fail(r, mark, ...)                                                                         \
	fail_at((r), (unsigned)(mark)->line + 1, (unsigned)(mark)->column + 1, __VA_ARGS__)

/* ---- bytes, before libyaml sees them ---- */

static unsigned
code_point(const unsigned char *p, size_t len)
{
	unsigned c = len == 1 ? p[0] : p[0] & (0xFFU >> (len + 1));

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3FU);
	return c;
}

static bool
is_control(unsigned c)
{
	if (c == '\t' || c == '\n' || c == '\r')
		return false;
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xFFFE || c == 0xFFFF;
}

static size_t
char_len(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static bool
check_char(struct reader *r, size_t i, unsigned line, unsigned col, size_t *ret_len)
{
	const unsigned char *p = (const unsigned char *)r->text.p + i;
	size_t len = char_len(*p);

	if (len > r->text.n - i || !span_utf8((struct span){r->text.p + i, len}))
		return fail_at(r, line, col, "not UTF-8: byte 0x%02x", *p);
	unsigned c = code_point(p, len);
	if (is_control(c))
		return fail_at(r, line, col, "control character U+%04X", c);
	*ret_len = len;
	return true;
}

static bool
check_bytes(struct reader *r)
{
	unsigned line = 1;
	unsigned col = 1;

	if (r->text.n > r->limits.bytes)
		return fail_at(r, 1, 1, "too large: %zu bytes, at most %zu MiB", r->text.n,
			r->limits.bytes >> 20);
	if (span_starts(r->text, SPAN("\xEF\xBB\xBF")))
		return fail_at(
			r, 1, 1, "byte order mark: save the file as plain UTF-8, without one");
	for (size_t i = 0, len = 0; i < r->text.n; i += len) {
		if (!check_char(r, i, line, col, &len))
			return false;
		char c = r->text.p[i];
		bool crlf = c == '\r' && i + 1 < r->text.n && r->text.p[i + 1] == '\n';
		col++;
		if (c == '\n' || (c == '\r' && !crlf)) {
			line++;
			col = 1;
		}
	}
	return true;
}

/* ---- duplicate keys ---- */

static size_t
key_hash(const struct yaml_node *map, struct span key)
{
	uint64_t h = 14695981039346656037U ^ (uint64_t)(uintptr_t)map;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 1099511628211U;
	return (size_t)(h ^ h >> 29);
}

/* The slot of the key, or the empty one where it belongs. */
static struct key_slot *
key_slot(struct key_slot *t, size_t cap, const struct yaml_node *map, struct span key)
{
	size_t i = key_hash(map, key) & (cap - 1);

	while (t[i].map != NULL && (t[i].map != map || !span_eq(t[i].key, key)))
		i = (i + 1) & (cap - 1);
	return &t[i];
}

static bool
keys_grow(struct reader *r)
{
	size_t cap = r->cap_keys > 0 ? r->cap_keys * 2 : 256;
	struct key_slot *t = calloc(cap, sizeof(*t));

	if (t == NULL)
		return false;
	for (size_t i = 0; i < r->cap_keys; i++)
		if (r->keys[i].map != NULL)
			*key_slot(t, cap, r->keys[i].map, r->keys[i].key) = r->keys[i];
	free(r->keys);
	r->keys = t;
	r->cap_keys = cap;
	return true;
}

/* ---- the tree ---- */

static struct yaml_node *
node_new(struct reader *r, enum yaml_kind kind, const yaml_mark_t *mark)
{
	if (r->nodes++ >= r->limits.nodes) {
		fail(r, mark, "too large: more than %u values", r->limits.nodes);
		return NULL;
	}
	struct yaml_node *n = arena_alloc(r->a, sizeof(*n));
	if (n == NULL) {
		fail(r, mark, "too large: no memory for more values");
		return NULL;
	}
	n->kind = kind;
	n->line = (unsigned)mark->line + 1;
	n->col = (unsigned)mark->column + 1;
	return n;
}

/* Hang the value into the collection that is open. */
static void
node_hang(struct reader *r, struct yaml_node *n)
{
	if (r->depth == 0) {
		r->root = n;
		return;
	}
	struct frame *f = &r->stack[r->depth - 1];
	assert(f->node != NULL);
	if (f->node->kind == YAML_MAP) {
		n->key = f->key;
		n->key_line = f->key_line;
		n->key_col = f->key_col;
		f->has_key = false;
	}
	if (f->last != NULL)
		f->last->next = n;
	else
		f->node->child = n;
	f->last = n;
	f->node->n++;
}

static bool
key_due(const struct reader *r)
{
	const struct frame *f = r->depth > 0 ? &r->stack[r->depth - 1] : NULL;

	return f != NULL && f->node != NULL && f->node->kind == YAML_MAP && !f->has_key;
}

static bool
take_key(struct reader *r, struct span key, const yaml_event_t *ev)
{
	struct frame *f = &r->stack[r->depth - 1];
	const yaml_mark_t *mark = &ev->start_mark;

	if (r->nodes++ >= r->limits.nodes)
		return fail(r, mark, "too large: more than %u values", r->limits.nodes);
	if ((r->n_keys + 1) * 2 > r->cap_keys && !keys_grow(r))
		return fail(r, mark, "too large: no memory for more keys");
	struct key_slot *slot = key_slot(r->keys, r->cap_keys, f->node, key);
	if (slot->map != NULL)
		return fail(r, mark, "duplicate key '%.*s'", SPAN_ARG(key));
	*slot = (struct key_slot){f->node, key};
	r->n_keys++;
	f->key = key;
	f->key_line = (unsigned)mark->line + 1;
	f->key_col = (unsigned)mark->column + 1;
	f->key_end = (unsigned)ev->end_mark.column + 1;
	f->has_key = true;
	return true;
}

/* ---- events ---- */

/*
 * The byte at a mark.  Marks count characters; scalars come in rising order, so the walk is linear.
 */
static char
byte_at(struct reader *r, const yaml_mark_t *mark)
{
	while (r->at_index < mark->index && r->at < r->text.n) {
		r->at += char_len((unsigned char)r->text.p[r->at]);
		r->at_index++;
	}
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

/*
 * libyaml puts an empty value of a flow mapping at the token that follows, perhaps lines later; its
 * key says where it should have been.
 */
static bool
empty_value(struct reader *r, const yaml_mark_t *at)
{
	const struct frame *f = r->depth > 0 ? &r->stack[r->depth - 1] : NULL;
	unsigned line = (unsigned)at->line + 1;
	unsigned col = (unsigned)at->column + 1;

	if (f != NULL && f->has_key && f->key_line != line) {
		line = f->key_line;
		col = f->key_end;
	}
	return fail_at(r, line, col, "empty value: write one, or take the key away");
}

static bool
check_scalar(struct reader *r, const yaml_event_t *ev)
{
	const yaml_mark_t *at = &ev->start_mark;
	yaml_scalar_style_t style = ev->data.scalar.style;

	if (ev->data.scalar.anchor != NULL)
		return fail(r, at, "anchor '&%s': write the value out", ev->data.scalar.anchor);
	/* libyaml forgets the tag "!" of a scalar; the byte in the file does not. */
	if (ev->data.scalar.tag != NULL || byte_at(r, at) == '!')
		return fail(r, at, "tag: every value is text, its place gives it its type");
	if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
		return fail(r, at, "block scalar: write the text on one line, quoted if need be");
	if (at->line != ev->end_mark.line)
		return fail(r, at,
			"multi-line value: it runs on to line %zu; is that line's "
			"indentation meant?",
			ev->end_mark.line + 1);
	if (ev->data.scalar.length > LIMIT_SCALAR)
		return fail(r, at, "too large: a value of %zu bytes, at most %d",
			ev->data.scalar.length, LIMIT_SCALAR);
	if (ev->data.scalar.length == 0)
		return empty_value(r, at);
	return true;
}

static bool
on_scalar(struct reader *r, const yaml_event_t *ev)
{
	if (!check_scalar(r, ev))
		return false;
	struct span text = arena_span(
		r->a, (struct span){(const char *)ev->data.scalar.value, ev->data.scalar.length});
	if (text.p == NULL)
		return fail(r, &ev->start_mark, "too large: no memory for more values");
	if (key_due(r))
		return take_key(r, text, ev);
	struct yaml_node *n = node_new(r, YAML_SCALAR, &ev->start_mark);
	if (n == NULL)
		return false;
	n->text = text;
	node_hang(r, n);
	return true;
}

static bool
on_open(struct reader *r, const yaml_event_t *ev)
{
	bool map = ev->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *anchor =
		map ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
	const yaml_char_t *tag = map ? ev->data.mapping_start.tag : ev->data.sequence_start.tag;
	const yaml_mark_t *at = &ev->start_mark;

	if (anchor != NULL)
		return fail(r, at, "anchor '&%s': write the value out", anchor);
	if (tag != NULL)
		return fail(r, at, "tag: every value is text, its place gives it its type");
	if (key_due(r))
		return fail(r, at, "key must be a scalar");
	if (r->depth >= LIMIT_DEPTH)
		return fail(r, at, "too deep: more than %d lists and mappings in each other",
			LIMIT_DEPTH);
	struct yaml_node *n = node_new(r, map ? YAML_MAP : YAML_LIST, at);
	if (n == NULL)
		return false;
	n->flow = map ? ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
		      : ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	node_hang(r, n);
	r->stack[r->depth++] = (struct frame){.node = n};
	return true;
}

static bool
on_document(struct reader *r, const yaml_event_t *ev)
{
	if (r->documents++ > 0)
		return fail(r, &ev->start_mark, "a second document: one file holds one document");
	if (ev->data.document_start.version_directive != NULL ||
		ev->data.document_start.tag_directives.start !=
			ev->data.document_start.tag_directives.end)
		return fail(r, &ev->start_mark, "directive: lines that begin with %% are not used");
	return true;
}

static bool
on_event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(r, ev);
	case YAML_SCALAR_EVENT:
		return on_scalar(r, ev);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return on_open(r, ev);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return true;
	case YAML_ALIAS_EVENT:
		return fail(r, &ev->start_mark, "alias '*%s': write the value out",
			ev->data.alias.anchor);
	case YAML_STREAM_END_EVENT:
		return r->documents > 0 || fail_at(r, 1, 1, "empty file");
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_NO_EVENT:
		return true;
	}
	return true;
}

static bool
syntax_error(struct reader *r, const yaml_parser_t *p)
{
	if (p->error == YAML_MEMORY_ERROR)
		return fail_at(r, 1, 1, "too large: no memory");
	if (p->context == NULL)
		return fail(r, &p->problem_mark, "syntax: %s", p->problem);
	return fail(r, &p->problem_mark, "syntax: %s, %s that begins on line %zu", p->problem,
		p->context, p->context_mark.line + 1);
}

static bool
read_events(struct reader *r, yaml_parser_t *p)
{
	bool more = true;

	while (more) {
		__attribute__((cleanup(yaml_event_delete))) yaml_event_t ev = {0};
		if (yaml_parser_parse(p, &ev) == 0)
			return syntax_error(r, p);
		if (!on_event(r, &ev))
			return false;
		more = ev.type != YAML_STREAM_END_EVENT;
	}
	return true;
}

const struct yaml_node *
yaml_parse_large(const char *file, struct span text, const struct yaml_limits *limits,
	struct arena *a, struct buf *report)
{
	struct reader r = {.file = file, .text = text, .limits = *limits, .a = a, .report = report};

	if (!check_bytes(&r))
		return NULL;
	__attribute__((cleanup(yaml_parser_delete))) yaml_parser_t p = {0};
	if (yaml_parser_initialize(&p) == 0) {
		fail_at(&r, 1, 1, "too large: no memory");
		return NULL;
	}
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&p, (const unsigned char *)(text.p != NULL ? text.p : ""), text.n);
	bool ok = read_events(&r, &p);
	free(r.keys);
	return ok ? r.root : NULL;
}

const struct yaml_node *
yaml_parse(const char *file, struct span text, struct arena *a, struct buf *report)
{
	const struct yaml_limits limits = {LIMIT_BYTES, LIMIT_NODES};

	return yaml_parse_large(file, text, &limits, a, report);
}

const struct yaml_node *
yaml_get(const struct yaml_node *map, const char *key)
{
	for (const struct yaml_node *n = map->child; n != NULL; n = n->next)
		if (span_is(n->key, key))
			return n;
	return NULL;
}

/* ---- near matches ---- */

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein distance of two names of at most LIMIT_NEAR bytes. */
static unsigned
edits(struct span a, struct span b)
{
	unsigned row[LIMIT_NEAR + 1];

	for (size_t j = 0; j <= b.n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; i < a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < b.n; j++) {
			unsigned up = row[j + 1];
			row[j + 1] = min3(up + 1, row[j] + 1, diagonal + (a.p[i] != b.p[j]));
			diagonal = up;
		}
	}
	return row[b.n];
}

const char *
yaml_near(struct span s, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned least = LIMIT_EDITS + 1;

	for (size_t i = 0; s.n <= LIMIT_NEAR && i < n; i++) {
		struct span name = span_of(names[i]);
		if (name.p == NULL || name.n > LIMIT_NEAR)
			continue;
		if (span_eq_nocase(s, name))
			return names[i];
		unsigned d = edits(s, name);
		/* Two edits turn any word of two letters into any other: no help. */
		if (d < least && d < s.n && d < name.n) {
			least = d;
			best = names[i];
		}
	}
	return best;
}
