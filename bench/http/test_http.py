# bench/http/test_http.py: what this subject adds to the harness: right answers, verdicts, the load generator.
# Run it as  python3 -B bench/http/test_http.py

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HTTP = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HTTP.parent))
sys.path.append(str(HTTP.parent / "io"))

from asks import HEALTH, NUMBER, Ask, embeddings, models
from beside import at_least, beside, smaller
from contenders import KEYS, MODELS, OUR_KEY, Cast, Contender
from harness.seat import Anywhere
from server import Server, Unfit
from verdicts import Table

OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
COMPILER = shutil.which(os.environ.get("CXX", "c++"))


def answer(body=HEALTH.body):
    return OK % (len(body), body)


class Peer:
    """A server in this process that hands what it receives on each connection to `talk(received)`, which gives the bytes
    to send: one at a time where `slowly`."""

    def __init__(self, talk, slowly=False):
        self._talk = talk
        self._slowly = slowly
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.received = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                while received := connection.recv(65536):
                    self.received += received
                    reply = self._talk(received)
                    for piece in ([reply[n:n + 1] for n in range(len(reply))] if self._slowly else [reply]):
                        connection.sendall(piece)
            except OSError:
                return  # the load generator leaves by a reset


def each(received):
    """A right answer to each request of HEALTH in `received`."""
    return answer() * received.count(b"\r\n\r\n")


class RightAnswers(unittest.TestCase):
    def test_a_request_says_how_long_its_body_is(self):
        asked = Ask("POST", "/x", content=b"12345")
        self.assertIn(b"\r\nContent-Length: 5\r\n", asked.request)
        self.assertTrue(asked.request.endswith(b"\r\n\r\n12345"))

    def test_only_the_one_body_is_right_where_there_is_one(self):
        self.assertTrue(HEALTH.right(b'{"status":"ok"}'))
        self.assertFalse(HEALTH.right(b'{"status":"OK"}'))

    def test_a_list_of_models_has_some(self):
        asked = models(OUR_KEY)
        self.assertTrue(asked.right(MODELS))
        for wrong in (b'{"object":"list","data":[]}', b'{"object":"list"}', b"no JSON", b"[]"):
            self.assertFalse(asked.right(wrong))

    def test_who_has_no_key_is_refused_and_that_key_is_none_of_those_that_are_good(self):
        asked = models(OUR_KEY)
        self.assertEqual(len(set(KEYS)), 1000)
        self.assertNotEqual(asked.request, asked.refused)
        self.assertNotIn(asked.refused.decode().split("Bearer ")[1].split("\r")[0], KEYS)

    def test_an_embedding_is_one_long_vector_and_each_request_has_room_for_its_number(self):
        asked = embeddings(OUR_KEY)
        self.assertEqual(asked.request.count(NUMBER.encode()), 1)
        self.assertTrue(asked.right(json.dumps({"object": "list", "data": [{"embedding": "A" * 2048}]}).encode()))
        self.assertFalse(asked.right(b'{"object":"list","data":[{"embedding":""}]}'))


class CheckedServers(unittest.TestCase):
    SERVER = """
import http.server, sys
class handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b'BODY'
        self.send_response(STATUS)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), handler).serve_forever()
"""

    def started(self, body, ask=HEALTH, status="200"):
        program = self.SERVER.replace("BODY", body).replace("STATUS", status)

        class Python(Contender):
            def command(self, port):
                return [sys.executable, "-c", program, "--port", port]

        return Server(Python("Python", sys.executable, ask=ask), Anywhere(), deadline=60)

    def test_who_answers_rightly_is_let_in(self):
        with self.started('{"status":"ok"}') as server:
            self.assertGreater(server.resident_bytes(), 1 << 20)

    def test_who_answers_otherwise_or_with_another_status_is_not(self):
        for server in (self.started("no"), self.started('{"status":"ok"}', status="404")):
            with self.assertRaisesRegex(Unfit, "answers"):
                server.__enter__()

    def test_who_lets_everybody_in_is_not(self):
        with self.assertRaisesRegex(Unfit, "no key"):
            self.started(MODELS.decode(), ask=models(OUR_KEY)).__enter__()


class Verdicts(unittest.TestCase):
    WEIR = Contender("weir", "/", kind="weir")
    NGINX = Contender("nginx", "/")

    def table(self, ours, theirs):
        return Table("t", {who: [{"cpu": value} for value in values]
                           for who, values in ((self.WEIR, ours), (self.NGINX, theirs))})

    def test_one_by_name_is_compared_round_by_round(self):
        table = self.table([1, 8, 8], [2, 10, 8])  # the medians alone would say 1
        self.assertEqual([line[2:] for line in beside(table, "nginx", "cpu", "CPU", most=0.8)], [["0.800 ×", "holds"]])
        self.assertEqual([line[3] for line in beside(table, "nginx", "cpu", "CPU", most=0.79)], ["missed"])
        self.assertEqual([line[3] for line in beside(table, "nginx", "cpu", "CPU", least=0.81)], ["missed"])
        self.assertEqual(list(beside(table, "nobody", "cpu", "CPU", least=1)), [])

    def test_a_limit_from_below_is_held_against_the_median(self):
        table = self.table([5, 6, 7], [1, 1, 1])
        self.assertEqual([line[3] for line in at_least(table, "cpu", 6, "n")], ["holds"])
        self.assertEqual([line[3] for line in at_least(table, "cpu", 7, "n")], ["missed"])

    def test_a_size_that_is_not_known_is_no_success(self):
        self.assertEqual([line[3] for line in smaller("t", {"a": 5}, "a", 5)], ["holds"])
        self.assertEqual([line[3] for line in smaller("t", {"a": 6}, "a", 5)], ["missed"])
        self.assertEqual(list(smaller("t", {}, "a", 5)), [])

    def test_everybody_has_a_name_of_their_own_in_each_table(self):
        with tempfile.TemporaryDirectory() as folder:
            cast = Cast("/build", None, folder)
            for everyone in (cast.health(), cast.models(), cast.embeddings()):
                self.assertEqual(len({c.name for c in everyone}), len(everyone))
                self.assertTrue(any(c.kind == "weir" for c in everyone))


