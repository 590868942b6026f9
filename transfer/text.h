/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/span.h"

#include <stdbool.h>

/* Text out of data files, made fit to be shown.  Pure. */

#define TEXT_SHOWN 1024U /* bytes of one text that are kept */

/*
 * As it is when it is UTF-8; else each byte is one ISO-8859-1 character (micro and degree signs of
 * older files).  A copy in the arena; SPAN_NONE at its cap.
 */
struct span text_utf8(struct span bytes, struct arena *a);

/*
 * UTF-8 text as it may be published: white space at the ends taken away and runs of it made one
 * blank, cut to TEXT_SHOWN bytes between characters.  False: nothing is left, it is a template's
 * placeholder ("{experiment-type}", "SAMPLE-CHAR-DATA", "Unnamed Sample"), it holds control
 * characters, or the arena is full.
 */
bool text_shown(struct span s, struct arena *a, struct span *ret);

/* How many bytes to keep so that at most `max` and no part of a UTF-8 character remain. */
size_t text_cut(struct span s, size_t max);
