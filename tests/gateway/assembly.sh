# tests/gateway/assembly.sh: what the whole gateway does: no endpoint holds up a worker, every request leaves a row of the
# audit, keys are swapped under load; and how large it is. $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"

outside() { # PART ARGUMENTS...
    python3 -S "$(dirname "$0")/assembly.py" "$@" >"$scratch/said" 2>&1 || fail "$1 on $backend: $(cat "$scratch/said")"
}
tell() { sed "s/^/on $backend: /" "$scratch/said"; }

check_size() { # BUILD-FOLDER: while a gateway idles
    strip -o "$scratch/stripped" "$gateway"
    local size resident own
    size=$(stat -c %s "$scratch/stripped")
    resident=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status")
    own=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status")
    echo "stripped $((size / 1024)) KiB; idle $resident KiB resident, of which $own KiB are its own and the rest is of files"
    is_release "$1" || return 0
    [ "$own" -lt 8192 ] || fail "an idle gateway has $own KiB of memory"
}

for backend in io_uring epoll; do
    printf 'steady\nfirst\n' >"$scratch/keys"
    start "$backend" --api-key-file "$scratch/keys" || continue
    check_size "$1"
    outside reload "${url##*:}" first second "$scratch/keys" "$server"
    tell
    grep -q 'line 2' "$scratch/err" || fail "the bad file of keys is not told of"
    stop

    start "$backend" --stall-limit 5
    # The limit is one of time, not of CPU time: what others take from the workers would count. So they go before others
    # where that is allowed, and what is seen is only told where it is not, or where the code is not optimised.
    strict=lenient
    if is_release "$1" && chrt -a -r -p 1 "$server" 2>"$scratch/refused"; then strict=strict; fi
    outside stalls "${url##*:}" "$key" "$scratch/err" "$strict"
    tell
    stop

    export WEIR_GATEWAY_DATABASE=$scratch/audited.$backend.db
    start "$backend"
    outside audited "${url##*:}" "$key" "$WEIR_GATEWAY_DATABASE"
    sent=$(cat "$scratch/said")
    stop
    outside rows "$WEIR_GATEWAY_DATABASE" "$sent" "$key"
    tell
done
