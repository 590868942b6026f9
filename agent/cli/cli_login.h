/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `pan-agent login URL`: a token for a data server, by the device flow (RFC 8628), kept for later.
 */
int cli_login(int argc, char **argv);
/* `pan-agent logout [URL]`: its tokens are revoked (RFC 7009) and forgotten. */
int cli_logout(int argc, char **argv);
