# SPDX-License-Identifier: Apache-2.0
"""API keys, TLS and limits: whole commands, a daemon, and clients over the network's protocols."""
import http.client
import json
import os
import ssl
import stat
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from harness import MIB, TestCase, model_directory


def ask(url, key=None, data=None, context=None, **headers):
    call = urllib.request.Request(url, data=data, headers={k.replace("_", "-"): v for k, v in headers.items()})
    if key:
        call.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(call, timeout=60, context=context) as reply:
            return reply.status, reply.read(), reply.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


class Keys(TestCase):
    def test_a_key_is_let_in_until_it_is_revoked_and_is_kept_as_a_hash(self):
        home = self.home()
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            api = daemon.where["api"]
            made = home.json("api-keys", "create", "--role", "read", "--label", "prometheus")
            key = made["key"]
            self.assertTrue(key.startswith(made["id"] + "_") and len(key) == 80)
            self.assertEqual(ask(api + "/metrics")[0], 401)
            status, text, _ = ask(api + "/metrics", key)
            self.assertEqual((status, b"accel_" in text), (200, True))
            status, text, _ = ask(api + "/api/v1/pin.ls", key, b"{}")
            self.assertEqual((status, b"takes the role operator" in text), (403, True))
            self.assertEqual(ask(api + "/api/v1/models.list", key, b"{}")[0], 200)
            row = home.json("api-keys", "list")["keys"][0]
            self.assertEqual((row["label"], row["role"]), ("prometheus", "read"))
            self.assertIsNotNone(row["last_used"])
            self.assertEqual(home.ok("api-keys", "revoke", "prometheus").strip(), made["id"])
            self.assertEqual(ask(api + "/metrics", key)[0], 401)
        self.assert_fails(3, home.run("api-keys", "revoke", "prometheus"), "api-keys list")
        self.assert_fails(2, home.run("api-keys", "create", "--requests-per-minute", "0"), "1 to 9007199254740992")
        home.ok("api-keys", "create", "--model", "minilm", "--model", "m@far")
        self.assertIn("minilm, m@far", home.ok("api-keys", "list"))
        self.assertEqual(stat.S_IMODE(os.stat(home.path / "api_keys.json").st_mode), 0o600)
        for path in home.path.rglob("*"):
            if path.is_file() and path.stat().st_size < MIB:
                self.assertNotIn(key[16:].encode(), path.read_bytes(), path)

    def test_what_a_command_without_the_daemon_changes_counts_within_a_second(self):
        home = self.home()
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            made = home.json("--no-daemon", "api-keys", "create", "--role", "read")
            time.sleep(1.1)
            self.assertEqual(ask(daemon.where["api"] + "/metrics", made["key"])[0], 200)
            home.ok("--no-daemon", "api-keys", "revoke", made["id"])
            time.sleep(1.1)
            self.assertEqual(ask(daemon.where["api"] + "/metrics", made["key"])[0], 401)

    def test_the_audit_log_names_the_key_and_never_holds_it(self):
        home = self.home()
        cid = home.add(self.file("a.bin", 1000))
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            api = daemon.where["api"]
            made = home.json("api-keys", "create", "--role", "operator", "--label", "ops")
            self.assertEqual(ask(api + "/api/v1/pin.add", made["key"], json.dumps({"target": cid}).encode())[0], 200)
            self.assertEqual(ask(api + "/v1/models", made["key"])[0], 200)
            self.assertEqual(ask(api + "/api/v0/id", made["key"], b"")[0], 404)  # Kubo's RPC is off.
            home.ok("api-keys", "revoke", made["id"])
        lines = [json.loads(line) for line in (home.path / "logs/audit.jsonl").read_text().splitlines()]
        self.assertNotIn(made["key"][16:], str(lines))
        told = [(line["who"], line["method"], line["outcome"]) for line in lines]
        self.assertIn(("socket", "api_keys.create", "ok"), told)
        self.assertIn((made["id"], "pin.add", "ok"), told)
        self.assertIn(("socket", "api_keys.revoke", "ok"), told)

    def test_a_broken_or_open_file_of_keys_lets_no_key_in_and_says_so(self):
        home = self.home()
        key = home.json("api-keys", "create", "--role", "read")["key"]
        file = home.path / "api_keys.json"
        file.chmod(0o644)
        self.assert_fails(7, home.run("api-keys", "list"), "chmod 600")
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            self.assertEqual(ask(daemon.where["api"] + "/metrics", key)[0], 401)
            file.chmod(0o600)
            time.sleep(1.1)
            self.assertEqual(ask(daemon.where["api"] + "/metrics", key)[0], 200)
        file.write_text('{"version":1,"keys":[{}]}')
        self.assert_fails(5, home.run("api-keys", "create"), "keys[0]")
        link = home.path / "api.token"
        link.unlink()
        link.symlink_to("/etc/hostname")
        self.assert_fails(7, home.run("daemon"), "is a link")

    def test_wrong_words_are_told_plainly(self):
        home = self.home()
        self.assert_fails(2, home.run("api-keys", "create", "--role", "root"), "read, inference, operator and admin")
        self.assert_fails(2, home.run("api-keys", "create", "--role", "operator", "--model", "m"), "Only a key of the role inference")
        self.assert_fails(2, home.run("api-keys", "create", "--expires", "soon"), "90d")
        self.assert_fails(2, home.run("--api", "http://node.example:5080", "status", environment={"IPFS_ACCELERATE_API_KEY": "x"}), "in clear")
        self.assert_fails(2, home.run("config", "set", "api.hosts", "https://a.example"), "no host")


