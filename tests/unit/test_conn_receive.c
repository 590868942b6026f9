/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a PUT: asked for, written, summed, committed; and all the ways in which it is not. */
#include "agent/base/checksum.h"
#include "tests/unit/conn_world.h"

#include <dirent.h>
#include <sys/syscall.h>

#define ALL ((1U << DIGEST_COUNT) - 1)

/* The disk, which fails when the test wants it to, and else takes no more than `most` at once. */
static struct {
	int fails;
	size_t most;
} disk = {0, SIZE_MAX};

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at);

ssize_t
pwrite64(int fd, const void *p, size_t n, off_t at)
{
	if (disk.fails != 0) {
		errno = disk.fails;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, p, n < disk.most ? n : disk.most, at);
}

/* The gate's side of one PUT. */
struct put {
	unsigned refuse, refuse_commit; /* status; 0: it is taken */
	uint64_t other_size;            /* of the grant; 0: what was asked for */
	uint32_t streams;
	unsigned asked, commits, again, grants;
	uint64_t length;
	bool has_length, commit;
	struct digest_values digests;
	int fd; /* of the file that was granted first */
};

static void
asked(struct world *w, const struct http_ask *q)
{
	struct put *p = w->own;

	p->asked++;
	p->again += q->again ? 1 : 0;
	p->commit = q->commit;
	p->length = q->length;
	p->has_length = q->has_length;
	assert_int_equal(q->body.n, 0);
	assert_int_equal(q->upload != NULL, q->commit);
	if (!q->commit)
		return;
	p->commits++;
	p->digests = q->digests;
	assert_true(q->again);
	assert_int_equal(grant_info(q->upload)->kind, GRANT_WRITE);
}

static struct grant *
granted_file(struct world *w, struct put *p)
{
	char path[] = "/tmp/pan-put-XXXXXX";
	int fd = mkstemp(path);
	struct grant_info info = {.kind = GRANT_WRITE,
		.size = p->other_size != 0 ? p->other_size : p->length,
		.expires = GRANTED_EXPIRES,
		.epoch = w->epoch,
		.decision = 7};
	struct grant *g = NULL;

	assert_true(fd >= 0);
	(void)unlink(path);
	if (p->grants++ == 0)
		p->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (p->streams != 0)
		info.rate = (struct grant_rate){
			.name = "in", .who = {1}, .streams = p->streams, .requests_per_min = 1};
	assert_true(grant_issue(&fd, &info, &g, NULL));
	return g;
}

static void
answered(struct world *w, struct http_answer *a)
{
	struct put *p = w->own;
	unsigned refuse = p->commit ? p->refuse_commit : p->refuse;

	a->status = (uint16_t)(refuse != 0 ? refuse : 201);
	a->text = SPAN("said\n");
	if (refuse != 0 || p->commit)
		return;
	a->status = 200;
	a->body = HTTP_UPLOAD;
	a->text = SPAN_NONE;
	a->want = ALL;
	a->grant = granted_file(w, p);
}

static void
begin(struct world *w, struct put *p)
{
	*p = (struct put){.fd = -1};
	world_begin(w);
	w->put_asked = asked;
	w->put_answer = answered;
	w->own = p;
}

static void
end(struct world *w, struct put *p)
{
	world_end(w);
	if (p->fd >= 0)
		(void)close(p->fd);
	disk.fails = 0;
	disk.most = SIZE_MAX;
}

static void
head(struct buf *b, size_t n, const char *more)
{
	buf_addf(
		b, "PUT /data/x/new HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n%s\r\n", n, more);
}

static void
bytes(struct buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addc(b, granted_byte(i));
}

static void
check_file(const struct put *p, size_t n)
{
	char *found = malloc(n + 1);

	assert_non_null(found);
	assert_int_equal(pread(p->fd, found, n + 1, 0), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(found[i], granted_byte(i));
	assert_int_equal(p->digests.have, ALL);
	assert_int_equal(p->digests.crc32c, checksum_crc32c(CHECKSUM_CRC32C_INIT, found, n));
	free(found);
}

static void
check_statuses(const struct world *w, const char *want)
{
	char list[256];

	statuses(buf_span(&w->got), list);
	assert_string_equal(list, want);
}

/* However the bytes come, and however the disk takes them: the file is the body, and what follows
 * is the next request. */
static void
segments(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 4095, 4096, 20000, 65537, 300000};
	static const size_t steps[] = {1, 7, 1000, 4096, 16384, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			AUTO_BUF all = BUF_INIT(1 << 20);
			struct world w;
			struct put p;
			if (sizes[i] / steps[k] > 3000)
				continue;
			begin(&w, &p);
			disk.most = k % 2 == 0 ? SIZE_MAX : 3000;
			head(&all, sizes[i], "");
			bytes(&all, sizes[i]);
			buf_adds(&all, GET("/data/x/small"));
			say(&w, buf_span(&all), steps[k]);
			check_statuses(&w, "201 200 ");
			assert_int_equal(p.commits, 1);
			assert_int_equal(p.asked, 2);
			assert_true(p.has_length && p.length == sizes[i]);
			check_file(&p, sizes[i]);
			end(&w, &p);
		}
}

