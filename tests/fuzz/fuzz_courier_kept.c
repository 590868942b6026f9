/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a file that is taken is of the issuer that was asked for, within its limits, and what
 * it says is written and read again the same. */
#include "agent/courier_kept.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
same(const struct courier_kept *a, const struct courier_kept *b)
{
	for (unsigned i = 0; i < COURIER_ENDPOINTS; i++)
		if (strcmp(a->document.url[i], b->document.url[i]) != 0)
			return false;
	return span_eq(a->issuer, b->issuer) && span_eq(a->etag, b->etag) &&
	       span_eq(a->jwks, b->jwks) && a->fetched == b->fetched &&
	       a->has_document == b->has_document &&
	       a->document.iss_parameter == b->document.iss_parameter;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span issuer = SPAN("https://i.test");
	struct span in = {(const char *)data, size};
	struct courier_kept a;
	struct courier_kept b;
	AUTO_BUF mem = BUF_INIT(COURIER_KEPT_MAX);
	AUTO_BUF again = BUF_INIT(COURIER_KEPT_MAX);
	AUTO_BUF text = BUF_INIT(COURIER_KEPT_MAX);

	if (!courier_kept_parse(in, issuer, false, &mem, &a, NULL))
		return 0;
	if (!span_eq(a.issuer, issuer) || a.jwks.n > 65536 || a.fetched < 0)
		abort();
	courier_kept_write(&a, &text);
	if (!buf_ok(&text) ||
		!courier_kept_parse(buf_span(&text), issuer, false, &again, &b, NULL) ||
		!same(&a, &b))
		abort();
	return 0;
}
