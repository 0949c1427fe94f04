# SPDX-License-Identifier: Apache-2.0
"""usage: soak.py [--seconds 300] [--clients 200]

Many clients at a daemon's gateway at once, each with a mix of requests over kept connections: blocks, ranges, files, archives, listings,
what is not there or private, conditional requests, and clients that leave in the middle of a body; a few over TLS and HTTP/2 (curl).
Meanwhile files are added and freed. Every answer is compared with the only right one. Of the daemon, memory, descriptors and threads are
sampled twice a second.

Fails on a wrong answer or a failed request; when the median RSS (all of it, and the anonymous part alone) of the last tenth of the time
exceeds that of the second tenth by more than 10 % and 8 MiB; when, with the clients gone, there are more than 8 descriptors more than
before they came, or 2 threads more than in the first half of the time.
"""
import argparse
import asyncio
import collections
import random
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from expected import Content, Request  # noqa: E402
from harness import Daemon, Home  # noqa: E402
from watch import MIB, Failures, Watch  # noqa: E402

ANSWER_SECONDS = 60


class Wrong(Exception):
    pass


class Soak:
    def __init__(self, content: Content, daemon: Daemon, seconds: float):
        self.content, self.daemon = content, daemon
        self.watch = Watch(daemon.process.pid, seconds)
        self.host, port = daemon.gateway.removeprefix("http://").rsplit(":", 1)
        self.port = int(port)
        self.counts = collections.Counter()
        self.failures = Failures()

    async def client(self, number: int) -> None:
        chance = random.Random(number)
        while self.watch.running():
            try:
                await self.connection(chance)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, Wrong) as error:
                self.failures.add(f"client {number}: {type(error).__name__} {error}")

    async def connection(self, chance: random.Random) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            for _ in range(chance.randrange(1, 60)):
                if not self.watch.running():
                    return
                request = self.content.draw(chance)
                await asyncio.wait_for(self.exchange(reader, writer, request), ANSWER_SECONDS)
                self.counts[request.kind] += 1
                if request.leave_after is not None:
                    writer.transport.abort()
                    return
        finally:
            writer.close()

    async def exchange(self, reader, writer, request: Request) -> None:
        lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split()[1])
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if request.leave_after is not None:
            await reader.readexactly(request.leave_after)
            return
        body = b"" if request.method == "HEAD" or status == 304 else await self.body(reader, headers)
        if status != request.status:
            raise Wrong(f"{request.path} {request.headers}: status {status}, expected {request.status}")
        if request.body is not None and body != request.body:
            raise Wrong(f"{request.path} {request.headers}: other bytes ({len(body)} of them, expected {len(request.body)})")
        for name, value in request.wanted.items():
            if headers.get(name) != value:
                raise Wrong(f"{request.path}: {name} is {headers.get(name)}, expected {value}")

    async def body(self, reader, headers: dict) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await reader.readexactly(int(headers["content-length"]))
        pieces = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            pieces.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        return b"".join(pieces)

    async def http2_client(self) -> None:
        """curl, several requests over one connection."""
        chance = random.Random(99)
        while self.watch.running():
            requests = [self.content.draw(chance) for _ in range(8)]
            requests = [request for request in requests if request.kind in ("block", "file", "car")]
            if not requests:
                continue
            urls = [self.daemon.where["gateway_tls"] + request.path for request in requests]
            process = await asyncio.create_subprocess_exec("curl", "-sSk", "--http2", "--fail", *urls, stdout=subprocess.PIPE,
                                                           stderr=subprocess.PIPE)
            out, err = await process.communicate()
            if process.returncode != 0 or out != b"".join(request.body for request in requests):
                self.failures.add(f"HTTP/2: curl exited {process.returncode} with {len(out)} bytes: {err.decode(errors='replace')[:200]}")
            self.counts["http2"] += len(requests)

    async def sampler(self) -> None:
        while self.watch.running():
            self.watch.look()
            await asyncio.sleep(0.5)

    async def changer(self, home: Home, folder: Path) -> None:
        """Adds, asks for what was added, lets go of it and frees it."""
        path, chance = folder / "changing.bin", random.Random(5)
        while self.watch.running():
            data = chance.randbytes(MIB + chance.randrange(MIB))
            path.write_bytes(data)
            try:
                cid = await asyncio.to_thread(home.add, path)
                reader, writer = await asyncio.open_connection(self.host, self.port)
                await self.exchange(reader, writer, Request("added", f"/ipfs/{cid}", body=data))
                writer.close()
                for command in (("pin", "rm", cid), ("gc",)):
                    await asyncio.to_thread(home.ok, *command)
                self.counts["added and freed"] += 1
            except (AssertionError, Wrong, OSError, asyncio.IncompleteReadError) as error:
                self.failures.add(f"add and gc: {error}")
            await asyncio.sleep(2)

    async def run(self, clients: int, home: Home, folder: Path) -> None:
        tasks = [self.client(number) for number in range(clients)] + [self.sampler(), self.changer(home, folder)]
        if shutil.which("curl"):
            tasks += [self.http2_client() for _ in range(2)]
        await asyncio.gather(*tasks)

    def report(self, clients: int) -> None:
        self.watch.report(self.counts, f"{sum(self.counts.values())} requests of {clients} clients", self.failures)


def warm_up(home: Home, folder: Path) -> None:
    """What the daemon starts on first use (its pools of threads) is no leak."""
    (folder / "first").write_bytes(bytes(2 * MIB))  # More than one leaf: hashed by a pool.
    home.ok("pin", "rm", home.add(folder / "first"))
    home.ok("gc")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--clients", type=int, default=200)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="accel-soak-"))
    home = Home(folder / "home")
    try:
        content = Content(home, folder)
        daemon = Daemon(home, "--gateway-tls", "127.0.0.1:0")
        try:
            content.learn(lambda path, headers: urllib.request.urlopen(urllib.request.Request(daemon.gateway + path, headers=headers)))
            warm_up(home, folder)
            soak = Soak(content, daemon, arguments.seconds)
            asyncio.run(soak.run(arguments.clients, home, folder))
            soak.report(arguments.clients)
        finally:
            if daemon.stop() != 0:
                print("soak: FAILED the daemon did not stop cleanly")
                return 1
        return 1 if soak.failures.all else 0
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
