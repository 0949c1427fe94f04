#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a T5 with RANDOM weights in the layout of Hugging Face optimum, and what numpy makes of it.

usage: make_tiny_t5.py test/data/models

Writes tiny-random-t5 (encoder_model.onnx, decoder_model.onnx, decoder_with_past_model.onnx and the small files) and
tiny_t5_cases.json. The tokenizer is the "t5" of tokenizer_cases.json. The expected tokens come from another way: T5 in
numpy, float64, written from its definition (Raffel et al. 2020; transformers' T5Model), every step over the whole
answer so far. The model says nothing true of any text. Wants numpy and tokenizers==0.23.3.
"""
import json
import math
import struct
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))
from export_bert_onnx import FLOAT, INT64, Graph, value_info  # noqa: E402
from export_whisper_onnx import encode_model  # noqa: E402

WIDTH, WIDE, LAYERS, HEADS, SIZE, BUCKETS, DISTANCE, EPSILON = 16, 32, 2, 2, 8, 32, 128, 1e-6
PAD, END, MASKED = 0, 1, -1e9
TEXTS = ["The cat sat on the mat.", "A model is a folder with files, and each of them has a name.", "ﬁne  Ａnd é…", "", "you are here. " * 30]
TASKS = {"summarization": {"prefix": "summarize: "}, "translation_en_to_de": {"prefix": "translate English to German: "}}


class Weights:
    """Random tensors by name, made when they are first asked for."""

    def __init__(self, vocabulary):
        self.random, self.values, self.vocabulary = np.random.default_rng(11), {}, vocabulary

    def array(self, name, shape):
        if name not in self.values:
            spread = 1.0 if name == "shared" else 0.5 if len(shape) > 1 else 0.2
            values = self.random.normal(1.0 if len(shape) == 1 else 0.0, spread, shape)
            if name == "shared":
                values[END] *= 2.2  # So that some answers end.
            self.values[name] = values.astype(np.float32)
        return self.values[name]


def bucket(distance, bidirectional):
    """relative_position_bucket() of T5; `distance` is memory minus query."""
    buckets, out = BUCKETS, 0
    if bidirectional:
        buckets //= 2
        out = buckets if distance > 0 else 0
        distance = abs(distance)
    else:
        distance = max(-distance, 0)
    exact = buckets // 2
    if distance < exact:
        return out + distance
    far = exact + int(math.log(distance / exact) / math.log(DISTANCE / exact) * (buckets - exact))
    return out + min(far, buckets - 1)


class Reference:
    def __init__(self, weights):
        self.w = {name: value.astype(np.float64) for name, value in weights.values.items()}

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * self.w[name]

    def attend(self, x, memory, name, bias):
        q, k, v = (source @ self.w[f"{name}.{part}"].T for part, source in (("q", x), ("k", memory), ("v", memory)))
        out = []
        for h in range(HEADS):
            s = slice(h * SIZE, (h + 1) * SIZE)
            scores = q[:, s] @ k[:, s].T + bias[h]
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            out.append(shares / shares.sum(-1, keepdims=True) @ v[:, s])
        return np.concatenate(out, axis=1) @ self.w[f"{name}.o"].T

    def bias(self, part, length):
        table = self.w[f"{part}.bias"]
        return np.array([[[table[bucket(k - q, part == "encoder"), h] + (MASKED if part == "decoder" and k > q else 0)
                           for k in range(length)] for q in range(length)] for h in range(HEADS)])

    def stack(self, part, ids, states=None):
        x, bias = self.w["shared"][ids], self.bias(part, len(ids))
        for i in range(LAYERS):
            layer = f"{part}.{i}"
            y = self.norm(x, f"{layer}.self.norm")
            x = x + self.attend(y, y, f"{layer}.self", bias)
            if states is not None:
                x = x + self.attend(self.norm(x, f"{layer}.cross.norm"), states, f"{layer}.cross", np.zeros(HEADS))
            y = self.norm(x, f"{layer}.ff.norm")
            x = x + np.maximum(y @ self.w[f"{layer}.ff.in"].T, 0) @ self.w[f"{layer}.ff.out"].T
        return self.norm(x, f"{part}.norm")

    def logits(self, states, ids):
        return self.stack("decoder", ids, states)[-1] * WIDTH**-0.5 @ self.w["shared"].T

    def answer(self, ids, most, rules):
        states, out, log_probability = self.stack("encoder", ids), [], 0.0
        first = None
        while len(out) < most:
            values = self.logits(states, [PAD] + out)
            first = values if first is None else first
            values = rules(out, values.copy())
            best = int(values.argmax())
            log_probability += float(values[best] - values.max() - np.log(np.exp(values - values.max()).sum()))
            if best == END:
                return out, log_probability / (len(out) + 1), first
            out.append(best)
        return out, log_probability / len(out), first


class T5Graph:
    def __init__(self, weights):
        self.weights, self.g = weights, Graph()

    def node(self, op, inputs, name, **attributes):
        return self.g.node(op, inputs, name, **attributes)

    def parameter(self, name, shape):
        return self.g.tensor(name, shape, self.weights.array(name, shape).tobytes())

    def linear(self, x, name, wide, narrow):
        table = np.ascontiguousarray(self.weights.array(name, [wide, narrow]).T)
        return self.node("MatMul", [x, self.g.tensor(name + "/t", [narrow, wide], table.tobytes())], name + "/out")

    def norm(self, x, name, output=None):
        y = self.node("Mul", [x, x], name + "/squares")
        y = self.node("ReduceMean", [y], name + "/mean", axes=[2], keepdims=1)
        y = self.node("Sqrt", [self.node("Add", [y, self.g.scalar("epsilon", EPSILON)], name + "/kept")], name + "/root")
        y = self.node("Div", [x, y], name + "/scaled")
        return self.node("Mul", [y, self.parameter(name, [WIDTH])], output or name + "/out")

    def heads(self, x, name):
        y = self.node("Reshape", [x, self.g.integers("by_head", 0, 0, HEADS, SIZE)], name + "/split")
        return self.node("Transpose", [y], name + "/heads", perm=[0, 2, 1, 3])

    def projected(self, x, name, part):
        return self.heads(self.linear(x, f"{name}.{part}", HEADS * SIZE, WIDTH), f"{name}.{part}")

    def attend(self, query, key, value, name, bias):
        scores = self.node("MatMul", [query, self.node("Transpose", [key], name + "/keys", perm=[0, 1, 3, 2])], name + "/scores")
        shares = self.node("Softmax", [self.node("Add", [scores, bias], name + "/biased")], name + "/shares", axis=-1)
        y = self.node("Transpose", [self.node("MatMul", [shares, value], name + "/mixed")], name + "/by_token", perm=[0, 2, 1, 3])
        y = self.node("Reshape", [y, self.g.integers("joined", 0, 0, HEADS * SIZE)], name + "/joined")
        return self.linear(y, f"{name}.o", WIDTH, HEADS * SIZE)

    def feed_forward(self, x, layer):
        y = self.linear(self.norm(x, f"{layer}.ff.norm"), f"{layer}.ff.in", WIDE, WIDTH)
        y = self.linear(self.node("Relu", [y], f"{layer}.ff/relu"), f"{layer}.ff.out", WIDTH, WIDE)
        return self.node("Add", [x, y], f"{layer}.ff/sum")

    def number(self, name, value):
        return self.g.tensor(name, [], struct.pack("<q", value), INT64)

    def length(self, x, axis, name):
        y = self.node("Shape", [x], name + "/one", start=axis, end=axis + 1)
        return self.node("Reshape", [y, self.g.tensor("scalar", [0], b"", INT64)], name)

    def bias(self, part, start, end):
        """[1, heads, new, all]: of each distance its bucket's, and in the decoder nothing of what lies ahead."""
        zero, one = self.number("zero", 0), self.number("one", 1)
        rows = self.node("Unsqueeze", [self.node("Range", [start, end, one], "rows"), self.g.integers("axis_1", 1)], "column")
        columns = self.node("Range", [zero, end, one], "columns")
        far = self.node("Sub", [columns, rows], "far")
        near = self.node("Clip", [far, self.number("least", -DISTANCE), self.number("most", DISTANCE)], "near")
        at = self.node("Add", [near, self.number("middle", DISTANCE)], "at")
        given = self.weights.array(f"{part}.bias", [BUCKETS, HEADS])
        table = np.stack([given[bucket(d, part == "encoder")] for d in range(-DISTANCE, DISTANCE + 1)])
        if part == "decoder":
            table[DISTANCE + 1:] += MASKED
        y = self.node("Gather", [self.g.tensor("distances", list(table.shape), table.astype(np.float32).tobytes()), at], "by_pair", axis=0)
        y = self.node("Transpose", [y], "by_head/bias", perm=[2, 0, 1])
        return self.node("Unsqueeze", [y, self.g.integers("axis_0", 0)], "bias")

    def mask(self, name):
        """[batch, 1, 1, length]: what is added to scores of padding."""
        y = self.node("Cast", [name], "mask/float", to=FLOAT)
        y = self.node("Mul", [self.node("Sub", [self.g.scalar("all", 1.0), y], "mask/none"), self.g.scalar("masked", MASKED)], "mask/added")
        return self.node("Unsqueeze", [y, self.g.integers("axes_1_2", 1, 2)], "mask/out")

    def words(self):
        return self.node("Gather", [self.parameter("shared", [self.weights.vocabulary, WIDTH]), "input_ids"], "words", axis=0)

    def encoder(self):
        x = self.words()
        bias = self.node("Add", [self.bias("encoder", self.number("zero", 0), self.length("input_ids", 1, "end")), self.mask("attention_mask")], "bias/masked")
        for i in range(LAYERS):
            layer = f"encoder.{i}"
            y = self.norm(x, f"{layer}.self.norm")
            y = self.attend(*(self.projected(y, f"{layer}.self", part) for part in "qkv"), f"{layer}.self", bias)
            x = self.feed_forward(self.node("Add", [x, y], f"{layer}.self/sum"), layer)
        self.norm(x, "encoder.norm", "last_hidden_state")
        inputs = [value_info(name, INT64, ["batch_size", "encoder_sequence_length"]) for name in ("input_ids", "attention_mask")]
        return inputs, [value_info("last_hidden_state", FLOAT, ["batch_size", "encoder_sequence_length", WIDTH])]

    def kept(self, i, side, part, length):
        return value_info(f"{'present' if length.startswith('present') else 'past_key_values'}.{i}.{side}.{part}", FLOAT,
                          ["batch_size", HEADS, length if side == "decoder" else "encoder_sequence_length", SIZE])

    def decoder(self, with_past):
        x, past = self.words(), self.number("zero", 0)
        if with_past:
            past = self.length("past_key_values.0.decoder.key", 2, "past")
        bias = self.bias("decoder", past, self.node("Add", [past, self.length("input_ids", 1, "new")], "end"))
        mask = self.mask("encoder_attention_mask")
        for i in range(LAYERS):
            layer = f"decoder.{i}"
            y = self.norm(x, f"{layer}.self.norm")
            query, kept = self.projected(y, f"{layer}.self", "q"), {}
            for part, what in (("k", "key"), ("v", "value")):
                fresh, output = self.projected(y, f"{layer}.self", part), f"present.{i}.decoder.{what}"
                old = f"past_key_values.{i}.decoder.{what}"
                kept[what] = self.node("Concat", [old, fresh], output, axis=2) if with_past else self.node("Identity", [fresh], output)
            x = self.node("Add", [x, self.attend(query, kept["key"], kept["value"], f"{layer}.self", bias)], f"{layer}.self/sum")
            x = self.node("Add", [x, self.cross(x, i, mask, with_past)], f"{layer}.cross/sum")
            x = self.feed_forward(x, layer)
        x = self.node("Mul", [self.norm(x, "decoder.norm"), self.g.scalar("root", WIDTH**-0.5)], "small")
        self.linear_logits(x)
        return self.decoder_inputs(with_past), self.decoder_outputs(with_past)

    def cross(self, x, i, mask, with_past):
        name = f"decoder.{i}.cross"
        query, kept = self.projected(self.norm(x, f"{name}.norm"), name, "q"), {}
        for part, what in (("k", "key"), ("v", "value")):
            kept[what] = f"past_key_values.{i}.encoder.{what}"
            if not with_past:
                kept[what] = self.node("Identity", [self.projected("encoder_hidden_states", name, part)], f"present.{i}.encoder.{what}")
        return self.attend(query, kept["key"], kept["value"], name, mask)

    def linear_logits(self, x):
        table = np.ascontiguousarray(self.weights.array("shared", [self.weights.vocabulary, WIDTH]).T)
        self.node("MatMul", [x, self.g.tensor("shared/t", list(table.shape), table.tobytes())], "logits")

    def decoder_inputs(self, with_past):
        inputs = [value_info("encoder_attention_mask", INT64, ["batch_size", "encoder_sequence_length"]),
                  value_info("input_ids", INT64, ["batch_size", "decoder_sequence_length"])]
        if not with_past:
            return inputs + [value_info("encoder_hidden_states", FLOAT, ["batch_size", "encoder_sequence_length", WIDTH])]
        return inputs + [self.kept(i, side, part, "past_decoder_sequence_length")
                         for i in range(LAYERS) for side in ("decoder", "encoder") for part in ("key", "value")]

    def decoder_outputs(self, with_past):
        sides = ("decoder",) if with_past else ("decoder", "encoder")
        return [value_info("logits", FLOAT, ["batch_size", "decoder_sequence_length", self.weights.vocabulary])] + [
            self.kept(i, side, part, "present_decoder_sequence_length") for i in range(LAYERS) for side in sides for part in ("key", "value")]


def tokenizer(folder):
    cases = json.loads((folder / "tokenizer_cases.json").read_text())
    entry = cases["documents"]["t5"]
    text = json.dumps({**entry["document"], "model": {**cases["models"][entry["model"]], **entry["changes"]}}, ensure_ascii=False)
    return text.replace('"precompiled_charsmap": ""', f'"precompiled_charsmap": "{cases["charsmap"]}"')


def no_rules(_, values):
    return values


def strict_rules(out, values):
    """min_length 8 and no_repeat_ngram_size 2, as transformers' processors apply them: the start token counts."""
    ids = [PAD] + out
    if len(ids) < 8:
        values[END] = -np.inf
    for i in range(len(ids) - 1):
        if ids[i] == ids[-1]:
            values[ids[i + 1]] = -np.inf
    return values


def main():
    folder = Path(sys.argv[1])
    out = folder / "tiny-random-t5"
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    text = tokenizer(folder)
    (out / "tokenizer.json").write_text(text)
    tok = Tokenizer.from_str(text)
    weights = Weights(tok.get_vocab_size())
    for name, build in (("encoder_model", lambda g: g.encoder()), ("decoder_model", lambda g: g.decoder(False)),
                        ("decoder_with_past_model", lambda g: g.decoder(True))):
        graph = T5Graph(weights)
        inputs, outputs = build(graph)
        (out / "onnx" / f"{name}.onnx").write_bytes(b"".join(bytes(c) for c in encode_model(graph.g, name, inputs, outputs)))
    config = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "d_model": WIDTH, "d_kv": SIZE, "d_ff": WIDE, "num_layers": LAYERS,
              "num_heads": HEADS, "relative_attention_num_buckets": BUCKETS, "relative_attention_max_distance": DISTANCE, "feed_forward_proj": "relu",
              "vocab_size": weights.vocabulary, "decoder_start_token_id": PAD, "eos_token_id": END, "pad_token_id": PAD, "n_positions": 64,
              "is_encoder_decoder": True, "task_specific_params": TASKS, "random_weights": True}
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (out / "generation_config.json").write_text(json.dumps({"decoder_start_token_id": PAD, "eos_token_id": END, "pad_token_id": PAD,
                                                            "max_length": 33}, indent=1) + "\n")
    (out / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 64}) + "\n")
    (out / "README.md").write_text("# A T5 with random weights\n\nMade by `make_tiny_t5.py` for tests: it says nothing true of any text.\n")
    reference = Reference(weights)
    cases = {"made_by": "make_tiny_t5.py", "rows": []}
    for task, prefix in (("", ""), ("summarization", "summarize: "), ("translation_en_to_de", "translate English to German: ")):
        for given in TEXTS:
            ids = tok.encode(prefix + given).ids
            if len(ids) > 64:
                ids = ids[:63] + [END]
            for rules, name in ((no_rules, "plain"), (strict_rules, "strict")):
                answer, score, first = reference.answer(ids, 32, rules)
                cases["rows"].append({"task": task, "text": given, "rules": name, "input": ids, "tokens": answer, "score": score,
                                      "answer": tok.decode(answer), "first_logits": [round(float(v), 6) for v in first[:8]]})
    (folder / "tiny_t5_cases.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
