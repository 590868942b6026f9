/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/timeline.h"

#include "agent/base/civil.h"
#include "policy/model.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS    56
#define NAME_WIDTH 24
#define ROWS_MAX   1024U
#define LABEL_GAP  6 /* columns between two years at least */

struct drawing {
	const struct policy *row[ROWS_MAX]; /* by valid_from */
	size_t n;
	int32_t from, until; /* of the axis; until: the first day without it */
	struct buf *out;
};

/* ---- the axis ---- */

static int
year_of(int32_t date)
{
	struct civil c;

	civil_from_secs((int64_t)date * 86400, &c);
	return c.year;
}

static int32_t
new_year(int year)
{
	return (int32_t)civil_days(year, 1, 1);
}

/* The column that a day falls into; days outside of the axis are put at its ends. */
static int
column(const struct drawing *d, int32_t date)
{
	int64_t days = (int64_t)d->until - d->from;
	int64_t at = ((int64_t)date - d->from) * COLUMNS / (days > 0 ? days : 1);

	return at < 0 ? 0 : at > COLUMNS ? COLUMNS : (int)at;
}

static void
sort(struct drawing *d, const struct policy_set *s)
{
	for (size_t i = 0; i < policy_set_count(s) && d->n < ROWS_MAX; i++) {
		const struct policy *p = policy_set_policy(s, i);
		size_t at = d->n++;
		for (; at > 0 && d->row[at - 1]->valid_from > p->valid_from; at--)
			d->row[at] = d->row[at - 1];
		d->row[at] = p;
	}
}

/* Whole years, with a little of what is to come. */
static void
measure(struct drawing *d, int32_t today)
{
	int32_t last = today;

	d->from = today;
	for (size_t i = 0; i < d->n; i++) {
		const struct policy *p = d->row[i];
		int32_t end = p->has_until ? p->valid_until : p->valid_from;
		if (p->valid_from < d->from)
			d->from = p->valid_from;
		if (end > last)
			last = end;
	}
	d->from = new_year(year_of(d->from));
	d->until = new_year(year_of(last) + 1);
}

static void
line(struct drawing *d, struct span name, const char cells[COLUMNS + 1])
{
	struct span text = {cells, COLUMNS + 1};

	while (text.n > 0 && text.p[text.n - 1] == ' ')
		text.n--;
	buf_addf(d->out, "%-*.*s  %.*s\n", NAME_WIDTH, SPAN_ARG(span_first(name, NAME_WIDTH)),
		SPAN_ARG(text));
}

static void
draw_years(struct drawing *d)
{
	char cells[COLUMNS + 8];
	int first = year_of(d->from);
	int years = year_of(d->until) - first;
	int step = 1;

	while (COLUMNS / LABEL_GAP * step < years)
		step++;
	memset(cells, ' ', sizeof(cells));
	for (int y = first; y < first + years; y += step) {
		char digits[16];
		int at = column(d, new_year(y));
		(void)snprintf(digits, sizeof(digits), "%04d", y);
		if (at + 4 <= COLUMNS)
			memcpy(cells + at, digits, 4);
	}
	line(d, SPAN(""), cells);
}

/* From the column of one day to that of another, at least one. */
static void
fill(const struct drawing *d, char cells[COLUMNS + 1], int32_t from, int32_t until, char c)
{
	int a = column(d, from);
	int b = column(d, until);

	if (a == COLUMNS)
		a--;
	for (int i = a; i < (b > a ? b : a + 1); i++)
		cells[i] = c;
}

static void
draw_policy(struct drawing *d, const struct policy *p)
{
	char cells[COLUMNS + 1];

	memset(cells, ' ', sizeof(cells));
	fill(d, cells, p->valid_from, p->has_until ? p->valid_until : d->until, '=');
	if (!p->has_until)
		cells[COLUMNS] = '>';
	line(d, p->id, cells);
}

/* ---- gaps ---- */

static void
write_date(struct buf *out, int32_t date)
{
	AUTO_BUF b = BUF_INIT(64);

	civil_write_iso(&b, (int64_t)date * 86400);
	buf_add(out, span_first(buf_span(&b), 10));
}

static void
tell_gap(struct buf *text, int32_t from, int32_t until)
{
	buf_adds(text, "no policy from ");
	write_date(text, from);
	buf_adds(text, " to ");
	write_date(text, until - 1);
	buf_adds(text, ": data of these days are closed to everybody\n");
}

static void
draw_gaps(struct drawing *d)
{
	AUTO_BUF text = BUF_INIT((size_t)1 << 20);
	char cells[COLUMNS + 1];
	int32_t held = d->n > 0 ? d->row[0]->valid_from : INT32_MAX; /* days before it are */

	memset(cells, ' ', sizeof(cells));
	for (size_t i = 0; i < d->n; i++) {
		const struct policy *p = d->row[i];
		int32_t end = p->has_until ? p->valid_until : INT32_MAX;
		if (p->valid_from > held) {
			fill(d, cells, held, p->valid_from, '!');
			tell_gap(&text, held, p->valid_from);
		}
		held = end > held ? end : held;
	}
	if (held < d->until) {
		fill(d, cells, held, d->until, '!');
		buf_adds(&text, "no policy from ");
		write_date(&text, held);
		buf_adds(&text, " on: data of that day and later are closed to everybody\n");
	}
	if (text.n == 0)
		return;
	line(d, SPAN("(none)"), cells);
	buf_addc(d->out, '\n');
	buf_add(d->out, buf_span(&text));
}

void
timeline_draw(const struct policy_set *s, int32_t today, struct buf *out)
{
	struct drawing d = {.out = out};

	sort(&d, s);
	measure(&d, today);
	draw_years(&d);
	for (size_t i = 0; i < d.n; i++)
		draw_policy(&d, d.row[i]);
	draw_gaps(&d);
}
