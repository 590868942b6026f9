/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy_verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/settings.h"
#include "agent/cli/cli_admin.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/cli_policy.h"
#include "agent/cli/command.h"

#define NAME_MAX_BYTES 8192U
#define REPORT_BYTES   ((size_t)1 << 20)

static const char help_text[] =
	"usage: pan-agent policy verify [--config FILE] [FILE...]\n"
	"       pan-agent policy verify --signer KEY [--signer KEY]... [--required N] FILE...\n"
	"\n"
	"Is each policy file signed as it must be?  The signatures stand in FILE.sig.  Who may\n"
	"sign, and how many of them must, is taken from policy.signers of agent.yaml (and the\n"
	"files from policy.files, if none are named), or from the options.\n"
	"\n"
	"  --signer KEY    public key of somebody who may sign: 64 hex digits or base64\n"
	"  --required N    so many of them must have signed (default 1)\n"
	"\n"
	"Prints who signed; faults are lines FILE.sig:LINE:1: error: MESSAGE on standard error.\n"
	"\n"
	"Exit status: 0 all are; 1 one is not; 2 wrong call or unreadable.\n"
	"\n"
	"example: pan-agent policy verify --config /etc/pan-agent/agent.yaml\n";

bool
cli_signers_add(struct cli_signers *s, const char *command, const char *text)
{
	struct err e = {0};

	if (s->n == CLI_SIGNERS_MAX) {
		(void)fprintf(stderr, "pan-agent policy %s: more than %u signers\n", command,
			CLI_SIGNERS_MAX);
		return false;
	}
	if (!signer_read(span_of(text), s->key[s->n], &e)) {
		(void)fprintf(
			stderr, "pan-agent policy %s: --signer %.80s: %s\n", command, text, e.msg);
		return false;
	}
	if (signer_published(s->key[s->n]))
		(void)fprintf(stderr,
			"pan-agent policy %s: warning: --signer %s: everybody has the private half "
			"of this key (RFC 8032 7.1)\n",
			command, text);
	for (size_t i = 0; i < s->n; i++)
		if (memcmp(s->key[i], s->key[s->n], SIGNER_KEY) == 0)
			return true; /* said twice */
	s->n++;
	return true;
}

bool
cli_signature_path(const char *policy, char *out, size_t n)
{
	return snprintf(out, n, "%s.sig", policy) < (int)n;
}

bool
cli_signature_read(const char *command, const char *path, struct buf *ret, bool *found)
{
	struct err e = {0};

	*found = cli_file_read(path, ret, &e) || e.code == ERR_LIMIT;
	if (*found || (e.code == ERR_SYSTEM && e.sys == ENOENT))
		return true;
	(void)fprintf(stderr, "pan-agent policy %s: %s\n", command, e.msg);
	return false;
}

/* ---- verify ---- */

struct call {
	struct cli_signers signers;
	const char *config;
	const char *const *files;
	size_t n;
	struct settings *settings; /* NULL: the options say it all */
};

static int
wrong(const char *what, const char *value)
{
	(void)fprintf(stderr, "pan-agent policy verify: %s%s; see pan-agent policy verify --help\n",
		what, value);
	return EXIT_CALL;
}

/* 0, or the exit status. */
static int
read_options(struct call *c, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i += 2) {
		uint64_t n = 0;
		if (i + 1 == argc)
			return wrong("a value is missing after ", argv[i]);
		if (strcmp(argv[i], "--config") == 0)
			c->config = argv[i + 1];
		else if (strcmp(argv[i], "--required") == 0 &&
			 span_u64(span_of(argv[i + 1]), POLICY_SIGN_PAIRS, &n) && n > 0)
			c->signers.required = (unsigned)n;
		else if (strcmp(argv[i], "--signer") != 0)
			return wrong("not understood: ", argv[i]);
		else if (!cli_signers_add(&c->signers, "verify", argv[i + 1]))
			return EXIT_CALL;
	}
	i += i < argc && strcmp(argv[i], "--") == 0;
	c->files = (const char *const *)argv + i;
	c->n = (size_t)(argc - i);
	return 0;
}

