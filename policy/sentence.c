/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sentence.h"

#include "policy/decision.h"
#include "policy/facts.h"
#include "policy/scalar.h"

/* What one may or may not do, after "you may". */
static const char *const verbs[ACTION_COUNT] = {
	[ACTION_META_PUBLIC] = "see its public record",
	[ACTION_META_FULL] = "see all of its metadata",
	[ACTION_DATA_LIST] = "list its files",
	[ACTION_DATA_READ] = "read its data",
	[ACTION_DATA_STAGE] = "have its data sent elsewhere",
	[ACTION_DATA_WRITE] = "add data to it",
	[ACTION_PROPOSAL_READ] = "read its proposal",
	[ACTION_POLICY_SIMULATE] = "try out policies",
};
/* Roles as people say them. */
static const char *const people[ROLE_COUNT] = {
	[ROLE_ANONYMOUS] = "anybody",
	[ROLE_AUTHENTICATED] = "anybody who is signed in",
	[ROLE_REGISTERED] = "any registered user",
	[ROLE_PI] = "principal investigator",
	[ROLE_COPROPOSER] = "coproposer",
	[ROLE_DELEGATE] = "delegate",
	[ROLE_LOCAL_CONTACT] = "local contact",
	[ROLE_INSTRUMENT_SCIENTIST] = "instrument scientist",
	[ROLE_COMPUTING] = "computing group",
	[ROLE_ARCHIVIST] = "archivist",
	[ROLE_CUSTODIAN] = "custodian",
	[ROLE_DIRECTOR] = "director",
	[ROLE_USER_OFFICE] = "user office",
	[ROLE_SERVICE] = "service",
};

const char *
sentence_absent(bool authenticated)
{
	return authenticated
		       ? "There is no such dataset or file here, or it is not for you; if you are "
			 "on its team, ask its principal investigator whether the user office "
			 "knows."
		       : "There is no such dataset or file here, or it is not public; if you are "
			 "on its team, send a token of yours.";
}

