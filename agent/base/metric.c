/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/metric.h"

#include "agent/base/scope.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

/*
 * One row for each series.  Rows of one family stand together; the first one carries the HELP text.
 * Labels are fixed here, so the number of series is too.
 */
enum type { COUNTER, GAUGE };

static const struct row {
	const char *family;
	enum type type;
	const char *labels; /* as written between the braces; NULL: none */
	const char *help;   /* of the family; NULL: not its first row */
} rows[METRIC_COUNT] = {
	[METRIC_REQUESTS_2XX] = {"pan_requests_total", COUNTER, "door=\"https\",code=\"2xx\"",
		"Requests answered, by class of status."},
	[METRIC_REQUESTS_3XX] = {"pan_requests_total", COUNTER, "door=\"https\",code=\"3xx\"",
		NULL},
	[METRIC_REQUESTS_4XX] = {"pan_requests_total", COUNTER, "door=\"https\",code=\"4xx\"",
		NULL},
	[METRIC_REQUESTS_5XX] = {"pan_requests_total", COUNTER, "door=\"https\",code=\"5xx\"",
		NULL},
	[METRIC_BYTES_SENT] = {"pan_bytes_sent_total", COUNTER, "door=\"https\"",
		"Bytes of responses that left, before encryption."},
	[METRIC_CONNECTIONS] = {"pan_connections", GAUGE, "door=\"https\"",
		"Connections that are open."},
	[METRIC_CONNECTIONS_TOTAL] = {"pan_connections_accepted_total", COUNTER, "door=\"https\"",
		"Connections accepted."},
	[METRIC_HANDSHAKES] = {"pan_tls_handshakes_total", COUNTER, "result=\"done\"",
		"TLS handshakes."},
	[METRIC_HANDSHAKES_FAILED] = {"pan_tls_handshakes_total", COUNTER, "result=\"failed\"",
		NULL},
	[METRIC_DECISIONS_PERMIT] = {"pan_decisions_total", COUNTER, "result=\"permit\"",
		"Policy decisions."},
	[METRIC_DECISIONS_DENY] = {"pan_decisions_total", COUNTER, "result=\"deny\"", NULL},
	[METRIC_TOKENS_ACCEPTED] = {"pan_token_accepted_total", COUNTER, NULL,
		"Tokens that passed all checks."},
	[METRIC_TOKEN_CACHE_HITS] = {"pan_token_cache_hits_total", COUNTER, NULL,
		"Requests whose token was known already."},
	[METRIC_GRANTS_REUSED] = {"pan_grants_reused_total", COUNTER, NULL,
		"Requests answered under a kept grant."},
	[METRIC_AUDIT_RECORDS] = {"pan_audit_records_total", COUNTER, NULL,
		"Records written to the audit log."},
	[METRIC_AUDIT_FAILED] = {"pan_audit_failed_total", COUNTER, NULL,
		"Records that could not be written; their requests were refused."},
	[METRIC_AUDIT_FAILING] = {"pan_audit_failing", GAUGE, NULL,
		"1 while the audit log cannot be written and no data leave."},
	[METRIC_ROLE_RESTARTS] = {"pan_role_restarts_total", COUNTER, NULL,
		"Role processes that died and were started again."},
	[METRIC_RELOADS] = {"pan_reload_total", COUNTER, NULL, "Reloads that were applied."},
	[METRIC_RELOADS_FAILED] = {"pan_reload_failed_total", COUNTER, NULL,
		"Reloads that were refused; the state before stays."},
	[METRIC_POLICY_RELOADS_FAILED] = {"pan_policy_reload_failed_total", COUNTER, NULL,
		"Reloads that were refused for a policy file: unreadable, faulty, or not signed."},
	[METRIC_CONFIG_STALE] = {"pan_config_stale", GAUGE, NULL,
		"1 while the files on disk were refused and an older state is in force."},
	[METRIC_DATASETS] = {"pan_catalogue_datasets", GAUGE, NULL, "Datasets in the catalogue."},
	[METRIC_FILES_INDEXED] = {"pan_files_indexed_total", COUNTER, NULL,
		"Files read by the indexer."},
	[METRIC_FILES_BROKEN] = {"pan_files_broken_total", COUNTER, NULL,
		"Files that the indexer could not read as what they claim to be."},
	[METRIC_DIGESTED_BYTES] = {"pan_digested_bytes_total", COUNTER, NULL,
		"Bytes of files whose digests were computed."},
	[METRIC_UNDIGESTED_FILES] = {"pan_undigested_files", GAUGE, NULL,
		"Files whose digests are not computed yet."},
	[METRIC_UNDIGESTED_BYTES] = {"pan_undigested_bytes", GAUGE, NULL,
		"Bytes of files whose digests are not computed yet."},
	[METRIC_READERS_KILLED] = {"pan_readers_killed_total", COUNTER, NULL,
		"Readers killed for overrunning their deadline."},
	[METRIC_TRANSFERS_CUT] = {"pan_transfers_cut_total", COUNTER, NULL,
		"Transfers ended by the agent before their last byte."},
	[METRIC_CLOCK_STEPS] = {"pan_clock_step_total", COUNTER, NULL,
		"Steps of the wall clock by more than five minutes."},
	[METRIC_LIMITED_STREAMS] = {"pan_rate_limited_total", COUNTER, "limit=\"streams\"",
		"Requests refused by a rate class of the policy, by limit."},
	[METRIC_LIMITED_REQUESTS] = {"pan_rate_limited_total", COUNTER, "limit=\"requests\"", NULL},
	[METRIC_PUSHES] = {"pan_pushes", GAUGE, NULL,
		"Files that are being sent to where a COPY request said."},
	[METRIC_PUSHES_DONE] = {"pan_pushes_total", COUNTER, "result=\"done\"",
		"Files that were to be sent to where a COPY request said, by how it ended."},
	[METRIC_PUSHES_FAILED] = {"pan_pushes_total", COUNTER, "result=\"failed\"", NULL},
	[METRIC_PUSHED_BYTES] = {"pan_pushed_bytes_total", COUNTER, NULL,
		"Bytes of files that were sent to where COPY requests said."},
	[METRIC_TLS_IMB] = {"pan_tls_backend", GAUGE, "name=\"imb\"",
		"1 for what encrypts with AES-GCM: libipsec-mb, or OpenSSL alone."},
	[METRIC_TLS_OPENSSL] = {"pan_tls_backend", GAUGE, "name=\"openssl\"", NULL},
};

