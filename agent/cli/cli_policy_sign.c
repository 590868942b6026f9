/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_policy_sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/crypto.h"
#include "agent/base/fdwrite.h"
#include "agent/base/scope.h"
#include "agent/base/settings.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/cli_policy.h"
#include "agent/cli/cli_policy_verify.h"
#include "agent/cli/command.h"

#define PEM_MAX        ((size_t)65536)
#define NAME_MAX_BYTES 8192U
#define CONFIG_MAX     ((size_t)4 << 20)

static const char sign_text[] =
	"usage: pan-agent policy sign --key KEY.pem [--config FILE | --signer KEY]... FILE\n"
	"\n"
	"Signs a policy file: FILE.sig is written, or your signature added to it, whole or not\n"
	"at all.  A signature of yours that is there already is replaced.  One of somebody else\n"
	"that is not of the file as it is now is an error: they must look at the file again.\n"
	"\n"
	"  --key KEY.pem   private key (pan-agent policy keygen), without a passphrase\n"
	"  --signer KEY    public key of somebody whose signature is there, to check it;\n"
	"                  --config FILE: all of policy.signers (default the installed one)\n"
	"\n"
	"Read a file before you sign it: pan-agent policy check, test, lint, simulate.\n"
	"\n"
	"Exit status: 0 signed; 2 anything else.\n"
	"\n"
	"example: pan-agent policy sign --key me.pem /etc/pan-agent/policies/2027.yaml\n";

static const char keygen_text[] =
	"usage: pan-agent policy keygen --out KEY.pem\n"
	"       pan-agent policy keygen --key KEY.pem\n"
	"\n"
	"--out makes a key to sign policies with (Ed25519): the private half goes into KEY.pem,\n"
	"which must not be there yet and which only you can read, the public half is printed as\n"
	"a line for policy.signers of agent.yaml.  --key prints that line of a key you have.\n"
	"Keep the private key away from the machine whose policies it signs.\n"
	"\n"
	"Exit status: 0 done; 2 anything else.\n"
	"\n"
	"example: pan-agent policy keygen --out me.pem\n";

static int
fail(const char *command, const char *what)
{
	(void)fprintf(stderr, "pan-agent policy %s: %s\n", command, what);
	return EXIT_CALL;
}

