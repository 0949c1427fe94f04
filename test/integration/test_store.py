# SPDX-License-Identifier: Apache-2.0
"""What the store keeps, checks, mends and lets go: pin, verify, repair, limits, scrubbing."""
import os
import unittest

from harness import MIB, TestCase, wait_until


def rot(path, offset):
    """One bit, as a disk loses it: size and times stay."""
    before = path.stat()
    path.chmod(0o600)
    with open(path, "r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ 0x40]))
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class Pins(TestCase):
    def test_direct_pins_keep_one_block(self):
        home = self.home()
        cid = home.add(self.file("a.bin", 3 * MIB))
        home.ok("pin", "rm", cid)
        home.ok("pin", "add", "--recursive=false", "--name", "one", cid)
        self.assertEqual([(p["cid"], p["type"], p["name"]) for p in home.json("pin", "ls")["pins"]], [(cid, "direct", "one")])
        self.assertEqual(home.json("pin", "ls", "--type", "recursive")["pins"], [])
        home.ok("gc")
        home.ok("block", "stat", cid)
        self.assert_fails(3, home.run("cat", cid))

    def test_a_pin_moves_and_is_checked(self):
        home = self.home()
        old, new = home.add(self.file("old", MIB, 1), "--name", "x"), home.add(self.file("new", MIB, 2))
        home.ok("pin", "rm", new)
        home.ok("pin", "update", old, new)
        self.assertEqual([p["cid"] for p in home.json("pin", "ls")["pins"]], [new])
        self.assertEqual(home.json("pin", "verify")["broken"], 0)
        self.assert_fails(3, home.run("pin", "update", old, new))


    def test_what_is_not_said_of_a_pin_stays_as_it_was(self):
        home = self.home()
        cid = home.add(self.file("secret", MIB), "--private")
        served = lambda: [p["private"] for p in home.json("pin", "ls")["pins"]]
        home.ok("pin", "add", "--name", "label", cid)
        self.assertEqual(served(), [True])
        home.ok("pin", "add", "--private=false", cid)
        self.assertEqual(served(), [False])

    def test_a_pin_that_moves_takes_the_names_of_its_root_along(self):
        home = self.home()
        home.add(self.file("old", MIB, 1), "--name", "model")
        new = home.add(self.file("new", MIB, 2))
        self.assertEqual(home.json("pin", "update", "model", new)["names_moved"], ["model"])
        home.ok("gc")
        self.assertEqual(home.run("cat", "model", text=False)[1], self.file("new", MIB, 2).read_bytes())

    def test_gc_says_beforehand_what_it_frees_in_packs(self):
        home = self.home()
        home.ok("block", "put", self.file("a.bin", 100_000))
        self.assertEqual(home.json("gc", "--dry-run")["bytes_freed"], 100_000)


class Damage(TestCase):
    def test_a_changed_file_of_the_user_stays_damage_that_is_told(self):
        home = self.home()
        path = self.file("a.bin", 3 * MIB)
        home.add(path, "--reference")
        with path.open("r+b") as stream:
            stream.write(b"changed")
        self.assert_fails(5, home.run("repair", "--from", "http://127.0.0.1:1"), "by reference")

    def test_damage_is_found_kept_from_readers_and_repaired(self):
        source, home = self.home(), self.home()
        path = self.file("a.bin", 4 * MIB + 9)
        cid = source.add(path)
        home.add(path)
        stored = next((home.path / "store/files").rglob("baf*"))
        rot(stored, 2 * MIB + 100)
        self.assertEqual(home.run("verify", cid)[0], 5)
        code, out, err = home.run("cat", cid, text=False)
        self.assertNotEqual(code, 0)
        self.assertEqual(out, path.read_bytes()[:len(out)])
        self.assert_fails(10, home.run("repair"), "--from")
        with self.daemon(source) as daemon:
            report = home.json("repair", "--from", daemon.gateway)
        self.assertEqual([r["repaired"] for r in report["roots"]], [True])
        self.assertLess(report["roots"][0]["bytes_fetched"], 2 * MIB)
        self.assertEqual(home.run("cat", cid, text=False)[1], path.read_bytes())
        self.assertEqual(home.json("verify")["damaged"], [])

    def test_a_daemon_finds_damage_by_itself(self):
        home = self.home()
        cid = home.add(self.file("a.bin", 2 * MIB))
        rot(next((home.path / "store/files").rglob("baf*")), 100)
        home.ok("config", "set", "store.scrub_interval", "1s")
        with self.daemon(home):
            self.assertTrue(wait_until(lambda: home.run("pin", "verify")[0] == 5))
            self.assertNotEqual(home.run("cat", cid, text=False)[0], 0)

    def test_a_sample_is_a_part(self):
        home = self.home()
        home.add(self.file("a.bin", 40 * MIB))
        self.assertLess(home.json("verify", "--sample", "10")["blocks"], 30)
        self.assert_fails(2, home.run("verify", "--sample", "200"))


class Limits(TestCase):
    def test_a_limit_lets_go_what_nothing_keeps(self):
        home = self.home()
        home.ok("config", "set", "store.max_bytes", str(7 * MIB))
        first, second = home.add(self.file("1", 3 * MIB, 1)), home.add(self.file("2", 3 * MIB, 2))
        self.assert_fails(9, home.run("add", self.file("3", 3 * MIB, 3)), "store.max_bytes")
        home.ok("pin", "rm", first)
        home.add(self.folder / "3")
        self.assert_fails(3, home.run("cat", first))
        self.assertEqual(len(home.run("cat", second, text=False)[1]), 3 * MIB)

    def test_du_and_stat_say_what_is_where(self):
        home = self.home()
        cid = home.add(self.file("a.bin", 3 * MIB))
        usage = home.json("du")
        self.assertEqual([(f["cid"], f["bytes"]) for f in usage["files"]], [(cid, 3 * MIB)])
        self.assertEqual(usage["freeable"]["blocks"], 0)
        home.ok("pin", "rm", cid)
        self.assertGreaterEqual(home.json("du")["freeable"]["bytes"], 3 * MIB)
        self.assertIn("pack", home.ok("du", "--all"))
        self.assertEqual(home.json("store", "stat")["files"], 1)
        self.assertEqual(home.json("gc", "--free-bytes", "1")["files_freed"], 1)


if __name__ == "__main__":
    unittest.main()
