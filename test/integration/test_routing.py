# SPDX-License-Identifier: Apache-2.0
"""Delegated Routing V1: a node that knows only a router finds the gateway that has a CID."""
import http.server
import json
import threading
import unittest
import urllib.error
import urllib.request

from harness import MIB, TestCase

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


if __name__ == "__main__":
    unittest.main()
