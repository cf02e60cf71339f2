# tests/gateway/started.bash: starts the gateway for a test script, and ends it whatever becomes of the script.
# To be sourced with the build folder as $1. Gives: gateway, key, scratch; start and stop; after start url and server.
gateway=$1/examples/gateway/weir-gateway
key=key-of-the-tests
scratch=$(mktemp -d)
server=
behind= # another gateway, where a script runs two
for variable in $(env | sed -n 's/^\(WEIR_GATEWAY_[A-Z_]*\)=.*/\1/p'); do unset "$variable"; done
export WEIR_GATEWAY_DATABASE=$scratch/gateway.db

end_all() {
    local each
    for each in $server $behind; do { kill -KILL "$each" && wait "$each"; } 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap end_all EXIT

fail() { # MESSAGE
    echo "failed: $1" >&2
    grep -v '"level":"info"' "$scratch/err" 2>/dev/null | tail -n 20 | sed 's/^/the gateway says: /' >&2 || true
    exit 1
}

# Starts the gateway on a backend and waits for its word. Status 1 where io_uring is refused, and says so.
start() { # BACKEND ARGUMENTS...
    : >"$scratch/out"
    "$gateway" --port 0 --backend "$1" --api-key "$key" "${@:2}" >"$scratch/out" 2>"$scratch/err" &
    server=$!
    url=
    for _ in $(seq 200); do
        url=$(sed -n 's/^listening on \(https*:[^ ]*\) .*/\1/p' "$scratch/out")
        if [ -n "$url" ]; then break; fi
        kill -0 "$server" 2>/dev/null || fail "the gateway ended before it listened"
        sleep 0.02
    done
    [ -n "$url" ] || fail "the gateway does not say where it listens"
    if ! grep -q "($1," "$scratch/out"; then
        echo "skipped on $1: $(cat "$scratch/err")"
        stop
        return 1
    fi
}

# Asks the gateway to end, which must be with status 0.
stop() {
    kill -TERM "$server"
    ended
}
ended() {
    local status=0
    wait "$server" || status=$?
    server=
    [ "$status" = 0 ] || fail "the gateway ended with status $status"
}

# What scripts look at from outside.
metric() { # NAME: the value of one without labels
    curl -sS -m 20 "$url/metrics" | sed -n "s/^$1 //p"
}
await_metric() { # NAME OPERATOR VALUE: as of test(1); waits for as long as a crowded machine may need
    local now=
    for _ in $(seq 600); do
        now=$(metric "$1")
        if [ "$now" "$2" "$3" ]; then return 0; fi
        sleep 0.05
    done
    fail "$1 is $now, and does not become $2 $3"
}
status_for() { # KEY PATH: the status of an answer, whose id, which the audit has, goes to a file
    curl -sS -m 20 -o "$scratch/body" -D "$scratch/head" -w '%{http_code}' -H "Authorization: Bearer $1" "$url$2"
    sed -n 's/^[Xx]-[Rr]equest-[Ii][Dd]: \([0-9a-f]*\).*/\1/p' "$scratch/head" >>"$scratch/answered"
}
is_release() { # BUILD-FOLDER: others are slow, and larger
    grep -q '^CMAKE_BUILD_TYPE:STRING=Release$' "$1/CMakeCache.txt"
}
