# SPDX-License-Identifier: Apache-2.0
"""Requests to S3 as botocore signs them: test/data/s3/signatures.json, which hub's unit test reads.
usage: vectors.py > test/data/s3/signatures.json"""
import datetime
import json
import unittest.mock
import urllib.parse

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

# The example keys of Amazon's documentation: they belong to nobody.
KEYS = {"id": "AKIDEXAMPLE", "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session_token": ""}
SESSION = {**KEYS, "session_token": "IQoJb3JpZ2luX2VjEXAMPLE//+abc=="}
HOST, PORT = "http://objects.example", "http://127.0.0.1:9000"


def of_key(key: str, **more) -> dict:
    return {"name": f"key {key!r}", "url": f"{HOST}/bucket/" + urllib.parse.quote(key, safe="/~"), **more}


def of_listing(name: str, **query) -> dict:
    text = "&".join(f"{key.replace('_', '-')}={urllib.parse.quote(value, safe='~')}" for key, value in query.items())
    return {"name": name, "url": f"{HOST}/bucket?{text}"}


CASES = [
    of_key("model.safetensors"), of_key("models/bert base/config file.json"), of_key("a+b/c d%20e.bin"), of_key("模型/naïve-Ω.gguf"),
    of_key("~tilde_under-dash.dot"), of_key("!*'();:@&=$,?#[]"), of_key("100%/50%25"),
    of_key("model.bin", headers={"Range": "bytes=4194304-8388607", "If-Match": '"9b2cf535f27731c974343645a3985328-3"'}),
    of_key("model.bin", keys=SESSION, region="eu-central-1"),
    of_key("model.bin", headers={"X-Spaces": "  a   b  "}, time="2024-02-29T23:59:59Z"),
    of_listing("list", list_type="2", prefix="models/"),
    of_listing("list, not in order", prefix="a b+c/模", list_type="2", max_keys="1000", encoding_type="url", continuation_token="1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM="),
    of_listing("list, an empty value", delimiter="", list_type="2"),
    {"name": "a port in the host", "url": f"{PORT}/bucket/a.bin"},
    {"name": "a bucket's own host", "url": "http://bucket.objects.example/"},
    {"name": "head", "method": "HEAD", "url": f"{HOST}/bucket/a.bin"},
]


def sign(case: dict) -> dict:
    case = {"method": "GET", "headers": {}, "keys": KEYS, "region": "us-east-1", "time": "2026-11-22T16:50:07Z", **case}
    keys = Credentials(case["keys"]["id"], case["keys"]["secret"], case["keys"]["session_token"] or None)
    request = AWSRequest(method=case["method"], url=case["url"], headers=dict(case["headers"]))
    now = datetime.datetime.strptime(case["time"], "%Y-%m-%dT%H:%M:%SZ")
    with unittest.mock.patch("botocore.auth.get_current_datetime", return_value=now):
        botocore.auth.S3SigV4Auth(keys, "s3", case["region"]).add_auth(request)
    case["signed"] = {name: value for name, value in request.headers.items() if name not in case["headers"]}
    return case


def vectors() -> list:
    return [sign(case) for case in CASES]


if __name__ == "__main__":
    print(json.dumps(vectors(), indent=1, sort_keys=True))
