# SPDX-License-Identifier: Apache-2.0
"""Running a real model: against reference vectors, chosen by measurement, recorded once."""
import json
import math
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import TestCase, model_directory

REFERENCE = json.loads((Path(__file__).resolve().parents[1] / "data/models/minilm_l6_f32.json").read_text())


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


class Run(TestCase):
    def setUp(self):
        super().setUp()
        self.model = model_directory("minilm-l6-f32")
        self.node = self.home()
        self.cid = self.node.add(self.model, "--name", "minilm")

    def embed(self, *flags):
        return self.node.json("text", "embed", "--model", "minilm", *flags)

    def test_embeddings_equal_the_reference_vectors_whatever_measured_best(self):
        flags = [part for case in REFERENCE["cases"] for part in ("--input", case["text"])]
        result = self.embed(*flags)
        for case, vector in zip(REFERENCE["cases"], result["embeddings"], strict=True):
            self.assertGreaterEqual(cosine(case["embedding"], vector), 0.9999, case["text"])
        self.assertEqual(result["model"]["cid"], self.cid)
        self.assertEqual(result["model"]["name"], "minilm")
        self.assertEqual(len(result["model"]["weights_sha256"]), 64)
        self.assertEqual(result["precision"], "f32")
        self.assertEqual(result["provenance"], "measured")
        self.assertGreater(result["latency_ms"], 0)

    def test_explain_shows_measured_candidates_of_both_engines_and_the_choice_is_remembered(self):
        first = self.embed("--input", "a cat", "--explain")
        rows = first["selection"]["candidates"]
        measured = {row["engine"] for row in rows if row.get("runs", 0) > 0}
        self.assertEqual(measured, {"onnxruntime", "openvino"}, rows)
        self.assertEqual(first["choice"], "measured now")
        second = self.embed("--input", "a dog", "--explain")
        self.assertEqual(second["choice"], "remembered")
        self.assertEqual(second["selection"]["measured_at"], first["selection"]["measured_at"])
        self.assertEqual(second["engine"], self.done_first(second["selection"]))
        with self.daemon(self.node):
            kept = self.embed("--input", "a dog", "--explain")
        self.assertEqual(kept["choice"], "remembered")
        self.assertTrue(kept["selection"]["winner"].startswith(kept["engine"] + "/"), kept["selection"])
        self.assertEqual(self.embed("--input", "a dog", "--remeasure")["choice"], "measured now")

    def test_a_model_that_is_not_here_is_pulled_first_and_the_pull_recorded(self):
        taker = self.home()
        self.assert_fails(3, taker.run("run", self.cid, "--input", "x"), "is not here whole", "--from URL")
        with self.daemon(self.node) as daemon:
            taker.ok("config", "set", "models.pull_absent", "false")
            self.assert_fails(3, taker.run("run", self.cid, "--input", "x", "--from", daemon.gateway), "is not here whole")
            taker.ok("config", "unset", "models.pull_absent")
            result = taker.json("run", self.cid, "--input", REFERENCE["cases"][0]["text"], "--threads", 1, "--from", daemon.gateway)
        self.assertGreaterEqual(cosine(REFERENCE["cases"][0]["embedding"], result["embeddings"][0]), 0.9999)
        rows = taker.json("history", "query", "--sql", "select success from ipfs_operations where operation = 'pull'")["rows"]
        self.assertIn([True], rows)
        self.assertIn(self.cid, [pin["cid"] for pin in taker.json("pin", "ls")["pins"]])
        again = taker.json("run", self.cid, "--input", "a cat", "--threads", 1)  # Nobody is asked any more.
        self.assertEqual(again["model"]["cid"], self.cid)

    def test_a_run_that_fails_is_recorded_with_its_error(self):
        self.assert_fails(6, self.node.run("run", "minilm", "--input", "x", "--device", "cuda"), "")
        sql = "select success, error_code from test_runs order by completed_at desc limit 1"
        self.assertEqual(self.node.json("history", "query", "--sql", sql)["rows"], [[False, "unsupported"]])

    def test_lines_of_a_file_and_vectors_stay_in_step(self):
        path = self.file("lines.txt", 0)
        path.write_text("a cat\n\na dog\n")
        self.assertEqual(len(self.embed("--input-file", path)["embeddings"]), 3)
        path.write_bytes(b"ok\nbin\0ary\n")
        self.assert_fails(2, self.node.run("run", "minilm", "--input-file", path), "line 2")

    def test_nothing_is_written_outside_the_home_and_nobody_is_called(self):
        cache = self.file("user/x", 0).parent
        self.node.run("run", "minilm", "--input", "x", environment={"HOME": str(cache), "XDG_CACHE_HOME": str(cache / "c")})
        self.assertEqual([str(p) for p in cache.rglob("*") if p.name != "x"], [])

    def done_first(self, selection):
        """The engine that loads, opens and answers once in the least time, by the figures shown."""
        runnable = [row for row in selection["candidates"] if row["verdict"] in ("winner", "slower")]
        loads = selection["engine_load_ms"]
        return min(runnable, key=lambda row: loads[row["engine"]] + row["open_ms"] + row["median_ms"])["engine"]

    def test_reduced_precision_is_only_used_when_asked_for_and_its_error_is_shown(self):
        result = self.embed("--input", "a cat", "--max-error", "0.05", "--explain")
        reduced = [row for row in result["selection"]["candidates"] if row["precision"] != "f32" and row.get("runs", 0) > 0]
        self.assertTrue(reduced)
        self.assertTrue(all("max_abs_error" in row for row in reduced), reduced)
        result = self.embed("--input", "a cat", "--precision", "bf16")
        self.assertEqual(result["precision"], "bf16")

    def test_a_policy_that_leaves_nothing_says_why(self):
        self.assert_fails(6, self.node.run("run", "minilm", "--input", "x", "--device", "cuda"), "hardware detect")

    def test_runs_and_a_pull_side_by_side_all_succeed_and_are_recorded_once(self):
        source = self.home()
        other = source.add(self.file("other.bin", 20 << 20))
        for with_daemon in (False, True):
            with self.subTest(daemon=with_daemon):
                before = self.count_runs()
                with self.daemon(source) as gateway:
                    if with_daemon:
                        with self.daemon(self.node):
                            self.side_by_side(other, gateway.gateway)
                    else:
                        self.side_by_side(other, gateway.gateway)
                self.assertEqual(self.count_runs(), before + 2)
                self.node.ok("pin", "rm", other)
                self.node.ok("gc")

    def side_by_side(self, other, gateway):
        commands = [("run", "minilm", "--input", "one"), ("run", "minilm", "--input", "two"), ("pull", other, "--from", gateway)]
        with ThreadPoolExecutor(3) as pool:
            for code, out, err in pool.map(lambda command: self.node.run(*command), commands):
                self.assertEqual(code, 0, err)

    def count_runs(self):
        return self.node.json("history", "query", "--sql", "select count(*) from test_runs")["rows"][0][0]

    def test_history_report_shows_the_runs_with_their_provenance(self):
        self.embed("--input", "a cat")
        report = self.node.json("history", "report")
        names = [column["name"] for column in report["columns"]]
        self.assertIn("provenance", names)
        self.assertEqual(len(report["rows"]), 1)
        self.assertIn("measured", report["rows"][0])

    def test_models_show_names_files_and_weights(self):
        shown = self.node.json("models", "show", "minilm")
        self.assertEqual(shown["task"], "text-embedding")
        self.assertIn("onnx/model.onnx", [f["path"] for f in shown["files"]])
        self.assertEqual(self.node.json("models", "list")["models"][0]["cid"], self.cid)


