/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/renew.h"

#include <stdio.h>
#include <string.h>

#include "agent/cli/metadata.h"
#include "agent/cli/origin.h"

#define FORM_MAX   65536U
#define ANSWER_MAX ((size_t)2 * CLIENT_ANSWER_MAX)
#define MEMORY     ((size_t)4 * CLIENT_ANSWER_MAX)

bool
renew_fresh(const struct token_login *l, int64_t now)
{
	return l->access.n > 0 && (l->expires == 0 || l->expires - now > RENEW_BEFORE);
}

void
renew_form_audience(const struct token_login *l, struct buf *form)
{
	if (l->audience.p == NULL || span_is(l->ask, metadata_ask_names[METADATA_NEITHER]))
		return;
	bool resource = span_is(l->ask, metadata_ask_names[METADATA_RESOURCE]);
	fetch_form(form, resource ? "resource" : "audience", l->audience);
}

bool
renew_take(struct token_login *l, struct oauth_tokens *t, int64_t now, struct err *e)
{
	struct span scope = l->scope;

	if (t->scope.p != NULL && !token_login_text(l, &scope, t->scope, e))
		return false;
	l->scope = scope;
	secret_fini(&l->access);
	l->access = t->access;
	t->access = (struct secret){0};
	if (t->refresh.n > 0) {
		secret_fini(&l->refresh);
		l->refresh = t->refresh;
		t->refresh = (struct secret){0};
	}
	l->expires = t->lifetime > 0 ? now + t->lifetime : 0;
	l->saved = now;
	return true;
}

static bool
url_of(struct span s, char *to, size_t n, struct err *e)
{
	return span_cstr(s, to, n) ||
	       err_set(e, ERR_LIMIT, NULL, "a URL of the issuer is too long");
}

/* RFC 6749 5.2: what the refusal of a refresh token means for the person. */
static bool
no_token(const struct token_login *l, const struct fetch_answer *a, struct err *e)
{
	AUTO_ARENA mem = {0};
	struct oauth_error why = {.code = SPAN_NONE};

	if (arena_init(&mem, MEMORY))
		oauth_error_parse(a->body, &mem, &why);
	struct span code = why.code.p != NULL ? why.code : SPAN("without a reason");
	if (!span_is(code, "invalid_grant"))
		return err_set(e, ERR_UPSTREAM, "RFC 6749 5.2", "%.*s gives no new token: %u %.*s",
			SPAN_ARG(l->issuer), a->status, SPAN_ARG(code));
	struct span words = why.description.p != NULL ? why.description : code;
	return err_set(e, ERR_UNAUTH, "RFC 6749 5.2",
		"the login has ended (%.*s): pan-agent login %.*s", SPAN_ARG(words),
		SPAN_ARG(l->server));
}

static bool
ask_anew(struct client *c, const struct token_login *l, struct arena *mem, struct oauth_tokens *ret,
	struct err *e)
{
	AUTO_WIPED form = BUF_INIT(FORM_MAX);
	AUTO_WIPED text = BUF_INIT(ANSWER_MAX);
	char url[ORIGIN_URL_MAX + 1];
	struct fetch_answer a;

	if (!url_of(l->token_endpoint, url, sizeof(url), e))
		return false;
	if (!buf_reserve(&form, FORM_MAX) || !buf_reserve(&text, ANSWER_MAX))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	fetch_form(&form, "grant_type", SPAN("refresh_token"));
	fetch_form(&form, "refresh_token", secret_open(&l->refresh));
	fetch_form(&form, "client_id", l->client_id);
	renew_form_audience(l, &form);
	if (!buf_ok(&form))
		return err_set(e, ERR_LIMIT, NULL, "the refresh token is too long");
	if (!client_post(c, url, buf_span(&form), &text, &a, e))
		return false;
	return a.status == 200 ? oauth_tokens_parse(a.body, mem, ret, e) : no_token(l, &a, e);
}

/* With the lock held, and `l` as it is in the store now. */
static bool
renew_locked(struct client *c, struct token_store *s, struct token_login *l, struct err *e)
{
	AUTO_ARENA mem = {0};
	struct oauth_tokens t = {.lifetime = 0};

	if (l->refresh.n == 0)
		return err_set(e, ERR_UNAUTH, NULL,
			"the login has ended, and %.*s gave nothing to renew it with: pan-agent "
			"login %.*s",
			SPAN_ARG(l->issuer), SPAN_ARG(l->server));
	if (!arena_init(&mem, MEMORY))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	if (!ask_anew(c, l, &mem, &t, e))
		return false;
	bool ok = renew_take(l, &t, c->now(c), e) && token_store_save(s, l, e);
	oauth_tokens_fini(&t);
	return ok;
}

bool
renew(struct client *c, struct token_store *s, struct token_login *l, struct err *e)
{
	AUTO_LOGIN now = {.saved = 0};

	if (!token_store_lock(s, e))
		return false;
	bool ok = token_store_load(s, l->server, l->issuer, &now, e);
	/* Somebody else was faster: theirs will do. */
	bool other = ok && !secret_eq(&now.access, &l->access) && renew_fresh(&now, c->now(c));
	ok = ok && (other || renew_locked(c, s, &now, e));
	token_store_unlock(s);
	if (!ok)
		return false;
	struct token_login old = *l;
	*l = now;
	now = old;
	return true;
}

/* ---- the end ---- */

static bool
unsupported(const struct fetch_answer *a)
{
	AUTO_ARENA mem = {0};
	struct oauth_error why = {.code = SPAN_NONE};

	if (arena_init(&mem, MEMORY))
		oauth_error_parse(a->body, &mem, &why);
	return why.code.p != NULL && span_is(why.code, "unsupported_token_type");
}

/* RFC 7009 2.1, 2.2: 200 also for a token that is none any more. */
static bool
revoke_one(struct client *c, const struct token_login *l, bool refresh, bool *lives, struct err *e)
{
	const struct secret *token = refresh ? &l->refresh : &l->access;
	AUTO_WIPED form = BUF_INIT(FORM_MAX);
	AUTO_BUF text = BUF_INIT(ANSWER_MAX);
	char url[ORIGIN_URL_MAX + 1];
	struct fetch_answer a;

	if (token->n == 0)
		return true;
	if (!url_of(l->revocation_endpoint, url, sizeof(url), e))
		return false;
	if (!buf_reserve(&form, FORM_MAX))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	fetch_form(&form, "token", secret_open(token));
	fetch_form(
		&form, "token_type_hint", refresh ? SPAN("refresh_token") : SPAN("access_token"));
	fetch_form(&form, "client_id", l->client_id);
	if (!buf_ok(&form))
		return err_set(e, ERR_LIMIT, NULL, "the token is too long");
	if (!client_post(c, url, buf_span(&form), &text, &a, e))
		return false;
	*lives = !refresh && a.status == 400 && unsupported(&a);
	return a.status == 200 || *lives ||
	       err_set(e, ERR_UPSTREAM, "RFC 7009 2.2", "%.*s answers %u", SPAN_ARG(l->issuer),
		       a.status);
}

bool
renew_revoke(struct client *c, const struct token_login *l, bool *lives, struct err *e)
{
	*lives = false;
	if (l->revocation_endpoint.p == NULL)
		return err_set(e, ERR_ABSENT, "RFC 7009 2", "%.*s offers no way to revoke tokens",
			SPAN_ARG(l->issuer));
	/* Also when the first fails. */
	bool refresh = revoke_one(c, l, true, lives, e);
	bool access = revoke_one(c, l, false, lives, refresh ? e : NULL);
	return refresh && access;
}
