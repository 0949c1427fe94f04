#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write tiny-random-segformer, a SegFormer with RANDOM weights, and tiny_segformer_cases.json, what numpy makes of it.

usage: make_tiny_segformer.py test/data/models

The graph and the numbers come by two ways: ONNX nodes here, and SegFormer in numpy, float64, written from its definition (Xie et al.
2021; transformers' SegformerForSemanticSegmentation); ONNX Runtime is only asked whether it agrees. The model says nothing true of
any image. Wants numpy, onnx 1.23, onnxruntime and Pillow 13 in an environment of their own.
"""
import json
import math
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE, WIDTHS, PATCHES, STRIDES, REDUCES, HEADS, DECODER, EPS = 64, (8, 12, 16, 24), (7, 3, 3, 3), (4, 2, 2, 2), (8, 4, 2, 1), (1, 2, 2, 4), 16, 1e-5
LABELS = ["sky", "ground", "animal", "thing", "other"]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Weights(dict):
    def __init__(self):
        super().__init__()
        self.random = np.random.default_rng(20261122)

    def get(self, name, *shape):
        if name not in self:
            values = self.random.normal(0, 1.8 / math.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.1, shape)
            self[name] = (np.abs(values) + 0.8 if name.endswith(("norm.weight", "norm.var")) else values).astype(np.float32)
        return self[name]


class Numpy:
    """The arithmetic, channels first, without a batch axis."""

    def __init__(self, weights):
        self.weights = weights

    def w(self, name, *shape):
        return self.weights.get(name, *shape).astype(np.float64)

    def conv(self, x, name, out, size, stride, padding, groups=1, bias=True):
        per = x.shape[0] // groups
        kernel = self.w(name + ".weight", out, per, size, size)
        x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
        rows, columns = (x.shape[1] - size) // stride + 1, (x.shape[2] - size) // stride + 1
        y = np.zeros((out, rows, columns))
        for i in range(size):
            for j in range(size):
                part = x[:, i:i + rows * stride:stride, j:j + columns * stride:stride]
                for g in range(groups):
                    o = slice(g * out // groups, (g + 1) * out // groups)
                    y[o] += np.tensordot(kernel[o, :, i, j], part[g * per:(g + 1) * per], 1)
        return y + self.w(name + ".bias", out)[:, None, None] if bias else y

    def linear(self, x, name, out):
        return x @ self.w(name + ".weight", out, x.shape[-1]).T + self.w(name + ".bias", out)

    def norm(self, x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPS)
        return x * self.w(name + ".weight", x.shape[-1]) + self.w(name + ".bias", x.shape[-1])

    def tokens(self, x):
        return x.reshape(x.shape[0], -1).T

    def image(self, x, side):
        return x.T.reshape(-1, side, side)

    def gelu(self, x):
        return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))

    def attend(self, q, k, v, heads, size):
        parts = []
        for h in range(heads):
            s = slice(h * size, (h + 1) * size)
            scores = q[:, s] @ k[:, s].T / math.sqrt(size)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            parts.append(scores / scores.sum(-1, keepdims=True) @ v[:, s])
        return np.concatenate(parts, axis=1)

    def add(self, a, b):
        return a + b

    def grow(self, x, side):
        return resize(x, side, side)

    def fuse(self, parts):
        x = self.conv(np.concatenate(parts), "decode.fuse", DECODER, 1, 1, 0, bias=False)
        scale = self.w("decode.norm.weight", DECODER) / np.sqrt(self.w("decode.norm.var", DECODER) + EPS)
        x = (x - self.w("decode.norm.mean", DECODER)[:, None, None]) * scale[:, None, None] + self.w("decode.norm.bias", DECODER)[:, None, None]
        return np.maximum(x, 0)


class Nodes:
    """The same operations as ONNX nodes; values are names, with a batch axis."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], {}

    def node(self, kind, inputs, **attributes):
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, name, values):
        self.constants[name] = values
        return name

    def ints(self, *values):
        return self.constant("i_" + "_".join(map(str, values)).replace("-", "m"), np.array(values, dtype=np.int64))

    def number(self, value):
        return self.constant(f"f_{value}", np.array(value, dtype=np.float32))

    def w(self, name):
        return self.constant(name, self.weights[name])

    def conv(self, x, name, out, size, stride, padding, groups=1, bias=True):
        inputs = [x, self.w(name + ".weight")] + ([self.w(name + ".bias")] if bias else [])
        return self.node("Conv", inputs, strides=[stride, stride], pads=[padding] * 4, group=groups, kernel_shape=[size, size])

    def linear(self, x, name, out):
        turned = self.constant(name + ".turned", np.ascontiguousarray(self.weights[name + ".weight"].T))
        return self.node("Add", [self.node("MatMul", [x, turned]), self.w(name + ".bias")])

    def norm(self, x, name):
        return self.node("LayerNormalization", [x, self.w(name + ".weight"), self.w(name + ".bias")], axis=-1, epsilon=EPS)

    def tokens(self, x):
        return self.node("Transpose", [self.node("Reshape", [x, self.ints(0, 0, -1)])], perm=[0, 2, 1])

    def image(self, x, side):
        return self.node("Reshape", [self.node("Transpose", [x], perm=[0, 2, 1]), self.ints(0, 0, side, side)])

    def gelu(self, x):
        erf = self.node("Erf", [self.node("Div", [x, self.number(math.sqrt(2))])])
        return self.node("Mul", [self.node("Mul", [x, self.number(0.5)]), self.node("Add", [erf, self.number(1.0)])])

    def attend(self, q, k, v, heads, size):
        def split(x, perm):
            return self.node("Transpose", [self.node("Reshape", [x, self.ints(0, 0, heads, -1)])], perm=perm)

        scores = self.node("Div", [self.node("MatMul", [split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1])]), self.number(math.sqrt(size))])
        mixed = self.node("MatMul", [self.node("Softmax", [scores], axis=-1), split(v, [0, 2, 1, 3])])
        return self.node("Reshape", [self.node("Transpose", [mixed], perm=[0, 2, 1, 3]), self.ints(0, 0, -1)])

    def add(self, a, b):
        return self.node("Add", [a, b])

    def grow(self, x, side):
        sizes = self.node("Concat", [self.node("Slice", [self.node("Shape", [x]), self.ints(0), self.ints(2)]), self.ints(side, side)], axis=0)
        return self.node("Resize", [x, "", "", sizes], mode="linear", coordinate_transformation_mode="half_pixel")

    def fuse(self, parts):
        x = self.conv(self.node("Concat", parts, axis=1), "decode.fuse", DECODER, 1, 1, 0, bias=False)
        names = ("weight", "bias", "mean", "var")
        return self.node("Relu", [self.node("BatchNormalization", [x] + [self.w("decode.norm." + n) for n in names], epsilon=EPS)])


