# SPDX-License-Identifier: Apache-2.0
"""How long requests may take, and which of those that wait goes first, over the protocols of a daemon."""
import json
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from harness import TestCase, model_directory, wait_until

LONG = {"model": "smollm", "prompt": "Once upon a time", "max_tokens": 1500, "temperature": 0}


class Urgency(TestCase):
    """One text at a time, so that the others wait."""

    def setUp(self):
        super().setUp()
        self.node = self.home()
        self.node.add(model_directory("smollm2-135m-q4_1"), "--name", "smollm")
        (self.node.path / "config.json").write_text(json.dumps({"text": {"context": 2048, "parallel": 1, "queue": 16}, "cpu": {"num_threads": 1}}))
        daemon = self.daemon(self.node, "--api", "127.0.0.1:0")
        self.served = daemon.__enter__()
        self.addCleanup(daemon.__exit__, None, None, None)
        self.token = (self.node.path / "api.token").read_text().strip()
        self.complete(max_tokens=1)  # The model is in memory from now on.

    def post(self, path, body, headers=None, key=None):
        request = urllib.request.Request(self.served.where["api"] + path, data=json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json", "Authorization": f"Bearer {key or self.token}", **(headers or {})})
        return urllib.request.urlopen(request, timeout=120)

    def complete(self, key=None, **more):
        with self.post("/v1/completions", {**LONG, **more}, key=key) as reply:
            return json.load(reply)

    def refused(self, path, body, headers=None, key=None):
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.post(path, body, headers, key)
        return refused.exception.code, json.load(refused.exception)["error"]

    def test_a_text_whose_time_is_over_is_answered_504_and_the_daemon_goes_on(self):
        soon = {"X-Request-Timeout": "0.05"}
        code, error = self.refused("/v1/completions", LONG, soon)
        self.assertEqual((code, error["code"]), (504, "timeout"))
        code, error = self.refused("/api/generate", {"model": "smollm", "prompt": "Once upon a time", "stream": False, "options": {"num_predict": 1500}}, soon)
        self.assertEqual((code, type(error)), (504, str))
        with self.post("/v1/completions", {**LONG, "stream": True}, {"X-Request-Timeout": "5"}) as reply:
            events = [line[6:] for line in reply.read().decode().splitlines() if line.startswith("data: ")]
        self.assertEqual(json.loads(events[-1])["error"]["code"], "timeout")
        with self.post("/api/v1/text.generate", {**LONG, "timeout_ms": 50}) as reply:
            frames = reply.read()  # The last one stands behind the text that was written until then.
        self.assertEqual(json.loads(frames[frames.rindex(b'{"error"'):])["error"]["code"], "timeout")
        self.assertEqual(self.refused("/v1/completions", LONG, {"X-Request-Timeout": "soon"})[0], 400)
        self.assertEqual(self.complete(max_tokens=2)["usage"]["completion_tokens"], 2)

    def test_a_high_priority_overtakes_what_waits_and_a_key_may_not_ask_for_it(self):
        key = self.node.json("api-keys", "create")["key"]
        self.assertEqual(self.refused("/v1/completions", {**LONG, "priority": 1}, key=key)[0], 403)
        self.assertEqual(self.refused("/v1/completions", {**LONG, "priority": 4})[0], 400)
        waiting = lambda: self.node.json("ps")["models"][0]["waiting"]
        ended = []

        def ask(name, priority):
            reply = self.complete(max_tokens=20, priority=priority, explain=True)
            ended.append(name)
            return reply["explain"]["priority"]

        with self.post("/v1/completions", {**LONG, "stream": True}) as running, ThreadPoolExecutor(4) as pool:
            running.readline()
            low = [pool.submit(ask, "low", 3) for _ in range(3)]
            self.assertTrue(wait_until(lambda: waiting() == 3, 30))
            high = pool.submit(ask, "high", 1)
            self.assertTrue(wait_until(lambda: waiting() == 4, 30))
            running.close()
            self.assertEqual((high.result(), [one.result() for one in low]), (1, [3, 3, 3]))
        self.assertEqual(ended, ["high", "low", "low", "low"])


if __name__ == "__main__":
    unittest.main()
