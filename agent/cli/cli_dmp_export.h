/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent dmp export`: the exit status. */
int cli_dmp_export(int argc, char **argv);
