/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/qr.h"

#include <qrencode.h>

#define QUIET 2

static bool
dark(const QRcode *q, int x, int y)
{
	if (x < 0 || y < 0 || x >= q->width || y >= q->width)
		return false;
	return (q->data[y * q->width + x] & 1U) != 0;
}

/* The upper half is the foreground's, the lower half the background's. */
static void
draw_line(const QRcode *q, int y, struct buf *out)
{
	buf_adds(out, "  \033[30;107m"); /* black on bright white */
	for (int x = -QUIET; x < q->width + QUIET; x++) {
		bool up = dark(q, x, y);
		bool low = dark(q, x, y + 1);
		buf_adds(out, up && low ? "\u2588" : up ? "\u2580" : low ? "\u2584" : " ");
	}
	buf_adds(out, "\033[0m\n");
}

bool
qr_draw(struct span text, struct buf *out)
{
	char word[QR_TEXT_MAX + 1];
	size_t before = out->n;

	if (text.n == 0 || !span_cstr(text, word, sizeof(word)))
		return false;
	QRcode *q = QRcode_encodeString(word, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
	if (q == NULL)
		return false;
	for (int y = -QUIET; y < q->width + QUIET; y += 2)
		draw_line(q, y, out);
	QRcode_free(q);
	if (!buf_ok(out))
		out->n = before;
	return buf_ok(out);
}
