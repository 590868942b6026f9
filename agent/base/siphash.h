/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdint.h>

/*
 * SipHash-1-3 (Aumasson, Bernstein) with a secret key: for tables whose keys strangers choose.
 * Pure.
 */
uint64_t siphash(const uint64_t key[2], struct span s);
