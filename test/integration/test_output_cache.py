# SPDX-License-Identifier: Apache-2.0
"""Equal inputs are computed once for one caller: over every protocol that runs a model in one pass."""
import json
import struct
import urllib.request

from harness import TestCase, model_directory
from test_serving import Client

TEXTS = ["a cat", "a dog", "a house"]
IDS = [101, 1996, 4937, 102]


class OutputCache(TestCase):
    def start(self, **settings):
        self.node = self.home()
        self.node.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        (self.node.path / "config.json").write_text(json.dumps({"cpu": {"num_threads": 1}, "models": settings}))
        daemon = self.daemon(self.node, "--api", "127.0.0.1:0")
        self.served = daemon.__enter__()
        self.addCleanup(daemon.__exit__, None, None, None)
        self.owner = self.client((self.node.path / "api.token").read_text().strip())

    def client(self, token) -> Client:
        return Client(self.served.where["api"], token)

    def key(self) -> Client:
        return self.client(self.node.json("api-keys", "create", "--role", "inference")["key"])

    def ask(self, client, path, **body):
        """What was answered, and how much of it was known."""
        with client.request(path, {"model": "minilm", **body}) as reply:
            return json.load(reply), int(reply.headers.get("X-Cached", 0))

    def counted(self, name) -> float:
        with self.owner.request("/metrics") as reply:
            lines = reply.read().decode().splitlines()
        return float(next(line.split()[-1] for line in lines if line.startswith(f"accel_output_cache_{name} ")))

    def test_a_text_is_embedded_once_for_one_key_and_again_for_another(self):
        self.start()
        first, second = self.key(), self.key()
        before, known = self.ask(first, "/v1/embeddings", input=TEXTS)
        self.assertEqual(known, 0)
        again, known = self.ask(first, "/v1/embeddings", input=TEXTS)
        self.assertEqual((known, again["data"], again["usage"]), (3, before["data"], before["usage"]))
        for other in (second, self.owner):
            self.assertEqual(self.ask(other, "/v1/embeddings", input=TEXTS)[1], 0)
            self.assertEqual(self.ask(other, "/v1/embeddings", input=TEXTS)[1], 3)
        # Of a request only what is new runs, whichever protocol asked before.
        mixed, known = self.ask(first, "/api/embed", input=["a mouse", *TEXTS], explain=True)
        self.assertEqual((known, mixed["explain"]["cached"]), (3, 3))
        self.assertEqual(sum(batch["rows"] for batch in mixed["explain"]["batches"]), 1)
        self.assertEqual(mixed["embeddings"][1:], [row["embedding"] for row in before["data"]])

    def test_a_request_and_a_record_may_want_it_computed(self):
        self.start()
        self.ask(self.owner, "/v1/embeddings", input=TEXTS)
        for path in ("/v1/embeddings", "/api/embed"):
            self.assertEqual(self.ask(self.owner, path, input=TEXTS, cache=False)[1], 0)
            self.assertEqual(self.ask(self.owner, path, input=TEXTS)[1], 3)
            self.assertEqual(self.owner.refused(path, {"model": "minilm", "input": "x", "cache": "no"})[0], 400)
        recorded = self.node.json("text", "embed", "--model", "minilm", "--input", TEXTS[0])
        self.assertEqual(recorded["cached"], 0)

    def test_what_is_known_goes_with_the_model_and_is_counted(self):
        self.start()
        self.ask(self.owner, "/v1/embeddings", input=TEXTS)
        self.ask(self.owner, "/v1/embeddings", input=TEXTS[:2])
        self.assertEqual((self.counted("hits_total"), self.counted("misses_total"), self.counted("entries")), (2, 3, 3))
        self.assertGreater(self.counted("bytes"), 3 * 384 * 4)
        self.node.ok("models", "unload", "minilm")
        self.assertEqual((self.counted("entries"), self.counted("bytes")), (0, 0))
        self.assertEqual(self.ask(self.owner, "/v1/embeddings", input=TEXTS)[1], 0)

    def test_tensors_are_known_by_their_bytes(self):
        self.start()
        tensor = lambda name, data: {"name": name, "datatype": "INT64", "shape": [1, 4], "data": data}
        body = lambda ids, **more: {"inputs": [tensor("input_ids", ids), tensor("attention_mask", [1] * 4), tensor("token_type_ids", [0] * 4)], **more}
        infer = self.infer
        before, known = infer(self.owner, body(IDS))
        self.assertEqual(known, 0)
        again, known = infer(self.owner, body(IDS, explain=True))
        self.assertEqual((known, again["outputs"], again["explain"]), (1, before["outputs"], {"batches": [], "cached": True, "priority": 2}))
        self.assertEqual(infer(self.owner, body(IDS[::-1]))[1], 0)
        self.assertEqual(infer(self.key(), body(IDS))[1], 0)
        self.assertEqual(infer(self.owner, body(IDS, parameters={"cache": False}))[1], 0)
        # The same inputs and outputs as bytes.
        head = {"inputs": [{"name": name, "datatype": "INT64", "shape": [1, 4], "parameters": {"binary_data_size": 32}}
                           for name in ("input_ids", "attention_mask", "token_type_ids")], "parameters": {"binary_data_output": True}}
        text = json.dumps(head).encode()
        tail = b"".join(struct.pack("<4q", *values) for values in (IDS, [1] * 4, [0] * 4))
        request = urllib.request.Request(self.owner.url + "/v2/models/minilm/infer", data=text + tail, method="POST", headers={
            "Authorization": f"Bearer {self.owner.token}", "Inference-Header-Content-Length": str(len(text))})
        with urllib.request.urlopen(request) as reply:
            data = reply.read()[int(reply.headers["Inference-Header-Content-Length"]):]
            self.assertEqual(reply.headers["X-Cached"], "1")
        self.assertEqual(data, struct.pack(f"<{len(data) // 4}f", *before["outputs"][0]["data"]))
        stats = self.owner.ok("/v2/models/minilm/stats")["model_stats"][0]
        self.assertEqual((stats["inference_stats"]["cache_hit"]["count"], stats["inference_stats"]["cache_miss"]["count"]), (2, 3))
        self.assertEqual((stats["inference_stats"]["success"]["count"], stats["inference_count"]), (6, 4))

    def infer(self, client, body):
        with client.request("/v2/models/minilm/infer", body) as reply:
            return json.load(reply), int(reply.headers.get("X-Cached", 0))

    def test_nothing_is_kept_where_the_setting_is_0(self):
        self.start(output_cache=0)
        for _ in range(2):
            self.assertEqual(self.ask(self.owner, "/v1/embeddings", input=[*TEXTS, TEXTS[0]])[1], 0)
        self.assertEqual((self.counted("hits_total"), self.counted("bytes")), (0, 0))
