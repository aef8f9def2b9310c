#!/usr/bin/env python3
"""OpenVINO runs the mission's CNN in float, and in int8 when NNCF is there to quantize it."""

import importlib.util

import contender
import dataset

CALIBRATION = 300

parsed = contender.options(__doc__, threads=1)
answers = contender.claim_stdout()

import numpy as np  # noqa: E402
import openvino  # noqa: E402

pixels, truth = dataset.test(parsed.data)
core = openvino.Core()
core.set_property("CPU", {"INFERENCE_NUM_THREADS": parsed.threads})


def save(model, path):
    """The description is moved into place last: its presence says that both files are whole."""
    part = path.with_name(f"part_{path.name}")
    openvino.save_model(model, part, compress_to_fp16=False)
    part.with_suffix(".bin").replace(path.with_suffix(".bin"))
    part.replace(path)


def models():
    """{kind: path of an OpenVINO model}, made when missing."""
    paths = {"float": parsed.cache / "cnn_float.xml"}
    if not paths["float"].exists():
        save(openvino.convert_model(str(parsed.cache / "cnn_float.onnx")), paths["float"])
    int8 = parsed.cache / "cnn_int8.xml"
    if not int8.exists() and importlib.util.find_spec("nncf"):
        import nncf

        images = dataset.images(parsed.data, "train")[:CALIBRATION]
        calibration = nncf.Dataset([images[i:i + 1] for i in range(CALIBRATION)])
        save(nncf.quantize(core.read_model(paths["float"]), calibration), int8)
    if int8.exists():
        paths["int8"] = int8
    return paths


def request(path, batch):
    """The batch size is fixed before compiling, and float stays float where the processor has bf16."""
    model = core.read_model(path)
    model.reshape([batch, 28, 28, 1])
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
    made = compiled.create_infer_request()
    made.set_input_tensor(openvino.Tensor(np.ascontiguousarray(pixels[:batch])))
    return made


files = models()
requests = {f"{kind}_b{batch}_s": request(path, batch) for batch in (1, 256) for kind, path in files.items()}


def accuracy(path):
    whole = request(path, len(truth))
    whole.infer()
    return float(np.mean(whole.get_output_tensor().data.argmax(1) == truth))


def finish():
    return {"accuracy": {kind: accuracy(path) for kind, path in files.items()},
            "file_bytes": {kind: path.stat().st_size + path.with_suffix(".bin").stat().st_size
                           for kind, path in files.items()}}


identity = {"peer": "openvino", "version": openvino.__version__}
contender.Contender(
    identity, lambda: {k: contender.time_calls(r.infer) for k, r in requests.items()}, finish).run(parsed, answers)
