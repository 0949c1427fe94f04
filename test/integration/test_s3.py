# SPDX-License-Identifier: Apache-2.0
"""Models from S3, against a local server with its documented routes. That signatures are right is shown by test/interop/s3."""
import contextlib
import hashlib
import http.server
import random
import signal
import threading
import time
import unittest
import urllib.parse
from xml.sax.saxutils import escape

from harness import MIB, TestCase, wait_until

SECRET = "verysecret/key+of=nobody"


class S3:
    """One bucket, "models": listings in pages, objects with Range and If-Match."""

    def __init__(self, objects: dict):
        self.objects, self.page, self.slow = objects, 1000, 0.0
        self.requests, self.refusal, self.between, self.lock = [], None, None, threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def reply(self, handler, status, body=b"", **headers):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def error(self, handler, status, code, more="", **headers):
        self.reply(handler, status, f"<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>Told.</Message>{more}</Error>".encode(), **headers)

    def answer(self, handler):
        path, _, query = handler.path.partition("?")
        with self.lock:
            self.requests.append((path, query, dict(handler.headers)))
        if self.refusal:
            status, code, more, headers = self.refusal
            return self.error(handler, status, code, more, **headers)
        if path == "/models":
            return self.list(handler, dict(urllib.parse.parse_qsl(query)))
        bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
        if bucket != "models":
            return self.error(handler, 404, "NoSuchBucket")
        if self.between:
            self.between()
        if key not in self.objects:
            return self.error(handler, 404, "NoSuchKey")
        time.sleep(self.slow)
        return self.content(handler, self.objects[key])

    def etag(self, data: bytes) -> str:
        return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'

    def content(self, handler, data):
        if handler.headers.get("If-Match", self.etag(data)) != self.etag(data):
            return self.error(handler, 412, "PreconditionFailed")
        if range_ := handler.headers.get("Range"):
            first, last = (int(part) for part in range_.removeprefix("bytes=").split("-"))
            return self.reply(handler, 206, data[first: last + 1], Content_Range=f"bytes {first}-{last}/{len(data)}", ETag=self.etag(data))
        return self.reply(handler, 200, data, ETag=self.etag(data))

    def list(self, handler, query):
        keys = sorted(key for key in self.objects if key.startswith(query.get("prefix", "")))
        left = [key for key in keys if key > query.get("continuation-token", "")]
        shown = left[:min(self.page, int(query["max-keys"]))]
        encode = (lambda key: urllib.parse.quote_plus(key, safe="/")) if query.get("encoding-type") == "url" else escape
        rows = "".join(f"<Contents><Key>{encode(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{escape(self.etag(self.objects[key]))}</ETag>"
                       f"<Size>{len(self.objects[key])}</Size><StorageClass>STANDARD</StorageClass></Contents>" for key in shown)
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if len(shown) < len(left) else \
            "<IsTruncated>false</IsTruncated>"
        self.reply(handler, 200, f"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><Name>models</Name><EncodingType>url</EncodingType>{more}{rows}"
                                 "</ListBucketResult>".encode())


