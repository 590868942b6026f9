/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/catalog/store.h"

#include <stdbool.h>

/*
 * The tables of the catalogue and their version.  Everything in it can be made again from the data
 * roots and proposals.yaml, so there are no migrations: a catalogue of another version is refused
 * with the words that say what to do.
 */
#define SCHEMA_VERSION 3

/* Of a writer: make the tables in an empty file; else check that they are ours. */
bool schema_create(struct store *s, struct err *e);
/* ERR_SYNTAX when the file is no catalogue of this version. */
bool schema_check(struct store *s, struct err *e);
