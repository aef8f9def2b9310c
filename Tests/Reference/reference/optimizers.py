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


def several(name, optimizer, **options):
    """Two variables that clipping, decay and averages see apart: a matrix and a vector with larger gradients."""
    shapes = {"kernel": (2, 3), "bias": (3,)}

    def build(draw):
        initial = {key: draw.uniform(shape) for key, shape in shapes.items()}
        gradients = [{"kernel": draw.uniform(shapes["kernel"]), "bias": 4 * draw.uniform(shapes["bias"])}
                     for _ in range(STEPS)]
        made = keras_layers.optimizer(optimizer, options)
        variables = {key: keras.Variable(value.astype(keras.config.floatx()), dtype=keras.config.floatx(), name=key)
                     for key, value in initial.items()}
        points = []
        for gradient in gradients:
            made.apply([keras.ops.convert_to_tensor(gradient[key], dtype=keras.config.floatx()) for key in shapes],
                       [variables[key] for key in shapes])
            points.append({key: tensor(value.numpy().astype(np.float64)) for key, value in variables.items()})
        made.finalize_variable_values([variables[key] for key in shapes])
        return {"optimizer": optimizer, "options": options,
                "start": {key: tensor(value) for key, value in initial.items()},
                "pushes": [{key: tensor(value) for key, value in g.items()} for g in gradients],
                "points": points,
                "final": {key: tensor(value.numpy().astype(np.float64)) for key, value in variables.items()}}

    return first_suitable(name, build)


def cases():
    sgd = {"momentum": 0.0, "nesterov": False}
    adam = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}
    return [
        trajectory("sgd_plain", "sgd", **{**sgd, "learning_rate": 0.1}),
        trajectory("sgd_momentum", "sgd", **{**sgd, "learning_rate": 0.05, "momentum": 0.9}),
        trajectory("sgd_nesterov", "sgd", **{**sgd, "learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
        trajectory("adam_default", "adam", **{**adam, "learning_rate": 0.001}),
        trajectory("adam_fast", "adam", **{**adam, "learning_rate": 0.1, "beta1": 0.8, "beta2": 0.99}),
        trajectory("adam_large_epsilon", "adam", **{**adam, "learning_rate": 0.05, "epsilon": 0.01}),
        trajectory("adam_amsgrad", "adam", **{**adam, "learning_rate": 0.05, "amsgrad": True, "beta2": 0.6}),
        trajectory("adamw", "adamw", **{**adam, "learning_rate": 0.05, "weight_decay": 0.1}),
        trajectory("sgd_decay", "sgd", **{**sgd, "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.05}),
        trajectory("nadam", "nadam", **{**adam, "learning_rate": 0.05}),
        trajectory("rmsprop", "rmsprop", learning_rate=0.02, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False),
        trajectory("rmsprop_momentum", "rmsprop", learning_rate=0.02, rho=0.8, momentum=0.7, epsilon=1e-7,
                   centered=False),
        trajectory("rmsprop_centered", "rmsprop", learning_rate=0.02, rho=0.9, momentum=0.0, epsilon=1e-4,
                   centered=True),
        trajectory("rmsprop_all", "rmsprop", learning_rate=0.02, rho=0.9, momentum=0.5, epsilon=1e-3, centered=True,
                   weight_decay=0.1),
        trajectory("adagrad", "adagrad", learning_rate=0.1, initial_accumulator_value=0.1, epsilon=1e-7),
        trajectory("adadelta", "adadelta", learning_rate=1.0, rho=0.95, epsilon=1e-4),
        trajectory("lion", "lion", learning_rate=0.05, beta1=0.9, beta2=0.99),
        trajectory("lion_decay", "lion", learning_rate=0.05, beta1=0.5, beta2=0.9, weight_decay=0.1),
    ]
