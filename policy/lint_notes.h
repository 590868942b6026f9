/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "policy/model.h"

#include <stdbool.h>
#include <stddef.h>

/* What lint has to say, until it is put in the order of the files and written. */
enum { LINT_NOTES = 20000 };

struct lint_note {
	size_t order; /* of its policy */
	const char *file;
	struct place at;
	const char *code; /* "L1" */
	bool aside;       /* a remark, not a finding */
	struct span rule; /* absent: none */
	struct span text;
};

struct lint_notes {
	struct arena mem;
	struct lint_note *list;
	size_t n;
	bool full;    /* some were dropped */
	size_t order; /* of the policy that is looked at */
};
bool lint_notes_init(struct lint_notes *l); /* false: no memory */
void lint_notes_fini(struct lint_notes *l);

/* Line 0 becomes that of the policy's name. */
void lint_notes_add(struct lint_notes *l, const struct policy *p, struct place at, const char *code,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* About one rule. */
void lint_notes_rule(struct lint_notes *l, const struct policy *p, const struct rule *r,
	const char *code, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The rule could not be judged. */
void lint_notes_aside(struct lint_notes *l, const struct policy *p, const struct rule *r,
	const char *code, const char *text);

/* Each writes all of them; the number of findings. */
unsigned lint_notes_write(struct lint_notes *l, struct buf *out);
unsigned lint_notes_json(struct lint_notes *l, struct buf *out);
