# SPDX-License-Identifier: Apache-2.0
"""Pulling a root by CID from gateways, true and false ones."""
import os
import shutil
import signal
import time
import unittest

from harness import FileHost, HostileGateway, MIB, TestCase


class Pull(TestCase):
    def seed(self, size=8 * MIB):
        home = self.home()
        path = self.file("model.bin", size)
        return home, path, home.add(path)

    def serve(self, upstream, behave=None) -> HostileGateway:
        gateway = HostileGateway(upstream, behave)
        self.addCleanup(gateway.close)
        return gateway

    def test_gives_the_same_bytes_under_the_same_cid(self):
        home, path, cid = self.seed()
        other = self.home()
        with self.daemon(home) as daemon:
            report = other.json("pull", cid, "--from", daemon.gateway, "-o", self.folder / "out.bin")
        self.assertEqual((self.folder / "out.bin").read_bytes(), path.read_bytes())
        self.assertGreaterEqual(report["bytes_verified"], 8 * MIB)
        self.assertEqual(report["bytes_duplicate"], 0)
        self.assertEqual(other.json("verify")["damaged"], [])

    def test_of_a_folder_keeps_its_shape_and_takes_a_name(self):
        home, _, _ = self.seed()
        (self.folder / "tree/sub").mkdir(parents=True)
        (self.folder / "tree/a.txt").write_text("a")
        (self.folder / "tree/empty").touch()
        self.file("tree/sub/b.bin", 2 * MIB + 1)
        cid = home.add(self.folder / "tree")
        other = self.home()
        with self.daemon(home) as daemon:
            other.ok("pull", f"tree@{cid}", "--from", daemon.gateway)
        self.assertEqual(other.ok("cat", "tree/a.txt"), "a")
        self.assertEqual(other.add(self.folder / "tree", "--only-hash"), cid)

    def test_from_two_sources_uses_both(self):
        home, _, cid = self.seed(24 * MIB)
        other = self.home()
        with self.daemon(home) as daemon:
            one, two = self.serve(daemon.gateway), self.serve(daemon.gateway)
            report = other.json("pull", cid, "--from", one.url, "--from", two.url)
        self.assertTrue(all(source["bytes"] > 0 for source in report["sources"]), report["sources"])
        self.assertLess(report["bytes_duplicate"], 0.25 * 24 * MIB)

    def test_from_a_plain_web_server_takes_its_nodes_from_a_gateway(self):
        home, path, cid = self.seed(24 * MIB + 5)
        sent = []

        def nodes_only(handler, body):
            sent.append(len(body))
            if len(body) == MIB:
                gateway.send(handler, 404, b"no leaves here")
                return True
            return False

        with FileHost(self.folder) as files, self.daemon(home) as daemon:
            gateway = self.serve(daemon.gateway, nodes_only)
            other = self.home()
            self.assert_fails(3, other.run("pull", cid, "--from-file", files.url + "/model.bin"), "name a gateway", files.url)
            report = other.json("pull", cid, "--from", gateway.url, "--from-file", files.url + "/model.bin")
        self.assertGreater(report["sources"][1]["bytes"], 20 * MIB)
        self.assertEqual(other.run("cat", cid, text=False)[1], path.read_bytes())

    def test_from_a_gateway_that_flips_a_byte_fails_naming_the_leaf_and_another_source_completes_it(self):
        home, path, cid = self.seed()
        victim = {}

        def flip(handler, body):
            name = handler.path.split("?")[0].rsplit("/", 1)[-1]
            if len(body) == MIB and victim.setdefault("leaf", name) == name:
                liar.send(handler, 200, bytes([body[0] ^ 1]) + body[1:])
                return True
            return False

        other = self.home()
        with self.daemon(home) as daemon:
            liar = self.serve(daemon.gateway, flip)
            self.assert_fails(5, other.run("pull", cid, "--from", liar.url), victim.get("leaf", "bafk"))
            self.assertNotEqual(other.run("cat", cid, text=False)[0], 0)
            report = other.json("pull", cid, "--from", liar.url, "--from", daemon.gateway)
        self.assertGreater(report["bytes_reused"] + report["bytes_fetched"], 8 * MIB - 1)
        code, out, _ = other.run("cat", cid, text=False)
        self.assertEqual((code, out), (0, path.read_bytes()))

    def test_from_gateways_that_send_too_much_too_little_errors_or_redirect_in_circles_fails_with_a_sentence(self):
        home, _, cid = self.seed()

        def too_much(handler, body):
            gateway.send(handler, 200, body + b"x" * 100)
            return True

        def too_little(handler, body):
            gateway.send(handler, 200, body[: len(body) // 2])
            return True

        def error(handler, body):
            gateway.send(handler, 500, b"broken")
            return True

        def circle(handler, body):
            handler.send_response(302)
            handler.send_header("Location", handler.path)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return True

        with self.daemon(home) as daemon:
            for behave in (too_much, too_little, error, circle):
                gateway = self.serve(daemon.gateway, behave)
                other = self.home()
                code, _, err = other.run("pull", cid, "--from", gateway.url)
                self.assertIn(code, (5, 10, 12), f"{behave.__name__}: {err}")
                self.assertIn(gateway.url, err, behave.__name__)

    def test_from_a_gateway_that_stalls_times_out_and_a_live_one_takes_over(self):
        import time
        home, path, cid = self.seed()

        def stall(handler, body):
            time.sleep(8)
            return False

        environment = {"IPFS_ACCELERATE_IPFS_TIMEOUT": "500ms"}
        with self.daemon(home) as daemon:
            sleeper = self.serve(daemon.gateway, stall)
            code, _, err = self.home().run("pull", cid, "--from", sleeper.url, environment=environment)
            self.assertIn(code, (10, 11), err)
            other = self.home()
            other.ok("pull", cid, "--from", sleeper.url, "--from", daemon.gateway, environment=environment)
        self.assertEqual(other.run("cat", cid, text=False)[1], path.read_bytes())

    def test_of_one_leaf_over_and_over_stops_when_asked(self):
        path = self.file("zeros", 0)
        if shutil.disk_usage(path.parent).free < 4 << 30:
            self.skipTest("a pull of 3 GiB is refused here: the disk has no room for it")
        os.truncate(path, 3 << 30)
        source = self.home()
        root = source.ok("add", "-Q", "--reference", path).strip()
        with self.daemon(source) as gateway:
            home = self.home()
            pull = home.start("pull", root, "--from", gateway.gateway)
            time.sleep(0.5)
            pull.send_signal(signal.SIGINT)
            start = time.monotonic()
            _, err = pull.communicate(timeout=60)
        self.assertEqual(pull.returncode, 130, err)
        self.assertLess(time.monotonic() - start, 10)

    def test_of_what_nobody_has_says_so(self):
        home, _, _ = self.seed(MIB)
        with self.daemon(home) as daemon:
            code, _, err = self.home().run("pull", "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
                                           "--from", daemon.gateway)
            self.assertEqual(code, 3, err)

    def test_of_a_private_root_is_not_found(self):
        home = self.home()
        cid = home.add(self.file("secret", 2 * MIB), "--private")
        with self.daemon(home) as daemon:
            self.assert_fails(3, self.home().run("pull", cid, "--from", daemon.gateway))

    def test_of_a_known_name_means_its_content_and_of_another_says_what_it_takes(self):
        home = self.home()
        cid = home.ok("add", "-Q", "--name", "model", self.file("x", 10)).strip()
        pulled = home.json("pull", "model")
        self.assertEqual((pulled["cid"], pulled["name"]), (cid, "model"))
        code, _, err = home.run("pull", "nobody")
        self.assertEqual(code, 2, err)
        self.assertIn("nothing here is named so", err)
        self.assertNotIn("base", err)

    def test_of_a_taken_name_fetches_nothing(self):
        home, _, cid = self.seed(MIB)
        other = self.home()
        other.ok("add", "--name", "model", self.file("x", 10))
        self.assert_fails(4, other.run("pull", f"model@{cid}", "--from", "http://127.0.0.1:9"), cid)


if __name__ == "__main__":
    unittest.main()
