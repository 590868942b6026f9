/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/err.h"
#include "agent/base/span.h"

#include <stdint.h>

/*
 * One JSON object a line on stderr: ts, level, role, event, msg, then fields.  Only role_*.c,
 * main.c and the commands log; everything else returns its failure.  Never a token, key, cookie,
 * Authorization value or capability URL.  `event` is a name of the table in pan-agentd(8).
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_field {
	const char *name;
	enum { LOG_F_STR, LOG_F_U64, LOG_F_I64 } kind;
	struct span s;
	uint64_t u;
	int64_t i;
};
#define LOG_STR(k, v)  ((struct log_field){.name = (k), .kind = LOG_F_STR, .s = span_of(v)})
#define LOG_SPAN(k, v) ((struct log_field){.name = (k), .kind = LOG_F_STR, .s = (v)})
#define LOG_U64(k, v)  ((struct log_field){.name = (k), .kind = LOG_F_U64, .u = (v)})
#define LOG_I64(k, v)  ((struct log_field){.name = (k), .kind = LOG_F_I64, .i = (v)})

void log_setup(const char *role, enum log_level max); /* once per process; role must stay valid */
void log_write(enum log_level l, const char *event, const char *msg, const struct log_field *f,
	unsigned n);
#define log_msg(l, event, msg, ...)                                                                \
	do {                                                                                       \
		const struct log_field f_[] = {{.name = NULL}, ##__VA_ARGS__};                     \
		log_write((l), (event), (msg), f_ + 1, sizeof(f_) / sizeof(f_[0]) - 1);            \
	} while (0)
#define log_error(...) log_msg(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_msg(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)
/* An error with its clause and errno as fields. */
void log_err(enum log_level l, const char *event, const struct err *e);
