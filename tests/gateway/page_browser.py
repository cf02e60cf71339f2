"""tests/gateway/page_browser.py: what a headless Chromium makes of the live page.

    page_browser.py URL                       checks that figures appear and change; status 77 without a Chromium
    page_browser.py URL --picture FILE        waits, and keeps a picture of it

The browser is spoken to in its debugging protocol over a pair of pipes: JSON texts that end in a zero byte.
"""
import argparse
import base64
import itertools
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

PATIENCE = 30  # seconds, for an answer and for what is waited for


class Browser:
    """A Chromium with one page, for the length of a `with`."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self.to_browser = os.pipe()
        self.from_browser, to_write = os.pipe()
        # The browser reads from 3 and writes to 4; what stands there in the child is moved out of the way first.
        def take_places():
            low, high = os.dup(to_read), os.dup(to_write)
            low, high = os.dup2(low, 100), os.dup2(high, 101)
            os.dup2(low, 3)
            os.dup2(high, 4)
        self.process = subprocess.Popen(
            [program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--no-first-run", "--user-data-dir=" + self.folder.name],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=take_places)
        os.close(to_read)
        os.close(to_write)
        self.numbers = itertools.count(1)
        self.kept = b""
        self.session = None
        self.errors = []  # of the page

    def __enter__(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def message(self):
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.kept:
            ready, _, _ = select.select([self.from_browser], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.from_browser, 1 << 20) if ready else b""
            if not piece:
                raise RuntimeError("the browser does not answer")
            self.kept += piece
        text, _, self.kept = self.kept.partition(b"\0")
        return json.loads(text)

    def call(self, method, **parameters):
        number = next(self.numbers)
        said = {"id": number, "method": method, "params": parameters}
        if self.session:
            said["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(said).encode() + b"\0")
        while True:
            heard = self.message()
            if heard.get("id") == number:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']['message']}")
                return heard["result"]
            self.note(heard)

    def note(self, heard):
        if heard.get("method") == "Runtime.exceptionThrown":
            details = heard["params"]["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif heard.get("method") == "Log.entryAdded" and heard["params"]["entry"]["level"] == "error":
            self.errors.append(heard["params"]["entry"]["text"])

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait(self, expression):
        end = time.monotonic() + PATIENCE
        while not self.value(expression):
            if time.monotonic() > end:
                raise RuntimeError("this does not come true: " + expression)
            time.sleep(0.1)

    def show(self, url, width, height, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=url)

    def picture(self, file):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(data))


class Relay:
    """A way to the server that can be cut: then what it carries breaks, and nobody gets through."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.to = (parts.hostname, parts.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}{parts.path}"
        self.is_cut = False
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            if self.is_cut:
                near.close()
                continue
            far = socket.create_connection(self.to)
            self.open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    @staticmethod
    def carry(one, other):
        try:
            while piece := one.recv(1 << 16):
                other.sendall(piece)
        except OSError:
            pass
        for each in (one, other):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.is_cut = True
        for each in self.open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def mend(self):
        self.is_cut = False


SAMPLES = "Number(document.body?.dataset.samples)"


def check(browser, url):
    wrong = []

    def expect(holds, what):
        if not holds:
            wrong.append(what)

    browser.show(url, 1280, 800, "light")
    browser.wait(SAMPLES + " >= 2")
    shown = "at('requests').textContent + at('p50').textContent + at('cpu').textContent"
    first = browser.value(shown)
    browser.wait(SAMPLES + " >= 5")
    expect(browser.value(shown) != first, "no figure changes")
    number = "(id => parseFloat(at(id).textContent.replace(',', '')))"
    expect(browser.value(number + "('requests') > 0"), "no requests are shown")
    expect(browser.value(number + "('p50') > 0"), "no latency is shown")
    expect(browser.value(number + "('connections') > 0"), "no connections are shown")
    expect(browser.value("at('workers').rows.length >= 1 && at('queues').children.length >= 2"),
           "workers or queues are missing")
    expect(browser.value("document.querySelectorAll('.chart .edge').length >= 6"), "charts are missing")
    expect(browser.value("document.querySelector('.chart .edge').getAttribute('d').split('L').length >= 5"),
           "a chart does not grow")
    expect(browser.value("at('state').className === 'live'"), "it does not say that it is live")
    origins = "performance.getEntriesByType('resource').map(each => new URL(each.name).origin)"
    expect(browser.value(origins + ".every(each => each === origin)"),
           "something is loaded from elsewhere")
    light = browser.value("getComputedStyle(document.body).backgroundColor")

    browser.show(url, 390, 800, "dark")
    browser.wait(SAMPLES + " >= 1")
    expect(browser.value("getComputedStyle(document.body).backgroundColor") != light, "dark is not dark")
    expect(browser.value("document.documentElement.scrollWidth <= innerWidth"), "it is wider than a phone")

    expect(not browser.errors, "errors of the page: " + "; ".join(browser.errors))

    # Cut off it says so, and is live again by itself.
    relay = Relay(url)
    browser.show(relay.url, 1280, 800, "light")
    browser.wait(SAMPLES + " >= 1 && at('state').className === 'live'")
    relay.cut()
    browser.wait("at('state').className === ''")
    seen = browser.value(SAMPLES)
    relay.mend()
    browser.wait(f"at('state').className === 'live' && {SAMPLES} > {seen}")
    return wrong


def main():
    options = argparse.ArgumentParser()
    options.add_argument("url")
    options.add_argument("--picture")
    options.add_argument("--samples", type=int, default=60, help="seconds to wait for a picture")
    options.add_argument("--width", type=int, default=1280)
    options.add_argument("--height", type=int, default=760)
    options.add_argument("--scheme", default="light", choices=["light", "dark"])
    asked = options.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("skipped: there is no Chromium (Debian: chromium)")
        return 77
    with Browser(program) as browser:
        if asked.picture:
            browser.show(asked.url, asked.width, asked.height, asked.scheme)
            for _ in range(asked.samples):
                time.sleep(1)
            browser.wait(SAMPLES + " >= 2")
            browser.picture(asked.picture)
            return 0
        wrong = check(browser, asked.url)
    for each in wrong:
        print("failed: " + each)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
