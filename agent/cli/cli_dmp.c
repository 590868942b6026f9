/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_dmp.h"

#include "agent/cli/cli_dmp_export.h"
#include "agent/cli/cli_dmp_import.h"
#include "agent/cli/command.h"
#include "policy/view_all.h"

#include <stdio.h>
#include <string.h>

#define PAGE_MEMORY ((size_t)64 * 1024 * 1024)

enum { PAGE = 500 };

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent dmp import FILE [--proposal ID] [--by ROLE] [--dry-run]\n"
		"       pan-agent dmp export PROPOSAL [--out FILE]\n"
		"\n"
		"Machine-actionable data management plans (RDA DMP Common Standard 1.2).\n"
		"\n"
		"import    ask for what a plan wants and policy allows: an earlier opening, the\n"
		"          flag personal-data; report what conflicts\n"
		"export    the plan of a proposal as it came out: sizes, addresses, licence and\n"
		"          release dates of its datasets\n"
		"\n"
		"`pan-agent dmp import --help` and `pan-agent dmp export --help` tell more.\n"
		"\n"
		"example: pan-agent dmp import plan.json --dry-run\n",
		out);
	return code;
}

int
cli_dmp(int argc, char **argv)
{
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return help(stdout, EXIT_DONE);
	if (argc >= 2 && strcmp(argv[1], "import") == 0)
		return cli_dmp_import(argc - 1, argv + 1);
	if (argc >= 2 && strcmp(argv[1], "export") == 0)
		return cli_dmp_export(argc - 1, argv + 1);
	return help(stderr, EXIT_CALL);
}

struct span
cli_dmp_origin(const struct cli_facts *w)
{
	struct span s = span_of(w->settings->public_url);

	while (span_ends(s, SPAN("/")))
		s.n--;
	return s;
}

/* ---- the datasets of a proposal ---- */

/* Room for one more; the array grows by doubling, and what it leaves behind stays in the arena. */
static bool
add_pid(struct cli_dmp_pids *p, struct span pid, struct arena *a)
{
	if ((p->n & (p->n - 1)) == 0) {
		struct span *more = arena_array(a, p->n > 0 ? p->n * 2 : 1, sizeof(*more));
		if (more == NULL)
			return false;
		if (p->n > 0)
			memcpy(more, p->item, p->n * sizeof(*more));
		p->item = more;
	}
	p->item[p->n] = arena_span(a, pid);
	return p->item[p->n++].p != NULL;
}

bool
cli_dmp_of_proposal(struct cli_facts *w, struct span proposal, struct arena *a,
	struct cli_dmp_pids *ret, struct err *e)
{
	struct catalog_query q = {.view = view_all(), .limit = PAGE};
	struct catalog_page page = {.more = true};
	AUTO_ARENA rows = {0};

	*ret = (struct cli_dmp_pids){.n = 0};
	if (!arena_init(&rows, PAGE_MEMORY))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	while (page.more) {
		arena_reset(&rows);
		if (!catalog_datasets(w->catalog, &q, &rows, &page, e))
			return false;
		for (size_t i = 0; i < page.n; i++) {
			const struct catalog_dataset *d = &page.row[i].dataset;
			if (span_eq(d->proposal, proposal) && !add_pid(ret, d->pid, a))
				return err_set(e, ERR_LIMIT, NULL, "too many datasets");
		}
		q.behind = page.at;
	}
	return true;
}
