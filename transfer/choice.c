/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/choice.h"

#include "transfer/archive.h"

#include <stdlib.h>
#include <string.h>

#define WORDS ((CHOICE_STATES + 63U) / 64U)
#define WORK  (100UL * 1000 * 1000) /* steps: about a tenth of a second */

/* What leads from a state to the next one. */
enum op {
	OP_BYTE, /* this byte */
	OP_ONE,  /* the first byte of a character but '/' */
	OP_MORE, /* nothing; stays at the other bytes of a character */
	OP_STAR, /* nothing; stays at anything but '/' */
	OP_ANY,  /* nothing; stays at anything */
	OP_DIRS, /* nothing; at anything to the state behind, which waits for a slash */
	OP_WAIT, /* a slash; stays at anything */
	OP_END,
};

struct choice_glob {
	struct span text;
	uint8_t op[CHOICE_STATES + 1];
	char byte[CHOICE_STATES + 1];
	size_t n; /* the state OP_END */
	bool met;
};

struct states {
	uint64_t bit[WORDS + 1];
};

/* ---- reading the query ---- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
decode(struct span s, struct arena *a, struct span *ret, struct err *e)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;

	if (out == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the query");
	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? hex(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex(s.p[i + 2]) : -1;
		if (s.p[i] != '%') {
			out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
			continue;
		}
		if (low < 0)
			return err_set(e, ERR_SYNTAX, "RFC 3986 2.1",
				"the query holds a '%%' without two hexadecimal digits");
		out[n++] = (char)(high << 4 | low);
		i += 2;
	}
	*ret = (struct span){out, n};
	return true;
}

static bool
take_file(struct choice *c, struct span path, struct err *e)
{
	struct span name = path;

	if (span_ends(name, SPAN("/")))
		name.n--;
	if (!archive_path_ok(name))
		return err_set(e, ERR_SYNTAX, NULL,
			"file= is the name of a file, or of a folder with a slash at its end, as "
			"the listing shows it, without a slash in front");
	if (c->n_file == CHOICE_FILES)
		return err_set(e, ERR_LIMIT, NULL,
			"at most %u times file=; name a folder with a slash at its end, or use "
			"glob=",
			CHOICE_FILES);
	c->file[c->n_file++] = (struct choice_file){.path = path};
	return true;
}

static void
add(struct choice_glob *g, enum op op, char byte)
{
	if (g->n < CHOICE_STATES) {
		g->op[g->n] = (uint8_t)op;
		g->byte[g->n] = byte;
	}
	g->n++;
}

/* Two stars: as folders, where they begin a segment and a slash follows. */
static size_t
add_stars(struct choice_glob *g, struct span p, size_t i)
{
	bool first = i == 0 || p.p[i - 1] == '/';

	if (!first || i + 2 >= p.n || p.p[i + 2] != '/') {
		add(g, OP_ANY, 0);
		return 2;
	}
	add(g, OP_DIRS, 0);
	add(g, OP_WAIT, 0);
	return 3;
}

static void
compile(struct choice_glob *g, struct span p)
{
	size_t i = 0;

	while (i < p.n && g->n < CHOICE_STATES) {
		if (p.p[i] == '*' && i + 1 < p.n && p.p[i + 1] == '*') {
			i += add_stars(g, p, i);
			continue;
		}
		if (p.p[i] == '?') {
			add(g, OP_ONE, 0);
			add(g, OP_MORE, 0);
		} else if (p.p[i] == '*') {
			add(g, OP_STAR, 0);
		} else {
			add(g, OP_BYTE, p.p[i]);
		}
		i++;
	}
	if (i < p.n)
		g->n = CHOICE_STATES;
}

static bool
take_glob(struct choice *c, struct span pattern, struct err *e)
{
	if (pattern.n == 0 || !span_utf8(pattern) || span_control(pattern))
		return err_set(e, ERR_SYNTAX, NULL, "glob= is a pattern such as raw/*.h5");
	if (c->n_glob == CHOICE_GLOBS)
		return err_set(e, ERR_LIMIT, NULL, "at most %u times glob=", CHOICE_GLOBS);
	struct choice_glob *g = &c->glob[c->n_glob++];
	*g = (struct choice_glob){.text = pattern};
	compile(g, pattern);
	if (g->n >= CHOICE_STATES)
		return err_set(e, ERR_LIMIT, NULL, "glob= is a pattern of less than %u characters",
			CHOICE_STATES);
	g->op[g->n] = OP_END;
	return true;
}

static bool
take_pair(struct choice *c, struct span pair, struct arena *a, struct err *e)
{
	struct span value = pair;
	struct span name = span_cut(&value, '=');
	struct span text = SPAN_NONE;

	if (value.p == NULL || (!span_is(name, "file") && !span_is(name, "glob")))
		return err_set(e, ERR_SYNTAX, NULL,
			"the query of an archive is file=NAME and glob=PATTERN, with '&' between");
	if (!decode(value, a, &text, e))
		return false;
	return span_is(name, "file") ? take_file(c, text, e) : take_glob(c, text, e);
}

static int
by_path(const void *a, const void *b)
{
	return span_cmp(
		((const struct choice_file *)a)->path, ((const struct choice_file *)b)->path);
}

static bool
folder(const struct choice_file *f)
{
	return span_ends(f->path, SPAN("/"));
}

