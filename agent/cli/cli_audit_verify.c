/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli_audit_verify.h"

#include "agent/base/buf.h"
#include "agent/base/crypto.h"
#include "agent/base/jsonw.h"
#include "agent/base/settings.h"
#include "agent/cli/cli_admin.h"
#include "agent/cli/cli_audit_call.h"
#include "agent/cli/cli_audit_files.h"
#include "agent/cli/cli_audit_text.h"
#include "agent/cli/cli_file.h"
#include "agent/cli/command.h"
#include "policy/audit_verify.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND  "audit verify"
#define KEYS_MAX 64U
#define PEM_MAX  ((size_t)64 * 1024)

struct call {
	struct cli_audit_files files;
	uint8_t keys[KEYS_MAX][32];
	size_t n_keys;
	struct audit_verify *verify;
	bool json;
	/* Where it breaks; file NULL: nowhere. */
	struct cli_audit_at at;
	struct err why;
};

static int
help(FILE *out, int code)
{
	(void)fputs(
		"usage: pan-agent audit verify [--key KEY]... [--json] [--config FILE] [FILE...]\n"
		"\n"
		"Reads audit logs, which together are one chain, and tells whether every line is\n"
		"the one that the agent wrote: hashes, numbers, times, signed checkpoints.\n"
		"Without FILE: the log that the configuration names, and its older files.\n"
		"\n"
		"--key KEY  check checkpoints by this public key: a PEM file, or 64 hex digits;\n"
		"           else by audit-sign.pub beside the files.  Whoever can change the log\n"
		"           can change that file, too: keep a copy somewhere else.\n"
		"--json     the outcome as JSON\n"
		"\n"
		"The first break is told with file and line.  Records behind the last signed\n"
		"checkpoint are held together by their hashes alone, and lines that are missing\n"
		"at the end can be seen by nobody who has no later checkpoint.\n"
		"\n"
		"Exit status: 0 unbroken; 1 broken; 2 wrong call or unreadable.\n"
		"\n"
		"example: pan-agent audit verify /var/log/pan-agent/audit*.jsonl\n",
		out);
	return code;
}

/* ---- keys ---- */

static bool
add_key(struct call *c, const uint8_t key[32])
{
	for (size_t i = 0; i < c->n_keys; i++)
		if (memcmp(c->keys[i], key, 32) == 0)
			return true;
	if (c->n_keys == KEYS_MAX)
		return false;
	memcpy(c->keys[c->n_keys++], key, 32);
	return true;
}

static bool
read_key(const char *given, uint8_t ret[32], struct err *e)
{
	AUTO_BUF pem = BUF_INIT(PEM_MAX);

	if (strlen(given) == 64 && cli_audit_text_hex(span_of(given), ret, 32))
		return true;
	return cli_file_read(given, &pem, e) && crypto_ed25519_read_public(buf_span(&pem), ret, e);
}

static bool
given_keys(struct call *c, const struct cli_audit_call *w)
{
	for (size_t i = 0; i < w->n_keys; i++) {
		struct err e = {0};
		uint8_t key[32];
		if (read_key(w->keys[i], key, &e) && add_key(c, key))
			continue;
		(void)fprintf(stderr, "pan-agent " COMMAND ": --key %s: %s\n", w->keys[i],
			e.code != ERR_NONE ? e.msg : "one key too many");
		return false;
	}
	return true;
}

/* Beside each of the files; where there is none, none is used. */
static void
found_keys(struct call *c)
{
	char path[PATH_MAX + 32];
	char folder[PATH_MAX];

	for (size_t i = 0; i < c->files.n; i++) {
		uint8_t key[32];
		cli_audit_files_folder(c->files.file[i].name, folder, sizeof(folder));
		(void)snprintf(path, sizeof(path), "%s/audit-sign.pub", folder);
		if (read_key(path, key, NULL))
			(void)add_key(c, key);
	}
}

/* ---- the chain ---- */

static bool
take_line(void *ctx, const struct cli_audit_at *at, struct span line)
{
	struct call *c = ctx;

	if (at->torn)
		(void)err_set(&c->why, ERR_SYNTAX, "POL-20",
			"text behind the last line end (%zu bytes): a record that was being "
			"written "
			"when the agent died, which its next start moves away; or something that "
			"no "
			"agent wrote",
			line.n);
	else if (audit_verify_line(c->verify, line, NULL, &c->why))
		return true;
	c->at = *at;
	return false;
}

