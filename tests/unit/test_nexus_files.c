/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real and malformed files through nexus_read, each in a confined child as the reader role is.
 * Without arguments a test over ../shared/data (skipped with a word where that is absent); with
 * paths as arguments a probe that prints the answer for each.
 */
#include "agent/base/scope.h"
#include "agent/catalog/reading.h"
#include "agent/sandbox.h"
#include "tests/unit/check.h"
#include "transfer/nexus.h"
#include "transfer/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REAL      "../shared/data/nexus/"
#define MALFORMED "../shared/data/malformed/"

/* A zone one hour east without summer time: enough to see that it is used. */
static bool
one_hour_east(const void *zone, int64_t civil, int64_t *ret)
{
	(void)zone;
	*ret = civil - 3600;
	return true;
}

static const struct nexus_zone test_zone = {"Test/East", one_hour_east, NULL};

/* 1: a sanitizer found a fault, which is libhdf5's where the file is malformed. */
enum { CHILD_ANSWERED = 0, CHILD_FAULT = 1, CHILD_FAILED = 90, CHILD_UNCONFINED, CHILD_NO_FILE };

/* cmocka catches these to fail a test; here they are to end the child. */
static const int faults[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS};

/* Never returns: reads `path` as the reader role does and writes the answer to `out`. */
static void
child(const char *path, int out, bool quiet)
{
	static struct role r;
	struct settings s = {.sandbox_required = true, .landlock = true};
	struct hdf5_library *lib = NULL;
	struct err e = {0};
	char missing[256];
	struct buf answer = BUF_INIT(READING_MAX);

	r = (struct role){.what = PROCESS_READER, .settings = &s};
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)signal(faults[i], SIG_DFL);
	if (quiet) /* libc's and a sanitizer's last words about a malformed file */
		(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		_exit(CHILD_NO_FILE);
	(void)alarm(READING_DEADLINE);
	if (!hdf5_start(&lib, &e) || !sandbox_enter(&r, missing, sizeof(missing), &e) ||
		!sandbox_enter_child(&r, &e)) {
		(void)fprintf(stderr, "%s\n", e.msg);
		_exit(CHILD_UNCONFINED);
	}
	if (!nexus_read(lib, fd, &test_zone, &answer, &e)) {
		(void)fprintf(stderr, "%s\n", e.msg);
		_exit(CHILD_FAILED);
	}
	_exit(write(out, answer.p, answer.n) == (ssize_t)answer.n ? CHILD_ANSWERED : CHILD_FAILED);
}

/* Exit status of the child as wait(2) has it; what it wrote is in `answer`. */
static int
ask(const char *path, bool quiet, struct buf *answer)
{
	int ends[2];
	int status = -1;
	ssize_t n = 1;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		child(path, ends[1], quiet);
	(void)close(ends[1]);
	while (n > 0 && buf_reserve(answer, 4096)) {
		n = read(ends[0], answer->p + answer->n, 4096);
		answer->n += n > 0 ? (size_t)n : 0;
	}
	(void)close(ends[0]);
	(void)waitpid(pid, &status, 0);
	return status;
}

struct facts {
	const char *file;
	const char *want[6]; /* each must stand in the answer */
};

/* Read with another library (h5py), then by hand: what the answer must hold. */
static const struct facts facts[] = {
	{"aps/nexus-example.hdf5",
		{"\"title\":\"NeXus NXsas example\"", "\"start_time\":\"2016-06-23T18:02:31Z\"",
			"\"instrument\":\"APS 9-ID-C USAXS pinSAXS\"",
			"\"sample\":\"pinSAXS for IN625AB_775C_240min\"",
			"{\"name\":\"wavelength\",\"value\":0.5904",
			"\"technique\":\"PaNET01124\""}},
	{"ess/103418.nxs", {"\"start_time\":\"2021-09-18T21:04:08Z\"", "\"start_zone\":\"assumed\"",
				   "\"experiment_identifier\":\"9-13-1036\"",
				   "\"users\":[\"porcar\"]", "\"instrument\":\"D22\""}},
	{"fairmat/201805_WSe2_arpes.nxs",
		{"\"start_time\":\"2018-05-01T05:22:00Z\"", "\"start_zone\":\"given\"",
			"\"run_cycle\":\"2018 User Run Block 2\"", "\"source\":\"FLASH\"",
			"{\"name\":\"sample_temperature\",\"value\":300,\"unit\":\"K\"}",
			"\"technique\":\"PaNET01089\""}},
	{"psi-sinq/sans2009n012333.hdf",
		{"\"title\":\"High pressure experiments on vesicles\"",
			"\"start_time\":\"2009-09-13T19:55:37Z\"", "\"start_zone\":\"assumed\"",
			"\"source\":\"SINQ, Paul Scherrer Institut\""}},
	{"psi-sls/Focus_2021-03-16_051.hdf5",
		{"\"title\":\"Focus\"", "\"start_time\":\"2021-03-16T11:42:07Z\"",
			"\"technique\":\"PaNET01219\""}},
	{"nxdl-autogen/NXarchive.hdf5",
		{"\"title\":null", "\"sample\":null", "\"users\":[]", "\"probe\":\"neutron\"",
			"\"experiment_identifier\":null", "\"parameters\":[]"}},
	{"soleil/file_2.nxs",
		{"\"title\":\"redemarrage\"", "\"definition\":null",
			"\"experiment_identifier\":null", "\"source\":\"SOLEIL\"",
			"\"instrument\":\"DIFFABS\"", "\"start_time\":\"2008-11-18T11:41:20Z\""}},
	{"dls-savu/testfluo2.nxs", {"\"definition\":\"NXfluo\"", "\"title\":null",
					   "\"start_time\":null", "\"technique\":\"PaNET01177\""}},
	{"dls-tomo/k11-18014.nxs",
		{"\"start_time\":\"2022-10-15T12:49:39Z\"",
			"\"experiment_identifier\":\"mg32775-1\"", "\"instrument\":\"k11\""}},
	{"openpmd/example-femm-3d.h5", {"\"format\":\"hdf5\"", "\"definition\":\"openPMD\"",
					       "\"start_time\":\"2023-05-23T22:47:17Z\"",
					       "\"technique\":null", "written by openPMD-api"}},
	{"isis-sasview/x25000_no_di.h5", {"\"name\":\"sasentry01\"", "though it has no NX_class",
						 "\"definition\":\"NXcanSAS\"", "\"title\":null"}},
	{"punx/cs_af1410.h5", {"\"name\":\"AF1410_10\"", "\"name\":\"AF1410_qu\"",
				      "\"probe\":\"neutron\"", "\"value\":0.85,\"unit\":\"nm\""}},
	{"rosettasciio/hspy_ext_missing.hspy", {"\"format\":\"hdf5\"", "no NXentry"}},
};

