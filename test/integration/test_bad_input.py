# SPDX-License-Identifier: Apache-2.0
"""What is wrong gets one clear sentence and its exit code; nothing is lost."""
import os
import resource
import shutil
import socket
import subprocess
import unittest
import urllib.request

from harness import MIB, TestCase, model_directory, wait_until


class Arguments(TestCase):
    def test_unknown_commands_flags_and_values_are_invalid_arguments(self):
        home = self.home()
        for arguments in (["frobnicate"], ["add"], ["add", "--nope", "x"], ["cid", "inspect", "Qm!!"], ["pull", "notacid"],
                          ["cat", "--offset", "-1", "x"], ["add", "--profile", "unixfs-v9", __file__], ["run", "m"],
                          ["daemon", "--gateway", "127.0.0.1:99999"], ["config", "set", "no.such", "1"]):
            self.assert_fails(2, home.run(*arguments), "error:")

    def test_errors_are_json_on_stderr_with_the_json_flag(self):
        import json
        code, out, err = self.home().run("cat", "nothing", "--json")
        self.assertEqual((code, out), (3, ""))
        self.assertEqual(json.loads(err)["error"]["code"], "not_found")

    def test_missing_and_special_files_are_named(self):
        home = self.home()
        self.assert_fails(3, home.run("add", self.folder / "absent"), "absent")
        os.mkfifo(self.folder / "pipe")
        self.assert_fails(6, home.run("add", self.folder / "pipe"), "pipe")

    def test_get_refuses_to_replace_a_file_unless_forced(self):
        home = self.home()
        cid = home.add(self.file("a", 100))
        (self.folder / "there").write_text("mine")
        self.assert_fails(4, home.run("get", cid, "-o", self.folder / "there"), "there")
        self.assertEqual((self.folder / "there").read_text(), "mine")
        home.ok("get", cid, "-o", self.folder / "there", "--force")

    def test_run_refuses_to_replace_a_file_unless_forced_and_runs_nothing_for_it(self):
        home = self.home()
        (self.folder / "there.png").write_text("mine")
        made = ("run", "no-such-model", "--seed", "1", "--output", self.folder / "there.png")
        self.assert_fails(4, home.run(*made), "--force")
        self.assert_fails(3, home.run(*made, "--force"), "no-such-model")
        self.assertEqual((self.folder / "there.png").read_text(), "mine")

    def test_a_task_that_a_model_is_not_for_names_the_one_that_it_is_for(self):
        home = self.home()
        home.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        for command in (["classify"], ["fill-mask"]):
            self.assert_fails(2, home.run("text", *command, "--model", "minilm", "--input", "a [MASK] cat"), "minilm is a model for text-embedding, not for")
        self.assert_fails(2, home.run("text", "generate", "--model", "minilm", "--prompt", "x"), "minilm is a model for text-embedding")

    def test_half_a_tls_pair_is_told_when_it_is_set(self):
        home, pem = self.home(), self.file("server.pem", 10)
        code, _, err = home.run("config", "set", "api.tls_certificate", pem)
        self.assertEqual(code, 0, err)
        self.assertIn("api.tls_certificate is set and api.tls_key is not", err)
        code, _, err = home.run("config", "set", "api.tls_key", pem)
        self.assertNotIn("is not", err)
        code, _, err = home.run("config", "unset", "api.tls_certificate")
        self.assertIn("api.tls_key is set and api.tls_certificate is not", err)

    def test_a_taken_name_shows_both_roots(self):
        home = self.home()
        first = home.add(self.file("a", 10, 1), "--name", "m")
        self.assert_fails(4, home.run("add", "--name", "m", self.file("b", 10, 2)), first)


