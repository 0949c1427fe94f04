# SPDX-License-Identifier: Apache-2.0
"""Runs schemathesis against a daemon with two real models; see run.

What the contract can't say in a schema is fixed in the copy that schemathesis reads: which models there are, what tensors
they take, how many tokens they know, and that the bytes behind the JSON of a request must be those that its JSON names. hooks.py bounds the texts that
are asked for.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TOKENS = r"^([0-9]|[1-9][0-9]{1,3}|[1-3][0-9]{4}|4[0-8][0-9]{3}|490[0-9]{2}|491[0-4][0-9]|4915[01])$"  # The 49,152 of smollm2.


def contract() -> dict:
    api = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())
    for path in ("/v2/models/{model}/infer", "/v2/models/{model}/versions/1/infer"):
        infer = api["paths"][path]["post"]
        del infer["requestBody"]["content"]["application/octet-stream"]
        infer["parameters"] = [one for one in infer["parameters"] if one.get("in") != "header"]  # Of binary data.
    schemas = api["components"]["schemas"]
    schemas["InferRequest"]["properties"]["parameters"]["properties"]["timeout"] = {"enum": [0, 600_000_000, None]}
    for name in ("ChatRequest", "CompletionRequest", "OllamaGenerateRequest", "OllamaChatRequest"):
        schemas[name]["properties"]["model"] = {"enum": ["smollm2"]}
    for name in ("ChatRequest", "CompletionRequest"):
        schemas[name]["properties"]["logit_bias"]["propertyNames"] = {"pattern": TOKENS}
    for name in ("EmbeddingsRequest", "OllamaEmbedRequest", "OllamaPullRequest"):  # The last one is here whole: nobody is asked.
        schemas[name]["properties"]["model"] = {"enum": ["minilm"]}
    schemas["Message"]["properties"]["role"]["enum"].remove("tool")  # It answers a call, which must be there.
    for name in ("tool_call_id", "tool_name"):
        del schemas["Message"]["properties"][name]
    schemas["ToolCall"]["properties"]["function"]["properties"]["arguments"] = {"enum": ["{}", {}]}  # JSON within a text.
    plain = {"enum": [{"type": "object"}]}  # Not every JSON Schema has a grammar.
    schemas["ResponseFormat"]["oneOf"][1]["properties"]["json_schema"]["properties"]["schema"] = plain
    tool = {"type": "function", "function": {"name": "look", "description": "Looks", "parameters": {"type": "object"}}}
    for name in ("ChatRequest", "OllamaChatRequest"):  # Names must differ.
        schemas[name]["properties"]["tools"] = {"enum": [[tool], [], None]}
    schemas["ChatRequest"]["properties"]["tool_choice"] = {"enum": ["none", "auto", None]}  # Others need a tool.
    for name in ("OllamaGenerateRequest", "OllamaChatRequest"):
        schemas[name]["properties"]["format"] = {"enum": ["", "json", {"type": "object"}, None]}
    tensor = lambda name: {"name": name, "datatype": "INT64", "shape": [1, 3], "data": [101, 2003, 102] if name == "input_ids" else [1, 1, 1]}
    tensors = [tensor(name) for name in ("input_ids", "attention_mask", "token_type_ids")]
    schemas["InferRequest"]["properties"].update({"inputs": {"enum": [tensors]}, "outputs": {"enum": [[{"name": "last_hidden_state"}]]}})
    for methods in api["paths"].values():
        for method in methods.values():
            # Time that is too short ends in 504, as it should: the server's own tests ask for that.
            method["parameters"] = [one for one in method.get("parameters", []) if not one.get("$ref", "").endswith("RequestTimeout")]
            for parameter in method["parameters"]:
                if parameter.get("name") == "model":
                    parameter["schema"] = {"enum": ["minilm"]}
    return api


def main(binary, seconds, seed, phases):
    deps = Path(subprocess.run([ROOT / "tools/deps", "path"], check=True, capture_output=True, text=True).stdout.strip())
    with tempfile.TemporaryDirectory(prefix="accel-openapi-") as folder:
        home = Path(folder) / "home"
        environment = {**os.environ, "IPFS_ACCELERATE_HOME": str(home), "IPFS_ACCELERATE_CPU_NUM_THREADS": "1",
                       "IPFS_ACCELERATE_TEXT_CONTEXT": "8192"}
        for name, model in (("smollm2", "smollm2-135m-q4_1"), ("minilm", "minilm-l6-f32")):
            subprocess.run([binary, "add", "-Q", deps / "models" / model, "--name", name], env=environment, check=True, stdout=subprocess.DEVNULL)
        daemon = subprocess.Popen([binary, "daemon", "--json", "--api", "127.0.0.1:0"], env=environment, stdout=subprocess.PIPE, text=True)
        try:
            url = json.loads(daemon.stdout.readline())["api"]
            copy = Path(folder) / "openapi.json"
            copy.write_text(json.dumps(contract()))
            token = (home / "api.token").read_text().strip()
            status = subprocess.run([Path(sys.executable).parent / "schemathesis", "run", copy, "--url", url, "-H", f"Authorization: Bearer {token}",
                                     "--continue-on-failure", "--max-time", seconds, "--phases", phases, "--request-timeout", "60", "--no-color", "--seed", seed,
                                     "--suppress-health-check", "too_slow,filter_too_much"],
                                    cwd=folder, env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}).returncode
            if daemon.poll() is not None:
                sys.exit(f"The daemon ended with {daemon.returncode}.")
        finally:
            daemon.terminate()
            daemon.wait()
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
