/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/base/fdpass.h"
#include "agent/base/scope.h"
#include "agent/catalog/catalog.h"
#include "agent/catalog/ingest_digest.h"
#include "agent/indexer_digest.h"
#include "agent/indexer_job.h"
#include "agent/indexer_sum.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * The whole run without a daemon: this test is the supervisor, and its children are the readers.
 * What a reader does stands in the file after the signature.
 */
#define SIGNATURE "\x89HDF\r\n\x1a\n"
#define READERS   2U

struct world {
	char dir[64], root[80], path[96];
	struct ingest *ingest;
	struct indexer_pool pool;
	pid_t reader[READERS];
	unsigned links, kills;
	bool stop;
	struct settings settings;
	struct settings_root roots[1];
	struct indexer_report report;
	struct buf told;
	const struct policy_set *policies;
	const char *wish; /* somebody waits for this folder; NULL: nobody */
	const struct indexer_job *job;
	bool granted;
};

static void
reader_answer(int link, const char *text)
{
	static const char good[] =
		"{\"format\":\"nexus\",\"entries\":[{\"title\":\"%s\","
		"\"instrument\":\"ID00\",\"start_time\":\"2026-03-01T08:00:00Z\","
		"\"parameters\":[{\"name\":\"wavelength\",\"value\":1.5,"
		"\"unit\":\"angstrom\"}]}]}";
	char out[1024];

	if (strcmp(text, "die") == 0)
		_exit(1);
	if (strcmp(text, "hang") == 0)
		for (;;)
			(void)pause();
	static const char ended[] = "{\"format\":\"hdf5\",\"died\":\"%s\",\"problem\":\"why\"}";
	if (strncmp(text, "ended ", 6) == 0)
		(void)snprintf(out, sizeof(out), ended, text + 6);
	else if (strcmp(text, "lie") == 0)
		(void)snprintf(out, sizeof(out), "{\"format\":\"zip\"}");
	else if (strcmp(text, "broken") == 0)
		(void)snprintf(out, sizeof(out), "{\"format\":\"hdf5\",\"problem\":\"truncated\"}");
	else
		(void)snprintf(out, sizeof(out), good, text);
	if (fdpass_send(link, span_of(out), NULL, 0, NULL) != FDPASS_OK)
		_exit(2);
}

static void
reader_main(int link)
{
	char question[32];
	char text[64];
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t nfds = 0;

	while (fdpass_recv(link, question, sizeof(question), &n, fds, &nfds, NULL) == FDPASS_OK) {
		if (n != 5 || memcmp(question, "nexus", 5) != 0 || nfds != 1)
			_exit(3);
		ssize_t got = pread(fds[0], text, sizeof(text) - 1, 8);
		text[got > 0 ? got : 0] = '\0';
		(void)close(fds[0]);
		reader_answer(link, text);
	}
	_exit(0);
}

static void
reader_start(struct world *w, unsigned slot)
{
	int pair[2];
	struct err e = {0};

	assert_true(fdpass_pair(pair, false, &e));
	w->reader[slot] = fork();
	assert_true(w->reader[slot] >= 0);
	if (w->reader[slot] == 0) {
		(void)close(pair[0]);
		reader_main(pair[1]);
	}
	(void)close(pair[1]);
	w->links++;
	indexer_pool_link(&w->pool, slot, pair[0]);
}

static bool
attend(void *ctx)
{
	struct world *w = ctx;

	for (unsigned i = 0; i < READERS; i++)
		if (w->reader[i] != 0 && waitpid(w->reader[i], NULL, WNOHANG) == w->reader[i])
			reader_start(w, i);
	return !w->stop;
}

static void
kill_reader(void *ctx, unsigned slot)
{
	struct world *w = ctx;

	w->kills++;
	(void)kill(w->reader[slot], SIGKILL);
}

