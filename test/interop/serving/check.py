# SPDX-License-Identifier: Apache-2.0
"""The official clients of OpenAI, Ollama and Triton against a daemon with real models."""
import json
import queue
import re
import ssl
import subprocess
import threading
import time
import unittest
from pathlib import Path

import grpc
import httpx
import numpy
import ollama
import openai
import tritonclient.grpc
import tritonclient.http
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException
from harness import TestCase, model_directory
from string_model import write_string_model

ROOT = Path(__file__).resolve().parents[3]
WEATHER = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
           "required": ["city", "days"], "additionalProperties": False}
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


TENSORS = {"input_ids": [[101, 1996, 4937, 102]], "attention_mask": [[1] * 4], "token_type_ids": [[0] * 4]}


def fields_of(proto: str) -> set:
    """(message, field, number, type, repeated) of a .proto file with one field a line."""
    found, scope = set(), []
    for line in proto.splitlines():
        code = line.split("//")[0].strip()
        if opened := re.match(r"(message|oneof|service) (\w+) \{", code):
            scope.append(opened[2] if opened[1] == "message" else "")
        elif code == "}":
            scope.pop()
        elif field := re.match(r"(repeated )?(map<string, (\w+)>|\w+) (\w+) = (\d+);", code):
            kind = "map" if field[3] else field[2]
            found.add((".".join(filter(None, scope)), field[4], int(field[5]), kind, bool(field[1] or field[3])))
    return found


def fields_of_descriptor(pool) -> set:
    scalars = {1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 12: "bytes", 13: "uint32"}
    found = set()

    def add(message, name):
        for field in message.fields:
            nested = field.message_type
            is_map = nested is not None and nested.GetOptions().map_entry
            kind = "map" if is_map else nested.name if nested is not None else scalars[field.type]
            many = field.is_repeated if hasattr(field, "is_repeated") else field.label == 3
            found.add((name, field.name, field.number, kind, bool(many)))
        for nested in message.nested_types:
            add(nested, f"{name}.{nested.name}")

    for name, message in pool.message_types_by_name.items():
        add(message, name)
    return found


def grpc_inputs():
    inputs = []
    for name, values in TENSORS.items():
        inputs.append(tritonclient.grpc.InferInput(name, [1, 4], "INT64"))
        inputs[-1].set_data_from_numpy(numpy.array(values, dtype=numpy.int64))
    return inputs


def typed_request():
    request = service_pb2.ModelInferRequest(model_name="minilm", id="typed")
    for name, values in TENSORS.items():
        tensor = request.inputs.add(name=name, datatype="INT64", shape=[1, 4])
        tensor.contents.int64_contents.extend(values[0])
    return request


