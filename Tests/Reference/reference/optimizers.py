"""Ten steps of an optimizer along a fixed sequence of gradients."""

import keras
import numpy as np

from . import keras_layers
from .tensors import first_suitable, tensor

STEPS = 10


def trajectory(name, optimizer, **options):
    def build(draw):
        initial = draw.uniform((2, 3))
        target = draw.uniform((2, 3))
        curvature = draw.uniform((2, 3), 0.5, 2)
        # A noisy pull towards `target`, as a quadratic bowl gives along a path of its own; one element idles
        # every other step and another never moves, which is where a misplaced epsilon shows.
        path = initial.astype(np.float64)
        gradients = []
        for step in range(STEPS):
            gradient = curvature * (path - target) + 0.2 * draw.uniform((2, 3))
            gradient[0, 1] *= step % 2
            gradient[1, 2] = 0
            gradients.append(np.round(gradient, 3).astype(np.float32))
            path -= 0.15 * gradient

        made = keras_layers.optimizer(optimizer, options)
        variable = keras.Variable(initial.astype(keras.config.floatx()), dtype=keras.config.floatx())
        points = []
        for gradient in gradients:
            made.apply([keras.ops.convert_to_tensor(gradient, dtype=keras.config.floatx())], [variable])
            points.append(tensor(variable.numpy().astype(np.float64)))
        return {"optimizer": optimizer, "options": options, "initial": tensor(initial),
                "gradients": [tensor(g) for g in gradients], "trajectory": points}

    return first_suitable(name, build)


def cases():
    sgd = {"momentum": 0.0, "nesterov": False}
    adam = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    return [
        trajectory("sgd_plain", "sgd", **{**sgd, "learning_rate": 0.1}),
        trajectory("sgd_momentum", "sgd", **{**sgd, "learning_rate": 0.05, "momentum": 0.9}),
        trajectory("sgd_nesterov", "sgd", **{**sgd, "learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
        trajectory("adam_default", "adam", **{**adam, "learning_rate": 0.001}),
        trajectory("adam_fast", "adam", **{**adam, "learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.99}),
        trajectory("adam_large_epsilon", "adam", **{**adam, "learning_rate": 0.05, "epsilon": 0.01}),
    ]
