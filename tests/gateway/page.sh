# tests/gateway/page.sh: a headless Chromium opens the live page under load: figures appear, change, and come back after
# the connection has broken. $1: the build folder. Skipped where there is no Chromium.
set -eu
. "$(dirname "$0")/started.bash"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || {
    echo "skipped: there is no Chromium (Debian: chromium)"
    exit 77
}

# Some clients, one request after the other, until the file is gone.
load() {
    while [ -e "$scratch/loading" ]; do
        curl -sS -m 20 -o "$scratch/answer.$1" -H "Authorization: Bearer $key" \
            -d '{"model":"weir-ngram-384","input":["some text","another"]}' "$url/v1/embeddings" || true
    done
}

start io_uring || start epoll || fail "the gateway does not start"
touch "$scratch/loading"
load 1 &
first=$!
load 2 &
second=$!
status=0
python3 -B "$(dirname "$0")/page_browser.py" "$url/" || status=$?
rm "$scratch/loading"
wait "$first" "$second"
[ "$status" = 0 ] || fail "the page"
stop
echo "the live page shows what the gateway does"
