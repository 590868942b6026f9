/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what is taken is of this issuer, no longer than a key set may be, and of a time. */
#include "agent/cli/cli_auth_keys.h"
#include "auth/keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct span jwks = SPAN_NONE;
	int64_t fetched = -1;
	AUTO_ARENA mem = {0};

	if (!arena_init(&mem, 1U << 20) ||
		!cli_auth_keys_parse(in, SPAN("https://i.test"), &mem, &jwks, &fetched, NULL))
		return 0;
	if (jwks.p == NULL || jwks.n > KEYS_BYTES_MAX || fetched < 0 || !span_utf8(jwks))
		abort();
	if (memmem(in.p, in.n, "issuer", 6) == NULL && !span_has(in, '\\'))
		abort();
	return 0;
}
