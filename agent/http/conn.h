/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/loop.h"
#include "agent/base/metric.h"
#include "agent/base/pool.h"
#include "agent/base/settings.h"
#include "agent/base/span.h"
#include "agent/http/chunk.h"
#include "agent/http/exchange.h"
#include "agent/http/head.h"
#include "agent/http/kept.h"
#include "agent/http/parse.h"
#include "agent/http/rate.h"
#include "agent/http/respond.h"
#include "agent/http/share.h"
#include "agent/http/target.h"
#include "agent/http/tls.h"
#include "agent/http/tls_out.h"
#include "transfer/body.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One connection of a worker thread: its state machine.  conn_read.c takes bytes in (heads and
 * request bodies), conn_ask.c routes a request and asks the gate, conn_answer.c writes answers,
 * conn_stream.c streams bodies, conn_archive.c those of archives, conn_h2.c makes a
 * connection of each stream of HTTP/2, conn_receive.c takes the body of a
 * PUT, conn_note.c keeps what the gate is told of bodies; conn.c joins them with the loop, the
 * deadlines and the end.  The structs stand open here for these files; a worker uses the functions.
 */
enum conn_limit {
	CONN_IN_SIZE = HTTP_HEAD_MAX + 4096, /* a whole head, and room behind it for its body */
	CONN_IN_AT_MAX = 2048,      /* where a head begins in it, so that the room behind stays */
	CONN_OUT_ROOM = 32 * 1024,  /* room in the output before a request is begun */
	CONN_DROP_MAX = 64 * 1024,  /* bytes of a refused body that are read and dropped */
	CONN_TURN_MAX = 256 * 1024, /* bytes that one connection sends in one turn */
	CONN_NOTES = 32,            /* answers whose bytes wait to leave */
	CONN_RATE_SECONDS = 60,     /* the window of settings_limits.min_rate */
	CONN_RETRY_MS = 250,        /* after an answer that was stale when it came */
	CONN_RETRY_MAX = 20,        /* so often */
	CONN_LINGER_SECONDS = 2,    /* for a client that still sends after the last answer */
};

struct conn;
struct conn_archive;
struct conn_h2;

/* How a connection reaches the gate: agent/front_link.c, or a test. */
struct conn_gate {
	void *arg;
	/* Fills q->id.  False: refuse with 503 now.  The answer comes by conn_answered(). */
	bool (*ask)(void *arg, struct conn *c, struct http_ask *q);
	void (*forget)(void *arg, uint64_t id); /* nobody waits for this answer any more */
	void (*done)(void *arg, const struct http_done *d);
	/* A connection now speaks for `is`, no more for `was` (0: nobody).  False: too many do. */
	bool (*identity)(void *arg, uint64_t was, uint64_t is);
	void (*closed)(void *arg, struct conn *c); /* it is about to be freed */
};

/*
 * What a connection stands on that has no socket of its own: one stream of HTTP/2, with the one
 * request of that stream as HTTP/1.1 text.
 */
struct conn_wire {
	struct tls_out_sink sink;
	/* As tls_read(). */
	enum step (*read)(void *arg, char *buf, size_t cap, size_t *ret_n);
	/* False: the bytes that do not leave wait for others, not for this one's reader. */
	bool (*stalled)(const void *arg);
	/* The connection is about to be freed.  whole: its answer has left, to the last byte. */
	void (*gone)(void *arg, bool whole);
};

/* What all connections of a worker share. */
struct conn_env {
	struct loop *loop;
	struct pool in, out, request;
	struct tls_ctx *tls;      /* of new connections */
	struct kept *kept;        /* of all workers */
	struct rate_table *rates; /* of all workers; NULL: nothing is limited */
	struct share *share;      /* of all workers: the link; NULL: it has no limit */
	const struct settings_limits *limits;
	const struct span *own; /* names that Host may carry */
	size_t n_own;
	const uint64_t *epoch;
	struct metrics *metrics;
	struct respond_clock clock;
	struct buf head; /* scratch for one response head */
	uint8_t boundary_key[32];
	uint64_t identity_key[2]; /* the same for all workers */
	uint64_t trace[2];        /* random start and counter of trace ids */
	struct conn_gate gate;
	struct loop_link conns;
	size_t n_conns;
	size_t archived; /* bytes of the plans of archives under way */
	bool copies;     /* files are sent to where a COPY says: clients are told */
	bool draining;
};

enum conn_state {
	CONN_HANDSHAKE,
	CONN_H2,      /* streams of HTTP/2, each of which is a connection (conn_h2.c) */
	CONN_HEAD,    /* between requests, or within a head */
	CONN_BODY,    /* within the body of a request that is wanted */
	CONN_ASK,     /* the gate is asked */
	CONN_RECEIVE, /* within the body of a PUT, which is written */
	CONN_SEND,    /* a body is streamed */
	CONN_DROP,    /* within the body of a request that was refused */
	CONN_FINISH,  /* the last answer is on its way */
	CONN_LINGER,  /* everything is sent; what the client still sends is dropped */
};

