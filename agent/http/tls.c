/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/tls.h"

#include "agent/http/tls_fail.h"
#include "agent/http/tls_record.h"
#include "agent/http/tls_socket.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* AES-128-GCM first: OpenSSL's clients put AES-256 first, which costs 6 to 13 % more CPU. */
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_12                                                                                  \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS "X25519:P-256:P-384"
/* Of client certificates: no SHA-1, and no DSA, whose numbers a client could make large. */
#define CLIENT_SIGALGS                                                                             \
	"ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:"                                          \
	"RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"
#define CLIENT_CHAIN_MAX 16384 /* bytes of a client's certificates */
#define CLIENT_KEY_BITS  8192

struct tls_ctx {
	unsigned refs;
	SSL_CTX *ssl;
	BIO_METHOD *socket;
	struct tls_cork cork;
	const struct tls_backend *backend; /* NULL: OpenSSL alone */
	struct tls_record_seats *seats;    /* NULL: OpenSSL writes the records */
	uint64_t records;                  /* that we write under one key */
};

struct tls {
	struct tls_ctx *ctx;
	SSL *ssl;
	struct tls_socket socket;
	size_t n_handshake; /* bytes read before the handshake was done */
	unsigned n_control; /* handshake messages and alerts since data last came */
	/* NULL: OpenSSL writes.  Else we do, and whatever it still wants to write ends the
	 * connection. */
	struct tls_record *record;
	unsigned n_own; /* records under the server's traffic secret since it is there */
	size_t n_secret;
	unsigned char secret[TLS_RECORD_SECRET]; /* for the moment of the takeover */
	bool update_wanted;                      /* by the client (RFC 8446 4.6.3) */
	bool corked;                             /* collect instead of sending */
	bool established;
	bool failed;
	bool has_certificate; /* of the client */
	unsigned char certificate[32];
};

/* ---- the socket as a BIO: no SIGPIPE, and no read(2) that is known to find nothing ---- */

static int
socket_read(BIO *b, char *out, int n)
{
	struct tls *t = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (t->n_control > TLS_CONTROL_MAX) {
		t->socket.sys = EPROTO;
		return -1;
	}
	ssize_t r = tls_socket_recv(&t->socket, out, (size_t)n);
	if (r < 0 && t->socket.sys == 0)
		BIO_set_retry_read(b);
	if (r > 0 && !t->established)
		t->n_handshake += (size_t)r;
	return (int)r;
}

static int
socket_write(BIO *b, const char *in, int n)
{
	struct tls *t = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	if (t->record != NULL) { /* its number of records is not ours: a nonce would come again */
		t->socket.sys = EPROTO;
		return -1;
	}
	ssize_t r = t->corked ? tls_socket_collect(&t->socket, in, (size_t)n)
			      : tls_socket_send(&t->socket, in, (size_t)n);
	if (r < 0 && t->socket.sys == 0)
		BIO_set_retry_write(b);
	return (int)r;
}

static long
socket_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	const struct tls *t = BIO_get_data(b);

	(void)num;
	(void)ptr;
	if (cmd == BIO_CTRL_EOF)
		return t->socket.eof ? 1 : 0;
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *
socket_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");

	if (m == NULL || BIO_meth_set_read(m, socket_read) != 1 ||
		BIO_meth_set_write(m, socket_write) != 1 ||
		BIO_meth_set_ctrl(m, socket_ctrl) != 1) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}

/* ---- context ---- */

/* A client may send key updates and warning alerts for ever; each costs us a derivation or an
 * answer. */
static void // NOLINTNEXTLINE(readability-function-size): the library's type of callback
count_control(int writing, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
	struct tls *t = arg;

	const unsigned char *m = p;

	(void)version;
	(void)ssl;
	if (t == NULL)
		return;
	if (writing == 0 && (type == SSL3_RT_HANDSHAKE || type == SSL3_RT_ALERT))
		t->n_control++;
	if (writing == 0 && type == SSL3_RT_HANDSHAKE && n == 5 && m[0] == SSL3_MT_KEY_UPDATE)
		t->update_wanted = t->update_wanted || m[4] == SSL_KEY_UPDATE_REQUESTED;
	if (writing != 0 && type == SSL3_RT_HEADER && t->n_secret > 0)
		t->n_own++;
}

static int
alpn_pick(SSL *ssl, const unsigned char **out, unsigned char *n_out, const unsigned char *in,
	unsigned n_in, void *arg)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	unsigned char *picked = NULL;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&picked, n_out, ours, sizeof(ours) - 1, in, n_in) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2: no_application_protocol */
	*out = picked;
	return SSL_TLSEXT_ERR_OK;
}

