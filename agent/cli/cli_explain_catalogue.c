/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_explain_catalogue.h"
int
cli_explain_catalogue(const struct cli_explain_question *q, const struct policy_set *s)
{
	(void)q;
	(void)s;
	return 2;
}
