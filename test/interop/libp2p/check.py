# SPDX-License-Identifier: Apache-2.0
"""usage: check.py TOOL"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

tool = sys.argv[1]
folder = Path(tempfile.mkdtemp(prefix="accel-libp2p-"))
environment = {**os.environ, "IPFS_PATH": str(folder / "kubo"), "IPFS_TELEMETRY": "off"}
STREAMS = 100
passed = failed = 0


def check(what, holds, shown=""):
    global passed, failed
    if holds:
        passed += 1
        return
    failed += 1
    print(f"FAILED {what}: {str(shown)[:300]}")


def kubo(*arguments, timeout=60):
    done = subprocess.run(["ipfs", *arguments], env=environment, capture_output=True, text=True, check=False,
                          timeout=timeout)
    return done.returncode, done.stdout + done.stderr


def must(*arguments):
    code, text = kubo(*arguments)
    if code != 0:
        raise RuntimeError(f"ipfs {' '.join(arguments)}: {text}")
    return text


def start_kubo(listen="/ip4/127.0.0.1/tcp/0"):
    must("init", "--empty-repo", "--profile=test,announce-off")
    must("bootstrap", "rm", "--all")
    for key, value in {"Addresses.API": '"/ip4/127.0.0.1/tcp/0"', "Addresses.Gateway": '"/ip4/127.0.0.1/tcp/0"',
                       "Addresses.Swarm": json.dumps([listen]), "Routing.Type": '"none"',
                       "AutoTLS.Enabled": "false", "Swarm.RelayClient.Enabled": "false",
                       "Version.SwarmCheckEnabled": "false", "AutoNAT.ServiceMode": '"disabled"'}.items():
        must("config", "--json", key, value)
    log = open(folder / "kubo.log", "w", encoding="utf-8")
    daemon = subprocess.Popen(["ipfs", "daemon"], env=environment, stdout=log, stderr=log)
    for _ in range(300):
        time.sleep(0.2)
        # Before its API is there, `ipfs id` would take the repository's lock from it.
        if (folder / "kubo" / "api").exists():
            code, text = kubo("id", "-f", "<id>\n<addrs>")
            if code == 0 and "/tcp/" in text:
                return daemon, text.split("\n")
    daemon.terminate()
    raise RuntimeError("Kubo did not start: " + (folder / "kubo.log").read_text(encoding="utf-8")[-2000:])


def dial(security, address, streams=1):
    done = subprocess.run([tool, "dial", security, address, str(streams)], capture_output=True, text=True, check=False,
                          timeout=120)
    return json.loads(done.stdout)


class Serving:
    def __init__(self, security):
        self.process = subprocess.Popen([tool, "serve", security], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.hello = json.loads(self.process.stdout.readline())

    def connections(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(timeout=30)


def we_dial(security, kubo_id, address, carried=""):
    shown = dial(security, address, STREAMS)
    where = f"we dial Kubo over {security} {carried}".rstrip()
    check(f"{where}: peer", shown.get("peer") == kubo_id, shown)
    check(f"{where}: security", shown.get("security") == security, shown)
    check(f"{where}: ping", shown.get("ping_ms", 0) > 0, shown)
    check(f"{where}: {STREAMS} streams at once", shown.get("opened") == STREAMS, shown)
    check(f"{where}: identify", shown.get("agent", "").startswith("kubo/"), shown)
    check(f"{where}: protocols", "/ipfs/bitswap/1.2.0" in shown.get("protocols", []), shown)
    print(f"   {where}: {shown.get('agent')}, ping {shown.get('ping_ms', 0):.2f} ms, "
          f"{shown.get('opened')} streams at once")


def kubo_dials(security, kubo_id, carried=""):
    where = f"Kubo dials us over {security} {carried}".rstrip()
    serving = Serving(security)
    ours = serving.hello["id"]
    code, text = kubo("swarm", "connect", serving.hello["address"])
    check(f"{where}: connect", code == 0, text)
    code, text = kubo("ping", "-n", "3", ours)
    check(f"{where}: ipfs ping", code == 0 and "Average latency" in text, text)
    code, text = kubo("id", ours)
    shown = json.loads(text) if code == 0 else {}
    check(f"{where}: ipfs id", shown.get("AgentVersion", "").startswith("ipfs-accelerate"), text)
    check(f"{where}: ipfs id, protocols", "/ipfs/ping/1.0.0" in (shown.get("Protocols") or []), text)
    check(f"{where}: ipfs id, addresses", any("/tcp/" in a for a in shown.get("Addresses") or []), text)
    seen = [c for c in serving.connections() if c["peer"] == kubo_id]
    check(f"{where}: we see Kubo", len(seen) == 1 and seen[0]["security"] == security, seen)
    check(f"{where}: we know its agent", bool(seen) and seen[0]["agent"].startswith("kubo/"), seen)
    code, text = kubo("swarm", "disconnect", serving.hello["address"])
    check(f"{where}: disconnect", code == 0, text)
    check(f"{where}: stop", serving.stop() == 0)
    print(f"   {where}: ipfs id says {shown.get('AgentVersion')}")


def refuses_strangers(address):
    other = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
    for security in ("noise", "tls"):
        shown = dial(security, address.rsplit("/p2p/", 1)[0] + "/p2p/" + other)
        check(f"another peer than meant, {security}", shown.get("code") == "unauthenticated", shown)
    serving = Serving("both")
    code, text = kubo("swarm", "connect", serving.hello["address"].rsplit("/p2p/", 1)[0] + "/p2p/" + other)
    check("Kubo refuses us under another name", code != 0 and "peer id mismatch" in text, text)
    serving.stop()


def private_swarm():
    """Kubo with a swarm.key: who has it is a peer, who has none or another is nobody."""
    (folder / "kubo").mkdir()
    key = folder / "kubo" / "swarm.key"
    others = folder / "other.key"
    for path, digits in ((key, "61" * 32), (others, "62" * 32)):
        path.write_text(f"/key/swarm/psk/1.0.0/\n/base16/\n{digits}\n")
        path.chmod(0o600)
    environment["LIBP2P_FORCE_PNET"] = "1"
    daemon, (kubo_id, *addresses) = start_kubo()
    address = next(a for a in addresses if "/tcp/" in a)
    try:
        check("a private swarm: a stranger stays outside", "error" in dial("both", address))
        os.environ["ACCEL_SWARM_KEY"] = str(others)
        check("a private swarm: another key is none", "error" in dial("both", address))
        os.environ["ACCEL_SWARM_KEY"] = str(key)
        for security in ("noise", "tls"):
            we_dial(security, kubo_id, address)
            kubo_dials(security, kubo_id)
    finally:
        os.environ.pop("ACCEL_SWARM_KEY")
        environment.pop("LIBP2P_FORCE_PNET")
        daemon.terminate()
        daemon.wait(timeout=60)
        shutil.rmtree(folder / "kubo")


def over_websocket():
    """Both ways, each listening on a WebSocket alone."""
    daemon, (kubo_id, *addresses) = start_kubo("/ip4/127.0.0.1/tcp/0/ws")
    address = next(a for a in addresses if "/ws" in a)
    os.environ["ACCEL_LISTEN"] = "/ip4/127.0.0.1/tcp/0/ws"
    try:
        for security in ("noise", "tls"):
            we_dial(security, kubo_id, address, "over a WebSocket")
            kubo_dials(security, kubo_id, "over a WebSocket")
        refuses_strangers(address)
    finally:
        os.environ.pop("ACCEL_LISTEN")
        daemon.terminate()
        daemon.wait(timeout=60)
        shutil.rmtree(folder / "kubo")


def main():
    private_swarm()
    over_websocket()
    daemon, (kubo_id, *addresses) = start_kubo()
    address = next(a for a in addresses if "/tcp/" in a)
    try:
        for security in ("noise", "tls"):
            we_dial(security, kubo_id, address)
            kubo_dials(security, kubo_id)
        refuses_strangers(address)
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, with {subprocess.getoutput('ipfs version')}")
    return 1 if failed else 0


sys.exit(main())
