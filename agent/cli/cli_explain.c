/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/json.h"
#include "agent/base/scope.h"
#include "agent/cli/cli_explain_catalogue.h"
#include "agent/cli/cli_policy.h"
#include "agent/cli/command.h"
#include "policy/request.h"

#define LINE_BYTES     ((size_t)16 * 1024 * 1024)
#define REQUEST_MEMORY ((size_t)64 * 1024 * 1024)

enum { FLUSH_LINES = 1000 };

static const char explain_text[] =
	"usage: pan-agent policy explain --as WHO --on PID --action ACTION [options]\n"
	"       pan-agent policy explain --json --policy FILE [--policy FILE]... --input FILE\n"
	"\n"
	"  --as WHO        anonymous, roles:pi,registered, sub:NAME@ISSUER (with the account that\n"
	"                  is linked to it), local:ACCOUNT or link:ID (of a reviewer); roles as\n"
	"                  the team lists have them\n"
	"  --on PID        dataset in this machine's catalogue\n"
	"  --action A      meta.public, meta.full, data.list, data.read, data.stage, data.write, "
	"...\n"
	"  --at DATE       a date or an instant; default: now\n"
	"  --all           also every rule about the action, and why it does not hold\n"
	"  --network N, --purpose P, --protocol P, --kind K\n"
	"                  internet, unspecified, https, and what the dataset is\n"
	"  --assurance A, --entitlement E, --accepted ID@VERSION, --flag F\n"
	"                  what if the asker or the dataset had these, too\n"
	"  --config FILE   agent.yaml, which names the policy files and the catalogue\n"
	"  --policy FILE   decide by these files instead\n"
	"  --json          the decision as one line of JSON\n"
	"  --input FILE    questions in JSON, one a line (-: standard input); no catalogue\n"
	"  --exit-code     0 permit, 1 deny\n"
	"\n"
	"example: pan-agent policy explain --as anonymous --on 10.5072/abc --action data.read\n";

/* ---- questions in JSON ---- */

static void
answer(const struct policy_set *s, struct span line, struct arena *a, struct buf *out)
{
	struct json_limits limits = {.bytes = LINE_BYTES, .object = true};
	AUTO_JSON j = json_parse(line, &limits, NULL);
	AUTO_BUF id = BUF_INIT(LINE_BYTES);
	struct request r = {0};
	struct decision d;

	if (j == NULL || !request_parse(j, a, &r))
		r.facts = (struct facts){0}; /* no time: the decision by rule `input` */
	policy_decide(s, &r.facts, &d);
	if (r.id != NULL)
		json_write(r.id, &id);
	decision_write_json_raw(&d, id.n > 0 ? buf_span(&id) : SPAN("null"), out);
	buf_addc(out, '\n');
}

static int
answer_lines(const struct policy_set *s, FILE *in, struct arena *a, struct buf *out)
{
	AUTO_FREE char *line = NULL;
	size_t cap = 0;
	unsigned lines = 0;
	ssize_t n = 0;

	while ((n = getline(&line, &cap, in)) >= 0) {
		struct span text = {line, (size_t)n};
		if (text.n > 0 && text.p[text.n - 1] == '\n')
			text.n--;
		buf_reset(out);
		arena_reset(a);
		answer(s, text, a, out);
		if (!buf_ok(out) || fwrite(out->p, 1, out->n, stdout) != out->n)
			return EXIT_CALL;
		if (++lines % FLUSH_LINES == 0 && fflush(stdout) != 0)
			return EXIT_CALL;
	}
	return fflush(stdout) == 0 && !ferror(in) ? EXIT_DONE : EXIT_CALL;
}

static int
answer_all(const struct policy_set *s, FILE *in)
{
	AUTO_ARENA a = {0};
	AUTO_BUF out = BUF_INIT(LINE_BYTES * 2);

	return arena_init(&a, REQUEST_MEMORY) ? answer_lines(s, in, &a, &out) : EXIT_CALL;
}

static int
explain_input(const struct policy_set *s, const char *input)
{
	if (strcmp(input, "-") == 0)
		return answer_all(s, stdin);
	AUTO_FILE in = fopen(input, "re");
	if (in == NULL) {
		perror(input);
		return EXIT_CALL;
	}
	return answer_all(s, in);
}

