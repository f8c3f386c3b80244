#!/bin/sh
# Makes stand-ins for the two images that the Dockerfile starts from, for a machine that reaches Debian's packages but no
# image registry: localhost/debian (mmdebstrap, minimal) and localhost/golang (this machine's Go).
#
#   docker/bases.sh        needs root, buildah, mmdebstrap and Go; BUILDAH="buildah --root …" names another store
#
# Certificates and pip's settings of this machine come along, so that a proxy which it trusts is trusted there too.
set -eu

buildah=${BUILDAH:-buildah}
suite=bookworm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mmdebstrap --quiet --variant=minbase "$suite" "$work/debian.tar"
debian=$($buildah from scratch)
$buildah add --quiet "$debian" "$work/debian.tar" / >/dev/null
for file in /etc/pip.conf /usr/local/share/ca-certificates; do
	if [ -e "$file" ]; then
		$buildah copy --quiet "$debian" "$file" "$file" >/dev/null
	fi
done
$buildah commit --quiet "$debian" localhost/debian >/dev/null
$buildah rm "$debian" >/dev/null

golang=$($buildah from scratch)
$buildah copy --quiet "$golang" "$(go env GOROOT)" /usr/local/go >/dev/null
$buildah commit --quiet "$golang" localhost/golang >/dev/null
$buildah rm "$golang" >/dev/null
