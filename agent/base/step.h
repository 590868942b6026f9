/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What an operation that may wait answers. */
enum step { STEP_DONE, STEP_READ, STEP_WRITE, STEP_FAIL };
