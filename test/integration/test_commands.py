# SPDX-License-Identifier: Apache-2.0
"""Commands on one home, without a daemon."""
import hashlib
import json
import os
import re
import struct
import subprocess
import unittest
from pathlib import Path

from harness import BINARY, MIB, TestCase

DATA = Path(__file__).parent.parent / "data"


class Content(TestCase):
    def test_get_writes_a_file_to_standard_output(self):
        home = self.home()
        path = self.file("a.bin", 100_000)
        self.assertEqual(home.run("get", home.add(path), "-o", "-", text=False), (0, path.read_bytes(), b""))

    def test_a_closed_pipe_ends_a_command_quietly(self):
        home = self.home()
        cid = home.add(self.file("a.bin", 20 * MIB))

        def cat_head():
            script = f'set -o pipefail; "{BINARY}" cat {cid} | head -c 10 > /dev/null'
            environment = {**os.environ, "IPFS_ACCELERATE_HOME": str(home.path)}
            return subprocess.run(["bash", "-c", script], env=environment, stderr=subprocess.PIPE, text=True, timeout=60)

        alone = cat_head()
        self.assertEqual((alone.returncode, alone.stderr), (141, ""))
        with self.daemon(home):
            through = cat_head()
            self.assertEqual((through.returncode, through.stderr), (141, ""))

    def test_what_needs_a_daemon_says_so_with_one_code(self):
        home = self.home()
        peer = "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d"
        cid = home.add(self.file("a.bin", 1000))
        for command in (["swarm", "connect", f"/ip4/127.0.0.1/tcp/1/p2p/{peer}"], ["swarm", "disconnect", peer], ["swarm", "peers"],
                        ["bitswap", "stat"], ["routing", "dht"], ["routing", "findpeer", peer], ["routing", "provide", cid],
                        ["replicate", cid], ["replicate", "--list"], ["network", "prefetch"]):
            self.assert_fails(10, home.run(*command), "daemon --swarm")
        self.assertNotIn("pid", home.json("status"))

    def test_commands_of_other_programs_lead_to_ours(self):
        home = self.home()
        for command, ours in (("chat", "run MODEL --prompt"), ("stop", "models unload"), ("list", "models list"), ("show", "models show"),
                              ("generate", "text generate"), ("rm", "pin rm"), ("models rm", "pin rm"), ("logs", "logging.file")):
            self.assert_fails(2, home.run(*command.split()), "has no command", ours)
        self.assert_fails(2, home.run("modles"), "the nearest is")

    def test_a_bare_port_is_of_loopback(self):
        with self.daemon(self.home(), "--api", "0") as daemon:
            self.assertTrue(daemon.where["api"].startswith("http://127.0.0.1:"))

    def test_values_that_would_not_work_are_not_set(self):
        home = self.home()
        for key, value in (("replication.accept", "everybody"), ("swarm.allow", "x"), ("listen.swarm", "localhost:4001"),
                           ("prefetch.for", "12D3"), ("listen.api", "nowhere"), ("listen.gateway", "1.2.3.4:x"), ("ipfs.gateway", "ftp:x"),
                           ("gateway.hosts", "a=b=c"), ("gateway.dnslink", "x"), ("swarm.bootstrap", "/ip4/127.0.0.1/tcp/1"),
                           ("logging.file", "/dev/null/log")):
            self.assert_fails(2, home.run("config", "set", key, value), key)
        self.assert_fails(3, home.run("config", "set", "swarm.psk", self.folder / "nothing"), "swarm.psk")
        home.ok("config", "set", "replication.accept", "any")
        lines = [json.loads(line) for line in (home.path / "logs/audit.jsonl").read_text().splitlines()]
        self.assertEqual([(line["target"], line["outcome"]) for line in lines][-1], ("replication.accept", "ok"))

    def test_settings_that_can_not_be_used_can_be_mended(self):
        home = self.home()
        home.ok("config", "set", "logging.level", "error")
        for section, key, value in (("listen", "api", "nowhere"), ("swarm", "allow", ["x"]), ("logging", "file", "/dev/null/log")):
            (home.path / "config.json").write_text(json.dumps({section: {key: value}}))
            code, _, error = home.run("status")
            self.assertIn(code, (2, 13))
            self.assertIn("config unset", error)
            _, report, _ = home.run("doctor", "--json")
            self.assertEqual([check["what"] for check in json.loads(report)["checks"] if not check["ok"]], ["settings"])
            home.ok("config", "unset", f"{section}.{key}")
            home.ok("status")
        with self.daemon(home):
            self.assertIn("daemon", home.run("config", "set", "logging.level", "info")[2])

    def test_add_cat_get_and_ls_give_back_what_was_added(self):
        home = self.home()
        path = self.file("folder/big.bin", 3 * MIB + 17)
        (path.parent / "sub").mkdir()
        (path.parent / "sub/small.txt").write_text("hello\n")
        cid = home.add(path.parent)
        self.assertEqual([e["name"] for e in home.json("ls", cid)["entries"]], ["big.bin", "sub"])
        self.assertEqual(home.ok("cat", f"{cid}/sub/small.txt"), "hello\n")
        home.ok("get", cid, "-o", self.folder / "out")
        self.assertEqual((self.folder / "out/big.bin").read_bytes(), path.read_bytes())

    def test_cat_reads_a_range_across_leaves(self):
        home = self.home()
        path = self.file("a.bin", 2 * MIB + 5)
        cid = home.add(path)
        code, out, _ = home.run("cat", "--offset", MIB - 3, "--length", 7, cid, text=False)
        self.assertEqual((code, out), (0, path.read_bytes()[MIB - 3:MIB + 4]))

    def test_known_cids_of_kubo_come_out(self):
        home = self.home()
        empty = self.folder / "empty"
        empty.touch()
        self.assertEqual(home.add(empty, "--only-hash"), "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
        self.assertEqual(home.add(empty, "--only-hash", "--profile", "unixfs-v0-2015"),
                         "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH")

    def test_a_folder_above_the_threshold_is_sharded_and_comes_back(self):
        home = self.home()
        for i in range(40):
            self.file(f"many/{i}.txt", i)
        cid = home.add(self.folder / "many", "--hamt-threshold", 500)
        self.assertEqual(len(home.json("ls", cid)["entries"]), 40)
        self.assertEqual(home.run("cat", f"{cid}/7.txt", text=False)[1], (self.folder / "many/7.txt").read_bytes())
        home.ok("get", cid, "-o", self.folder / "out")
        self.assertEqual(len(list((self.folder / "out").iterdir())), 40)
        plain = home.add(self.folder / "many")
        self.assertNotEqual(cid, plain)

    def test_add_keeps_mode_and_time_when_asked_and_get_restores_them(self):
        home = self.home()
        path = self.file("folder/tool", 100)
        path.chmod(0o750)
        os.utime(path, (1_000_000_000, 1_000_000_000))
        cid = home.add(path.parent, "--preserve-mode", "--preserve-mtime", "-w")
        home.ok("get", f"{cid}/folder", "-o", self.folder / "out")
        info = (self.folder / "out/tool").stat()
        self.assertEqual((info.st_mode & 0o7777, int(info.st_mtime)), (0o750, 1_000_000_000))

    def test_each_option_of_add_makes_another_cid_and_what_is_not_made_is_refused(self):
        home = self.home()
        path = self.file("a.bin", MIB + 1)
        options = [[], ["--cid-version", 0], ["--raw-leaves=false"], ["--chunker", "size-1000"], ["--hash", "sha2-512"],
                   ["--hash", "blake2b-256"], ["--hash", "blake3"],
                   ["--chunker", "size-1000", "--max-file-links", 10], ["--mode", "0640"], ["--mtime=-5"], ["-w"]]
        cids = [home.add(path, *flags) for flags in options]
        self.assertEqual(len(set(cids)), len(options))
        for cid in cids[:-1]:
            code, out, _ = home.run("cat", cid, text=False)
            self.assertEqual((code, out), (0, path.read_bytes()))
        for flags in (["--hash", "identity"], ["--trickle", "--raw-leaves=false", "--reference"]):
            self.assert_fails(6, home.run("add", *flags, path))
        for flags in (["--mode", "644"], ["--chunker", "size-0"], ["--chunker", "rabin-1-2-3"], ["--max-links", 1], ["--hash", "md5"]):
            self.assert_fails(2, home.run("add", *flags, path))

    def test_files_of_every_shape_get_the_cids_of_kubo_and_read_back(self):
        home = self.home()
        path = self.folder / "input"
        rows = json.loads((DATA / "ipld/kubo_shapes.json").read_text())["rows"]
        hashes = (hashlib.sha256(struct.pack("<Q", i)).digest() for i in range((4 << 20) // 32))
        stream = b"".join(hashes)
        for row in rows[::4]:
            with self.subTest(**row):
                kind, size = row["input"].split("_")
                path.write_bytes(stream[: int(size)] if kind == "stream" else bytes(int(size)))
                cid = home.ok("add", "-Q", "--profile", "unixfs-v0-2015", *row["flags"].split(), path).strip()
                self.assertEqual(cid, row["cid"])
                code, out, _ = home.run("cat", cid, text=False)
                self.assertEqual((code, out), (0, path.read_bytes()))
        home.ok("verify")

    def test_only_hash_stores_nothing(self):
        home = self.home()
        cid = home.add(self.file("a.bin", MIB), "--only-hash")
        self.assert_fails(3, home.run("cat", cid))

    def test_a_name_that_is_taken_is_refused_before_anything_is_stored(self):
        home = self.home()
        first = self.file("a.bin", MIB)
        cid = home.add(first, "--name", "taken")
        self.assertEqual(home.add(first, "--name", "taken"), cid)  # The same content may have it again.
        other = self.file("b.bin", MIB + 1)
        code, _, err = home.run("add", "--name", "taken", other)
        self.assertNotEqual(code, 0)
        self.assertIn("taken", err)
        self.assertEqual([pin["cid"] for pin in home.json("pin", "ls")["pins"]], [cid])
        self.assert_fails(3, home.run("cat", home.add(other, "--only-hash")))

    def test_hidden_files_are_left_out_unless_asked_for(self):
        home = self.home()
        (self.folder / "d").mkdir()
        (self.folder / "d/.hidden").write_text("x")
        (self.folder / "d/seen").write_text("y")
        names = lambda cid: [e["name"] for e in home.json("ls", cid)["entries"]]
        self.assertEqual(names(home.add(self.folder / "d")), ["seen"])
        self.assertEqual(names(home.add(self.folder / "d", "--hidden")), [".hidden", "seen"])

    def test_a_referenced_file_that_changed_is_noticed(self):
        home = self.home()
        path = self.file("a.bin", MIB + 1)
        cid = home.add(path, "--reference")
        self.assertTrue(home.json("du")["total_bytes"] < MIB)
        path.write_bytes(b"changed" * 200_000)
        code, out, err = home.run("cat", cid, text=False)
        self.assertEqual(code, 5, err)
        self.assertIn(b"a.bin", err)

    def test_pin_rm_and_gc_free_what_is_no_longer_kept(self):
        home = self.home()
        keep, drop = home.add(self.file("keep", 2 * MIB, 1)), home.add(self.file("drop", 2 * MIB, 2))
        home.ok("pin", "rm", drop)
        freed = home.json("gc")
        self.assertGreaterEqual(freed["bytes_freed"], 2 * MIB)
        self.assert_fails(3, home.run("cat", drop))
        self.assertEqual(home.json("verify")["damaged"], [])
        self.assertEqual([p["cid"] for p in home.json("pin", "ls")["pins"]], [keep])


class Surface(TestCase):
    def test_help_of_every_command_has_examples(self):
        home = self.home()
        commands, seen = [[]], 0
        while commands:
            path = commands.pop()
            text = home.ok(*path, "--help")
            below = re.findall(r"^  ([a-z][a-z0-9-]*) ", text.partition("\nSubcommands:\n")[2].partition("\n\n")[0], re.MULTILINE)
            commands += [path + [name] for name in below]
            if below:
                continue
            seen += 1
            self.assertIn(" ".join(["ipfs-accelerate", *path]), text.partition("\nExamples:\n")[2], path)
        self.assertGreater(seen, 100)

    def test_completion_scripts_are_valid_shell(self):
        import subprocess
        home = self.home()
        script = home.ok("completion", "bash")
        for words, offered in (("pin ''", "add"), ("endpoints ''", "stats"), ("api-keys ''", "create"), ("models ''", "load"), ("serve --", "--api")):
            asked = f"COMP_WORDS=(ipfs-accelerate {words}); COMP_CWORD=2; _ipfs_accelerate; echo ${{COMPREPLY[*]}}"
            done = subprocess.run(["bash", "-c", script + "\n" + asked], capture_output=True, text=True)
            self.assertIn(offered, done.stdout.split(), words + done.stderr)
        self.assertIn("complete -c ipfs-accelerate", home.ok("completion", "fish"))

    def test_json_goes_to_stdout_alone(self):
        code, out, err = self.home().run("version", "--json")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("version", json.loads(out))

    def test_cid_inspect_and_convert(self):
        home = self.home()
        v0 = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
        v1 = home.json("cid", "convert", "--version", 1, v0)["cid"]
        self.assertTrue(v1.startswith("bafy"))
        self.assertEqual(home.ok("cid", "convert", "--version", 0, v1).strip(), v0)
        self.assertEqual(home.json("cid", "inspect", v0)["codec"], "dag-pb")

    def test_config_shows_where_a_value_came_from(self):
        home = self.home()
        home.ok("config", "set", "logging.level", "error")
        entry = home.json("config", "get", "logging.level")
        self.assertEqual((entry["value"], entry["origin"]), ("error", "home file"))
        entry = home.json("config", "get", "logging.level", environment={"IPFS_ACCELERATE_LOGGING_LEVEL": "info"})
        self.assertEqual((entry["value"], entry["origin"]), ("info", "environment"))

    def test_hardware_detect_has_eight_rows_each_with_a_reason(self):
        rows = self.home().json("hardware", "detect")
        self.assertEqual([r["platform"] for r in rows], ["cpu", "cuda", "rocm", "mps", "openvino", "qualcomm", "webgpu", "webnn"])
        for row in rows:
            self.assertEqual(set(row), {"platform", "available", "emulated", "untested", "reason", "evidence", "devices"})
            self.assertTrue(row["reason"], row["platform"])
        self.assertTrue(rows[0]["available"], rows[0])
        untested = {row["platform"]: row["untested"] for row in rows if row["untested"]}
        self.assertLessEqual({"cuda", "rocm", "mps", "qualcomm", "webgpu", "webnn"}, set(untested))
        self.assertIsNone(rows[0]["untested"])
        text = self.home().ok("hardware", "detect")
        for platform, why in untested.items():
            self.assertRegex(text, rf"(?m)^{platform} .*\(untested\)")
            self.assertIn(f"{platform} is untested: {why}", text)

    def test_hardware_profile_measures_memory_and_arithmetic(self):
        figures = self.home().json("hardware", "profile", "--seconds", 0.5)["measurements"]
        self.assertTrue({"memory_copy", "flops_f32", "ops_int8"} <= {f["what"] for f in figures})
        for figure in figures:
            self.assertGreater(figure["value"], 0)
            self.assertEqual(figure["provenance"], "measured")

    def test_doctor_finds_a_fresh_home_healthy(self):
        home = self.home()
        home.add(self.file("a", 100))
        self.assertTrue(home.json("doctor")["healthy"])


if __name__ == "__main__":
    unittest.main()
