/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_explain.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/json.h"
#include "agent/base/scope.h"
#include "agent/cli/cli_explain_catalogue.h"
#include "agent/cli/cli_policy.h"
#include "policy/request.h"

enum {
	EXIT_DONE = 0,
	EXIT_NO = 1,
	EXIT_CALL = 2,
	LINE_MAX_BYTES = 16 * 1024 * 1024,
	REQUEST_MEMORY = 64 * 1024 * 1024,
	FLUSH_LINES = 1000,
};

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent policy explain --as WHO --on PID --action ACTION [options]\n"
		"       pan-agent policy explain --json --policy FILE... --input FILE\n"
		"\n"
		"  --as WHO        anonymous, roles:pi,registered or sub:NAME@ISSUER (roles of the "
		"team\n"
		"                  lists of the catalogue)\n"
		"  --on PID        dataset in this machine's catalogue\n"
		"  --action A      meta.public, meta.full, data.list, data.read, data.stage, ...\n"
		"  --at DATE       a date or an instant; default: now\n"
		"  --network N     internet (default), facility, eosc\n"
		"  --purpose P     unspecified (default), support, curation, analysis\n"
		"  --config FILE   agent.yaml, which names the policy files and the catalogue\n"
		"  --policy FILE   decide by these files instead\n"
		"  --json          the decision as one line of JSON\n"
		"  --input FILE    questions in JSON, one a line (-: standard input); no "
		"catalogue\n"
		"  --exit-code     0 permit, 1 deny\n"
		"\n"
		"example: pan-agent policy explain --as anonymous --on 10.5072/abc --action "
		"data.read\n",
		out);
	return code;
}

/* ---- questions in JSON ---- */

static void
answer(const struct policy_set *s, struct span line, struct arena *a, struct buf *out)
{
	struct json_limits limits = {.bytes = LINE_MAX_BYTES, .object = true};
	AUTO_JSON j = json_parse(line, &limits, NULL);
	AUTO_BUF id = BUF_INIT(LINE_MAX_BYTES);
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
answer_all(const struct policy_set *s, FILE *in)
{
	AUTO_FREE char *line = NULL;
	AUTO_ARENA a = {0};
	AUTO_BUF out = BUF_INIT(LINE_MAX_BYTES * 2);
	size_t cap = 0;
	unsigned lines = 0;
	ssize_t n = 0;

	if (!arena_init(&a, REQUEST_MEMORY))
		return EXIT_CALL;
	while ((n = getline(&line, &cap, in)) >= 0) {
		struct span text = {line, (size_t)n};
		if (text.n > 0 && text.p[text.n - 1] == '\n')
			text.n--;
		buf_reset(&out);
		arena_reset(&a);
		answer(s, text, &a, &out);
		if (!buf_ok(&out) || fwrite(out.p, 1, out.n, stdout) != out.n)
			return EXIT_CALL;
		if (++lines % FLUSH_LINES == 0 && fflush(stdout) != 0)
			return EXIT_CALL;
	}
	return fflush(stdout) == 0 && !ferror(in) ? EXIT_DONE : EXIT_CALL;
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

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"as", required_argument, NULL, 'a'},
	{"on", required_argument, NULL, 'o'},
	{"action", required_argument, NULL, 'c'},
	{"at", required_argument, NULL, 't'},
	{"network", required_argument, NULL, 'n'},
	{"purpose", required_argument, NULL, 'u'},
	{"config", required_argument, NULL, 'f'},
	{"policy", required_argument, NULL, 'p'},
	{"json", no_argument, NULL, 'j'},
	{"input", required_argument, NULL, 'i'},
	{"exit-code", no_argument, NULL, 'x'},
	{NULL, 0, NULL, 0},
};

struct call {
	struct cli_explain_question q;
	const char *input;
	const char **policies;
	size_t n_policies;
	bool help, bad;
};

static void
take_option(struct call *c, int option, const char *value)
{
	const char **text = option == 'a'   ? &c->q.as
			    : option == 'o' ? &c->q.on
			    : option == 'c' ? &c->q.action
			    : option == 't' ? &c->q.at
			    : option == 'n' ? &c->q.network
			    : option == 'u' ? &c->q.purpose
			    : option == 'f' ? &c->q.config
			    : option == 'i' ? &c->input
					    : NULL;
	if (text != NULL)
		*text = value;
	else if (option == 'p')
		c->policies[c->n_policies++] = value;
	else if (option == 'j')
		c->q.json = true;
	else if (option == 'x')
		c->q.exit_code = true;
	else if (option == 'h')
		c->help = true;
	else
		c->bad = true;
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
	if (c->help)
		return help(stdout, EXIT_DONE);
	if (c->bad)
		return help(stderr, EXIT_CALL);
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
	AUTO_FREE const char **policies = calloc((size_t)argc, sizeof(*policies));
	struct call c = {.policies = policies};
	int option = 0;

	if (policies == NULL)
		return EXIT_CALL;
	optind = 1;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1)
		take_option(&c, option, optarg);
	if (optind < argc)
		c.bad = true;
	return run(&c);
}
