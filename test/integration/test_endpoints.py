# SPDX-License-Identifier: Apache-2.0
"""Endpoints: a second daemon, and servers that misbehave, behind the commands and protocols of the first."""
import contextlib
import http.server
import json
import os
import threading
import unittest

from harness import TestCase, model_directory
from test_serving import Client

PROMPT = ("--raw", "--prompt", "The capital of France is", "--max-tokens", "5")


class Provider:
    """Answers chats as OpenAI's API does, or as it is told; remembers what was asked."""

    def __init__(self, status=200, headers=(), piece="Hello"):
        provider = self
        self.requests, self.status, self.headers, self.piece = [], status, dict(headers), piece

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                provider.requests.append((self.path, dict(self.headers), json.loads(body)))
                chunk = {"choices": [{"index": 0, "delta": {"content": provider.piece}}]}
                end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 7, "completion_tokens": 1}}
                text = "".join(f"data: {json.dumps(part)}\n\n" for part in (chunk, end)) + "data: [DONE]\n\n"
                if provider.status != 200:
                    text = json.dumps({"error": {"message": f"refused {self.headers.get('Authorization')}"}})
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.send_response(provider.status)
                    for name, value in provider.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Type", "text/event-stream" if provider.status == 200 else "application/json")
                    self.send_header("Content-Length", str(len(text.encode())))
                    self.end_headers()
                    self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Endpoints(TestCase):
    def provider(self, *arguments, **options):
        provider = Provider(*arguments, **options)
        self.addCleanup(provider.close)
        return provider

    def key_file(self, text="sk-very-secret", mode=0o600):
        path = self.folder / "key"
        path.write_text(text + "\n")
        path.chmod(mode)
        return path

    def test_a_list_is_kept_shown_and_forgotten_and_never_holds_a_key(self):
        home = self.home()
        added = home.json("endpoints", "add", "mine", "--kind", "openai", "--url", "https://llm.example/v1", "--key-file", self.key_file(), "--model", "a=b")
        self.assertEqual((added["usable"], added["models"]), (False, [{"name": "a", "remote": "b"}]))
        home.ok("endpoints", "add", "here", "--kind", "ollama")
        self.assertEqual([row["name"] for row in home.json("endpoints", "list")["endpoints"]], ["mine", "here"])
        self.assert_fails(4, home.run("endpoints", "add", "here", "--kind", "ollama"), "--replace")
        home.ok("endpoints", "add", "here", "--kind", "ollama", "--replace")
        self.assert_fails(2, home.run("endpoints", "add", "y", "--kind", "tei"), "--url")
        self.assert_fails(2, home.run("endpoints", "add", "x", "--kind", "nonsense"), "ollama")
        self.assert_fails(2, home.run("endpoints", "add", "x", "--url", "http://example.org", "--key-env", "KEY"), "https alone")
        self.assert_fails(2, home.run("endpoints", "add", "x", "--key-env", "sk-proj-1"), "not the key")
        home.ok("endpoints", "rm", "here")
        self.assert_fails(3, home.run("endpoints", "rm", "here"), "here")
        for path in home.path.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"very-secret", path.read_bytes(), path)

    def test_nothing_leaves_the_machine_before_the_policy_says_so(self):
        home = self.home()
        home.ok("endpoints", "add", "away", "--kind", "openai", "--url", "http://192.0.2.1/v1", "--model", "m")
        self.assert_fails(7, home.run("text", "generate", "--model", "m@away", "--prompt", "x"), "endpoints.policy")
        self.assert_fails(3, home.run("text", "generate", "--model", "m", "--prompt", "x"), "endpoints.policy")
        self.assert_fails(7, home.run("text", "generate", "--model", "m", "--endpoint", "away", "--policy", "any", "--prompt", "x"), "endpoints.policy")
        self.assert_fails(3, home.run("text", "generate", "--model", "m", "--endpoint", "gone", "--prompt", "x"), "gone")

    def test_endpoints_that_there_are_not_and_what_none_is_asked_for_are_told(self):
        home, provider = self.home(), self.provider()
        self.assert_fails(3, home.run("text", "generate", "--model", "m@gone", "--prompt", "x"), 'no endpoint "gone", nor any other')
        home.ok("endpoints", "add", "near", "--kind", "openai", "--url", provider.url, "--model", "m=remote")
        self.assert_fails(3, home.run("run", "m@gone", "--input", "x"), 'There is no endpoint "gone"; there are near.')
        self.assert_fails(6, home.run("run", "m@near", "--image", self.file("a.png", 10)), "embeddings of texts")
        home.ok("endpoints", "add", "any", "--kind", "openai", "--url", provider.url)
        self.assert_fails(3, home.run("run", "m@gone", "--prompt", "x"), 'There is no endpoint "gone"; there are')
        home.ok("endpoints", "rm", "any")
        home.ok("endpoints", "add", "away", "--kind", "openai", "--url", "https://llm.example/v1", "--model", "m")
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            client = Client(daemon.where["api"], (home.path / "api.token").read_text().strip())
            self.assertEqual([row["id"] for row in client.ok("/v1/models")["data"]], ["m@near"], "what may be asked, of what endpoints list")
            self.assertEqual(client.ok("/v1/models/m@near")["owned_by"], "near")
            self.assertEqual(provider.requests, [])

    def test_an_endpoint_without_the_model_does_not_end_the_search(self):
        home, without, steady = self.home(), self.provider(status=404), self.provider()
        home.ok("endpoints", "add", "a", "--kind", "openai", "--url", without.url, "--model", "m")
        home.ok("endpoints", "add", "b", "--kind", "openai", "--url", steady.url, "--model", "*")
        self.assertEqual(home.json("text", "generate", "--model", "m", "--prompt", "x")["endpoint"]["name"], "b")
        steady.status = 404
        self.assert_fails(3, home.run("text", "generate", "--model", "m", "--prompt", "x"), "The endpoint a answered 404", "The endpoint b answered 404")

    def test_a_name_that_nobody_lists_goes_nowhere_unasked(self):
        home, provider = self.home(), self.provider()
        home.ok("endpoints", "add", "near", "--kind", "openai", "--url", provider.url)
        self.assert_fails(3, home.run("text", "generate", "--model", "smolm", "--prompt", "secret"), "smolm")
        self.assertEqual(provider.requests, [])
        self.assertEqual(home.json("text", "generate", "--model", "smolm@near", "--prompt", "x")["endpoint"]["name"], "near")

    def test_an_answer_is_streamed_recorded_and_told_with_its_provenance(self):
        home, provider = self.home(), self.provider()
        home.ok("endpoints", "add", "p", "--url", provider.url, "--model", "small=gpt-x", "--price-input", "1", "--price-output", "2", "--key-file", self.key_file())
        code, out, err = home.run("text", "generate", "--model", "small", "--prompt", "Hi", "--system", "Be kind", "--top-k", "5")
        self.assertEqual((code, out.strip()), (0, "Hello"), err)
        self.assertIn("7 prompt tokens, 1 tokens, cost 0.000009 (reported)", err)
        self.assertIn("no word for: top_k", err)
        path, headers, body = provider.requests[0]
        self.assertEqual((path, body["model"], headers["Authorization"]), ("/v1/chat/completions", "gpt-x", "Bearer sk-very-secret"))
        self.assertEqual(body["messages"], [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hi"}])
        result = home.json("text", "generate", "--model", "small@p", "--prompt", "Hi")
        self.assertEqual((result["provenance"], result["usage_provenance"], result["recorded"]), ("measured", "reported", True))
        self.assertEqual(result["endpoint"]["model"], "gpt-x")
        rows = home.json("history", "query", "--sql", "SELECT operation, provenance, metadata FROM ipfs_operations")["rows"]
        self.assertEqual([row[:2] for row in rows], [["endpoint.text-generation", "measured"]] * 2)
        self.assertIn('"provenance":"reported"', str(rows[0][2]).replace(" ", ""))

    def test_a_key_is_in_no_error_and_follows_no_redirect(self):
        home, other = self.home(), self.provider()
        refusing = self.provider(status=401)
        leading = self.provider(status=307, headers={"Location": other.url + "/v1/chat/completions"})
        home.ok("endpoints", "add", "r", "--url", refusing.url, "--key-file", self.key_file())
        code, out, err = home.run("text", "generate", "--model", "m@r", "--prompt", "x", "--json", "--log-level", "debug")
        self.assertEqual(code, 8, err)
        self.assertNotIn("very-secret", out + err)
        self.assertIn("[key]", out + err)
        home.ok("endpoints", "add", "l", "--url", leading.url, "--key-file", self.key_file())
        self.assert_fails(12, home.run("text", "generate", "--model", "m@l", "--prompt", "x"), "redirect")
        self.assertEqual(other.requests, [])
        self.key_file(mode=0o644)
        self.assert_fails(7, home.run("text", "generate", "--model", "m@r", "--prompt", "x"), "chmod 600")

    def test_a_server_that_fails_is_left_alone_and_counted(self):
        home, provider = self.home(), self.provider(status=503)
        with self.daemon(home):
            home.ok("config", "list")
            home.ok("endpoints", "add", "down", "--url", provider.url)
            for _ in range(3):
                self.assert_fails(10, home.run("text", "generate", "--model", "m@down", "--prompt", "x"), "down")
            stats = home.json("endpoints", "stats")["endpoints"][0]
            self.assertEqual((stats["breaker"], stats["failures"]), ("open", len(provider.requests)))
            self.assertLess(len(provider.requests), 9)


class SecondDaemon(TestCase):
    """What another node of ours runs, by each protocol that it speaks."""

    def setUp(self):
        super().setUp()
        self.far, self.near = self.home(), self.home()
        self.far.add(model_directory("smollm2-135m-q4_1"), "--name", "smollm")
        self.far.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        self.server = self.enterContext(self.daemon(self.far, "--api", "127.0.0.1:0"))
        self.token = self.far.path / "api.token"
        for kind in ("openai", "ollama", "oip"):
            self.near.ok("endpoints", "add", kind, "--kind", kind, "--url", self.server.where["api"], "--key-file", self.token, "--model", "*")

    def test_texts_and_vectors_are_those_of_the_far_daemon(self):
        want = self.far.json("text", "generate", "--model", "smollm", *PROMPT, "--no-daemon")
        for kind in ("openai", "ollama"):
            got = self.near.json("text", "generate", "--model", "smollm", "--endpoint", kind, *PROMPT)
            self.assertEqual(got["text"], want["text"], kind)
            self.assertEqual((got["prompt_tokens"], got["completion_tokens"]), (want["prompt_tokens"], want["completion_tokens"]), kind)
        vectors = self.far.json("text", "embed", "--model", "minilm", "--input", "a cat", "--input", "a dog")["embeddings"]
        for kind in ("openai", "ollama"):
            result = self.near.json("text", "embed", "--model", f"minilm@{kind}", "--input", "a cat", "--input", "a dog")
            self.assertLess(max(abs(a - b) for x, y in zip(vectors, result["embeddings"]) for a, b in zip(x, y)), 1e-5, kind)
        self.assertIn("smollm", self.near.json("endpoints", "test", "ollama")["models"])
        self.assertIn("minilm", self.near.json("endpoints", "test", "oip")["models"])

    def test_the_near_daemon_serves_them_over_its_own_protocols(self):
        with self.daemon(self.near, "--api", "127.0.0.1:0") as daemon:
            client = Client(daemon.where["api"], (self.near.path / "api.token").read_text().strip())
            chat = {"model": "smollm@ollama", "messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "max_tokens": 12}
            whole = client.ok("/v1/chat/completions", chat)
            far = Client(self.server.where["api"], self.token.read_text().strip())
            there = far.ok("/v1/chat/completions", {**chat, "model": "smollm"})["choices"][0]["message"]["content"]
            self.assertEqual(whole["choices"][0]["message"]["content"], there)
            self.assertEqual(whole["usage"]["completion_tokens"], 12 if whole["choices"][0]["finish_reason"] == "length" else whole["usage"]["completion_tokens"])
            events = [json.loads(line) for line in client.events("/v1/chat/completions", {**chat, "stream": True}) if line != "[DONE]"]
            self.assertEqual("".join(event["choices"][0]["delta"].get("content", "") for event in events), whole["choices"][0]["message"]["content"])
            lines = client.lines("/api/chat", {"model": "smollm@openai", "messages": chat["messages"], "options": {"temperature": 0, "top_k": 0, "top_p": 1, "num_predict": 12}})
            self.assertEqual("".join(line["message"]["content"] for line in lines), there)
            self.assertEqual(len(client.ok("/v1/embeddings", {"model": "minilm@openai", "input": ["a cat"]})["data"][0]["embedding"]), 384)
            # Unnamed: the endpoints take any name, and the one that knows no texts is passed over.
            self.assertEqual(client.ok("/v1/chat/completions", {**chat, "model": "smollm"})["choices"][0]["message"]["content"], whole["choices"][0]["message"]["content"])
            tokens = {"inputs": [{"name": name, "datatype": "INT64", "shape": [1, 3], "data": data} for name, data in
                                 (("input_ids", [101, 4937, 102]), ("attention_mask", [1, 1, 1]), ("token_type_ids", [0, 0, 0]))]}
            self.assertEqual(client.ok("/v2/models/minilm@oip/infer", tokens)["outputs"], far.ok("/v2/models/minilm/infer", tokens)["outputs"])
            self.assertEqual(client.refused("/v1/chat/completions", {**chat, "model": "gone@openai"})[0], 404)

    def test_endpoints_that_lead_back_are_no_ring(self):
        with self.daemon(self.near, "--api", "127.0.0.1:0") as daemon:
            near = self.near.path / "api.token"
            self.near.ok("endpoints", "add", "self", "--kind", "openai", "--url", daemon.where["api"], "--key-file", near, "--model", "*")
            self.far.ok("endpoints", "add", "back", "--kind", "ollama", "--url", daemon.where["api"], "--key-file", near, "--model", "*")
            client = Client(daemon.where["api"], near.read_text().strip())
            for model in ("typo", "typo@self", "typo@openai"):
                status, *body = client.refused("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "x"}]})
                self.assertEqual(status, 404, (model, body))
            busy = sum(row["outstanding"] for home in (self.near, self.far) for row in home.json("endpoints", "stats")["endpoints"])
            self.assertEqual(busy, 0)

    def test_a_private_model_is_asked_about_nowhere_else(self):
        self.near.ok("config", "set", "endpoints.policy", "any")
        self.near.ok("endpoints", "add", "away", "--kind", "openai", "--url", "http://192.0.2.1/v1")
        self.near.add(model_directory("smollm2-135m-q4_1"), "--name", "secret", "--private")
        self.assert_fails(7, self.near.run("text", "generate", "--model", "secret@away", "--prompt", "x"), "away")


if __name__ == "__main__":
    unittest.main()
