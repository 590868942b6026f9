/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/settings.h"

#include "agent/base/scope.h"
#include "agent/base/settings_check.h"
#include "agent/base/settings_issuer.h"
#include "agent/base/settings_policy.h"
#include "agent/base/settings_schema.h"
#include "agent/base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX     (1U << 20)  /* bytes of agent.yaml */
#define TREE_MAX     (64U << 20) /* its tree; untouched pages cost nothing */
#define VALUES_MAX   (16U << 20)
#define WORKERS_AUTO 8U
#define SOCKETS_MAX  128U /* listening sockets in all: they pass through one bundle */

#define LAYOUT_NAMES 8U /* as settings_check_layout has it */
#define NAME_LONG    40U
#define PLACES_MAX   512U /* paths whose place is remembered */

struct reader {
	struct settings *s;
	const char *file;
	const char *folder; /* absolute, of the file */
	struct buf *report;
	unsigned faults;
};

/* One fault at a node; the value's own place. */
#define fault_at(r, node, ...)                                                                     \
	yaml_error((r)->report, (r)->file, (node)->line, (node)->col, &(r)->faults, __VA_ARGS__)

static const struct settings_key *
find_key(enum settings_section in, struct span name)
{
	for (const struct settings_key *k = settings_schema(); k->name != NULL; k++)
		if (k->section == in && span_is(name, k->name))
			return k;
	return NULL;
}

static void
unknown_key(struct reader *r, enum settings_section in, const struct yaml_node *node)
{
	const char *names[SETTINGS_SECTION_KEYS];
	size_t n = 0;

	for (const struct settings_key *k = settings_schema(); k->name != NULL; k++)
		if (k->section == in && n < SETTINGS_SECTION_KEYS)
			names[n++] = k->name;
	const char *near = yaml_near(node->key, names, n);
	yaml_error(r->report, r->file, node->key_line, node->key_col, &r->faults,
		"unknown key '%.*s'%s%s%s", SPAN_ARG(span_first(node->key, 64)),
		near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		near != NULL ? "'?" : "");
}

/* ---- single values ---- */

static bool
find_word(const struct settings_key *k, struct span v, unsigned *ret)
{
	for (unsigned i = 0; k->words[i] != NULL; i++)
		if (span_is(v, k->words[i])) {
			*ret = i;
			return true;
		}
	return false;
}

static void
wrong_word(struct reader *r, const struct settings_key *k, const struct yaml_node *node)
{
	AUTO_BUF list = BUF_INIT(512);
	size_t n = 0;

	for (; k->words[n] != NULL; n++)
		buf_addf(&list, "%s%s", n > 0 ? ", " : "", k->words[n]);
	const char *near = yaml_near(node->text, k->words, n);
	fault_at(r, node, "%s: '%.*s' is not one of %.*s%s%s%s", k->name,
		SPAN_ARG(span_first(node->text, 64)), SPAN_ARG(buf_span(&list)),
		near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		near != NULL ? "'?" : "");
}

/* A string of the settings' own: as written, or made absolute.  NULL after a fault. */
static const char *
keep_text(struct reader *r, const struct settings_key *k, const struct yaml_node *node)
{
	struct err e = {0};
	unsigned word = 0;

	if (node->kind != YAML_SCALAR) {
		fault_at(r, node, "%s: must be one value", k->name);
		return NULL;
	}
	if (k->words != NULL && !find_word(k, node->text, &word)) {
		wrong_word(r, k, node);
		return NULL;
	}
	if (!settings_check_text(node->text, &e) ||
		(k->check != NULL && !k->check(node->text, &e))) {
		fault_at(r, node, "%s: '%.*s' %s", k->name, SPAN_ARG(span_first(node->text, 64)),
			e.msg);
		return NULL;
	}
	bool path = k->kind == SETTINGS_PATH || k->kind == SETTINGS_PATHS;
	if (!path)
		return arena_str(&r->s->arena, node->text);
	const char *whole =
		node->text.p[0] == '/'
			? arena_str(&r->s->arena, node->text)
			: arena_printf(&r->s->arena, "%s/%.*s", r->folder, SPAN_ARG(node->text)).p;
	if (r->s->n_places < PLACES_MAX && node->line > 0)
		r->s->places[r->s->n_places++] = (struct settings_place){
			.value = whole, .line = node->line, .col = node->col};
	return whole;
}

