/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls.h"

#include "tests/unit/check.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* A real client of OpenSSL at the other end of a socket pair. */

#define MUCH 300000U

struct ends {
	struct tls_backend *backend;
	struct tls_keys *keys;
	struct tls_ctx *ctx;
	struct tls *server;
	SSL_CTX *client_ctx;
	SSL *client;
	int fd[2];
};

static char data[MUCH], got[MUCH];

/* ---- a certificate ---- */

static struct span
pem_of(BIO *b)
{
	char *p = NULL;
	long n = BIO_get_mem_data(b, &p);

	return (struct span){p, (size_t)n};
}

static void
make_ctx(struct ends *x)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	BIO *chain = BIO_new(BIO_s_mem());
	BIO *secret = BIO_new(BIO_s_mem());
	struct err e = {.code = ERR_NONE};

	assert_non_null(key);
	assert_int_equal(X509_set_version(cert, 2), 1);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	(void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	(void)X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(chain, cert), 1);
	assert_int_equal(PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL), 1);
	struct tls_pair pair = {pem_of(chain), pem_of(secret), "pair"};
	if (!tls_ctx_new(&pair, 1, x->keys, x->backend, &x->ctx, &e))
		fail_msg("%s", e.msg);
	BIO_free(chain);
	BIO_free(secret);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* ---- both ends ---- */

struct way {
	const char *name;
	int version;
	const char *suite;
	bool backend;
	uint64_t records; /* under one key; 0: those of OpenSSL */
	bool ours;        /* whether the records are then ours */
};

static void
ends_make(struct ends *x, const struct way *w)
{
	*x = (struct ends){.backend = NULL};
	if (w->backend)
		(void)tls_backend_new(&x->backend, NULL); /* where the machine can */
	assert_true(tls_keys_new(&x->keys, NULL));
	make_ctx(x);
	assert_true(w->records == 0 || tls_ctx_write_records(x->ctx, w->records, NULL));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, x->fd), 0);
	assert_true(tls_new(x->ctx, x->fd[0], &x->server, NULL));
	x->client_ctx = SSL_CTX_new(TLS_client_method());
	(void)SSL_CTX_set_min_proto_version(x->client_ctx, w->version);
	(void)SSL_CTX_set_max_proto_version(x->client_ctx, w->version);
	if (w->version == TLS1_3_VERSION)
		assert_int_equal(SSL_CTX_set_ciphersuites(x->client_ctx, w->suite), 1);
	else
		assert_int_equal(SSL_CTX_set_cipher_list(x->client_ctx, w->suite), 1);
	x->client = SSL_new(x->client_ctx);
	(void)SSL_set_fd(x->client, x->fd[1]);
	SSL_set_connect_state(x->client);
	for (int i = 0; i < 20; i++) {
		(void)SSL_do_handshake(x->client);
		tls_wake(x->server, false);
		enum step s = tls_handshake(x->server, NULL);
		assert_int_not_equal(s, STEP_FAIL);
		if (s == STEP_DONE && SSL_is_init_finished(x->client))
			return;
	}
	fail_msg("no end of the handshake");
}

static void
ends_close(struct ends *x)
{
	SSL_free(x->client);
	SSL_CTX_free(x->client_ctx);
	tls_free(x->server);
	tls_ctx_free(x->ctx);
	tls_keys_free(x->keys);
	tls_backend_free(x->backend);
	(void)close(x->fd[0]);
	if (x->fd[1] >= 0)
		(void)close(x->fd[1]);
}

/* As the front sends: some records, then a push. */
static bool
server_writes(struct ends *x, size_t *at, size_t n)
{
	for (int i = 0; i < 4 && *at < n; i++) {
		size_t k = 0;
		enum step s = tls_write(x->server, (struct span){data + *at, n - *at}, &k, NULL);
		if (s == STEP_FAIL)
			return false;
		if (s != STEP_DONE)
			break;
		*at += k;
	}
	return tls_push(x->server, NULL) != STEP_FAIL;
}

static size_t
client_reads(struct ends *x, size_t at)
{
	size_t n = 0;

	while (at < MUCH && SSL_read_ex(x->client, got + at, MUCH - at, &n) == 1)
		at += n;
	return at;
}

/* What the server has to read, which is nothing but control messages. */
static enum step
server_reads(struct ends *x)
{
	char p[100];
	size_t n = 0;

	tls_wake(x->server, false);
	return tls_read(x->server, p, sizeof(p), &n, NULL);
}

