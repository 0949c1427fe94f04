# SPDX-License-Identifier: Apache-2.0
"""usage: serving.py [--seconds 1800] [--clients 16] [--budget-mib 240]

Six models in a memory budget that never holds them all: MiniLM f32 and int8, SmolLM2, opennsfw, silero, magika. Clients ask them in chance
order by the node's own methods, OpenAI's, Ollama's (with keep_alive of many kinds) and Open Inference's routes, while models are unloaded
by hand. Requests repeat: no outputs are kept (models.output_cache 0), so that each runs its model. Every answer is compared with the reference outputs of test/data/models, or is a 429 with Retry-After (of the node's own methods, resource_exhausted). The daemon's memory,
descriptors and threads are sampled twice a second, with what its pool believes.

Before, what the rest of the daemon takes is measured: each model alone, a burst of requests from all clients, its memory beyond what the pool counts for
it; then all unloaded. Fails on a wrong answer; when the pool's belief exceeds the budget; when the process exceeds the budget and the rest
by more than 10 %; when memory grows between the second tenth of the time and the last; when, with all unloaded, more than the rest
remains; when descriptors or threads do (watch.py).
"""
import argparse
import base64
import collections
import http.client
import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "integration"))
from harness import Daemon, Home, model_directory  # noqa: E402
from watch import MIB, Failures, Watch, sample  # noqa: E402

DATA = Path(__file__).resolve().parents[1] / "data/models"
MODELS = {"minilm": "minilm-l6-f32", "minilm-int8": "minilm-int8", "smollm": "smollm2-135m-q4_1", "opennsfw": "opennsfw", "silero": "silero-vad",
          "magika": "magika"}
SETTINGS = {"text": {"context": 1024, "parallel": 2}, "cpu": {"num_threads": 1}, "selection": {"budget": "500ms"}, "models": {"max_wait": "3s"}}
ANSWER_SECONDS = 120
IDLE_SECONDS = 10
# Nats. Which places of the context a text gets, and what is written beside it, moves the gap between two tokens of this model
# by up to 0.94 (a token that is 0.60 ahead alone was 0.34 behind): sums in another order, 8-bit activations (docs/api.md, Prefixes).
TIE = 0.5


class Wrong(Exception):
    pass


class Busy(Exception):
    pass


class Api:
    """One kept connection."""

    def __init__(self, url: str, token: str):
        self.address, self.token, self.connection, self.used = url.removeprefix("http://"), token, None, 0.0

    def post(self, path: str, body: dict) -> dict:
        if time.monotonic() - self.used > IDLE_SECONDS:  # The server closes what is idle.
            self.close()
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, timeout=ANSWER_SECONDS)
        try:
            self.connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
            reply = self.connection.getresponse()
            data = reply.read()
        except Exception:
            self.close()
            raise
        self.used = time.monotonic()
        if reply.status == 429:
            if not reply.headers["Retry-After"]:
                raise Wrong(f"{path}: a 429 without Retry-After")
            raise Busy()
        if reply.status != 200:
            raise Wrong(f"{path}: status {reply.status}: {data[:300]}")
        return json.loads(data.splitlines()[-1])

    def method(self, name: str, **params) -> dict:
        reply = self.post("/api/v1/" + name, params)  # The last frame.
        if reply.get("error", {}).get("code") == "resource_exhausted":
            raise Busy()
        if "result" not in reply:
            raise Wrong(f"{name}: {reply}")
        return reply["result"]

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def expect(good: bool, what) -> None:
    if not good:
        raise Wrong(str(what)[:300])


def near(found: list, wanted: list, within: float, what: str) -> None:
    expect(len(found) == len(wanted), f"{what}: {len(found)} numbers, not {len(wanted)}")
    worst = max(abs(a - b) for a, b in zip(found, wanted))
    expect(worst <= within, f"{what}: off by {worst}")


def alike(found: list, wanted: list, what: str) -> None:
    """Quantized activations depend on what a text is batched with: directions are compared."""
    dot = sum(a * b for a, b in zip(found, wanted))
    sizes = sum(a * a for a in found) ** 0.5 * sum(b * b for b in wanted) ** 0.5
    expect(dot >= 0.99 * sizes, f"{what}: cosine {dot / sizes}")


