#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Export Whisper from a CTranslate2 folder to ONNX in Hugging Face layout (standard library only).

usage: tools/export_whisper_onnx.py SRC_DIR DST_DIR [--package TEXT] [--licence TEXT]

SRC_DIR holds model.bin (WhisperSpec, float16 or float32), config.json and tokenizer.json. Writes

  onnx/encoder_model.onnx         input_features -> last_hidden_state
  onnx/decoder_model_merged.onnx  both steps of the decoder over one copy of the weights

and config.json, generation_config.json, preprocessor_config.json, tokenizer.json. Names and order
of inputs and outputs are those of Hugging Face optimum's exports. Opset 17, float32: float16
weights become the same numbers. The output is a function of the input alone.

In the decoder, use_cache_branch false computes keys and values of the encoder's states and reads
nothing of past_key_values; true reads past_key_values and nothing of encoder_hidden_states, and
its present.*.encoder.* are past ones as they came.
"""
import argparse
import hashlib
import json
import math
import shutil
import struct
import sys
from pathlib import Path

from export_bert_onnx import (FLOAT, INT64, ExportError, Graph, attribute, blob, integer,
                              transposed, value_info, varint)

BOOL = 9               # TensorProto.DataType
MASKED = -1e9          # Added to scores of what lies ahead; exp() of it is 0 in float32.
EPSILON = 1e-5         # Of every layer norm: whisper/model.py, torch's default.
MAX_VARIABLES, MAX_RANK, MAX_NAME = 100_000, 8, 4096
ITEM_FORMATS = {0: "f", 4: "e"}  # CTranslate2's DataType: FLOAT32, FLOAT16.
ITEM_BYTES = {0: 4, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2}
WINDOW_SECONDS, SAMPLE_RATE, HOP, FFT = 30, 16_000, 160, 400


class Ctranslate2:
    """model.bin of CTranslate2, versions 5 and 6: names, shapes and little-endian data."""

    def __init__(self, path):
        self.path, self.data, self.at, self.variables = path, path.read_bytes(), 0, {}
        version = self.number("I")
        spec = self.text() if version >= 2 else ""
        if version not in (5, 6) or spec != "WhisperSpec":
            raise ExportError(f"{path} is {spec!r} of version {version}; a WhisperSpec of version "
                              "5 or 6 is exported.")
        self.number("I")  # The spec's revision.
        for _ in range(self.count(MAX_VARIABLES, "variables")):
            self.read_variable()
        self.aliases = {}
        for _ in range(self.count(MAX_VARIABLES, "aliases")):
            alias = self.text()
            self.aliases[alias] = self.text()

    def take(self, size):
        if size > len(self.data) - self.at:
            raise ExportError(f"{self.path} is cut off at byte {self.at}.")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, code):
        return struct.unpack(f"<{code}", self.take(struct.calcsize(code)))[0]

    def count(self, most, what):
        value = self.number("I")
        if value > most:
            raise ExportError(f"{self.path} announces {value} {what}; {most} are read.")
        return value

    def text(self):
        size = self.number("H")
        if not 0 < size <= MAX_NAME:
            raise ExportError(f"{self.path} has a name of {size} bytes at byte {self.at}.")
        return self.take(size)[:-1].decode("utf-8", "replace")

    def read_variable(self):
        name, rank = self.text(), self.number("B")
        if rank > MAX_RANK:
            raise ExportError(f"{self.path}: {name} has the rank {rank}.")
        shape = [self.number("I") for _ in range(rank)]
        kind, size = self.number("B"), self.number("I")
        if kind not in ITEM_BYTES or math.prod(shape) * ITEM_BYTES[kind] != size:
            raise ExportError(f"{self.path}: {name} has {size} bytes of type {kind}, not those of "
                              f"{shape}.")
        self.variables[name] = (shape, kind, self.take(size))

    def shape(self, name):
        if name not in self.variables:
            raise ExportError(f"{self.path} has no variable {name}.")
        return self.variables[name][0]

    def integer(self, name):
        shape, kind, data = self.variables.get(name, (None, None, b""))
        if shape != [] or kind not in (1, 2, 3):
            raise ExportError(f"{self.path}: {name} is missing or no number.")
        return int.from_bytes(data, "little", signed=True)

    def floats(self, name, shape):
        """The little-endian float32 bytes of a variable that must have this shape."""
        if self.shape(name) != shape:
            raise ExportError(f"{self.path}: {name} is {self.shape(name)}; {shape} was expected.")
        _, kind, data = self.variables[name]
        if kind not in ITEM_FORMATS:
            raise ExportError(f"{self.path}: {name} is quantized; float16 and float32 are exported.")
        count = math.prod(shape)
        values = struct.unpack(f"<{count}{ITEM_FORMATS[kind]}", data)
        return struct.pack(f"<{count}f", *values) if kind else data


class WhisperGraph(Graph):
    """Nodes with several outputs and branches; a branch's nodes read the outer initializers."""

    def emit(self, op, inputs, outputs, attributes=b""):
        body = b"".join(blob(1, name) for name in inputs)
        body += b"".join(blob(2, name) for name in outputs) + blob(3, outputs[0]) + blob(4, op)
        self.nodes.append(blob(1, body + attributes))
        return outputs

    def branch(self, name, build):
        """The attribute `name` with a graph whose nodes and outputs `build` makes."""
        outer, self.nodes = self.nodes, []
        outputs = build()
        body = b"".join(self.nodes) + blob(2, name)
        body += b"".join(blob(12, info) for info in outputs)
        self.nodes = outer
        return blob(5, blob(1, name) + blob(6, body) + integer(20, 5))  # AttributeProto.GRAPH


