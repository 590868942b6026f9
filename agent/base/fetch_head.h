/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The fields of an answer that agent/base/fetch.h hands on, taken line by line as they come
 * (RFC 9110 5).  Everything else is skipped.  Bounded: at most FETCH_HEAD_MAX bytes of lines in
 * all, with those of 1xx answers, and FETCH_FIELD_MAX for each field that is kept.  Pure.
 */
#define FETCH_HEAD_MAX  (32UL * 1024)
#define FETCH_FIELD_MAX (4UL * 1024)

enum fetch_field {
	FETCH_ETAG,
	FETCH_CONTENT_TYPE,
	FETCH_WWW_AUTHENTICATE,
	FETCH_LOCATION,
	FETCH_FIELDS
};

struct fetch_head {
	struct buf field[FETCH_FIELDS];
	int64_t max_age, retry_after; /* seconds; -1: none */
	uint64_t seen;                /* bytes of lines */
};

void fetch_head_init(struct fetch_head *h);
void fetch_head_fini(struct fetch_head *h); /* wipes */
/* One line, with or without its end; a status line begins anew.  False: too much came. */
bool fetch_head_line(struct fetch_head *h, struct span line);
/* Absent when it did not come, was empty or is too long.  Several lines are one list. */
struct span fetch_head_field(const struct fetch_head *h, enum fetch_field what);
