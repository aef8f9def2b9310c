"""Layers of sequences: embedding, the recurrent cells in both directions, attention."""

import numpy as np

from .layer_case import layer_case


def cases():
    def recurrent(kind, name, shape, units, states=0, padding=None, **options):
        shapes = [shape] + [(shape[0], units)] * states
        padding = padding and [padding] + [None] * states
        return layer_case(f"{kind}_{name}", kind, {"units": units, **options}, shapes, padding=padding)

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
    def bidirectional(name, layer, shape, units, states=0, padding=None, **options):
        shapes = [shape] + [(shape[0], units)] * states
        padding = padding and [padding] + [None] * states
        return layer_case(f"bidirectional_{name}", "bidirectional", {"layer": layer, "units": units, **options}, shapes,
                          padding=padding)

    made += [
        bidirectional("lstm", "lstm", (2, 4, 3), 2),
        bidirectional("lstm_sequences", "lstm", (2, 3, 2), 2, return_sequences=True),
        bidirectional("gru_sum", "gru", (2, 3, 2), 3, return_sequences=True, merge_mode="sum"),
        bidirectional("gru_mul", "gru", (2, 3, 2), 3, return_sequences=True, merge_mode="mul"),
        bidirectional("rnn_ave", "simple_rnn", (2, 4, 2), 3, merge_mode="ave", use_bias=False),
    ]
    # Padding behind, in front, in the middle, and nothing but padding.
    holes = [[3, 4], [0, 1], [2], [0, 1, 2, 3, 4]]
    for kind, states in (("simple_rnn", 1), ("lstm", 2), ("gru", 1)):
        made += [
            recurrent(kind, "first_state", (2, 3, 2), 3, states=states, return_state=True),
            recurrent(kind, "first_state_sequences", (2, 3, 2), 2, states=states, return_sequences=True, use_bias=False),
            recurrent(kind, "masked", (4, 5, 2), 3, padding=holes),
            recurrent(kind, "masked_sequences", (4, 5, 2), 3, padding=holes, return_sequences=True, return_state=True),
            recurrent(kind, "masked_backwards", (4, 5, 2), 2, padding=holes, return_sequences=True, go_backwards=True),
            recurrent(kind, "masked_first_state", (4, 5, 2), 2, states=states, padding=holes, return_sequences=True,
                      return_state=True),
            recurrent(kind, "masked_zero", (4, 5, 2), 2, padding=holes, return_sequences=True,
                      zero_output_for_mask=True),
        ]
    for activation in ("linear", "softsign", "elu", "selu", "softplus", "leaky_relu"):
        made.append(recurrent("lstm", f"of_{activation}", (2, 3, 2), 2, activation=activation))
    for activation in ("hard_sigmoid", "tanh", "softsign"):
        made += [recurrent(kind, f"gates_of_{activation}", (2, 4, 2), 3, recurrent_activation=activation)
                 for kind in ("lstm", "gru")]
    made += [
        recurrent("gru", "of_softsign", (2, 4, 2), 3, activation="softsign"),
        recurrent("gru", "reset_before", (2, 4, 2), 3, reset_after=False),
        recurrent("gru", "reset_before_sequences", (2, 3, 2), 2, reset_after=False, return_sequences=True,
                  go_backwards=True),
        recurrent("gru", "reset_before_no_bias", (2, 3, 2), 3, reset_after=False, use_bias=False),
        recurrent("gru", "reset_before_masked", (4, 5, 2), 3, reset_after=False, padding=holes, return_state=True),
        recurrent("gru", "reset_before_of_elu", (2, 3, 2), 3, states=1, reset_after=False, activation="elu",
                  recurrent_activation="hard_sigmoid"),
        bidirectional("lstm_none", "lstm", (2, 3, 2), 2, merge_mode="none"),
        bidirectional("gru_none_sequences", "gru", (2, 3, 2), 2, return_sequences=True, merge_mode="none"),
        bidirectional("lstm_states", "lstm", (2, 3, 2), 2, states=4, return_state=True),
        bidirectional("rnn_states_none", "simple_rnn", (2, 3, 2), 2, states=2, return_state=True, merge_mode="none"),
        bidirectional("lstm_masked", "lstm", (4, 5, 2), 2, padding=holes),
        bidirectional("gru_masked_sequences", "gru", (4, 5, 2), 2, padding=holes, return_sequences=True,
                      merge_mode="sum"),
        bidirectional("rnn_masked_mul", "simple_rnn", (4, 5, 2), 2, padding=holes, return_sequences=True,
                      merge_mode="mul"),
    ]
    return made
