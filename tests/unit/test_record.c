/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/catalog/record.h"

struct world {
	struct arena arena, text;
	struct record record;
};

static void
add(struct world *w, const char *path, const char *entry)
{
	AUTO_BUF in = BUF_INIT(65536);
	struct reading r;
	struct err e = {0};

	buf_addf(&in, "{\"format\":\"nexus\",\"entries\":[{%s}]}", entry);
	if (!reading_parse(buf_span(&in), &w->text, &r, &e))
		fail_msg("%s", e.msg);
	record_add(&w->record, span_of(path), &r);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_true(arena_init(&w->arena, 4 << 20));
	assert_true(arena_init(&w->text, 4 << 20));
	record_init(&w->record, SPAN("P1"), &w->arena);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	arena_fini(&w->arena);
	arena_fini(&w->text);
	free(w);
	return 0;
}

static void
first_wins(void **state)
{
	struct world *w = *state;
	const struct record_field *f = &w->record.field[READING_TITLE];

	assert_null(record_value(&w->record, READING_TITLE).p);
	add(w, "a", "\"title\":null");
	add(w, "b", "\"title\":\"one\"");
	add(w, "c", "\"title\":\"one\"");
	add(w, "d", "\"title\":\"two\"");
	add(w, "e", "\"title\":\"three\"");
	check_span(record_value(&w->record, READING_TITLE), "one");
	check_span(f->path, "b");
	check_span(f->other_value, "two");
	check_span(f->other_path, "d");
	assert_int_equal(f->others, 2);
}

static void
times(void **state)
{
	struct world *w = *state;

	add(w, "a", "\"title\":\"no time\"");
	assert_true(w->record.start == INT64_MIN && w->record.end == INT64_MIN);
	add(w, "b",
		"\"start_time\":\"1970-01-01T00:01:00Z\",\"end_time\":\"1970-01-01T00:02:00Z\"");
	add(w, "c", "\"start_time\":\"1970-01-01T00:00:30Z\",\"start_zone\":\"assumed\"");
	assert_int_equal(w->record.start, 30);
	assert_int_equal(w->record.end, 120);
	assert_true(w->record.assumed_zone);
	add(w, "d", "\"start_time\":\"1970-01-01T00:05:00Z\""); /* a start alone is an end too */
	assert_int_equal(w->record.start, 30);
	assert_int_equal(w->record.end, 300);
}

static void
sets(void **state)
{
	struct world *w = *state;

	add(w, "a",
		"\"users\":[\"A\",\"B\",\"A\"],\"parameters\":[{\"name\":\"x\",\"value\":1,"
		"\"unit\":"
		"\"mm\"},{\"name\":\"x\",\"value\":1,\"unit\":\"mm\"},{\"name\":\"x\",\"value\":1},"
		"{\"name\":\"x\",\"value\":2,\"unit\":\"mm\"}]");
	assert_int_equal(w->record.n_users, 2);
	assert_int_equal(w->record.n_parameters, 3);
	for (unsigned i = 0; i < LIMIT_PARAMETERS; i++) {
		char entry[128];
		(void)snprintf(
			entry, sizeof(entry), "\"parameters\":[{\"name\":\"y\",\"value\":%u}]", i);
		add(w, "b", entry);
	}
	assert_int_equal(w->record.n_parameters, LIMIT_PARAMETERS);
	assert_int_equal(w->record.dropped, 3);
}

/* R19: what a file claims about its proposal is compared, and decides nothing. */
static void
claims(void **state)
{
	struct world *w = *state;

	add(w, "a", "\"experiment_identifier\":\"p1\"");
	assert_int_equal(w->record.n_notes, 0);
	add(w, "b", "\"experiment_identifier\":\"P2\"");
	assert_int_equal(w->record.n_notes, 1);
	check_span(w->record.notes[0].path, "b");
	check_span(w->record.notes[0].text,
		"the file names experiment \"P2\", its folder proposal \"P1\"");
}

static void
json(void **state)
{
	struct world *w = *state;
	AUTO_BUF out = BUF_INIT(1 << 20);

	add(w, "a", "\"title\":\"a \\\"scan\\\"\",\"start_time\":\"1970-01-01T00:00:00Z\"");
	record_write_json(&w->record, &out);
	assert_true(span_starts(buf_span(&out), SPAN("{\"title\":\"a \\\"scan\\\"\",")));
	buf_addc(&out, '\0');
	assert_non_null(strstr(out.p, "\"start\":\"1970-01-01T00:00:00Z\""));
	assert_non_null(strstr(out.p, "\"instrument\":null"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(times, setup, teardown),
		cmocka_unit_test_setup_teardown(sets, setup, teardown),
		cmocka_unit_test_setup_teardown(claims, setup, teardown),
		cmocka_unit_test_setup_teardown(json, setup, teardown),
	};
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
