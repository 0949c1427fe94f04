# SPDX-License-Identifier: Apache-2.0
"""Keys, names and what is published under them; the RPC of Kubo's clients; the audit log."""
import json
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from harness import MIB, TestCase


class Names(TestCase):
    def records_of(self, home):
        return home.json("name", "list")["names"]

    def test_keys_are_made_renamed_exported_and_imported(self):
        home, other = self.home(), self.home()
        made = home.json("key", "gen", "models")
        self.assertEqual([key["name"] for key in home.json("key", "list")["keys"]], ["self", "models"])
        self.assertEqual(home.json("key", "list")["keys"][0]["peer"], home.json("id")["id"])
        home.ok("key", "rename", "models", "renamed")
        for form in ("libp2p-protobuf-cleartext", "pem-pkcs8-cleartext"):
            path = self.folder / form
            home.ok("key", "export", "renamed", "--format", form, "-o", path)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            self.assert_fails(4, home.run("key", "export", "renamed", "--format", form, "-o", path))
            self.assertEqual(other.json("key", "import", "--format", form, "taken", path)["id"], made["id"])
            other.ok("key", "rm", "taken")
        self.assert_fails(4, home.run("key", "gen", "renamed"))
        self.assert_fails(2, home.run("key", "rm", "self"))
        self.assert_fails(2, home.run("key", "gen", "../x"))

    def test_openssl_reads_what_is_exported(self):
        home = self.home()
        home.ok("key", "gen", "models")
        path = self.folder / "models.pem"
        home.ok("key", "export", "models", "--format", "pem-pkcs8-cleartext", "-o", path)
        text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], capture_output=True, text=True, check=True)
        self.assertIn("ED25519", text.stdout)

    def test_a_model_is_published_and_pulled_by_name(self):
        home, other = self.home(), self.home()
        (self.folder / "m/sub").mkdir(parents=True)
        (self.folder / "m/a.txt").write_text("first\n")
        (self.folder / "m/sub/b.txt").write_text("below\n")
        first = home.add(self.folder / "m", "--name", "model")
        published = home.json("publish", "model")
        self.assertEqual((published["value"], published["key"]), (f"/ipfs/{first}", "model"))
        name = published["name"]
        with self.daemon(home) as daemon:
            found = other.json("name", "resolve", name, "--router", daemon.gateway)
            self.assertEqual(found["path"], f"/ipfs/{first}")
            self.assertEqual(found["signers"][0]["signer"], published["signer"])
            pulled = other.json("pull", f"/ipns/{name}", "--router", daemon.gateway)
            self.assertEqual((pulled["cid"], pulled["signers"][0]["sequence"]), (first, published["sequence"]))
            below = other.json("pull", f"/ipns/{name}/sub", "--router", daemon.gateway)
            self.assertEqual(below["resolved"], f"/ipfs/{first}/sub")
            # A new version under the same name: the sequence goes up, and others find it.
            (self.folder / "m/a.txt").write_text("second\n")
            second = home.add(self.folder / "m")
            changed = home.json("name", "publish", second, "--key", "model")
            self.assertEqual(changed["sequence"], published["sequence"] + 1)
            again = other.json("name", "resolve", name, "--router", daemon.gateway)
            self.assertEqual(again["path"], f"/ipfs/{second}")
            other.ok("pull", f"/ipns/{name}", "--router", daemon.gateway)
        code, _, err = other.run("pull", f"/ipns/{name}")
        self.assertEqual(code, 0, err)
        self.assertIn(f"signed by {published['signer']}", err)

    def test_records_go_to_a_router_and_the_best_of_several_wins(self):
        home, keeper, reader = self.home(), self.home(), self.home()
        first = home.add(self.file("a.bin", 1000))
        second = home.add(self.file("b.bin", 1000, seed=2))
        keeper.ok("config", "set", "gateway.routing", "write")
        with self.daemon(keeper) as keeps, self.daemon(home) as own:
            name = home.json("name", "publish", first, "--router", keeps.gateway)["name"]
            # Only here: the router still has the older record.
            home.ok("name", "publish", second, "--offline")
            old = reader.json("name", "resolve", name, "--router", keeps.gateway)
            self.assertEqual(old["path"], f"/ipfs/{first}")
            both = reader.json("name", "resolve", name, "--router", keeps.gateway, "--router", own.gateway)
            self.assertEqual(both["path"], f"/ipfs/{second}")
            self.assertEqual(both["signers"][0]["from"], own.gateway)
            # A router that has gone back changes nothing any more.
            self.assertEqual(reader.json("name", "resolve", name, "--router", keeps.gateway)["path"], f"/ipfs/{second}")
            self.assert_fails(2, home.run("name", "publish", first, "--sequence", "0"), "sequence")

    def test_what_nobody_took_is_told(self):
        home = self.home()
        cid = home.add(self.file("a.bin", 1000))
        code, _, err = home.run("name", "publish", cid)
        self.assertEqual((code, "kept only here" in err), (0, True), err)
        self.assertNotIn("no router", home.run("name", "publish", cid, "--offline")[2])
        nobody = "http://127.0.0.1:9"
        self.assert_fails(10, home.run("name", "publish", cid, "--router", nobody), nobody, "None of 1 places")
        with self.daemon(home) as own:
            # This gateway takes no records, and says so whatever their size.
            self.assert_fails(10, home.run("name", "publish", cid, "--router", own.gateway), "gateway.routing")
            name = home.json("name", "list")["names"][0]["name"]
            reader = self.home()
            code, out, err = reader.run("name", "resolve", name, "--router", own.gateway, "--router", nobody)
            self.assertEqual((code, out.strip()), (0, f"/ipfs/{cid}"), err)
            self.assertIn(f"{nobody}: ", err)
        self.assert_fails(3, self.home().run("name", "resolve", name, "--router", nobody), nobody)

    def test_what_is_private_is_not_published(self):
        home = self.home()
        cid = home.add(self.file("a.bin", 1000), "--private")
        self.assert_fails(7, home.run("name", "publish", cid), "private")
        self.assertEqual(self.records_of(home), [])

    def test_a_daemon_renews_what_is_due_and_keeps_the_sequence(self):
        home = self.home()
        cid = home.add(self.file("a.bin", 1000))
        home.ok("config", "set", "names.republish_interval", "1s")
        with self.daemon(home):
            published = home.json("name", "publish", cid, "--lifetime", "1h")
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and self.records_of(home)[0]["valid_until"] == published["valid_until"]:
                time.sleep(0.05)
            renewed = self.records_of(home)[0]
        self.assertGreater(renewed["valid_until"], published["valid_until"])
        self.assertEqual(renewed["sequence"], published["sequence"])


