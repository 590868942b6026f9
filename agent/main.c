/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pan-agentd: the supervisor, or with --role one of the processes that it starts.
 */
#include "agent/base/buf.h"
#include "agent/base/jsonw.h"
#include "agent/config.h"
#include "agent/role.h"
#include "agent/supervisor.h"
#include "agent/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOB_MAX    4096U
#define REPORT_MAX ((size_t)1 << 20)

struct arguments {
	const char *config, *role;
	const char *slot;
	bool check, once, full, no_digests, rebind;
	bool json;    /* what --once prints in any case */
	char **roots; /* behind --once index */
	int n_roots;
};

static int
usage(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agentd --config FILE [--check]\n"
		"       pan-agentd --config FILE --once index [ROOT...] [--full]\n"
		"                [--no-digests]\n"
		"       pan-agentd --version\n"
		"\n"
		"Serves data under policy over HTTPS, as FILE (agent.yaml) says.\n"
		"  --check        read FILE, open what it names, say what is wrong there, and "
		"end;\n"
		"                 `pan-agent check FILE` reads policies, keys and proposals too\n"
		"  --once index   index the data roots (or those named ROOT), and end\n"
		"                 progress is printed as JSON lines; `pan-agent index` shows a "
		"bar\n"
		"  --full         with --once: read files again that have not changed\n"
		"  --no-digests   with --once: leave out the checksums\n"
		"  --rebind       with --once: only store anew which policy binds each dataset, "
		"or\n"
		"                 the one that is named instead of ROOT\n"
		"\n"
		"exit status: 0 done, 1 failed, 2 wrong call or configuration,\n"
		"3 policy or keys refused, 4 the roles cannot be confined\n"
		"example: pan-agentd --config /etc/pan-agent/agent.yaml\n",
		out);
	return code;
}

/* Options that take a value. */
static const char **
value_of(struct arguments *a, const char *option)
{
	if (strcmp(option, "--config") == 0)
		return &a->config;
	if (strcmp(option, "--role") == 0)
		return &a->role;
	if (strcmp(option, "--slot") == 0)
		return &a->slot;
	return NULL;
}

static bool *
flag_of(struct arguments *a, const char *option)
{
	if (strcmp(option, "--check") == 0)
		return &a->check;
	if (strcmp(option, "--full") == 0)
		return &a->full;
	if (strcmp(option, "--no-digests") == 0)
		return &a->no_digests;
	if (strcmp(option, "--json") == 0)
		return &a->json;
	if (strcmp(option, "--rebind") == 0)
		return &a->rebind;
	return NULL;
}

static bool
take_argument(struct arguments *a, int argc, char **argv, int *i)
{
	const char **value = value_of(a, argv[*i]);
	bool *flag = flag_of(a, argv[*i]);

	if (value != NULL && *i + 1 < argc) {
		*value = argv[++*i];
		return true;
	}
	if (flag != NULL) {
		*flag = true;
		return true;
	}
	if (strcmp(argv[*i], "--once") == 0 && *i + 1 < argc &&
		strcmp(argv[*i + 1], "index") == 0) {
		a->once = true;
		++*i;
		return true;
	}
	if (a->once && argv[*i][0] != '-') {
		a->roots[a->n_roots++] = argv[*i];
		return true;
	}
	(void)fprintf(
		stderr, "pan-agentd: '%s' is not understood; see pan-agentd --help\n", argv[*i]);
	return false;
}

static int
run_role(const struct arguments *a)
{
	static const struct {
		enum process what;
		int (*run)(unsigned slot);
	} roles[] = {
		{PROCESS_FRONT, role_front_main},
		{PROCESS_GATE, role_gate_main},
		{PROCESS_READER, role_reader_main},
		{PROCESS_INDEXER, role_indexer_main},
		{PROCESS_COURIER, role_courier_main},
		{PROCESS_MOVER, role_mover_main},
	};
	uint64_t slot = 0;

	if (a->slot == NULL || !span_u64(span_of(a->slot), 63, &slot))
		return usage(stderr, EXIT_USAGE);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(a->role, process_names[roles[i].what]) == 0)
			return roles[i].run((unsigned)slot);
	return usage(stderr, EXIT_USAGE);
}

static int
check(const struct arguments *a)
{
	AUTO_BUF report = BUF_INIT(REPORT_MAX);
	struct config *c = config_load(a->config, BUNDLE_ALL, false, NULL, &report, NULL);

	(void)fwrite(report.p, 1, report.n, stderr);
	if (c == NULL)
		return EXIT_USAGE;
	config_free(c);
	return EXIT_OK;
}

/* The job of `--once index` as the indexer reads it. */
static void
write_job(const struct arguments *a, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "job", "index");
	jsonw_list(&w, "roots");
	for (int i = 0; i < a->n_roots && !a->rebind; i++)
		jsonw_cstr(&w, NULL, a->roots[i]);
	jsonw_end(&w, ']');
	jsonw_bool(&w, "full", a->full);
	jsonw_bool(&w, "digests", !a->no_digests);
	if (a->rebind && a->n_roots > 0)
		jsonw_cstr(&w, "rebind", a->roots[0]);
	else if (a->rebind)
		jsonw_bool(&w, "rebind", true);
	jsonw_end(&w, '}');
	buf_addc(out, '\0');
}

static int
run(const struct arguments *a)
{
	AUTO_BUF job = BUF_INIT(JOB_MAX);
	struct supervisor_options o = {.file = a->config};

	if (a->config == NULL)
		return usage(stderr, EXIT_USAGE);
	if (a->check)
		return check(a);
	if (a->once) {
		write_job(a, &job);
		if (!buf_ok(&job)) {
			(void)fputs("pan-agentd: too many roots are named\n", stderr);
			return EXIT_USAGE;
		}
		o.job = job.p;
	}
	return supervisor_run(&o);
}

static int
print_version(void)
{
	AUTO_BUF out = BUF_INIT(4096);

	version_write(&out);
	(void)fwrite(out.p, 1, out.n, stdout);
	return EXIT_OK;
}

static int
run_arguments(int argc, char **argv, struct arguments *a)
{
	for (int i = 1; i < argc; i++)
		if (!take_argument(a, argc, argv, &i))
			return EXIT_USAGE;
	return a->role != NULL ? run_role(a) : run(a);
}

int
main(int argc, char **argv)
{
	struct arguments a = {0};

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, EXIT_OK);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return print_version();
	a.roots = calloc((size_t)argc + 1, sizeof(char *));
	int code = a.roots != NULL ? run_arguments(argc, argv, &a) : EXIT_NO;
	free(a.roots);
	return code;
}
