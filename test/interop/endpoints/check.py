# SPDX-License-Identifier: Apache-2.0
"""llama-server and MLServer as endpoints of a home; what is not installed is named and passed over."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from harness import Home, model_directory, wait_until

MODEL = "smollm2-135m-q4_1"
RUNTIME = '''
from mlserver import MLModel
from mlserver.codecs import NumpyCodec


class Doubler(MLModel):
    async def load(self) -> bool:
        return True

    async def predict(self, payload):
        from mlserver.types import InferenceResponse
        doubled = NumpyCodec.decode_input(payload.inputs[0]) * 2
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("doubled", doubled)])
'''


def program(name: str, variable: str):
    return os.environ.get(variable) or shutil.which(name)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def serving(command, health: str, **options):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)

    def is_up() -> bool:
        assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
        try:
            with urllib.request.urlopen(health, timeout=2) as reply:
                return reply.status == 200
        except OSError:
            return False

    try:
        assert wait_until(is_up, 120), f"{command[0]} does not answer at {health}"
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def check_llama(home: Home, server: str):
    weights = next(path for path in model_directory(MODEL).iterdir() if path.suffix == ".gguf")
    port = free_port()
    command = [server, "-m", str(weights), "--host", "127.0.0.1", "--port", str(port), "-c", "2048", "-t", "1", "--alias", "smol"]
    with serving(command, f"http://127.0.0.1:{port}/health"):
        home.ok("endpoints", "add", "llama", "--kind", "llama.cpp", "--url", f"http://127.0.0.1:{port}", "--replace")
        assert "smol" in home.json("endpoints", "test", "llama")["models"]
        chat = home.json("text", "generate", "--model", "smol@llama", "--prompt", "What is the capital of France?", "--max-tokens", "12")
        assert chat["text"].strip(), chat
        assert chat["usage_provenance"] == "reported" and 0 < chat["completion_tokens"] <= 12, chat
        raw = home.json("text", "generate", "--model", "smol@llama", "--raw", "--prompt", "The capital of France is", "--max-tokens", "5")
        home.add(model_directory(MODEL), "--name", "smollm")
        here = home.json("text", "generate", "--model", "smollm", "--raw", "--prompt", "The capital of France is", "--max-tokens", "5")
        assert raw["text"].split()[:3] == here["text"].split()[:3], (raw["text"], here["text"])
        bound = home.json("text", "generate", "--model", "smol@llama", "--prompt", "A city as JSON", "--max-tokens", "60", "--json-schema",
                          '{"type":"object","properties":{"city":{"type":"string","maxLength":20}},"required":["city"],"additionalProperties":false}')
        assert isinstance(json.loads(bound["text"])["city"], str), bound
        code, _, err = home.run("text", "generate", "--model", "smol@llama", "--prompt", "word " * 4000, "--max-tokens", "5")
        assert code == 2, (code, err)
        print(f"  llama-server: texts, streams, a schema, a prompt that is too long; first piece after {chat['first_ms']:.0f} ms (measured)")
    code, _, err = home.run("text", "generate", "--model", "smol@llama", "--prompt", "x")
    assert code == 10 and "llama" in err, (code, err)


def check_mlserver(home: Home, server: str, folder: Path):
    port, grpc, metrics = free_port(), free_port(), free_port()
    (folder / "doubler.py").write_text(RUNTIME)
    (folder / "model-settings.json").write_text(json.dumps({"name": "doubler", "implementation": "doubler.Doubler"}))
    (folder / "settings.json").write_text(json.dumps({"host": "127.0.0.1", "http_port": port, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0}))
    with serving([server, "start", "."], f"http://127.0.0.1:{port}/v2/health/ready", cwd=folder):
        home.ok("endpoints", "add", "ml", "--kind", "mlserver", "--url", f"http://127.0.0.1:{port}", "--replace")
        assert home.json("endpoints", "test", "ml")["models"] == ["doubler"]
        daemon = home.start("daemon", "--gateway", "127.0.0.1:0", "--api", "127.0.0.1:0", "--json")
        try:
            where = json.loads(daemon.stdout.readline())
            token = (home.path / "api.token").read_text().strip()
            body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4.5]}]}
            request = urllib.request.Request(where["api"] + "/v2/models/doubler@ml/infer", data=json.dumps(body).encode(), headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=60) as reply:
                output = json.load(reply)["outputs"][0]
            assert (output["name"], output["shape"], output["data"]) == ("doubled", [2, 2], [2.0, 4.0, 6.0, 9.0]), output
        finally:
            daemon.terminate()
            daemon.communicate(timeout=30)
        print("  MLServer: its models, tensors through a daemon of ours")


def main() -> int:
    checked = 0
    with tempfile.TemporaryDirectory(prefix="accel-endpoints-") as name:
        folder = Path(name)
        home = Home(folder / "home")
        if server := program("llama-server", "LLAMA_SERVER"):
            check_llama(home, server)
            checked += 1
        else:
            print("  llama-server is not on PATH and LLAMA_SERVER not set: not asked")
        if server := program("mlserver", "MLSERVER"):
            (folder / "mlserver").mkdir()
            check_mlserver(home, server, folder / "mlserver")
            checked += 1
        else:
            print("  mlserver is not on PATH and MLSERVER not set: not asked")
    return 0 if checked else 77


if __name__ == "__main__":
    sys.exit(main())
