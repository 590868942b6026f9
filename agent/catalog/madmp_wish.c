/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/madmp_wish.h"

#include "agent/catalog/madmp_terms.h"

static void
add_day(struct madmp_wish *w, int32_t day)
{
	if (w->opening == MADMP_NEVER || (w->opening == MADMP_DAY && w->day >= day))
		return;
	w->opening = MADMP_DAY;
	w->day = day;
}

static void
add_license(struct madmp_wish *w, const struct madmp_license *l, struct span licence)
{
	struct span spdx = madmp_licence(l->ref);

	add_day(w, l->start.day);
	if (spdx.p != NULL && span_eq(spdx, licence))
		w->licence = l->ref;
	else if (w->other.p == NULL)
		w->other = l->ref;
}

static void
add_distribution(struct madmp_wish *w, const struct madmp_distribution *d, struct span licence)
{
	for (size_t i = 0; i < d->n_licenses; i++)
		add_license(w, &d->licenses[i], licence);
	if (d->n_licenses == 0 && d->access == MADMP_CLOSED)
		w->opening = MADMP_NEVER;
}

static void
add_answer(struct madmp_wish *w, enum madmp_answer a, struct span yes, struct span unknown)
{
	if (a == MADMP_NO || (w->personal && a == MADMP_UNKNOWN))
		return;
	w->personal = true;
	w->answer = a == MADMP_YES ? yes : unknown;
}

static void
add_entry(struct madmp_wish *w, const struct madmp_dataset *d, struct span licence)
{
	if (w->entries++ == 0)
		w->first = d;
	add_answer(w, d->sensitive, SPAN("sensitive_data: yes"), SPAN("sensitive_data: unknown"));
	add_answer(w, d->personal, SPAN("personal_data: yes"), SPAN("personal_data: unknown"));
	for (size_t i = 0; i < d->n_distributions; i++)
		add_distribution(w, &d->distributions[i], licence);
}

/* The entries with this pid; absent: those that name none. */
static void
add_all(struct madmp_wish *w, const struct madmp *m, const struct madmp_names *names,
	struct span pid, struct span licence)
{
	for (size_t i = 0; i < m->n_datasets && i < names->n; i++)
		if ((names->pid[i].p == NULL) == (pid.p == NULL) && span_eq(names->pid[i], pid))
			add_entry(w, &m->datasets[i], licence);
}

void
madmp_wish(const struct madmp *m, const struct madmp_names *names, struct span pid, bool rest,
	struct span licence, struct madmp_wish *ret)
{
	*ret = (struct madmp_wish){.entries = 0};
	add_all(ret, m, names, pid, licence);
	if (ret->entries > 0 || !rest)
		return;
	add_all(ret, m, names, SPAN_NONE, licence);
	ret->rest = ret->entries > 0;
}
