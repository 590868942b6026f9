/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/accounts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const once[] = {"https://o.test"};

/*
 * A refusal has its line, and nothing of a refused file counts.  Nobody is linked who is not named:
 * a link has a user or proposals; a stranger has none; the issuer that no row names links nobody.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct settings_issuer s[3] = {
		{.issuer = "https://a.test", .formerly = {once, 1}}, {.issuer = "https://b.test"},
		{.issuer = "\n"}};
	struct issuer item[3] = {
		{.iss = SPAN("https://a.test"), .settings = &s[0], .user = SPAN("sub")},
		{.iss = SPAN("https://b.test"),
			.settings = &s[1],
			.user = SPAN("voperson_id"),
			.edu_id = true},
		{.iss = SPAN("\n"), .settings = &s[2], .user = SPAN("sub")}};
	const struct issuers all = {item, 3};
	AUTO_BUF report = BUF_INIT(65536);
	struct accounts *a = NULL;
	struct err e = {0};

	if (!accounts_load((struct span){(const char *)data, size}, "f", &all, &report, &a, &e)) {
		if ((report.n == 0 && e.code == ERR_SYNTAX) || a != NULL)
			abort();
		return 0;
	}
	static const char claims[] = "{\"email\":\"m@x\",\"email_verified\":false,\"c\":{\"d\":"
				     "[\"v\",\"w\"]},\"sub\":\"v\",\"voperson_id\":\"V\"}";
	AUTO_JSON j = json_parse(span_of(claims), NULL, NULL);
	for (size_t i = 0; i < 3; i++) {
		struct subject known = {.authenticated = true, .sub = SPAN("v")};
		struct subject stranger = {.authenticated = true, .sub = SPAN("\n")};
		accounts_find(a, &all.item[i], j, &known);
		accounts_find(a, &all.item[i], NULL, &stranger);
		if (stranger.local_user.p != NULL || stranger.n_proposals > 0)
			abort();
		if (i == 2 && (known.local_user.p != NULL || known.n_proposals > 0))
			abort();
		if (known.local_user.p != NULL && known.local_user.n == 0)
			abort();
		for (size_t k = 0; k < known.n_proposals; k++)
			if (known.proposals[k].n == 0)
				abort();
	}
	accounts_free(a);
	return 0;
}
