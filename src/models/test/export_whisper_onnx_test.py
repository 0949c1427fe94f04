#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/export_whisper_onnx.py on a tiny Whisper with random weights: graphs, bytes, errors."""
import json
import math
import random
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from export_bert_onnx_test import fields

TOOL = Path(__file__).resolve().parents[3] / "tools" / "export_whisper_onnx.py"
WIDTH, WIDE, MELS, FRAMES, PLACES, WORDS, LAYERS = 8, 12, 4, 6, 16, 20, 2
HALF, FLOAT = 4, 0


def shapes():
    out = {"encoder/conv1/weight": [WIDTH, MELS, 3], "encoder/conv2/weight": [WIDTH, WIDTH, 3],
           "encoder/position_encodings/encodings": [FRAMES, WIDTH],
           "decoder/position_encodings/encodings": [PLACES, WIDTH],
           "decoder/embeddings/weight": [WORDS, WIDTH]}
    norms = ["encoder/layer_norm", "decoder/layer_norm"]
    linear = {}
    for part in ("encoder", "decoder"):
        for index in range(LAYERS):
            layer = f"{part}/layer_{index}"
            linear |= {f"{layer}/self_attention/linear_0": (3 * WIDTH, WIDTH),
                       f"{layer}/self_attention/linear_1": (WIDTH, WIDTH),
                       f"{layer}/ffn/linear_0": (WIDE, WIDTH), f"{layer}/ffn/linear_1": (WIDTH, WIDE)}
            norms += [f"{layer}/self_attention/layer_norm", f"{layer}/ffn/layer_norm"]
            if part == "decoder":
                linear |= {f"{layer}/attention/linear_0": (WIDTH, WIDTH),
                           f"{layer}/attention/linear_1": (2 * WIDTH, WIDTH),
                           f"{layer}/attention/linear_2": (WIDTH, WIDTH)}
                norms.append(f"{layer}/attention/layer_norm")
    for name, (rows, columns) in linear.items():
        out |= {f"{name}/weight": [rows, columns], f"{name}/bias": [rows]}
    for name in norms:
        out |= {f"{name}/gamma": [WIDTH], f"{name}/beta": [WIDTH]}
    return out | {"encoder/conv1/bias": [WIDTH], "encoder/conv2/bias": [WIDTH]}


def text(value):
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def variable(name, shape, kind, data):
    return text(name) + struct.pack(f"<B{len(shape)}IBI", len(shape), *shape, kind, len(data)) + data


def model_bin(kind=HALF, version=6, spec="WhisperSpec", tied=True, heads=2):
    generator, rows = random.Random(7), []
    for name, shape in shapes().items():
        values = [generator.gauss(0, 1) for _ in range(math.prod(shape))]
        rows.append(variable(name, shape, kind, struct.pack(f"<{len(values)}{'e' if kind else 'f'}", *values)))
    for name, value in (("decoder/activation", 3), ("decoder/pre_norm", 1), ("decoder/scale_embeddings", 0),
                        ("decoder/num_heads", heads), ("encoder/num_heads", heads)):
        rows.append(variable(name, [], 1, struct.pack("<b", value)))
    head = struct.pack("<I", version) + text(spec) + struct.pack("<II", 3, len(rows))
    alias = text("decoder/projection/weight") + text("decoder/embeddings/weight") if tied else b""
    return head + b"".join(rows) + struct.pack("<I", 1 if tied else 0) + alias


def tokenizer():
    names = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|translate|>", "<|transcribe|>", "<|notimestamps|>"]
    return {"model": {"type": "BPE", "vocab": {"a": 0}},
            "added_tokens": [{"content": name, "id": 10 + index} for index, name in enumerate(names)]}


