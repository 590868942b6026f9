/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/span.h"

#include <stdbool.h>

/*
 * The whole text to a blocking descriptor, begun again after signals and short writes (write(2)).
 * False: errno says why, and a part of it may be there.
 */
bool fdwrite_all(int fd, struct span text);
