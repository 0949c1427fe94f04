# SPDX-License-Identifier: Apache-2.0
"""usage: check.py BINARY TOOL"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

binary, tool = sys.argv[1:]
folder = Path(tempfile.mkdtemp(prefix="accel-kad-"))
children = []
passed = failed = 0
ANYWHERE_HERE = "/ip4/127.0.0.1/tcp/0"


def check(what, holds, shown=""):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"   {'ok    ' if holds else 'FAILED'} {what}{'' if holds else ': ' + str(shown)[:400]}")


def eventually(holds, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.2)
    return False


class Node:
    """A program with a home of its own; commands as in its own command line."""

    def __init__(self, name, program, variable):
        self.home = folder / name
        self.program = program
        self.environment = {**os.environ, variable: str(self.home), "IPFS_TELEMETRY": "off"}
        self.log = folder / f"{name}.log"

    def run(self, *words, timeout=90):
        done = subprocess.run([self.program, *map(str, words)], env=self.environment, capture_output=True, timeout=timeout, check=False)
        return done.returncode, done.stdout, done.stderr.decode()

    def ok(self, *words):
        code, out, err = self.run(*words)
        if code != 0:
            raise RuntimeError(f"{self.program} {' '.join(map(str, words))} ended with {code}: {out.decode()}{err}")
        return out.decode().strip()

    def json(self, *words):
        return json.loads(self.ok(*words))

    def start(self, *words):
        with open(self.log, "w", encoding="utf-8") as log:
            children.append(subprocess.Popen([self.program, *words], env=self.environment, stdout=log, stderr=log))


def start_kubo(name):
    node = Node(name, "ipfs", "IPFS_PATH")
    node.ok("init", "--empty-repo", "--profile=test,announce-off")
    node.ok("bootstrap", "rm", "--all")
    settings = {"Addresses.API": '"/ip4/127.0.0.1/tcp/0"', "Addresses.Gateway": '"/ip4/127.0.0.1/tcp/0"', "Addresses.Swarm": f'["{ANYWHERE_HERE}"]',
                "Routing.Type": '"dhtserver"', "Routing.LoopbackAddressesOnLanDHT": "true", "AutoTLS.Enabled": "false",
                "Swarm.RelayClient.Enabled": "false", "Version.SwarmCheckEnabled": "false", "AutoNAT.ServiceMode": '"disabled"',
                "Provide.Enabled": "true"}
    for key, value in settings.items():
        node.ok("config", "--json", key, value)
    node.start("daemon")
    if not eventually(lambda: "Daemon is ready" in node.log.read_text(encoding="utf-8"), 60):
        raise RuntimeError("Kubo did not start: " + node.log.read_text(encoding="utf-8")[-2000:])
    shown = node.json("id")
    node.id, node.address = shown["ID"], next(a for a in shown["Addresses"] if "/tcp/" in a)
    return node


def start_ours(name, bootstrap):
    node = Node(name, binary, "IPFS_ACCELERATE_HOME")
    node.ok("config", "set", "swarm.bootstrap", bootstrap)
    node.start("daemon", "--swarm", ANYWHERE_HERE, "--json")
    if not eventually(lambda: '"ready":true' in node.log.read_text(encoding="utf-8"), 60):
        raise RuntimeError("We did not start: " + node.log.read_text(encoding="utf-8")[-2000:])
    shown = node.json("id", "--json")
    node.id, node.address = shown["id"], shown["addresses"][0]
    return node


def peers_of(node):
    return node.json("routing", "dht", "--json")["networks"][0]["peers"]


def write(name, text):
    path = folder / name
    path.write_text(text)
    return path


def content(hub, other, ours):
    ours_cid = ours.ok("add", "-Q", write("ours.txt", "what we provide\n"))
    told = ours.json("routing", "provide", ours_cid, "--json")
    check("Kubo takes our provider records", told["stored"] >= 1 and told["stored"] == told["closest"], told)
    # `other` has no connection to us: it asks the hub.
    found = other.ok("routing", "findprovs", "-n", "1", ours_cid)
    check("ours provides, Kubo finds", ours.id in found, found)
    code, out, err = other.run("cat", "--progress=false", f"/ipfs/{ours_cid}")
    check("ours provides, Kubo fetches", code == 0 and out == b"what we provide\n", (code, out, err))
    theirs = other.ok("add", "-Q", write("theirs.txt", "what Kubo provides\n"))
    other.ok("routing", "provide", theirs)
    shown = ours.json("routing", "findprovs", theirs, "--json")
    check("Kubo provides, ours finds", [p["id"] for p in shown["providers"]] == [other.id], shown)
    ours.run("swarm", "disconnect", other.id)
    code, out, err = ours.run("pull", theirs, "--json")
    check("Kubo provides, ours pulls with no address named", code == 0, (out, err))
    code, out, err = ours.run("cat", theirs)
    check("and has it", out == b"what Kubo provides\n", (out, err))
    private = ours.ok("add", "-Q", "--private", write("private.txt", "nobody's business\n"))
    code, out, err = other.run("routing", "findprovs", "-n", "1", private, timeout=60)
    check("what is private is announced to nobody", ours.id not in out.decode(), (out, err))


def peers(other, ours):
    ours.run("swarm", "disconnect", other.id)
    found = ours.json("routing", "findpeer", other.id, "--json")
    check("ours finds a Kubo peer", any(a in other.address for a in found["addresses"]), found)
    other.run("swarm", "disconnect", ours.address)
    found = other.ok("routing", "findpeer", ours.id)
    check("Kubo finds our peer", any(line and line in ours.address for line in found.split("\n")), found)
    code, out, err = ours.run("swarm", "connect", other.id)
    check("ours connects by the peer id alone", code == 0, (out, err))


def values(hub, other):
    """IPNS records, valid for a hundred years: those of ipfs/gateway-conformance."""
    records = Path(__file__).resolve().parents[2] / "data/gateway/ipns"
    record = next(records.glob("*9w_v1-v2.ipns-record"))
    name = record.name.split("_")[0]

    def ask(*words):
        done = subprocess.run([tool, *map(str, words)], capture_output=True, text=True, timeout=90, check=False)
        return json.loads(done.stdout)

    put = ask("put", 2, name, hub.address, record)
    check("Kubo takes the IPNS record that we put", put.get("stored") == put.get("closest") and put.get("stored", 0) >= 2, put)
    code, out, err = other.run("routing", "get", f"/ipns/{name}")
    check("and gives the same bytes", code == 0 and out.startswith(record.read_bytes()), (out, err))
    cid = other.ok("add", "-Q", write("named.txt", "named"))
    newer = other.ok("add", "-Q", write("newer.txt", "newer"))
    theirs = other.ok("key", "gen", "--type=ed25519", "--ipns-base=base36", "mine")
    other.ok("name", "publish", "--key=mine", f"/ipfs/{cid}")
    got = ask("get", 2, theirs, hub.address)
    check("Kubo publishes a name, ours gets it", got.get("value") == f"/ipfs/{cid}", got)
    other.ok("name", "publish", "--key=mine", f"/ipfs/{newer}")
    got = ask("get", 2, theirs, hub.address)
    check("and the newer one after it", got.get("value") == f"/ipfs/{newer}", got)


def main():
    hub = start_kubo("hub")
    other = start_kubo("other")
    other.ok("swarm", "connect", hub.address)
    ours = start_ours("ours", hub.address)
    check("we learn of both Kubo nodes", eventually(lambda: peers_of(ours) >= 2), peers_of(ours))
    check("Kubo's table has us", eventually(lambda: ours.id in hub.ok("stats", "dht", "lan")), hub.ok("stats", "dht", "lan"))
    content(hub, other, ours)
    peers(other, ours)
    values(hub, other)
    print(f"{passed} passed, {failed} failed, with {subprocess.getoutput('ipfs version')}")
    return 1 if failed else 0


try:
    code = main()
finally:
    for child in children:
        child.send_signal(signal.SIGINT)
    for child in children:
        child.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)
sys.exit(code)
