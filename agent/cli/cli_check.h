/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent check [FILE]`: everything that a start would refuse, at once. */
int cli_check(int argc, char **argv);
