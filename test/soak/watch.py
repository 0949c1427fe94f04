# SPDX-License-Identifier: Apache-2.0
"""What the soaks share: memory, descriptors and threads of a process over time, and when they mean a leak."""
import os
import threading
import time
from pathlib import Path

MIB = 1 << 20
SECOND_TENTH, LAST_TENTH = (0.1, 0.2), (0.9, 1.0)
MEMORY_FACTOR, MEMORY_SLACK = 1.10, 8 * MIB
MORE_DESCRIPTORS, MORE_THREADS = 8, 2
MOST_SHOWN = 10


def sample(pid: int) -> dict:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    kib = lambda key: int(status[key].split()[0]) * 1024
    return {"rss": kib("VmRSS"), "anonymous": kib("RssAnon"), "threads": int(status["Threads"]),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


class Failures:
    """What went wrong, counted; the first few are printed when they happen. Any thread."""

    def __init__(self):
        self.all, self.lock = [], threading.Lock()

    def add(self, what: str) -> None:
        with self.lock:
            self.all.append(what)
            if len(self.all) <= MOST_SHOWN:
                print(f"soak: FAILED {what}", flush=True)


class Watch:
    """Of one process for so many seconds from now; the clients are there as long as running()."""

    def __init__(self, pid: int, seconds: float):
        self.pid, self.seconds = pid, seconds
        self.before, self.samples = sample(pid), []
        self.start = time.monotonic()

    def running(self) -> bool:
        return time.monotonic() - self.start < self.seconds

    def look(self) -> None:
        self.samples.append((time.monotonic() - self.start, sample(self.pid)))

    def median(self, window: tuple, what: str) -> float:
        inside = sorted(s[what] for at, s in self.samples if window[0] * self.seconds <= at <= window[1] * self.seconds)
        return inside[len(inside) // 2]

    def growth(self) -> list:
        """What is wrong with the memory."""
        found = []
        for what in ("rss", "anonymous"):
            early, late = self.median(SECOND_TENTH, what), self.median(LAST_TENTH, what)
            if late > early * MEMORY_FACTOR + MEMORY_SLACK:
                found.append(f"{what} memory grew from {early / MIB:.1f} to {late / MIB:.1f} MiB")
        return found

    def rest(self) -> tuple[dict, list]:
        """What is there with the clients gone, and what of it is wrong. Pools start threads as jobs need them, up to their size: threads
        leak when there are more than were needed in the first half of the time."""
        threads = max([s["threads"] for at, s in self.samples if at <= self.seconds / 2], default=self.before["threads"])
        limits = {"descriptors": self.before["descriptors"] + MORE_DESCRIPTORS, "threads": threads + MORE_THREADS}
        deadline = time.monotonic() + 20  # The server sees a client's end soon, not at once.
        while True:
            after = sample(self.pid)
            over = [what for what, limit in limits.items() if after[what] > limit]
            if not over or time.monotonic() > deadline:
                return after, [f"{what}: {self.before[what]} before, {after[what]} with the clients gone" for what in over]
            time.sleep(0.2)

    def report(self, counts: dict, what: str, failures: Failures) -> None:
        after, left = self.rest()
        for wrong in self.growth() + left:
            failures.add(wrong)
        print("soak: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
        print(f"soak: load of the machine {' '.join(f'{load:.1f}' for load in os.getloadavg())} on {os.cpu_count()} cores")
        print(f"soak: {what} in {self.seconds:g} s, {len(failures.all)} errors; {self.in_words(after)}")

    def in_words(self, after: dict) -> str:
        # A tenth of the time around each point, so that one sample decides nothing.
        rss = [self.median(window, "rss") / MIB for window in ((0.05, 0.15), (0.45, 0.55), LAST_TENTH)]
        peak = max(s["descriptors"] for _, s in self.samples)
        return (f"RSS {rss[0]:.1f} MiB at 10 %, {rss[1]:.1f} at 50 %, {rss[2]:.1f} at 100 %; descriptors {self.before['descriptors']} before, "
                f"{peak} at most, {after['descriptors']} after; threads {self.before['threads']} before, {after['threads']} after")
