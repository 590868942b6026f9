/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/prm.h"

#include "agent/base/jsonw.h"
#include "agent/base/settings_issuer.h"
#include "auth/auth.h"
#include "auth/proof.h"

/* ---- the challenge ---- */

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

/* The values of RFC 6750 3 have no quotes and no backslashes, not even escaped. */
static void
plain(struct buf *out, const char *name, struct span s)
{
	buf_addf(out, "%s=\"", name);
	for (size_t i = 0; i < s.n; i++) {
		bool ok = s.p[i] >= 0x20 && s.p[i] <= 0x7e && s.p[i] != '"' && s.p[i] != '\\';
		buf_addc(out, ok ? s.p[i] : '?');
	}
	buf_addc(out, '"');
}

static void
bearer(struct buf *out, const struct auth_refusal *r)
{
	if (r->error == NULL || span_is(span_of(r->error), "invalid_dpop_proof"))
		return;
	plain(out, ", error", span_of(r->error));
	plain(out, ", error_description", span_of(r->description));
	if (r->scope.n > 0)
		plain(out, ", scope", r->scope);
	if (r->acr_values.n > 0)
		plain(out, ", acr_values", r->acr_values);
}

static void
dpop(struct buf *out, const struct auth_refusal *r)
{
	plain(out, ", DPoP algs", SPAN(PROOF_ALGS));
	if (r->error == NULL)
		return;
	plain(out, ", error", span_of(r->error));
	plain(out, ", error_description", span_of(r->description));
}

void
prm_write_challenge(struct buf *out, struct span realm, struct span metadata_url,
	const struct auth_refusal *refusal)
{
	quoted(out, "Bearer realm", realm);
	if (metadata_url.n > 0)
		quoted(out, ", resource_metadata", metadata_url);
	if (refusal == NULL)
		return;
	bearer(out, refusal);
	if (refusal->dpop)
		dpop(out, refusal);
}

/* ---- the document ---- */

/* RFC 8414 2: an https URL; or of a test, on this machine. */
static bool
usable(const struct issuer *i)
{
	return span_starts(i->iss, SPAN("https://")) ||
	       settings_issuer_loopback(i->settings->issuer);
}

static bool
has_audience(const struct issuer *i, struct span s)
{
	for (size_t k = 0; k < i->audience.n; k++)
		if (span_eq(i->audience.item[k], s))
			return true;
	return false;
}

/*
 * The audience that clients ask this issuer for: the resource itself where it takes it (RFC 9728
 * 3.3 has clients compare), else its first one.
 */
static struct span
audience_of(const struct issuer *i, struct span origin)
{
	if (i->audience.n == 0 || has_audience(i, origin))
		return origin;
	if (span_ends(origin, SPAN("/")) && has_audience(i, span_first(origin, origin.n - 1)))
		return span_first(origin, origin.n - 1);
	return i->audience.item[0];
}

static void
write_scope(struct jsonw *w, const struct issuer *i)
{
	AUTO_BUF text = BUF_INIT(256);

	buf_add(&text, i->read_word);
	buf_adds(&text, ":/");
	jsonw_str(w, NULL, buf_span(&text));
}

/* Each word once: issuers of one profile share it. */
static void
write_scopes(struct jsonw *w, const struct issuers *all)
{
	bool any = false;

	for (size_t k = 0; k < all->n; k++) {
		bool seen = !all->item[k].path_scopes;
		for (size_t m = 0; m < k && !seen; m++)
			seen = all->item[m].path_scopes &&
			       span_eq(all->item[m].read_word, all->item[k].read_word);
		if (seen)
			continue;
		if (!any)
			jsonw_list(w, "scopes_supported");
		any = true;
		write_scope(w, &all->item[k]);
	}
	if (any)
		jsonw_end(w, ']');
}

static void
write_login_scopes(struct jsonw *w, const struct issuer *i)
{
	const struct settings_list *own = &i->settings->login_scopes;

	jsonw_list(w, "scopes");
	for (size_t k = 0; k < own->n; k++)
		jsonw_cstr(w, NULL, own->item[k]);
	if (own->n == 0) {
		jsonw_cstr(w, NULL, "openid");
		jsonw_cstr(w, NULL, "offline_access");
		if (i->path_scopes)
			write_scope(w, i);
	}
	jsonw_end(w, ']');
}

/* PRM-3: what a client has to ask whom for, so that a user types the data URL alone. */
static void
write_pan_issuer(struct jsonw *w, const struct issuer *i, struct span origin)
{
	static const char *const asks[] = {"resource", "audience", "none"};

	jsonw_obj(w, NULL);
	jsonw_str(w, "issuer", i->iss);
	jsonw_cstr(w, "name", i->settings->name);
	jsonw_str(w, "audience", audience_of(i, origin));
	jsonw_cstr(w, "audience_parameter", asks[i->settings->login_audience]);
	write_login_scopes(w, i);
	if (i->settings->login_client_id != NULL)
		jsonw_cstr(w, "client_id", i->settings->login_client_id);
	jsonw_bool(w, "device_flow", i->settings->login_client_id != NULL);
	jsonw_end(w, '}');
}

/* RFC 9728 2: the algorithms of proofs, and whether a token must be bound whoever made it. */
static void
write_dpop(struct jsonw *w, const struct issuers *all)
{
	bool some = false;
	bool must = all->n > 0;

	for (size_t k = 0; k < all->n; k++) {
		some = some || all->item[k].settings->dpop != DPOP_NO;
		must = must && all->item[k].settings->dpop == DPOP_REQUIRED;
	}
	if (!some)
		return;
	jsonw_list(w, "dpop_signing_alg_values_supported");
	for (struct span rest = SPAN(PROOF_ALGS); rest.p != NULL;)
		jsonw_str(w, NULL, span_cut(&rest, ' '));
	jsonw_end(w, ']');
	if (must)
		jsonw_bool(w, "dpop_bound_access_tokens_required", true);
}

void
prm_write_metadata(
	const struct issuers *all, struct span origin, const char *facility, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "resource", all->n > 0 ? audience_of(&all->item[0], origin) : origin);
	jsonw_list(&w, "authorization_servers");
	for (size_t k = 0; k < all->n; k++)
		if (usable(&all->item[k]))
			jsonw_str(&w, NULL, all->item[k].iss);
	jsonw_end(&w, ']');
	write_scopes(&w, all);
	jsonw_list(&w, "bearer_methods_supported");
	jsonw_cstr(&w, NULL, "header");
	jsonw_end(&w, ']');
	write_dpop(&w, all);
	if (facility != NULL)
		jsonw_cstr(&w, "resource_name", facility);
	jsonw_list(&w, "pan_issuers");
	for (size_t k = 0; k < all->n; k++)
		if (usable(&all->item[k]))
			write_pan_issuer(&w, &all->item[k], origin);
	jsonw_end(&w, ']');
	jsonw_end(&w, '}');
}
