/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What libcurl and the C library load at their first use is used once: the modules of the name
 * service, the system's authorities, a TLS context.  After fetch_prepare, before confinement.
 * Blocks: at most some seconds, where no name server answers.  Failures are not told: the first
 * real transfer tells them better.
 */
void fetch_warm(void);
