# SPDX-License-Identifier: Apache-2.0
"""A model of strings, written by hand: what it takes and gives back needs no weights and no tokenizer."""
from pathlib import Path

STRING, INT64 = 8, 7


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)


def field(number: int, value) -> bytes:
    """A field of protobuf: text, bytes or a number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def node(operator: str, output: str, attributes: bytes = b"", domain: str = "") -> bytes:
    return field(1, field(1, "text") + field(2, output) + field(4, operator) + attributes + (field(7, domain) if domain else b""))


def value(name: str, kind: int) -> bytes:
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, field(1, field(2, "n")))))


def graph(outputs) -> bytes:
    """text: string[n]; same = text, lower = its lower case, label: int64[n] = 3 for cat, 5 for dog, else -1; of these, the outputs."""
    text = lambda name, value: field(5, field(1, name) + field(4, value) + field(20, 3))
    lower = text("case_change_action", "LOWER") + text("locale", "C")  # Every machine has that locale.
    keys = field(5, field(1, "keys_strings") + field(9, "cat") + field(9, "dog") + field(20, 8))
    values = field(5, field(1, "values_int64s") + field(8, 3) + field(8, 5) + field(20, 7))
    all_nodes = {"same": node("Identity", "same"), "lower": node("StringNormalizer", "lower", lower),
                 "label": node("LabelEncoder", "label", keys + values, "ai.onnx.ml")}
    nodes = b"".join(all_nodes[name] for name in outputs)
    specs = b"".join(field(12, value(name, INT64 if name == "label" else STRING)) for name in outputs)
    return nodes + field(2, "strings") + field(11, value("text", STRING)) + specs


def onnx(outputs) -> bytes:
    """ONNX, IR 8, opset 17 and ai.onnx.ml 2."""
    return field(1, 8) + field(7, graph(outputs)) + field(8, field(2, 17)) + field(8, field(1, "ai.onnx.ml") + field(2, 2))


def write_string_model(folder: Path, outputs=("same", "lower", "label")) -> Path:
    """The folder with all that a model's folder must have; only its graph is used."""
    model = folder / "onnx/model.onnx"
    model.parent.mkdir(parents=True)
    model.write_bytes(onnx(outputs))
    (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    (folder / "tokenizer.json").write_text("{}")
    return folder
