#!/usr/bin/env python3
"""Keras on TensorFlow trains the mission's CNN; a round is an epoch."""

import time

import contender
import dataset
import mission

parsed = contender.options(__doc__, threads=2, batch=128)
answers = contender.claim_stdout()
mission.use_threads(parsed.threads)

import keras  # noqa: E402

keras.utils.set_random_seed(1)
images, labels = dataset.train(parsed.data)
model = mission.build()
model.fit(images[:3 * parsed.batch], labels[:3 * parsed.batch], batch_size=parsed.batch, verbose=0)  # traces the step


def epoch():
    started = time.perf_counter()
    model.fit(images, labels, batch_size=parsed.batch, epochs=1, verbose=0)
    return {"epoch_s": time.perf_counter() - started}


def finish():
    peak = contender.peak_memory_bytes()
    accuracy = model.evaluate(*dataset.test(parsed.data), batch_size=256, verbose=0)[1]
    return {"accuracy": float(accuracy), "peak_memory_bytes": peak}


identity = {"peer": "keras", "version": keras.__version__}
contender.Contender(identity, epoch, finish).run(parsed, answers)
