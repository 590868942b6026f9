/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/base/arena.h"
#include "agent/base/buf.h"
#include "agent/base/err.h"
#include "agent/base/log.h"
#include "agent/base/signer.h"
#include "agent/base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * agent.yaml as a plain value.  It stands in base, not in agent/, because the client reads it too
 * and needs nothing of ours but yaml.  Every role gets the same bytes (agent/bundle.h) and parses
 * them with this one function. Relative paths are made absolute against the folder of the file.
 * Strings live in `arena`.
 */
struct settings_list {
	const char *const *item;
	size_t n;
};

struct settings_certificate {
	const char *chain, *key; /* PEM files */
};

/*
 * A data root and how its folders are read.  `layout` names the leading folders, for example
 * "{proposal}/{dataset}": each folder at that depth is a dataset, everything below it its files.
 * "." = the root is one dataset.  `pid` and `proposal` are templates over the same names, for
 * example "10.5072/{proposal}-{dataset}".
 */
struct settings_root {
	const char *name, *path, *layout, *pid, *proposal;
	bool writable; /* contributors add files and datasets, where policy lets them (data.write)
			*/
};

enum settings_mode { INGEST_PRIVATE, INGEST_GROUP };

/* What may be added beneath writable roots. */
struct settings_ingest {
	unsigned max_file;       /* MiB of one file, 1048576 */
	unsigned keep_free;      /* MiB of the file system that stay free, 1024 */
	enum settings_mode mode; /* who may read what was added, on the machine itself */
};

/* Files that the agent moves elsewhere for those who may have them (HTTP third-party copy). */
struct settings_transfer {
	bool push;                  /* to where a COPY says; default no */
	unsigned parallel;          /* at a time, 8 */
	struct settings_list allow; /* hosts, and address blocks, that may be although private */
	const char *ca_file;        /* authorities of the other sides; NULL: the system's */
};

enum settings_token { TOKEN_JWT, TOKEN_OPAQUE, TOKEN_BOTH };
enum settings_enrich { ENRICH_NO, ENRICH_INTROSPECTION, ENRICH_USERINFO };
enum settings_client_auth { CLIENT_BASIC, CLIENT_POST };
enum settings_dpop { DPOP_NO, DPOP_OPTIONAL, DPOP_REQUIRED };
enum settings_login_audience { LOGIN_RESOURCE, LOGIN_AUDIENCE, LOGIN_NEITHER };

struct settings_issuer {
	const char *issuer;    /* exact text of iss */
	const char *name;      /* for people */
	const char *profile;   /* a name of auth/profiles.c, the table of presets */
	const char *jwks_file; /* keys from a file; NULL: by the courier */
	const char *jwks_uri;  /* NULL: as the discovery document has it */
	const char *discovery; /* URL of the document; NULL: below the issuer */
	const char *ca_file;   /* authorities of its TLS certificate; NULL: the system's */
	bool insecure;         /* plain http to a loopback address */
	unsigned refresh;      /* seconds between two retrievals of its keys */
	unsigned stale_max;    /* seconds that keys are used after the last success */
	struct settings_list audience, algorithms, typ, azp, entitlement_namespaces;
	int require_kid, path_scopes, allow_any_audience,
		require_iat;    /* -1: as the profile has it; else 0, 1 */
	const char *base_path;  /* of path scopes; default "/" */
	const char *user_claim; /* NULL: as the profile has it */
	const char *entitlement_claim;
	unsigned clock_leeway; /* seconds for nbf and iat, 5 to 100, default 30 */
	unsigned max_lifetime; /* seconds from iat to exp; 0: not limited */
	struct settings_list require_claims;
	const char *id_scope;          /* what must follow the @ of a scoped unique id */
	struct settings_list formerly; /* older names, for the account mapping alone */
	enum settings_dpop dpop;
	/* opaque tokens, and claims that are not in the token */
	enum settings_token token_kind;
	enum settings_enrich enrich;
	const char *introspection_endpoint; /* NULL: as the discovery document has it */
	const char *client_id;              /* of this agent, as a resource server */
	const char *client_secret_file;
	enum settings_client_auth client_auth;
	bool introspection_audience; /* it answers introspection to the audience alone */
	bool introspection_exp;      /* an answer needs exp (default) */
	/* what clients are told (RFC 9728), and the login of the browser */
	const char *login_client_id; /* public client of the device flow */
	struct settings_list login_scopes;
	enum settings_login_audience login_audience;
	const char *web_client_id; /* NULL: no login here */
	const char *web_client_secret_file;
	struct settings_list web_scopes;
	bool demo;            /* `pan-agent token mint` may sign for it */
	const char *demo_key; /* PEM private key of a demo issuer; NULL: none */
	unsigned line;        /* in agent.yaml, for messages */
};