class S3Test(TestCase):
    def setUp(self):
        super().setUp()
        generator = random.Random(9)
        self.files = {"config.json": b'{"model_type": "bert"}', ".gitattributes": b"*", "onnx/a+b 模型.onnx": generator.randbytes(200_000),
                      "model.safetensors": generator.randbytes(20 * MIB + 3)}
        self.s3 = S3({"bert/" + name: data for name, data in self.files.items()} | {"bert/": b"", "bert-large/x": b"x", "phi.gguf": b"GGUF"})
        self.addCleanup(self.s3.close)

    def environment(self, keys=True, **more) -> dict:
        secrets = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE" if keys else "", "AWS_SECRET_ACCESS_KEY": SECRET if keys else ""}
        return {"AWS_ENDPOINT_URL_S3": self.s3.url, "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_SESSION_TOKEN": "", **secrets, **more}

    def pull(self, home, target="s3:models/bert", *flags, **more):
        return home.run("pull", target, *flags, environment=self.environment(**more))

    def test_a_folder_is_pulled_named_and_gets_the_cid_that_add_gives(self):
        home = self.home()
        self.s3.page = 2
        report = home.json("pull", "s3://models/bert/", environment=self.environment())
        self.assertEqual((report["name"], report["source"], report["files"]), ("bert", "s3:models/bert", 4))
        for path, data in self.files.items():
            (self.folder / "same" / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "same" / path).write_bytes(data)
        self.assertEqual(home.add(self.folder / "same", "--only-hash", "--hidden"), report["cid"])
        self.assertFalse(any((home.path / "downloads").iterdir()), "nothing is left of the download")
        again = home.json("pull", "s3:models/bert", environment=self.environment())
        self.assertEqual((again["cid"], again["bytes_fetched"]), (report["cid"], 0))
        self.s3.objects["bert/config.json"] = b"{}"
        changed = home.json("pull", "s3:models/bert", environment=self.environment())
        self.assertNotEqual(changed["cid"], report["cid"])
        self.assertNotEqual(changed["commit"], report["commit"])

    def test_one_object_and_a_part_of_a_folder_can_be_asked_for(self):
        home = self.home()
        self.assertEqual(home.json("pull", "s3:models/phi.gguf", environment=self.environment())["files"], 1)
        self.assertEqual(home.ok("cat", "phi.gguf/phi.gguf"), "GGUF")
        report = home.json("pull", "s3:models/bert", "--include", "*.onnx", environment=self.environment())
        self.assertEqual(report["files"], 1)

    def test_keys_sign_every_request_and_are_never_shown(self):
        home = self.home()
        self.assertEqual(self.pull(home, keys=False)[0], 0)
        self.assertFalse(any("Authorization" in headers for _, _, headers in self.s3.requests))
        self.s3.requests.clear()
        home = self.home()
        code, out, err = self.pull(home, IPFS_ACCELERATE_LOGGING_LEVEL="trace", AWS_SESSION_TOKEN="lent-verysecret")
        self.assertEqual(code, 0, err)
        self.assertTrue(all(headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") and
                            headers["X-Amz-Security-Token"] == "lent-verysecret" for _, _, headers in self.s3.requests))
        settings = {"IPFS_ACCELERATE_MODELS_S3_SECRET_ACCESS_KEY": SECRET, "IPFS_ACCELERATE_MODELS_S3_SESSION_TOKEN": "lent-verysecret"}
        self.assertNotIn("verysecret", out + err + home.ok("config", "list", environment=settings))
        for path in home.path.rglob("*"):
            if path.is_file() and path.stat().st_size < 4 * MIB:
                self.assertNotIn(b"verysecret", path.read_bytes(), str(path))

    def test_settings_come_before_the_environment_and_half_of_the_keys_is_refused(self):
        home = self.home()
        self.assert_fails(2, self.pull(home, AWS_SECRET_ACCESS_KEY=""), "only one is set")
        self.assert_fails(2, self.pull(home, AWS_REGION="not/a/region"), "no region")
        settings = {"IPFS_ACCELERATE_MODELS_S3_ENDPOINT": self.s3.url + "/", "IPFS_ACCELERATE_MODELS_S3_REGION": "there",
                    "IPFS_ACCELERATE_MODELS_S3_ACCESS_KEY_ID": "set", "IPFS_ACCELERATE_MODELS_S3_SECRET_ACCESS_KEY": "s"}
        code, _, err = self.pull(home, "s3:models/phi.gguf", AWS_ENDPOINT_URL_S3="http://127.0.0.1:1", **settings)
        self.assertEqual(code, 0, err)
        self.assertIn("Credential=set/", self.s3.requests[-1][2]["Authorization"])
        self.assertIn("/there/s3/aws4_request", self.s3.requests[-1][2]["Authorization"])

    def test_a_download_that_was_killed_goes_on_where_it_was(self):
        home = self.home()
        self.s3.slow = 0.3
        process = home.start("pull", "s3:models/bert", environment=self.environment())
        self.assertTrue(wait_until(lambda: any((home.path / "downloads").rglob("*.part")) and
                                   max(p.stat().st_size for p in (home.path / "downloads").rglob("*.part")) >= 8 * MIB))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.s3.slow = 0
        report = home.json("pull", "s3:models/bert", environment=self.environment())
        self.assertLess(report["bytes_fetched"], 13 * MIB)
        self.assertEqual(home.run("cat", "bert/model.safetensors", text=False)[1], self.files["model.safetensors"])

    def test_an_object_that_changes_between_listing_and_fetching_is_told(self):
        def change():
            self.s3.objects["bert/config.json"] = b'{"model_type": "gpt2"}'  # Of the same size.

        home = self.home()
        self.s3.between = change
        self.assert_fails(5, self.pull(home), "config.json", "pull again")
        self.assertEqual(home.json("pin", "ls")["pins"], [])
        self.assertEqual(self.pull(home)[0], 0)

    def test_keys_that_are_no_files_of_a_folder_are_refused(self):
        home = self.home()
        for key, words in (("bert/../../outside", "no path below"), ("bert//etc/x", "no path below"), ("bert/a\0b", "no object can have"),
                           ("bert/config.json/x", "names both config.json and config.json/x"), ("bert/model.safetensors.part", "while it comes")):
            self.s3.objects[key] = b"x"
            self.assert_fails(5, self.pull(home), words)
            del self.s3.objects[key]
        self.assertEqual(home.json("pin", "ls")["pins"], [])
        self.assertFalse((self.folder / "outside").exists())

    def test_refusals_say_what_to_do(self):
        home = self.home()
        cases = ((403, "AccessDenied", "", {}, False, 7, "AWS_ACCESS_KEY_ID"), (403, "AccessDenied", "", {}, True, 7, "no access"),
                 (403, "SignatureDoesNotMatch", f"<StringToSign>{SECRET}</StringToSign>", {}, True, 8, "AWS_SECRET_ACCESS_KEY"),
                 (301, "PermanentRedirect", "", {"x_amz_bucket_region": "eu-central-1", "Location": self.s3.url + "/elsewhere"}, True, None, "eu-central-1"),
                 (404, "NoSuchBucket", "", {}, True, 3, "bucket"))
        for status, code, more, headers, keys, expected, words in cases:
            self.s3.refusal = (status, code, more, headers)
            result = self.pull(home, keys=keys)
            self.assertNotIn(SECRET, result[1] + result[2])
            self.assert_fails(expected or result[0], result, words)
        self.assertNotIn("/elsewhere", [path for path, _, _ in self.s3.requests], "redirects are not followed")
        self.s3.refusal = None
        self.assert_fails(3, self.pull(home, "s3:models/ber"), "s3:models/ber")
        self.assert_fails(2, self.pull(home, "s3:x"), "s3:BUCKET/PREFIX")


if __name__ == "__main__":
    unittest.main()
