/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The keys of agent.yaml as one table: the reader, the messages, `--dump-options` and the manual
 * all come from it.  A new key is a row here and a field of struct settings.
 */
enum settings_section {
	SETTINGS_TOP,
	SETTINGS_CERTIFICATE,
	SETTINGS_TLS,
	SETTINGS_AUDIT,
	SETTINGS_ROOT,
	SETTINGS_POLICY,
	SETTINGS_ISSUER,
	SETTINGS_LIMITS,
	SETTINGS_INGEST,
	SETTINGS_TRANSFER
};

enum settings_kind {
	SETTINGS_TEXT,   /* const char * */
	SETTINGS_PATH,   /* const char *, made absolute */
	SETTINGS_NUMBER, /* unsigned, min to max */
	SETTINGS_YESNO,  /* bool: odd words are true */
	SETTINGS_TRI,    /* int: -1 left out, else as YESNO */
	SETTINGS_WORD,   /* an enum: index of the word */
	SETTINGS_TEXTS,  /* struct settings_list of min to max values */
	SETTINGS_PATHS,  /* the same, made absolute */
	SETTINGS_MAP,    /* a section of its own, at `offset` */
	SETTINGS_MAPS    /* a list of them: pointer at `offset`, number at `count` */
};

struct settings_key {
	const char *name;
	const char *text;     /* one line of explanation */
	const char *fallback; /* the default as it would be written; NULL: none */
	const char *shown;    /* a default that is worked out, in words */
	const char *unit;
	const char *const *words; /* the values that may be; NULL-terminated */
	bool (*check)(struct span v, struct err *e);
	size_t offset;      /* in the section's struct */
	size_t count, size; /* MAPS */
	enum settings_section section;
	enum settings_section child; /* MAP and MAPS */
	enum settings_kind kind;
	unsigned min, max; /* of a number or of a list's length */
	bool required;
};

#define SETTINGS_SECTION_KEYS 64U /* at most, in one section */

/* The table; the row without a name ends it. */
const struct settings_key *settings_schema(void);
