# SPDX-License-Identifier: Apache-2.0
"""Models of images, recordings and files: real weights against references, through the command; and inputs that mean harm."""
import json
import math
import struct
import unittest
import wave
import zlib
from pathlib import Path

from harness import TestCase, model_directory

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "test/data/models"
CASES = json.loads((DATA / "family_cases.json").read_text())
INPUTS = DATA / "inputs"
QUICK = ("--threads", 1, "--device", "cpu")


def png(width, height, rows=b""):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


class Families(TestCase):
    def setUp(self):
        super().setUp()
        self.node = self.home()

    def add(self, name):
        return self.node.add(model_directory(name), "--name", name)

    def written(self, name, data):
        path = self.file(name, 0)
        path.write_bytes(data)
        return path

    def known_cid(self, task):
        families = self.node.json("models", "families")["families"]
        return {row["task"]: row["tested"][0]["cid"] for row in families}[task]

    def test_an_image_is_classified_as_the_reference_does_and_the_run_is_recorded(self):
        cid = self.add("opennsfw")
        self.assertEqual(cid, self.known_cid("image-classification"))
        for case in CASES["image_classification"]:
            result = self.node.json("run", "opennsfw", "--image", INPUTS / case["file"], *QUICK)
            scores = {row["label"]: row["score"] for row in result["results"][0]}
            for label, score in case["scores"].items():
                self.assertAlmostEqual(scores[label], score, delta=2e-5)
            self.assertEqual(result["task"], "image-classification")
            self.assertEqual(result["provenance"], "measured")
            self.assertTrue(result["recorded"])
        text = self.node.ok("vision", "classify", "--model", "opennsfw", "--image", INPUTS / "cat.png", *QUICK)
        self.assertRegex(text, r"(?s)SCORE +LABEL\n *0\.99\d+ +sfw\n.*ms \(measured\)")
        rows = self.node.json("history", "query", "--sql", "select test_case, model_name, modality from performance_results join models using (model_id)")
        self.assertEqual(rows["rows"][0], ["image-classification", "opennsfw", "image"])

    def test_texts_are_ranked_by_how_well_they_fit_an_image(self):
        """Untested on real weights: a tiny CLIP with random ones."""
        cid = self.node.add(DATA / "tiny-random-clip", "--name", "clip")
        cases = json.loads((DATA / "tiny_clip_cases.json").read_text())
        texts = [word for text in cases["texts"] for word in ("--text", text)]
        for case in cases["rows"]:
            result = self.node.json("run", "clip", "--image", INPUTS / case["image"], *texts, *QUICK)
            wanted = [math.exp(logit) for logit in case["logits"]]
            self.assertEqual((result["task"], result["model"]["cid"], len(result["results"])), ("zero-shot-image-classification", cid, 1))
            for row in result["results"][0]:
                self.assertEqual(row["label"], cases["texts"][row["index"]])
                self.assertAlmostEqual(row["score"], wanted[row["index"]] / sum(wanted), delta=1e-4)
        picture = ("--image", INPUTS / "cat.png")
        self.assertRegex(self.node.ok("run", "clip", *picture, "--text", "cat", "--text", "dog", "--query", "a photo of a {}", *QUICK), r"SCORE +LABEL +INDEX\n")
        self.assert_fails(2, self.node.run("run", "clip", *picture, "--text", "cat", *QUICK), "twice or more")
        self.assert_fails(2, self.node.run("run", "clip", *picture, *QUICK), "--text")
        self.assert_fails(2, self.node.run("run", "clip", "--text", "cat", "--text", "dog", *QUICK), "--image")
        self.assert_fails(2, self.node.run("run", "clip", *picture, "--text", "a", "--text", "b", "--query", "x", *QUICK), "{}")

    def test_images_that_are_bombs_or_none_are_refused_with_a_reason(self):
        self.add("opennsfw")
        for code, name, data, words in ((9, "bomb.png", png(30000, 30000), "30000 x 30000"), (2, "cut.png", png(8, 8, b"\0" * 9), "damaged or cut off"),
                                        (2, "none.png", png(0, 8), ""), (6, "text.png", b"not an image", "JPEG and PNG"),
                                        (2, "empty.png", b"", "empty"), (2, "half.jpg", (INPUTS / "china.jpg").read_bytes()[:5000], "cut off")):
            with self.subTest(name):
                self.assert_fails(code, self.node.run("run", "opennsfw", "--image", self.written(name, data), *QUICK), words)
        self.assert_fails(2, self.node.run("run", "opennsfw", "--input", "a text", *QUICK), "--image")
        self.assert_fails(2, self.node.run("run", "opennsfw", "--audio", INPUTS / "speech16k.wav", *QUICK), "not --audio")
        self.assert_fails(2, self.node.run("run", "opennsfw", *QUICK), "No input")

    def test_speech_is_found_where_the_reference_finds_it_at_any_sample_rate(self):
        cid = self.add("silero-vad")
        self.assertEqual(cid, self.known_cid("voice-activity-detection"))
        wanted = [[begin / 16000, end / 16000] for begin, end in CASES["voice_activity"][0]["segments"]]
        result = self.node.json("run", "silero-vad", "--audio", INPUTS / "speech16k.wav", *QUICK)
        self.assertEqual([[row["start"], row["end"]] for row in result["results"][0]], wanted)
        with wave.open(str(INPUTS / "speech16k.wav")) as recording:
            samples = struct.unpack(f"<{recording.getnframes()}h", recording.readframes(recording.getnframes()))
        path = self.folder / "speech48k.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(48000)
            for a, b in zip(samples, samples[1:] + samples[-1:]):
                for i in range(3):
                    value = a + (b - a) * i // 3
                    out.writeframesraw(struct.pack("<hh", value, value))
        found = self.node.json("run", "silero-vad", "--audio", path, *QUICK)["results"][0]
        for row, segment in zip(found, wanted, strict=True):
            self.assertAlmostEqual(row["start"], segment[0], delta=0.1)
            self.assertAlmostEqual(row["end"], segment[1], delta=0.1)
        silence = self.folder / "silence.wav"
        with wave.open(str(silence), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(16000)
            out.writeframes(bytes(64000))
        self.assertIn("Nothing was found.", self.node.ok("audio", "detect-speech", "--model", "silero-vad", "--audio", silence, *QUICK))
        self.assert_fails(2, self.node.run("run", "silero-vad", "--audio", self.written("none.wav", silence.read_bytes()[:44]), *QUICK), "cut off")

    def test_the_type_of_a_file_is_told_in_process_and_by_a_daemon_that_keeps_the_model(self):
        cid = self.add("magika")
        self.assertEqual(cid, self.known_cid("file-classification"))
        result = self.node.json("run", "magika", "--file", INPUTS / "china.jpg", "--top-k", 1, *QUICK)
        self.assertEqual([row["label"] for row in result["results"][0]], ["jpeg"])
        with self.daemon(self.node):
            for _ in range(2):
                kept = self.node.json("run", "magika", "--file", INPUTS / "speech16k.wav", "--top-k", 1, *QUICK)
                self.assertEqual([row["label"] for row in kept["results"][0]], ["wav"])
            self.assertEqual(kept["load_ms"], 0)
            self.assertEqual(self.node.json("ps")["models"][0]["task"], "file-classification")
        self.assert_fails(2, self.node.run("run", "magika", "--file", self.written("tiny", b"ab"), *QUICK), "2 bytes")

    def test_lines_of_text_in_an_image_are_read_as_the_reference_reads_them(self):
        cid = self.add("ppocrv4")
        self.assertEqual(cid, self.known_cid("image-to-text"))
        pages = json.loads((DATA / "ocr_cases.json").read_text())["pages"]
        for page in pages[1:2]:
            found = self.node.json("vision", "read", "--model", "ppocrv4", "--image", INPUTS / page["file"], *QUICK)["results"][0]
            self.assertEqual([row["text"] for row in found], [line["text"] for line in page["lines"]])
            for row, line in zip(found, page["lines"], strict=True):
                self.assertAlmostEqual(row["score"], line["score"], delta=0.01)
                for corner, wanted in zip(row["polygon"], line["polygon"], strict=True):
                    self.assertAlmostEqual(corner[0], wanted[0], delta=2)
                    self.assertAlmostEqual(corner[1], wanted[1], delta=2)
        text = self.node.ok("run", "ppocrv4", "--image", INPUTS / "det_glyphs.png", *QUICK)
        self.assertRegex(text, r"SCORE +TEXT +PLACE\n *0\.99\d+ +A +58,70 100,70 100,120 58,120\n")
        self.assert_fails(2, self.node.run("run", "ppocrv4", "--image", INPUTS / "ocr_text.png", "--seed", 1, *QUICK), "no --seed")
        self.assert_fails(2, self.node.run("run", "ppocrv4", "--image", INPUTS / "ocr_text.png", "--output", "x.png", *QUICK), "makes no file")

    def test_faces_are_found_with_their_eyes(self):
        cid = self.add("mtcnn")
        self.assertIn(cid, [row["cid"] for family in self.node.json("models", "families")["families"] for row in family["tested"]])
        face = self.node.json("vision", "detect", "--model", "mtcnn", "--image", INPUTS / "astronaut.png", *QUICK)["results"][0][0]
        self.assertAlmostEqual(face["keypoints"]["left_eye"][0], 203, delta=1.5)
        self.assertAlmostEqual(face["box"]["xmin"], 179, delta=1.5)
        self.assertRegex(self.node.ok("run", "mtcnn", "--image", INPUTS / "astronaut.png", *QUICK), r"face .* left_eye 20[34],10[12]; ")

    def test_pixels_are_labelled_and_the_mask_is_kept(self):
        self.node.add(DATA / "tiny-random-segformer", "--name", "segformer")
        case = json.loads((DATA / "tiny_segformer_cases.json").read_text())[0]
        mask = self.folder / "mask.png"
        result = self.node.json("vision", "segment", "--model", "segformer", "--image", INPUTS / case["file"], "--output", mask, *QUICK)
        for row in result["results"][0]:
            self.assertAlmostEqual(row["score"], case["shares"][row["label"]], delta=1e-4)
        self.assertEqual(struct.unpack(">IIBB", mask.read_bytes()[16:26]), (451, 300, 8, 0))

    def test_a_height_field_is_made_of_a_seed_and_the_same_seed_makes_the_same(self):
        cid = self.add("terrain-diffusion")
        self.assertEqual(cid, self.known_cid("unconditional-image-generation"))
        files = [self.folder / name for name in ("a.png", "b.png", "c.png")]
        for path, seed in zip(files, (7, 7, 8), strict=True):
            result = self.node.json("run", "terrain-diffusion", "--seed", seed, "--parameter", "difficulty=90", "--output", path, *QUICK)
            self.assertEqual(result["media"], {"type": "image/png", "file": str(path), "bytes": path.stat().st_size})
        first, second, third = (path.read_bytes() for path in files)
        self.assertEqual(first[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(struct.unpack(">IIBB", first[16:26]), (128, 128, 16, 0))
        self.assertEqual(first, second)
        self.assertNotEqual(first, third)
        self.assertIn("give --output", self.node.ok("run", "terrain-diffusion", "--seed", 1, *QUICK))
        for words, flags in (("difficulty", ("--parameter", "difficulty=101")), ("NAME=NUMBER", ("--parameter", "difficulty")),
                             ("neither texts nor files", ("--input", "a hill")), ("neither", ("--image", INPUTS / "cat.png"))):
            self.assert_fails(2, self.node.run("run", "terrain-diffusion", *flags, *QUICK), words)

    def test_texts_are_classified_tagged_filled_answered_and_ranked(self):
        cases = json.loads((DATA / "tiny_bert_cases.json").read_text())
        for task in ("text-classification", "token-classification", "fill-mask", "question-answering", "text-ranking"):
            self.node.add(DATA / f"tiny-random-bert-{task}", "--name", task)
        texts = [part for text in cases["texts"] for part in ("--input", text)]
        query = ("--query", cases["query"])
        for command, task, flags in (("classify", "text-classification", texts), ("entities", "token-classification", texts),
                                     ("fill-mask", "fill-mask", [part for text in cases["masked"] for part in ("--input", text)]),
                                     ("question", "question-answering", ["--input", cases["texts"][1], *query, "--top-k", 3]),
                                     ("rerank", "text-ranking", [*texts, "--input", cases["long"], *query])):
            with self.subTest(task):
                result = self.node.json("text", command, "--model", task, *flags, *QUICK)
                wanted = [cases[task]] if task == "text-ranking" else cases[task][: flags.count("--input")]
                for row, want in zip(result["results"], wanted, strict=True):
                    for found, expected in zip(row, want, strict=True):
                        for key, value in expected.items():
                            if isinstance(value, float):
                                self.assertAlmostEqual(found[key], value, delta=1e-4)
                            else:
                                self.assertEqual(found[key], value)
        self.assert_fails(2, self.node.run("run", "fill-mask", "--input", "no mask", *QUICK), "[MASK]")
        self.assert_fails(2, self.node.run("run", "fill-mask", "--prompt", "a", "--query", "b", *QUICK), "take no --query")
        self.assert_fails(2, self.node.run("run", "fill-mask", "--input", "a text", "--task", "text-ranking", *query, *QUICK), "a model for fill-mask, not for text-ranking")

    def test_texts_become_other_texts_as_numpy_says(self):
        cases = json.loads((DATA / "tiny_t5_cases.json").read_text())["rows"]
        self.node.add(DATA / "tiny-random-t5", "--name", "t5")
        for row in (row for row in cases if row["rules"] == "plain"):
            with self.subTest(task=row["task"], text=row["text"]):
                query = ("--query", row["task"]) if row["task"] else ()
                result = self.node.json("run", "t5", "--input", row["text"], *query, *QUICK)
                self.assertEqual(result["results"][0][0]["text"], row["answer"])
                self.assertEqual(result["task"], "text2text-generation")
        text = cases[0]["text"]
        wanted = {row["task"]: row["answer"] for row in cases if row["text"] == text and row["rules"] == "plain"}
        summary = self.node.json("text", "summarize", "--model", "t5", "--input", text, *QUICK)
        self.assertEqual(summary["results"][0][0]["text"], wanted["summarization"])
        foreign = self.node.ok("text", "translate", "--model", "t5", "--query", "translation_en_to_de", "--input", text, *QUICK)
        self.assertIn("TEXT", foreign)
        self.assert_fails(2, self.node.run("text", "translate", "--model", "t5", "--query", "translation_en_to_fr", "--input", text, *QUICK), "translation_en_to_de")
        self.assert_fails(2, self.node.run("run", "t5", "--input", text, "--parameter", "beams=4", *QUICK), "max_tokens")

    def test_the_table_of_families_names_what_each_was_tested_with(self):
        table = self.node.ok("models", "families")
        for words in ("image-classification", "opennsfw", "BSD-2-Clause", "silero-vad", "magika"):
            self.assertIn(words, table)
        rows = [" | ".join((family["task"], family["takes"], row["model"], f"`{row['cid']}`" if row["cid"] else "-"))
                for family in self.node.json("models", "families")["families"] for row in family["tested"]]
        told = [line for line in (ROOT / "docs/families.md").read_text().splitlines() if line.startswith("| ")][1:]
        self.assertEqual([" | ".join(line[2:].split(" | ")[:4]) for line in told], rows, "tools/families_page > docs/families.md")
        self.add("silero-vad")
        self.assert_fails(6, self.node.run("run", "silero-vad", "--audio", INPUTS / "speech16k.wav", "--task", "telepathy"), "image-classification")
        self.assert_fails(2, self.node.run("run", "silero-vad", "--file", INPUTS / "china.jpg", "--task", "file-classification"), "not for file-classification", "config.min.json")


if __name__ == "__main__":
    unittest.main()
