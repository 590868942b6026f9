/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_query.h"

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/scope.h"
#include "agent/base/settings.h"
#include "agent/cli/cli_admin.h"
#include "agent/cli/cli_audit_call.h"
#include "agent/cli/cli_audit_count.h"
#include "agent/cli/cli_audit_files.h"
#include "agent/cli/cli_audit_filter.h"
#include "agent/cli/cli_audit_person.h"
#include "agent/cli/cli_audit_text.h"
#include "agent/cli/command.h"

#include <stdio.h>
#include <string.h>

#define COMMAND  "audit query"
#define LINE_MAX (4 * AUDIT_LINE_MAX)

enum { OPTIONS = AUDIT_KEY_GIVEN + 5 };

struct call {
	struct cli_audit_call call;
	struct cli_option options[OPTIONS];
	char names[AUDIT_KEY_GIVEN][24]; /* "--pid" */
	const char *want[AUDIT_KEY_GIVEN];
	const char *since, *until, *sub, *limit, *count_by;
	struct cli_audit_files files;
	struct cli_audit_filter filter;
	struct arena mem; /* of the filter */
	uint64_t most, shown;
	enum cli_audit_key by;
	struct cli_audit_count *count; /* NULL: they are shown */
	bool failed, unread;
};

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent audit query [OPTION...] [--json] [--config FILE] [FILE...]\n"
		"\n"
		"Records of audit logs for which all of the options hold, the oldest first; "
		"without\n"
		"FILE of the log that the configuration names and its older files.\n"
		"\n"
		"--since T --until T   from and before a date (UTC) or 2026-06-01T08:00:00Z\n"
		"--kind K              decision, close, event, start, login, refused, ...\n"
		"--pid --proposal --instrument --action --effect --rule --policy --state\n"
		"--reason --status --network --trace    the value as it stands in the log\n"
		"--subject ID          a person's name in the log: 2026-06:1f0c...\n"
		"--sub NAME@ISSUER     the person, by the keys of the months that are still there\n"
		"                      (as root or the agent's user)\n"
		"--limit N             no more than N records, or values\n"
		"--count-by KEY        how many for each value: one of the options above, day, "
		"month\n"
		"--json                the lines as they stand in the log\n"
		"\n"
		"Exit status: 0 there were some; 1 none; 2 wrong call or unreadable.\n"
		"\n"
		"example: pan-agent audit query --since 2026-06-01 --effect deny --count-by "
		"reason\n",
		out);
	return code;
}

static bool
wrong(const char *what, const char *value)
{
	(void)fprintf(stderr, "pan-agent " COMMAND ": %s%s%s; see pan-agent " COMMAND " --help\n",
		what, value != NULL ? " " : "", value != NULL ? value : "");
	return false;
}

/* ---- the call ---- */

static void
lay_out(struct call *c)
{
	const struct cli_option own[] = {{"--since", &c->since, NULL}, {"--until", &c->until, NULL},
		{"--sub", &c->sub, NULL}, {"--limit", &c->limit, NULL},
		{"--count-by", &c->count_by, NULL}};

	for (size_t i = 0; i < AUDIT_KEY_GIVEN; i++) {
		(void)snprintf(c->names[i], sizeof(c->names[i]), "--%s", cli_audit_keys[i]);
		c->options[i] = (struct cli_option){c->names[i], &c->want[i], NULL};
	}
	memcpy(c->options + AUDIT_KEY_GIVEN, own, sizeof(own));
	c->call.command = COMMAND;
	c->call.more = c->options;
	c->call.n_more = OPTIONS;
}

/* As the log writes it: what JSON escapes is escaped. */
static bool
quoted(struct call *c, const char *given, struct span *ret)
{
	AUTO_BUF text = BUF_INIT(AUDIT_LINE_MAX);

	if (given == NULL)
		return true;
	jsonw_quote(&text, span_of(given));
	if (!buf_ok(&text))
		return false;
	*ret = arena_span(&c->mem, (struct span){text.p + 1, text.n - 2});
	return ret->p != NULL;
}

static bool
read_key(struct call *c)
{
	int n = c->count_by != NULL ? -1 : 0;

	for (int i = 0; i < AUDIT_KEY_COUNT && n < 0; i++)
		if (strcmp(cli_audit_keys[i], c->count_by) == 0)
			n = i;
	if (n < 0)
		return wrong("--count-by: there is no key", c->count_by);
	c->by = (enum cli_audit_key)n;
	return c->count_by == NULL || cli_audit_count_new(&c->count) || wrong("no memory", NULL);
}

static bool
read_filter(struct call *c)
{
	struct cli_audit_filter *f = &c->filter;

	f->has_since = c->since != NULL;
	f->has_until = c->until != NULL;
	c->most = UINT64_MAX;
	if (f->has_since && !cli_audit_filter_time(span_of(c->since), &f->since_ms))
		return wrong("--since wants a date or 2026-06-01T08:00:00Z, not", c->since);
	if (f->has_until && !cli_audit_filter_time(span_of(c->until), &f->until_ms))
		return wrong("--until wants a date or 2026-06-01T08:00:00Z, not", c->until);
	if (c->limit != NULL && (!span_u64(span_of(c->limit), INT64_MAX, &c->most) || c->most == 0))
		return wrong("--limit wants a number above 0, not", c->limit);
	for (size_t i = 0; i < AUDIT_KEY_GIVEN; i++)
		if (!quoted(c, c->want[i], &f->want[i]))
			return wrong("too long:", c->want[i]);
	return read_key(c);
}

