# tests/gateway/redis.sh: two gateways share a Redis: what one has computed the other finds, what both want at once is
# computed once; while Redis is silent, or gone, they are slower and not down. $1: the build folder.
set -eu
. "$(dirname "$0")/started.bash"
. "$(dirname "$0")/databases.bash"
skip_without redis

outside() { # PART
    python3 -SB "$(dirname "$0")/redis.py" "$1" "${other##*:}" "${url##*:}" "$key" >"$scratch/said" 2>&1 ||
        fail "$1 on $backend: $(cat "$scratch/said")"
    sed "s/^/on $backend: /" "$scratch/said"
}

start_redis
for backend in io_uring epoll; do
    redis_says FLUSHALL >"$scratch/flushed"
    start "$backend" --redis "$redis_url" --database none --log-level warning || continue
    behind=$server
    other=$url
    start "$backend" --redis "$redis_url" --database none --log-level warning
    outside shared
    signal_redis STOP
    outside away
    signal_redis KILL
    outside away
    start_redis
    outside back
    stop
    server=$behind
    behind=
    stop
done