class Clients(TestCase):
    def setUp(self):
        super().setUp()
        home = self.home()
        home.add(model_directory("smollm2-135m-q4_1"), "--name", "smollm")
        home.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        daemon = self.daemon(home, "--api", "127.0.0.1:0")
        where = daemon.__enter__().where
        self.url, self.grpc = where["api"], where["grpc"]
        self.addCleanup(daemon.__exit__, None, None, None)
        self.socket = home.path / "api.sock"
        self.token = (home.path / "api.token").read_text().strip()

    def test_openai_transcriptions(self):
        home = self.home()
        home.add(model_directory("whisper-tiny-en"), "--name", "whisper")
        speech = ROOT / "test/data/models/inputs/speech16k.wav"
        wanted = json.loads((ROOT / "test/data/models/whisper_cases.json").read_text())["segments"]
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            client = openai.OpenAI(base_url=daemon.where["api"] + "/v1", api_key=(home.path / "api.token").read_text().strip(), max_retries=0)
            with speech.open("rb") as file:
                self.assertEqual(client.audio.transcriptions.create(model="whisper", file=file).text, wanted[0]["text"].strip())
            verbose = client.audio.transcriptions.create(model="whisper", file=speech, response_format="verbose_json", language="en",
                                                         timestamp_granularities=["segment"])
            self.assertEqual([(row.start, row.end, row.text, row.tokens) for row in verbose.segments],
                             [(row["start"], row["end"], row["text"], row["tokens"]) for row in wanted])
            self.assertIn(" --> ", client.audio.transcriptions.create(model="whisper", file=speech, response_format="srt"))
            with self.assertRaises(openai.BadRequestError):
                client.audio.transcriptions.create(model="whisper", file=speech, temperature=0.7)
            with self.assertRaises(openai.BadRequestError):
                client.audio.transcriptions.create(model="whisper", file=("a.wav", b"no recording"))

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
        forms = {**asked, "tools": [tool], "response_format": named, "parallel_tool_calls": False, "max_tokens": 80}
        either = client.chat.completions.create(**forms).choices[0]
        if either.message.tool_calls:
            self.assertEqual((either.finish_reason, set(json.loads(either.message.tool_calls[0].function.arguments))), ("tool_calls", {"city", "days"}))
        else:
            self.assertEqual((either.finish_reason, set(json.loads(either.message.content))), ("stop", {"capital"}))
        with client.chat.completions.stream(**forms) as stream:
            streamed = stream.get_final_completion().choices[0].message
        said = lambda message: (message.content or "", [call.function.arguments for call in message.tool_calls or []])
        self.assertEqual(said(streamed), said(either.message))
        forced = client.chat.completions.create(**forms, tool_choice="required").choices[0]
        self.assertEqual(set(json.loads(forced.message.tool_calls[0].function.arguments)), {"city", "days"})
        answered = QUESTION + [call.message, {"role": "tool", "tool_call_id": call.message.tool_calls[0].id, "content": "It snows."}]
        self.assertTrue(client.chat.completions.create(**{**asked, "messages": answered}).choices[0].message.content)
        likely = client.chat.completions.create(**asked, logprobs=True, top_logprobs=2).choices[0].logprobs.content
        self.assertEqual((len(likely), len(likely[0].top_logprobs)), (16, 2))
        cached = client.chat.completions.create(**asked).usage.prompt_tokens_details.cached_tokens
        self.assertEqual(cached, 36)
        explained = client.embeddings.create(model="minilm", input="a cat", extra_body={"explain": True, "cache": False})
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

    def test_ollama_pull(self):
        source = self.home()
        model = source.add(model_directory("minilm-l6-f32"))
        home = self.home()
        with self.daemon(source) as sender:
            home.ok("config", "set", "ipfs.gateway", sender.gateway)
            with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
                client = ollama.Client(host=daemon.where["api"], headers={"Authorization": "Bearer " + (home.path / "api.token").read_text().strip()})
                steps = list(client.pull(f"minilm@{model}", stream=True))
                self.assertEqual((steps[0].status, steps[-1].status), ("pulling manifest", "success"))
                self.assertEqual((steps[-2].digest, steps[-2].completed), (model, steps[-2].total))
                self.assertEqual(client.pull("minilm").status, "success")  # It is here.
                self.assertEqual(client.pull(model, insecure=True).status, "success")
                self.assertEqual(len(client.embed(model="minilm", input="a").embeddings[0]), 384)
                for wrong, status in (("llama3.2", 404), ("a@b", 400)):
                    with self.assertRaises(ollama.ResponseError) as refused:
                        client.pull(wrong)
                    self.assertEqual(refused.exception.status_code, status)
                with self.assertRaises(ollama.ResponseError) as refused:
                    list(client.pull("a@b", stream=True))
                self.assertIn("CID", str(refused.exception))

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
        # Equal tensors were computed once.
        self.assertEqual((stats["inference_count"], stats["execution_count"], stats["inference_stats"]["cache_hit"]["count"]), (1, 1, 3))
        with self.assertRaises(InferenceServerException) as refused:
            client.infer("minilm", inputs[:2], headers=key)
        self.assertIn("token_type_ids", str(refused.exception))
        client.unload_model("minilm", headers=key)
        self.assertEqual(state()["minilm"], "UNAVAILABLE")

    def grpc_client(self):
        client = tritonclient.grpc.InferenceServerClient(self.grpc)
        self.addCleanup(client.close)
        return client, {"authorization": f"Bearer {self.token}"}

    def stub(self):
        channel = grpc.insecure_channel(self.grpc)
        self.addCleanup(channel.close)
        return service_pb2_grpc.GRPCInferenceServiceStub(channel), (("authorization", f"Bearer {self.token}"),)

    def test_triton_over_grpc(self):
        client, key = self.grpc_client()
        self.assertTrue(client.is_server_live() and client.is_server_ready())
        self.assertIn("model_repository", client.get_server_metadata().extensions)
        state = lambda: {model.name: model.state for model in client.get_model_repository_index(headers=key).models}
        self.assertEqual(state()["minilm"], "UNAVAILABLE")
        client.load_model("minilm", headers=key)
        self.assertEqual(state()["minilm"], "READY")
        self.assertTrue(client.is_model_ready("minilm", headers=key))
        metadata = client.get_model_metadata("minilm", headers=key)
        self.assertEqual((metadata.outputs[0].datatype, list(metadata.outputs[0].shape)[-1]), ("FP32", 384))
        over_http = tritonclient.http.InferenceServerClient(self.url.removeprefix("http://"))
        self.addCleanup(over_http.close)
        inputs = [tritonclient.http.InferInput(name, [1, 4], "INT64") for name in TENSORS]
        for tensor, values in zip(inputs, TENSORS.values()):
            tensor.set_data_from_numpy(numpy.array(values, dtype=numpy.int64))
        expected = over_http.infer("minilm", inputs, headers=dict(key)).as_numpy("last_hidden_state")
        for outputs in ([tritonclient.grpc.InferRequestedOutput("last_hidden_state")], None):
            result = client.infer("minilm", grpc_inputs(), outputs=outputs, request_id="7", headers=key, timeout=60_000_000)
            self.assertEqual((result.get_response().id, result.get_response().model_version), ("7", "1"))
            self.assertTrue(numpy.array_equal(result.as_numpy("last_hidden_state"), expected))
        stub, pairs = self.stub()
        typed = stub.ModelInfer(typed_request(), metadata=pairs)
        self.assertEqual(typed.id, "typed")
        self.assertEqual(typed.raw_output_contents[0], expected.tobytes())
        explained = stub.ModelInfer(typed_request(), metadata=(*pairs, ("x-explain", "true")))
        told = json.loads(explained.parameters["explain"].string_param)
        self.assertIsInstance(told["batches"], list)
        urgent = stub.ModelInfer(typed_request(), metadata=(*pairs, ("x-explain", "true"), ("x-priority", "3")))
        self.assertEqual(json.loads(urgent.parameters["explain"].string_param)["priority"], 3)
        stats = client.get_inference_statistics("minilm", headers=key).model_stats[0]
        known = stats.inference_stats.cache_hit.count
        self.assertEqual((stats.inference_count + known, stats.execution_count + known, stats.inference_stats.success.count), (6, 6, 6))
        self.assertGreater(known, 0)
        client.unload_model("minilm", headers=key)
        self.assertEqual(state()["minilm"], "UNAVAILABLE")

    def test_grpc_errors_have_their_statuses(self):
        client, key = self.grpc_client()
        code = lambda refused: refused.exception.status().removeprefix("StatusCode.")

        def refused(status, words, model="minilm", inputs=None, headers=key, **options):
            with self.assertRaises(InferenceServerException) as error:
                client.infer(model, inputs or grpc_inputs(), headers=headers, **options)
            self.assertEqual(code(error), status, error.exception)
            self.assertIn(words, str(error.exception))

        refused("UNAUTHENTICATED", "api.token", headers={})
        refused("UNAUTHENTICATED", "api.token", headers={"authorization": "Bearer wrong"})
        refused("NOT_FOUND", "nothing", model="nothing")
        refused("NOT_FOUND", "version 3", model_version="3")
        refused("INVALID_ARGUMENT", "token_type_ids", inputs=grpc_inputs()[:2])
        refused("UNIMPLEMENTED", "sequence_", sequence_id=7)
        refused("INVALID_ARGUMENT", "priority", priority=4)
        short = grpc_inputs()
        short[0].set_shape([1, 5])
        refused("INVALID_ARGUMENT", "input_ids", inputs=short)
        short[0].set_shape([1 << 62, 8])
        refused("INVALID_ARGUMENT", "input_ids", inputs=short)
        short[0].set_shape([-1, 4])
        refused("INVALID_ARGUMENT", "input_ids", inputs=short)
        text = tritonclient.grpc.InferInput("input_ids", [1], "BYTES")
        text.set_data_from_numpy(numpy.array([b"a"], dtype=object))
        refused("INVALID_ARGUMENT", "of type string; the model takes input_ids", inputs=[text])
        large = tritonclient.grpc.InferInput("input_ids", [1, 5 << 20], "INT64")
        large.set_data_from_numpy(numpy.zeros((1, 5 << 20), dtype=numpy.int64))
        refused("RESOURCE_EXHAUSTED", "33554432", inputs=[large])
        refused("UNIMPLEMENTED", "identity", compression_algorithm="gzip")
        with self.assertRaises(InferenceServerException) as error:
            client.get_model_config("minilm", headers=key)
        self.assertEqual(code(error), "UNIMPLEMENTED")
        stub, pairs = self.stub()
        both = typed_request()
        both.raw_input_contents.extend([b"x"] * 3)
        with self.assertRaises(grpc.RpcError) as error:
            stub.ModelInfer(both, metadata=pairs)
        self.assertEqual(error.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        raw = grpc.insecure_channel(self.grpc)
        self.addCleanup(raw.close)
        call = raw.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        for noise in (b"\xff" * 30, b"\x0a\x05m", b"\x2a\x02\x1a\x7f"):
            with self.assertRaises(grpc.RpcError) as error:
                call(noise, metadata=pairs)
            self.assertEqual(error.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        with self.assertRaises(grpc.RpcError) as error:  # The words travel whole, whatever the script.
            call(service_pb2.ModelInferRequest(model_name="modèle").SerializeToString(), metadata=pairs)
        self.assertIn("modèle", error.exception.details())
        with self.assertRaises(grpc.RpcError) as error:
            raw.unary_unary("/inference.GRPCInferenceService/Nothing")(b"", metadata=pairs)
        self.assertEqual(error.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        with self.assertRaises(grpc.RpcError) as error:
            raw.unary_unary("/inference.GRPCInferenceService/ServerLive")(b"x" * 5000)
        self.assertEqual(error.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertTrue(client.is_server_live())

    def test_triton_strings(self):
        home = self.home()
        home.add(write_string_model(home.path / "model"), "--name", "strings")
        home.add(write_string_model(home.path / "echo", ["same"]), "--name", "echo")
        texts = numpy.array(["Cat", "dog", "", "Käse"], dtype=object)
        encoded = numpy.array([text.encode() for text in texts], dtype=object)
        raw = numpy.array([b"\xff\x00\xfe", b"a\x00b"], dtype=object)  # No text, but bytes.
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            key = {"authorization": "Bearer " + (home.path / "api.token").read_text().strip()}
            http = tritonclient.http.InferenceServerClient(daemon.where["api"].removeprefix("http://"))
            rpc = tritonclient.grpc.InferenceServerClient(daemon.where["grpc"])
            self.addCleanup(http.close)
            self.addCleanup(rpc.close)
            told = {row["name"]: row["datatype"] for row in http.get_model_metadata("strings", headers=key)["outputs"]}
            self.assertEqual(told, {"same": "BYTES", "lower": "BYTES", "label": "INT64"})
            self.assertEqual(rpc.get_model_metadata("strings", headers=key).inputs[0].datatype, "BYTES")

            def over_http(array, inward, outward, model="strings", names=("same", "lower", "label")):
                given = tritonclient.http.InferInput("text", [len(array)], "BYTES")
                given.set_data_from_numpy(array, binary_data=inward)
                wanted = [tritonclient.http.InferRequestedOutput(name, binary_data=outward) for name in names]
                return http.infer(model, [given], outputs=wanted, headers=dict(key))

            for inward, outward in ((True, True), (True, False), (False, True), (False, False)):
                result = over_http(texts, inward, outward)
                got = [item if isinstance(item, bytes) else item.encode() for item in result.as_numpy("same")]
                self.assertEqual(got, list(encoded), (inward, outward))
                self.assertEqual([item if isinstance(item, str) else item.decode() for item in result.as_numpy("lower")], ["cat", "dog", "", "käse"])
                self.assertEqual(list(result.as_numpy("label")), [-1, 5, -1, -1])
            self.assertEqual(list(over_http(raw, True, True, "echo", ["same"]).as_numpy("same")), list(raw))
            with self.assertRaises(InferenceServerException) as refused:
                over_http(raw, True, False, "echo", ["same"])
            self.assertIn("same has a string that is no UTF-8", str(refused.exception))

            given = tritonclient.grpc.InferInput("text", [4], "BYTES")
            given.set_data_from_numpy(texts)
            result = rpc.infer("strings", [given], headers=key)
            self.assertEqual((list(result.as_numpy("same")), list(result.as_numpy("label"))), (list(encoded), [-1, 5, -1, -1]))
            given = tritonclient.grpc.InferInput("text", [2], "BYTES")
            given.set_data_from_numpy(raw)
            self.assertEqual(list(rpc.infer("echo", [given], headers=key).as_numpy("same")), list(raw))
            given.set_shape([3])
            with self.assertRaises(InferenceServerException) as refused:
                rpc.infer("echo", [given], headers=key)
            self.assertEqual(refused.exception.status(), "StatusCode.INVALID_ARGUMENT")
            self.assertIn("text is no BYTES tensor: 2 strings were given for 3 elements", str(refused.exception))
            with grpc.insecure_channel(daemon.where["grpc"]) as channel:
                typed = service_pb2.ModelInferRequest(model_name="echo")
                typed.inputs.add(name="text", datatype="BYTES", shape=[2]).contents.bytes_contents.extend([b"dog", b"\xff"])
                answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(typed, metadata=tuple(key.items()))
            self.assertEqual(answer.raw_output_contents[0], b"\x03\0\0\0dog\x01\0\0\0\xff")

    def test_grpc_streams_answer_each_request_and_go_on_after_an_error(self):
        client, key = self.grpc_client()
        answers = queue.Queue()
        client.start_stream(lambda result, error: answers.put((result, error)), headers=key)
        for number in range(3):
            client.async_stream_infer("minilm", grpc_inputs(), request_id=str(number))
        client.async_stream_infer("nothing", grpc_inputs(), request_id="3")
        client.async_stream_infer("minilm", grpc_inputs(), request_id="4")
        got = [answers.get(timeout=60) for _ in range(5)]
        client.stop_stream()
        self.assertIn("nothing", str(got[3][1]))
        self.assertEqual([result.get_response().id for result, error in got if error is None], ["0", "1", "2", "4"])
        self.assertEqual(got[0][0].as_numpy("last_hidden_state").shape, (1, 4, 384))

    def test_grpc_deadlines_and_cancelled_calls_end_the_run(self):
        client, key = self.grpc_client()
        client.load_model("minilm", headers=key)
        many = [tritonclient.grpc.InferInput(name, [256, 128], "INT64") for name in TENSORS]
        for tensor, value in zip(many, (2003, 1, 0)):
            tensor.set_data_from_numpy(numpy.full((256, 128), value, dtype=numpy.int64))
        before = time.monotonic()
        with self.assertRaises(InferenceServerException) as error:
            client.infer("minilm", many, headers=key, client_timeout=0.3)
        self.assertEqual(error.exception.status(), "StatusCode.DEADLINE_EXCEEDED")
        with self.assertRaises(InferenceServerException) as error:  # Of the server's own clock.
            client.infer("minilm", many, headers=key, timeout=300_000)
        self.assertEqual(error.exception.status(), "StatusCode.DEADLINE_EXCEEDED")
        stub, pairs = self.stub()
        ended = threading.Event()
        call = stub.ModelInfer.future(typed_request(), metadata=pairs)
        call.add_done_callback(lambda _: ended.set())
        call.cancel()
        self.assertTrue(ended.wait(10))
        client.infer("minilm", grpc_inputs(), headers=key)
        self.assertLess(time.monotonic() - before, 10)  # Whole, each of the two would take longer.

    def test_grpc_many_at_once_and_over_the_homes_socket(self):
        stub, pairs = self.stub()
        expected = stub.ModelInfer(typed_request(), metadata=pairs).raw_output_contents[0]
        calls = [stub.ModelInfer.future(typed_request(), metadata=pairs) for _ in range(100)]
        for call in calls:
            first = numpy.frombuffer(call.result(timeout=60).raw_output_contents[0], dtype=numpy.float32)
            self.assertLess(numpy.abs(first - numpy.frombuffer(expected, dtype=numpy.float32)).max(), 1e-5)
        calls = [stub.ModelInfer.future(typed_request(), metadata=pairs) for _ in range(1000)]
        codes = {call.code() for call in calls}
        self.assertLessEqual(codes, {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED})
        with grpc.insecure_channel(f"unix:{self.socket}") as local:  # The file's mode is the permission.
            answer = service_pb2_grpc.GRPCInferenceServiceStub(local).ModelInfer(typed_request())
        self.assertEqual(answer.raw_output_contents[0], expected)

    def test_the_contract_s_numbers_are_those_of_tritons_client(self):
        ours = fields_of((ROOT / "api/inference.proto").read_text())
        self.assertGreater(len(ours), 80)
        self.assertLessEqual(ours, fields_of_descriptor(service_pb2.DESCRIPTOR))



class Secured(TestCase):
    """The same clients over TLS, with a key whose role and limits hold them."""

    def setUp(self):
        super().setUp()
        self.certificate = self.folder / "node.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=node",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.folder / "node.key", "-out", self.certificate],
                       check=True, capture_output=True)
        self.node = self.home()
        self.node.add(model_directory("minilm-l6-f32"), "--name", "minilm")
        self.node.ok("config", "set", "api.tls_certificate", self.certificate)
        self.node.ok("config", "set", "api.tls_key", self.folder / "node.key")
        daemon = self.daemon(self.node, "--api", "127.0.0.1:0")
        where = daemon.__enter__().where
        self.url, self.grpc = where["api"], where["grpc"]
        self.addCleanup(daemon.__exit__, None, None, None)

    def openai(self, key):
        http = httpx.Client(verify=ssl.create_default_context(cafile=self.certificate))
        self.addCleanup(http.close)
        return openai.OpenAI(base_url=self.url + "/v1", api_key=key, max_retries=0, http_client=http)

    def test_openai(self):
        client = self.openai(self.node.json("api-keys", "create", "--requests-per-minute", "3")["key"])
        self.assertEqual([model.id for model in client.models.list()], ["minilm"])
        answer = client.embeddings.with_raw_response.create(model="minilm", input="a cat")
        self.assertEqual(answer.headers["x-ratelimit-remaining-requests"], "1")
        client.models.list()
        with self.assertRaises(openai.RateLimitError) as refused:
            client.models.list()
        self.assertGreaterEqual(int(refused.exception.response.headers["retry-after"]), 1)
        with self.assertRaises(openai.AuthenticationError):
            self.openai("ak_0123456789ab_" + "0" * 64).models.list()
        with self.assertRaises(openai.PermissionDeniedError):
            self.openai(self.node.json("api-keys", "create", "--role", "read")["key"]).embeddings.create(model="minilm", input="x")

    def test_triton_over_grpc_and_http(self):
        made = self.node.json("api-keys", "create", "--role", "inference")
        key = {"authorization": "Bearer " + made["key"]}
        client = tritonclient.grpc.InferenceServerClient(self.grpc, ssl=True, root_certificates=str(self.certificate))
        self.addCleanup(client.close)
        self.assertTrue(client.is_server_live())
        vectors = client.infer("minilm", grpc_inputs(), headers=key).as_numpy("last_hidden_state")
        code = lambda refused: refused.exception.status().removeprefix("StatusCode.")
        with self.assertRaises(InferenceServerException) as refused:
            client.unload_model("minilm", headers=key)
        self.assertEqual(code(refused), "PERMISSION_DENIED", refused.exception)
        self.assertIn("role operator", str(refused.exception))
        over_http = tritonclient.http.InferenceServerClient(self.url.removeprefix("https://"), ssl=True, ssl_context_factory=lambda: ssl.create_default_context(cafile=self.certificate))
        self.addCleanup(over_http.close)
        inputs = [tritonclient.http.InferInput(name, [1, 4], "INT64") for name in TENSORS]
        for tensor, values in zip(inputs, TENSORS.values()):
            tensor.set_data_from_numpy(numpy.array(values, dtype=numpy.int64))
        self.assertTrue(numpy.array_equal(over_http.infer("minilm", inputs, headers=dict(key)).as_numpy("last_hidden_state"), vectors))
        self.node.ok("api-keys", "revoke", made["id"])
        with self.assertRaises(InferenceServerException) as refused:
            client.infer("minilm", grpc_inputs(), headers=key)
        self.assertEqual(code(refused), "UNAUTHENTICATED", refused.exception)
        limited = self.node.json("api-keys", "create", "--role", "inference", "--requests-per-minute", "1")["key"]
        key = {"authorization": "Bearer " + limited}
        client.infer("minilm", grpc_inputs(), headers=key)
        with self.assertRaises(InferenceServerException) as refused:
            client.infer("minilm", grpc_inputs(), headers=key)
        self.assertEqual(code(refused), "RESOURCE_EXHAUSTED", refused.exception)

    def test_curl(self):
        key = self.node.json("api-keys", "create", "--role", "read")["key"]
        for version in ("--http1.1", "--http2"):
            done = subprocess.run(["curl", "-sS", version, "--cacert", self.certificate, "-H", f"Authorization: Bearer {key}", "-w", "%{http_code} %{http_version}",
                                   self.url + "/v1/models"], capture_output=True, text=True, timeout=30)
            self.assertIn('"minilm"', done.stdout, done.stderr)
            self.assertTrue(done.stdout.endswith("200 " + {"--http1.1": "1.1", "--http2": "2"}[version]), done.stdout)


if __name__ == "__main__":
    unittest.main()
