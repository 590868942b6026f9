/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/span.h"

#include <stdbool.h>

/*
 * A QR code (ISO/IEC 18004) for a terminal, through libqrencode: two modules to a character of
 * UTF-8 (half blocks), a quiet zone of two modules around it, each line indented by two blanks.
 * Black on white by escape sequences (ECMA-48 SGR), so that it reads on a dark and on a light
 * background alike.  False: the text is empty, too long or holds a NUL, or there is no memory;
 * nothing is added then.
 */
#define QR_TEXT_MAX 300U

bool qr_draw(struct span text, struct buf *out);
