/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/device_login.h"

#include <stdio.h>
#include <string.h>

#include "agent/cli/device.h"
#include "agent/cli/origin.h"
#include "agent/cli/renew.h"

#define FORM_MAX   16384U
#define ANSWER_MAX ((size_t)2 * CLIENT_ANSWER_MAX)
#define MEMORY     ((size_t)16 * CLIENT_ANSWER_MAX)
#define TURN_MS    1000

/* One login under way. */
struct device_login {
	struct client *client;
	struct token_store *store;
	const struct device_login_options *o;
	struct arena mem;
	struct origin server;
	struct metadata metadata;
	const struct metadata_issuer *issuer;
	struct span client_id, scope, audience;
	struct oauth_server endpoints;
	struct oauth_code code;
};

/* ---- the data server ---- */

bool
device_login_metadata(struct client *c, const char *server, struct arena *mem, struct metadata *ret,
	struct err *e)
{
	AUTO_BUF text = BUF_INIT(ANSWER_MAX);
	struct fetch_answer a;
	struct err why = {.code = ERR_NONE};
	char url[ORIGIN_TEXT_MAX + sizeof(METADATA_PATH)];

	(void)snprintf(url, sizeof(url), "%s%s", server, METADATA_PATH);
	if (!client_get(c, url, &text, &a, e))
		return false;
	if (a.status != 200)
		return err_set(e, ERR_ABSENT, "RFC 9728 3",
			"%s does not say who gives tokens for it (%u for %s): is it a pan-agent?",
			server, a.status, METADATA_PATH);
	return metadata_parse(a.body, mem, ret, &why) ||
	       err_set(e, ERR_UPSTREAM, why.ref,
		       "%s describes itself in a way that is not understood: %s", server, why.msg);
}

/* ---- the issuer ---- */

static const struct metadata_issuer *
named(const struct metadata *m, struct span issuer)
{
	for (size_t i = 0; i < m->n; i++)
		if (span_eq(m->issuer[i].issuer, issuer))
			return &m->issuer[i];
	return NULL;
}

static bool
no_choice(const struct device_login *l, const char *why, struct err *e)
{
	AUTO_BUF all = BUF_INIT(160);

	for (size_t i = 0; i < l->metadata.n; i++) {
		buf_addc(&all, ' ');
		buf_add(&all, l->metadata.issuer[i].issuer);
	}
	return err_set(e, ERR_SYNTAX, NULL, "%s; --issuer may be:%.*s%s", why,
		SPAN_ARG(buf_span(&all)), buf_ok(&all) ? "" : " ...");
}

/* The only one for which the server names a client; NULL: there is none, or there are several. */
static const struct metadata_issuer *
only_ready(const struct metadata *m)
{
	const struct metadata_issuer *found = NULL;

	for (size_t i = 0; i < m->n; i++) {
		if (m->issuer[i].client_id.n == 0)
			continue;
		if (found != NULL)
			return NULL;
		found = &m->issuer[i];
	}
	return found;
}

/*
 * The one that is asked for; the only one; that of the last login; the only one that can be had
 * without
 * --client-id; the one that is chosen now.
 */
static bool
choose_issuer(struct device_login *l, struct err *e)
{
	AUTO_LOGIN last = {.saved = 0};
	size_t at = 0;

	if (l->o->issuer != NULL) {
		l->issuer = named(&l->metadata, span_of(l->o->issuer));
		return l->issuer != NULL ||
		       no_choice(l, "this server does not trust that issuer", e);
	}
	if (l->metadata.n > 1 && token_store_newest(l->store, span_of(l->server.text), &last, NULL))
		l->issuer = named(&l->metadata, last.issuer);
	if (l->issuer == NULL && l->o->client_id == NULL)
		l->issuer = only_ready(&l->metadata);
	if (l->issuer != NULL)
		return true;
	if (l->metadata.n > 1 && !l->o->ui->choose(l->o->ui->arg, &l->metadata, &at))
		return no_choice(l, "several issuers give tokens for this server", e);
	l->issuer = &l->metadata.issuer[at];
	return true;
}

/* No key is kept, so no possession of one can be proved. */
static bool
not_bound(const struct device_login *l, struct err *e)
{
	return !l->metadata.bound ||
	       err_set(e, ERR_ABSENT, "RFC 9449 5",
		       "%s takes only tokens that are bound to a key (DPoP), which this client has "
		       "not got",
		       l->server.text);
}

