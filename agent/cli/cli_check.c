/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_check.h"

#include "agent/base/scope.h"
#include "agent/base/settings.h"
#include "agent/catalog/catalog.h"
#include "agent/catalog/layout_back.h"
#include "agent/catalog/proposals.h"
#include "agent/cli/cli_check_issuers.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/cli_policy_verify.h"
#include "agent/cli/command.h"
#include "policy/lint.h"
#include "policy/policy.h"
#include "policy/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define REPORT_MAX ((size_t)16 << 20)
#define TEXT_MAX   ((size_t)16 << 20)

struct checking {
	struct settings *s;
	struct buf report; /* faults */
	struct buf notes;  /* what is allowed, and probably not meant */
	struct buf shown;  /* effective values */
	bool verbose, offline;
};

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent check [-v] [--offline] [FILE]\n"
		"\n"
		"Reads FILE (default /etc/pan-agent/agent.yaml) and all that it names, as the "
		"agent\n"
		"would: policy files with their tests and signatures, keys of issuers, "
		"proposals,\n"
		"certificates, accounts, data roots, the catalogue.  Prints every fault as\n"
		"FILE:LINE:COLUMN: error: MESSAGE, and what lint finds in the policies.  Asks\n"
		"each issuer whose keys are fetched for them, for at most 5 s, and says what\n"
		"cannot be reached or used.\n"
		"\n"
		"-v         print the effective values of each issuer\n"
		"--offline  ask nobody\n"
		"\n"
		"Exit status: 0 the agent would start; 1 there are faults; 2 wrong call, or FILE\n"
		"cannot be read.\n"
		"\n"
		"example: pan-agent check /etc/pan-agent/agent.yaml\n",
		out);
	return code;
}

/* ---- files that are named ---- */

/* The text of a file that must be there; absent (and a fault) when it cannot be read. */
static bool
read_named(struct checking *c, const char *path, struct buf *text)
{
	struct err e = {0};

	if (path == NULL) /* reported already */
		return false;
	if (cli_file_read(path, text, &e))
		return true;
	settings_fault(c->s, path, &c->report, "%s", e.msg);
	return false;
}

/* The file beside a policy that holds its signatures; none there is a fault of its own. */
static void
check_signature(struct checking *c, const struct policy_source *file)
{
	const struct policy_signers signers = {.key = c->s->signer_keys,
		.n = c->s->signers.n,
		.required = c->s->required_signatures};
	AUTO_BUF text = BUF_INIT(POLICY_SIGN_TEXT + 1);
	struct policy_sign_source src = {.name = file->name, .file = file->text};
	char path[PATH_MAX];
	struct err e = {0};

	if (signers.n == 0 || c->s->faults > 0 ||
		!cli_signature_path(file->name, path, sizeof(path)))
		return;
	bool found = cli_file_read(path, &text, &e) || e.code == ERR_LIMIT;
	if (found)
		src.sig = text.n > 0 ? buf_span(&text) : SPAN("");
	if (found || e.sys == ENOENT)
		(void)policy_sign_report(&src, &signers, &c->report);
	else
		settings_fault(c->s, file->name, &c->report, "%s", e.msg);
}

/* Good policies, and what lint thinks of them: a fault where the gate would refuse it. */
static void
check_set(struct checking *c, const struct policy_source *sources, size_t n)
{
	struct policy_set *set = policy_set_load(sources, n, &c->report, NULL);
	AUTO_BUF found = BUF_INIT(REPORT_MAX);

	if (set != NULL && policy_lint(set, &found) > 0 && c->s->lint_strict)
		buf_add(&c->report, buf_span(&found));
	else
		buf_add(&c->notes, buf_span(&found));
	policy_set_free(set);
}

static void
check_policies(struct checking *c)
{
	const struct settings_list *files = &c->s->policies;
	AUTO_FREE struct policy_source *sources = calloc(files->n + 1, sizeof(*sources));
	AUTO_FREE struct buf *texts = calloc(files->n + 1, sizeof(*texts));
	bool all = sources != NULL && texts != NULL;
	size_t n = 0;

	for (size_t i = 0; sources != NULL && texts != NULL && i < files->n; i++) {
		texts[i].max = TEXT_MAX;
		all = read_named(c, files->item[i], &texts[i]) && all;
		sources[n] = (struct policy_source){files->item[i], buf_span(&texts[i])};
		if (all)
			check_signature(c, &sources[n]);
		n++;
	}
	if (all)
		check_set(c, sources, n);
	for (size_t i = 0; i < n; i++)
		buf_fini(&texts[i]);
}

static struct cli_check_issuers
of_issuers(struct checking *c)
{
	return (struct cli_check_issuers){.settings = c->s,
		.offline = c->offline,
		.report = &c->report,
		.notes = &c->notes,
		.shown = c->verbose ? &c->shown : NULL};
}

static void
check_certificates(struct checking *c)
{
	const struct cli_check_issuers of = of_issuers(c);

	for (size_t i = 0; i < c->s->n_certificates; i++) {
		const char *chain = c->s->certificates[i].chain;
		AUTO_BUF text = BUF_INIT(TEXT_MAX);
		cli_check_secret(&of, c->s->certificates[i].key);
		if (read_named(c, chain, &text) &&
			memmem(text.p, text.n, "-----BEGIN CERTIFICATE-----", 27) == NULL)
			settings_fault(
				c->s, chain, &c->report, "%s: holds no PEM certificate", chain);
	}
}

