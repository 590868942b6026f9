/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/check.h"

#include "agent/base/fdpass.h"
#include "agent/base/scope.h"
#include "agent/bundle.h"
#include "agent/role.h"

#include <fcntl.h>
#include <sys/mman.h>

static const char yaml[] = "facility: F\ncontact: c\npublic_url: https://h\n"
			   "certificates: [{chain: c, key: k}]\npolicy: {files: p}\n"
			   "roots: [{name: a, path: p, layout: ., pid: x}]\n";

static int
memory(const char *text, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	return fd;
}

static void
add(struct bundle *b, unsigned roles, const char *name, const char *text, size_t n)
{
	int fd = memory(text, n);

	assert_true(bundle_add(b, roles, name, "/etc/pan/agent.yaml", &fd, NULL));
	assert_int_equal(fd, -1);
}

static void
fill(struct bundle *b)
{
	static const uint64_t epoch = 7;

	add(b, BUNDLE_ALL, "agent.yaml", yaml, sizeof(yaml) - 1);
	add(b, BUNDLE_ROLE(PROCESS_FRONT), "tls.key.0", "secret", 6);
	add(b, BUNDLE_ROLE(PROCESS_GATE), "policy.0", "rules", 5);
	add(b, BUNDLE_ALL, "epoch", (const char *)&epoch, sizeof(epoch));
}

static void
test_only_its_files(void **state)
{
	struct bundle b = {0};
	struct role_file files[ROLE_FILES];
	int sv[2];
	size_t n = 0;

	(void)state;
	fill(&b);
	assert_true(fdpass_pair(sv, true, NULL));
	assert_true(bundle_send(&b, sv[0], PROCESS_FRONT, NULL));
	assert_true(bundle_take(sv[1], files, &n, NULL));
	assert_int_equal(n, 3);
	assert_string_equal(files[0].name, "agent.yaml");
	assert_string_equal(files[0].path, "/etc/pan/agent.yaml");
	assert_string_equal(files[1].name, "tls.key.0");
	assert_string_equal(files[2].name, "epoch");
	assert_int_equal(fcntl(files[1].fd, F_GETFD), FD_CLOEXEC);
	for (size_t i = 0; i < n; i++)
		(void)close(files[i].fd);
	bundle_fini(&b);
	(void)close(sv[0]);
	(void)close(sv[1]);
}

static void
test_drop(void **state)
{
	struct bundle b = {0};

	(void)state;
	fill(&b);
	add(&b, BUNDLE_ROLE(PROCESS_FRONT), "listen.0", "x", 1);
	add(&b, BUNDLE_ROLE(PROCESS_FRONT), "last", "x", 1);
	int gone = b.entries[4].file.fd;
	bundle_drop(&b, "listen.");
	assert_int_equal(b.n, 5);
	assert_string_equal(b.entries[4].file.name, "last");
	assert_int_equal(fcntl(gone, F_GETFD), -1);
	assert_true(fcntl(b.entries[4].file.fd, F_GETFD) >= 0);
	bundle_fini(&b);
}

static void
test_many_wait_for_room(void **state)
{
	/* More messages than a socket holds at once would block the sender: all must fit. */
	struct bundle b = {0};
	struct role_file files[ROLE_FILES];
	struct err e = {0};
	char name[32];
	int sv[2];
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < ROLE_FILES; i++) {
		(void)snprintf(name, sizeof(name), "policy.%u", i);
		add(&b, BUNDLE_ALL, name, "x", 1);
	}
	int extra = memory("x", 1);
	assert_false(bundle_add(&b, BUNDLE_ALL, "more", "/", &extra, &e));
	assert_int_equal(extra, -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_true(fdpass_pair(sv, true, NULL));
	assert_true(bundle_send(&b, sv[0], PROCESS_READER, NULL));
	assert_true(bundle_take(sv[1], files, &n, NULL));
	assert_int_equal(n, ROLE_FILES);
	for (size_t i = 0; i < n; i++)
		(void)close(files[i].fd);
	bundle_fini(&b);
	(void)close(sv[0]);
	(void)close(sv[1]);
}

static void
test_supervisor_gone(void **state)
{
	struct role_file files[ROLE_FILES];
	struct err e = {0};
	int sv[2];
	size_t n = 0;

	(void)state;
	assert_true(fdpass_pair(sv, true, NULL));
	(void)close(sv[0]);
	assert_false(bundle_take(sv[1], files, &n, &e));
	assert_string_equal(e.msg, "the supervisor is gone");
	(void)close(sv[1]);
}

/* A role's whole life over its descriptor 3. */
static void
role_with(int sv[2], struct role *r, enum process what)
{
	struct bundle b = {0};
	struct err e = {0};

	assert_true(fdpass_pair(sv, true, NULL));
	int ours = fcntl(sv[0], F_DUPFD_CLOEXEC, 16); /* out of the way of descriptor 3 */
	int its = fcntl(sv[1], F_DUPFD_CLOEXEC, 16);
	(void)close(sv[0]);
	(void)close(sv[1]);
	assert_int_equal(dup2(its, ROLE_CONTROL_FD), ROLE_CONTROL_FD);
	(void)close(its);
	sv[0] = ours;
	sv[1] = -1;
	fill(&b);
	assert_true(bundle_send(&b, sv[0], what, NULL));
	bundle_fini(&b);
	if (!role_start(r, what, 0, &e))
		fail_msg("%s", e.msg);
}