static bool
wants_help(int argc, char **argv)
{
	return argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

/* ---- keys ---- */

/* The private key of a PEM file; a word when others can read it. */
static bool
read_key(const char *command, const char *path, uint8_t secret[CRYPTO_ED25519_SECRET])
{
	struct buf pem = BUF_INIT(PEM_MAX);
	struct stat st;
	struct err e = {0};

	/* Before anything is read, so that no growing buffer leaves a copy behind. */
	bool good = (buf_reserve(&pem, PEM_MAX) || err_set(&e, ERR_LIMIT, NULL, "no memory")) &&
		    cli_file_read(path, &pem, &e);
	if (good && !crypto_ed25519_read(buf_span(&pem), secret, &e)) {
		good = false;
		(void)fprintf(stderr, "pan-agent policy %s: %s: %s\n", command, path, e.msg);
	} else if (!good) {
		(void)fprintf(stderr, "pan-agent policy %s: %s\n", command, e.msg);
	}
	buf_wipe(&pem);
	if (good && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		(void)fprintf(stderr,
			"pan-agent policy %s: warning: others than you can read %s (mode %03o): "
			"chmod 600 %s\n",
			command, path, (unsigned)st.st_mode & 0777U, path);
	return good;
}

/* The line of agent.yaml. */
static int
print_public(const uint8_t secret[CRYPTO_ED25519_SECRET])
{
	AUTO_BUF out = BUF_INIT(256);
	uint8_t key[SIGNER_KEY];
	uint8_t id[POLICY_SIGN_ID];
	struct err e = {0};

	if (!crypto_ed25519_public(secret, key, &e))
		return fail("keygen", e.msg);
	if (!policy_sign_id(key, id))
		return fail("keygen", "the key cannot be named");
	buf_adds(&out, "    - ");
	buf_add_hex(&out, key, sizeof(key));
	buf_adds(&out, " # key ");
	buf_add_hex(&out, id, sizeof(id));
	(void)printf("%.*s\n", SPAN_ARG(buf_span(&out)));
	return EXIT_DONE;
}

static bool
write_key(const char *path, const uint8_t secret[CRYPTO_ED25519_SECRET], struct err *e)
{
	struct buf pem = BUF_INIT(PEM_MAX);
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool good = fd >= 0 || err_set(e, ERR_SYSTEM, NULL, "%s cannot be made", path);

	good = good && (buf_reserve(&pem, 512) || err_set(e, ERR_LIMIT, NULL, "no memory")) &&
	       crypto_ed25519_write(secret, &pem, e) &&
	       ((fdwrite_all(fd, buf_span(&pem)) && fsync(fd) == 0) ||
		       err_set(e, ERR_SYSTEM, NULL, "%s cannot be written", path));
	buf_wipe(&pem);
	if (!good && fd >= 0)
		(void)unlink(path);
	return good;
}

int
cli_policy_keygen(int argc, char **argv)
{
	uint8_t secret[CRYPTO_ED25519_SECRET];
	struct err e = {0};

	if (wants_help(argc, argv)) {
		(void)fputs(keygen_text, stdout);
		return EXIT_DONE;
	}
	bool make = argc == 3 && strcmp(argv[1], "--out") == 0;
	if (!make && (argc != 3 || strcmp(argv[1], "--key") != 0))
		return fail("keygen", "--out KEY.pem or --key KEY.pem, please; see --help");
	bool good = make ? crypto_ed25519_generate(secret, &e) && write_key(argv[2], secret, &e)
			 : read_key("keygen", argv[2], secret);
	int code = good ? print_public(secret) : EXIT_CALL;
	explicit_bzero(secret, sizeof(secret));
	if (!good && make)
		return fail("keygen", e.msg);
	if (good && make)
		(void)fputs("pan-agent policy keygen: put this line below policy.signers in "
			    "agent.yaml\n",
			stderr);
	return code;
}

/* ---- sign ---- */

struct call {
	const char *key, *config, *file;
	struct cli_signers known; /* whose signatures can be checked here */
};

/* 0, or the exit status. */
static int
read_options(struct call *c, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i += 2) {
		if (i + 1 == argc)
			return fail("sign", "a value is missing; see --help");
		if (strcmp(argv[i], "--key") == 0)
			c->key = argv[i + 1];
		else if (strcmp(argv[i], "--config") == 0)
			c->config = argv[i + 1];
		else if (strcmp(argv[i], "--signer") != 0)
			return fail("sign", "no such option; see --help");
		else if (!cli_signers_add(&c->known, "sign", argv[i + 1]))
			return EXIT_CALL;
	}
	i += i < argc && strcmp(argv[i], "--") == 0;
	if (c->key == NULL || i + 1 != argc)
		return fail("sign", "--key KEY.pem and one FILE, please; see --help");
	c->file = argv[i];
	return 0;
}

/* The signers of agent.yaml, for what else it may say: without the file there are none. */
static bool
read_config(struct call *c)
{
	AUTO_BUF text = BUF_INIT(CONFIG_MAX);
	AUTO_BUF report = BUF_INIT(CONFIG_MAX);
	const char *path = command_config(c->config);
	struct err e = {0};

	if (!cli_file_read(path, &text, &e)) {
		if (c->config != NULL)
			(void)fail("sign", e.msg);
		return c->config == NULL;
	}
	struct settings *s = settings_read(path, buf_span(&text), &report, &e);
	for (size_t i = 0; s != NULL && i < s->signers.n && c->known.n < CLI_SIGNERS_MAX; i++)
		if (s->signers.item[i] != NULL)
			memcpy(c->known.key[c->known.n++], s->signer_keys[i], SIGNER_KEY);
	settings_free(s);
	if (s == NULL && c->config != NULL)
		(void)fail("sign", e.msg);
	return s != NULL || c->config == NULL;
}

/* Is this signature of somebody else good?  Nobody knows, when their key is not known here. */
static bool
still_good(const struct call *c, struct span file, const struct policy_signature *p)
{
	AUTO_BUF id = BUF_INIT(64);
	uint8_t its[POLICY_SIGN_ID];

	buf_add_hex(&id, p->key, POLICY_SIGN_ID);
	for (size_t i = 0; i < c->known.n; i++) {
		if (!policy_sign_id(c->known.key[i], its) || memcmp(its, p->key, sizeof(its)) != 0)
			continue;
		if (policy_sign_good(file, c->known.key[i], p->sig))
			return true;
		(void)fprintf(stderr,
			"pan-agent policy sign: %s.sig: bad signature by key %.*s: it is not of "
			"the file as it is now. Remove %s.sig, sign, and have them sign again\n",
			c->file, SPAN_ARG(buf_span(&id)), c->file);
		return false;
	}
	(void)fprintf(stderr,
		"pan-agent policy sign: note: the signature by key %.*s stays, unchecked: "
		"--signer KEY or --config FILE would name its public key\n",
		SPAN_ARG(buf_span(&id)));
	return true;
}

/* What is there already, without our own. */
static bool
read_others(const struct call *c, const char *path, struct span file,
	const struct policy_signature *mine, struct policy_signatures *ret)
{
	AUTO_BUF text = BUF_INIT(POLICY_SIGN_TEXT + 1);
	struct policy_signatures old = {.n = 0};
	struct err e = {0};
	unsigned line = 1;
	bool found = false;

	if (!cli_signature_read("sign", path, &text, &found))
		return false;
	if (!found)
		return true;
	if (!policy_sign_read(buf_span(&text), &old, &line, &e)) {
		(void)fprintf(stderr, "%s:%u:1: error: %s; remove it\n", path, line, e.msg);
		return false;
	}
	for (size_t i = 0; i < old.n; i++) {
		if (memcmp(old.pair[i].key, mine->key, POLICY_SIGN_ID) == 0)
			continue;
		if (!still_good(c, file, &old.pair[i]))
			return false;
		ret->pair[ret->n++] = old.pair[i];
	}
	return true;
}

/* Whole or not at all; for everybody to read, as signatures are no secret. */
static bool
write_signatures(const char *path, const struct policy_signatures *s, struct err *e)
{
	AUTO_BUF text = BUF_INIT(POLICY_SIGN_TEXT);
	char folder[NAME_MAX_BYTES];
	const char *slash = strrchr(path, '/');

	policy_sign_write(s, &text);
	(void)snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
		slash == NULL ? "." : path);
	AUTO_FD dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, ERR_SYSTEM, NULL, "%s", folder);
	return cli_file_publish(dir, slash != NULL ? slash + 1 : path, buf_span(&text), e);
}

