/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_out.h"

#include <string.h>

#define PAGE 4096U

static bool
have_buffer(struct tls_out *o)
{
	if (o->buf == NULL)
		o->buf = pool_get(o->pool);
	return o->buf != NULL;
}

size_t
tls_out_room(const struct tls_out *o)
{
	return TLS_OUT_SIZE - o->n;
}

bool
tls_out_head(struct tls_out *o, const struct span *parts, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += parts[i].n;
	if (sum > tls_out_room(o) || !have_buffer(o))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n > 0)
			memcpy(o->buf + o->n, parts[i].p, parts[i].n);
		o->n += parts[i].n;
	}
	return true;
}

size_t
tls_out_mem(struct tls_out *o, struct span bytes)
{
	struct span fits = span_first(bytes, tls_out_room(o));

	return fits.n > 0 && tls_out_head(o, &fits, 1) ? fits.n : 0;
}

char *
tls_out_space(struct tls_out *o, size_t *ret_room)
{
	*ret_room = tls_out_room(o);
	return have_buffer(o) ? o->buf + o->n : NULL;
}

void
tls_out_filled(struct tls_out *o, size_t n)
{
	o->n += n;
}

/*
 * Bytes to read so that the next read begins on a page of the file: the kernel copies whole pages
 * faster.
 */
static size_t
aligned(const struct body *b, size_t room)
{
	if (b->left <= room || b->set != NULL || room < 2 * (size_t)PAGE)
		return room;
	return room - (size_t)((b->at + room) % PAGE);
}

enum body_step
tls_out_file(
	struct tls_out *o, struct body *b, size_t most, int64_t now, uint64_t epoch, size_t *ret_n)
{
	size_t room = tls_out_room(o);

	*ret_n = 0;
	if (room < TLS_OUT_ROOM && b->left > room)
		return BODY_MORE;
	if (!have_buffer(o))
		return BODY_BROKEN;
	if (room > most)
		room = most;
	enum body_step s = body_fill(b, o->buf + o->n, aligned(b, room), now, epoch, ret_n);
	o->n += *ret_n;
	return s;
}

enum step
tls_out_flush(struct tls_out *o, struct err *e)
{
	if (o->sink != NULL)
		return o->sink->flush(o->sink_arg, o);
	while (o->at < o->n) {
		size_t n = 0;
		struct span rest = {o->buf + o->at, o->n - o->at};
		enum step s = tls_write(o->tls, rest, &n, e);
		if (s != STEP_DONE) {
			enum step pushed = tls_push(o->tls, e);
			return pushed == STEP_FAIL ? pushed : s;
		}
		o->at += n;
		o->sent += n;
	}
	tls_out_release(o);
	return tls_push(o->tls, e);
}

void
tls_out_release(struct tls_out *o)
{
	pool_put(o->pool, o->buf);
	o->buf = NULL;
	o->at = 0;
	o->n = 0;
}
