/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/metric.h"
#include "agent/base/scope.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <pthread.h>

static void
counting(void **state)
{
	AUTO_FD fd = metric_create(NULL);
	struct metrics *a = metric_map(fd, 0, NULL);
	struct metrics *b = metric_map(fd, METRIC_STRIPES - 1, NULL);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	metric_add(a, METRIC_REQUESTS_2XX, 3);
	metric_add(b, METRIC_REQUESTS_2XX, 4);
	metric_add(metric_stripe(a, 7), METRIC_REQUESTS_2XX, 5);
	assert_int_equal(metric_get(a, METRIC_REQUESTS_2XX), 12);
	assert_int_equal(metric_get(b, METRIC_REQUESTS_2XX), 12);
	assert_int_equal(metric_get(b, METRIC_REQUESTS_3XX), 0);
	metric_set(a, METRIC_DATASETS, 9);
	metric_set(a, METRIC_DATASETS, 8);
	metric_add(b, METRIC_CONNECTIONS, 2);
	metric_add(b, METRIC_CONNECTIONS, -1);
	assert_int_equal(metric_get(b, METRIC_DATASETS), 8);
	assert_int_equal(metric_get(a, METRIC_CONNECTIONS), 1);
	metric_unmap(b);
	/* The next process with this stripe: gauges fall, counters stay. */
	b = metric_map(fd, METRIC_STRIPES - 1, NULL);
	assert_int_equal(metric_get(a, METRIC_CONNECTIONS), 0);
	assert_int_equal(metric_get(a, METRIC_REQUESTS_2XX), 12);
	metric_unmap(a);
	metric_unmap(b);
}

static void
refusals(void **state)
{
	AUTO_FD fd = metric_create(NULL);
	AUTO_FD small = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct metrics *m = metric_map(fd, 3, NULL);
	struct err e = {0};

	(void)state;
	assert_null(metric_map(fd, METRIC_STRIPES, &e));
	assert_null(metric_map(small, 0, &e));
	assert_null(metric_map(-1, 0, &e));
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_null(metric_stripe(m, METRIC_STRIPES));
	assert_null(metric_stripe(NULL, 0));
	assert_int_not_equal(ftruncate(fd, 0), 0); /* a role cannot kill the others by it */
	metric_add(NULL, METRIC_RELOADS, 1);
	metric_set(NULL, METRIC_RELOADS, 1);
	assert_int_equal(metric_get(NULL, METRIC_RELOADS), 0);
	metric_unmap(NULL);
	metric_unmap(m);
}

/*
 * The rules of the text format 0.0.4: each family once, HELP, TYPE and then its samples; counters
 * end in _total; no series twice; the text ends with a newline.
 */
struct lint {
	char family[80], seen[8192];
	unsigned families, samples;
	bool counter;
};

static void
lint_comment(struct lint *l, struct span line, const char *kind)
{
	struct span rest = span_skip(line, strlen("# HELP "));
	struct span name = span_cut(&rest, ' ');

	assert_true(rest.n > 0);
	if (strcmp(kind, "HELP") == 0) {
		assert_true(span_cstr(name, l->family, sizeof(l->family)));
		assert_true(span_ends(rest, SPAN(".")));
		l->families++;
		return;
	}
	check_span(name, l->family);
	l->counter = span_is(rest, "counter");
	assert_true(l->counter || span_is(rest, "gauge"));
	assert_int_equal(l->counter, span_ends(name, SPAN("_total")));
}

static void
lint_sample(struct lint *l, struct span line)
{
	struct span value = line;
	struct span series = span_cut(&value, ' ');
	char text[200] = "\n";
	uint64_t v = 0;

	assert_true(span_u64(value, UINT64_MAX, &v));
	assert_true(span_cstr(series, text + 1, sizeof(text) - 2));
	(void)strcat(text, " ");
	assert_null(strstr(l->seen, text));
	assert_true(strlen(l->seen) + strlen(text) < sizeof(l->seen));
	(void)strcat(l->seen, text);
	check_span(span_cut(&series, '{'), l->family);
	assert_true(series.p == NULL || span_ends(series, SPAN("\"}")));
	l->samples++;
}

static void
text_format(void **state)
{
	AUTO_FD fd = metric_create(NULL);
	struct metrics *m = metric_map(fd, 0, NULL);
	AUTO_BUF out = BUF_INIT(1U << 16);
	struct lint l = {.families = 0};

	(void)state;
	metric_add(m, METRIC_REQUESTS_4XX, 42);
	metric_write(m, &out);
	assert_true(buf_ok(&out) && out.n > 0 && out.p[out.n - 1] == '\n');
	assert_non_null(
		memmem(out.p, out.n, "\npan_requests_total{door=\"https\",code=\"4xx\"} 42\n", 48));
	struct span rest = {out.p, out.n - 1};
	while (rest.p != NULL) {
		struct span line = span_cut(&rest, '\n');
		if (span_starts(line, SPAN("# HELP ")))
			lint_comment(&l, line, "HELP");
		else if (span_starts(line, SPAN("# TYPE ")))
			lint_comment(&l, line, "TYPE");
		else
			lint_sample(&l, line);
	}
	assert_int_equal(l.samples, METRIC_COUNT + 1);
	assert_int_equal(l.families, METRIC_COUNT + 1 - 8); /* 8 rows share a family */
	metric_unmap(m);
}

static void *
adder(void *arg)
{
	for (int i = 0; i < 20000; i++)
		metric_add(arg, METRIC_BYTES_SENT, 1);
	return NULL;
}

static void
threads(void **state)
{
	AUTO_FD fd = metric_create(NULL);
	struct metrics *m = metric_map(fd, 0, NULL);
	pthread_t t[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) /* two share a stripe */
		assert_int_equal(pthread_create(&t[i], NULL, adder, metric_stripe(m, i / 2)), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(metric_get(m, METRIC_BYTES_SENT), 80000);
	metric_unmap(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting),
		cmocka_unit_test(refusals),
		cmocka_unit_test(text_format),
		cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests_name("metric", tests, NULL, NULL);
}
