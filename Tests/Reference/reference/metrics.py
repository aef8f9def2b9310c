"""Metrics over one batch."""

import keras
import numpy as np

from .tensors import first_suitable, number, tensor


def accuracy(name, target, shape, tie=False):
    makers = {"sparse": keras.metrics.SparseCategoricalAccuracy, "one_hot": keras.metrics.CategoricalAccuracy}

    def build(draw):
        prediction = draw.uniform(shape)
        labels = draw.labels(shape[0], shape[1])
        if tie:  # rows whose maximum is shared: the first of the equals is the answer
            prediction[:] = 0
            prediction[shape[0] // 2:, 1:3] = 0.5
        else:    # half of the rows right, so that neither 0 nor 1 is the answer
            labels[::2] = prediction.argmax(1)[::2]
        truth = labels if target == "sparse" else np.eye(shape[1], dtype=np.float32)[labels]
        metric = makers[target](dtype=keras.config.floatx())
        metric.update_state(truth, prediction.astype(keras.config.floatx()))
        return {"metric": "accuracy", "options": {"target": target}, "prediction": tensor(prediction),
                "target": tensor(truth), "value": number(metric.result())}

    return first_suitable(name, build)


def cases():
    made = []
    for target in ("sparse", "one_hot"):
        made += [
            accuracy(f"accuracy_{target}", target, (11, 5)),
            accuracy(f"accuracy_{target}_batch_1", target, (1, 4)),
            accuracy(f"accuracy_{target}_ties", target, (8, 4), tie=True),
        ]
    return made
