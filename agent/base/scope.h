/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Values that clean up after themselves, and the way to hand one on. */

static inline void
scope_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void
scope_free(void *p)
{
	free(*(void **)p);
}

static inline void
scope_fclose(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

static inline void
scope_closedir(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

#define AUTO_FD   __attribute__((cleanup(scope_close))) int
#define AUTO_FREE __attribute__((cleanup(scope_free)))
#define AUTO_FILE __attribute__((cleanup(scope_fclose))) FILE *
#define AUTO_DIR  __attribute__((cleanup(scope_closedir))) DIR *

/* Returns it and leaves -1, so that the cleanup of the scope does nothing. */
static inline int
take_fd(int *fd)
{
	int v = *fd;
	*fd = -1;
	return v;
}

/* The same for a pointer: `return take_ptr(&p);` */
#define take_ptr(pp)                                                                               \
	__extension__({                                                                            \
		__typeof__(*(pp)) taken_ = *(pp);                                                  \
		*(pp) = NULL;                                                                      \
		taken_;                                                                            \
	})
