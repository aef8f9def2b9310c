"""Activation functions alone, and far out where a careless formula overflows."""

import warnings

import numpy as np

from .layer_case import layer_case


def cases():
    def activation(name, function, shape, **more):
        return layer_case(f"activation_{name}", "activation", {"activation": function}, [shape], **more)

    def far(*values):
        row = np.array(values, np.float32)
        return lambda draw: [np.stack([row, -row, row[::-1]])]

    # Keras doubts that anyone wants softmax over one class; the case is that its gradient is 0.
    warnings.filterwarnings("ignore", message="You are using a softmax over axis")
    made = [activation(f, f, (3, 7)) for f in ("linear", "relu", "sigmoid", "tanh", "softmax")]
    made += [activation(f"{f}_rank_4", f, (2, 3, 2, 5)) for f in ("relu", "sigmoid", "tanh", "softmax")]
    made += [
        activation("softmax_one_class", "softmax", (3, 1)),
        activation("sigmoid_far", "sigmoid", None, draw_inputs=far(-30, -9.5, 0, 9.5, 30)),
        activation("tanh_far", "tanh", None, draw_inputs=far(-30, -9.5, 0, 9.5, 30)),
        *(activation(f, f, None, draw_inputs=lambda draw: [draw.uniform((3, 9), -7, 7)])
          for f in ("relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "hard_swish", "hard_sigmoid", "softplus",
                    "mish", "softsign")),
        *(activation(f"{f}_far", f, None, draw_inputs=far(-30, -9.5, 0.5, 9.5, 30))
          for f in ("elu", "selu", "gelu", "silu", "softplus", "mish", "softsign")),
        layer_case("leaky_relu_layer", "leaky_relu", {}, [(2, 5)]),
        layer_case("leaky_relu_slope", "leaky_relu", {"negative_slope": 0.05}, [(2, 3, 5)]),
        layer_case("elu_alpha", "elu", {"alpha": 0.4}, [(2, 5)]),
        layer_case("gelu_approximate", "gelu", {"approximate": True}, [(3, 7)]),
        layer_case("prelu_rows", "prelu", {}, [(3, 5)]),
        layer_case("prelu_images", "prelu", {}, [(2, 3, 4, 2)]),
        layer_case("prelu_shared", "prelu", {"shared_axes": [2, 3]}, [(2, 3, 4, 5)]),
        layer_case("prelu_shared_columns", "prelu", {"shared_axes": [3]}, [(2, 3, 4, 2)]),
        layer_case("prelu_shared_channels", "prelu", {"shared_axes": [4]}, [(2, 3, 2, 3)]),
        layer_case("prelu_shared_ends", "prelu", {"shared_axes": [2, 4]}, [(2, 3, 2, 3)]),
        layer_case("prelu_shared_all", "prelu", {"shared_axes": [2, 3]}, [(2, 3, 4)]),
        layer_case("prelu_shared_rows", "prelu", {"shared_axes": [2]}, [(2, 3, 4, 2)]),
        activation("softmax_far", "softmax", None, draw_inputs=far(-200, -3.5, 0, 199, 200)),
    ]
    return made
