# tests/gateway/drain.sh: SIGTERM under load cuts off no response and loses no request; see drain.py for what is counted.
# $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"

for backend in io_uring epoll; do
    start "$backend" || continue
    python3 -S "$(dirname "$0")/drain.py" "${url##*:}" "$server" "$key" >"$scratch/counts" || {
        cat "$scratch/counts"
        fail "a drain on $backend"
    }
    echo "on $backend: $(cat "$scratch/counts")"
    ended
done
