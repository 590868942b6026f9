/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_person.h"

#include "agent/base/scope.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void
add_month(struct cli_audit_months *m, int dir, const char month[AUDIT_MONTH_LEN])
{
	struct err e = {0};
	struct cli_audit_month *at = &m->item[m->n];

	if (m->n == CLI_AUDIT_MONTHS)
		return;
	if (audit_keys_month(dir, month, false, at->key, &e))
		memcpy(m->item[m->n++].month, month, AUDIT_MONTH_LEN);
	else if (e.code != ERR_ABSENT)
		m->unreadable++;
}

static void
add_folder(struct cli_audit_months *m, const char *folder)
{
	char month[AUDIT_MONTH_LEN];
	AUTO_DIR d = opendir(folder);

	struct dirent *x = d != NULL ? readdir(d) : NULL; // NOLINT(concurrency-mt-unsafe): own
	for (; x != NULL; x = readdir(d))                 // NOLINT(concurrency-mt-unsafe): own
		if (audit_names_is_key(span_of(x->d_name), month))
			add_month(m, dirfd(d), month);
}

bool
cli_audit_person_months(const struct cli_audit_files *f, struct cli_audit_months *ret)
{
	char before[PATH_MAX] = "";
	char folder[PATH_MAX];

	*ret = (struct cli_audit_months){.item = calloc(CLI_AUDIT_MONTHS + 1, sizeof(*ret->item))};
	if (ret->item == NULL)
		return false;
	for (size_t i = 0; i < f->n; i++) {
		cli_audit_files_folder(f->file[i].name, folder, sizeof(folder));
		if (strcmp(folder, before) != 0)
			add_folder(ret, folder);
		memcpy(before, folder, sizeof(before));
	}
	return true;
}

void
cli_audit_person_months_fini(struct cli_audit_months *m)
{
	if (m->item != NULL)
		explicit_bzero(m->item, (CLI_AUDIT_MONTHS + 1) * sizeof(*m->item));
	free(m->item);
	*m = (struct cli_audit_months){.item = NULL};
}

bool
cli_audit_person_split(struct span text, struct span *sub, struct span *iss)
{
	size_t at = text.n;

	while (at > 0 && text.p[at - 1] != '@')
		at--;
	if (at < 2 || at == text.n)
		return false;
	*sub = span_first(text, at - 1);
	*iss = span_skip(text, at);
	return true;
}
