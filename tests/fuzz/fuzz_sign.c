/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sign.h"
#include "tests/fuzz/hold.h"

#include <string.h>

/* What is read is written again byte for byte; what is not names its line; nobody's key never
 * counts. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t nobody[1][SIGNER_KEY] = {{0x58, 0x66}};
	const struct policy_signers s = {.key = nobody, .n = 1, .required = 1};
	const struct span text = {(const char *)data, size};
	struct policy_signatures got = {.n = 0};
	struct err e = {0};
	unsigned line = 0;

	hold(!policy_sign_check(SPAN("policy"), text, &s, &line, &e) && line > 0 &&
		e.msg[0] != '\0');
	if (!policy_sign_read(text, &got, &line, &e)) {
		hold(line > 0 && line <= 2 * POLICY_SIGN_PAIRS + 2 && got.n == 0);
		return 0;
	}
	hold(got.n > 0 && got.n <= POLICY_SIGN_PAIRS);
	AUTO_BUF again = BUF_INIT(POLICY_SIGN_TEXT);
	policy_sign_write(&got, &again);
	hold_same(&again, text);
	return 0;
}
