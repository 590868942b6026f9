/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_show.h"

#include "agent/base/civil.h"
#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "agent/cli/cli_catalogue.h"
#include "agent/cli/cli_size.h"
#include "agent/cli/command.h"

enum { PAGE = 1000 };

static const char help[] =
	"usage: pan-agent show [--config FILE] [--json] PID\n"
	"\n"
	"All that this machine's catalogue knows of a dataset: what its files say, the\n"
	"proposal and what the user office says about it (which is what decisions rest\n"
	"on), checksums, and what is wrong.\n"
	"\n"
	"--json   as one JSON object\n"
	"\n"
	"Exit status: 0 done; 1 there is no such dataset, or no catalogue; 2 wrong call.\n"
	"\n"
	"example: pan-agent show 10.5072/2026-0123-scan1\n";

struct tally {
	uint64_t digests, problems;
};

static void
write_when(struct buf *out, const struct when *w)
{
	AUTO_BUF day = BUF_INIT(64);

	if (!w->is_date) {
		civil_write_iso(out, w->instant);
		return;
	}
	civil_write_iso(&day, (int64_t)w->date * 86400);
	buf_add(out, span_first(buf_span(&day), 10));
}

/* ---- JSON ---- */

static void
json_dates(struct jsonw *w, const struct object_facts *f)
{
	jsonw_obj(w, "dates");
	for (int m = 0; m < MILESTONE_COUNT; m++) {
		AUTO_BUF text = BUF_INIT(64);
		if (!f->dates[m].given)
			continue;
		write_when(&text, &f->dates[m]);
		jsonw_str(w, milestone_names[m], buf_span(&text));
	}
	jsonw_end(w, '}');
}

static void
json_facts(struct jsonw *w, const struct catalog_dataset *d)
{
	const struct object_facts *f = &d->facts;

	jsonw_obj(w, "facts");
	jsonw_str(w, "proposal", f->proposal);
	jsonw_str(w, "proposal_title", d->proposal_title);
	jsonw_cstr(w, "kind", kind_names[f->kind]);
	jsonw_cstr(w, "route", route_names[f->route]);
	jsonw_str(w, "policy", f->policy);
	jsonw_list(w, "flags");
	for (int i = 0; i < FLAG_COUNT; i++)
		if ((f->flags & 1U << i) != 0)
			jsonw_cstr(w, NULL, flag_names[i]);
	jsonw_end(w, ']');
	json_dates(w, f);
	jsonw_bool(w, "dates_from_files", d->file_dates);
	jsonw_u64(w, "events", f->n_events);
	jsonw_end(w, '}');
}

static int
show_json(const struct catalog_dataset *d, const struct tally *t)
{
	AUTO_BUF out = BUF_INIT(16 << 20);
	struct jsonw w;

	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "pid", d->pid);
	jsonw_str(&w, "root", d->root_name);
	jsonw_str(&w, "folder", d->folder);
	jsonw_str(&w, "facility", d->facility);
	jsonw_u64(&w, "files", d->files);
	jsonw_u64(&w, "bytes", d->bytes);
	jsonw_u64(&w, "digests", t->digests);
	jsonw_u64(&w, "problems", t->problems);
	json_facts(&w, d);
	jsonw_raw(&w, "record", d->json.n > 0 ? d->json : SPAN("{}"));
	jsonw_end(&w, '}');
	buf_addc(&out, '\n');
	(void)fwrite(out.p, 1, buf_ok(&out) ? out.n : 0, stdout);
	return EXIT_DONE;
}

/* ---- words ---- */

static void
say(const char *label, struct span value)
{
	if (value.p == NULL)
		return;
	(void)printf("%-14s", label);
	cli_catalogue_print(value);
	(void)fputc('\n', stdout);
}

static void
say_json(const struct json *record, const char *label, const char *key)
{
	struct span value = SPAN_NONE;

	if (json_get_str(record, key, &value))
		say(label, value);
}

static void
say_record(const struct json *r)
{
	static const char *const rows[][2] = {{"title", "title"}, {"instrument", "instrument"},
		{"source", "source"}, {"probe", "probe"}, {"sample", "sample"},
		{"formula", "formula"}, {"definition", "definition"}, {"technique", "technique"},
		{"run cycle", "run_cycle"}, {"start", "start"}, {"end", "end"}};
	bool assumed = false;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		say_json(r, rows[i][0], rows[i][1]);
	if (json_truth(json_get(r, "start_zone_assumed"), &assumed) && assumed)
		(void)puts("              (the files give no time zone: the facility's was taken)");
}

static void
say_lists(const struct json *r)
{
	const struct json *users = json_get(r, "users");
	const struct json *parameters = json_get(r, "parameters");
	struct span text = SPAN_NONE;
	double value = 0;

	for (size_t i = 0; i < json_count(users); i++)
		if (json_str(json_at(users, i), &text))
			say(i == 0 ? "users" : "", text);
	for (size_t i = 0; i < json_count(parameters); i++) {
		const struct json *p = json_at(parameters, i);
		if (!json_get_str(p, "name", &text) || !json_f64(json_get(p, "value"), &value))
			continue;
		(void)printf("%-14s", i == 0 ? "parameters" : "");
		cli_catalogue_print(text);
		(void)printf(" = %.9g ", value);
		if (json_get_str(p, "unit", &text))
			cli_catalogue_print(text);
		(void)fputc('\n', stdout);
	}
}