/* Whole cache lines, so that no two stripes share one. */
struct stripe {
	int64_t v[METRIC_COUNT];
} __attribute__((aligned(64)));

#define METRIC_BYTES (METRIC_STRIPES * sizeof(struct stripe))

/*
 * Private to the process: the numbers in shared memory are another role's to break, the address and
 * the index are not.
 */
struct metrics {
	struct stripe *region;
	unsigned stripe;
};

int
metric_create(struct err *e)
{
	AUTO_FD fd = memfd_create("pan-metrics", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	/* Sealed, or one role could shrink it and kill the others with SIGBUS. */
	if (fd < 0 || ftruncate(fd, (off_t)METRIC_BYTES) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		(void)err_set(e, ERR_SYSTEM, NULL, "make the memory of the metrics");
		return -1;
	}
	return take_fd(&fd);
}

static void
take_stripe(struct metrics *m)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++)
		if (rows[i].type == GAUGE)
			__atomic_store_n(&m->region[m->stripe].v[i], 0, __ATOMIC_RELAXED);
}

struct metrics *
metric_map(int fd, unsigned stripe, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size != (off_t)METRIC_BYTES || stripe >= METRIC_STRIPES) {
		(void)err_set(e, ERR_SYSTEM, NULL, "stripe %u of the metrics", stripe);
		return NULL;
	}
	/* One handle for each stripe, so that taking another one cannot fail. */
	struct metrics *all = calloc(METRIC_STRIPES, sizeof(*all));
	void *p = mmap(NULL, METRIC_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (all == NULL || p == MAP_FAILED) {
		(void)err_set(e, ERR_SYSTEM, NULL, "map the metrics");
		if (p != MAP_FAILED)
			(void)munmap(p, METRIC_BYTES);
		free(all);
		return NULL;
	}
	for (unsigned i = 0; i < METRIC_STRIPES; i++)
		all[i] = (struct metrics){.region = p, .stripe = i};
	take_stripe(&all[stripe]);
	return &all[stripe];
}

struct metrics *
metric_stripe(struct metrics *m, unsigned stripe)
{
	if (m == NULL || stripe >= METRIC_STRIPES)
		return NULL;
	struct metrics *other = m - m->stripe + stripe;
	take_stripe(other);
	return other;
}

void
metric_unmap(struct metrics *m)
{
	if (m == NULL)
		return;
	(void)munmap(m->region, METRIC_BYTES);
	free(m - m->stripe);
}

void
metric_add(struct metrics *m, enum metric what, int64_t n)
{
	if (m != NULL)
		(void)__atomic_fetch_add(&m->region[m->stripe].v[what], n, __ATOMIC_RELAXED);
}

void
metric_set(struct metrics *m, enum metric what, int64_t v)
{
	if (m != NULL)
		__atomic_store_n(&m->region[m->stripe].v[what], v, __ATOMIC_RELAXED);
}

int64_t
metric_get(const struct metrics *m, enum metric what)
{
	uint64_t sum = 0; /* unsigned: a role that was taken over may write anything */

	for (unsigned i = 0; m != NULL && i < METRIC_STRIPES; i++)
		sum += (uint64_t)__atomic_load_n(&m->region[i].v[what], __ATOMIC_RELAXED);
	return (int64_t)sum;
}

static void
write_number(struct buf *out, int64_t v)
{
	if (v < 0)
		buf_addc(out, '-');
	buf_addu(out, v < 0 ? -(uint64_t)v : (uint64_t)v);
	buf_addc(out, '\n');
}

void
metric_write(const struct metrics *m, struct buf *out)
{
	buf_adds(out, "# HELP pan_build_info The version that runs.\n"
		      "# TYPE pan_build_info gauge\n"
		      "pan_build_info{version=\"" PAN_VERSION "\"} 1\n");
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		const struct row *r = &rows[i];
		if (r->help != NULL)
			buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", r->family, r->help, r->family,
				r->type == COUNTER ? "counter" : "gauge");
		buf_adds(out, r->family);
		if (r->labels != NULL)
			buf_addf(out, "{%s}", r->labels);
		buf_addc(out, ' ');
		write_number(out, metric_get(m, (enum metric)i));
	}
}
