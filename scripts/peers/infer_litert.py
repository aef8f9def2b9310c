#!/usr/bin/env python3
"""LiteRT (TensorFlow Lite) runs the mission's CNN, float and int8."""

from importlib.metadata import version

import contender
import dataset

parsed = contender.options(__doc__, threads=1)
answers = contender.claim_stdout()

import numpy as np  # noqa: E402
from ai_edge_litert.interpreter import Interpreter  # noqa: E402

pixels, truth = dataset.test(parsed.data)


class Model:
    """One interpreter at one batch size."""

    def __init__(self, path, batch):
        self.interpreter = Interpreter(str(path), num_threads=parsed.threads)
        self.entry = self.interpreter.get_input_details()[0]
        self.interpreter.resize_tensor_input(self.entry["index"], [batch, 28, 28, 1])
        self.interpreter.allocate_tensors()
        self.exit = self.interpreter.get_output_details()[0]
        self.batch = batch
        self.set(pixels[:batch])

    def set(self, images):
        if self.entry["dtype"] == np.int8:
            scale, zero_point = self.entry["quantization"]
            images = np.clip(np.round(images / scale) + zero_point, -128, 127).astype(np.int8)
        self.interpreter.set_tensor(self.entry["index"], images)

    def time(self):
        return contender.time_calls(self.interpreter.invoke)

    def accuracy(self):
        right, count = 0, len(truth) // self.batch * self.batch
        for at in range(0, count, self.batch):
            self.set(pixels[at:at + self.batch])
            self.interpreter.invoke()
            answer = self.interpreter.get_tensor(self.exit["index"]).argmax(1)
            right += int(np.sum(answer == truth[at:at + self.batch]))
        return right / count


files = {kind: parsed.cache / f"cnn_{kind}.tflite" for kind in ("float", "int8")}
models = {f"{kind}_b{batch}_s": Model(path, batch) for batch in (1, 256) for kind, path in files.items()}


def finish():
    return {"accuracy": {kind: Model(path, 250).accuracy() for kind, path in files.items()},
            "file_bytes": {kind: path.stat().st_size for kind, path in files.items()}}


identity = {"peer": "litert", "version": version("ai-edge-litert")}
contender.Contender(identity, lambda: {k: m.time() for k, m in models.items()}, finish).run(parsed, answers)