static void
role_end(int sv[2], struct role *r)
{
	for (size_t i = 0; i < r->n_files; i++)
		(void)close(r->files[i].fd);
	settings_free(r->settings);
	(void)munmap((void *)(uintptr_t)r->epoch, sizeof(uint64_t));
	if (sv[0] >= 0)
		(void)close(sv[0]);
	(void)close(ROLE_CONTROL_FD);
}

static struct control
from_role(int sock, char *msg, size_t cap)
{
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t nfds = 0;
	struct control c = {0};

	assert_int_equal(fdpass_recv(sock, msg, cap, &n, fds, &nfds, NULL), FDPASS_OK);
	assert_int_equal(nfds, 0);
	assert_true(control_read((struct span){msg, n}, true, &c, NULL));
	return c;
}

static void
to_role(int sock, struct control c, int fd)
{
	assert_true(bundle_message(sock, &c, fd, NULL));
}

static void
test_role_has_its_files(void **state)
{
	struct role *r = calloc(1, sizeof(*r));
	struct span text = SPAN_NONE;
	struct err e = {0};
	int sv[2];

	(void)state;
	role_with(sv, r, PROCESS_GATE);
	assert_int_equal(*r->epoch, 7);
	assert_ptr_equal(r->epoch, r->epoch_rw);
	assert_string_equal(r->settings->facility, "F");
	assert_null(role_file(r, "tls.key.0"));
	assert_true(role_text(r, "policy.0", &text, NULL));
	check_span(text, "rules");
	(void)munmap((void *)(uintptr_t)text.p, text.n);
	assert_false(role_text(r, "jwks.0", &text, &e));
	assert_int_equal(e.code, ERR_ABSENT);
	role_end(sv, r);
	free(r);
}

static void
test_role_is_told(void **state)
{
	struct role *r = calloc(1, sizeof(*r));
	struct role_message m;
	int sv[2];

	(void)state;
	role_with(sv, r, PROCESS_GATE);
	assert_false(role_next(r, &m)); /* nothing yet */
	to_role(sv[0], (struct control){.kind = CONTROL_LINK, .peer = PROCESS_FRONT, .slot = 3},
		sv[0]);
	assert_true(role_next(r, &m));
	assert_int_equal(m.kind, ROLE_LINK);
	assert_int_equal(m.peer, PROCESS_FRONT);
	assert_int_equal(m.slot, 3);
	assert_true(m.fd >= 0);
	(void)close(m.fd);

	to_role(sv[0], (struct control){.kind = CONTROL_JOB, .text = SPAN("{\"a\":1}")}, -1);
	assert_true(role_next(r, &m));
	assert_int_equal(m.kind, ROLE_JOB);
	check_span(((struct span){m.text, m.n_text}), "{\"a\":1}");
	assert_int_equal(m.fd, -1);

	(void)close(sv[0]);
	sv[0] = -1;
	assert_true(role_next(r, &m));
	assert_int_equal(m.kind, ROLE_GONE);
	assert_true(role_next(r, &m)); /* and again */
	role_end(sv, r);
	free(r);
}

static void
test_role_speaks(void **state)
{
	static char msg[CONTROL_MESSAGE];
	struct role *r = calloc(1, sizeof(*r));
	struct role_message m;
	int sv[2];

	(void)state;
	role_with(sv, r, PROCESS_INDEXER);
	to_role(sv[0], (struct control){.kind = CONTROL_PING, .number = 41}, -1);
	assert_false(role_next(r, &m)); /* pings are answered on the way */
	struct control c = from_role(sv[0], msg, sizeof(msg));
	assert_int_equal(c.kind, CONTROL_PONG);
	assert_int_equal(c.number, 41);
	assert_true(role_ready(r, "1 policy", NULL));
	c = from_role(sv[0], msg, sizeof(msg));
	assert_int_equal(c.kind, CONTROL_READY);
	check_span(c.text, "1 policy");
	assert_true(role_kill_reader(r, 2, NULL));
	assert_int_equal(from_role(sv[0], msg, sizeof(msg)).slot, 2);
	assert_true(role_job_done(r, 1, NULL));
	assert_int_equal(from_role(sv[0], msg, sizeof(msg)).number, 1);
	role_end(sv, r);
	free(r);
}

/* Everybody but the gate can only read the epoch. */
static void
test_epoch_read_only(void **state)
{
	struct role *r = calloc(1, sizeof(*r));
	int sv[2];

	(void)state;
	role_with(sv, r, PROCESS_READER);
	assert_int_equal(*r->epoch, 7);
	assert_null(r->epoch_rw);
	assert_int_equal(r->n_files, 2);
	role_end(sv, r);
	free(r);
}

static void
test_by_hand(void **state)
{
	struct role *r = calloc(1, sizeof(*r));
	struct err e = {0};

	(void)state;
	int keep = fcntl(ROLE_CONTROL_FD, F_DUPFD_CLOEXEC, 16); /* -1 when there is none */
	(void)close(ROLE_CONTROL_FD);
	assert_false(role_start(r, PROCESS_FRONT, 0, &e));
	assert_string_equal(e.msg, "--role is for pan-agentd itself: start it with --config FILE");
	if (keep >= 0)
		assert_int_equal(dup2(keep, ROLE_CONTROL_FD), ROLE_CONTROL_FD);
	free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_its_files),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_many_wait_for_room),
		cmocka_unit_test(test_supervisor_gone),
		cmocka_unit_test(test_role_has_its_files),
		cmocka_unit_test(test_role_is_told),
		cmocka_unit_test(test_role_speaks),
		cmocka_unit_test(test_epoch_read_only),
		cmocka_unit_test(test_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
