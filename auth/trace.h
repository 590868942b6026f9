/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/json.h"
#include "agent/base/span.h"
#include "auth/auth_explain.h"
#include "auth/issuers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Steps of an explanation as they come, and values made fit to be shown: no control characters, cut
 * at 160 bytes.  All texts lie in `mem`; when it is full they are absent, and mem->full tells.
 */
struct trace {
	struct auth_explain *x;
	struct arena *mem;
	int64_t now; /* seconds UTC */
};

struct span trace_clean(struct trace *t, struct span s);
struct span trace_json(struct trace *t, const struct json *v); /* NULL: "absent" */
/* A NumericDate with its time, and how far away it is. */
struct span trace_date(struct trace *t, const struct json *v);
struct span trace_words(
	struct trace *t, const char *before, const struct words *w, const char *behind);

struct auth_explain_step *trace_add(
	struct trace *t, const char *check, enum auth_explain_result result);
/* FAILED; the first one decides the status. */
struct auth_explain_step *trace_fail(struct trace *t, const char *check, const struct err *e);
void trace_note(struct trace *t, const char *check, enum auth_explain_result result,
	struct span value, const char *why);

/* What one function checks, a row for each claim in its order. */
struct trace_row {
	const char *check;
	const char *begins; /* how its messages begin, up to the colon */
	struct span value, expected;
	const char *clause; /* when it is good */
};
/* Rows before the one that failed are good, those behind it were not reached. */
void trace_rows(
	struct trace *t, const struct trace_row *row, size_t n, bool ok, const struct err *e);
