#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write tokenizer_cases.json: small tokenizers of every kind, and what `tokenizers` makes of texts.

usage: make_tokenizer_cases.py > tokenizer_cases.json

The vocabularies are trained here, on this project's documents and the texts of
make_wordpiece_cases.py: they say nothing of any language. Their steps are those of the tokenizers
whose names they have. Wants PyPI tokenizers 0.23.3 and sentencepiece (for the table of characters).
"""
import base64
import hashlib
import json
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from make_wordpiece_cases import HAND_MADE, texts

ROOT = Path(__file__).resolve().parents[3]
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
SPLIT_BYTES = {**BYTES, "use_regex": True}
PATTERNS = {
    "cl100k": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "qwen35": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?"
             r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"
             r"\s*[\r\n]+|\s+(?!\S)|\s+",
    "tekken": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
              r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "clip": r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    "digits": r"\p{N}{1,3}",
    "kana": "[一-龥぀-ゟ゠-ヿ]+",
    "deepseek": "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|"
                "\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "number": r"\p{N}",
    "spaces": r"\s+",
    "double_spaces": " {2,}",
}
# A table of characters in SentencePiece's form, with what is peculiar about it: rules for several
# characters, rules that take away, and a first character with a rule of its own.
RULES = {"ﬁ": "fi", "Å": "A", "e\u0301": "E", "q": "k", "か\u3099": "が", "①": "1", "㎏": "kg", "\u00a0": " ", "\u200b": "", "\t": " ",
         "\n": " ", "ﷺ": "صلى الله عليه وسلم", "\r\n": " ", "Ａ": "A", "…": "...", "ö": "o\u0308", "👍": "up", "\u0600": "(n)", "\x07": ""}


def corpus():
    files = sorted((ROOT / "docs").glob("*.md")) + sorted((ROOT / "src").glob("*/README.md"))
    return [path.read_text() for path in files[:12]] + [text for text in HAND_MADE.split("|") if text]


def trained(model, trainer, normalizer=None, pre=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(corpus(), trainer)
    return json.loads(tokenizer.to_str())["model"]


def chars_map():
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder, "rules.tsv")
        lines = [" ".join(f"{ord(c):X}" for c in k) + "\t" + " ".join(f"{ord(c):X}" for c in v) for k, v in RULES.items()]
        rules.write_text("\n".join(lines) + "\n")
        Path(folder, "text").write_text("\n".join(corpus()))
        sentencepiece.SentencePieceTrainer.train(input=f"{folder}/text", model_prefix=f"{folder}/m", vocab_size=300, character_coverage=0.98, hard_vocab_limit=False,
                                                 normalization_rule_tsv=str(rules), minloglevel=2, max_sentence_length=100000)
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(Path(folder, "m.model").read_bytes())
        return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()


def byte_pairs():
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, special_tokens=["<s>", "</s>", "<pad>"], show_progress=False)
    return trained(models.BPE(), trainer, pre=pre_tokenizers.ByteLevel(add_prefix_space=False))


def sentence_pairs():
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=800, special_tokens=special, limit_alphabet=120, show_progress=False)
    model = trained(models.BPE(unk_token="<unk>"), trainer, normalizers.Replace(" ", "▁"), pre_tokenizers.Split("▁", "merged_with_next"))
    return {**model, "byte_fallback": True, "fuse_unk": True}


def clip_pairs():
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), end_of_word_suffix="</w>",
                                  special_tokens=["<|startoftext|>", "<|endoftext|>"], show_progress=False)
    pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERNS["clip"]), "removed", True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    model = trained(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"), trainer, normalizers.Lowercase(), pre)
    return {**model, "unk_token": "<|endoftext|>", "end_of_word_suffix": "</w>"}


def unigram():
    trainer = trainers.UnigramTrainer(vocab_size=700, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False)
    model = trained(models.Unigram(), trainer, pre=pre_tokenizers.Metaspace())
    used = sorted(model["vocab"][3:], key=lambda entry: (-entry[1], entry[0]))  # In one order, whatever threads did.
    return {**model, "unk_id": 2, "vocab": model["vocab"][:3] + [[token, round(score, 6)] for token, score in used]}


def split(name, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": PATTERNS[name]}, "behavior": behavior, "invert": invert}


def sequence(kind, *parts):
    return {"type": "Sequence", kind: list(parts)}


def added(content, number, **flags):
    return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **flags}


def template(before, after):
    ids = {"<s>": before[1] if before else 0, "</s>": after[1] if after else 0}
    single = [{"SpecialToken": {"id": "<s>", "type_id": 0}}] * bool(before) + [{"Sequence": {"id": "A", "type_id": 0}}]
    single += [{"SpecialToken": {"id": "</s>", "type_id": 0}}] * bool(after)
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}}] + [{"SpecialToken": {"id": "</s>", "type_id": 1}}] * bool(after)
    names = [name for name, given in (("<s>", before), ("</s>", after)) if given]
    return {"type": "TemplateProcessing", "single": single, "pair": pair,
            "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in names}}


def documents():
    """Name: (which model, changes to it, the document without its model)."""
    special = [added("<s>", 0), added("</s>", 1), added("<pad>", 2)]
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": special, "normalizer": None, "pre_tokenizer": SPLIT_BYTES,
            "post_processor": None, "decoder": SPLIT_BYTES}
    pieces = {**base, "added_tokens": [added("<unk>", 0), added("<s>", 1), added("</s>", 2)]}
    scored = {**base, "added_tokens": [added("<pad>", 0), added("</s>", 1), added("<unk>", 2)]}
    meta = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    back = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    fallback = [back, {"type": "ByteFallback"}, {"type": "Fuse"}]
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    double = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    table = {"type": "Precompiled", "precompiled_charsmap": ""}
    ends = {"sep": ["</s>", 1], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": True}
    return {
        "gpt2": ("bytes", {}, base),
        "roberta": ("bytes", {}, {**base, "pre_tokenizer": {**SPLIT_BYTES, "add_prefix_space": True},
                                  "post_processor": {"type": "RobertaProcessing", **ends},
                                  "added_tokens": special + [added("<mask>", 3, lstrip=True), added("the", 4, normalized=True, special=False)]}),
        "llama3": ("bytes", {"ignore_merges": True}, {
            **base, "pre_tokenizer": sequence("pretokenizers", split("cl100k"), BYTES),
            "post_processor": sequence("processors", {**BYTES}, template(("<s>", 0), None))}),
        "gpt4": ("bytes", {}, {**base, "pre_tokenizer": sequence("pretokenizers", split("cl100k", "Removed", True), BYTES)}),
        "qwen2": ("bytes", {}, {**base, "normalizer": {"type": "NFC"}, "pre_tokenizer": sequence("pretokenizers", split("qwen2"), BYTES)}),
        "claude": ("bytes", {}, {**base, "normalizer": {"type": "NFKC"}}),
        "smollm": ("bytes", {}, {**base, "pre_tokenizer": sequence("pretokenizers", {"type": "Digits", "individual_digits": True}, SPLIT_BYTES)}),
        "deepseek": ("bytes", {}, {**base, "pre_tokenizer": sequence("pretokenizers", split("digits"), split("kana"), split("deepseek"), BYTES)}),
        "llama2": ("pieces", {}, {**pieces, "normalizer": sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, space), "pre_tokenizer": None,
                                  "post_processor": template(("<s>", 1), None), "decoder": sequence("decoders", *fallback, strip)}),
        "mistral": ("pieces", {"byte_fallback": False}, {**pieces, "pre_tokenizer": {**meta, "prepend_scheme": "first", "split": False}, "decoder": meta}),
        "unfused": ("pieces", {"byte_fallback": False, "fuse_unk": False}, {**pieces, "pre_tokenizer": {**meta, "prepend_scheme": "never"},
                                                                            "decoder": {**meta, "prepend_scheme": "never"}}),
        "gemma": ("pieces", {}, {**pieces, "normalizer": space, "decoder": sequence("decoders", *fallback), "pre_tokenizer": {
            "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}}),
        "t5": ("scored", {}, {**scored, "normalizer": table, "pre_tokenizer": sequence("pretokenizers", {"type": "WhitespaceSplit"}, meta),
                              "post_processor": template(None, ("</s>", 1)), "decoder": meta}),
        "xlm_roberta": ("scored", {}, {**scored, "normalizer": sequence("normalizers", table, {"type": "Strip", "strip_left": False, "strip_right": True},
                                                                        {**double, "content": "▁"}), "pre_tokenizer": meta, "decoder": meta}),
        "albert": ("scored", {"byte_fallback": True}, {**scored, "decoder": meta, "pre_tokenizer": meta, "normalizer": sequence(
            "normalizers", {"type": "Replace", "pattern": {"String": "``"}, "content": "\""}, {"type": "NFKD"}, {"type": "StripAccents"},
            {"type": "Lowercase"}, double)}),
        "clip": ("clip", {}, {**base, "added_tokens": [added("<|startoftext|>", 0), added("<|endoftext|>", 1)],
                              "normalizer": sequence("normalizers", {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                                                     {"type": "Lowercase"}),
                              "pre_tokenizer": sequence("pretokenizers", split("clip", "Removed", True), SPLIT_BYTES),
                              "post_processor": {"type": "RobertaProcessing", "sep": ["<|endoftext|>", 1], "cls": ["<|startoftext|>", 0]} | {
                                  "trim_offsets": False, "add_prefix_space": False},
                              "decoder": {"type": "BPEDecoder", "suffix": "</w>"}}),
    }


# A generator of texts that is the same in every language: Knuth's MMIX numbers, their upper half.
PARTS = [" ", "q\u0301", "  ", "\n", "\r\n", " \n ", "\t", "\u00a0", "\u3000", "\u200b", "▁", "'s", "'S", "'ſ", "'re", "'LL", "don't", "``", "<s>", "<unk>",
         "\u0301", "e\u0301", "\u200d", "ﬁ\u0301", "か\u3099", "①", "the", " the", "models", "12345", "3.14", "ÀÉ", "ß", "Привет", "你好", "日本語",
         "ひらがな", "한국어", "สวัสดี", "مرحبا", "नमस्ते", "😀", "👩‍👩‍👧", "🇩🇪", "\u0600a", "!!", "\r", "/*", "</s>", "ǅ", "ʰ", "²", "Ⅷ"]
RANGES = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x3FF), (0x400, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF), (0x1E00, 0x20FF), (0x3040, 0x30FF), (0x4E00, 0x9FFF),
          (0xAC00, 0xD7A3), (0xF900, 0xFFFF), (0x10000, 0x1FFFF)]


class Numbers:
    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % count


def random_texts(count):
    numbers = Numbers(20261122)
    for _ in range(count):
        text = ""
        for _ in range(1 + numbers.below(30)):
            if numbers.below(2) == 0:
                text += PARTS[numbers.below(len(PARTS))]
            else:
                first, last = RANGES[numbers.below(len(RANGES))]
                text += chr(first + numbers.below(last - first + 1))
        yield text


def digest(lines):
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def pages():
    return ["".join(f"a{chr(c)}b " for c in range(page << 8, (page + 1) << 8) if not 0xD800 <= c < 0xE000) for page in range(0x1100)]


def every_character():
    """SHA-256 over every character between 'a' and 'b', 256 of them at a time."""
    out = {}
    for name, step in (("nfkd", normalizers.NFKD()), ("nfkc", normalizers.NFKC())):
        out[name] = hashlib.sha256("".join(step.normalize_str(page) for page in pages()).encode()).hexdigest()
    for name, pattern in PATTERNS.items():
        step = pre_tokenizers.Split(Regex(pattern), "isolated")
        out[name] = hashlib.sha256("".join("\n".join(w for w, _ in step.pre_tokenize_str(page)) for page in pages()).encode()).hexdigest()
    return out


def main():
    trained_models = {"bytes": byte_pairs(), "pieces": sentence_pairs(), "clip": clip_pairs(), "scored": unigram()}
    table = chars_map()
    made = {}
    for name, (model, changes, document) in documents().items():
        text = json.dumps({**document, "model": {**trained_models[model], **changes}})
        made[name] = Tokenizer.from_str(text.replace('"precompiled_charsmap": ""', f'"precompiled_charsmap": "{table}"'))
    shown = [text for text in texts() if len(text) < 200][::3]
    out = {"source": "PyPI tokenizers 0.23.3; make_tokenizer_cases.py", "models": trained_models, "charsmap": table, "patterns": PATTERNS,
           "documents": {name: {"model": model, "changes": changes, "document": document} for name, (model, changes, document) in documents().items()},
           "parts": PARTS, "ranges": RANGES, "every_character_sha256": every_character()}
    given = list(random_texts(2000))
    out["random_sha256"] = {}
    for name, tokenizer in made.items():
        ids = [tokenizer.encode(text).ids for text in given]
        out["random_sha256"][name] = {"ids": digest(",".join(map(str, row)) for row in ids),
                                      "decoded": digest(tokenizer.decode(row, skip_special_tokens=False) for row in ids)}
    head = json.dumps(out, ensure_ascii=False, separators=(",", ":"))
    rows = [json.dumps({"text": text, **{n: t.encode(text).ids for n, t in made.items()}}, separators=(",", ":")) for text in shown]
    print(head[:-1] + ',\n"cases": [\n' + ",\n".join(rows) + "\n]}")


if __name__ == "__main__":
    main()
