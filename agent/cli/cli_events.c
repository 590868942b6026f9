/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_events.h"

#include <stdio.h>
#include <string.h>

#include "agent/base/json.h"
#include "agent/base/jsonw.h"
#include "agent/catalog/event_json.h"
#include "agent/cli/cli_admin.h"
#include "agent/cli/cli_options.h"
#include "agent/cli/command.h"
#include "agent/cli/remote.h"

enum { ANSWER_MAX = 256 * 1024, JOB_MAX = 4096 };

/* What a subcommand records, and with which of the options. */
static const struct event_kind {
	const char *name, *type;
	const char *must, *may; /* options beside --by and --reason, each with a blank behind */
	const char *example;
} kinds[] = {
	{"release", "release", "", "--on --id ",
		"release 10.5072/abc --by pi --reason \"paper is out\" --on 2027-01-01"},
	{"extend", "extension", "", "--period --until --id ",
		"extend 10.5072/abc --by pi --period 1y --reason \"thesis\""},
	{"approve", "approval", "--of ", "", "approve 10.5072/abc --of e-3f9c --by director"},
	{"object", "objection", "--of ", "",
		"object 10.5072/abc --of r-3f9c --by coproposer --reason \"in review\""},
	{"agree", "agreement", "--on ", "", "agree 10.5072/abc --on 2028-01-01 --by user_office"},
	{"restrict", "restriction", "", "", "restrict 10.5072/abc --by director --reason \"...\""},
	{"lift", "restriction_lifted", "", "", "lift 10.5072/abc --by director"},
	{"withdraw", "withdrawal", "", "",
		"withdraw 10.5072/abc --by director --reason \"wrong sample\""},
	{"reinstate", "reinstatement", "", "", "reinstate 10.5072/abc --by director"},
};

/* The options that become a value of the event. */
static const struct value_option {
	const char *name;
	enum event_text_key key;
	const char *help;
} values[] = {
	{"--by", EVENT_TEXT_BY, "the role that acts: pi, director, ...; policy says which count"},
	{"--reason", EVENT_TEXT_NOTE, "why; it stays in the log"},
	{"--on", EVENT_TEXT_ON, "the day on which it opens; default: at once"},
	{"--period", EVENT_TEXT_PERIOD, "how much longer: 1y, 6m, 30d"},
	{"--until", EVENT_TEXT_UNTIL, "or: the day on which it opens then"},
	{"--of", EVENT_TEXT_OF, "id of the extension or release that this speaks of"},
	{"--id", EVENT_TEXT_ID, "a name for it; default: one is made"},
};
enum { N_VALUES = sizeof(values) / sizeof(values[0]) };

struct call {
	const struct event_kind *kind;
	const char *pid, *config, *token_file, *ca_file;
	const char *value[N_VALUES];
	bool json, help;
};

static bool
takes(const struct event_kind *k, const char *option)
{
	char word[32];

	if (strcmp(option, "--by") == 0 || strcmp(option, "--reason") == 0)
		return true;
	(void)snprintf(word, sizeof(word), "%s ", option);
	return strstr(k->must, word) != NULL || strstr(k->may, word) != NULL;
}

static int
help(const struct event_kind *k, FILE *out, int code)
{
	(void)fprintf(out,
		"usage: pan-agent policy %s PID --by ROLE [options]\n"
		"       pan-agent policy %s https://HOST/datasets/PID [options]\n"
		"\n"
		"Records an event of the type %s in the log of a dataset: with a PID, as the\n"
		"administrator of the agent on this machine; with an address, as whoever your\n"
		"token says you are (pan-agent login).  An event that the dataset's policy would\n"
		"not count is refused, with the reason.\n"
		"\n",
		k->name, k->name, k->type);
	for (size_t i = 0; i < N_VALUES; i++)
		if (takes(k, values[i].name))
			(void)fprintf(out, "  %-10s %s\n", values[i].name, values[i].help);
	(void)fprintf(out,
		"  --json     the answer as JSON\n"
		"  --config   agent.yaml of the agent; default: $PAN_AGENT_CONFIG, /etc\n"
		"  --token-file, --ca-file   with an address: token and authorities\n"
		"\n"
		"Exit status: 0 recorded; 1 refused; 2 wrong call, or no agent runs.\n"
		"\n"
		"example: pan-agent policy %s\n",
		k->example);
	return code;
}

