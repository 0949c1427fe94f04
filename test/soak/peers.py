# SPDX-License-Identifier: Apache-2.0
"""usage: peers.py [--seconds 1200] [--clients 6]

Peers at a daemon's swarm port at once: each pulls a file or a folder by bitswap into an empty home, again and again, and compares it.
Beside them, strangers: who send noise, who begin a handshake and stop, who connect and say nothing, who leave at once. Meanwhile files
are added and freed. Of the daemon, memory, descriptors and threads are sampled twice a second; watch.py says when they mean a leak.

Fails on a pull that fails or brings other bytes, on a leak, and when the daemon does not stop cleanly.
"""
import argparse
import collections
import filecmp
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from harness import Daemon, Home  # noqa: E402
from watch import MIB, Failures, Watch  # noqa: E402

GREETING = b"\x13/multistream/1.0.0\n\x07/noise\n"


def same(original: Path, got: Path) -> bool:
    if original.is_file():
        return filecmp.cmp(original, got, shallow=False)
    names = sorted(path.name for path in original.iterdir())
    return names == sorted(path.name for path in got.iterdir()) and filecmp.cmpfiles(original, got, names, shallow=False)[0] == names


class Soak:
    def __init__(self, folder: Path, daemon: Daemon, address: str, seconds: float):
        self.folder, self.daemon, self.address = folder, daemon, address
        self.watch = Watch(daemon.process.pid, seconds)
        self.counts = collections.Counter()
        self.failures = Failures()
        self.lock = threading.Lock()

    def count(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1

    def peer(self, number: int, originals: dict) -> None:
        chance = random.Random(number)
        turn = 0
        while self.watch.running():
            turn += 1
            cid, original = chance.choice(sorted(originals.items()))
            home = Home(self.folder / f"peer-{number}-{turn}")
            out = self.folder / f"out-{number}-{turn}"
            try:
                home.ok("pull", cid, "--peer", self.address, "-o", out)
                if same(original, out):
                    self.count("pulls")
                else:
                    self.failures.add(f"other bytes of {cid}")
            except AssertionError as error:
                self.failures.add(f"pull of {cid}: {str(error)[:300]}")
            finally:
                self.forget(home.path, out)

    def forget(self, *paths: Path) -> None:
        for path in paths:
            subprocess.run(["chmod", "-Rf", "u+w", path], check=False)
            subprocess.run(["rm", "-rf", path], check=False)

    def stranger(self, number: int) -> None:
        chance = random.Random(1000 + number)
        host, port = self.address.split("/")[2], int(self.address.split("/")[4])
        while self.watch.running():
            try:
                with socket.create_connection((host, port), timeout=5) as line:
                    what = chance.choice(("noise", "half a handshake", "silence", "leaves"))
                    if what == "noise":
                        line.sendall(chance.randbytes(chance.randrange(1, 5000)))
                    if what == "half a handshake":
                        line.sendall(GREETING + b"\x00\x20" + chance.randbytes(32))
                    if what != "leaves":
                        line.settimeout(chance.uniform(0.1, 2))
                        while line.recv(4096):
                            pass
            except OSError:
                pass  # Refused above a limit, or ended: both are right.
            self.count(f"strangers: {what}")

    def changer(self, home: Home) -> None:
        """Adds, and frees what it added."""
        path, chance = self.folder / "changing.bin", random.Random(5)
        while self.watch.running():
            path.write_bytes(chance.randbytes(MIB + chance.randrange(MIB)))
            try:
                cid = home.add(path)
                for command in (("pin", "rm", cid), ("gc",)):
                    home.ok(*command)
                self.count("added and freed")
            except AssertionError as error:
                self.failures.add(f"add and gc: {error}")
            time.sleep(2)

    def run(self, clients: int, home: Home, originals: dict) -> None:
        jobs = [threading.Thread(target=self.peer, args=(number, originals)) for number in range(clients)]
        jobs += [threading.Thread(target=self.stranger, args=(number,)) for number in range(4)]
        jobs.append(threading.Thread(target=self.changer, args=(home,)))
        for job in jobs:
            job.start()
        while self.watch.running():
            self.watch.look()
            time.sleep(0.5)
        for job in jobs:
            job.join()

    def report(self, clients: int) -> None:
        self.watch.report(self.counts, f"{self.counts['pulls']} pulls of {clients} peers", self.failures)


def fill(home: Home, folder: Path) -> dict:
    """CID to original: a large file, a small one, a folder of many."""
    chance = random.Random(1)
    originals = [folder / "in/large.bin", folder / "in/small.bin", folder / "in/many"]
    originals[2].mkdir(parents=True)
    originals[0].write_bytes(chance.randbytes(20 * MIB))
    originals[1].write_bytes(chance.randbytes(700))
    for i in range(300):
        (originals[2] / f"{i}.txt").write_bytes(chance.randbytes(2000))
    return {home.add(path): path for path in originals}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--clients", type=int, default=6)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="accel-soak-"))
    home = Home(folder / "home")
    try:
        originals = fill(home, folder)
        daemon = Daemon(home, "--swarm", "/ip4/127.0.0.1/tcp/0")
        try:
            address = home.json("id")["addresses"][0]
            first = Soak(folder, daemon, address, 3)  # What the daemon starts on first use is no leak.
            first.run(2, home, originals)
            soak = Soak(folder, daemon, address, arguments.seconds)
            soak.run(arguments.clients, home, originals)
            soak.report(arguments.clients)
        finally:
            if daemon.stop() != 0:
                print("soak: FAILED the daemon did not stop cleanly")
                return 1
        return 1 if soak.failures.all or first.failures.all else 0
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
