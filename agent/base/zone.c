/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/zone.h"

#include "agent/base/civil.h"
#include "agent/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY         ((int64_t)86400)
#define ZONE_FOLDER "/usr/share/zoneinfo/"

enum {
	LIMIT_FILE = 256 * 1024, /* the largest of tzdata 2026 is below 4 KiB */
	LIMIT_TIMES = 4096,
	LIMIT_EAST = 93599, /* RFC 8536 3.2: utoff within -24:59:59 and +25:59:59 */
	LIMIT_WEST = -89999,
	HEADER = 44,
};

/* One end of summer time, as in POSIX TZ (RFC 8536 3.3.1). */
struct turn {
	enum { TURN_JULIAN, TURN_DAY, TURN_WEEKDAY } form;
	int month, week, day; /* TURN_WEEKDAY; else day alone */
	int32_t time;         /* local seconds from 00:00, may be negative or past the day */
};

struct zone {
	size_t n;
	int64_t *at;   /* rising instants of transition */
	int32_t *east; /* offset from at[i] on */
	int32_t first; /* before at[0] */
	bool has_rule; /* after the last transition */
	bool has_summer;
	int32_t std, dst; /* seconds east */
	struct turn to_dst, to_std;
};

/* ---- the rule for later years ---- */

static bool
literal(struct span *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_skip(*s, 1);
	return true;
}