/* In order, without those that another one means already. */
static void
tidy(struct choice *c)
{
	size_t n = 0;

	if (c->n_file == 0)
		return;
	qsort(c->file, c->n_file, sizeof(c->file[0]), by_path);
	for (size_t i = 0; i < c->n_file; i++) {
		const struct choice_file *last = n > 0 ? &c->file[n - 1] : NULL;
		const struct choice_file *f = &c->file[i];
		if (last != NULL && (span_eq(last->path, f->path) ||
					    (folder(last) && span_starts(f->path, last->path))))
			continue;
		c->file[n++] = *f;
	}
	c->n_file = n;
}

bool
choice_parse(struct span query, struct arena *a, struct choice *ret, struct err *e)
{
	struct choice c = {.work = WORK};

	if (query.p == NULL) {
		*ret = c;
		return true;
	}
	c.file = arena_array(a, CHOICE_FILES, sizeof(*c.file));
	c.glob = arena_array(a, CHOICE_GLOBS, sizeof(*c.glob));
	if (c.file == NULL || c.glob == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for the query");
	while (query.p != NULL)
		if (!take_pair(&c, span_cut(&query, '&'), a, e))
			return false;
	tidy(&c);
	*ret = c;
	return true;
}

/* ---- matching ---- */

static void
enter(const struct choice_glob *g, struct states *s, size_t i)
{
	/* What leads on without a byte is entered at once, in turn: states lead forward alone. */
	while ((s->bit[i / 64] >> (i % 64) & 1) == 0) {
		s->bit[i / 64] |= 1ULL << (i % 64);
		switch ((enum op)g->op[i]) {
		case OP_MORE:
		case OP_STAR:
		case OP_ANY:
			i++;
			continue;
		case OP_DIRS:
			i += 2;
			continue;
		case OP_BYTE:
		case OP_ONE:
		case OP_WAIT:
		case OP_END:
			return;
		}
	}
}

/* Where state i goes by this byte. */
static void
move(const struct choice_glob *g, struct states *to, size_t i, char byte)
{
	bool inner = ((unsigned char)byte & 0xc0) == 0x80; /* not the first of its character */

	switch ((enum op)g->op[i]) {
	case OP_BYTE:
		if (byte == g->byte[i])
			enter(g, to, i + 1);
		return;
	case OP_ONE:
		if (byte != '/' && !inner)
			enter(g, to, i + 1);
		return;
	case OP_MORE:
		if (inner)
			enter(g, to, i);
		return;
	case OP_STAR:
		if (byte != '/')
			enter(g, to, i);
		return;
	case OP_ANY:
		enter(g, to, i);
		return;
	case OP_DIRS:
		to->bit[(i + 1) / 64] |= 1ULL << ((i + 1) % 64);
		return;
	case OP_WAIT:
		enter(g, to, i);
		if (byte == '/')
			enter(g, to, i + 1);
		return;
	case OP_END:
		return;
	}
}

/* All states by one byte; how many there were. */
static unsigned
step(const struct choice_glob *g, const struct states *from, struct states *to, char byte)
{
	unsigned n = 0;

	*to = (struct states){0};
	for (size_t w = 0; w <= g->n / 64; w++)
		for (uint64_t bits = from->bit[w]; bits != 0; bits &= bits - 1, n++)
			move(g, to, w * 64 + (size_t)__builtin_ctzll(bits), byte);
	return n;
}

static bool
matches(struct choice *c, const struct choice_glob *g, struct span path)
{
	struct states now = {0};
	struct states next;

	enter(g, &now, 0);
	for (size_t i = 0; i < path.n; i++) {
		unsigned n = step(g, &now, &next, path.p[i]);
		if (n == 0)
			return false;
		if (n >= c->work) {
			c->work = 0;
			return false;
		}
		c->work -= n;
		now = next;
	}
	return (now.bit[g->n / 64] >> (g->n % 64) & 1) != 0;
}

/* The last file or folder that is not behind the path in byte order: no other one can mean it. */
static struct choice_file *
find_file(struct choice *c, struct span path)
{
	size_t low = 0;
	size_t high = c->n_file;

	while (low < high) {
		size_t i = low + (high - low) / 2;
		if (span_cmp(c->file[i].path, path) <= 0)
			low = i + 1;
		else
			high = i;
	}
	struct choice_file *f = low > 0 ? &c->file[low - 1] : NULL;
	if (f == NULL)
		return NULL;
	return folder(f) ? (span_starts(path, f->path) ? f : NULL)
			 : (span_eq(path, f->path) ? f : NULL);
}

bool
choice_takes(struct choice *c, struct span path)
{
	struct choice_file *f = find_file(c, path);
	bool takes = choice_all(c) || f != NULL;

	if (f != NULL)
		f->met = true;
	for (size_t i = 0; i < c->n_glob && c->work > 0; i++) {
		if (takes && c->glob[i].met)
			continue;
		if (!matches(c, &c->glob[i], path))
			continue;
		c->glob[i].met = true;
		takes = true;
	}
	return c->work > 0 && takes;
}

struct span
choice_unmet(const struct choice *c)
{
	for (size_t i = 0; i < c->n_file; i++)
		if (!c->file[i].met)
			return c->file[i].path;
	for (size_t i = 0; i < c->n_glob; i++)
		if (!c->glob[i].met)
			return c->glob[i].text;
	return SPAN_NONE;
}

struct span
choice_pattern(const struct choice *c, size_t i)
{
	return c->glob[i].text;
}