static void
expects(void **state)
{
	static const struct {
		const char *name;
		unsigned refuse;
		size_t body; /* so much of 50000 is sent with the head */
		const char *first, *then;
		bool closed;
	} rows[] = {
		{"waits for 100", 0, 0, "100 ", "100 201 ", false},
		{"did not wait", 0, 50000, "201 ", "201 ", false},
		{"refused without 100", 403, 0, "403 ", "403 ", true},
		{"refused, and it did not wait", 403, 50000, "403 ", "403 ", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF all = BUF_INIT(1 << 20);
		struct world w;
		struct put p;
		CHECK_ROW(rows[i].name);
		begin(&w, &p);
		p.refuse = rows[i].refuse;
		head(&all, 50000, "Expect: 100-continue\r\n");
		size_t n_head = all.n;
		bytes(&all, 50000);
		say(&w, span_first(buf_span(&all), n_head + rows[i].body), SIZE_MAX);
		check_statuses(&w, rows[i].first);
		if (rows[i].refuse == 0)
			say(&w, span_skip(buf_span(&all), n_head + rows[i].body), SIZE_MAX);
		check_statuses(&w, rows[i].then);
		assert_int_equal(w.closed, rows[i].closed);
		if (rows[i].refuse == 0)
			check_file(&p, 50000);
		end(&w, &p);
	}
}

/* A refused body that is small is read and dropped, a large one ends the connection. */
static void
refused(void **state)
{
	static const size_t sizes[] = {0, 10, 60000, 100000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		AUTO_BUF all = BUF_INIT(1 << 20);
		struct world w;
		struct put p;
		begin(&w, &p);
		p.refuse = 405;
		head(&all, sizes[i], "");
		bytes(&all, sizes[i]);
		buf_adds(&all, GET("/data/x/small"));
		say(&w, buf_span(&all), 5000);
		check_statuses(&w, sizes[i] <= CONN_DROP_MAX ? "405 200 " : "405 ");
		assert_int_equal(p.grants, 0);
		end(&w, &p);
	}
}

static void
commit_refused(void **state)
{
	AUTO_BUF all = BUF_INIT(1 << 20);
	struct world w;
	struct put p;

	(void)state;
	begin(&w, &p);
	p.refuse_commit = 409;
	head(&all, 5000, "");
	bytes(&all, 5000);
	buf_adds(&all, GET("/data/x/small"));
	say(&w, buf_span(&all), 700);
	check_statuses(&w, "409 200 ");
	end(&w, &p);
}

static void
disk_fails(void **state)
{
	static const struct {
		int fails;
		const char *status, *says;
	} rows[] = {
		{ENOSPC, "507 ", "no room"},
		{EDQUOT, "507 ", "no room"},
		{EFBIG, "413 ", "larger"},
		{EIO, "500 ", "nothing of it was kept"},
		{EBADF, "500 ", "nothing of it was kept"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF all = BUF_INIT(1 << 20);
		struct world w;
		struct put p;
		begin(&w, &p);
		head(&all, 9000, "");
		bytes(&all, 4000);
		say(&w, buf_span(&all), SIZE_MAX);
		disk.fails = rows[i].fails;
		say(&w, SPAN("more"), SIZE_MAX);
		check_statuses(&w, rows[i].status);
		assert_non_null(memmem(w.got.p, w.got.n, rows[i].says, strlen(rows[i].says)));
		assert_true(w.closed);
		assert_int_equal(p.commits, 0);
		end(&w, &p);
	}
}

static unsigned
open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL) // NOLINT(concurrency-mt-unsafe): one thread
		n++;
	(void)closedir(d);
	return n;
}

