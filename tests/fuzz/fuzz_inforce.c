/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/inforce.h"
#include "tests/fuzz/hold.h"

/* What a gate told of its policies is read, and what is recorded of it reads the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_JSON j = json_parse((struct span){(const char *)data, size}, NULL, NULL);
	AUTO_BUF text = BUF_INIT((size_t)1 << 20);
	struct inforce f = {.n = 0};
	struct inforce g = {.n = 0};

	if (j == NULL || !inforce_read(j, &f, NULL))
		return 0;
	hold(f.n <= INFORCE_MAX);
	inforce_replaced(&f, &text);
	hold(buf_ok(&text));
	AUTO_JSON k = json_parse(buf_span(&text), NULL, NULL);
	hold(k != NULL && inforce_read(k, &g, NULL) && g.n == f.n);
	for (size_t i = 0; i < f.n; i++)
		hold(span_eq(f.entry[i].policy, g.entry[i].policy) &&
			span_eq(f.entry[i].sha256, g.entry[i].sha256) &&
			f.entry[i].version == g.entry[i].version);
	return 0;
}
