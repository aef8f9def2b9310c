#!/usr/bin/env python3
"""ONNX Runtime runs the mission's CNN, float and int8 (static quantization, per channel, QDQ)."""

import contender
import dataset

CALIBRATION = 300

parsed = contender.options(__doc__, threads=1)
answers = contender.claim_stdout()

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402

pixels, truth = dataset.test(parsed.data)
files = {kind: parsed.cache / f"cnn_{kind}.onnx" for kind in ("float", "int8")}


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = parsed.threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def quantize():
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    name = session(files["float"]).get_inputs()[0].name
    images = dataset.images(parsed.data, "train")[:CALIBRATION]

    class Images(CalibrationDataReader):
        def __init__(self):
            self.left = iter(range(len(images)))

        def get_next(self):
            at = next(self.left, None)
            return None if at is None else {name: images[at:at + 1]}

    part = parsed.cache / "part_int8.onnx"
    # Unsigned activations with signed weights is the pair that x86 multiplies in one instruction.
    quantize_static(str(files["float"]), str(part), Images(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    part.replace(files["int8"])


if not files["int8"].exists():
    quantize()
sessions = {kind: session(path) for kind, path in files.items()}
entry = {kind: s.get_inputs()[0].name for kind, s in sessions.items()}


def time(kind, batch):
    run, feed = sessions[kind].run, {entry[kind]: pixels[:batch]}
    return contender.time_calls(lambda: run(None, feed))


def accuracy(kind):
    answer = sessions[kind].run(None, {entry[kind]: pixels})[0].argmax(1)
    return float(np.mean(answer == truth))


def finish():
    return {"accuracy": {kind: accuracy(kind) for kind in sessions},
            "file_bytes": {kind: path.stat().st_size for kind, path in files.items()}}


identity = {"peer": "onnxruntime", "version": onnxruntime.__version__}
contender.Contender(
    identity, lambda: {f"{kind}_b{batch}_s": time(kind, batch) for batch in (1, 256) for kind in sessions}, finish,
).run(parsed, answers)
