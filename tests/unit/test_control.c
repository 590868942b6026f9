/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/control.h"
#include "agent/role.h"

static const struct good {
	const char *name;
	struct control c;
	bool from_role;
	bool bare; /* arrives with nothing but its kind */
} goods[] = {
	{"file", {.kind = CONTROL_FILE, .name = SPAN_INIT("policy.0"), .text = SPAN_INIT("/p")},
		false, false},
	{"start", {.kind = CONTROL_START}, false, false},
	{"link", {.kind = CONTROL_LINK, .peer = PROCESS_GATE, .slot = 63}, false, false},
	{"job", {.kind = CONTROL_JOB, .text = SPAN_INIT("{}")}, false, false},
	{"drain", {.kind = CONTROL_DRAIN}, false, false},
	{"ping", {.kind = CONTROL_PING, .number = 0xffffffff}, false, false},
	{"ready", {.kind = CONTROL_READY, .text = SPAN_INIT("2 policies")}, true, false},
	{"refuse", {.kind = CONTROL_REFUSE, .number = 3, .text = SPAN_INIT("a:1:1: error")}, true,
		false},
	{"pong", {.kind = CONTROL_PONG, .number = 0x01020304}, true, false},
	{"kill", {.kind = CONTROL_KILL, .slot = 15}, true, false},
	{"done", {.kind = CONTROL_DONE, .number = 1}, true, false},
	{"report", {.kind = CONTROL_REPORT, .name = SPAN_INIT("issuers"), .text = SPAN_INIT("{}")},
		true, false},
	{"report of nothing", {.kind = CONTROL_REPORT, .name = SPAN_INIT("issuers")}, true, false},
	{"what a kind does not have is not sent",
		{.kind = CONTROL_DRAIN, .peer = 2, .slot = 7, .number = 9, .text = SPAN_INIT("x")},
		false, true},
};

static struct span
written(struct span given)
{
	return given.p != NULL ? given : SPAN("");
}

static void
check_same(const struct good *g, const struct control *c)
{
	const struct control bare = {.kind = g->c.kind};
	const struct control *want = g->bare ? &bare : &g->c;

	assert_int_equal(c->kind, want->kind);
	assert_int_equal(c->peer, want->peer);
	assert_int_equal(c->slot, want->slot);
	assert_int_equal(c->number, want->number);
	assert_true(span_eq(written(c->text), written(want->text)));
	assert_true(span_eq(written(c->name), written(want->name)));
}

/* Not from the other side, not cut, not longer. */
static void
check_strict(struct buf *msg, bool from_role)
{
	struct control c = {0};

	assert_false(control_read(buf_span(msg), !from_role, &c, NULL));
	for (size_t n = 0; n < msg->n; n++)
		assert_false(control_read(span_first(buf_span(msg), n), from_role, &c, NULL));
	buf_addc(msg, 'x');
	assert_false(control_read(buf_span(msg), from_role, &c, NULL));
}

static void
test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		AUTO_BUF out = BUF_INIT(CONTROL_MESSAGE);
		struct control c = {0};
		CHECK_ROW(goods[i].name);
		control_write(&goods[i].c, &out);
		assert_true(control_read(buf_span(&out), goods[i].from_role, &c, NULL));
		check_same(&goods[i], &c);
		check_strict(&out, goods[i].from_role);
	}
}

/* kind, peer, slot, number, lengths of name and text, then both. */
static const struct bad {
	const char *name;
	const char *bytes;
	size_t n;
	bool from_role;
} bads[] = {
#define BYTES(lit) lit, sizeof(lit) - 1
	{"kind 0", BYTES("\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), false},
	{"kind past the last", BYTES("\15\0\0\0\0\0\0\0\0\0\0\0\0\0"), true},
	{"start with a slot", BYTES("\2\0\1\0\0\0\0\0\0\0\0\0\0\0"), false},
	{"start with a number", BYTES("\2\0\0\0\1\0\0\0\0\0\0\0\0\0"), false},
	{"start with text", BYTES("\2\0\0\0\0\0\0\0\0\0\1\0\0\0x"), false},
	{"start with a name", BYTES("\2\0\0\0\0\0\0\0\1\0\0\0\0\0x"), false},
	{"link to no process", BYTES("\3\7\0\0\0\0\0\0\0\0\0\0\0\0"), false},
	{"file without a name", BYTES("\1\0\0\0\0\0\0\0\0\0\1\0\0\0x"), false},
	{"report without a name", BYTES("\14\0\0\0\0\0\0\0\0\0\1\0\0\0x"), true},
	{"report with a number", BYTES("\14\0\0\0\1\0\0\0\1\0\0\0\0\0x"), true},
	{"report with too long a name",
		BYTES("\14\0\0\0\0\0\0\0\40\0\0\0\0\0abcdefghijklmnopqrstuvwxyz012345"), true},
	{"kill with a peer", BYTES("\12\1\0\0\0\0\0\0\0\0\0\0\0\0"), true},
	{"lengths beyond the end", BYTES("\7\0\0\0\0\0\0\0\0\0\377\377\377\377x"), true},
	{"lengths that wrap", BYTES("\7\0\0\0\0\0\0\0\2\0\377\377\377\377x"), true},
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct control c = {0};
		struct err e = {0};
		CHECK_ROW(bads[i].name);
		assert_false(control_read(
			(struct span){bads[i].bytes, bads[i].n}, bads[i].from_role, &c, &e));
		assert_int_equal(e.code, ERR_SYNTAX);
		assert_int_equal(c.kind, 0);
	}
}

/* A report that is too long is cut, not refused: the operator sees its beginning. */
static void
test_cut(void **state)
{
	AUTO_BUF text = BUF_INIT(1U << 20);
	AUTO_BUF out = BUF_INIT(CONTROL_MESSAGE);
	struct control c = {0};

	(void)state;
	while (text.n < CONTROL_TEXT_MAX + 1)
		buf_addc(&text, 'x');
	c = (struct control){.kind = CONTROL_REFUSE, .number = 3, .text = buf_span(&text)};
	control_write(&c, &out);
	assert_true(buf_ok(&out));
	assert_true(control_read(buf_span(&out), true, &c, NULL));
	assert_int_equal(c.text.n, CONTROL_TEXT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
