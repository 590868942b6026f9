#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A checker that has never failed is not known to work: plant one breach of each kind in a copy of
# the tree and expect tests/arrows.sh to report each, at its line, and nothing else.
set -uo pipefail
root=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

copy() {
	rm -rf "$work/tree"
	mkdir "$work/tree"
	(cd "$root" && find agent auth policy transfer tests -name '*.[ch]' -print0 2>/dev/null |
		tar cf - --null -T -) | tar xf - -C "$work/tree"
}
verdict() { # verdict NAME OK
	if [ "$2" = yes ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "arrows_test: $1" >&2
		sed 's/^/    /' "$work/out" >&2
	fi
}
# plant NAME FILE LINE-OF-CODE WORDS: the file gets the line at its end; the report must name file,
# line and words, and be the only one.
plant() {
	mkdir -p "$work/tree/$(dirname "$2")"
	printf '%s\n' "$3" >>"$work/tree/$2"
	local n
	n=$(wc -l <"$work/tree/$2")
	if bash "$root/tests/arrows.sh" "$work/tree" >"$work/out"; then
		verdict "$1: not seen" no
	elif grep -F "$2:$n: " "$work/out" | grep -qF -- "$4" && [ "$(grep -c ': ' "$work/out")" = 1 ]; then
		verdict "$1" yes
	else
		verdict "$1: not reported as '$2:$n: ... $4', or not alone" no
	fi
	rm -f "$work/tree/$2"
	[ ! -f "$root/$2" ] || cp "$root/$2" "$work/tree/$2"
	rmdir "$work/tree/$(dirname "$2")" 2>/dev/null || true
}

copy
if bash "$root/tests/arrows.sh" "$work/tree" >"$work/out"; then verdict clean yes; else verdict "the tree itself is not clean" no; fi

plant "base looks up" agent/base/zz.c '#include "policy/subject.h"' 'layer base may not include layer policy'
plant "policy looks up" policy/zz.c '#include "auth/issuers.h"' 'layer policy may not include layer auth'
plant "auth sees transfer" auth/zz.c '#include "transfer/reading.h"' 'layer auth may not include layer transfer'
plant "auth sees catalog" auth/zz.c '#include "agent/catalog/catalog.h"' 'layer auth may not include layer catalog'
plant "transfer sees auth" transfer/zz.h '#include "auth/issuers.h"' 'layer transfer may not include layer auth'
plant "transfer sees http" transfer/zz.c '#include "agent/http/exchange.h"' 'layer transfer may not include layer http'
plant "catalog sees transfer" agent/catalog/zz.c '#include "transfer/reading.h"' 'layer catalog may not include layer transfer'
plant "http sees catalog" agent/http/zz.c '#include "agent/catalog/catalog.h"' 'layer http may not include layer catalog'
plant "http sees auth" agent/http/zz.c '#include "auth/issuers.h"' 'layer http may not include layer auth'
plant "cli sees http" agent/cli/zz.c '#include "agent/http/exchange.h"' 'layer cli may not include layer http'
plant "cli sees the roof" agent/cli/zz.c '#include "agent/role.h"' 'layer cli may not include layer agent'
plant "base sees the roof" agent/base/zz.c '#include "agent/role.h"' 'layer base may not include layer agent'
plant "product sees tests" agent/zz.c '#include "tests/unit/check.h"' 'layer agent may not include layer tests'
plant "a new folder" agent/zz/zz.c 'int zz;' 'folder without a row'
plant "issue outside of the gate" agent/role_front.c '#include "policy/grant_issue.h"' 'private: only'
plant "issue in transfer" transfer/zz.c '#include "policy/grant_issue.h"' 'private: only'
plant "adopt outside of wire" agent/gate.c '#include "policy/grant_adopt.h"' 'private: only'
plant "everything shows in the gate" agent/gate.c '#include "policy/view_all.h"' 'private: only'
plant "everything shows in the catalogue" agent/catalog/zz.c '#include "policy/view_all.h"' 'private: only'
for row in oauth2/oauth2.h openssl/ssl.h curl/curl.h libssh2.h libssh/server.h hdf5.h H5public.h sqlite3.h libpq-fe.h \
	udunits2.h yaml.h jansson.h expat.h libdeflate.h zlib.h nghttp2/nghttp2.h seccomp.h linux/landlock.h cmocka.h; do
	plant "library $row" agent/zz.c "#include <$row>" 'library: only'
done
plant "library in a test" tests/unit/test_zz.c '#include <sqlite3.h>' 'library: only'
plant "indented" agent/base/zz.c '  #  include "policy/subject.h"' 'layer base may not include'
plant "behind a comment" agent/base/zz.c '/* x */ #include "policy/subject.h"' 'layer base may not include'
plant "digraph" agent/base/zz.c '%:include "policy/subject.h"' 'layer base may not include'
plant "no folder" agent/base/zz.c '#include "span.h"' 'path from the root'
plant "dots" policy/zz.c '#include "agent/base/../role.h"' 'plain path from the root'
plant "absolute" policy/zz.c '#include "/tmp/x.h"' 'plain path from the root'
plant "a .c file" tests/fuzz/fuzz_zz.c '#include "agent/base/span.c"' 'never included'
plant "by macro" policy/zz.c '#include HEADER' 'only include'
plant "include_next" policy/zz.c '#include_next <x.h>' 'only include'
plant "ours in angles" policy/zz.c '#include <agent/role.h>' 'in quotes'

echo "$passed passed, $failed failed"
[ $failed = 0 ]