static bool
choose_client(struct device_login *l, struct err *e)
{
	AUTO_LOGIN last = {.saved = 0};

	l->client_id = l->o->client_id != NULL ? span_of(l->o->client_id) : l->issuer->client_id;
	if (l->client_id.p == NULL &&
		token_store_load(l->store, span_of(l->server.text), l->issuer->issuer, &last, NULL))
		l->client_id = arena_span(&l->mem, last.client_id);
	if (l->client_id.n == 0)
		return err_set(e, ERR_SYNTAX, "RFC 8628 3.1",
			"%s names no client for logins at %.*s: ask the facility for one, and give "
			"it by --client-id",
			l->server.text, SPAN_ARG(l->issuer->issuer));
	return metadata_words(l->client_id) ||
	       err_set(e, ERR_SYNTAX, NULL, "--client-id: visible ASCII, please");
}

/* ---- for whom, and for what ---- */

/* What was consented to before need not be asked again. */
static bool
consented(const struct device_login *l, struct span audience)
{
	AUTO_LOGIN last = {.saved = 0};

	return token_store_load(
		       l->store, span_of(l->server.text), l->issuer->issuer, &last, NULL) &&
	       span_eq(last.audience, audience);
}

static bool
consent(const struct device_login *l, struct span audience, struct err *e)
{
	if (origin_same(&l->server, audience) || consented(l, audience) ||
		l->o->ui->consent(l->o->ui->arg, l->server.text, audience))
		return true;
	return err_set(e, ERR_DENIED, "RFC 9728 3.3",
		"%s wants tokens that are for %.*s; if that is right, add --audience %.*s",
		l->server.text, SPAN_ARG(span_first(audience, 60)),
		SPAN_ARG(span_first(audience, 60)));
}

/*
 * Where the issuer is not told for whom the token is, it may be good at every server that trusts
 * this issuer; and that it need not be told is the server's word alone (RFC 9728 7.4).
 */
static bool
consent_any(struct device_login *l, struct err *e)
{
	AUTO_LOGIN last = {.saved = 0};

	if (l->issuer->ask != METADATA_NEITHER ||
		(token_store_load(
			 l->store, span_of(l->server.text), l->issuer->issuer, &last, NULL) &&
			span_is(last.ask, metadata_ask_names[METADATA_NEITHER])))
		return true;
	struct span any =
		arena_printf(&l->mem, "any server that trusts %.*s", SPAN_ARG(l->issuer->issuer));
	if (any.n > 0 && l->o->ui->consent(l->o->ui->arg, l->server.text, any))
		return true;
	return err_set(e, ERR_DENIED, "RFC 9728 7.4",
		"%s asks for tokens that may be good at all servers of %.*s; if that is right, add "
		"--audience %.*s",
		l->server.text, SPAN_ARG(span_first(l->issuer->issuer, 60)),
		SPAN_ARG(span_first(l->audience, 60)));
}

static bool
choose_audience(struct device_login *l, struct err *e)
{
	struct span resource = l->metadata.resource;

	l->audience = l->issuer->audience.p != NULL ? l->issuer->audience : resource;
	if (l->o->audience != NULL) {
		l->audience = span_of(l->o->audience);
		return (metadata_words(l->audience) && !span_has(l->audience, ' ')) ||
		       err_set(e, ERR_SYNTAX, NULL,
			       "--audience: one word of visible ASCII, please");
	}
	if (!span_eq(l->audience, resource) && !origin_same(&l->server, resource) &&
		!consent(l, resource, e))
		return false;
	return consent(l, l->audience, e) && consent_any(l, e);
}

static bool
holds(struct span words, struct span word)
{
	while (words.p != NULL)
		if (span_eq(span_cut(&words, ' '), word))
			return true;
	return false;
}

/* Words of `more` that are not there yet; `only`: and that stand in it (absent: all). */
static void
add_words(struct buf *to, struct span more, struct span only)
{
	while (more.p != NULL) {
		struct span word = span_cut(&more, ' ');
		if (word.n == 0 || holds(buf_span(to), word) ||
			(only.p != NULL && !holds(only, word)))
			continue;
		if (to->n > 0)
			buf_addc(to, ' ');
		buf_add(to, word);
	}
}

