"""Whole models: forward, first gradients, and a few training steps on one batch."""

import keras
import numpy as np
import tensorflow as tf

from . import keras_layers, kinks
from .tensors import Unsuitable, first_suitable, number, tensor

# Adam divides by the gradient's own size, so a gradient of rounding errors would become a step of full length.
SMALLEST_GRADIENT = 1e-5
MOST_ZEROS = 0.25


class Network:
    """A list of nodes as the fixture has it, with the Keras layers that compute it."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.layers = {n["name"]: keras_layers.make(n["layer"], n["options"]) for n in nodes if n["layer"] != "input"}

    def __call__(self, x, training, check=False):
        values = {}
        for node in self.nodes:
            if node["layer"] == "input":
                values[node["name"]] = x
                continue
            inputs = [values[i] for i in node["inputs"]]
            argument = inputs[0] if len(inputs) == 1 else inputs
            layer = self.layers[node["name"]]
            if check:
                self.check(node, layer, argument)
            if node["layer"] in ("batch_norm", "dropout"):
                values[node["name"]] = layer(argument, training=training)
            else:
                values[node["name"]] = keras_layers.call(node["layer"], layer, argument, node["options"])
        return values[self.nodes[-1]["name"]]

    @staticmethod
    def check(node, layer, argument):
        if node["layer"] == "max_pool2d":
            kinks.check_max_pool(argument.numpy(), node["options"], kinks.NETWORK_MARGIN, after_relu=True)
        if node["options"].get("activation") == "relu":
            if node["layer"] == "activation":
                kinks.check_relu(argument.numpy(), kinks.NETWORK_MARGIN)
            else:
                activation, layer.activation = layer.activation, keras.activations.linear
                kinks.check_relu(layer(argument).numpy(), kinks.NETWORK_MARGIN)
                layer.activation = activation

    def variables(self, trainable=False):
        """The float variables by path, in the order of the nodes."""
        kinds = {n["name"]: n["layer"] for n in self.nodes}
        return {f"{name}/{keras_layers.parameter_name(kinds[name], layer, v)}": v
                for name, layer in self.layers.items()
                for v in (layer.trainable_variables if trainable else layer.weights) if v.dtype.startswith("float")}

    def stored(self, values):
        """Parameters or gradients by path as the fixture has them."""
        kinds = {n["name"]: n["layer"] for n in self.nodes}
        return {k: tensor(keras_layers.stored(kinds[k.split("/")[0]], k.split("/", 1)[1], v))
                for k, v in values.items()}

    def values(self):
        return self.stored({k: v.numpy().astype(np.float64) for k, v in self.variables().items()})


def node(name, layer, inputs, **options):
    return {"name": name, "layer": layer, "options": keras_layers.complete(layer, options), "inputs": inputs}


def chain(*steps):
    """A sequential model: every node reads the one before it."""
    nodes = []
    for name, layer, options in steps:
        nodes.append(node(name, layer, [nodes[-1]["name"]] if nodes else [], **options))
    return nodes


def training(name, nodes, batch, classes, from_logits, optimizer, optimizer_options, steps, well_conditioned=True):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    shape = nodes[0]["options"]["shape"]

    def build(draw):
        words = nodes[0]["options"].get("words")
        x = draw.labels((batch, *shape), words) if words else draw.uniform((batch, *shape))
        labels = draw.labels(batch, classes)
        network = Network(nodes)
        x_tensor = tf.constant(x if words else x.astype(keras.config.floatx()))
        network(x_tensor, training=False)  # builds the layers
        initial = {}
        for path, variable in network.variables().items():
            initial[path] = draw_parameter(draw, path, variable.shape)
            variable.assign(initial[path])

        def predict(training):
            state = {k: v.numpy() for k, v in network.variables().items()}
            output = network(x_tensor, training=training).numpy().astype(np.float64)
            for path, variable in network.variables().items():  # looking does not move the moving statistics
                variable.assign(state[path])
            return tensor(output)

        case = {
            "nodes": nodes, "output_node": nodes[-1]["name"],
            "loss": "cross_entropy", "loss_options": {"target": "sparse", "from_logits": from_logits},
            "optimizer": optimizer, "optimizer_options": optimizer_options,
            "input": tensor(x), "target": tensor(labels),
            "initial_parameters": network.stored(initial),
            "output": predict(False), "output_training": predict(True),
        }
        made = keras_layers.optimizer(optimizer, optimizer_options)
        trainable = network.variables(trainable=True)
        losses = []
        for step in range(steps):
            with tf.GradientTape() as tape:
                value = loss(labels, network(x_tensor, training=True, check=True))
            # The gradient of an embedding comes as a list of its rows.
            gradients = [tf.convert_to_tensor(g)
                         for g in tape.gradient(value, [v.value for v in trainable.values()])]
            if step == 0:
                check_gradients(gradients, well_conditioned)
                case["gradients"] = network.stored(
                    {k: g.numpy().astype(np.float64) for k, g in zip(trainable, gradients)})
            made.apply(gradients, list(trainable.values()))
            losses.append(number(value))
        case["losses"] = losses
        case["final_parameters"] = network.values()
        case["final_output"] = predict(False)
        return case

    return first_suitable(name, build)


def draw_parameter(draw, path, shape):
    leaf = path.split("/")[-1]
    if leaf in ("gamma", "moving_variance"):
        return draw.uniform(shape, 0.5, 1.5)
    if leaf == "embeddings":
        return draw.uniform(shape, -0.5, 0.5)
    if leaf.endswith("kernel"):  # Glorot's bound, so that depth neither blows up nor kills the signal
        fan_in, fan_out = int(np.prod(shape[:-1])), int(np.prod(shape[:-2])) * shape[-1]
        bound = float(np.sqrt(6 / (fan_in + fan_out)))
        return draw.uniform(shape, -bound, bound)
    return draw.uniform(shape, -0.1, 0.1)


def check_gradients(gradients, well_conditioned):
    for gradient in gradients:
        magnitude = np.abs(gradient.numpy())
        if well_conditioned and np.any((magnitude > 0) & (magnitude < SMALLEST_GRADIENT)):
            raise Unsuitable("a gradient is too small for Adam to be well conditioned")
        if np.mean(magnitude == 0) > MOST_ZEROS:
            raise Unsuitable("too many units are dead for the case to say much")


def cases():
    mission = chain(
        ("input", "input", {"shape": [14, 14, 1]}),
        ("conv2d_1", "conv2d", {"filters": 4, "kernel_size": [3, 3], "activation": "relu"}),
        ("max_pool2d_1", "max_pool2d", {"pool_size": [2, 2]}),
        ("conv2d_2", "conv2d", {"filters": 6, "kernel_size": [3, 3], "activation": "relu"}),
        ("max_pool2d_2", "max_pool2d", {"pool_size": [2, 2]}),
        ("flatten", "flatten", {}),
        ("dense_1", "dense", {"units": 8, "activation": "relu"}),
        ("dense_2", "dense", {"units": 10, "activation": "softmax"}),
    )
    residual = [
        node("input", "input", [], shape=[8, 8, 2]),
        node("conv2d_1", "conv2d", ["input"], filters=3, kernel_size=[3, 3], padding="same", use_bias=False),
        node("batch_norm_1", "batch_norm", ["conv2d_1"], momentum=0.9),
        node("activation_1", "activation", ["batch_norm_1"], activation="relu"),
        node("conv2d_2", "conv2d", ["activation_1"], filters=3, kernel_size=[3, 3], padding="same"),
        node("add_1", "add", ["conv2d_2", "activation_1"]),
        node("activation_2", "activation", ["add_1"], activation="tanh"),
        node("avg_pool2d_1", "avg_pool2d", ["activation_2"], pool_size=[2, 2]),
        node("flatten", "flatten", ["avg_pool2d_1"]),
        node("dense_1", "dense", ["flatten"], units=4),
    ]
    adam = {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}
    sgd = {"learning_rate": 0.05, "momentum": 0.9, "nesterov": False}
    lstm = chain(
        ("input", "input", {"shape": [9, 4]}),
        ("lstm_1", "lstm", {"units": 6, "return_sequences": True}),
        ("lstm_2", "lstm", {"units": 5}),
        ("dense_1", "dense", {"units": 4, "activation": "softmax"}),
    )
    transformer = [node("input", "input", [], shape=[6], dtype="i32", words=9),
                   node("embedding", "embedding", ["input"], input_dim=9, output_dim=8)]
    for block in (1, 2):
        transformer += [
            node(f"attention_{block}", "multi_head_attention", [transformer[-1]["name"]], num_heads=2, key_dim=4,
                 use_causal_mask=block == 1),
            node(f"add_{block}", "add", [transformer[-1]["name"], f"attention_{block}"]),
            node(f"norm_{block}", "layer_norm", [f"add_{block}"]),
            node(f"wide_{block}", "dense", [f"norm_{block}"], units=12, activation="tanh"),
            node(f"narrow_{block}", "dense", [f"wide_{block}"], units=8),
            node(f"sum_{block}", "add", [f"norm_{block}", f"narrow_{block}"]),
        ]
    transformer += [node("flatten", "flatten", ["sum_2"]), node("dense", "dense", ["flatten"], units=5)]
    return [
        training("lstm_sgd", lstm, 5, 4, False, "sgd", sgd, 3, well_conditioned=False),
        training("transformer_sgd", transformer, 6, 5, True, "sgd", sgd, 3, well_conditioned=False),
        training("mission_small_adam", mission, 6, 10, False, "adam", adam, 3),
        training("mission_small_sgd", mission, 6, 10, False, "sgd", sgd, 3),
        training("residual_sgd", residual, 4, 4, True, "sgd", sgd, 3),
    ]
