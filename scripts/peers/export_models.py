#!/usr/bin/env python3
"""Trains the mission's CNN in Keras once and writes it for the inference peers: TFLite float and int8, ONNX float.

The cache holds cnn_float.tflite, cnn_int8.tflite, cnn_float.onnx and cnn.json, which says what made them.
"""

import json
import os

import contender
import dataset
import mission

FILES = ["cnn_float.tflite", "cnn_int8.tflite", "cnn_float.onnx"]
CALIBRATION = 300

parsed = contender.options(__doc__, threads=2, epochs=4)
answers = contender.claim_stdout()
mission.use_threads(parsed.threads)

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402


def main():
    made_by = {"keras": keras.__version__, "tensorflow": tf.__version__, "epochs": parsed.epochs,
               "data": os.path.realpath(parsed.data)}
    record = parsed.cache / "cnn.json"
    if record.exists() and all((parsed.cache / f).exists() for f in FILES):
        known = json.loads(record.read_text())
        if known["made_by"] == made_by:
            contender.say(answers, {**known, "cached": True})
            return
    parsed.cache.mkdir(parents=True, exist_ok=True)
    for stale in [record, *parsed.cache.glob("cnn_*")]:
        stale.unlink(missing_ok=True)

    keras.utils.set_random_seed(1)
    images, labels = dataset.train(parsed.data)
    model = mission.build()
    model.fit(images, labels, batch_size=128, epochs=parsed.epochs, verbose=0)
    accuracy = float(model.evaluate(*dataset.test(parsed.data), batch_size=256, verbose=0)[1])

    write("cnn_float.tflite", tf.lite.TFLiteConverter.from_keras_model(model).convert())
    write("cnn_int8.tflite", int8(model, images))
    model.export(str(parsed.cache / "cnn_float.onnx"), format="onnx", verbose=False)
    known = {"made_by": made_by, "accuracy": accuracy}
    record.write_text(json.dumps(known) + "\n")  # last: its presence says that the files are whole
    contender.say(answers, {**known, "cached": False})


def int8(model, images):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([images[i:i + 1]] for i in range(CALIBRATION))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def write(name, content):
    (parsed.cache / name).write_bytes(content)


main()
