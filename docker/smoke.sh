#!/bin/sh
# Builds the image from this checkout, starts it, and checks that it keeps its promises and runs a notebook.
#
#   docker/smoke.sh [NOTEBOOK]
#
# ENGINE is docker (the default), podman or buildah; buildah needs root and no daemon. BUILD holds further arguments of the
# build, for instance bases from elsewhere: BUILD="--build-arg DEBIAN_IMAGE=localhost/debian --build-arg GO_IMAGE=localhost/golang --pull=never".
# IMAGE names an image to test instead of building one. BUILDAH="buildah --root …" names another store.
set -eu

cd "$(dirname -- "$0")/.."
engine=${ENGINE:-docker}
buildah=${BUILDAH:-buildah}
image=${IMAGE:-localhost/kernelsmith-smoke}
notebook=${1:-01-networks-and-kernels}
container=
volume=

clean() {
	status=$?
	trap - EXIT
	case $engine in
	buildah)
		[ -z "$container" ] || $buildah rm "$container" >/dev/null
		[ -n "${IMAGE-}" ] || $buildah rmi "$image" >/dev/null 2>&1 || :
		;;
	*)
		[ -z "$container" ] || "$engine" rm -f "$container" >/dev/null
		[ -n "${IMAGE-}" ] || "$engine" rmi "$image" >/dev/null 2>&1 || :
		;;
	esac
	[ -z "$volume" ] || rm -rf "$volume"
	exit $status
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

# A token known here alone, so that the checks can go through it.
token=smoke-$$
case $engine in
buildah)
	if [ -z "${IMAGE-}" ]; then
		# shellcheck disable=SC2086 # BUILD holds several arguments
		$buildah bud --isolation chroot --format docker ${BUILD-} -f docker/Dockerfile -t "$image" .
	fi
	container=$($buildah from --pull-never "$image")
	volume=$(mktemp -d)
	chown 1000:0 "$volume"
	# This isolation shares the machine's network, where 8888 may be taken.
	port=$((20000 + $$ % 20000))
	$buildah run --isolation chroot --user 1000:0 --volume "$volume:/opt/kernelsmith/work" \
		--env "JUPYTER_TOKEN=$token" --env "KERNELSMITH_PORT=$port" --env HOME=/home/lab "$container" -- \
		sh -c '/opt/kernelsmith/docker/start >/tmp/lab.log 2>&1 & lab=$!
			/opt/kernelsmith/docker/check "$1"; status=$?
			[ $status = 0 ] || tail -n 20 /tmp/lab.log
			kill $lab; wait $lab 2>/dev/null; exit $status' sh "$notebook"
	;;
docker | podman)
	if [ -z "${IMAGE-}" ]; then
		# shellcheck disable=SC2086 # BUILD holds several arguments
		"$engine" build ${BUILD-} -f docker/Dockerfile -t "$image" .
	fi
	container=$("$engine" run -d -e "JUPYTER_TOKEN=$token" "$image")
	"$engine" exec "$container" /opt/kernelsmith/docker/check "$notebook" || {
		"$engine" logs --tail 20 "$container" >&2
		exit 1
	}
	;;
*)
	echo "ENGINE is $engine; it must be docker, podman or buildah" >&2
	exit 2
	;;
esac
