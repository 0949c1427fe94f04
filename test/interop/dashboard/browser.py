# SPDX-License-Identifier: Apache-2.0
"""One Chromium without a window, driven over the DevTools protocol through a pipe (--remote-debugging-pipe): messages of JSON
with a NUL behind each. No port is open, and nothing but Python is needed."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

SECONDS = 60


class Browser:
    def __init__(self, program: str):
        self.profile = tempfile.mkdtemp(prefix="accel-chromium-")
        to_read, self.to_write = os.pipe()
        self.from_read, from_write = os.pipe()
        # The browser reads at 3 and writes at 4, wherever the pipes are here.
        script = f'exec "$0" "$@" 3<&{to_read} 4>&{from_write}'
        flags = ["--headless", "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "--no-first-run", "--disable-gpu",
                 "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--hide-scrollbars"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium's sandbox refuses root; pages here are our own.
        self.process = subprocess.Popen(["bash", "-c", script, program, *flags, "about:blank"], pass_fds=(to_read, from_write),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.count = 0
        self.rest = b""
        self.events = []

    def send(self, method: str, session: str = "", **params):
        """Sends, and waits for the answer; events that come meanwhile are kept."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params, **({"sessionId": session} if session else {})}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to_write, data):]
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for answer in self.receive(deadline - time.monotonic()):
                if answer.get("id") == self.count:
                    if "error" in answer:
                        raise AssertionError(f"{method}: {answer['error']}")
                    return answer["result"]
        raise AssertionError(f"Chromium did not answer {method} in {SECONDS} s")

    def receive(self, seconds: float):
        if not select.select([self.from_read], [], [], max(seconds, 0))[0]:
            return []
        piece = os.read(self.from_read, 1 << 20)
        if not piece:
            raise AssertionError("Chromium has ended")
        *whole, self.rest = (self.rest + piece).split(b"\0")
        messages = [json.loads(text) for text in whole]
        self.events += [message for message in messages if "method" in message]
        return messages

    def page(self, width: int = 1280, height: int = 900, dark: bool = False) -> "Page":
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self, target, session, (width, height), dark)

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        os.close(self.to_write)
        os.close(self.from_read)
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    def __init__(self, browser: Browser, target: str, session: str, size, dark: bool):
        self.browser, self.target, self.session = browser, target, session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=size[0] < 600)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def send(self, method: str, **params):
        return self.browser.send(method, self.session, **params)

    def events(self, *methods):
        return [event["params"] for event in self.browser.events if event.get("sessionId") == self.session and event["method"] in methods]

    def open(self, url: str):
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def value(self, expression: str):
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, expression: str, seconds: float = SECONDS):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.value(expression):
                return
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {expression}\n{self.value('document.body.innerText')[:3000]}")

    def text(self, selector: str) -> str:
        return self.value(f"document.querySelector({json.dumps(selector)}).innerText")

    def click(self, selector: str):
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def type(self, selector: str, text: str):
        self.value(f"document.querySelector({json.dumps(selector)}).select()")
        self.value(f"document.querySelector({json.dumps(selector)}).focus()")
        self.send("Input.insertText", text=text)

    def choose(self, selector: str, *files):
        """Chooses files in a file input, as its dialogue would."""
        field = self.send("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")["result"]["objectId"]
        self.send("DOM.setFileInputFiles", objectId=field, files=[str(file) for file in files])

    def key(self, key: str, code: int = 0, text: str = ""):
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **({"text": text} if text and kind == "keyDown" else {}))

    def requests(self):
        return [event["request"] for event in self.events("Network.requestWillBeSent") if event["request"]["url"] != "about:blank"]

    def complaints(self):
        """What went wrong in the page, as its console tells."""
        thrown = [event["exceptionDetails"] for event in self.events("Runtime.exceptionThrown")]
        said = [event for event in self.events("Runtime.consoleAPICalled") if event["type"] in ("error", "warning", "assert")]
        logged = [event["entry"] for event in self.events("Log.entryAdded") if event["entry"]["level"] in ("error", "warning")]
        return thrown + said + logged

    def screenshot(self, path, whole: bool = True):
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))
