# SPDX-License-Identifier: Apache-2.0
"""The daemon: its listeners, who may call them, and commands through it."""
import json
import os
import shutil
import stat
import subprocess
import unittest
import urllib.error
import urllib.request

from harness import MIB, Home, TestCase


def request(url, data=None, **headers):
    call = urllib.request.Request(url, data=data, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(call, timeout=20) as reply:
            return reply.status, reply.read(), dict(reply.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


class Commands(TestCase):
    def test_work_through_the_daemon_as_they_do_alone(self):
        home = self.home()
        path = self.file("a.bin", 3 * MIB)
        with self.daemon(home):
            self.assertTrue(home.json("status")["daemon"])
            cid = home.add(path)
            self.assertEqual(home.run("cat", cid, text=False)[1], path.read_bytes())
            home.ok("get", cid, "-o", self.folder / "out")
            self.assertEqual(home.json("verify")["damaged"], [])
            self.assert_fails(3, home.run("cat", "nothing"), "nothing")
        self.assertFalse(home.json("status")["daemon"])
        self.assertEqual(home.add(path, "--only-hash"), cid)

    def test_a_second_daemon_on_one_home_is_refused(self):
        home = self.home()
        with self.daemon(home):
            self.assert_fails(10, home.run("daemon"), "Another daemon")

    def test_a_port_in_use_is_named(self):
        with self.daemon(self.home()) as daemon:
            port = daemon.gateway.rsplit(":", 1)[1]
            self.assert_fails(10, self.home().run("daemon", "--gateway", f"127.0.0.1:{port}"), port)

    def test_it_stops_cleanly_on_sigterm(self):
        import signal
        home = self.home()
        with self.daemon(home) as daemon:
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.process.wait(20), 0)
        self.assertFalse((home.path / "api.sock").exists())


class Listeners(TestCase):
    def test_the_socket_and_the_token_belong_to_the_user_alone(self):
        home = self.home()
        with self.daemon(home):
            for name in ("api.sock", "api.token"):
                self.assertEqual(stat.S_IMODE(os.stat(home.path / name).st_mode), 0o600, name)

    def test_tcp_takes_the_token_and_a_local_host_and_origin(self):
        home = self.home()
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            url = daemon.where["api"] + "/api/v1/pin.ls"
            token = (home.path / "api.token").read_text().strip()
            good = {"Authorization": f"Bearer {token}"}
            self.assertEqual(request(url, b"{}")[0], 401)
            self.assertEqual(request(url, b"{}", Authorization="Bearer wrong")[0], 401)
            self.assertEqual(request(url, b"{}", **good)[0], 200)
            self.assertEqual(request(url, b"{}", Host="evil.example", **good)[0], 403)
            self.assertEqual(request(url, b"{}", Origin="http://evil.example", **good)[0], 403)
            self.assertEqual(request(url, b"[1]", **good)[0], 400)
            self.assertEqual(request(daemon.where["api"] + "/healthz")[0], 200)
            self.assertIn(b"accel_", request(daemon.where["api"] + "/metrics", **good)[1])
            self.assertEqual(request(daemon.where["api"] + "/metrics")[0], 401)

    def test_its_first_lines_lead_to_the_page_and_a_curl_line_that_works(self):
        for flags in (["--api", "127.0.0.1:0"], []):
            home = Home(self.folder / f"it's a home {len(flags)}")
            process = home.start("daemon", *flags)
            try:
                lines = {}
                for line in process.stdout:
                    name, _, text = line.strip().partition(" ")
                    lines[name] = text.strip()
                    if line.startswith("ready"):
                        break
                if shutil.which("curl"):
                    done = subprocess.run(["bash", "-c", lines["try"]], capture_output=True, text=True, timeout=30)
                    self.assertEqual(json.loads(done.stdout), {"object": "list", "data": []}, done.stderr)
                token = (home.path / "api.token").read_text().strip()
                self.assertNotIn(token, str(lines))
                if not flags:
                    self.assertNotIn("page", lines)
                    self.assert_fails(10, home.run("dashboard"), "--api")
                    continue
                page = lines["page"].split()[0]
                self.assertEqual(home.json("dashboard"), {"page": page, "link": f"{page}#token={token}"})
                self.assertIn(b"<!doctype html>", request(page)[1])
            finally:
                process.terminate()
                process.communicate(timeout=30)
        self.assert_fails(10, home.run("dashboard"), "No daemon")

    def test_the_gateway_serves_raw_blocks_ranges_and_the_probe(self):
        home = self.home()
        path = self.file("a.bin", 3 * MIB)
        cid = home.add(path)
        with self.daemon(home) as daemon:
            status, body, headers = request(f"{daemon.gateway}/ipfs/bafkqaaa?format=raw")
            self.assertEqual((status, body), (200, b""))
            status, body, headers = request(f"{daemon.gateway}/ipfs/{cid}", Range="bytes=1048570-1048580")
            self.assertEqual((status, body), (206, path.read_bytes()[1048570:1048581]))
            status, block, headers = request(f"{daemon.gateway}/ipfs/{cid}?format=raw")
            self.assertEqual(status, 200)
            self.assertEqual(headers["Content-Type"], "application/vnd.ipld.raw")
            self.assertIn("immutable", headers["Cache-Control"])
            status, _, _ = request(f"{daemon.gateway}/ipfs/{cid}?format=raw", If_None_Match=headers["Etag"])
            self.assertEqual(status, 304)
            self.assertEqual(request(f"{daemon.gateway}/ipfs/notacid")[0], 400)

    def test_a_private_root_is_not_served(self):
        home = self.home()
        cid = home.add(self.file("secret", 2 * MIB), "--private")
        with self.daemon(home) as daemon:
            self.assertEqual(request(f"{daemon.gateway}/ipfs/{cid}")[0], 404)
            self.assertEqual(request(f"{daemon.gateway}/ipfs/{cid}?format=raw")[0], 404)


if __name__ == "__main__":
    unittest.main()
