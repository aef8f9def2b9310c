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


def recurrent(o):
    return {"units": o["units"], "return_sequences": o["return_sequences"], "go_backwards": o["go_backwards"],
            "use_bias": o["use_bias"]}


def multi_head_attention(o):
    return layers.MultiHeadAttention(
        o["num_heads"], o["key_dim"], value_dim=o["value_dim"], output_shape=o["output_dim"], use_bias=o["use_bias"],
        dropout=o["dropout"])


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
    "embedding": lambda o: layers.Embedding(o["input_dim"], o["output_dim"]),
    "simple_rnn": lambda o: layers.SimpleRNN(activation=o["activation"], **recurrent(o)),
    "lstm": lambda o: layers.LSTM(unit_forget_bias=o["unit_forget_bias"], **recurrent(o)),
    "gru": lambda o: layers.GRU(**recurrent(o)),
    "bidirectional": lambda o: layers.Bidirectional(make(o["layer"], o), merge_mode=o["merge_mode"]),
    "multi_head_attention": multi_head_attention,
}

RECURRENT = {"return_sequences": False, "go_backwards": False, "use_bias": True}

DEFAULTS = {
    "conv2d": {"strides": [1, 1], "padding": "valid", "dilation": [1, 1], "groups": 1, "activation": "linear",
               "use_bias": True},
    "max_pool2d": {"padding": "valid"},
    "avg_pool2d": {"padding": "valid"},
    "dense": {"activation": "linear", "use_bias": True},
    "batch_norm": {"momentum": 0.99, "epsilon": 0.001},
    "simple_rnn": {**RECURRENT, "activation": "tanh"},
    "lstm": {**RECURRENT, "unit_forget_bias": True},
    "gru": RECURRENT,
    "bidirectional": {"merge_mode": "concat"},
    "multi_head_attention": {"value_dim": None, "output_dim": None, "dropout": 0.0, "use_bias": True,
                             "use_causal_mask": False},
}


def complete(layer, options):
    """Every option that matters, spelled out, so that a reader guesses no default."""
    options = {**options, **{k: v for k, v in DEFAULTS.get(layer, {}).items() if k not in options}}
    if layer in ("max_pool2d", "avg_pool2d"):
        options.setdefault("strides", options["pool_size"])
    if layer == "bidirectional":
        options = complete(options["layer"], options)
    return options


def make(layer, options):
    return MAKERS[layer](options)


def build(layer, inputs):
    """Makes the parameters."""
    if isinstance(layer, layers.MultiHeadAttention):  # query, value, key
        shapes = [tuple(x.shape) for x in inputs]
        layer.build(shapes[0], shapes[min(1, len(shapes) - 1)], shapes[-1])
    else:
        layer.build(inputs[0].shape if len(inputs) == 1 else [tuple(x.shape) for x in inputs])


def call(name, layer, argument, options):
    if name != "multi_head_attention":
        return layer(argument)
    values = argument if isinstance(argument, list) else [argument]
    query, value, key = values[0], values[min(1, len(values) - 1)], values[-1]
    return layer(query, value, key, use_causal_mask=options["use_causal_mask"])


def parameter_name(name, layer, variable):
    """What Wane calls a parameter within its layer."""
    if name == "bidirectional":
        half = "forward" if any(variable is v for v in layer.forward_layer.weights) else "backward"
        return f"{half}/{variable.name}"
    if name == "multi_head_attention":
        return "/".join(variable.path.split("/")[-2:])
    return variable.name


def stored(layer, name, values):
    """A parameter in the shape in which Wane has it: the heads of an attention side by side."""
    if layer != "multi_head_attention":
        return values
    if name.endswith("bias"):
        return values.reshape(-1)
    if name.startswith("attention_output"):
        return values.reshape(-1, values.shape[-1])
    return values.reshape(len(values), -1)


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
