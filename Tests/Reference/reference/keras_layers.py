"""Wane's layer names and options, turned into Keras layers. The one place that knows both vocabularies."""

import keras
import numpy as np
from keras import layers


def pair(value):
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value)


def conv2d(o):
    return layers.Conv2D(
        o["filters"], pair(o["kernel_size"]), strides=pair(o["strides"]), padding=o["padding"],
        dilation_rate=pair(o["dilation"]), groups=o["groups"], activation=o["activation"], use_bias=o["use_bias"])


def max_pool2d(o):
    return layers.MaxPooling2D(pair(o["pool_size"]), strides=pair(o["strides"]), padding=o["padding"])


def avg_pool2d(o):
    return layers.AveragePooling2D(pair(o["pool_size"]), strides=pair(o["strides"]), padding=o["padding"])


def dense(o):
    return layers.Dense(o["units"], activation=o["activation"], use_bias=o["use_bias"])


MAKERS = {
    "conv2d": conv2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "dense": dense,
    "activation": lambda o: layers.Activation(o["activation"]),
    "batch_norm": lambda o: layers.BatchNormalization(momentum=o["momentum"], epsilon=o["epsilon"]),
    "dropout": lambda o: layers.Dropout(o["rate"]),
    "flatten": lambda o: layers.Flatten(),
    "add": lambda o: layers.Add(),
}

DEFAULTS = {
    "conv2d": {"strides": [1, 1], "padding": "valid", "dilation": [1, 1], "groups": 1, "activation": "linear",
               "use_bias": True},
    "max_pool2d": {"padding": "valid"},
    "avg_pool2d": {"padding": "valid"},
    "dense": {"activation": "linear", "use_bias": True},
    "batch_norm": {"momentum": 0.99, "epsilon": 0.001},
}


def complete(layer, options):
    """Every option that matters, spelled out, so that a reader guesses no default."""
    options = {**options, **{k: v for k, v in DEFAULTS.get(layer, {}).items() if k not in options}}
    if layer in ("max_pool2d", "avg_pool2d"):
        options.setdefault("strides", options["pool_size"])
    return options


def make(layer, options):
    return MAKERS[layer](options)


def optimizer(name, options):
    makers = {
        "sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW,
        "nadam": keras.optimizers.Nadam, "rmsprop": keras.optimizers.RMSprop, "adagrad": keras.optimizers.Adagrad,
        "adadelta": keras.optimizers.Adadelta, "lion": keras.optimizers.Lion,
    }
    names = {"beta1": "beta_1", "beta2": "beta_2"}
    # A plain Python float would pass through single precision on its way to a double-precision variable, and
    # 1 - 0.999 lose five of its digits.
    exact = {names.get(k, k): np.float64(v) if isinstance(v, float) else v for k, v in options.items()}
    vectors = exact.pop("decay_vectors", True)
    made = makers[name](**exact)
    if not vectors:
        made.exclude_from_weight_decay(var_names=["bias"])
    return made
