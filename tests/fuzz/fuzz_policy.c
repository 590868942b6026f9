/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"
#include "policy/policy.h"
#include "tests/fuzz/hold.h"

#include <string.h>

/*
 * Properties: a file loads in silence or is refused with a line; loaded twice it decides the same;
 * a permit has a rule of the file and status 200 or 410, a deny has a reason; a refused record
 * hides everything (POL-11); the explanation can be written.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct policy_event events[] = {
	{.type = EVENT_EXTENSION,
		.at = {true, true, 20000, 0},
		.by = ROLE_PI,
		.id = SPAN_INIT("e"),
		.has_period = true,
		.period = {1200, 36525}},
	{.type = EVENT_APPROVAL,
		.at = {true, true, 20001, 0},
		.by = ROLE_DIRECTOR,
		.of = SPAN_INIT("e")},
	{.type = EVENT_RELEASE,
		.at = {true, false, 0, 1730000000},
		.by = ROLE_PI,
		.id = SPAN_INIT("r")},
	{.type = EVENT_OBJECTION,
		.at = {true, true, 20500, 0},
		.by = ROLE_DELEGATE,
		.of = SPAN_INIT("r")},
	{.type = EVENT_WITHDRAWAL, .at = {true, true, 21000, 0}, .by = ROLE_SERVICE},
	{.type = EVENT_REINSTATEMENT, .at = {true, true, 21001, 0}, .by = ROLE_DIRECTOR},
	{.malformed = true},
};

static struct facts
question(unsigned i, const struct subject *s)
{
	struct facts f = {
		.subject = i % 2 != 0 ? s : NULL,
		.roles = i % 4 == 3 ? 1U << ROLE_PI | 1U << ROLE_REGISTERED : 0,
		.action = (enum action)(i % ACTION_COUNT),
		.network = (enum network)(i % NETWORK_COUNT),
		.object =
			{
				.kind = (enum kind)(i % KIND_COUNT),
				.route = (enum route)(i / 7 % ROUTE_COUNT),
				.flags = i / 5 % 8,
				.events = events,
				.n_events = i % 8,
			},
		.now = {true, i % 3 == 0, (int32_t)(18000 + i * 97),
			(int64_t)(18000 + i * 97) * 86400},
	};
	for (int m = 0; m < MILESTONE_COUNT; m++)
		f.object.dates[m] = (struct when){true, m % 2 == 0, 19782, 1709164800};
	return f;
}

static void
check_decision(const struct policy_set *s, const struct facts *f, const struct decision *d)
{
	struct facts record = *f;
	struct decision hidden;
	AUTO_BUF out = BUF_INIT(1 << 20);

	hold(d->permit == (d->reason.p == NULL));
	hold(!d->permit || (d->line > 0 && (d->status == 200 || d->status == 410)));
	hold(d->permit || (d->status >= 401 && d->status <= 500));
	hold(d->max_age == 0 || d->permit);
	if (d->permit || f->action == ACTION_POLICY_SIMULATE || d->state == STATE_NONE)
		return;
	record.action = ACTION_META_PUBLIC;
	policy_decide(s, &record, &hidden);
	hold(hidden.permit || d->status == 404);
	explain_write(s, f, &(struct explain_options){.who = SPAN("x"), .all = true}, &out);
	hold(buf_ok(&out) && out.n > 0);
}

static void
ask_all(const struct policy_set *a, const struct policy_set *b)
{
	struct subject s = {.authenticated = true, .assurance = ASSURANCE_MEDIUM};

	for (unsigned i = 0; i < 64; i++) {
		struct facts f = question(i, &s);
		struct decision d;
		struct decision again;
		f.object.policy = policy_set_id(a, 0);
		policy_decide(a, &f, &d);
		policy_decide(b, &f, &again);
		hold(d.permit == again.permit && d.status == again.status &&
			span_eq(d.rule, again.rule) && d.release_at == again.release_at &&
			d.next_change == again.next_change && d.fields == again.fields);
		check_decision(a, &f, &d);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct policy_source src = {"f", {(const char *)data, n}};
	AUTO_BUF report = BUF_INIT(1 << 20);
	struct policy_set *a = policy_set_load(&src, 1, &report, NULL);

	hold((a == NULL) == (report.n > 0));
	if (a == NULL) {
		hold(memcmp(report.p, "f:", 2) == 0 && report.p[report.n - 1] == '\n');
		return 0;
	}
	struct policy_set *b = policy_set_load(&src, 1, &report, NULL);
	hold(b != NULL);
	ask_all(a, b);
	policy_set_free(a);
	policy_set_free(b);
	return 0;
}
