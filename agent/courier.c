/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier.h"

#include "agent/base/settings_issuer.h"
#include "agent/courier_ask.h"
#include "agent/courier_keys.h"

#include <stdlib.h>
#include <string.h>

#define TURN_MAX_MS 60000

static void
setup(struct courier *c, struct courier_issuer *i, const struct issuer *rules,
	const struct courier_files *files)
{
	const struct settings_issuer *s = rules->settings;

	i->courier = c;
	i->world = &c->world;
	i->rules = rules;
	i->settings = s;
	i->files = *files;
	i->fetched = settings_issuer_fetched(s);
	i->needs_keys = s->jwks_file == NULL;
	i->needs_document = (i->needs_keys && s->jwks_uri == NULL) || s->web_client_id != NULL ||
			    s->enrich == ENRICH_USERINFO ||
			    (s->client_id != NULL && s->introspection_endpoint == NULL);
	courier_keys_init(i);
	courier_ask_init(i);
}

bool
courier_new(const struct courier_world *w, const struct issuers *rules,
	const struct courier_files *files, struct courier **ret, struct err *e)
{
	struct courier *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->issuer = calloc(rules->n + 1, sizeof(*c->issuer));
	if (c == NULL || c->issuer == NULL) {
		free(c);
		return err_set(e, ERR_SYSTEM, NULL, "courier: no memory");
	}
	c->world = *w;
	c->n = rules->n;
	c->changed = true;
	for (size_t i = 0; i < c->n; i++)
		setup(c, &c->issuer[i], &rules->item[i], &files[i]);
	*ret = c;
	return true;
}

void
courier_free(struct courier *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++) {
		courier_ask_fini(&c->issuer[i]);
		courier_keys_fini(&c->issuer[i]);
	}
	free(c->issuer);
	free(c);
}

bool
courier_restore(struct courier *c, size_t issuer, struct span text, struct err *e)
{
	return courier_keys_restore(&c->issuer[issuer], text, e);
}

bool
courier_fetches(const struct courier *c, size_t issuer)
{
	return issuer < c->n && c->issuer[issuer].fetched;
}

void
courier_link(struct courier *c, unsigned link)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->issuer[i].fetched)
			courier_keys_report(&c->issuer[i], link);
}

void
courier_unlink(struct courier *c, unsigned link)
{
	for (size_t i = 0; i < c->n; i++)
		courier_ask_unlink(&c->issuer[i], link);
}

static struct courier_issuer *
find(struct courier *c, struct span iss)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->issuer[i].fetched && span_eq(c->issuer[i].rules->iss, iss))
			return &c->issuer[i];
	return NULL;
}

/* Gate and courier may have different configurations for a moment, during a reload. */
static void
answer_unknown(struct courier *c, unsigned link, const struct errand *r)
{
	bool refresh = r->kind == ERRAND_REFRESH;
	const struct report unknown = {.kind = refresh ? REPORT_TROUBLE : REPORT_ANSWER,
		.id = r->id,
		.issuer = r->issuer,
		.since = c->world.now(c->world.arg).utc,
		.retry_after = 2,
		.text = SPAN("this issuer is not fetched here"),
		.result = RESULT_FAILED};

	c->world.report(c->world.arg, link, &unknown);
}

void
courier_errand(struct courier *c, unsigned link, const struct errand *r)
{
	struct courier_issuer *i = find(c, r->issuer);

	if (i == NULL)
		answer_unknown(c, link, r);
	else if (r->kind == ERRAND_REFRESH)
		courier_keys_refresh(i, link);
	else
		courier_ask(i, link, r);
}

void
courier_drain(struct courier *c)
{
	c->draining = true;
	for (size_t i = 0; i < c->n; i++)
		courier_ask_drain(&c->issuer[i]);
}

bool
courier_idle(const struct courier *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->issuer[i].asks.n_running + c->issuer[i].asks.n_waiting > 0)
			return false;
	return true;
}

int
courier_turn(struct courier *c)
{
	int64_t next = INT64_MAX;

	for (size_t k = 0; k < c->n; k++) {
		struct courier_issuer *i = &c->issuer[k];
		if (!i->fetched)
			continue;
		int64_t keys = courier_keys_turn(i);
		courier_ask_pump(i);
		int64_t asks = courier_ask_next(i);
		next = keys < next ? keys : next;
		next = asks < next ? asks : next;
	}
	int64_t wait = next == INT64_MAX ? TURN_MAX_MS : next - c->world.now(c->world.arg).ms;
	return wait < 0 ? 0 : wait > TURN_MAX_MS ? TURN_MAX_MS : (int)wait;
}

bool
courier_changed(struct courier *c)
{
	bool changed = c->changed;

	c->changed = false;
	return changed;
}
