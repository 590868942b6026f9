/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/kept.h"

#include "tests/unit/granted.h"

#define NOW (GRANTED_EXPIRES - 1)

static const uint8_t seed[16] = {1, 2, 3};

static struct http_answer
answer_of(struct granted *g)
{
	return (struct http_answer){.id = 9,
		.status = 200,
		.body = HTTP_FILE,
		.fields = SPAN("Content-Type: a/b\r\n"),
		.grant = g->grant,
		.ranges = true,
		.keep = true};
}

static struct http_ask
ask_of(const char *path, const char *token)
{
	return (struct http_ask){
		.method = HTTP_GET, .path = span_of(path), .authorization = span_of(token)};
}

static void
keys(void **state)
{
	struct granted g = granted_make(10);
	struct http_answer a = answer_of(&g);
	struct http_ask q = ask_of("/data/x/y", "Bearer t");
	struct kept *k = NULL;

	(void)state;
	q.query = SPAN("a=b");
	q.accept = SPAN("*/*");
	assert_true(kept_new(8, seed, &k, NULL));
	kept_put(k, &q, &a);
	assert_int_equal(kept_count(k), 1);
	const struct http_answer *got = kept_get(k, &q, NOW, GRANTED_EPOCH);
	assert_non_null(got);
	check_span(got->fields, "Content-Type: a/b\r\n");
	assert_int_equal(got->id, 0);
	assert_ptr_equal(got->grant, g.grant);

	struct row {
		const char *name;
		struct http_ask q;
		bool found;
	} rows[] = {
		{"the same", q, true},
		{"HEAD is of the same class", q, true},
		{"another path", q, false},
		{"another query", q, false},
		{"no query", q, false},
		{"an empty query is not no query", q, false},
		{"another credential", q, false},
		{"no credential", q, false},
		{"another Accept", q, false},
		{"a digest is wanted", q, false},
		{"a digest of the other family is wanted", q, false},
		{"PROPFIND", q, false},
		{"two credentials", q, false},
		{"with a body", q, false},
		{"the bytes moved from one field to the next", q, false},
		{"another client address (a rule may ask for the network)", q, false},
	};
	rows[1].q.method = HTTP_HEAD;
	rows[2].q.path = SPAN("/data/x/z");
	rows[3].q.query = SPAN("a=c");
	rows[4].q.query = SPAN_NONE;
	rows[5].q.query = SPAN("");
	rows[6].q.authorization = SPAN("Bearer u");
	rows[7].q.authorization = SPAN_NONE;
	rows[8].q.accept = SPAN("text/html");
	rows[9].q.want_digest = SPAN("md5");
	rows[10].q.want_repr_digest = SPAN("md5=1");
	rows[11].q.method = HTTP_PROPFIND;
	rows[12].q.two_credentials = true;
	rows[13].q.body = SPAN("x");
	rows[14].q.path = SPAN("/data/x/ya");
	rows[14].q.query = SPAN("=b");
	rows[15].q.peer[15] = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		assert_int_equal(
			kept_get(k, &rows[i].q, NOW, GRANTED_EPOCH) != NULL, rows[i].found);
	}
	kept_free(k);
	granted_end(&g);
}

static void
not_kept(void **state)
{
	struct granted g = granted_make(10);
	struct http_ask q = ask_of("/data/x/y", NULL);
	struct kept *k = NULL;
	struct {
		const char *name;
		struct http_answer a;
	} rows[] = {
		{"the gate did not allow it", answer_of(&g)},
		{"an answer that ends the connection", answer_of(&g)},
		{"inline", answer_of(&g)},
	};
	(void)state;
	rows[0].a.keep = false;
	rows[1].a.close = true;
	rows[2].a.body = HTTP_INLINE;
	assert_true(kept_new(8, seed, &k, NULL));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].name);
		kept_put(k, &q, &rows[i].a);
		assert_int_equal(kept_count(k), 0);
	}
	kept_free(k);
	granted_end(&g);
}

static void
ends(void **state)
{
	struct granted g = granted_make(10);
	struct http_answer a = answer_of(&g);
	struct http_ask q = ask_of("/data/x/y", NULL);
	struct kept *k = NULL;

	(void)state;
	assert_true(kept_new(8, seed, &k, NULL));
	kept_put(k, &q, &a);
	CHECK_ROW("expiry");
	assert_non_null(kept_get(k, &q, NOW, GRANTED_EPOCH));
	assert_null(kept_get(k, &q, GRANTED_EXPIRES, GRANTED_EPOCH));
	assert_int_equal(kept_count(k), 0);
	kept_put(k, &q, &a);
	CHECK_ROW("epoch");
	assert_null(kept_get(k, &q, NOW, GRANTED_EPOCH + 1));
	assert_int_equal(kept_count(k), 0);
	kept_put(k, &q, &a);
	CHECK_ROW("sweep");
	kept_sweep(k, NOW, GRANTED_EPOCH);
	assert_int_equal(kept_count(k), 1);
	kept_sweep(k, GRANTED_EXPIRES, GRANTED_EPOCH);
	assert_int_equal(kept_count(k), 0);
	kept_put(k, &q, &a);
	CHECK_ROW("the file changed");
	assert_int_equal(pwrite(g.fd, "more than it was", 16, 0), 16);
	assert_null(kept_get(k, &q, NOW, GRANTED_EPOCH));
	assert_int_equal(kept_count(k), 0);
	kept_free(k);
	granted_end(&g);
}

static void
bounded(void **state)
{
	struct granted g = granted_make(10);
	struct http_answer a = answer_of(&g);
	struct http_ask q;
	struct kept *k = NULL;
	char path[32];

	(void)state;
	assert_true(kept_new(4, seed, &k, NULL));
	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), "/data/%d", i);
		q = ask_of(path, NULL);
		kept_put(k, &q, &a);
		kept_put(k, &q, &a);
		assert_true(kept_count(k) <= 4);
		q = ask_of("/data/0", NULL); /* used each time: stays */
		assert_non_null(kept_get(k, &q, NOW, GRANTED_EPOCH));
	}
	q = ask_of("/data/99", NULL);
	assert_non_null(kept_get(k, &q, NOW, GRANTED_EPOCH));
	q = ask_of("/data/50", NULL);
	assert_null(kept_get(k, &q, NOW, GRANTED_EPOCH));
	kept_free(k);
	CHECK_ROW("a table of nothing");
	assert_true(kept_new(0, seed, &k, NULL));
	kept_put(k, &q, &a);
	assert_int_equal(kept_count(k), 0);
	kept_free(k);
	granted_end(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(not_kept),
		cmocka_unit_test(ends),
		cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
