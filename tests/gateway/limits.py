"""tests/gateway/limits.py: goes to each limit of a gateway, over it, and looks that the server serves on.

    limits.py PORT KEY PART...    PARTs: sizes, pipeline, slow, shed, rate; connections=N

Each part prints a line about what it saw, or ends with status 1 and what was wrong.
10,000 connections, which take a minute and 20,000 descriptors on the machine of both sides, are not for every run:
    ulimit -n 20000; weir-gateway --port 8080 --api-key k &  python3 tests/gateway/limits.py 8080 k connections=10000
"""

import json
import resource
import socket
import sys
import threading
import time

PATIENCE = 20


def connect(port):
    one = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one


def need(good, what):
    if not good:
        sys.exit("limits.py: " + what)


class Answers:
    """The responses of one connection, one after the other."""

    def __init__(self, connection):
        self.connection, self.kept = connection, b""

    def read(self):
        """(status, headers, body); nothing at the end of the connection."""
        while b"\r\n\r\n" not in self.kept:
            if not self.more():
                return None
        head, self.kept = self.kept.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", 0))
        while len(self.kept) < length:
            need(self.more(), "a response was cut off")
        body, self.kept = self.kept[:length], self.kept[length:]
        return int(lines[0].split(" ")[1]), headers, body

    def more(self):
        try:
            piece = self.connection.recv(65536)
        except ConnectionResetError:
            return False
        self.kept += piece
        return bool(piece)


def get(path, key=None, more=""):
    bearer = f"Authorization: Bearer {key}\r\n" if key else ""
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n{bearer}{more}\r\n".encode()


def post(path, key, body):
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def ask(port, request):
    with connect(port) as one:
        one.sendall(request)
        return Answers(one).read()


def healthy(port, when):
    got = ask(port, get("/health"))
    need(got and got[0] == 200, f"/health {when}: {got}")


def sizes(port, key):
    """Each size that is just allowed passes, and one more is refused with its own status. Needs the settings of limits.sh."""
    filler = lambda bytes_: get("/health", more="X: " + "a" * (bytes_ - len("Host: test\r\nX: \r\n\r\n")) + "\r\n")
    lines = lambda count: get("/health", more="".join(f"X{n}: y\r\n" for n in range(count - 1)))
    target = lambda bytes_: get("/health?" + "q" * (bytes_ - len("/health?")))
    body = lambda bytes_: post("/v1/embeddings", key, {"model": "weir-ngram-384", "input": "a" * (bytes_ - 40)})
    need(len(body(2048).split(b"\r\n\r\n", 1)[1]) == 2048, "the test's own arithmetic")
    for name, make, most, status in (("header bytes", filler, 1024, 431), ("headers", lines, 20, 431),
                                     ("target", target, 200, 414), ("body", body, 2048, 413)):
        at, over = ask(port, make(most)), ask(port, make(most + 1))
        need(at and at[0] == 200, f"{most} of {name}: {at}")
        need(over and over[0] == status, f"{most + 1} of {name}: {over}, not {status}")
        need("error" in json.loads(over[2]), f"{name}: the refusal is not in the shape of the API")
    healthy(port, "behind the refusals")
    print("each size passes at its limit and is refused above it")


def pipeline(port, key):
    """A hundred requests in one write, and more than that, are answered in their order."""
    for count in (100, 250):
        with connect(port) as one:
            one.sendall(b"".join(get(f"/absent/{n}") if n % 3 else get("/v1/models", key) for n in range(count)))
            answers = Answers(one)
            for n in range(count):
                got = answers.read()
                need(got is not None, f"{count} pipelined: {n} were answered")
                right = f"/absent/{n}".encode() in got[2] if n % 3 else got[0] == 200
                need(right, f"{count} pipelined: answer {n} is {got}")
    print("250 pipelined requests are answered in order")


