/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/jsonw.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Times and records of the audit log, in words for people.  Pure. */

/* "2026-06-01T08:00:00.123Z" of milliseconds UTC into out (32 bytes are enough).  Returns out. */
const char *cli_audit_text_time(int64_t ms, char *out, size_t n);
/* The same as a member; below zero: null. */
void cli_audit_text_member(struct jsonw *w, const char *key, int64_t ms);
/* 2n hex digits. */
bool cli_audit_text_hex(struct span text, uint8_t *ret, size_t n);
/*
 * One record in one line, without its line end: time, what, who, and what came of it.  line: one
 * that audit_line_parse has read.
 */
void cli_audit_text_record(struct span line, struct buf *out);