/* ---- the call ---- */

static const struct event_kind *
kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, kinds[i].name) == 0)
			return &kinds[i];
	return NULL;
}

static bool
read_call(int argc, char **argv, struct call *c)
{
	struct cli_option table[N_VALUES + 4];
	char command[64];
	size_t n = 0;

	for (size_t i = 0; i < N_VALUES; i++)
		if (takes(c->kind, values[i].name))
			table[n++] = (struct cli_option){values[i].name, &c->value[i], NULL};
	table[n++] = (struct cli_option){"--config", &c->config, NULL};
	table[n++] = (struct cli_option){"--token-file", &c->token_file, NULL};
	table[n++] = (struct cli_option){"--ca-file", &c->ca_file, NULL};
	table[n++] = (struct cli_option){"--json", NULL, &c->json};
	(void)snprintf(command, sizeof(command), "policy %s", c->kind->name);
	const struct cli_call call = {.command = command, .argc = argc, .argv = argv, .from = 1};
	return cli_options_read(&call, table, n, &c->pid, &c->help);
}

/* What is missing in the call, or NULL. */
static const char *
missing(const struct call *c)
{
	bool period = false;
	bool until = false;

	if (c->pid == NULL)
		return "which dataset? Give its PID";
	if (c->value[0] == NULL && !remote_is_url(c->pid))
		return "--by is missing: in which role?";
	for (size_t i = 0; i < N_VALUES; i++) {
		bool given = c->value[i] != NULL;
		period = period || (given && values[i].key == EVENT_TEXT_PERIOD);
		until = until || (given && values[i].key == EVENT_TEXT_UNTIL);
		if (!given && strncmp(c->kind->must, values[i].name, strlen(values[i].name)) == 0)
			return values[i].help;
	}
	if (strcmp(c->kind->name, "extend") == 0 && period == until)
		return "an extension has either --period or --until";
	return NULL;
}

static void
write_event(const struct call *c, struct jsonw *w)
{
	struct event_text t = {.value[EVENT_TEXT_TYPE] = span_of(c->kind->type)};

	for (size_t i = 0; i < N_VALUES; i++)
		t.value[values[i].key] = span_of(c->value[i]);
	if (strcmp(c->kind->type, "agreement") == 0) {
		t.value[EVENT_TEXT_RELEASE] = t.value[EVENT_TEXT_ON];
		t.value[EVENT_TEXT_ON] = SPAN_NONE;
	}
	event_json_write(&t, w);
}

static void
write_job(const struct call *c, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "job", "event");
	jsonw_cstr(&w, "pid", c->pid);
	jsonw_obj(&w, "event");
	write_event(c, &w);
	jsonw_end(&w, '}');
	jsonw_end(&w, '}');
}

/* ---- the agent ---- */

static bool
read_answer(struct span text, int *status, struct buf *ret, struct err *e)
{
	const struct json_limits limits = {.object = true};
	AUTO_JSON j = json_parse(text, &limits, e);
	struct span detail = SPAN_NONE;
	int64_t code = 0;

	if (j == NULL || !json_get_i64(j, "status", &code))
		return err_set(e, ERR_UPSTREAM, NULL, "the agent gave no answer: see its log");
	*status = (int)code;
	if (json_get_str(j, "detail", &detail))
		buf_add(ret, detail);
	else
		json_write(json_get(j, "answer"), ret);
	return true;
}

