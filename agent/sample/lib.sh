# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What agent/quickstart and tests/serve do alike: certificates of a private authority, a demo
# issuer, and waiting for the daemon.  For trying out and for tests; a facility has real ones.

# sample_certificates DIR: ca.pem, and for localhost server.pem/.key (ECDSA) and server-rsa.pem/.key.
# Everything is made in DIR, readable for the owner alone; the authority's key is thrown away.
sample_certificates() (
	set -e
	umask 077
	cd "$1"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -keyout ca.key -out ca.pem \
		-subj "/CN=pan-agent demo authority" -addext basicConstraints=critical,CA:TRUE,pathlen:0 \
		-addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
	cat >server.ext <<-E
		basicConstraints=critical,CA:FALSE
		keyUsage=critical,digitalSignature
		extendedKeyUsage=serverAuth
		subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
		authorityKeyIdentifier=keyid
	E
	for kind in server server-rsa; do
		local -a new=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1)
		[ $kind = server ] || new=(-newkey rsa:2048)
		openssl req "${new[@]}" -nodes -keyout $kind.key -out $kind.csr -subj /CN=localhost 2>/dev/null
		openssl x509 -req -in $kind.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -extfile server.ext \
			-out $kind.pem 2>/dev/null
	done
	rm -f ca.key ca.srl server.ext server.csr server-rsa.csr
	chmod 644 ca.pem
)

# sample_wait BASE CA PID SECONDS: until the daemon answers over TLS.  False: it ended or is too slow.
sample_wait() {
	local until=$((SECONDS + $4)) code
	while [ $SECONDS -le $until ]; do
		kill -0 "$3" 2>/dev/null || return 1
		code=$(curl -s -o /dev/null -w '%{http_code}' --max-time 5 --noproxy '*' --cacert "$2" "$1/data/" 2>/dev/null)
		case $code in 000 | 5??) sleep 0.1 ;; *) return 0 ;; esac
	done
	return 1
}

# sample_issuer AGENT DIR URL: the key pair of a demo issuer in DIR, unless it is there.
sample_issuer() {
	[ -s "$2/demo-key.pem" ] || "$1" token demo-issuer --dir "$2" --issuer "$3"
}

# sample_token AGENT CONFIG SUBJECT: a token of the demo issuer for a day, on standard output.
sample_token() {
	"$1" token mint --config "$2" --sub "$3" --lifetime 1d
}
