# SPDX-License-Identifier: Apache-2.0
"""What the benchmark scripts share: the machine in words, one command timed, figures over turns."""
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path


def first_line(*command) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def machine() -> dict:
    info = Path("/proc/cpuinfo").read_text()
    field = lambda name: next((line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith(name)), "unknown")
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    flags = set(field("flags").split())
    return {"cpu": field("model name"), "cpus": len(os.sched_getaffinity(0)), "memory_mib": int(memory.split()[1]) // 1024,
            "isa": [flag for flag in ("sha_ni", "avx2", "avx512f") if flag in flags], "kernel": platform.release()}


def timed(command, **options) -> dict:
    """Wall and CPU seconds and peak memory of one command; its output must not matter to the time."""
    os.sync()  # What the command before left unwritten is not this one's work.
    start = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    out = process.stdout.read()
    err = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} exited {process.returncode}\n{err}")
    return {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024, "out": out}


def cpu_seconds_of(pid: int) -> float:
    """User and system time of a process that still runs, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spread(values: list) -> dict:
    ordered = sorted(values)
    return {"median": statistics.median(ordered), "min": ordered[0], "max": ordered[-1], "n": len(ordered)}
