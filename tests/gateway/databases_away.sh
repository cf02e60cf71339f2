# tests/gateway/databases_away.sh: PostgreSQL and Redis fall silent, die and come back under load. No request waits for
# them longer than it may, what was acknowledged is there, and what is lost is counted. $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"
. "$(dirname "$0")/databases.bash"
skip_without postgres redis

answers() { # COUNT: so many more answers come
    local want
    want=$(($(wc -l <"$scratch/answered") + $1))
    for _ in $(seq 1200); do
        if [ "$(wc -l <"$scratch/answered")" -ge "$want" ]; then return 0; fi
        kill -0 "$load" 2>/dev/null || fail "the clients: $(cat "$scratch/said")"
        sleep 0.05
    done
    fail "no answers come"
}
new_key() { timeout 20 "$gateway" --database "$postgres_url" --add-key "$1" 2>"$scratch/refusal"; } # NAME
# Every answer left its row, and no row is of anything else; but for so many that were lost.
compare_rows() { # LOST
    sql "select replace(id::text, '-', '') from audit" | sort >"$scratch/rows"
    sort "$scratch/answered" >"$scratch/ids"
    [ -z "$(uniq -d "$scratch/ids")" ] || fail "two answers have one id"
    [ -z "$(comm -13 "$scratch/ids" "$scratch/rows")" ] || fail "rows are there of requests that nobody sent"
    local missing
    missing=$(comm -23 "$scratch/ids" "$scratch/rows" | wc -l)
    [ "$missing" = "$1" ] || fail "of $(wc -l <"$scratch/ids") rows $missing are missing, and $1 were said to be lost"
}

ways='STOP KILL'
start_postgres
start_redis
for backend in io_uring epoll; do
    start "$backend" --database "$postgres_url" --redis "$redis_url" --log-level warning --audit-patience 0 || continue
    : >"$scratch/answered"
    known=$(new_key known) || fail "no key is made: $(cat "$scratch/refusal")"
    [ "$(status_for "$known" /v1/models)" = 200 ] || fail "a key that was made is not good"
    python3 -SB "$(dirname "$0")/outside.py" load "${url##*:}" "$key" "$scratch/answered" "$scratch/enough" 4 \
        >"$scratch/said" 2>&1 &
    load=$!
    answers 200

    # They die with what they had not written; at first, where there is time for it, they only fall silent.
    late=$(new_key late) || fail "no key is made: $(cat "$scratch/refusal")"
    for how in $ways; do
        signal_postgres "$how"
        signal_redis "$how"
        answers 200
        [ "$(status_for "$late" /v1/models)" = 503 ] || fail "a key that nobody can look up: $(cat "$scratch/body")"
        grep -qi '^retry-after:' "$scratch/head" || fail "a 503 does not say when to come back"
        answers 200
    done
    ways=KILL # the patience with a silent database is 2 s
    [ "$(status_for "$known" /v1/models)" = 200 ] || fail "a key that was known is refused while the database is away"
    if new_key lost >"$scratch/key"; then fail "a key was made without a database"; fi
    [ -s "$scratch/refusal" ] || fail "nobody says why no key was made"
    lost=$(metric redis_connections_lost_total)
    [ "$lost" -ge 1 ] || fail "the connection to Redis is not said to be lost"
    waiting=$(metric gateway_audit_waiting)
    [ "$waiting" -ge 400 ] || fail "rows do not wait for the database, but $waiting"
    grep -q 'rows wait' "$scratch/err" || fail "the log does not say that rows wait"

    start_postgres
    start_redis
    await_metric redis_connections_total -ge 2
    hits=$(metric gateway_cache_hits_total)
    await_metric gateway_cache_hits_total -gt "$hits"
    for _ in $(seq 400); do
        now=$(status_for "$late" /v1/models)
        if [ "$now" = 200 ]; then break; fi
        sleep 0.05
    done
    [ "$now" = 200 ] || fail "a key that was made before the database died gets $now"
    answers 200
    touch "$scratch/enough"
    wait "$load" || fail "the clients: $(cat "$scratch/said")"
    rm "$scratch/enough"
    await_metric gateway_audit_waiting -eq 0
    [ "$(metric gateway_audit_lost_total)" = 0 ] || fail "rows were lost, although the database came back in time"
    grep -q 'rows are written again' "$scratch/err" || fail "the log does not say that rows are written again"
    compare_rows 0
    echo "on $backend: $(wc -l <"$scratch/rows") requests, $waiting rows waited, none is lost; $(cat "$scratch/said")"

    # Away until the end: what waits is lost, told of, and counted to the row.
    signal_postgres KILL
    for _ in 1 2 3 4 5; do
        [ "$(status_for "$key" /v1/models)" = 200 ] || fail "a request failed because of the database"
    done
    stop
    start_postgres
    grep -Eq 'audit: 5 rows (were lost in all|are lost so far)' "$scratch/err" || fail "the log does not tell of the loss"
    grep '"audit closed"' "$scratch/err" | grep -q '"lost":"5"' || fail "the end does not count what was lost"
    compare_rows 5
    sql 'truncate audit, api_key'
done
