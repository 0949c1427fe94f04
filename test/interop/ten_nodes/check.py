# SPDX-License-Identifier: Apache-2.0
"""Ten daemons, one model: run where it is not, pulled from several peers, past the death of the seed, copied, and healed. Prints what was measured."""
import argparse
import contextlib
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TEST = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TEST / "integration"))
from harness import model_directory  # noqa: E402

MIB = 1 << 20
NODES = 10
REFERENCE = json.loads((TEST / "data/models/minilm_l6_f32.json").read_text())
TEXT = "The cat sits on the mat."


class Network:
    """Where node i lives: a namespace of its own behind a bridge, or a loopback address."""

    def __init__(self, namespaces: bool, mbit: int):
        self.namespaces, self.mbit = namespaces, mbit
        if namespaces:
            self._make()

    def _make(self):
        run("mount", "-t", "tmpfs", "tmpfs", "/run")
        Path("/run/netns").mkdir()
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "br0", "type", "bridge")
        run("ip", "link", "set", "br0", "up")
        cap = ["tbf", "rate", f"{self.mbit}mbit", "burst", "256kb", "latency", "100ms"]
        for i in range(NODES):
            inside = ["ip", "netns", "exec", f"n{i}"]
            run("ip", "netns", "add", f"n{i}")
            run("ip", "link", "add", f"v{i}", "type", "veth", "peer", "name", f"e{i}")
            run("ip", "link", "set", f"v{i}", "master", "br0", "up")
            run("ip", "link", "set", f"e{i}", "netns", f"n{i}")
            run(*inside, "ip", "addr", "add", f"{self.address(i)}/16", "dev", f"e{i}")
            run(*inside, "ip", "link", "set", f"e{i}", "up")
            run(*inside, "ip", "link", "set", "lo", "up")
            run("tc", "qdisc", "add", "dev", f"v{i}", "root", *cap)  # What the node receives.
            run(*inside, "tc", "qdisc", "add", "dev", f"e{i}", "root", *cap)  # What it sends.

    def address(self, i: int) -> str:
        return f"10.77.{i}.1" if self.namespaces else f"127.0.0.{10 + i}"

    def prefix(self, i: int) -> list:
        return ["ip", "netns", "exec", f"n{i}"] if self.namespaces else []

    def settings(self) -> dict:
        return {} if self.namespaces else {"IPFS_ACCELERATE_SWARM_MAX_UPLOAD_RATE": str(self.mbit * 1000_000 // 8)}

    def describe(self) -> str:
        if self.namespaces:
            return f"network namespaces, each link {self.mbit} Mbit/s both ways (tc tbf)"
        return f"loopback, each node's bitswap uploads {self.mbit} Mbit/s at most (its own limit)"


class Node:
    def __init__(self, number: int, binary: str, folder: Path, network: Network):
        self.number, self.binary, self.network = number, binary, network
        self.home = folder / f"node{number}"
        self.process = None
        self.environment = {**os.environ, **network.settings(), "IPFS_ACCELERATE_HOME": str(self.home),
                            "IPFS_ACCELERATE_REPLICATION_CHECK_INTERVAL": "1s",
                            "IPFS_ACCELERATE_LOGGING_FILE": str(folder / f"node{number}.log")}
        if number >= 5:  # The others have it of their own will: copies go where nothing is yet.
            self.environment["IPFS_ACCELERATE_REPLICATION_ACCEPT"] = "any"

    def start(self):
        listen = f"/ip4/{self.network.address(self.number)}/tcp/{4100 + self.number}"
        self.process = subprocess.Popen([*self.network.prefix(self.number), self.binary, "daemon", "--swarm", listen, "--json"],
                                        env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        if not self.process.stdout.readline():
            raise AssertionError(f"node {self.number} did not start: {self.process.stderr.read()}")
        self.id = self.json("id")["id"]
        self.where = f"{listen}/p2p/{self.id}"

    def json(self, *arguments, check=True):
        done = subprocess.run([self.binary, *map(str, arguments), "--json"], env=self.environment, capture_output=True,
                              text=True, timeout=1200, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"node {self.number}: {' '.join(map(str, arguments))} exited {done.returncode}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def connect(self, *others):
        for other in others:
            self.json("swarm", "connect", other.where)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
            return
        self.process.kill()


def run(*command):
    subprocess.run(command, check=True)


def make_model(folder: Path, megabytes: int) -> Path:
    """A real model that can be run, random bytes beside it up to the size, and small files such as lie beside models."""
    model = folder / "model"
    shutil.copytree(model_directory("minilm-l6-f32"), model)
    generator = random.Random(5)
    missing = megabytes - sum(f.stat().st_size for f in model.rglob("*") if f.is_file()) // MIB
    for name, share in (("more/part-1.bin", 0.6), ("more/part-2.bin", 0.4)):
        (model / name).parent.mkdir(exist_ok=True)
        with open(model / name, "wb") as stream:
            for _ in range(int(missing * share)):
                stream.write(generator.randbytes(MIB))
    for i in range(20):
        (model / "more" / f"{i}.json").write_text(json.dumps({"part": i, "text": "x" * (i * 500)}))
    return model


def files_in(folder: Path) -> list:
    return [f for f in folder.rglob("*") if f.is_file()]


def same(first: Path, second: Path) -> bool:
    return all((second / f.relative_to(first)).read_bytes() == f.read_bytes() for f in files_in(first))


def wait_until(condition, seconds: float, what: str):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def run_past_a_death(taker: Node, seed: Node, others: list, cid: str, size: int) -> dict:
    """Runs a model that is not here; it comes from the peers, of which one dies half-way. What it did to get it."""
    taker.connect(seed, *others)
    result = {}

    def run_model():
        result["run"] = taker.json("run", cid, "--input", TEXT, "--threads", 1)

    thread = threading.Thread(target=run_model)
    thread.start()
    came = lambda: sum(p["bytes_in"] for p in taker.json("swarm", "peers")["peers"])  # noqa: E731
    wait_until(lambda: came() > size / 2 or not thread.is_alive(), 600, "half of the model")
    assert thread.is_alive(), "the model was here before the seed could die; take a larger --mb"
    seed.kill()
    thread.join()
    assert "run" in result, "the run failed when its seed died"
    check_embedding(result["run"]["embeddings"][0])
    names = ("sources", "bytes_duplicate", "duration_ms")
    row = taker.json("history", "query", "--sql", f"select {', '.join(names)} from ipfs_operations where operation = 'pull'")["rows"][0]
    report = dict(zip(names, row))
    return {**report, "sources": json.loads(report["sources"])}


def check_embedding(vector: list):
    expected = next(case["embedding"] for case in REFERENCE["cases"] if case["text"] == TEXT)
    norms = math.sqrt(sum(x * x for x in vector) * sum(x * x for x in expected))
    cosine = sum(a * b for a, b in zip(vector, expected, strict=True)) / norms
    assert cosine > 0.9999, f"the embedding is not the reference's: cosine {cosine}"
    print(f"  `run` of the model that came gives the reference's embedding (cosine {cosine:.6f})")


def report_sources(report: dict):
    for source in report["sources"]:
        rate = (source.get("bytes_per_second") or 0) / MIB
        print(f"    {source['url'][-52:]:52} {source['bytes'] / MIB:8.1f} MiB  {rate:6.1f} MiB/s, {source.get('failures', 0)} failures")


def replicas_heal(keeper: Node, nodes: list, cid: str):
    keeper.connect(*nodes)
    began = time.monotonic()
    made = keeper.json("replicate", cid, "--copies", 3)
    assert made["complete"] and made["copies"] == 3, made
    print(f"  3 copies made and verified in {time.monotonic() - began:.1f} s")
    gone = next(n for n in nodes if n.id == made["holders"][0]["peer"])
    gone.kill()
    began = time.monotonic()

    def healed():
        row = keeper.json("replicate", "--list")["replicas"][0]
        peers = [h["peer"] for h in row["holders"]]
        return len(peers) == 3 and gone.id not in peers

    wait_until(healed, 600, "a third copy again")
    print(f"  a holder was killed; 3 copies again after {time.monotonic() - began:.1f} s (checks each second, two must fail)")
    return gone


def check_records(node: Node, cid: str):
    rows = node.json("history", "query", "--sql",
                     f"select source, p2p_optimized, peer_count, network_efficiency from ipfs_acceleration_results where cid = '{cid}'")
    assert rows["rows"] and rows["rows"][0][0] == "p2p" and rows["rows"][0][1] is True and rows["rows"][0][2] >= 2, rows
    operations = node.json("history", "query", "--sql", "select sources from ipfs_operations where operation = 'pull'")
    sources = json.loads(operations["rows"][0][0])
    assert sum(1 for s in sources if s["bytes"] > 0 and s["bytes_per_second"]) >= 2, sources


def check_analytics(node: Node, folder: Path):
    seen = node.json("network", "analytics")
    assert seen["provenance"] == "measured" and seen["network_efficiency"] > 0.9, seen
    assert seen["peer_count"] == len(seen["links"]) > 0 and seen["health_rule"], seen
    assert any(link["rate_samples"] > 0 and link["bytes_per_second"] > 0 for link in seen["links"]), seen["links"]
    node.json("network", "topology", "--svg", folder / "network.svg")
    assert (folder / "network.svg").read_text().startswith("<svg")
    rows = node.json("history", "query", "--sql", "select peer_count, provenance from p2p_network_metrics")["rows"]
    assert rows[0] == [seen["peer_count"], "measured"], rows
    print(f"  analytics: health {seen['health']}, efficiency {seen['network_efficiency']:.4f}, "
          f"{seen['average_transfer_speed'] / MIB:.1f} MiB/s over {seen['transfers_completed']} pulls, density {seen['network_density']:.2f}")


def scenario(nodes: list, folder: Path, megabytes: int, network: Network):
    model = make_model(folder, megabytes)
    size = sum(f.stat().st_size for f in files_in(model))
    for node in nodes:
        node.start()
    cid = nodes[0].json("add", model)["cid"]
    seeds = nodes[1:4]
    for seed in seeds:
        seed.connect(nodes[0])
        report = seed.json("pull", cid)
        print(f"  node {seed.number} from one peer: {size / MIB / report['seconds']:.1f} MiB/s")
    report = run_past_a_death(nodes[4], nodes[0], seeds, cid, size)
    print(f"  node 4 from four peers, one killed half-way: {size / MIB / report['duration_ms'] * 1000:.1f} MiB/s, "
          f"{report['bytes_duplicate']} bytes twice")
    report_sources(report)
    assert sum(1 for s in report["sources"] if s["bytes"] > 0) >= 3, report["sources"]
    assert report["bytes_duplicate"] < 0.02 * size, report["bytes_duplicate"]
    nodes[4].json("get", cid, "-o", folder / "out")
    assert same(model, folder / "out"), "the bytes differ"
    check_records(nodes[4], cid)
    check_analytics(nodes[4], folder)
    for node in nodes[5:]:
        node.connect(*seeds)  # What they keep for others they take from whoever has it.
    replicas_heal(nodes[4], nodes[5:], cid)
    print(f"ten_nodes: passed with a model of {size / MIB:.0f} MiB; {network.describe()}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--namespaces", action="store_true")
    parser.add_argument("--mb", type=int, default=int(os.environ.get("TEN_NODES_MB", "500")))
    parser.add_argument("--mbit", type=int, default=int(os.environ.get("TEN_NODES_MBIT", "200")))
    flags = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="accel-ten-nodes-"))
    network = Network(flags.namespaces, flags.mbit)
    nodes = [Node(i, flags.binary, folder, network) for i in range(NODES)]
    try:
        scenario(nodes, folder, flags.mb, network)
        return 0
    except AssertionError as problem:
        print(f"ten_nodes: FAILED: {problem}", file=sys.stderr)
        for node in nodes:
            log = folder / f"node{node.number}.log"
            if log.exists() and log.stat().st_size:
                print(f"-- node {node.number}\n{log.read_text()[-1500:]}", file=sys.stderr)
        return 1
    finally:
        for node in nodes:
            node.stop()
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