def greedy(wanted: str, tokens, reply) -> None:
    """The reference's text, or up to a token at which its own was as likely but for the rounding of a batch."""
    text = ""
    for token, logprob, top in tokens:
        if not wanted.startswith(text + token):
            tie = [near for other, near in top if other != token and wanted.startswith(text + other)]
            expect(tie and abs(max(tie) - logprob) < TIE, f"{token!r} at {logprob} after {text!r}, not as {wanted!r}: {top}; {reply}")
            return
        text += token


class Requests:
    """What is asked, and what must come back."""

    def __init__(self):
        load = lambda name: json.loads((DATA / name).read_text())
        self.texts = {"minilm": load("minilm_l6_f32.json")["cases"], "minilm-int8": load("minilm_l6_int8.json")["cases"]}
        self.prompts = load("smollm2_llamacpp.json")["cases"]
        families = load("family_cases.json")
        media = lambda name: base64.b64encode((DATA / "inputs" / name).read_bytes()).decode()
        self.pictures = [(case["scores"], media(case["file"])) for case in families["image_classification"]]
        self.speech = media("speech16k.wav")
        self.segments = families["voice_activity"][0]["segments"]
        self.files = [(case["label"], case["score"], base64.b64encode(case["text"].encode()).decode()) for case in families["file_classification"] if "text" in case]
        self.kinds = {"minilm": [self.openai_embed, self.ollama_embed, self.oip_infer, self.run_embed],
                      "minilm-int8": [self.openai_embed, self.ollama_embed, self.oip_infer],
                      "smollm": [self.openai_complete, self.ollama_generate], "opennsfw": [self.classify], "silero": [self.find_speech],
                      "magika": [self.type_of_file]}

    def draw(self, chance: random.Random, api: Api, model: str | None = None) -> str:
        model = model or chance.choice(list(self.kinds))
        ask = chance.choice(self.kinds[model])
        ask(chance, api, model)
        return f"{model} {ask.__name__}"

    def embedded(self, model: str, case: dict, vector: list, what: str) -> None:
        if model == "minilm":
            near(vector, case["embedding"], 1e-4, what)
        else:
            alike(vector, case["embedding"], what)

    def openai_embed(self, chance, api, model):
        case = chance.choice(self.texts[model])
        reply = api.post("/v1/embeddings", {"model": model, "input": case["text"]})
        self.embedded(model, case, reply["data"][0]["embedding"], "openai")

    def keep_alive(self, chance) -> dict:
        kept = chance.choice([None, None, 0, "1s", "200ms", 60, "5m"])
        return {} if kept is None else {"keep_alive": kept}

    def ollama_embed(self, chance, api, model):
        cases = [chance.choice(self.texts[model]) for _ in range(chance.randrange(1, 4))]
        reply = api.post("/api/embed", {"model": model, "input": [case["text"] for case in cases], **self.keep_alive(chance)})
        for case, vector in zip(cases, reply["embeddings"], strict=True):
            self.embedded(model, case, vector, "ollama")

    def run_embed(self, chance, api, model):
        case = chance.choice(self.texts[model])
        result = api.method("run", model=model, inputs=[case["text"]], record=False)
        self.embedded(model, case, result["embeddings"][0], "run")

    def oip_infer(self, chance, api, model):
        case = chance.choice(self.texts[model])
        ids = case["input_ids"]
        tensor = lambda name, data: {"name": name, "datatype": "INT64", "shape": [1, len(ids)], "data": data}
        reply = api.post(f"/v2/models/{model}/infer", {"inputs": [tensor("input_ids", ids), tensor("attention_mask", [1] * len(ids)),
                                                                   tensor("token_type_ids", [0] * len(ids))]})
        output = reply["outputs"][0]
        expect(output["shape"] == [1, *case["last_hidden_shape"]], output["shape"])
        near(output["data"][:8], case["last_hidden_first8_tok0"], 1e-3 if model == "minilm" else 0.2, "oip")

    def openai_complete(self, chance, api, model):
        case = chance.choice(self.prompts)
        tokens = case["first_diff_vs_hf_f32"]
        reply = api.post("/v1/completions", {"model": model, "prompt": case["prompt"], "max_tokens": tokens, "temperature": 0, "logprobs": 3})
        expect(reply["usage"]["completion_tokens"] == tokens, reply)
        logprobs = reply["choices"][0]["logprobs"]
        greedy(case["text"], zip(logprobs["tokens"], logprobs["token_logprobs"], (list(top.items()) for top in logprobs["top_logprobs"])), reply)

    def ollama_generate(self, chance, api, model):
        case = chance.choice(self.prompts)
        options = {"temperature": 0, "num_predict": case["first_diff_vs_hf_f32"]}
        reply = api.post("/api/generate", {"model": model, "prompt": case["prompt"], "raw": True, "stream": False, "options": options, "logprobs": True,
                                           "top_logprobs": 3, **self.keep_alive(chance)})
        expect(reply["eval_count"] == options["num_predict"], reply)
        greedy(case["text"], ((one["token"], one["logprob"], [(top["token"], top["logprob"]) for top in one["top_logprobs"]]) for one in reply["logprobs"]), reply)

    def classify(self, chance, api, model):
        scores, picture = chance.choice(self.pictures)
        result = api.method("run", model=model, image=picture, record=False)
        found = {row["label"]: row["score"] for row in result["results"][0]}
        near([found[label] for label in scores], list(scores.values()), 2e-5, "opennsfw")

    def find_speech(self, chance, api, model):
        result = api.method("run", model=model, audio=self.speech, record=False)
        found = [round(row[at] * 16000) for row in result["results"][0] for at in ("start", "end")]
        near(found, [at for segment in self.segments for at in segment], 1, "silero")

    def type_of_file(self, chance, api, model):
        label, score, data = chance.choice(self.files)
        found = api.method("run", model=model, file=data, record=False)["results"][0][0]
        expect(found["label"] == label, found)
        near([found["score"]], [score], 2e-5, "magika")


