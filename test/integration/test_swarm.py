# SPDX-License-Identifier: Apache-2.0
"""Two daemons that meet over libp2p, and content that moves between them by bitswap."""
import unittest

from harness import MIB, TestCase

ANYWHERE_HERE = "/ip4/127.0.0.1/tcp/0"


class Swarm(TestCase):
    def start(self, home):
        context = self.daemon(home, "--swarm", ANYWHERE_HERE)
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def address(self, home) -> str:
        me = home.json("id")
        return next(a if "/p2p/" in a else f"{a}/p2p/{me['id']}" for a in me["addresses"])

    def test_a_folder_is_pulled_from_a_peer_and_counted(self):
        giver, taker = self.home(), self.home()
        path = self.file("folder/big.bin", 3 * MIB + 17)
        (path.parent / "small.txt").write_text("hello\n")
        cid = giver.add(path.parent)
        self.start(giver)
        report = taker.json("pull", cid, "--peer", self.address(giver))
        self.assertEqual((report["bytes_duplicate"], report["bytes_rejected"]), (0, 0))
        taker.ok("get", cid, "-o", self.folder / "out")
        self.assertEqual((self.folder / "out/big.bin").read_bytes(), path.read_bytes())
        self.assertGreaterEqual(giver.json("bitswap", "stat")["bytes_sent"], 3 * MIB)
        taker.ok("verify")

    def test_a_daemon_asks_the_peers_that_it_is_connected_to(self):
        giver, taker = self.home(), self.home()
        cid = giver.add(self.file("a.bin", 2 * MIB))
        self.start(giver)
        self.start(taker)
        taker.ok("swarm", "connect", self.address(giver))
        peers = taker.json("swarm", "peers")["peers"]
        self.assertEqual([p["peer"] if "peer" in p else p["id"] for p in peers], [giver.json("id")["id"]])
        taker.ok("pull", cid)
        code, out, _ = taker.run("cat", cid, text=False)
        self.assertEqual((code, out), (0, (self.folder / "a.bin").read_bytes()))

    def test_a_daemon_that_listens_on_a_websocket_alone_serves_content(self):
        giver, taker = self.home(), self.home()
        path = self.file("a.bin", 3 * MIB + 5)
        cid = giver.add(path)
        context = self.daemon(giver, "--swarm", ANYWHERE_HERE + "/ws")
        self.addCleanup(context.__exit__, None, None, None)
        context.__enter__()
        address = self.address(giver)
        self.assertIn("/ws/p2p/", address)
        taker.ok("pull", cid, "--peer", address)
        code, out, _ = taker.run("cat", cid, text=False)
        self.assertEqual((code, out), (0, path.read_bytes()))

    def test_an_address_by_name_leads_to_a_daemon_and_one_that_does_not_is_explained(self):
        giver, taker = self.home(), self.home()
        self.start(giver)
        address = self.address(giver)
        taker.ok("swarm", "connect", address.replace("/ip4/127.0.0.1/", "/dns4/localhost/"))
        code, _, err = taker.run("swarm", "connect", "/ip4/127.0.0.1/udp/1/quic-v1/p2p/" + giver.json("id")["id"])
        self.assertNotEqual(code, 0)
        self.assertIn("can't be dialed", err)

    def test_what_is_private_is_served_to_nobody(self):
        giver, taker = self.home(), self.home()
        cid = giver.add(self.file("a.bin", MIB), "--private")
        self.start(giver)
        code, _, _ = taker.run("pull", cid, "--peer", self.address(giver))
        self.assertNotEqual(code, 0)
        self.assertEqual(giver.json("bitswap", "stat")["blocks_sent"], 0)

    def test_a_folder_of_others_does_not_show_what_is_private_here(self):
        victim, stranger, thief = self.home(), self.home(), self.home()
        path = self.file("bait/secret.bin", 3 * MIB)
        secret = victim.add(path, "--private")
        bait = stranger.add(path.parent)
        self.start(stranger)
        self.start(victim)
        victim.ok("pull", bait, "--peer", self.address(stranger))
        for cid in (secret, bait):
            code, _, _ = thief.run("pull", cid, "--peer", self.address(victim))
            self.assertNotEqual(code, 0)
        self.assertEqual(victim.json("bitswap", "stat")["blocks_sent"], 0)

    def test_a_node_keeps_its_name_and_answers_to_no_other(self):
        home, other, caller = self.home(), self.home(), self.home()
        with self.daemon(home, "--swarm", ANYWHERE_HERE):
            name = home.json("id")["id"]
        self.start(home)
        self.assertEqual(home.json("id")["id"], name)
        self.start(other)
        self.start(caller)
        caller.ok("ping", "-n", 1, self.address(home))
        place = self.address(home).split("/p2p/")[0]
        code, _, err = caller.run("swarm", "connect", f"{place}/p2p/{other.json('id')['id']}")
        self.assertNotEqual(code, 0)
        self.assertIn(name, err)

    def test_what_is_no_address_is_told(self):
        home = self.home()
        self.assert_fails(2, home.run("pull", "bafkqaaa", "--peer", "/ip4/1.2.3.4/tcp/1"), "/p2p/")
        self.assert_fails(2, home.run("pull", "bafkqaaa", "--peer", "nonsense"), "nonsense")


if __name__ == "__main__":
    unittest.main()
