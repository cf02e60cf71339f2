"""tests/gateway/many_connections.py: ten thousand connections to one gateway at once.

    many_connections.py PORT PID MOST strict|lenient

MOST is the --max-connections of the gateway; where it is strict, its memory is held to what is promised.

Prints what it saw, or ends with status 1 and what was wrong.
"""

import contextlib
import resource
import selectors
import socket
import sys
import time

from outside import need, until, metric

HEALTH = b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n"
PROMISED = 9000  # bytes of an idle connection
patience = 20


def own_memory(process):
    """Its bytes that are not of files."""
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) * 1024


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=patience)


def serve_all(clients):
    """A request of everybody at once, and everybody's answer."""
    for one in clients:
        one.sendall(HEALTH)
    with selectors.DefaultSelector() as waiting:
        for number, one in enumerate(clients):
            waiting.register(one, selectors.EVENT_READ, number)
        left, end = len(clients), time.monotonic() + patience
        while left:
            ready = waiting.select(patience)
            need(ready and time.monotonic() < end, f"of {len(clients)} clients {left} have no answer")
            for key, _ in ready:
                got = key.fileobj.recv(4096)
                need(got.startswith(b"HTTP/1.1 200 ") and got.count(b"HTTP/1.1") == 1, f"client {key.data}: {got[:80]}")
                waiting.unregister(key.fileobj)
                left -= 1


def wave(port, process, count, before):
    """(bytes of a connection that has just come, bytes of one that was served and idles)"""
    with contextlib.ExitStack() as open_ones:
        come = lambda: open_ones.enter_context(connect(port))
        slow = come()
        slow.sendall(HEALTH[:1])
        clients = [come() for _ in range(count)]
        until(lambda: metric(port, "gateway_connections") >= count + 1, f"{count} clients are connected")
        fresh = own_memory(process) - before
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            slow.sendall(HEALTH[1:2])  # as if there were all the time in the world
        serve_all(clients)
        idle = own_memory(process) - before
        need(slow.recv(4096).startswith(b"HTTP/1.1 408 "), "who sends a byte now and then is not sent away")
        until(lambda: metric(port, "gateway_connections") == count + 1, "the slow client has left")
        beyond(port, come, clients)
    until(lambda: metric(port, "gateway_connections") == 1, "the gateway has noticed that all have gone")
    return fresh, idle


def beyond(port, come, clients):
    """Who comes when all places are taken waits, is let in when one goes, and nobody who is in notices."""
    last = [come(), come()]
    serve_all(last)
    late = come()
    late.sendall(HEALTH)
    late.settimeout(0.2)
    with contextlib.suppress(socket.timeout):
        need(not late.recv(1), "somebody is served for whom there is no place")
    serve_all(clients[:100] + last)
    last[0].close()
    late.settimeout(patience)
    need(late.recv(4096).startswith(b"HTTP/1.1 200 "), "a place is free, and who waited for it is not served")


def main():
    port, process, most, strict = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "strict"
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began = time.monotonic()
    before = own_memory(process)
    count = most - 2  # for who is slow, and for /metrics
    fresh, idle = wave(port, process, count, before)
    # What they leave behind is used again, if not at once: a worker keeps the memory of those whom it served.
    again = count // 10
    kept = own_memory(process)
    for _ in range(8):
        clients = [connect(port) for _ in range(again)]
        serve_all(clients)
        for one in clients:
            one.close()
    grown = own_memory(process) - kept
    if strict:
        need(idle / count < PROMISED, f"{count} idle connections take {idle} bytes")
        need(grown < 2 * again * (idle / count) + (1 << 20), f"of {8 * again} that come later {grown} bytes stay behind")
    print(f"{count} at once, each served: {fresh // count} bytes of the gateway for one that comes, {idle // count} for "
          f"one that was served; {8 * again} later ones leave {grown // 1024} KiB; {time.monotonic() - began:.1f} s")


main()