static void
put_file(struct world *w, const char *path, const char *text, long mtime)
{
	char name[256];
	struct timespec t[2] = {{mtime, 7}, {mtime, 7}};

	(void)snprintf(name, sizeof(name), "%s/%s", w->root, path);
	for (char *p = name + strlen(w->root) + 1; *p != '\0'; p++)
		if (*p == '/') {
			*p = '\0';
			assert_true(mkdir(name, 0755) == 0 || errno == EEXIST);
			*p = '/';
		}
	FILE *f = fopen(name, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(utimensat(AT_FDCWD, name, t, 0), 0);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e = {0};

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/pan_indexer_XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->root, sizeof(w->root), "%s/data", w->dir);
	(void)snprintf(w->path, sizeof(w->path), "%s/c.sqlite", w->dir);
	assert_int_equal(mkdir(w->root, 0755), 0);
	w->roots[0] = (struct settings_root){.name = "store",
		.path = w->root,
		.layout = "{proposal}/{dataset}",
		.pid = "10.5072/{proposal}-{dataset}",
		.proposal = "{proposal}"};
	w->settings = (struct settings){.facility = "Example", .roots = w->roots, .n_roots = 1};
	indexer_pool_init(&w->pool);
	if (!ingest_open(w->path, &w->ingest, &e))
		fail_msg("%s", e.msg);
	for (unsigned i = 0; i < READERS; i++)
		reader_start(w, i);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	char command[128];

	indexer_pool_fini(&w->pool);
	for (unsigned i = 0; i < READERS; i++) {
		(void)kill(w->reader[i], SIGKILL);
		(void)waitpid(w->reader[i], NULL, 0);
	}
	ingest_close(w->ingest);
	buf_fini(&w->told);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
	assert_int_equal(
		system(command), 0); /* NOLINT(cert-env33-c): a folder that this test made */
	free(w);
	return 0;
}

static bool
others(void *ctx)
{
	const struct world *w = ctx;

	return w->wish != NULL;
}

/* In the middle of a run: the dataset that somebody waits for. */
static void
between(void *ctx)
{
	struct world *w = ctx;
	struct indexer_job job = *w->job;
	struct indexer_report report;

	job.order = (struct indexer_job_order){.one = true};
	(void)span_cstr(span_of(w->wish), job.order.folder, sizeof(job.order.folder));
	job.world.others = NULL;
	job.report = &report;
	w->wish = NULL;
	indexer_report_init(&report, -1);
	w->granted = indexer_job_run(&job);
	indexer_report_fini(&report);
}

/* One run; what it told is in w->told. */
static bool
run(struct world *w, const char *proposals, const char *order)
{
	int pair[2];
	struct indexer_job_root root = {open(w->root, O_PATH | O_DIRECTORY | O_CLOEXEC)};
	struct indexer_job job = {.settings = &w->settings,
		.root = &root,
		.ingest = w->ingest,
		.pool = &w->pool,
		.world = {.ctx = w, .control = -1, .attend = attend, .kill_reader = kill_reader},
		.proposals_name = "p.yaml",
		.proposals = span_of(proposals),
		.report = &w->report,
		.policies = w->policies};
	struct err e = {0};
	char block[4096];
	ssize_t n = 0;

	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_true(fcntl(pair[1], F_SETPIPE_SZ, 1 << 20) > 0);
	/* A reader that is forked during the run keeps the other end: never wait for its close. */
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	job.order = (struct indexer_job_order){.one = true, .digests = true};
	if (strncmp(order, "one:", 4) == 0)
		(void)span_cstr(span_of(order + 4), job.order.folder, sizeof(job.order.folder));
	else if (!indexer_job_parse(span_of(order), &w->settings, &job.order, &e))
		fail_msg("%s", e.msg);
	job.world.others = others;
	job.world.between = between;
	w->job = &job;
	const struct indexer_digest_world world = {
		.settings = &w->settings, .root = &root, .ingest = w->ingest};
	assert_true(indexer_digest_new(&world, &job.digest, NULL));
	indexer_report_init(&w->report, pair[1]);
	bool ok = indexer_job_run(&job);
	indexer_digest_free(job.digest);
	(void)attend(w);
	indexer_report_fini(&w->report);
	buf_fini(&w->told);
	w->told = (struct buf)BUF_INIT(1 << 20);
	while ((n = read(pair[0], block, sizeof(block))) > 0)
		buf_add(&w->told, (struct span){block, (size_t)n});
	(void)close(pair[0]);
	(void)close(root.fd);
	return ok;
}

static const char plain_order[] = "{\"job\":\"index\"}";

static void
expect(const struct world *w, uint64_t files, uint64_t unchanged, uint64_t removed, uint64_t broken)
{
	const struct indexer_report_counts *c = &w->report.counts;

	if (c->files != files || c->unchanged != unchanged || c->removed != removed ||
		c->broken != broken)
		fail_msg("files %lu, unchanged %lu, removed %lu, broken %lu; %.*s",
			(unsigned long)c->files, (unsigned long)c->unchanged,
			(unsigned long)c->removed, (unsigned long)c->broken,
			SPAN_ARG(buf_span(&w->told)));
}

