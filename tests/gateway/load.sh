# tests/gateway/load.sh: five hundred connections of wrk, to one endpoint and to all, meet no error. $1: the build folder.
set -eu
if ! command -v wrk >/dev/null; then
    echo "skipped: wrk is not installed"
    exit 77
fi
. "$(dirname "$0")/started.bash"

script=$(realpath "$(dirname "$0")/mixed.lua")
sed '/^request = /,/^end/d' "$script" >"$scratch/plain.lua" # the same counts
load() { # SCRIPT URL
    KEY=$key wrk -t2 -c500 -d3 --timeout 5 -s "$1" "$2" >"$scratch/wrk" || fail "wrk $2: $(cat "$scratch/wrk")"
    grep -Eq '^requests [1-9][0-9]*, socket errors 0, timeouts 0, not 2xx 0$' "$scratch/wrk" || fail "wrk $2: $(cat "$scratch/wrk")"
    echo "on $backend: $(grep '^requests' "$scratch/wrk")"
}

for backend in io_uring epoll; do
    start "$backend" || continue
    load "$scratch/plain.lua" "$url/health"
    load "$script" "$url"
    left=
    for _ in $(seq 100); do # wrk has closed its connections, and the server notices
        left=$(curl -sS -m 10 "$url/metrics" | sed -n 's/^gateway_connections //p')
        if [ "$left" = 1 ]; then break; fi
        sleep 0.05
    done
    [ "$left" = 1 ] || fail "$left connections are open, although wrk has ended"
    stop
done
