# SPDX-License-Identifier: Apache-2.0
"""The official clients of OpenAI, Ollama and Triton against a daemon with real models."""
import json
import unittest

import numpy
import ollama
import openai
import tritonclient.http
from tritonclient.utils import InferenceServerException
from harness import TestCase, model_directory

WEATHER = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
           "required": ["city", "days"], "additionalProperties": False}
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


class Clients(TestCase):
    def setUp(self):
        super().setUp()
        home = self.home()
        home.add(model_directory("smollm2-135m-q4_1"), "--name", "smollm")
        home.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        daemon = self.daemon(home, "--api", "127.0.0.1:0")
        self.url = daemon.__enter__().where["api"]
        self.addCleanup(daemon.__exit__, None, None, None)
        self.token = (home.path / "api.token").read_text().strip()

    def test_openai(self):
        client = openai.OpenAI(base_url=self.url + "/v1", api_key=self.token, max_retries=0)
        self.assertEqual({model.id for model in client.models.list()}, {"smollm", "minilm"})
        self.assertEqual(client.models.retrieve("minilm").id, "minilm")
        vectors = client.embeddings.create(model="minilm", input=["a cat", "a dog"])
        self.assertEqual([len(item.embedding) for item in vectors.data], [384, 384])
        asked = dict(model="smollm", messages=QUESTION, max_tokens=16, temperature=0)
        whole = client.chat.completions.create(**asked)
        self.assertEqual((whole.usage.prompt_tokens, whole.usage.completion_tokens), (37, 16))
        pieces = [chunk for chunk in client.chat.completions.create(**asked, stream=True)]
        self.assertEqual("".join(piece.choices[0].delta.content or "" for piece in pieces), whole.choices[0].message.content)
        self.assertEqual(pieces[-1].choices[0].finish_reason, "length")
        text = client.completions.create(model="smollm", prompt="The capital of France is", max_tokens=2, temperature=0)
        self.assertEqual(text.choices[0].text, " Paris.")
        schema = {"type": "object", "properties": {"capital": {"type": "string", "maxLength": 12}}, "required": ["capital"], "additionalProperties": False}
        named = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
        answer = client.chat.completions.create(**{**asked, "max_tokens": 40}, response_format=named).choices[0].message.content
        self.assertEqual(list(json.loads(answer)), ["capital"])
        tool = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city.", "parameters": WEATHER}}
        tools = dict(tools=[tool], tool_choice="required", parallel_tool_calls=False, max_tokens=80)
        call = client.chat.completions.create(**{**asked, **tools}).choices[0]
        self.assertEqual((call.finish_reason, call.message.tool_calls[0].function.name), ("tool_calls", "get_weather"))
        self.assertEqual(set(json.loads(call.message.tool_calls[0].function.arguments)), {"city", "days"})
        with client.chat.completions.stream(**{**asked, **tools}) as stream:
            streamed = stream.get_final_completion().choices[0].message.tool_calls[0].function
        self.assertEqual((streamed.name, set(json.loads(streamed.arguments))), ("get_weather", {"city", "days"}))
        answered = QUESTION + [call.message, {"role": "tool", "tool_call_id": call.message.tool_calls[0].id, "content": "It snows."}]
        self.assertTrue(client.chat.completions.create(**{**asked, "messages": answered}).choices[0].message.content)
        likely = client.chat.completions.create(**asked, logprobs=True, top_logprobs=2).choices[0].logprobs.content
        self.assertEqual((len(likely), len(likely[0].top_logprobs)), (16, 2))
        cached = client.chat.completions.create(**asked).usage.prompt_tokens_details.cached_tokens
        self.assertEqual(cached, 36)
        explained = client.embeddings.create(model="minilm", input="a cat", extra_body={"explain": True})
        self.assertGreaterEqual(explained.model_extra["explain"]["batches"][0]["requests"], 1)
        with self.assertRaises(openai.NotFoundError):
            client.chat.completions.create(**{**asked, "model": "nothing"})
        with self.assertRaises(openai.BadRequestError):
            client.completions.create(model="smollm", prompt="word " * 20000)
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(base_url=self.url + "/v1", api_key="wrong", max_retries=0).models.list()

    def test_ollama(self):
        client = ollama.Client(host=self.url, headers={"Authorization": f"Bearer {self.token}"})
        self.assertEqual({model.model for model in client.list().models}, {"smollm", "minilm"})
        self.assertEqual(client.show("smollm").capabilities, ["completion"])
        self.assertEqual(len(client.embed(model="minilm", input=["a", "b"]).embeddings[1]), 384)
        options = {"temperature": 0, "num_predict": 16}
        whole = client.chat(model="smollm", messages=QUESTION, options=options)
        self.assertEqual((whole.done, whole.eval_count, whole.prompt_eval_count), (True, 16, 37))
        pieces = list(client.chat(model="smollm", messages=QUESTION, options=options, stream=True))
        self.assertEqual("".join(piece.message.content for piece in pieces), whole.message.content)
        told = client.generate(model="smollm", prompt="The capital of France is", raw=True, options={"temperature": 0, "num_predict": 2})
        self.assertEqual(told.response, " Paris.")
        self.assertEqual({model.model for model in client.ps().models}, {"smollm", "minilm"})
        formed = client.chat(model="smollm", messages=QUESTION, options={"temperature": 0, "num_predict": 40},
                             format={"type": "object", "properties": {"large": {"type": "boolean"}}, "required": ["large"]})
        self.assertIsInstance(json.loads(formed.message.content)["large"], bool)
        # Nothing forces a call here: an answer with and without one is read alike.
        tool = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city.", "parameters": WEATHER}}
        asked = QUESTION + [ollama.Message(role="assistant", tool_calls=[{"function": {"name": "get_weather", "arguments": {"city": "Paris", "days": 1}}}]),
                            ollama.Message(role="tool", tool_name="get_weather", content="It snows.")]
        for messages in (QUESTION, asked):
            told = client.chat(model="smollm", messages=messages, tools=[tool], options={"temperature": 0, "num_predict": 60})
            for call in told.message.tool_calls or []:
                self.assertEqual((call.function.name, set(call.function.arguments)), ("get_weather", {"city", "days"}))
            self.assertTrue(told.message.tool_calls or told.message.content)
        with self.assertRaises(ollama.ResponseError) as refused:
            client.generate(model="nothing", prompt="x")
        self.assertEqual(refused.exception.status_code, 404)

    def test_triton(self):
        client = tritonclient.http.InferenceServerClient(self.url.removeprefix("http://"))
        self.addCleanup(client.close)
        key = {"Authorization": f"Bearer {self.token}"}
        self.assertTrue(client.is_server_live() and client.is_server_ready())
        self.assertIn("binary_tensor_data", client.get_server_metadata()["extensions"])
        state = lambda: {model["name"]: model["state"] for model in client.get_model_repository_index(headers=key)}
        self.assertEqual(state()["minilm"], "UNAVAILABLE")
        client.load_model("minilm", headers=key)
        self.assertEqual(state()["minilm"], "READY")
        self.assertTrue(client.is_model_ready("minilm", headers=key))
        self.assertEqual(client.get_model_metadata("minilm", headers=key)["outputs"][0]["datatype"], "FP32")
        tensors = {"input_ids": [[101, 1996, 4937, 102]], "attention_mask": [[1] * 4], "token_type_ids": [[0] * 4]}
        results = []
        for binary in (True, False):
            inputs = []
            for name, values in tensors.items():
                inputs.append(tritonclient.http.InferInput(name, [1, 4], "INT64"))
                inputs[-1].set_data_from_numpy(numpy.array(values, dtype=numpy.int64), binary_data=binary)
            wanted = [tritonclient.http.InferRequestedOutput("last_hidden_state", binary_data=binary)]
            for outputs in (wanted, None):
                results.append(client.infer("minilm", inputs, outputs=outputs, request_id="7", headers=dict(key)).as_numpy("last_hidden_state"))  # It adds to its headers.
        for result in results:
            self.assertEqual(result.shape, (1, 4, 384))
            self.assertLess(numpy.abs(result - results[0]).max(), 1e-5)
        stats = client.get_inference_statistics("minilm", headers=key)["model_stats"][0]
        self.assertEqual((stats["inference_count"], stats["execution_count"]), (4, 4))
        with self.assertRaises(InferenceServerException) as refused:
            client.infer("minilm", inputs[:2], headers=key)
        self.assertIn("token_type_ids", str(refused.exception))
        client.unload_model("minilm", headers=key)
        self.assertEqual(state()["minilm"], "UNAVAILABLE")


if __name__ == "__main__":
    unittest.main()
