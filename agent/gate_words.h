/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What people send about datasets and terms: one JSON object by a program, or the same words as a
 * form by a browser (application/x-www-form-urlencoded).  Strict: a word that is not asked for
 * here, stands twice, is too long, is not UTF-8 or holds a control character is an error that names
 * it. Line ends are allowed in `text` and `note` alone, and come out as one LF each.  Pure.
 */
enum gate_word {
	WORD_DO,     /* what to do: "accept", "withdraw", "revoke", "decline", "grant" */
	WORD_TEXT,   /* why access is asked for */
	WORD_ACTION, /* to what: "data.read" */
	WORD_NOTE,   /* a word to go with an answer or a link */
	WORD_TO,     /* whom a link is for */
	WORD_UNTIL,  /* date or instant */
	WORD_DAYS,   /* a number */
	WORD_TOKEN,  /* of the browser's session; in forms alone */
	WORD_COUNT
};
extern const char *const gate_word_names[WORD_COUNT];
#define GATE_WORDS_TEXT 4000U /* bytes of WORD_TEXT */
#define GATE_WORDS_NOTE 1000U
#define GATE_WORDS_DAYS 36525U

struct gate_words {
	struct span value[WORD_COUNT]; /* absent: not given; never empty */
	unsigned days;                 /* 0: not given */
};

/* allowed: 1U << enum gate_word.  Values lie in `mem`.  ERR_SYNTAX. */
bool gate_words_json(struct span body, uint32_t allowed, struct arena *mem, struct gate_words *ret,
	struct err *e);
bool gate_words_form(struct span body, uint32_t allowed, struct arena *mem, struct gate_words *ret,
	struct err *e);
