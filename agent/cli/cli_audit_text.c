/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_text.h"

#include "agent/base/civil.h"
#include "agent/base/json.h"
#include "policy/audit_line.h"

#include <stdio.h>

const char *
cli_audit_text_time(int64_t ms, char *out, size_t n)
{
	struct civil c;

	civil_from_secs(ms / 1000, &c);
	(void)snprintf(out, n, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day,
		c.hour, c.min, c.sec, (int)(ms % 1000));
	return out;
}

void
cli_audit_text_member(struct jsonw *w, const char *key, int64_t ms)
{
	char text[64];

	if (ms < 0)
		jsonw_null(w, key);
	else
		jsonw_cstr(w, key, cli_audit_text_time(ms, text, sizeof(text)));
}

bool
cli_audit_text_hex(struct span text, uint8_t *ret, size_t n)
{
	uint64_t v = 0;

	if (text.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!span_hex_u64((struct span){text.p + 2 * i, 2}, 255, &v))
			return false;
		ret[i] = (uint8_t)v;
	}
	return true;
}

/* ---- one record ---- */

/* A member as words: text without what a terminal would obey, numbers, "-" for nothing. */
static void
put(struct buf *out, const struct json *object, const char *name)
{
	const struct json *v = json_get(object, name);
	struct span s = SPAN_NONE;

	if (v == NULL || json_kind(v) == JSON_KIND_NULL) {
		buf_addc(out, '-');
	} else if (!json_str(v, &s)) {
		json_write(v, out);
	} else if (span_control(s) || s.n == 0) {
		jsonw_quote(out, s);
	} else {
		buf_add(out, s);
	}
}

/* Blanks up to a column, at least one. */
static void
column(struct buf *out, size_t from, size_t width)
{
	do {
		buf_addc(out, ' ');
	} while (out->n - from < width);
}

static void
put_list(struct buf *out, const struct json *list, const char *between)
{
	for (size_t i = 0; i < json_count(list); i++) {
		struct span s = SPAN_NONE;
		if (i > 0)
			buf_adds(out, between);
		if (json_str(json_at(list, i), &s) && !span_control(s))
			buf_add(out, s);
	}
}

static void
put_subject(struct buf *out, const struct json *all)
{
	const struct json *who = json_get(all, "subject");

	if (json_kind(who) != JSON_KIND_OBJECT) {
		buf_adds(out, "anonymous");
		return;
	}
	put(out, who, "id");
	if (json_count(json_get(who, "roles")) == 0)
		return;
	buf_adds(out, " (");
	put_list(out, json_get(who, "roles"), ", ");
	buf_addc(out, ')');
}

static void
decision(struct buf *out, const struct json *j)
{
	size_t from = out->n;

	put(out, j, "effect");
	column(out, from, 8);
	from = out->n;
	put(out, j, "action");
	column(out, from, 12);
	from = out->n;
	put(out, json_get(j, "object"), "pid");
	column(out, from, 28);
	put_subject(out, j);
	buf_adds(out, "  by ");
	put(out, j, "rule");
	buf_adds(out, " of ");
	put(out, j, "policy");
	buf_adds(out, ", ");
	put(out, j, "state");
	buf_adds(out, ", ");
	put(out, j, "status");
}

static void
closing(struct buf *out, const struct json *j)
{
	buf_adds(out, "sent    ");
	put(out, j, "bytes");
	buf_adds(out, " bytes under record ");
	put(out, j, "decision");
	buf_adds(out, ", ");
	put(out, j, "result");
	if (json_get(j, "why") != NULL) {
		buf_adds(out, " (");
		put(out, j, "why");
		buf_addc(out, ')');
	}
	if (json_get(j, "to") != NULL) {
		buf_adds(out, ", to ");
		put(out, j, "to");
	}
	if (json_get(j, "file") == NULL)
		return;
	buf_adds(out, ": ");
	put(out, j, "file");
	if (json_count(json_get(j, "ranges")) > 0) {
		buf_adds(out, ", bytes ");
		json_write(json_get(j, "ranges"), out);
	}
}

static void
landing(struct buf *out, const struct json *j)
{
	put(out, j, "kind");
	buf_adds(out, json_get(j, "why") != NULL ? " " : "  ");
	put(out, j, "file");
	buf_adds(out, " in ");
	put(out, json_get(j, "object"), "pid");
	if (json_get(j, "bytes") != NULL) {
		buf_adds(out, ", ");
		put(out, j, "bytes");
		buf_adds(out, " bytes");
	}
	buf_adds(out, ", under record ");
	put(out, j, "decision");
	if (json_get(j, "why") != NULL) {
		buf_adds(out, " (");
		put(out, j, "why");
		buf_addc(out, ')');
	}
	buf_adds(out, "  ");
	put_subject(out, j);
}

