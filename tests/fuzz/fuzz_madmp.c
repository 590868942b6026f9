/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalog/madmp.h"
#include "agent/catalog/madmp_terms.h"
#include "agent/catalog/madmp_wish.h"
#include "tests/fuzz/hold.h"

enum { WISHES = 100, MEMORY = 64 << 20, OUT = 96 << 20, REPORT = 1 << 16 };

static bool
read_plan(struct span text, struct arena *a, struct madmp *m)
{
	AUTO_BUF report = BUF_INIT(REPORT);
	struct err e = {0};
	bool ok = madmp_parse("plan", text, a, &report, m, &e);

	/* A refusal says why, and what is taken has nothing to say. */
	hold(ok == (report.n == 0) && (ok || e.code == ERR_SYNTAX));
	return ok;
}

static void
check_terms(const struct madmp *m, struct arena *a)
{
	for (size_t i = 0; i < m->n_datasets; i++) {
		const struct madmp_dataset *d = &m->datasets[i];
		struct span pid = madmp_pid(d->id.identifier, SPAN("https://here.example"));
		hold(pid.p >= d->id.identifier.p && pid.n <= d->id.identifier.n);
		hold(d->n_distributions == 0 || d->distributions != NULL);
		for (size_t k = 0; k < d->n_distributions; k++)
			for (size_t l = 0; l < d->distributions[k].n_licenses; l++) {
				const struct madmp_license *li = &d->distributions[k].licenses[l];
				struct span spdx = madmp_licence(li->ref);
				hold(li->start.given);
				/* The address that we write is one that we read. */
				if (spdx.p != NULL)
					hold(span_eq(
						spdx, madmp_licence(madmp_licence_ref(spdx,
							      SPAN("https://here.example"), a))));
			}
	}
}

/* No wish opens earlier than any licence of an entry that it was made of. */
static void
check_wishes(const struct madmp *m, struct arena *a)
{
	size_t n = m->n_datasets < WISHES ? m->n_datasets : WISHES;
	struct span *pid = arena_array(a, n + 1, sizeof(*pid));
	struct madmp_wish w;

	hold(pid != NULL);
	for (size_t i = 0; i < n; i++)
		pid[i] = madmp_pid(m->datasets[i].id.identifier, SPAN_NONE);
	const struct madmp_names names = {pid, n};
	for (size_t i = 0; i < n; i++) {
		const struct madmp_dataset *d = &m->datasets[i];
		madmp_wish(m, &names, pid[i], true, SPAN("CC-BY-4.0"), &w);
		hold(w.entries > 0 && !w.rest && w.first != NULL);
		hold(w.personal || (d->personal == MADMP_NO && d->sensitive == MADMP_NO));
		for (size_t k = 0; k < d->n_distributions; k++)
			for (size_t l = 0; l < d->distributions[k].n_licenses; l++)
				hold(w.opening == MADMP_NEVER ||
					(w.opening == MADMP_DAY &&
						w.day >=
							d->distributions[k].licenses[l].start.day));
	}
}

/* What was read and written reads the same: parse(write(parse(x))) == parse(x). */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA a = {0};
	AUTO_BUF one = BUF_INIT(OUT);
	AUTO_BUF two = BUF_INIT(OUT);
	struct madmp m = {0};
	struct madmp again = {0};

	if (!arena_init(&a, MEMORY) || !read_plan((struct span){(const char *)data, size}, &a, &m))
		return 0;
	madmp_write(&m, &one);
	hold(buf_ok(&one));
	check_terms(&m, &a);
	check_wishes(&m, &a);
	arena_reset(&a);
	hold(read_plan(buf_span(&one), &a, &again));
	madmp_write(&again, &two);
	hold_same(&two, buf_span(&one));
	return 0;
}
