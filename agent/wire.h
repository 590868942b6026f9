/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/fdpass.h"
#include "agent/base/span.h"
#include "agent/http/exchange.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The messages between a front worker and the gate: fixed little-endian numbers, then
 * length-prefixed spans. Reading is strict (every length inside the message, nothing left over), so
 * that a front that was taken over can hand the gate nothing but a well-formed question.  Pure, but
 * for grant descriptors.  Fuzz target: wire.
 */
enum wire_kind { WIRE_ASK = 1, WIRE_ANSWER = 2, WIRE_DONE = 3 };

#define WIRE_INLINE_MAX                                                                            \
	(64UL * 1024) /* body bytes inside a message; a longer one goes by memfd as HTTP_FILE */

#define WIRE_FILE_MAX 8192U /* of a note's file: no path is longer */

#define WIRE_DONES 32U /* notes in one message: a note costs less than the message it comes in */

void wire_write_ask(const struct http_ask *q, struct buf *out);
/* The descriptor of http_ask.upload, that must be sent with a commit; -1: none.  Still the grant's.
 */
int wire_descriptor(const struct grant *upload);
/* Begins a message of notes in an empty buffer, else adds to it; at most WIRE_DONES. */
void wire_write_done(const struct http_done *d, struct buf *out);
/* The descriptor of answer->grant must be sent with it (gate_descriptor). */
void wire_write_answer(const struct http_answer *a, struct buf *out);
/* 0 when malformed. */
enum wire_kind wire_kind(struct span msg);
/* ret->landed is -1: whoever received the message has the descriptor of a commit. */
bool wire_read_ask(struct span msg, struct http_ask *ret, struct err *e);
bool wire_read_done(
	struct span msg, struct http_done ret[WIRE_DONES], size_t *ret_n, struct err *e);
/* Which question a well-begun answer is for; for one whose descriptor could not be taken. */
bool wire_answer_id(struct span msg, uint64_t *ret);
/* *fd: the descriptor that came along, or -1; taken into ret->grant where the body has one. */
bool wire_read_answer(struct span msg, int *fd, struct http_answer *ret, struct err *e);
