# tests/gateway/files.sh: what needs no key: a folder of files, compressed answers, and who leaves a row of the audit.
# $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"

has() { # LINE: the head of the last answer has it, whatever the case of its letters
    tr -d '\r' <"$scratch/head" | grep -qixF "$1" || fail "the head has no '$1': $(cat "$scratch/head")"
}
lacks() { # NAME: no such line
    ! grep -qi "^$1:" "$scratch/head" || fail "the head has a '$1': $(cat "$scratch/head")"
}
ask() { # STATUS PATH CURL-ARGUMENTS...: the body goes to a file as it comes
    local got
    got=$(curl -sS -m 20 -o "$scratch/body" -D "$scratch/head" -w '%{http_code}' -H "Authorization: Bearer $key" \
        "${@:3}" "$url$2")
    [ "$got" = "$1" ] || fail "$2: the status is $got in the place of $1"
}
rows() { # COUNT PATH: so many rows of that path are in the audit; to be asked when the gateway has ended
    local there
    there=$(python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("select count(*) from audit where path = ?", [sys.argv[2]]).fetchone()[0])' \
        "$WEIR_GATEWAY_DATABASE" "$2")
    [ "$there" = "$1" ] || fail "$2 left $there rows in the place of $1"
}

files=$scratch/files
mkdir -p "$files/sub"
seq 1 20000 >"$files/numbers.txt"
printf 'outside' >"$scratch/secret"
printf '<p>index</p>' >"$files/sub/index.html"
gzip -k "$files/numbers.txt"

for backend in io_uring epoll; do
    export WEIR_GATEWAY_DATABASE=$scratch/files.$backend.db
    start "$backend" --files "$files" --files-path /docs/ || continue
    ask 200 /docs/numbers.txt
    cmp -s "$scratch/body" "$files/numbers.txt" || fail "a file is not what it was"
    has 'Vary: Accept-Encoding'
    grep -qi '^x-request-id:' "$scratch/head" || fail "a file has no id"
    tag=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' "$scratch/head")
    ask 304 /docs/numbers.txt -H "If-None-Match: $tag"
    ask 206 /docs/numbers.txt -r 10-19
    [ "$(stat -c %s "$scratch/body")" = 10 ] || fail "a range is not as long as it was asked for"
    ask 200 /docs/numbers.txt -H 'Accept-Encoding: gzip'
    has 'Content-Encoding: gzip'
    cmp -s "$scratch/body" "$files/numbers.txt.gz" || fail "the compressed file is not what it was"
    ask 200 /docs/sub/
    for path in /docs/absent /docs/../secret /docs/%2e%2e/secret /docs /documents; do
        ask 404 "$path" --path-as-is
        ! grep -q outside "$scratch/body" || fail "$path is outside"
        grep -qi '^x-request-id:' "$scratch/head" || fail "a refusal has no id"
    done
    ask 405 /docs/numbers.txt -X POST
    ask 200 /health # the gateway's own go before

    # Answers of JSON and text are compressed for who asks for it, small ones and streams are not.
    ask 200 /metrics
    lacks Content-Encoding
    has 'Vary: Accept-Encoding'
    ask 200 /metrics -H 'Accept-Encoding: gzip;q=0.5, br'
    has 'Content-Encoding: gzip'
    gunzip -c <"$scratch/body" | grep -q '^gateway_requests_total' || fail "what was compressed is not the same"
    ask 200 / -H 'Accept-Encoding: gzip'
    has 'Content-Encoding: gzip'
    ask 200 /v1/models -H 'Accept-Encoding: gzip' # too small
    lacks Content-Encoding
    said='"messages":[{"role":"user","content":"'$(seq -s ' ' 300)'"}]'
    ask 200 /v1/chat/completions -H 'Accept-Encoding: gzip' -H 'X-Request-Id: of-the-client' \
        -d '{"model":"weir-echo","stream":true,'"$said}"
    lacks Content-Encoding
    grep -qF 'data: [DONE]' "$scratch/body" || fail "a stream is not whole"
    stop
    rows 5 /docs/numbers.txt # the POST included
    rows 1 /
    rows 0 /health
    rows 0 /metrics
    python3 -c 'import sqlite3, sys
id, request = sqlite3.connect(sys.argv[1]).execute(
    "select id, request_id from audit where path = ?", ["/v1/chat/completions"]).fetchone()
assert request == "of-the-client" and id != request, (id, request)' "$WEIR_GATEWAY_DATABASE" ||
        fail "the audit does not say the id that the client was told"

    start "$backend" --compress-above 0 --audit-probes
    ask 404 /docs/numbers.txt
    ask 200 /metrics -H 'Accept-Encoding: gzip'
    lacks Content-Encoding
    ask 200 /health
    stop
    rows 1 /health
    rows 1 /metrics
    echo "files, compressed answers and the audit of what needs no key are as they should be on $backend"
done
! timeout 10 "$gateway" --files "$scratch/absent" --port 0 >"$scratch/out" 2>"$scratch/err" || fail "an absent folder is served"
grep -qF -e "--files $scratch/absent" "$scratch/err" || fail "the folder that is not there is not named"
! timeout 10 "$gateway" --files-path docs --port 0 >"$scratch/out" 2>"$scratch/err" || fail "a path without a slash is taken"
