/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/simulate_log.h"

#include "agent/base/scope.h"
#include "policy/audit_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

struct reading {
	struct simulate *s;
	struct simulate_lines *lines;
	bool skip; /* up to the next line end: the rest of a line that began before, or is too long
		    */
};

static int64_t
monotonic_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
note_bad(struct reading *r, const struct err *e)
{
	if (r->lines->unreadable++ > 0)
		return;
	r->lines->first = r->lines->lines;
	r->lines->why = *e;
}

static void
take_line(struct reading *r, struct span line)
{
	struct err e = {0};

	if (r->skip) {
		r->skip = false;
		return;
	}
	r->lines->lines++;
	if (!simulate_line(r->s, line, &e))
		note_bad(r, &e);
}

/* All whole lines of the text; how much of it they are. */
static size_t
take_lines(struct reading *r, struct span text)
{
	size_t at = 0;

	while (at < text.n) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		if (end == NULL)
			break;
		take_line(r, (struct span){text.p + at, (size_t)(end - text.p) - at});
		at = (size_t)(end - text.p) + 1;
	}
	return at;
}

/* What is left has no line end yet; more than any line has is passed over. */
static size_t
keep_rest(struct reading *r, char *text, size_t at, size_t n)
{
	struct err e = {0};

	if (at > 0)
		memmove(text, text + at, n - at);
	n -= at;
	if (n < CHUNK)
		return n;
	if (!r->skip) {
		r->lines->lines++;
		(void)err_set(&e, ERR_LIMIT, "POL-20", "longer than a line can be");
		note_bad(r, &e);
	}
	r->skip = true;
	return 0;
}

static bool
start_at(int fd, uint64_t bytes, struct reading *r, struct err *e)
{
	struct stat st;

	if (bytes == 0)
		return true;
	if (fstat(fd, &st) != 0)
		return err_set(e, ERR_SYSTEM, NULL, "audit log");
	off_t from = (uint64_t)st.st_size > bytes ? st.st_size - (off_t)bytes : 0;
	r->skip = from > 0;
	/* One byte before: where that is a line end, the first line is whole. */
	if (lseek(fd, from > 0 ? from - 1 : 0, SEEK_SET) < 0)
		return err_set(e, ERR_SYSTEM, NULL, "audit log");
	return true;
}

bool
simulate_log(struct simulate *s, int fd, const struct simulate_limits *l,
	struct simulate_lines *ret, struct err *e)
{
	AUTO_FREE char *text = malloc(CHUNK);
	struct reading r = {.s = s, .lines = ret};
	size_t n = 0;

	*ret = (struct simulate_lines){0};
	if (text == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	if (!start_at(fd, l->bytes, &r, e))
		return false;
	for (;;) {
		ssize_t got = read(fd, text + n, CHUNK - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, ERR_SYSTEM, NULL, "audit log");
		if (got == 0)
			break;
		n += (size_t)got;
		n = keep_rest(&r, text, take_lines(&r, (struct span){text, n}), n);
		ret->late = l->deadline_ms != 0 && monotonic_ms() > l->deadline_ms;
		if (ret->late)
			return true;
	}
	ret->torn = n > 0 && !r.skip;
	return true;
}
