/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/role.h"

#include "agent/base/log.h"
#include "agent/base/metric.h"
#include "agent/base/scope.h"
#include "agent/bundle.h"
#include "agent/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define REPORT_MAX ((size_t)256 * 1024)

const char *const process_names[PROCESS_COUNT] = {
	[PROCESS_SUPERVISOR] = "supervisor",
	[PROCESS_FRONT] = "front",
	[PROCESS_GATE] = "gate",
	[PROCESS_READER] = "reader",
	[PROCESS_INDEXER] = "indexer",
	[PROCESS_COURIER] = "courier",
	[PROCESS_MOVER] = "mover",
};

const struct role_file *
role_file(const struct role *r, const char *name)
{
	for (size_t i = 0; i < r->n_files; i++)
		if (strcmp(r->files[i].name, name) == 0)
			return &r->files[i];
	return NULL;
}

bool
role_text(const struct role *r, const char *name, struct span *ret, struct err *e)
{
	const struct role_file *f = role_file(r, name);
	struct stat st;

	if (f == NULL)
		return err_set(e, ERR_ABSENT, NULL, "the bundle holds no '%s'", name);
	if (fstat(f->fd, &st) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "stat %s", f->path);
	if (st.st_size == 0) {
		*ret = SPAN("");
		return true;
	}
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, f->fd, 0);
	if (p == MAP_FAILED)
		return err_set(e, ERR_SYSTEM, NULL, "map %s", f->path);
	*ret = (struct span){p, (size_t)st.st_size};
	return true;
}

static bool
take_settings(struct role *r, struct err *e)
{
	AUTO_BUF report = BUF_INIT(REPORT_MAX);
	struct span text = SPAN_NONE;

	if (!role_text(r, "agent.yaml", &text, e))
		return false;
	r->settings = settings_parse(role_file(r, "agent.yaml")->path, text, &report, e);
	return r->settings != NULL;
}

static bool
map_epoch(struct role *r, struct err *e)
{
	const struct role_file *f = role_file(r, "epoch");
	bool writes = r->what == PROCESS_GATE;

	if (f == NULL)
		return err_set(e, ERR_ABSENT, NULL, "the bundle holds no epoch");
	void *p = mmap(NULL, sizeof(uint64_t), writes ? PROT_READ | PROT_WRITE : PROT_READ,
		MAP_SHARED, f->fd, 0);
	if (p == MAP_FAILED)
		return err_set(e, ERR_SYSTEM, NULL, "map the epoch");
	r->epoch = p;
	r->epoch_rw = writes ? p : NULL;
	return true;
}

unsigned
role_stripe(enum process what, unsigned slot)
{
	static const unsigned first[PROCESS_COUNT] = {
		[PROCESS_FRONT] = 0, /* one for each worker, at most 64 */
		[PROCESS_GATE] = 64, /* the same */
		[PROCESS_READER] = 128,
		[PROCESS_INDEXER] = 144,
		[PROCESS_SUPERVISOR] = 145,
		[PROCESS_COURIER] = 146,
		[PROCESS_MOVER] = 147,
	};

	return first[what] + slot;
}

static bool
map_metrics(struct role *r, struct err *e)
{
	const struct role_file *f = role_file(r, "metrics");

	if (f == NULL)
		return true; /* counting nowhere is allowed */
	r->metrics = metric_map(f->fd, role_stripe(r->what, r->slot), e);
	return r->metrics != NULL;
}

