#!/bin/sh
# Builds the image from this checkout, starts it, and checks that it keeps its promises and runs a notebook.
#
#   docker/smoke.sh [NOTEBOOK]
#
# ENGINE is docker (the default), podman or buildah; the first two need curl, buildah needs root and no daemon. BUILD holds
# further arguments of the build, for instance bases from elsewhere:
# BUILD="--build-arg DEBIAN_IMAGE=localhost/debian --build-arg GO_IMAGE=localhost/golang --pull=never".
# IMAGE names an image to test instead of building one. BUILDAH="buildah --root …" names another store.
set -eu

cd "$(dirname -- "$0")/.."
engine=${ENGINE:-docker}
buildah=${BUILDAH:-buildah}
image=${IMAGE:-localhost/kernelsmith-smoke}
notebook=${1:-01-networks-and-kernels}
work=/opt/kernelsmith/work
container=
volume=

fail() {
	printf 'FAILED: %s\n' "$1" >&2
	exit 1
}

clean() {
	status=$?
	trap - EXIT
	case $engine in
	buildah)
		[ -z "$container" ] || $buildah rm "$container" >/dev/null
		[ -n "${IMAGE-}" ] || $buildah rmi "$image" >/dev/null 2>&1 || :
		[ -z "$volume" ] || rm -rf "$volume"
		;;
	*)
		[ -z "$container" ] || "$engine" rm -f "$container" >/dev/null
		[ -z "$volume" ] || "$engine" volume rm "$volume" >/dev/null
		[ -n "${IMAGE-}" ] || "$engine" rmi "$image" >/dev/null 2>&1 || :
		;;
	esac
	exit $status
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

# with_volume USER COMMAND [ARGUMENT…]: runs a command in place of JupyterLab, on the same volume.
with_volume() {
	user=$1
	shift
	case $engine in
	buildah) $buildah run --isolation chroot --user "$user" --volume "$volume:$work" "$container" -- /opt/kernelsmith/docker/start "$@" ;;
	*) "$engine" run --rm --user "$user" -v "$volume:$work" "$image" "$@" ;;
	esac
}

case $engine in
buildah)
	if [ -z "${IMAGE-}" ]; then
		# shellcheck disable=SC2086 # BUILD holds several arguments
		$buildah bud --isolation chroot --format docker ${BUILD-} -f docker/Dockerfile -t "$image" .
	fi
	container=$($buildah from --pull-never "$image")
	volume=$(mktemp -d)
	chown 1000:0 "$volume"
	chmod 770 "$volume"
	# This isolation shares the machine's network, where 8888 may be taken.
	port=$((20000 + $$ % 20000))
	$buildah run --isolation chroot --user 1000:0 --volume "$volume:$work" --env "KERNELSMITH_PORT=$port" "$container" -- \
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
	volume=$("$engine" volume create)
	container=$("$engine" run -d --init -p 127.0.0.1::8888 -v "$volume:$work" "$image")
	"$engine" exec "$container" /opt/kernelsmith/docker/check "$notebook" || {
		"$engine" logs --tail 20 "$container" >&2
		exit 1
	}

	address=$("$engine" port "$container" 8888/tcp | head -n 1)
	token=$("$engine" logs "$container" 2>&1 | sed -n 's/.*[?]token=\([^ ]*\).*/\1/p' | head -n 1)
	curl -fsS -o /dev/null "http://$address/api/contents?token=$token" || fail "the token that it prints does not open $address"
	echo "the token that it prints opens $address"

	case $engine in
	# Podman needs systemd to run the health check by itself.
	podman) podman healthcheck run "$container" || fail 'the health check fails' ;;
	docker)
		waited=0
		until [ "$(docker inspect -f '{{.State.Health.Status}}' "$container")" = healthy ]; do
			waited=$((waited + 1))
			[ $waited -lt 90 ] || fail 'Docker does not find it healthy'
			sleep 1
		done
		;;
	esac
	echo "$engine finds it healthy"

	"$engine" stop "$container" >/dev/null
	[ "$("$engine" inspect -f '{{.State.ExitCode}}' "$container")" != 137 ] || fail 'it had to be killed to stop'
	echo 'it stops when asked'
	;;
*)
	echo "ENGINE is $engine; it must be docker, podman or buildah" >&2
	exit 2
	;;
esac

with_volume 1000:0 sh -c 'echo mine >00-start.ipynb && rm -r "$1.ipynb" records/paper/*' sh "$notebook"
with_volume 1234:0 sh -c 'grep -qx mine 00-start.ipynb && [ -s "$1.ipynb" ] && [ -n "$(ls records/paper)" ] && [ ! -w ../go.mod ] && go version' sh "$notebook" ||
	fail 'the volume does not keep what is in it, does not get what it lacks, or user 1234 of group 0 cannot work in it'
echo 'the volume keeps what is in it and gets what it lacks'
