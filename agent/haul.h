/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/span.h"
#include "policy/grant.h"
#include "transfer/digest.h"
#include "transfer/tpc.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The messages between the gate and the mover, as agent/wire.h writes those of the front: fixed
 * little-endian numbers, then length-prefixed spans; reading is strict.  A haul holds what its
 * client sends to the other side, a token among it, so what it was written into is wiped by the
 * caller.  Pure, but for the grant.  Fuzz target: haul.
 */
#define HAUL_FIELDS_MAX (20UL * 1024)
#define HAUL_FILE_MAX   8192U

/* Gate to mover: two descriptors come along, first the grant's file, then the pipe's end to write
 * to. */
struct haul {
	uint8_t trace[16];
	bool keep; /* nothing is replaced at the other side */
	enum tpc_verify verify;
	struct span url;    /* https, as tpc_url_write has it */
	struct span fields; /* for the other side, a line "Name: value\n" each */
	struct span file;   /* obligation audit:full: its name inside of the dataset; else absent */
	struct digest_values digests; /* of the file, as far as they are known */
	struct grant *grant;          /* of the file; owned by the receiver */
};

enum haul_result { HAUL_COMPLETE, HAUL_CLIENT_GONE, HAUL_CUT, HAUL_FAILED };

/* Mover to gate, when one has ended. */
struct haul_ended {
	uint8_t trace[16];
	uint64_t decision; /* of the grant */
	uint64_t bytes;    /* that left */
	enum haul_result result;
	struct span host; /* of the other side, with its port; at most TPC_HOST_MAX + 8 bytes */
	struct span file; /* haul.file */
	uint64_t size;    /* of it */
};

void haul_write(const struct haul *h, struct buf *out);
/* *fd: the grant's descriptor, taken into ret->grant on success. */
bool haul_read(struct span msg, int *fd, struct haul *ret, struct err *e);
void haul_write_ended(const struct haul_ended *h, struct buf *out);
bool haul_read_ended(struct span msg, struct haul_ended *ret, struct err *e);
