#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Export a BERT sentence encoder from a Hugging Face folder to ONNX (standard library only).

usage: tools/export_bert_onnx.py SRC_DIR DST_DIR [--package TEXT] [--licence TEXT]

Writes DST_DIR/onnx/model.onnx from config.json and model.safetensors, a model card, and copies of
the small files. The output is a function of the input alone: the same bytes everywhere.

Opset 17. Inputs input_ids, attention_mask, token_type_ids: int64[batch, sequence]; output
last_hidden_state: float32[batch, sequence, hidden]. Weights are the bytes of the safetensors file;
the six matrices of each layer that MatMul reads (query, key, value, attention.output.dense,
intermediate.dense, output.dense) are transposed to [in, out], all others are as they were. The
pooler is left out: sentence encoders pool by themselves. raw_data of every weight starts at a
multiple of 64 bytes, so that a mapped file can serve as the tensor's memory. The patterns are
those that ONNX Runtime and OpenVINO fuse.
"""
import argparse
import array
import hashlib
import json
import math
import shutil
import struct
import sys
from pathlib import Path

ALIGNMENT = 64
FLOAT, INT64 = 1, 7  # TensorProto.DataType
MASKED = -10000.0    # Added to scores of padding; exp() of it is 0 in float32.
WEIGHT_SUFFIXES = {".safetensors", ".bin", ".h5", ".ot", ".msgpack", ".onnx", ".pt", ".pb"}


class ExportError(Exception):
    pass


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field, value):
    return varint(field << 3) + varint(value)


def blob(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def attribute(name, value):  # AttributeProto: FLOAT = 1, INT = 2, INTS = 7
    if isinstance(value, float):
        return blob(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + integer(20, 1)
    if isinstance(value, int):
        return blob(1, name) + integer(3, value & (1 << 64) - 1) + integer(20, 2)
    return blob(1, name) + b"".join(integer(8, item) for item in value) + integer(20, 7)


def value_info(name, element_type, dims):
    shape = b"".join(blob(1, blob(2, d) if isinstance(d, str) else integer(1, d)) for d in dims)
    return blob(1, name) + blob(2, blob(1, integer(1, element_type) + blob(2, shape)))


def parsed_json(path, text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise ExportError(f"{path} does not hold JSON where it should: {error}.") from error


class Safetensors:
    def __init__(self, path):
        self.path = path
        self.data = memoryview(path.read_bytes())
        length = int.from_bytes(self.data[:8], "little")
        if len(self.data) < 8 + length:
            raise ExportError(f"{path} is shorter than the header that it announces.")
        self.header = parsed_json(path, bytes(self.data[8:8 + length]))
        self.payload = self.data[8 + length:]

    def tensor(self, name, shape):
        """The little-endian float32 bytes of a tensor that must have this shape."""
        entry = self.header.get(name)
        if entry is None:
            raise ExportError(f"{self.path} has no tensor {name}.")
        if entry["dtype"] != "F32":
            raise ExportError(f"{self.path}: {name} is {entry['dtype']}; only F32 is exported.")
        if entry["shape"] != shape:
            raise ExportError(f"{self.path}: {name} is {entry['shape']}; config.json says {shape}.")
        begin, end = entry["data_offsets"]
        if not 0 <= begin <= end <= len(self.payload) or end - begin != 4 * math.prod(shape):
            raise ExportError(f"{self.path}: {name} at [{begin}, {end}) does not fit {shape}.")
        return self.payload[begin:end]


def transposed(data, rows, columns):
    """float32[rows, columns] as bytes -> float32[columns, rows] as bytes; bit patterns are kept."""
    words = array.array("I", bytes(data))
    assert words.itemsize == 4 and len(words) == rows * columns
    return b"".join(words[column::columns].tobytes() for column in range(columns))


class Graph:
    def __init__(self):
        self.nodes, self.tensors = [], {}

    def node(self, op, inputs, output, **attributes):
        body = b"".join(blob(1, name) for name in inputs) + blob(2, output) + blob(3, output)
        body += blob(4, op)
        body += b"".join(blob(5, attribute(k, v)) for k, v in sorted(attributes.items()))
        self.nodes.append(blob(1, body))
        return output

    def tensor(self, name, dims, data, element_type=FLOAT):
        self.tensors[name] = (name, dims, element_type, data)
        return name

    def scalar(self, name, value):
        return self.tensor(name, [], struct.pack("<f", value))

    def integers(self, name, *values):
        return self.tensor(name, [len(values)], struct.pack(f"<{len(values)}q", *values), INT64)

    def encode(self, name, inputs, outputs, start):
        """GraphProto as chunks; `start` is where its first byte will lie in the file."""
        chunks = [*self.nodes, blob(2, name)]
        at = start + sum(map(len, chunks))
        for tensor in self.tensors.values():
            chunks += [aligned_tensor_head(tensor, at), tensor[3]]
            at += len(chunks[-2]) + len(chunks[-1])
        chunks += [blob(11, info) for info in inputs] + [blob(12, info) for info in outputs]
        return chunks


def aligned_tensor_head(tensor, at):
    """GraphProto.initializer up to its raw_data, aligned in the file by a doc_string of spaces."""
    name, dims, element_type, data = tensor
    head = b"".join(integer(1, d) for d in dims) + integer(2, element_type) + blob(8, name)
    for filling in [b"", *(blob(12, b" " * n) for n in range(2 * ALIGNMENT))]:
        body = head + filling + varint(9 << 3 | 2) + varint(len(data))
        prefix = varint(5 << 3 | 2) + varint(len(body) + len(data))
        if (at + len(prefix) + len(body)) % ALIGNMENT == 0:
            return prefix + body
    raise AssertionError("no filling aligns " + name)


class Bert:
    def __init__(self, graph, weights, config):
        self.graph, self.weights, self.config = graph, weights, config
        self.hidden, self.heads = config["hidden_size"], config["num_attention_heads"]
        self.prefix = "bert." if "bert.embeddings.LayerNorm.weight" in weights.header else ""

    def parameter(self, name, shape):
        return self.graph.tensor(name, shape, self.weights.tensor(self.prefix + name, shape))

    def linear(self, x, name, inputs, outputs):
        data = self.weights.tensor(f"{self.prefix}{name}.weight", [outputs, inputs])
        matrix = self.graph.tensor(f"{name}.weight_t", [inputs, outputs],
                                   transposed(data, outputs, inputs))
        product = self.graph.node("MatMul", [x, matrix], f"{name}/matmul")
        return self.graph.node("Add", [product, self.parameter(f"{name}.bias", [outputs])], name)

    def normalized(self, x, name, output=None):
        scale = self.parameter(f"{name}.weight", [self.hidden])
        bias = self.parameter(f"{name}.bias", [self.hidden])
        return self.graph.node("LayerNormalization", [x, scale, bias], output or name, axis=-1,
                               epsilon=float(self.config["layer_norm_eps"]))

    def embeddings(self):
        g, name = self.graph, "embeddings"
        word, kind, place = (
            self.parameter(f"{name}.{part}_embeddings.weight", [self.config[rows], self.hidden])
            for part, rows in (("word", "vocab_size"), ("token_type", "type_vocab_size"),
                               ("position", "max_position_embeddings")))
        words = g.node("Gather", [word, "input_ids"], f"{name}/words", axis=0)
        kinds = g.node("Gather", [kind, "token_type_ids"], f"{name}/types", axis=0)
        shape = g.node("Shape", ["input_ids"], f"{name}/sequence", start=1, end=2)
        places = g.node("Slice", [place, g.integers("zero", 0), shape], f"{name}/positions")
        both = g.node("Add", [words, kinds], f"{name}/words_types")
        total = g.node("Add", [both, places], f"{name}/sum")
        return self.normalized(total, f"{name}.LayerNorm")

    def mask(self):
        g = self.graph
        x = g.node("Unsqueeze", ["attention_mask", g.integers("axis_1", 1)], "mask/keys")
        x = g.node("Unsqueeze", [x, g.integers("axis_2", 2)], "mask/heads_keys")
        x = g.node("Cast", [x], "mask/float", to=FLOAT)
        x = g.node("Sub", [g.scalar("one", 1.0), x], "mask/padding")
        return g.node("Mul", [x, g.scalar("masked", MASKED)], "mask/bias")

    def heads_of(self, x, name, order):
        g, size = self.graph, self.hidden // self.heads
        split = g.node("Reshape", [x, g.integers("split_heads", 0, 0, self.heads, size)],
                       f"{name}/heads")
        return g.node("Transpose", [split], f"{name}/by_head", perm=order)

    def attention(self, x, mask, layer):
        g, name, hidden = self.graph, f"{layer}.attention.self", self.hidden
        query, key, value = (
            self.heads_of(self.linear(x, f"{name}.{part}", hidden, hidden), f"{name}.{part}", order)
            for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]),
                                ("value", [0, 2, 1, 3])))
        scores = g.node("MatMul", [query, key], f"{name}/scores")
        root = g.scalar("sqrt_head_size", math.sqrt(hidden // self.heads))
        scores = g.node("Div", [scores, root], f"{name}/scaled")
        scores = g.node("Add", [scores, mask], f"{name}/masked")
        shares = g.node("Softmax", [scores], f"{name}/shares", axis=3)
        mixed = g.node("MatMul", [shares, value], f"{name}/mixed")
        mixed = g.node("Transpose", [mixed], f"{name}/by_token", perm=[0, 2, 1, 3])
        mixed = g.node("Reshape", [mixed, g.integers("join_heads", 0, 0, hidden)], f"{name}/joined")
        mixed = self.linear(mixed, f"{layer}.attention.output.dense", hidden, hidden)
        total = g.node("Add", [mixed, x], f"{layer}.attention.output/sum")
        return self.normalized(total, f"{layer}.attention.output.LayerNorm")

    def feed_forward(self, x, layer, output):
        g, name, wide = self.graph, f"{layer}.intermediate", self.config["intermediate_size"]
        up = self.linear(x, f"{name}.dense", self.hidden, wide)
        y = g.node("Div", [up, g.scalar("sqrt_2", math.sqrt(2))], f"{name}/scaled")
        y = g.node("Erf", [y], f"{name}/erf")
        y = g.node("Add", [y, g.scalar("one", 1.0)], f"{name}/shifted")
        y = g.node("Mul", [up, y], f"{name}/gated")
        y = g.node("Mul", [y, g.scalar("half", 0.5)], f"{name}/gelu")
        down = self.linear(y, f"{layer}.output.dense", wide, self.hidden)
        total = g.node("Add", [down, x], f"{layer}.output/sum")
        return self.normalized(total, f"{layer}.output.LayerNorm", output)

    def build(self):
        x, mask, last = self.embeddings(), self.mask(), self.config["num_hidden_layers"] - 1
        for index in range(last + 1):
            layer = f"encoder.layer.{index}"
            x = self.attention(x, mask, layer)
            x = self.feed_forward(x, layer, "last_hidden_state" if index == last else None)


def encode_model(graph, hidden):
    """ModelProto as chunks: header fields first, the graph last."""
    head = integer(1, 8) + blob(2, "ipfs-accelerate") + blob(8, blob(1, "") + integer(2, 17))
    dims = ["batch", "sequence"]
    inputs = [value_info(n, INT64, dims) for n in ("input_ids", "attention_mask", "token_type_ids")]
    outputs = [value_info("last_hidden_state", FLOAT, [*dims, hidden])]
    for width in range(1, 10):  # Of the graph's length, which the alignment depends on.
        start = len(head) + 1 + width
        chunks = graph.encode("bert", inputs, outputs, start)
        prefix = varint(7 << 3 | 2) + varint(sum(map(len, chunks)))
        if len(prefix) == 1 + width:
            return [head, prefix, *chunks]
    raise AssertionError("no width fits")


def read_config(path):
    config = parsed_json(path, path.read_bytes())
    config.setdefault("layer_norm_eps", 1e-12)
    for key, wanted in (("model_type", "bert"), ("hidden_act", "gelu"),
                        ("position_embedding_type", "absolute")):
        if config.get(key, wanted) != wanted:
            raise ExportError(f"{path}: {key} is {config[key]!r}; only {wanted!r} is exported.")
    for key in ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size",
                "vocab_size", "type_vocab_size", "max_position_embeddings"):
        if not isinstance(config.get(key), int) or config[key] <= 0:
            raise ExportError(f"{path}: {key} must be a positive integer.")
    if config["hidden_size"] % config["num_attention_heads"]:
        raise ExportError(f"{path}: hidden_size is no multiple of num_attention_heads.")
    return config


def copy_small_files(source, target):
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if not path.is_file() or path.suffix in WEIGHT_SUFFIXES or "/." in f"/{relative}":
            continue
        name = Path("README.source.md") if str(relative) == "README.md" else relative
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)


def known_package(source):
    """(package, licence) of a folder that tools/deps installed, else words that say so."""
    lock = Path(__file__).resolve().parent.parent / "deps.lock.json"
    for entry in json.loads(lock.read_text())["packages"] if lock.is_file() else []:
        if any(part.get("into") == f"models/{source.name}" for part in entry["extract"]):
            return f"{entry['package']} {entry['version']} ({entry['client']})", entry["licence"]
    return "not named", "not named; see the source"


def model_card(options, config, weights_sha256, onnx_sha256):
    origin = config.get("_name_or_path", options.source.name)
    return f"""---
