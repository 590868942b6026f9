/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls_imb.h"

#ifndef PAN_IPSEC_MB

/* Without a library there is no key, so nothing else is ever called. */
bool
tls_imb_new(struct tls_imb **ret, struct err *e)
{
	(void)ret;
	return err_set(e, ERR_ABSENT, NULL, "this build has no libipsec-mb");
}

void
tls_imb_free(struct tls_imb *m)
{
	(void)m;
}

struct tls_imb_key *
tls_imb_key_new(const struct tls_imb *m, const unsigned char *key, size_t n)
{
	(void)m;
	(void)key;
	(void)n;
	return NULL;
}

struct tls_imb_key *
tls_imb_key_dup(const struct tls_imb_key *k)
{
	(void)k;
	return NULL;
}

void
tls_imb_key_free(struct tls_imb_key *k)
{
	(void)k;
}

void
tls_imb_begin(struct tls_imb_key *k, const unsigned char iv[TLS_IMB_IV], const unsigned char *aad,
	size_t n_aad)
{
	(void)k;
	(void)iv;
	(void)aad;
	(void)n_aad;
}

void
tls_imb_seal(struct tls_imb_key *k, unsigned char *out, const unsigned char *in, size_t n)
{
	(void)k;
	(void)out;
	(void)in;
	(void)n;
}

void
tls_imb_open(struct tls_imb_key *k, unsigned char *out, const unsigned char *in, size_t n)
{
	(void)k;
	(void)out;
	(void)in;
	(void)n;
}

void
tls_imb_seal_end(struct tls_imb_key *k, unsigned char tag[TLS_IMB_TAG])
{
	(void)k;
	(void)tag;
}

void
tls_imb_open_end(struct tls_imb_key *k, unsigned char tag[TLS_IMB_TAG])
{
	(void)k;
	(void)tag;
}

#else

#include <dlfcn.h>
#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libIPSec_MB.so.1"
#define NEEDED  (IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ | IMB_FEATURE_AVX512_SKX)
#define ALIGNED 64U

/* The direct calls of one key size; none of them keeps anything or needs a manager. */
struct calls {
	aes_gcm_pre_t pre;
	aes_gcm_init_t init;
	aes_gcm_enc_dec_update_t seal, open;
	aes_gcm_enc_dec_finalize_t seal_end, open_end;
};

struct tls_imb {
	void *library;
	struct calls gcm[2]; /* of 128 and of 256 bits */
};

/* The library loads whole cache lines of the schedule: it must stand first, and aligned. */
struct tls_imb_key {
	struct gcm_key_data schedule;
	struct gcm_context_data op;
	const struct calls *fn;
};
_Static_assert(offsetof(struct tls_imb_key, schedule) == 0, "aligned with the whole");

/* ---- the library ---- */

/* dlsym(3) gives functions as data pointers, which C only allows to copy. */
static bool
symbol(void *library, const char *name, void *ret)
{
	void *p = dlsym(library, name);

	if (p != NULL)
		memcpy(ret, &p, sizeof(p));
	return p != NULL;
}

static bool
take_calls(struct tls_imb *m, const IMB_MGR *mgr)
{
	m->gcm[0] = (struct calls){mgr->gcm128_pre, mgr->gcm128_init, mgr->gcm128_enc_update,
		mgr->gcm128_dec_update, mgr->gcm128_enc_finalize, mgr->gcm128_dec_finalize};
	m->gcm[1] = (struct calls){mgr->gcm256_pre, mgr->gcm256_init, mgr->gcm256_enc_update,
		mgr->gcm256_dec_update, mgr->gcm256_enc_finalize, mgr->gcm256_dec_finalize};
	return (mgr->features & NEEDED) == NEEDED;
}

