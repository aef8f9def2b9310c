"""The four networks of MLPerf Tiny: forward and one training step, with weights and images from a formula.

Both sides compute the weights, so that the file holds only checks of what comes out: of a tensor its Euclidean length
and its product with numbers from the same formula. Convolutions before a normalization have no bias, whose gradient
would be rounding alone.
"""

import keras
import numpy as np
import tensorflow as tf

from . import keras_layers
from .networks import Network, chain, node
from .tensors import number


def formula(name, shape, low=-1.0, high=1.0):
    """Numbers in [low, high) that depend on name and position: FNV-1a of the name, mixed as MurmurHash3 ends."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = (seed ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return (low + h.astype(np.float64) / 2.0**32 * (high - low)).astype(np.float32).reshape(shape)


def parameter(path, shape):
    leaf = path.split("/")[1]
    if leaf in ("gamma", "moving_variance"):
        return formula(path, shape, 0.5, 1.5)
    if leaf == "kernel":  # He's bound, which keeps the size of what passes through rectifiers
        bound = float(np.sqrt(6 / np.prod(shape[:-1])))
        return formula(path, shape, -bound, bound)
    return formula(path, shape, -0.1, 0.1)


def check(name, values):
    values = np.asarray(values, np.float64)
    factors = formula(f"{name}#check", values.shape).astype(np.float64)
    return [number(np.sqrt(np.sum(values * values))), number(np.sum(values * factors))]


def clears_kinks(network, data):
    """Whether rounding in single precision, which grows from layer to layer, leaves every rectifier where it is.

    One that switches changes all gradients before it by as much as a percent. The margin is a little above the error that
    single precision was measured to have after so many normalizations of the deepest network.
    """
    values, depth = {}, 0
    for n in network.nodes:
        if n["layer"] == "input":
            values[n["name"]] = data
            continue
        inputs = [values[i] for i in n["inputs"]]
        if n["layer"] == "activation" and np.min(np.abs(inputs[0].numpy())) < 1.2e-6 * 1.19**depth:
            return False
        depth += n["layer"] == "batch_norm"
        training = {"training": True} if n["layer"] == "batch_norm" else {}
        values[n["name"]] = network.layers[n["name"]](inputs[0] if len(inputs) == 1 else inputs, **training)
    return True


def case(name, nodes, batch, classes, draw):
    """One step of plain gradient descent; with no classes, the network is to give back its input.

    `draw` tells inputs apart: the first from there on that lies on no kink is taken.
    """
    network = Network(nodes)
    kinds = {n["name"]: n["layer"] for n in nodes}
    extents = (batch, *nodes[0]["options"]["shape"])
    labels = np.arange(batch) * 7 % classes if classes else None
    network(tf.zeros(extents, keras.config.floatx()), training=False)  # builds the layers
    for path, variable in network.variables().items():
        layer, leaf = path.split("/")
        shape = keras_layers.stored(kinds[layer], leaf, np.zeros(variable.shape)).shape
        variable.assign(parameter(path, shape).reshape(variable.shape))
    initial = {k: v.numpy() for k, v in network.variables().items()}
    while True:
        x = formula(f"input {draw}", extents)
        data = tf.constant(x.astype(keras.config.floatx()))
        suitable = clears_kinks(network, data)
        for path, variable in network.variables().items():  # looking does not move the moving statistics
            variable.assign(initial[path])
        if suitable or keras.config.floatx() == "float32":
            break
        draw += 1
    output = network(data, training=False).numpy()

    def loss():
        result = network(data, training=True)
        if classes:
            return keras.losses.SparseCategoricalCrossentropy()(labels, result)
        return keras.losses.MeanSquaredError()(data, result)

    trainable = {f"{n}/{v.name}": v for n, layer in network.layers.items() for v in layer.trainable_variables}
    with tf.GradientTape() as tape:
        first = loss()
    gradients = tape.gradient(first, [v.value for v in trainable.values()])
    rate = 0.01
    for variable, gradient in zip(trainable.values(), gradients):
        variable.assign_sub(rate * gradient)
    return {
        "name": name, "nodes": nodes, "output_node": nodes[-1]["name"], "batch": batch, "classes": classes,
        "input_name": f"input {draw}",
        "learning_rate": rate, "output_check": check("output", output), "losses": [number(first), number(loss())],
        "gradient_checks": {k: check(k, g.numpy()) for k, g in zip(trainable, gradients)},
    }


class Builder:
    """Nodes that are named and joined as they come."""

    def __init__(self, shape):
        self.nodes = [node("input", "input", [], shape=shape)]

    def add(self, layer, *inputs, **options):
        name = f"{layer}_{len(self.nodes)}"
        self.nodes.append(node(name, layer, list(inputs) or [self.nodes[-1]["name"]], **options))
        return name

    def normalized(self, layer, *inputs, activation="relu", **options):
        self.add(layer, *inputs, padding="same", use_bias=False, **options)
        last = self.add("batch_norm")
        return self.add("activation", activation=activation) if activation else last


def mobilenet():
    net = Builder([96, 96, 3])
    net.normalized("conv2d", filters=8, kernel_size=[3, 3], strides=[2, 2])
    for stride, filters in [(1, 16), (2, 32), (1, 32), (2, 64), (1, 64), (2, 128), *[(1, 128)] * 5, (2, 256), (1, 256)]:
        net.normalized("depthwise_conv2d", kernel_size=[3, 3], strides=[stride, stride])
        net.normalized("conv2d", filters=filters, kernel_size=[1, 1])
    net.add("global_avg_pool2d")
    net.add("dense", units=2, activation="softmax")
    return net.nodes


def resnet():
    net = Builder([32, 32, 3])
    x = net.normalized("conv2d", filters=16, kernel_size=[3, 3])
    for filters, stride in [(16, 1), (32, 2), (64, 2)]:
        net.normalized("conv2d", x, filters=filters, kernel_size=[3, 3], strides=[stride, stride])
        y = net.normalized("conv2d", activation=None, filters=filters, kernel_size=[3, 3])
        if stride > 1:
            x = net.add("conv2d", x, filters=filters, kernel_size=[1, 1], strides=[stride, stride], padding="same")
        net.add("add", x, y)
        x = net.add("activation", activation="relu")
    net.add("avg_pool2d", pool_size=[8, 8])
    net.add("flatten")
    net.add("dense", units=10, activation="softmax")
    return net.nodes


def ds_cnn():
    net = Builder([49, 10, 1])
    net.normalized("conv2d", filters=64, kernel_size=[10, 4], strides=[2, 2])
    for _ in range(4):
        net.normalized("depthwise_conv2d", kernel_size=[3, 3])
        net.normalized("conv2d", filters=64, kernel_size=[1, 1])
    net.add("avg_pool2d", pool_size=[25, 5])
    net.add("flatten")
    net.add("dense", units=12, activation="softmax")
    return net.nodes


def autoencoder():
    steps = [("input", "input", {"shape": [640]})]
    for index, units in enumerate([128] * 4 + [8] + [128] * 4):
        steps += [(f"dense_{index}", "dense", {"units": units, "use_bias": False}),
                  (f"batch_norm_{index}", "batch_norm", {}),
                  (f"activation_{index}", "activation", {"activation": "relu"})]
    return chain(*steps, ("result", "dense", {"units": 640}))


def cases():
    return [
        case("mobilenet_v1_025", mobilenet(), 2, 2, 276),
        case("resnet_8", resnet(), 3, 10, 0),
        case("ds_cnn", ds_cnn(), 3, 12, 3),
        case("autoencoder", autoencoder(), 4, 0, 0),
    ]
