# SPDX-License-Identifier: Apache-2.0
"""Traces of a daemon: OpenTelemetry's packages begin them and read what arrives."""
import base64
import http.server
import json
import threading
import unittest
import urllib.request

import grpc
import opentelemetry.semconv._incubating.attributes as incubating
import opentelemetry.semconv.attributes as stable
from google.protobuf import json_format
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import importlib
import pkgutil

from harness import TestCase, model_directory, wait_until

KINDS = trace_pb2.Span.SpanKind


def known_attributes() -> set:
    """Every attribute that the packages of the semantic conventions name."""
    names = set()
    for package in (stable, incubating):
        for found in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            names |= {value for value in vars(module).values() if isinstance(value, str)}
    return names


def as_base64(span: dict) -> dict:
    """OTLP's JSON has ids in hex where protobuf's own has base64; everything else is protobuf's."""
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in span:
            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return span


class Receiver:
    def __init__(self):
        receiver = self
        self.spans, self.resources, self.lock = [], [], threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json"
                for resource in body["resourceSpans"]:
                    for scope in resource["scopeSpans"]:
                        scope["spans"] = [as_base64(span) for span in scope["spans"]]
                request = json_format.ParseDict(body, trace_service_pb2.ExportTraceServiceRequest())  # Refuses unknown fields.
                with receiver.lock:
                    for resource in request.resource_spans:
                        receiver.resources.append(resource.resource)
                        receiver.spans += [span for scope in resource.scope_spans for span in scope.spans]
                answer = json_format.MessageToJson(trace_service_pb2.ExportTraceServiceResponse()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def of_trace(self, trace_id: int) -> list:
        with self.lock:
            return [span for span in self.spans if span.trace_id == trace_id.to_bytes(16, "big")]


def attributes(span) -> dict:
    def plain(value):
        kind = value.WhichOneof("value")
        return [plain(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)
    return {one.key: plain(one.value) for one in span.attributes}


class Traces(TestCase):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.server.server_close)
        self.addCleanup(self.receiver.server.shutdown)
        self.known = known_attributes()
        self.tracer = TracerProvider().get_tracer("interop")

    def node(self, **models):
        home = self.home()
        for name, folder in models.items():
            home.add(model_directory(folder), "--name", name)
        home.ok("config", "set", "telemetry.otlp_endpoint", self.receiver.url)
        return home

    def headers(self, daemon, home) -> dict:
        """With the traceparent of the span that is current."""
        carrier = {"Authorization": "Bearer " + (home.path / "api.token").read_text().strip(), "Content-Type": "application/json"}
        TraceContextTextMapPropagator().inject(carrier)
        return carrier

    def ask(self, daemon, home, path, body) -> dict:
        request = urllib.request.Request(daemon.where["api"] + path, json.dumps(body).encode(), self.headers(daemon, home))
        with urllib.request.urlopen(request, timeout=120) as reply:
            return json.loads(reply.read())

    def spans(self, sender, last: str) -> dict:
        """By name, once the span `last` has come; each has its place in the sender's trace."""
        context = sender.get_span_context()
        self.assertTrue(wait_until(lambda: any(span.name == last for span in self.receiver.of_trace(context.trace_id)), 30), last)
        spans = self.receiver.of_trace(context.trace_id)
        ids = {span.span_id for span in spans} | {context.span_id.to_bytes(8, "big")}
        for span in spans:
            self.assertIn(span.parent_span_id, ids, span.name)
            self.assertLessEqual(span.start_time_unix_nano, span.end_time_unix_nano, span.name)
            for name in attributes(span):
                self.assertTrue(name.startswith("accel.") or name in self.known, f"{name} is no name of the conventions")
        return {span.name: span for span in spans}

    def test_a_text_over_http(self):
        home = self.node(smol="smollm2-135m-q4_1")
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            with self.tracer.start_as_current_span("client") as sender:
                self.ask(daemon, home, "/v1/chat/completions", {"model": "smol", "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]})
            spans = self.spans(sender, "POST /v1/chat/completions")
        request, chat = spans["POST /v1/chat/completions"], spans["chat smol"]
        self.assertEqual(request.kind, KINDS.SPAN_KIND_SERVER)
        self.assertEqual(request.parent_span_id, sender.get_span_context().span_id.to_bytes(8, "big"))
        facts = attributes(request)
        self.assertEqual((facts["http.request.method"], facts["http.route"], facts["http.response.status_code"]), ("POST", "/v1/chat/completions", 200))
        facts = attributes(chat)
        self.assertEqual((facts["gen_ai.operation.name"], facts["gen_ai.request.max_tokens"], facts["gen_ai.usage.output_tokens"]), ("chat", 4, 4))
        self.assertEqual(facts["gen_ai.response.finish_reasons"], ["length"])
        self.assertTrue(facts["accel.model.cid"].startswith("baf"))
        for name in ("load a model", "wait for a thread"):
            self.assertEqual(spans[name].parent_span_id, request.span_id, name)
        for name in ("wait for a slot", "prefill", "decode"):
            self.assertEqual(spans[name].parent_span_id, chat.span_id, name)
        names = {one.key: one.value.string_value for one in self.receiver.resources[0].attributes}
        self.assertEqual(names["service.name"], "ipfs-accelerate")

    def test_tensors_over_grpc(self):
        home = self.node(minilm="minilm-l6-f32")
        with self.daemon(home, "--api", "127.0.0.1:0") as daemon:
            with self.tracer.start_as_current_span("client") as sender, grpc.insecure_channel(daemon.where["grpc"]) as channel:
                metadata = [(name.lower(), value) for name, value in self.headers(daemon, home).items() if name != "Content-Type"]
                method = channel.unary_unary("/inference.GRPCInferenceService/ModelMetadata", request_serializer=bytes, response_deserializer=bytes)
                method(b"\x0a\x06minilm", metadata=metadata, timeout=60)
                with self.assertRaises(grpc.RpcError):
                    method(b"\x0a\x02no", metadata=metadata, timeout=60)
            name = "inference.GRPCInferenceService/ModelMetadata"
            self.spans(sender, name)
            calls = lambda: [span for span in self.receiver.of_trace(sender.get_span_context().trace_id) if span.name == name]
            self.assertTrue(wait_until(lambda: len(calls()) == 2, 30))
        facts = [attributes(span) for span in calls()]
        self.assertEqual([one["rpc.grpc.status_code"] for one in facts], [0, 5])
        self.assertEqual((facts[0]["rpc.system"], facts[0]["rpc.service"], facts[0]["rpc.method"]), ("grpc", "inference.GRPCInferenceService", "ModelMetadata"))

    def test_embeddings_in_a_batch_and_on_another_node(self):
        there = self.node(minilm="minilm-l6-f32")
        here = self.node()
        with self.daemon(there, "--api", "127.0.0.1:0") as remote:
            here.ok("endpoints", "add", "other", "--kind", "openai", "--url", remote.where["api"] + "/v1", "--key-file", there.path / "api.token")
            with self.daemon(here, "--api", "127.0.0.1:0") as daemon:
                with self.tracer.start_as_current_span("client") as sender:
                    self.ask(daemon, here, "/v1/embeddings", {"model": "minilm@other", "input": ["a cat", "a dog"]})
                context = sender.get_span_context()
                servers = lambda: [span for span in self.receiver.of_trace(context.trace_id) if span.kind == KINDS.SPAN_KIND_SERVER]
                self.assertTrue(wait_until(lambda: len(servers()) == 2, 30))
                spans = self.spans(sender, "embeddings minilm")
        call = spans["embeddings minilm"]
        self.assertEqual(call.kind, KINDS.SPAN_KIND_CLIENT)
        self.assertEqual(attributes(call)["http.response.status_code"], 200)
        self.assertIn(call.span_id, [span.parent_span_id for span in servers()])  # The other node's request is its child.
        run = spans["run a model"]
        self.assertEqual(attributes(run)["accel.texts"], 2)
        self.assertIn("accel.engine", attributes(run))
        self.assertEqual(spans["run a batch"].parent_span_id, run.span_id)
        self.assertEqual(attributes(spans["run a batch"])["accel.batch.rows"], 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
