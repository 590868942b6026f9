/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/digest.h"

#include "agent/base/base64.h"

/* One algorithm: its names, and what its values look like. */
static const struct row {
	enum digest_kind kind;
	struct span name; /* Digest: RFC 3230, compared without regard to case */
	struct span key;  /* Repr-Digest: RFC 9530 */
} rows[] = {
	{DIGEST_ADLER32, SPAN_INIT("adler32"), SPAN_INIT("adler")},
	{DIGEST_CRC32C, SPAN_INIT("crc32c"), SPAN_INIT("crc32c")},
	{DIGEST_MD5, SPAN_INIT("md5"), SPAN_INIT("md5")},
	{DIGEST_SHA256, SPAN_INIT("sha-256"), SPAN_INIT("sha-256")},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- what is asked ---- */

/* RFC 9110 12.4.2: 0 or 1 with at most three decimals.  False: malformed; *ret_off: it is zero. */
static bool
quality(struct span s, bool *ret_off)
{
	struct span decimals = s;
	struct span whole = span_cut(&decimals, '.');
	uint64_t w = 0;
	uint64_t d = 0;

	if (whole.n != 1 || !span_u64(whole, 1, &w))
		return false;
	if (decimals.n > 0 && (decimals.n > 3 || !span_u64(decimals, 999, &d)))
		return false;
	*ret_off = w == 0 && d == 0;
	return w == 0 || d == 0;
}

/* Is `parameters` (";q=0.5", what follows the name) one that leaves the algorithm on? */
static bool
wanted(struct span parameters)
{
	while (parameters.p != NULL) {
		struct span value = span_trim(span_cut(&parameters, ';'));
		struct span name = span_cut(&value, '=');
		bool off = false;
		if (span_eq_nocase(span_trim(name), SPAN("q")) &&
			(!quality(span_trim(value), &off) || off))
			return false;
	}
	return true;
}

uint32_t
digest_want(struct span value)
{
	uint32_t set = 0;

	while (value.p != NULL) {
		struct span rest = span_trim(span_cut(&value, ','));
		struct span name = span_trim(span_cut(&rest, ';'));
		for (size_t i = 0; i < ROWS; i++)
			if (span_eq_nocase(name, rows[i].name) && wanted(rest))
				set |= 1U << rows[i].kind;
	}
	return set;
}

/* RFC 8941 3.1.2: a key of a dictionary. */
static bool
good_key(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool first = (c >= 'a' && c <= 'z') || c == '*';
		if (!first && (i == 0 || !((c >= '0' && c <= '9') || span_has(SPAN("_-."), c))))
			return false;
	}
	return s.n > 0;
}

/* One member "key=5" with parameters that are not looked at.  False: malformed. */
static bool
take_member(struct span member, uint32_t *set)
{
	struct span preference = member;
	struct span key = span_cut(&preference, '=');
	uint64_t v = 0;

	if (!good_key(key) || preference.p == NULL || !span_u64(span_cut(&preference, ';'), 10, &v))
		return false;
	for (size_t i = 0; i < ROWS; i++) {
		uint32_t bit = 1U << rows[i].kind;
		if (span_eq(key, rows[i].key)) /* the last of equal keys counts */
			*set = v > 0 ? *set | bit : *set & ~bit;
	}
	return true;
}

uint32_t
digest_want_repr(struct span value)
{
	uint32_t set = 0;

	while (value.p != NULL)
		if (!take_member(span_trim(span_cut(&value, ',')), &set))
			return 0;
	return set;
}

/* ---- what is answered ---- */

static void
big_endian(uint32_t v, uint8_t out[4])
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* The bytes of one value, in network order; returns their number. */
static size_t
bytes(enum digest_kind kind, const struct digest_values *v, uint8_t word[4], const uint8_t **ret)
{
	*ret = word;
	switch (kind) {
	case DIGEST_ADLER32:
		big_endian(v->adler32, word);
		return 4;
	case DIGEST_CRC32C:
		big_endian(v->crc32c, word);
		return 4;
	case DIGEST_MD5:
		*ret = v->md5;
		return sizeof(v->md5);
	case DIGEST_SHA256:
		*ret = v->sha256;
		return sizeof(v->sha256);
	case DIGEST_COUNT:
		break;
	}
	return 0;
}

static bool
write_all(struct buf *out, uint32_t want, const struct digest_values *v, bool repr)
{
	bool any = false;

	for (size_t i = 0; i < ROWS; i++) {
		uint8_t word[4] = {0};
		const uint8_t *p = NULL;
		if ((want & v->have & 1U << rows[i].kind) == 0)
			continue;
		size_t n = bytes(rows[i].kind, v, word, &p);
		if (any) /* davix splits Digest at the comma and does not trim */
			buf_adds(out, repr ? ", " : ",");
		buf_add(out, repr ? rows[i].key : rows[i].name);
		buf_adds(out, repr ? "=:" : "=");
		if (n == sizeof(word) && !repr) /* as all peers write checksums: hexadecimal */
			buf_add_hex(out, p, n);
		else
			base64_encode(out, p, n);
		if (repr)
			buf_addc(out, ':');
		any = true;
	}
	return any;
}

bool
digest_write(struct buf *out, uint32_t want, const struct digest_values *v)
{
	return write_all(out, want, v, false);
}

bool
digest_write_repr(struct buf *out, uint32_t want, const struct digest_values *v)
{
	return write_all(out, want, v, true);
}