static void
say_oddities(const struct json *r)
{
	const struct json *others = json_get(r, "contradictions");
	const struct json *notes = json_get(r, "notes");
	struct span a = SPAN_NONE;
	struct span b = SPAN_NONE;

	for (size_t i = 0; i < json_count(others); i++) {
		const struct json *o = json_at(others, i);
		if (!json_get_str(o, "field", &a) || !json_get_str(o, "other", &b))
			continue;
		(void)printf("%-14s", i == 0 ? "but also" : "");
		cli_catalogue_print(a);
		(void)fputs(": ", stdout);
		cli_catalogue_print(b);
		if (json_get_str(o, "other_path", &a)) {
			(void)fputs(" in ", stdout);
			cli_catalogue_print(a);
		}
		(void)fputc('\n', stdout);
	}
	for (size_t i = 0; i < json_count(notes); i++) {
		const struct json *o = json_at(notes, i);
		if (!json_get_str(o, "path", &a) || !json_get_str(o, "text", &b))
			continue;
		(void)printf("%-14s", i == 0 ? "notes" : "");
		cli_catalogue_print(a);
		(void)fputs(": ", stdout);
		cli_catalogue_print(b);
		(void)fputc('\n', stdout);
	}
}

static void
say_facts(const struct catalog_dataset *d)
{
	const struct object_facts *f = &d->facts;
	bool dated = false;

	say("proposal", d->proposal.p != NULL ? d->proposal : SPAN("none is known"));
	say("", d->proposal_title);
	say("route", span_of(route_names[f->route]));
	say("kind", span_of(kind_names[f->kind]));
	say("policy", f->policy.p != NULL ? f->policy : SPAN("by date"));
	for (int i = 0; i < FLAG_COUNT; i++)
		if ((f->flags & 1U << i) != 0)
			say("flag", span_of(flag_names[i]));
	for (int m = 0; m < MILESTONE_COUNT; m++) {
		AUTO_BUF text = BUF_INIT(256);
		if (!f->dates[m].given)
			continue;
		dated = true;
		buf_addf(&text, "%s ", milestone_names[m]);
		write_when(&text, &f->dates[m]);
		say("date", buf_span(&text));
	}
	if (d->file_dates)
		(void)puts("              (experiment dates are those of the files, by "
			   "proposals.yaml)");
	if (!dated)
		(void)puts("date          none is known: nothing opens by the passing of time");
	if (f->n_events > 0)
		(void)printf("events        %zu\n", f->n_events);
}

static int
show_words(const struct catalog_dataset *d, const struct tally *t)
{
	AUTO_JSON r = json_parse(d->json.n > 0 ? d->json : SPAN("{}"), NULL, NULL);
	char size[32];

	say("pid", d->pid);
	say("facility", d->facility);
	say_record(r);
	say_facts(d);
	say_lists(r);
	(void)printf("files         %llu, %s; %llu with checksums, %llu with a problem\n",
		(unsigned long long)d->files, cli_size(d->bytes, size, sizeof(size)),
		(unsigned long long)t->digests, (unsigned long long)t->problems);
	(void)printf("%-14s", "folder");
	cli_catalogue_print(d->root_name);
	(void)fputs(": ", stdout);
	cli_catalogue_print(d->folder.n > 0 ? d->folder : SPAN("."));
	(void)fputc('\n', stdout);
	say_oddities(r);
	return EXIT_DONE;
}

/* ---- the files, counted; what is wrong with them ---- */

static bool
count_files(struct cli_catalogue *c, int64_t dataset, struct tally *t, struct err *e)
{
	AUTO_ARENA a = {0};
	AUTO_BUF after = BUF_INIT(8192);
	struct catalog_file *list = NULL;
	size_t n = PAGE;

	if (!arena_init(&a, (size_t)16 << 20))
		return err_set(e, ERR_SYSTEM, NULL, "no memory");
	while (n == PAGE) {
		arena_reset(&a);
		if (!catalog_files(c->catalog, dataset, after.n > 0 ? buf_span(&after) : SPAN_NONE,
			    PAGE, &a, &list, &n, e))
			return false;
		for (size_t i = 0; i < n; i++) {
			t->digests += list[i].has_digests;
			t->problems += list[i].problem.p != NULL;
		}
		buf_reset(&after);
		if (n > 0)
			buf_add(&after, list[n - 1].path);
	}
	return true;
}

static int
show(struct cli_catalogue *c)
{
	struct catalog_dataset d;
	struct tally t = {0};
	struct err e = {0};

	if (c->pid == NULL) {
		(void)fputs(help, stderr);
		return EXIT_CALL;
	}
	if (!catalog_by_pid(c->catalog, span_of(c->pid), &c->arena, &d, &e) ||
		!count_files(c, d.id, &t, &e))
		return cli_catalogue_complain(c, c->pid, &e);
	return c->json ? show_json(&d, &t) : show_words(&d, &t);
}

int
cli_show(int argc, char **argv)
{
	struct cli_catalogue c;
	int code = cli_catalogue_open(&c, argc, argv, help);

	if (code >= 0)
		return code;
	code = show(&c);
	cli_catalogue_close(&c);
	return code;
}
