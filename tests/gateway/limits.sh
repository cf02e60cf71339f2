# tests/gateway/limits.sh: every limit of the gateway, from below and from above; see limits.py. $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"

at_limits() { # PARTS ARGUMENTS-OF-THE-GATEWAY...: on a gateway of its own
    local parts=$1
    shift
    start "$backend" "$@" || return 0
    # shellcheck disable=SC2086
    python3 -S "$(dirname "$0")/limits.py" "${url##*:}" "$key" $parts >"$scratch/said" 2>&1 || fail "$parts on $backend: $(cat "$scratch/said")"
    sed "s/^/on $backend: /" "$scratch/said"
    stop
}

for backend in io_uring epoll; do
    at_limits 'sizes pipeline slow' --max-header 1024 --max-headers 20 --max-target 200 --max-body 2048 \
        --idle-timeout 1 --header-timeout 1 --body-timeout 1 --body-pause 1
    at_limits shed --concurrency 1 --most-concurrency 1 --max-waiting 2
    at_limits rate --rate-limit 10
    at_limits connections=1500
done
