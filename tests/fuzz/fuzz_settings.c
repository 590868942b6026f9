/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/settings.h"
#include "agent/base/settings_issuer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Every line of a report names the file and ends; there is one whenever the text is refused. */
static void
check_report(struct span report, bool refused)
{
	if ((report.n > 0) != refused)
		abort();
	while (report.n > 0) {
		struct span line = span_cut(&report, '\n');
		if (report.p == NULL || !span_starts(line, SPAN("/f/a.yaml:")))
			abort();
	}
}

static void
check_issuer(const struct settings_issuer *i)
{
	const char *const files[] = {i->jwks_file, i->ca_file, i->client_secret_file,
		i->web_client_secret_file, i->demo_key};

	for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++)
		if (files[k] != NULL && files[k][0] != '/')
			abort();
	if (i->name == NULL || i->refresh < 5 || i->stale_max < 86400)
		abort();
	/* What is fetched is https, or a test's on this machine. */
	if (i->jwks_file == NULL && strncmp(i->issuer, "https://", 8) != 0 &&
		!(i->insecure && settings_issuer_loopback(i->issuer)))
		abort();
}

static void
check_settings(const struct settings *s)
{
	if (s->workers < 1 || s->workers > 64 || s->readers < 1 || s->readers > 16 ||
		s->n_roots == 0)
		abort();
	for (size_t i = 0; i < s->n_roots; i++)
		if (s->roots[i].path[0] != '/' || s->roots[i].pid[0] == '/')
			abort();
	for (size_t i = 0; i < s->policies.n; i++)
		if (s->policies.item[i][0] != '/')
			abort();
	for (size_t i = 0; i < s->n_issuers; i++)
		check_issuer(&s->issuers[i]);
	if (s->accounts != NULL && s->accounts[0] != '/')
		abort();
}

/* Refused with lines that name their place, or whole: every path absolute, every number in range.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_BUF report = BUF_INIT(1U << 20);
	struct settings *s =
		settings_parse("/f/a.yaml", (struct span){(const char *)data, n}, &report, NULL);

	check_report(buf_span(&report), s == NULL);
	if (s != NULL)
		check_settings(s);
	settings_free(s);
	return 0;
}
