/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The short checksums that transfer tools of this field ask for, and that of zip archives.  Each
 * takes the value so far
 * and gives the next one; start with the _INIT value.  Pure.
 */
#define CHECKSUM_ADLER32_INIT 1U
uint32_t checksum_adler32(uint32_t so_far, const void *p, size_t n); /* RFC 1950 8 */
#define CHECKSUM_CRC32C_INIT 0U
uint32_t checksum_crc32c(uint32_t so_far, const void *p, size_t n); /* RFC 3720 12.1, Castagnoli */
/* The same without the processor's instruction: where there is none, and for the test. */
uint32_t checksum_crc32c_plain(uint32_t so_far, const void *p, size_t n);
#define CHECKSUM_CRC32_INIT 0U
uint32_t checksum_crc32(uint32_t so_far, const void *p, size_t n); /* RFC 1952 8, zip 4.4.7 */
uint32_t checksum_crc32_plain(uint32_t so_far, const void *p, size_t n);