bool
cli_events_post(
	const struct settings *s, struct span job, int *status, struct buf *ret, struct err *e)
{
	AUTO_BUF text = BUF_INIT(ANSWER_MAX);

	if (!cli_admin_post(s->runtime_dir, "/ledger", job, status, &text, e))
		return false;
	if (*status != 200) {
		struct span line = buf_span(&text);
		return err_set(e, ERR_UPSTREAM, NULL, "%.*s", SPAN_ARG(span_cut(&line, '\n')));
	}
	return read_answer(buf_span(&text), status, ret, e);
}

/* The sentence of the agent, and the id that others may speak of. */
static void
print_answer(struct span text)
{
	AUTO_JSON j = json_parse(text, NULL, NULL);
	struct span detail = SPAN_NONE;
	struct span id = SPAN_NONE;

	if (json_get_str(j, "detail", &detail))
		(void)printf("%.*s\n", SPAN_ARG(detail));
	if (json_get_str(json_get(j, "event"), "id", &id))
		(void)printf("id %.*s\n", SPAN_ARG(id));
}

static int
tell(const struct call *c, int status, struct span said)
{
	if (status != 201) {
		(void)fprintf(stderr, "pan-agent policy %s: %.*s\n", c->kind->name, SPAN_ARG(said));
		return status == 400 ? EXIT_CALL : EXIT_NO;
	}
	if (c->json)
		(void)printf("%.*s\n", SPAN_ARG(said));
	else
		print_answer(said);
	return EXIT_DONE;
}

static int
complain(const struct call *c, const struct err *e)
{
	(void)fprintf(stderr, "pan-agent policy %s: %s\n", c->kind->name, e->msg);
	return EXIT_CALL;
}

static int
post(const struct call *c, const struct settings *s)
{
	AUTO_BUF job = BUF_INIT(JOB_MAX);
	AUTO_BUF answer = BUF_INIT(ANSWER_MAX);
	struct err e = {0};
	int status = 0;

	write_job(c, &job);
	if (!buf_ok(&job))
		(void)err_set(&e, ERR_LIMIT, NULL, "that is too much text for one event");
	if (!buf_ok(&job) || !cli_events_post(s, buf_span(&job), &status, &answer, &e))
		return complain(c, &e);
	return tell(c, status, buf_span(&answer));
}

/* ---- a data server ---- */

static int
post_remote(const struct call *c)
{
	const struct remote r = {.token_file = c->token_file, .ca_file = c->ca_file};
	AUTO_BUF url = BUF_INIT(8192);
	AUTO_BUF body = BUF_INIT(JOB_MAX * 4UL);
	AUTO_BUF mem = BUF_INIT(ANSWER_MAX);
	AUTO_BUF detail = BUF_INIT(ANSWER_MAX);
	struct fetch_answer a = {.status = 0};
	struct err e = {0};
	struct jsonw w;

	jsonw_init(&w, &body);
	jsonw_obj(&w, NULL);
	write_event(c, &w);
	jsonw_end(&w, '}');
	if (!remote_dataset(c->pid, "events", &url, &e) ||
		!remote_ask(&r, url.p, buf_span(&body), &mem, &a, &e))
		return complain(c, &e);
	if (a.status != 201)
		remote_detail(&a, &detail);
	return tell(c, (int)a.status, a.status == 201 ? a.body : buf_span(&detail));
}

int
cli_events(int argc, char **argv)
{
	struct call c = {.kind = kind_of(argv[0])};

	if (c.kind == NULL || !read_call(argc, argv, &c))
		return EXIT_CALL;
	if (c.help)
		return help(c.kind, stdout, EXIT_DONE);
	const char *lacks = missing(&c);
	if (lacks != NULL) {
		(void)fprintf(stderr, "pan-agent policy %s: %s; see --help\n", c.kind->name, lacks);
		return EXIT_CALL;
	}
	if (remote_is_url(c.pid))
		return post_remote(&c);
	struct settings *s = cli_admin_settings("policy", c.config);
	if (s == NULL)
		return EXIT_CALL;
	int code = post(&c, s);
	settings_free(s);
	return code;
}