/* What agent.yaml says, where the options say nothing. */
static int
read_config(struct call *c)
{
	struct settings *s = cli_admin_settings("policy verify", c->config);

	c->settings = s;
	if (s == NULL)
		return EXIT_CALL;
	for (size_t i = 0; i < s->signers.n && i < CLI_SIGNERS_MAX; i++)
		memcpy(c->signers.key[c->signers.n++], s->signer_keys[i], SIGNER_KEY);
	c->signers.required = s->required_signatures;
	if (c->n == 0) {
		c->files = s->policies.item;
		c->n = s->policies.n;
	}
	return c->signers.n > 0
		       ? 0
		       : wrong("policy.signers is empty, so no signature counts: ", s->file);
}

static int
settle(struct call *c)
{
	bool told = c->signers.n > 0 || c->signers.required > 0;

	if (told && c->config != NULL)
		return wrong("--config has the signers already: leave out --signer and "
			     "--required",
			"");
	if (!told)
		return read_config(c);
	if (c->n == 0)
		return wrong("which file?", "");
	if (c->signers.required == 0)
		c->signers.required = 1;
	if (c->signers.required > c->signers.n)
		return wrong("more signatures are required than there are signers", "");
	return 0;
}

static void
print_signers(const struct policy_sign_source *src, const struct cli_signers *s)
{
	struct policy_signatures given = {.n = 0};
	AUTO_BUF out = BUF_INIT(NAME_MAX_BYTES + 1024);
	unsigned line = 0;

	if (!policy_sign_read(src->sig, &given, &line, NULL))
		return;
	buf_addf(&out, "%s: signed by", src->name);
	for (size_t i = 0; i < s->n; i++) {
		uint8_t id[POLICY_SIGN_ID];
		bool has = false;
		for (size_t k = 0; policy_sign_id(s->key[i], id) && k < given.n; k++)
			has = has || memcmp(given.pair[k].key, id, sizeof(id)) == 0;
		if (!has)
			continue;
		buf_addc(&out, ' ');
		buf_add_hex(&out, id, sizeof(id));
	}
	(void)printf("%.*s\n", SPAN_ARG(buf_span(&out)));
}

/* One file; its exit status. */
static int
verify_file(const struct cli_signers *s, const struct policy_source *file)
{
	const struct policy_signers signers = {
		.key = (const uint8_t(*)[SIGNER_KEY])s->key, .n = s->n, .required = s->required};
	AUTO_BUF text = BUF_INIT(POLICY_SIGN_TEXT + 1);
	AUTO_BUF report = BUF_INIT(REPORT_BYTES);
	char path[NAME_MAX_BYTES];
	bool found = false;

	if (!cli_signature_path(file->name, path, sizeof(path)))
		return wrong("the name is too long: ", file->name);
	if (!cli_signature_read("verify", path, &text, &found))
		return EXIT_CALL;
	const struct policy_sign_source src = {.name = file->name,
		.file = file->text,
		.sig = !found       ? SPAN_NONE
		       : text.n > 0 ? buf_span(&text)
				    : SPAN("")};
	bool good = policy_sign_report(&src, &signers, &report);
	(void)fwrite(report.p, 1, report.n, stderr);
	if (good)
		print_signers(&src, s);
	return good ? EXIT_DONE : EXIT_NO;
}

static int
verify(struct call *c)
{
	struct cli_policy_files files = {0};
	int code = EXIT_DONE;

	if (!cli_policy_read(c->files, c->n, &files))
		return EXIT_CALL;
	for (size_t i = 0; i < files.n; i++) {
		int one = verify_file(&c->signers, &files.sources[i]);
		code = one > code ? one : code;
	}
	cli_policy_files_fini(&files);
	return code;
}

int
cli_policy_verify(int argc, char **argv)
{
	struct call c = {.n = 0};

	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		(void)fputs(help_text, stdout);
		return EXIT_DONE;
	}
	int code = read_options(&c, argc, argv);
	if (code == 0)
		code = settle(&c);
	if (code == 0)
		code = verify(&c);
	settings_free(c.settings);
	return code;
}
