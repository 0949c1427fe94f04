# SPDX-License-Identifier: Apache-2.0
"""What a node says of its network, and copies that it keeps at others."""
import json
import unittest

from harness import MIB, TestCase, wait_until

ANYWHERE_HERE = "/ip4/127.0.0.1/tcp/0"


class Network(TestCase):
    def start(self, home, **settings):
        for key, value in settings.items():
            home.ok("config", "set", key.replace("__", "."), value)
        context = self.daemon(home, "--swarm", ANYWHERE_HERE)
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def address(self, home) -> str:
        return home.json("id")["addresses"][0]

    def test_nothing_is_said_of_what_nobody_measured(self):
        home = self.home()
        seen = home.json("network", "analytics")
        self.assertEqual((seen["peer_count"], seen["links"], seen["health"]), (0, [], "unknown"))
        self.assertIn("0 connected\n", home.ok("network", "analytics"))
        for name in ("network_efficiency", "average_transfer_speed", "network_density", "average_connections"):
            self.assertIsNone(seen[name], name)
        rows = home.json("history", "query", "--sql", "select network_efficiency, provenance from p2p_network_metrics")["rows"]
        self.assertEqual(rows, [[None, "measured"]])

    def test_what_a_transfer_measured_is_remembered_over_a_restart(self):
        giver, taker = self.home(), self.home()
        cid = giver.add(self.file("a.bin", 8 * MIB))
        self.start(giver)
        with self.daemon(taker, "--swarm", ANYWHERE_HERE):
            taker.ok("swarm", "connect", self.address(giver))
            taker.ok("pull", cid)
        with self.daemon(taker, "--swarm", ANYWHERE_HERE):
            taker.ok("swarm", "connect", self.address(giver))
            seen = taker.json("network", "analytics")
            link = seen["links"][0]
            self.assertEqual(link["peer"], giver.json("id")["id"])
            self.assertGreater(link["bytes_per_second"], 0)
            self.assertGreater(link["rate_samples"], 0)
            self.assertEqual(link["bytes"], seen["bytes_useful"])
            self.assertGreater(seen["network_efficiency"], 0.98)
            self.assertEqual((seen["transfers_completed"], seen["health"]), (1, "fair"))
            self.assertTrue(all(r["why"] for r in seen["recommendations"]))
            _, _, err = taker.run("network", "topology", "--svg", self.folder / "n.svg", "--dot", self.folder / "n.dot")
            self.assertIn(f"wrote {self.folder / 'n.svg'}", err)
            self.assertIn(link["peer"][-6:], (self.folder / "n.svg").read_text())
            self.assertIn(link["peer"], (self.folder / "n.dot").read_text())
            self.assertIn("samples", taker.ok("network", "topology"))
        rows = taker.json("history", "query", "--sql", "select source, p2p_optimized, peer_count, load_time_ms from ipfs_acceleration_results")
        self.assertEqual(rows["rows"], [["p2p", True, 1, None]])

    def test_an_upload_limit_is_kept(self):
        giver, taker = self.home(), self.home()
        cid = giver.add(self.file("a.bin", 4 * MIB))
        self.start(giver, swarm__max_upload_rate=str(4 * MIB))
        report = taker.json("pull", cid, "--peer", self.address(giver))
        self.assertGreater(report["seconds"], 0.7, "4 MiB at 4 MiB/s, of which 0.2 s at once")

    def test_under_one_limit_what_is_needed_now_comes_first(self):
        giver, taker = self.home(), self.home()
        copy = giver.add(self.file("a.bin", 12 * MIB))
        model = giver.add(self.file("b.bin", 6 * MIB, seed=2))
        taker.ok("config", "set", "ipfs.max_download_rate", "4MiB")
        with self.daemon(giver) as gives, self.daemon(taker):
            behind = taker.start("pull", copy, "--background", "--from", gives.gateway, "--json")
            self.assertTrue(wait_until(lambda: any((taker.path / "store/partial").glob("*")) or behind.poll() is not None))
            first = taker.json("pull", model, "--from", gives.gateway)
            self.assertIsNone(behind.poll(), "it began before, and ends after")
            out, err = behind.communicate(timeout=60)
            self.assertEqual(behind.returncode, 0, err)
            later = json.loads(out)
        # Shared alike they would take 3 s and 4.5 s.
        self.assertGreater(later["seconds"], 2 * first["seconds"], (first["seconds"], later["seconds"]))

    def test_what_peers_want_and_nobody_near_has_is_fetched_beforehand(self):
        giver, middle, askers = self.home(), self.home(), [self.home(), self.home()]
        cid = giver.add(self.file("a.bin", MIB))
        for home in (giver, middle, *askers):
            home.ok("config", "set", "routing.dht", "off")
        self.start(giver)
        self.start(middle, prefetch__for="any", prefetch__interval="200ms")
        for asker in askers:
            self.start(asker)
            asker.ok("swarm", "connect", self.address(middle))
        askers[0].run("pull", cid)
        self.assertTrue(wait_until(lambda: middle.json("network", "prefetch")["wanted"]))
        row = middle.json("network", "prefetch")["wanted"][0]
        self.assertEqual((row["cid"], row["peers"], row["fetch"]), (cid, 1, False))
        self.assertIn("prefetch.min_peers", row["why"])
        askers[1].run("pull", cid)
        self.assertTrue(wait_until(lambda: "failed lately" in middle.ok("network", "prefetch")))
        self.assertEqual(middle.json("network", "prefetch")["fetched"], [])

    def test_what_two_peers_want_is_fetched_for_the_third(self):
        giver, middle, askers = self.home(), self.home(), [self.home(), self.home()]
        cid = giver.add(self.file("a.bin", MIB))
        secret = middle.add(self.file("s.bin", MIB, seed=3), "--private")
        for home in (giver, middle, *askers):
            home.ok("config", "set", "routing.dht", "off")
        self.start(giver)
        self.start(middle, prefetch__for="any", prefetch__interval="2s")
        middle.ok("swarm", "connect", self.address(giver))
        for asker in askers:
            self.start(asker)
            asker.ok("swarm", "connect", self.address(middle))
            asker.run("pull", secret)
        asking = [asker.start("pull", cid) for asker in askers]
        self.assertTrue(wait_until(lambda: middle.json("network", "prefetch")["fetched"], 30))
        for process in asking:
            process.communicate(timeout=60)
        seen = middle.json("network", "prefetch")
        self.assertEqual([row["cid"] for row in seen["fetched"]], [cid])
        self.assertGreater(seen["used_bytes"], MIB - 1)
        self.assertNotIn(secret, json.dumps(seen))
        self.assertNotIn(cid, middle.ok("pin", "ls"))
        askers[0].ok("pull", cid)
        middle.ok("gc")
        self.assertEqual(middle.json("network", "prefetch")["fetched"], [])

    def test_nothing_is_fetched_beforehand_unasked(self):
        middle, asker = self.home(), self.home()
        self.start(middle)
        self.start(asker)
        asker.ok("swarm", "connect", self.address(middle))
        asker.run("pull", "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
        self.assertTrue(wait_until(lambda: middle.json("network", "prefetch")["wanted"]))
        seen = middle.json("network", "prefetch")
        self.assertFalse(seen["on"])
        self.assertIn("prefetch.for", seen["wanted"][0]["why"])

    def test_one_connection_is_enough_to_measure_a_peer(self):
        giver, taker = self.home(), self.home()
        self.start(giver, swarm__perf="true")
        self.start(taker)
        address = self.address(giver)
        taker.ok("swarm", "connect", address)
        for target in (address, address.split("/p2p/")[0]):
            taker.ok("swarm", "perf", target, "--upload", "0", "--download", "64KiB")
            self.assertEqual(len(taker.json("swarm", "peers")["peers"]), 1, target)

    def test_copies_are_made_checked_and_made_again_when_a_holder_leaves(self):
        owner, holders = self.home(), [self.home() for _ in range(3)]
        cid = owner.add(self.file("a.bin", 3 * MIB))
        self.start(owner, replication__check_interval="1s")
        daemons = [self.start(h, replication__accept="any") for h in holders]
        for holder in holders:
            owner.ok("swarm", "connect", self.address(holder))
        made = owner.json("replicate", cid, "--copies", 2)
        self.assertTrue(made["complete"], made)
        ids = {h.json("id")["id"]: i for i, h in enumerate(holders)}
        first = ids[made["holders"][0]["peer"]]
        self.assertIn(cid, holders[first].ok("pin", "ls"))
        self.assertIn("not measured", json.dumps(made["asked"]))
        daemons[first].process.kill()
        daemons[first].process.wait()
        gone = made["holders"][0]["peer"]

        def healed():
            peers = [h["peer"] for h in owner.json("replicate", "--list")["replicas"][0]["holders"]]
            return len(peers) == 2 and gone not in peers

        self.assertTrue(wait_until(healed, 60))
        for index, holder in enumerate(holders):
            if index != first:
                holder.ok("pin", "verify")
        owner.ok("replicate", cid, "--forget")
        self.assertEqual(owner.json("replicate", "--list")["replicas"], [])

    def test_nobody_keeps_copies_unasked_and_nobody_gets_what_is_private(self):
        owner, other = self.home(), self.home()
        cid = owner.add(self.file("a.bin", MIB))
        secret = owner.add(self.file("b.bin", MIB, seed=2), "--private")
        self.start(owner)
        self.start(other)
        owner.ok("swarm", "connect", self.address(other))
        made = owner.json("replicate", cid, "--copies", 1)
        self.assertEqual((made["complete"], made["copies"]), (False, 0))
        self.assertIn("keeps no replicas", made["asked"][0]["why"])
        code, _, err = owner.run("replicate", secret, "--copies", 1)
        self.assertNotEqual(code, 0)
        self.assertIn("private", err)
        self.assertNotIn(cid, other.ok("pin", "ls"))

    def test_a_lease_that_nobody_renews_ends(self):
        owner, holder = self.home(), self.home()
        cid = owner.add(self.file("a.bin", MIB))
        daemon = self.start(owner, replication__lease="3s", replication__check_interval="1s")
        self.start(holder, replication__accept="any", replication__check_interval="1s")
        owner.ok("swarm", "connect", self.address(holder))
        self.assertTrue(owner.json("replicate", cid, "--copies", 1)["complete"])
        self.assertIn(cid, holder.ok("pin", "ls"))
        daemon.stop()
        self.assertTrue(wait_until(lambda: cid not in holder.ok("pin", "ls"), 30))


if __name__ == "__main__":
    unittest.main()
