# SPDX-License-Identifier: Apache-2.0
"""Language models by command and over the protocols that clients speak: OpenAI, Ollama, Open Inference Protocol."""
import base64
import contextlib
import json
import math
import shutil
import signal
import struct
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import Daemon, TestCase, model_directory, wait_until

DATA = Path(__file__).resolve().parents[1] / "data/models"
PROMPT = "The capital of France is"


class Client:
    def __init__(self, url: str, token: str):
        self.url, self.token = url, token

    def request(self, path, body=None, method=None, token=None, timeout=60):
        data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        headers = {"Content-Type": "application/json"}
        if token is None:
            token = self.token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return urllib.request.urlopen(urllib.request.Request(self.url + path, data=data, headers=headers, method=method), timeout=timeout)

    def ok(self, path, body=None):
        with self.request(path, body) as reply:
            return json.load(reply)

    def refused(self, path, body=None, **options):
        try:
            with self.request(path, body, **options) as reply:
                raise AssertionError(f"{path} answered {reply.status}: {reply.read()[:500]}")
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), error.headers

    def events(self, path, body):
        with self.request(path, body) as reply:
            assert reply.headers["Content-Type"] == "text/event-stream", reply.headers
            return [line[6:].strip() for line in reply.read().decode().splitlines() if line.startswith("data: ")]

    def lines(self, path, body):
        with self.request(path, body) as reply:
            return [json.loads(line) for line in reply.read().splitlines()]


class Text(TestCase):
    def setUp(self):
        super().setUp()
        self.node = self.home()
        self.cid = self.node.add(model_directory("smollm2-135m-q4_1"), "--name", "smollm")

    def test_a_prompt_is_answered_on_the_terminal_and_recorded(self):
        out = self.node.ok("text", "generate", "--model", "smollm", "--raw", "--prompt", PROMPT, "--max-tokens", "5", "--threads", "1")
        self.assertEqual(out, " Paris.\n\nThe\n")
        result = self.node.json("run", "smollm", "--prompt", "What is the capital of France?", "--max-tokens", "8")
        self.assertEqual((result["prompt_tokens"], result["completion_tokens"], result["finish"]), (37, 8, "length"))
        self.assertEqual(result["model"]["cid"], self.cid)
        self.assertEqual(result["provenance"], "measured")
        self.assertGreater(result["prefill_tokens_per_second"], 0)
        sql = "select engine, precision, metrics->>'completion_tokens' from performance_results order by rowid"
        self.assertEqual(self.node.json("history", "query", "--sql", sql)["rows"], [["llama.cpp", "q4_1", "5"], ["llama.cpp", "q4_1", "8"]])

    def test_greedy_text_equals_the_reference_as_far_as_engines_agree(self):
        for case in json.loads((DATA / "smollm2_llamacpp.json").read_text())["cases"]:
            result = self.node.json("run", "smollm", "--raw", "--prompt", case["prompt"], "--max-tokens", case["first_diff_vs_hf_f32"])
            self.assertTrue(case["text"].startswith(result["text"]), (result["text"], case["text"]))

    def test_drafts_change_no_text_and_are_counted(self):
        words = "red apple, green pear, blue plum, yellow quince"
        prompt = f"Copy this list.\n\n{words}\n\nCopy:\n\n{words}\n\nCopy:\n\nred apple,"
        ask = ("text", "generate", "--model", "smollm", "--raw", "--prompt", prompt, "--max-tokens", "16", "--threads", "1")
        plain = self.node.json(*ask)
        self.assertNotIn("drafted_tokens", plain)
        looked = self.node.json(*ask, "--draft", "prompt-lookup")
        self.assertEqual((looked["text"], looked["draft"]), (plain["text"], "prompt-lookup"))
        self.assertGreater(looked["accepted_tokens"], 4)
        self.assertGreaterEqual(looked["drafted_tokens"], looked["accepted_tokens"])
        twin = self.folder / "twin"
        shutil.copytree(model_directory("smollm2-135m-q4_1"), twin)
        (twin / "README.md").write_text("The same weights in another folder.\n")
        self.node.add(twin, "--name", "twin")
        drafted = self.node.json(*ask, "--draft", "twin")
        self.assertEqual((drafted["text"], drafted["draft"]), (plain["text"], "twin"))
        self.assertGreater(drafted["accepted_tokens"], 4)
        self.assertEqual(self.node.json(*ask, environment={"IPFS_ACCELERATE_TEXT_DRAFT_MODEL": "twin"})["draft"], "twin")
        self.assertNotIn("draft", self.node.json(*ask, "--draft", "none", environment={"IPFS_ACCELERATE_TEXT_DRAFT_MODEL": "prompt-lookup"}))
        self.assert_fails(3, self.node.run(*ask, "--draft", "nobody"), "nobody")
        # What only the configuration wants and can't be is left out.
        self.assertEqual(self.node.json(*ask, environment={"IPFS_ACCELERATE_TEXT_DRAFT_MODEL": "nobody"})["text"], plain["text"])
        self.assert_fails(2, self.node.run("config", "set", "text.draft_max", "65"), "64")

    def test_bad_requests_say_what_is_wrong(self):
        self.assert_fails(2, self.node.run("run", "smollm", "--input", "x"), "--prompt")
        self.assert_fails(2, self.node.run("run", "smollm", "--prompt", "word " * 9000), "context")
        self.assert_fails(3, self.node.run("run", "nothing", "--prompt", "x"), "nothing")
        self.assert_fails(2, self.node.run("run", "smollm", "--prompt", "x", "--temperature", "-1"), "temperature")


    def test_a_text_that_is_stopped_ends_its_line_and_promises_nothing(self):
        for serves in (False, True):
            with self.daemon(self.node) if serves else contextlib.nullcontext():
                text = self.node.start("run", "smollm", "--prompt", "Tell a long story.", "--max-tokens", "4000")
                first = text.stdout.read(1)
                text.send_signal(signal.SIGINT)
                out, err = text.communicate(timeout=60)
            self.assertEqual(text.returncode, 130, err)
            self.assertTrue((first + out).endswith("\n"), out)
            self.assertIn("Stopped.", err)
            self.assertNotIn("goes on", err)

    def test_a_daemon_that_is_stopped_says_what_it_waits_for(self):
        daemon = Daemon(self.node, "--api", "127.0.0.1:0")
        client = Client(daemon.where["api"], (self.node.path / "api.token").read_text().strip())
        reply = client.request("/api/generate", {"model": "smollm", "prompt": "Tell a long story.", "options": {"num_predict": 4000}})
        reply.readline()
        daemon.process.send_signal(signal.SIGINT)
        _, err = daemon.process.communicate(timeout=60)
        reply.close()
        self.assertIn("stopping: waits for 1 call of models", err)
        self.assertTrue(err.endswith("stopped\n"), err)