static bool
ctx_settings(SSL_CTX *ssl)
{
	static const unsigned char id[] = "pan-agent";
	char groups[] = GROUPS; /* the macro of the library casts `const` away */

	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ssl, 1); /* one recv(2) for header and body of a record */
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF); /* tickets only */
	SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_alpn_select_cb(ssl, alpn_pick, NULL);
	SSL_CTX_set_msg_callback(ssl, count_control);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_ciphersuites(ssl, SUITES_13) == 1 &&
	       SSL_CTX_set_cipher_list(ssl, SUITES_12) == 1 &&
	       SSL_CTX_set1_groups_list(ssl, groups) == 1 && SSL_CTX_set_num_tickets(ssl, 1) == 1 &&
	       SSL_CTX_set_max_early_data(ssl, 0) == 1 &&
	       SSL_CTX_set_session_id_context(ssl, id, sizeof(id) - 1) == 1;
}

bool
tls_ctx_new(const struct tls_pair *pairs, size_t n, struct tls_keys *keys,
	const struct tls_backend *backend, struct tls_ctx **ret, struct err *e)
{
	struct tls_ctx *c = calloc(1, sizeof(*c));
	OSSL_LIB_CTX *lib = backend != NULL ? tls_backend_library(backend) : NULL;
	const char *query = backend != NULL ? TLS_BACKEND_QUERY : NULL;

	if (c == NULL)
		return err_set(e, ERR_LIMIT, NULL, "no memory for a TLS context");
	c->refs = 1;
	c->backend = backend;
	c->ssl = SSL_CTX_new_ex(lib, query, TLS_server_method());
	c->socket = socket_method();
	if (!tls_cork_init(&c->cork) || c->ssl == NULL || c->socket == NULL ||
		!ctx_settings(c->ssl) ||
		SSL_CTX_set_tlsext_ticket_key_evp_cb(c->ssl, tls_keys_ticket) != 1) {
		tls_ctx_free(c);
		return tls_fail(e, ERR_SYSTEM, "TLS context");
	}
	SSL_CTX_set_app_data(c->ssl, keys);
	for (size_t i = 0; i < n; i++) {
		if (!tls_pair_add(c->ssl, &pairs[i], lib, e)) {
			tls_ctx_free(c);
			return false;
		}
	}
	*ret = c;
	return true;
}

/* A client makes its key as it likes: one that is cheap to sign with may cost us 6 ms to verify. */
static bool
cheap_key(const X509 *x)
{
	const EVP_PKEY *key = x != NULL ? X509_get0_pubkey(x) : NULL;
	BIGNUM *e = NULL;

	if (key == NULL || EVP_PKEY_get_bits(key) > CLIENT_KEY_BITS)
		return false;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return true; /* a curve */
	bool ok = BN_num_bits(e) <= 64;
	BN_free(e);
	return ok;
}

/* SSL_CTX_set_cert_verify_callback(3): instead of building a chain, which would lead nowhere. */
static int
take_any(X509_STORE_CTX *chain, void *arg)
{
	bool ok = cheap_key(X509_STORE_CTX_get0_cert(chain));

	(void)arg;
	X509_STORE_CTX_set_error(chain, ok ? X509_V_OK : X509_V_ERR_EE_KEY_TOO_SMALL);
	return ok;
}

bool
tls_ctx_ask_clients(struct tls_ctx *c, struct err *e)
{
	static const unsigned char id[] = "pan-agent, clients asked"; /* older tickets are void */

	SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(c->ssl, take_any, NULL);
	SSL_CTX_set_max_cert_list(c->ssl, CLIENT_CHAIN_MAX);
	char algs[] = CLIENT_SIGALGS; /* the macro of the library casts `const` away */
	if (SSL_CTX_set1_client_sigalgs_list(c->ssl, algs) == 1 &&
		SSL_CTX_set_session_id_context(c->ssl, id, sizeof(id) - 1) == 1)
		return true;
	return tls_fail(e, ERR_SYSTEM, "TLS context");
}

/* SSL_CTX_set_keylog_callback(3): the way of the public API to the traffic secret. */
static void
keep_secret(const SSL *ssl, const char *line)
{
	struct tls *t = SSL_get_app_data(ssl);

	if (t != NULL && !t->established && t->n_secret == 0)
		(void)tls_record_secret(span_of(line), t->secret, &t->n_secret);
}

