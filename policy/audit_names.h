/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Names of the audit log's files, all in one folder.  Pure.
 *   audit.jsonl                the log itself, whose name is a setting (here: `log`)
 *   audit-2026-06.jsonl        an older file of it: its last line is of that month
 *   audit-2026-06.2.jsonl      the second one of that month, and so on
 *   audit.jsonl.torn           half-written lines that a crash left
 *   audit.jsonl.head           how far it had come when it was last flushed (audit_file.h)
 *   audit-key-2026-06          the key of that month's pseudonyms
 *   audit-sign.key, .pub       the key that checkpoints are signed with
 */
#define AUDIT_NAME_MAX  256U
#define AUDIT_MONTH_LEN 8U /* "2026-06" and its NUL */
#define AUDIT_TURNS     9999U

/* The month of an instant, milliseconds UTC. */
void audit_names_month(int64_t ms, char ret[AUDIT_MONTH_LEN]);
/* The first instant after a month, seconds UTC; false: not a month. */
bool audit_names_month_end(const char *month, int64_t *ret);
/* Name of the n-th older file (1 to AUDIT_TURNS) of a month; false: too long. */
bool audit_names_older(const char *log, const char *month, unsigned n, char ret[AUDIT_NAME_MAX]);
/* Is `name` one? */
bool audit_names_is_older(const char *log, struct span name);
void audit_names_key(const char month[AUDIT_MONTH_LEN], char ret[AUDIT_NAME_MAX]);
/* Is it the name of a month's key, and of which? */
bool audit_names_is_key(struct span name, char ret_month[AUDIT_MONTH_LEN]);