license: {options.licence.lower()}
pipeline_tag: sentence-similarity
---
# {options.source.name}, ONNX float32

- Weights: package {options.package}, model.safetensors, sha256 `{weights_sha256}`;
  `_name_or_path` of config.json: {origin}
- Licence of the weights: {options.licence}
- Exported by `tools/export_bert_onnx.py` of ipfs-accelerate: opset 17, weights unchanged (float32;
  the matrices of linear layers transposed), pooler left out
- onnx/model.onnx: sha256 `{onnx_sha256}`
- Inputs `input_ids`, `attention_mask`, `token_type_ids`: int64[batch, sequence]
- Output `last_hidden_state`: float32[batch, sequence, {config["hidden_size"]}]

A sentence's embedding is the mean of its tokens' vectors over the attention mask, divided by its
Euclidean norm, where modules.json and 1_Pooling/config.json say so.
"""


def export(options):
    source, target = options.source, options.target
    if source.resolve() == target.resolve():
        raise ExportError("SRC_DIR and DST_DIR are the same folder.")
    config = read_config(source / "config.json")
    weights, graph = Safetensors(source / "model.safetensors"), Graph()
    Bert(graph, weights, config).build()
    chunks = encode_model(graph, config["hidden_size"])
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    copy_small_files(source, target)
    digest, partial = hashlib.sha256(), target / "onnx" / "model.onnx.partial"
    with partial.open("wb") as out:
        for chunk in chunks:
            out.write(chunk)
            digest.update(chunk)
    partial.replace(target / "onnx" / "model.onnx")
    card = model_card(options, config, hashlib.sha256(weights.data).hexdigest(), digest.hexdigest())
    (target / "README.md").write_text(card, encoding="utf-8")
    return digest.hexdigest()


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
        print(export(options), "", options.target / "onnx" / "model.onnx")
    except (ExportError, OSError) as error:
        sys.exit(f"export_bert_onnx: {error}")


if __name__ == "__main__":
    main()
