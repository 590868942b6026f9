/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/login_tty.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/jsonw.h"
#include "agent/cli/qr.h"

#define DRAWING_MAX 65536U
#define REPLY_MAX   64

/* One line of the person's, without its end; false at the end of the input. */
static bool
read_line(char *to, size_t n)
{
	if (fgets(to, (int)n, stdin) == NULL)
		return false;
	to[strcspn(to, "\n")] = '\0';
	return true;
}

static bool
choose(void *arg, const struct metadata *m, size_t *ret)
{
	const struct login_tty *t = arg;
	char line[REPLY_MAX];
	uint64_t n = 0;

	if (!t->asks)
		return false;
	(void)fputs("Several issuers give tokens for this server:\n", stderr);
	for (size_t i = 0; i < m->n; i++)
		(void)fprintf(stderr, "  %zu  %.*s  %.*s\n", i + 1, SPAN_ARG(m->issuer[i].name),
			SPAN_ARG(m->issuer[i].issuer));
	for (;;) {
		(void)fprintf(stderr, "Which one do you have an account at? [1-%zu] ", m->n);
		if (!read_line(line, sizeof(line)))
			return false;
		if (span_u64(span_of(line), m->n, &n) && n > 0)
			break;
	}
	*ret = (size_t)n - 1;
	return true;
}

static bool
consent(void *arg, const char *server, struct span audience)
{
	const struct login_tty *t = arg;
	char line[REPLY_MAX];

	if (!t->asks)
		return false;
	(void)fprintf(stderr,
		"%s wants a token that is for %.*s.\n"
		"Say yes only if you know that they belong together: it could use the token there "
		"in your name.\nGo on? [y/N] ",
		server, SPAN_ARG(audience));
	return read_line(line, sizeof(line)) &&
	       (strcmp(line, "y") == 0 || strcmp(line, "Y") == 0 || strcmp(line, "yes") == 0);
}

static void
write_code(const struct oauth_code *c, struct span issuer)
{
	AUTO_BUF out = BUF_INIT(DRAWING_MAX);
	struct jsonw w;

	jsonw_init(&w, &out);
	jsonw_obj(&w, NULL);
	jsonw_cstr(&w, "event", "approve");
	jsonw_str(&w, "issuer", issuer);
	jsonw_str(&w, "verification_uri", c->uri);
	jsonw_str(&w, "verification_uri_complete", c->complete);
	jsonw_str(&w, "user_code", c->user_code);
	jsonw_u64(&w, "expires_in", c->expires_in);
	jsonw_end(&w, '}');
	(void)printf("%.*s\n", SPAN_ARG(buf_span(&out)));
	(void)fflush(stdout);
}

static void
code(void *arg, const struct oauth_code *c, struct span issuer)
{
	const struct login_tty *t = arg;
	AUTO_BUF drawing = BUF_INIT(DRAWING_MAX);

	if (t->json)
		write_code(c, issuer);
	if (t->terminal && c->complete.p != NULL && qr_draw(c->complete, &drawing))
		(void)fprintf(stderr, "\n%.*s\n", SPAN_ARG(buf_span(&drawing)));
	(void)fprintf(
		stderr, "Open   %.*s\nenter  %.*s\n", SPAN_ARG(c->uri), SPAN_ARG(c->user_code));
	if (c->complete.p != NULL)
		(void)fprintf(stderr, "or     %.*s\n", SPAN_ARG(c->complete));
	(void)fputs("Approve it there only if the page shows this very code.\n", stderr);
}

static void
waiting(void *arg, unsigned left)
{
	struct login_tty *t = arg;

	if (t->terminal)
		(void)fprintf(stderr, "\rwaiting for your approval, %u s left \033[K", left);
	else if (!t->waiting)
		(void)fprintf(stderr, "waiting for your approval, %u s left\n", left);
	(void)fflush(stderr);
	t->waiting = true;
}

void
login_tty_init(struct login_tty *t, bool json)
{
	*t = (struct login_tty){.ui = {choose, consent, code, waiting, t},
		.json = json,
		.terminal = isatty(STDERR_FILENO) == 1};
	t->asks = t->terminal && isatty(STDIN_FILENO) == 1;
}

void
login_tty_end(struct login_tty *t)
{
	if (t->waiting && t->terminal)
		(void)fputs("\r\033[K", stderr);
	t->waiting = false;
}
