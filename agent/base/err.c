/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
err_set(struct err *e, enum err_code code, const char *ref, const char *fmt, ...)
{
	int saved = errno;

	if (e != NULL) {
		va_list ap;
		e->code = code;
		e->sys = code == ERR_SYSTEM ? saved : 0;
		e->ref = ref;
		va_start(ap, fmt);
		int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
		va_end(ap);
		if (code == ERR_SYSTEM && saved != 0 && n >= 0 && (size_t)n < sizeof(e->msg)) {
			char text[80];
			(void)snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s",
				strerror_r(saved, text, sizeof(text)));
		}
	}
	errno = saved;
	return false;
}

const char *
err_text(const struct err *e, char *out, unsigned long n)
{
	if (e->ref != NULL)
		(void)snprintf(out, n, "%s (%s)", e->msg, e->ref);
	else
		(void)snprintf(out, n, "%s", e->msg);
	return out;
}
