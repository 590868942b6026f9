/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate_policies.h"

#include "agent/base/log.h"
#include "agent/control.h"
#include "agent/gate_effect.h"
#include "policy/audit_record.h"
#include "policy/inforce.h"
#include "policy/lint.h"
#include "policy/sign.h"

#include <stdio.h>

#define FILES_MAX  64U
#define LINT_MAX   ((size_t)1 << 20)
#define LOGGED_MAX 50U /* lines of lint */
#define BEFORE     "policies.before"

static bool
read_signature(const struct role *r, size_t i, struct span *ret, struct err *e)
{
	char name[32];

	*ret = SPAN_NONE;
	(void)snprintf(name, sizeof(name), "policy.%zu.sig", i);
	return role_file(r, name) == NULL || role_text(r, name, ret, e);
}

static bool
is_signed(
	const struct role *r, const struct policy_source *file, struct span sig, struct buf *report)
{
	const struct policy_signers signers = {.key = r->settings->signer_keys,
		.n = r->settings->signers.n,
		.required = r->settings->required_signatures};
	const struct policy_sign_source src = {file->name, file->text, sig};

	return policy_sign_report(&src, &signers, report);
}

bool
gate_policies_load(
	const struct role *r, struct buf *report, const struct policy_set **ret, struct err *e)
{
	const struct settings_list *files = &r->settings->policies;
	struct policy_source sources[FILES_MAX];
	unsigned bad = 0;
	char name[32];

	if (files->n > FILES_MAX)
		return err_set(e, ERR_LIMIT, NULL, "more than %u policy files", FILES_MAX);
	for (size_t i = 0; i < files->n; i++) {
		struct span sig;
		(void)snprintf(name, sizeof(name), "policy.%zu", i);
		sources[i].name = files->item[i];
		if (!role_text(r, name, &sources[i].text, e) || !read_signature(r, i, &sig, e))
			return false;
		bad += !is_signed(r, &sources[i], sig, report);
	}
	if (bad > 0)
		return err_set(e, ERR_DENIED, "POL-19",
			"%u of %zu policy files %s not signed as "
			"they must be",
			bad, files->n, bad == 1 ? "is" : "are");
	*ret = policy_set_load(sources, files->n, report, e);
	return *ret != NULL;
}

/* Whole lines, as many as there is room for. */
static void
add_lines(struct buf *out, struct span text)
{
	while (text.n > 0) {
		struct span line = span_cut(&text, '\n');
		if (out->n + line.n + 32 > out->max) {
			buf_adds(out, "and more, in the log\n");
			return;
		}
		buf_addf(out, "%.*s\n", SPAN_ARG(line));
	}
}

bool
gate_policies_lint(const struct role *r, const struct policy_set *s, struct buf *notes,
	struct buf *report, struct err *e)
{
	AUTO_BUF text = BUF_INIT(LINT_MAX);
	unsigned found = policy_lint(s, &text);
	struct span rest = buf_span(&text);

	if (found > 0 && r->settings->lint_strict) {
		add_lines(report, rest);
		return err_set(e, ERR_DENIED, NULL,
			"%u finding%s of lint, and policy.lint is strict", found,
			found == 1 ? "" : "s");
	}
	add_lines(notes, rest);
	for (unsigned i = 0; rest.n > 0 && i < LOGGED_MAX; i++)
		log_warn("policy", "lint", LOG_SPAN("line", span_cut(&rest, '\n')));
	return true;
}

/* ---- what was before, what is now ---- */

bool
gate_policies_reloading(const struct role *r)
{
	return role_file(r, BEFORE) != NULL;
}

/* What the old gate told, which is read as strictly as a stranger's; NULL: nothing of use. */
static struct json *
read_before(const struct role *r, struct inforce *ret)
{
	struct span text = SPAN_NONE;
	struct err e = {0};

	if (!gate_policies_reloading(r))
		return NULL;
	struct json *j = role_text(r, BEFORE, &text, &e) ? json_parse(text, NULL, &e) : NULL;
	if (j != NULL && inforce_read(j, ret, &e))
		return j;
	log_err(LOG_WARN, "policy", &e);
	json_free(j);
	return NULL;
}

static bool
report(struct role *r, const char *name, const struct buf *text, struct err *e)
{
	if (!buf_ok(text))
		return err_set(e, ERR_LIMIT, NULL, "the report '%s' is too long", name);
	return role_report(r, name, buf_span(text), e);
}

static bool
tell(struct role *r, const struct gate_policies_start *x, const struct inforce *before,
	struct span effect, struct err *e)
{
	AUTO_BUF list = BUF_INIT(CONTROL_TEXT_MAX);
	AUTO_BUF metrics = BUF_INIT(CONTROL_TEXT_MAX);
	AUTO_BUF changes = BUF_INIT(CONTROL_TEXT_MAX);
	AUTO_BUF text = BUF_INIT(CONTROL_TEXT_MAX);

	inforce_write(x->set, x->now_ms / 1000, &list);
	inforce_metrics(x->set, x->now_ms / 1000, &metrics);
	inforce_changes(before, x->set, &changes);
	add_lines(&text, buf_span(&changes));
	add_lines(&text, effect);
	add_lines(&text, x->notes);
	return report(r, "policies", &list, e) && report(r, "policy-metrics", &metrics, e) &&
	       report(r, "policy-notes", &text, e);
}

static bool
record(const struct role *r, const struct gate_policies_start *x, const struct inforce *before,
	const struct gate_effect *effect, struct err *e)
{
	AUTO_BUF text = BUF_INIT(AUDIT_LINE_MAX);
	AUTO_BUF replaced = BUF_INIT(AUDIT_LINE_MAX);

	if (before != NULL)
		inforce_replaced(before, &replaced);
	else if (gate_policies_reloading(r))
		buf_adds(&replaced, "[]"); /* that it is not known is told by read_before */
	const struct audit_starting starting = {.agent = PAN_VERSION,
		.tzdata = x->tzdata,
		.policies = x->set,
		.replaced = buf_span(&replaced),
		.judged = effect->known,
		.decisions = effect->decisions,
		.changed = effect->changed};
	audit_record_start(&text, &starting);
	struct audit_item item = {
		.kind = replaced.n > 0 ? "reload" : "start", .rest = buf_span(&text)};
	return audit_append(x->audit, &item, 1, x->now_ms, e);
}

bool
gate_policies_begin(struct role *r, const struct gate_policies_start *x, struct err *e)
{
	AUTO_BUF text = BUF_INIT(CONTROL_TEXT_MAX);
	struct gate_effect effect = {.known = false};
	struct inforce before = {.n = 0};
	AUTO_JSON j = read_before(r, &before);
	const struct inforce *old = j != NULL ? &before : NULL;

	if (old != NULL && !inforce_same(old, x->set))
		gate_effect_measure(r, x->set, x->catalog, x->now_ms, &text, &effect);
	return record(r, x, old, &effect, e) && tell(r, x, old, buf_span(&text), e);
}