def segformer(ops, x):
    """The architecture, once, over either kind of operations."""
    states, side = [], SIDE
    for i, (width, patch, stride, reduce, heads) in enumerate(zip(WIDTHS, PATCHES, STRIDES, REDUCES, HEADS)):
        block, side = f"block.{i}.", side // stride
        x = ops.norm(ops.tokens(ops.conv(x, block + "patch", width, patch, stride, patch // 2)), block + "patch.norm")
        y = ops.norm(x, block + "first.norm")
        z = y
        if reduce > 1:
            z = ops.norm(ops.tokens(ops.conv(ops.image(y, side), block + "reduce", width, reduce, reduce, 0)), block + "reduce.norm")
        q, k, v = ops.linear(y, block + "query", width), ops.linear(z, block + "key", width), ops.linear(z, block + "value", width)
        x = ops.add(x, ops.linear(ops.attend(q, k, v, heads, width // heads), block + "attention", width))
        y = ops.linear(ops.norm(x, block + "second.norm"), block + "wide", 4 * width)
        y = ops.gelu(ops.tokens(ops.conv(ops.image(y, side), block + "depth", 4 * width, 3, 1, 1, groups=4 * width)))
        x = ops.add(x, ops.linear(y, block + "narrow", width))
        x = ops.image(ops.norm(x, block + "norm"), side)
        states.append((x, side))
    parts = [ops.grow(ops.image(ops.linear(ops.tokens(state), f"decode.{i}", DECODER), size), SIDE // 4) for i, (state, size) in enumerate(states)]
    return ops.conv(ops.fuse(parts[::-1]), "decode.classify", len(LABELS), 1, 1, 0)


def resize(x, rows, columns):
    """Bilinear with half-pixel centres, as torch's interpolate(align_corners=False)."""
    def places(size, to):
        at = np.maximum((np.arange(to) + 0.5) * size / to - 0.5, 0)
        first = np.minimum(at.astype(int), size - 1)
        return first, np.minimum(first + 1, size - 1), at - first

    a, b, part = places(x.shape[1], rows)
    x = x[:, a] * (1 - part)[None, :, None] + x[:, b] * part[None, :, None]
    a, b, part = places(x.shape[2], columns)
    return x[:, :, a] * (1 - part) + x[:, :, b] * part


def main():
    data = Path(sys.argv[1])
    folder = data / "tiny-random-segformer"
    folder.mkdir(exist_ok=True)
    weights = Weights()
    cases, checks = [], []
    for name in ("cat.png", "china.jpg"):
        image = Image.open(data / "inputs" / name).convert("RGB")
        small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)).astype(np.float64) / 255
        planes = ((small - MEAN) / STD).transpose(2, 0, 1)
        logits = segformer(Numpy(weights), planes)
        mask = resize(logits, image.height, image.width).argmax(0)
        shares = [float((mask == label).mean()) for label in range(len(LABELS))]
        cases.append({"file": name, "logits": [round(float(v), 6) for v in logits.ravel()[::13]], "shares": dict(zip(LABELS, shares)),
                      "mask": "".join(map(str, mask.ravel()[::97]))})
        checks.append((planes, logits))
    ops = Nodes(weights)
    output = segformer(ops, "pixel_values")
    ops.nodes.append(helper.make_node("Identity", [output], ["logits"]))
    graph = helper.make_graph(ops.nodes, "tiny-random-segformer", [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(LABELS), SIDE // 4, SIDE // 4])],
                              [numpy_helper.from_array(np.array(v), name) for name, v in ops.constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make_tiny_segformer.py")
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    for planes, logits in checks:
        found = session.run(None, {"pixel_values": planes[None].astype(np.float32)})[0][0]
        worst = float(np.abs(found - logits).max())
        assert worst < 1e-4, worst
        print(f"ONNX Runtime within {worst:.1e} of numpy, logits up to {np.abs(logits).max():.2f}", file=sys.stderr)
    config = {"architectures": ["SegformerForSemanticSegmentation"], "id2label": {str(i): n for i, n in enumerate(LABELS)}, "model_type": "segformer",
              "note": "random weights: it says nothing true of any image"}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    preprocessor = {"do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": MEAN, "image_std": STD, "resample": 2,
                    "size": {"height": SIDE, "width": SIDE}}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=1) + "\n")
    (data / "tiny_segformer_cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