class Whisper:
    def __init__(self, weights):
        self.weights = weights
        self.heads = weights.integer("decoder/num_heads")
        self.vocabulary, self.width = weights.shape("decoder/embeddings/weight")
        self.frames = weights.shape("encoder/position_encodings/encodings")[0]
        self.places = weights.shape("decoder/position_encodings/encodings")[0]
        self.mels = weights.shape("encoder/conv1/weight")[1]
        self.wide = weights.shape("decoder/layer_0/ffn/linear_0/bias")[0]
        self.encoder_layers, self.decoder_layers = self.layers("encoder"), self.layers("decoder")
        self.check()

    def layers(self, part):
        found = 0
        while f"{part}/layer_{found}/ffn/linear_0/bias" in self.weights.variables:
            found += 1
        return found

    def check(self):
        w, projection = self.weights, self.weights.aliases.get("decoder/projection/weight")
        tied = projection == "decoder/embeddings/weight"
        if not tied or self.heads <= 0 or self.width % self.heads:
            raise ExportError(f"{w.path} is no Whisper as OpenAI defines it: its output is not "
                              "tied to its embeddings, or its heads do not divide its width.")
        for name, wanted in (("decoder/activation", 3), ("decoder/pre_norm", 1),
                             ("decoder/scale_embeddings", 0), ("encoder/num_heads", self.heads)):
            if w.integer(name) != wanted:
                raise ExportError(f"{w.path}: {name} is {w.integer(name)}; Whisper has {wanted}.")

    @property
    def head_size(self):
        return self.width // self.heads


