/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent index`: have the data roots catalogued, by the daemon that runs or by one run of it.
 */
int cli_index(int argc, char **argv);
