# tests/gateway/mixed_load.sh: requests of the OpenAI API's own client and of weir's, mixed: every answer is right, and
# the gateways count what was sent. The one comes by TLS, under which certificates are swapped, to a gateway that passes
# chats on by weir's client to a second gateway; the other asks that one itself.
# $1: the build folder. WEIR_REQUESTS: how many, on each backend; the long form has 100000.
set -eu
. "$(dirname "$0")/started.bash"
folder=$(dirname "$0")/openai_client
requests=${WEIR_REQUESTS:-1000} # on each backend
if ! command -v node >/dev/null || [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ] ||
    [ ! -d "$folder/node_modules/openai" ]; then
    echo "skipped: no Node.js 20, or not the client (npm ci in $folder)"
    exit 77
fi

secure=()
install() { # NAME: as an administrator does, each file at once
    local each
    for each in key pem; do cp "$scratch/$1.$each" "$scratch/new" && mv "$scratch/new" "$scratch/its.$each"; done
}
if "$gateway" --version | grep -q TLS && command -v openssl >/dev/null; then
    for name in first second; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" \
            -addext subjectAltName=IP:127.0.0.1 -keyout "$scratch/$name.key" -out "$scratch/$name.pem" 2>/dev/null
    done
    cat "$scratch/first.pem" "$scratch/second.pem" >"$scratch/both.pem"
    export NODE_EXTRA_CA_CERTS=$scratch/both.pem CURL_CA_BUNDLE=$scratch/both.pem
    install first
    secure=(--tls-certificate "$scratch/its.pem" --tls-key "$scratch/its.key")
fi

client() { # NAME COMMAND...: half of the requests
    (
        status=0
        "${@:2}" "$key" "$((requests / 2))" >"$scratch/$1" 2>"$scratch/$1.words" || status=$?
        echo "$status" >"$scratch/$1.new" && mv "$scratch/$1.new" "$scratch/$1.status"
    ) &
}
sent() { awk -v kind="^($1)\$" '$1 ~ kind { n += $2 } END { print n + 0 }' "${@:2}"; } # KINDS FILE...
agrees() { # URL METHOD ROUTE COUNT
    local counted
    counted=$(curl -sS -m 20 "$1/metrics" |
        sed -n "s#^gateway_answers_total{method=\"$2\",outcome=\"ok\",route=\"$3\"} ##p")
    [ "$counted" = "$4" ] || fail "$2 $3 on $backend: $4 were sent, and $1 counts $counted"
}

for backend in io_uring epoll; do
    WEIR_GATEWAY_DATABASE=$scratch/second.$backend.db start "$backend" --log-level warning || continue
    behind=$server
    second=$url
    export WEIR_GATEWAY_UPSTREAM_KEY=$key
    WEIR_GATEWAY_DATABASE=$scratch/first.$backend.db start "$backend" --log-level warning --upstream "$second/v1" \
        "${secure[@]}"
    unset WEIR_GATEWAY_UPSTREAM_KEY

    began=$EPOCHREALTIME
    rm -f "$scratch"/*.status
    client openai node "$folder/load.mjs" "$url"
    client weir "$1/tests/gateway_weir_client" "$second"
    swaps=0
    while [ ! -e "$scratch/openai.status" ] && [ "${#secure[@]}" -gt 0 ]; do
        if [ $((swaps % 2)) = 0 ]; then install second; else install first; fi
        kill -HUP "$server"
        swaps=$((swaps + 1))
        sleep 0.1
    done
    for name in openai weir; do
        until [ -e "$scratch/$name.status" ]; do sleep 0.1; done # wait(1) forgets, in the long form
        [ "$(cat "$scratch/$name.status")" = 0 ] || fail "the client $name on $backend: $(cat "$scratch/$name.words")"
    done
    took=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $began }")

    # Nobody was refused, nothing failed; and the audit has a row for each.
    agrees "$url" GET /v1/models "$(sent models "$scratch/openai")"
    agrees "$url" POST /v1/embeddings "$(sent embeddings "$scratch/openai")"
    agrees "$url" POST /v1/chat/completions "$(sent 'chats|streams' "$scratch/openai")"
    agrees "$second" POST /v1/embeddings "$(sent embeddings "$scratch/weir")"
    agrees "$second" POST /v1/chat/completions "$(sent 'chats|streams' "$scratch/openai" "$scratch/weir")"
    agrees "$second" GET /v1/models "$(($(sent models "$scratch/weir") + $(metric gateway_models_loads_total)))"
    all=$(sent 'models|embeddings|chats|streams' "$scratch/openai" "$scratch/weir")
    [ "$all" = $((requests / 2 * 2)) ] || fail "of $requests requests $all were answered"
    await_metric gateway_audit_waiting -eq 0
    [ "$(metric gateway_audit_written_total)" = "$((requests / 2))" ] || fail "not every request has its row in the audit"
    [ "$(metric gateway_audit_lost_total)" = 0 ] || fail "rows of the audit were lost"
    echo "on $backend: $all requests in $took s, $swaps certificates; weir's client made" \
        "$(sent connections "$scratch/weir") connections"
    stop
    server=$behind
    behind=
    stop
done
