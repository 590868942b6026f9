/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/courier_link.h"

#include "agent/base/fdpass.h"
#include "agent/errand.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct courier_letter {
	struct courier_letter *next;
	struct buf text;
};

void
courier_link_init(struct courier_link *l, int fd, unsigned number)
{
	*l = (struct courier_link){.fd = fd, .number = number, .in = BUF_INIT(FDPASS_MESSAGE)};
	l->last = &l->first;
}

static void
pop(struct courier_link *l)
{
	struct courier_letter *x = l->first;

	l->first = x->next;
	if (l->first == NULL)
		l->last = &l->first;
	l->bytes -= x->text.n;
	buf_wipe(&x->text);
	free(x);
}

void
courier_link_fini(struct courier_link *l)
{
	while (l->first != NULL)
		pop(l);
	buf_wipe(&l->in);
	if (l->fd >= 0)
		(void)close(l->fd);
	*l = (struct courier_link){.fd = -1};
}

void
courier_link_flush(struct courier_link *l)
{
	while (l->first != NULL && !l->broken) {
		enum fdpass sent = fdpass_send(l->fd, buf_span(&l->first->text), NULL, 0, NULL);
		if (sent == FDPASS_AGAIN)
			return;
		if (sent != FDPASS_OK)
			l->broken = true;
		else
			pop(l);
	}
}

void
courier_link_send(struct courier_link *l, const struct report *r)
{
	struct courier_letter *x = calloc(1, sizeof(*x));

	if (x == NULL) {
		l->broken = true;
		return;
	}
	x->text.max = FDPASS_MESSAGE;
	errand_write_report(r, &x->text);
	if (!buf_ok(&x->text) || l->bytes + x->text.n > COURIER_LINK_QUEUE)
		l->broken = true;
	*l->last = x;
	l->last = &x->next;
	l->bytes += x->text.n;
	courier_link_flush(l);
}

bool
courier_link_next(struct courier_link *l, struct errand *ret, struct err *e)
{
	int fds[FDPASS_MAX];
	size_t nfds = 0;
	size_t n = 0;
	struct err why = {.code = ERR_NONE};

	if (l->in.n > 0)
		explicit_bzero(l->in.p, l->in.n); /* of the errand of before */
	l->in.n = 0;
	if (l->broken || !buf_reserve(&l->in, FDPASS_MESSAGE))
		return false;
	enum fdpass got = fdpass_recv(l->fd, l->in.p, FDPASS_MESSAGE, &n, fds, &nfds, &why);
	if (got == FDPASS_AGAIN)
		return false;
	for (size_t i = 0; i < nfds; i++)
		(void)close(fds[i]);
	if (got == FDPASS_OK) {
		l->in.n = n;
		if (nfds == 0 && errand_read(buf_span(&l->in), ret, &why))
			return true;
		if (nfds > 0)
			(void)err_set(&why, ERR_SYNTAX, NULL, "an errand came with descriptors");
	}
	l->broken = true;
	if (e != NULL && got != FDPASS_CLOSED)
		*e = why;
	return false;
}