static void
policies(struct buf *out, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		buf_adds(out, i > 0 ? ", " : "");
		put(out, json_at(list, i), "policy");
		buf_adds(out, " version ");
		put(out, json_at(list, i), "version");
	}
}

static void
starting(struct buf *out, const struct json *j)
{
	bool reload = json_get(j, "replaced") != NULL;

	buf_adds(out, reload ? "reload  agent " : "start   agent ");
	put(out, j, "agent");
	buf_adds(out, ", tz database ");
	put(out, j, "tzdata");
	buf_adds(out, ", policies ");
	policies(out, json_get(j, "policies"));
	if (reload) {
		buf_adds(out, " instead of ");
		policies(out, json_get(j, "replaced"));
	}
}

static void
event(struct buf *out, const struct json *j)
{
	buf_adds(out, "event   ");
	put(out, json_get(j, "event"), "type");
	buf_adds(out, " of ");
	put(out, json_get(j, "object"), "pid");
	buf_adds(out, " by ");
	put(out, json_get(j, "event"), "by");
	buf_adds(out, "  ");
	put_subject(out, j);
}

static void
checkpoint(struct buf *out, const struct json *j)
{
	buf_adds(out, "signed  up to record ");
	put(out, j, "upto");
	buf_adds(out, " by key ");
	put(out, j, "key");
}

static void
step(struct buf *out, const struct json *j)
{
	buf_adds(out, "clock   was off by ");
	put(out, j, "step_s");
	buf_adds(out, " s; used is ");
	put(out, j, "used");
}

static void
session(struct buf *out, const struct json *j)
{
	put(out, j, "kind");
	buf_adds(out, "  ");
	put_subject(out, j);
	buf_adds(out, " by ");
	put(out, j, "client");
}

/* What a person did beside asking for data: terms, requests for access, links for reviewers. */
static void
deed(struct buf *out, const struct json *j)
{
	struct span kind = SPAN_NONE;
	char name[32] = "";
	size_t from = out->n;

	put(out, j, "kind");
	column(out, from, 8);
	if (json_get_str(j, "kind", &kind))
		(void)span_cstr(kind, name, sizeof(name));
	put(out, json_get(j, name), "id");
	buf_addc(out, ' ');
	put(out, json_get(j, name), "what");
	if (json_get(j, "object") != NULL) {
		buf_adds(out, " for ");
		put(out, json_get(j, "object"), "pid");
	}
	buf_adds(out, "  ");
	put_subject(out, j);
}

static void
refused(struct buf *out, const struct json *j)
{
	buf_adds(out, "refused ");
	put(out, j, "status");
	buf_adds(out, "  ");
	put(out, j, "reason");
}

static void
refused_more(struct buf *out, const struct json *j)
{
	buf_adds(out, "refused ");
	put(out, j, "count");
	buf_adds(out, " more");
}

static void
expired(struct buf *out, const struct json *j)
{
	buf_adds(out, "expired ");
	put_list(out, json_get(j, "files"), ", ");
	if (json_count(json_get(j, "files")) > 0 && json_count(json_get(j, "keys")) > 0)
		buf_adds(out, ", ");
	put_list(out, json_get(j, "keys"), ", ");
}

static const struct words {
	struct span kind;
	void (*put)(struct buf *out, const struct json *j);
} kinds[] = {
	{SPAN_INIT("decision"), decision},
	{SPAN_INIT("close"), closing},
	{SPAN_INIT("landed"), landing},
	{SPAN_INIT("unlanded"), landing},
	{SPAN_INIT("start"), starting},
	{SPAN_INIT("reload"), starting},
	{SPAN_INIT("event"), event},
	{SPAN_INIT("terms"), deed},
	{SPAN_INIT("request"), deed},
	{SPAN_INIT("link"), deed},
	{SPAN_INIT("checkpoint"), checkpoint},
	{SPAN_INIT("clock"), step},
	{SPAN_INIT("login"), session},
	{SPAN_INIT("logout"), session},
	{SPAN_INIT("refused"), refused},
	{SPAN_INIT("refused-more"), refused_more},
	{SPAN_INIT("expired"), expired},
};

void
cli_audit_text_record(struct span line, struct buf *out)
{
	struct audit_line l;
	char time[64];
	AUTO_JSON j = audit_line_json(line, NULL);

	if (j == NULL || !audit_line_head(line, &l, NULL)) {
		buf_add(out, line); /* a key twice deep inside, or the like: as it stands */
		return;
	}
	buf_add(out, span_first(span_of(cli_audit_text_time(l.ms, time, sizeof(time))), 19));
	buf_adds(out, "Z  ");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_eq(kinds[i].kind, l.kind)) {
			kinds[i].put(out, j);
			return;
		}
	put(out, j, "kind");
	buf_addc(out, ' ');
	struct audit_line whole;
	if (audit_line_parse(line, &whole, NULL))
		buf_add(out, whole.rest);
}
