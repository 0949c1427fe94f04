# SPDX-License-Identifier: Apache-2.0
"""Recordings become text and phonemes a recording: by command, and over OpenAI's transcriptions."""
import json
import struct
import unittest
import urllib.error
import urllib.request
import wave
from pathlib import Path

from harness import TestCase, model_directory

DATA = Path(__file__).resolve().parents[1] / "data/models"
SPEECH = DATA / "inputs/speech16k.wav"
WHISPER = json.loads((DATA / "whisper_cases.json").read_text())
PIPER = json.loads((DATA / "piper_joe.json").read_text())
QUICK = ("--threads", 1, "--device", "cpu")


def form(fields, boundary="b0undary"):
    parts = []
    for name, value in fields:
        filename = '; filename="speech.wav"\r\nContent-Type: audio/wav' if name == "file" else ""
        value = value if isinstance(value, bytes) else value.encode()
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode() + value + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class Speech(TestCase):
    def setUp(self):
        super().setUp()
        self.node = self.home()

    def add(self, name, alias):
        cid = self.node.add(model_directory(name), "--name", alias)
        task = {"whisper": "automatic-speech-recognition", "joe": "text-to-speech"}[alias]
        family = next(row for row in self.node.json("models", "families")["families"] if row["task"] == task)
        self.assertEqual(cid, family["tested"][0]["cid"])

    def recording(self, name, samples, rate=16000, channels=1):
        path = self.folder / name
        with wave.open(str(path), "wb") as out:
            out.setnchannels(channels)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(samples)
        return path

    def test_what_is_said_is_written_with_its_times_and_the_run_is_recorded(self):
        self.add("whisper-tiny-en", "whisper")
        result = self.node.json("run", "whisper", "--audio", SPEECH, *QUICK)
        wanted = WHISPER["segments"]
        self.assertEqual([(row["start"], row["end"], row["text"]) for row in result["segments"]],
                         [(row["start"], row["end"], row["text"]) for row in wanted])
        self.assertEqual([row["tokens"] for row in result["segments"]], [row["tokens"] for row in wanted])
        self.assertEqual((result["language"], result["task"], result["provenance"]), ("en", "automatic-speech-recognition", "measured"))
        self.assertAlmostEqual(result["duration_s"], 8.17, delta=0.01)
        self.assertTrue(result["recorded"])
        bare = self.node.json("run", "whisper", "--audio", SPEECH, "--parameter", "timestamps=0", *QUICK)
        self.assertEqual(" " + bare["text"], WHISPER["hf_torch"]["text"])
        text = self.node.ok("audio", "transcribe", "--model", "whisper", SPEECH, "--language", "en", *QUICK)
        self.assertRegex(text, r"(?s)^\[0\.00 - 7\.00\] The quick .* computer\.\n.*ms \(measured\)")

    def test_silence_and_files_that_are_no_recording_are_told(self):
        self.add("whisper-tiny-en", "whisper")
        silence = self.recording("silence.wav", bytes(64000))
        self.assertIn("Nothing is said.", self.node.ok("audio", "transcribe", "--model", "whisper", silence, *QUICK))
        empty = self.recording("empty.wav", b"")
        self.assert_fails(2, self.node.run("run", "whisper", "--audio", empty, *QUICK), "no samples")
        other = self.file("other.bin", 5000)
        self.assert_fails(6, self.node.run("run", "whisper", "--audio", other, *QUICK), "no recording")
        self.assert_fails(2, self.node.run("run", "whisper", "--input", "a text", *QUICK), "--audio")
        self.assert_fails(2, self.node.run("run", "whisper", "--audio", SPEECH, "--language", "de", *QUICK), "English")
        self.assert_fails(9, self.node.run("run", "whisper", "--audio", self.file("large.wav", 21 << 20), *QUICK), "at most")

    def test_recordings_are_transcribed_over_openai_in_five_formats(self):
        self.add("whisper-tiny-en", "whisper")
        with self.daemon(self.node, "--api", "127.0.0.1:0") as daemon:
            url, token = daemon.where["api"], (self.node.path / "api.token").read_text().strip()

            def ask(*fields, key=token):
                body, kind = form([("file", SPEECH.read_bytes()), ("model", "whisper"), *fields])
                headers = {"Content-Type": kind, "Authorization": f"Bearer {key}"}
                request = urllib.request.Request(url + "/v1/audio/transcriptions", data=body, headers=headers)
                with urllib.request.urlopen(request, timeout=120) as reply:
                    return reply.headers["Content-Type"], reply.read().decode()

            words = WHISPER["segments"][0]["text"].strip()
            kind, text = ask()
            self.assertEqual((kind, json.loads(text)), ("application/json", {"text": words, "usage": {"type": "duration", "seconds": 9}}))
            self.assertEqual(ask(("response_format", "text"))[1], words + "\n")
            self.assertEqual(ask(("response_format", "srt"))[1], f"1\n00:00:00,000 --> 00:00:07,000\n{words}\n\n")
            kind, text = ask(("response_format", "vtt"), ("temperature", "0"))
            self.assertEqual((kind, text), ("text/vtt; charset=utf-8", f"WEBVTT\n\n00:00:00.000 --> 00:00:07.000\n{words}\n\n"))
            verbose = json.loads(ask(("response_format", "verbose_json"), ("language", "en"))[1])
            self.assertEqual((verbose["language"], verbose["segments"][0]["tokens"]), ("en", WHISPER["segments"][0]["tokens"]))
            for code, field in ((400, ("response_format", "mp4")), (400, ("language", "xx")), (400, ("stream", "true")), (400, ("temperature", "1"))):
                with self.assertRaises(urllib.error.HTTPError) as refused:
                    ask(field)
                self.assertEqual(refused.exception.code, code, field)
                self.assertIn("message", json.load(refused.exception)["error"])
            with self.assertRaises(urllib.error.HTTPError) as refused:
                ask(key="wrong")
            self.assertEqual(refused.exception.code, 401)  # By its head: nothing of it is read.
            self.assertIn("key", refused.exception.read().decode())

    def test_phonemes_become_the_recording_of_the_reference(self):
        self.add("piper-joe", "joe")
        out = self.folder / "hello.wav"
        steady = ("--parameter", "noise_scale=0", "--parameter", "noise_w=0")
        self.node.ok("run", "joe", "--input", PIPER["phonemes"], "--output", out, *steady, *QUICK)
        with wave.open(str(out)) as recording:
            self.assertEqual((recording.getframerate(), recording.getnchannels(), recording.getnframes()), (22050, 1, 18432))
            samples = struct.unpack("<18432h", recording.readframes(18432))
        for sample, wanted in zip(samples[5000:5008], PIPER["cases"][0]["at_5000_8"], strict=True):
            self.assertAlmostEqual(sample / 32767, wanted, delta=1e-4)
        self.assertGreater(len(self.node.json("run", "joe", "--input", PIPER["phonemes"], *QUICK)["media"]["data"]), 10000)
        self.assert_fails(2, self.node.run("run", "joe", "--input", "Hello", *QUICK), "phonemes", "espeak-ng")


if __name__ == "__main__":
    unittest.main()
