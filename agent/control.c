/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control.h"

#include "agent/role.h"

#define HEADER 14U

/* What each kind carries; everything else in it is zero or empty. */
static const struct kind {
	bool from_role;
	bool peer, slot, number, name;
	size_t text; /* bytes at most */
} kinds[CONTROL_KINDS] = {
	[CONTROL_FILE] = {.name = true, .text = CONTROL_PATH_MAX},
	[CONTROL_START] = {.text = 0},
	[CONTROL_LINK] = {.peer = true, .slot = true},
	[CONTROL_JOB] = {.text = sizeof(((struct role_message *)0)->text)},
	[CONTROL_DRAIN] = {.text = 0},
	[CONTROL_PING] = {.number = true},
	[CONTROL_READY] = {.from_role = true, .text = 512},
	[CONTROL_REFUSE] = {.from_role = true, .number = true, .text = CONTROL_TEXT_MAX},
	[CONTROL_PONG] = {.from_role = true, .number = true},
	[CONTROL_KILL] = {.from_role = true, .slot = true},
	[CONTROL_DONE] = {.from_role = true, .number = true},
	[CONTROL_REPORT] = {.from_role = true, .name = true, .text = CONTROL_TEXT_MAX},
};

static void
put(struct buf *out, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_addc(out, (char)(v >> (8 * i)));
}

static uint32_t
get(struct span msg, size_t at, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint32_t)(unsigned char)msg.p[at + i] << (8 * i);
	return v;
}

void
control_write(const struct control *c, struct buf *out)
{
	const struct kind *k = &kinds[c->kind];
	struct span name = k->name ? span_first(c->name, CONTROL_NAME_MAX) : SPAN_NONE;
	struct span text = span_first(c->text, k->text);

	put(out, c->kind, 1);
	put(out, k->peer ? c->peer : 0, 1);
	put(out, k->slot ? c->slot : 0, 2);
	put(out, k->number ? c->number : 0, 4);
	put(out, name.n, 2);
	put(out, text.n, 4);
	buf_add(out, name);
	buf_add(out, text);
}

/* The fields that a kind does not have are zero. */
static bool
fits(const struct kind *k, const struct control *c)
{
	return (k->peer ? c->peer < PROCESS_COUNT : c->peer == 0) && (k->slot || c->slot == 0) &&
	       (k->number || c->number == 0) && (k->name ? c->name.n > 0 : c->name.n == 0) &&
	       c->name.n <= CONTROL_NAME_MAX && c->text.n <= k->text;
}

bool
control_read(struct span msg, bool from_role, struct control *ret, struct err *e)
{
	struct control c = {0};

	if (msg.n < HEADER)
		return err_set(e, ERR_SYNTAX, NULL, "control message of %zu bytes", msg.n);
	uint32_t kind = get(msg, 0, 1);
	if (kind == 0 || kind >= CONTROL_KINDS || kinds[kind].from_role != from_role)
		return err_set(e, ERR_SYNTAX, NULL,
			"control message of kind %u from the wrong side", kind);
	c.kind = (enum control_kind)kind;
	c.peer = get(msg, 1, 1);
	c.slot = get(msg, 2, 2);
	c.number = get(msg, 4, 4);
	struct span body = span_skip(msg, HEADER);
	size_t name = get(msg, 8, 2);
	size_t text = get(msg, 10, 4);
	if (name > body.n || text != body.n - name)
		return err_set(e, ERR_SYNTAX, NULL, "control message with wrong lengths");
	c.name = span_first(body, name);
	c.text = span_skip(body, name);
	if (!fits(&kinds[kind], &c))
		return err_set(
			e, ERR_SYNTAX, NULL, "control message of kind %u with wrong fields", kind);
	*ret = c;
	return true;
}
