# SPDX-License-Identifier: Apache-2.0
"""A model that does nothing, written by hand: what a server itself takes shows when the model takes nothing."""
from pathlib import Path


def field(number, value) -> bytes:
    """A field of protobuf: bytes or a small number."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def identity() -> bytes:
    """ONNX, IR 8, opset 17: y = Identity(x), x: float32[batch, width]."""
    dimensions = b"".join(field(1, field(2, name)) for name in (b"batch", b"width"))
    value = lambda name: field(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions)))
    node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
    graph = field(1, node) + field(2, b"noop") + field(11, value(b"x")) + field(12, value(b"y"))
    return field(1, 8) + field(7, graph) + field(8, field(2, 17))


def write_noop(folder: Path) -> Path:
    """The folder with all that a model's folder must have; only its graph is used."""
    model = folder / "onnx/model.onnx"
    model.parent.mkdir(parents=True)
    model.write_bytes(identity())
    (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    (folder / "tokenizer.json").write_text("{}")
    return folder
