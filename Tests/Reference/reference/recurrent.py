"""Layers of sequences: embedding, the recurrent cells in both directions, attention."""

import numpy as np

from .layer_case import layer_case


def cases():
    def recurrent(kind, name, shape, units, **options):
        return layer_case(f"{kind}_{name}", kind, {"units": units, **options}, [shape])

    def embedding(name, shape, rows, columns):
        return layer_case(f"embedding_{name}", "embedding", {"input_dim": rows, "output_dim": columns},
                          draw_inputs=lambda draw: [draw.random.integers(0, rows, shape).astype(np.int32)])

    made = [embedding("words", (3, 5), 7, 4), embedding("one_word", (4,), 5, 3), embedding("grid", (2, 3, 2), 4, 2)]
    for kind in ("simple_rnn", "lstm", "gru"):
        made += [
            recurrent(kind, "last", (2, 4, 3), 5),
            recurrent(kind, "sequences", (2, 3, 2), 4, return_sequences=True),
            recurrent(kind, "batch_1_one_step", (1, 1, 3), 2),
            recurrent(kind, "no_bias", (3, 4, 2), 3, use_bias=False),
            recurrent(kind, "backwards", (2, 4, 2), 3, go_backwards=True, return_sequences=True),
            recurrent(kind, "backwards_last", (2, 4, 2), 3, go_backwards=True),
        ]
    made += [
        recurrent("simple_rnn", "sigmoid", (2, 4, 2), 3, activation="sigmoid"),
        recurrent("simple_rnn", "linear", (2, 3, 2), 3, activation="linear"),
        recurrent("lstm", "long", (2, 17, 2), 3, return_sequences=True),
    ]
    def bidirectional(name, layer, shape, units, **options):
        return layer_case(f"bidirectional_{name}", "bidirectional", {"layer": layer, "units": units, **options}, [shape])

    made += [
        bidirectional("lstm", "lstm", (2, 4, 3), 2),
        bidirectional("lstm_sequences", "lstm", (2, 3, 2), 2, return_sequences=True),
        bidirectional("gru_sum", "gru", (2, 3, 2), 3, return_sequences=True, merge_mode="sum"),
        bidirectional("gru_mul", "gru", (2, 3, 2), 3, return_sequences=True, merge_mode="mul"),
        bidirectional("rnn_ave", "simple_rnn", (2, 4, 2), 3, merge_mode="ave", use_bias=False),
    ]
    return made
