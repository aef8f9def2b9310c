"""A model with two inputs and two outputs: steps of training by Keras's own fit, with what it reports of each output."""

import keras
import numpy as np

from .networks import draw_parameter
from .reports import train
from .tensors import first_suitable, tensor

STEPS = 4


def build_model():
    left = keras.Input((5,), name="left")
    right = keras.Input((3,), name="right")
    joined = keras.layers.Concatenate(name="joined")([
        keras.layers.Dense(6, activation="tanh", name="left_dense")(left),
        keras.layers.Dense(4, activation="tanh", name="right_dense")(right),
    ])
    shared = keras.layers.Dense(7, activation="tanh", name="shared")(joined)
    kind = keras.layers.Dense(4, activation="softmax", name="kind")(shared)
    height = keras.layers.Dense(2, name="height")(shared)
    return keras.Model({"left": left, "right": right}, {"kind": kind, "height": height})


def training(name, weights):
    def build(draw):
        model = build_model()
        left, right = draw.uniform((6, 5)), draw.uniform((6, 3))
        kind, height = draw.labels(6, 4), draw.uniform((6, 2))
        for variable in model.weights:
            variable.assign(draw_parameter(draw, variable.path, variable.shape))
        case = {
            "columns": {"left": tensor(left), "right": tensor(right)},
            "targets": {"kind": tensor(kind), "height": tensor(height)},
            "loss_weights": weights,
            "initial_parameters": {v.path: tensor(v.numpy().astype(np.float32)) for v in model.weights},
        }
        model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
                      loss={"kind": "sparse_categorical_crossentropy", "height": "mse"},
                      loss_weights=weights, metrics={"kind": ["accuracy"], "height": ["mae"]})
        x = {"left": left, "right": right}
        y = {"kind": kind, "height": height}
        return case | train(model, x, y, STEPS, batch_size=6)

    return first_suitable(name, build)


def cases():
    return [training("branches_weighed", {"kind": 1.0, "height": 0.25}),
            training("branches_equal", {"kind": 1.0, "height": 1.0})]
