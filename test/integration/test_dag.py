# SPDX-License-Identifier: Apache-2.0
"""Archives and nodes: dag, block."""
import json
import subprocess
import unittest

from harness import BINARY, MIB, TestCase


class BigBlocks(TestCase):
    def test_a_block_that_nobody_exchanges_is_stored_only_when_asked_for(self):
        home = self.home()
        path = self.file("big", 3 * MIB)
        self.assert_fails(2, home.run("block", "put", path), "--allow-big-block")
        cid = home.ok("block", "put", "--allow-big-block", path).strip()
        self.assertEqual(home.json("block", "stat", cid)["bytes"], 3 * MIB)


class Dag(TestCase):
    def folder_of(self, home):
        self.file("d/big.bin", 3 * MIB + 17)
        (self.folder / "d/small.txt").write_text("hello\n")
        return home.add(self.folder / "d")

    def test_what_is_exported_is_imported_elsewhere_and_pinned(self):
        one, two = self.home(), self.home()
        cid = self.folder_of(one)
        for version in ("1", "2"):
            car = self.folder / f"v{version}.car"
            out = one.json("dag", "export", cid, "-o", car, "--car-version", version)
            self.assertEqual(out["archive_bytes"], car.stat().st_size)
            report = two.json("dag", "import", car)
            self.assertEqual([(r["cid"], r["pinned"]) for r in report["roots"]], [(cid, True)])
            self.assertEqual(report["archives"][0]["version"], int(version))
        two.ok("get", cid, "-o", self.folder / "out")
        self.assertEqual((self.folder / "out/big.bin").read_bytes(), (self.folder / "d/big.bin").read_bytes())
        self.assertEqual(two.json("verify")["damaged"], [])

    def test_an_archive_goes_through_pipes(self):
        one, two = self.home(), self.home()
        cid = self.folder_of(one)
        code, car, _ = one.run("dag", "export", cid, text=False)
        self.assertEqual(code, 0)
        one.ok("dag", "export", cid, "-o", self.folder / "file.car")
        self.assertEqual(car, (self.folder / "file.car").read_bytes())
        done = subprocess.run([BINARY, "--home", two.path, "dag", "import", "-"], input=car, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([p["cid"] for p in two.json("pin", "ls")["pins"]], [cid])

    def test_a_daemon_imports_and_exports_too(self):
        home, other = self.home(), self.home()
        cid = self.folder_of(other)
        other.ok("dag", "export", cid, "-o", self.folder / "x.car")
        with self.daemon(home):
            home.ok("dag", "import", self.folder / "x.car")
            code, car, _ = home.run("dag", "export", cid, text=False)
            self.assertEqual((code, car), (0, (self.folder / "x.car").read_bytes()))
            done = subprocess.run([BINARY, "--home", home.path, "dag", "import", "-"], input=car, capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_lying_or_cut_archive_is_refused_and_pins_nothing(self):
        one, two = self.home(), self.home()
        cid = self.folder_of(one)
        one.ok("dag", "export", cid, "-o", self.folder / "x.car")
        good = (self.folder / "x.car").read_bytes()
        (self.folder / "cut.car").write_bytes(good[:-5])
        (self.folder / "lie.car").write_bytes(good[:2 * MIB] + bytes([good[2 * MIB] ^ 1]) + good[2 * MIB + 1:])
        self.assert_fails(5, two.run("dag", "import", self.folder / "cut.car"), "cut.car", "byte")
        self.assert_fails(5, two.run("dag", "import", self.folder / "lie.car"), "lie.car", "at byte", "bafk")
        self.assert_fails(5, two.run("dag", "import", "/dev/null"))
        self.assertEqual(two.json("pin", "ls")["pins"], [])
        self.assertEqual(two.json("verify")["damaged"], [])

    def test_a_root_that_is_not_whole_is_told(self):
        one, two = self.home(), self.home()
        cid = self.folder_of(one)
        code, out, _ = one.run("block", "get", cid, text=False)
        (self.folder / "node").write_bytes(out)
        self.assertEqual(two.ok("block", "put", "--cid-codec", "dag-pb", self.folder / "node").strip(), cid)
        self.assert_fails(3, two.run("dag", "export", cid, "-o", self.folder / "y.car"), "not in the store")
        self.assertFalse((self.folder / "y.car").exists())
        two.ok("dag", "export", "--partial", cid, "-o", self.folder / "y.car")
        self.assert_fails(3, self.home().run("dag", "import", self.folder / "y.car"), cid)
        self.assert_fails(3, two.run("pin", "add", cid))

    def test_stat_counts_what_is_shared(self):
        home = self.home()
        cid = self.folder_of(home)
        stat = home.json("dag", "stat", cid, f"{cid}/small.txt")
        self.assertEqual([d["blocks"] for d in stat["dags"]], [7, 1])
        self.assertEqual(stat["shared_bytes"], 6)

    def test_nodes_are_put_and_got_along_paths(self):
        home = self.home()
        leaf = home.add(self.file("leaf", 100))
        node = self.folder / "node.json"
        node.write_text(json.dumps({"name": "x", "list": [1, {"/": leaf}], "data": {"/": {"bytes": "aGk"}}}))
        cid = home.ok("dag", "put", "--pin", node).strip()
        self.assertTrue(cid.startswith("bafyrei"))
        self.assertEqual(home.json("dag", "get", cid)["value"]["list"], [1, {"/": leaf}])
        self.assertEqual(home.ok("dag", "get", f"{cid}/name"), '"x"')
        code, out, _ = home.run("block", "get", f"{cid}/list/1", text=False)
        self.assertEqual((code, out), (0, (self.folder / "leaf").read_bytes()))
        again = home.ok("dag", "put", "--input-codec", "dag-json", "--store-codec", "dag-json", node).strip()
        self.assertNotEqual(again, cid)
        self.assertEqual(home.json("block", "stat", leaf)["bytes"], 100)
        home.ok("gc")
        home.ok("dag", "get", cid)
        self.assert_fails(3, home.run("dag", "get", f"{cid}/nothing"), "nothing")
        node.write_text("{no json")
        self.assert_fails(2, home.run("dag", "put", node), "dag-json")

    def test_nodes_that_kubo_computes(self):
        home = self.home()
        node = self.folder / "node.json"
        node.write_text('{"hello":"world"}')
        self.assertEqual(home.ok("dag", "put", node).strip(), "bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae")

    def test_diff_names_what_changed(self):
        home = self.home()
        first = self.folder_of(home)
        (self.folder / "d/small.txt").write_text("other\n")
        (self.folder / "d/new.txt").write_text("new\n")
        (self.folder / "d/big.bin").unlink()
        second = home.add(self.folder / "d")
        changes = home.json("dag", "diff", first, second)["changes"]
        self.assertEqual([(c["type"], c["path"]) for c in changes],
                         [("remove", "big.bin"), ("add", "new.txt"), ("change", "small.txt")])
        self.assertEqual(home.json("dag", "diff", first, first)["changes"], [])

    def test_output_is_not_replaced_unless_asked_for(self):
        home = self.home()
        cid = self.folder_of(home)
        out = self.folder / "x.car"
        out.write_text("mine")
        self.assert_fails(4, home.run("dag", "export", cid, "-o", out))
        self.assertEqual(out.read_text(), "mine")
        home.ok("dag", "export", cid, "-f", "-o", out)
        self.assertGreater(out.stat().st_size, 3 * MIB)


if __name__ == "__main__":
    unittest.main()
