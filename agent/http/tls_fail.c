/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_fail.h"

#include <openssl/err.h>

bool
tls_fail(struct err *e, enum err_code code, const char *what)
{
	unsigned long last = ERR_peek_last_error();
	const char *reason = last != 0 ? ERR_reason_error_string(last) : NULL;

	ERR_clear_error();
	return err_set(e, code, NULL, "%s: %s", what, reason != NULL ? reason : "failed");
}
