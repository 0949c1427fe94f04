# SPDX-License-Identifier: Apache-2.0
"""The two models of bench/serving_peers for MLServer's custom runtime: one that does nothing, and MiniLM."""
import os
from pathlib import Path

import numpy
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceResponse
from tokenizers import Tokenizer


class Noop(MLModel):
    async def predict(self, payload):
        value = NumpyCodec.decode_input(payload.inputs[0])
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", value)])


class MiniLm(MLModel):
    async def load(self) -> bool:
        folder, options = Path(os.environ["MINILM"]), onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["THREADS"])
        self.session = onnxruntime.InferenceSession(str(folder / "onnx/model.onnx"), options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(256)
        return True

    async def predict(self, payload):
        ids = numpy.array([self.tokenizer.encode(StringCodec.decode_input(payload.inputs[0])[0]).ids], dtype=numpy.int64)
        mask = numpy.ones_like(ids)
        hidden = self.session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)})[0]
        mean = hidden[0].mean(axis=0)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("embedding", mean / numpy.linalg.norm(mean))])