class Limits(TestCase):
    def test_requests_of_a_minute_are_counted_and_told(self):
        home = self.home()
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            api = daemon.where["api"]
            key = home.json("api-keys", "create", "--requests-per-minute", "2")["key"]
            other = home.json("api-keys", "create", "--requests-per-minute", "2")["key"]
            for left in ("1", "0"):
                status, _, headers = ask(api + "/v1/models", key)
                self.assertEqual((status, headers["x-ratelimit-remaining-requests"]), (200, left))
            status, text, headers = ask(api + "/v1/models", key)
            self.assertEqual((status, json.loads(text)["error"]["type"]), (429, "rate_limit_error"))
            self.assertTrue(1 <= int(headers["Retry-After"]) <= 61)
            self.assertEqual(ask(api + "/v1/models", other)[0], 200, "one key is not another")
            self.assertEqual(ask(api + "/v1/models", (home.path / "api.token").read_text().strip())[0], 200)

    def test_tokens_of_a_day_are_those_of_the_usage_and_outlive_a_restart(self):
        home = self.home()
        home.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        made = home.json("api-keys", "create", "--tokens-per-day", "5", "--model", "minilm")
        body = json.dumps({"model": "minilm", "input": "a cat on a mat"}).encode()
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            api = daemon.where["api"]
            status, text, headers = ask(api + "/v1/embeddings", made["key"], body)
            self.assertEqual((status, headers["x-ratelimit-limit-tokens"]), (200, "5"), text)
            self.assertGreater(json.loads(text)["usage"]["total_tokens"], 5)
            status, text, headers = ask(api + "/v1/embeddings", made["key"], body)
            self.assertEqual(status, 429, text)
            self.assertGreater(int(headers["Retry-After"]), 23 * 3600)
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            self.assertEqual(ask(daemon.where["api"] + "/v1/embeddings", made["key"], body)[0], 429)

    def test_a_key_of_one_model_sees_and_runs_that_one(self):
        home = self.home()
        home.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        home.add(model_directory("minilm-l6-f32"), "--name", "again")
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            api = daemon.where["api"]
            key = home.json("api-keys", "create", "--model", "minilm")["key"]
            self.assertEqual([row["id"] for row in json.loads(ask(api + "/v1/models", key)[1])["data"]], ["minilm"])
            body = json.dumps({"model": "again", "input": "x"}).encode()
            self.assertEqual(ask(api + "/v1/embeddings", key, body)[0], 403)
            body = json.dumps({"inputs": [{"name": "input_ids", "shape": [1, 1], "datatype": "INT64", "data": [101]}]}).encode()
            self.assertEqual(ask(api + "/v2/models/again/infer", key, body)[0], 403)


