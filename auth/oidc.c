/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/oidc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oauth2/oauth2.h>
#include <oauth2/version.h>

#include "agent/base/crypto.h"

#define OIDC_SLOT_BYTES                                                                            \
	65536U /* more than any payload of a 16 KiB token: never cut, never logged */

/*
 * The library is started once in a process: each oauth2_init replaces its lock and forgets the old
 * one.  This is that state, written once; it is never stopped, since oauth2_shutdown would take the
 * caches away from another set of keys that is still in use.
 */
static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static oauth2_log_t *library_log;

struct oidc {
	oauth2_log_t *log;
	char name[17]; /* prefix of the cache names: the library keeps them for the process */
	unsigned n;
	unsigned char used[OIDC_SLOTS_MAX]; /* atomic */
};

struct oidc_verifier {
	struct oidc *owner;
	unsigned slot;
	oauth2_cfg_token_verify_t *verify;
};

/*
 * The library prints whole tokens at its error level (a payload above the slot, an unknown cache),
 * so its text goes nowhere.  What failed is known from the return value.
 */
static void
drop(oauth2_log_sink_t *sink, const char *file, unsigned long line, const char *function,
	oauth2_log_level_t level, const char *text)
{
	(void)sink;
	(void)file;
	(void)line;
	(void)function;
	(void)level;
	(void)text;
}

static void
start_library(void)
{
	oauth2_log_sink_t *sink = oauth2_log_sink_create(OAUTH2_LOG_ERROR, drop, NULL);

	library_log = sink != NULL ? oauth2_init(OAUTH2_LOG_ERROR, sink) : NULL;
}

static bool
make_slots(struct oidc *o, unsigned slots, struct err *e)
{
	char cache[128];

	for (o->n = 0; o->n < slots; o->n++) {
		(void)snprintf(cache, sizeof(cache), "name=pan-%s-%u&max_entries=1&max_val_size=%u",
			o->name, o->n, OIDC_SLOT_BYTES);
		/* The texts that it returns are not all from the heap, so they are not freed. */
		if (oauth2_cfg_set_cache(o->log, NULL, "shm", cache) != NULL)
			return err_set(e, ERR_SYSTEM, NULL, "liboauth2: no cache for a verifier");
	}
	return true;
}

bool
oidc_start(unsigned slots, struct oidc **ret, struct err *e)
{
	unsigned char id[8];
	struct oidc *o = calloc(1, sizeof(*o));
	AUTO_BUF hex = BUF_INIT(64);

	if (o == NULL || !crypto_random(id, sizeof(id), e)) {
		free(o);
		return err_set(e, ERR_SYSTEM, NULL, "liboauth2: no memory");
	}
	buf_add_hex(&hex, id, sizeof(id));
	(void)span_cstr(buf_span(&hex), o->name, sizeof(o->name));
	(void)pthread_once(&library_once, start_library);
	o->log = library_log;
	if (o->log == NULL || !make_slots(o, slots < OIDC_SLOTS_MAX ? slots : OIDC_SLOTS_MAX, e)) {
		free(o);
		return err_set(e, ERR_SYSTEM, NULL, "liboauth2 cannot start");
	}
	*ret = o;
	return true;
}

void
oidc_stop(struct oidc *o)
{
	free(o);
}

/* A slot of its own; false: all are in use. */
static bool
take_slot(struct oidc *o, unsigned *ret)
{
	for (unsigned i = 0; i < o->n; i++)
		if (__atomic_exchange_n(&o->used[i], 1, __ATOMIC_ACQUIRE) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

bool
oidc_verifier_new(struct oidc *o, const char *jwk, struct oidc_verifier **ret, struct err *e)
{
	char options[192];
	struct oidc_verifier *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "liboauth2: no memory");
	if (!take_slot(o, &v->slot)) {
		free(v);
		return err_set(e, ERR_LIMIT, NULL, "liboauth2: more than %u keys", o->n);
	}
	v->owner = o;
	(void)snprintf(options, sizeof(options),
		"verify.cache=pan-%s-%u&expiry=0&verify.exp=skip&verify.iat=skip&verify.iss=skip",
		o->name, v->slot);
	if (oauth2_cfg_token_verify_add_options(o->log, &v->verify, "jwk", jwk, options) != NULL ||
		v->verify == NULL) {
		oidc_verifier_free(v);
		return err_set(e, ERR_SYNTAX, "RFC 7517 4", "liboauth2: the key is not accepted");
	}
	*ret = v;
	return true;
}

void
oidc_verifier_free(struct oidc_verifier *v)
{
	if (v == NULL)
		return;
	if (v->verify != NULL)
		oauth2_cfg_token_verify_free(v->owner->log, v->verify);
	__atomic_store_n(&v->owner->used[v->slot], 0, __ATOMIC_RELEASE);
	free(v);
}

bool
oidc_verify(const struct oidc_verifier *v, const char *token)
{
	json_t *payload = NULL;
	/* CMakeLists.txt asks the compiler which form the installed library has. */
#if PAN_OAUTH2_ARGS == 6
	oauth2_http_status_code_t status = 0;
	bool ok = oauth2_token_verify(v->owner->log, NULL, v->verify, token, &payload, &status);
#else
	bool ok = oauth2_token_verify(v->owner->log, NULL, v->verify, token, &payload);
#endif

	/* What the library parsed is not looked at: the claims come from the bytes of auth/jws.c.
	 */
	if (payload != NULL)
		json_decref(payload);
	return ok;
}

const char *
oidc_version(void)
{
	return oauth2_version();
}