static void
read_number(struct reader *r, const struct settings_key *k, const struct yaml_node *node, void *at)
{
	uint64_t v = 0;

	if (node->kind != YAML_SCALAR || !span_u64(node->text, k->max, &v) || v < k->min) {
		fault_at(r, node, "%s: must be a number from %u to %u%s%s", k->name, k->min, k->max,
			k->unit != NULL ? ", in " : "", k->unit != NULL ? k->unit : "");
		return;
	}
	*(unsigned *)at = (unsigned)v;
}

/* A word of a table: its index, into a bool, an int or an enum. */
static void
read_word(struct reader *r, const struct settings_key *k, const struct yaml_node *node, void *at)
{
	unsigned i = 0;

	if (node->kind != YAML_SCALAR || !find_word(k, node->text, &i)) {
		wrong_word(r, k, node);
		return;
	}
	if (k->kind == SETTINGS_YESNO)
		*(bool *)at = (i & 1U) != 0;
	else if (k->kind == SETTINGS_TRI)
		*(int *)at = (int)(i & 1U);
	else
		*(unsigned *)at = i;
}

static void
read_list(struct reader *r, const struct settings_key *k, const struct yaml_node *node, void *at)
{
	/* One value may stand for a list of one. */
	size_t n = node->kind == YAML_LIST ? node->n : 1;
	const struct yaml_node *item = node->kind == YAML_LIST ? node->child : node;

	if (node->kind == YAML_MAP || n > k->max || n < k->min) {
		fault_at(r, node, "%s: must be a list of %u to %u values", k->name, k->min, k->max);
		return;
	}
	const char **items = arena_array(&r->s->arena, n + 1, sizeof(*items));
	if (items == NULL)
		return; /* the full arena is reported at the end */
	for (size_t i = 0; i < n; i++, item = node->kind == YAML_LIST ? item->next : NULL) {
		items[i] = keep_text(r, k, item);
		for (size_t j = 0; j < i && items[i] != NULL; j++)
			if (items[j] != NULL && strcmp(items[j], items[i]) == 0)
				fault_at(r, item, "%s: '%s' stands twice in the list", k->name,
					items[i]);
	}
	*(struct settings_list *)at = (struct settings_list){.item = items, .n = n};
}

static void
read_value(struct reader *r, const struct settings_key *k, const struct yaml_node *node, void *at)
{
	switch (k->kind) {
	case SETTINGS_TEXT:
	case SETTINGS_PATH:
		*(const char **)at = keep_text(r, k, node);
		break;
	case SETTINGS_NUMBER:
		read_number(r, k, node, at);
		break;
	case SETTINGS_YESNO:
	case SETTINGS_TRI:
	case SETTINGS_WORD:
		read_word(r, k, node, at);
		break;
	case SETTINGS_TEXTS:
	case SETTINGS_PATHS:
		read_list(r, k, node, at);
		break;
	case SETTINGS_MAP:
	case SETTINGS_MAPS:
		break; /* by read_sections */
	}
}

/* ---- sections ---- */

static void
apply_defaults(struct reader *r, enum settings_section in, char *base)
{
	for (const struct settings_key *k = settings_schema(); k->name != NULL; k++) {
		struct yaml_node given = {.kind = YAML_SCALAR, .text = span_of(k->fallback)};
		if (k->section != in)
			continue;
		if (k->kind == SETTINGS_TRI)
			*(int *)(void *)(base + k->offset) = -1;
		else if (k->fallback != NULL)
			read_value(r, k, &given, base + k->offset);
	}
}