def slow(port, key):
    """Who sends a byte from time to time is sent away, and who sends nothing between requests. Needs 1 s for each."""
    head, body = get("/v1/models", key), post("/v1/embeddings", key, {"model": "weir-ngram-384", "input": "a" * 200})
    behind_head = body.index(b"\r\n\r\n") + 4
    seen = {}

    def drip(name, first, rest):
        with connect(port) as one:
            began = time.monotonic()
            one.sendall(first)
            one.settimeout(0.25)
            got = b""
            for byte in list(rest) + [None] * 100:
                try:
                    if byte is not None:
                        one.send(bytes([byte]))
                    piece = one.recv(4096)
                    if not piece:
                        break
                    got += piece
                except socket.timeout:
                    pass
                except (BrokenPipeError, ConnectionResetError):
                    break
            seen[name] = (time.monotonic() - began, got)

    cases = [("head", b"", head), ("body", body[:behind_head], body[behind_head:]), ("idle", get("/health"), b"")]
    threads = [threading.Thread(target=drip, args=each) for each in cases]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        healthy(port, "while others drip")
        time.sleep(0.1)
    for name, (took, got) in seen.items():
        need(0.5 < took < 6, f"slow {name}: it took {took:.1f} s")
    for name in ("head", "body"):
        need(seen[name][1].startswith(b"HTTP/1.1 408 "), f"slow {name}: {seen[name][1][:60]}")
    need(seen["idle"][1].startswith(b"HTTP/1.1 200 "), "the idle client was not answered first")
    print("slow clients are sent away: " + ", ".join(f"{name} after {took:.1f} s" for name, (took, _) in sorted(seen.items())))


def shed(port, key):
    """With one place and one who waits, many at once get 503 with Retry-After, and /health answers still."""
    texts = [f"text {n} " * 400 for n in range(200)]
    statuses, refused = [], []

    def one_of_many(number):
        request = post("/v1/embeddings", key, {"model": "weir-ngram-384", "input": [f"{number} {each}" for each in texts]})
        status, headers, body = ask(port, request)
        statuses.append(status)
        if status == 503:
            refused.append((headers, json.loads(body)))

    threads = [threading.Thread(target=one_of_many, args=(n,)) for n in range(24)]
    for each in threads:
        each.start()
    healthy(port, "under overload")
    need(ask(port, get("/metrics"))[0] == 200, "/metrics under overload")
    for each in threads:
        each.join()
    need(set(statuses) == {200, 503}, f"overload: {sorted(set(statuses))}")
    for headers, body in refused:
        need(int(headers.get("retry-after", 0)) >= 1, "a 503 without Retry-After")
        need(body["error"]["code"] == "overloaded" and body["error"]["type"] == "server_error", f"a 503: {body}")
    again = ask(port, post("/v1/embeddings", key, {"model": "weir-ngram-384", "input": "a"}))
    need(again[0] == 200, f"after the overload: {again}")
    print(f"of 24 at once {statuses.count(200)} were served and {len(refused)} sent away")


def rate(port, key):
    """Ten requests a minute are allowed; what is more gets 429, with the headers of the API."""
    with connect(port) as one:
        answers = Answers(one)
        for n in range(13):
            one.sendall(get("/v1/models", key))
            status, headers, body = answers.read()
            need(headers["x-ratelimit-limit-requests"] == "10", f"the limit is not told: {headers}")
            need(int(headers["x-ratelimit-remaining-requests"]) == max(0, 9 - n), f"request {n}: {headers}")
            need(headers["x-ratelimit-reset-requests"].endswith("s"), f"the reset is not told: {headers}")
            need(status == (200 if n < 10 else 429), f"request {n} of 10 a minute: {status}")
            if n < 10:
                need("retry-after" not in headers, "an answer with Retry-After")
            else:
                need(1 <= int(headers["retry-after"]) <= 6, f"Retry-After: {headers}")
                need(json.loads(body)["error"]["code"] == "rate_limit_exceeded", f"a 429: {body}")
    need(ask(port, get("/v1/models", key + "x"))[0] == 401, "a wrong key")
    healthy(port, "for a key that has used up its rate")
    print("the eleventh request of a minute gets 429")


def connections(port, key, count):
    """So many connections are open at once, each is served, and then each a second time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need(hard >= count + 50, f"{count} connections need more descriptors than {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began = time.monotonic()
    everybody = [connect(port) for _ in range(count)]
    for turn in range(2):
        for one in everybody:
            one.sendall(get("/health"))
        for number, one in enumerate(everybody):
            got = Answers(one).read()
            need(got and got[0] == 200, f"connection {number} of {count}, request {turn}: {got}")
    text = ask(port, get("/metrics"))[2].decode()
    there = next(line for line in text.split("\n") if line.startswith("gateway_connections "))
    need(int(float(there.split(" ")[1])) == count + 1, f"{count} connections are open, and /metrics says {there}")
    for one in everybody:
        one.close()
    print(f"{count} connections are served twice in {time.monotonic() - began:.1f} s")


def main():
    port, key = int(sys.argv[1]), sys.argv[2]
    for part in sys.argv[3:]:
        name, _, count = part.partition("=")
        globals()[name](port, key, *([int(count)] if count else []))


main()
