/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * One failure, by value.  A function that can fail returns bool (or a count) and takes `struct err
 * *e` last; results are untouched on failure.  The code picks the HTTP and the SFTP status, `ref`
 * names the clause that was broken.
 */
enum err_code {
	ERR_NONE,
	ERR_SYNTAX,   /* 400: the text breaks its grammar */
	ERR_UNAUTH,   /* 401: the credential is not good */
	ERR_DENIED,   /* 403: known, and refused */
	ERR_ABSENT,   /* 404: no such thing */
	ERR_RANGE,    /* 416: outside of the object */
	ERR_UPSTREAM, /* 502: somebody else failed */
	ERR_LIMIT,    /* 503, 413 or 431: a limit of ours was reached */
	ERR_SYSTEM,   /* 500: the system refused; `sys` holds errno */
};

struct err {
	enum err_code code;
	int sys;         /* errno, or 0 */
	const char *ref; /* static, for example "RFC 9110 14.1.2", or NULL */
	char msg[256];   /* for operators; never a token, key or cookie */
};

/*
 * Fill *e (may be NULL), keep errno, return false, so that a failing path is one line.
 * With ERR_SYSTEM the current errno is recorded in e->sys and its text is appended to the message.
 */
bool err_set(struct err *e, enum err_code code, const char *ref, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "message (clause)" into out; always NUL-terminated.  Returns out. */
const char *err_text(const struct err *e, char *out, unsigned long n);
