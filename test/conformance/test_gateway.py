# SPDX-License-Identifier: Apache-2.0
"""The gateway of a daemon over the official suite's fixtures: what each specification asks for, one test a specification."""
import hashlib
import http.client
import io
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from harness import Daemon, Home  # noqa: E402

DATA = HERE.parent / "data/gateway"
HOST = "example.com"
HELLO = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am"
FOLDER = "bafybeig6ka5mlwkl4subqhaiatalkcleo4jgnr3hqwvpmsqfca27cijp3i"
CACHED = "bafybeib3ffl2teiqdncv3mkz4r23b5ctrwkzrrhctdbne6iboayxuxk5ui"
REDIRECTS = "QmYBhLYDwVFvxos9h8CGU2ibaY66QNgv8hpfewxaQrPiZj"
KEY = "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d"
NAME = "k51qzi5uqu5dk3v4rmjber23h16xnr23bsggmqqil9z2gduiis5se8dht36dam"
NAME_WITH_TTL = "k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w"
BROKEN_NAMES = ["k51qzi5uqu5dm4tm0wt8srkg9h9suud4wuiwjimndrkydqm81cqtlb5ak6p7ku",
                "k51qzi5uqu5dlmit2tuwdvnx4sbnyqgmvbxftl0eo3f33wwtb9gr7yozae9kpw",
                "k51qzi5uqu5diamp7qnnvs1p1gzmku3eijkeijs3418j23j077zrkok63xdm8c"]
ABSENT = "QmYzfKSE55XCjD1MW128RfciAf2DViABhEiXfgVFMabSjN"


def read_varint(data: bytes, at: int):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def blocks_of_car(car: bytes):
    """The sections behind the header; each block that names a sha2-256 is checked."""
    size, at = read_varint(car, 0)
    at += size
    blocks = []
    while at < len(car):
        size, at = read_varint(car, at)
        section = car[at:at + size]
        at += size
        assert len(section) == size, "the archive is cut off"
        if section[:2] == b"\x12\x20":
            digest, block = section[2:34], section[34:]
        else:
            _, place = read_varint(section, 0)
            _, place = read_varint(section, place)
            assert section[place:place + 2] == b"\x12\x20"
            digest, block = section[place + 2:place + 34], section[place + 34:]
        assert hashlib.sha256(block).digest() == digest
        blocks.append(block)
    return blocks


