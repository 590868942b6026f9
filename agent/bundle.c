/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/bundle.h"

#include "agent/base/buf.h"
#include "agent/base/fdpass.h"
#include "agent/base/scope.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

bool
bundle_add(struct bundle *b, unsigned roles, const char *name, const char *path, int *fd,
	struct err *e)
{
	AUTO_FD mine = take_fd(fd);

	if (b->n == ROLE_FILES)
		return err_set(e, ERR_LIMIT, NULL, "more than %u files for the roles", ROLE_FILES);
	struct bundle_entry *entry = &b->entries[b->n];
	if (strlen(name) >= sizeof(entry->file.name))
		return err_set(e, ERR_LIMIT, NULL, "name '%s' is too long", name);
	(void)snprintf(entry->file.name, sizeof(entry->file.name), "%s", name);
	(void)snprintf(entry->file.path, sizeof(entry->file.path), "%s", path);
	entry->file.fd = take_fd(&mine);
	entry->roles = roles;
	b->n++;
	return true;
}

void
bundle_drop(struct bundle *b, const char *prefix)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (strncmp(b->entries[i].file.name, prefix, strlen(prefix)) == 0)
			(void)close(b->entries[i].file.fd);
		else
			b->entries[kept++] = b->entries[i];
	}
	b->n = kept;
}

void
bundle_fini(struct bundle *b)
{
	for (size_t i = 0; i < b->n; i++)
		(void)close(b->entries[i].file.fd);
	b->n = 0;
}

static bool
wait_for(int sock, short events, struct err *e)
{
	struct pollfd p = {.fd = sock, .events = events};
	int n = 0;

	do {
		n = poll(&p, 1, BUNDLE_WAIT);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return err_set(
			e, ERR_UPSTREAM, NULL, "the other side of the control socket is silent");
	return n > 0 || err_set(e, ERR_SYSTEM, NULL, "poll the control socket");
}

bool
bundle_message(int sock, const struct control *c, int fd, struct err *e)
{
	AUTO_BUF msg = BUF_INIT(CONTROL_MESSAGE);
	enum fdpass got = FDPASS_AGAIN;

	control_write(c, &msg);
	if (!buf_ok(&msg))
		return err_set(e, ERR_LIMIT, NULL, "no memory for a control message");
	for (;;) {
		got = fdpass_send(sock, buf_span(&msg), &fd, fd >= 0 ? 1 : 0, e);
		if (got != FDPASS_AGAIN)
			break;
		if (!wait_for(sock, POLLOUT, e))
			return false;
	}
	if (got == FDPASS_CLOSED)
		return err_set(
			e, ERR_UPSTREAM, NULL, "the other side of the control socket is gone");
	return got == FDPASS_OK;
}

bool
bundle_send(const struct bundle *b, int sock, enum process what, struct err *e)
{
	const struct control start = {.kind = CONTROL_START};

	for (size_t i = 0; i < b->n; i++) {
		const struct bundle_entry *entry = &b->entries[i];
		const struct control file = {.kind = CONTROL_FILE,
			.name = span_of(entry->file.name),
			.text = span_of(entry->file.path)};
		if ((entry->roles & BUNDLE_ROLE(what)) == 0)
			continue;
		if (!bundle_message(sock, &file, entry->file.fd, e))
			return false;
	}
	return bundle_message(sock, &start, -1, e);
}

static bool
keep_file(struct role_file files[ROLE_FILES], size_t *n, const struct control *c, int *fd,
	struct err *e)
{
	if (*n == ROLE_FILES || *fd < 0)
		return err_set(e, ERR_LIMIT, NULL, "bundle with too many files, or without one");
	struct role_file *f = &files[*n];
	if (!span_cstr(c->name, f->name, sizeof(f->name)) ||
		!span_cstr(span_first(c->text, sizeof(f->path) - 1), f->path, sizeof(f->path)))
		return err_set(e, ERR_SYNTAX, NULL, "bundle with a malformed name");
	f->fd = take_fd(fd);
	(*n)++;
	return true;
}

/* One message of the bundle; *last: it was the end. */
static bool
take_one(struct span msg, int *fd, struct role_file files[ROLE_FILES], size_t *n, bool *last,
	struct err *e)
{
	struct control c = {0};

	if (!control_read(msg, false, &c, e))
		return false;
	*last = c.kind == CONTROL_START;
	if (c.kind == CONTROL_FILE)
		return keep_file(files, n, &c, fd, e);
	return *last || err_set(e, ERR_SYNTAX, NULL, "message %d within the bundle", (int)c.kind);
}

static void
close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

bool
bundle_take(int sock, struct role_file files[ROLE_FILES], size_t *n, struct err *e)
{
	AUTO_BUF buf = BUF_INIT(CONTROL_MESSAGE);
	int fds[FDPASS_MAX];
	size_t nfds = 0;
	size_t got = 0;
	bool last = false;

	*n = 0;
	if (!buf_reserve(&buf, CONTROL_MESSAGE))
		return err_set(e, ERR_LIMIT, NULL, "no memory for the bundle");
	while (!last) {
		enum fdpass r = fdpass_recv(sock, buf.p, CONTROL_MESSAGE, &got, fds, &nfds, e);
		if (r == FDPASS_AGAIN && wait_for(sock, POLLIN, e))
			continue;
		if (r == FDPASS_CLOSED)
			return err_set(e, ERR_UPSTREAM, NULL, "the supervisor is gone");
		if (r != FDPASS_OK)
			return false;
		bool good = take_one((struct span){buf.p, got}, &fds[0], files, n, &last, e);
		close_all(fds, nfds);
		if (!good)
			return false;
	}
	return true;
}
