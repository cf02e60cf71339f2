# tests/gateway/drain.sh: SIGTERM under load cuts off no response and loses no request; see drain.py for what is counted.
# $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"

upstream=
trap '{ [ -z "$upstream" ] || kill "$upstream"; } 2>/dev/null; end_all' EXIT

# Starts a gateway with little patience, whose upstream takes connections and says nothing.
silent() { # START BACKEND
    rm -f "$scratch/upstream"
    python3 -S -c 'import socket, sys, time
one = socket.create_server(("127.0.0.1", 0))
print(one.getsockname()[1], flush=True)
time.sleep(60)' >"$scratch/upstream" &
    upstream=$!
    for _ in $(seq 100); do
        if [ -s "$scratch/upstream" ]; then break; fi
        sleep 0.02
    done
    "$@" --drain-timeout 500 --upstream "http://127.0.0.1:$(cat "$scratch/upstream")/v1"
}

for backend in io_uring epoll; do
    # A crowded machine may hold a client up for long while its request is on its way.
    start "$backend" --drain-farewell 3000 || continue
    python3 -S "$(dirname "$0")/drain.py" "${url##*:}" "$server" "$key" >"$scratch/counts" || {
        cat "$scratch/counts"
        fail "a drain on $backend"
    }
    echo "on $backend: $(cat "$scratch/counts")"
    ended

    # What does not end in time is broken off and told of: a request whose upstream never answers.
    silent start "$backend"
    curl -sS -m 20 -o /dev/null -H "Authorization: Bearer $key" "$url/v1/chat/completions" \
        -d '{"model":"far","messages":[{"role":"user","content":"hello"}]}' 2>/dev/null &
    client=$!
    for _ in $(seq 100); do
        curl -sS -m 10 -o "$scratch/metrics" "$url/metrics"
        if grep -q '^gateway_places_taken{.*chat.* 1$' "$scratch/metrics"; then break; fi
        sleep 0.05
    done
    kill -TERM "$server"
    ended
    wait "$client" && fail "a request was answered whose upstream is silent"
    grep -q 'POST /v1/chat/completions (1)' "$scratch/err" || fail "a request that was broken off is not told of"
    kill "$upstream" 2>/dev/null || true
    echo "on $backend: what a drain does not wait for is told of"
done
