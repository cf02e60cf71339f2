# tests/gateway/openai_client.sh: the client that users of the OpenAI API have works unchanged, against the echo model and
# through a gateway before it. $1: the build folder.
set -eu
folder=$(dirname "$0")/openai_client
if ! command -v node >/dev/null || [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ] || [ ! -d "$folder/node_modules/openai" ]; then
    echo "skipped: no Node.js 20, or not the client (npm ci in $folder)"
    exit 77
fi
. "$(dirname "$0")/started.bash"
behind= # the gateway that another one asks
trap 'if [ -n "$behind" ]; then { kill -KILL "$behind" && wait "$behind"; } 2>/dev/null || true; fi; end_all' EXIT

drive() { # MODE
    timeout 60 node "$folder/client.mjs" "$url" "$key" "$1" || fail "the client, $1"
}

for backend in io_uring epoll; do
    start "$backend" || continue
    drive plain
    behind=$server
    export WEIR_GATEWAY_UPSTREAM_KEY=$key
    start "$backend" --upstream "$url/v1"
    drive proxied
    stop
    unset WEIR_GATEWAY_UPSTREAM_KEY
    server=$behind
    behind=
    stop
done
echo "the client of the OpenAI API works"
