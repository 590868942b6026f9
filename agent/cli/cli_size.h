/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* "17 B", "1.4 kB", "23.1 GB": powers of 1000, into out (32 bytes are enough).  Returns out. */
const char *cli_size(uint64_t bytes, char *out, size_t n);