static void
check_fact(const char *file, const char *want, const struct buf *answer)
{
	if (memmem(answer->p, answer->n, want, strlen(want)) == NULL)
		fail_msg("%s: no %s in %.*s", file, want, (int)answer->n, answer->p);
}

static void
check_facts(const struct facts *table, size_t n, const char *file, const struct buf *answer)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < 6 && table[i].want[k] != NULL; k++)
			if (strcmp(table[i].file, file) == 0)
				check_fact(file, table[i].want[k], answer);
}

/* The first column of a table, one call for each row but the first. */
static size_t
each_row(const char *folder, const char *table, void (*run)(const char *name, void *arg), void *arg)
{
	char path[512];
	char line[4096];
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "%s%s", folder, table);
	AUTO_FILE f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		struct span rest = span_of(line);
		struct span name = span_cut(&rest, '\t');
		char text[256];
		if (n++ > 0 && span_cstr(name, text, sizeof(text)))
			run(text, arg);
	}
	return n > 0 ? n - 1 : 0;
}

struct count {
	unsigned answered, problem, nexus, died, late;
};

static void
count_answer(struct count *c, int status, const struct buf *answer)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_FAULT) {
		c->died++;
		return;
	}
	if (WIFSIGNALED(status)) {
		c->died += WTERMSIG(status) != SIGALRM;
		c->late += WTERMSIG(status) == SIGALRM;
		return;
	}
	assert_true(WIFEXITED(status));
	assert_true(answer->n > 0 && answer->n <= READING_MAX);
	assert_true(span_utf8(buf_span(answer)));
	AUTO_ARENA a = {0};
	struct reading reading;
	assert_true(arena_init(&a, 1U << 20));
	assert_true(
		reading_parse(buf_span(answer), &a, &reading, NULL)); /* as the catalogue does */
	c->answered++;
	c->problem += memmem(answer->p, answer->n, "\"problem\":null", 14) == NULL;
	c->nexus += span_starts(buf_span(answer), SPAN("{\"format\":\"nexus\""));
}

static void
real_file(const char *name, void *arg)
{
	char path[512];
	AUTO_BUF answer = BUF_INIT(READING_MAX + 4096);

	(void)snprintf(path, sizeof(path), REAL "%s", name);
	int status = ask(path, false, &answer);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != CHILD_ANSWERED)
		fail_msg("%s: status %d", name, status);
	count_answer(arg, status, &answer);
	check_facts(facts, sizeof(facts) / sizeof(facts[0]), name, &answer);
}

static void
real(void **state)
{
	struct count c = {0};
	(void)state;
	size_t n = each_row(REAL, "MANIFEST.tsv", real_file, &c);
	if (n == 0) {
		print_message("    skipped: no " REAL "\n");
		skip();
	}
	print_message("    %zu files: %u NeXus, %u with a problem\n", n, c.nexus, c.problem);
	assert_int_equal(c.answered, n);
	assert_int_equal(c.problem, 0);
}

