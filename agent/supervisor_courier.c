/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor_courier.h"

#include "agent/base/log.h"

#include <sys/stat.h>

#define LOOK_MS 5000LL /* between two looks at the name service's files */
#define END_MS  5000LL /* its calls have at most three seconds each */

bool
supervisor_courier_wanted(const struct supervisor *s)
{
	return !s->once && config_wants_courier(s->config->settings);
}

/* One number for what stands in the files; another one when any was replaced or written. */
static uint64_t
look(void)
{
	static const char *const files[] = {
		"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf"};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct stat st = {0};
		(void)stat(files[i], &st); /* one that is not there is zero */
		const uint64_t parts[] = {st.st_dev, st.st_ino, (uint64_t)st.st_mtim.tv_sec,
			(uint64_t)st.st_mtim.tv_nsec};
		for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
			sum = (sum ^ parts[k]) * 0x100000001b3ULL;
	}
	return sum;
}

/* A secret that everybody on this machine can read is still taken, for it works; the log says it.
 */
static void
warn_of_secrets(const struct config *c)
{
	for (size_t i = 0; i < c->bundle.n; i++) {
		const struct role_file *f = &c->bundle.entries[i].file;
		struct span name = span_of(f->name);
		struct stat st;
		if (!span_starts(name, SPAN("secret.")) && !span_starts(name, SPAN("websecret.")))
			continue;
		if (fstat(f->fd, &st) == 0 && (st.st_mode & S_IROTH) != 0)
			log_warn("courier", "a client secret can be read by everybody: chmod o= it",
				LOG_STR("file", f->path));
	}
}

static void
drain(struct supervisor *s)
{
	struct child *c = &s->child[SEAT_COURIER];

	if (c->state != CHILD_DRAINING)
		s->courier.drained = s->now;
	child_drain(c);
}

void
supervisor_courier_start(struct supervisor *s)
{
	s->courier.names = look();
	s->courier.looked = s->now;
	warn_of_secrets(s->config);
	if (supervisor_courier_wanted(s))
		supervisor_start(s, SEAT_COURIER);
}

void
supervisor_courier_renew(struct supervisor *s)
{
	struct child *c = &s->child[SEAT_COURIER];
	bool wanted = supervisor_courier_wanted(s);

	warn_of_secrets(s->config);
	if (child_alive(c))
		drain(s); /* what follows its end is decided then */
	else if (wanted && c->state == CHILD_NONE)
		supervisor_start(s, SEAT_COURIER);
	else if (!wanted)
		c->state = CHILD_NONE;
	if (!wanted)
		child_forget_reports(c);
}

void
supervisor_courier_tend(struct supervisor *s)
{
	struct child *c = &s->child[SEAT_COURIER];

	if (c->state == CHILD_DRAINING && s->now - s->courier.drained > END_MS)
		child_kill(c);
	if (s->now - s->courier.looked < LOOK_MS || s->phase != PHASE_SERVE)
		return;
	s->courier.looked = s->now;
	uint64_t names = look();
	if (names == s->courier.names)
		return;
	s->courier.names = names;
	if (c->state != CHILD_READY)
		return;
	log_info("courier", "the name service was configured anew; it is started again");
	drain(s);
}
