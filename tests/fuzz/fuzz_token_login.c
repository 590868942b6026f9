/* SPDX-License-Identifier: Apache-2.0 */
/* Property: a login that is taken is written so that it is taken again, and is the same then. */
#include "agent/cli/token_login.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_LOGIN l = {.saved = 0};
	AUTO_LOGIN again = {.saved = 0};
	AUTO_BUF text = BUF_INIT(4 * TOKEN_LOGIN_BYTES_MAX);
	AUTO_BUF other = BUF_INIT(4 * TOKEN_LOGIN_BYTES_MAX);

	if (!token_login_parse((struct span){(const char *)data, size}, &l, NULL))
		return 0;
	token_login_write(&l, &text);
	if (text.n > TOKEN_LOGIN_BYTES_MAX) /* it would not be kept */
		return 0;
	if (!buf_ok(&text) || !token_login_parse(buf_span(&text), &again, NULL))
		abort();
	token_login_write(&again, &other);
	if (!span_eq(buf_span(&text), buf_span(&other)))
		abort();
	return 0;
}
