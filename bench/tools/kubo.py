# SPDX-License-Identifier: Apache-2.0
"""A private Kubo node on loopback in a repository of its own, for the benchmark scripts. Needs `ipfs` on PATH."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path


class Kubo:
    def __init__(self, folder: Path, start=True):
        self.folder = folder
        self.environment = {**os.environ, "IPFS_PATH": str(folder), "IPFS_TELEMETRY": "off"}
        self.child = None
        self.call("init", "--empty-repo", "--profile=test,unixfs-v1-2025,announce-off")
        self.call("bootstrap", "rm", "--all")
        for key, value in (("Addresses.API", "/ip4/127.0.0.1/tcp/0"), ("Addresses.Gateway", "/ip4/127.0.0.1/tcp/0"),
                           ("Routing.Type", "none"), ("AutoNAT.ServiceMode", "disabled")):
            self.call("config", key, value)
        self.call("config", "--json", "Addresses.Swarm", '["/ip4/127.0.0.1/tcp/0"]')
        for key in ("AutoTLS.Enabled", "Swarm.RelayClient.Enabled", "Swarm.EnableHolePunching", "Version.SwarmCheckEnabled", "HTTPRetrieval.Enabled"):
            self.call("config", "--json", key, "false")
        if start:
            self.start()

    def start(self):
        log = self.folder / "log"
        self.child = subprocess.Popen(["ipfs", "daemon"], env=self.environment, stdout=open(log, "w"), stderr=subprocess.STDOUT)
        while "Daemon is ready" not in log.read_text():
            if self.child.poll() is not None:
                raise SystemExit(f"Kubo ended: {log.read_text()[-2000:]}")
            time.sleep(0.02)

    @property
    def address(self) -> str:
        return next(a for a in json.loads(self.call("id"))["Addresses"] if a.startswith("/ip4/127.0.0.1/tcp/"))

    def call(self, *words) -> str:
        return subprocess.run(["ipfs", *map(str, words)], env=self.environment, capture_output=True, text=True, check=True).stdout.strip()

    def stop(self):
        if self.child is not None:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait(timeout=60)
            self.child = None
