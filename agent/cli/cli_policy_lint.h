/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent policy lint`. */
int cli_policy_lint(int argc, char **argv);
