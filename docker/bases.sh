#!/bin/sh
# Makes stand-ins for the two images that the Dockerfile starts from, for a machine that reaches Debian's packages but no
# image registry: localhost/debian (mmdebstrap, minimal) and localhost/golang (this machine's Go).
#
#   docker/bases.sh        needs root, buildah, mmdebstrap and Go; BUILDAH="buildah --root …" names another store
#
# ARCH names another architecture (arm64), which the machine can run by qemu-user-static and binfmt-support; its Go then
# comes from the module proxy.
#
# Certificates and pip's settings of this machine come along, so that a proxy which it trusts is trusted there too.
set -eu

buildah=${BUILDAH:-buildah}
suite=bookworm
here=$(dpkg --print-architecture)
arch=${ARCH:-$here}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mmdebstrap --quiet --variant=minbase --architectures="$arch" "$suite" "$work/debian.tar"
debian=$($buildah from --arch "$arch" scratch)
$buildah add --quiet "$debian" "$work/debian.tar" / >/dev/null
for file in /etc/pip.conf /usr/local/share/ca-certificates; do
	if [ -e "$file" ]; then
		$buildah copy --quiet "$debian" "$file" "$file" >/dev/null
	fi
done
$buildah commit --quiet "$debian" localhost/debian >/dev/null
$buildah rm "$debian" >/dev/null

go=$(go env GOROOT)
if [ "$arch" != "$here" ]; then
	# A module cannot hold what may be executed, nor other modules: what Go does when it takes up a toolchain from there.
	toolchain=golang.org/toolchain@v0.0.1-$(go env GOVERSION).linux-$arch
	go mod download "$toolchain"
	cp -R "$(go env GOMODCACHE)/$toolchain" "$work/go"
	go=$work/go
	chmod -R u+w "$go"
	chmod +x "$go"/bin/* "$go"/pkg/tool/*/*
	mv "$go/src/_go.mod" "$go/src/go.mod"
	mv "$go/src/cmd/_go.mod" "$go/src/cmd/go.mod"
fi
golang=$($buildah from --arch "$arch" scratch)
$buildah copy --quiet "$golang" "$go" /usr/local/go >/dev/null
$buildah commit --quiet "$golang" localhost/golang >/dev/null
$buildah rm "$golang" >/dev/null