class Layers:
    """What encoder and decoder share. `scope` keeps names of two branches apart."""

    def __init__(self, model, graph):
        self.model, self.graph, self.weights, self.scope = model, graph, model.weights, ""

    def node(self, op, inputs, name, **attributes):
        return self.graph.node(op, inputs, self.scope + name, **attributes)

    def parameter(self, name, shape):
        return self.stored(name, shape, lambda: self.weights.floats(name, shape))

    def stored(self, name, shape, data):
        if name not in self.graph.tensors:
            self.graph.tensor(name, shape, data())
        return name

    def linear(self, x, name, inputs, outputs):
        def matrix():
            data = self.weights.floats(f"{name}/weight", [outputs, inputs])
            return transposed(data, outputs, inputs)

        weight = self.stored(f"{name}/weight_t", [inputs, outputs], matrix)
        product = self.node("MatMul", [x, weight], f"{name}/matmul")
        return self.node("Add", [product, self.parameter(f"{name}/bias", [outputs])], name)

    def normalized(self, x, name, output=None):
        scale = self.parameter(f"{name}/gamma", [self.model.width])
        bias = self.parameter(f"{name}/beta", [self.model.width])
        return self.node("LayerNormalization", [x, scale, bias], output or name, axis=-1,
                         epsilon=EPSILON)

    def gelu(self, x, name):
        g = self.graph
        y = self.node("Div", [x, g.scalar("sqrt_2", math.sqrt(2))], f"{name}/scaled")
        y = self.node("Erf", [y], f"{name}/erf")
        y = self.node("Add", [y, g.scalar("one", 1.0)], f"{name}/shifted")
        y = self.node("Mul", [x, y], f"{name}/gated")
        return self.node("Mul", [y, g.scalar("half", 0.5)], f"{name}/gelu")

    def split(self, x, name, parts):
        sizes = self.graph.integers(f"sizes_{parts}", *[self.model.width] * parts)
        outputs = [f"{self.scope}{name}/part_{i}" for i in range(parts)]
        return self.graph.emit("Split", [x, sizes], outputs, blob(5, attribute("axis", -1)))

    def by_head(self, x, name):
        m, g = self.model, self.graph
        split = g.integers("split_heads", 0, 0, m.heads, m.head_size)
        heads = self.node("Reshape", [x, split], f"{name}/heads")
        return self.node("Transpose", [heads], f"{name}/by_head", perm=[0, 2, 1, 3])

    def mixed(self, query, key, value, name, mask=None):
        """Softmax(query key^T / sqrt(size) + mask) value; operands [batch, heads, n, size]."""
        g, m = self.graph, self.model
        turned = self.node("Transpose", [key], f"{name}/keys", perm=[0, 1, 3, 2])
        root = g.scalar("root_head_size", 1 / math.sqrt(m.head_size))
        query = self.node("Mul", [query, root], f"{name}/query")
        scores = self.node("MatMul", [query, turned], f"{name}/scores")
        if mask:
            scores = self.node("Add", [scores, mask], f"{name}/masked")
        shares = self.node("Softmax", [scores], f"{name}/shares", axis=-1)
        y = self.node("MatMul", [shares, value], f"{name}/mixed")
        y = self.node("Transpose", [y], f"{name}/by_token", perm=[0, 2, 1, 3])
        return self.node("Reshape", [y, g.integers("join_heads", 0, 0, m.width)], f"{name}/joined")

    def feed_forward(self, x, layer):
        m, name = self.model, f"{layer}/ffn"
        y = self.normalized(x, f"{name}/layer_norm")
        y = self.gelu(self.linear(y, f"{name}/linear_0", m.width, m.wide), f"{name}/linear_0")
        y = self.linear(y, f"{name}/linear_1", m.wide, m.width)
        return self.node("Add", [x, y], f"{name}/sum")


class Encoder(Layers):
    def convolved(self, x, name, channels, stride):
        width = self.model.width
        weight = self.parameter(f"{name}/weight", [width, channels, 3])
        bias = self.parameter(f"{name}/bias", [width])
        y = self.node("Conv", [x, weight, bias], name, kernel_shape=[3], pads=[1, 1],
                      strides=[stride])
        return self.gelu(y, name)

    def build(self):
        m = self.model
        x = self.convolved("input_features", "encoder/conv1", m.mels, 1)
        x = self.convolved(x, "encoder/conv2", m.width, 2)
        x = self.node("Transpose", [x], "encoder/by_frame", perm=[0, 2, 1])
        places = self.parameter("encoder/position_encodings/encodings", [m.frames, m.width])
        x = self.node("Add", [x, places], "encoder/placed")
        for index in range(m.encoder_layers):
            layer = f"encoder/layer_{index}"
            x = self.feed_forward(self.attention(x, f"{layer}/self_attention"), layer)
        self.normalized(x, "encoder/layer_norm", "last_hidden_state")
        inputs = [value_info("input_features", FLOAT, ["batch_size", m.mels, 2 * m.frames])]
        outputs = [value_info("last_hidden_state", FLOAT, ["batch_size", m.frames, m.width])]
        return inputs, outputs

    def attention(self, x, name):
        y = self.normalized(x, f"{name}/layer_norm")
        y = self.linear(y, f"{name}/linear_0", self.model.width, 3 * self.model.width)
        query, key, value = (self.by_head(part, part) for part in self.split(y, name, 3))
        y = self.mixed(query, key, value, name)
        y = self.linear(y, f"{name}/linear_1", self.model.width, self.model.width)
        return self.node("Add", [x, y], f"{name}/sum")


