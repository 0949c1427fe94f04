# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a home of one's own, commands of the real binary, a daemon, and gateways that misbehave."""
import contextlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

BINARY = os.environ.get("ACCEL_BINARY", str(Path(__file__).resolve().parents[2] / "build/release/bin/ipfs-accelerate"))
DEPS = Path(os.environ.get("ACCEL_DEPS_DIR", Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ipfs-accelerate/deps"))
MIB = 1 << 20
COMMAND_SECONDS = 120


def model_directory(name: str) -> Path:
    """A folder in Hugging Face layout that tools/deps installed, or a skip that says why."""
    path = DEPS / "models" / name
    if not path.is_dir():
        raise unittest.SkipTest(f"the model {name} is not in {DEPS}/models: run `tools/deps install model test families`")
    return path


class Home:
    """A node's home in a temporary folder, and the commands that run on it."""

    def __init__(self, folder: Path):
        self.path = folder

    def start(self, *arguments, **options) -> subprocess.Popen:
        environment = {**os.environ, "IPFS_ACCELERATE_HOME": str(self.path), **options.pop("environment", {})}
        return subprocess.Popen([BINARY, *map(str, arguments)], env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=options.pop("text", True), **options)

    def run(self, *arguments, **options):
        """(exit code, stdout, stderr)"""
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=COMMAND_SECONDS)
        return process.returncode, out, err

    def ok(self, *arguments, **options) -> str:
        code, out, err = self.run(*arguments, **options)
        if code != 0:
            raise AssertionError(f"`{' '.join(map(str, arguments))}` exited {code}\n{out}\n{err}")
        return out

    def json(self, *arguments, **options):
        return json.loads(self.ok(*arguments, "--json", **options))

    def add(self, path, *flags) -> str:
        return self.ok("add", "-Q", *flags, path).strip()


class Daemon:
    def __init__(self, home: Home, *flags):
        self.home = home
        self.process = home.start("daemon", "--gateway", "127.0.0.1:0", "--json", *flags)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the daemon did not start:\n" + self.process.stderr.read())
        self.where = json.loads(line)
        self.gateway = self.where["gateway"]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode


class TestCase(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="accel-e2e-"))
        self.addCleanup(self._remove)
        self._homes = 0

    def _remove(self):
        subprocess.run(["chmod", "-R", "u+w", str(self.folder)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def home(self) -> Home:
        self._homes += 1
        return Home(self.folder / f"home{self._homes}")

    @contextlib.contextmanager
    def daemon(self, home: Home, *flags):
        daemon = Daemon(home, *flags)
        try:
            yield daemon
        finally:
            daemon.stop()

    def file(self, name: str, size: int, seed: int = 1) -> Path:
        """A file of reproducible bytes that do not repeat."""
        import random
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        generator = random.Random(seed)
        with open(path, "wb") as stream:
            for offset in range(0, size, MIB):
                stream.write(generator.randbytes(min(MIB, size - offset)))
        return path

    def assert_fails(self, expected: int, result, *words):
        code, out, err = result
        self.assertEqual(code, expected, f"exit code {code}\n{out}\n{err}")
        self.assertNotIn("terminate called", err)
        for word in words:
            self.assertIn(word, err)


def wait_until(condition, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return False


class HostileGateway:
    """A gateway in front of a true one that answers as `behave(handler, body)` likes; counts what it sent of which CID."""

    def __init__(self, upstream: str, behave=None):
        self.upstream, self.behave = upstream, behave
        self.sent = {}
        self.lock = threading.Lock()
        gateway = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                gateway.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # Clients that are killed reset their connections: that is the test.
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def fetch(self, path: str):
        import urllib.error
        import urllib.request
        request = urllib.request.Request(self.upstream + path, headers={"Accept": "application/vnd.ipld.raw"})
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def answer(self, handler):
        status, body = self.fetch(handler.path)
        if self.behave is not None and self.behave(handler, body):
            return
        self.send(handler, status, body)

    def send(self, handler, status, body):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            handler.send_response(status)
            handler.send_header("Content-Type", "application/vnd.ipld.raw")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            with self.lock:
                cid = handler.path.split("?")[0].rsplit("/", 1)[-1]
                self.sent[cid] = self.sent.get(cid, 0) + len(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class FileHost:
    """A web server of a folder that answers single byte ranges, as any file host does."""

    def __init__(self, folder: Path):
        host = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                host.requests.append((self.path, self.headers.get("Range")))
                path = folder / self.path.lstrip("/")
                if not path.is_file():
                    return self.send_error(404)
                size = path.stat().st_size
                first, last = 0, size - 1
                if range_ := self.headers.get("Range"):
                    first, last = (int(part) for part in range_.removeprefix("bytes=").split("-"))
                self.send_response(206 if range_ else 200)
                if range_:
                    self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
                self.send_header("Content-Length", str(last - first + 1))
                self.end_headers()
                with open(path, "rb") as stream, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    stream.seek(first)
                    self.wfile.write(stream.read(last - first + 1))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
