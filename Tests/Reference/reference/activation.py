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
        activation("softmax_far", "softmax", None, draw_inputs=far(-200, -3.5, 0, 199, 200)),
    ]
    return made
