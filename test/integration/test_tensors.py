# SPDX-License-Identifier: Apache-2.0
"""Single tensors of a model that lies elsewhere, and bytes that are read while the rest still comes."""
import json
import os
import random
import struct
import time
import unittest
from pathlib import Path

from harness import HostileGateway, MIB, TestCase


class Weights(TestCase):
    LAYERS = 6

    def safetensors(self, name="model.safetensors", layer_bytes=2 * MIB) -> dict:
        """Writes a file of LAYERS layers of two tensors each; {tensor: bytes}."""
        generator = random.Random(5)
        tensors, header, end = {}, {"__metadata__": {"format": "pt"}}, 0
        for layer in range(self.LAYERS):
            for part in ("attn.weight", "mlp.weight"):
                data = generator.randbytes(layer_bytes // 2)
                key = f"layers.{layer}.{part}"
                tensors[key] = data
                header[key] = {"dtype": "BF16", "shape": [len(data) // 1024, 512], "data_offsets": [end, end + len(data)]}
                end += len(data)
        text = json.dumps(header).encode()
        path = self.folder / "model" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensors.values()))
        return tensors

    def serve(self, upstream, behave=None) -> HostileGateway:
        gateway = HostileGateway(upstream, behave)
        self.addCleanup(gateway.close)
        return gateway

    def test_of_a_layer_are_listed_and_written_and_only_their_leaves_are_fetched(self):
        tensors = self.safetensors()
        (self.folder / "model/config.json").write_text("{}")
        source, other = self.home(), self.home()
        cid = source.add(self.folder / "model")
        out = self.folder / "part.safetensors"
        with self.daemon(source) as daemon:
            gateway = self.serve(daemon.gateway)
            target = f"{cid}/model.safetensors"
            listing = other.json("get", target, "--list", "--from", gateway.url)
            self.assertEqual([row["name"] for row in listing["tensors"]], list(tensors))
            self.assertLess(sum(gateway.sent.values()), 2 * MIB)
            report = other.json("get", target, "--tensors", "layers.2.*", "--from", gateway.url, "-o", out)
            self.assertLess(sum(gateway.sent.values()), 5 * MIB)
            self.assert_fails(3, other.run("get", target, "--tensors", "layers.99.*", "--from", gateway.url, "-o", out), "layers.99")
            self.assert_fails(4, other.run("get", target, "--tensors", "layers.2.*", "--from", gateway.url, "-o", out), "--force")
        self.assertEqual(report["bytes"], 2 * MIB)
        whole = (self.folder / "model/model.safetensors").read_bytes()
        part = out.read_bytes()
        self.assertEqual(len(part), len(whole))
        self.assertEqual(part[: report["header_bytes"]], whole[: report["header_bytes"]])
        for row in report["tensors"]:
            self.assertEqual(part[row["offset"]: row["offset"] + row["bytes"]], tensors[row["name"]])
        self.assertLess(os.stat(out).st_blocks * 512, 4 * MIB)
        self.assertFalse(any(part[-MIB:]), "what was not asked for is a hole")
        # What is here needs nobody.
        again = other.json("get", target, "--tensors", "layers.2.*", "-o", out, "-f")
        self.assertEqual(again["bytes_fetched"], 0)

    def test_of_a_gguf_file_by_name(self):
        words = [b"word %d" % i for i in range(60000)]
        text = lambda value: struct.pack("<Q", len(value)) + value
        pairs = text(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(words)) + b"".join(map(text, words))
        infos = b"".join(text(b"blk.%d.attn_q.weight" % i) + struct.pack("<IQQIQ", 2, 256, 4096, 30, i * 2 * MIB) for i in range(8))
        head = b"GGUF" + struct.pack("<IQQ", 3, 8, 1) + pairs + infos
        data = random.Random(6).randbytes(16 * MIB)
        path = self.folder / "model.gguf"
        path.write_bytes(head + bytes(-len(head) % 32) + data)
        source, other = self.home(), self.home()
        cid = source.add(path)
        with self.daemon(source) as daemon:
            report = other.json("get", cid, "--tensors", "blk.3.*", "--from", daemon.gateway, "-o", self.folder / "part")
        row = report["tensors"][0]
        self.assertEqual(row["dtype"], "BF16")
        self.assertEqual((self.folder / "part").read_bytes()[row["offset"]:][: row["bytes"]], data[6 * MIB: 8 * MIB])
        self.assertLess(report["bytes_fetched"], 8 * MIB)

    def test_of_an_onnx_file_keep_its_graph(self):
        sample = Path(__file__).resolve().parents[1] / "fuzz/corpus/onnx_reader/large_weight.onnx"
        home = self.home()
        cid = home.add(sample)
        out = self.folder / "part.onnx"
        report = home.json("get", cid, "--tensors", "w", "-o", out)
        self.assertEqual([row["name"] for row in report["tensors"]], ["w"])
        whole, part = sample.read_bytes(), out.read_bytes()
        big = next(row for row in home.json("get", cid, "--list")["tensors"] if row["name"] == "big")
        first, end = big["offset"], big["offset"] + big["bytes"]
        self.assertEqual(part, whole[:first] + bytes(end - first) + whole[end:])

    def test_of_a_file_that_is_no_weights_file_say_so(self):
        home = self.home()
        cid = home.add(self.file("notes", 100))
        self.assert_fails(6, home.run("get", cid, "--list"), "safetensors, GGUF or ONNX")

    def test_cat_reads_what_it_fetches_before_the_rest_has_come(self):
        self.safetensors(layer_bytes=4 * MIB)
        path = self.folder / "model/model.safetensors"
        source, other = self.home(), self.home()
        cid = source.add(path)

        def slow(handler, body):
            time.sleep(0.15)
            return False

        with self.daemon(source) as daemon:
            gateway = self.serve(daemon.gateway, slow)
            process = other.start("cat", cid, "--from", gateway.url, text=False,
                                  environment={"IPFS_ACCELERATE_PERFORMANCE_PARALLEL_REQUESTS": "2"})
            first = process.stdout.read(MIB)
            sent = sum(gateway.sent.values())
            rest = process.stdout.read()
            self.assertEqual(process.wait(60), 0, process.stderr.read())
            part = other.run("cat", cid, "--offset", MIB, "--length", 10, text=False)
        self.assertEqual(first + rest, path.read_bytes())
        self.assertLess(sent, 12 * MIB)
        self.assertEqual(part[1], path.read_bytes()[MIB: MIB + 10])

    def test_a_rate_is_kept(self):
        path = self.file("x.bin", 6 * MIB)
        source, other = self.home(), self.home()
        cid = source.add(path)
        with self.daemon(source) as daemon:
            start = time.monotonic()
            other.ok("pull", cid, "--from", daemon.gateway, "--limit-rate", "3MB")
            seconds = time.monotonic() - start
        self.assertGreater(seconds, 1.4)


if __name__ == "__main__":
    unittest.main()