class Homes(TestCase):
    def test_a_home_of_a_newer_version_is_refused_and_not_touched(self):
        home = self.home()
        home.add(self.file("a", 10))
        (home.path / "VERSION").write_text("99\n")
        for command in (["add", __file__], ["status"], ["daemon"]):
            self.assert_fails(6, home.run(*command), "99")

    def test_an_index_that_was_cut_short_is_said_to_be(self):
        home = self.home()
        cid = home.add(self.file("a", 3 * MIB))
        os.truncate(home.path / "store/index/data.mdb", 2 * 4096)
        for command in (["get", cid, "-o", self.folder / "out"], ["status"], ["verify"]):
            self.assert_fails(5, home.run(*command), "index")

    def test_a_pipe_as_project_file_or_input_holds_nobody(self):
        home = self.home()
        os.mkfifo(self.folder / "ipfs_accelerate.json")
        code, _, err = home.run("status", cwd=self.folder)
        self.assertIn("ipfs_accelerate.json", err)
        self.assertIn(code, (0, 2))

    def test_names_from_others_do_not_steer_the_terminal(self):
        home = self.home()
        folder = self.file("odd/\x1b[31mred\nfake", 10).parent
        self.assertNotIn("\x1b", home.ok("ls", home.add(folder)))

    def test_a_store_of_a_newer_version_is_refused(self):
        home = self.home()
        home.add(self.file("a", 10))
        version = home.path / "store/VERSION"
        os.chmod(version, 0o600)
        version.write_text("ipfs-accelerate store 99\n")
        self.assert_fails(6, home.run("ls", "x"), "99")

    def test_a_full_disk_says_so_and_loses_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system takes root")
        mount = self.folder / "small"
        mount.mkdir()
        script = f"mount -t tmpfs -o size=24m none {mount} && exec bash -c \"$1\""
        probe = subprocess.run(["unshare", "-m", "bash", "-c", script, "x", "true"], capture_output=True, text=True)
        if probe.returncode != 0:
            self.skipTest("this machine lets nobody mount a file system: " + probe.stderr.strip())
        small, big = self.file("small.bin", 2 * MIB, 1), self.file("big.bin", 40 * MIB, 2)
        import harness
        commands = (f"{harness.BINARY} add -Q {small}; {harness.BINARY} add -Q {big}; echo code $?; "
                    f"{harness.BINARY} verify --json")
        done = subprocess.run(["unshare", "-m", "bash", "-c", script, "x", commands], capture_output=True, text=True,
                              env={**os.environ, "IPFS_ACCELERATE_HOME": str(mount / "home")})
        self.assertIn("code 9", done.stdout, done.stderr)
        self.assertIn('"damaged": []', done.stdout, done.stderr)

    def test_a_read_only_home_reads_and_refuses_to_write(self):
        home = self.home()
        path = self.file("a", 2 * MIB)
        cid = home.add(path)
        if os.geteuid() == 0:
            probe = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "true"], capture_output=True)
            if probe.returncode != 0:
                self.skipTest("root may write anywhere, and setpriv is not here")
            os.chmod(self.folder, 0o755)
            subprocess.run(["chmod", "-R", "a+rX", str(home.path)], check=True)
            import harness
            if subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "test", "-x", harness.BINARY]).returncode != 0:
                self.skipTest("the binary lies where other users can't read")
            prefix = ["setpriv", "--reuid=65534", "--clear-groups", harness.BINARY]
        else:
            subprocess.run(["chmod", "-R", "a-w", str(home.path)], check=True)
            import harness
            prefix = [harness.BINARY]
        environment = {**os.environ, "IPFS_ACCELERATE_HOME": str(home.path)}
        read = subprocess.run([*prefix, "cat", cid], capture_output=True, env=environment)
        self.assertEqual((read.returncode, read.stdout), (0, path.read_bytes()), read.stderr)
        written = subprocess.run([*prefix, "add", str(self.file("b", 100))], capture_output=True, text=True, env=environment)
        self.assertEqual(written.returncode, 7, written.stderr)


class Connections(TestCase):
    WANTED = 10_000

    def test_ten_thousand_connections_are_borne_and_others_are_answered(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < self.WANTED + 200:
            self.skipTest(f"at most {hard} descriptors a process are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.WANTED + 200, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with self.daemon(self.home(), "--api", "127.0.0.1:0") as daemon:
            host, port = daemon.where["api"].removeprefix("http://").rsplit(":", 1)
            descriptors = lambda: len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
            at_rest = descriptors()
            idle = []
            try:
                for number in range(self.WANTED):
                    idle.append(socket.create_connection((host, int(port)), timeout=30))
                    if number % 2:
                        idle[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: 127")  # And no more of it.
                    if number % 1000 == 999:
                        self.answers(daemon)
            finally:
                for one in idle:
                    one.close()
            self.answers(daemon)
            wait_until(lambda: descriptors() <= at_rest + 16, 30)
            self.assertEqual(daemon.stop(), 0)

    def answers(self, daemon):
        with urllib.request.urlopen(daemon.where["api"] + "/healthz", timeout=30) as reply:
            self.assertEqual(reply.read(), b"ok\n")


class History(TestCase):
    def test_queries_that_are_not_reads_are_refused(self):
        home = self.home()
        for sql in ("drop table models", "insert into models values (1)", "attach 'x.db'", "copy models to '/dev/null'",
                    "select * from read_csv('/etc/passwd')", "pragma database_list; drop table models", "install httpfs",
                    "set threads=1", "select * from no_such_table", "nonsense"):
            code, out, err = home.run("history", "query", "--sql", sql)
            self.assertIn(code, (2, 6, 7), f"{sql}: {code} {out} {err}")
        self.assertEqual(home.json("history", "query", "--sql", "select 1 as x")["rows"], [[1]])


if __name__ == "__main__":
    unittest.main()
