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
            "use_bias": o["use_bias"], "activation": o["activation"], "return_state": o["return_state"],
            "zero_output_for_mask": o["zero_output_for_mask"]}


def multi_head_attention(o):
    return layers.MultiHeadAttention(
        o["num_heads"], o["key_dim"], value_dim=o["value_dim"], output_shape=o["output_dim"], use_bias=o["use_bias"],
        dropout=o["dropout"])


def depthwise_conv2d(o):
    return layers.DepthwiseConv2D(
        pair(o["kernel_size"]), strides=pair(o["strides"]), padding=o["padding"], dilation_rate=pair(o["dilation"]),
        depth_multiplier=o["depth_multiplier"], activation=o["activation"], use_bias=o["use_bias"])


def separable_conv2d(o):
    return layers.SeparableConv2D(
        o["filters"], pair(o["kernel_size"]), strides=pair(o["strides"]), padding=o["padding"],
        dilation_rate=pair(o["dilation"]), depth_multiplier=o["depth_multiplier"], activation=o["activation"],
        use_bias=o["use_bias"])


def conv1d(o):
    return layers.Conv1D(
        o["filters"], o["kernel_size"][0], strides=o["strides"][0], padding=o["padding"],
        dilation_rate=o["dilation"][0], groups=o["groups"], activation=o["activation"], use_bias=o["use_bias"])


def conv2d_transpose(o):
    return layers.Conv2DTranspose(
        o["filters"], pair(o["kernel_size"]), strides=pair(o["strides"]), padding=o["padding"],
        dilation_rate=pair(o["dilation"]), activation=o["activation"], use_bias=o["use_bias"])


def pool1d(kind):
    return lambda o: kind(o["pool_size"][0], strides=o["strides"][0], padding=o["padding"])


def global_pool(kind):
    return lambda o: kind(keepdims=o["keep_dims"])


def normalization(o):
    # Keras makes constants of statistics it is given; as variables they can be set like any parameter.
    return layers.Normalization()


def axes(lua):
    """Lua counts the batch as axis 1, Keras as 0."""
    return [a if a < 0 else a - 1 for a in lua]


MAKERS = {
    "depthwise_conv2d": depthwise_conv2d,
    "separable_conv2d": separable_conv2d,
    "conv1d": conv1d,
    "conv2d_transpose": conv2d_transpose,
    "max_pool1d": pool1d(layers.MaxPooling1D),
    "avg_pool1d": pool1d(layers.AveragePooling1D),
    "global_max_pool2d": global_pool(layers.GlobalMaxPooling2D),
    "global_avg_pool2d": global_pool(layers.GlobalAveragePooling2D),
    "global_max_pool1d": global_pool(layers.GlobalMaxPooling1D),
    "global_avg_pool1d": global_pool(layers.GlobalAveragePooling1D),
    "up_sample2d": lambda o: layers.UpSampling2D(pair(o["size"]), interpolation=o["interpolation"]),
    "up_sample1d": lambda o: layers.UpSampling1D(o["size"][0]),
    "reshape": lambda o: layers.Reshape(o["shape"]),
    "leaky_relu": lambda o: layers.LeakyReLU(negative_slope=o["negative_slope"]),
    "elu": lambda o: layers.ELU(alpha=o["alpha"]),
    # Lua counts the batch as axis 1, Keras as 0.
    "prelu": lambda o: layers.PReLU(shared_axes=[a - 1 for a in o["shared_axes"]] or None),
    "gelu": lambda o: layers.Activation(lambda x: keras.activations.gelu(x, approximate=o["approximate"])),
    "layer_norm": lambda o: layers.LayerNormalization(axis=axes(o["axis"]), epsilon=o["epsilon"], center=o["center"],
                                                      scale=o["scale"]),
    "group_norm": lambda o: layers.GroupNormalization(o["groups"], epsilon=o["epsilon"], center=o["center"],
                                                      scale=o["scale"]),
    "rms_norm": lambda o: layers.RMSNormalization(axis=axes(o["axis"]), epsilon=o["epsilon"]),
    "normalization": normalization,
    "spatial_dropout2d": lambda o: layers.SpatialDropout2D(o["rate"]),
    "spatial_dropout1d": lambda o: layers.SpatialDropout1D(o["rate"]),
    "subtract": lambda o: layers.Subtract(),
    "multiply": lambda o: layers.Multiply(),
    "average": lambda o: layers.Average(),
    "maximum": lambda o: layers.Maximum(),
    "minimum": lambda o: layers.Minimum(),
    # Lua counts the batch as axis 1, Keras as 0.
    "concat": lambda o: layers.Concatenate(axis=o["axis"] if o["axis"] < 0 else o["axis"] - 1),
    "permute": lambda o: layers.Permute(o["order"]),
    "zero_pad2d": lambda o: layers.ZeroPadding2D(o["padding"]),
    "zero_pad1d": lambda o: layers.ZeroPadding1D(tuple(o["padding"][0])),
    "crop2d": lambda o: layers.Cropping2D(o["cropping"]),
    "crop1d": lambda o: layers.Cropping1D(tuple(o["cropping"][0])),
    "gaussian_noise": lambda o: layers.GaussianNoise(o["stddev"]),
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
    "simple_rnn": lambda o: layers.SimpleRNN(**recurrent(o)),
    "lstm": lambda o: layers.LSTM(unit_forget_bias=o["unit_forget_bias"],
                                  recurrent_activation=o["recurrent_activation"], **recurrent(o)),
    "gru": lambda o: layers.GRU(reset_after=o["reset_after"], recurrent_activation=o["recurrent_activation"],
                                **recurrent(o)),
    "bidirectional": lambda o: layers.Bidirectional(
        make(o["layer"], o), merge_mode=None if o["merge_mode"] == "none" else o["merge_mode"]),
    "multi_head_attention": multi_head_attention,
}

