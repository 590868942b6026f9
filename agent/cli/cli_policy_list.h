/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent policy list`: which policies hold for data of which days, from the files alone. */
int cli_policy_list(int argc, char **argv);