class Soak:
    def __init__(self, daemon: Daemon, token: str, budget: int):
        self.daemon, self.budget = daemon, budget
        self.api = lambda: Api(daemon.where["api"], token)
        self.requests, self.failures = Requests(), Failures()
        self.counts, self.lock = collections.Counter(), threading.Lock()
        self.believed, self.rest, self.watch = 0, 0, None
        self.at_peak = ""  # What was loaded when most memory was in use.

    def rss(self) -> int:
        return sample(self.daemon.process.pid)["rss"]

    def unload_all(self, api: Api) -> None:
        for model in MODELS:
            api.method("models.unload", model=model)

    def loaded(self, api: Api) -> list:
        return api.method("models.loaded")["models"]

    def measure_rest(self, clients: int) -> None:
        """What the daemon takes beside the models' memory as it is counted: in figures, for the report."""
        api, beyond = self.api(), {}
        for _ in range(2):  # Choices are measured, libraries loaded.
            for model, kinds in self.requests.kinds.items():
                for ask in kinds:
                    self.patiently(lambda: ask(random.Random(1), api, model))
        self.unload_all(api)
        empty = self.rss()
        for model, kinds in self.requests.kinds.items():
            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(lambda seed: self.patiently(lambda: self.requests.draw(random.Random(seed), self.api(), model)), range(clients * 3)))
            counted = sum(row["memory_bytes"] for row in self.loaded(api))
            beyond[model] = max(0, self.rss() - empty - counted)
            self.unload_all(api)
        after = self.rss()
        self.rest = max(empty, after) + sum(beyond.values())
        words = ", ".join(f"{model} {size / MIB:.1f}" for model, size in beyond.items())
        print(f"soak: nothing loaded: {empty / MIB:.1f} MiB, {after / MIB:.1f} after all were loaded and unloaded; calls beyond what is counted: {words} MiB", flush=True)

    def patiently(self, ask) -> None:
        for _ in range(200):
            try:
                return ask()
            except Busy:
                time.sleep(0.1)
        raise Wrong("no room in 200 tries, with nobody else there")

    def client(self, number: int) -> None:
        chance, api = random.Random(number), self.api()
        while self.watch.running():
            try:
                kind = self.requests.draw(chance, api)
            except Busy:
                kind = "429"
                time.sleep(chance.uniform(0.05, 0.3))
            except Exception as error:  # Whatever it is, it is a failure of the run.
                kind = "wrong"
                self.failures.add(f"client {number}: {type(error).__name__} {error}")
            with self.lock:
                self.counts[kind] += 1
            if chance.random() < 0.05:
                api.close()
        api.close()

    def unloader(self) -> None:
        """Somebody who unloads by hand now and then, busy or not; and reads what ps and /metrics tell."""
        chance, api = random.Random(77), self.api()
        while self.watch.running():
            time.sleep(chance.uniform(0.5, 3))
            try:
                api.method("models.unload", model=chance.choice(list(MODELS)))
            except Exception as error:
                self.failures.add(f"unload: {error}")
        api.close()

    def sampler(self) -> None:
        api = self.api()
        while self.watch.running():
            self.watch.look()
            try:
                rows = self.loaded(api)
            except (Busy, OSError, http.client.HTTPException):
                rows = []
            believed = sum(row["memory_bytes"] for row in rows)
            now = self.watch.samples[-1][1]
            if now["rss"] == max(s["rss"] for _, s in self.watch.samples):
                self.at_peak = f"{now['anonymous'] / MIB:.1f} MiB of it anonymous, counted {believed / MIB:.1f}: " + ", ".join(
                    f"{row['name']} {row['memory_bytes'] / MIB:.1f}" for row in rows)
            self.believed = max(self.believed, believed)
            if believed > self.budget:
                self.failures.add(f"the pool counts {believed / MIB:.1f} MiB, more than its budget")
            time.sleep(0.5)
        api.close()

    def run(self, seconds: float, clients: int) -> None:
        self.watch = Watch(self.daemon.process.pid, seconds)
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(clients)]
        threads += [threading.Thread(target=self.unloader), threading.Thread(target=self.sampler)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def check_memory(self) -> None:
        peak = max(s["rss"] for _, s in self.watch.samples)
        limit = (self.budget + self.rest) * 1.1
        print(f"soak: budget {self.budget / MIB:.0f} MiB, at most {self.believed / MIB:.1f} counted; the rest measured as {self.rest / MIB:.1f}; "
              f"RSS at most {peak / MIB:.1f} ({self.at_peak})", flush=True)
        if peak > limit:
            self.failures.add(f"RSS of {peak / MIB:.1f} MiB exceeds budget and rest, {limit / MIB:.1f} with a tenth more")
        api = self.api()
        self.unload_all(api)
        api.close()
        left = self.rss()
        print(f"soak: all unloaded: {left / MIB:.1f} MiB", flush=True)
        if left > self.rest * 1.1 + 8 * MIB:
            self.failures.add(f"with all unloaded {left / MIB:.1f} MiB remain")

    def report(self, clients: int) -> None:
        self.check_memory()
        metrics = http.client.HTTPConnection(self.daemon.where["api"].removeprefix("http://"))
        metrics.request("GET", "/metrics", headers={"Authorization": f"Bearer {self.api().token}"})
        text = metrics.getresponse().read().decode()
        metrics.close()
        print("soak: " + "; ".join(line for line in text.splitlines()
                                   if line.startswith("accel_models_") and "_bucket" not in line and not line.endswith(" 0")))
        answered = sum(count for kind, count in self.counts.items() if kind not in ("429", "wrong"))
        if answered < clients or self.counts["429"] > 20 * answered:
            self.failures.add(f"only {answered} answers, {self.counts['429']} times 429")
        self.watch.report(self.counts, f"{answered} right answers and {self.counts['429']} times 429 of {clients} clients", self.failures)


def folder_of(name: str, folder: Path) -> Path:
    """The package of the int8 weights lacks the small files that say what they are: those of the f32 model are."""
    found = model_directory(MODELS[name])
    if (found / "config.json").exists() or name != "minilm-int8":
        return found
    whole = folder / name
    shutil.copytree(model_directory(MODELS["minilm"]), whole, ignore=shutil.ignore_patterns("onnx", "tokenizer.json"))
    for file in found.iterdir():
        shutil.copy(file, whole)
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--budget-mib", type=int, default=240)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="accel-soak-"))
    home = Home(folder / "home")
    try:
        for name in MODELS:
            home.add(folder_of(name, folder), "--name", name)
        budget = arguments.budget_mib * MIB
        settings = {**SETTINGS, "models": {**SETTINGS["models"], "memory_budget": budget, "output_cache": 0}}
        (home.path / "config.json").write_text(json.dumps(settings))
        daemon = Daemon(home, "--api", "127.0.0.1:0")
        try:
            soak = Soak(daemon, (home.path / "api.token").read_text().strip(), budget)
            soak.measure_rest(arguments.clients)
            soak.run(arguments.seconds, arguments.clients)
            soak.report(arguments.clients)
        finally:
            if daemon.stop() != 0:
                print("soak: FAILED the daemon did not stop cleanly")
                return 1
        return 1 if soak.failures.all else 0
    finally:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
