/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_tell.h"

#include "agent/base/jsonw.h"

static const char *const states[COURIER_STATES] = {
	[COURIER_NEVER] = "never",
	[COURIER_FRESH] = "fresh",
	[COURIER_STALE] = "stale",
	[COURIER_EXPIRED] = "expired",
};

static const char *const results[RESULT_BUSY + 1] = {
	[RESULT_OK] = "ok",
	[RESULT_REFUSED] = "refused",
	[RESULT_OURS] = "ours",
	[RESULT_FAILED] = "failed",
	[RESULT_BUSY] = "busy",
};

static const char *
source_of(const struct courier_issuer *i)
{
	if (!i->needs_keys)
		return "file";
	return i->settings->jwks_uri != NULL ? "jwks_uri" : "discovery";
}

static void
write_issuer(const struct courier_issuer *i, struct jsonw *w)
{
	const struct courier_keys *k = &i->keys;
	struct courier_now now = courier_now(i);

	jsonw_obj(w, NULL);
	jsonw_str(w, "issuer", i->rules->iss);
	jsonw_cstr(w, "name", i->settings->name != NULL ? i->settings->name : i->settings->issuer);
	jsonw_cstr(w, "profile", i->rules->profile);
	jsonw_cstr(w, "source", source_of(i));
	jsonw_cstr(w, "state", states[k->state]);
	if (i->needs_keys) {
		jsonw_u64(w, "keys", k->n);
		jsonw_u64(w, "dropped", k->dropped);
	}
	jsonw_u64(w, "failures", k->failures);
	if (k->fetched != 0)
		jsonw_i64(w, "fetched", k->fetched);
	if (k->round == ROUND_NONE && k->next_ms > now.ms)
		jsonw_i64(w, "next", now.utc + (k->next_ms - now.ms + 999) / 1000);
	if (k->failures > 0) {
		jsonw_cstr(w, "error", k->error);
		jsonw_i64(w, "since", k->since);
	}
	jsonw_end(w, '}');
}

void
courier_tell_json(const struct courier *c, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_list(&w, "issuers");
	for (size_t i = 0; i < c->n; i++)
		if (c->issuer[i].fetched)
			write_issuer(&c->issuer[i], &w);
	jsonw_end(&w, ']');
	jsonw_end(&w, '}');
}

/* ---- metrics: text format 0.0.4 ---- */

static void
label(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i]);
	}
}

static void
series(struct buf *out, const char *name, const struct courier_issuer *i, const char *more,
	const char *value)
{
	buf_addf(out, "%s{issuer=\"", name);
	label(out, i->rules->iss);
	buf_addc(out, '"');
	if (more != NULL)
		buf_addf(out, ",%s=\"%s\"", more, value);
	buf_adds(out, "} ");
}

static void
write_state(const struct courier_issuer *i, struct buf *out)
{
	for (unsigned s = 0; s < COURIER_STATES; s++) {
		series(out, "pan_issuer_state", i, "state", states[s]);
		buf_adds(out, i->keys.state == s ? "1\n" : "0\n");
	}
}

static void
write_keys(const struct courier_issuer *i, struct buf *out)
{
	if (!i->needs_keys)
		return;
	series(out, "pan_issuer_keys", i, NULL, NULL);
	buf_addf(out, "%zu\n", i->keys.n);
}

static void
write_age(const struct courier_issuer *i, struct buf *out)
{
	if (i->keys.fetched == 0)
		return;
	series(out, "pan_issuer_age_seconds", i, NULL, NULL);
	buf_addf(out, "%lld\n", (long long)(courier_now(i).ms - i->keys.fetched_ms) / 1000);
}

static void
write_failures(const struct courier_issuer *i, struct buf *out)
{
	series(out, "pan_issuer_failures_total", i, NULL, NULL);
	buf_addf(out, "%llu\n", (unsigned long long)i->keys.failed);
}

/* Of issuers that were asked at all. */
static void
write_asks(const struct courier_issuer *i, struct buf *out)
{
	uint64_t all = 0;

	for (unsigned r = 0; r <= RESULT_BUSY; r++)
		all += i->asks.results[r];
	for (unsigned r = 0; all > 0 && r <= RESULT_BUSY; r++) {
		series(out, "pan_introspections_total", i, "result", results[r]);
		buf_addf(out, "%llu\n", (unsigned long long)i->asks.results[r]);
	}
}

void
courier_tell_metrics(const struct courier *c, struct buf *out)
{
	static const struct {
		const char *name, *type, *help;
		void (*write)(const struct courier_issuer *i, struct buf *out);
	} rows[] = {
		{"pan_issuer_state", "gauge", "1 for the state that the issuer's keys are in.",
			write_state},
		{"pan_issuer_keys", "gauge", "Usable keys of the issuer.", write_keys},
		{"pan_issuer_age_seconds", "gauge", "Since the last retrieval that succeeded.",
			write_age},
		{"pan_issuer_failures_total", "counter", "Retrievals that failed.", write_failures},
		{"pan_introspections_total", "counter",
			"Questions about tokens and codes, by their result.", write_asks},
	};

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[r].name, rows[r].help,
			rows[r].name, rows[r].type);
		for (size_t i = 0; i < c->n; i++)
			if (c->issuer[i].fetched)
				rows[r].write(&c->issuer[i], out);
	}
}
