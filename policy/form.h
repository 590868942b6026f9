/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/yaml.h"
#include "policy/model.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The grammar of policy files in small: mappings from a table of keys, lists, scalars.  Every
 * function reports what is wrong and goes on, so that a file is told all its faults at once; a
 * result is only set when its value is good.
 */
#define FORM_ISSUES 20U /* lines for one file */

struct form_issue {
	unsigned line, col;
	char msg[320];
};

struct form_group {
	struct span name;
	struct role_list roles;
	struct place at; /* of its name */
	unsigned list;   /* number of the last list that named it */
};

/* The words of a file that other places may use: sorted by text. */
struct form_word {
	struct span text;
	unsigned line, col;
};

struct form {
	const char *file;
	struct policy *p;
	struct form_issue issues[FORM_ISSUES]; /* the first ones, in file order */
	size_t n_issues;
	unsigned errors; /* all of them */
	unsigned lists;
	struct form_group *groups;
	size_t n_groups;
	const char **role_words; /* roles, then groups: for near matches */
	struct form_word *rule_ids;
	size_t n_rule_ids;
	bool no_memory;
};

typedef void form_take(struct form *f, const struct yaml_node *v, void *into);
struct form_key {
	const char *name;
	bool required;
	form_take *take; /* NULL: known, read elsewhere */
};

void form_error(struct form *f, unsigned line, unsigned col, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* At a value, and at the key of a value. */
#define form_error_value(f, v, ...) form_error((f), (v)->line, (v)->col, __VA_ARGS__)
#define form_error_key(f, v, ...)   form_error((f), (v)->key_line, (v)->key_col, __VA_ARGS__)
/* All issues as lines of the report. */
void form_report(const struct form *f, struct buf *report);
/* At most 60 bytes of a value, whole characters, for a message. */
struct span form_short(struct span s);
/* Where a value stands. */
static inline struct place
form_place(const struct yaml_node *v)
{
	return (struct place){v->line, v->col};
}

/* Zeroed memory in the policy's arena; NULL sets no_memory. */
void *form_alloc(struct form *f, size_t n, size_t size);

/* A mapping with a closed set of keys; each value goes to the `take` of its key. */
bool form_map(struct form *f, const struct yaml_node *v, const char *what,
	const struct form_key *keys, size_t n, void *into);
bool form_is_map(struct form *f, const struct yaml_node *v);
bool form_is_scalar(struct form *f, const struct yaml_node *v);
/* A list, or a scalar that stands for a list of one. */
bool form_is_list(struct form *f, const struct yaml_node *v, bool may_be_empty);
/* The items of such a list. */
static inline const struct yaml_node *
form_first(const struct yaml_node *v)
{
	return v->kind == YAML_LIST ? v->child : v;
}
static inline const struct yaml_node *
form_next(const struct yaml_node *v, const struct yaml_node *item)
{
	return v->kind == YAML_LIST ? item->next : NULL;
}

bool form_text(struct form *f, const struct yaml_node *v, struct span *ret);
bool form_ident(struct form *f, const struct yaml_node *v, struct span *ret);
bool form_number(struct form *f, const struct yaml_node *v, unsigned *ret);
bool form_date(struct form *f, const struct yaml_node *v, int32_t *ret);
bool form_when(struct form *f, const struct yaml_node *v, struct when *ret);
bool form_period(struct form *f, const struct yaml_node *v, struct period *ret);
bool form_duration(struct form *f, const struct yaml_node *v, unsigned *ret);
/* One word of a closed list: its index. */
bool form_choice(
	struct form *f, const struct yaml_node *v, const char *const *names, int n, int *ret);
/* A list of such words, as bits. */
bool form_choices(struct form *f, const struct yaml_node *v, const char *const *names, int n,
	bool may_be_empty, uint32_t *ret);
/* A list of roles; groups too, unless `roles_only`. */
bool form_roles(struct form *f, const struct yaml_node *v, bool roles_only, bool may_be_empty,
	struct role_list *ret);
/* A list of text of at most `max` bytes; in the order of the file. */
bool form_texts(struct form *f, const struct yaml_node *v, size_t max, bool may_be_empty,
	const struct span **ret, size_t *ret_n);
/* The same, sorted for bsearch. */
bool form_sorted(struct form *f, const struct yaml_node *v, size_t max, struct text_list *ret);
/* Sorts the words; `what` ("duplicate id") is reported at each that stands there again. */
void form_unique(struct form *f, struct form_word *words, size_t n, const char *what);
bool form_has_word(const struct form_word *words, size_t n, struct span s);
