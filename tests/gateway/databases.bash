# tests/gateway/databases.bash: a PostgreSQL and a Redis of a script's own, to be halted, killed and brought back.
# To be sourced after started.bash. Gives: postgres_url, redis_url, and the functions below.
# Both listen on a socket in the scratch folder only.
postgres_programs=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname)
redis_program=$(command -v redis-server || true)
postgres= # process numbers, while they run
redis=
postgres_url="postgresql:///postgres?user=weir&host=$scratch/postgres"
redis_url=unix://$scratch/redis.socket
trap 'end_databases; end_all' EXIT

skip_without() { # postgres|redis...
    local each
    for each in "$@"; do
        local programs=${each}_programs program=${each}_program
        if [ -z "${!programs:-${!program:-}}" ]; then
            echo "skipped: the server of $each is not installed"
            exit 77
        fi
        if ! "$gateway" --version | grep -qi "$each"; then
            echo "skipped: the gateway was built without $each"
            exit 77
        fi
    done
}

as_postgres() { # COMMAND...: PostgreSQL refuses to be root, and must not outlive the script
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid postgres --regid postgres --clear-groups --pdeathsig INT "$@"
    fi
    exec setpriv --pdeathsig INT "$@"
}
start_postgres() {
    if [ ! -d "$scratch/postgres" ]; then
        chmod 711 "$scratch"
        mkdir "$scratch/postgres"
        if [ "$(id -u)" = 0 ]; then chown postgres: "$scratch/postgres"; fi
        (cd "$scratch/postgres" && as_postgres "$postgres_programs/initdb" -D "$scratch/postgres/data" -U weir -A trust \
            -E UTF8 --locale=C --no-sync >"$scratch/initdb" 2>&1) || fail "initdb: $(tail -n 3 "$scratch/initdb")"
    fi
    local tries
    for tries in $(seq 200); do # it refuses while a process of its predecessor lingers
        if [ -z "$postgres" ]; then
            (cd "$scratch/postgres" && as_postgres "$postgres_programs/postgres" -D data -k "$scratch/postgres" \
                -c listen_addresses= -c fsync=off -c max_connections=40 >>"$scratch/postgres.words" 2>&1) &
            postgres=$!
        fi
        if sql 'select 1' >"$scratch/answer" 2>&1; then return 0; fi
        if ! kill -0 "$postgres" 2>/dev/null; then postgres=; fi
        sleep 0.05
    done
    fail "PostgreSQL does not start: $(tail -n 3 "$scratch/postgres.words")"
}
sql() { "$postgres_programs/psql" -XAtq -d "$postgres_url" -c "$1"; } # QUERY

# To the server and all that serve its connections. KILL is as the power goes; after STOP it takes connections, and is
# silent.
signal_postgres() { # SIGNAL
    local all
    all="$postgres $(cat "/proc/$postgres/task/$postgres/children")"
    # shellcheck disable=SC2086
    kill "-$1" $all 2>/dev/null || true # one may have ended by itself
    if [ "$1" = KILL ]; then
        { wait "$postgres"; } 2>/dev/null || true
        postgres=
    fi
}

start_redis() {
    (exec setpriv --pdeathsig KILL "$redis_program" --port 0 --unixsocket "$scratch/redis.socket" --dir "$scratch" \
        --save "" --appendonly no >>"$scratch/redis.words" 2>&1) &
    redis=$!
    local tries
    for tries in $(seq 200); do
        if [ "$(redis_says PING)" = PONG ]; then return 0; fi
        kill -0 "$redis" 2>/dev/null || fail "Redis does not start: $(tail -n 3 "$scratch/redis.words")"
        sleep 0.02
    done
    fail "Redis does not answer"
}
redis_says() { "${redis_program%server}cli" -s "$scratch/redis.socket" "$@" 2>/dev/null; } # COMMAND...
signal_redis() { # SIGNAL
    kill "-$1" "$redis"
    if [ "$1" = KILL ]; then
        { wait "$redis"; } 2>/dev/null || true
        redis=
    fi
}

end_databases() {
    if [ -n "$postgres" ]; then signal_postgres KILL; fi
    if [ -n "$redis" ]; then signal_redis KILL; fi
}
