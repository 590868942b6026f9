/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/http/conn.h"

/* Stream the body in work, as long as its grant and as fast as its rate class and its share of the
 * link allow. */
enum conn_go conn_stream_send(struct conn *c);
/* The gate's answer about the body in work, whose grant had ended; NULL: there was none. */
enum conn_go conn_stream_renewed(struct conn *c, const struct http_answer *a);