/* Nothing is asked any more, and the file goes with its descriptor. */
static void
client_gone(void **state)
{
	AUTO_BUF all = BUF_INIT(1 << 20);
	struct world w;
	struct put p;

	(void)state;
	begin(&w, &p);
	unsigned before = open_files();
	head(&all, 100000, "");
	bytes(&all, 50000);
	say(&w, buf_span(&all), SIZE_MAX);
	assert_int_equal(open_files(), before + 2); /* the grant's, and ours */
	assert_int_equal(shutdown(w.client, SHUT_WR), 0);
	settle(&w);
	assert_int_equal(p.commits, 0);
	assert_int_equal(w.n_closed, 1);
	assert_int_equal(open_files(), before); /* the connection's is gone, ours is there */
	check_statuses(&w, "");
	end(&w, &p);
}

/* A new policy in the middle: the gate is asked again, and the body goes on in the same file, or
 * ends. */
static void
renewed(void **state)
{
	(void)state;
	for (int refuse = 0; refuse < 2; refuse++) {
		AUTO_BUF all = BUF_INIT(1 << 20);
		struct world w;
		struct put p;
		begin(&w, &p);
		head(&all, 90000, "");
		bytes(&all, 90000);
		say(&w, span_first(buf_span(&all), 30000), SIZE_MAX);
		assert_int_equal(p.asked, 1);
		w.epoch++;
		p.refuse = refuse == 1 ? 403 : 0;
		say(&w, span_skip(buf_span(&all), 30000), 10000);
		assert_int_equal(p.grants, refuse == 1 ? 1 : 2);
		check_statuses(&w, refuse == 1 ? "403 " : "201 ");
		assert_int_equal(w.closed, refuse == 1);
		assert_int_equal(p.again, refuse == 1 ? 1 : 2);
		if (refuse == 0)
			check_file(&p, 90000);
		end(&w, &p);
	}
}

/* What the front holds against a gate that errs. */
static void
strange(void **state)
{
	AUTO_BUF all = BUF_INIT(1 << 20);
	struct world w;
	struct put p;

	(void)state;
	begin(&w, &p);
	p.other_size = 3;
	head(&all, 4, "");
	buf_adds(&all, "abcd");
	say(&w, buf_span(&all), SIZE_MAX);
	check_statuses(&w, "500 ");
	assert_true(w.closed);
	end(&w, &p);
	/* Without a length nothing is taken, whatever the gate says. */
	begin(&w, &p);
	say(&w,
		SPAN("PUT /data/x/new HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "1\r\na\r\n0\r\n\r\n"),
		SIZE_MAX);
	check_statuses(&w, "411 ");
	end(&w, &p);
}

/* A head that ends where the input buffer does, behind another request: there is room for the body.
 */
static void
edge(void **state)
{
	AUTO_BUF all = BUF_INIT(1 << 20);
	struct world w;
	struct put p;

	(void)state;
	begin(&w, &p);
	buf_adds(&all, "GET /data/x/small HTTP/1.1\r\nHost: h\r\nX: ");
	while (all.n < 6000)
		buf_addc(&all, 'x');
	buf_adds(
		&all, "\r\n\r\nPUT /data/x/new HTTP/1.1\r\nHost: h\r\nContent-Length: 9000\r\nX: ");
	while (all.n < CONN_IN_SIZE - 4)
		buf_addc(&all, 'x');
	buf_adds(&all, "\r\n\r\n");
	assert_int_equal(all.n, CONN_IN_SIZE);
	bytes(&all, 9000);
	say(&w, buf_span(&all), SIZE_MAX);
	check_statuses(&w, "200 201 ");
	check_file(&p, 9000);
	end(&w, &p);
}

/* One request of its class, however often the gate was asked. */
static void
counted(void **state)
{
	AUTO_BUF all = BUF_INIT(1 << 20);
	struct world w;
	struct put p;

	(void)state;
	begin(&w, &p);
	p.streams = 1;
	head(&all, 4, "");
	buf_adds(&all, "abcd");
	head(&all, 4, "");
	buf_adds(&all, "abcd");
	say(&w, buf_span(&all), SIZE_MAX);
	check_statuses(&w, "201 429 ");
	end(&w, &p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments),
		cmocka_unit_test(expects),
		cmocka_unit_test(refused),
		cmocka_unit_test(commit_refused),
		cmocka_unit_test(disk_fails),
		cmocka_unit_test(client_gone),
		cmocka_unit_test(renewed),
		cmocka_unit_test(strange),
		cmocka_unit_test(edge),
		cmocka_unit_test(counted),
	};

	return cmocka_run_group_tests_name("conn_receive", tests, NULL, NULL);
}