/* ---- the call ---- */

struct call {
	struct cli_explain_question q;
	const char *input;
	const char **policies;
	size_t n_policies;
	bool help;
};

/* False: it is not one of the switches. */
static bool
take_switch(struct call *c, const char *name)
{
	if (strcmp(name, "--json") == 0)
		c->q.json = true;
	else if (strcmp(name, "--exit-code") == 0)
		c->q.exit_code = true;
	else if (strcmp(name, "--all") == 0)
		c->q.all = true;
	else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		c->help = true;
	else
		return false;
	return true;
}

/* The same for options that may stand there several times. */
static const char **
place_of_list(struct call *c, const char *name)
{
	if (strcmp(name, "--policy") == 0)
		return &c->policies[c->n_policies++];
	if (strcmp(name, "--flag") == 0)
		return &c->q.flags[c->q.n_flags++];
	if (strcmp(name, "--entitlement") == 0)
		return &c->q.entitlements[c->q.n_entitlements++];
	return strcmp(name, "--accepted") == 0 ? &c->q.accepted[c->q.n_accepted++] : NULL;
}

/* Where the value of an option goes; NULL: no such option. */
static const char **
place_of(struct call *c, const char *name)
{
	const struct {
		const char *name;
		const char **to;
	} table[] = {
		{"--as", &c->q.as},
		{"--on", &c->q.on},
		{"--action", &c->q.action},
		{"--at", &c->q.at},
		{"--network", &c->q.network},
		{"--purpose", &c->q.purpose},
		{"--protocol", &c->q.protocol},
		{"--kind", &c->q.kind},
		{"--assurance", &c->q.assurance},
		{"--config", &c->q.config},
		{"--input", &c->input},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(name, table[i].name) == 0)
			return table[i].to;
	return place_of_list(c, name);
}

static bool
take_options(int argc, char **argv, struct call *c)
{
	for (int i = 1; i < argc; i++) {
		if (take_switch(c, argv[i]))
			continue;
		const char **to = place_of(c, argv[i]);
		if (to == NULL || i + 1 == argc) {
			(void)fprintf(stderr, "pan-agent policy explain: %s%s; see --help\n",
				to == NULL ? "no option " : "a value is missing after ", argv[i]);
			return false;
		}
		*to = argv[++i];
	}
	return true;
}

static int
with_files(const struct call *c)
{
	struct cli_policy_files f = {0};

	if (!cli_policy_read(c->policies, c->n_policies, &f))
		return EXIT_CALL;
	struct policy_set *s = cli_policy_load(&f);
	int code = s == NULL          ? EXIT_NO
		   : c->input != NULL ? explain_input(s, c->input)
				      : cli_explain_catalogue(&c->q, s);
	policy_set_free(s);
	cli_policy_files_fini(&f);
	return code;
}

static int
run(const struct call *c)
{
	if (c->help) {
		(void)fputs(explain_text, stdout);
		return EXIT_DONE;
	}
	if (c->input != NULL && (c->n_policies == 0 || !c->q.json)) {
		(void)fputs("pan-agent policy explain: --input needs --json and --policy FILE\n",
			stderr);
		return EXIT_CALL;
	}
	if (c->input == NULL && (c->q.as == NULL || c->q.on == NULL || c->q.action == NULL)) {
		(void)fputs(
			"pan-agent policy explain: --as, --on and --action are needed, or --json "
			"with --policy and --input; see --help\n",
			stderr);
		return EXIT_CALL;
	}
	if (c->n_policies > 0)
		return with_files(c);
	return cli_explain_catalogue(&c->q, NULL);
}

int
cli_explain(int argc, char **argv)
{
	size_t n = (size_t)argc;
	AUTO_FREE const char **lists = calloc(4 * n, sizeof(*lists));
	struct call c = {.policies = lists};

	if (lists == NULL)
		return EXIT_CALL;
	c.q.flags = lists + n;
	c.q.entitlements = lists + 2 * n;
	c.q.accepted = lists + 3 * n;
	return take_options(argc, argv, &c) ? run(&c) : EXIT_CALL;
}