class Decoder(Layers):
    PARTS = [(side, what) for side in ("decoder", "encoder") for what in ("key", "value")]

    def past(self, layer, side, what):
        return f"past_key_values.{layer}.{side}.{what}"

    def info(self, name, side, length):
        names = {"decoder": length, "encoder": "encoder_sequence_length_out"}
        m = self.model
        return value_info(name, FLOAT, ["batch_size", m.heads, names[side], m.head_size])

    def build(self):
        m, g = self.model, self.graph
        inputs = [value_info("input_ids", INT64, ["batch_size", "decoder_sequence_length"]),
                  value_info("encoder_hidden_states", FLOAT,
                             ["batch_size", "encoder_sequence_length", m.width])]
        inputs += [self.info(self.past(i, side, what), side, "past_decoder_sequence_length")
                   for i in range(m.decoder_layers) for side, what in self.PARTS]
        inputs.append(value_info("use_cache_branch", BOOL, [1]))
        then = g.branch("then_branch", lambda: self.step("cached/", cached=True))
        otherwise = g.branch("else_branch", lambda: self.step("first/", cached=False))
        names = ["logits"] + [f"present.{i}.{side}.{what}"
                              for i in range(m.decoder_layers) for side, what in self.PARTS]
        g.emit("If", ["use_cache_branch"], names, then + otherwise)
        return inputs, self.outputs("")

    def outputs(self, scope):
        m = self.model
        logits = value_info(f"{scope}logits", FLOAT,
                            ["batch_size", "decoder_sequence_length", m.vocabulary])
        return [logits] + [self.info(f"{scope}present.{i}.{side}.{what}", side,
                                     "present_decoder_sequence_length")
                           for i in range(m.decoder_layers) for side, what in self.PARTS]

    def step(self, scope, cached):
        m, g, self.scope = self.model, self.graph, scope
        first_past = self.past(0, "decoder", "key")
        words = self.parameter("decoder/embeddings/weight", [m.vocabulary, m.width])
        places = self.parameter("decoder/position_encodings/encodings", [m.places, m.width])
        zero, new = g.integers("zero", 0), self.node("Shape", ["input_ids"], "new", start=1, end=2)
        start = self.node("Shape", [first_past], "start", start=2, end=3) if cached else zero
        end = self.node("Add", [start, new], "end")
        x = self.node("Gather", [words, "input_ids"], "words", axis=0)
        x = self.node("Add", [x, self.node("Slice", [places, start, end], "places")], "placed")
        mask = self.mask(start, end)
        for index in range(m.decoder_layers):
            layer = f"decoder/layer_{index}"
            x = self.self_attention(x, mask, index, cached)
            x = self.cross_attention(x, index, cached)
            x = self.feed_forward(x, layer)
        x = self.normalized(x, "decoder/layer_norm")
        # Gemm reads the embeddings as they lie: a MatMul would want them transposed, once more.
        flat = self.node("Reshape", [x, g.integers("flat", -1, m.width)], "flat")
        y = self.node("Gemm", [flat, words], "flat_logits", transB=1)
        shape = self.node("Concat", [self.node("Shape", ["input_ids"], "ids_shape"),
                                     g.integers("vocabulary", m.vocabulary)], "shape", axis=0)
        self.node("Reshape", [y, shape], "logits")
        return self.outputs(scope)

    def mask(self, start, end):
        """[new, end]: 0 where a place may look, MASKED ahead of it."""
        g = self.graph
        scalar = g.tensor("to_scalar", [0], b"", INT64)
        one = g.tensor("step", [], struct.pack("<q", 1), INT64)
        zero = g.tensor("first", [], struct.pack("<q", 0), INT64)
        start = self.node("Reshape", [start, scalar], "mask/start")
        end = self.node("Reshape", [end, scalar], "mask/end")
        rows = self.node("Range", [start, end, one], "mask/rows")
        rows = self.node("Unsqueeze", [rows, g.integers("axis_1", 1)], "mask/column")
        columns = self.node("Range", [zero, end, one], "mask/columns")
        ahead = self.node("Greater", [columns, rows], "mask/ahead")
        return self.node("Where", [ahead, g.scalar("masked", MASKED), g.scalar("open", 0.0)],
                         "mask")

    def present(self, value, index, side, what):
        return self.node("Identity", [value], f"present.{index}.{side}.{what}")

    def self_attention(self, x, mask, index, cached):
        name, width = f"decoder/layer_{index}/self_attention", self.model.width
        y = self.normalized(x, f"{name}/layer_norm")
        y = self.linear(y, f"{name}/linear_0", width, 3 * width)
        query, key, value = (self.by_head(part, part.removeprefix(self.scope))
                             for part in self.split(y, name, 3))
        kept = {}
        for what, fresh in (("key", key), ("value", value)):
            output = f"present.{index}.decoder.{what}"
            kept[what] = (self.node("Concat", [self.past(index, "decoder", what), fresh], output,
                                    axis=2) if cached else self.node("Identity", [fresh], output))
        y = self.mixed(query, kept["key"], kept["value"], name, mask)
        y = self.linear(y, f"{name}/linear_1", width, width)
        return self.node("Add", [x, y], f"{name}/sum")

    def cross_attention(self, x, index, cached):
        name, width = f"decoder/layer_{index}/attention", self.model.width
        y = self.normalized(x, f"{name}/layer_norm")
        query = self.by_head(self.linear(y, f"{name}/linear_0", width, width), f"{name}/linear_0")
        if cached:
            key, value = (self.past(index, "encoder", what) for what in ("key", "value"))
        else:
            both = self.linear("encoder_hidden_states", f"{name}/linear_1", width, 2 * width)
            key, value = (self.by_head(part, part.removeprefix(self.scope))
                          for part in self.split(both, f"{name}/both", 2))
        for what, tensor in (("key", key), ("value", value)):
            self.present(tensor, index, "encoder", what)
        y = self.mixed(query, key, value, name)
        y = self.linear(y, f"{name}/linear_2", width, width)
        return self.node("Add", [x, y], f"{name}/sum")


