/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/base/fetch_warm.h"

#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <sys/socket.h>

#include "agent/base/fetch.h"
#include "agent/base/scope.h"

#define WARM_MS 100U

/* Loads the name service's modules; the name cannot exist (RFC 6761 6.4), so all are asked. */
static void
warm_names(void)
{
	const char *const names[] = {"localhost", "pan-agent.invalid"};
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

	(void)res_init();
	_res.retrans = 1; /* seconds, in this thread alone: a dead name server costs little */
	_res.retry = 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct addrinfo *found = NULL;
		if (getaddrinfo(names[i], "443", &hints, &found) == 0)
			freeaddrinfo(found);
	}
}

/*
 * A TLS handshake with a socket of ours that never answers: libcurl makes its first context and
 * reads the system's authorities.
 */
static void
warm_tls(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	char url[64];
	struct fetch *f = NULL;
	struct fetch_answer answer;
	AUTO_BUF mem = BUF_INIT(65536);
	AUTO_FD sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sock < 0 || bind(sock, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
		listen(sock, 1) != 0 || getsockname(sock, (struct sockaddr *)&a, &n) != 0)
		return;
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u/", (unsigned)ntohs(a.sin_port));
	const struct fetch_request r = {.url = url, .total_ms = WARM_MS};
	if (fetch_new(&(struct fetch_options){0}, &f, NULL))
		(void)fetch_now(f, &r, &mem, &answer, NULL);
	fetch_free(f);
}

void
fetch_warm(void)
{
	warm_names();
	warm_tls();
}
