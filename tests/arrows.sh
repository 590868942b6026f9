#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: layers, private headers, one wrapper for each library.  Reads the include
# lines of agent, auth, policy and transfer (of tests: libraries only).
#
#   tests/arrows.sh [ROOT]
#
# Each breach is one line FILE:LINE: INCLUDE: why.  The last line is `N passed, N failed`: one check
# for each include.  Exit status 1 when any failed.
set -euo pipefail
export LC_ALL=C
cd "${1:-$(dirname "$(realpath "$0")")/..}"

# layer: what it may include (its own folder always).  agent/portal comes with the portal.
layers='
base     base
policy   base policy
auth     base policy auth
transfer base policy transfer
catalog  base policy catalog
http     base policy transfer http
portal   base policy catalog portal
cli      base policy catalog auth cli
agent    base policy auth transfer catalog http portal cli agent
'
# header: the files that may include it, or (with a slash at the end) all of a folder
private='
policy/grant_issue.h policy/grant.c agent/gate_grant.c
policy/grant_adopt.h policy/grant.c agent/wire.c agent/haul.c
policy/view_all.h policy/view.c agent/cli/
'
# beginning of a library's header: its wrapper
libraries='
oauth2/        auth/oidc.c
openssl/       agent/http/tls.c agent/http/tls_backend.c agent/http/tls_backend.h agent/http/tls_fail.c agent/http/tls_gcm.c agent/http/tls_gcm.h agent/http/tls_keys.c agent/http/tls_keys.h agent/http/tls_pair.c agent/http/tls_pair.h agent/http/tls_record.c auth/keys.c agent/base/crypto.c agent/base/crypto_running.c tests/bench/bench_tokens.c tests/unit/test_tls.c tests/unit/test_tls_gcm.c tests/fuzz/fuzz_tls_gcm.c tests/unit/test_tls_record.c tests/fuzz/fuzz_tls_record.c
intel-ipsec-mb agent/http/tls_imb.c
curl/          agent/base/fetch.c agent/base/carry.c
libssh2        transfer/ssh_out.c
libssh/        transfer/ssh_in.c
hdf5           transfer/hdf5.c transfer/hdf5_visit.c
H5             transfer/hdf5.c transfer/hdf5_visit.c
sqlite3        agent/catalog/store.c transfer/queue_sqlite.c
libpq-fe       agent/catalog/store_pg.c transfer/queue_pg.c
udunits2       agent/catalog/units.c
yaml.h         agent/base/yaml.c
jansson        agent/base/json.c tests/bench/bench_tokens.c
expat          transfer/xml.c
libdeflate     transfer/inflate.c
zlib           transfer/inflate.c
nghttp2/       agent/http/h2.c agent/http/h2_stream.c
qrencode       agent/cli/qr.c
seccomp        agent/sandbox.c
linux/landlock agent/sandbox_landlock.c
cmocka         tests/unit/check.h
'
folders=()
for d in agent auth policy transfer tests; do [ ! -d "$d" ] || folders+=("$d"); done
[ ${#folders[@]} -gt 0 ] || { echo "arrows.sh: nothing of ours in $PWD" >&2; exit 2; }
mapfile -t files < <(find "${folders[@]}" -name '*.[ch]' -type f | sort)
[ ${#files[@]} -gt 0 ] || { echo "arrows.sh: no .c or .h in $PWD" >&2; exit 2; }

awk -v layers="$layers" -v private="$private" -v libraries="$libraries" '
function layer(path,   part, n) {
	n = split(path, part, "/")
	if (part[1] == "agent" && n > 2)
		return part[2]
	return part[1]
}
# table(text, first, rest): first[i] and the words after it, with blanks around them
function table(text, first, rest,   row, n, i, k, sp) {
	n = split(text, row, "\n")
	for (i = 1; i <= n; i++) {
		if (row[i] == "")
			continue
		k++
		gsub(/ +/, " ", row[i])
		sp = index(row[i] " ", " ")
		first[k] = substr(row[i], 1, sp - 1)
		rest[k] = substr(row[i], sp) " "
	}
	return k
}
function has(words, word) { return index(words, " " word " ") > 0 }
function breach(what, why) {
	printf "%s:%d: %s: %s\n", FILENAME, FNR, what, why
	bad = 1
}
function quoted(name,   to, i) {
	if (name !~ /\//)
		return breach(name, "path from the root, please")
	if (name ~ /(^|\/)\.\.?(\/|$)|^\/|\/\//)
		return breach(name, "a plain path from the root, please")
	if (name ~ /\.c$/)
		return breach(name, "a .c file is never included")
	if (from == "tests")
		return
	to = layer(name)
	if (!has(may[from], to))
		breach(name, "layer " from " may not include layer " to)
	for (i = 1; i <= nprivate; i++)
		if (header[i] == name && !has(only[i], FILENAME) && !has(only[i], folder))
			breach(name, "private: only" only[i] "may include it")
}
function angled(name,   i) {
	for (i = 1; i <= nlib; i++)
		if (index(name, lib[i]) == 1 && !has(wrapper[i], FILENAME)) {
			breach(name, "library: only" wrapper[i] "may include it")
			return
		}
	if (name ~ /\// && system("test -e " "\047" name "\047") == 0)
		breach(name, "our own headers stand in quotes")
}
BEGIN {
	n = table(layers, l, r)
	for (i = 1; i <= n; i++)
		may[l[i]] = r[i]
	nprivate = table(private, header, only)
	nlib = table(libraries, lib, wrapper)
}
FNR == 1 {
	from = layer(FILENAME)
	folder = FILENAME
	sub(/[^\/]*$/, "", folder)
	if (from != "tests" && !(from in may)) {
		breach(FILENAME, "folder without a row in the table of layers")
		failed++
	}
}
{
	line = $0
	gsub(/\/\*[^*]*\*\//, " ", line)
}
line ~ /^[ \t]*(#|%:|\?\?=)[ \t]*(include|import|embed)/ {
	bad = 0
	sub(/^[ \t]*(#|%:|\?\?=)[ \t]*/, "", line)
	if (line ~ /^include[ \t]*"[^"]*"/) {
		split(line, part, "\"")
		quoted(part[2])
	} else if (line ~ /^include[ \t]*<[-A-Za-z0-9_.\/+]*>/) {
		split(line, part, /[<>]/)
		angled(part[2])
	} else
		breach(line, "only include \"folder/file.h\" and include <file.h>")
	if (bad)
		failed++
	else
		passed++
}
END {
	printf "%d passed, %d failed\n", passed, failed
	exit failed > 0
}' "${files[@]}"
