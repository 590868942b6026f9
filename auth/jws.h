/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/err.h"
#include "agent/base/json.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The strict reader of a compact JWS (RFC 7515 7.1) that stands before every signature check.
 * Pure.  What it accepts re-encodes to the same text, so nothing behind it can read other bytes.
 */
enum jws_alg { JWS_RS256, JWS_ES256, JWS_PS256, JWS_ES384, JWS_ALG_COUNT };
extern const char *const jws_alg_names[JWS_ALG_COUNT];
/* Index of the name, or -1.  There is no `none`, no HMAC, no EdDSA. */
int jws_alg_of(struct span name);

#define JWS_MEMBERS_MAX 256U /* of header and payload each: hash tables stay small */
#define JWS_DEPTH_MAX   32U
#define JWS_KID_MAX     256U

struct jws {
	struct span token; /* the text, NUL follows; in the arena, as all spans here */
	struct span input; /* what was signed: header, dot, payload */
	struct span header_text, payload_text; /* decoded bytes */
	struct json *header, *payload;         /* owned: jws_fini */
	enum jws_alg alg;
	struct span kid;    /* absent: none */
	struct span typ;    /* absent: none */
	const uint8_t *sig; /* decoded signature */
	size_t n_sig;
};

/* ERR_UNAUTH with the clause; ERR_LIMIT when the arena is full.  *ret needs jws_fini after success
 * only. */
bool jws_parse(struct span token, struct arena *mem, struct jws *ret, struct err *e);
void jws_fini(struct jws *j); /* works on a zeroed one */
#define AUTO_JWS __attribute__((cleanup(jws_fini))) struct jws
