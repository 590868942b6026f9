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

/* ---- one sentence ---- */

void
decision_write_roles(struct buf *out, const enum policy_role *order, size_t n, const char *last)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_adds(out, i + 1 == n ? last : ", ");
		buf_adds(out, role_names[order[i]]);
	}
}

static void
say_rule(const struct decision *d, struct buf *out)
{
	buf_addf(out, "; rule %.*s of policy %.*s", SPAN_ARG(d->rule), SPAN_ARG(d->policy));
}

static void
say_flags(uint32_t flags, struct buf *out)
{
	const char *comma = "";

	for (int i = 0; i < FLAG_COUNT; i++)
		if ((flags >> i & 1U) != 0) {
			buf_addf(out, "%s%s", comma, flag_names[i]);
			comma = ", ";
		}
}

static void
say_restricted(const struct decision *d, const struct facts *f, struct buf *out)
{
	struct span detail = span_of(d->detail);

	buf_adds(out, "is restricted");
	if (span_is(detail, "flag")) {
		buf_adds(out, " (flagged ");
		say_flags(f->object.flags, out);
		buf_addc(out, ')');
	} else if (span_is(detail, "hold")) {
		buf_adds(out, " by a hold");
	} else if (span_is(detail, "agreement-missing")) {
		buf_adds(out, " until an agreement on its opening is recorded");
	} else if (span_is(detail, "anchor-missing")) {
		buf_adds(out, ": the date from which its embargo counts is not recorded");
	} else if (span_is(detail, "unknown-event")) {
		buf_adds(out, ": its log holds an entry that cannot be understood");
	}
}

static void
say_state(const struct decision *d, const struct facts *f, struct buf *out)
{
	buf_adds(out, "This dataset ");
	switch (d->state) {
	case STATE_WITHDRAWN:
		buf_adds(out, "was withdrawn");
		break;
	case STATE_PROPRIETARY:
		buf_adds(out, "comes from proprietary beamtime, which does not open with time");
		break;
	case STATE_RESTRICTED:
		say_restricted(d, f, out);
		break;
	case STATE_EMBARGOED:
		buf_adds(out, "is under embargo until ");
		scalar_write_date(out, d->release_date);
		buf_addf(out, " (%.*s)", SPAN_ARG(d->timezone));
		break;
	case STATE_OPEN:
	case STATE_NONE:
		buf_adds(out, "is open");
		break;
	}
}

static void
say_terms(const struct decision *d, struct buf *out)
{
	buf_addf(out, "Accept the terms \"%.*s\" (%.*s) first", SPAN_ARG(d->terms_title),
		SPAN_ARG(d->terms));
	if (d->terms_url.p != NULL)
		buf_addf(out, ", at %.*s", SPAN_ARG(d->terms_url));
}

static void
say_refusal(const struct decision *d, const struct facts *f, struct buf *out)
{
	bool by_state = d->permit || span_eq(d->reason, span_of(state_names[d->state]));

	if (d->terms.p != NULL) {
		say_terms(d, out);
		return;
	}
	say_state(d, f, out);
	if (span_is(d->reason, "no-rule"))
		buf_addf(out, ", but no rule permits you %s", action_names[f->action]);
	else if (!by_state)
		buf_addf(out, "; %s is refused for the reason %.*s", action_names[f->action],
			SPAN_ARG(d->reason));
}

/* What the reader can do now. */
static void
say_next(const struct decision *d, struct buf *out)
{
	if (d->status == 401)
		buf_adds(out, "; sign in to be recognised");
	if (d->n_grantors > 0) {
		buf_adds(out, "; ask the ");
		decision_write_roles(out, d->grantor_order, d->n_grantors, " or ");
	} else if (d->contact.p != NULL && !d->grantors_self) {
		buf_addf(out, "; questions to %.*s", SPAN_ARG(d->contact));
	}
}

void
decision_write_sentence(const struct decision *d, const struct facts *f, struct buf *out)
{
	if (d->status == 404) {
		/* The same words for what is hidden and for what does not exist (POL-11). */
		buf_adds(out, "There is no such dataset here, or it has no public record.");
		return;
	}
	if (d->state == STATE_NONE) {
		buf_adds(out, "The agent could not form the question for its policy; tell its "
			      "administrator.");
		return;
	}
	if (d->permit && d->status != 410) {
		buf_addf(out, "Permitted: %s", action_names[f->action]);
		say_rule(d, out);
		buf_addc(out, '.');
		return;
	}
	say_refusal(d, f, out);
	say_rule(d, out);
	if (!d->permit)
		say_next(d, out);
	buf_addc(out, '.');
}
