/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_policies.h"

#include "policy/sign.h"

#include <stdio.h>

#define FILES_MAX 64U

static bool
read_signature(const struct role *r, size_t i, struct span *ret, struct err *e)
{
	char name[32];

	*ret = SPAN_NONE;
	(void)snprintf(name, sizeof(name), "policy.%zu.sig", i);
	return role_file(r, name) == NULL || role_text(r, name, ret, e);
}

static bool
is_signed(
	const struct role *r, const struct policy_source *file, struct span sig, struct buf *report)
{
	const struct policy_signers signers = {.key = r->settings->signer_keys,
		.n = r->settings->signers.n,
		.required = r->settings->required_signatures};
	const struct policy_sign_source src = {file->name, file->text, sig};

	return policy_sign_report(&src, &signers, report);
}

bool
gate_policies_load(
	const struct role *r, struct buf *report, const struct policy_set **ret, struct err *e)
{
	const struct settings_list *files = &r->settings->policies;
	struct policy_source sources[FILES_MAX];
	unsigned bad = 0;
	char name[32];

	if (files->n > FILES_MAX)
		return err_set(e, ERR_LIMIT, NULL, "more than %u policy files", FILES_MAX);
	for (size_t i = 0; i < files->n; i++) {
		struct span sig;
		(void)snprintf(name, sizeof(name), "policy.%zu", i);
		sources[i].name = files->item[i];
		if (!role_text(r, name, &sources[i].text, e) || !read_signature(r, i, &sig, e))
			return false;
		bad += !is_signed(r, &sources[i], sig, report);
	}
	if (bad > 0)
		return err_set(e, ERR_DENIED, "POL-19",
			"%u of %zu policy files %s not signed as "
			"they must be",
			bad, files->n, bad == 1 ? "is" : "are");
	*ret = policy_set_load(sources, files->n, report, e);
	return *ret != NULL;
}