class GatewayConformance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="accel-conformance-")
        cls.addClassCleanup(cls.folder.cleanup)
        home = cls.home = Home(Path(cls.folder.name) / "home")
        home.ok("dag", "import", "--pin-roots=false", DATA / "content.car")
        home.ok("config", "set", "gateway.dnslink", (DATA / "dnslinks.txt").read_text().strip())
        home.ok("config", "set", "gateway.hosts", f"{HOST}=subdomain,localhost=subdomain")
        cls.refused = {}
        for record in sorted((DATA / "ipns").glob("*.ipns-record")):
            name = record.stem.split("_")[0]
            code, _, err = home.run("routing", "put", f"/ipns/{name}", record)
            if code != 0:
                cls.refused[name] = err
        daemon = Daemon(home)
        cls.addClassCleanup(daemon.stop)
        cls.address = daemon.gateway.removeprefix("http://")

    def ask(self, target, host=None, method="GET", **headers):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        self.addCleanup(connection.close)
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if host is not None:
            fields["Host"] = host
        connection.request(method, target, headers=fields)
        reply = connection.getresponse()
        reply.body = reply.read()
        return reply

    def assert_status(self, status, target, **options):
        reply = self.ask(target, **options)
        self.assertEqual(reply.status, status, f"{target} {options}: {reply.body[:200]}")
        return reply

    def test_trustless_blocks(self):
        reply = self.assert_status(200, f"/ipfs/{HELLO}?format=raw")
        self.assertEqual(reply.body, b"hello\n")
        self.assertEqual(reply.headers["Content-Type"], "application/vnd.ipld.raw")
        self.assertEqual(reply.headers["Content-Disposition"], f'attachment; filename="{HELLO}.bin"')
        self.assertEqual(reply.headers["X-Content-Type-Options"], "nosniff")
        self.assertIn("immutable", reply.headers["Cache-Control"])
        by_header = self.ask(f"/ipfs/{HELLO}", Accept="application/vnd.ipld.raw")
        self.assertEqual(by_header.body, b"hello\n")
        self.assert_status(200, "/ipfs/bafkqaaa?format=raw")
        part = self.assert_status(206, f"/ipfs/{HELLO}?format=raw", Range="bytes=1-3")
        self.assertEqual(part.body, b"ell")
        self.assert_status(404, f"/ipfs/{ABSENT}?format=raw")

    def test_trustless_cars(self):
        path = f"/ipfs/{FOLDER}/%C4%85/%C4%99/file-%C5%BA%C5%82.txt"
        reply = self.assert_status(200, path + "?format=car")
        self.assertEqual(reply.headers["Content-Type"], "application/vnd.ipld.car; version=1; order=dfs; dups=n")
        self.assertEqual(reply.headers["Accept-Ranges"], "none")
        blocks = blocks_of_car(reply.body)
        self.assertEqual(len(blocks), 4)
        self.assertEqual(blocks[-1], b"I am a txt file on path with utf8\n")
        whole = blocks_of_car(self.ask(f"/ipfs/{FOLDER}?format=car").body)
        self.assertEqual(len(blocks_of_car(self.ask(f"/ipfs/{FOLDER}?format=car&dag-scope=block").body)), 1)
        self.assertEqual(len(blocks_of_car(self.ask(f"/ipfs/{FOLDER}?format=car&dag-scope=entity").body)), 1)
        self.assertGreater(len(whole), 5)
        self.assertNotEqual(self.ask(f"/ipfs/{FOLDER}?format=car").headers["Etag"],
                            self.ask(f"/ipfs/{FOLDER}?format=car&dag-scope=block").headers["Etag"])
        self.assertEqual(self.ask(f"/ipfs/{FOLDER}?format=car", method="HEAD").body, b"")
        self.assert_status(404, f"/ipfs/{FOLDER}/nothing?format=car")
        self.assert_status(400, f"/ipfs/{FOLDER}?format=car&entity-bytes=x")

    def test_a_missing_block_cuts_a_car(self):
        root = "QmYhmPjhFjYFyaoiuNzYv8WGavpSRDwdHWe5B4M5du5Rtk"
        if self.ask(f"/ipfs/{root}?format=raw").status != 200:
            self.skipTest("the fixture with a missing block is another one now")
        needed = blocks_of_car(self.ask(f"/ipfs/{root}?format=car&entity-bytes=0:1000").body)
        self.assertEqual(len(needed), 2)
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            self.ask(f"/ipfs/{root}?format=car")
        self.assert_status(206, f"/ipfs/{root}", Range="bytes=2200-2201")

    def test_ipns_records_and_names(self):
        self.assertEqual(sorted(self.refused), sorted(BROKEN_NAMES))
        for name in BROKEN_NAMES:
            self.assertIn("not valid", self.refused[name])
            self.assertGreaterEqual(self.ask(f"/ipns/{name}").status, 500)
        reply = self.assert_status(200, f"/ipns/{NAME_WITH_TTL}?format=ipns-record")
        self.assertEqual(reply.headers["Content-Type"], "application/vnd.ipfs.ipns-record")
        self.assertIn("max-age=1800", reply.headers["Cache-Control"])
        record = next((DATA / "ipns").glob(f"{NAME_WITH_TTL}*"))
        self.assertEqual(reply.body, record.read_bytes())
        moved = self.assert_status(302, f"/ipns/{KEY}/a/")
        self.assertEqual(moved.headers["Location"], f"/ipns/{NAME}/a/")
        shown = self.assert_status(200, f"/ipns/{NAME}")
        self.assertEqual(shown.body, b"hello\n")
        self.assertNotIn("immutable", shown.headers.get("Cache-Control", ""))
        self.assert_status(412, f"/ipns/{BROKEN_NAMES[0]}", Cache_Control="only-if-cached")

    def test_names_by_command(self):
        self.assertEqual(self.home.ok("name", "resolve", KEY).strip(), f"/ipfs/{HELLO}")
        self.assertEqual(self.home.ok("name", "resolve", "dnslink-subpath.example.org").strip(), f"/ipfs/{CACHED}/root2")
        self.assertEqual(self.home.json("routing", "get", f"/ipns/{NAME}")["value"], f"/ipfs/{HELLO}")
        code, _, err = self.home.run("name", "resolve", BROKEN_NAMES[0])
        self.assertNotEqual(code, 0)
        self.assertIn("No record of", err)
        code, _, err = self.home.run("routing", "put", f"/ipns/{NAME}", next((DATA / "ipns").glob("Qm*")))
        self.assertNotEqual(code, 0)
        self.assertIn("not valid", err)

    def test_path_files_folders_and_conditions(self):
        base = f"/ipfs/{CACHED}/root2/root3"
        page = self.assert_status(200, base + "/")
        self.assertRegex(page.headers["Etag"], f'^"DirIndex-.*_CID-')
        self.assertEqual(page.headers["X-Ipfs-Path"], base + "/")
        self.assertEqual(len(page.headers["X-Ipfs-Roots"].split(",")), 3)
        self.assert_status(304, base + "/", If_None_Match=page.headers["Etag"])
        moved = self.assert_status(301, base + "?x=1")
        self.assertEqual(moved.headers["Location"], base + "/?x=1")
        index = self.assert_status(200, base + "/root4/")
        self.assertEqual(index.body, b"hello\n")
        self.assertEqual(index.headers["Cache-Control"], "public, max-age=29030400, immutable")
        self.assert_status(304, base + "/root4/index.html", If_None_Match="*")
        self.assert_status(404, base + "/nothing")
        self.assert_status(412, f"/ipfs/{ABSENT}", Cache_Control="only-if-cached")
        listing = self.ask(f"/ipfs/{FOLDER}/%C4%85/%C4%99/").body.decode()
        self.assertIn("Index of", listing)
        self.assertIn(f'<a href="/ipfs/{FOLDER}/%C4%85/%C4%99/file-%C5%BA%C5%82.txt">file-źł.txt</a>', listing)
        for other in (f"/ipfs/{HELLO}", base + "/"):
            self.assertEqual(self.ask(other).headers["Access-Control-Allow-Origin"], "*")
        self.assert_status(204, f"/ipfs/{HELLO}", method="OPTIONS")

    def test_path_ranges(self):
        path = f"/ipfs/{FOLDER}/%C4%85/%C4%99/file-%C5%BA%C5%82.txt"
        text = self.ask(path).body
        part = self.assert_status(206, path, Range="bytes=-5")
        self.assertEqual(part.body, text[-5:])
        parts = self.assert_status(206, path, Range="bytes=6-16,0-4")
        self.assertIn("multipart/byteranges", parts.headers["Content-Type"])
        self.assertIn(b"Content-Range: bytes 6-16/34\r\n\r\n" + text[6:17], parts.body)
        self.assertIn(b"Content-Range: bytes 0-4/34\r\n\r\n" + text[0:5], parts.body)
        self.assert_status(416, path, Range="bytes=34-")
        self.assert_status(200, path, Range="bytes=0-9,5-12")

    def test_path_tar(self):
        reply = self.assert_status(200, f"/ipfs/{FOLDER}?format=tar")
        self.assertEqual(reply.headers["Content-Type"], "application/x-tar")
        with tarfile.open(fileobj=io.BytesIO(reply.body)) as archive:
            member = archive.extractfile(f"{FOLDER}/ą/ę/file-źł.txt")
            self.assertEqual(member.read(), b"I am a txt file on path with utf8\n")
            self.assertTrue(all(name == FOLDER or name.startswith(FOLDER + "/") for name in archive.getnames()))

    def test_subdomains(self):
        moved = self.assert_status(301, f"/ipfs/{HELLO}/?a=b", host=HOST + ":8080")
        self.assertEqual(moved.headers["Location"], f"http://{HELLO}.ipfs.{HOST}:8080/?a=b")
        secure = self.ask(f"/ipfs/{HELLO}", host="inner.example", X_Forwarded_Host=HOST, X_Forwarded_Proto="https")
        self.assertEqual(secure.headers["Location"], f"https://{HELLO}.ipfs.{HOST}/")
        self.assertEqual(self.ask("/", host=f"{HELLO}.ipfs.{HOST}").body, b"hello\n")
        self.assert_status(404, f"/ipfs/{HELLO}", host=f"{HELLO}.ipfs.{HOST}")
        self.assertEqual(self.ask("/", host=f"{NAME}.ipns.{HOST}").body, b"hello\n")
        named = self.ask(f"/ipns/{KEY}", host=HOST)
        self.assertEqual(named.headers["Location"], f"http://{NAME}.ipns.{HOST}/")
        site = self.ask("/ipns/en.wikipedia-on-ipfs.example.org/wiki/", host=HOST)
        self.assertEqual(site.headers["Location"], f"http://en-wikipedia--on--ipfs-example-org.ipns.{HOST}/wiki/")
        self.assertEqual(self.ask("/", host=f"dnslink--test-example-org.ipns.{HOST}").body, b"hello\n")
        self.assert_status(200, f"/ipfs/{HELLO}", host="fake.domain.com")
        invalid = self.ask("/ipfs/QmInvalidCID", host=HOST)
        self.assertIn(b'invalid path "/ipfs/QmInvalidCID"', invalid.body)

    def test_dnslink_and_redirects(self):
        self.assertEqual(self.ask("/", host="dnslink-test.example.org").body, b"hello\n")
        self.assertEqual(self.ask("/root3/root4/index.html", host="dnslink-subpath.example.org").body, b"hello\n")
        self.assertEqual(self.ask("/", host="dnslink-over-ipns.example.org").body, b"hello\n")
        site = "dnslink-redirects-examples.example.org"
        self.assertEqual(self.assert_status(301, "/redirect-one", host=site).headers["Location"], "/one.html")
        self.assertEqual(self.assert_status(302, "/302-redirect-two", host=site).headers["Location"], "/two.html")
        moved = self.assert_status(301, "/posts/2022/01/01/hello-world", host=site)
        self.assertEqual(moved.headers["Location"], "/articles/2022/01/01/hello-world")
        self.assertEqual(self.assert_status(301, "/splat/one.html", host=site).headers["Location"], "/redirected-splat/one.html")
        self.assertIn(b"my 404", self.assert_status(404, "/not-found/x", host=site).body)
        self.assertIn(b"my 410", self.assert_status(410, "/gone/x", host=site).body)
        self.assertIn(b"my 451", self.assert_status(451, "/unavail/x", host=site).body)
        self.assertIn(b"my index", self.assert_status(200, "/catch-all", host=site).body)
        self.assert_status(404, f"/ipfs/{REDIRECTS}/redirect-one")

    def test_proxy(self):
        reply = self.assert_status(200, f"http://{HELLO}.ipfs.{HOST}:8080/", host=f"{HELLO}.ipfs.{HOST}:8080")
        self.assertEqual(reply.body, b"hello\n")
        host, port = self.address.split(":")
        tunnel = http.client.HTTPConnection(host, int(port), timeout=30)
        self.addCleanup(tunnel.close)
        tunnel.set_tunnel(f"{HELLO}.ipfs.{HOST}", 80)
        tunnel.request("GET", "/", headers={"Host": f"{HELLO}.ipfs.{HOST}"})
        self.assertEqual(tunnel.getresponse().read(), b"hello\n")


if __name__ == "__main__":
    unittest.main()
