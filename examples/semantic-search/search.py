# SPDX-License-Identifier: Apache-2.0
"""Semantic search over corpus.txt with the model named minilm: embed, compare, print; then say how each figure is known."""
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BEST = 3


def lines_of(name):
    return [line for line in (HERE / name).read_text().splitlines() if line.strip()]


def embed(binary, name, *flags):
    command = [binary, "text", "embed", "--model", "minilm", "--input-file", str(HERE / name), "--json", *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


def print_answers(passages, questions, corpus, queries):
    for question, vector in zip(questions, queries["embeddings"]):
        print(f"\n   {question}")
        # The vectors have length one, so the dot product is the cosine.
        scores = [sum(a * b for a, b in zip(vector, other)) for other in corpus["embeddings"]]
        for index in sorted(range(len(passages)), key=lambda i: -scores[i])[:BEST]:
            print(f"     {scores[index]:.3f}  {passages[index]}")


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def print_facts(pull, corpus, queries):
    model = corpus["model"]
    print(f"\n4. How this is known")
    print(f"   model       {model['name']}, CID {model['cid']}")
    print(f"               weights sha256 {model['weights_sha256']}")
    for source in pull["sources"]:
        print(f"   came from   {source['url']}: {megabytes(source['bytes'])} in {source['blocks']} blocks")
    print(f"   verified    {megabytes(pull['bytes_verified'])} hashed against their CIDs; "
          f"{megabytes(pull['bytes_reused'])} were here already ({pull['seconds']:.2f} s)")
    print(f"   ran on      {corpus['engine']} {corpus['engine_version']}, device {corpus['device']}, {corpus['precision']}, "
          f"{corpus['threads']} thread(s)")
    print(f"   because     {corpus['why']} ({corpus['choice']})")
    print(f"   latency     {corpus['latency_ms']:.1f} ms for {len(corpus['embeddings'])} passages ({corpus['tokens']} tokens), "
          f"{queries['latency_ms']:.1f} ms for {len(queries['embeddings'])} questions")
    print(f"   provenance  {corpus['provenance']}: this run, this machine; recorded as run {corpus.get('run_id', '-')}")
    print("""
   Next:
     build/release/bin/ipfs-accelerate run minilm --input 'your own text' --explain
     build/release/bin/ipfs-accelerate hardware detect
     build/release/bin/ipfs-accelerate history report
     make install      put ipfs-accelerate into ~/.local/bin""")


def main():
    binary, pull_file = sys.argv[1:]
    pull = json.loads(Path(pull_file).read_text())
    passages, questions = lines_of("corpus.txt"), lines_of("queries.txt")
    print(f"   {megabytes(pull['bytes_total'])}, {megabytes(pull['bytes_fetched'])} fetched")
    print(f"3. Semantic search over {len(passages)} passages ({lines_of('LICENSE')[0]}):", flush=True)
    corpus = embed(binary, "corpus.txt")
    queries = embed(binary, "queries.txt")
    print_answers(passages, questions, corpus, queries)
    print_facts(pull, corpus, queries)


if __name__ == "__main__":
    main()
