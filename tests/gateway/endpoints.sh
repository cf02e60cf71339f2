# tests/gateway/endpoints.sh: curl gets every endpoint, with the right status and shape. $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"

expect() { # STATUS EXPRESSION CURL-ARGUMENTS...: so is the status, and the expression holds for `it`, the JSON that came
    local status=$1 holds=$2 got
    shift 2
    got=$(curl -sS -m 20 -D "$scratch/head" -o "$scratch/body" -w '%{http_code}' "$@") || fail "curl $*"
    [ "$got" = "$status" ] || fail "curl $*: status $got, not $status: $(cat "$scratch/body")"
    python3 -S -c 'import json, math, sys
it = json.load(open(sys.argv[1]))
sys.exit(not eval("(" + sys.argv[2] + ")"))' "$scratch/body" "$holds" || fail "curl $*: not $holds: $(head -c 400 "$scratch/body")"
}
expect_error() { # STATUS CODE CURL-ARGUMENTS...: a refusal in the shape of the OpenAI API
    expect "$1" "set(it) == {'error'} and set(it['error']) == {'message', 'type', 'param', 'code'} and
        it['error']['message'] and it['error']['type'] == 'invalid_request_error' and it['error']['code'] == '$2'" "${@:3}"
}
metric() { # NAME: its value now
    curl -sS -m 20 "$url/metrics" | sed -n "s/^$1 //p"
}

check_endpoints() {
    local auth="Authorization: Bearer $key" embeddings=$url/v1/embeddings
    expect 200 "it == {'status': 'ok'}" "$url/health"
    grep -qi '^content-type: application/json' "$scratch/head" || fail "/health is not application/json"
    curl -sS -m 20 -I "$url/health" | grep -qi '^content-length: 15' || fail "HEAD /health"
    expect 200 "it['object'] == 'list' and all(set(m) == {'id', 'object', 'created', 'owned_by'} and
        m['object'] == 'model' for m in it['data']) and it['data'][0]['id'] == 'weir-ngram-384'" -H "$auth" "$url/v1/models"

    expect_error 401 missing_api_key "$url/v1/models"
    grep -qi '^www-authenticate: bearer' "$scratch/head" || fail "401 without WWW-Authenticate"
    expect_error 401 invalid_api_key -H "Authorization: Bearer ${key}x" "$url/v1/models"
    expect_error 401 invalid_api_key -H "Authorization: Basic $key" "$url/v1/models"
    expect_error 401 missing_api_key -d '{}' "$embeddings"
    expect_error 404 not_found "$url/nothing"
    expect_error 405 method_not_allowed -X DELETE "$url/health"
    grep -qi '^allow: GET, HEAD' "$scratch/head" || fail "405 without Allow"

    local one="len(it['data'][0]['embedding']) == 384 and
        abs(math.fsum(x * x for x in it['data'][0]['embedding']) - 1) < 1e-4"
    expect 200 "it['object'] == 'list' and it['model'] == 'weir-ngram-384' and it['usage']['prompt_tokens'] == 3 and
        it['usage']['total_tokens'] == 3 and it['data'][0]['index'] == 0 and $one" \
        -H "$auth" -d '{"model":"weir-ngram-384","input":"hello world"}' "$embeddings"
    expect 200 "[d['index'] for d in it['data']] == [0, 1, 2] and $one and
        it['data'][0]['embedding'] == it['data'][2]['embedding'] != it['data'][1]['embedding']" \
        -H "$auth" -d '{"model":"weir-ngram-384","input":["a word","another","a word"]}' "$embeddings"
    printf '{"model":"weir-ngram-384","input":"%s"}' "$(head -c 30000 /dev/zero | tr '\0' x)" >"$scratch/large"
    expect 200 "$one" -H "$auth" -H 'Transfer-Encoding: chunked' --data-binary "@$scratch/large" "$embeddings"
    expect 200 "$one" -H "$auth" -H 'Expect: 100-continue' --data-binary "@$scratch/large" "$embeddings"

    expect_error 400 invalid_json -H "$auth" -d '{"model":' "$embeddings"
    expect_error 400 invalid_json -H "$auth" -d '[]' "$embeddings"
    expect_error 400 missing_required_parameter -H "$auth" -d '{"model":"weir-ngram-384"}' "$embeddings"
    expect_error 404 model_not_found -H "$auth" -d '{"model":"gpt","input":"a"}' "$embeddings"
    expect_error 400 unknown_parameter -H "$auth" -d '{"model":"weir-ngram-384","input":"a","inputs":1}' "$embeddings"
    head -c 1100000 /dev/zero >"$scratch/too_large"
    expect_error 413 body_too_large -H "$auth" --data-binary "@$scratch/too_large" "$embeddings"
    expect_error 431 headers_too_large -H "A: $(head -c 17000 /dev/zero | tr '\0' a)" "$url/health"
}

# Many clients at once, each with texts of its own and texts that others send, too.
check_batching() {
    local flights coalesced count i
    flights=$(metric gateway_embedding_flights_total)
    coalesced=$(metric gateway_embedding_coalesced_total)
    count=$(metric gateway_embedding_batch_size_count)
    python3 -S -c 'import json, sys
for client in range(1, 41):
    own = [f"a text of client {client}, number {n}" for n in range(20)]
    with open(f"{sys.argv[1]}/input.{client}", "w") as out:
        json.dump({"model": "weir-ngram-384", "input": own + ["a text of everybody " * 1000] * 5}, out)' "$scratch"
    for i in $(seq 40); do
        [ "$i" = 1 ] || echo next
        printf 'url = "%s/v1/embeddings"\nheader = "Authorization: Bearer %s"\ndata-binary = "@%s"\n' \
            "$url" "$key" "$scratch/input.$i"
        printf 'output = "%s"\nwrite-out = "%%{http_code}\\n"\nmax-time = 20\n' "$scratch/output.$i"
    done >"$scratch/requests"
    curl -sS --no-progress-meter -Z --parallel-max 40 --parallel-immediate -K "$scratch/requests" >"$scratch/statuses" || fail "curl -Z"
    [ "$(grep -c '^200$' "$scratch/statuses")" = 40 ] || fail "of 40 requests at once: $(sort "$scratch/statuses" | uniq -c)"
    flights=$(($(metric gateway_embedding_flights_total) - flights))
    coalesced=$(($(metric gateway_embedding_coalesced_total) - coalesced))
    count=$(($(metric gateway_embedding_batch_size_count) - count))
    echo "40 requests of 25 texts: $flights computed in $count batches, $coalesced coalesced"
    [ $((flights + coalesced)) = 1000 ] || fail "texts were lost or counted twice"
    [ "$coalesced" -ge 160 ] || fail "equal texts of one request are not coalesced"
    [ "$count" -lt "$flights" ] || fail "nothing was batched"
}

for backend in io_uring epoll; do
    start "$backend" || continue
    check_endpoints
    check_batching
    [ "$(metric gateway_requests_refused_total)" = 2 ] || fail "the two malformed requests are not counted"
    stop
    echo "all endpoints answer on $backend"
done
