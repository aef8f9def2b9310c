"""One layer, called once: its output, and the gradients of `sum(output * output_gradient)`."""

import keras
import numpy as np
import tensorflow as tf

from . import keras_layers, kinks
from .tensors import first_suitable, tensor


def layer_case(name, layer, options=None, shapes=((2, 4),), training=False, draw_inputs=None, draw_parameter=None, padding=None):
    """Draws what the layer needs and runs it.

    `padding` has, for each input that is to be masked, the steps of each sample that are padding; such an input is
    zero there and goes through a masking layer first. Of several results, the case has all that belongs to a sample
    in a row.

    `draw_inputs(draw)` returns the input arrays when uniform values of `shapes` will not do;
    `draw_parameter(draw, name, shape)` likewise for parameters, None meaning uniform values.
    """
    options = keras_layers.complete(layer, options or {})

    def build(draw):
        given = draw_inputs(draw) if draw_inputs else [draw.uniform(s) for s in shapes]
        for x, steps in zip(given, padding or []):
            for sample, positions in enumerate(steps or []):
                x[sample, positions] = 0
        built = keras_layers.make(layer, options)
        inputs = [tf.Variable(x.astype(keras.config.floatx())) if x.dtype.kind == "f" else tf.constant(x)
                  for x in given]
        differentiable = [x for x in inputs if x.dtype.is_floating]
        argument = inputs[0] if len(inputs) == 1 else list(inputs)

        def masked():
            values = [keras.layers.Masking()(x) if steps else x for x, steps in zip(inputs, padding)]
            return values[0] if len(values) == 1 else values

        keras_layers.build(built, inputs)

        parameters = {}
        for variable in built.weights:
            if variable.dtype.startswith("float"):
                name = keras_layers.parameter_name(layer, built, variable)
                values = draw_parameter(draw, name, variable.shape) if draw_parameter else None
                values = draw.uniform(variable.shape) if values is None else values
                variable.assign(values)
                parameters[name] = values

        if layer == "normalization":
            built.finalize_state()  # takes the statistics from the variables
        check_kinks(layer, options, built, given, argument)
        takes_training = layer in ("batch_norm", "dropout")
        with tf.GradientTape() as tape:
            given_to = masked() if padding else argument
            output = (built(given_to, training=training) if takes_training
                      else keras_layers.call(layer, built, given_to, options))
            if isinstance(output, (list, tuple)):
                output = tf.concat([tf.reshape(y, (len(y), -1)) for y in output], axis=1)
            output_gradient = draw.uniform(tuple(output.shape))
            scalar = tf.reduce_sum(output * output_gradient.astype(keras.config.floatx()))
        trainable = built.trainable_variables
        gradients = [tf.convert_to_tensor(g) for g in  # a table's gradient comes as a list of its rows
                     tape.gradient(scalar, differentiable + [v.value for v in trainable])]
        names = [keras_layers.parameter_name(layer, built, v) for v in trainable]

        case = {
            "layer": layer,
            "options": options,
            "training": training,
            **({"masked": [steps is not None for steps in padding]} if padding else {}),
            "inputs": [tensor(x) for x in given],
            "parameters": {k: tensor(keras_layers.stored(layer, k, v)) for k, v in parameters.items()},
            "output": tensor(output.numpy().astype(np.float64)),
            "output_gradient": tensor(output_gradient),
            "input_gradients": [tensor(g.numpy().astype(np.float64)) for g in gradients[:len(differentiable)]],
            "parameter_gradients": {
                k: tensor(keras_layers.stored(layer, k, g.numpy().astype(np.float64)))
                for k, g in zip(names, gradients[len(differentiable):])},
        }
        if training and built.non_trainable_variables:
            case["state_after"] = {
                v.name: tensor(v.numpy().astype(np.float64)) for v in built.non_trainable_variables
                if v.name in parameters}
        return case

    return first_suitable(name, build)


def check_kinks(layer, options, built, given, argument):
    if layer == "max_pool2d":
        kinks.check_max_pool(given[0], options)
    kind = options["activation"] if layer == "activation" else layer
    if kind in kinks.PLACES:
        kinks.check_places(given[0], kinks.PLACES[kind])
    if options.get("activation") == "relu" and hasattr(built, "activation"):
        if layer == "activation":
            kinks.check_relu(given[0])
        else:
            activation, built.activation = built.activation, keras.activations.linear
            kinks.check_relu(built(argument).numpy())
            built.activation = activation
