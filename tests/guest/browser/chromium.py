"""A headless Chromium, spoken to through the pipe of its DevTools protocol: JSON, each ended by a NUL."""

import base64
import json
import os
import shutil
import subprocess
import tempfile

PATIENCE = 60

# A key that is no character, and what it is numbered.
KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38}


class Page:
    """A page, what it complained of, and what it asked the network for."""

    def __init__(self, width=1280, height=900, dark=False):
        self.profile = tempfile.mkdtemp()
        here_in, there_out = os.pipe()
        there_in, here_out = os.pipe()
        self.process = subprocess.Popen(
            # The protocol is on descriptors 3 and 4.
            ["bash", "-c", f'exec 3<&{there_in} 4>&{there_out} "$@"', "chromium",
             shutil.which("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe",
             "--disable-background-networking", "--force-color-profile=srgb",
             f"--user-data-dir={self.profile}", f"--window-size={width},{height}"],
            pass_fds=(there_in, there_out), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(there_in)
        os.close(there_out)
        self.reader = os.fdopen(here_in, "rb")
        self.writer = os.fdopen(here_out, "wb")
        self.number, self.session = 0, None
        self.buffer = b""
        self.complaints, self.sent, self.loaded = [], {}, False
        self.attach(width, height, dark)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.session = None
            self.send("Browser.close")
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.profile, ignore_errors=True)

    def attach(self, width, height, dark):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(domain + ".enable")
        self.size(width, height)
        self.media(dark)

    # ---- the protocol ----

    def send(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.writer.write(json.dumps(message).encode() + b"\0")
        self.writer.flush()
        return self.number

    def receive(self):
        while b"\0" not in self.buffer:
            more = self.reader.read1(65536)
            if not more:
                raise EOFError("the browser is gone")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(message)
        self.note(message)
        return message

    def call(self, method, **parameters):
        number = self.send(method, **parameters)
        while True:
            message = self.receive()
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def note(self, message):
        method, of = message.get("method"), message.get("params")
        if method == "Runtime.exceptionThrown":
            details = of["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console.{of['type']}: {of['args']}")
        elif method == "Log.entryAdded":
            self.complaints.append(of["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.sent[of["requestId"]] = of["request"]["url"]
        elif method == "Network.loadingFailed" and of.get("blockedReason") == "csp":
            del self.sent[of["requestId"]]
        elif method == "Page.loadEventFired":
            self.loaded = True

    # ---- what a test does ----

    @property
    def requests(self):
        """Addresses that it asked for, and that no policy forbade."""
        return list(self.sent.values())

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def media(self, dark=False, paper=False):
        self.call("Emulation.setEmulatedMedia", media="print" if paper else "",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, path, anchor=""):
        # By way of an empty one: with nothing but another anchor a page is not loaded again.
        for url in ("about:blank", "file://" + os.path.abspath(path) + anchor):
            self.loaded = False
            self.call("Page.navigate", url=url)
            while not self.loaded:
                self.receive()
        self.settle()

    def settle(self):
        """Until what was asked for is drawn: two frames."""
        self.of("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(1))))")

    def of(self, expression):
        """What JavaScript makes of it."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True, allowUnsafeEvalBlockedByCSP=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def key(self, name):
        for kind in ("rawKeyDown", "char", "keyUp"):
            if kind != "char" or name == "Enter":
                self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                          text="\r" if kind == "char" else "", windowsVirtualKeyCode=KEYS[name])
        self.settle()

    def type(self, text):
        self.call("Input.insertText", text=text)
        self.settle()

    def click(self, selector):
        place = self.of(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1],
                      button="left", clickCount=1)
        self.settle()

    def choose(self, selector, value):
        self.of(f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
                f"e.value = {json.dumps(value)};"
                "e.dispatchEvent(new Event('change', {bubbles: true})); })()")
        self.settle()

    def picture(self, path, whole=True):
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))

    def printed(self, path):
        answer = self.call("Page.printToPDF", printBackground=True)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))