bool
tls_ctx_write_records(struct tls_ctx *c, uint64_t most, struct err *e)
{
	if (SSL_CTX_set_num_tickets(c->ssl, 0) != 1) /* they would be records under our key */
		return tls_fail(e, ERR_SYSTEM, "TLS context");
	if (!tls_record_seats_new(c->backend, &c->seats, e))
		return false;
	SSL_CTX_set_keylog_callback(c->ssl, keep_secret);
	c->records = most;
	return true;
}

void
tls_ctx_free(struct tls_ctx *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	SSL_CTX_free(c->ssl);
	tls_record_seats_free(c->seats);
	BIO_meth_free(c->socket);
	tls_cork_fini(&c->cork);
	free(c);
}

/* ---- connection ---- */

bool
tls_new(struct tls_ctx *c, int fd, struct tls **ret, struct err *e)
{
	struct tls *t = calloc(1, sizeof(*t));
	BIO *bio = BIO_new(c->socket);
	SSL *ssl = SSL_new(c->ssl);

	if (t == NULL || bio == NULL || ssl == NULL) {
		free(t);
		BIO_free(bio);
		SSL_free(ssl);
		return tls_fail(e, ERR_LIMIT, "no memory for a connection");
	}
	*t = (struct tls){.ctx = c, .ssl = ssl, .socket = {.fd = fd, .cork = &c->cork}};
	c->refs++;
	SSL_set_msg_callback_arg(ssl, t);
	(void)SSL_set_app_data(ssl, t);
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio); /* takes bio */
	SSL_set_accept_state(ssl);
	*ret = t;
	return true;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	tls_record_free(t->record);
	OPENSSL_cleanse(t->secret, sizeof(t->secret));
	tls_ctx_free(t->ctx);
	tls_socket_fini(&t->socket);
	free(t);
}

void
tls_wake(struct tls *t, bool peer_closed)
{
	tls_socket_wake(&t->socket, peer_closed);
}

static enum step
failed(struct tls *t, const char *what, struct err *e)
{
	t->failed = true;
	if (t->socket.sys != 0) {
		errno = t->socket.sys;
		ERR_clear_error();
		(void)err_set(e, ERR_SYSTEM, NULL, "%s", what);
	} else {
		(void)tls_fail(e, ERR_UPSTREAM, what);
	}
	return STEP_FAIL;
}

static enum step
waits(struct tls *t, int r, const char *what, struct err *e)
{
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return STEP_READ;
	case SSL_ERROR_WANT_WRITE:
		return STEP_WRITE;
	default:
		return failed(t, what, e);
	}
}

static void
keep_certificate(struct tls *t)
{
	const X509 *x = SSL_get0_peer_certificate(t->ssl);
	unsigned n = sizeof(t->certificate);

	t->has_certificate = x != NULL && X509_digest(x, EVP_sha256(), t->certificate, &n) == 1 &&
			     n == sizeof(t->certificate);
}

/*
 * From here on the records are ours, where we know the suite and no record has used the traffic
 * secret yet.  Reading stays with OpenSSL.
 */
static void
take_over(struct tls *t)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
	unsigned suite = cipher != NULL ? SSL_CIPHER_get_protocol_id(cipher) : 0;
	struct span secret = {(const char *)t->secret, t->n_secret};

	if (t->ctx->seats != NULL && SSL_version(t->ssl) == TLS1_3_VERSION && t->n_own == 0 &&
		t->n_secret > 0 && tls_record_knows(suite))
		(void)tls_record_new(
			t->ctx->seats, suite, secret, t->ctx->records, &t->record, NULL);
	OPENSSL_cleanse(t->secret, sizeof(t->secret));
	t->n_secret = 0;
	ERR_clear_error();
}

static bool
spoke_http(void)
{
	unsigned long last = ERR_peek_error();

	return ERR_GET_LIB(last) == ERR_LIB_SSL && ERR_GET_REASON(last) == SSL_R_HTTP_REQUEST;
}

enum step
tls_handshake(struct tls *t, struct err *e)
{
	if (t->established)
		return STEP_DONE;
	ERR_clear_error();
	int r = SSL_do_handshake(t->ssl);
	if (r == 1) {
		t->established = true;
		t->n_control = 0;
		keep_certificate(t);
		take_over(t);
		return STEP_DONE;
	}
	if (spoke_http()) {
		t->failed = true;
		ERR_clear_error();
		(void)err_set(e, ERR_SYNTAX, "RFC 8446 5.1", "plain HTTP on the TLS port");
		return STEP_FAIL;
	}
	enum step s = waits(t, r, "TLS handshake", e);
	if (s != STEP_FAIL && t->n_handshake > TLS_HANDSHAKE_MAX) {
		t->failed = true;
		(void)err_set(e, ERR_LIMIT, NULL, "TLS handshake longer than %u bytes",
			TLS_HANDSHAKE_MAX);
		return STEP_FAIL;
	}
	return s;
}

