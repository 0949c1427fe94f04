# SPDX-License-Identifier: Apache-2.0
"""Delegated Routing V1: a node that knows only a router finds the gateway that has a CID."""
import http.server
import json
import threading
import unittest
import urllib.error
import urllib.request

from harness import MIB, TestCase, wait_until

PEER = "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d"
ABSENT = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"


class Router:
    """Answers every question with the same text."""

    def __init__(self, body: str, status: int = 200):
        self.paths = []
        router = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                router.paths.append(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def gateway_record(*addresses) -> str:
    return json.dumps({"Providers": [{"Schema": "peer", "ID": PEER, "Addrs": addresses, "Protocols": ["transport-ipfs-gateway-http"]}]})


class Routing(TestCase):
    def ask(self, daemon, path, **headers):
        request = urllib.request.Request(f"{daemon.gateway}/routing/v1/{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.headers, json.loads(reply.read())

    def test_leads_a_pull_to_the_gateway_that_has_the_root(self):
        home, other = self.home(), self.home()
        path = self.file("model.bin", 5 * MIB)
        cid = home.add(path)
        with self.daemon(home) as daemon:
            report = other.json("pull", cid, "--router", daemon.gateway)
            self.assertEqual([source["url"] for source in report["sources"]], [daemon.gateway])
            third = self.home()
            with self.daemon(third):  # In a daemon, by the configuration.
                pass
            third.ok("config", "set", "routing.delegated", daemon.gateway)
            third.ok("pull", cid)
            found = third.json("routing", "findprovs", cid)
        self.assertEqual(other.run("cat", cid, text=False)[1], path.read_bytes())
        self.assertEqual(found["gateways"], [daemon.gateway])
        self.assertEqual(found["providers"][0]["protocols"], ["transport-ipfs-gateway-http"])

    def test_of_a_private_root_names_nobody(self):
        home = self.home()
        cid = home.add(self.file("secret", 1000), "--private")
        with self.daemon(home) as daemon:
            self.assertEqual(self.ask(daemon, f"providers/{cid}")[1], {"Providers": []})
            self.assert_fails(3, self.home().run("pull", cid, "--router", daemon.gateway), "No router names", cid)

    def test_names_the_gateway_by_http_and_by_tls_under_one_peer_id(self):
        home = self.home()
        cid = home.add(self.file("a", 1000))
        with self.daemon(home, "--gateway-tls", "127.0.0.1:0") as daemon:
            headers, answer = self.ask(daemon, f"providers/{cid}")
            provider = answer["Providers"][0]
            self.assertEqual([address.split("/", 5)[5] for address in provider["Addrs"]], ["tls/http", "http"])
            self.assertEqual(self.ask(daemon, f"peers/{provider['ID']}")[1]["Peers"], [provider])
            self.assertIn("max-age=300", headers["Cache-Control"])
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.ask(daemon, "providers/nonsense")
            self.assertEqual(refused.exception.code, 422)

    def test_can_be_turned_off(self):
        home = self.home()
        home.ok("config", "set", "gateway.routing", "off")
        with self.daemon(home) as daemon:
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.ask(daemon, f"providers/{ABSENT}")
            self.assertEqual(refused.exception.code, 404)

    def test_of_routers_that_fail_or_lie_ends_with_a_sentence(self):
        home = self.home()
        for body, status, code in (("broken", 500, 10), ("[" * 10_000, 200, 10), ('{"Providers":null}', 200, 3), ("gone", 404, 3),
                                   (gateway_record("/ip4/127.0.0.1/udp/1/quic-v1", "/ip4/x/http", "../../etc"), 200, 3)):
            with Router(body, status) as router:
                result = home.run("pull", ABSENT, "--router", router.url)
                self.assert_fails(code, result, "No router")

    def test_what_a_pull_has_already_needs_no_router(self):
        home = self.home()
        cid = home.add(self.file("a", 2 * MIB))
        self.assertEqual(home.json("pull", cid, "--router", "http://127.0.0.1:9")["bytes_fetched"], 0)

    def test_a_provider_that_lies_is_no_worse_than_none(self):
        home, other = self.home(), self.home()
        cid = home.add(self.file("a", 2 * MIB))
        with self.daemon(home) as daemon, Router("not what you think") as liar:
            port, good = liar.url.rsplit(":", 1)[1], daemon.gateway.rsplit(":", 1)[1]
            text = json.loads(gateway_record(f"/ip4/127.0.0.1/tcp/{port}/http"))
            text["Providers"] += json.loads(gateway_record(f"/ip4/127.0.0.1/tcp/{good}/http"))["Providers"]
            with Router(json.dumps(text)) as router:
                other.ok("pull", cid, "--router", router.url)
                self.assertIn("filter-protocols=transport-ipfs-gateway-http", router.paths[0])


ANYWHERE_HERE = "/ip4/127.0.0.1/tcp/0"


class Dht(TestCase):
    """Nodes that know the first one only: the LAN's DHT does the rest."""

    def network(self, count, *flags):
        homes = [self.home() for _ in range(count)]
        first = None
        for home in homes:
            if first:
                home.ok("config", "set", "swarm.bootstrap", first)
            context = self.daemon(home, "--swarm", ANYWHERE_HERE, *flags)
            self.addCleanup(context.__exit__, None, None, None)
            context.__enter__()
            first = first or home.json("id")["addresses"][0]
        for home in homes:
            self.assertTrue(wait_until(lambda home=home: self.known(home) >= count - 1), f"{self.known(home)} peers")
        return homes

    def known(self, home) -> int:
        return home.json("routing", "dht")["networks"][0]["peers"]

    def test_leads_a_pull_to_a_peer_nobody_named(self):
        hub, giver, taker = self.network(3)
        path = self.file("model.bin", 3 * MIB)
        cid = giver.add(path)
        told = giver.json("routing", "provide", cid)
        self.assertEqual((told["closest"], told["stored"]), (2, 2))
        found = taker.json("routing", "findprovs", cid)
        self.assertEqual([p["id"] for p in found["providers"]], [giver.json("id")["id"]])
        taker.ok("swarm", "disconnect", giver.json("id")["id"])
        report = taker.json("pull", cid)
        self.assertEqual(report["bytes_duplicate"], 0)
        self.assertEqual(taker.run("cat", cid, text=False)[1], path.read_bytes())

    def test_is_told_of_new_roots_by_itself_but_never_of_private_ones(self):
        hub, giver, taker = self.network(3)
        secret = giver.add(self.file("secret", 1000, 2), "--private")
        cid = giver.add(self.file("public", 1000))
        self.assertTrue(wait_until(lambda: taker.json("routing", "findprovs", cid)["providers"], 30))
        self.assertEqual(taker.json("routing", "findprovs", secret)["providers"], [])
        self.assert_fails(7, giver.run("routing", "provide", secret), "private")
        self.assertNotEqual(taker.run("pull", secret)[0], 0)

    def test_does_not_tell_again_what_it_told_before_a_restart(self):
        hub, giver = self.home(), self.home()
        cid = giver.add(self.file("public", 1000))
        with self.daemon(hub, "--swarm", ANYWHERE_HERE):
            giver.ok("config", "set", "swarm.bootstrap", hub.json("id")["addresses"][0])
            with self.daemon(giver, "--swarm", ANYWHERE_HERE):
                self.assertTrue(wait_until(lambda: hub.json("routing", "dht")["networks"][0]["provider_records"] == 1, 30))
        with self.daemon(hub, "--swarm", ANYWHERE_HERE):
            giver.ok("config", "set", "swarm.bootstrap", hub.json("id")["addresses"][0])
            with self.daemon(giver, "--swarm", ANYWHERE_HERE):
                self.assertTrue(wait_until(lambda: self.known(giver) == 1))
                self.assertFalse(wait_until(lambda: hub.json("routing", "dht")["networks"][0]["provider_records"] > 0, 8))
                giver.ok("routing", "provide", cid)  # But when it is told to.
                self.assertEqual(hub.json("routing", "dht")["networks"][0]["provider_records"], 1)

    def test_finds_a_peer_by_its_id(self):
        hub, one, other = self.network(3)
        me = other.json("id")
        one.ok("swarm", "disconnect", me["id"])
        self.assertIn(one.json("routing", "findpeer", me["id"])["addresses"][0], me["addresses"][0])
        one.ok("swarm", "connect", me["id"])
        self.assertIn(me["id"], [p["peer"] for p in one.json("swarm", "peers")["peers"]])
        self.assert_fails(3, one.run("routing", "findpeer", PEER), PEER)

    def test_neighbours_meet_by_mdns_alone(self):
        one, other = self.home(), self.home()
        for home in (one, other):
            home.ok("config", "set", "discovery.mdns", "loopback")
        with self.daemon(one, "--swarm", ANYWHERE_HERE), self.daemon(other, "--swarm", ANYWHERE_HERE):
            me = one.json("id")["id"]
            self.assertTrue(wait_until(lambda: me in [p["peer"] for p in other.json("swarm", "peers")["peers"]], 30))
            self.assertTrue(wait_until(lambda: self.known(other) == 1))

    def test_that_is_off_says_so(self):
        home = self.home()
        self.assert_fails(10, home.run("routing", "findpeer", PEER), "daemon --swarm")
        home.ok("config", "set", "routing.dht", "off")
        with self.daemon(home, "--swarm", ANYWHERE_HERE):
            self.assert_fails(10, home.run("routing", "findpeer", PEER), "routing.dht is off")
            self.assert_fails(10, home.run("routing", "findprovs", ABSENT), "No router")

    def test_a_kept_peer_is_found_again_after_it_was_away(self):
        kept, home = self.home(), self.home()
        with self.daemon(kept, "--swarm", ANYWHERE_HERE):
            address = kept.json("id")["addresses"][0]
        home.ok("config", "set", "swarm.peering", address)
        with self.daemon(home, "--swarm", ANYWHERE_HERE):
            place, peer = address.split("/p2p/")
            with self.daemon(kept, "--swarm", place):
                self.assertTrue(wait_until(lambda: peer in [p["peer"] for p in home.json("swarm", "peers")["peers"]], 40))


if __name__ == "__main__":
    unittest.main()
