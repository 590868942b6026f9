/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/base/crypto.h"
#include "auth/inquire.h"
#include "auth/inside.h"
#include "auth/prm.h"

#define SLOTS_EACH 16U /* verifiers of liboauth2 for one issuer, old and new sets together */

static void
note(const struct auth *a, size_t i, const char *kind, struct span text, struct buf *report)
{
	const struct settings_issuer *s = &a->settings->issuers[i];

	buf_addf(report, "%s:%u:1: %s: issuer %s: %.*s\n",
		a->settings->file != NULL ? a->settings->file : "agent.yaml", s->line, kind,
		s->issuer, SPAN_ARG(text));
}

/* The keys of a file, now; of others the courier will bring them. */
static bool
load_keys(struct auth *a, size_t i, struct span jwks, struct buf *report, struct err *e)
{
	AUTO_BUF dropped = BUF_INIT(65536);
	struct err why = {.code = ERR_NONE};
	char text[300];

	if (a->settings->issuers[i].jwks_file == NULL && jwks.p == NULL)
		return true;
	if (jwks.p == NULL) {
		note(a, i, "warning", SPAN("no keys; its tokens are answered with 503"), report);
		return true;
	}
	if (!keyring_load(a->keys, i, jwks, &dropped, &why)) {
		note(a, i, "error", span_of(err_text(&why, text, sizeof(text))), report);
		return err_set(e, why.code, why.ref, "%s", why.msg);
	}
	for (struct span rest = buf_span(&dropped); rest.n > 0;)
		note(a, i, "warning", span_cut(&rest, '\n'), report);
	if (keyring_count(a->keys, i) == 0)
		note(a, i, "warning", SPAN("no usable key; its tokens are answered with 503"),
			report);
	return true;
}

static bool
open_replay(struct auth *a, int fd, struct err *e)
{
	return fd > 0 ? replay_map(fd, &a->replay, e)
		      : replay_new((int64_t)time(NULL), &a->replay, e);
}

static bool
load_all(struct auth *a, const struct auth_texts *texts, struct buf *report, struct err *e)
{
	const struct settings *s = a->settings;
	bool ok = true;

	if (!issuers_load(s, span_of(a->origin), report, &a->issuers, e))
		return false;
	a->cache = token_cache_new();
	if (a->cache == NULL)
		return err_set(e, ERR_SYSTEM, NULL, "issuers: no memory");
	if (!crypto_prepare(e) || !seats_new(s->n_issuers, &a->seats, e) ||
		!refusals_new(&a->issuers, &a->refusals, e) ||
		(!s->kept_keys && !oidc_start(SLOTS_EACH * (unsigned)s->n_issuers, &a->oidc, e)) ||
		!keyring_new(&a->issuers, a->oidc, &a->keys, e) || !exchange_new(&a->exchange, e) ||
		!answers_new(a->issuers.n, &a->answers, e) || !open_replay(a, texts->replay, e))
		return false;
	if (texts->accounts.p != NULL)
		ok = accounts_load(
			texts->accounts, s->accounts, &a->issuers, report, &a->accounts, e);
	for (size_t i = 0; i < s->n_issuers; i++)
		ok = load_keys(a, i, texts->jwks != NULL ? texts->jwks[i] : SPAN_NONE, report,
			     ok ? e : NULL) &&
		     ok;
	return ok;
}

bool
auth_load(const struct settings *s, const struct auth_texts *texts, const char *public_url,
	struct buf *report, struct auth **ret, struct err *e)
{
	static const struct auth_texts none = {.jwks = NULL};
	struct span url = span_of(public_url != NULL ? public_url : s->public_url);
	struct auth *a = calloc(1, sizeof(*a));

