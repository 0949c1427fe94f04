# SPDX-License-Identifier: Apache-2.0
"""A hand-written server on starlette, uvloop and httptools: what someone who needs one model writes.

usage: starlette_server.py PORT MODEL_FOLDER THREADS
POST /noop sends the body back; POST /embed {"input": TEXT} gives the pooled and normalized vector of MiniLM.
"""
import sys
from pathlib import Path

import numpy
import onnxruntime
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tokenizers import Tokenizer

PORT, FOLDER, THREADS = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = THREADS
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(str(FOLDER / "onnx/model.onnx"), options, providers=["CPUExecutionProvider"])
tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(256)


def vector(text: str) -> list:
    ids = numpy.array([tokenizer.encode(text).ids], dtype=numpy.int64)
    mask = numpy.ones_like(ids)
    hidden = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)})[0]
    mean = hidden[0].mean(axis=0)
    return (mean / numpy.linalg.norm(mean)).tolist()


async def noop(request):
    return Response(await request.body(), media_type="application/octet-stream")


async def embed(request):
    text = (await request.json())["input"]
    return JSONResponse({"data": [{"embedding": await run_in_threadpool(vector, text)}]})


app = Starlette(routes=[Route("/noop", noop, methods=["POST"]), Route("/embed", embed, methods=["POST"])])
uvicorn.run(app, host="127.0.0.1", port=PORT, loop="uvloop", http="httptools", log_level="warning", access_log=False)
