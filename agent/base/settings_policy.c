/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/settings_policy.h"

#include <string.h>

/* One that is written in two ways is still one person. */
static bool
is_new(const struct settings *s, uint8_t (*keys)[SIGNER_KEY], size_t i, struct err *e)
{
	for (size_t j = 0; j < i; j++)
		if (memcmp(keys[i], keys[j], SIGNER_KEY) == 0)
			return err_set(e, ERR_SYNTAX, NULL, "signers: '%s' and '%s' are one key",
				s->signers.item[j], s->signers.item[i]);
	return true;
}

bool
settings_policy_complete(struct settings *s, const char **key, struct err *e)
{
	size_t n = s->signers.n;
	uint8_t(*keys)[SIGNER_KEY] = arena_array(&s->arena, n + 1, sizeof(*keys));

	*key = "signers";
	for (size_t i = 0; keys != NULL && i < n; i++) {
		/* NULL: reported already; so is what cannot be read. */
		bool good = s->signers.item[i] != NULL &&
			    signer_read(span_of(s->signers.item[i]), keys[i], NULL);
		if (good && !is_new(s, keys, i, e))
			return false;
	}
	s->signer_keys = (const uint8_t(*)[SIGNER_KEY])keys;
	*key = "required_signatures";
	return s->required_signatures <= (n > 0 ? n : 1) ||
	       err_set(e, ERR_SYNTAX, NULL,
		       "required_signatures: %u are needed, but policy.signers has %zu key%s",
		       s->required_signatures, n, n == 1 ? "" : "s");
}
