/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/here.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/base/scope.h"

#define ANY_PORT 9 /* discard; nothing is sent */

static bool
here_v4(const uint8_t address[4])
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(ANY_PORT)};
	struct sockaddr_in from = {.sin_family = AF_INET};
	socklen_t n = sizeof(from);
	AUTO_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(&to.sin_addr, address, 4);
	return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
	       getsockname(fd, (struct sockaddr *)&from, &n) == 0 &&
	       memcmp(&from.sin_addr, &to.sin_addr, sizeof(to.sin_addr)) == 0;
}

static bool
here_v6(const uint8_t address[16])
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(ANY_PORT)};
	struct sockaddr_in6 from = {.sin6_family = AF_INET6};
	socklen_t n = sizeof(from);
	AUTO_FD fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(&to.sin6_addr, address, 16);
	return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
	       getsockname(fd, (struct sockaddr *)&from, &n) == 0 &&
	       memcmp(&from.sin6_addr, &to.sin6_addr, sizeof(to.sin6_addr)) == 0;
}

bool
here_is(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, mapped, sizeof(mapped)) == 0 ? here_v4(address + 12)
							    : here_v6(address);
}