/* The members of one mapping into the struct at base; defaults first. */
static void
read_map(struct reader *r, enum settings_section in, const struct yaml_node *map, char *base)
{
	apply_defaults(r, in, base);
	if (map->kind != YAML_MAP) {
		fault_at(r, map, "must be a mapping of keys to values");
		return;
	}
	for (const struct yaml_node *c = map->child; c != NULL; c = c->next) {
		const struct settings_key *k = find_key(in, c->key);
		if (k == NULL)
			unknown_key(r, in, c);
		else
			read_value(r, k, c, base + k->offset);
	}
	for (const struct settings_key *k = settings_schema(); k->name != NULL; k++)
		if (k->section == in && k->required && yaml_get(map, k->name) == NULL)
			fault_at(r, map, "key '%s' is missing: %s", k->name, k->text);
}

static void
read_maps(struct reader *r, const struct settings_key *k, const struct yaml_node *list)
{
	char *top = (char *)r->s;

	if (list->kind != YAML_LIST || list->n < k->min || list->n > k->max) {
		fault_at(r, list, "%s: must be a list of %u to %u entries, each begun with '- '",
			k->name, k->min, k->max);
		return;
	}
	char *items = arena_array(&r->s->arena, list->n + 1, k->size);
	if (items == NULL)
		return;
	size_t i = 0;
	for (const struct yaml_node *c = list->child; c != NULL; c = c->next, i++)
		read_map(r, k->child, c, items + i * k->size);
	*(char **)(void *)(top + k->offset) = items;
	*(size_t *)(void *)(top + k->count) = list->n;
}

static void
read_sections(struct reader *r, const struct yaml_node *root)
{
	for (const struct settings_key *k = settings_schema(); k->name != NULL; k++) {
		const struct yaml_node *node = yaml_get(root, k->name);
		if (k->section != SETTINGS_TOP)
			continue;
		if (k->kind == SETTINGS_MAPS && node != NULL)
			read_maps(r, k, node);
		/* A section that is left out has its defaults, and no required keys. */
		if (k->kind == SETTINGS_MAP && node != NULL)
			read_map(r, k->child, node, (char *)r->s + k->offset);
		else if (k->kind == SETTINGS_MAP)
			apply_defaults(r, k->child, (char *)r->s + k->offset);
	}
}

/* ---- what only holds between values ---- */

/* The node of item i of a list under a top-level key, or the root. */
static const struct yaml_node *
item_node(const struct yaml_node *root, const char *list, size_t i)
{
	const struct yaml_node *l = yaml_get(root, list);
	const struct yaml_node *c = l != NULL ? l->child : NULL;

	while (c != NULL && i-- > 0)
		c = c->next;
	return c != NULL ? c : root;
}

static const struct yaml_node *
key_node(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *v = yaml_get(map, key);

	return v != NULL ? v : map;
}

/* The folders of a layout as names. */
struct folders {
	const char *name[LAYOUT_NAMES];
	char store[LAYOUT_NAMES][NAME_LONG];
	size_t n;
};

static void
layout_folders(const char *layout, struct folders *f)
{
	struct span rest = span_of(layout);
	struct span name = SPAN_NONE;

	f->n = 0;
	while (f->n < LAYOUT_NAMES && settings_check_next(&rest, &name))
		if (span_cstr(name, f->store[f->n], NAME_LONG)) {
			f->name[f->n] = f->store[f->n];
			f->n++;
		}
}

static bool
has_name(const struct folders *f, struct span name)
{
	for (size_t i = 0; i < f->n; i++)
		if (span_is(name, f->name[i]))
			return true;
	return false;
}

/* Every {name} of a template must be a folder of the layout. */
static void
check_names(struct reader *r, const char *layout, const char *text, const struct yaml_node *node)
{
	struct folders f;
	struct span rest = span_of(text);
	struct span name = SPAN_NONE;

	layout_folders(layout, &f);
	while (settings_check_next(&rest, &name)) {
		if (has_name(&f, name))
			continue;
		const char *near = yaml_near(name, f.name, f.n);
		fault_at(r, node, "{%.*s} is not a folder of the layout '%s'%s%s%s", SPAN_ARG(name),
			layout, near != NULL ? "; did you mean {" : "", near != NULL ? near : "",
			near != NULL ? "}?" : "");
	}
}