/* Made by make.py beside them; "SECRET" stands where no answer may reach. */
#define OWN      "tests/data/nexus/"
#define FOLLOWED "links to other files, external or virtual data were not followed"
#define LEFT_OUT " is left out: a placeholder, too long, or not one plain text"
#define KEPT     "): the rest of its metadata is kept\"", "\"title\":\"kept\""
static const struct facts own_facts[] = {
	{"external_link.h5", {"\"title\":null", "\"run_cycle\":null", "\"entry_identifier\":null",
				     FOLLOWED, "\"entries\":[{\"name\":\"entry\""}},
	{"external_storage.h5", {"\"title\":null", FOLLOWED}},
	{"virtual.h5", {"\"title\":null", FOLLOWED}},
	{"loops.h5", {"\"entries\":[{\"name\":\"again\",\"title\":null"}},
	{"sizes.h5", {"title" LEFT_OUT, "definition" LEFT_OUT, "CCCC\",\"instrument\"",
			     "entry_identifier" LEFT_OUT, "experiment_identifier" LEFT_OUT,
			     "\"sample\":\"compressed\""}},
	{"types.h5", {"\"title\":\"two dimensions\",\"definition\":null",
			     "\"entry_identifier\":\"33837\",\"run_cycle\":\"2.5\"",
			     "\"instrument\":\"\xc2\xb5-XRF at 5\xc2\xb0\"", "\"end_time\":null",
			     "\"users\":[\"Ada\",\"Grace\"]",
			     "[{\"name\":\"sample_pressure\",\"value\":2,\"unit\":\"Pa\"}]"}},
	{"user_block.h5", {"\"title\":\"behind a user block\""}},
	{"hdf4.hdf", {"{\"format\":\"hdf4\",\"problem\":\"HDF4"}},
	{"truncated.h5", {"{\"format\":\"hdf5\",\"problem\":\"libhdf5 cannot open it: bad byte"}},
	{"sound.h5", {"{\"format\":\"nexus\",\"problem\":null", "\"title\":\"sound\""}},
	{"absent_filter.h5", {"\"problem\":null", "\"title\":\"kept\""}},
	{"bad_object.h5", {"\"object /entry/other/data cannot be opened (", KEPT}},
	{"bad_attribute.h5", {"\"object /entry/other/data has attributes that cannot be", KEPT}},
	{"bad_chunks.h5", {"\"object /entry/other/data has chunks that cannot be listed (", KEPT}},
	{"beyond_end.h5", {"\"object /entry/other/data has data beyond the end of the file", KEPT}},
	{"across_end.h5", {"\"object /entry/other/data has data beyond the end of the file", KEPT}},
	{"make.py", {"{\"format\":\"other\",\"problem\":\"not HDF5"}},
};

static void
own(void **state)
{
	static const size_t n = sizeof(own_facts) / sizeof(own_facts[0]);
	struct count c = {0};
	(void)state;
	for (size_t i = 0; i < n; i++) {
		char path[512];
		AUTO_BUF answer = BUF_INIT(READING_MAX + 4096);
		CHECK_ROW(own_facts[i].file);
		(void)snprintf(path, sizeof(path), OWN "%s", own_facts[i].file);
		int status = ask(path, false, &answer);
		assert_int_equal(status, 0);
		count_answer(&c, status, &answer);
		check_facts(own_facts, n, own_facts[i].file, &answer);
		assert_null(memmem(answer.p, answer.n, "SECRET", 6));
		assert_null(memmem(answer.p, answer.n, "example.org", 11));
	}
	assert_int_equal(c.problem, 8);
}

static void
malformed_file(const char *name, void *arg)
{
	char path[512];
	AUTO_BUF answer = BUF_INIT(READING_MAX + 4096);

	(void)snprintf(path, sizeof(path), MALFORMED "%s", name);
	int status = ask(path, true, &answer);
	if (WIFSIGNALED(status) || WEXITSTATUS(status) == CHILD_FAULT)
		print_message(
			"    %s: signal %d\n", name, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	count_answer(arg, status, &answer);
}

static void
malformed(void **state)
{
	struct count c = {0};
	struct timespec from;
	struct timespec to;
	(void)state;
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &from), 0);
	size_t n = each_row(MALFORMED, "LIST.tsv", malformed_file, &c);
	if (n == 0) {
		print_message("    skipped: no " MALFORMED "\n");
		skip();
	}
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &to), 0);
	print_message("    %zu files in %ld s: %u answered (%u with a problem), %u children died, "
		      "%u at the deadline\n",
		n, (long)(to.tv_sec - from.tv_sec), c.answered, c.problem, c.died, c.late);
	assert_int_equal(c.answered + c.died + c.late, n);
	/* The rest is wrong in ways that libhdf5 does not see, or sound but for other programs. */
	assert_true(c.problem + c.died + c.late > n * 7 / 10);
	assert_true(to.tv_sec - from.tv_sec < 120);
}

static int
probe(int n, char **paths)
{
	int bad = 0;

	for (int i = 0; i < n; i++) {
		AUTO_BUF answer = BUF_INIT(READING_MAX + 4096);
		int status = ask(paths[i], false, &answer);
		(void)printf("%s\t", paths[i]);
		if (WIFSIGNALED(status))
			(void)printf("signal %d\n", WTERMSIG(status));
		else
			(void)printf("%.*s\n", (int)answer.n, answer.n > 0 ? answer.p : "");
		bad |= status;
	}
	return bad != 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own),
		cmocka_unit_test(real),
		cmocka_unit_test(malformed),
	};
	if (argc > 1)
		return probe(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
