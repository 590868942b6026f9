/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a message that is read writes back to the same bytes. */
#include "agent/haul.h"
#include "tests/fuzz/hold.h"

#include <fcntl.h>
#include <unistd.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct haul h;
	struct haul_ended ended;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	AUTO_BUF b = BUF_INIT((size_t)512 * 1024);

	if (haul_read(in, &fd, &h, NULL)) {
		haul_write(&h, &b);
		grant_unref(h.grant);
		hold_same(&b, in);
	} else if (haul_read_ended(in, &ended, NULL)) {
		haul_write_ended(&ended, &b);
		hold_same(&b, in);
	}
	if (fd >= 0)
		(void)close(fd);
	return 0;
}
