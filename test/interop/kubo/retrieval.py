# SPDX-License-Identifier: Apache-2.0
"""usage: retrieval.py BINARY

Kubo fetches a folder from our gateway over TLS and HTTP/2 (its HTTP retrieval). Who has it, it learns from our gateway's routing API;
then our `routing` asks Kubo's. All on loopback.
"""
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

READY_SECONDS = 60

binary = sys.argv[1]
folder = Path(tempfile.mkdtemp(prefix="accel-retrieval-"))
environment = {**os.environ, "IPFS_PATH": str(folder / "kubo"), "IPFS_TELEMETRY": "off", "IPFS_ACCELERATE_HOME": str(folder / "home")}


def call(*arguments, **options) -> bytes:
    done = subprocess.run([str(argument) for argument in arguments], env=environment, capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_kubo(router: str, gateway_port: int) -> subprocess.Popen:
    call("ipfs", "init", "--empty-repo", "--profile=test,announce-off")
    settings = {"HTTPRetrieval.Enabled": True, "HTTPRetrieval.TLSInsecureSkipVerify": True, "AutoTLS.Enabled": False,
                "AutoConf.Enabled": False, "Swarm.RelayClient.Enabled": False, "Routing.DelegatedRouters": [router],
                "Routing.Type": "delegated", "DNS.Resolvers": {}, "Ipns.DelegatedPublishers": [], "Bootstrap": [],
                "Version.SwarmCheckEnabled": False, "Addresses.API": f"/ip4/127.0.0.1/tcp/{free_port()}",
                "Addresses.Gateway": f"/ip4/127.0.0.1/tcp/{gateway_port}", "Gateway.ExposeRoutingAPI": True,
                "Addresses.Swarm": [f"/ip4/127.0.0.1/tcp/{free_port()}"]}
    for key, value in settings.items():
        call("ipfs", "config", "--json", key, json.dumps(value))
    log = folder / "kubo.log"
    process = subprocess.Popen(["ipfs", "daemon"], env=environment, stdout=log.open("w"), stderr=subprocess.STDOUT)
    for _ in range(READY_SECONDS * 5):
        if "Daemon is ready" in log.read_text():
            return process
        time.sleep(0.2)
    process.kill()
    raise SystemExit(f"Kubo did not start:\n{log.read_text()}")


def main() -> int:
    generator = random.Random(5)
    content = {"weights.bin": generator.randbytes(9_000_000) + bytes(3 << 20), "config.json": b"{}"}
    (folder / "model").mkdir()
    for name, data in content.items():
        (folder / "model" / name).write_bytes(data)
    cid = call(binary, "add", "-Q", folder / "model").decode().strip()
    daemon = subprocess.Popen([binary, "daemon", "--gateway", "127.0.0.1:0", "--gateway-tls", "127.0.0.1:0", "--json"], env=environment,
                              stdout=subprocess.PIPE, text=True)
    kubo = None
    try:
        router = json.loads(daemon.stdout.readline())["gateway"]
        kubo_gateway = free_port()
        kubo = start_kubo(router, kubo_gateway)
        wrong = [name for name, data in content.items() if call("ipfs", "cat", f"{cid}/{name}", timeout=120) != data]
        told = json.loads(call(binary, "routing", "findprovs", cid, "--router", f"http://127.0.0.1:{kubo_gateway}", "--json", timeout=120))
        itself = json.loads(call(binary, "routing", "findprovs", cid, "--router", router, "--json"))
        if sorted(told["providers"][0]["addresses"]) != sorted(itself["providers"][0]["addresses"]):
            wrong.append(f"the addresses that Kubo's routing API passes on: {told}")
    finally:
        for process in (kubo, daemon):
            if process is not None:
                process.terminate()
                process.wait(timeout=30)
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)
    total = sum(map(len, content.values()))
    print(f"Kubo fetched {total} bytes of {cid} from our gateway over HTTP/2 and TLS, and passes on where it is" if not wrong else f"FAILED: wrong: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
