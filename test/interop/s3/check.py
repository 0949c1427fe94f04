# SPDX-License-Identifier: Apache-2.0
"""pull s3:… against moto, which checks signatures by botocore; vectors of signatures made anew by botocore."""
import hashlib
import json
import logging
import random
import unittest
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

import vectors
from harness import MIB, TestCase

STORED = Path(__file__).resolve().parents[2] / "data/s3/signatures.json"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
BUCKET = "models"


def content() -> dict:
    generator = random.Random(5)
    return {"config.json": b"{}", "empty": b"", "sub folder/a+b & c.json": b"[1]", "模型/naïve-Ω %20.bin": generator.randbytes(70_000),
            "~(odd)'!*$@,=:;[x]": b"odd", "onnx/model.onnx": generator.randbytes(13 * MIB + 5)}


class Signatures(unittest.TestCase):
    def test_the_stored_vectors_are_botocores(self):
        self.assertEqual(json.loads(STORED.read_text()), json.loads(json.dumps(vectors.vectors())))


class Pull(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        host, port = cls.server.get_host_and_port()
        cls.url = f"http://{host}:{port}"
        cls.keep_auth(10 ** 9)
        cls.s3 = cls.client("s3", "nobody", "nothing")
        iam = cls.client("iam", "nobody", "nothing")
        iam.create_user(UserName="reader")
        iam.put_user_policy(UserName="reader", PolicyName="all", PolicyDocument=json.dumps(POLICY))
        keys = iam.create_access_key(UserName="reader")["AccessKey"]
        cls.keys = {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}
        cls.s3.create_bucket(Bucket=BUCKET)
        cls.files = content()
        for name, data in cls.files.items():
            cls.s3.put_object(Bucket=BUCKET, Key="a folder/bert+1/" + name, Body=data)
        cls.s3.put_object(Bucket=BUCKET, Key="a folder/bert+1/", Body=b"")
        for number in range(1_203):
            cls.s3.put_object(Bucket=BUCKET, Key=f"many/{number:04}", Body=str(number).encode())

    @classmethod
    def client(cls, service, key, secret):
        return boto3.client(service, endpoint_url=cls.url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
                            config=Config(s3={"addressing_style": "path"}))

    @classmethod
    def keep_auth(cls, requests: int):
        """After that many requests every one must be signed by a key that exists."""
        call = urllib.request.Request(cls.url + "/moto-api/reset-auth", data=str(requests).encode(), method="POST",
                                      headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(call).close()

    def setUp(self):
        super().setUp()
        self.keep_auth(0)
        self.addCleanup(self.keep_auth, 10 ** 9)

    def environment(self, **more) -> dict:
        return {"AWS_ENDPOINT_URL_S3": self.url, "AWS_REGION": "us-east-1", "AWS_SESSION_TOKEN": "", **self.keys, **more}

    def test_a_folder_comes_whole_with_every_request_signed(self):
        home = self.home()
        report = home.json("pull", f"s3:{BUCKET}/a folder/bert+1", environment=self.environment())
        self.assertEqual((report["files"], report["bytes_fetched"]), (len(self.files), sum(map(len, self.files.values()))))
        folder = self.folder / "same"
        for name, data in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        self.assertEqual(home.add(folder, "--only-hash", "--hidden"), report["cid"])
        again = home.json("pull", f"s3://{BUCKET}/a folder/bert+1/", environment=self.environment())
        self.assertEqual((again["cid"], again["bytes_fetched"]), (report["cid"], 0))

    def test_a_listing_of_several_pages_comes_whole(self):
        home = self.home()
        report = home.json("pull", f"s3:{BUCKET}/many", environment=self.environment())
        self.assertEqual(report["files"], 1_203)
        self.assertEqual(home.ok("cat", f"{report['cid']}/1202"), "1202")

    def test_one_object_of_several_uploaded_parts_comes_by_ranges(self):
        self.keep_auth(10 ** 9)
        key, data = "parts/phi.gguf", random.Random(6).randbytes(11 * MIB)
        upload = self.s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        parts = []
        for number, start in enumerate(range(0, len(data), 5 * MIB), 1):
            part = self.s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=data[start: start + 5 * MIB])
            parts.append({"PartNumber": number, "ETag": part["ETag"]})
        self.s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        self.keep_auth(0)
        home = self.home()
        report = home.json("pull", f"s3:{BUCKET}/{key}", environment=self.environment())
        read = home.run("cat", f"{report['cid']}/phi.gguf", text=False)[1]
        self.assertEqual(hashlib.sha256(read).digest(), hashlib.sha256(data).digest())

    def test_wrong_keys_are_refused_with_what_to_do(self):
        home = self.home()
        target = f"s3:{BUCKET}/many"
        self.assert_fails(8, home.run("pull", target, environment=self.environment(AWS_SECRET_ACCESS_KEY="wrong")), "AWS_SECRET_ACCESS_KEY")
        self.assert_fails(8, home.run("pull", target, environment=self.environment(AWS_ACCESS_KEY_ID="AKIAWRONGWRONGWRONG0")), "AWS_ACCESS_KEY_ID")

    def test_what_is_not_there_is_told(self):
        self.keep_auth(10 ** 9)
        home = self.home()
        self.assert_fails(3, home.run("pull", f"s3:{BUCKET}/none", environment=self.environment()), f"s3:{BUCKET}/none")
        self.assert_fails(3, home.run("pull", "s3:no-such-bucket/x", environment=self.environment()), "bucket")


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # Else a line for each request.
    unittest.main(verbosity=2)
