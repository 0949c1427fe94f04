#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that lets through so many bytes a second towards the client: a link of known capacity, for benchmarks.

usage: capped_proxy.py --to HOST:PORT --bytes-per-second N [--delay-ms MS]

Prints the address it listens on (127.0.0.1:PORT) as its first line and runs until it is killed. The cap is a token bucket shared
by all connections, with room for BURST_SECONDS of the rate; --delay-ms is added to each direction of each connection.
"""
import argparse
import asyncio
import time

CHUNK = 64 * 1024
BURST_SECONDS = 0.01


class Bucket:
    """Tokens are bytes; they are taken before they are sent, first come, first served."""

    def __init__(self, rate: float):
        self.rate = rate
        self.free_at = time.monotonic()

    async def take(self, count: int):
        now = time.monotonic()
        self.free_at = max(self.free_at, now - BURST_SECONDS) + count / self.rate
        if self.free_at > now:
            await asyncio.sleep(self.free_at - now)


async def relay(reader, writer, bucket, delay):
    """Keeps what it has read for `delay` seconds without holding up what comes after it."""
    queue = asyncio.Queue(maxsize=256)

    async def send():
        while True:
            due, data = await queue.get()
            if delay and due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    sender = asyncio.create_task(send())
    try:
        while data := await reader.read(CHUNK):
            if bucket:
                await bucket.take(len(data))
            await queue.put((time.monotonic() + delay, data))
        await queue.put((time.monotonic() + delay, b""))
        await sender
    except (ConnectionError, OSError):
        sender.cancel()


async def serve(arguments):
    host, port = arguments.to.rsplit(":", 1)
    bucket = Bucket(arguments.bytes_per_second)
    delay = arguments.delay_ms / 1000

    async def accept(reader, writer):
        try:
            up_reader, up_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.close()
            return
        await asyncio.gather(relay(reader, up_writer, None, delay), relay(up_reader, writer, bucket, delay), return_exceptions=True)
        up_writer.close()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=CHUNK)
    print("{}:{}".format(*server.sockets[0].getsockname()[:2]), flush=True)
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True)
    parser.add_argument("--bytes-per-second", type=float, required=True)
    parser.add_argument("--delay-ms", type=float, default=0)
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
