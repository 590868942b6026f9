/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/announced.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read, written and read again is the same. */
static void
again(const struct digest_values *v, bool repr)
{
	AUTO_BUF text = BUF_INIT(4096);
	struct digest_values w;

	buf_adds(&text, repr ? "Repr-Digest: " : "Digest: ");
	bool any = repr ? digest_write_repr(&text, v->have, v) : digest_write(&text, v->have, v);
	buf_addc(&text, '\n');
	if (any != (v->have != 0) || !buf_ok(&text))
		abort();
	if (!announced_read(buf_span(&text), &w, NULL) || w.have != v->have ||
		announced_differs(v, &w) != NULL || announced_differs(&w, v) != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest_values v;
	struct span all = {(const char *)data, size};
	struct span field = announced_field(all, SPAN("digest"));

	if (field.p != NULL && (field.p < all.p || field.p + field.n > all.p + all.n))
		abort();
	if (!announced_read(all, &v, NULL))
		return 0;
	if ((v.have >> DIGEST_COUNT) != 0)
		abort();
	again(&v, false);
	again(&v, true);
	return 0;
}
