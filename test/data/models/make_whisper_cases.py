#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write whisper_cases.json: what Whisper's own definitions, in numpy, make of inputs/speech16k.wav.

usage: make_whisper_cases.py WHISPER_FOLDER REFERENCE_JSON > whisper_cases.json

Spectra: whisper/audio.py and librosa's Slaney filters, in float64. Tokens: the ONNX graphs that
tools/export_whisper_onnx.py wrote, run by ONNX Runtime 1.31.1, under a port of whisper/decoding.py
and whisper/transcribe.py (temperature 0, no text before as a prompt). REFERENCE_JSON holds what
transformers and PyTorch made of the same recording (`hf_torch`). Wants numpy and onnxruntime.
"""
import json
import sys
import wave
from pathlib import Path

import numpy as np
import onnxruntime

SPEECH = Path(__file__).resolve().parent / "inputs" / "speech16k.wav"
FRAMES, HOP, RATE = 3000, 160, 16000
END, START, NO_SPEECH, NO_TIMES, FIRST_TIME = 50256, 50257, 50361, 50362, 50363


def speech():
    with wave.open(str(SPEECH)) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), "<i2") / 32768.0


def tone():
    """A rising tone of one second, so that no frame is like another."""
    t = np.arange(RATE) / RATE
    return (0.5 * np.sin(2 * np.pi * (200 * t + 1500 * t * t))).astype(np.float32).astype(np.float64)


def long_speech():
    """The end of the recording four times, with pauses, and all of it: over two windows."""
    end, whole = speech()[64000:], speech()
    return np.concatenate([end, np.zeros(16000), end, np.zeros(24000), end, np.zeros(8000), end, np.zeros(64000),
                           whole, end])


def mel_filters(count=80):
    step, log_step = 200 / 3, np.log(6.4) / 27

    def to_mel(hz):
        return hz / step if hz < 1000 else 15 + np.log(hz / 1000) / log_step

    mels = np.linspace(to_mel(0.0), to_mel(RATE / 2), count + 2)
    edges = np.where(mels < 15, mels * step, 1000 * np.exp(log_step * (mels - 15)))
    ramps = edges[:, None] - np.linspace(0, RATE / 2, 201)[None]
    widths = np.diff(edges)
    weights = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]))
    return weights * (2 / (edges[2:] - edges[:-2]))[:, None]


def log_mel(samples):
    padded = np.pad(np.concatenate([samples, np.zeros(30 * RATE)]), 200, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::HOP] * window
    power = np.abs(np.fft.rfft(frames)) ** 2
    mel = np.log10(np.maximum(mel_filters() @ power[:-1].T, 1e-10))
    return ((np.maximum(mel, mel.max() - 8) + 4) / 4).astype(np.float32)


class Model:
    def __init__(self, folder):
        self.encoder = onnxruntime.InferenceSession(folder / "onnx/encoder_model.onnx")
        self.decoder = onnxruntime.InferenceSession(folder / "onnx/decoder_model_merged.onnx")
        self.names = [output.name for output in self.decoder.get_outputs()]
        self.rules = json.loads((folder / "generation_config.json").read_text())
        tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        self.words = {i: word for word, i in tokenizer["model"]["vocab"].items()}
        plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [b for b in range(256) if b not in plain]
        self.bytes = {chr(b): b for b in plain} | {chr(256 + n): b for n, b in enumerate(others)}

    def text(self, ids):
        word = "".join(self.words[i] for i in ids if i < END)
        return bytes(self.bytes[c] for c in word).decode("utf-8", "replace")

    def encode(self, mel):
        return self.encoder.run(None, {"input_features": mel[None]})[0]

    def step(self, states, ids, past):
        feed = {"input_ids": np.array([ids], np.int64), "encoder_hidden_states": states,
                "use_cache_branch": np.array([past is not None])}
        for spec in self.decoder.get_inputs():
            if spec.name.startswith("past_key_values."):
                feed[spec.name] = (np.zeros((1, 6, 0, 64), np.float32) if past is None
                                   else past[spec.name.removeprefix("past_key_values.")])
        outputs = dict(zip(self.names, self.decoder.run(None, feed)))
        return outputs.pop("logits")[0], {name.removeprefix("present."): value for name, value in outputs.items()}


def log_softmax(x):
    x = x - x.max()
    return x - np.log(np.exp(x).sum())


def rules(model, tokens, logits):
    """SuppressBlank, SuppressTokens and ApplyTimestampRules of decoding.py."""
    if not tokens:
        logits[model.rules["begin_suppress_tokens"]] = -np.inf
    logits[model.rules["suppress_tokens"]] = -np.inf
    logits[NO_TIMES] = -np.inf
    last_was = len(tokens) >= 1 and tokens[-1] >= FIRST_TIME
    before_was = len(tokens) < 2 or tokens[-2] >= FIRST_TIME
    if last_was:
        if before_was:
            logits[FIRST_TIME:] = -np.inf
        else:
            logits[:END] = -np.inf
    times = [t for t in tokens if t >= FIRST_TIME]
    if times:
        logits[FIRST_TIME:times[-1] if last_was and not before_was else times[-1] + 1] = -np.inf
    if not tokens:
        logits[:FIRST_TIME] = -np.inf
        logits[FIRST_TIME + 50 + 1:] = -np.inf
    logprobs = log_softmax(logits)
    with np.errstate(divide="ignore"):
        all_times = np.log(np.exp(logprobs[FIRST_TIME:]).sum())
    if all_times > logprobs[:FIRST_TIME].max():
        logits[:FIRST_TIME] = -np.inf


def decode(model, mel):
    states, past, ids, tokens, total = model.encode(mel), None, [START], [], 0.0
    while len(tokens) < 224:
        raw, past = model.step(states, ids, past)
        if not tokens:
            no_speech = float(np.exp(log_softmax(raw[0].astype(np.float64)))[NO_SPEECH])
        logits = raw[-1].astype(np.float64)
        logits[END + 1:NO_TIMES] = -np.inf
        rules(model, tokens, logits)
        token = int(logits.argmax())
        total += float(log_softmax(logits)[token])
        if token == END:
            break
        tokens.append(token)
        ids = [token]
    return tokens, total / (len(tokens) + 1), no_speech


def transcribe(model, samples):
    mel, seek, segments = log_mel(samples), 0, []
    content = mel.shape[1] - FRAMES
    while seek < content:
        size = min(FRAMES, content - seek)
        tokens, mean, no_speech = decode(model, mel[:, seek:seek + FRAMES])
        offset, start = seek * HOP / RATE, seek
        if no_speech > 0.6 and mean <= -1.0:
            seek += size
            continue
        times = np.array(tokens) >= FIRST_TIME
        single = times[-2:].tolist() == [False, True]
        cuts = (np.where(times[:-1] & times[1:])[0] + 1).tolist()
        found = []
        if cuts:
            if single:
                cuts.append(len(tokens))
            last = 0
            for cut in cuts:
                part = tokens[last:cut]
                found.append((offset + (part[0] - FIRST_TIME) * 0.02, offset + (part[-1] - FIRST_TIME) * 0.02, part))
                last = cut
            seek += size if single else (tokens[last - 1] - FIRST_TIME) * 2
        else:
            duration = size * HOP / RATE
            marks = [t for t in tokens if t >= FIRST_TIME]
            if marks and marks[-1] != FIRST_TIME:
                duration = (marks[-1] - FIRST_TIME) * 0.02
            found.append((offset, offset + duration, tokens))
            seek += size
        for begin, end, part in found:
            text = model.text(part)
            if begin != end and text.strip():
                segments.append({"start": round(begin, 2), "end": round(end, 2), "text": text, "tokens": part,
                                 "avg_logprob": round(mean, 5), "no_speech_prob": round(no_speech, 6), "seek": start})
    return segments


def frames(samples, places):
    mel = log_mel(samples)[:, :FRAMES]
    return {"mean": float(mel.mean()), "frames": {str(at): [round(float(v), 6) for v in mel[:, at]] for at in places}}


def main():
    model, reference = Model(Path(sys.argv[1])), json.loads(Path(sys.argv[2]).read_text())["hf_torch"]
    states = model.encode(log_mel(speech())[:, :FRAMES])
    filters = mel_filters()
    cases = {
        "filters": {str(i): {"first": int(np.flatnonzero(filters[i])[0]), "weights": [float(w) for w in filters[i][filters[i] > 0]]}
                    for i in (0, 1, 40, 79)},
        "speech": frames(speech(), (0, 1, 57, 333, 816, 817, 818, 819, 2999)),
        "tone": frames(tone(), (0, 1, 2, 50, 98, 99, 100, 101, 102)),
        "hf_torch": reference,
        "encoder_mean": float(states.mean()),
        "segments": transcribe(model, speech()),
        "long": transcribe(model, long_speech()),
    }
    json.dump(cases, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