@unittest.skipUnless(COMPILER, "no C++ compiler")
class LoadGenerator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.program = pathlib.Path(cls.folder.name, "load")
        subprocess.run([COMPILER, "-std=c++20", f"-I{HTTP.parent}", HTTP / "load.cpp", "-o", cls.program],
                       check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_load(self, peer, *options, what="load", request=HEALTH.request, body=HEALTH.body):
        files = []
        for name, text in (("--request", request), ("--body", body)):
            if text is not None:
                path = pathlib.Path(self.folder.name, name)
                path.write_bytes(text)
                files += [name, path]
        usual = ["--seconds", "0.2", "--connections", "2"] if what == "load" else []
        return subprocess.run([str(word) for word in (self.program, what, "--port", peer.port, *files, *usual, *options)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)

    def seen(self, *args, **more):
        done = self.run_load(*args, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_each_answer_is_counted_once_however_many_come_together(self):
        for depth in (1, 16):
            with Peer(each) as peer:
                seen = self.seen(peer, "--depth", depth)
                asked = peer.received.count(b"\r\n\r\n")
            self.assertGreater(seen["requests"], 0)
            self.assertLessEqual(seen["requests"], asked)
            self.assertGreaterEqual(seen["requests"], asked - 2 * 64)
            self.assertEqual((seen["lost"], seen["answer_bytes"]), (0, len(answer())))

    def test_an_answer_that_comes_byte_by_byte_is_one_answer(self):
        with Peer(each, slowly=True) as peer:
            seen = self.seen(peer, "--depth", 2)
        self.assertGreater(seen["requests"], 0)
        self.assertEqual((seen["lost"], seen["answer_bytes"]), (0, len(answer())))

    def test_an_answer_that_is_not_right_ends_it_with_the_reason(self):
        for reply, words in ((answer(b'{"status":"ko"}'), "another body"), (answer(b"short"), "another length"),
                             (answer().replace(b"200 OK", b"503 No"), "another status"),
                             (b"HTTP/1.1 200 OK\r\n\r\n", "how long"), (answer() * 3, "more than it was asked")):
            with Peer(lambda _, reply=reply: reply) as peer:
                done = self.run_load(peer, "--depth", 1)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)

    def test_without_a_body_the_first_answer_gives_the_length_of_all(self):
        sizes = iter([7, 8] + [7] * 1_000_000)
        with Peer(lambda _: answer(b"x" * next(sizes))) as peer:
            done = self.run_load(peer, "--connections", 1, "--seconds", 2, body=None)
        self.assertIn("another length", done.stderr)
        with Peer(lambda _: answer(b"x" * 7)) as peer:
            self.assertGreater(self.seen(peer, body=None)["requests"], 0)

    def test_no_two_requests_have_the_same_number(self):
        with Peer(each) as peer:
            seen = self.seen(peer, "--depth", 4, request=f"GET /{NUMBER} HTTP/1.1\r\n\r\n".encode())
            numbers = [line.split(b"/")[1].split()[0] for line in peer.received.split(b"\r\n\r\n") if line]
        self.assertGreaterEqual(len(numbers), seen["requests"])
        self.assertEqual(len(set(numbers)), len(numbers))
        self.assertTrue(all(len(number) == len(NUMBER) and number.isdigit() for number in numbers))

    def test_at_a_rate_requests_leave_at_their_times_and_count_from_them(self):
        with Peer(each) as peer:
            self.seen(peer, "--rate", 500, "--seconds", 0.6)
            asked = peer.received.count(b"\r\n\r\n")
        self.assertLessEqual(asked, 300)
        self.assertGreater(asked, 100)

        stops = iter([True] + [False] * 1_000_000)

        def stop_once(received):
            if next(stops):
                time.sleep(0.4)
            return each(received)

        with Peer(stop_once) as peer:  # two of three wait for it, and not the one alone that met it
            seen = self.seen(peer, "--rate", 500, "--seconds", 0.6, "--connections", 1)
        self.assertGreater(seen["p99_us"], 250_000)
        self.assertGreater(seen["p50_us"], 20_000)

    def test_idle_connections_are_answered_once_each(self):
        with Peer(each) as peer:
            seen = self.seen(peer, "--connections", 20, what="idle")
            self.assertEqual(peer.received.count(b"\r\n\r\n"), 20)
        self.assertEqual(seen["connections"], 20)
        for reply in (answer(b"another"), answer() * 2):
            with Peer(lambda _, reply=reply: reply) as peer:
                self.assertEqual(self.run_load(peer, "--connections", 300, what="idle").returncode, 1)

    def test_what_it_does_not_know_it_refuses(self):
        with Peer(each) as peer:
            for options in (["--depths", "2"], ["--depth", "0"], ["--depth", "2x"], ["--depth"]):
                done = self.run_load(peer, *options)
                self.assertEqual(done.returncode, 2)
                self.assertIn("usage", done.stderr)


if __name__ == "__main__":
    unittest.main()
