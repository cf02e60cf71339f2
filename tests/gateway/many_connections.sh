# tests/gateway/many_connections.sh: ten thousand connections at once, what they take, and what is left of them; see
# many_connections.py. $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"
held=lenient
most=1000 # whom a slow build can serve in time
if is_release "$1"; then held=strict most=10000; fi
allowed=$(($(ulimit -Hn) - 200)) # of each side, which needs some for itself
if [ "$allowed" -lt "$most" ]; then
    echo "$allowed and not $most connections: no more descriptors are allowed here"
    most=$allowed
fi

for backend in io_uring epoll; do
    start "$backend" --workers 2 --max-connections "$most" --log-level warning --idle-timeout 120 \
        --header-timeout 1 || continue
    python3 -SB "$(dirname "$0")/many_connections.py" "${url##*:}" "$server" "$most" "$held" >"$scratch/said" 2>&1 ||
        fail "many connections on $backend: $(cat "$scratch/said")"
    sed "s/^/on $backend: /" "$scratch/said"
    stop
done