static void
download(struct ends *x, bool updates)
{
	size_t sent = 0;
	size_t came = 0;

	memset(got, 0, sizeof(got));
	for (unsigned i = 0; came < MUCH && i < 1000; i++) {
		assert_true(server_writes(x, &sent, MUCH));
		came = client_reads(x, came);
		if (updates && i % 3 == 1) {
			int ask = tls_writes_records(x->server) ? SSL_KEY_UPDATE_NOT_REQUESTED
								: SSL_KEY_UPDATE_REQUESTED;
			assert_int_equal(SSL_key_update(x->client, ask), 1);
			assert_int_equal(SSL_do_handshake(x->client), 1);
			assert_int_equal(server_reads(x), STEP_READ);
		}
	}
	assert_int_equal(came, MUCH);
	assert_memory_equal(got, data, MUCH);
}

static void
client_sees_end(struct ends *x)
{
	char p[10];
	size_t n = 0;

	tls_close(x->server);
	assert_int_equal(SSL_read_ex(x->client, p, sizeof(p), &n), 0);
	assert_int_equal(SSL_get_error(x->client, 0), SSL_ERROR_ZERO_RETURN);
}

static const struct way ways[] = {
	{"TLS 1.3", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", false, 0, false},
	{"TLS 1.2", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", false, 0, false},
	{"TLS 1.3, back end", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", true, 0, false},
	{"TLS 1.3, back end, 256", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", true, 0, false},
	{"TLS 1.2, back end", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true, 0, false},
	{"TLS 1.2, back end, 256", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", true, 0, false},
	{"ChaCha20, back end", TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", true, 0, false},
	{"our records", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", false, TLS_RECORD_MOST, true},
	{"our records, 256", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", false, TLS_RECORD_MOST,
		true},
	{"our records, back end", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", true, TLS_RECORD_MOST,
		true},
	{"our records, back end, 256", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", true,
		TLS_RECORD_MOST, true},
	{"three under a key", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", false, 3, true},
	{"one under a key, 256", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", true, 1, true},
	{"not ours: TLS 1.2", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true,
		TLS_RECORD_MOST, false},
	{"not ours: ChaCha20", TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", true,
		TLS_RECORD_MOST, false},
};

static void
downloads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct ends x;
		CHECK_ROW(ways[i].name);
		ends_make(&x, &ways[i]);
		assert_int_equal(tls_writes_records(x.server), ways[i].ours);
		download(&x, false);
		client_sees_end(&x);
		ends_close(&x);
	}
}

static void
key_updates(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct ends x;
		if (ways[i].version != TLS1_3_VERSION)
			continue;
		CHECK_ROW(ways[i].name);
		ends_make(&x, &ways[i]);
		download(&x, true);
		client_sees_end(&x);
		ends_close(&x);
	}
}

/* OpenSSL wants to write something, whose number would be one that we have used. */
static void
poison(void **state)
{
	static const char junk[] = "\x17\x03\x03\0\x20 thirty-two bytes of no sense at all";

	(void)state;
	for (int alert = 0; alert <= 1; alert++) {
		struct ends x;
		struct err e = {.code = ERR_NONE};
		char p[100];
		size_t n = 0;
		CHECK_ROW(alert ? "an alert" : "the answer to a client that wants new keys");
		ends_make(&x, &ways[7]);
		assert_true(server_writes(&x, &n, 1000));
		assert_int_equal(client_reads(&x, 0), 1000);
		if (alert) {
			assert_int_equal(write(x.fd[1], junk, 37), 37);
		} else {
			assert_int_equal(SSL_key_update(x.client, SSL_KEY_UPDATE_REQUESTED), 1);
			assert_int_equal(SSL_do_handshake(x.client), 1);
		}
		tls_wake(x.server, false);
		assert_int_equal(tls_read(x.server, p, sizeof(p), &n, &e), STEP_FAIL);
		if (!alert)
			assert_string_equal(e.ref, "RFC 8446 4.6.3");
		CHECK_ROW("not a byte of it leaves, nor anything later");
		tls_close(x.server);
		assert_int_equal(recv(x.fd[1], p, sizeof(p), MSG_DONTWAIT), -1);
		ends_close(&x);
	}
}

/* A slow reader: what the socket does not take is kept, and comes in order. */
static void
slow_reader(void **state)
{
	struct ends x;
	int small = 5000;
	size_t sent = 0;
	size_t came = 0;

	(void)state;
	ends_make(&x, &ways[9]);
	(void)setsockopt(x.fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (unsigned i = 0; came < MUCH && i < 10000; i++) {
		size_t n = 0;
		assert_true(server_writes(&x, &sent, MUCH));
		if (SSL_read_ex(x.client, got + came, 3000, &n) == 1)
			came += n;
	}
	assert_int_equal(came, MUCH);
	assert_memory_equal(got, data, MUCH);
	ends_close(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(downloads),
		cmocka_unit_test(key_updates),
		cmocka_unit_test(poison),
		cmocka_unit_test(slow_reader),
	};

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 31 + i / 509);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