class Serving(TestCase):
    """One daemon with both real models serves all tests of this class."""

    def setUp(self):
        super().setUp()
        self.node = self.home()
        self.node.add(model_directory("smollm2-135m-q4_1"), "--name", "smollm")
        self.node.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        (self.node.path / "config.json").write_text(json.dumps({"text": {"context": 2048, "parallel": 2, "queue": 1}, "cpu": {"num_threads": 1}}))
        daemon = self.daemon(self.node, "--api", "127.0.0.1:0")
        self.served = daemon.__enter__()
        self.addCleanup(daemon.__exit__, None, None, None)
        self.client = Client(self.served.where["api"], (self.node.path / "api.token").read_text().strip())

    def chat(self, **more):
        return {"model": "smollm", "messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, **more}

    def test_openai_answers_chats_whole_and_streamed_alike(self):
        whole = self.client.ok("/v1/chat/completions", self.chat(max_tokens=12))
        text = whole["choices"][0]["message"]["content"]
        self.assertEqual(whole["usage"], {"prompt_tokens": 37, "completion_tokens": 12, "total_tokens": 49, "prompt_tokens_details": {"cached_tokens": 0}})
        self.assertEqual(whole["choices"][0]["finish_reason"], "length")
        events = self.client.events("/v1/chat/completions", self.chat(max_tokens=12, stream=True, stream_options={"include_usage": True}))
        self.assertEqual(events[-1], "[DONE]")
        chunks = [json.loads(event) for event in events[:-1]]
        self.assertEqual("".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"]), text)
        self.assertEqual(chunks[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual(chunks[-1]["usage"]["completion_tokens"], 12)
        self.assertEqual(chunks[-1]["usage"]["prompt_tokens_details"]["cached_tokens"], 36)

    def test_openai_completes_texts_and_lists_models(self):
        reply = self.client.ok("/v1/completions", {"model": "smollm", "prompt": PROMPT, "max_tokens": 3, "temperature": 0, "stop": "\n"})
        self.assertEqual((reply["choices"][0]["text"], reply["choices"][0]["finish_reason"]), (" Paris.", "stop"))
        self.assertEqual({m["id"] for m in self.client.ok("/v1/models")["data"]}, {"smollm", "minilm"})
        self.assertEqual(self.client.ok("/v1/models/minilm")["task"], "text-embedding")
        self.assertEqual(self.client.refused("/v1/models/nothing")[0], 404)

    def test_an_echoed_completion_begins_with_its_prompt(self):
        ask = {"model": "smollm", "prompt": PROMPT, "max_tokens": 4, "temperature": 0}
        plain = self.client.ok("/v1/completions", ask)["choices"][0]["text"]
        self.assertEqual(self.client.ok("/v1/completions", {**ask, "echo": True})["choices"][0]["text"], PROMPT + plain)
        events = [json.loads(event) for event in self.client.events("/v1/completions", {**ask, "echo": True, "stream": True, "n": 2})[:-1]]
        for index in (0, 1):
            pieces = [choice["text"] for event in events for choice in event["choices"] if choice["index"] == index]
            self.assertEqual(pieces[0], PROMPT)
            self.assertEqual("".join(pieces), PROMPT + plain)
        code, error, _ = self.client.refused("/v1/completions", {**ask, "echo": True, "logprobs": 1})
        self.assertIn("echo", error["error"]["message"])

    def test_openai_and_ollama_give_the_reference_embeddings(self):
        cases = json.loads((DATA / "minilm_l6_f32.json").read_text())["cases"]
        texts = [case["text"] for case in cases]
        floats = self.client.ok("/v1/embeddings", {"model": "minilm", "input": texts})
        coded = self.client.ok("/v1/embeddings", {"model": "minilm", "input": texts, "encoding_format": "base64"})
        ollama = self.client.ok("/api/embed", {"model": "minilm:latest", "input": texts})
        for case, a, b, c in zip(cases, floats["data"], coded["data"], ollama["embeddings"], strict=True):
            packed = base64.b64decode(b["embedding"])
            b = struct.unpack(f"<{len(packed) // 4}f", packed)
            for vector in (a["embedding"], b, c):
                self.assertLess(max(map(lambda x, y: abs(x - y), vector, case["embedding"])), 1e-4)
        self.assertEqual(floats["usage"]["total_tokens"], ollama["prompt_eval_count"])

    def test_a_language_model_gives_the_reference_embeddings_beside_its_texts(self):
        cases = json.loads((DATA / "smollm2_embeddings.json").read_text())["cases"]
        texts = [case["text"] for case in cases]
        with ThreadPoolExecutor(2) as pool:
            written = pool.submit(self.client.ok, "/v1/completions", {"model": "smollm", "prompt": PROMPT, "temperature": 0, "max_tokens": 8})
            openai = self.client.ok("/v1/embeddings", {"model": "smollm", "input": texts})
            self.assertTrue(written.result()["choices"][0]["text"].startswith(" Paris"))
        ollama = self.client.ok("/api/embed", {"model": "smollm:latest", "input": texts})
        for case, a, b in zip(cases, openai["data"], ollama["embeddings"], strict=True):
            for vector in (a["embedding"], b):
                self.assertGreater(sum(map(lambda x, y: x * y, vector, case["embedding"])), 0.9999)
        self.assertEqual(openai["usage"]["total_tokens"], ollama["prompt_eval_count"])
        self.assertGreater(openai["usage"]["total_tokens"], len(texts))
        rows = {row["task"]: row for row in self.node.json("ps")["models"] if row["name"] == "smollm"}
        self.assertEqual(set(rows), {"text-generation", "text-embedding"})
        self.assertEqual((rows["text-embedding"]["engine"], rows["text-embedding"]["pooling"]), ("llama.cpp", "mean"))
        formats = {row["name"].split(":")[0]: row["details"]["format"] for row in self.client.ok("/api/ps")["models"]}
        self.assertEqual(formats["smollm"], "gguf")

    def test_ollama_answers_streams_of_lines(self):
        chat = {"model": "smollm", "messages": self.chat()["messages"], "options": {"temperature": 0, "num_predict": 6}}
        lines = self.client.lines("/api/chat", chat)
        self.assertTrue(lines[-1]["done"])
        self.assertEqual(lines[-1]["eval_count"], 6)
        whole = self.client.ok("/api/chat", {**chat, "stream": False, "keep_alive": "5m"})
        self.assertEqual("".join(line["message"]["content"] for line in lines), whole["message"]["content"])
        raw = self.client.ok("/api/generate", {"model": "smollm", "prompt": PROMPT, "raw": True, "stream": False, "options": {"temperature": 0, "num_predict": 2}})
        self.assertEqual((raw["response"], raw["done_reason"]), (" Paris.", "length"))
        self.assertEqual({m["name"] for m in self.client.ok("/api/tags")["models"]}, {"smollm", "minilm"})
        self.assertEqual(self.client.ok("/api/ps")["models"][0]["name"], "smollm")
        self.assertEqual(self.client.ok("/api/show", {"model": "smollm"})["capabilities"], ["completion"])
        self.assertIn("llama.cpp", self.node.ok("ps"))

    def test_open_inference_runs_tensors(self):
        ids = [101, 1996, 4937, 7719, 2006, 1996, 13523, 1012, 102]
        shape = [1, len(ids)]
        tensor = lambda name, data: {"name": name, "datatype": "INT64", "shape": shape, "data": data}
        body = {"id": "1", "inputs": [tensor("input_ids", ids), tensor("attention_mask", [[1] * 9]), tensor("token_type_ids", [0] * 9)]}
        reply = self.client.ok("/v2/models/minilm/infer", body)
        self.assertEqual((reply["id"], reply["model_name"]), ("1", "minilm"))
        output = reply["outputs"][0]
        self.assertEqual((output["datatype"], output["shape"]), ("FP32", [1, 9, 384]))
        self.assertTrue(all(math.isfinite(x) for x in output["data"]))
        metadata = self.client.ok("/v2/models/minilm")
        self.assertEqual({t["name"] for t in metadata["inputs"]}, {"input_ids", "attention_mask", "token_type_ids"})
        self.assertTrue(self.client.ok("/v2/health/ready")["ready"])
        body["inputs"][0]["shape"] = [1, 8]
        self.assertEqual(self.client.refused("/v2/models/minilm/infer", body)[0], 400)
        self.assertEqual(self.client.refused("/v2/models/minilm/infer", {"inputs": []})[0], 400)
        self.assertEqual(self.client.refused("/v2/models/nothing")[0], 404)

    def test_open_inference_takes_and_gives_bytes(self):
        ids = [101, 1996, 4937, 102]
        inputs = [("input_ids", ids), ("attention_mask", [1] * 4), ("token_type_ids", [0] * 4)]
        head = {"inputs": [{"name": name, "datatype": "INT64", "shape": [1, 4], "parameters": {"binary_data_size": 32}} for name, _ in inputs],
                "parameters": {"binary_data_output": True}}
        tail = b"".join(struct.pack("<4q", *values) for _, values in inputs)

        def post(head, tail, length=None):
            text = json.dumps(head).encode()
            request = urllib.request.Request(self.client.url + "/v2/models/minilm/infer", data=text + tail, method="POST", headers={
                "Authorization": f"Bearer {self.client.token}", "Inference-Header-Content-Length": str(len(text) if length is None else length)})
            with urllib.request.urlopen(request) as reply:
                return reply.headers, reply.read()
        headers, body = post(head, tail)
        length = int(headers["Inference-Header-Content-Length"])
        output = json.loads(body[:length])["outputs"][0]
        self.assertEqual((output["shape"], output["parameters"]), ([1, 4, 384], {"binary_data_size": 4 * 384 * 4}))
        as_json = self.client.ok("/v2/models/minilm/infer", {"inputs": [{"name": n, "datatype": "INT64", "shape": [1, 4], "data": v} for n, v in inputs]})
        for a, b in zip(struct.unpack(f"<{4 * 384}f", body[length:]), as_json["outputs"][0]["data"], strict=True):
            self.assertLess(abs(a - b), 1e-5)
        for bad in [(head, tail[:-1]), (head, tail + b"x"), (head, tail, 5), (head, tail, 10**9), (head, tail, -1)]:
            with self.assertRaises(urllib.error.HTTPError) as refused:
                post(*bad)
            self.assertEqual(refused.exception.code, 400, bad)
        stats = self.client.ok("/v2/models/minilm/stats")["model_stats"][0]
        # The second request had the tensors of the first, whose outputs were kept.
        counts = [stats["inference_count"]] + [stats["inference_stats"][kind]["count"] for kind in ("success", "cache_hit", "cache_miss")]
        self.assertEqual(counts, [1, 2, 1, 1])
        states = lambda: {m["name"]: m["state"] for m in self.client.ok("/v2/repository/index", {})}
        self.assertEqual(states(), {"smollm": "UNAVAILABLE", "minilm": "READY"})
        self.client.ok("/v2/repository/models/minilm/unload", {})
        self.assertEqual(states()["minilm"], "UNAVAILABLE")
        self.client.ok("/v2/repository/models/minilm/load", {})
        self.assertEqual(states()["minilm"], "READY")

    def test_texts_of_many_clients_are_batched_and_give_what_they_give_alone(self):
        texts = [("word " * (1 + 7 * (i % 9))).strip() for i in range(24)]
        alone = [self.client.ok("/v1/embeddings", {"model": "minilm", "input": text})["data"][0]["embedding"] for text in texts]
        ask = lambda text: self.client.ok("/v1/embeddings", {"model": "minilm", "input": text, "explain": True, "cache": False})
        for _ in range(3):
            with ThreadPoolExecutor(len(texts)) as pool:
                together = list(pool.map(ask, texts))
            worst = max(abs(x - y) for a, b in zip(alone, together) for x, y in zip(a, b["data"][0]["embedding"], strict=True))
            self.assertLess(worst, 1e-5)
        notes = [batch for reply in together for batch in reply["explain"]["batches"]]
        self.assertGreater(max(note["requests"] for note in notes), 1, notes)
        for note in notes:
            self.assertLessEqual(note["padded_tokens"] - note["tokens"], note["padded_tokens"] / 4, note)
            self.assertTrue(note["reason"])
        with self.client.request("/metrics") as reply:
            metrics = reply.read().decode()
        self.assertIn('accel_batch_rows_bucket{model="minilm"', metrics)
        self.assertIn("text-embedding", [row["task"] for row in self.node.json("ps")["models"]])

    def test_answers_are_json_of_the_schema_that_is_asked_for(self):
        schema = {"type": "object", "properties": {"capital": {"type": "string", "maxLength": 12}, "large": {"type": "boolean"}}, "required": ["capital", "large"]}
        asked = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        text = self.client.ok("/v1/chat/completions", self.chat(max_tokens=60, response_format=asked))["choices"][0]["message"]["content"]
        self.assertEqual(set(json.loads(text)), {"capital", "large"}, text)
        chat = {"model": "smollm", "messages": self.chat()["messages"], "stream": False, "options": {"temperature": 0, "num_predict": 60}}
        text = self.client.ok("/api/chat", {**chat, "format": schema})["message"]["content"]
        self.assertIsInstance(json.loads(text)["large"], bool, text)
        bad = {"type": "json_schema", "json_schema": {"schema": {"type": "nothing"}}}
        self.assertEqual(self.client.refused("/v1/chat/completions", self.chat(response_format=bad))[0], 400)

    def tool(self, name="get_weather", **more):
        schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
                  "required": ["city", "days"], "additionalProperties": False}
        return {"type": "function", "function": {"name": name, "description": "Weather of a city.", "parameters": schema, **more}}

    def assert_weather(self, arguments):
        self.assertEqual(set(arguments), {"city", "days"})
        self.assertIsInstance(arguments["city"], str)
        self.assertIn(arguments["days"], range(1, 10))

    def test_tools_that_must_be_called_are_called_with_arguments_of_their_schema(self):
        asked = self.chat(max_tokens=80, tools=[self.tool(), self.tool("other")], tool_choice="required", parallel_tool_calls=False)
        choice = self.client.ok("/v1/chat/completions", asked)["choices"][0]
        self.assertEqual((choice["finish_reason"], choice["message"]["content"]), ("tool_calls", None))
        call, = choice["message"]["tool_calls"]
        self.assert_weather(json.loads(call["function"]["arguments"]))
        named = {**asked, "tool_choice": {"type": "function", "function": {"name": "other"}}, "stream": True}
        chunks = [json.loads(event)["choices"][0] for event in self.client.events("/v1/chat/completions", named)[:-1]]
        deltas = [delta for chunk in chunks for delta in chunk["delta"].get("tool_calls", [])]
        self.assertEqual((deltas[0]["function"]["name"], deltas[0]["type"], chunks[-1]["finish_reason"]), ("other", "function", "tool_calls"))
        self.assertGreater(len(deltas), 2)
        self.assert_weather(json.loads("".join(delta["function"]["arguments"] for delta in deltas)))
        answered = self.chat(max_tokens=8, tools=[self.tool()], tool_choice="none")
        answered["messages"] += [choice["message"], {"role": "tool", "tool_call_id": call["id"], "content": "It snows."}]
        self.assertEqual(self.client.ok("/v1/chat/completions", answered)["choices"][0]["finish_reason"], "length")
        for bad, words in [({"tools": [self.tool("a b")]}, "tools[0]"), ({"tools": [self.tool()] * 2}, "tools[1]"), ({"tools": [self.tool(str(i)) for i in range(200)]}, "128"),
                           ({"tools": [self.tool(parameters={"type": "string"})]}, "get_weather"), ({"messages": self.chat()["messages"] + [{"role": "tool", "content": "x"}]}, "messages[1]"),
                           ({"tools": [self.tool(strict=True, parameters={"properties": {"a": {"type": "number", "minimum": 1}}})]}, "/properties/a")]:
            code, error, _ = self.client.refused("/v1/chat/completions", self.chat(**{"max_tokens": 2, **bad}))
            self.assertEqual(code, 400, error)
            self.assertIn(words, error["error"]["message"])

    def test_a_prompt_goes_on_from_what_an_earlier_one_left(self):
        words = " ".join(f"word{i}" for i in range(60))
        ask = lambda **more: self.client.ok("/v1/completions", {"model": "smollm", "prompt": words, "max_tokens": 8, "temperature": 0, **more})
        first, again = ask(), ask()
        self.assertEqual(first["usage"]["prompt_tokens_details"]["cached_tokens"], 0)
        self.assertEqual(again["usage"]["prompt_tokens_details"]["cached_tokens"], first["usage"]["prompt_tokens"] - 1)
        self.assertEqual(first["choices"][0]["text"], again["choices"][0]["text"])
        with self.client.request("/metrics") as reply:
            self.assertRegex(reply.read().decode(), r"accel_text_cached_tokens_total [1-9]")
        self.assertGreater(self.node.json("ps")["models"][0]["kept_tokens"], 60)

    def test_a_key_learns_nothing_of_what_others_have_asked(self):
        words = " ".join(f"secret{i}" for i in range(60))
        keys = [self.node.json("api-keys", "create")["key"] for _ in range(2)]

        def cached(key):
            with self.client.request("/v1/completions", {"model": "smollm", "prompt": words, "max_tokens": 2, "temperature": 0}, token=key) as reply:
                usage = json.load(reply)["usage"]
            return usage["prompt_tokens_details"]["cached_tokens"], usage["prompt_tokens"]

        for caller in (None, *keys):  # The owner, then one key after the other.
            self.assertEqual(cached(caller)[0], 0, caller)
        found, prompt = cached(keys[1])
        self.assertEqual(found, prompt - 1, "its own prompt")
        cached(None)  # There are two slots: the owner's first text has gone.
        self.assertGreater(self.node.json("run", "smollm", "--raw", "--prompt", words, "--max-tokens", "2")["cached_tokens"], 60, "the owner by another way")

    def test_logprobs_are_told_whole_and_in_streams(self):
        asked = self.chat(max_tokens=6, logprobs=True, top_logprobs=3)
        content = self.client.ok("/v1/chat/completions", asked)["choices"][0]["logprobs"]["content"]
        self.assertEqual(len(content), 6)
        for token in content:
            self.assertEqual(token["logprob"], token["top_logprobs"][0]["logprob"])
            self.assertLessEqual(sum(math.exp(top["logprob"]) for top in token["top_logprobs"]), 1)
        chunks = [json.loads(event)["choices"][0] for event in self.client.events("/v1/chat/completions", {**asked, "stream": True})[:-1]]
        streamed = [token["token"] for chunk in chunks if chunk["logprobs"] for token in chunk["logprobs"]["content"]]
        self.assertEqual(streamed, [token["token"] for token in content])
        old = self.client.ok("/v1/completions", {"model": "smollm", "prompt": PROMPT, "max_tokens": 3, "temperature": 0, "logprobs": 2})["choices"][0]
        self.assertEqual(("".join(old["logprobs"]["tokens"]), old["logprobs"]["text_offset"]), (old["text"], [0, 6, 7]))
        self.assertEqual([len(top) for top in old["logprobs"]["top_logprobs"]], [2, 2, 2])

    def test_several_answers_come_of_one_prompt(self):
        asked = self.chat(max_tokens=6, n=3, temperature=1.5, seed=1)
        reply = self.client.ok("/v1/chat/completions", asked)
        texts = [choice["message"]["content"] for choice in reply["choices"]]
        self.assertEqual(([c["index"] for c in reply["choices"]], len(set(texts))), ([0, 1, 2], 3))
        self.assertEqual((reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"]), (37, 18))
        streamed = ["", "", ""]
        for event in self.client.events("/v1/chat/completions", {**asked, "stream": True})[:-1]:
            for choice in json.loads(event)["choices"]:
                streamed[choice["index"]] += choice["delta"].get("content") or ""
        self.assertTrue(all(streamed), streamed)

    def test_samplers_change_what_they_are_for(self):
        ask = lambda **more: self.client.ok("/v1/completions", {"model": "smollm", "prompt": PROMPT, "max_tokens": 1, "temperature": 0, **more})["choices"][0]["text"]
        self.assertEqual(ask(), " Paris")
        self.assertNotEqual(ask(logit_bias={"7042": -100}), " Paris")
        self.assertEqual(self.client.refused("/v1/completions", {"model": "smollm", "prompt": PROMPT, "presence_penalty": 3})[0], 400)
        loop = lambda **options: self.client.ok("/api/generate", {"model": "smollm", "prompt": "a b a b a b a b a b a b", "raw": True, "stream": False,
                                                                  "options": {"temperature": 0, "num_predict": 12, **options}})["response"]
        self.assertNotEqual(loop(), loop(repeat_penalty=1.8))
        self.assertNotEqual(loop(), loop(frequency_penalty=2))

    def test_refusals_have_the_protocols_shape_and_status(self):
        code, error, _ = self.client.refused("/v1/models", token="wrong")
        self.assertEqual((code, error["error"]["type"]), (401, "authentication_error"))
        self.assertEqual(self.client.refused("/api/tags", token="wrong")[0:2][0], 401)
        self.assertEqual(self.client.request("/api/version", token="").status, 200)
        for path, body, expected in [("/v1/chat/completions", b"{", 400), ("/v1/chat/completions", b'{"model":"\xff"}', 400),
                                     ("/v1/chat/completions", {"model": "nothing", "messages": [{"role": "user", "content": "x"}]}, 404),
                                     ("/v1/chat/completions", self.chat(stream=True, max_tokens=5000), 400),
                                     ("/v1/chat/completions", self.chat(tools=[{"type": "function"}]), 400),
                                     ("/v1/completions", {"model": "smollm", "prompt": "word " * 3000, "stream": True}, 400),
                                     ("/v1/embeddings", {"model": "smollm", "input": ["x", ""]}, 400), ("/api/chat", {"model": "nothing", "messages": []}, 404),
                                     ("/api/generate", {"model": "smollm", "prompt": "x", "context": [1]}, 400),
                                     ("/api/generate", {"model": "nothing", "prompt": "x"}, 404)]:
            code, error, _ = self.client.refused(path, body)
            self.assertEqual(code, expected, (path, error))
            message = error["error"] if path.startswith("/api/") else error["error"]["message"]
            self.assertTrue(message.endswith("."), message)
        self.assertEqual(self.client.refused("/v1/models", {}, method="DELETE")[0], 405)

    def test_routes_that_there_are_not_name_what_does_their_work(self):
        for path, words in [("/api/embeddings", "/api/embed"), ("/api/delete", "pin rm"), ("/api/blobs/sha256:a", "add --name"), ("/api/v2/x", "generate")]:
            code, error, _ = self.client.refused(path, {})
            self.assertEqual((code, list(error)), (404, ["error"]), path)
            self.assertIn(words, error["error"])
        for path, words in [("/v1/responses", "/v1/chat/completions"), ("/v1/audio/speech", "text-to-speech"), ("/v1/rerank", "text-ranking")]:
            code, error, _ = self.client.refused(path, {})
            self.assertEqual(code, 404)
            self.assertIn(words, error["error"]["message"])
        code, error, _ = self.client.refused("/v2/models/minilm/config", method="GET")
        self.assertEqual(code, 404)
        self.assertIn("no Triton configuration", error["error"])
        for path in ("/api/v1/nothing", "/api/v0/add"):
            self.assertIn("code", self.client.refused(path, {})[1]["error"], path)

    def test_a_context_is_taken_as_far_as_the_model_has_one(self):
        ask = lambda tokens, **more: {"model": "smollm", "stream": False, "options": {"num_ctx": tokens, "num_predict": 2}, **more}
        self.assertEqual(self.client.ok("/api/chat", ask(2048, messages=self.chat()["messages"]))["eval_count"], 2)
        for stream in (False, True):
            code, error, _ = self.client.refused("/api/generate", ask(4096, prompt="x") | {"stream": stream})
            self.assertEqual(code, 400)
            self.assertIn("2048", error["error"])
            self.assertIn("4096", error["error"])
        self.assertEqual(self.client.ok("/api/generate", ask(2048))["done_reason"], "load")
        self.assertEqual(self.client.refused("/api/generate", ask(4096))[0], 400)

    def test_an_input_that_is_too_long_is_named(self):
        words = "word " * 3000
        for model, limit, tokens in (("minilm", "the 256 ", "more tokens"), ("smollm", "the 2048 ", "tokens, more than")):
            message = self.client.refused("/v1/embeddings", {"model": model, "input": ["a", words]})[1]["error"]["message"]
            self.assertIn("index 1 ", message)
            self.assertIn(limit, message)
            self.assertIn(tokens, message)
        self.assertIn("index 0 ", self.client.refused("/api/embed", {"model": "minilm", "input": words, "truncate": False})[1]["error"])

    def test_the_index_of_open_inference_calls_no_language_model_ready(self):
        self.client.ok("/v2/models/minilm")
        self.client.ok("/api/generate", {"model": "smollm"})
        rows = {row["name"]: row for row in self.client.ok("/v2/repository/index", {})}
        self.assertEqual((rows["minilm"]["state"], rows["smollm"]["state"]), ("READY", "UNAVAILABLE"))
        self.assertIn("no model of tensors", rows["smollm"]["reason"])
        self.assertEqual([row["name"] for row in self.client.ok("/v2/repository/index", {"ready": True})], ["minilm"])

    def test_deep_json_is_refused_and_the_daemon_lives(self):
        deep = lambda member, levels: b'{"%s":%s%s}' % (member, b"[" * levels, b"]" * levels)
        for path, body in [("/v2/models/minilm/infer", deep(b"inputs", 400_000)), ("/v1/chat/completions", deep(b"messages", 400_000)),
                           ("/api/chat", deep(b"x", 65)), ("/api/v1/models.list", deep(b"x", 150_000)), ("/api/v1/run", b"[" * 1_000_000)]:
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.client.request(path, body)
            self.assertEqual(refused.exception.code, 400, path)
            self.assertIn("64 levels", refused.exception.read().decode(), path)
        self.assertEqual(len(self.client.ok("/v1/models")["data"]), 2)

    def test_more_texts_than_slots_and_queue_are_refused_with_429(self):
        self.client.ok("/v1/chat/completions", self.chat(max_tokens=1))

        def ask(_):
            try:
                return self.client.events("/v1/chat/completions", self.chat(max_tokens=200, stream=True))[-1], None
            except urllib.error.HTTPError as error:
                return error.code, error.headers["Retry-After"]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(8)))
        self.assertGreaterEqual(answers.count(("[DONE]", None)), 3, answers)
        self.assertGreaterEqual(answers.count((429, "1")), 1, answers)

    def test_a_client_that_leaves_ends_its_text(self):
        running = lambda: self.client.ok("/api/ps")["models"] and self.node.json("ps")["models"][0]["running"]
        reply = self.client.request("/v1/chat/completions", self.chat(max_tokens=1500, stream=True))
        reply.readline()
        self.assertEqual(running(), 1)
        reply.close()
        self.assertTrue(wait_until(lambda: running() == 0, 10))

    def test_a_text_that_is_broken_off_costs_its_key_what_was_read_and_written(self):
        key = self.node.json("api-keys", "create", "--tokens-per-day", "100000")["key"]
        prompt = " ".join(f"word{i}" for i in range(100))
        with self.client.request("/v1/completions", {"model": "smollm", "prompt": prompt, "max_tokens": 1}) as reply:
            read = json.load(reply)["usage"]["prompt_tokens"]
        with self.client.request("/v1/completions", {"model": "smollm", "prompt": prompt, "max_tokens": 800, "stream": True}, token=key) as reply:
            reply.readline()

        def used():
            with self.client.request("/v1/models", token=key) as reply:
                return 100000 - int(reply.headers["x-ratelimit-remaining-tokens"])

        self.assertTrue(wait_until(lambda: used() > 0, 10))
        self.assertGreater(used(), read)
        self.assertLess(used(), read + 800)

    def test_a_chat_template_without_end_is_refused_while_another_model_answers(self):
        self.node.add(self.with_template("endless", "{% for m in messages %}{% if m.content == 'evil' %}{% for a in range(9999) %}{% for b in range(9999) %}"
                                         "{% endfor %}{% endfor %}{% endif %}{{ m.content }}{% endfor %}"), "--name", "endless")
        chat = lambda content: {"model": "endless", "messages": [{"role": "user", "content": content}], "max_tokens": 1}
        with ThreadPoolExecutor(1) as pool:
            refused = pool.submit(self.client.refused, "/v1/chat/completions", chat("evil"))
            self.assertEqual(self.client.ok("/v1/chat/completions", self.chat(max_tokens=2))["usage"]["prompt_tokens"], 37)
            status, body, _ = refused.result()
        self.assertEqual(status, 400, body)
        self.assertRegex(body["error"]["message"], "chat template takes (more|longer) than")
        self.assertEqual(self.client.ok("/v1/chat/completions", chat("Once upon a time"))["usage"]["completion_tokens"], 1)

    def with_template(self, name, template):
        """SmolLM2 with another chat template: as long as its own, so that nothing else in the file moves."""
        source = next(model_directory("smollm2-135m-q4_1").glob("*.gguf"))
        data = bytearray(source.read_bytes())
        key = b"tokenizer.chat_template"
        at = data.index(key) + len(key) + 4
        length = struct.unpack_from("<Q", data, at)[0]
        data[at + 8:at + 8 + length] = (template + "{#" + " " * (length - len(template) - 4) + "#}").encode()
        self.assertEqual(len(data), source.stat().st_size)
        folder = self.folder / name
        folder.mkdir()
        (folder / source.name).write_bytes(data)
        return folder


if __name__ == "__main__":
    unittest.main()