static void
file_is(struct world *w, const char *pid, const char *path, const char *format, const char *problem)
{
	AUTO_ARENA a = {0};
	struct catalog *c = NULL;
	struct catalog_dataset d;
	struct catalog_file f;
	struct err e = {0};

	assert_true(arena_init(&a, 1 << 20));
	if (!catalog_open(w->path, &c, &e) || !catalog_by_pid(c, span_of(pid), &a, &d, &e) ||
		!catalog_file_get(c, d.id, span_of(path), &a, &f, &e))
		fail_msg("%s %s: %s", pid, path, e.msg);
	check_span(f.format, format);
	check_span(f.problem.p != NULL ? f.problem : SPAN(""), problem);
	assert_true(f.has_digests);
	catalog_close(c);
}

static void
dump(struct world *w, struct buf *out)
{
	char command[256];
	char block[4096];
	size_t n = 0;

	(void)snprintf(command, sizeof(command), "sqlite3 '%s' .dump", w->path);
	FILE *f = popen(command, "re"); /* NOLINT(cert-env33-c): a file that this test made */
	assert_non_null(f);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(out, (struct span){block, n});
	(void)pclose(f);
}

static void
life(void **state)
{
	struct world *w = *state;
	AUTO_BUF before = BUF_INIT((size_t)16 << 20);
	AUTO_BUF after = BUF_INIT((size_t)16 << 20);

	put_file(w, "p1/a/scan.h5", SIGNATURE "first", 1000);
	put_file(w, "p1/a/b.c/x.txt", "text", 1000);
	put_file(w, "p1/a/b/raw.nxs", SIGNATURE "second", 1000);
	put_file(w, "p1/b/no.h5", "not what its name says", 1000);
	put_file(w, "p2/c/broken.bin", SIGNATURE "broken", 1000);
	put_file(w, "p2/c/lie.h5", SIGNATURE "lie", 1000);
	put_file(w, "p2/c/old.hdf", "\x0e\x03\x13\x01 old", 1000);
	assert_true(run(w, NULL, plain_order));
	expect(w, 7, 0, 0, 3);
	file_is(w, "10.5072/p1-a", "scan.h5", "nexus", "");
	file_is(w, "10.5072/p1-a", "b.c/x.txt", "other", INGEST_PLAIN);
	file_is(w, "10.5072/p2-c", "broken.bin", "hdf5", "truncated");
	file_is(w, "10.5072/p2-c", "old.hdf", "hdf4", "HDF4: download only");
	dump(w, &before);
	/* Nothing changed: nothing is read, nothing is written. */
	assert_true(run(w, NULL, plain_order));
	expect(w, 7, 7, 0, 3);
	dump(w, &after);
	assert_true(before.n > 1000 || before.n == 0); /* no sqlite3 shell: nothing to compare */
	assert_true(span_eq(buf_span(&before), buf_span(&after)));
	/* One changed, one gone, one new, a dataset gone. */
	put_file(w, "p1/a/scan.h5", SIGNATURE "third", 2000);
	put_file(w, "p1/a/b-c.txt", "between b and b.c", 1000);
	char name[128];
	(void)snprintf(name, sizeof(name), "%s/p1/a/b.c/x.txt", w->root);
	assert_int_equal(unlink(name), 0);
	(void)snprintf(name, sizeof(name), "%s/p1/b/no.h5", w->root);
	assert_int_equal(unlink(name), 0);
	(void)snprintf(name, sizeof(name), "%s/p1/b", w->root);
	assert_int_equal(rmdir(name), 0);
	assert_true(run(w, NULL, plain_order));
	expect(w, 6, 4, 2, 3);
	assert_true(run(w, NULL, plain_order));
	expect(w, 6, 6, 0, 3);
	assert_true(run(w, NULL, "{\"job\":\"index\",\"full\":true,\"roots\":[\"store\"]}"));
	expect(w, 6, 0, 0, 3);
	/* A nanosecond is a change. */
	struct timespec t[2] = {{2000, 8}, {2000, 8}};
	(void)snprintf(name, sizeof(name), "%s/p1/a/scan.h5", w->root);
	assert_int_equal(utimensat(AT_FDCWD, name, t, 0), 0);
	assert_true(run(w, NULL, plain_order));
	expect(w, 6, 5, 0, 3);
}