/* False: it cannot be read. */
static bool
run(struct call *c)
{
	struct err e = {0};

	if (!audit_verify_new((const uint8_t(*)[32])c->keys, c->n_keys, &c->verify, &e) ||
		!cli_audit_files_each(&c->files, take_line, c, &e)) {
		(void)fprintf(stderr, "pan-agent " COMMAND ": %s\n", e.msg);
		return false;
	}
	if (c->at.file == NULL && !audit_verify_end(c->verify, &c->why))
		c->at = (struct cli_audit_at){.file = c->files.file[0].name, .line = 1};
	return true;
}

/* ---- the outcome ---- */

static void
print_json(const struct call *c)
{
	const struct audit_verified *v = audit_verify_found(c->verify);
	AUTO_BUF out = BUF_INIT(1UL << 20);
	struct jsonw w;

	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	jsonw_bool(&w, "ok", c->at.file == NULL);
	jsonw_u64(&w, "files", c->files.n);
	jsonw_u64(&w, "records", v->records);
	jsonw_u64(&w, "first", v->first_seq);
	jsonw_u64(&w, "last", v->last_seq);
	cli_audit_text_member(&w, "from", v->records > 0 ? v->first_ms : -1);
	cli_audit_text_member(&w, "to", v->records > 0 ? v->last_ms : -1);
	jsonw_u64(&w, "checkpoints", v->checkpoints);
	jsonw_u64(&w, "signed_upto", v->signed_upto);
	jsonw_bool(&w, "signatures_checked", c->n_keys > 0);
	if (c->at.file != NULL) {
		jsonw_obj(&w, "break");
		jsonw_cstr(&w, "file", c->at.file);
		jsonw_u64(&w, "line", c->at.line);
		jsonw_bool(&w, "torn", c->at.torn);
		jsonw_cstr(&w, "message", c->why.msg);
		jsonw_end(&w, '}');
	} else {
		jsonw_null(&w, "break");
	}
	jsonw_end(&w, '}');
	(void)printf("%.*s\n", SPAN_ARG(buf_span(&out)));
}

static void
print_signed(const struct call *c, const struct audit_verified *v)
{
	if (c->n_keys == 0)
		(void)puts(
			"signatures       not checked: no audit-sign.pub beside the files, and no "
			"--key");
	else if (v->signed_upto == 0)
		(void)puts("signatures       none yet: the hashes alone hold it together");
	else
		(void)printf("signed up to     record %llu of %llu\n",
			(unsigned long long)v->signed_upto, (unsigned long long)v->last_seq);
}

static void
print_words(const struct call *c)
{
	const struct audit_verified *v = audit_verify_found(c->verify);
	char from[32];
	char to[32];

	if (c->at.file != NULL)
		(void)printf(
			"%s:%llu: %s\n", c->at.file, (unsigned long long)c->at.line, c->why.msg);
	(void)printf("%s %llu record%s in %zu file%s",
		c->at.file != NULL ? "broken after" : "unbroken:", (unsigned long long)v->records,
		v->records == 1 ? "" : "s", c->files.n, c->files.n == 1 ? "" : "s");
	if (v->records > 0)
		(void)printf(" (%llu to %llu)\ntime             %s to %s",
			(unsigned long long)v->first_seq, (unsigned long long)v->last_seq,
			cli_audit_text_time(v->first_ms, from, sizeof(from)),
			cli_audit_text_time(v->last_ms, to, sizeof(to)));
	(void)printf("\ncheckpoints      %llu\n", (unsigned long long)v->checkpoints);
	print_signed(c, v);
}

int
cli_audit_verify(int argc, char **argv)
{
	struct cli_audit_call w = {.command = COMMAND};
	struct call c = {.n_keys = 0};
	struct settings *s = NULL;

	if (!cli_audit_call_read(&w, argc, argv))
		return help(stderr, EXIT_CALL);
	if (w.help)
		return help(stdout, EXIT_DONE);
	if (w.n_words == 0 && (s = cli_admin_settings(COMMAND, w.config)) == NULL)
		return EXIT_CALL;
	c.json = w.json;
	bool ok = given_keys(&c, &w) &&
		  cli_audit_files_open(&c.files, COMMAND, w.words, w.n_words, s);
	if (ok && w.n_keys == 0)
		found_keys(&c);
	ok = ok && run(&c);
	if (ok)
		(c.json ? print_json : print_words)(&c);
	audit_verify_free(c.verify);
	cli_audit_files_close(&c.files);
	settings_free(s);
	if (!ok)
		return EXIT_CALL;
	return c.at.file == NULL ? EXIT_DONE : EXIT_NO;
}
