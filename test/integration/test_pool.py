# SPDX-License-Identifier: Apache-2.0
"""Models of all kinds in one memory budget: what is loaded, kept, pinned and let go, and what is refused before memory runs out."""
import contextlib
import json
import re
import unittest
from pathlib import Path

from harness import MIB, TestCase, model_directory, wait_until
from test_serving import Client

PROMPT = "The capital of France is"
UNAVAILABLE = 10


class Pool(TestCase):
    @contextlib.contextmanager
    def served(self, names=("minilm", "smollm"), **models):
        node = self.home()
        for name in names:
            node.add(model_directory({"minilm": "minilm-l6-f32", "smollm": "smollm2-135m-q4_1", "silero": "silero-vad", "magika": "magika",
                                           "opennsfw": "opennsfw"}[name]), "--name", name)
        settings = {"text": {"context": 1024, "parallel": 1}, "cpu": {"num_threads": 1}, "selection": {"budget": "200ms"}, "models": models}
        (node.path / "config.json").write_text(json.dumps(settings))
        with self.daemon(node, "--api", "127.0.0.1:0") as daemon:
            self.node, self.pid = node, daemon.process.pid
            self.client = Client(daemon.where["api"], (node.path / "api.token").read_text().strip())
            yield

    def embed(self, **more):
        return self.client.ok("/api/embed", {"model": "minilm", "input": "a text", **more})

    def write(self, **more):
        return self.client.ok("/api/generate", {"model": "smollm", "prompt": PROMPT, "raw": True, "stream": False,
                                                "options": {"temperature": 0, "num_predict": 2}, **more})

    def loaded(self):
        return {row["name"]: row for row in self.node.json("ps")["models"]}

    def metric(self, name):
        with self.client.request("/metrics") as reply:
            found = re.search(rf"^{re.escape(name)} (\S+)$", reply.read().decode(), re.M)
        return float(found[1]) if found else 0

    def rss(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def test_the_budget_holds_whatever_kind_a_model_is(self):
        with self.served(memory_budget=150 * MIB):
            self.embed()
            row = self.loaded()["minilm"]
            self.assertGreaterEqual(row["memory_bytes"], row["bytes"])
            self.assertIn(row["memory_known"], ("measured", "weights and context"))
            self.assertEqual((row["busy"], row["pinned"]), (0, False))
            self.assertGreater(row["expires_at"], row["last_used"])
            self.assertEqual(self.write()["response"], " Paris.")
            row, = self.loaded().values()
            self.assertEqual(row["name"], "smollm")
            self.assertGreaterEqual(row["memory_bytes"], row["bytes"] + row["kv_bytes"])
            self.assertEqual(self.metric('accel_models_unloads_total{reason="room"}'), 1)
            self.assertEqual(self.metric("accel_models_loaded"), 1)
            self.assertEqual(self.metric("accel_models_budget_bytes"), 150 * MIB)
            self.assertLessEqual(self.metric("accel_models_bytes"), 150 * MIB)

    def test_what_is_pinned_stays_and_others_are_refused_with_429(self):
        with self.served(memory_budget=150 * MIB, pinned=["minilm"]):
            self.embed()
            self.assertTrue(self.loaded()["minilm"]["pinned"])
            for path, body in [("/v1/completions", {"model": "smollm", "prompt": PROMPT}), ("/api/generate", {"model": "smollm", "prompt": PROMPT}),
                               ("/v1/chat/completions", {"model": "smollm", "messages": [{"role": "user", "content": "x"}], "stream": True})]:
                code, error, headers = self.client.refused(path, body)
                self.assertEqual((code, headers["Retry-After"]), (429, "1"), error)
                self.assertIn("pinned", json.dumps(error))
            self.assertEqual(self.metric('accel_models_refusals_total{reason="pinned"}'), 3)
            self.assertEqual(self.client.ok("/api/ps")["models"][0]["expires_at"][:4], "9999")
            self.assertEqual(self.node.ok("models", "unload", "minilm"), "unloaded\n")
            self.assertEqual(self.write()["response"], " Paris.")

    def test_what_exceeds_the_budget_alone_says_so(self):
        with self.served(memory_budget=60 * MIB):
            for path, body in [("/api/embed", {"model": "minilm", "input": "x"}), ("/v1/completions", {"model": "smollm", "prompt": "x"}),
                               ("/v2/repository/models/minilm/load", {})]:
                code, error, headers = self.client.refused(path, body)
                self.assertEqual((code, headers["Retry-After"]), (400, None), error)
                self.assertIn("models.memory_budget", json.dumps(error))
            self.assertEqual(self.loaded(), {})

    def test_keep_alive_is_ollamas(self):
        with self.served(keep_alive="1h"):
            self.embed(keep_alive=0)
            self.assertEqual(self.loaded(), {})
            self.embed(keep_alive="500ms")
            self.assertTrue(wait_until(lambda: self.loaded() == {}, 10))
            self.assertEqual(self.metric('accel_models_unloads_total{reason="expired"}'), 2)
            self.write(keep_alive=-1)
            self.assertTrue(self.loaded()["smollm"]["pinned"])
            self.write(keep_alive="2h")
            self.assertFalse(self.loaded()["smollm"]["pinned"])
            row = self.client.ok("/api/ps")["models"][0]
            self.assertRegex(row["expires_at"], r"^20\d\d-")
            self.assertGreater(row["size"], 90 * MIB)
            code, error, _ = self.client.refused("/api/embed", {"model": "minilm", "input": "x", "keep_alive": "soon"})
            self.assertEqual(code, 400)
            self.assertIn("keep_alive", error["error"])

    def test_models_are_loaded_and_unloaded_by_name(self):
        with self.served(names=("minilm", "smollm", "silero")):
            self.assertIn("for text-embedding in memory", self.node.ok("models", "load", "minilm"))
            self.node.ok("models", "load", "smollm", "--keep-alive", "-1")
            self.node.ok("models", "load", "silero")
            self.node.ok("models", "load", "minilm", "--tensors")
            rows = self.node.json("ps")["models"]
            self.assertEqual(sorted(row["task"] for row in rows), ["tensors", "text-embedding", "text-generation", "voice-activity-detection"])
            out = self.node.ok("ps")
            self.assertIn("pinned", out)
            self.assertIn("CALLS NOW", out)
            self.assertIn("threads 1", out)
            self.assertIn("0 written, 0 wait", out)
            loads = self.metric("accel_models_loads_total")
            self.embed()
            self.write()
            self.assertEqual(self.metric("accel_models_loads_total"), loads)
            self.assertEqual(self.node.json("models", "unload", "minilm")["unloaded"], 2)
            self.assertEqual(self.node.ok("models", "unload", "minilm"), "it was not in memory\n")
            reply = self.client.ok("/api/generate", {"model": "smollm", "keep_alive": 0})
            self.assertEqual((reply["done"], reply["done_reason"], reply["response"]), (True, "unload", ""))
            reply = self.client.ok("/api/chat", {"model": "smollm", "messages": []})
            self.assertEqual(reply["done_reason"], "load")
            self.assertIn("smollm", self.loaded())
            self.assert_fails(3, self.node.run("models", "load", "nothing"), "nothing")

    def test_a_daemon_warms_up_what_it_is_told_to(self):
        with self.served(names=("minilm", "silero", "opennsfw", "magika"), warm_up=["silero", "nothing", "opennsfw", "magika", "minilm"]):
            self.assertTrue(wait_until(lambda: {"minilm", "silero", "opennsfw", "magika"} <= set(self.loaded()), 60))
            loads = self.metric("accel_models_loads_total")
            self.embed()
            self.assertEqual(self.metric("accel_models_loads_total"), loads)

    def test_memory_of_what_is_unloaded_returns_to_the_system(self):
        with self.served():
            def cycle():
                self.embed()
                self.write()
                full = self.rss()
                for name in ("minilm", "smollm"):
                    self.node.ok("models", "unload", name)
                return full, self.rss()
            cycle()  # Libraries are loaded, choices measured.
            first_full, first_empty = cycle()
            self.assertGreater(first_full - first_empty, 100 * MIB)
            for _ in range(3):
                full, empty = cycle()
                self.assertLess(empty, first_empty + 8 * MIB)
            print(f"{full / MIB:.1f} MiB with both models, {empty / MIB:.1f} with none", flush=True)

    def test_old_settings_and_missing_daemons_are_told(self):
        node = self.home()
        node.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        self.assert_fails(UNAVAILABLE, node.run("models", "load", "minilm"), "daemon")
        code, out, err = node.run("config", "set", "models.kept_sessions", "4")
        self.assertNotEqual(code, 0)
        self.assertIn("models.memory_budget", err)
        code, out, err = node.run("config", "set", "models.keep_alive", "soon")
        self.assertNotEqual(code, 0)
        self.assertIn("5m", err)
        node.ok("config", "set", "models.keep_alive", "-1")
        self.assertEqual(node.json("run", "minilm", "--input", "x")["dimension"], 384)


if __name__ == "__main__":
    unittest.main()
