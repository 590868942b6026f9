/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent dmp import`: the exit status. */
int cli_dmp_import(int argc, char **argv);
