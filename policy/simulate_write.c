/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/simulate_write.h"

#include "agent/base/jsonw.h"

#include <inttypes.h>

static const char *
effect(bool permit)
{
	return permit ? "permit" : "deny";
}

static const char *
state_word(enum state s)
{
	return s == STATE_NONE ? "no state" : state_names[s];
}

static void
add_rule(struct buf *out, const char *rule, unsigned line)
{
	buf_adds(out, rule);
	if (line > 0)
		buf_addf(out, " (line %u)", line);
}

static void
add_example(struct buf *out, const struct simulate_change *c)
{
	if (!c->known)
		buf_adds(out, "anonymous, ");
	else if (c->roles == 0)
		buf_adds(out, "authenticated, ");
	for (int i = 0; i < ROLE_COUNT; i++)
		if ((c->roles >> i & 1U) != 0)
			buf_addf(out, "%s, ", role_names[i]);
	buf_addf(out, "%s, %s", action_names[c->action], state_word(c->from_state));
	if (c->to_state != c->from_state)
		buf_addf(out, " -> %s", state_word(c->to_state));
	buf_addf(out, "   seq %" PRIu64 "\n", c->seq);
}

void
simulate_write(struct simulate *s, struct buf *out)
{
	const struct simulate_change *c = NULL;
	size_t n = simulate_changes(s, &c);
	struct simulate_counts t;

	simulate_counts(s, &t);
	for (size_t i = 0; i < n; i++, c++) {
		buf_addf(out, "%s -> %s   %" PRIu64 " of %" PRIu64 " decision%s   ",
			effect(c->from_permit), effect(c->to_permit), c->count, t.decisions,
			t.decisions == 1 ? "" : "s");
		add_rule(out, c->from_rule, c->from_line);
		buf_adds(out, " -> ");
		add_rule(out, c->to_rule, c->to_line);
		buf_adds(out, "    ");
		add_example(out, c);
	}
	buf_addf(out, "unchanged        %" PRIu64 "\n", t.unchanged);
	buf_addf(out, "undecided        %" PRIu64 "\n", t.undecided);
}

static void
write_side(struct jsonw *w, const char *key, bool permit, const char *rule, unsigned line)
{
	jsonw_obj(w, key);
	jsonw_cstr(w, "effect", effect(permit));
	jsonw_cstr(w, "rule", rule);
	jsonw_u64(w, "line", line);
	jsonw_end(w, '}');
}

static void
write_example(struct jsonw *w, const struct simulate_change *c)
{
	jsonw_obj(w, "example");
	jsonw_u64(w, "seq", c->seq);
	jsonw_list(w, "roles");
	if (!c->known)
		jsonw_cstr(w, NULL, "anonymous");
	for (int i = 0; i < ROLE_COUNT; i++)
		if ((c->roles >> i & 1U) != 0)
			jsonw_cstr(w, NULL, role_names[i]);
	jsonw_end(w, ']');
	jsonw_cstr(w, "action", action_names[c->action]);
	jsonw_cstr(w, "from_state", state_names[c->from_state]);
	jsonw_cstr(w, "to_state", state_names[c->to_state]);
	jsonw_end(w, '}');
}

void
simulate_write_json(struct simulate *s, struct buf *out)
{
	const struct simulate_change *c = NULL;
	size_t n = simulate_changes(s, &c);
	struct simulate_counts t;
	struct jsonw w;

	simulate_counts(s, &t);
	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_u64(&w, "decisions", t.decisions);
	jsonw_u64(&w, "changed", t.changed);
	jsonw_u64(&w, "unchanged", t.unchanged);
	jsonw_u64(&w, "undecided", t.undecided);
	jsonw_list(&w, "changes");
	for (size_t i = 0; i < n; i++, c++) {
		jsonw_obj(&w, NULL);
		jsonw_u64(&w, "count", c->count);
		write_side(&w, "from", c->from_permit, c->from_rule, c->from_line);
		write_side(&w, "to", c->to_permit, c->to_rule, c->to_line);
		write_example(&w, c);
		jsonw_end(&w, '}');
	}
	jsonw_end(&w, ']');
	jsonw_end(&w, '}');
}
