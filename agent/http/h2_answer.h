/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The head of an answer, from the text that respond.c wrote to the fields of HTTP/2 (RFC 9113 8.2,
 * 8.3.2): names in lower case, :status first, nothing that speaks of the connection.  Pure.
 */
#define H2_ANSWER_FIELDS 64U

struct h2_field {
	struct span name, value;
	bool secret; /* never to be indexed (RFC 7541 7.1.3) */
};

struct h2_answer {
	unsigned status;
	size_t n; /* fields, the first is :status */
	struct h2_field field[H2_ANSWER_FIELDS];
	bool chunked; /* the body behind it has the chunks of HTTP/1.1 */
	size_t used;  /* bytes of the head */
};

/* text is ours: names are made small in it, and the fields point into it.  False: no head of ours.
 */
bool h2_answer_read(char *text, size_t n, struct h2_answer *ret, struct err *e);
