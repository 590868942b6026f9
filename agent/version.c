/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/version.h"

#include "agent/base/crypto.h"
#include "agent/catalog/store.h"
#include "auth/oidc.h"
#include "transfer/hdf5.h"

void
version_write(struct buf *out)
{
	char hdf5[32];
	struct span rest = span_of(oidc_version());
	struct span major = span_cut(&rest, '.');

	buf_adds(out, "pan-agentd " PAN_VERSION "\n");
	buf_addf(out, "%s\n", crypto_version());
	buf_addf(out, "liboauth2 %s\n", oidc_version());
	buf_addf(out, "SQLite %s\n", store_version());
	buf_addf(out, "HDF5 %s\n", hdf5_version(hdf5, sizeof(hdf5)));
	/* Before 2.0.0 the library is AGPL-3.0-or-later. */
	if (span_is(major, "0") || span_is(major, "1"))
		buf_adds(out,
			"licence: our source Apache-2.0; this binary as a whole, linked with that "
			"liboauth2,\n"
			"         AGPL-3.0-or-later\n");
	else
		buf_adds(out, "licence: Apache-2.0\n");
}
