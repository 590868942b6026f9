/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/decision.h"

#include "agent/base/jsonw.h"
#include "policy/scalar.h"

const char *const state_names[STATE_OPEN + 1] = {
	[STATE_WITHDRAWN] = "withdrawn",
	[STATE_PROPRIETARY] = "proprietary",
	[STATE_RESTRICTED] = "restricted",
	[STATE_EMBARGOED] = "embargoed",
	[STATE_OPEN] = "open",
};
const char *const field_names[FIELD_COUNT] = {
	[FIELD_TITLE] = "title",
	[FIELD_ABSTRACT] = "abstract",
	[FIELD_TEAM] = "team",
	[FIELD_INSTRUMENT] = "instrument",
	[FIELD_TECHNIQUE] = "technique",
	[FIELD_SAMPLE] = "sample",
	[FIELD_DATES] = "dates",
	[FIELD_KEYWORDS] = "keywords",
	[FIELD_PARAMETERS] = "parameters",
	[FIELD_RELATED] = "related",
	[FIELD_FILES] = "files",
};

/* ---- JSON ---- */

static void
json_date(struct jsonw *w, const char *key, bool has, int32_t date)
{
	AUTO_BUF text = BUF_INIT(64);

	if (has)
		scalar_write_date(&text, date);
	jsonw_str(w, key, has ? buf_span(&text) : SPAN_NONE);
}

static void
json_policy(struct jsonw *w, const struct decision *d)
{
	jsonw_str(w, "policy", d->policy);
	if (d->policy.p != NULL)
		jsonw_u64(w, "version", d->version);
	else
		jsonw_null(w, "version");
	if (d->sha256 != NULL)
		jsonw_hex(w, "sha256", d->sha256, 32);
	else
		jsonw_null(w, "sha256");
}

static void
json_lists(struct jsonw *w, const struct decision *d)
{
	jsonw_list(w, "grantors");
	if (d->grantors_self)
		jsonw_cstr(w, NULL, "self");
	for (size_t i = 0; i < d->n_grantors; i++)
		jsonw_cstr(w, NULL, role_names[d->grantor_order[i]]);
	jsonw_end(w, ']');
	jsonw_strs(w, "obligations", d->obligations, d->n_obligations);
	if (!d->has_fields) {
		jsonw_null(w, "fields");
		return;
	}
	jsonw_list(w, "fields");
	for (int i = 0; i < FIELD_COUNT; i++)
		if ((d->fields >> i & 1U) != 0)
			jsonw_cstr(w, NULL, field_names[i]);
	jsonw_end(w, ']');
}

void
decision_write_json(const struct decision *d, struct span id, struct buf *out)
{
	AUTO_BUF quoted = BUF_INIT(out->max);

	if (id.p != NULL)
		jsonw_quote(&quoted, id);
	decision_write_json_raw(d, id.p != NULL ? buf_span(&quoted) : SPAN("null"), out);
}

void
decision_write_json_raw(const struct decision *d, struct span id, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_raw(&w, "id", id);
	jsonw_cstr(&w, "effect", d->permit ? "permit" : "deny");
	jsonw_str(&w, "rule", d->rule);
	jsonw_u64(&w, "line", d->line);
	json_policy(&w, d);
	jsonw_cstr(&w, "state", state_names[d->state]);
	jsonw_cstr(&w, "detail", d->detail);
	jsonw_str(&w, "reason", d->reason);
	jsonw_u64(&w, "status", (unsigned)d->status);
	jsonw_iso(&w, "release_at", d->has_release ? d->release_at : INT64_MIN);
	json_date(&w, "release_date", d->has_release, d->release_date);
	json_lists(&w, d);
	jsonw_iso(&w, "next_change", d->has_next_change ? d->next_change : INT64_MIN);
	jsonw_u64(&w, "max_age", d->max_age);
	jsonw_end(&w, '}');
}

/* ---- roles ---- */

void
decision_write_roles(struct buf *out, const enum policy_role *order, size_t n, const char *last)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_adds(out, i + 1 == n ? last : ", ");
		buf_adds(out, role_names[order[i]]);
	}
}
