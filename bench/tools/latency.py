# SPDX-License-Identifier: Apache-2.0
"""How long single requests take, seen by processes that send one after the other over a kept connection."""
import multiprocessing
import socket
import time
import urllib.parse


def _read_answer(stream) -> bytes:
    status = stream.readline()
    length = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if b" 200 " not in status:
        raise SystemExit(f"the gateway answered {status!r}")
    return stream.read(length)


def _read(url: str, requests: list, size: int, stop, results) -> None:
    where = urllib.parse.urlsplit(url)
    connection = socket.create_connection((where.hostname, where.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = connection.makefile("rb")
    samples = []
    at = 0
    while not stop.is_set():
        start = time.monotonic()
        connection.sendall(requests[at % len(requests)])
        got = _read_answer(stream)
        samples.append((start, time.monotonic() - start))
        if len(got) != size:
            raise SystemExit(f"a block of {len(got)} bytes came, {size} were expected")
        at += 1
    results.put(samples)


class Readers:
    """Reads `paths` in turns, each answer of `size` bytes, from `count` processes; stop() gives (start, seconds) of every request."""

    def __init__(self, url: str, paths: list, size: int, count: int):
        host = urllib.parse.urlsplit(url).netloc
        self.stop_event, self.results = multiprocessing.Event(), multiprocessing.Queue()
        self.processes = []
        for number in range(count):
            turned = paths[number * len(paths) // count:] + paths[:number * len(paths) // count]
            requests = [f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() for path in turned]
            self.processes.append(multiprocessing.Process(target=_read, args=(url, requests, size, self.stop_event, self.results)))
        for process in self.processes:
            process.start()

    def stop(self) -> list:
        self.stop_event.set()
        samples = [sample for _ in self.processes for sample in self.results.get(timeout=60)]
        for process in self.processes:
            process.join()
        return samples


def percentile(values: list, share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