class BadModels(TestCase):
    def damaged(self, change) -> tuple:
        import shutil
        folder = self.folder / "model"
        shutil.copytree(model_directory("minilm-l6-f32"), folder)
        change(folder)
        home = self.home()
        home.add(folder, "--name", "m")
        return home.run("run", "m", "--input", "x")

    def test_a_missing_tokenizer_is_named(self):
        self.assert_fails(3, self.damaged(lambda d: (d / "tokenizer.json").unlink()), "tokenizer.json")

    def test_a_tokenizer_that_does_not_parse_is_corrupt(self):
        self.assert_fails(5, self.damaged(lambda d: (d / "tokenizer.json").write_text("{")), "tokenizer.json")

    def test_a_corrupt_onnx_file_is_corrupt(self):
        self.assert_fails(5, self.damaged(lambda d: (d / "onnx/model.onnx").write_bytes(b"\x08\x07garbage" * 1000)))

    def test_a_truncated_onnx_file_is_corrupt(self):
        def cut(folder):
            path = folder / "onnx/model.onnx"
            path.write_bytes(path.read_bytes()[: 40 << 20])
        self.assert_fails(5, self.damaged(cut))

    def test_a_folder_that_is_no_model_says_what_is_missing(self):
        home = self.home()
        home.ok("add", "--name", "m", self.file("folder/a.bin", 10).parent)
        code, _, err = home.run("run", "m", "--input", "x")
        self.assertIn(code, (3, 6), err)


if __name__ == "__main__":
    unittest.main()