/* The names of one person, by all keys that can be read. */
static bool
read_person(struct call *c)
{
	struct cli_audit_months m = {.item = NULL};
	struct span sub;
	struct span iss;
	char id[AUDIT_ID_LEN];

	if (c->sub == NULL)
		return true;
	if (!cli_audit_person_split(span_of(c->sub), &sub, &iss))
		return wrong("--sub wants NAME@ISSUER, not", c->sub);
	if (!cli_audit_person_months(&c->files, &m))
		return wrong("no memory", NULL);
	struct span *ids = arena_array(&c->mem, m.n + 1, sizeof(*ids));
	for (size_t i = 0; i < m.n && ids != NULL; i++)
		if (audit_keys_person(m.item[i].key, m.item[i].month, iss, sub, id, NULL))
			ids[c->filter.n_ids++] = arena_span(&c->mem, span_of(id));
	c->filter.ids = ids;
	c->filter.by_ids = true;
	bool ok = m.unreadable == 0;
	if (!ok)
		(void)fputs("pan-agent " COMMAND
			    ": the keys of the months cannot be read: run this as root "
			    "or as the agent's user\n",
			stderr);
	else if (c->filter.n_ids == 0)
		(void)fputs("pan-agent " COMMAND
			    ": there is no key of any month beside these files, so "
			    "nobody can be found by name\n",
			stderr);
	else
		(void)fprintf(stderr,
			"pan-agent " COMMAND
			": found by name only in the %zu month%s whose keys are still "
			"there\n",
			m.n, m.n == 1 ? "" : "s");
	cli_audit_person_months_fini(&m);
	return ok;
}

/* ---- the records ---- */

static void
show(struct call *c, struct span line)
{
	AUTO_BUF text = BUF_INIT(LINE_MAX);

	if (!c->call.json) {
		cli_audit_text_record(line, &text);
		line = buf_span(&text);
	}
	if (fwrite(line.p, 1, line.n, stdout) != line.n || putchar('\n') == EOF)
		c->failed = true;
	c->shown++;
}

static bool
take_line(void *ctx, const struct cli_audit_at *at, struct span line)
{
	struct call *c = ctx;
	struct audit_line l;
	char room[16];
	struct err e = {0};

	if (at->torn || !audit_line_parse(line, &l, &e)) {
		if (!c->unread)
			(void)fprintf(stderr, "pan-agent " COMMAND ": %s:%llu: left out: %s\n",
				at->file, (unsigned long long)at->line,
				at->torn ? "half a line" : e.msg);
		c->unread = true; /* said once: verify tells more */
		return true;
	}
	if (!cli_audit_filter_fits(&c->filter, &l))
		return true;
	if (c->count == NULL) {
		show(c, line);
		return !c->failed && c->shown < c->most;
	}
	if (!cli_audit_count_add(c->count, cli_audit_filter_value(&l, c->by, room)))
		c->failed = !wrong("too many different values of", c->count_by);
	c->shown++;
	return !c->failed;
}

static void
show_counts(const struct call *c)
{
	size_t n = 0;
	const struct cli_audit_counted *list = cli_audit_count_list(c->count, &n);

	for (size_t i = 0; i < n && i < c->most; i++) {
		struct span v = list[i].value.p != NULL ? list[i].value : SPAN("-");
		bool text = list[i].value.p != NULL;
		if (!c->call.json)
			(void)printf("%10llu  %.*s\n", (unsigned long long)list[i].n, SPAN_ARG(v));
		else if (text)
			(void)printf("{\"%s\":\"%.*s\",\"count\":%llu}\n", c->count_by, SPAN_ARG(v),
				(unsigned long long)list[i].n);
		else
			(void)printf("{\"%s\":null,\"count\":%llu}\n", c->count_by,
				(unsigned long long)list[i].n);
	}
}

/* The exit status. */
static int
run(struct call *c)
{
	struct err e = {0};

	if (!cli_audit_files_each(&c->files, take_line, c, &e)) {
		(void)fprintf(stderr, "pan-agent " COMMAND ": %s\n", e.msg);
		return EXIT_CALL;
	}
	if (c->count != NULL && !c->failed)
		show_counts(c);
	if (c->failed || fflush(stdout) != 0)
		return EXIT_CALL;
	return c->shown > 0 ? EXIT_DONE : EXIT_NO;
}

static int
query(struct call *c, int argc, char **argv)
{
	struct settings *s = NULL;
	int code = EXIT_CALL;

	lay_out(c);
	if (!cli_audit_call_read(&c->call, argc, argv))
		return EXIT_CALL;
	if (c->call.help)
		return help(stdout, EXIT_DONE);
	if (!read_filter(c))
		return EXIT_CALL;
	if (c->call.n_words == 0 && (s = cli_admin_settings(COMMAND, c->call.config)) == NULL)
		return EXIT_CALL;
	if (cli_audit_files_open(&c->files, COMMAND, c->call.words, c->call.n_words, s)) {
		if (read_person(c))
			code = run(c);
		cli_audit_files_close(&c->files);
	}
	settings_free(s);
	return code;
}

int
cli_audit_query(int argc, char **argv)
{
	AUTO_FREE struct call *c = calloc(1, sizeof(*c));

	if (c == NULL || !arena_init(&c->mem, 1UL << 20))
		return EXIT_CALL;
	int code = query(c, argc, argv);
	cli_audit_count_free(c->count);
	arena_fini(&c->mem);
	return code;
}
