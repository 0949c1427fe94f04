# SPDX-License-Identifier: Apache-2.0
"""What the daemon of a soak holds, and so what each request must be answered with."""
import base64
import hashlib
import json
import random
from dataclasses import dataclass, field
from pathlib import Path

from harness import MIB, Home

SEED = 7
BIG_BYTES = 24 * MIB + 13
SMALL_FILES = 300


@dataclass
class Request:
    """A request and the only right answer; a length that is read before the client leaves, for those that do."""
    kind: str
    path: str
    status: int = 200
    body: bytes | None = None  # None: not compared.
    headers: dict = field(default_factory=dict)
    method: str = "GET"
    wanted: dict = field(default_factory=dict)  # Headers of the answer.
    leave_after: int | None = None


def raw_cid(block: bytes) -> str:
    """CIDv1, raw, sha2-256."""
    return "b" + base64.b32encode(b"\x01\x55\x12\x20" + hashlib.sha256(block).digest()).decode().lower().rstrip("=")


class Content:
    def __init__(self, home: Home, folder: Path):
        generator = random.Random(SEED)
        self.files = {f"small/{i:03}.txt": generator.randbytes(generator.randrange(1, 9000)) for i in range(SMALL_FILES)}
        self.files["middle.bin"] = generator.randbytes(3 * MIB + 5)
        self.big = generator.randbytes(BIG_BYTES)
        tree = folder / "tree"
        for name, data in {**self.files, "big.bin": self.big}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(data)
        self.root = home.add(tree)
        self.names = sorted(self.files)
        self.folder_cid = {e["name"]: e["cid"] for e in home.json("ls", self.root)["entries"]}["small"]
        home.ok("dag", "export", self.folder_cid, "-o", folder / "small.car")
        self.archive = (folder / "small.car").read_bytes()
        secret = folder / "secret"
        secret.write_bytes(generator.randbytes(5000))
        self.secret = home.add(secret, "--private")
        self.etag = ""

    def leaf(self, chance: random.Random) -> Request:
        first = chance.randrange(BIG_BYTES // MIB) * MIB
        block = self.big[first:first + MIB]
        return Request("block", f"/ipfs/{raw_cid(block)}?format=raw", body=block)

    def small_block(self, chance: random.Random) -> Request:
        block = self.files[f"small/{chance.randrange(SMALL_FILES):03}.txt"]
        return Request("block", f"/ipfs/{raw_cid(block)}", body=block, headers={"Accept": "application/vnd.ipld.raw"})

    def file(self, chance: random.Random) -> Request:
        name = chance.choice(self.names)
        return Request("file", f"/ipfs/{self.root}/{name}", body=self.files[name])

    def range(self, chance: random.Random) -> Request:
        first = chance.randrange(BIG_BYTES)
        last = min(first + chance.randrange(1, 200_000), BIG_BYTES) - 1
        return Request("range", f"/ipfs/{self.root}/big.bin", 206, self.big[first:last + 1], {"Range": f"bytes={first}-{last}"},
                       wanted={"content-range": f"bytes {first}-{last}/{BIG_BYTES}"})

    def car(self, _) -> Request:
        return Request("car", f"/ipfs/{self.folder_cid}?format=car&car-dups=n", body=self.archive)

    def listing(self, chance: random.Random) -> Request:
        if chance.random() < 0.5:
            return Request("listing", f"/ipfs/{self.folder_cid}/", body=self.page, headers={"Accept": "text/html"})
        return Request("listing", f"/ipfs/{self.folder_cid}?format=json", body=self.json_listing)

    def missing(self, chance: random.Random) -> Request:
        paths = [f"/ipfs/{self.root}/none-{chance.random()}", f"/ipfs/{raw_cid(chance.randbytes(8))}?format=raw",
                 f"/ipfs/{self.secret}", f"/ipfs/{self.secret}?format=car"]
        return Request("404", chance.choice(paths), 404)

    def conditional(self, _) -> Request:
        return Request("304", f"/ipfs/{self.root}/middle.bin", 304, b"", {"If-None-Match": self.etag})

    def head(self, _) -> Request:
        return Request("head", f"/ipfs/{self.root}/big.bin", body=b"", method="HEAD", wanted={"content-length": str(BIG_BYTES)})

    def leave(self, chance: random.Random) -> Request:
        return Request("left", f"/ipfs/{self.root}/big.bin", leave_after=chance.randrange(200_000))

    MIX = ((leaf, 10), (small_block, 30), (file, 20), (range, 15), (car, 1), (listing, 4), (missing, 8), (conditional, 6), (head, 4),
           (leave, 2))

    def draw(self, chance: random.Random) -> Request:
        make = chance.choices([entry[0] for entry in self.MIX], [entry[1] for entry in self.MIX])[0]
        return make(self, chance)

    def learn(self, fetch) -> None:
        """Pages are ours to write: the first answers are checked for their names, the others must equal them."""
        self.page = fetch(f"/ipfs/{self.folder_cid}/", {"Accept": "text/html"}).read()
        self.json_listing = fetch(f"/ipfs/{self.folder_cid}?format=json", {}).read()
        names = [name.removeprefix("small/") for name in self.names if name.startswith("small/")]
        listed = [entry["name"] for entry in json.loads(self.json_listing)["entries"]] if b'"entries"' in self.json_listing else None
        if any(name.encode() not in self.page for name in names) or (listed is not None and sorted(listed) != names):
            raise SystemExit("soak: the listing lacks names")
        self.etag = fetch(f"/ipfs/{self.root}/middle.bin", {}).headers["Etag"]
