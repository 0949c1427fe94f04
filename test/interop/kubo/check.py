# SPDX-License-Identifier: Apache-2.0
"""usage: check.py BINARY"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

binary = sys.argv[1]
folder = Path(tempfile.mkdtemp(prefix="accel-kubo-"))
environment = {**os.environ, "IPFS_PATH": str(folder / "kubo"), "IPFS_TELEMETRY": "off",
               "IPFS_ACCELERATE_HOME": str(folder / "home")}
passed = failed = 0


def call(*arguments, **options):
    done = subprocess.run([str(a) for a in arguments], env=environment, capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def ours(*arguments, **options):
    return call(binary, *arguments, **options)


def kubo(*arguments, **options):
    return call("ipfs", *arguments, **options)


def same(what, left, right):
    global passed, failed
    if left == right:
        passed += 1
        return
    failed += 1
    print(f"FAILED {what}: {str(left)[:200]} != {str(right)[:200]}")


def write(path, size, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def trees():
    one = write(folder / "one.bin", 3_000_017, 1)
    yield "a file", one, ["--cid-version=1"]
    tree = folder / "tree"
    write(tree / "model/weights.bin", 5_000_000, 2)
    write(tree / "model/config.json", 300, 3)
    (tree / "zeros").write_bytes(bytes(3 << 20))
    (tree / "link").symlink_to("model/config.json")
    yield "a tree of version 1", tree, ["-r", "--cid-version=1"]
    yield "a tree of version 0", tree, ["-r", "--cid-version=0"]
    yield "a trickle DAG", one, ["--trickle", "--cid-version=1"]
    yield "a file of small chunks", one, ["--chunker=size-1000", "--cid-version=1"]
    many = folder / "many"
    for i in range(300):
        write(many / f"{i}.txt", 10, i)
    yield "a sharded folder", many, ["-r", "--cid-version=1", "--max-hamt-fanout=16"]


def add_with_kubo(path, flags):
    try:
        return kubo("add", "-Q", "--offline", *flags, path).decode().strip()
    except RuntimeError as error:  # A flag that this Kubo does not have.
        print(f"skipped {path.name} {flags}: {error}")
        return None


def check_archives():
    for what, path, flags in trees():
        cid = add_with_kubo(path, flags)
        if cid is None:
            continue
        theirs = folder / "theirs.car"
        theirs.write_bytes(kubo("dag", "export", "--offline", "--progress=false", cid))
        report = json.loads(ours("dag", "import", theirs, "--json"))
        same(f"{what}: our import of Kubo's archive", [(r["cid"], r["pinned"]) for r in report["roots"]], [(cid, True)])
        for version in (1, 2):
            mine = folder / f"mine{version}.car"
            ours("dag", "export", cid, "-f", "-o", mine, "--car-version", version)
            if version == 1:
                same(f"{what}: the archive byte for byte", mine.read_bytes() == theirs.read_bytes(), True)
            kubo("pin", "rm", cid)
            kubo("repo", "gc", "-q")
            text = kubo("dag", "import", "--offline", mine).decode()
            same(f"{what}: Kubo's import of version {version}", cid in text and "success" in text, True)
        stat = json.loads(kubo("dag", "stat", "--offline", "--progress=false", "--enc=json", cid))
        mine = json.loads(ours("dag", "stat", cid, "--json"))
        same(f"{what}: dag stat", (mine["dags"][0]["blocks"], mine["dags"][0]["bytes"]),
             (stat["DagStats"][0]["NumBlocks"], stat["DagStats"][0]["Size"]))


def check_nodes():
    leaf = kubo("block", "put", "--cid-codec=raw", write(folder / "leaf", 100, 9)).decode().strip()
    same("block put", ours("block", "put", folder / "leaf").decode().strip(), leaf)
    same("block get", ours("block", "get", leaf), (folder / "leaf").read_bytes())
    for text in ('{"hello":"world"}', '[1,-2,3.5,null,true,{"a":{"/":"%s"},"b":{"/":{"bytes":"AQID"}}}]' % leaf,
                 '{"z":1,"aa":2,"b":[]}', '"text \\" \\u00e9"', "[]"):
        for codec in ("dag-cbor", "dag-json"):
            theirs = kubo("dag", "put", f"--store-codec={codec}", input=text.encode()).decode().strip()
            mine = ours("dag", "put", "--store-codec", codec, input=text.encode()).decode().strip()
            same(f"dag put {codec} {text}", mine, theirs)
            same(f"dag get {codec} {text}", ours("dag", "get", mine), kubo("dag", "get", "--offline", theirs))
    root = ours("dag", "put", input=b'{"a":{"b":[{"/":"%s"}]}}' % leaf.encode()).decode().strip()
    archive = ours("dag", "export", root)
    kubo("dag", "import", "--offline", input=archive)
    same("a path", ours("dag", "get", f"{root}/a/b/0"), kubo("dag", "get", "--offline", f"{root}/a/b/0"))
    same("dag export of dag-cbor", archive, kubo("dag", "export", "--offline", "--progress=false", root))


try:
    kubo("init", "--empty-repo", "--profile=test")
    check_archives()
    check_nodes()
finally:
    subprocess.run(["chmod", "-R", "u+w", str(folder)], check=False)
    shutil.rmtree(folder, ignore_errors=True)
print(f"kubo: {passed} passed, {failed} failed")
sys.exit(1 if failed or passed == 0 else 0)
