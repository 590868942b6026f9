/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor_net.h"

#include "agent/base/log.h"

#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS 5000LL /* between two looks at the name service's files */
#define END_MS  5000LL /* a courier's calls have at most three seconds each */

static const enum seat seats[] = {SEAT_COURIER, SEAT_MOVER};
#define N_SEATS (sizeof(seats) / sizeof(seats[0]))

bool
supervisor_net_is(enum seat seat)
{
	return seat == SEAT_COURIER || seat == SEAT_MOVER;
}

bool
supervisor_net_wanted(const struct supervisor *s, enum seat seat)
{
	if (s->once)
		return false;
	return (seat == SEAT_COURIER && config_wants_courier(s->config->settings)) ||
	       (seat == SEAT_MOVER && config_wants_mover(s->config->settings));
}

bool
supervisor_net_ready(const struct supervisor *s)
{
	for (size_t i = 0; i < N_SEATS; i++)
		if (supervisor_net_wanted(s, seats[i]) && s->child[seats[i]].state != CHILD_READY)
			return false;
	return true;
}

static uint64_t
mix(uint64_t sum, uint64_t v)
{
	return (sum ^ v) * 0x100000001b3ULL;
}

static uint64_t
mix_bytes(uint64_t sum, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = mix(sum, (unsigned char)p[i]);
	return mix(sum, n);
}

/* The authorities, from the copy that the mover gets. */
static uint64_t
mix_authorities(uint64_t sum, const struct config *c)
{
	char block[4096];
	ssize_t n = 0;

	for (size_t i = 0; i < c->bundle.n; i++) {
		const struct role_file *f = &c->bundle.entries[i].file;
		off_t at = 0;
		if (!span_is(span_of(f->name), "transfer.ca"))
			continue;
		while ((n = pread(f->fd, block, sizeof(block), at)) > 0) {
			sum = mix_bytes(sum, block, (size_t)n);
			at += n;
		}
	}
	return sum;
}

/* One number for all that a mover goes by; another one when any of it is different. */
static uint64_t
mark(const struct config *c)
{
	const struct settings_transfer *t = &c->settings->transfer;
	uint64_t sum = mix(mix(0, t->push ? 1 : 0), t->parallel);

	for (size_t i = 0; i < t->allow.n; i++)
		sum = mix_bytes(sum, t->allow.item[i], span_of(t->allow.item[i]).n);
	return mix_authorities(sum, c);
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
			sum = mix(sum, parts[k]);
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
drain(struct supervisor *s, enum seat seat)
{
	struct child *c = &s->child[seat];

	if (c->state != CHILD_DRAINING)
		s->net.drained[seat == SEAT_MOVER] = s->now;
	child_drain(c);
}

static void
start(struct supervisor *s, enum seat seat)
{
	if (seat == SEAT_MOVER)
		s->net.mover = mark(s->config);
	supervisor_start(s, seat);
}

void
supervisor_net_start(struct supervisor *s)
{
	s->net.names = look();
	s->net.looked = s->now;
	warn_of_secrets(s->config);
	for (size_t i = 0; i < N_SEATS; i++)
		if (supervisor_net_wanted(s, seats[i]))
			start(s, seats[i]);
}

static void
renew(struct supervisor *s, enum seat seat)
{
	struct child *c = &s->child[seat];
	bool wanted = supervisor_net_wanted(s, seat);
	uint64_t now = seat == SEAT_MOVER ? mark(s->config) : 0;

	if (!wanted)
		child_forget_reports(c);
	if (wanted && seat == SEAT_MOVER && c->state == CHILD_READY && now == s->net.mover)
		return;
	if (seat == SEAT_MOVER)
		s->net.mover = now;
	if (child_alive(c))
		drain(s, seat); /* what follows its end is decided then */
	else if (wanted && c->state == CHILD_NONE)
		supervisor_start(s, seat);
	else if (!wanted)
		c->state = CHILD_NONE;
}

void
supervisor_net_renew(struct supervisor *s)
{
	warn_of_secrets(s->config);
	for (size_t i = 0; i < N_SEATS; i++)
		renew(s, seats[i]);
}

/* Transfers that are under way have the time that downloads have. */
static void
end_late(struct supervisor *s, enum seat seat)
{
	struct child *c = &s->child[seat];
	long long most = seat == SEAT_MOVER
				 ? (long long)s->boot->settings->limits.drain_seconds * 1000
				 : END_MS;

	if (c->state == CHILD_DRAINING && s->now - s->net.drained[seat == SEAT_MOVER] > most)
		child_kill(c);
}

void
supervisor_net_tend(struct supervisor *s)
{
	for (size_t i = 0; i < N_SEATS; i++)
		end_late(s, seats[i]);
	if (s->now - s->net.looked < LOOK_MS || s->phase != PHASE_SERVE)
		return;
	s->net.looked = s->now;
	uint64_t names = look();
	if (names == s->net.names)
		return;
	s->net.names = names;
	for (size_t i = 0; i < N_SEATS; i++) {
		if (s->child[seats[i]].state != CHILD_READY)
			continue;
		log_info("net", "the name service was configured anew; the role starts again",
			LOG_STR("which", process_names[s->child[seats[i]].what]));
		drain(s, seats[i]);
	}
}
