"""tests/gateway/assembly.py: what only the whole gateway shows, from outside.

    assembly.py stalls PORT KEY LOG strict|lenient   every endpoint, and no worker is held up for longer than the stall limit
    assembly.py audited PORT KEY DATABASE sends requests of every kind, and prints how many rows they leave
    assembly.py rows DATABASE COUNT KEY   so many rows are there, each once, and none has the key
    assembly.py reload PORT OLD NEW FILE PID   swaps the keys under load; nobody else notices
"""

import http.client
import json
import os
import signal
import sqlite3
import sys
import threading
import time


def need(good, what):
    if not good:
        sys.exit("assembly.py: " + what)


def ask(port, method, path, key=None, body=None, headers=None):
    """(status, headers, body)"""
    one = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        sent = dict(headers or {})
        if key:
            sent["Authorization"] = "Bearer " + key
        one.request(method, path, json.dumps(body) if body is not None else None, sent)
        got = one.getresponse()
        return got.status, got.headers, got.read()
    finally:
        one.close()


TEXTS = [f"a text of some length, number {n}, as people write them " * 4 for n in range(1000)]
CHAT = {"model": "weir-echo", "messages": [{"role": "user", "content": "say this again " * 50}]}
ENDPOINTS = [
    ("GET", "/health", None, 200),
    ("GET", "/metrics", None, 200),
    ("GET", "/", None, 200),
    ("GET", "/v1/models", None, 200),
    ("GET", "/v1/models/weir-ngram-384", None, 200),
    ("GET", "/v1/models/absent", None, 404),
    ("POST", "/v1/embeddings", {"model": "weir-ngram-384", "input": "hello"}, 200),
    ("POST", "/v1/embeddings", {"model": "weir-ngram-384", "input": TEXTS}, 200),
    ("POST", "/v1/embeddings", {"model": "weir-ngram-384", "input": TEXTS, "encoding_format": "base64"}, 200),
    ("POST", "/v1/chat/completions", CHAT, 200),
    ("POST", "/v1/chat/completions", {**CHAT, "stream": True}, 200),
    ("GET", "/absent", None, 404),
]


def stalls(port, key, log, strict):
    # A machine that has others to serve keeps a thread waiting now and then. What blocks does so every time.
    turns = 12
    most = turns // 2 if strict == "strict" else turns + 1
    told = lambda: open(log).read().count("a worker is held up")
    seen = []
    for method, path, body, status in ENDPOINTS:
        held = 0
        for _ in range(turns):
            before = told()
            got = ask(int(port), method, path, key, body)
            need(got[0] == status, f"{method} {path}: {got[0]}, not {status}: {got[2][:300]}")
            held += told() > before
        if held:
            seen.append(f"{method} {path} {held}")
        need(held < most, f"{method} {path} held up a worker in {held} of {turns} requests")
    print(f"{len(ENDPOINTS)} kinds of requests hold up no worker" + (f"; now and then: {', '.join(seen)}" if seen else ""))


def audited(port, key, database):
    port, sent = int(port), 0
    for method, path, body, status in ENDPOINTS:
        if path in ("/health", "/metrics", "/"):
            continue
        ask(port, method, path, key, body)
        sent += 1
    got = ask(port, "GET", "/v1/models", key, headers={"X-Request-Id": "of-the-client.1"})
    need(got[1]["x-request-id"] == "of-the-client.1", f"a client's id is not echoed: {got[1]}")
    made = ask(port, "GET", "/v1/models", key)[1]["x-request-id"]
    need(len(made) == 32, f"no id was made: {made}")
    forged = ask(port, "GET", "/v1/models", key, headers={"X-Request-Id": "two words"})[1]["x-request-id"]
    need(len(forged) == 32 and forged != made, f"an id that is none was taken over: {forged}")
    unknown = ask(port, "GET", "/v1/models", key + "x")
    need(unknown[0] == 401 and unknown[1]["x-request-id"], "a refusal has no id")
    sent += 4
    many = 400

    def client():
        for _ in range(many // 8):
            ask(port, "GET", "/v1/models", key)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    print(sent + many)


def rows(database, count, key):
    with sqlite3.connect(database) as open_one:
        there = open_one.execute("select id, key_name, method, path, status, client from audit").fetchall()
    need(len(there) == int(count), f"of {count} requests {len(there)} rows are there")
    need(len({row[0] for row in there}) == len(there), "two rows have one id")
    need(not any(key in str(column) for row in there for column in row), "a row has the key in it")
    need({row[4] for row in there} == {200, 401, 404}, f"statuses: {sorted({row[4] for row in there})}")
    need(all(row[5].startswith("127.0.0.1") for row in there), "a row does not say who asked")
    need(all(bool(row[1]) == (row[4] == 200 or row[3].startswith("/v1/models/")) for row in there), "names of keys are not right")
    print(f"{count} requests left {len(there)} rows")


def reload(port, old, new, file, process):
    port, process, over, others = int(port), int(process), threading.Event(), []

    def client():
        while not over.is_set():
            others.append(ask(port, "GET", "/v1/models", "steady")[0])

    threads = [threading.Thread(target=client) for _ in range(4)]
    for each in threads:
        each.start()
    for turn in range(6):
        before, after = (old, new) if turn % 2 == 0 else (new, old)
        need(ask(port, "GET", "/v1/models", before)[0] == 200, f"turn {turn}: the key {before} is not good")
        need(ask(port, "GET", "/v1/models", after)[0] == 401, f"turn {turn}: the key {after} is good already")
        with open(file + ".new", "w") as out:
            out.write(f"steady\n{after}\n")
        os.rename(file + ".new", file)
        os.kill(process, signal.SIGHUP)
        until = time.monotonic() + 10
        while ask(port, "GET", "/v1/models", after)[0] != 200:
            need(time.monotonic() < until, f"turn {turn}: the key {after} does not become good")
            time.sleep(0.01)
        need(ask(port, "GET", "/v1/models", before)[0] == 401, f"turn {turn}: the key {before} is good still")
    with open(file, "w") as out:
        out.write("steady\nno key\n")
    os.kill(process, signal.SIGHUP)
    time.sleep(0.3)
    need(ask(port, "GET", "/v1/models", old)[0] == 200, "a bad file of keys has taken the good keys away")
    over.set()
    for each in threads:
        each.join()
    need(len(others) > 20 and set(others) == {200}, f"other clients noticed: {len(others)} requests, {set(others)}")
    print(f"keys were swapped six times under {len(others)} requests of others")


globals()[sys.argv[1]](*sys.argv[2:])
