"""max_pool2d and avg_pool2d. The max pool's inputs are all different, so that its gradient has one home."""

from .layer_case import layer_case

SHAPES = [
    ("plain", (2, 4, 6, 3), {"pool_size": [2, 2]}),
    ("batch_1", (1, 4, 4, 2), {"pool_size": [2, 2]}),
    ("odd", (2, 5, 7, 3), {"pool_size": [2, 2]}),
    ("odd_same", (2, 5, 7, 3), {"pool_size": [2, 2], "padding": "same"}),
    ("overlapping", (2, 7, 6, 2), {"pool_size": [3, 3], "strides": [2, 2]}),
    ("overlapping_same_odd", (2, 7, 5, 2), {"pool_size": [3, 3], "strides": [2, 2], "padding": "same"}),
    ("overlapping_same_even", (2, 6, 8, 2), {"pool_size": [3, 3], "strides": [2, 2], "padding": "same"}),
    ("strides_1_same", (2, 4, 5, 2), {"pool_size": [2, 2], "strides": [1, 1], "padding": "same"}),
    ("strides_beyond_window", (2, 7, 8, 2), {"pool_size": [2, 2], "strides": [3, 3]}),
    ("unequal", (2, 6, 7, 2), {"pool_size": [2, 3], "strides": [3, 1]}),
    ("unequal_same", (2, 5, 7, 2), {"pool_size": [3, 2], "strides": [1, 3], "padding": "same"}),
    ("whole_image", (3, 4, 5, 2), {"pool_size": [4, 5]}),
    ("channels_17", (1, 4, 5, 17), {"pool_size": [2, 2], "padding": "same"}),
]


def cases():
    made = []
    for name, shape, options in SHAPES:
        made.append(layer_case(f"max_pool2d_{name}", "max_pool2d", options, [shape],
                               draw_inputs=lambda draw, shape=shape: [draw.distinct(shape)]))
        made.append(layer_case(f"avg_pool2d_{name}", "avg_pool2d", options, [shape]))

    def negative(draw):
        """All below zero: a max pool that let its padding take part would answer 0 at the border."""
        return [draw.distinct((1, 5, 5, 2)) - 2]

    made.append(layer_case("max_pool2d_negative_same", "max_pool2d",
                           {"pool_size": [3, 3], "strides": [2, 2], "padding": "same"}, draw_inputs=negative))
    return made
