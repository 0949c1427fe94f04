# SPDX-License-Identifier: Apache-2.0
"""usage: http.py BINARY
Kubo forwards a port of its own to our streams of /http/1.1, and reads blocks and CARs there."""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

binary = sys.argv[1]
folder = Path(tempfile.mkdtemp(prefix="accel-http-"))
environment = {**os.environ, "IPFS_PATH": str(folder / "kubo"), "IPFS_TELEMETRY": "off",
               "IPFS_ACCELERATE_HOME": str(folder / "home")}
children = []
passed = failed = 0
MIB = 1024 * 1024
AT_ONCE = 16


def check(what, holds, shown=""):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    if not holds:
        print(f"FAILED {what}: {str(shown)[:300]}")


def run(*command, data=None):
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, timeout=60,
                          input=data, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def start_kubo():
    run("ipfs", "init", "--empty-repo", "--profile=test,announce-off")
    run("ipfs", "bootstrap", "rm", "--all")
    for key, value in {"Addresses.API": '"/ip4/127.0.0.1/tcp/0"', "Addresses.Gateway": '"/ip4/127.0.0.1/tcp/0"',
                       "Addresses.Swarm": '["/ip4/127.0.0.1/tcp/0"]', "Routing.Type": '"none"',
                       "AutoTLS.Enabled": "false", "Swarm.RelayClient.Enabled": "false",
                       "Version.SwarmCheckEnabled": "false", "AutoNAT.ServiceMode": '"disabled"',
                       "Experimental.Libp2pStreamMounting": "true"}.items():
        run("ipfs", "config", "--json", key, value)
    log = open(folder / "kubo.log", "w", encoding="utf-8")
    children.append(subprocess.Popen(["ipfs", "daemon"], env=environment, stdout=log, stderr=log))
    for _ in range(300):
        time.sleep(0.2)
        if "Daemon is ready" in (folder / "kubo.log").read_text(encoding="utf-8"):
            return
    raise RuntimeError("Kubo did not start.")


def start_ours(offers):
    run(binary, "config", "set", "gateway.libp2p", "true" if offers else "false")
    daemon = subprocess.Popen([binary, "daemon", "--json", "--swarm", "/ip4/127.0.0.1/tcp/0"], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    children.append(daemon)
    daemon.stdout.readline()
    shown = json.loads(run(binary, "id", "--json"))
    run("ipfs", "swarm", "connect", shown["addresses"][0])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run("ipfs", "p2p", "forward", "--allow-custom-protocol", "/http/1.1", f"/ip4/127.0.0.1/tcp/{port}",
        f"/p2p/{shown['id']}")
    return daemon, port


def get(port, path, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read(), answer.headers


def reads(port, cid, secret, block):
    status, body, headers = get(port, f"/ipfs/{block}?format=raw")
    check("a block", status == 200 and len(body) == MIB, (status, body[:200]))
    check("a block: kind", headers.get("Content-Type") == "application/vnd.ipld.raw", headers)
    check("a block: the last answer of its stream", headers.get("Connection") == "close", headers)
    check("a block: it verifies", run("ipfs", "block", "put", "--cid-codec=raw", data=body).decode().strip() == block)
    status, car, _ = get(port, f"/ipfs/{cid}?format=car")
    check("a CAR", status == 200, (status, car[:200]))
    run("ipfs", "dag", "import", "--pin-roots=false", data=car)
    check("a CAR: Kubo has the file", run("ipfs", "cat", "--offline", cid) == (folder / "a.bin").read_bytes())
    for what, path, wanted in (("a file as such", f"/ipfs/{cid}", 406), ("a TAR", f"/ipfs/{cid}?format=tar", 406),
                               ("a private block", f"/ipfs/{secret}?format=raw", 404),
                               ("a private CAR", f"/ipfs/{secret}?format=car", 404),
                               ("the API", "/api/v0/id", 404), ("metrics", "/metrics", 404), ("a name", "/ipns/a.b", 404)):
        check(what, get(port, path)[0] == wanted, get(port, path)[:2])
    check("writing", get(port, f"/ipfs/{cid}?format=raw", "POST")[0] == 405)
    status, body, _ = get(port, "/.well-known/libp2p/protocols")
    check("what is spoken", status == 200 and json.loads(body) == {"/ipfs/gateway": {"path": "/"}}, body)


def many_at_once(port, cid):
    """More silent streams than one peer may have: those beyond are refused, the rest goes on when they end."""
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(2 * AT_ONCE)]
    for one in held:
        one.sendall(b"GET /")
    time.sleep(1)
    try:
        refused = get(port, f"/ipfs/{cid}?format=raw")[0] != 200
    except OSError:
        refused = True
    check("above the limit of one peer", refused)
    for one in held:
        one.close()
    for _ in range(50):
        time.sleep(0.2)
        try:
            status = get(port, f"/ipfs/{cid}?format=raw")[0]
        except OSError:
            continue
        if status == 200:
            break
    check("after them", get(port, f"/ipfs/{cid}?format=raw")[0] == 200)


def main():
    try:
        data = random.Random(5).randbytes(3 * MIB)
        (folder / "a.bin").write_bytes(data)
        (folder / "secret.bin").write_bytes(random.Random(6).randbytes(MIB // 2))
        run(binary, "config", "list")
        cid = run(binary, "add", "-Q", folder / "a.bin").decode().strip()
        secret = run(binary, "add", "-Q", "--private", folder / "secret.bin").decode().strip()
        (folder / "leaf.bin").write_bytes(data[:MIB])
        block = run(binary, "add", "-Q", "--raw-leaves", folder / "leaf.bin").decode().strip()
        start_kubo()
        daemon, port = start_ours(True)
        reads(port, cid, secret, block)
        many_at_once(port, cid)
        check("our daemon ends cleanly", end(daemon) == 0)
        daemon, port = start_ours(False)
        try:
            found = get(port, f"/ipfs/{block}?format=raw")[0]
        except OSError:
            found = "refused"
        check("without gateway.libp2p", found == "refused", found)
    finally:
        for child in reversed(children):
            end(child)
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed: /http/1.1 with {subprocess.getoutput('ipfs version')}")
    return 1 if failed else 0


def end(child):
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    return child.wait(timeout=60)


sys.exit(main())