bool
role_start(struct role *r, enum process what, unsigned slot, struct err *e)
{
	int type = 0;
	socklen_t n = sizeof(type);

	*r = (struct role){.what = what, .slot = slot, .control = ROLE_CONTROL_FD};
	log_setup(process_names[what], LOG_INFO);
	if (getsockopt(r->control, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET)
		return err_set(e, ERR_SYNTAX, NULL,
			"--role is for pan-agentd itself: start it with --config FILE");
	int flags = fcntl(r->control, F_GETFL);
	if (flags < 0 || fcntl(r->control, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(r->control, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "set up the control socket");
	if (!bundle_take(r->control, r->files, &r->n_files, e) || !take_settings(r, e) ||
		!map_epoch(r, e) || !map_metrics(r, e))
		return false;
	log_setup(process_names[what], r->settings->log_level);
	return true;
}

bool
role_ready(struct role *r, const char *status, struct err *e)
{
	const struct control c = {.kind = CONTROL_READY, .text = span_of(status)};

	return bundle_message(r->control, &c, -1, e);
}

void
role_refuse(struct role *r, int code, struct span report)
{
	const struct control c = {.kind = CONTROL_REFUSE, .number = (uint32_t)code, .text = report};

	(void)bundle_message(r->control, &c, -1, NULL);
	exit(code); /* NOLINT(concurrency-mt-unsafe): roles refuse before they start threads */
}

bool
role_kill_reader(struct role *r, unsigned slot, struct err *e)
{
	const struct control c = {.kind = CONTROL_KILL, .slot = slot};

	return bundle_message(r->control, &c, -1, e);
}

bool
role_job_done(struct role *r, int code, struct err *e)
{
	const struct control c = {.kind = CONTROL_DONE, .number = (uint32_t)code};

	return bundle_message(r->control, &c, -1, e);
}

bool
role_report(struct role *r, const char *name, struct span text, struct err *e)
{
	const struct control c = {.kind = CONTROL_REPORT, .name = span_of(name), .text = text};

	/* control_write would cut it, and half a report is none. */
	if (text.n > CONTROL_TEXT_MAX)
		return err_set(e, ERR_LIMIT, NULL, "the report '%s' has %zu bytes, at most %zu",
			name, text.n, CONTROL_TEXT_MAX);
	return bundle_message(r->control, &c, -1, e);
}

/* What the caller of role_next must see; false: answered here. */
static bool
translate(struct role *r, const struct control *c, int *fd, struct role_message *ret)
{
	const struct control pong = {.kind = CONTROL_PONG, .number = c->number};

	ret->fd = take_fd(fd);
	switch (c->kind) {
	case CONTROL_PING:
		/* A supervisor that is gone is noticed by the next read. */
		(void)bundle_message(r->control, &pong, -1, NULL);
		return false;
	case CONTROL_LINK:
		ret->kind = ROLE_LINK;
		ret->peer = (enum process)c->peer;
		ret->slot = c->slot;
		return ret->fd >= 0;
	case CONTROL_JOB:
		ret->kind = ROLE_JOB;
		ret->n_text = c->text.n;
		if (c->text.n > 0)
			memcpy(ret->text, c->text.p, c->text.n);
		return true;
	case CONTROL_DRAIN:
		ret->kind = ROLE_DRAIN;
		return true;
	case CONTROL_FILE:
	case CONTROL_START: /* only within the bundle */
	case CONTROL_READY:
	case CONTROL_REFUSE:
	case CONTROL_PONG:
	case CONTROL_KILL:
	case CONTROL_DONE:
	case CONTROL_REPORT:
	case CONTROL_KINDS:
		break;
	}
	return false;
}

bool
role_next(struct role *r, struct role_message *ret)
{
	char msg[CONTROL_NAME_MAX + CONTROL_PATH_MAX + 64];
	int fds[FDPASS_MAX];
	size_t n = 0;
	size_t nfds = 0;
	struct control c = {0};

	for (;;) {
		enum fdpass got = fdpass_recv(r->control, msg, sizeof(msg), &n, fds, &nfds, NULL);
		ret->fd = -1;
		ret->n_text = 0;
		if (got == FDPASS_AGAIN)
			return false;
		if (got != FDPASS_OK || !control_read((struct span){msg, n}, false, &c, NULL)) {
			ret->kind = ROLE_GONE;
			return true;
		}
		bool seen = translate(r, &c, &fds[0], ret);
		for (size_t i = 0; i < nfds; i++)
			if (fds[i] >= 0)
				(void)close(fds[i]);
		if (seen)
			return true;
		if (ret->fd >= 0)
			(void)close(take_fd(&ret->fd));
	}
}
