#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write src/models/tokenizer/unicode_tables.inc: how `tokenizers` classifies characters, asked of itself.

usage: make_unicode_tables.py > src/models/tokenizer/unicode_tables.inc

Needs PyPI tokenizers 0.23.x. Its categories come from tables of Unicode 8 (unicode_categories) and
16 (regex), so neither the system's nor utf8proc's categories give the same answers.
"""
from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
only = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
clean = normalizers.BertNormalizer(**{**only, "clean_text": True})
strip = normalizers.BertNormalizer(**{**only, "strip_accents": True})
lower, marks = normalizers.Lowercase(), normalizers.StripAccents()
punctuation, words = pre_tokenizers.Punctuation(), pre_tokenizers.Whitespace()
spaces = pre_tokenizers.WhitespaceSplit()

TABLES = {  # name: (what it says, predicate)
    "kControl": ("dropped by clean_text", lambda c: clean.normalize_str(f"a{c}b") == "ab"),
    "kSpace": ("White_Space", lambda c: len(spaces.pre_tokenize_str(f"a{c}b")) == 2),
    "kPunctuation": ("split off by BertPreTokenizer",
                     lambda c: len(punctuation.pre_tokenize_str(f"a{c}b")) == 3),
    "kNonspacing": ("Mn: dropped by strip_accents", lambda c: strip.normalize_str(c) == ""),
    "kMark": ("M: dropped by StripAccents", lambda c: marks.normalize_str(c) == ""),
    "kWord": ("\\w of Whitespace and single_word",
              lambda c: len(words.pre_tokenize_str(f"a{c}b")) == 1),
}
# Newer than utf8proc 2.8 (Unicode 15), which has the other lower-case letters.
NEW_LETTERS = [0x1C89, *range(0xA7CB, 0xA7DD), *range(0x10D50, 0x10D66), *range(0x16EA0, 0x16EB9)]

digits = pre_tokenizers.Digits(individual_digits=True)


def of_class(pattern):
    """The characters that a regular expression of tokenizers matches alone."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    return [c for c in CODE_POINTS if not split.pre_tokenize_str(chr(c))]


# In the order of unicode.hpp's Category; what is none of these is "other".
CATEGORIES = [r"[\p{Lu}\p{Lt}]", r"\p{Ll}", r"[\p{Lm}\p{Lo}]", r"\p{M}", r"\p{N}", r"\p{P}", r"\p{S}"]


def category_runs():
    """(first, category) of every run."""
    of = {c: i + 1 for i, pattern in enumerate(CATEGORIES) for c in of_class(pattern)}
    runs = []
    for c in range(0x110000):
        if not runs or runs[-1][1] != of.get(c, 0):
            runs.append((c, of.get(c, 0)))
    return runs


def ranges(points):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def print_table(kind, name, note, cells):
    print(f"// {note}\ninline constexpr {kind} {name}[] = {{")
    line = "   "
    for cell in cells:
        if len(line) + len(cell) + 2 > 100:
            print(line)
            line = "   "
        line += f" {cell},"
    print(line + "\n};")


def lower_runs():
    runs = []  # first, last, distance
    for c in NEW_LETTERS:
        distance = ord(lower.normalize_str(chr(c))) - c
        if distance == 0:
            continue
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == distance:
            runs[-1][1] = c
        else:
            runs.append([c, c, distance])
    return runs


print("""// SPDX-License-Identifier: Apache-2.0
// Written by test/data/models/make_unicode_tables.py from tokenizers 0.23.3; for unicode.cpp alone.
// clang-format off""")
for table, (meaning, predicate) in TABLES.items():
    found = ranges([c for c in CODE_POINTS if predicate(chr(c))])
    print_table("CodeRange", table, meaning, [f"{{0x{a:X},0x{b:X}}}" for a, b in found])
print_table("LowerRange", "kNewLower", "lower-case letters that utf8proc 2.8 does not know: distance",
            [f"{{0x{a:X},0x{b:X},{d}}}" for a, b, d in lower_runs()])

print_table("CategoryRun", "kCategory", "the first character of each run of one Category",
            [f"{{0x{first:X},{category}}}" for first, category in category_runs()])
known = set(of_class(r"\p{N}"))
print_table("CodeRange", "kNewNumber", "split off by Digits, and yet not \\p{N}",
            [f"{{0x{a:X},0x{b:X}}}" for a, b in ranges(
                [c for c in CODE_POINTS if c not in known
                 and len(digits.pre_tokenize_str(f"a{chr(c)}b")) == 3])])
