#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write family_cases.json: what other programs make of test/data/models/inputs.

usage: make_family_cases.py MODELS_DIR > family_cases.json

Pillow 13 decodes and resizes; ONNX Runtime 1.31.1 runs the models that tools/deps installs in
MODELS_DIR; the segments are those of silero-vad 6.2.3's own function over these probabilities; the
labels those of magika's own rules. Wants numpy, Pillow, onnxruntime, silero-vad (with torch or not).
"""
import hashlib
import json
import re
import sys
import wave
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

INPUTS = Path(__file__).resolve().parent / "inputs"
SIZES = [("bilinear", 256, 256), ("bicubic", 224, 224), ("lanczos", 97, 61), ("box", 100, 50),
         ("nearest", 300, 77), ("bilinear", 700, 900), ("bicubic", 1000, 450)]


def sha256(image):
    return hashlib.sha256(np.asarray(image).tobytes()).hexdigest()


def pixels():
    cases = []
    for name in ("china.jpg", "cat.png"):
        image = Image.open(INPUTS / name).convert("RGB")
        resized = [{"filter": filter_name, "width": width, "height": height,
                    "sha256": sha256(image.resize((width, height), getattr(Image.Resampling, filter_name.upper())))}
                   for filter_name, width, height in SIZES]
        cases.append({"file": name, "width": image.width, "height": image.height, "sha256": sha256(image), "resized": resized})
    return cases


def nsfw(models):
    session = onnxruntime.InferenceSession(models / "opennsfw/open-nsfw.onnx")
    rows = []
    for name in ("china.jpg", "cat.png"):
        image = Image.open(INPUTS / name).convert("RGB").resize((256, 256), Image.Resampling.BILINEAR).crop((16, 16, 240, 240))
        array = np.asarray(image, dtype=np.float32)[:, :, ::-1] - np.array([104, 117, 123], dtype=np.float32)
        scores = session.run(None, {session.get_inputs()[0].name: array[None]})[0][0]
        rows.append({"file": name, "scores": {label: float(s) for label, s in zip(("sfw", "nsfw"), scores)}})
    return rows


def voice(models, rate):
    """Probabilities by the model's own contract: `context` samples of before, zeros at the start and the end."""
    session = onnxruntime.InferenceSession(models / "silero-vad/silero_vad.onnx")
    with wave.open(str(INPUTS / "speech16k.wav")) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), dtype=np.int16).astype(np.float32) / 32768
    samples = samples[::16000 // rate]
    window, context = (512, 64) if rate == 16000 else (256, 32)
    state, before, out = np.zeros((2, 1, 128), dtype=np.float32), np.zeros(context, dtype=np.float32), []
    for at in range(0, len(samples), window):
        chunk = np.zeros(window, dtype=np.float32)
        chunk[:len(samples[at:at + window])] = samples[at:at + window]
        given = np.concatenate([before, chunk])[None]
        probability, state = session.run(None, {"input": given, "state": state, "sr": np.array(rate, dtype=np.int64)})
        out.append(float(probability[0, 0]))
        before = chunk[-context:]
    from silero_vad.utils_vad import get_speech_timestamps_from_probs
    segments = get_speech_timestamps_from_probs(out, sampling_rate=rate, audio_length_samples=len(samples))
    return {"rate": rate, "samples": len(samples), "probabilities": [round(p, 7) for p in out],
            "segments": [[s["start"], s["end"]] for s in segments]}


def file_types(models):
    session = onnxruntime.InferenceSession(models / "magika/model.onnx")
    config = json.loads((models / "magika/config.min.json").read_text())
    rows = []
    contents = {"python": b"import os\nimport sys\n\ndef main():\n    for p in sys.argv[1:]:\n        print(os.path.abspath(p))\n\nif __name__ == \"__main__\":\n    main()\n",
                "html": b"<!DOCTYPE html>\n<html><head><title>Hi</title></head><body><h1>Hello</h1><p>text</p></body></html>\n",
                "spaces": b" \n\t" * 2000 + b"select name from people where id = 3;\n" + b"\n" * 9000,
                "jpeg": (INPUTS / "china.jpg").read_bytes(), "wav": (INPUTS / "speech16k.wav").read_bytes()}
    for name, data in contents.items():
        block = config["block_size"]
        head = data[:block].lstrip()[:config["beg_size"]]
        tail = data[-block:].rstrip()[-config["end_size"]:]
        pad = config["padding_token"]
        given = list(head) + [pad] * (config["beg_size"] - len(head)) + [pad] * (config["end_size"] - len(tail)) + list(tail)
        scores = session.run(None, {"bytes": np.array([given], dtype=np.int32)})[0][0]
        best = int(scores.argmax())
        row = {"name": name, "label": config["target_labels_space"][best], "score": float(scores[best])}
        rows.append(row | ({"text": data.decode()} if name in ("python", "html") else {}))
    return rows


def main():
    models = Path(sys.argv[1])
    document = {"made_by": "make_family_cases.py", "pixels": pixels(), "image_classification": nsfw(models),
                "voice_activity": [voice(models, 16000), voice(models, 8000)], "file_classification": file_types(models)}
    text = json.dumps(document, indent=1)
    print(re.sub(r"\n\s+(?=[\d.e-]+,?\n)|(?<=[\d])\n\s+(?=\])", " ", text))


if __name__ == "__main__":
    main()