bool
tls_http2(const struct tls *t)
{
	const unsigned char *name = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(t->ssl, &name, &n);
	return n == 2 && memcmp(name, "h2", 2) == 0;
}

enum step
tls_read(struct tls *t, char *buf, size_t cap, size_t *ret_n, struct err *e)
{
	size_t n = 0;

	ERR_clear_error();
	const int r = SSL_read_ex(t->ssl, buf, cap, &n);
	if (t->update_wanted && t->record != NULL) { /* OpenSSL's answer could not leave */
		t->failed = true;
		ERR_clear_error();
		(void)err_set(e, ERR_UPSTREAM, "RFC 8446 4.6.3",
			"the client wants new keys, which tls.record_writer does not give");
		return STEP_FAIL;
	}
	if (r == 1) {
		t->n_control = 0;
		*ret_n = n;
		return STEP_DONE;
	}
	if (SSL_get_error(t->ssl, r) == SSL_ERROR_ZERO_RETURN) {
		*ret_n = 0;
		return STEP_DONE;
	}
	return waits(t, r, "TLS read", e);
}

/* One record of ours behind what is collected. */
static enum step
seal(struct tls *t, enum tls_record_type type, struct span text, struct err *e)
{
	bool update = type == TLS_RECORD_HANDSHAKE; /* the one such message that we send */
	size_t n = update ? TLS_RECORD_UPDATE : text.n + TLS_RECORD_MORE;
	unsigned char *to = tls_socket_room(&t->socket, n);

	if (to == NULL)
		return t->socket.sys != 0 ? failed(t, "TLS write", e) : STEP_WRITE;
	if (!(update ? tls_record_update(t->record, to, &n)
		     : tls_record_seal(t->record, type, text, to, &n)))
		return failed(t, "TLS write", e);
	tls_socket_filled(&t->socket, n);
	return STEP_DONE;
}

/* Another key before the numbers of this one end. */
static enum step
renew(struct tls *t, struct err *e)
{
	return tls_record_due(t->record) ? seal(t, TLS_RECORD_HANDSHAKE, SPAN_NONE, e) : STEP_DONE;
}

static enum step
write_own(struct tls *t, struct span bytes, size_t *ret_n, struct err *e)
{
	enum step s = renew(t, e);

	if (s == STEP_DONE)
		s = seal(t, TLS_RECORD_DATA, bytes, e);
	if (s == STEP_DONE)
		*ret_n = bytes.n;
	return s;
}

static void
close_own(struct tls *t)
{
	static const char notify[] = {1, 0}; /* warning, close_notify (RFC 8446 6.1) */

	if (tls_socket_rest(&t->socket) && renew(t, NULL) == STEP_DONE &&
		seal(t, TLS_RECORD_ALERT, (struct span){notify, sizeof(notify)}, NULL) == STEP_DONE)
		(void)tls_socket_push(&t->socket);
	t->failed = true; /* nothing may come behind it */
}

enum step
tls_write(struct tls *t, struct span bytes, size_t *ret_n, struct err *e)
{
	size_t n = 0;
	size_t want = bytes.n < TLS_RECORD ? bytes.n : TLS_RECORD;

	if (!tls_socket_rest(&t->socket))
		return t->socket.sys != 0 ? failed(t, "TLS write", e) : STEP_WRITE;
	if (t->record != NULL)
		return write_own(t, span_first(bytes, want), ret_n, e);
	ERR_clear_error();
	t->corked = true;
	const int r = SSL_write_ex(t->ssl, bytes.p, want, &n);
	t->corked = false;
	if (r != 1)
		return waits(t, r, "TLS write", e);
	*ret_n = n;
	return STEP_DONE;
}

enum step
tls_push(struct tls *t, struct err *e)
{
	if (tls_socket_push(&t->socket))
		return STEP_DONE;
	return t->socket.sys != 0 ? failed(t, "TLS write", e) : STEP_WRITE;
}

size_t
tls_pending(const struct tls *t)
{
	return tls_socket_pending(&t->socket);
}

void
tls_close(struct tls *t)
{
	if (!t->established || t->failed)
		return;
	if (t->record != NULL) {
		close_own(t);
		return;
	}
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

bool
tls_client_certificate(const struct tls *t, uint8_t ret[32])
{
	if (t->has_certificate)
		memcpy(ret, t->certificate, sizeof(t->certificate));
	return t->has_certificate;
}

bool
tls_writes_records(const struct tls *t)
{
	return t->record != NULL;
}