/* What the indexer does when there is nothing else to do; at most so many pieces.  Returns how many
 * files got digests. */
static unsigned
catch_up(struct world *w, unsigned pieces)
{
	struct indexer_job_root root = {open(w->root, O_PATH | O_DIRECTORY | O_CLOEXEC)};
	const struct indexer_digest_world world = {
		.settings = &w->settings, .root = &root, .ingest = w->ingest};
	struct indexer_digest *d = NULL;
	struct indexer_digest_file f;
	enum indexer_digest_step s = DIGEST_MORE;
	unsigned n = 0;

	assert_true(indexer_digest_new(&world, &d, NULL));
	for (struct err e = {0}; s != DIGEST_END && pieces > 0; pieces--) {
		s = indexer_digest_next(d, &f, &e);
		n += s == DIGEST_DONE;
	}
	indexer_digest_free(d);
	(void)close(root.fd);
	return n;
}

/* As if a pass had been killed behind the first block of the only file without digests. */
static void
leave_partial(struct world *w, const char *name)
{
	struct indexer_sum *sum = NULL;
	struct ingest_unsummed f;
	struct ingest_partial p;
	AUTO_ARENA a = {0};
	size_t n = 1;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	assert_true(arena_init(&a, 1 << 20) && indexer_sum_new(&sum, NULL));
	assert_true(ingest_unsummed_next(w->ingest, 0, SPAN(""), &a, &f, NULL));
	assert_false(ingest_partial_get(w->ingest, &f, &a, &p, NULL));
	indexer_sum_start(sum, f.bytes);
	for (size_t at = 0; at < CATALOG_BLOCK; at += n)
		assert_true(indexer_sum_piece(sum, fd, &n, NULL));
	assert_true(indexer_sum_partial(sum, &p));
	assert_true(ingest_begin(w->ingest, NULL));
	assert_true(ingest_partial_put(w->ingest, &f, &p, NULL));
	f.ctime++; /* of another file nothing is kept */
	p.at = 7;
	assert_true(ingest_partial_put(w->ingest, &f, &p, NULL));
	assert_true(ingest_commit(w->ingest, NULL));
	assert_true(ingest_partial_get(w->ingest, &f, &a, &p, NULL));
	assert_int_equal(p.at, CATALOG_BLOCK);
	indexer_sum_free(sum);
	(void)close(fd);
}

/* Two blocks of zeros: a file of 64 MiB and a byte has the digest of each. */
static void
blocks(void **state)
{
	static const uint8_t first[] = {0x3b, 0x6a, 0x07, 0xd0, 0xd4, 0x04, 0xfa, 0xb4};
	static const uint8_t second[] = {0x6e, 0x34, 0x0b, 0x9c, 0xff, 0xb3, 0x7a, 0x98};
	static const uint8_t whole[] = {0x91, 0x99, 0x09, 0x77, 0x34, 0x59, 0x85, 0xaa};
	static const uint8_t md5[] = {0x27, 0x9f, 0x6c, 0x15, 0xa4, 0x8c, 0x00, 0x94};
	struct world *w = *state;
	AUTO_ARENA a = {0};
	struct catalog *c = NULL;
	struct catalog_dataset d;
	struct catalog_file f;
	struct span list = SPAN_NONE;
	char name[128];

	put_file(w, "q2/big/zeros.bin", "", 1000);
	(void)snprintf(name, sizeof(name), "%s/q2/big/zeros.bin", w->root);
	assert_int_equal(truncate(name, (off_t)CATALOG_BLOCK + 1), 0);
	assert_true(run(w, NULL, "one:q2/big"));
	assert_int_equal(catch_up(w, 40), 0); /* stopped in the middle */
	leave_partial(w, name);
	assert_int_equal(catch_up(w, 4), 1); /* the last byte, the end, no more files */
	assert_true(arena_init(&a, 1 << 20));
	assert_true(catalog_open(w->path, &c, NULL));
	assert_true(catalog_by_pid(c, SPAN("10.5072/q2-big"), &a, &d, NULL));
	assert_true(catalog_file_get(c, d.id, SPAN("zeros.bin"), &a, &f, NULL));
	assert_true(f.has_digests);
	assert_true(catalog_blocks(c, d.id, &f, &a, &list, NULL));
	assert_int_equal(list.n, 64);
	assert_memory_equal(list.p, first, sizeof(first));
	assert_memory_equal(list.p + 32, second, sizeof(second));
	assert_memory_equal(f.sha256, whole, sizeof(whole));
	assert_memory_equal(f.md5, md5, sizeof(md5));
	assert_int_equal(f.crc32, 0x0c0b9a78U);
	/* Another file under the name has none of it. */
	put_file(w, "q2/big/zeros.bin", "now a text", 2000);
	assert_true(run(w, NULL, "one:q2/big"));
	assert_true(catalog_file_get(c, d.id, SPAN("zeros.bin"), &a, &f, NULL));
	assert_false(f.has_digests);
	assert_int_equal(catch_up(w, 1000), 1);
	assert_true(catalog_file_get(c, d.id, SPAN("zeros.bin"), &a, &f, NULL));
	assert_true(catalog_blocks(c, d.id, &f, &a, &list, NULL));
	assert_int_equal(list.n, 32);
	assert_memory_equal(list.p, f.sha256, 32);
	catalog_close(c);
}

