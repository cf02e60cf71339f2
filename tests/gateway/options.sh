# tests/gateway/options.sh: the command line: help, keys, and clear errors for what cannot be. $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"

refuses() { # WORDS ARGUMENTS...: ends with an error that says them
    local words=$1 status=0
    shift
    timeout 10 "$gateway" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
    [ "$status" != 0 ] && [ "$status" -lt 124 ] || fail "weir-gateway $*: status $status"
    cat "$scratch/out" "$scratch/err" | grep -qF -e "$words" || fail "weir-gateway $*: does not say: $words"
    ! grep -q '^listening' "$scratch/out" || fail "weir-gateway $*: listened all the same"
}
status_with() { # KEY: of a request that carries it
    curl -sS -m 10 -o "$scratch/body" -w '%{http_code}' -H "Authorization: Bearer $1" "$url/v1/models"
}

"$gateway" --help >"$scratch/help" || fail "--help has no status 0"
for option in --host --port --backend --workers --api-key --api-key-file --help WEIR_GATEWAY_KEYS; do
    grep -q -e "$option" "$scratch/help" || fail "--help does not tell of $option"
done

refuses --port --port 65536
refuses --port --port -1
refuses --port --port http
refuses '{auto,io_uring,epoll}' --backend kqueue
refuses --workers --workers 100000
refuses --workers --workers few
refuses --bogus --bogus
refuses 'localhost' --host localhost --port 0
refuses '--api-key: a key must be' --api-key 'a b' --port 0
refuses "$scratch/absent" --api-key-file "$scratch/absent" --port 0
printf '# of the tests\n\nbad key\n' >"$scratch/keys"
refuses 'line 3' --api-key-file "$scratch/keys" --port 0
WEIR_GATEWAY_KEYS='good,b d' refuses WEIR_GATEWAY_KEYS --port 0

# Keys of all sources are accepted, and no others.
printf '# of the tests\nfrom-file\n' >"$scratch/keys"
export WEIR_GATEWAY_KEYS=from-environment,another
start epoll --api-key second --api-key-file "$scratch/keys" --workers 1
for accepted in "$key" second from-file from-environment another; do
    [ "$(status_with "$accepted")" = 200 ] || fail "the key $accepted is not accepted"
done
for wrong in '' x '# of the tests' from-environment,another; do
    [ "$(status_with "$wrong")" = 401 ] || fail "the key '$wrong' is accepted"
done
refuses 'in use' --port "${url##*:}"
grep -qF "${url#http://}" "$scratch/err" || fail "the address that is in use is not named"
[ "$(status_with second)" = 200 ] || fail "the gateway whose port was asked for does not answer"
stop
unset WEIR_GATEWAY_KEYS

# Without a key one is made up and printed; it works.
key=
: >"$scratch/out"
"$gateway" --port 0 --backend epoll >"$scratch/out" 2>"$scratch/err" &
server=$!
for _ in $(seq 200); do
    if grep -q '^listening' "$scratch/out"; then break; fi
    sleep 0.02
done
url=$(sed -n 's/^listening on \(http:[^ ]*\) .*/\1/p' "$scratch/out")
made=$(sed -n 's/.*for trying out: //p' "$scratch/out")
[ "$(status_with "$made")" = 200 ] || fail "the printed key '$made' is not accepted"
kill -INT "$server" # as Ctrl-C does
ended
echo "the command line is as it should be"
