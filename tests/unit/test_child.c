/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor keeps of the words of a role. */
#include "tests/unit/check.h"

#include "agent/base/fdpass.h"
#include "agent/supervisor_child.h"

#include <unistd.h>

/* A child without a process: its end of the control socket is ours. */
struct world {
	struct child child;
	int role;
};

static void
begin(struct world *w, enum process what)
{
	int sv[2];

	child_init(&w->child, what, 0);
	assert_true(fdpass_pair(sv, true, NULL));
	w->child.control = sv[0];
	w->role = sv[1];
}

static void
end(struct world *w)
{
	(void)close(w->role);
	child_fini(&w->child);
}

static enum control_kind
say(struct world *w, const char *name, struct span text)
{
	const struct control c = {.kind = CONTROL_REPORT, .name = span_of(name), .text = text};
	struct control got = {0};

	assert_true(bundle_message(w->role, &c, -1, NULL));
	return child_read(&w->child, 1, &got);
}

static void
test_kept(void **state)
{
	struct world w;

	(void)state;
	begin(&w, PROCESS_COURIER);
	assert_int_equal(child_said(&w.child, "issuers").n, 0);
	assert_int_equal(say(&w, "issuers", SPAN("{\"issuers\":[1]}")), CONTROL_REPORT);
	assert_int_equal(say(&w, "issuer-metrics", SPAN("pan_issuer_keys 1\n")), CONTROL_REPORT);
	assert_int_equal(say(&w, "issuers", SPAN("{}")), CONTROL_REPORT);
	check_span(child_said(&w.child, "issuers"), "{}"); /* the last one */
	check_span(child_said(&w.child, "issuer-metrics"), "pan_issuer_keys 1\n");
	child_forget(&w.child); /* it ended: what it said is still the last that is known */
	check_span(child_said(&w.child, "issuers"), "{}");
	child_forget_reports(&w.child);
	assert_int_equal(child_said(&w.child, "issuers").n, 0);
	end(&w);
}

static void
test_longest(void **state)
{
	AUTO_BUF text = BUF_INIT(CONTROL_TEXT_MAX + 1);
	struct role r = {0};
	struct err e = {0};
	struct control got = {0};
	struct world w;

	(void)state;
	begin(&w, PROCESS_GATE);
	r.control = w.role;
	while (text.n < CONTROL_TEXT_MAX)
		buf_addc(&text, 'x');
	assert_true(role_report(&r, "token-metrics", buf_span(&text), &e));
	assert_int_equal(child_read(&w.child, 1, &got), CONTROL_REPORT);
	assert_true(span_eq(child_said(&w.child, "token-metrics"), buf_span(&text)));
	buf_addc(&text, 'x');
	assert_false(role_report(&r, "token-metrics", buf_span(&text), &e));
	assert_int_equal(e.code, ERR_LIMIT);
	end(&w);
}

/* A name that the role may not use ends the conversation, as any breach of the protocol does. */
static void
test_names(void **state)
{
	static const struct {
		enum process what;
		const char *name;
	} rows[] = {
		{PROCESS_COURIER, "token-metrics"},
		{PROCESS_COURIER, "issuer"},
		{PROCESS_GATE, "issuers"},
		{PROCESS_FRONT, "issuers"},
		{PROCESS_READER, "token-metrics"},
		{PROCESS_INDEXER, "issuer-metrics"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;
		CHECK_ROW(rows[i].name);
		begin(&w, rows[i].what);
		assert_int_equal(say(&w, rows[i].name, SPAN("x")), 0);
		assert_int_equal(w.child.control, -1);
		assert_int_equal(child_said(&w.child, rows[i].name).n, 0);
		end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