/* One dataset as it is now, and nothing of the others. */
static void
one(void **state)
{
	struct world *w = *state;
	char name[128];

	put_file(w, "q1/a/scan.h5", SIGNATURE "first", 1000);
	put_file(w, "q1/b/x.txt", "text", 1000);
	(void)run(w, NULL, plain_order);
	put_file(w, "q1/a/more/new.h5", SIGNATURE "second", 1000);
	(void)snprintf(name, sizeof(name), "%s/q1/b/x.txt", w->root);
	assert_int_equal(unlink(name), 0);
	assert_true(run(w, NULL, "one:q1/a"));
	expect(w, 2, 1, 0, 0);
	assert_int_equal(catch_up(w, 1000), 1);
	file_is(w, "10.5072/q1-a", "more/new.h5", "nexus", "");
	file_is(w, "10.5072/q1-b", "x.txt", "other", INGEST_PLAIN); /* gone, but not looked at */
	put_file(w, "q3/new/y.txt", "text", 1000);
	assert_true(run(w, NULL, "one:q3/new"));
	assert_int_equal(catch_up(w, 1000), 1);
	file_is(w, "10.5072/q3-new", "y.txt", "other", INGEST_PLAIN);
	assert_false(run(w, NULL, "one:q3/none"));
	assert_false(run(w, NULL, "one:../q3/new"));
}

/* Who waits for a dataset does not wait for the end of a run, which goes on as if nothing were. */
static void
one_between(void **state)
{
	struct world *w = *state;

	put_file(w, "q1/a/scan.h5", SIGNATURE "first", 1000);
	put_file(w, "q1/b/x.txt", "text", 1000);
	put_file(w, "q9/z/raw.h5", SIGNATURE "second", 1000);
	w->wish = "q9/z";
	(void)run(w, NULL, plain_order);
	assert_true(w->granted);
	file_is(w, "10.5072/q9-z", "raw.h5", "nexus", "");
}

static void
deadly(void **state)
{
	struct world *w = *state;

	put_file(w, "p9/d/die.h5", SIGNATURE "die", 1000);
	put_file(w, "p9/d/good.h5", SIGNATURE "good", 1000);
	unsigned links = w->links;
	assert_true(run(w, NULL, plain_order));
	assert_int_equal(w->links - links, 3); /* R26: three readers */
	file_is(w, "10.5072/p9-d", "die.h5", "hdf5",
		"its reader died of it: indexed as a plain file");
	file_is(w, "10.5072/p9-d", "good.h5", "nexus", "");
	assert_true(run(w, NULL, plain_order));
	assert_true(run(w, NULL, "{\"job\":\"index\",\"full\":true}"));
	assert_int_equal(w->links - links, 3); /* and no more, whatever is asked */
	file_is(w, "10.5072/p9-d", "die.h5", "hdf5",
		"killed its readers three times: not tried again");
	put_file(w, "p9/d/die.h5", SIGNATURE "better", 3000);
	assert_true(run(w, NULL, plain_order));
	file_is(w, "10.5072/p9-d", "die.h5", "nexus", "");
}

