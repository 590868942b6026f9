/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/audit_record.h"

#include "agent/base/base64.h"
#include "agent/base/civil.h"
#include "agent/base/jsonw.h"
#include "policy/model.h"

#include <stdlib.h>

/* Place of a rule's entitlements among its texts. */
enum { ENTITLEMENTS = 0 };

/* Members are written as those of an object whose braces the log adds. */
static void
start(struct jsonw *w, struct buf *out, const uint8_t trace[16])
{
	jsonw_init(w, out);
	if (trace != NULL)
		jsonw_hex(w, "trace", trace, 16);
}

static void
write_when(struct jsonw *w, const char *key, const struct when *t)
{
	AUTO_BUF b = BUF_INIT(64);

	civil_write_iso(&b, t->is_date ? (int64_t)t->date * 86400 : t->instant);
	jsonw_str(w, key, t->is_date ? span_first(buf_span(&b), 10) : buf_span(&b));
}

static void
write_bits(struct jsonw *w, const char *key, uint32_t bits, const char *const *names, int n)
{
	jsonw_list(w, key);
	for (int i = 0; i < n; i++)
		if ((bits >> i & 1U) != 0)
			jsonw_cstr(w, NULL, names[i]);
	jsonw_end(w, ']');
}

static int
by_bytes(const void *a, const void *b)
{
	return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static bool
is_mentioned(const struct audit_who *who, struct span entitlement)
{
	return who->n_mentioned > 0 && bsearch(&entitlement, who->mentioned, who->n_mentioned,
					       sizeof(*who->mentioned), by_bytes) != NULL;
}

/* None of them: no key. */
static void
write_entitlements(struct jsonw *w, const struct audit_who *who, const struct subject *s)
{
	bool open = false;

	for (size_t i = 0; i < s->n_entitlements; i++) {
		if (!is_mentioned(who, s->entitlements[i]))
			continue;
		if (!open)
			jsonw_list(w, "entitlements");
		open = true;
		jsonw_str(w, NULL, s->entitlements[i]);
	}
	if (open)
		jsonw_end(w, ']');
}

static void
write_subject(struct jsonw *w, struct audit_who who, const struct facts *f)
{
	if (f->subject == NULL || !f->subject->authenticated) {
		jsonw_null(w, "subject");
		return;
	}
	jsonw_obj(w, "subject");
	jsonw_str(w, "id", who.id);
	jsonw_str(w, "iss", f->subject->iss);
	write_bits(w, "roles", f->roles, role_names, ROLE_COUNT);
	jsonw_cstr(w, "assurance", assurance_names[f->subject->assurance]);
	write_entitlements(w, &who, f->subject);
	if (f->n_accepted > 0)
		jsonw_strs(w, "accepted", f->accepted, f->n_accepted);
	jsonw_end(w, '}');
}

static void
write_object(struct jsonw *w, const struct object_facts *o)
{
	jsonw_obj(w, "object");
	jsonw_str(w, "pid", o->pid);
	if (o->proposal.p != NULL)
		jsonw_str(w, "proposal", o->proposal);
	if (o->instrument.p != NULL)
		jsonw_str(w, "instrument", o->instrument);
	jsonw_cstr(w, "kind", kind_names[o->kind]);
	jsonw_cstr(w, "route", route_names[o->route]);
	write_bits(w, "flags", o->flags, flag_names, FLAG_COUNT);
	jsonw_obj(w, "dates");
	for (int i = 0; i < MILESTONE_COUNT; i++)
		if (o->dates[i].given)
			write_when(w, milestone_names[i], &o->dates[i]);
	jsonw_end(w, '}');
	if (o->policy.p != NULL)
		jsonw_str(w, "policy", o->policy);
	jsonw_u64(w, "events", o->n_events);
	jsonw_end(w, '}');
}

static void
write_outcome(struct jsonw *w, const struct decision *d)
{
	jsonw_cstr(w, "effect", d->permit ? "permit" : "deny");
	jsonw_str(w, "rule", d->rule);
	jsonw_u64(w, "line", d->line);
	jsonw_str(w, "policy", d->policy);
	if (d->sha256 != NULL) {
		jsonw_u64(w, "version", d->version);
		jsonw_hex(w, "sha256", d->sha256, 32);
	} else {
		jsonw_null(w, "version");
		jsonw_null(w, "sha256");
	}
	jsonw_cstr(w, "state", state_names[d->state]);
	if (d->has_release) {
		AUTO_BUF b = BUF_INIT(64);
		civil_write_iso(&b, d->release_at);
		jsonw_str(w, "release_at", buf_span(&b));
	} else {
		jsonw_null(w, "release_at");
	}
	jsonw_str(w, "reason", d->reason);
	jsonw_i64(w, "status", d->status);
	jsonw_strs(w, "obligations", d->obligations, d->n_obligations);
}

void
audit_record_decision(struct buf *out, const uint8_t trace[16], struct audit_who who,
	const struct facts *f, const struct decision *d)
{
	struct jsonw w;

	start(&w, out, trace);
	write_subject(&w, who, f);
	write_object(&w, &f->object);
	jsonw_cstr(&w, "action", action_names[f->action]);
	jsonw_obj(&w, "context");
	jsonw_cstr(&w, "network", network_names[f->network]);
	jsonw_cstr(&w, "purpose", purpose_names[f->purpose]);
	jsonw_cstr(&w, "protocol", protocol_names[f->protocol]);
	jsonw_end(&w, '}');
	write_outcome(&w, d);
}

void
audit_record_event(struct buf *out, const uint8_t trace[16], struct audit_who who,
	const struct facts *f, struct span event)
{
	struct jsonw w;

	start(&w, out, trace);
	write_subject(&w, who, f);
	write_object(&w, &f->object);
	jsonw_raw(&w, "event", event);
}

static void
write_ranges(struct jsonw *w, const struct audit_closing *c)
{
	jsonw_list(w, "ranges");
	for (size_t i = 0; i < c->n_ranges; i++) {
		jsonw_list(w, NULL);
		jsonw_u64(w, NULL, c->ranges[i][0]);
		jsonw_u64(w, NULL, c->ranges[i][1]);
		jsonw_end(w, ']');
	}
	jsonw_end(w, ']');
}

void
audit_record_close(struct buf *out, const struct audit_closing *c)
{
	struct jsonw w;

	start(&w, out, c->trace);
	jsonw_u64(&w, "decision", c->decision);
	jsonw_u64(&w, "bytes", c->bytes);
	jsonw_cstr(&w, "result", c->result);
	if (c->full) {
		jsonw_str(&w, "file", c->file);
		write_ranges(&w, c);
	}
	if (c->why != NULL)
		jsonw_cstr(&w, "why", c->why);
	if (c->to.p != NULL)
		jsonw_str(&w, "to", c->to);
}

void
audit_record_landing(struct buf *out, const uint8_t trace[16], struct audit_who who,
	const struct facts *f, const struct audit_landing *l)
{
	struct jsonw w;

	start(&w, out, trace);
	write_subject(&w, who, f);
	write_object(&w, &f->object);
	jsonw_u64(&w, "decision", l->decision);
	jsonw_str(&w, "file", l->file);
	if (l->why != NULL) {
		jsonw_cstr(&w, "why", l->why);
		return;
	}
	if (!span_ends(l->file, SPAN("/")))
		jsonw_u64(&w, "bytes", l->bytes);
	if (l->sha256 != NULL)
		jsonw_hex(&w, "sha256", l->sha256, 32);
}

static void
write_policies(struct jsonw *w, const char *key, const struct policy_set *policies)
{
	jsonw_list(w, key);
	for (size_t i = 0; i < policy_set_count(policies); i++) {
		jsonw_obj(w, NULL);
		jsonw_str(w, "policy", policy_set_id(policies, i));
		jsonw_u64(w, "version", policy_set_version(policies, i));
		jsonw_hex(w, "sha256", policy_set_sha256(policies, i), 32);
		jsonw_end(w, '}');
	}
	jsonw_end(w, ']');
}

void
audit_record_policies(struct buf *out, const struct policy_set *policies)
{
	struct jsonw w;

	jsonw_init(&w, out);
	write_policies(&w, NULL, policies);
}

void
audit_record_start(struct buf *out, const struct audit_starting *s)
{
	struct jsonw w;

	start(&w, out, NULL);
	jsonw_cstr(&w, "agent", s->agent);
	jsonw_cstr(&w, "tzdata", s->tzdata != NULL && s->tzdata[0] != '\0' ? s->tzdata : NULL);
	write_policies(&w, "policies", s->policies);
	if (s->replaced.p != NULL)
		jsonw_raw(&w, "replaced", s->replaced);
	if (s->judged) {
		jsonw_u64(&w, "changed", s->changed);
		jsonw_u64(&w, "decisions", s->decisions);
	}
}

void
audit_record_clock(struct buf *out, int64_t step_s, int64_t used)
{
	struct jsonw w;

	start(&w, out, NULL);
	jsonw_i64(&w, "step_s", step_s);
	jsonw_iso(&w, "used", used);
}

void
audit_record_checkpoint(struct buf *out, const struct audit_signing *s)
{
	AUTO_BUF sig = BUF_INIT(128);
	struct jsonw w;

	base64_encode(&sig, s->sig, sizeof(s->sig));
	start(&w, out, NULL);
	jsonw_u64(&w, "upto", s->upto);
	jsonw_hex(&w, "head", s->head, sizeof(s->head));
	jsonw_hex(&w, "key", s->key, sizeof(s->key));
	jsonw_str(&w, "sig", buf_span(&sig));
}

void
audit_record_expired(struct buf *out, const struct audit_expired *x)
{
	struct jsonw w;

	start(&w, out, NULL);
	jsonw_strs(&w, "files", x->files, x->n_files);
	jsonw_strs(&w, "keys", x->keys, x->n_keys);
}

/* Room for all of them; the same one may stand in several rules. */
static size_t
count_mentioned(const struct policy_set *policies)
{
	size_t n = 0;

	for (size_t i = 0; i < policy_set_count(policies); i++) {
		const struct policy *p = policy_set_policy(policies, i);
		for (size_t k = 0; k < p->n_rules; k++)
			n += p->rules[k].texts[ENTITLEMENTS].n;
	}
	return n;
}

bool
audit_record_mentioned(const struct policy_set *policies, struct span **ret, size_t *ret_n)
{
	struct span *list = calloc(count_mentioned(policies) + 1, sizeof(*list));
	size_t n = 0;
	size_t kept = 0;

	if (list == NULL)
		return false;
	for (size_t i = 0; i < policy_set_count(policies); i++) {
		const struct policy *p = policy_set_policy(policies, i);
		for (size_t k = 0; k < p->n_rules; k++)
			for (size_t t = 0; t < p->rules[k].texts[ENTITLEMENTS].n; t++)
				list[n++] = p->rules[k].texts[ENTITLEMENTS].item[t];
	}
	qsort(list, n, sizeof(*list), by_bytes);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !span_eq(list[kept - 1], list[i]))
			list[kept++] = list[i];
	*ret = list;
	*ret_n = kept;
	return true;
}

void
audit_record_login(
	struct buf *out, const uint8_t trace[16], struct audit_who who, const struct subject *s)
{
	struct jsonw w;

	start(&w, out, trace);
	jsonw_obj(&w, "subject");
	jsonw_str(&w, "id", who.id);
	jsonw_str(&w, "iss", s->iss);
	jsonw_cstr(&w, "assurance", assurance_names[s->assurance]);
	jsonw_bool(&w, "linked", s->local_user.p != NULL);
	jsonw_end(&w, '}');
	jsonw_str(&w, "client", s->client);
	if (s->acr.p != NULL)
		jsonw_str(&w, "acr", s->acr);
}

void
audit_record_refused(struct buf *out, const uint8_t trace[16], int status, const char *why)
{
	struct jsonw w;

	start(&w, out, trace);
	jsonw_i64(&w, "status", status);
	jsonw_cstr(&w, "reason", why);
}

void
audit_record_refused_more(struct buf *out, uint64_t count)
{
	struct jsonw w;

	start(&w, out, NULL);
	jsonw_u64(&w, "count", count);
}
