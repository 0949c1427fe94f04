#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/export_bert_onnx.py on a tiny BERT with random weights: bytes, alignment, errors."""
import hashlib
import json
import math
import random
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[3] / "tools" / "export_bert_onnx.py"
CONFIG = {"model_type": "bert", "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2,
          "intermediate_size": 12, "vocab_size": 20, "type_vocab_size": 2,
          "max_position_embeddings": 16, "hidden_act": "gelu", "layer_norm_eps": 1e-12}


def shapes(config):
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    out = {"embeddings.word_embeddings.weight": [config["vocab_size"], hidden],
           "embeddings.position_embeddings.weight": [config["max_position_embeddings"], hidden],
           "embeddings.token_type_embeddings.weight": [config["type_vocab_size"], hidden]}
    linear = {}
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            linear[f"{layer}.attention.{part}"] = (hidden, hidden)
        linear[f"{layer}.intermediate.dense"] = (wide, hidden)
        linear[f"{layer}.output.dense"] = (hidden, wide)
        for norm in (f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"):
            out |= {f"{norm}.weight": [hidden], f"{norm}.bias": [hidden]}
    out |= {"embeddings.LayerNorm.weight": [hidden], "embeddings.LayerNorm.bias": [hidden]}
    for name, (rows, columns) in linear.items():
        out |= {f"{name}.weight": [rows, columns], f"{name}.bias": [rows]}
    return out


def tensors(config):
    generator = random.Random(7)
    sizes = {name: math.prod(shape) for name, shape in shapes(config).items()}
    return {name: struct.pack(f"<{n}f", *(generator.gauss(0, 1) for _ in range(n)))
            for name, n in sizes.items()}


def safetensors(values, config, dtype="F32"):
    header, payload = {"__metadata__": {"format": "pt"}}, b""
    for name, data in values.items():
        header[name] = {"dtype": dtype, "shape": shapes(config)[name.removeprefix("bert.")],
                        "data_offsets": [len(payload), len(payload) + len(data)]}
        payload += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + payload


def fields(data):
    """(number, value) of a protobuf message; value is an int or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 2:
            size = varint()
            yield tag >> 3, data[at:at + size]
            at += size
        elif tag & 7 == 5:
            yield tag >> 3, data[at:at + 4]
            at += 4
        else:
            yield tag >> 3, varint()


def initializers(model):
    graph = next(value for number, value in fields(model) if number == 7)
    for number, value in fields(graph):
        if number == 5:
            parts = list(fields(value))
            yield (next(v.decode() for n, v in parts if n == 8), [v for n, v in parts if n == 1],
                   next(v for n, v in parts if n == 9))


class Export(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.source, self.target = self.folder / "source", self.folder / "target"
        (self.source / "1_Pooling").mkdir(parents=True)
        self.write("config.json", json.dumps(CONFIG))
        self.write("1_Pooling/config.json", "{}")
        self.write("README.md", "the original card")
        self.values = tensors(CONFIG)
        (self.source / "model.safetensors").write_bytes(safetensors(self.values, CONFIG))

    def write(self, name, text):
        (self.source / name).write_text(text)

    def export(self, *options):
        return subprocess.run([sys.executable, TOOL, self.source, self.target, *options],
                              capture_output=True, text=True, check=False)

    def model(self, *options):
        done = self.export(*options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.target / "onnx" / "model.onnx").read_bytes()

    def error(self):
        done = self.export()
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("Traceback", done.stderr)
        self.assertFalse((self.target / "onnx" / "model.onnx").exists())
        return done.stderr

    def test_gives_the_same_bytes_each_time(self):
        self.assertEqual(self.model(), self.model())

    def test_keeps_every_weight_and_transposes_only_matrices_of_linear_layers(self):
        found = {name: (dims, raw) for name, dims, raw in initializers(self.model())}
        for name, data in self.values.items():
            if name + "_t" not in found:
                self.assertEqual(found[name], (shapes(CONFIG)[name], data), name)
                continue
            rows, columns = shapes(CONFIG)[name]
            words = struct.unpack(f"<{rows * columns}I", data)
            turned = struct.pack(f"<{rows * columns}I", *(
                words[r * columns + c] for c in range(columns) for r in range(rows)))
            self.assertEqual(found[name + "_t"], ([columns, rows], turned), name)

    def test_aligns_every_weight_to_64_bytes(self):
        model = self.model()
        for name, _, raw in initializers(model):
            if len(raw) >= 32:
                self.assertEqual(model.find(raw) % 64, 0, name)

    def test_reads_weights_whose_names_start_with_bert(self):
        plain = self.model()
        prefixed = {"bert." + name: data for name, data in self.values.items()}
        (self.source / "model.safetensors").write_bytes(safetensors(prefixed, CONFIG))
        self.assertEqual(self.model(), plain)

    def test_copies_small_files_and_writes_a_card(self):
        model = self.model("--package", "some package 1.0", "--licence", "MIT")
        self.assertTrue((self.target / "1_Pooling" / "config.json").is_file())
        self.assertFalse((self.target / "model.safetensors").exists())
        self.assertEqual((self.target / "README.source.md").read_text(), "the original card")
        card = (self.target / "README.md").read_text()
        for part in ("some package 1.0", "MIT", hashlib.sha256(model).hexdigest()):
            self.assertIn(part, card)

    def test_says_which_part_of_the_folder_is_wrong(self):
        weights = self.source / "model.safetensors"
        good = weights.read_bytes()
        for broken, word in ((good[:100], "model.safetensors"), (b"", "model.safetensors"),
                             (b"\x05" + bytes(7) + b"{oops" + bytes(9), "JSON"),
                             (good[:-40], "does not fit"),
                             (safetensors(self.values, CONFIG, "F16"), "F16"),
                             (safetensors(dict(list(self.values.items())[1:]), CONFIG),
                              "word_embeddings")):
            weights.write_bytes(broken)
            self.assertIn(word, self.error())

    def test_refuses_a_configuration_that_it_would_export_wrongly(self):
        for change, word in (({"model_type": "roberta"}, "roberta"),
                             ({"hidden_act": "relu"}, "relu"),
                             ({"position_embedding_type": "relative_key"}, "relative_key"),
                             ({"hidden_size": 9}, "multiple"),
                             ({"num_hidden_layers": 0}, "num_hidden_layers"),
                             ({"hidden_size": 16}, "config.json says")):
            self.write("config.json", json.dumps({**CONFIG, **change}))
            self.assertIn(word, self.error())


if __name__ == "__main__":
    unittest.main()