class Export(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def export(self, data, to="out"):
        source = self.folder / "tiny"
        source.mkdir(exist_ok=True)
        (source / "model.bin").write_bytes(data)
        (source / "tokenizer.json").write_text(json.dumps(tokenizer()))
        (source / "config.json").write_text(json.dumps({"suppress_ids": [1], "suppress_ids_begin": [0], "lang_ids": [12]}))
        return subprocess.run([sys.executable, TOOL, source, self.folder / to], capture_output=True, text=True)

    def graph(self, name, to="out"):
        model = (self.folder / to / "onnx" / f"{name}.onnx").read_bytes()
        return model, next(value for number, value in fields(model) if number == 7)

    def names(self, graph, number):
        return [dict(fields(value))[1].decode() for key, value in fields(graph) if key == number]

    def test_names_of_inputs_and_outputs_are_those_of_optimum(self):
        result = self.export(model_bin())
        self.assertEqual(result.returncode, 0, result.stderr)
        _, encoder = self.graph("encoder_model")
        self.assertEqual((self.names(encoder, 11), self.names(encoder, 12)), (["input_features"], ["last_hidden_state"]))
        _, decoder = self.graph("decoder_model_merged")
        cache = [f"{i}.{side}.{what}" for i in range(LAYERS) for side in ("decoder", "encoder") for what in ("key", "value")]
        self.assertEqual(self.names(decoder, 11), ["input_ids", "encoder_hidden_states", *(f"past_key_values.{n}" for n in cache), "use_cache_branch"])
        self.assertEqual(self.names(decoder, 12), ["logits", *(f"present.{n}" for n in cache)])

    def test_half_weights_become_the_same_numbers_and_lie_aligned(self):
        self.assertEqual(self.export(model_bin()).returncode, 0)
        model, graph = self.graph("encoder_model")
        generator = random.Random(7)
        first = struct.pack(f"<{WIDTH * MELS * 3}e", *(generator.gauss(0, 1) for _ in range(WIDTH * MELS * 3)))
        wanted = struct.pack(f"<{WIDTH * MELS * 3}f", *struct.unpack(f"<{WIDTH * MELS * 3}e", first))
        tensors = [dict(fields(value)) for number, value in fields(graph) if number == 5]
        data = next(tensor[9] for tensor in tensors if tensor[8] == b"encoder/conv1/weight")
        self.assertEqual(data, wanted)
        for tensor in tensors:
            if len(tensor[9]) > 64:
                self.assertEqual(model.find(tensor[9]) % 64, 0, tensor[8])

    def test_is_a_function_of_its_input_and_writes_the_small_files(self):
        self.assertEqual(self.export(model_bin(), "a").returncode, 0)
        self.assertEqual(self.export(model_bin(), "b").returncode, 0)
        for path in sorted((self.folder / "a").rglob("*")):
            if path.is_file():
                self.assertEqual(path.read_bytes(), (self.folder / "b" / path.relative_to(self.folder / "a")).read_bytes())
        config = json.loads((self.folder / "a/config.json").read_text())
        self.assertEqual((config["model_type"], config["d_model"], config["vocab_size"], config["num_mel_bins"]), ("whisper", WIDTH, WORDS, MELS))
        generation = json.loads((self.folder / "a/generation_config.json").read_text())
        self.assertEqual((generation["is_multilingual"], generation["no_timestamps_token_id"], generation["suppress_tokens"]), (False, 15, [1]))

    def test_what_is_no_whisper_is_told(self):
        good = model_bin(FLOAT)
        self.assertEqual(self.export(good).returncode, 0)
        for data, words in ((b"", "cut off"), (good[:-3], "cut off"), (good[:5000], "cut off"), (model_bin(version=3), "version 3"),
                            (model_bin(spec="TransformerSpec"), "TransformerSpec"), (model_bin(tied=False), "tied"),
                            (model_bin(heads=3), "heads"), (struct.pack("<I", 6) + text("WhisperSpec") + b"\xff" * 40, "announces")):
            result = self.export(data)
            self.assertEqual(result.returncode, 1)
            self.assertIn(words, result.stderr)
            self.assertNotIn("Traceback", result.stderr)


if __name__ == "__main__":
    unittest.main()
