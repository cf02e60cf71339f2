"""tests/gateway/redis.py: two gateways that share a Redis, seen from outside.

    redis.py shared|away|back PORT PORT KEY

Redis may be too slow for the gateways' patience on a crowded machine; then they compute for themselves, count that as a
failure, and what is said here of a round holds for one without any.
"""

import sys
import threading
import time

from outside import Client, embedding, metric, need

ROUNDS = 40
TEXTS = 20
serial = str(time.monotonic_ns())  # no text is known from an earlier call


def sums(ports, *names):
    return [sum(metric(port, "gateway_cache_" + name + "_total") for port in ports) for name in names]


def rounds(ports, ask, right):
    """Asks until a round has met no failure of Redis, in which `right` must hold of what was computed and found."""
    for turn in range(ROUNDS):
        before = sums(ports, "computed", "alone", "hits", "waited", "failures")
        ask([f"{ask.__name__} {turn}, text {n}, {serial}" for n in range(TEXTS)])
        computed, alone, hits, waited, failures = (
            now - then for now, then in zip(sums(ports, "computed", "alone", "hits", "waited", "failures"), before))
        if failures == 0:
            need(right(computed, alone, hits, waited), f"computed {computed}, alone {alone}, found {hits + waited}")
            return turn
    need(False, f"Redis failed in each of {ROUNDS} rounds")


def shared(ports, key):
    clients = [Client(port, key) for port in ports]

    def one_after_the_other(texts):
        vectors = [[embedding(client, text)[1] for text in texts] for client in clients]
        need(vectors[0] == vectors[1], "two gateways give two vectors of one text")
        need(len(set(vectors[0])) == TEXTS, "two texts have one vector")

    def at_once(texts):
        found = [None, None]
        start = threading.Barrier(2)

        def node(number):
            start.wait()
            found[number] = [embedding(clients[number], text)[1] for text in texts]

        both = [threading.Thread(target=node, args=(number,)) for number in range(2)]
        for each in both:
            each.start()
        for each in both:
            each.join()
        need(found[0] and found[0] == found[1], "two gateways give two vectors of one text")

    once = lambda computed, alone, hits, waited: (computed, alone, hits + waited) == (TEXTS, 0, TEXTS)
    late = rounds(ports, one_after_the_other, once)
    late += rounds(ports, at_once, once)
    print(f"{TEXTS} texts are computed once for both, asked one after the other and at once; {late} rounds met failures")


def away(ports, key):
    """Each computes for itself; and soon nobody waits any more for what does not answer."""
    before = sums(ports, "alone", "hits")
    spared = lambda: sum(metric(port, "redis_spared_total") for port in ports)
    already, longest, asked, end = spared(), 0.0, 0, time.monotonic() + 60
    while asked < TEXTS or spared() == already:
        need(time.monotonic() < end, "each request waits for a Redis that is away")
        for port in ports:
            began = time.monotonic()
            embedding(Client(port, key), f"text {asked} without Redis, {serial}")
            longest = max(longest, time.monotonic() - began)
            asked += 1
    alone, hits = (now - then for now, then in zip(sums(ports, "alone", "hits"), before))
    need(alone == asked and hits == 0, f"of {asked} texts {alone:.0f} were computed alone, and {hits:.0f} found")
    print(f"without Redis: {asked} texts, the slowest took {1000 * longest:.0f} ms")


def back(ports, key):
    """The breakers close again, and what one computes the other finds."""
    first, second = (Client(port, key) for port in ports)
    end = time.monotonic() + 60
    turn = 0
    while True:
        before, text = sums(ports, "hits")[0], f"text {turn} behind the trouble, {serial}"
        need(embedding(first, text)[1] == embedding(second, text)[1], "two gateways give two vectors of one text")
        if sums(ports, "hits")[0] > before:
            break
        need(time.monotonic() < end, "Redis is back, and the gateways do not share")
        turn += 1
        time.sleep(0.02)
    print(f"Redis is back: shared again after {turn} texts")


globals()[sys.argv[1]]([int(sys.argv[2]), int(sys.argv[3])], sys.argv[4])