static int
sign(const struct call *c, struct span file, const uint8_t secret[CRYPTO_ED25519_SECRET])
{
	struct policy_signatures all = {.n = 0};
	struct policy_signature mine;
	char path[NAME_MAX_BYTES];
	struct err e = {0};

	if (!cli_signature_path(c->file, path, sizeof(path)))
		return fail("sign", "the name of the file is too long");
	if (!policy_sign_make(file, secret, &mine, &e))
		return fail("sign", e.msg);
	if (!read_others(c, path, file, &mine, &all))
		return EXIT_CALL;
	if (all.n == POLICY_SIGN_PAIRS)
		return fail("sign", "four others have signed it, and no file holds more: remove "
				    "FILE.sig");
	all.pair[all.n++] = mine;
	if (!write_signatures(path, &all, &e))
		return fail("sign", e.msg);
	AUTO_BUF id = BUF_INIT(64);
	buf_add_hex(&id, mine.key, POLICY_SIGN_ID);
	(void)printf("%s: signed by key %.*s, %zu signature%s\n", path, SPAN_ARG(buf_span(&id)),
		all.n, all.n == 1 ? "" : "s");
	return EXIT_DONE;
}

int
cli_policy_sign(int argc, char **argv)
{
	struct call c = {.file = NULL};
	struct cli_policy_files file = {0};
	uint8_t secret[CRYPTO_ED25519_SECRET];

	if (wants_help(argc, argv)) {
		(void)fputs(sign_text, stdout);
		return EXIT_DONE;
	}
	int code = read_options(&c, argc, argv);
	if (code != 0)
		return code;
	if (strcmp(c.file, "-") == 0)
		return fail("sign", "standard input has no file beside it: name the file");
	if (!read_config(&c) || !cli_policy_read(&c.file, 1, &file))
		return EXIT_CALL;
	code = read_key("sign", c.key, secret) ? sign(&c, file.sources[0].text, secret) : EXIT_CALL;
	explicit_bzero(secret, sizeof(secret));
	cli_policy_files_fini(&file);
	return code;
}