static bool
digits(struct span *s, int min, int max, int *ret)
{
	size_t n = 0;
	uint64_t v = 0;

	while (n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (n == 0 || !span_u64(span_first(*s, n), (uint64_t)max, &v) || (int)v < min)
		return false;
	*s = span_skip(*s, n);
	*ret = (int)v;
	return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool
rule_time(struct span *s, int max_hours, int32_t *ret)
{
	int sign = literal(s, '-') ? -1 : 1;
	int h = 0;
	int m = 0;
	int sec = 0;

	if (sign > 0)
		(void)literal(s, '+');
	if (!digits(s, 0, max_hours, &h))
		return false;
	if (literal(s, ':')) {
		if (!digits(s, 0, 59, &m))
			return false;
		if (literal(s, ':') && !digits(s, 0, 59, &sec))
			return false;
	}
	*ret = sign * (h * 3600 + m * 60 + sec);
	return true;
}

/* An abbreviation: letters, or anything between < and >.  Its text is not kept. */
static bool
rule_name(struct span *s)
{
	size_t n = 0;

	if (literal(s, '<')) {
		(void)span_cut(s, '>');
		return s->p != NULL;
	}
	while (n < s->n && ((s->p[n] | 0x20) >= 'a' && (s->p[n] | 0x20) <= 'z'))
		n++;
	*s = span_skip(*s, n);
	return n >= 3;
}

static bool
rule_turn(struct span *s, struct turn *ret)
{
	bool ok = false;

	*ret = (struct turn){.time = 7200};
	if (literal(s, 'J')) {
		ret->form = TURN_JULIAN;
		ok = digits(s, 1, 365, &ret->day);
	} else if (literal(s, 'M')) {
		ret->form = TURN_WEEKDAY;
		ok = digits(s, 1, 12, &ret->month) && literal(s, '.') &&
		     digits(s, 1, 5, &ret->week) && literal(s, '.') && digits(s, 0, 6, &ret->day);
	} else {
		ret->form = TURN_DAY;
		ok = digits(s, 0, 365, &ret->day);
	}
	if (ok && literal(s, '/'))
		ok = rule_time(s, 167, &ret->time);
	return ok;
}

static bool
rule_parse(struct zone *z, struct span s)
{
	int32_t west = 0;

	if (s.n == 0)
		return true;
	if (!rule_name(&s) || !rule_time(&s, 24, &west))
		return false;
	z->has_rule = true;
	z->std = -west;
	if (s.n == 0)
		return true;
	if (!rule_name(&s))
		return false;
	z->has_summer = true;
	z->dst = z->std + 3600;
	if (s.n > 0 && s.p[0] != ',') {
		if (!rule_time(&s, 24, &west))
			return false;
		z->dst = -west;
	}
	return literal(&s, ',') && rule_turn(&s, &z->to_dst) && literal(&s, ',') &&
	       rule_turn(&s, &z->to_std) && s.n == 0;
}

/* Days since the epoch of the turn in a year. */
static int64_t
turn_day(const struct turn *t, int year)
{
	if (t->form == TURN_DAY)
		return civil_days(year, 1, 1) + t->day;
	if (t->form == TURN_JULIAN) /* 29 February is never counted */
		return civil_days(year, 1, 1) + t->day - 1 +
		       (t->day > 59 && civil_month_days(year, 2) == 29);
	int64_t first = civil_days(year, t->month, 1);
	int64_t day = first + (t->day - civil_weekday(first) + 7) % 7 + (int64_t)(t->week - 1) * 7;
	return day < first + civil_month_days(year, t->month) ? day : day - 7;
}

/* Where the turns around an instant put it. */
struct place {
	int64_t last, next; /* the turn before or at it, and the one after */
	int32_t east;
};

static void
weigh_turn(struct place *p, int64_t at, int64_t when, int32_t east)
{
	if (when <= at && when >= p->last) {
		p->last = when;
		p->east = east;
	}
	if (when > at && when < p->next)
		p->next = when;
}

static int32_t
rule_offset(const struct zone *z, int64_t at, int64_t *until)
{
	struct place p = {INT64_MIN, INT64_MAX, z->std};
	struct civil c;

	civil_from_secs(at, &c);
	for (int year = c.year - 1; z->has_summer && year <= c.year + 1; year++) {
		int64_t off = turn_day(&z->to_std, year) * DAY + z->to_std.time - z->dst;
		int64_t on = turn_day(&z->to_dst, year) * DAY + z->to_dst.time - z->std;
		/* A zone with summer all year turns off and on at one instant: on counts. */
		weigh_turn(&p, at, off, z->std);
		weigh_turn(&p, at, on, z->dst);
	}
	*until = p.next;
	return p.east;
}

/* ---- the file ---- */

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static uint64_t
big_endian(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static bool
read_header(struct span *s, char *version, struct counts *ret, struct err *e)
{
	if (s->n < HEADER || !span_starts(*s, SPAN("TZif")))
		return err_set(e, ERR_SYNTAX, "RFC 8536 3.1", "not a time zone file");
	const char *p = s->p;
	*version = p[4];
	*ret = (struct counts){
		.isut = (uint32_t)big_endian(p + 20, 4),
		.isstd = (uint32_t)big_endian(p + 24, 4),
		.leap = (uint32_t)big_endian(p + 28, 4),
		.time = (uint32_t)big_endian(p + 32, 4),
		.type = (uint32_t)big_endian(p + 36, 4),
		.chars = (uint32_t)big_endian(p + 40, 4),
	};
	*s = span_skip(*s, HEADER);
	return true;
}

static uint64_t
block_size(const struct counts *c, size_t time_size)
{
	return (uint64_t)c->time * (time_size + 1) + (uint64_t)c->type * 6 + c->chars +
	       (uint64_t)c->leap * (time_size + 4) + c->isstd + c->isut;
}

static struct zone *
zone_new(size_t n)
{
	/* One block: the struct, the instants, the offsets. */
	char *p = calloc(1, sizeof(struct zone) + n * (sizeof(int64_t) + sizeof(int32_t)));

	if (p == NULL)
		return NULL;
	struct zone *z = (struct zone *)(void *)p;
	z->n = n;
	z->at = (int64_t *)(void *)(p + sizeof(struct zone));
	z->east = (int32_t *)(void *)(p + sizeof(struct zone) + n * sizeof(int64_t));
	return z;
}

static bool
read_types(const char *types, uint32_t n, struct err *e)
{
	for (uint32_t i = 0; i < n; i++) {
		int32_t east = (int32_t)(uint32_t)big_endian(types + (size_t)i * 6, 4);
		if (east < LIMIT_WEST || east > LIMIT_EAST)
			return err_set(e, ERR_SYNTAX, "RFC 8536 3.2", "offset of %d seconds", east);
	}
	return true;
}

static bool
read_times(struct zone *z, struct span s, const struct counts *c, size_t size, struct err *e)
{
	const char *index = s.p + (size_t)c->time * size;
	const char *types = index + c->time;

	if (!read_types(types, c->type, e))
		return false;
	z->first = (int32_t)(uint32_t)big_endian(types, 4);
	for (size_t i = 0; i < z->n; i++) {
		uint64_t v = big_endian(s.p + i * size, size);
		unsigned type = (unsigned char)index[i];
		z->at[i] = size == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
		if (i > 0 && z->at[i] <= z->at[i - 1])
			return err_set(e, ERR_SYNTAX, "RFC 8536 3.2", "transitions do not rise");
		if (type >= c->type)
			return err_set(
				e, ERR_SYNTAX, "RFC 8536 3.2", "transition of type %u", type);
		z->east[i] = (int32_t)(uint32_t)big_endian(types + (size_t)type * 6, 4);
	}
	return true;
}

static bool
read_footer(struct zone *z, struct span s, struct err *e)
{
	if (!literal(&s, '\n'))
		return err_set(e, ERR_SYNTAX, "RFC 8536 3.3", "no footer");
	struct span rule = span_cut(&s, '\n');
	if (s.p == NULL || !rule_parse(z, rule))
		return err_set(e, ERR_SYNTAX, "RFC 8536 3.3", "the footer is not a TZ rule");
	return true;
}

static bool
read_block(struct span s, size_t size, const struct counts *c, struct zone **ret, struct err *e)
{
	if (c->type == 0 || c->type > 256 || c->time > LIMIT_TIMES)
		return err_set(e, ERR_SYNTAX, "RFC 8536 3.1", "%u types, %u transitions", c->type,
			c->time);
	if (c->leap > 0)
		return err_set(e, ERR_SYNTAX, "RFC 8536 3.2",
			"counts leap seconds; use the zone outside of right/");
	if (block_size(c, size) > s.n)
		return err_set(e, ERR_SYNTAX, "RFC 8536 3.2", "the file is cut short");
	struct zone *z = zone_new(c->time);
	if (z == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "time zone");
	if (!read_times(z, s, c, size, e) ||
		(size == 8 && !read_footer(z, span_skip(s, (size_t)block_size(c, size)), e))) {
		zone_free(z);
		return false;
	}
	*ret = z;
	return true;
}

bool
zone_parse(struct span tzif, struct zone **ret, struct err *e)
{
	struct counts c = {0};
	char version = 0;

	if (tzif.n > LIMIT_FILE)
		return err_set(e, ERR_LIMIT, NULL, "time zone file of %zu bytes", tzif.n);
	if (!read_header(&tzif, &version, &c, e))
		return false;
	if (version == '\0')
		return read_block(tzif, 4, &c, ret, e);
	/* Version 2 and later: the same again with 64-bit instants, and the rule. */
	if (block_size(&c, 4) > tzif.n)
		return err_set(e, ERR_SYNTAX, "RFC 8536 3.2", "the file is cut short");
	tzif = span_skip(tzif, (size_t)block_size(&c, 4));
	return read_header(&tzif, &version, &c, e) && read_block(tzif, 8, &c, ret, e);
}

static bool
read_whole(int fd, char *out, size_t cap, size_t *ret, struct err *e)
{
	size_t n = 0;

	while (n < cap) {
		ssize_t got = read(fd, out + n, cap - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, ERR_SYSTEM, NULL, "read time zone file");
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*ret = n;
	return true;
}

/* Folders and links of the installation that are not names of the tz database. */
static bool
foreign(struct span name)
{
	static const char *const names[] = {"posix", "right", "localtime", "posixrules"};
	struct span head = span_cut(&name, '/');

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(head, names[i]))
			return true;
	return false;
}

bool
zone_load(struct span name, struct zone **ret, struct err *e)
{
	char path[320];
	struct stat st;
	size_t n = 0;

	if (name.n == 0 || name.n > 255 || name.p[0] == '/' || span_has(name, '.') ||
		span_has(name, '\0') || foreign(name))
		return err_set(e, ERR_ABSENT, NULL, "no time zone of that name");
	(void)snprintf(path, sizeof(path), ZONE_FOLDER "%.*s", SPAN_ARG(name));
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_ABSENT, NULL, "no time zone of that name in " ZONE_FOLDER);
	if (st.st_size > LIMIT_FILE)
		return err_set(e, ERR_LIMIT, NULL, "time zone file too large");
	AUTO_FREE char *text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "time zone");
	return read_whole(fd, text, (size_t)st.st_size, &n, e) &&
	       zone_parse((struct span){text, n}, ret, e);
}

/* The word behind `prefix` at the beginning of a file: letters and digits. */
static bool
read_word(const char *path, const char *prefix, char ret[16])
{
	char text[64];
	size_t n = 0;
	size_t len = 0;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !read_whole(fd, text, sizeof(text), &n, NULL) ||
		!span_starts((struct span){text, n}, span_of(prefix)))
		return false;
	struct span word = span_skip((struct span){text, n}, strlen(prefix));
	while (len < word.n && ((word.p[len] >= '0' && word.p[len] <= '9') ||
				       (word.p[len] >= 'a' && word.p[len] <= 'z')))
		len++;
	return len > 0 && span_cstr(span_first(word, len), ret, 16);
}

void
zone_version(char ret[16])
{
	ret[0] = '\0';
	if (!read_word(ZONE_FOLDER "tzdata.zi", "# version ", ret))
		(void)read_word(ZONE_FOLDER "+VERSION", "", ret);
}

void
zone_free(struct zone *z)
{
	free(z);
}

int32_t
zone_offset(const struct zone *z, int64_t at, int64_t *until)
{
	size_t lo = 0;
	size_t hi = z->n;
	int64_t unused = 0;

	if (until == NULL)
		until = &unused;
	while (lo < hi) { /* lo: transitions that are not after `at` */
		size_t mid = lo + (hi - lo) / 2;
		if (z->at[mid] <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == z->n && z->has_rule)
		return rule_offset(z, at, until);
	*until = lo < z->n ? z->at[lo] : INT64_MAX;
	return lo > 0 ? z->east[lo - 1] : z->first;
}
