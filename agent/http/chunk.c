/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/chunk.h"

enum state {
	SIZE,       /* digits of a chunk size */
	EXTENSION,  /* skipped up to CR */
	SIZE_LF,    /* LF of the size line */
	DATA,       /* `left` bytes */
	DATA_CR,    /* CRLF behind the data */
	DATA_LF,    /* */
	TRAILER,    /* a line of the trailer section, or the empty one */
	TRAILER_LF, /* LF of a trailer line */
	LAST_LF,    /* LF of the empty line */
	DONE,       /* the body ended */
};

void
chunk_init(struct chunk *c, uint64_t limit)
{
	*c = (struct chunk){.state = SIZE, .limit = limit};
}

static enum step
fail(struct chunk *c, unsigned status, struct err *e, const char *ref, const char *msg)
{
	c->status = status;
	(void)err_set(e, status == 413 ? ERR_LIMIT : ERR_SYNTAX, ref, "%s", msg);
	return STEP_FAIL;
}

static enum step
malformed(struct chunk *c, struct err *e, const char *msg)
{
	return fail(c, 400, e, "RFC 9112 7.1", msg);
}

static int
digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

static bool
control(char ch)
{
	return (ch >= 0 && ch < 0x20 && ch != '\t') || ch == 0x7f;
}

static enum step
on_size(struct chunk *c, char ch, struct err *e)
{
	int d = digit(ch);

	if (d >= 0) {
		if (++c->digits > 16)
			return malformed(c, e, "a chunk size of more than 16 digits");
		c->left = c->left << 4 | (uint64_t)d;
		return STEP_READ;
	}
	if (c->digits == 0 || (ch != '\r' && ch != ';'))
		return malformed(c, e, "a chunk size that is not 1 to 16 hexadecimal digits");
	c->state = ch == '\r' ? SIZE_LF : EXTENSION;
	return STEP_READ;
}

static enum step
on_size_lf(struct chunk *c, char ch, struct err *e)
{
	if (ch != '\n')
		return malformed(c, e, "a chunk size line that does not end with CRLF");
	if (c->left > c->limit - c->total)
		return fail(c, 413, e, "RFC 9110 15.5.14", "the body is longer than allowed here");
	c->state = c->left > 0 ? DATA : TRAILER;
	c->total += c->left;
	c->digits = 0;
	c->line = 0;
	return STEP_READ;
}

static enum step
on_trailer(struct chunk *c, char ch, struct err *e)
{
	if (++c->trailer > CHUNK_TRAILERS_MAX)
		return malformed(c, e, "too many trailer fields");
	if (ch == '\r') {
		c->state = c->line == 0 ? LAST_LF : TRAILER_LF;
		return STEP_READ;
	}
	c->line++;
	return control(ch) ? malformed(c, e, "a control character in a trailer field") : STEP_READ;
}

/* One byte that is no chunk data. */
static enum step
on_byte(struct chunk *c, char ch, struct err *e)
{
	enum state s = (enum state)c->state;

	if ((s == SIZE || s == EXTENSION) && ++c->line > CHUNK_LINE_MAX - 1)
		return malformed(c, e, "a chunk size line that is too long");
	switch (s) {
	case SIZE:
		return on_size(c, ch, e);
	case EXTENSION:
		if (ch == '\r')
			c->state = SIZE_LF;
		else if (control(ch))
			return malformed(c, e, "a control character in a chunk extension");
		return STEP_READ;
	case SIZE_LF:
		return on_size_lf(c, ch, e);
	case DATA_CR:
	case DATA_LF:
		if (ch != (s == DATA_CR ? '\r' : '\n'))
			return malformed(c, e, "chunk data that does not end with CRLF");
		c->state = s == DATA_CR ? DATA_LF : SIZE;
		return STEP_READ;
	case TRAILER:
		return on_trailer(c, ch, e);
	case TRAILER_LF:
	case LAST_LF:
		if (ch != '\n')
			return malformed(c, e, "a trailer line that does not end with CRLF");
		c->state = s == LAST_LF ? DONE : TRAILER;
		c->line = 0;
		return s == LAST_LF ? STEP_DONE : STEP_READ;
	case DATA:
	case DONE:
		break;
	}
	return STEP_DONE;
}

/* As much chunk data as there is; returns the number of bytes. */
static size_t
take_data(struct chunk *c, struct span in, struct buf *out)
{
	struct span data = span_first(in, c->left < in.n ? (size_t)c->left : in.n);

	if (out != NULL)
		buf_add(out, data);
	c->left -= data.n;
	if (c->left == 0)
		c->state = DATA_CR;
	return data.n;
}

enum step
chunk_feed(struct chunk *c, struct span in, struct buf *out, size_t *used, struct err *e)
{
	enum step s = c->state == DONE ? STEP_DONE : STEP_READ;
	size_t at = 0;

	if (c->status != 0)
		return malformed(c, e, "the body before could not be read");
	while (at < in.n && s == STEP_READ) {
		if (c->state == DATA) {
			at += take_data(c, span_skip(in, at), out);
			if (out != NULL && !buf_ok(out))
				return fail(c, 413, e, "RFC 9110 15.5.14",
					"the body is longer than allowed here");
		} else {
			s = on_byte(c, in.p[at++], e);
		}
	}
	if (s != STEP_FAIL)
		*used = at;
	return s;
}