/* A pid that leaves the last folder out would be that of many datasets. */
static void
check_pid(struct reader *r, const struct settings_root *root, const struct yaml_node *node)
{
	struct folders f;
	struct span rest = span_of(root->pid);
	struct span name = SPAN_NONE;

	check_names(r, root->layout, root->pid, node);
	layout_folders(root->layout, &f);
	bool held = f.n == 0;
	while (settings_check_next(&rest, &name))
		held = held || span_is(name, f.name[f.n - 1]);
	if (!held)
		fault_at(r, node, "pid: must hold {%s}, or datasets beside one another share a pid",
			f.name[f.n - 1]);
}

static void
check_roots(struct reader *r, const struct yaml_node *top)
{
	for (size_t i = 0; i < r->s->n_roots; i++) {
		struct settings_root *root = &r->s->roots[i];
		const struct yaml_node *node = item_node(top, "roots", i);
		if (root->name == NULL || root->layout == NULL || root->pid == NULL)
			continue; /* reported already */
		if (root->proposal == NULL && strstr(root->layout, "{proposal}") != NULL &&
			yaml_get(node, "proposal") == NULL)
			root->proposal = "{proposal}";
		check_pid(r, root, key_node(node, "pid"));
		if (root->proposal != NULL)
			check_names(r, root->layout, root->proposal, key_node(node, "proposal"));
		for (size_t j = 0; j < i; j++)
			if (r->s->roots[j].name != NULL &&
				strcmp(r->s->roots[j].name, root->name) == 0)
				fault_at(r, key_node(node, "name"),
					"name: root '%s' is named twice", root->name);
	}
}

static void
check_issuers(struct reader *r, const struct yaml_node *top)
{
	for (size_t i = 0; i < r->s->n_issuers; i++) {
		struct settings_issuer *s = &r->s->issuers[i];
		const struct yaml_node *node = item_node(top, "issuers", i);
		if (node->kind != YAML_MAP)
			continue; /* reported already */
		s->line = node->line;
		if (s->name == NULL)
			s->name = s->issuer;
		for (unsigned n = 0; n < SETTINGS_ISSUER_RULES; n++) {
			const char *key = NULL;
			struct err e = {.code = ERR_NONE};
			if (!settings_issuer_check(r->s, i, n, &key, &e))
				fault_at(r, key_node(node, key), "%s", e.msg);
		}
	}
}

static unsigned
online_cores(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : (unsigned)n < WORKERS_AUTO ? (unsigned)n : WORKERS_AUTO;
}

/* Values that come from others, and rules between values. */
static void
complete(struct reader *r, const struct yaml_node *top)
{
	struct settings *s = r->s;
	const char *key = NULL;
	struct err e = {.code = ERR_NONE};

	if (s->workers == 0)
		s->workers = online_cores();
	if (s->ledger == NULL && s->state_dir != NULL)
		s->ledger = arena_printf(&s->arena, "%s/ledger.sqlite", s->state_dir).p;
	if (s->catalogue == NULL && s->state_dir != NULL)
		s->catalogue = arena_printf(&s->arena, "%s/catalogue.sqlite", s->state_dir).p;
	if (s->audit_file == NULL && s->log_dir != NULL)
		s->audit_file = arena_printf(&s->arena, "%s/audit.jsonl", s->log_dir).p;
	if (s->listen.n * s->workers > SOCKETS_MAX)
		fault_at(r, key_node(top, "listen"),
			"listen: %zu addresses for %u workers are more than %u sockets",
			s->listen.n, s->workers, SOCKETS_MAX);
	check_roots(r, top);
	check_issuers(r, top);
	if (!settings_policy_complete(s, &key, &e))
		fault_at(r, key_node(key_node(top, "policy"), key), "%s", e.msg);
}

/* ---- the whole ---- */

