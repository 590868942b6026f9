/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/admin.h"
#include "agent/supervisor_child.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct row {
	const char *name, *text;
	enum step step;
	enum admin_method method;
	const char *path, *body;
} rows[] = {
	{"get", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", STEP_DONE, ADMIN_GET,
		"/metrics", ""},
	{"post with a body", "POST /index HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}", STEP_DONE,
		ADMIN_POST, "/index", "{}"},
	{"no version", "GET /metrics\r\n\r\n", STEP_FAIL, 0, NULL, NULL},
	{"version 2", "GET / HTTP/2\r\n\r\n", STEP_FAIL, 0, NULL, NULL},
	{"another method", "PUT / HTTP/1.1\r\n\r\n", STEP_FAIL, 0, NULL, NULL},
	{"path without a slash", "GET x HTTP/1.1\r\n\r\n", STEP_FAIL, 0, NULL, NULL},
	{"empty", "\r\n\r\n", STEP_FAIL, 0, NULL, NULL},
	{"length with a sign", "POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}", STEP_FAIL, 0,
		NULL, NULL},
	{"length above the limit", "POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n", STEP_FAIL, 0,
		NULL, NULL},
	{"body not yet there", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}", STEP_READ, 0, NULL,
		NULL},
};

static void
check_whole(const struct row *r, const struct admin_request *q)
{
	struct span text = span_of(r->text);
	struct admin_request part;

	assert_int_equal(q->method, r->method);
	check_span(q->path, r->path);
	assert_true(span_is(q->body, r->body));
	for (size_t n = 0; n < text.n; n++)
		assert_int_equal(admin_parse(span_first(text, n), &part, NULL), STEP_READ);
}

/* Whole, and one byte at a time: nothing but "more" before the end. */
static void
test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct admin_request q = {0};
		struct err e = {0};
		CHECK_ROW(rows[i].name);
		assert_int_equal(admin_parse(span_of(rows[i].text), &q, &e), rows[i].step);
		assert_int_equal(e.msg[0] != '\0', rows[i].step == STEP_FAIL);
		if (rows[i].step == STEP_DONE)
			check_whole(&rows[i], &q);
	}
}

static void
test_long_head(void **state)
{
	AUTO_BUF text = BUF_INIT(ADMIN_HEAD * 2);
	struct admin_request q;

	(void)state;
	buf_adds(&text, "GET / HTTP/1.1\r\nX: ");
	while (text.n < ADMIN_HEAD)
		buf_addc(&text, 'x');
	assert_int_equal(admin_parse(buf_span(&text), &q, NULL), STEP_FAIL);
}

struct served {
	struct admin *admin;
	unsigned client;
	unsigned n;
};

static void
remember(void *ctx, unsigned client, const struct admin_request *q)
{
	struct served *s = ctx;

	assert_int_equal(q->method, ADMIN_GET);
	s->client = client;
	s->n++;
}

static void
turn(struct served *s)
{
	struct pollfd p[ADMIN_CLIENTS + 1];
	size_t n = admin_poll(s->admin, p);

	(void)poll(p, n, 100);
	admin_serve(s->admin, p, n, 1, remember, s);
}

static int
client(const char *folder)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/admin.sock", folder);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
	return fd;
}

static void
check_socket(const char *folder)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/admin.sock", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

/* An answer that comes late does not go to whoever sits in the place by then. */
static void
test_socket(void **state)
{
	char folder[] = "/tmp/pan-admin-XXXXXX";
	char text[512] = "";
	struct served s = {0};
	struct admin *second = NULL;
	struct err e = {0};

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_true(admin_open(folder, &s.admin, NULL));
	check_socket(folder);
	assert_false(admin_open(folder, &second, &e));
	assert_non_null(strstr(e.msg, "another agent answers"));
	turn(&s); /* the probe of the second one came and went */
	turn(&s);
	int first = client(folder);
	turn(&s);
	turn(&s);
	assert_int_equal(s.n, 1);
	unsigned gone = s.client;
	(void)close(first);
	turn(&s);
	int other = client(folder);
	turn(&s);
	turn(&s);
	assert_int_equal(s.n, 2);
	assert_true(s.client != gone);
	admin_answer(s.admin, gone, 200, "text/plain", SPAN("wrong"));
	admin_answer(s.admin, s.client, 200, "text/plain", SPAN("right"));
	turn(&s);
	assert_true(recv(other, text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, "HTTP/1.0 200 OK\r\n"));
	assert_non_null(strstr(text, "Content-Length: 5\r\n"));
	assert_non_null(strstr(text, "\r\n\r\nright"));
	(void)close(other);
	admin_free(s.admin);
	assert_int_equal(rmdir(folder), 0); /* the socket is gone */
}

/* Each of several that ask at the same time gets the answer to its own question. */
static void
test_many_at_once(void **state)
{
	char folder[] = "/tmp/pan-admin-XXXXXX";
	struct served s = {0};
	int fd[ADMIN_CLIENTS];

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_true(admin_open(folder, &s.admin, NULL));
	unsigned id[ADMIN_CLIENTS];
	for (unsigned i = 0; i < ADMIN_CLIENTS; i++) {
		fd[i] = client(folder);
		turn(&s);
		turn(&s);
		assert_int_equal(s.n, i + 1);
		id[i] = s.client;
	}
	for (unsigned i = 0; i < ADMIN_CLIENTS; i++) {
		const char own[] = {(char)('a' + i), '\0'};
		admin_answer(s.admin, id[i], 200, "text/plain", span_of(own));
	}
	turn(&s);
	for (unsigned i = 0; i < ADMIN_CLIENTS; i++) {
		char text[512] = "";
		ssize_t n = recv(fd[i], text, sizeof(text) - 1, MSG_DONTWAIT);
		assert_true(n > 0);
		assert_int_equal(text[n - 1], 'a' + (int)i);
		(void)close(fd[i]);
	}
	admin_free(s.admin);
	assert_int_equal(rmdir(folder), 0);
}

static void
test_back_off(void **state)
{
	static const long long wants[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
	struct child c;

	(void)state;
	for (unsigned i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		assert_int_equal(child_delay(i), wants[i]);
	assert_int_equal(child_delay(4000000000U), 5000);
	child_init(&c, PROCESS_READER, 3);
	child_again(&c, 1000);
	assert_int_equal(c.state, CHILD_WAITING);
	assert_int_equal(c.at, 1000); /* the first time at once */
	child_again(&c, 1000);
	assert_int_equal(c.at, 1100);
	c.ordered = true; /* killed on purpose: at once, and no failure */
	child_again(&c, 1000);
	assert_int_equal(c.at, 1000);
	assert_int_equal(c.restarts, 2);
	child_fini(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_long_head),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_back_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
