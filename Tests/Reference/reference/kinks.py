"""Refuses draws whose gradient depends on rounding: relu near 0, near-ties in a max pool."""

import numpy as np

from .tensors import Unsuitable

LAYER_MARGIN = 1e-3
# A network has thousands of relu inputs, some of which always lie within 0.001 of 0; rounding in single precision
# is below 1e-6 for values around 1.
NETWORK_MARGIN = 1e-5


# Where the slope of an activation jumps, besides relu's.
PLACES = {"relu6": [0, 6], "leaky_relu": [0], "prelu": [0], "selu": [0], "elu": [0], "hard_sigmoid": [-3, 3],
          "hard_swish": [-3, 3]}


def check_places(values, places):
    for place in places:
        check_relu(values - place)


def check_relu(values, margin=LAYER_MARGIN):
    if np.min(np.abs(values)) < margin:
        raise Unsuitable("an input of relu lies too near to 0")


def check_max_pool(values, options, margin=LAYER_MARGIN, after_relu=False):
    """Looks at every window the pool might look at, whatever the padding.

    Ties at 0 are harmless `after_relu`: whichever element gets the gradient, relu stops it.
    """
    height, width = options["pool_size"]
    _, rows, columns, _ = values.shape
    for y in range(1 - height, rows):
        for x in range(1 - width, columns):
            window = values[:, max(y, 0):y + height, max(x, 0):x + width, :]
            window = np.sort(window.reshape(window.shape[0], -1, window.shape[3]), axis=1)
            if window.shape[1] < 2:
                continue
            gap = window[:, -1] - window[:, -2]
            if np.any(gap[window[:, -1] > 0] < margin) if after_relu else np.min(gap) < margin:
                raise Unsuitable("the two largest elements of a max-pool window nearly tie")
