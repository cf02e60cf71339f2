# tests/gateway/disk_full.sh: the disk of keys and audit is full. Requests are served on, rows wait, and what is lost is
# counted and told of; with room again the rows are written. $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"
if ! "$gateway" --version | grep -q SQLite; then
    echo "skipped: the gateway was built without SQLite"
    exit 77
fi

# A small disk: one of memory that only the gateway has, and who enters its namespaces; where that is refused, a limit for
# the size of its files.
program=$(realpath "$gateway")
if unshare -rm mount -t tmpfs none /mnt 2>/dev/null; then
    how='a full file system'
    mkdir "$scratch/disk"
    export WEIR_GATEWAY_DATABASE=$scratch/disk/gateway.db
    gateway=$scratch/on_a_disk
    printf '#!/bin/sh\nexec unshare -rm sh -c %s gateway "$@"\n' \
        "'mount -t tmpfs -o size=48m none \"$scratch/disk\" && exec \"$program\" \"\$@\"'" >"$gateway"
    chmod +x "$gateway"
    inside() { nsenter -t "$server" -U -m --preserve-credentials -- "$@"; }
    fill() { inside cp /dev/zero "$scratch/disk/filler" 2>/dev/null || true; }
    make_room() { inside rm "$scratch/disk/filler"; }
else
    how='a limit for files'
    trap '' XFSZ # so that a write beyond it fails, as on a full disk
    inside() { "$@"; }
    fill() { prlimit --pid "$server" --fsize="$(stat -c %s "$WEIR_GATEWAY_DATABASE-wal"):"; }
    make_room() { prlimit --pid "$server" --fsize=unlimited:; }
fi
served() { # COUNT: each as ever, and quickly
    python3 -SB "$(dirname "$0")/outside.py" flood "${url##*:}" "$key" "$1" "$scratch/answered" >"$scratch/said" 2>&1 ||
        fail "requests with a full disk: $(cat "$scratch/said")"
}

for backend in io_uring epoll; do
    rm -f "$WEIR_GATEWAY_DATABASE"*
    start "$backend" --log-level warning --drain-timeout 2000 || continue
    : >"$scratch/answered"
    stored=$(inside "$program" --add-key stored)
    [ "$(status_for "$stored" /v1/models)" = 200 ] || fail "a key that was made is not good"
    served 500
    await_metric gateway_audit_waiting -eq 0

    fill
    served 500
    for _ in 1 2 3; do
        [ "$(status_for "$stored" /v1/models)" = 200 ] || fail "a known key is refused because the disk is full"
    done
    [ "$(status_for weir-nobodys /v1/models)" = 401 ] || fail "an unknown key, and a full disk: $(cat "$scratch/body")"
    await_metric gateway_audit_attempts_failed_total -ge 1
    await_metric gateway_audit_waiting -ge 1
    grep -q 'audit: SQLite: .*rows wait' "$scratch/err" || fail "the log does not say that rows wait, and why"
    # More rows than may wait, where a request takes no time; each of them is lost, and counted.
    lost=0
    if is_release "$1" && [ "$backend" = epoll ]; then
        served 66000
        [ "$(metric gateway_audit_waiting)" = 65536 ] || fail "$(metric gateway_audit_waiting) rows wait"
        lost=$(metric gateway_audit_lost_total)
        [ "$lost" -gt 0 ] || fail "more rows came than may wait, and none is said to be lost"
        grep -q 'rows are lost so far: too many rows wait' "$scratch/err" || fail "the log does not tell of a loss"
    fi

    make_room
    await_metric gateway_audit_waiting -eq 0
    grep -q 'rows are written again' "$scratch/err" || fail "the log does not say that rows are written again"
    served 100
    await_metric gateway_audit_waiting -eq 0
    [ "$(metric gateway_audit_lost_total)" = "$lost" ] || fail "rows were lost when there was room again"
    missing=$(inside python3 -S -c 'import sqlite3, sys
there = {row[0] for row in sqlite3.connect(sys.argv[1]).execute("select id from audit")}
sent = [line.strip() for line in open(sys.argv[2])]
assert len(set(sent)) == len(sent) and there <= set(sent), "rows of requests that nobody sent"
print(len(sent) - len(there))' "$WEIR_GATEWAY_DATABASE" "$scratch/answered")
    [ "$missing" = "$lost" ] || fail "$missing rows are missing, and $lost were said to be lost"
    echo "on $backend, by $how: $(wc -l <"$scratch/answered") requests, $lost rows said to be lost and as many missing"
    stop
done