class KuboRpc(TestCase):
    def post(self, daemon, path, token=None, body=b"", **headers):
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f"{daemon.where['api']}/{path}", data=body, method="POST", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def test_is_off_unless_asked_for(self):
        home = self.home()
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            token = (home.path / "api.token").read_text().strip()
            self.assertIn(self.post(daemon, "api/v0/id", token)[0], (404, 405))

    def test_uploads_end_where_they_may_and_leave_nothing(self):
        home = self.home()
        with self.daemon(home, "--api", "127.0.0.1:0", "--kubo-rpc") as daemon:
            token = (home.path / "api.token").read_text().strip()
            kind = {"Content-Type": "multipart/form-data; boundary=xyz"}

            def part(name, data=b"hi\n"):
                return b'--xyz\r\nContent-Disposition: form-data; name="f"; filename="%s"\r\n\r\n%s\r\n' % (name, data)

            code, body = self.post(daemon, "api/v0/add", token, part(b"a.txt") + b"--xyz--\r\n", **kind)
            self.assertEqual((code, json.loads(body)["Hash"]), (200, "QmZLRFWaz9Kypt2ACNMDzA5uzACDRiCqwdkNSP1UZsu56D"))
            for name in (b"..%2Fx", b"a%2F..%2F..%2Fx", b"%00"):
                code, body = self.post(daemon, "api/v0/add", token, part(name) + b"--xyz--\r\n", **kind)
                self.assertEqual(code, 400, body)
            code, body = self.post(daemon, "api/v0/add", token, part(b"cut"), **kind)
            self.assertEqual((code, json.loads(body)["Type"]), (400, "error"))
            code, _ = self.post(daemon, "api/v0/add", token, b"hello", **{"Content-Type": "text/plain"})
            self.assertEqual(code, 400)
            self.assertEqual(self.post(daemon, "api/v0/add", None, part(b"a") + b"--xyz--\r\n", **kind)[0], 401)
            big = self.file("big.bin", 40 * MIB).read_bytes()
            code, body = self.post(daemon, "api/v0/add?cid-version=1", token, part(b"big", big) + b"--xyz--\r\n", **kind)
            self.assertEqual(code, 200)
            code, got = self.post(daemon, f"api/v0/cat?arg={json.loads(body)['Hash']}", token)
            self.assertEqual((code, got), (200, big))
            self.assertEqual(list((home.path / "downloads").glob("rpc-*")), [])


class AuditLog(TestCase):
    def test_says_who_changed_what(self):
        home = self.home()
        cid = home.add(self.file("a.bin", 1000))
        home.ok("cat", cid, text=False)
        with self.daemon(home):
            home.ok("pin", "rm", cid)
        log = home.path / "logs/audit.jsonl"
        self.assertEqual(log.stat().st_mode & 0o777, 0o600)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual([(line["who"], line["method"], line["outcome"]) for line in lines],
                         [("process", "content.add", "ok"), ("socket", "pin.rm", "ok")])
        self.assertEqual(lines[1]["target"], cid)


if __name__ == "__main__":
    unittest.main()
