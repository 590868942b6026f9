/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/* The steps of a connection that take bytes in. */
enum conn_go conn_read_head(struct conn *c);
/* After a head: what its body needs.  Answers 413 or 100 Continue by itself. */
enum conn_go conn_read_start(struct conn *c);
enum conn_go conn_read_body(struct conn *c);
/*
 * More of the client's bytes behind those that are there: CONN_GO.  The end of the stream ends the
 * connection after what waits.
 */
enum conn_go conn_read_more(struct conn *c);
/* Bytes behind the head in work, without moving that: its spans point into the buffer. */
struct span conn_read_behind(const struct conn *c);
void conn_read_used(struct conn *c, size_t n); /* so many of them are not needed any more */
/* After the answer to a request whose body was not wanted. */
enum conn_go conn_read_drop(struct conn *c);
/* May the body of a refused request be dropped, so that the connection can stay? */
bool conn_read_can_drop(const struct conn *c);
/* The request is done: its head's bytes are used up. */
void conn_read_next(struct conn *c);