/* Where a path stands in the file: for messages about what it names. */
struct settings_place {
	const char *value;
	unsigned line, col;
};

enum settings_sync { SYNC_ALWAYS, SYNC_SECOND, SYNC_NEVER };

struct settings_limits {
	unsigned head_seconds;             /* 10: a request head, from its first byte */
	unsigned handshake_seconds;        /* 5 */
	unsigned idle_seconds;             /* 75: keep-alive */
	unsigned body_seconds;             /* 30: request body without progress */
	unsigned min_rate;                 /* 1024 bytes/s over 60 s */
	unsigned connections;              /* 16384 in all */
	unsigned connections_per_address;  /* 200 */
	unsigned connections_per_identity; /* 100 */
	unsigned drain_seconds;            /* 60: after SIGTERM */
	unsigned kept_grants;              /* 12288 */
	unsigned link_mbit;                /* 10^6 bits/s that all answers share; 0: no limit */
};

struct settings {
	struct arena arena;
	const char *file; /* as given */
	const char *facility, *contact, *timezone;
	const char *public_url;      /* origin without a slash at the end, https://host[:port] */
	struct settings_list hosts;  /* further names that requests may carry in Host */
	struct settings_list listen; /* "127.0.0.1:8443", "[::1]:8443"; empty: socket activation */
	unsigned workers;            /* 1 to 64; default: online cores, at most 8 */
	unsigned readers;            /* 1 to 16; default 2 */
	unsigned digest_rate;  /* MiB/s of the digests behind the index, 200; 0: not limited */
	bool sandbox_required; /* sandbox: required (default) or best-effort */
	bool landlock;         /* testing only, `sandbox_landlock: no` */
	enum log_level log_level;
	struct settings_certificate *certificates;
	size_t n_certificates;
	bool tls_record_writer; /* tls.record_writer; default no */
	bool tls_own_ciphers;   /* tls.provider: openssl; auto (default): libipsec-mb where it is */
	const char *state_dir, *runtime_dir, *log_dir;
	const char *catalogue;          /* default state_dir/catalogue.sqlite */
	const char *ledger;             /* default state_dir/ledger.sqlite */
	const char *audit_file;         /* default log_dir/audit.jsonl */
	enum settings_sync audit_fsync; /* default second */
	unsigned audit_max_size;        /* MiB of a file, 1024; 0: by month alone */
	struct settings_root *roots;
	size_t n_roots;
	const char *proposals;         /* proposals.yaml: routes, dates, teams; NULL: none */
	struct settings_list policies; /* policy.files */
	/* policy.signers as written, and their raw keys (agent/base/signer.h), all different */
	struct settings_list signers;
	const uint8_t (*signer_keys)[SIGNER_KEY];
	unsigned required_signatures;           /* of different signers; default 1 */
	bool lint_strict;                       /* policy.lint: strict; else warn (default) */
	bool watch_policies;                    /* policy.watch; default yes */
	struct settings_list facility_networks; /* CIDR blocks that count as network `facility` */
	struct settings_issuer *issuers;
	size_t n_issuers;
	bool kept_keys;           /* signature_backend: kept-key (default), or liboauth2 */
	const char *accounts;     /* accounts.yaml: whose local account it is; NULL: none */
	const char *proxy;        /* of the courier; NULL: none */
	bool client_certificates; /* ask clients for one (RFC 8705), take any */
	unsigned session_idle, session_max; /* seconds of a browser's login */
	struct settings_limits limits;
	struct settings_ingest ingest;
	struct settings_transfer transfer;
	struct settings_place *places;
	size_t n_places;
	unsigned faults; /* only settings_read gives settings with faults */
};

/*
 * Parse the text of agent.yaml.  All faults go to `report`, one "FILE:LINE:COLUMN: error: MESSAGE"
 * a line; NULL then. Pure but for the number of cores, the time zone database, and the current
 * folder when FILE is relative.  The caller frees with settings_free.
 */
struct settings *settings_parse(
	const char *file, struct span text, struct buf *report, struct err *e);
/*
 * The same for those who go on to find more faults: NULL only when the text is no YAML; else
 * `faults` counts what was reported, and any string of the settings may be NULL.
 */
struct settings *settings_read(
	const char *file, struct span text, struct buf *report, struct err *e);
/* settings_parse from a file; one that cannot be read is a line of the report too. */
struct settings *settings_load(const char *file, struct buf *report, struct err *e);
void settings_free(struct settings *s); /* NULL allowed */
/* One more line of a report, at the place of `value`, which is a path of these settings. */
void settings_fault(const struct settings *s, const char *value, struct buf *report,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
