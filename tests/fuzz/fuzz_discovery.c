/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Property: a document that is taken names the issuer that was asked, and each of its endpoints is
 * one that may be asked; what is kept of it on disk reads back the same.
 */
#include "agent/base/json.h"
#include "agent/courier_kept.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same_document(const struct courier_discovery *d, struct span issuer, bool insecure)
{
	struct courier_kept k = {.issuer = issuer, .jwks = SPAN("{}"), .has_document = true};
	struct courier_kept r;
	AUTO_BUF text = BUF_INIT(COURIER_KEPT_MAX);
	AUTO_BUF mem = BUF_INIT(COURIER_KEPT_MAX);

	k.document = *d;
	courier_kept_write(&k, &text);
	if (!courier_kept_parse(buf_span(&text), issuer, insecure, &mem, &r, NULL))
		abort();
	for (unsigned i = 0; i < COURIER_ENDPOINTS; i++)
		if (strcmp(r.document.url[i], d->url[i]) != 0)
			abort();
	if (r.document.iss_parameter != d->iss_parameter)
		abort();
}

static void
check(struct span in, struct span issuer, bool insecure)
{
	struct courier_discovery d;
	struct span named = SPAN_NONE;

	if (!courier_discovery_parse(in, issuer, insecure, &d, NULL))
		return;
	AUTO_JSON j = json_parse(in, NULL, NULL);
	if (j == NULL || !json_get_str(j, "issuer", &named) || !span_eq(named, issuer))
		abort();
	for (unsigned i = 0; i < COURIER_ENDPOINTS; i++) {
		struct span url = span_of(d.url[i]);
		if (url.n > 0 && !span_starts(url, SPAN("https://")) &&
			!(insecure && span_starts(url, SPAN("http://"))))
			abort();
		if (span_control(url) || span_has(url, ' '))
			abort();
	}
	same_document(&d, issuer, insecure);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {(const char *)data, size};

	check(in, SPAN("https://i.test"), false);
	check(in, SPAN("http://127.0.0.1:1"), true);
	return 0;
}