static unsigned
deaths_of(struct world *w, const char *path)
{
	char name[256];
	struct stat st;
	unsigned n = 77;

	(void)snprintf(name, sizeof(name), "%s/%s", w->root, path);
	assert_int_equal(stat(name, &st), 0);
	const struct ingest_identity id = {.device = st.st_dev,
		.inode = st.st_ino,
		.bytes = (uint64_t)st.st_size,
		.mtime = st.st_mtim.tv_sec * 1000000000L + st.st_mtim.tv_nsec};
	assert_true(ingest_deaths(w->ingest, &id, &n, NULL));
	return n;
}

/* A reader that lives tells of a child that died: it counts as if the reader had died (R26). */
static void
deadly_to_a_child(void **state)
{
	struct world *w = *state;

	put_file(w, "p9/e/die.h5", SIGNATURE "ended SIGSEGV", 1000);
	put_file(w, "p9/e/late.h5", SIGNATURE "ended deadline", 1000);
	put_file(w, "p9/e/unread.h5", SIGNATURE "ended unread", 1000);
	put_file(w, "p9/e/wrong.h5", SIGNATURE "ended well", 1000);
	unsigned links = w->links;
	assert_true(run(w, NULL, plain_order));
	assert_int_equal(w->links, links); /* no reader was lost */
	assert_int_equal(w->kills, 0);
	file_is(w, "10.5072/p9-e", "die.h5", "hdf5", "why: indexed as a plain file");
	assert_int_equal(deaths_of(w, "p9/e/die.h5"), 3);
	file_is(w, "10.5072/p9-e", "late.h5", "hdf5", "why: indexed as a plain file");
	assert_int_equal(deaths_of(w, "p9/e/late.h5"), 1); /* the next run tries again */
	file_is(w, "10.5072/p9-e", "unread.h5", "hdf5", "why");
	assert_int_equal(deaths_of(w, "p9/e/unread.h5"), 0);
	file_is(w, "10.5072/p9-e", "wrong.h5", "hdf5",
		"reader's answer: died is not a signal, deadline or unread");
	assert_true(run(w, NULL, plain_order));
	assert_int_equal(deaths_of(w, "p9/e/late.h5"), 2);
	assert_true(run(w, NULL, plain_order));
	assert_true(run(w, NULL, plain_order));
	assert_int_equal(deaths_of(w, "p9/e/late.h5"), 3);
	assert_true(run(w, NULL, "{\"job\":\"index\",\"full\":true}"));
	file_is(w, "10.5072/p9-e", "late.h5", "hdf5",
		"killed its readers three times: not tried again");
	put_file(w, "p9/e/unread.h5", SIGNATURE "just as long", 1000); /* the same by its looks */
	assert_true(run(w, NULL, plain_order));
	file_is(w, "10.5072/p9-e", "unread.h5", "nexus", "");
}

static void
hanging(void **state)
{
	struct world *w = *state;

	put_file(w, "p9/h/hang.h5", SIGNATURE "hang", 1000);
	assert_true(run(w, NULL, plain_order));
	assert_int_equal(w->kills, 1);
	file_is(w, "10.5072/p9-h", "hang.h5", "hdf5",
		"its reader was not done in time: indexed as a plain file");
}

static void
odd(void **state)
{
	struct world *w = *state;
	char name[256];

	put_file(w, "README", "outside", 1000);
	put_file(w, "p5/README", "outside too", 1000);
	put_file(w, "p5/a/ok.txt", "in", 1000);
	put_file(w, "p5/a/\xff.txt", "no name", 1000);
	put_file(w, "p5/a/t\tb.txt", "no request can name it", 1000);
	put_file(w, "p5/b/secret.txt", "other dataset", 1000);
	(void)snprintf(name, sizeof(name), "%s/p5/a/pipe", w->root);
	assert_int_equal(mkfifo(name, 0644), 0);
	(void)snprintf(name, sizeof(name), "%s/p5/a/in", w->root);
	assert_int_equal(symlink("ok.txt", name), 0);
	(void)snprintf(name, sizeof(name), "%s/p5/a/out", w->root);
	assert_int_equal(symlink("/etc/passwd", name), 0);
	(void)snprintf(name, sizeof(name), "%s/p5/a/side", w->root);
	assert_int_equal(symlink("../b/secret.txt", name), 0);
	(void)snprintf(name, sizeof(name), "%s/p5/a/none", w->root);
	assert_int_equal(symlink("nothing", name), 0);
	(void)snprintf(name, sizeof(name), "%s/p5/a/loop", w->root);
	assert_int_equal(symlink("../a", name), 0);
	assert_false(run(w, NULL, plain_order)); /* a name that is not UTF-8 cannot be catalogued */
	assert_int_equal(w->report.counts.uncatalogued, 2);
	assert_int_equal(w->report.counts.problems, 9);
	file_is(w, "10.5072/p5-a", "in", "other", INGEST_PLAIN);
	static const char *const want[] = {"store/README\",\"problem\":\"lies outside",
		"p5/a/\\\\xff.txt\",\"problem\":\"name is not UTF-8",
		".txt\",\"problem\":\"name holds a control character",
		"p5/a/pipe\",\"problem\":\"neither",
		"p5/a/out\",\"problem\":\"symbolic link leads out",
		"p5/a/side\",\"problem\":\"symbolic",
		"p5/a/none\",\"problem\":\"symbolic link leads nowhere"};
	buf_addc(&w->told, '\0');
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		if (strstr(w->told.p, want[i]) == NULL)
			fail_msg("not told: %s; %s", want[i], w->told.p);
	(void)snprintf(name, sizeof(name), "rm -rf '%s/p5' '%s/README'", w->root, w->root);
	assert_int_equal(system(name), 0); /* NOLINT(cert-env33-c): folders that this test made */
}

