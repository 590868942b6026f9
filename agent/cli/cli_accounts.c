/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_accounts.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/cli/cli_file.h"

static bool
load_file(const struct settings *s, struct buf *report, struct cli_accounts *a)
{
	AUTO_BUF text = BUF_INIT(ACCOUNTS_BYTES_MAX + 1);
	struct err e = {.code = ERR_NONE};

	if (!cli_file_read(s->accounts, &text, &e)) {
		settings_fault(s, s->accounts, report, "%s", e.msg);
		return false;
	}
	return accounts_load(buf_span(&text), s->accounts, &a->issuers, report, &a->accounts, &e);
}

bool
cli_accounts_load(const struct settings *s, bool file, struct buf *report, struct cli_accounts *ret)
{
	struct span url = span_of(s->public_url);

	*ret = (struct cli_accounts){.origin = NULL};
	while (span_ends(url, SPAN("/")))
		url.n--;
	ret->origin = malloc(url.n + 2);
	if (ret->origin == NULL)
		return false;
	(void)snprintf(ret->origin, url.n + 2, "%.*s/", SPAN_ARG(url));
	if (!issuers_load(s, span_of(ret->origin), report, &ret->issuers, NULL))
		return false;
	return !file || s->accounts == NULL || load_file(s, report, ret);
}

void
cli_accounts_fini(struct cli_accounts *a)
{
	accounts_free(a->accounts);
	issuers_fini(&a->issuers);
	free(a->origin);
	*a = (struct cli_accounts){.origin = NULL};
}
