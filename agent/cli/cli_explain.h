/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent policy explain`. */
int cli_explain(int argc, char **argv);
