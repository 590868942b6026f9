/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reading JSON (RFC 8259), strictly: UTF-8 without a byte order mark, one value, nothing after it
 * but blanks, no member twice in one object, limits on depth and members.  Writing: jsonw.h.
 *
 * A value is borrowed from the document that json_parse returned and lives as long as it.  Getters
 * convert nothing: they return false and leave *ret alone when the value (NULL included) is of
 * another kind.  Messages never quote the text, since the text may be a token's.
 */
struct json;

enum json_kind {
	JSON_KIND_NONE, /* NULL was asked: no such member */
	JSON_KIND_NULL,
	JSON_KIND_BOOL,
	JSON_KIND_INT,
	JSON_KIND_REAL,
	JSON_KIND_STRING,
	JSON_KIND_LIST,
	JSON_KIND_OBJECT
};

/* Zero: the default. */
struct json_limits {
	size_t bytes;     /* of the text; default 64 MiB */
	unsigned depth;   /* of nested lists and objects; default 32 */
	unsigned members; /* of all objects together; default 1 000 000 */
	bool object;      /* the value must be an object */
	bool no_nul;      /* \u0000 in a string is refused */
};

/*
 * ERR_SYNTAX (with line and column) or ERR_LIMIT; limits may be NULL.  The caller frees with
 * json_free. A NUL inside a string (\u0000) is allowed and part of the span; in a member's name it
 * is refused.
 */
struct json *json_parse(struct span text, const struct json_limits *limits, struct err *e);
void json_free(struct json *j); /* NULL is allowed; only for what json_parse returned */
#define AUTO_JSON __attribute__((cleanup(json_scope))) struct json *
static inline void
json_scope(struct json **j)
{
	json_free(*j);
}

enum json_kind json_kind(const struct json *j);
const char *json_kind_name(enum json_kind k); /* "a string", "null", "missing", for messages */
bool json_str(const struct json *j, struct span *ret); /* UTF-8; NUL follows the last byte */
bool json_i64(const struct json *j, int64_t *ret);     /* integer notation only */
bool json_f64(const struct json *j, double *ret);      /* any number; finite */
bool json_truth(const struct json *j, bool *ret);      /* true or false */
size_t json_count(const struct json *j);               /* members or elements; else 0 */
const struct json *json_at(const struct json *list, size_t i);            /* NULL past the end */
const struct json *json_get(const struct json *object, const char *name); /* NULL: absent */
/*
 * Members in the order of the text: start with *at = NULL; false after the last.
 * name and value are set together.
 */
bool json_each(const struct json *object, void **at, struct span *name, const struct json **value);
/* Short cuts for json_get and a getter. */
bool json_get_str(const struct json *object, const char *name, struct span *ret);
bool json_get_i64(const struct json *object, const char *name, int64_t *ret);

/* Compact text of the value, members in the order of the text. */
void json_write(const struct json *j, struct buf *out);
bool json_same(const struct json *a, const struct json *b); /* equal; order of members aside */
