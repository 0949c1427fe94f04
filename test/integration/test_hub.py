# SPDX-License-Identifier: Apache-2.0
"""Models from a hub and from what other programs keep here, against local servers that speak the hubs' documented routes."""
import base64
import contextlib
import hashlib
import http.server
import json
import os
import signal
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

from harness import MIB, TestCase, wait_until


class Hub:
    """The routes of a hub: info of a revision, resolve with a redirect to a second origin for large files, manifests and blobs."""

    COMMIT = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self, files: dict, large=64 * 1024):
        self.files, self.large = files, large
        self.requests, self.slow, self.token, self.lies = [], 0.0, None, {}
        self.lock = threading.Lock()
        self.server, self.url = self._start(self.answer_hub)
        self.cdn_server, self.cdn = self._start(self.answer_cdn)

    def _start(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server, f"http://127.0.0.1:{server.server_address[1]}"

    def note(self, handler, origin):
        with self.lock:
            self.requests.append((origin, handler.command, handler.path, handler.headers.get("Authorization"), handler.headers.get("Range")))

    def reply(self, handler, status, body=b"", **headers):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    def content(self, handler, data, **headers):
        if range_ := handler.headers.get("Range"):
            first, last = (int(part) for part in range_.removeprefix("bytes=").split("-"))
            return self.reply(handler, 206, data[first: last + 1], Content_Range=f"bytes {first}-{last}/{len(data)}", **headers)
        return self.reply(handler, 200, data, **headers)

    def answer_hub(self, handler):
        self.note(handler, "hub")
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            return self.reply(handler, 401, b"Invalid credentials", X_Error_Code="GatedRepo")
        path = urllib.parse.unquote(handler.path.split("?")[0])
        if path in ("/api/models/org/name/revision/main", f"/api/models/org/name/revision/{self.COMMIT}"):
            return self.reply(handler, 200, json.dumps(self.info()).encode())
        prefix = f"/org/name/resolve/{self.COMMIT}/"
        if path.startswith(prefix) and path[len(prefix):] in self.files:
            name = path[len(prefix):]
            data = self.files[name]
            if len(data) < self.large:
                return self.content(handler, data, ETag='"git"', X_Repo_Commit=self.COMMIT)
            place = f"{self.cdn}/{urllib.parse.quote(name)}?X-Signature=s3cr3t"
            return self.reply(handler, 302, Location=place, X_Repo_Commit=self.COMMIT, X_Linked_Size=str(len(data)),
                              X_Linked_Etag=f'"{hashlib.sha256(data).hexdigest()}"')
        if path == "/v2/library/phi/manifests/latest":
            return self.reply(handler, 200, self.manifest())
        if path.startswith("/v2/library/phi/blobs/sha256:"):
            return self.reply(handler, 307, Location=f"{self.cdn}/{path.rsplit(':', 1)[1]}?X-Signature=s3cr3t")
        return self.reply(handler, 404, b"Repository not found")

    def answer_cdn(self, handler):
        self.note(handler, "cdn")
        name = urllib.parse.unquote(handler.path.split("?")[0]).lstrip("/")
        by_digest = {hashlib.sha256(data).hexdigest(): data for data in self.files.values()}
        time.sleep(self.slow)
        self.content(handler, self.files.get(name) or by_digest[name])

    def info(self) -> dict:
        siblings = []
        for name, data in self.files.items():
            row = {"rfilename": name, "size": len(data), "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
            if len(data) >= self.large:
                row["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            if name in self.lies:
                self.lies[name](row)
            siblings.append(row)
        return {"id": "org/name", "sha": self.COMMIT, "siblings": siblings}

    def manifest(self) -> bytes:
        layer = lambda kind, name: {"mediaType": f"application/vnd.ollama.image.{kind}", "size": len(self.files[name]),
                                    "digest": "sha256:" + hashlib.sha256(self.files[name]).hexdigest()}
        return json.dumps({"schemaVersion": 2, "layers": [layer("model", "model.safetensors"), layer("params", "config.json")]}).encode()

    def close(self):
        for server in (self.server, self.cdn_server):
            server.shutdown()
            server.server_close()


class HubTest(TestCase):
    def setUp(self):
        super().setUp()
        import random
        generator = random.Random(9)
        self.files = {"config.json": b'{"model_type": "bert"}', ".gitattributes": b"*.bin lfs\n", "onnx/model file.onnx": generator.randbytes(200_000),
                      "model.safetensors": generator.randbytes(20 * MIB + 3)}
        self.hub = Hub(self.files)
        self.addCleanup(self.hub.close)

    def environment(self, **more) -> dict:
        return {"HF_ENDPOINT": self.hub.url, "IPFS_ACCELERATE_MODELS_OLLAMA_REGISTRY": self.hub.url, "HF_TOKEN": "", **more}

    def folder_of(self, files: dict, name: str) -> Path:
        for path, data in files.items():
            target = self.folder / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return self.folder / name

    def test_a_model_is_pulled_checked_named_and_gets_the_cid_that_add_gives(self):
        home = self.home()
        report = home.json("pull", "hf:org/name", environment=self.environment())
        self.assertEqual(report["commit"], Hub.COMMIT)
        self.assertEqual(report["name"], "name")
        self.assertEqual(home.add(self.folder_of(self.files, "same"), "--only-hash", "--hidden"), report["cid"])
        self.assertEqual(home.run("cat", "name/model.safetensors", text=False)[1], self.files["model.safetensors"])
        self.assertEqual(home.json("verify")["damaged"], [])
        self.assertFalse(any((home.path / "downloads").iterdir()), "nothing is left of the download")
        again = home.json("pull", "hf:org/name", environment=self.environment())
        self.assertEqual((again["cid"], again["bytes_fetched"]), (report["cid"], 0))
        on_disk = sum(part["bytes"] for part in home.json("du")["parts"] if part["what"] != "index")
        self.assertLess(on_disk, 22 * MIB, "one copy")

    def test_a_part_of_a_model_can_be_asked_for(self):
        home = self.home()
        report = home.json("pull", "hf:org/name", "--include", "*.json", "--include", "*.onnx", environment=self.environment())
        self.assertEqual(report["files"], 2)
        names = [row["name"] for row in home.json("ls", report["cid"])["entries"]]
        self.assertEqual(names, ["config.json", "onnx"])
        self.assert_fails(3, home.run("pull", "hf:org/name", "--include", "*.bin", environment=self.environment()), "--include")

    def test_a_token_is_sent_to_the_hub_alone_and_never_shown(self):
        self.hub.token = "hf_verysecret"
        home = self.home()
        self.assert_fails(8, home.run("pull", "hf:org/name", environment=self.environment()), "HF_TOKEN")
        code, out, err = home.run("pull", "hf:org/name", environment=self.environment(
            HF_TOKEN="hf_verysecret", IPFS_ACCELERATE_LOGGING_LEVEL="trace"))
        self.assertEqual(code, 0, err)
        self.assertNotIn("verysecret", out + err)
        self.assertNotIn("s3cr3t", out + err)
        self.assertEqual({request[3] for request in self.hub.requests if request[0] == "cdn"}, {None})
        listed = home.ok("config", "list", environment={"IPFS_ACCELERATE_MODELS_HF_TOKEN": "hf_verysecret"})
        self.assertNotIn("verysecret", listed)
        for path in home.path.rglob("*"):
            if path.is_file() and path.stat().st_size < 4 * MIB:
                self.assertNotIn(b"verysecret", path.read_bytes(), str(path))

    def test_a_hub_that_lies_about_a_size_or_a_digest_is_a_clear_error(self):
        def other_digest(row):
            row["lfs"]["sha256"] = "0" * 64

        def larger(row):
            row["size"] = row["lfs"]["size"] = row["size"] + 5

        def smaller(row):
            row["size"] -= 1

        def climbs(row):
            row["rfilename"] = "../../outside"

        for name, lie, words in (("model.safetensors", other_digest, "SHA-256"), ("model.safetensors", larger, "has 20971523"),
                                 ("config.json", smaller, "but the file there has 22"), ("config.json", climbs, "no path below")):
            self.hub.lies = {name: lie}
            home = self.home()
            self.assert_fails(5, home.run("pull", "hf:org/name", environment=self.environment()), words)
            self.assertEqual(home.json("pin", "ls")["pins"], [])
        self.assertFalse((self.folder / "outside").exists())

    def test_a_download_that_was_killed_goes_on_where_it_was(self):
        home = self.home()
        self.hub.slow = 0.3
        process = home.start("pull", "hf:org/name", environment=self.environment())
        self.assertTrue(wait_until(lambda: any((home.path / "downloads").rglob("*.part")) and
                                   max(p.stat().st_size for p in (home.path / "downloads").rglob("*.part")) >= 8 * MIB))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.hub.slow = 0
        report = home.json("pull", "hf:org/name", environment=self.environment())
        self.assertLess(report["bytes_fetched"], 13 * MIB)
        self.assertEqual(home.run("cat", "name/model.safetensors", text=False)[1], self.files["model.safetensors"])

    def test_what_a_killed_download_left_can_be_freed(self):
        home = self.home()
        self.hub.slow = 3.0  # It must not end while the first gc runs, however busy the machine.
        process = home.start("pull", "hf:org/name", environment=self.environment())
        self.assertTrue(wait_until(lambda: list((home.path / "downloads").rglob("*.part"))))
        self.assertEqual(home.json("gc", "--unfinished")["unfinished_freed"], 0)  # In use.
        process.kill()
        process.communicate()
        self.assertEqual(home.json("gc")["unfinished_freed"], 0)
        self.assertEqual(home.json("gc", "--unfinished")["unfinished_freed"], 1)
        self.assertEqual(list((home.path / "downloads").iterdir()), [])

    def test_what_is_no_model_of_the_hub_is_told(self):
        home = self.home()
        self.assert_fails(3, home.run("pull", "hf:org/other", environment=self.environment()), "hf:org/other")
        self.assert_fails(2, home.run("pull", "hf:../x", environment=self.environment()), "hf:ORG/NAME")

    def test_a_model_of_ollama_is_pulled_by_its_manifest(self):
        home = self.home()
        report = home.json("pull", "ollama:phi", environment=self.environment())
        self.assertEqual(report["name"], "phi:latest")
        self.assertEqual(home.run("cat", "phi:latest/model.gguf", text=False)[1], self.files["model.safetensors"])
        self.assertEqual(home.ok("cat", "phi:latest/params.json"), self.files["config.json"].decode())
        self.assert_fails(3, home.run("pull", "ollama:none", environment=self.environment()), "ollama:none")


class Adopt(TestCase):
    def weights(self, name="weights", size=3 * MIB) -> bytes:
        return self.file(name, size).read_bytes()

    def test_a_hugging_face_cache_is_taken_in_without_a_copy(self):
        data = self.weights()
        model = self.folder / "hf/hub/models--org--name"
        (model / "blobs").mkdir(parents=True)
        (model / "blobs/aaa").write_bytes(data)
        (model / "blobs/bbb").write_text("{}")
        (model / "refs").mkdir()
        (model / "refs/main").write_text("c0ffee")
        snapshot = model / "snapshots/c0ffee"
        snapshot.mkdir(parents=True)
        (snapshot / "model.bin").symlink_to("../../blobs/aaa")
        (snapshot / "config.json").symlink_to("../../blobs/bbb")
        broken = model / "snapshots/dead"
        broken.mkdir()
        (broken / "model.bin").symlink_to("../../blobs/absent")
        home = self.home()
        listed = home.json("adopt", "--dry-run", self.folder / "hf")
        self.assertEqual([row["commit"] for row in listed["found"]], ["c0ffee", "dead"])
        self.assertIn("leads nowhere", listed["found"][1]["problem"])
        self.assertEqual(home.json("pin", "ls")["pins"], [])
        row = home.json("adopt", self.folder / "hf")["found"][0]
        self.assertEqual(row["name"], "name")
        self.assertEqual(home.run("cat", "name/model.bin", text=False)[1], data)
        self.assertLess(sum(part["bytes"] for part in home.json("du")["parts"] if "elsewhere" not in part["what"] and part["what"] != "index"), MIB)
        plain = self.folder / "plain"
        plain.mkdir()
        (plain / "model.bin").write_bytes(data)
        (plain / "config.json").write_text("{}")
        self.assertEqual(home.add(plain, "--only-hash", "--hidden"), row["cid"])
        self.assertEqual(home.json("verify")["damaged"], [])
        with open(model / "blobs/aaa", "r+b") as blob:  # The owner changes it: told, never served.
            blob.write(b"other")
        self.assertNotEqual(home.run("cat", "name/model.bin", text=False)[0], 0)

    def test_the_models_of_ollama_are_taken_in_under_their_names(self):
        data = self.weights()
        digest = hashlib.sha256(data).hexdigest()
        models = self.folder / "ollama/models"
        (models / "blobs").mkdir(parents=True)
        (models / f"blobs/sha256-{digest}").write_bytes(data)
        manifest = models / "manifests/registry.example/library/phi/3b"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:" + digest, "size": len(data)}]}))
        home = self.home()
        row = home.json("adopt", self.folder / "ollama")["found"][0]
        self.assertEqual((row["name"], row["source"]), ("phi:3b", "ollama:phi:3b"))
        self.assertEqual(home.run("cat", "phi:3b/model.gguf", text=False)[1], data)
        self.assertEqual(list((home.path / "downloads").iterdir()), [])

    def test_the_blocks_of_a_kubo_repository_are_found_by_any_cid(self):
        source, home = self.home(), self.home()
        path = self.file("model.bin", 5 * MIB + 7)
        cid = source.add(path, "--profile", "unixfs-v0-2015")
        blocks = self.folder / "kubo/blocks"
        (self.folder / "kubo").mkdir()
        (self.folder / "kubo/datastore_spec").write_text("{}")
        with self.daemon(source) as daemon:
            import urllib.request
            todo, seen = [cid], set()
            while todo:
                name = todo.pop()
                if name in seen:
                    continue
                seen.add(name)
                with urllib.request.urlopen(f"{daemon.gateway}/ipfs/{name}?format=raw") as reply:
                    block = reply.read()
                key = base64.b32encode(b"\x12\x20" + hashlib.sha256(block).digest()).decode().rstrip("=")
                (blocks / key[-3:-1]).mkdir(parents=True, exist_ok=True)
                (blocks / key[-3:-1] / f"{key}.data").write_bytes(block)
                todo += self.links(block) if len(block) < 10_000 else []
        report = home.json("adopt", self.folder / "kubo")
        self.assertEqual(report["adopted"], 1)
        self.assertEqual(home.run("cat", cid, text=False)[1], path.read_bytes())
        home.ok("pin", "add", cid)

    def links(self, block: bytes) -> list:
        """CIDv0 links of a dag-pb node: field 2, each with the hash in its field 1."""
        found, at = [], 0
        while (at := block.find(b"\x0a\x22\x12\x20", at)) >= 0:
            found.append(self.base58(block[at + 2: at + 36]))
            at += 36
        return found

    def base58(self, data: bytes) -> str:
        letters, number, text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", int.from_bytes(data, "big"), ""
        while number:
            number, digit = divmod(number, 58)
            text = letters[digit] + text
        return text

    def test_what_is_none_of_the_three_is_told(self):
        home = self.home()
        (self.folder / "empty").mkdir()
        self.assert_fails(6, home.run("adopt", self.folder / "empty"), "Kubo repository")


if __name__ == "__main__":
    unittest.main()
