# SPDX-License-Identifier: Apache-2.0
"""The official clients of OpenAI and Ollama against a daemon with real models."""
import unittest

import ollama
import openai
from harness import TestCase, model_directory

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
        self.assertEqual(client.ps().models[0].model, "smollm")
        with self.assertRaises(ollama.ResponseError) as refused:
            client.generate(model="nothing", prompt="x")
        self.assertEqual(refused.exception.status_code, 404)


if __name__ == "__main__":
    unittest.main()
