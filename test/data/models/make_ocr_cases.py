#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write inputs/ocr_page.png and ocr_cases.json: what OpenCV and RapidOCR make of images with text.

usage: make_ocr_cases.py MODELS_DIR > ocr_cases.json

MODELS_DIR is where tools/deps installs models (group families). Wants rapidocr-onnxruntime 1.4.4
with OpenCV 5.0 and Pillow 13.
"""
import hashlib
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rapidocr_onnxruntime import RapidOCR
from rapidocr_onnxruntime.ch_ppocr_det.utils import DBPostProcess

INPUTS = Path(__file__).resolve().parent / "inputs"
RESIZED = [(736, 490), (640, 600), (320, 48), (97, 61), (320, 213), (1000, 450), (1, 1)]
QUADS = [[[100, 80], [131, 96], [124, 112], [95, 93]], [[0, 0], [40, 2], [38, 30], [3, 26]],
         [[420, 270], [450, 260], [450, 299], [425, 299]]]
# Of the map of 160 x 120: middle, half sides, degrees, probability.
BLOBS = [(40, 30, 28, 5, 0, 0.9), (110, 40, 30, 6, 15, 0.8), (50, 85, 35, 4, -40, 0.95), (120, 95, 20, 8, 70, 0.7),
         (150, 10, 12, 6, 0, 0.6), (10, 110, 1, 1, 0, 0.9), (90, 110, 12, 4, 0, 0.35)]


def page():
    """A page with a tilted line, one that stands on its head, one that runs upwards, and two beside each other."""
    image = Image.new("RGB", (640, 420), (250, 248, 240))

    def line(text, at, size, degrees, colour=(20, 20, 40)):
        font = ImageFont.load_default(size)
        left, top, right, bottom = font.getbbox(text)
        piece = Image.new("RGBA", (right + 8, bottom + 8), (0, 0, 0, 0))
        ImageDraw.Draw(piece).text((4, 4), text, font=font, fill=(*colour, 255))
        piece = piece.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC)
        image.paste(piece, at, piece)

    line("content addressed", (30, 20), 34, 0)
    line("left 12", (30, 80), 26, 0)
    line("right 34", (330, 83), 26, 0, (150, 20, 20))
    line("tilted by twelve", (40, 130), 30, -12)
    line("upside down", (330, 250), 32, 180)
    line("upwards", (570, 120), 30, 90)
    line("small print at the foot of the page", (60, 380), 15, 0)
    return image


def blob_map():
    y, x = np.mgrid[0:120, 0:160].astype(np.float64)
    values = np.full(x.shape, 0.01)
    for cx, cy, a, b, degrees, probability in BLOBS:
        t = np.deg2rad(degrees)
        u, v = (x - cx) * np.cos(t) + (y - cy) * np.sin(t), -(x - cx) * np.sin(t) + (y - cy) * np.cos(t)
        values[(np.abs(u) <= a) & (np.abs(v) <= b)] = probability
    return values.astype(np.float32)


def crop(image, quad):
    points = np.array(quad, dtype=np.float32)
    width = int(max(np.linalg.norm(points[0] - points[1]), np.linalg.norm(points[2] - points[3])))
    height = int(max(np.linalg.norm(points[0] - points[3]), np.linalg.norm(points[1] - points[2])))
    to = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    return cv2.warpPerspective(image, cv2.getPerspectiveTransform(points, to), (width, height), borderMode=cv2.BORDER_REPLICATE,
                               flags=cv2.INTER_CUBIC)


def main():
    models = Path(sys.argv[1]) / "ppocrv4"
    page().save(INPUTS / "ocr_page.png", optimize=True)
    china, cat = (np.asarray(Image.open(INPUTS / name).convert("RGB")) for name in ("china.jpg", "cat.png"))
    cases = {"resized": []}
    for width, height in RESIZED:
        pixels = cv2.resize(china, (width, height)).tobytes()
        row = {"width": width, "height": height}
        # OpenCV 5 rounds some 0.04 % of the values otherwise where both sides grow: there every 997th byte is kept.
        grows = width > china.shape[1] and height > china.shape[0]
        row |= {"samples": pixels[::997].hex()} if grows else {"sha256": hashlib.sha256(pixels).hexdigest()}
        cases["resized"].append(row)
    cases["cut"] = []
    for quad in QUADS:
        cut = crop(cat, quad)
        cases["cut"].append({"quad": quad, "width": cut.shape[1], "height": cut.shape[0], "rgb": cut.tobytes().hex()})
    post = DBPostProcess(0.3, 0.5, 1000, 1.6, "fast", True)
    boxes, _ = post(blob_map()[None, None], (120, 160))
    cases["blobs"], cases["regions"] = BLOBS, sorted(boxes.tolist())
    ocr = RapidOCR(det_model_path=str(models / "ch_PP-OCRv4_det_infer.onnx"), cls_model_path=str(models / "ch_ppocr_mobile_v2.0_cls_infer.onnx"),
                   rec_model_path=str(models / "ch_PP-OCRv4_rec_infer.onnx"), rec_keys_path=str(models / "ppocr_keys_v1.txt"))
    cases["pages"] = []
    for name in ("ocr_text.png", "ocr_page.png", "det_glyphs.png", "cat.png"):
        found = ocr(str(INPUTS / name))[0] or []
        cases["pages"].append({"file": name, "lines": [{"polygon": polygon, "text": text, "score": score} for polygon, text, score in found]})
    json.dump(cases, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
