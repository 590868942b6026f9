#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Install the Debian packages that the lists name and that are missing; apt-get runs only then.
#
#   agent/packages.sh LIST...            for example agent/packages.txt
set -euo pipefail
[ $# -gt 0 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v dpkg-query >/dev/null || { echo "packages: this is no Debian; install what stands in $*" >&2; exit 1; }
mapfile -t wanted < <(sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$@" | sort -u)
# It fails for names that were never installed, and still lists the others.
have=$({ dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null || true; } | sed -n 's/^ii *//p' | sort -u)
mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}") <(printf '%s\n' "$have"))
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "These Debian packages are missing; install them, then start again:" >&2
	echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o Dpkg::Use-Pty=0 update >/dev/null
apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}" >/dev/null
