"""tests/gateway/outside.py: what the Python scripts of this folder share: requests of every kind, each answer looked at.

    outside.py load PORT KEY ANSWERED ENOUGH [CLIENTS]   sends requests until the file ENOUGH is there
    outside.py flood PORT KEY COUNT ANSWERED             sends COUNT short requests, many in each write

Both write a line into the file ANSWERED for each answer, with its id, which the audit has, and end with status 1 and
what was wrong if an answer is: it is not what was asked for, was refused, cut off, or took longer than anybody waits.
"""

import http.client
import json
import os
import re
import socket
import sys
import threading
import time

bound = 20  # seconds; what takes longer hangs


def need(good, what):
    if not good:
        sys.exit("outside.py: " + what)


class Client:
    """Somebody who keeps a connection."""

    def __init__(self, port, key):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=bound)
        self.headers = {"Authorization": "Bearer " + key}

    def ask(self, method, path, body=None):
        """(status, headers, body)"""
        self.connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        got = self.connection.getresponse()
        return got.status, got.headers, got.read()


def metric(port, name):
    """The sum of a metric's values over its labels."""
    text = Client(port, "").ask("GET", "/metrics")[2].decode()
    values = re.findall(r"^%s(?:\{.*\})? (\S+)$" % name, text, re.M)
    need(values, f"/metrics has no {name}")
    return sum(float(each) for each in values)


def until(holds, what):
    """Waits, for as long as a crowded machine may need."""
    end = time.monotonic() + 3 * bound
    while not holds():
        need(time.monotonic() < end, "waited in vain until " + what)
        time.sleep(0.02)


def embedding(client, text):
    """(headers, the vector in base64); anything else is wrong."""
    asked = {"model": "weir-ngram-384", "input": text, "encoding_format": "base64"}
    status, headers, body = client.ask("POST", "/v1/embeddings", asked)
    need(status == 200, f"an embedding got {status}: {body[:300]}")
    return headers, json.loads(body)["data"][0]["embedding"]


class Load:
    """Clients that ask for one thing after the other."""

    def __init__(self, port, key, answered, clients):
        self.known, self.answered = {}, answered
        self.over, self.wrong, self.longest = threading.Event(), [], 0.0
        make = lambda number: threading.Thread(target=self.run, args=(number, port, key), daemon=True)
        self.threads = [make(number) for number in range(clients)]
        for each in self.threads:
            each.start()

    def run(self, number, port, key):
        client, turn = Client(port, key), 0
        try:
            while not self.over.is_set():
                began = time.monotonic()
                headers = self.one(client, number, turn)
                took = time.monotonic() - began
                need(took < bound, f"an answer took {took:.1f} s")
                self.longest = max(self.longest, took)
                self.answered.write(headers["x-request-id"] + "\n")
                turn += 1
        except BaseException as error:
            self.wrong.append(f"client {number}, request {turn}: {type(error).__name__}: {error}")
            self.over.set()

    def one(self, client, number, turn):
        kind = turn % 4
        if kind == 0:
            status, headers, body = client.ask("GET", "/v1/models")
            need(status == 200 and b"weir-ngram-384" in body, f"the models got {status}: {body[:300]}")
        elif kind == 1:
            said = f"client {number} says number {turn}"
            asked = {"model": "weir-echo", "messages": [{"role": "user", "content": said}]}
            status, headers, body = client.ask("POST", "/v1/chat/completions", asked)
            need(status == 200, f"a chat got {status}: {body[:300]}")
            need(json.loads(body)["choices"][0]["message"]["content"] == said, f"another answer to {said}: {body[:300]}")
        else:  # what is new to everybody, and what all ask for
            text = f"text {turn} of client {number}" if kind == 2 else f"text {turn // 4 % 10} of all"
            headers, vector = embedding(client, text)
            need(self.known.setdefault(text, vector) == vector, f"two vectors of {text}")
        return headers

    def end(self):
        self.over.set()
        for each in self.threads:
            each.join(2 * bound)
            need(self.wrong or not each.is_alive(), "a client has no answer")
        need(not self.wrong, self.wrong[0] if self.wrong else "")


def load(port, key, answered, enough, clients="8"):
    with open(answered, "a", buffering=1) as out:
        all_of_them = Load(int(port), key, out, int(clients))
        while not os.path.exists(enough) and not all_of_them.over.is_set():
            time.sleep(0.02)
        all_of_them.end()
    print(f"the longest answer took {all_of_them.longest:.2f} s")


def flood(port, key, count, answered):
    """By pipelining: so many that what is kept of them fills what is kept for that."""
    a_write, count = 100, int(count)
    head = f"GET /v1/models/absent HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {key}\r\n\r\n".encode() * a_write
    found, kept = [], b""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=bound) as one:
        while len(found) < count:
            one.sendall(head)
            for_this = len(found) + a_write
            while len(found) < for_this:
                piece = one.recv(1 << 18)
                need(piece, f"the connection ended after {len(found)} answers")
                whole, _, rest = (kept + piece).rpartition(b"\r\n")
                found += re.findall(rb"(?i)^x-request-id: (\w+)\r?$", whole, re.M)
                kept = rest if whole else kept + piece
    with open(answered, "a") as out:
        out.writelines(each.decode() + "\n" for each in found)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
