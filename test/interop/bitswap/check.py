# SPDX-License-Identifier: Apache-2.0
"""usage: check.py TOOL"""
import filecmp
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

tool = sys.argv[1]
folder = Path(tempfile.mkdtemp(prefix="accel-bitswap-"))
environment = {**os.environ, "IPFS_PATH": str(folder / "kubo"), "IPFS_TELEMETRY": "off"}
children = []
passed = failed = duplicate = received = 0
LIMIT = 300


def check(what, holds, found=""):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    if not holds:
        print(f"FAILED {what}: {str(found)[:400]}")


def run(*command, fails=False):
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    if (done.returncode != 0) != fails:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stderr if fails else done.stdout.strip()


def kubo(*words, **options):
    return run("ipfs", *words, **options)


def start_kubo():
    kubo("init", "--empty-repo", "--profile=test,unixfs-v1-2025,announce-off")
    kubo("bootstrap", "rm", "--all")
    kubo("config", "Addresses.API", "/ip4/127.0.0.1/tcp/0")
    kubo("config", "Addresses.Gateway", "/ip4/127.0.0.1/tcp/0")
    kubo("config", "--json", "Addresses.Swarm", '["/ip4/127.0.0.1/tcp/0"]')
    kubo("config", "Routing.Type", "none")
    for key in ("AutoTLS.Enabled", "Swarm.RelayClient.Enabled", "Swarm.EnableHolePunching", "Version.SwarmCheckEnabled", "HTTPRetrieval.Enabled"):
        kubo("config", "--json", key, "false")
    kubo("config", "AutoNAT.ServiceMode", "disabled")
    log = open(folder / "kubo.log", "w")
    children.append(subprocess.Popen(["ipfs", "daemon"], env=environment, stdout=log, stderr=log))
    for _ in range(600):
        if "Daemon is ready" in (folder / "kubo.log").read_text():
            break
        time.sleep(0.1)
    addresses = json.loads(kubo("id"))["Addresses"]
    return next(a for a in addresses if a.startswith("/ip4/127.0.0.1/tcp/"))


def serve(store):
    child = subprocess.Popen([tool, "serve", str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    children.append(child)
    return child.stdout.readline().strip()


def write(path, size, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def same_tree(left, right):
    if left.is_file() or right.is_file():
        return left.is_file() and right.is_file() and filecmp.cmp(left, right, shallow=False)
    names = sorted(p.name for p in left.iterdir())
    return names == sorted(p.name for p in right.iterdir()) and all(same_tree(left / n, right / n) for n in names)


def cases():
    yield "file", write(folder / "in/file.bin", 12_345_678, 1), ["--cid-version=1"]
    tree = folder / "in/tree"
    write(tree / "model/weights.bin", 5_000_000, 2)
    write(tree / "model/config.json", 300, 3)
    write(tree / "empty", 0, 4)
    yield "folder", tree, ["-r", "--cid-version=1"]
    many = folder / "in/many"
    for i in range(1500):
        write(many / f"{i:04}.txt", 40, i)
    yield "sharded folder", many, ["-r", "--cid-version=1", "--max-directory-links=100"]
    yield "version 0", write(folder / "in/old.bin", 3_000_000, 5), ["--cid-version=0", "--raw-leaves=false", "--chunker=size-10000"]


def we_pull(what, cid, address, original):
    global duplicate, received
    store, out = folder / f"pull-{what}", folder / f"out-{what}"
    report = json.loads(run(tool, "pull", store, cid, address, out))
    check(f"{what}: the bytes", same_tree(original, out))
    check(f"{what}: nothing false", report["rejected"] == 0, report)
    duplicate, received = duplicate + report["duplicate"], received + report["bytes"]
    return store


try:
    theirs = start_kubo()
    ours_store, private_store = folder / "ours", folder / "private"
    roots = {}
    for what, path, flags in cases():
        cid = kubo("add", "-Q", *flags, path)
        roots[what] = (cid, path)
        we_pull(f"from Kubo, {what}", cid, theirs, path)
    # All of it once more into one store, which then serves.
    for what, (cid, path) in roots.items():
        run(tool, "pull", ours_store, cid, theirs)
    hidden = run(tool, "add", private_store, write(folder / "in/secret", 700_000, 6), "--private")
    small = run(tool, "add", private_store, write(folder / "in/small-secret", 500, 7), "--private")
    public = run(tool, "add", private_store, write(folder / "in/public", 700_000, 8))
    ours, mixed = serve(ours_store), serve(private_store)
    for what, (cid, path) in roots.items():
        we_pull(f"from us, {what}", cid, ours, path)
        kubo("pin", "rm", cid)
    kubo("repo", "gc", "-q")
    for address in (ours, mixed):
        check("Kubo connects", "success" in kubo("swarm", "connect", address))
    for what, (cid, path) in roots.items():
        out = folder / f"kubo-{what}"
        kubo("get", "--progress=false", f"--output={out}", cid)
        check(f"Kubo from us, {what}: the bytes", same_tree(path, out))
    check("Kubo gets what is public", len(kubo("block", "stat", public)) > 0)
    for secret in (hidden, small):
        kubo("block", "stat", "--timeout=3s", secret, fails=True)
        run(tool, "get", folder / "thief", secret, mixed, fails=True)
        check("a private root stays here", True)
    check("we get what is public", int(run(tool, "get", folder / "thief", public, mixed)) == 700_000)
    stat = kubo("bitswap", "stat")
    print("Kubo says:", "; ".join(line.strip() for line in stat.splitlines() if "dup" in line or "blocks received" in line))
    check("what came twice", duplicate * 50 <= received, f"{duplicate} of {received}")
finally:
    for child in children:
        child.send_signal(signal.SIGTERM)
    for child in children:
        child.wait(timeout=30)
    subprocess.run(["chmod", "-R", "u+w", str(folder)], check=False)
    shutil.rmtree(folder, ignore_errors=True)
print(f"bitswap: {passed} passed, {failed} failed; {duplicate} of {received} bytes came twice")
sys.exit(1 if failed or passed == 0 else 0)
