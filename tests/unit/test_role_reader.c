/* SPDX-License-Identifier: Apache-2.0 */
/* A reader process, asked: its answers, its control link, its end. */
#include "tests/unit/reader_process.h"

#define DEADLY "../shared/data/malformed/cve-2021-46244.h5"

static void
answers_one_file_after_the_other(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD text = memory("not an HDF5 file", 16);
	AUTO_FD empty = memory("", 0);

	(void)state;
	start(&r);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK);
		must_hold(answer, "{\"format\":\"other\",\"problem\":\"not HDF5");
		assert_int_equal(ask(&r, "nexus", empty, &answer), FDPASS_OK);
		must_hold(answer, "{\"format\":\"other\"");
	}
	assert_int_equal(drain(&r), 0);
}

static void
answers_where_nothing_can_be_read(void **state)
{
	struct reader r;
	struct span answer;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	start(&r);
	assert_int_equal(ask(&r, "nexus", ends[0], &answer), FDPASS_OK);
	must_hold(answer, "\"problem\":\"the file cannot be read");
	assert_int_equal(drain(&r), 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
closes_the_link_on_another_question(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD text = memory("x", 1);

	(void)state;
	start(&r);
	assert_int_equal(ask(&r, "nexus", -1, &answer), FDPASS_CLOSED); /* no descriptor */
	new_link(&r);
	assert_int_equal(ask(&r, "nexusx", text, &answer), FDPASS_CLOSED);
	new_link(&r);
	assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK); /* and lives on */
	assert_int_equal(drain(&r), 0);
}

static void
answers_pings(void **state)
{
	const struct control ping = {.kind = CONTROL_PING, .number = 4711};
	struct reader r;
	uint32_t number = 0;

	(void)state;
	start(&r);
	assert_true(bundle_message(r.control, &ping, -1, NULL));
	assert_int_equal(hear(&r, &number), CONTROL_PONG);
	assert_int_equal(number, 4711);
	assert_int_equal(drain(&r), 0);
}

static void
ends_with_its_supervisor(void **state)
{
	struct reader r;

	(void)state;
	start(&r);
	(void)close(r.control);
	r.control = -1;
	assert_int_equal(end(&r), 0);
}

/* The alarm must end the child, also where the supervisor's mask held the signal back. */
static void
holds_no_signal_back(void **state)
{
	struct reader r;
	char text[4096];
	sigset_t held;

	(void)state;
	(void)sigemptyset(&held);
	(void)sigaddset(&held, SIGALRM);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &held, NULL), 0);
	start(&r);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &held, NULL), 0);
	proc(r.pid, "status", text, sizeof(text));
	assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
	assert_int_equal(drain(&r), 0);
}

static void
takes_times_in_the_facilitys_zone(void **state)
{
	struct reader r;
	struct span answer;
	AUTO_FD fd = open(WITH_TITLE, O_RDONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0) {
		print_message("    skipped: no " WITH_TITLE "\n");
		skip();
	}
	start(&r);
	assert_int_equal(ask(&r, "nexus", fd, &answer), FDPASS_OK);
	must_hold(answer, "\"title\":\"High pressure experiments on vesicles\"");
	must_hold(answer, "\"start_time\":\"2009-09-13T18:55:37Z\""); /* summer time: two hours */
	must_hold(answer, "\"start_zone\":\"assumed\"");
	must_hold(answer, "taken as Europe/Zurich");
	assert_int_equal(drain(&r), 0);
}

static void
outlives_a_deadly_file(void **state)
{
	struct reader r;
	AUTO_FD text = memory("x", 1);
	struct span answer;
	AUTO_FD fd = open(DEADLY, O_RDONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0) {
		print_message("    skipped: no " DEADLY "\n");
		skip();
	}
	start(&r);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask(&r, "nexus", fd, &answer), FDPASS_OK);
		must_hold(answer, "{\"format\":\"hdf5\",\"died\":\"");
		if (!SANITIZED)
			must_hold(answer, "\"SIGFPE\",\"problem\":\"its reader died of SIGFPE\"}");
		assert_int_equal(ask(&r, "nexus", text, &answer), FDPASS_OK);
		must_hold(answer, "not HDF5");
	}
	assert_int_equal(drain(&r), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_one_file_after_the_other),
		cmocka_unit_test(answers_where_nothing_can_be_read),
		cmocka_unit_test(closes_the_link_on_another_question),
		cmocka_unit_test(answers_pings),
		cmocka_unit_test(ends_with_its_supervisor),
		cmocka_unit_test(holds_no_signal_back),
		cmocka_unit_test(takes_times_in_the_facilitys_zone),
		cmocka_unit_test(outlives_a_deadly_file),
	};
	(void)alarm(120); /* a reader that does not answer fails this, instead of hanging it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
