"""tests/gateway/drain.py: keeps a gateway busy, has it end, and counts what became of every request.

    drain.py PORT PID KEY

Clients on kept connections send one request after another; every fourth sends three in one write. After a while SIGTERM
goes to PID. A request ends in one of these ways:
  answered    its response came whole
  cut         a part of its response came, and no more
  lost        the server had it, and ended the connection without a byte of a response: the connection was reset with the
              request unread, or the server's FIN acknowledges the request
  dismissed   it was sent behind one whose response says "Connection: close"
  late        it was sent after the server had closed: the server's FIN came, and acknowledges nothing of it
Status 0 when nothing was cut or lost, every connection has ended, and requests were answered before and after SIGTERM.
"""

import collections
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time

clients = 64
before = 1.0  # seconds of load before SIGTERM
patience = 10.0  # seconds from there to the last connection's end


def request(number, turn, key):
    kind = number % 3
    if kind == 0:
        return b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n"
    if kind == 1:
        return b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"
    text = f"request {turn} of client {number}" if number % 2 else f"request {turn % 5} of everybody"
    body = json.dumps({"model": "weir-ngram-384", "input": [text * 50, text]}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def acknowledged(connection):
    """Bytes of ours that the peer has acknowledged (tcpi_bytes_acked)."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return struct.unpack_from("Q", info, 120)[0]


class Client:
    def __init__(self, number, port, key, counts):
        self.number, self.key, self.counts = number, key, counts
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setblocking(False)
        self.before = acknowledged(self.connection)  # the SYN counts
        self.sent = 0
        self.turn = 0
        self.ends = collections.deque()  # of the requests that wait for an answer: where each ends in what was sent
        self.input = bytearray()
        self.dismissed = False
        self.done = False

    def ask(self):
        out = b""
        for _ in range(3 if self.number % 4 == 0 else 1):
            out += request(self.number, self.turn, self.key)
            self.turn += 1
            self.ends.append(self.sent + len(out))
        try:
            taken = self.connection.send(out)
        except (BrokenPipeError, ConnectionResetError):
            taken = 0
        self.sent += taken
        while self.ends and self.ends[-1] > self.sent:  # not sent, so not asked
            self.ends.pop()
        self.done = not self.ends

    def ready(self):
        try:
            piece = self.connection.recv(1 << 20)
        except ConnectionResetError:
            return self.ended(reset=True)
        if not piece:
            return self.ended(reset=False)
        self.input += piece
        while self.take_response():
            pass
        if not self.ends and not self.dismissed:
            self.ask()

    def take_response(self):
        head_end = self.input.find(b"\r\n\r\n")
        if head_end < 0:
            return False
        head = bytes(self.input[:head_end]).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:])
        end = head_end + 4 + int(headers["content-length"])
        if len(self.input) < end:
            return False
        del self.input[:end]
        self.ends.popleft()
        self.counts["answered" if head[0].startswith("http/1.1 200 ") else "refused"] += 1
        if headers.get("connection") == "close":
            self.dismissed = True
            self.counts["dismissed"] += len(self.ends)
            self.ends.clear()
        return True

    def ended(self, reset):
        if self.input:
            self.counts["cut"] += 1
            self.ends.popleft()
        known = acknowledged(self.connection) - self.before
        for end in self.ends:
            self.counts["lost" if reset or end <= known else "late"] += 1
        self.done = True


def main():
    port, process, key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    counts = collections.Counter()
    selector = selectors.DefaultSelector()
    open_clients = 0
    for number in range(clients):
        client = Client(number, port, key, counts)
        selector.register(client.connection, selectors.EVENT_READ, client)
        client.ask()
        open_clients += 1
    began = time.monotonic()
    answered_before = None
    while open_clients and time.monotonic() - began < before + patience:
        if answered_before is None and time.monotonic() - began > before:
            answered_before = counts["answered"]
            os.kill(process, signal.SIGTERM)
        for key_of, _ in selector.select(0.05):
            client = key_of.data
            client.ready()
            if client.done:
                selector.unregister(client.connection)
                client.connection.close()
                open_clients -= 1
    after = counts["answered"] - (answered_before or 0)
    print(f"{answered_before} requests answered before SIGTERM and {after} after; cut {counts['cut']}, lost {counts['lost']}, "
          f"refused {counts['refused']}; dismissed {counts['dismissed']}, late {counts['late']}; "
          f"connections left {open_clients}")
    bad = counts["cut"] + counts["lost"] + counts["refused"] + open_clients
    return 1 if bad or not answered_before or not after else 0


sys.exit(main())