static void
proposals(void **state)
{
	struct world *w = *state;

	/* With a fault nothing is done at all. */
	put_file(w, "p6/a/x.txt", "x", 1000);
	assert_false(run(w, "proposals:\n  - id: p6\n    rote: x\n", plain_order));
	assert_int_equal(w->report.counts.files, 0);
	buf_addc(&w->told, '\0');
	assert_non_null(strstr(w->told.p, "p.yaml:3:5: error: unknown key"));
	assert_true(run(w, "proposals:\n  - id: p6\n    title: T\n", plain_order));
}

/* Told to stop: what was not read is found by the next run. */
static void
stopped(void **state)
{
	struct world *w = *state;

	put_file(w, "p7/a/one.h5", SIGNATURE "one", 1000);
	w->stop = true;
	assert_false(run(w, NULL, plain_order));
	w->stop = false;
	assert_true(run(w, NULL, plain_order));
	file_is(w, "10.5072/p7-a", "one.h5", "nexus", "");
}

/* A folder that cannot be read today is not a folder that is gone. */
static void
unreadable(void **state)
{
	struct world *w = *state;
	char name[256];

	if (geteuid() != 0)
		skip(); /* needs another user's eyes */
	assert_int_equal(chmod(w->dir, 0755), 0);
	put_file(w, "p4/a/b/x.txt", "x", 1000);
	put_file(w, "p4/a/b0.txt", "y", 1000);
	put_file(w, "p4/a/b-.txt", "z", 1000);
	assert_true(run(w, NULL, plain_order));
	uint64_t files = w->report.counts.files;
	(void)snprintf(name, sizeof(name), "%s/p4/a/b", w->root);
	assert_int_equal(chmod(name, 0700), 0);
	assert_int_equal(seteuid(65534), 0);
	bool ok = run(w, NULL, plain_order);
	assert_int_equal(seteuid(0), 0);
	assert_false(ok);
	expect(w, files - 1, files - 1, 0, 0);
	file_is(w, "10.5072/p4-a", "b/x.txt", "other", INGEST_PLAIN);
	assert_int_equal(chmod(name, 0755), 0);
	assert_true(run(w, NULL, plain_order));
	expect(w, files, files, 0, 0);
	(void)snprintf(name, sizeof(name), "rm -rf '%s/p4'", w->root);
	assert_int_equal(system(name), 0); /* NOLINT(cert-env33-c): a folder that this test made */
	assert_true(run(w, NULL, plain_order));
}

