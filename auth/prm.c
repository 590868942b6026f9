/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/prm.h"

#include <stdio.h>

#include "agent/base/jsonw.h"
#include "auth/auth.h"

/* quoted-string (RFC 9110 5.6.4) of text that came from outside. */
static void
quoted(struct buf *out, const char *name, struct span s)
{
	buf_addf(out, "%s=\"", name);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i] >= 0x20 && s.p[i] <= 0x7e ? s.p[i] : '?');
	}
	buf_addc(out, '"');
}

void
prm_write_challenge(struct buf *out, struct span realm, struct span metadata_url,
	const struct auth_refusal *refusal)
{
	quoted(out, "Bearer realm", realm);
	if (metadata_url.n > 0)
		quoted(out, ", resource_metadata", metadata_url);
	if (refusal == NULL || refusal->error == NULL)
		return;
	quoted(out, ", error", span_of(refusal->error));
	quoted(out, ", error_description", span_of(refusal->description));
	if (refusal->scope.n > 0)
		quoted(out, ", scope", refusal->scope);
}

static void
write_scope(struct jsonw *w, const struct issuer *i)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%.*s:/", SPAN_ARG(i->read_word));
	jsonw_cstr(w, NULL, text);
}

/* Each word once: issuers of one profile share it. */
static void
write_scopes(struct jsonw *w, const struct issuers *all)
{
	jsonw_list(w, "scopes_supported");
	for (size_t k = 0; k < all->n; k++) {
		bool seen = !all->item[k].path_scopes;
		for (size_t m = 0; m < k && !seen; m++)
			seen = all->item[m].path_scopes &&
			       span_eq(all->item[m].read_word, all->item[k].read_word);
		if (!seen)
			write_scope(w, &all->item[k]);
	}
	jsonw_end(w, ']');
}

/* PRM-3: what a client has to ask whom for, so that a user types the data URL alone. */
static void
write_pan_issuers(struct jsonw *w, const struct issuers *all)
{
	jsonw_list(w, "pan_issuers");
	for (size_t k = 0; k < all->n; k++) {
		const struct issuer *i = &all->item[k];
		jsonw_obj(w, NULL);
		jsonw_str(w, "issuer", i->iss);
		jsonw_cstr(w, "name", i->settings->name);
		if (i->audience.n > 0)
			jsonw_str(w, "audience", i->audience.item[0]);
		jsonw_list(w, "scopes");
		if (i->path_scopes)
			write_scope(w, i);
		jsonw_end(w, ']');
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
}

void
prm_write_metadata(
	const struct issuers *all, struct span origin, const char *facility, struct buf *out)
{
	bool scoped = false;
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "resource", all->n > 0 ? all->item[0].audience.item[0] : origin);
	jsonw_list(&w, "authorization_servers");
	for (size_t k = 0; k < all->n; k++) {
		jsonw_str(&w, NULL, all->item[k].iss);
		scoped = scoped || all->item[k].path_scopes;
	}
	jsonw_end(&w, ']');
	if (scoped)
		write_scopes(&w, all);
	jsonw_list(&w, "bearer_methods_supported");
	jsonw_cstr(&w, NULL, "header");
	jsonw_end(&w, ']');
	if (facility != NULL)
		jsonw_cstr(&w, "resource_name", facility);
	write_pan_issuers(&w, all);
	jsonw_end(&w, '}');
}