class Tls(TestCase):
    def setUp(self):
        super().setUp()
        self.authority("ca")
        self.certificate("server", "ca")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.folder)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                     "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def certificate(self, name, authority):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
                     "-days", "2", "-extfile", "san", "-out", f"{name}.pem")

    def tls_home(self):
        home = self.home()
        home.ok("config", "set", "api.tls_certificate", self.folder / "server.pem")
        home.ok("config", "set", "api.tls_key", self.folder / "server.key")
        return home

    def context(self, client=None):
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if client:
            context.load_cert_chain(self.folder / f"{client}.pem", self.folder / f"{client}.key")
        return context

    def test_the_api_speaks_tls_and_commands_of_another_home_use_it(self):
        home = self.tls_home()
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            api = daemon.where["api"]
            self.assertTrue(api.startswith("https://"), api)
            key = home.json("api-keys", "create", "--role", "operator")["key"]
            self.assertEqual(ask(api + "/v1/models", key, context=self.context())[0], 200)
            self.assertEqual(ask(api + "/v1/models", context=self.context())[0], 401)
            with self.assertRaises(urllib.error.URLError):
                ask(api + "/v1/models", key)  # An authority that the system does not know.
            with self.assertRaises((OSError, http.client.HTTPException)):
                ask(api.replace("https:", "http:") + "/healthz")
            there = self.home()
            flags = ["--api", api, "--api-ca", self.folder / "ca.pem"]
            given = {"environment": {"IPFS_ACCELERATE_API_KEY": key}}
            self.assertEqual(there.json(*flags, "status", **given)["home"], str(home.path))
            self.assertEqual(there.json(*flags, "pin", "ls", **given)["pins"], [])
            self.assert_fails(8, there.run(*flags, "pin", "ls"), "Authorization")
            self.assert_fails(7, there.run(*flags, "api-keys", "list", **given), "admin")
            self.assert_fails(6, there.run(*flags, "add", self.folder / "ca.pem", **given), "another one")
            (self.folder / "key").write_text(key + "\n")
            self.assertEqual(there.json(*flags, "--api-key-file", self.folder / "key", "pin", "ls")["pins"], [])
            self.assertFalse((there.path / "store").exists())

    def test_alpn_offers_http2_and_old_versions_are_refused(self):
        with self.daemon(self.tls_home(), "--api", "127.0.0.1:0") as daemon:
            host, port = daemon.where["api"].removeprefix("https://").split(":")
            for offered, chosen in ((["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")):
                context = self.context()
                context.set_alpn_protocols(offered)
                with context.wrap_socket(__import__("socket").create_connection((host, int(port))), server_hostname=host) as wire:
                    self.assertEqual(wire.selected_alpn_protocol(), chosen)
            old = self.context()
            old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            with self.assertRaises((ssl.SSLError, OSError)):
                with old.wrap_socket(__import__("socket").create_connection((host, int(port))), server_hostname=host):
                    pass

    def test_mutual_tls_lets_in_who_is_vouched_for_and_has_a_key(self):
        home = self.tls_home()
        self.authority("clients")
        self.authority("others")
        self.certificate("alice", "clients")
        self.certificate("mallory", "others")
        home.ok("config", "set", "api.client_ca", self.folder / "clients.pem")
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            url = daemon.where["api"] + "/v1/models"
            key = home.json("api-keys", "create", "--role", "read")["key"]
            self.assertEqual(ask(url, key, context=self.context("alice"))[0], 200)
            self.assertEqual(ask(url, context=self.context("alice"))[0], 401, "a certificate is no key")
            for stranger in (None, "mallory"):
                with self.assertRaises((OSError, http.client.HTTPException)):
                    ask(url, key, context=self.context(stranger))
        home.ok("config", "unset", "api.tls_key")
        self.assert_fails(2, home.run("daemon", "--api", "127.0.0.1:0"), "api.tls_key")

    def test_a_name_is_answered_when_it_is_configured(self):
        home = self.home()
        home.ok("config", "set", "api.hosts", "node.example")
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            key = home.json("api-keys", "create", "--role", "read")["key"]
            port = daemon.where["api"].rsplit(":", 1)[1]
            self.assertEqual(ask(daemon.where["api"] + "/v1/models", key, Host=f"node.example:{port}")[0], 200)
            self.assertEqual(ask(daemon.where["api"] + "/v1/models", key, Host=f"other.example:{port}")[0], 403)

    def test_a_daemon_that_is_open_to_the_network_in_clear_says_so(self):
        for home, warned in ((self.home(), True), (self.tls_home(), False)):
            process = home.start("daemon", "--api", "0.0.0.0:0", "--json")
            process.stdout.readline()
            process.terminate()
            _, err = process.communicate(timeout=30)
            self.assertEqual("keys and contents travel in clear" in err, warned, err)


if __name__ == "__main__":
    unittest.main()