/* ---- what the dataset is ---- */

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
say_restricted(struct span detail, const struct facts *f, struct buf *out)
{
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
		buf_adds(out, " because the date from which its embargo counts is not recorded");
	} else if (span_is(detail, "unknown-event")) {
		buf_adds(out, " because its log holds an entry that cannot be understood");
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
		say_restricted(span_of(d->detail), f, out);
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
say_rule(const struct decision *d, struct buf *out)
{
	buf_addf(out, " (rule %.*s of policy %.*s)", SPAN_ARG(d->rule), SPAN_ARG(d->policy));
}

/* The state and a word that leads on from it; trying out policies is about no dataset. */
static void
say_beginning(const struct decision *d, const struct facts *f, const char *word, struct buf *out)
{
	if (f->action == ACTION_POLICY_SIMULATE) {
		buf_adds(out, "You may ");
		return;
	}
	say_state(d, f, out);
	buf_addf(out, ", %s you may ", word);
}

/* ---- a permit ---- */

static void
say_fields(const struct decision *d, struct buf *out)
{
	const char *comma = ": ";

	if (d->fields == 0)
		buf_adds(out, ": the minimal record alone");
	for (int i = 0; i < FIELD_COUNT; i++)
		if ((d->fields >> i & 1U) != 0) {
			buf_addf(out, "%s%s", comma, field_names[i]);
			comma = ", ";
		}
}

static void
say_obligation(const struct decision *d, struct span o, struct buf *out)
{
	struct span name = o;
	struct span kind = span_cut(&name, ':');

	if (span_is(o, "audit:basic"))
		buf_adds(out, "this is recorded");
	else if (span_is(o, "audit:full"))
		buf_adds(out, "each file and range is recorded");
	else if (span_is(o, "cite"))
		buf_adds(out, "cite it by its DOI");
	else if (span_is(o, "licence-notice"))
		buf_addf(out, "its licence is %.*s", SPAN_ARG(d->licence));
	else if (span_is(o, "confidential"))
		buf_adds(out, "keep it confidential");
	else if (span_is(o, "no-cache"))
		buf_adds(out, "no cache may keep it");
	else if (span_is(kind, "rate"))
		buf_addf(out, "its rate class is %.*s", SPAN_ARG(name));
	else if (span_is(kind, "accept-terms"))
		buf_addf(out, "the terms %.*s hold, which you accepted", SPAN_ARG(name));
	else
		buf_addf(out, "%.*s is carried out", SPAN_ARG(o));
}

static void
say_permit(const struct decision *d, const struct facts *f, struct buf *out)
{
	const char *comma = "; ";

	if (d->status == 410) {
		say_state(d, f, out);
		buf_adds(out, ", and its public record is what is left of it");
	} else {
		say_beginning(d, f, d->state == STATE_OPEN ? "so" : "and", out);
		buf_adds(out, verbs[f->action]);
	}
	if (d->has_fields)
		say_fields(d, out);
	say_rule(d, out);
	for (size_t i = 0; i < d->n_obligations; i++) {
		if (span_is(d->obligations[i], "tombstone"))
			continue;
		buf_adds(out, comma);
		say_obligation(d, d->obligations[i], out);
		comma = ", ";
	}
}

/* ---- a deny ---- */

static void
say_terms(const struct decision *d, const struct facts *f, struct buf *out)
{
	say_beginning(d, f, "and", out);
	buf_addf(out, "%s once you have accepted the terms \"%.*s\" (%.*s)", verbs[f->action],
		SPAN_ARG(d->terms_title), SPAN_ARG(d->terms));
	if (d->terms_url.p != NULL)
		buf_addf(out, ", which stand at %.*s", SPAN_ARG(d->terms_url));
	say_rule(d, out);
}

static void
say_unmet(const struct decision *d, const struct facts *f, struct buf *out)
{
	say_beginning(d, f, "but", out);
	buf_addf(out, "not %s, for that is tied to %.*s, which this service cannot carry out",
		verbs[f->action], SPAN_ARG(d->unmet));
	say_rule(d, out);
}

static void
say_refusal(const struct decision *d, const struct facts *f, struct buf *out)
{
	bool by_state = span_eq(d->reason, span_of(state_names[d->state]));

	if (span_is(d->reason, "no-rule") && f->action != ACTION_POLICY_SIMULATE) {
		say_state(d, f, out);
		buf_addf(out, ", but no rule lets you %s", verbs[f->action]);
	} else {
		say_beginning(d, f, by_state ? "so" : d->state == STATE_OPEN ? "but" : "and", out);
		buf_addf(out, "not %s", verbs[f->action]);
		if (!by_state && !span_is(d->reason, "no-rule"))
			buf_addf(out, " for the reason \"%.*s\"", SPAN_ARG(d->reason));
	}
	say_rule(d, out);
}

/* What those who may grant it can do, after ", who may ". */
static const char *
help_of(const struct decision *d)
{
	switch (d->state) {
	case STATE_EMBARGOED:
		return "have it opened earlier";
	case STATE_RESTRICTED:
		return span_is(span_of(d->detail), "agreement-missing") ? "record one"
									: "lift the restriction";
	case STATE_PROPRIETARY:
		return "say who gets it";
	case STATE_WITHDRAWN:
		return "reinstate it";
	case STATE_OPEN:
	case STATE_NONE:
		break;
	}
	return "help";
}

/* What the reader can do now. */
static void
say_next(const struct decision *d, const struct facts *f, struct buf *out)
{
	bool grantors = d->n_grantors > 0 && f->action != ACTION_POLICY_SIMULATE;

	if (d->status == 401)
		buf_adds(out, "; sign in to be recognised");
	if (grantors) {
		buf_adds(out, d->status == 401 ? ", or ask the " : "; ask the ");
		for (size_t i = 0; i < d->n_grantors; i++) {
			if (i > 0)
				buf_adds(out, i + 1 == d->n_grantors ? " or " : ", ");
			buf_adds(out, people[d->grantor_order[i]]);
		}
		buf_addf(out, ", who may %s", help_of(d));
	} else if (d->contact.p != NULL && !d->grantors_self) {
		buf_addf(out, "%s %.*s", d->status == 401 ? ", or write to" : "; questions to",
			SPAN_ARG(d->contact));
	}
}

static void
say_deny(const struct decision *d, const struct facts *f, struct buf *out)
{
	if (d->terms.p != NULL)
		say_terms(d, f, out);
	else if (d->unmet.p != NULL)
		say_unmet(d, f, out);
	else
		say_refusal(d, f, out);
	say_next(d, f, out);
}

void
decision_write_sentence(const struct decision *d, const struct facts *f, struct buf *out)
{
	if (d->status == 404) {
		buf_adds(out, sentence_absent(f->subject != NULL && f->subject->authenticated));
		return;
	}
	if (d->state == STATE_NONE) {
		buf_adds(out, "The agent could not put the question to its policy (rule input); "
			      "that is a fault of the agent, so tell its administrator.");
		return;
	}
	if (d->permit)
		say_permit(d, f, out);
	else
		say_deny(d, f, out);
	buf_addc(out, '.');
}
