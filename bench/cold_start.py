#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cold start in turns: process start to exit, and peak memory, of a bare program and of ours.

usage: bench/cold_start.py --bin DIR --library LIBONNXRUNTIME --model MODEL.onnx [--pairs 9] [--threads 1]
                           [--also NAME=COMMAND ...]

Each round runs every contender once, in the same order: cold_start_bare (by path), then
cold_start_session by path and as a skeleton, then what --also names (for example the CLI's
`text embed`). Prints a table and writes JSON with all samples to stdout's last line. The page cache
is warm for all of them. Ratios are medians over rounds of the ratio within a round.
"""
import argparse
import json
import os
import shlex
import statistics
import sys
import time

IDS = "101 1996 4937 7719 2006 1996 13523 1012 102".split()  # "The cat sits on the mat."


def run_once(command):
    read_end, write_end = os.pipe()
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, write_end, 1)])
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        output = stream.read()
    _, status, usage = os.wait4(pid, 0)
    wall_ms = (time.perf_counter() - start) * 1000
    if status != 0:
        sys.exit(f"{shlex.join(command)} ended with status {status}")
    return {"wall_ms": wall_ms, "peak_rss_kib": usage.ru_maxrss, "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1000,
            "output": output}


def contenders(arguments):
    def session(engine, load):
        return [f"{arguments.bin}/cold_start_session", engine, arguments.model, str(arguments.threads), load, *IDS]

    table = {
        "bare, by path": [f"{arguments.bin}/cold_start_bare", arguments.library, arguments.model, str(arguments.threads), *IDS],
        "session, by path": session("onnxruntime", "path"),
        "session, skeleton": session("onnxruntime", "skeleton"),
        "session, shared weights": session("onnxruntime", "shared"),
    }
    for extra in arguments.also:
        name, _, command = extra.partition("=")
        table[name] = shlex.split(command)
    return table


def first_four(output):
    try:
        return json.loads(output).get("first4")
    except (ValueError, AttributeError):
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--library", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--also", action="append", default=[])
    arguments = parser.parse_args()
    table = contenders(arguments)
    for command in table.values():
        run_once(command)
    samples = {name: [] for name in table}
    for _ in range(arguments.pairs):
        for name, command in table.items():
            samples[name].append(run_once(command))
    bare = samples["bare, by path"]
    reference = first_four(bare[0]["output"])
    print(f"{'':28} {'wall ms':>9} {'x bare':>7} {'p10..p90':>13} {'peak MiB':>9} {'CPU ms':>7}")
    for name, runs in samples.items():
        ratios = sorted(run["wall_ms"] / base["wall_ms"] for run, base in zip(runs, bare))
        low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
        answer = first_four(runs[0]["output"])
        same = "" if answer is None or reference is None or max(abs(a - b) for a, b in zip(answer, reference)) < 1e-5 else "  ANSWER DIFFERS"
        print(f"{name:28} {statistics.median(run['wall_ms'] for run in runs):9.1f} {statistics.median(ratios):7.3f} "
              f"{low:6.3f}..{high:5.3f} {max(run['peak_rss_kib'] for run in runs) / 1024:9.1f} "
              f"{statistics.median(run['cpu_ms'] for run in runs):7.1f}{same}")
    print(json.dumps({"model": arguments.model, "threads": arguments.threads, "pairs": arguments.pairs, "thrown_away": 0,
                      "commands": {name: shlex.join(command) for name, command in table.items()},
                      "samples": {name: [{k: v for k, v in run.items() if k != "output"} for run in runs]
                                  for name, runs in samples.items()}}))


if __name__ == "__main__":
    main()
