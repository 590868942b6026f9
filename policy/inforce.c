/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/inforce.h"

#include "agent/base/civil.h"
#include "agent/base/jsonw.h"
#include "policy/model.h"

#define DIGEST_DIGITS 64U
#define SHOWN_DIGITS  8U

/* ---- for programs ---- */

static void
write_date(struct jsonw *w, const char *key, bool given, int32_t date)
{
	AUTO_BUF b = BUF_INIT(64);

	civil_write_iso(&b, (int64_t)date * 86400);
	jsonw_str(w, key, given ? span_first(buf_span(&b), 10) : SPAN_NONE);
}

static void
write_policy(struct jsonw *w, const struct policy *p, int64_t loaded)
{
	jsonw_obj(w, NULL);
	jsonw_str(w, "policy", p->id);
	jsonw_u64(w, "version", p->version);
	jsonw_hex(w, "sha256", p->sha256, sizeof(p->sha256));
	write_date(w, "valid_from", true, p->valid_from);
	write_date(w, "valid_until", p->has_until, p->valid_until);
	jsonw_cstr(w, "bind_on", milestone_names[p->bind_on]);
	jsonw_str(w, "timezone", p->zone_name);
	jsonw_str(w, "title", p->title);
	jsonw_cstr(w, "file", p->file);
	jsonw_iso(w, "loaded", loaded);
	jsonw_end(w, '}');
}

void
inforce_write(const struct policy_set *s, int64_t loaded, struct buf *json)
{
	struct jsonw w;

	jsonw_init(&w, json);
	jsonw_list(&w, NULL);
	for (size_t i = 0; i < policy_set_count(s); i++)
		write_policy(&w, policy_set_policy(s, i), loaded);
	jsonw_end(&w, ']');
}

static void
write_label(struct buf *out, struct span v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (span_has(SPAN("\\\""), v.p[i]))
			buf_addc(out, '\\');
		buf_addc(out, v.p[i]);
	}
}

void
inforce_metrics(const struct policy_set *s, int64_t loaded, struct buf *lines)
{
	buf_adds(lines, "# HELP pan_policy_version_info Policies in force.\n"
			"# TYPE pan_policy_version_info gauge\n");
	for (size_t i = 0; i < policy_set_count(s); i++) {
		buf_adds(lines, "pan_policy_version_info{policy=\"");
		write_label(lines, policy_set_id(s, i));
		buf_addf(lines, "\",version=\"%u\",sha256=\"", policy_set_version(s, i));
		buf_add_hex(lines, policy_set_sha256(s, i), DIGEST_DIGITS / 2);
		buf_adds(lines, "\"} 1\n");
	}
	buf_addf(lines,
		"# HELP pan_policy_loaded_timestamp_seconds When they were read, since the epoch.\n"
		"# TYPE pan_policy_loaded_timestamp_seconds gauge\n"
		"pan_policy_loaded_timestamp_seconds %lld\n",
		(long long)loaded);
}

/* ---- what was before ---- */

static bool
is_digest(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!span_has(SPAN("0123456789abcdef"), s.p[i]))
			return false;
	return s.n == DIGEST_DIGITS;
}

bool
inforce_read(const struct json *list, struct inforce *ret, struct err *e)
{
	struct inforce f = {.n = 0};

	if (json_kind(list) != JSON_KIND_LIST || json_count(list) > INFORCE_MAX)
		return err_set(e, ERR_SYNTAX, NULL, "policies in force: not a list of at most %u",
			INFORCE_MAX);
	for (; f.n < json_count(list); f.n++) {
		const struct json *p = json_at(list, f.n);
		int64_t version = 0;
		if (!json_get_str(p, "policy", &f.entry[f.n].policy) ||
			!json_get_str(p, "sha256", &f.entry[f.n].sha256) ||
			!json_get_i64(p, "version", &version) || version < 0 ||
			version > UINT32_MAX || !is_digest(f.entry[f.n].sha256) ||
			span_control(f.entry[f.n].policy))
			return err_set(e, ERR_SYNTAX, NULL,
				"policies in force: entry %zu lacks name, version or digest", f.n);
		f.entry[f.n].version = (unsigned)version;
	}
	*ret = f;
	return true;
}

void
inforce_replaced(const struct inforce *before, struct buf *json)
{
	struct jsonw w;

	jsonw_init(&w, json);
	jsonw_list(&w, NULL);
	for (size_t i = 0; i < before->n; i++) {
		jsonw_obj(&w, NULL);
		jsonw_str(&w, "policy", before->entry[i].policy);
		jsonw_u64(&w, "version", before->entry[i].version);
		jsonw_str(&w, "sha256", before->entry[i].sha256);
		jsonw_end(&w, '}');
	}
	jsonw_end(&w, ']');
}

/* ---- for people ---- */

/* Index of a policy among those of before; n: it is new. */
static size_t
find_before(const struct inforce *before, struct span id)
{
	size_t i = 0;

	while (i < before->n && !span_eq(before->entry[i].policy, id))
		i++;
	return i;
}

static void
write_change(
	const struct inforce *before, const struct policy *p, struct span digest, struct buf *text)
{
	size_t i = find_before(before, p->id);

	if (i == before->n) {
		buf_adds(text, "  new");
		return;
	}
	if (span_eq(before->entry[i].sha256, digest)) {
		buf_adds(text, "  unchanged");
		return;
	}
	buf_addf(text, "  changed, was version %u sha256 %.*s", before->entry[i].version,
		SPAN_ARG(span_first(before->entry[i].sha256, SHOWN_DIGITS)));
	if (before->entry[i].version == p->version)
		buf_adds(text, " (give a changed file a new version)");
	else if (before->entry[i].version > p->version)
		buf_adds(text, " (an older version)");
}

bool
inforce_same(const struct inforce *before, const struct policy_set *now)
{
	bool same = before->n == policy_set_count(now);

	for (size_t i = 0; same && i < before->n; i++) {
		AUTO_BUF digest = BUF_INIT(DIGEST_DIGITS);
		size_t at = find_before(before, policy_set_id(now, i));
		buf_add_hex(&digest, policy_set_sha256(now, i), DIGEST_DIGITS / 2);
		same = at < before->n && span_eq(before->entry[at].sha256, buf_span(&digest));
	}
	return same;
}

static bool
is_there(const struct policy_set *now, struct span id)
{
	for (size_t i = 0; i < policy_set_count(now); i++)
		if (span_eq(policy_set_id(now, i), id))
			return true;
	return false;
}

void
inforce_changes(const struct inforce *before, const struct policy_set *now, struct buf *text)
{
	for (size_t i = 0; i < policy_set_count(now); i++) {
		const struct policy *p = policy_set_policy(now, i);
		AUTO_BUF digest = BUF_INIT(DIGEST_DIGITS);
		buf_add_hex(&digest, p->sha256, sizeof(p->sha256));
		buf_addf(text, "policy %.*s version %u sha256 %.*s", SPAN_ARG(p->id), p->version,
			SPAN_ARG(span_first(buf_span(&digest), SHOWN_DIGITS)));
		if (before != NULL)
			write_change(before, p, buf_span(&digest), text);
		buf_addc(text, '\n');
	}
	for (size_t i = 0; before != NULL && i < before->n; i++)
		if (!is_there(now, before->entry[i].policy))
			buf_addf(text, "policy %.*s version %u sha256 %.*s  gone\n",
				SPAN_ARG(before->entry[i].policy), before->entry[i].version,
				SPAN_ARG(span_first(before->entry[i].sha256, SHOWN_DIGITS)));
}