	while (span_ends(url, SPAN("/")))
		url.n--;
	if (a != NULL)
		a->origin = malloc(url.n + 2);
	if (a == NULL || a->origin == NULL) {
		auth_free(a);
		return err_set(e, ERR_SYSTEM, NULL, "issuers: no memory");
	}
	(void)snprintf(a->origin, url.n + 2, "%.*s/", SPAN_ARG(url));
	a->settings = s;
	if (!load_all(a, texts != NULL ? texts : &none, report, e)) {
		auth_free(a);
		return false;
	}
	*ret = a;
	return true;
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	keyring_free(a->keys);
	refusals_free(a->refusals);
	exchange_free(a->exchange);
	answers_free(a->answers);
	replay_free(a->replay);
	accounts_free(a->accounts);
	issuers_fini(&a->issuers);
	oidc_stop(a->oidc);
	token_cache_free(a->cache);
	seats_free(a->seats);
	free(a->origin);
	free(a);
}

/* ---- the courier ---- */

void
auth_courier(struct auth *a, errand_fn *send, void *arg)
{
	a->send = send;
	a->send_arg = arg;
	keyring_courier(a->keys, send, arg);
}

void
auth_report(struct auth *a, const struct report *r, int64_t now_ms)
{
	const struct issuer *i = issuers_find(&a->issuers, r->issuer);

	if (i == NULL) /* of another configuration */
		return;
	switch (r->kind) {
	case REPORT_KEYS:
	case REPORT_TROUBLE:
		keyring_report(a->keys, (size_t)(i - a->issuers.item), r, now_ms);
		break;
	case REPORT_ANSWER:
		if ((r->id & EXCHANGE_ID) != 0)
			(void)exchange_report(a->exchange, r);
		else
			inquire_report(a, r, now_ms);
		break;
	}
}

bool
auth_exchange(struct auth *a, size_t issuer, const struct auth_code *code, int64_t now_ms,
	struct auth_wait *wait, struct err *e)
{
	const struct errand errand = {.kind = ERRAND_CODE,
		.id = EXCHANGE_ID |
		      (atomic_fetch_add_explicit(&a->exchanges, 1, memory_order_relaxed) + 1),
		.issuer = a->issuers.item[issuer].iss,
		.token = code->code,
		.verifier = code->verifier,
		.redirect = code->redirect};

	if (!exchange_begin(a->exchange, errand.id, now_ms, e))
		return false;
	if (a->send == NULL || !a->send(a->send_arg, &errand)) {
		exchange_forget(a->exchange, errand.id);
		return err_set(e, ERR_UPSTREAM, "RFC 6749 4.1.3",
			"issuer %.*s: cannot be asked now; try again later",
			SPAN_ARG(span_first(errand.issuer, 80)));
	}
	*wait = (struct auth_wait){.id = errand.id,
		.issuer = (unsigned)issuer,
		.what = WAITING_EXCHANGE,
		.until_ms = now_ms + EXCHANGE_MS};
	return true;
}

bool
auth_exchanged(struct auth *a, const struct auth_wait *wait, struct arena *mem,
	struct exchange_result *ret, struct err *e)
{
	return exchange_answer(a->exchange, wait->id, mem, ret, e);
}

const struct issuers *
auth_issuers(const struct auth *a)
{
	return &a->issuers;
}

struct keyring *
auth_keyring(struct auth *a)
{
	return a->keys;
}

const struct accounts *
auth_accounts(const struct auth *a)
{
	return a->accounts;
}

/* ---- writing ---- */

uint64_t
auth_keys_changed(const struct auth *a)
{
	return keyring_changed(a->keys);
}

uint64_t
auth_cache_hits(const struct auth *a)
{
	return atomic_load_explicit(&a->hits, memory_order_relaxed);
}

void
auth_write_challenge(struct buf *out, struct span realm, struct span metadata_url,
	const struct auth_refusal *refusal)
{
	prm_write_challenge(out, realm, metadata_url, refusal);
}

void
auth_write_metadata(const struct auth *a, struct buf *out)
{
	prm_write_metadata(&a->issuers, span_of(a->origin), a->settings->facility, out);
}

void
auth_write_metrics(const struct auth *a, struct buf *out)
{
	refusals_write(a->refusals, out);
}
