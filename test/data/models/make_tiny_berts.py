#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write BERT models with RANDOM weights, one for each head, and what an independent program makes of them.

usage: make_tiny_berts.py test/data/models

The graphs are those of tools/export_bert_onnx.py with a head of ONNX nodes. The expected numbers come from another
way: BERT in numpy, float64, written from its definition (Devlin et al. 2018; transformers' heads), over token ids of
Hugging Face `tokenizers`; ONNX Runtime is only asked whether it agrees. The models say nothing true of any text.
Wants numpy, onnxruntime and tokenizers==0.23.3 in an environment of their own.
"""
import importlib.util
import json
import math
import string
import struct
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

TOOL = Path(__file__).resolve().parents[3] / "tools/export_bert_onnx.py"
spec = importlib.util.spec_from_file_location("export_bert_onnx", TOOL)
export = importlib.util.module_from_spec(spec)
spec.loader.exec_module(export)

HIDDEN, WIDE, LAYERS, HEADS, POSITIONS = 16, 32, 2, 2, 48
WORDS = ("the a cat dog sat on mat in berlin anna lives works at who where what is was it and of city house red big "
         "small ran to from water paris john smith river long").split()
VOCABULARY = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list(string.ascii_lowercase + string.digits) + ["##" + c for c in string.ascii_lowercase]
              + list(".,?!'-") + [w for w in WORDS if len(w) > 1] + ["##s", "##ed", "##ing"])
VOCABULARY = list(dict.fromkeys(VOCABULARY))
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TEXTS = ["The cat sat on the mat.", "Anna Smith lives in Berlin, a big city.", "?", "John works in Paris; Anna ran to the river - it was long!"]
LONG = "the water of the long river ran from Paris to the red house in Berlin and Anna sat on a mat. " * 4
QUERY = "Where is the cat?"


def tokenizer():
    result = Tokenizer(models.WordPiece({word: i for i, word in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    result.normalizer = normalizers.BertNormalizer(lowercase=True)
    result.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    result.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                          special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    result.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return result


class Weights:
    """Random tensors by name, made when they are first asked for."""

    def __init__(self, seed):
        self.random, self.values, self.header = np.random.default_rng(seed), {}, {}

    def array(self, name, shape):
        if name not in self.values:
            spread = 0.4 if len(shape) > 1 else 0.2
            values = self.random.normal(0, spread, shape)
            if name.endswith("LayerNorm.weight"):
                values = values + 1
            self.values[name] = values.astype(np.float32)
        return self.values[name]

    def tensor(self, name, shape):
        return self.array(name, shape).tobytes()


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


class Reference:
    """BERT over one sequence without padding, in float64."""

    def __init__(self, weights):
        self.w = {name: value.astype(np.float64) for name, value in weights.values.items()}

    def linear(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def norm(self, x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * self.w[name + ".weight"] + self.w[name + ".bias"]

    def hidden(self, ids, types):
        e = "embeddings."
        x = self.w[e + "word_embeddings.weight"][ids] + self.w[e + "token_type_embeddings.weight"][types]
        x = self.norm(x + self.w[e + "position_embeddings.weight"][:len(ids)], e + "LayerNorm")
        size = HIDDEN // HEADS
        for i in range(LAYERS):
            layer = f"encoder.layer.{i}."
            q, k, v = (self.linear(x, f"{layer}attention.self.{part}") for part in ("query", "key", "value"))
            mixed = np.concatenate([softmax(q[:, s] @ k[:, s].T / math.sqrt(size)) @ v[:, s]
                                    for s in (slice(h * size, (h + 1) * size) for h in range(HEADS))], axis=1)
            x = self.norm(self.linear(mixed, layer + "attention.output.dense") + x, layer + "attention.output.LayerNorm")
            wide = gelu(self.linear(x, layer + "intermediate.dense"))
            x = self.norm(self.linear(wide, layer + "output.dense") + x, layer + "output.LayerNorm")
        return x

    def classify(self, x):
        return self.linear(np.tanh(self.linear(x[:1], "pooler.dense")), "classifier")[0]

    def tag(self, x):
        return self.linear(x, "classifier")

    def answer(self, x):
        return self.linear(x, "qa_outputs")

    def fill(self, x):
        x = self.norm(gelu(self.linear(x, "transform.dense")), "transform.LayerNorm")
        return x @ self.w["embeddings.word_embeddings.weight"].T + self.w["predictions.bias"]


class Head:
    """The nodes of a head behind last_hidden_state."""

    def __init__(self, bert):
        self.bert, self.graph = bert, bert.graph

    def first(self, x):
        return self.graph.node("Gather", [x, self.graph.tensor("first", [], struct.pack("<q", 0), export.INT64)], "first_token", axis=1)

    def column(self, x, index, output):
        which = self.graph.tensor(f"column_{index}", [], struct.pack("<q", index), export.INT64)
        return self.graph.node("Gather", [x, which], output, axis=2)

    def renamed(self, x, output):
        self.graph.node("Identity", [x], output)

    def classify(self, labels):
        pooled = self.graph.node("Tanh", [self.bert.linear(self.first("last_hidden_state"), "pooler.dense", HIDDEN, HIDDEN)], "pooled")
        self.renamed(self.bert.linear(pooled, "classifier", HIDDEN, labels), "logits")
        return [("logits", ["batch", labels])]

    def tag(self, labels):
        self.renamed(self.bert.linear("last_hidden_state", "classifier", HIDDEN, labels), "logits")
        return [("logits", ["batch", "sequence", labels])]

    def answer(self, labels):
        both = self.bert.linear("last_hidden_state", "qa_outputs", HIDDEN, labels)
        self.column(both, 0, "start_logits")
        self.column(both, 1, "end_logits")
        return [("start_logits", ["batch", "sequence"]), ("end_logits", ["batch", "sequence"])]

    def fill(self, labels):
        g = self.graph
        x = self.bert.linear("last_hidden_state", "transform.dense", HIDDEN, HIDDEN)
        y = g.node("Erf", [g.node("Div", [x, g.scalar("sqrt_2", math.sqrt(2))], "transform/scaled")], "transform/erf")
        y = g.node("Mul", [x, g.node("Add", [y, g.scalar("one", 1.0)], "transform/shifted")], "transform/gated")
        y = self.bert.normalized(g.node("Mul", [y, g.scalar("half", 0.5)], "transform/gelu"), "transform.LayerNorm")
        words = self.bert.weights.array("embeddings.word_embeddings.weight", [labels, HIDDEN])
        table = g.tensor("words_t", [HIDDEN, labels], np.ascontiguousarray(words.T).tobytes())
        g.node("Add", [g.node("MatMul", [y, table], "scores"), self.bert.parameter("predictions.bias", [labels])], "logits")
        return [("logits", ["batch", "sequence", labels])]


def encode_model(graph, outputs):
    head = export.integer(1, 8) + export.blob(2, "ipfs-accelerate") + export.blob(8, export.blob(1, "") + export.integer(2, 17))
    inputs = [export.value_info(n, export.INT64, ["batch", "sequence"]) for n in ("input_ids", "attention_mask", "token_type_ids")]
    infos = [export.value_info(name, export.FLOAT, dims) for name, dims in outputs]
    for width in range(1, 10):
        chunks = graph.encode("tiny_random_bert", inputs, infos, len(head) + 1 + width)
        prefix = export.varint(7 << 3 | 2) + export.varint(sum(map(len, chunks)))
        if len(prefix) == 1 + width:
            return b"".join(bytes(c) for c in [head, prefix, *chunks])
    raise AssertionError("no width fits")


KINDS = {"text-classification": ("BertForSequenceClassification", "classify", ["sad", "plain", "glad"]),
         "text-ranking": ("BertForSequenceClassification", "classify", ["LABEL_0"]),
         "token-classification": ("BertForTokenClassification", "tag", TAGS),
         "question-answering": ("BertForQuestionAnswering", "answer", ["start", "end"]),
         "fill-mask": ("BertForMaskedLM", "fill", VOCABULARY)}


def make(task, seed, folder):
    architecture, head, labels = KINDS[task]
    config = {"architectures": [architecture], "model_type": "bert", "hidden_size": HIDDEN, "intermediate_size": WIDE, "num_hidden_layers": LAYERS,
              "num_attention_heads": HEADS, "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "vocab_size": len(VOCABULARY),
              "layer_norm_eps": 1e-12, "random_weights": True}
    if task != "fill-mask" and task != "question-answering":
        config["id2label"] = {str(i): name for i, name in enumerate(labels)}
    weights, graph = Weights(seed), export.Graph()
    bert = export.Bert(graph, weights, config)
    bert.build()
    outputs = getattr(Head(bert), head)(len(labels))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    tokenizer().save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "model.onnx").write_bytes(encode_model(graph, outputs))
    return Reference(weights), onnxruntime.InferenceSession(folder / "model.onnx")


def numbers(reference, session, head, encoding):
    """The head's numbers in numpy, after asking ONNX Runtime whether it agrees."""
    ids, types = np.array(encoding.ids), np.array(encoding.type_ids)
    wanted = getattr(reference, head)(reference.hidden(ids, types))
    given = {"input_ids": ids[None], "attention_mask": np.ones_like(ids)[None], "token_type_ids": types[None]}
    got = np.squeeze(np.stack(session.run(None, given), axis=-1)[0])
    assert np.abs(got.reshape(wanted.shape) - wanted).max() < 1e-4, np.abs(got.reshape(wanted.shape) - wanted).max()
    return wanted


def tagged(text, encoding, logits):
    """transformers' aggregation "first", then neighbours joined; words are the tokenizer's own."""
    found, last, previous = [], None, None
    for i, word in enumerate(encoding.word_ids):
        if word is None or word == previous:
            continue
        previous = word
        share = softmax(logits[i])
        label, score = TAGS[int(share.argmax())], float(share.max())
        spans = [encoding.offsets[j] for j, w in enumerate(encoding.word_ids) if w == word]
        begin, end = spans[0][0], spans[-1][1]
        prefix, _, entity = label.rpartition("-")
        if label == "O":
            last = None
        elif entity == last and prefix == "I":
            found[-1]["end"] = end
            found[-1]["scores"].append(score)
        else:
            found.append({"label": entity, "start": begin, "end": end, "scores": [score]})
            last = entity
    return [{"label": f["label"], "start": f["start"], "end": f["end"], "text": text[f["start"]:f["end"]],
             "score": sum(f["scores"]) / len(f["scores"])} for f in found]


def answered(windows, top_k):
    """windows: (encoding, logits, first character of each token's word, last one)."""
    candidates = []
    for encoding, logits in windows:
        inside = [i for i, s in enumerate(encoding.sequence_ids) if s == 1]
        kept = [0] + inside
        shares = softmax(logits[kept].T)[:, 1:]
        for a, first in enumerate(inside):
            for b in range(a, min(a + 15, len(inside))):
                words = [encoding.token_to_word(first), encoding.token_to_word(inside[b])]
                begin = encoding.word_to_chars(words[0], 1)[0]
                end = encoding.word_to_chars(words[1], 1)[1]
                candidates.append((float(shares[0][a] * shares[1][b]), begin, end))
    candidates.sort(key=lambda c: -c[0])
    found = []
    for score, begin, end in candidates:
        if all((f["start"], f["end"]) != (begin, end) for f in found):
            found.append({"score": score, "start": begin, "end": end})
        if len(found) == top_k:
            return found
    return found


def main():
    out, tok, cases = Path(sys.argv[1]), tokenizer(), {"made_by": "make_tiny_berts.py", "texts": TEXTS, "query": QUERY, "long": LONG}
    opened = {task: make(task, seed, out / f"tiny-random-bert-{task}") for seed, task in enumerate(KINDS, 40)}
    short = tokenizer()
    short.enable_truncation(POSITIONS)
    rows = []
    for text in [*TEXTS, LONG]:
        logits = numbers(*opened["text-classification"], "classify", short.encode(text))
        rows.append([{"label": KINDS["text-classification"][2][i], "score": float(softmax(logits)[i])} for i in np.argsort(-logits)])
    cases["text-classification"] = rows
    scores = [float(1 / (1 + math.exp(-numbers(*opened["text-ranking"], "classify", short.encode(QUERY, text))[0]))) for text in [*TEXTS, LONG]]
    cases["text-ranking"] = [{"index": i, "score": scores[i]} for i in sorted(range(len(scores)), key=lambda i: -scores[i])]
    cases["token-classification"] = [tagged(text, tok.encode(text), numbers(*opened["token-classification"], "tag", tok.encode(text))) for text in TEXTS]
    masked = ["The [MASK] sat on the mat.", "Anna lives in [MASK]", "a cat[MASK] ran."]
    cases["masked"], cases["fill-mask"] = masked, []
    for text in masked:
        encoding = tok.encode(text)
        share = softmax(numbers(*opened["fill-mask"], "fill", encoding)[encoding.ids.index(4)])
        cases["fill-mask"].append([{"label": VOCABULARY[i], "score": float(share[i])} for i in np.argsort(-share)[:5]])
    cases["question-answering"] = []
    for text in [TEXTS[1], TEXTS[3], LONG]:
        stride = min(POSITIONS // 2, 128)
        cut = tokenizer()
        cut.enable_truncation(POSITIONS, stride=stride, strategy="only_second")
        whole = cut.encode(QUERY, text)
        windows = [whole, *whole.overflowing]
        cases["question-answering"].append(answered([(w, numbers(*opened["question-answering"], "answer", w)) for w in windows], 3))
    (out / "tiny_bert_cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
