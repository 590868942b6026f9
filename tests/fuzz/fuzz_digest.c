/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/hold.h"
#include "transfer/digest.h"

#include <string.h>

/* Only known kinds are wanted; what is answered names exactly what was wanted and known. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[DIGEST_COUNT] = {"adler32=", "crc32c=", "md5=", "sha-256="};
	struct digest_values v = {.adler32 = 1};
	AUTO_BUF b = BUF_INIT(1024);

	if (size < 1)
		return 0;
	v.have = data[0] & ((1U << DIGEST_COUNT) - 1);
	struct span in = {(const char *)data + 1, size - 1};
	uint32_t want = digest_want(in);
	hold(want >> DIGEST_COUNT == 0 && digest_want_repr(in) >> DIGEST_COUNT == 0);
	hold(digest_write(&b, want, &v) == ((want & v.have) != 0));
	hold(!span_has(buf_span(&b), ' '));
	for (size_t k = 0; k < DIGEST_COUNT; k++)
		hold((memmem(b.p != NULL ? b.p : "", b.n, names[k], strlen(names[k])) != NULL) ==
			((want & v.have & 1U << k) != 0));
	return 0;
}
