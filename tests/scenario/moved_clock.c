/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wall clock that a test can move: loaded into the daemon with LD_PRELOAD, it adds the seconds
 * that stand in the file $MOVED_CLOCK (eight bytes, in the order of the machine) to the wall clock.
 * The file is mapped before a role is confined, so all of them see a change at once.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *moved;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void
begin(void)
{
	const char *name = getenv("MOVED_CLOCK");
	int fd = name != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, sizeof(*moved), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (p != MAP_FAILED)
		moved = p;
	if (fd >= 0)
		(void)close(fd);
	*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
}

int
clock_gettime(clockid_t which, struct timespec *ret)
{
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int code = real(which, ret);
	if (code == 0 && which == CLOCK_REALTIME && moved != NULL)
		ret->tv_sec += *moved;
	return code;
}

time_t
time(time_t *ret)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (ret != NULL)
		*ret = t.tv_sec;
	return t.tv_sec;
}
