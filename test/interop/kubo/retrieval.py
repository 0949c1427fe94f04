# SPDX-License-Identifier: Apache-2.0
"""usage: retrieval.py BINARY

Kubo fetches a folder from our gateway over TLS and HTTP/2 (its HTTP retrieval). Who has it, it learns from a delegated router of this
script's own; all on loopback.
"""
import http.server
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

# Kubo wants the name of a peer with an address; over HTTPS nobody proves it.
PEER = "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d"
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


def start_router(gateway_port: int) -> str:
    """Answers that our gateway has everything (Delegated Routing V1)."""

    class Router(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            provider = {"Schema": "peer", "ID": PEER, "Addrs": [f"/ip4/127.0.0.1/tcp/{gateway_port}/tls/http"],
                        "Protocols": ["transport-ipfs-gateway-http"]}
            body = json.dumps({"Providers": [provider] if "/providers/" in self.path else []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Router)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def start_kubo(router: str) -> subprocess.Popen:
    call("ipfs", "init", "--empty-repo", "--profile=test,announce-off")
    settings = {"HTTPRetrieval.Enabled": True, "HTTPRetrieval.TLSInsecureSkipVerify": True, "AutoTLS.Enabled": False,
                "AutoConf.Enabled": False, "Swarm.RelayClient.Enabled": False, "Routing.DelegatedRouters": [router],
                "Routing.Type": "delegated", "DNS.Resolvers": {}, "Ipns.DelegatedPublishers": [], "Bootstrap": [],
                "Version.SwarmCheckEnabled": False, "Addresses.API": f"/ip4/127.0.0.1/tcp/{free_port()}",
                "Addresses.Gateway": f"/ip4/127.0.0.1/tcp/{free_port()}", "Addresses.Swarm": [f"/ip4/127.0.0.1/tcp/{free_port()}"]}
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
    daemon = subprocess.Popen([binary, "daemon", "--gateway-tls", "127.0.0.1:0", "--json"], env=environment, stdout=subprocess.PIPE, text=True)
    kubo = None
    try:
        port = int(json.loads(daemon.stdout.readline())["gateway_tls"].rsplit(":", 1)[1])
        kubo = start_kubo(start_router(port))
        wrong = [name for name, data in content.items() if call("ipfs", "cat", f"{cid}/{name}", timeout=120) != data]
    finally:
        for process in (kubo, daemon):
            if process is not None:
                process.terminate()
                process.wait(timeout=30)
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)
    total = sum(map(len, content.values()))
    print(f"Kubo fetched {total} bytes of {cid} from our gateway over HTTP/2 and TLS" if not wrong else f"FAILED: other bytes in {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
