/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/buf.h"
#include "auth/entitlement.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The parts make up the normal form, and the normal form is its own normal form. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_ARENA mem = {0};
	AUTO_BUF text = BUF_INIT(8192);
	struct entitlement t;
	struct entitlement again;

	if (!arena_init(&mem, 65536) ||
		!entitlement_parse((struct span){(const char *)data, size}, &mem, &t))
		return 0;
	if (t.text.n != size)
		abort();
	if (t.opaque)
		return 0;
	buf_add(&text, t.space);
	buf_adds(&text, t.capability ? ":res:" : ":group:");
	buf_add(&text, t.path);
	if (t.role.p != NULL) {
		buf_adds(&text, ":role=");
		buf_add(&text, t.role);
	}
	if (t.authority.p != NULL) {
		buf_addc(&text, '#');
		buf_add(&text, t.authority);
	}
	if (!span_eq(buf_span(&text), t.text))
		abort();
	if (!entitlement_parse(t.text, &mem, &again) || !span_eq(again.text, t.text) ||
		again.opaque)
		abort();
	return 0;
}