static bool
choose_scope(struct device_login *l, struct err *e)
{
	AUTO_BUF all = BUF_INIT(METADATA_TEXT_MAX);

	if (l->issuer->scopes.p != NULL)
		add_words(&all, l->issuer->scopes, SPAN_NONE);
	else
		add_words(&all, SPAN("openid offline_access"), l->endpoints.scopes_supported);
	if (l->o->scope != NULL)
		add_words(&all, span_of(l->o->scope), SPAN_NONE);
	if (!buf_ok(&all) || (all.n > 0 && !metadata_words(buf_span(&all))))
		return err_set(e, ERR_SYNTAX, "RFC 6749 3.3",
			"--scope: words of visible ASCII, at most %u bytes in all",
			METADATA_TEXT_MAX);
	l->scope = all.n > 0 ? arena_span(&l->mem, buf_span(&all)) : SPAN_NONE;
	return true;
}

/* ---- the issuer's endpoints ---- */

static bool
discover(struct device_login *l, struct err *e)
{
	struct fetch_answer a = {.status = 0};
	struct err why = {.code = ERR_NONE};

	for (unsigned i = 0; a.status != 200; i++) {
		AUTO_BUF url = BUF_INIT(ORIGIN_URL_MAX + 64);
		AUTO_BUF text = BUF_INIT(ANSWER_MAX);
		if (!oauth_discovery_url(l->issuer->issuer, i, &url))
			return err_set(e, ERR_UPSTREAM, "RFC 8414 3",
				"%.*s does not describe itself (status %u): is it an OpenID "
				"provider?",
				SPAN_ARG(l->issuer->issuer), a.status);
		buf_addc(&url, '\0');
		if (!buf_ok(&url) || !client_get(l->client, url.p, &text, &a, e))
			return buf_ok(&url) ? false
					    : err_set(e, ERR_LIMIT, NULL,
						      "the issuer's name is too long");
		if (a.status == 200 && !oauth_server_parse(a.body, l->issuer->issuer, &l->mem,
					       &l->endpoints, &why))
			return err_set(e, ERR_UPSTREAM, why.ref, "%.*s: %s",
				SPAN_ARG(l->issuer->issuer), why.msg);
	}
	if (l->endpoints.device.p != NULL)
		return true;
	return err_set(e, ERR_ABSENT, "RFC 8628 4",
		"%.*s offers no login for programs (device flow). Get a token from it another way, "
		"and give it in $BEARER_TOKEN or by --token-file",
		SPAN_ARG(l->issuer->issuer));
}

/* ---- the flow ---- */

static bool
url_of(struct span s, char *to, size_t n, struct err *e)
{
	return span_cstr(s, to, n) ||
	       err_set(e, ERR_LIMIT, NULL, "a URL of the issuer is too long");
}

/* For whom the token shall be, as the issuer wants to hear it. */
static struct token_login
audience_of(const struct device_login *l)
{
	return (struct token_login){
		.audience = l->audience, .ask = span_of(metadata_ask_names[l->issuer->ask])};
}

static bool
no_code(struct device_login *l, const struct fetch_answer *a, struct err *e)
{
	struct oauth_error why;

	oauth_error_parse(a->body, &l->mem, &why);
	return err_set(e, ERR_UPSTREAM, "RFC 8628 3.2", "%.*s refuses: %u %.*s%s%.*s",
		SPAN_ARG(l->issuer->issuer), a->status,
		SPAN_ARG(why.code.p != NULL ? why.code : SPAN("without a reason")),
		why.description.p != NULL ? ", " : "", SPAN_ARG(why.description));
}

static bool
ask_code(struct device_login *l, struct err *e)
{
	AUTO_BUF form = BUF_INIT(FORM_MAX);
	AUTO_WIPED text = BUF_INIT(ANSWER_MAX);
	const struct token_login whom = audience_of(l);
	char url[ORIGIN_URL_MAX + 1];
	struct fetch_answer a;

	if (!url_of(l->endpoints.device, url, sizeof(url), e))
		return false;
	if (!buf_reserve(&text, ANSWER_MAX))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	fetch_form(&form, "client_id", l->client_id);
	if (l->scope.p != NULL)
		fetch_form(&form, "scope", l->scope);
	renew_form_audience(&whom, &form);
	if (l->o->acr != NULL)
		fetch_form(&form, "acr_values", span_of(l->o->acr));
	if (!buf_ok(&form))
		return err_set(e, ERR_LIMIT, NULL, "the request would be too long");
	if (!client_post(l->client, url, buf_span(&form), &text, &a, e))
		return false;
	return a.status == 200 ? oauth_code_parse(a.body, &l->mem, &l->code, e) : no_code(l, &a, e);
}

/* One question to the token endpoint (RFC 8628 3.4). */
static enum device_turn
poll_once(struct device_login *l, const char *url, struct device *d, struct oauth_tokens *ret,
	struct err *e)
{
	AUTO_WIPED form = BUF_INIT(FORM_MAX);
	AUTO_WIPED text = BUF_INIT(ANSWER_MAX);
	struct fetch_answer a = {.status = 0, .retry_after = -1};
	const struct token_login whom = audience_of(l);