enum conn_timer {
	CONN_T_NONE,
	CONN_T_HANDSHAKE,
	CONN_T_HEAD,
	CONN_T_IDLE,
	CONN_T_BODY,
	CONN_T_RATE,
	CONN_T_RETRY,
	CONN_T_PAUSE,
	CONN_T_LINGER
};

/* What a step of the state machine says. */
enum conn_go {
	CONN_GO,     /* on to the next step */
	CONN_READS,  /* waits for the client's bytes */
	CONN_WRITES, /* waits for room in the socket */
	CONN_WAITS,  /* waits for the gate */
	CONN_YIELD,  /* the others' turn */
	CONN_PAUSES, /* its rate class has nothing left: in pause_ms again */
	CONN_OVER,   /* close it now */
};

struct conn_upload; /* conn_receive.c */
struct conn_relay;  /* conn_relay.c */

/* There only while a request is in work or its answer is not sent; from a pool. */
struct conn_request {
	struct http_parse parse;
	struct http_head head;
	struct target target;
	char path[HTTP_LINE_MAX];
	uint8_t trace[16];
	uint64_t ask_id;
	bool asked;     /* the question is with the gate */
	bool renewing;  /* it is for a body in work, whose grant has ended */
	unsigned tries; /* answers that were stale when they came */
	size_t n_head;  /* bytes of input that the head takes */
	bool begun;     /* the head is complete, its spans are good */
	bool unread;    /* there is a body that was not read */
	bool keep;      /* the connection stays after the answer */
	/* request body */
	size_t body_max; /* by the route */
	struct chunk chunk;
	uint64_t body_left;
	struct buf body;
	struct buf fields;      /* of a PUT, COPY or MKCOL, for the gate; may hold a credential */
	struct conn_upload *up; /* owned; the body of a PUT, from the gate's first answer on */
	/* answer in work */
	struct body out;
	struct conn_relay *relay;  /* owned; the body comes out of a pipe (conn_relay.h) */
	struct rate_use rate;      /* of the body */
	struct share_use link;     /* of the body */
	struct rate_quota quota;   /* of the class of the answer; without a name: none */
	int64_t started_ms;        /* when the body began, on the loop's clock */
	struct http_finish finish; /* seconds 0: it is not finishing */
	char *text;                /* owned; the rest of an inline answer */
	size_t n_text, text_at;
	struct conn_archive *archive; /* owned (conn_archive.h); NULL: the body is none */
	/* answers whose bytes have not all left */
	struct http_done note[CONN_NOTES];
	size_t n_notes;
	bool noting; /* the last note is of the answer in work */
};

struct conn {
	struct loop_link link; /* in env->conns */
	struct loop_fd watch;
	struct loop_timer timer;
	struct loop_task task;
	struct conn_env *env;
	struct tls *tls;
	struct tls_out out;
	struct conn_h2 *h2;           /* with CONN_H2 */
	const struct conn_wire *wire; /* NULL: TLS on a socket of its own */
	void *wire_arg;
	struct conn *under; /* with a wire: the connection whose socket and TLS it is */
	struct conn_request *req;
	char *in; /* from the pool, or NULL */
	uint32_t in_at, in_n;
	uint32_t in_top; /* as many bytes were ever in it: what is to be wiped */
	uint32_t lingered;
	enum conn_state state;
	enum conn_timer deadline;
	uint64_t rate_mark, turn_mark; /* of out.sent */
	uint8_t peer[16];
	uint32_t pause_ms; /* with CONN_PAUSES */
	bool pause_soon;   /* to the millisecond: it waits for its share of the link */
	uint64_t identity; /* keyed hash of the credential that it used last; 0: none yet */
	bool eof;          /* the client has ended its side */
	bool served;       /* a request has come: from now on it may be idle */
	bool whole;        /* with a wire: the answer has left */
};

/* Buffers, lists; the services are the caller's to fill in before. */
bool conn_env_init(struct conn_env *env, struct err *e);
void conn_env_fini(struct conn_env *env); /* closes what is still open */
/* No new requests: idle connections are closed, the others after their answer. */
void conn_env_drain(struct conn_env *env);

/* Takes fd, also on failure.  Non-blocking, close-on-exec. */
bool conn_new(struct conn_env *env, int fd, const uint8_t peer[16], struct err *e);
/*
 * A connection on a wire, for one request, which says that it is the last (Connection: close).
 * It counts for nobody: `under` does, and must outlive it.  NULL: no memory.
 */
struct conn *conn_new_over(struct conn *under, const struct conn_wire *wire, void *arg);
/* The gate has answered.  Takes a->grant. */
void conn_answered(struct conn *c, struct http_answer *a);
/* It has, and its file could not be taken: it is asked again in a moment, CONN_RETRY_MAX times. */
void conn_postponed(struct conn *c);
/* The gate could not be reached in time: 503. */
void conn_unanswered(struct conn *c);
/* Close at once, whatever it does. */
void conn_close(struct conn *c);
/* The loop's later turns for it, too. */
void conn_drive(struct conn *c);