def encode_model(graph, name, inputs, outputs):
    """ModelProto as chunks: header fields first, the graph last."""
    head = integer(1, 8) + blob(2, "ipfs-accelerate") + blob(8, blob(1, "") + integer(2, 17))
    for width in range(1, 10):  # Of the graph's length, which the alignment depends on.
        chunks = graph.encode(name, inputs, outputs, len(head) + 1 + width)
        prefix = varint(7 << 3 | 2) + varint(sum(map(len, chunks)))
        if len(prefix) == 1 + width:
            return [head, prefix, *chunks]
    raise AssertionError("no width fits")


def write_graph(path, name, layers, graph):
    inputs, outputs = layers.build()
    digest, partial = hashlib.sha256(), path.with_name(path.name + ".partial")
    with partial.open("wb") as out:
        for chunk in encode_model(graph, name, inputs, outputs):
            out.write(chunk)
            digest.update(chunk)
    partial.replace(path)
    return digest.hexdigest()


def special_tokens(path):
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    special = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    for name in ("<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"):
        if name not in special:
            raise ExportError(f"{path} has no token {name}.")
    return special


def configs(model, source):
    """The three small files that Hugging Face's Whisper has, as transformers writes them."""
    special = special_tokens(source / "tokenizer.json")
    given = json.loads((source / "config.json").read_text(encoding="utf-8"))
    end, begin = special["<|endoftext|>"], special["<|startoftranscript|>"]
    shared = {"bos_token_id": end, "decoder_start_token_id": begin, "eos_token_id": end,
              "pad_token_id": end}
    config = {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper",
              "activation_function": "gelu", "d_model": model.width, "is_encoder_decoder": True,
              "decoder_attention_heads": model.heads, "decoder_ffn_dim": model.wide,
              "decoder_layers": model.decoder_layers, "encoder_attention_heads": model.heads,
              "encoder_ffn_dim": model.wide, "encoder_layers": model.encoder_layers,
              "max_source_positions": model.frames, "max_target_positions": model.places,
              "num_mel_bins": model.mels, "vocab_size": model.vocabulary, **shared}
    # Tables of languages stand in every tokenizer; only a multilingual model has a use for them.
    multilingual = model.vocabulary >= 51865
    generation = {"begin_suppress_tokens": given["suppress_ids_begin"],
                  "is_multilingual": multilingual, "max_initial_timestamp_index": 50,
                  "max_length": model.places,
                  "no_timestamps_token_id": special["<|notimestamps|>"],
                  "suppress_tokens": given["suppress_ids"], **shared}
    if multilingual:
        generation["lang_to_id"] = {name: number for name, number in special.items()
                                    if number in given["lang_ids"]}
        generation["task_to_id"] = {task: special[f"<|{task}|>"]
                                    for task in ("transcribe", "translate")}
    samples = WINDOW_SECONDS * SAMPLE_RATE
    preprocessor = {"chunk_length": WINDOW_SECONDS, "feature_extractor_type":
                    "WhisperFeatureExtractor", "feature_size": model.mels, "hop_length": HOP,
                    "n_fft": FFT, "n_samples": samples, "nb_max_frames": samples // HOP,
                    "padding_side": "right", "padding_value": 0.0, "return_attention_mask": False,
                    "sampling_rate": SAMPLE_RATE}
    return {"config.json": config, "generation_config.json": generation,
            "preprocessor_config.json": preprocessor}


