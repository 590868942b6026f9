/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/jsonw.h"
#include "agent/base/span.h"
#include "agent/catalog/event.h"

#include <stdbool.h>

/*
 * An event as one JSON object, {"type":"release","by":"pi","on":"2027-01-01","note":"..."}: the
 * keys of policy language 2.3.  Pure.
 */
#define EVENT_JSON_NOTE 4096U /* bytes of a note */
#define EVENT_JSON_WORD 256U  /* of any other value */

/*
 * Strict: known keys, each a string of printable text, once.  What the type asks for is
 * event_read's to judge.  ERR_SYNTAX names the key.  Texts are copied into the arena.
 */
bool event_json_read(struct span body, struct arena *a, struct event_text *ret, struct err *e);
/* The members that are given, in the order of event_text_names, into an object that is open. */
void event_json_write(const struct event_text *t, struct jsonw *w);
