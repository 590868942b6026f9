/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a message that is read writes back to the same bytes; no answer without its descriptor.
 */
#include "agent/wire.h"
#include "tests/fuzz/hold.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};
	struct http_ask ask;
	struct http_done done[WIRE_DONES];
	size_t n = 0;
	struct http_answer answer;
	int fd = -1;
	AUTO_BUF b = BUF_INIT(FDPASS_MESSAGE * 2);

	if (wire_read_ask(in, &ask, NULL)) {
		wire_write_ask(&ask, &b);
		hold_same(&b, in);
	} else if (wire_read_done(in, done, &n, NULL)) {
		for (size_t i = 0; i < n; i++)
			wire_write_done(&done[i], &b);
		hold_same(&b, in);
	} else if (wire_read_answer(in, &fd, &answer, NULL)) {
		if (http_granted(answer.body))
			abort();
		wire_write_answer(&answer, &b);
		hold_same(&b, in);
	} else if (wire_kind(in) == WIRE_ANSWER) {
		uint64_t id = 0;
		bool begun = wire_answer_id(in, &id); /* without its descriptor */
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (wire_read_answer(in, &fd, &answer, NULL)) {
			if (!begun || id != answer.id)
				abort();
			wire_write_answer(&answer, &b);
			hold_same(&b, in);
			grant_unref(answer.grant);
		}
		if (fd >= 0)
			(void)close(fd);
	}
	return 0;
}
