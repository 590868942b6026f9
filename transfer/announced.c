/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/announced.h"

#include "agent/base/base64.h"

#include <string.h>

#define RAW_MAX 32U

/* One algorithm: its names in the three kinds of field; absent: it has none there. */
static const struct row {
	enum digest_kind kind;
	struct span plain; /* Digest */
	struct span key;   /* Repr-Digest */
	struct span oc;    /* OC-Checksum */
	size_t n;          /* bytes of a value */
} rows[] = {
	{DIGEST_ADLER32, SPAN_INIT("adler32"), SPAN_INIT("adler"), SPAN_INIT("ADLER32"), 4},
	{DIGEST_CRC32C, SPAN_INIT("crc32c"), SPAN_INIT("crc32c"), SPAN_INIT("CRC32C"), 4},
	{DIGEST_MD5, SPAN_INIT("md5"), SPAN_INIT("md5"), SPAN_INIT("MD5"), 16},
	{DIGEST_SHA256, SPAN_INIT("sha-256"), SPAN_INIT("sha-256"), SPAN_INIT("SHA256"), 32},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- values ---- */

static bool
from_hex(struct span text, size_t n, uint8_t *out)
{
	if (text.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t v = 0;
		if (!span_hex_u64(span_first(span_skip(text, 2 * i), 2), 255, &v))
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

static bool
from_base64(struct span text, size_t n, uint8_t *out)
{
	uint8_t raw[RAW_MAX + 3];
	size_t got = 0;

	if (!base64_decode(text, raw, sizeof(raw), &got) || got != n)
		return false;
	memcpy(out, raw, n);
	return true;
}

static uint32_t
word(const uint8_t raw[4])
{
	return (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
}

static void
keep(const struct row *r, const uint8_t *raw, struct digest_values *v)
{
	switch (r->kind) {
	case DIGEST_ADLER32:
		v->adler32 = word(raw);
		break;
	case DIGEST_CRC32C:
		v->crc32c = word(raw);
		break;
	case DIGEST_MD5:
		memcpy(v->md5, raw, sizeof(v->md5));
		break;
	case DIGEST_SHA256:
		memcpy(v->sha256, raw, sizeof(v->sha256));
		break;
	case DIGEST_COUNT:
		break;
	}
	v->have |= 1U << r->kind;
}

static bool
same(const struct row *r, const struct digest_values *a, const struct digest_values *b)
{
	switch (r->kind) {
	case DIGEST_ADLER32:
		return a->adler32 == b->adler32;
	case DIGEST_CRC32C:
		return a->crc32c == b->crc32c;
	case DIGEST_MD5:
		return memcmp(a->md5, b->md5, sizeof(a->md5)) == 0;
	case DIGEST_SHA256:
		return memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
	case DIGEST_COUNT:
		break;
	}
	return false;
}

/* The same said twice is said once. */
static bool
take(const struct row *r, bool good, const uint8_t *raw, struct digest_values *v, struct err *e)
{
	struct digest_values one = {.have = 0};

	if (!good)
		return err_set(
			e, ERR_SYNTAX, "RFC 9530 2", "digest: this is no value of %s", r->plain.p);
	keep(r, raw, &one);
	if ((v->have >> r->kind & 1U) != 0 && !same(r, v, &one))
		return err_set(e, ERR_SYNTAX, "RFC 9530 2", "digest: two values of %s", r->plain.p);
	keep(r, raw, v);
	return true;
}

/* ---- fields ---- */

/* RFC 3230 4.3.2.  Checksums of four bytes are written in hexadecimal, and some write all so. */
static bool
read_plain(struct span value, struct digest_values *v, struct err *e)
{
	while (value.p != NULL) {
		struct span text = span_trim(span_cut(&value, ','));
		struct span name = span_trim(span_cut(&text, '='));
		uint8_t raw[RAW_MAX] = {0};
		for (size_t i = 0; i < ROWS; i++) {
			const struct row *r = &rows[i];
			if (!span_eq_nocase(name, r->plain))
				continue;
			text = span_trim(text);
			bool good = from_hex(text, r->n, raw) || from_base64(text, r->n, raw);
			if (!take(r, good, raw, v, e))
				return false;
		}
	}
	return true;
}

/* RFC 9530 2: a dictionary of byte sequences, key=:base64: */
static bool
read_dictionary(struct span value, struct digest_values *v, struct err *e)
{
	while (value.p != NULL) {
		struct span text = span_trim(span_cut(&value, ','));
		struct span key = span_cut(&text, '=');
		uint8_t raw[RAW_MAX] = {0};
		for (size_t i = 0; i < ROWS; i++) {
			const struct row *r = &rows[i];
			if (!span_eq(key, r->key))
				continue;
			text = span_cut(&text, ';');
			bool good =
				text.n > 2 && text.p[0] == ':' && text.p[text.n - 1] == ':' &&
				from_base64(span_first(span_skip(text, 1), text.n - 2), r->n, raw);
			if (!take(r, good, raw, v, e))
				return false;
		}
	}
	return true;
}

/* "SHA1:hex", or several with blanks between. */
static bool
read_oc(struct span value, struct digest_values *v, struct err *e)
{
	while (value.p != NULL) {
		struct span text = span_trim(span_cut(&value, ' '));
		struct span name = span_cut(&text, ':');
		uint8_t raw[RAW_MAX] = {0};
		for (size_t i = 0; i < ROWS; i++)
			if (span_eq_nocase(name, rows[i].oc) &&
				!take(&rows[i], from_hex(text, rows[i].n, raw), raw, v, e))
				return false;
	}
	return true;
}

bool
announced_read(struct span fields, struct digest_values *ret, struct err *e)
{
	static const struct {
		struct span name;
		bool (*read)(struct span value, struct digest_values *v, struct err *e);
	} kinds[] = {
		{SPAN_INIT("Digest"), read_plain},
		{SPAN_INIT("Repr-Digest"), read_dictionary},
		{SPAN_INIT("Content-Digest"), read_dictionary},
		{SPAN_INIT("OC-Checksum"), read_oc},
	};
	struct digest_values v = {.have = 0};

	while (fields.p != NULL && fields.n > 0) {
		struct span value = span_cut(&fields, '\n');
		struct span name = span_cut(&value, ':');
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (span_eq_nocase(name, kinds[i].name) &&
				!kinds[i].read(span_trim(value), &v, e))
				return false;
	}
	*ret = v;
	return true;
}

const char *
announced_differs(const struct digest_values *said, const struct digest_values *found)
{
	for (size_t i = 0; i < ROWS; i++) {
		uint32_t bit = 1U << rows[i].kind;
		if ((said->have & bit) != 0 &&
			((found->have & bit) == 0 || !same(&rows[i], said, found)))
			return rows[i].plain.p;
	}
	return NULL;
}

struct span
announced_field(struct span fields, struct span name)
{
	while (fields.p != NULL && fields.n > 0) {
		struct span value = span_cut(&fields, '\n');
		if (span_eq_nocase(span_cut(&value, ':'), name) && value.p != NULL)
			return span_trim(value);
	}
	return SPAN_NONE;
}
