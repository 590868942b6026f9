/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/* A head is complete: host, path rules and route, before anything of its body is read. */
enum conn_go conn_ask_route(struct conn *c);
/* The request is complete: a kept answer, or a question to the gate. */
enum conn_go conn_ask_gate(struct conn *c);
