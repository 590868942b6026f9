/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The strict YAML subset of the policy language (section 8), read as libyaml events into a tree in
 * an arena: every scalar is text; no anchors, aliases, tags, directives, block scalars, multi-line
 * scalars, duplicate keys, empty values.
 */
enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	bool flow;          /* written with [ or { */
	unsigned line, col; /* from 1, col in characters; of the value */
	struct span text;   /* scalar: its value */
	struct span key;    /* member of a mapping: its key */
	unsigned key_line, key_col;
	size_t n; /* children */
	const struct yaml_node *child, *next;
};

/*
 * NULL on the first breach, which is one "FILE:LINE:COLUMN: error: MESSAGE\n" in report.
 * Limits: 4 MiB, 8 levels, 200 000 nodes, 4096 bytes a scalar.  Size the arena at 64 MiB for the
 * worst case.
 */
const struct yaml_node *yaml_parse(
	const char *file, struct span text, struct arena *a, struct buf *report);
/* The same for a table of many rows: other limits of bytes and of nodes (keys counted too). */
struct yaml_limits {
	size_t bytes;
	unsigned nodes;
};
const struct yaml_node *yaml_parse_large(const char *file, struct span text,
	const struct yaml_limits *limits, struct arena *a, struct buf *report);
/* Child of a mapping by key, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* One "FILE:LINE:COLUMN: error: ..." line; at most max lines are written, the number is counted in
 * *count. */
void yaml_error(struct buf *report, const char *file, unsigned line, unsigned col, unsigned *count,
	const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* The nearest of the names within two edits of s, or NULL: "did you mean ...?". */
const char *yaml_near(struct span s, const char *const *names, size_t n);
