/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/format.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

static const unsigned char hdf5_magic[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
static const unsigned char hdf4_magic[4] = {0x0e, 0x03, 0x13, 0x01};

bool
format_sniff(int fd, enum format *ret, struct err *e)
{
	enum format found = FORMAT_OTHER;
	unsigned char head[sizeof(hdf5_magic)];

	for (int64_t at = 0; at >= 0; at = at == 0 ? 512 : at * 2) {
		ssize_t n = pread(fd, head, sizeof(head), at);
		if (n < 0)
			return err_set(e, ERR_SYSTEM, NULL, "the file cannot be read");
		if (at == 0 && n >= (ssize_t)sizeof(hdf4_magic) &&
			memcmp(head, hdf4_magic, sizeof(hdf4_magic)) == 0)
			found = FORMAT_HDF4;
		if (n == (ssize_t)sizeof(hdf5_magic) && memcmp(head, hdf5_magic, sizeof(head)) == 0)
			found = FORMAT_HDF5;
		if (found != FORMAT_OTHER || n < (ssize_t)sizeof(head) || at > INT64_MAX / 2)
			break;
	}
	*ret = found;
	return true;
}