/* Why nothing can be added beneath a root, and what to do about it. */
static const char *
writing_helps(int why)
{
	switch (why) {
	case EROFS:
		return "it is read-only here; under systemd add ReadWritePaths= with this folder "
		       "in "
		       "a drop-in of the unit, whose ProtectSystem=strict closes everything else";
	case EACCES:
	case EPERM:
		return "give the folder to the agent's user (and under systemd add ReadWritePaths= "
		       "with it in a drop-in of the unit)";
	case EOPNOTSUPP:
	case EISDIR: /* how a kernel says it for a file system that never heard of it */
		return "its file system has no unnamed files (O_TMPFILE), which a writable root "
		       "needs; put it on ext4, XFS, btrfs or tmpfs";
	default:
		return "a writable root must take new files";
	}
}

/* As who runs this: the unit has it run as the agent. */
static void
check_writable(struct checking *c, const struct settings_root *root)
{
	struct layout layout;
	struct err e = {0};

	if (c->s->faults == 0 &&
		!(layout_parse(root, &layout, &e) && layout_back_check(&layout, &e)))
		settings_fault(c->s, root->path, &c->report, "%s", e.msg);
	AUTO_FD fd = open(root->path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	int why = errno;
	if (fd < 0)
		settings_fault(c->s, root->path, &c->report, "%s: cannot be written: %s: %s",
			root->path, strerrordesc_np(why), writing_helps(why));
}

static void
check_roots(struct checking *c)
{
	for (size_t i = 0; i < c->s->n_roots; i++) {
		const char *path = c->s->roots[i].path;
		if (path == NULL)
			continue;
		AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			settings_fault(
				c->s, path, &c->report, "%s: %s", path, strerrordesc_np(errno));
		else if (c->s->roots[i].writable)
			check_writable(c, &c->s->roots[i]);
		if (c->s->roots[i].proposal == NULL || c->s->proposals == NULL)
			buf_addf(&c->notes,
				"note: root %s: nobody may read it: without %s its datasets have "
				"no "
				"dates, and no policy is found for them\n",
				c->s->roots[i].name,
				c->s->proposals == NULL ? "a file `proposals`" : "a `proposal`");
		if (strncmp(path, "/home/", 6) == 0 || strncmp(path, "/root/", 6) == 0)
			buf_addf(&c->notes,
				"note: ProtectHome=yes of the systemd unit hides %s: add "
				"BindReadOnlyPaths=%s in a drop-in\n",
				path, path);
	}
}

static void
check_proposals(struct checking *c)
{
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	AUTO_ARENA arena = {0};
	struct proposals p;

	if (c->s->proposals == NULL || !read_named(c, c->s->proposals, &text))
		return;
	if (arena_init(&arena, ((size_t)64 << 20) + 2 * text.n))
		(void)proposals_parse(
			c->s->proposals, buf_span(&text), &arena, &c->report, &p, NULL);
}

/* None yet is no fault: the first `pan-agent index` makes it. */
static void
check_catalogue(struct checking *c)
{
	struct catalog *k = NULL;
	struct err e = {0};

	if (c->s->catalogue == NULL)
		return;
	if (access(c->s->catalogue, F_OK) < 0) {
		buf_addf(&c->notes, "note: no catalogue yet: run `pan-agent index` to make %s\n",
			c->s->catalogue);
		return;
	}
	if (!catalog_open(c->s->catalogue, &k, &e))
		settings_fault(c->s, c->s->catalogue, &c->report, "%s: %s", c->s->catalogue, e.msg);
	catalog_close(k);
}

/* ---- the whole ---- */

static int
finish(struct checking *c)
{
	bool good = c->report.n == 0;

	(void)fwrite(c->shown.p, 1, c->shown.n, stdout);
	(void)fwrite(c->report.p, 1, c->report.n, stderr);
	(void)fwrite(c->notes.p, 1, c->notes.n, stderr);
	if (good && c->s != NULL)
		(void)printf("%s: good: %zu roots, %zu policy files, %zu issuers\n", c->s->file,
			c->s->n_roots, c->s->policies.n, c->s->n_issuers);
	settings_free(c->s);
	buf_fini(&c->report);
	buf_fini(&c->notes);
	buf_fini(&c->shown);
	return good ? 0 : 1;
}

/* False: a wrong call. */
static bool
take_options(struct checking *c, int argc, char **argv, const char **file)
{
	for (int i = 1; i < argc; i++) {
		bool config = strcmp(argv[i], "--config") == 0 && i + 1 < argc;
		if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0)
			c->verbose = true;
		else if (strcmp(argv[i], "--offline") == 0)
			c->offline = true;
		else if (*file != NULL || (argv[i][0] == '-' && !config))
			return false;
		else
			*file = config ? argv[++i] : argv[i];
	}
	return true;
}

static void
check_all(struct checking *c)
{
	const struct cli_check_issuers of = of_issuers(c);

	check_certificates(c);
	check_roots(c);
	check_policies(c);
	cli_check_issuers(&of);
	check_proposals(c);
	check_catalogue(c);
}

int
cli_check(int argc, char **argv)
{
	struct checking c = {.report = BUF_INIT(REPORT_MAX),
		.notes = BUF_INIT(REPORT_MAX),
		.shown = BUF_INIT(REPORT_MAX)};
	AUTO_BUF text = BUF_INIT(TEXT_MAX);
	struct err e = {0};
	const char *file = NULL;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return help(stdout, 0);
	if (!take_options(&c, argc, argv, &file))
		return help(stderr, 2);
	file = command_config(file);
	if (!cli_file_read(file, &text, &e)) {
		(void)fprintf(stderr,
			"pan-agent check: %s: name the configuration, pan-agent check FILE\n",
			e.msg);
		return 2;
	}
	c.s = settings_read(file, buf_span(&text), &c.report, NULL);
	if (c.s == NULL)
		return finish(&c);
	check_all(&c);
	return finish(&c);
}