def model_card(options, weights_sha256, hashes):
    files = "\n".join(f"- {name}: sha256 `{digest}`" for name, digest in hashes.items())
    return f"""---
license: {options.licence.lower()}
pipeline_tag: automatic-speech-recognition
---
# {options.source.name}, ONNX float32

- Weights: package {options.package}, model.bin, sha256 `{weights_sha256}`
- Licence of the weights: {options.licence}
- Exported by `tools/export_whisper_onnx.py` of ipfs-accelerate: opset 17, the same numbers as
  float32
{files}
"""


def known_package(source):
    """(package, licence) of a folder that tools/deps installed, else words that say so."""
    lock = Path(__file__).resolve().parent.parent / "deps.lock.json"
    for entry in json.loads(lock.read_text())["packages"] if lock.is_file() else []:
        if any(part.get("into") == f"models/{source.name}" for part in entry["extract"]):
            return f"{entry['package']} {entry['version']} ({entry['client']})", entry["licence"]
    return "not named", "not named; see the source"


def export(options):
    source, target = options.source, options.target
    if source.resolve() == target.resolve():
        raise ExportError("SRC_DIR and DST_DIR are the same folder.")
    weights = Ctranslate2(source / "model.bin")
    model = Whisper(weights)
    small = configs(model, source)
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    hashes = {}
    for name, part in (("encoder_model", Encoder), ("decoder_model_merged", Decoder)):
        graph, path = WhisperGraph(), f"onnx/{name}.onnx"
        hashes[path] = write_graph(target / path, name, part(model, graph), graph)
    for name, value in small.items():
        text = json.dumps(value, indent=2, sort_keys=True)
        (target / name).write_text(text + "\n", encoding="utf-8")
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")
    card = model_card(options, hashlib.sha256(weights.data).hexdigest(), hashes)
    (target / "README.md").write_text(card, encoding="utf-8")
    return hashes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, metavar="SRC_DIR")
    parser.add_argument("target", type=Path, metavar="DST_DIR")
    parser.add_argument("--package", help="where the weights come from (default: deps.lock.json)")
    parser.add_argument("--licence", help="of the weights (default: deps.lock.json)")
    options = parser.parse_args()
    package, licence = known_package(options.source.resolve())
    options.package, options.licence = options.package or package, options.licence or licence
    try:
        for path, digest in export(options).items():
            print(digest, "", options.target / path)
    except (ExportError, OSError, ValueError, KeyError) as error:
        sys.exit(f"export_whisper_onnx: {error}")


if __name__ == "__main__":
    main()
