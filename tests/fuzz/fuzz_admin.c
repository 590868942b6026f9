/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/admin.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A whole request lies inside its bytes, within the limits, and needs all of them. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = {(const char *)data, n};
	struct admin_request q = {0};
	struct admin_request again = {0};

	if (admin_parse(in, &q, NULL) != STEP_DONE)
		return 0;
	if (q.path.n == 0 || q.path.p[0] != '/' || q.body.n > ADMIN_BODY)
		abort();
	if (q.path.p < in.p || q.body.p + q.body.n > in.p + in.n)
		abort();
	struct span whole = span_first(in, (size_t)(q.body.p + q.body.n - in.p));
	if (admin_parse(whole, &again, NULL) != STEP_DONE || !span_eq(q.body, again.body))
		abort();
	if (admin_parse(span_first(in, whole.n - 1), &again, NULL) == STEP_DONE)
		abort();
	return 0;
}
