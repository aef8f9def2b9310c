"""dense, with each activation, and at sizes on both sides of the vector widths."""

from .layer_case import layer_case


def cases():
    def dense(name, shape, units, **options):
        return layer_case(f"dense_{name}", "dense", {"units": units, **options}, [shape])

    return [dense(activation, (4, 5), 3, activation=activation)
            for activation in ("linear", "relu", "sigmoid", "tanh", "softmax")] + [
        dense("batch_1", (1, 6), 4),
        dense("no_bias", (3, 5), 4, use_bias=False, activation="tanh"),
        dense("one_unit", (3, 7), 1, activation="sigmoid"),
        dense("one_input", (3, 1), 5),
        dense("rank_3", (2, 3, 4), 5, activation="relu"),
        dense("inputs_17_units_33", (3, 17), 33),
        dense("inputs_32_units_16_relu", (2, 32), 16, activation="relu"),
        dense("batch_9_softmax", (9, 8), 10, activation="softmax"),
    ]