RECURRENT = {"return_sequences": False, "go_backwards": False, "use_bias": True, "activation": "tanh",
             "return_state": False, "zero_output_for_mask": False}
GATED = {**RECURRENT, "recurrent_activation": "sigmoid"}

DEFAULTS = {
    "depthwise_conv2d": {"strides": [1, 1], "padding": "valid", "dilation": [1, 1], "depth_multiplier": 1,
                         "activation": "linear", "use_bias": True},
    "separable_conv2d": {"strides": [1, 1], "padding": "valid", "dilation": [1, 1], "depth_multiplier": 1,
                         "activation": "linear", "use_bias": True},
    "conv1d": {"strides": [1], "padding": "valid", "dilation": [1], "groups": 1, "activation": "linear",
               "use_bias": True},
    "conv2d_transpose": {"strides": [1, 1], "padding": "valid", "dilation": [1, 1], "activation": "linear",
                         "use_bias": True},
    "max_pool1d": {"padding": "valid"},
    "avg_pool1d": {"padding": "valid"},
    "global_max_pool2d": {"keep_dims": False},
    "global_avg_pool2d": {"keep_dims": False},
    "global_max_pool1d": {"keep_dims": False},
    "global_avg_pool1d": {"keep_dims": False},
    "up_sample2d": {"interpolation": "nearest"},
    "concat": {"axis": -1},
    "leaky_relu": {"negative_slope": 0.3},
    "elu": {"alpha": 1.0},
    "prelu": {"shared_axes": []},
    "gelu": {"approximate": False},
    "layer_norm": {"axis": [-1], "epsilon": 0.001, "center": True, "scale": True},
    "group_norm": {"epsilon": 0.001, "center": True, "scale": True},
    "rms_norm": {"axis": [-1], "epsilon": 1e-6},
    "conv2d": {"strides": [1, 1], "padding": "valid", "dilation": [1, 1], "groups": 1, "activation": "linear",
               "use_bias": True},
    "max_pool2d": {"padding": "valid"},
    "avg_pool2d": {"padding": "valid"},
    "dense": {"activation": "linear", "use_bias": True},
    "batch_norm": {"momentum": 0.99, "epsilon": 0.001},
    "simple_rnn": RECURRENT,
    "lstm": {**GATED, "unit_forget_bias": True},
    "gru": {**GATED, "reset_after": True},
    "bidirectional": {"merge_mode": "concat"},
    "multi_head_attention": {"value_dim": None, "output_dim": None, "dropout": 0.0, "use_bias": True,
                             "use_causal_mask": False},
}


def complete(layer, options):
    """Every option that matters, spelled out, so that a reader guesses no default."""
    options = {**options, **{k: v for k, v in DEFAULTS.get(layer, {}).items() if k not in options}}
    if layer in ("max_pool2d", "avg_pool2d", "max_pool1d", "avg_pool1d"):
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
    elif isinstance(layer, (layers.RNN, layers.Bidirectional)):  # what follows the sequences are states
        layer.build(tuple(inputs[0].shape))
    else:
        layer.build(inputs[0].shape if len(inputs) == 1 else [tuple(x.shape) for x in inputs])


def call(name, layer, argument, options):
    values = argument if isinstance(argument, list) else [argument]
    if isinstance(layer, (layers.RNN, layers.Bidirectional)) and len(values) > 1:
        # Beside a state, Keras has to be handed the mask.
        return layer(values[0], initial_state=values[1:], mask=getattr(values[0], "_keras_mask", None))
    if name != "multi_head_attention":
        return layer(argument)
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
    """A parameter in the shape in which Wane has it, the same numbers in the same order.

    The heads of an attention and the results of a channel lie side by side; a sequence is an image of one row.
    """
    if layer == "depthwise_conv2d" and name == "kernel" or name == "depthwise_kernel":
        height, width, channels, multiplier = values.shape
        return values.reshape(height, width, 1, channels * multiplier)
    if layer == "conv1d" and name == "kernel":
        return values[np.newaxis]
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
