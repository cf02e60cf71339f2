# tests/gateway/tls_reload.sh: a certificate that is swapped under load fails no request, and a bad one is refused with a
# word. $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"
if ! "$gateway" --help | grep -q -e --tls-certificate; then
    echo "skipped: the gateway was built without TLS"
    exit 77
fi
if ! command -v openssl >/dev/null; then
    echo "skipped: the openssl program is not installed"
    exit 77
fi

make_certificate() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$scratch/$1.key" -out "$scratch/$1.pem" 2>/dev/null
}
install() { # NAME: as an administrator does, each file at once
    cp "$scratch/$1.key" "$scratch/new" && mv "$scratch/new" "$scratch/key.pem"
    cp "$scratch/$1.pem" "$scratch/new" && mv "$scratch/new" "$scratch/certificate.pem"
}
shown() { # the name in the certificate of a new connection
    openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | sed -n 's/^subject=CN = //p'
}
becomes() { # NAME
    for _ in $(seq 200); do
        if [ "$(shown)" = "$1" ]; then return 0; fi
        sleep 0.05
    done
    fail "the certificate does not become that of $1"
}

make_certificate first
make_certificate second
cat "$scratch/first.pem" "$scratch/second.pem" >"$scratch/both.pem"
for backend in io_uring epoll; do
    install first
    start "$backend" --tls-certificate "$scratch/certificate.pem" --tls-key "$scratch/key.pem" || continue
    port=${url##*:}
    becomes first
    # One connection for each request, and one for all of them.
    for i in 1 2; do
        (
            while [ ! -e "$scratch/enough" ]; do
                curl -sS -m 10 --cacert "$scratch/both.pem" -o /dev/null -w '%{http_code}\n' \
                    "https://127.0.0.1:$port/health" 2>&1
            done
        ) >"$scratch/fresh.$i" &
        clients[i]=$!
    done
    curl -sS -m 60 --rate 20/s --cacert "$scratch/both.pem" -o /dev/null -w '%{http_code} %{num_connects}\n' \
        "https://127.0.0.1:$port/health?[1-60]" >"$scratch/kept" 2>&1 &
    clients[3]=$!
    for name in second first second first second; do
        install "$name"
        kill -HUP "$server"
        becomes "$name"
    done
    cp "$scratch/first.key" "$scratch/key.pem"
    kill -HUP "$server"
    for _ in $(seq 200); do
        if grep -q "not the key of the certificate" "$scratch/err"; then break; fi
        sleep 0.05
    done
    grep -q "not the key of the certificate" "$scratch/err" || fail "a key that does not belong is not complained of"
    [ "$(shown)" = second ] || fail "the bad key has replaced the good one"
    wait "${clients[3]}" || fail "the kept connection: $(cat "$scratch/kept")"
    touch "$scratch/enough"
    wait "${clients[1]}" "${clients[2]}"
    rm "$scratch/enough"
    for i in 1 2; do
        if grep -v '^200$' "$scratch/fresh.$i" >"$scratch/failed"; then
            fail "requests failed: $(head -3 "$scratch/failed")"
        fi
    done
    if grep -vqE '^200 [01]$' "$scratch/kept"; then fail "requests failed: $(cat "$scratch/kept")"; fi
    [ "$(grep -c '^200 1$' "$scratch/kept")" = 1 ] || fail "the connection was not kept"
    echo "on $backend: $(cat "$scratch"/fresh.? "$scratch/kept" | wc -l) requests, none failed"
    stop
done