static void
orders(void **state)
{
	struct world *w = *state;
	struct indexer_job_order o = {0};
	struct err e = {0};
	static const struct {
		const char *in;
		enum err_code code;
	} rows[] = {
		{"{\"job\":\"index\",\"roots\":[]}", ERR_NONE},
		{"{\"job\":\"index\",\"digests\":false,\"json\":true}", ERR_NONE},
		{"{\"job\":\"index\",\"roots\":[\"none\"]}", ERR_ABSENT},
		{"{\"job\":\"index\",\"roots\":\"store\"}", ERR_SYNTAX},
		{"{\"job\":\"index\",\"full\":1}", ERR_SYNTAX},
		{"{\"job\":\"index\",\"rebind\":true}", ERR_NONE},
		{"{\"job\":\"index\",\"digests\":false,\"rebind\":\"10.5072/a\"}", ERR_NONE},
		{"{\"job\":\"index\",\"rebind\":\"\"}", ERR_SYNTAX},
		{"{\"job\":\"index\",\"rebind\":1}", ERR_SYNTAX},
		{"{\"job\":\"drop\"}", ERR_SYNTAX},
		{"", ERR_SYNTAX},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_ROW(rows[i].in);
		e = (struct err){0};
		(void)indexer_job_parse(span_of(rows[i].in), &w->settings, &o, &e);
		assert_int_equal(e.code, rows[i].code);
	}
	assert_false(o.digests);
	assert_true(o.rebind);
	assert_string_equal(o.pid, "10.5072/a");
}

static bool
told(const struct world *w, const char *what)
{
	return memmem(w->told.p, w->told.n, what, strlen(what)) != NULL;
}

/* A dataset is bound when it is catalogued with a date, and stays so until somebody says so. */
static void
bindings(void **state)
{
	static const char rules[] =
		"timezone: UTC\nlicence: CC-BY-4.0\nembargo: {anchor: experiment_end, period: "
		"3y}\n"
		"rules: [{id: r, effect: permit, action: meta.public, when: {}}]\n"
		"tests: [{name: t, now: 2025-01-01, action: data.read, expect: deny}]\n";
	struct world *w = *state;
	AUTO_BUF old = BUF_INIT(4096);
	AUTO_BUF now = BUF_INIT(4096);
	AUTO_BUF report = BUF_INIT(4096);

	buf_addf(&old,
		"policy: old\nversion: 1\nvalid_from: 2000-01-01\nvalid_until: "
		"2020-01-01\n%s",
		rules);
	buf_addf(&now, "policy: new\nversion: 1\nvalid_from: 2020-01-01\n%s", rules);
	const struct policy_source sources[] = {
		{"old.yaml", buf_span(&old)}, {"new.yaml", buf_span(&now)}};
	struct policy_set *set = policy_set_load(sources, 2, &report, NULL);
	if (set == NULL)
		fail_msg("%.*s", SPAN_ARG(buf_span(&report)));
	put_file(w, "P9/a/x.txt", "plain", 1000);
	(void)run(w, NULL, plain_order);
	assert_true(told(w, "the policies have faults"));
	w->policies = set;
	(void)run(w, "proposals: [{id: P9}]", plain_order);
	assert_int_equal(w->report.counts.bound, 0); /* no date yet */
	(void)run(w, "proposals: [{id: P9, dates: {experiment_end: 2019-05-05}}]", plain_order);
	assert_int_equal(w->report.counts.bound, 1);
	/* The date is corrected: nothing moves by itself. */
	static const char later[] = "proposals: [{id: P9, dates: {experiment_end: 2021-05-05}}]";
	(void)run(w, later, plain_order);
	assert_int_equal(w->report.counts.bound, 0);
	assert_true(run(w, later, "{\"rebind\":\"10.5072/P9-a\"}"));
	assert_int_equal(w->report.counts.files, 0);
	assert_true(told(w, "{\"event\":\"binding\",\"pid\":\"10.5072/P9-a\",\"was\":\"old\","
			    "\"bound\":\"new\"}"));
	assert_true(run(w, later, "{\"rebind\":true}"));
	assert_int_equal(w->report.counts.bound, 0);
	assert_false(run(w, later, "{\"rebind\":\"10.5072/none\"}"));
	assert_true(told(w, "no such dataset"));
	w->policies = NULL;
	assert_false(run(w, later, "{\"rebind\":true}"));
	policy_set_free(set);
	char name[256];
	(void)snprintf(name, sizeof(name), "rm -rf %s/P9", w->root);
	assert_int_equal(system(name), 0); /* NOLINT(cert-env33-c): a folder that this test made */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(life),
		cmocka_unit_test(odd),
		cmocka_unit_test(deadly),
		cmocka_unit_test(deadly_to_a_child),
		cmocka_unit_test(proposals),
		cmocka_unit_test(stopped),
		cmocka_unit_test(hanging),
		cmocka_unit_test(bindings),
		cmocka_unit_test(one),
		cmocka_unit_test(blocks),
		cmocka_unit_test(one_between),
	};
	return cmocka_run_group_tests_name("indexer", tests, setup, teardown);
}
