# bench/http/asks.py: what the servers are asked, and what a right answer is.

import json

BODY = b'{"status":"ok"}'
NUMBER = "#" * 16  # where load/requests.hpp writes the number of a request


class Ask:
    """One kind of request. `right(body)` tells whether a body answers it; `body` is the only one that does, where there
    is only one. `refused` is a request like it that must not be answered with 200, or None."""

    def __init__(self, method, path, content=b"", fields=None, body=None, right=None, refused=None):
        self.body = body
        self.refused = refused
        self._right = right or (lambda got: got == body)
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(fields or [])]
        if content:
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        self.request = "\r\n".join([*lines, "", ""]).encode() + content

    def right(self, body):
        try:
            return bool(self._right(body))
        except (KeyError, TypeError, ValueError, IndexError):
            return False


HEALTH = Ask("GET", "/health", body=BODY)
ECHO = Ask("POST", "/", content=BODY, body=BODY)  # for a server that returns what it is sent


def models(key):
    """The list of models, for who has a key."""
    def is_list(body):
        found = json.loads(body)
        return found["object"] == "list" and all(each["id"] for each in found["data"]) and found["data"]

    def ask(with_key, **more):
        return Ask("GET", "/v1/models", fields=[f"Authorization: Bearer {with_key}"], right=is_list, **more)

    return ask(key, refused=ask(key[:-1] + "?").request)


def embeddings(key):
    """The vector of a text of 100 bytes. No two texts are alike, so that none is computed for two at once."""
    def is_vector(body):
        found = json.loads(body)
        return found["object"] == "list" and len(found["data"]) == 1 and len(found["data"][0]["embedding"]) > 1000

    text = f"number {NUMBER} of those that were written to be unlike each other, and asks where it might belong"
    content = json.dumps({"model": "weir-ngram-384", "input": text, "encoding_format": "base64"}).encode()
    return Ask("POST", "/v1/embeddings", content=content, fields=[f"Authorization: Bearer {key}"], right=is_vector)
