/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a token is a b64token inside the field, within the limit; its kind follows from its
 * dots. */
#include "auth/credential.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span field = {(const char *)data, size};
	struct credential c;
	size_t dots = 0;

	if (!credential_parse(field, &c, NULL) || c.kind == CREDENTIAL_NONE)
		return 0;
	if (c.token.n == 0 || c.token.n > CREDENTIAL_TOKEN_MAX || !credential_b64token(c.token))
		abort();
	if (c.token.p < field.p || c.token.p + c.token.n > field.p + field.n)
		abort();
	for (size_t i = 0; i < c.token.n; i++)
		dots += c.token.p[i] == '.';
	if ((c.kind == CREDENTIAL_JWT) != (dots >= 2))
		abort();
	return 0;
}
