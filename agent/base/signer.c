/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/signer.h"

#include "agent/base/base64.h"

#include <string.h>

/* The first halves of the keys of RFC 8032 7.1, test 1, 2, 3, 1024 and SHA(abc). */
static const uint8_t published[][SIGNER_KEY / 2] = {
	{0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07,
		0x3a},
	{0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e,
		0xbc},
	{0xfc, 0x51, 0xcd, 0x8e, 0x62, 0x18, 0xa1, 0xa3, 0x8d, 0xa4, 0x7e, 0xd0, 0x02, 0x30, 0xf0,
		0x58},
	{0x27, 0x81, 0x17, 0xfc, 0x14, 0x4c, 0x72, 0x34, 0x0f, 0x67, 0xd0, 0xf2, 0x31, 0x6e, 0x83,
		0x86},
	{0xec, 0x17, 0x2b, 0x93, 0xad, 0x5e, 0x56, 0x3b, 0xf4, 0x93, 0x2c, 0x70, 0xe1, 0x24, 0x50,
		0x34},
};

static unsigned
digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	return c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 : 16;
}

static bool
read_hex(struct span text, uint8_t out[SIGNER_KEY])
{
	for (size_t i = 0; i < SIGNER_KEY; i++) {
		unsigned high = digit(text.p[2 * i]);
		unsigned low = digit(text.p[2 * i + 1]);
		if (high > 15 || low > 15)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool
signer_read(struct span text, uint8_t ret[SIGNER_KEY], struct err *e)
{
	uint8_t key[SIGNER_KEY];
	size_t n = 0;
	bool hex = text.n == 2 * (size_t)SIGNER_KEY;
	bool good = hex ? read_hex(text, key)
			: base64_decode(text, key, sizeof(key), &n) ||
				    base64_url_decode(text, key, sizeof(key), &n);

	if (!good || (!hex && n != SIGNER_KEY))
		return err_set(e, ERR_SYNTAX, "RFC 8032 5.1.5",
			"must be a public key of Ed25519: 64 hex digits, or 32 bytes in base64, "
			"as `pan-agent policy keygen` prints it");
	memcpy(ret, key, sizeof(key));
	return true;
}

bool
signer_published(const uint8_t key[SIGNER_KEY])
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		if (memcmp(key, published[i], sizeof(published[i])) == 0)
			return true;
	return false;
}
