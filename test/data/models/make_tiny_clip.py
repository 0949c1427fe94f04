#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write tiny-random-clip, a CLIP with RANDOM weights, and tiny_clip_cases.json, what numpy makes of it.

usage: make_tiny_clip.py test/data/models

One graph with optimum's names (input_ids, pixel_values, attention_mask -> logits_per_image, logits_per_text, text_embeds,
image_embeds) as ONNX nodes here; the numbers come from CLIP in numpy, float64, written from its definition (Radford et al. 2021;
transformers' CLIPModel), one text and one head at a time and without padding; ONNX Runtime is only asked whether it agrees. Pixels
come from Pillow, tokens from `tokenizers`. The tokenizer is the "clip" of tokenizer_cases.json. The model says nothing true of any
image. Wants numpy, onnx, onnxruntime, tokenizers==0.23.3 and Pillow 13 in an environment of their own.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer

WIDTH, WIDE, LAYERS, HEADS, SHARED, SIDE, PATCH, PLACES, END, EPS = 16, 32, 2, 2, 12, 32, 8, 20, 1, 1e-5
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
SCALE = 2.0  # Its exponential multiplies the cosines.
TEXTS = ["a cat", "A photo of a Dog.", "an astronaut in front of a shuttle", "two dogs 's ball, and 3 cats!", "long " * 60]
IMAGES = ["cat.png", "astronaut.png", "china.jpg"]


class Weights(dict):
    def __init__(self, vocabulary):
        super().__init__()
        self.random, self.vocabulary = np.random.default_rng(20261123), vocabulary

    def get(self, name, *shape):
        if name not in self:
            spread = 0.1 if len(shape) == 1 else 1.0 if "embedding" in name else 1.5 / np.sqrt(np.prod(shape[1:]))
            values = self.random.normal(0, spread, shape)
            self[name] = (np.abs(values) + 0.8 if name.endswith("norm.weight") else values).astype(np.float32)
        return self[name]


class Reference:
    """One text or image at a time, [length, width]."""

    def __init__(self, weights):
        self.weights = weights

    def w(self, name, *shape):
        return self.weights.get(name, *shape).astype(np.float64)

    def norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * self.w(name + ".weight", WIDTH) + self.w(name + ".bias", WIDTH)

    def linear(self, x, name, out):
        return x @ self.w(name + ".weight", out, x.shape[-1]).T + self.w(name + ".bias", out)

    def layer(self, x, name, causal):
        y, size, parts = self.norm(x, name + ".first.norm"), WIDTH // HEADS, []
        q, k, v = (self.linear(y, f"{name}.{part}", WIDTH) for part in ("q", "k", "v"))
        for h in range(HEADS):
            s = slice(h * size, (h + 1) * size)
            scores = q[:, s] @ k[:, s].T / np.sqrt(size)
            if causal:
                scores = np.where(np.tri(len(x), dtype=bool), scores, -np.inf)
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            parts.append(shares / shares.sum(-1, keepdims=True) @ v[:, s])
        x = x + self.linear(np.concatenate(parts, 1), name + ".out", WIDTH)
        y = self.linear(self.norm(x, name + ".second.norm"), name + ".wide", WIDE)
        return x + self.linear(y / (1 + np.exp(-1.702 * y)), name + ".narrow", WIDTH)

    def text(self, ids):
        x = self.w("text.embedding", self.weights.vocabulary, WIDTH)[ids] + self.w("text.place.embedding", PLACES, WIDTH)[:len(ids)]
        for i in range(LAYERS):
            x = self.layer(x, f"text.{i}", True)
        return self.shared(self.norm(x, "text.final.norm")[ids.index(END)], "text.projection")

    def image(self, planes):
        rows = SIDE // PATCH
        kernel = self.w("image.patch.weight", WIDTH, 3, PATCH, PATCH)
        patches = [np.tensordot(kernel, planes[:, r * PATCH:(r + 1) * PATCH, c * PATCH:(c + 1) * PATCH], 3) for r in range(rows) for c in range(rows)]
        x = np.stack([self.w("image.class.embedding", 1, WIDTH)[0], *patches]) + self.w("image.place.embedding", rows * rows + 1, WIDTH)
        x = self.norm(x, "image.before.norm")
        for i in range(LAYERS):
            x = self.layer(x, f"image.{i}", False)
        return self.shared(self.norm(x[:1], "image.final.norm")[0], "image.projection")

    def shared(self, x, name):
        y = self.w(name, SHARED, WIDTH) @ x
        return y / np.linalg.norm(y)


class Nodes:
    """The same over batches, as nodes of ONNX."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants, self.count = weights, [], {}, 0

    def node(self, op, inputs, output=None, **attributes):
        self.count += 1
        output = output or f"v{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(self, name, values):
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def w(self, name):
        return self.constant(name, self.weights[name])

    def ints(self, *values):
        return self.constant("ints " + " ".join(map(str, values)), np.array(values, np.int64))

    def number(self, value):
        return self.constant(f"number {value}", np.array(value, np.float32))

    def norm(self, x, name):
        return self.node("LayerNormalization", [x, self.w(name + ".weight"), self.w(name + ".bias")], axis=-1, epsilon=EPS)

    def turned(self, name):
        return self.constant(name + ".turned", self.weights[name].T)

    def linear(self, x, name):
        return self.node("Add", [self.node("MatMul", [x, self.turned(name + ".weight")]), self.w(name + ".bias")])

    def heads(self, x, perm):
        return self.node("Transpose", [self.node("Reshape", [x, self.ints(0, 0, HEADS, WIDTH // HEADS)])], perm=perm)

    def layer(self, x, name, mask):
        y = self.norm(x, name + ".first.norm")
        q, k, v = (self.heads(self.linear(y, f"{name}.{part}"), perm) for part, perm in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])))
        scores = self.node("Div", [self.node("MatMul", [q, k]), self.number(float(np.sqrt(WIDTH // HEADS)))])
        if mask:
            scores = self.node("Add", [scores, mask])
        mixed = self.node("Transpose", [self.node("MatMul", [self.node("Softmax", [scores], axis=-1), v])], perm=[0, 2, 1, 3])
        x = self.node("Add", [x, self.linear(self.node("Reshape", [mixed, self.ints(0, 0, WIDTH)]), name + ".out")])
        y = self.linear(self.norm(x, name + ".second.norm"), name + ".wide")
        y = self.node("Mul", [y, self.node("Sigmoid", [self.node("Mul", [y, self.number(1.702)])])])
        return self.node("Add", [x, self.linear(y, name + ".narrow")])

    def mask(self):
        """[batch, 1, length, length]: nothing of what lies ahead, nor of padding."""
        length = self.node("Shape", ["input_ids"], start=1, end=2)
        square = self.node("Concat", [length, length], axis=0)
        ones = self.node("ConstantOfShape", [square], value=numpy_helper.from_array(np.array([-1e9], np.float32)))
        ahead = self.node("Trilu", [ones, self.constant("one", np.array(1, np.int64))], upper=1)
        padded = self.node("Sub", [self.number(1.0), self.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)])
        padded = self.node("Unsqueeze", [self.node("Mul", [padded, self.number(-1e9)]), self.ints(1, 2)])
        return self.node("Add", [ahead, padded])

    def text(self):
        words = self.node("Gather", [self.w("text.embedding"), "input_ids"], axis=0)
        length = self.node("Shape", ["input_ids"], start=1, end=2)
        x = self.node("Add", [words, self.node("Slice", [self.w("text.place.embedding"), self.ints(0), length])])
        mask = self.mask()
        for i in range(LAYERS):
            x = self.layer(x, f"text.{i}", mask)
        ends = self.node("Cast", [self.node("Equal", ["input_ids", self.constant("end", np.array(END, np.int64))])], to=TensorProto.INT64)
        first = self.node("Unsqueeze", [self.node("ArgMax", [ends], axis=1, keepdims=1), self.ints(2)])  # [batch, 1, 1]
        at = self.node("Expand", [first, self.ints(1, 1, WIDTH)])
        x = self.node("Squeeze", [self.node("GatherElements", [self.norm(x, "text.final.norm"), at], axis=1), self.ints(1)])
        return self.shared(x, "text.projection", "text_embeds")

    def image(self):
        x = self.node("Conv", ["pixel_values", self.w("image.patch.weight")], strides=[PATCH, PATCH], kernel_shape=[PATCH, PATCH])
        x = self.node("Transpose", [self.node("Reshape", [x, self.ints(0, 0, -1)])], perm=[0, 2, 1])
        batch = self.node("Concat", [self.node("Shape", ["pixel_values"], start=0, end=1), self.ints(1, WIDTH)], axis=0)
        x = self.node("Concat", [self.node("Expand", [self.w("image.class.embedding"), batch]), x], axis=1)
        x = self.norm(self.node("Add", [x, self.w("image.place.embedding")]), "image.before.norm")
        for i in range(LAYERS):
            x = self.layer(x, f"image.{i}", None)
        x = self.node("Squeeze", [self.node("Slice", [x, self.ints(0), self.ints(1), self.ints(1)]), self.ints(1)])
        return self.shared(self.norm(x, "image.final.norm"), "image.projection", "image_embeds")

    def shared(self, x, name, output):
        y = self.node("MatMul", [x, self.turned(name)])
        return self.node("Div", [y, self.node("ReduceL2", [y, self.ints(1)], keepdims=1)], output)

    def model(self):
        text, image = self.text(), self.image()
        texts = self.node("Mul", [self.node("MatMul", [text, self.node("Transpose", [image], perm=[1, 0])]), self.number(float(np.exp(SCALE)))], "logits_per_text")
        self.node("Transpose", [texts], "logits_per_image", perm=[1, 0])
        info = helper.make_tensor_value_info
        ids = [info(name, TensorProto.INT64, ["text_batch_size", "sequence_length"]) for name in ("input_ids", "attention_mask")]
        pixels = info("pixel_values", TensorProto.FLOAT, ["image_batch_size", 3, SIDE, SIDE])
        outputs = [info("logits_per_image", TensorProto.FLOAT, ["image_batch_size", "text_batch_size"]),
                   info("logits_per_text", TensorProto.FLOAT, ["text_batch_size", "image_batch_size"]),
                   info("text_embeds", TensorProto.FLOAT, ["text_batch_size", SHARED]), info("image_embeds", TensorProto.FLOAT, ["image_batch_size", SHARED])]
        graph = helper.make_graph(self.nodes, "clip", [ids[0], pixels, ids[1]], outputs, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8, producer_name="make_tiny_clip.py")
        onnx.checker.check_model(model)
        return model.SerializeToString()


def planes_of(path):
    """CLIPImageProcessor: the shorter side to SIDE, bicubic, the middle, normalized."""
    image = Image.open(path).convert("RGB")
    shorter = min(image.size)
    image = image.resize(tuple(int(SIDE * side / shorter) for side in image.size), Image.Resampling.BICUBIC)
    left, top = ((side - SIDE) // 2 for side in image.size)
    pixels = np.asarray(image.crop((left, top, left + SIDE, top + SIDE)), np.float64) / 255
    return ((pixels - MEAN) / STD).transpose(2, 0, 1)


def tokenizer_text(folder):
    cases = json.loads((folder / "tokenizer_cases.json").read_text())
    entry = cases["documents"]["clip"]
    return json.dumps({**entry["document"], "model": {**cases["models"][entry["model"]], **entry["changes"]}}, ensure_ascii=False)


def files(out, vocabulary, text):
    layers = {"hidden_size": WIDTH, "intermediate_size": WIDE, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "hidden_act": "quick_gelu"}
    config = {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": SHARED, "logit_scale_init_value": SCALE, "random_weights": True,
              "text_config": {**layers, "max_position_embeddings": PLACES, "vocab_size": vocabulary, "eos_token_id": END},
              "vision_config": {**layers, "image_size": SIDE, "patch_size": PATCH}}
    pixels = {"do_resize": True, "size": {"shortest_edge": SIDE}, "resample": 3, "do_center_crop": True, "crop_size": {"height": SIDE, "width": SIDE},
              "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": MEAN, "image_std": STD}
    for name, value in (("config.json", config), ("preprocessor_config.json", pixels)):
        (out / name).write_text(json.dumps(value, indent=1) + "\n")
    (out / "tokenizer.json").write_text(text)
    (out / "README.md").write_text("# A CLIP with random weights\n\nMade by `make_tiny_clip.py` for tests: it says nothing true of any image.\n")


def main():
    folder = Path(sys.argv[1])
    out = folder / "tiny-random-clip"
    out.mkdir(exist_ok=True)
    text = tokenizer_text(folder)
    tokenizer = Tokenizer.from_str(text)
    weights = Weights(tokenizer.get_vocab_size())
    reference = Reference(weights)
    ids = [tokenizer.encode(one).ids for one in TEXTS]
    ids = [one if len(one) <= PLACES else one[:PLACES - 1] + [END] for one in ids]
    planes = [planes_of(folder / "inputs" / name) for name in IMAGES]
    texts, images = np.stack([reference.text(one) for one in ids]), np.stack([reference.image(one) for one in planes])
    logits = np.exp(SCALE) * images @ texts.T
    model = Nodes(weights).model()
    (out / "model.onnx").write_bytes(model)
    files(out, weights.vocabulary, text)
    length = max(map(len, ids))
    batch = np.array([one + [END] * (length - len(one)) for one in ids])
    mask = np.array([[1] * len(one) + [0] * (length - len(one)) for one in ids])
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    told = session.run(["logits_per_image"], {"input_ids": batch, "attention_mask": mask, "pixel_values": np.stack(planes).astype(np.float32)})[0]
    print("largest difference of ONNX Runtime from numpy:", np.abs(told - logits).max())
    rows = [{"image": name, "logits": [round(float(v), 6) for v in row]} for name, row in zip(IMAGES, logits)]
    cases = {"made_by": "make_tiny_clip.py", "texts": TEXTS, "ids": ids, "rows": rows}
    (folder / "tiny_clip_cases.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