/* The calls stay when the manager goes: they are plain functions of the library. */
static bool
find_calls(struct tls_imb *m, struct err *e)
{
	unsigned (*version)(void) = NULL;
	IMB_MGR *(*alloc)(uint64_t) = NULL;
	void (*prepare)(IMB_MGR *) = NULL;
	void (*done)(IMB_MGR *) = NULL;

	/* The manager is a struct whose fields move between versions. */
	if (!symbol(m->library, "imb_get_version", (void *)&version) ||
		version() != IMB_VERSION_NUM)
		return err_set(e, ERR_ABSENT, NULL, "%s is not version %s, which this build knows",
			LIBRARY, IMB_VERSION_STR);
	if (!symbol(m->library, "alloc_mb_mgr", (void *)&alloc) ||
		!symbol(m->library, "init_mb_mgr_avx512", (void *)&prepare) ||
		!symbol(m->library, "free_mb_mgr", (void *)&done))
		return err_set(e, ERR_ABSENT, NULL, "%s lacks calls", LIBRARY);
	IMB_MGR *mgr = alloc(0);
	if (mgr == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for %s", LIBRARY);
	bool able = (mgr->features & NEEDED) == NEEDED;
	if (able)
		prepare(mgr);
	able = able && mgr->imb_errno == 0 && take_calls(m, mgr);
	done(mgr);
	if (!able)
		return err_set(e, ERR_ABSENT, NULL, "this processor has no VAES with AVX-512");
	return true;
}

bool
tls_imb_new(struct tls_imb **ret, struct err *e)
{
	struct tls_imb *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for %s", LIBRARY);
	m->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (m->library == NULL) {
		tls_imb_free(m);
		return err_set(e, ERR_ABSENT, NULL, "%s is not installed", LIBRARY);
	}
	if (!find_calls(m, e)) {
		tls_imb_free(m);
		return false;
	}
	*ret = m;
	return true;
}

void
tls_imb_free(struct tls_imb *m)
{
	if (m != NULL && m->library != NULL)
		(void)dlclose(m->library);
	free(m);
}

/* ---- keys ---- */

static struct tls_imb_key *
key_room(void)
{
	size_t n = (sizeof(struct tls_imb_key) + ALIGNED - 1) / ALIGNED * ALIGNED;

	return aligned_alloc(ALIGNED, n);
}

struct tls_imb_key *
tls_imb_key_new(const struct tls_imb *m, const unsigned char *key, size_t n)
{
	struct tls_imb_key *k = key_room();

	if (k == NULL)
		return NULL;
	memset(k, 0, sizeof(*k));
	k->fn = &m->gcm[n == 32 ? 1 : 0];
	k->fn->pre(key, &k->schedule);
	return k;
}

struct tls_imb_key *
tls_imb_key_dup(const struct tls_imb_key *k)
{
	struct tls_imb_key *other = key_room();

	if (other != NULL)
		memcpy(other, k, sizeof(*other));
	return other;
}

void
tls_imb_key_free(struct tls_imb_key *k)
{
	if (k != NULL)
		explicit_bzero(k, sizeof(*k));
	free(k);
}

/* ---- messages ---- */

void
tls_imb_begin(struct tls_imb_key *k, const unsigned char iv[TLS_IMB_IV], const unsigned char *aad,
	size_t n_aad)
{
	k->fn->init(&k->schedule, &k->op, iv, aad, n_aad);
}

void
tls_imb_seal(struct tls_imb_key *k, unsigned char *out, const unsigned char *in, size_t n)
{
	if (n > 0)
		k->fn->seal(&k->schedule, &k->op, out, in, n);
}

void
tls_imb_open(struct tls_imb_key *k, unsigned char *out, const unsigned char *in, size_t n)
{
	if (n > 0)
		k->fn->open(&k->schedule, &k->op, out, in, n);
}

void
tls_imb_seal_end(struct tls_imb_key *k, unsigned char tag[TLS_IMB_TAG])
{
	k->fn->seal_end(&k->schedule, &k->op, tag, TLS_IMB_TAG);
}

void
tls_imb_open_end(struct tls_imb_key *k, unsigned char tag[TLS_IMB_TAG])
{
	k->fn->open_end(&k->schedule, &k->op, tag, TLS_IMB_TAG);
}

#endif