/* The absolute folder of the file, without the slash at its end. */
static const char *
file_folder(struct settings *s, const char *file)
{
	char cwd[PATH_MAX];
	const char *slash = strrchr(file, '/');
	struct span dir = {file, slash != NULL ? (size_t)(slash - file) : 0};

	if (file[0] == '/')
		return arena_str(&s->arena, dir);
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return NULL;
	return arena_printf(&s->arena, "%s%s%.*s", cwd, dir.n > 0 ? "/" : "", SPAN_ARG(dir)).p;
}

static bool
parse_into(struct settings *s, struct span text, struct buf *report, struct err *e)
{
	AUTO_ARENA tree = {0};
	struct reader r = {.s = s, .file = s->file, .report = report};

	r.folder = file_folder(s, s->file);
	if (r.folder == NULL || !arena_init(&tree, TREE_MAX))
		return err_set(e, ERR_SYSTEM, NULL, "no room for reading %s", s->file);
	const struct yaml_node *top = yaml_parse(s->file, text, &tree, report);
	if (top == NULL)
		return err_set(e, ERR_SYNTAX, NULL, "%s is not well-formed", s->file);
	read_map(&r, SETTINGS_TOP, top, (char *)s);
	if (top->kind == YAML_MAP) {
		read_sections(&r, top);
		complete(&r, top);
	}
	if (s->arena.full)
		yaml_error(report, s->file, 1, 1, &r.faults, "more values than fit in %u MiB",
			VALUES_MAX >> 20);
	s->faults = r.faults;
	if (r.faults > 0) /* not a failure of this function */
		(void)err_set(e, ERR_SYNTAX, NULL, "%s has %u fault%s", s->file, r.faults,
			r.faults == 1 ? "" : "s");
	return true;
}

struct settings *
settings_read(const char *file, struct span text, struct buf *report, struct err *e)
{
	struct settings *s = calloc(1, sizeof(*s));

	if (s == NULL || !arena_init(&s->arena, VALUES_MAX)) {
		(void)err_set(e, ERR_SYSTEM, NULL, "no memory for the settings");
		settings_free(s);
		return NULL;
	}
	s->file = arena_str(&s->arena, span_of(file));
	s->places = arena_array(&s->arena, PLACES_MAX, sizeof(*s->places));
	if (s->file != NULL && s->places != NULL && parse_into(s, text, report, e))
		return s;
	settings_free(s);
	return NULL;
}

struct settings *
settings_parse(const char *file, struct span text, struct buf *report, struct err *e)
{
	struct settings *s = settings_read(file, text, report, e);

	if (s == NULL || s->faults == 0)
		return s;
	settings_free(s);
	return NULL;
}

struct settings *
settings_load(const char *file, struct buf *report, struct err *e)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	AUTO_FD fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;
	unsigned faults = 0;

	while (fd >= 0 && n > 0 && buf_reserve(&text, 16384)) {
		n = read(fd, text.p + text.n, 16384);
		text.n += n > 0 ? (size_t)n : 0;
	}
	if (fd < 0 || n < 0) {
		(void)err_set(e, ERR_SYSTEM, NULL, "open %s", file);
		yaml_error(
			report, file, 1, 1, &faults, "cannot be read: %s", e != NULL ? e->msg : "");
		return NULL;
	}
	if (!buf_ok(&text)) {
		(void)err_set(e, ERR_LIMIT, NULL, "%s is longer than %u bytes", file, TEXT_MAX);
		yaml_error(report, file, 1, 1, &faults, "longer than %u bytes", TEXT_MAX);
		return NULL;
	}
	return settings_parse(file, buf_span(&text), report, e);
}

void
settings_fault(
	const struct settings *s, const char *value, struct buf *report, const char *fmt, ...)
{
	char text[512];
	unsigned count = 0;
	unsigned line = 1;
	unsigned col = 1;
	va_list ap;

	for (size_t i = 0; i < s->n_places; i++)
		if (s->places[i].value == value) {
			line = s->places[i].line;
			col = s->places[i].col;
		}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	yaml_error(report, s->file, line, col, &count, "%s", text);
}

void
settings_free(struct settings *s)
{
	if (s != NULL)
		arena_fini(&s->arena);
	free(s);
}
