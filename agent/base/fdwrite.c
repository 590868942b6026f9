/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/fdwrite.h"

#include <errno.h>
#include <unistd.h>

bool
fdwrite_all(int fd, struct span text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno != EINTR)
			return false;
		text = span_skip(text, n > 0 ? (size_t)n : 0);
	}
	return true;
}
