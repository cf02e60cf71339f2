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
for option in --host --port --backend --workers --api-key --api-key-file --help WEIR_GATEWAY_KEYS --config --check-config \
    --version --database --rate-limit --concurrency --max-body --idle-timeout --drain-timeout; do
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
"$gateway" --version | grep -q '^weir-gateway [0-9]' || fail "--version does not say the version"

# What is wrong is named with its source, its key and its value; secrets are not shown.
WEIR_GATEWAY_MAX_BODY=lots refuses 'the environment variable WEIR_GATEWAY_MAX_BODY = lots' --port 0
WEIR_GATEWAY_MAX_BODDY=1 refuses 'WEIR_GATEWAY_MAX_BODDY is none of' --port 0
refuses "$scratch/absent" --config "$scratch/absent"
config() { # LINE...: the file of settings
    printf '%s\n' "$@" >"$scratch/settings"
}
config '# of the tests' 'max-body = many'
refuses "$scratch/settings: max-body = many" --config "$scratch/settings"
config 'max-bodies = 1'
refuses "$scratch/settings: max-bodies is no setting" --config "$scratch/settings"
config 'check-config = true'
refuses 'check-config is no setting' --config "$scratch/settings"
config 'port = [1, 2]'
refuses "$scratch/settings: port = 1, 2" --config "$scratch/settings"
config '[limits]' 'max-body = 1'
refuses 'no sections' --config "$scratch/settings"
refuses '--database: a database is' --database 'nosql://user:hidden-password@host/x' --port 0 --api-key a
! grep -q hidden-password "$scratch/out" "$scratch/err" || fail "an error shows a password"
refuses --api-kye --api-kye hidden-key
! grep -q hidden-key "$scratch/out" "$scratch/err" || fail "an unknown flag's value is shown, which may be a secret"

# A flag goes before the environment, and that before the file.
config 'max-body = 1000' 'max-target = 1001' 'idle-timeout = 11' 'api-key = [hidden-one, hidden-two]'
WEIR_GATEWAY_MAX_BODY=2000 WEIR_GATEWAY_MAX_TARGET=2001 WEIR_GATEWAY_CONFIG=$scratch/settings \
    "$gateway" --check-config --max-body 3000 >"$scratch/out" 2>"$scratch/err" || fail "--check-config: $(cat "$scratch/err")"
for line in 'max-body = 3000   # from the command line' 'max-target = 2001   # from the environment' \
    "idle-timeout = 11   # from $scratch/settings" 'api-key = (set)' 'header-timeout = 10' 'the configuration is good'; do
    grep -qF "$line" "$scratch/out" || fail "--check-config does not say: $line"
done
! grep -q hidden "$scratch/out" || fail "--check-config shows a secret"

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
cd "$scratch" # where its database will be
unset WEIR_GATEWAY_DATABASE
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

# A key of the database is good until it is revoked, and has the rate that it was given.
stored=$("$gateway" --add-key tester --key-rate-limit 3) || fail "--add-key"
key=of-the-command-line
start epoll
[ "$(status_with "$stored")" = 200 ] || fail "the key of --add-key is not accepted"
[ "$(status_with "$stored"x)" = 401 ] || fail "a key that the database does not have is accepted"
status_with "$stored" >/dev/null
status_with "$stored" >/dev/null
[ "$(status_with "$stored")" = 429 ] || fail "the rate of a stored key does not count"
[ "$(status_with "$key")" = 200 ] || fail "the rate of one key holds up another"
printf '%s\n' "$stored" | "$gateway" --revoke-key >/dev/null || fail "--revoke-key"
kill -HUP "$server" # which forgets what was found before
for _ in $(seq 100); do
    if [ "$(status_with "$stored")" = 401 ]; then break; fi
    sleep 0.05
done
[ "$(status_with "$stored")" = 401 ] || fail "a revoked key is accepted"
! printf '%s\n' "$stored" | "$gateway" --database "$scratch/other.db" --revoke-key >/dev/null 2>&1 || fail "a key was revoked that is not there"
stop
echo "the command line is as it should be"
