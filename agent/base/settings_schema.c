/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/settings_schema.h"

#include "agent/base/settings.h"
#include "agent/base/settings_check.h"

#define TOP(f)    .section = SETTINGS_TOP, .offset = offsetof(struct settings, f)
#define CERT(f)   .section = SETTINGS_CERTIFICATE, .offset = offsetof(struct settings_certificate, f)
#define AUDIT(f)  .section = SETTINGS_AUDIT, .offset = offsetof(struct settings, f)
#define ROOT(f)   .section = SETTINGS_ROOT, .offset = offsetof(struct settings_root, f)
#define POLICY(f) .section = SETTINGS_POLICY, .offset = offsetof(struct settings, f)
#define ISSUER(f) .section = SETTINGS_ISSUER, .offset = offsetof(struct settings_issuer, f)
#define LIMIT(f)  .section = SETTINGS_LIMITS, .offset = offsetof(struct settings_limits, f)

/* Pairs of no and yes: YESNO and TRI take the odd ones for yes. */
static const char *const yesno[] = {"no", "yes", "false", "true", NULL};
static const char *const sandbox[] = {"best-effort", "required", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", NULL}; /* enum log_level */
static const char *const backends[] = {"liboauth2", "kept-key", NULL};
static const char *const syncs[] = {"always", "second", "never", NULL}; /* enum settings_sync */
static const char *const profiles[] = {
	"rfc9068", "wlcg", "scitokens", "egi", "keycloak", "umbrella", NULL};
static const char *const algorithms[] = {"RS256", "ES256", "PS256", "ES384", NULL};

static const struct settings_key keys[] = {
	{TOP(facility), .name = "facility", .kind = SETTINGS_TEXT, .required = true,
		.text = "the facility's name, for people"},
	{TOP(contact), .name = "contact", .kind = SETTINGS_TEXT, .required = true,
		.text = "whom a refused user may ask"},
	{TOP(timezone), .name = "timezone", .kind = SETTINGS_TEXT, .fallback = "UTC",
		.check = settings_check_zone, .text = "of local times in files and policies"},
	{TOP(public_url), .name = "public_url", .kind = SETTINGS_TEXT, .required = true,
		.check = settings_check_origin, .text = "the origin that clients use"},
	{TOP(hosts), .name = "hosts", .kind = SETTINGS_TEXTS, .max = 32,
		.check = settings_check_host, .text = "further hosts that requests may name"},
	{TOP(listen), .name = "listen", .kind = SETTINGS_TEXTS, .max = 8,
		.check = settings_check_listen, .shown = "the sockets that systemd passes",
		.text = "addresses and ports to listen on"},
	{TOP(workers), .name = "workers", .kind = SETTINGS_NUMBER, .min = 1, .max = 64,
		.shown = "the cores, at most 8", .text = "threads that speak to clients"},
	{TOP(readers), .name = "readers", .kind = SETTINGS_NUMBER, .min = 1, .max = 16,
		.fallback = "2", .text = "processes that read HDF5 files"},
	{TOP(sandbox_required), .name = "sandbox", .kind = SETTINGS_YESNO, .words = sandbox,
		.fallback = "required",
		.text = "refuse to start where the roles cannot be confined"},
	{TOP(landlock), .name = "sandbox_landlock", .kind = SETTINGS_YESNO, .words = yesno,
		.fallback = "yes", .text = "for testing only: `no` leaves Landlock out"},
	{TOP(log_level), .name = "log_level", .kind = SETTINGS_WORD, .words = levels,
		.fallback = "info", .text = "what is logged"},
	{TOP(certificates), .name = "certificates", .kind = SETTINGS_MAPS, .required = true,
		.min = 1, .max = 8, .child = SETTINGS_CERTIFICATE,
		.count = offsetof(struct settings, n_certificates),
		.size = sizeof(struct settings_certificate),
		.text = "certificates and their keys, one for each kind of key"},
	{TOP(state_dir), .name = "state_dir", .kind = SETTINGS_PATH,
		.fallback = "/var/lib/pan-agent", .text = "folder of the catalogue"},
	{TOP(runtime_dir), .name = "runtime_dir", .kind = SETTINGS_PATH,
		.fallback = "/run/pan-agent", .text = "folder of the admin socket"},
	{TOP(log_dir), .name = "log_dir", .kind = SETTINGS_PATH, .fallback = "/var/log/pan-agent",
		.text = "folder of the audit log"},
	{TOP(catalogue), .name = "catalogue", .kind = SETTINGS_PATH,
		.shown = "state_dir/catalogue.sqlite", .text = "the catalogue's file"},
	{.section = SETTINGS_TOP,
		.name = "audit",
		.kind = SETTINGS_MAP, /* fields of settings itself */
		.child = SETTINGS_AUDIT,
		.text = "the record of every answer"},
	{TOP(roots), .name = "roots", .kind = SETTINGS_MAPS, .required = true, .min = 1, .max = 32,
		.child = SETTINGS_ROOT, .count = offsetof(struct settings, n_roots),
		.size = sizeof(struct settings_root), .text = "the data roots to serve"},
	{TOP(proposals), .name = "proposals", .kind = SETTINGS_PATH,
		.text = "file of proposals: teams, routes, dates"},
	{.section = SETTINGS_TOP,
		.name = "policy",
		.kind = SETTINGS_MAP,
		.required = true,
		.child = SETTINGS_POLICY,
		.text = "the rules that decide"},
	{TOP(kept_keys), .name = "signature_backend", .kind = SETTINGS_YESNO, .words = backends,
		.fallback = "liboauth2", .text = "what verifies the signatures of tokens"},
	{TOP(issuers), .name = "issuers", .kind = SETTINGS_MAPS, .max = 32,
		.child = SETTINGS_ISSUER, .count = offsetof(struct settings, n_issuers),
		.size = sizeof(struct settings_issuer), .text = "whose tokens are believed"},
	{TOP(limits), .name = "limits", .kind = SETTINGS_MAP, .child = SETTINGS_LIMITS,
		.text = "what clients may use"},

	{CERT(chain), .name = "chain", .kind = SETTINGS_PATH, .required = true,
		.text = "PEM file: the certificate, then its intermediates"},
	{CERT(key), .name = "key", .kind = SETTINGS_PATH, .required = true,
		.text = "PEM file: its private key"},

	{AUDIT(audit_file), .name = "file", .kind = SETTINGS_PATH, .shown = "log_dir/audit.jsonl",
		.text = "the audit log"},
	{AUDIT(audit_fsync), .name = "fsync", .kind = SETTINGS_WORD, .words = syncs,
		.fallback = "second", .text = "when records are forced to disk"},

	{ROOT(name), .name = "name", .kind = SETTINGS_TEXT, .required = true,
		.check = settings_check_name, .text = "a short name, kept in the catalogue"},
	{ROOT(path), .name = "path", .kind = SETTINGS_PATH, .required = true, .text = "the folder"},
	{ROOT(layout), .name = "layout", .kind = SETTINGS_TEXT, .required = true,
		.check = settings_check_layout,
		.text = "names of the leading folders, like {proposal}/{dataset}"},
	{ROOT(pid), .name = "pid", .kind = SETTINGS_TEXT, .required = true,
		.check = settings_check_template,
		.text = "the datasets' pid, like 10.5072/{proposal}-{dataset}"},
	{ROOT(proposal), .name = "proposal", .kind = SETTINGS_TEXT,
		.check = settings_check_template, .shown = "{proposal} where the layout has it",
		.text = "the datasets' proposal"},

	{POLICY(policies), .name = "files", .kind = SETTINGS_PATHS, .required = true, .min = 1,
		.max = 32, .text = "policy files"},
	{POLICY(facility_networks), .name = "facility_networks", .kind = SETTINGS_TEXTS, .max = 64,
		.check = settings_check_block,
		.text = "address blocks that count as network `facility`"},

	{ISSUER(issuer), .name = "issuer", .kind = SETTINGS_TEXT, .required = true,
		.text = "exact text of the token's `iss`"},
	{ISSUER(name), .name = "name", .kind = SETTINGS_TEXT, .shown = "the issuer",
		.text = "for people"},
	{ISSUER(profile), .name = "profile", .kind = SETTINGS_TEXT, .words = profiles,
		.fallback = "rfc9068", .text = "presets of the rows below"},
	{ISSUER(jwks_file), .name = "jwks_file", .kind = SETTINGS_PATH, .required = true,
		.text = "file of the issuer's public keys (a JWK set)"},
	{ISSUER(audience), .name = "audience", .kind = SETTINGS_TEXTS, .max = 32,
		.shown = "public_url, with and without a slash at its end",
		.text = "one of these must stand in `aud`"},
	{ISSUER(algorithms), .name = "algorithms", .kind = SETTINGS_TEXTS, .max = 4,
		.words = algorithms, .shown = "RS256, ES256",
		.text = "signatures that are accepted"},
	{ISSUER(typ), .name = "typ", .kind = SETTINGS_TEXTS, .max = 8,
		.shown = "as the profile has it",
		.text = "accepted `typ`; the word `absent` accepts a token without"},
	{ISSUER(azp), .name = "azp", .kind = SETTINGS_TEXTS, .max = 32,
		.text = "clients accepted in `azp` where a token has no `aud`"},
	{ISSUER(entitlement_namespaces), .name = "entitlement_namespaces", .kind = SETTINGS_TEXTS,
		.max = 32, .text = "URN namespaces whose entitlements this issuer may give"},
	{ISSUER(require_kid), .name = "require_kid", .kind = SETTINGS_TRI, .words = yesno,
		.shown = "as the profile has it", .text = "refuse a token that names no key"},
	{ISSUER(path_scopes), .name = "path_scopes", .kind = SETTINGS_TRI, .words = yesno,
		.shown = "as the profile has it",
		.text = "demand path scopes (storage.read:/path)"},
	{ISSUER(allow_any_audience), .name = "allow_any_audience", .kind = SETTINGS_TRI,
		.words = yesno, .shown = "no", .text = "accept the profile's any-audience value"},
	{ISSUER(require_iat), .name = "require_iat", .kind = SETTINGS_TRI, .words = yesno,
		.shown = "as the profile has it", .text = "refuse a token without `iat`"},
	{ISSUER(base_path), .name = "base_path", .kind = SETTINGS_TEXT, .fallback = "/",
		.check = settings_check_rooted, .text = "what path scopes are relative to"},
	{ISSUER(user_claim), .name = "user_claim", .kind = SETTINGS_TEXT,
		.shown = "as the profile has it", .text = "claim of the stable user id"},
	{ISSUER(entitlement_claim), .name = "entitlement_claim", .kind = SETTINGS_TEXT,
		.shown = "as the profile has it", .text = "claim of groups or entitlements"},
	{ISSUER(clock_leeway), .name = "clock_leeway", .kind = SETTINGS_NUMBER, .min = 5,
		.max = 100, .fallback = "30", .unit = "seconds", .text = "for `nbf` and `iat`"},
	{ISSUER(demo), .name = "demo", .kind = SETTINGS_YESNO, .words = yesno, .fallback = "no",
		.text = "`pan-agent token mint` may sign for it"},
	{ISSUER(demo_key), .name = "demo_key", .kind = SETTINGS_PATH,
		.text = "PEM private key of a demo issuer"},

	{LIMIT(head_seconds), .name = "head_seconds", .kind = SETTINGS_NUMBER, .min = 1, .max = 120,
		.fallback = "10", .unit = "seconds", .text = "a request head, from its first byte"},
	{LIMIT(handshake_seconds), .name = "handshake_seconds", .kind = SETTINGS_NUMBER, .min = 1,
		.max = 60, .fallback = "5", .unit = "seconds", .text = "a TLS handshake"},
	{LIMIT(idle_seconds), .name = "idle_seconds", .kind = SETTINGS_NUMBER, .min = 1,
		.max = 3600, .fallback = "75", .unit = "seconds",
		.text = "a connection between two requests"},
	{LIMIT(body_seconds), .name = "body_seconds", .kind = SETTINGS_NUMBER, .min = 1, .max = 600,
		.fallback = "30", .unit = "seconds", .text = "a request's body without progress"},
	{LIMIT(min_rate), .name = "min_rate", .kind = SETTINGS_NUMBER, .max = 1U << 30,
		.fallback = "1024", .unit = "bytes/s",
		.text = "slower receivers are cut after 60 s"},
	{LIMIT(connections), .name = "connections", .kind = SETTINGS_NUMBER, .min = 1,
		.max = 1U << 20, .fallback = "16384", .text = "in all"},
	{LIMIT(connections_per_address), .name = "connections_per_address", .kind = SETTINGS_NUMBER,
		.min = 1, .max = 1U << 20, .fallback = "200", .text = "from one address"},
	{LIMIT(connections_per_identity), .name = "connections_per_identity",
		.kind = SETTINGS_NUMBER, .min = 1, .max = 1U << 20, .fallback = "100",
		.text = "of one user"},
	{LIMIT(drain_seconds), .name = "drain_seconds", .kind = SETTINGS_NUMBER, .max = 3600,
		.fallback = "60", .unit = "seconds",
		.text = "running transfers may take after SIGTERM"},
	{LIMIT(kept_grants), .name = "kept_grants", .kind = SETTINGS_NUMBER, .max = 65536,
		.fallback = "1024", .text = "decisions that each worker keeps for reuse"},
	{.name = NULL},
};

const struct settings_key *
settings_schema(void)
{
	return keys;
}