	if (!buf_reserve(&form, FORM_MAX) || !buf_reserve(&text, ANSWER_MAX)) {
		(void)err_set(e, ERR_LIMIT, NULL, "no memory");
		return DEVICE_NO;
	}
	fetch_form(&form, "grant_type", SPAN("urn:ietf:params:oauth:grant-type:device_code"));
	fetch_form(&form, "device_code", l->code.device_code);
	fetch_form(&form, "client_id", l->client_id);
	renew_form_audience(&whom, &form);
	if (!buf_ok(&form)) {
		(void)err_set(e, ERR_LIMIT, NULL, "the request would be too long");
		return DEVICE_NO;
	}
	if (!client_post(l->client, url, buf_span(&form), &text, &a, NULL))
		a = (struct fetch_answer){.status = 0, .retry_after = -1};
	const struct device_answer answer = {a.status, a.body, a.retry_after};
	return device_judge(d, &answer, l->client->now_ms(l->client), &l->mem, ret, e);
}

static bool
approval(struct device_login *l, struct oauth_tokens *ret, struct err *e)
{
	struct client *c = l->client;
	enum device_turn turn = DEVICE_AGAIN;
	char url[ORIGIN_URL_MAX + 1];
	struct device d;

	if (!url_of(l->endpoints.token, url, sizeof(url), e))
		return false;
	device_begin(&l->code, c->now_ms(c), &d);
	while (turn == DEVICE_AGAIN) {
		int64_t now = c->now_ms(c);
		l->o->ui->waiting(l->o->ui->arg, device_left(&d, now));
		if (now < d.next_ms)
			c->wait(c, d.next_ms - now < TURN_MS ? d.next_ms - now : TURN_MS);
		else
			turn = poll_once(l, url, &d, ret, e);
	}
	return turn == DEVICE_DONE;
}

/* ---- what is kept ---- */

static bool
fill(struct device_login *l, struct oauth_tokens *t, struct token_login *to, struct err *e)
{
	const struct {
		struct span *to, value;
	} texts[] = {
		{&to->server, span_of(l->server.text)},
		{&to->issuer, l->issuer->issuer},
		{&to->client_id, l->client_id},
		{&to->token_endpoint, l->endpoints.token},
		{&to->revocation_endpoint, l->endpoints.revocation},
		{&to->audience, l->audience},
		{&to->ask, span_of(metadata_ask_names[l->issuer->ask])},
		{&to->scope, l->scope},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!token_login_text(to, texts[i].to, texts[i].value, e))
			return false;
	return renew_take(to, t, l->client->now(l->client), e);
}

static bool
save(struct device_login *l, struct oauth_tokens *t, struct token_login *ret, struct err *e)
{
	AUTO_LOGIN made = {.saved = 0};

	if (!token_login_init(&made))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	if (!fill(l, t, &made, e) || !token_store_lock(l->store, e))
		return false;
	bool ok = token_store_save(l->store, &made, e);
	token_store_unlock(l->store);
	if (!ok)
		return false;
	*ret = token_login_take(&made);
	return true;
}

static bool
run(struct device_login *l, struct token_login *ret, struct err *e)
{
	struct oauth_tokens t = {.lifetime = 0};

	if (!device_login_metadata(l->client, l->server.text, &l->mem, &l->metadata, e) ||
		!not_bound(l, e) || !choose_issuer(l, e) || !choose_client(l, e) ||
		!choose_audience(l, e) || !discover(l, e) || !choose_scope(l, e) || !ask_code(l, e))
		return false;
	l->o->ui->code(l->o->ui->arg, &l->code, l->issuer->issuer);
	bool ok = approval(l, &t, e) && save(l, &t, ret, e);
	oauth_tokens_fini(&t);
	return ok;
}

bool
device_login_run(struct client *c, struct token_store *s, const struct device_login_options *o,
	struct token_login *ret, struct err *e)
{
	struct device_login l = {.client = c, .store = s, .o = o};

	if (!origin_parse(span_of(o->url), &l.server, e))
		return false;
	if (!arena_init(&l.mem, MEMORY))
		return err_set(e, ERR_LIMIT, NULL, "no memory");
	bool ok = run(&l, ret, e);
	explicit_bzero(l.mem.base, l.mem.used); /* the device code was in it */
	arena_fini(&l.mem);
	return ok;
}
