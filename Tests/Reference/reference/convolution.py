"""conv2d: every combination of stride, padding, size and grouping whose index arithmetic can go wrong."""

from .layer_case import layer_case


def cases():
    def conv(name, shape, filters, kernel, **options):
        return layer_case(f"conv2d_{name}", "conv2d", {"filters": filters, "kernel_size": kernel, **options}, [shape])

    return [
        conv("plain", (2, 6, 5, 2), 3, [3, 3]),
        conv("batch_1", (1, 5, 6, 3), 2, [3, 3]),
        conv("one_channel_relu", (2, 6, 6, 1), 32, [3, 3], activation="relu"),
        conv("one_pixel_kernel", (2, 4, 3, 5), 4, [1, 1]),
        conv("one_pixel_kernel_strides_2", (2, 5, 4, 3), 4, [1, 1], strides=[2, 2]),
        conv("kernel_covers_image", (3, 4, 5, 2), 3, [4, 5]),
        conv("no_bias", (2, 5, 5, 2), 3, [3, 3], use_bias=False),
        conv("same", (2, 5, 6, 2), 3, [3, 3], padding="same"),
        conv("same_even_kernel", (2, 5, 6, 2), 3, [2, 4], padding="same"),
        conv("same_5x5_on_small_image", (2, 3, 4, 1), 2, [5, 5], padding="same"),
        conv("strides_2", (2, 6, 8, 2), 3, [3, 3], strides=[2, 2]),
        conv("strides_2_odd", (2, 7, 9, 2), 3, [3, 3], strides=[2, 2]),
        conv("strides_2_same_even", (2, 6, 8, 2), 3, [3, 3], strides=[2, 2], padding="same"),
        conv("strides_2_same_odd", (2, 7, 5, 2), 3, [3, 3], strides=[2, 2], padding="same"),
        conv("strides_2_leftover_row", (1, 6, 6, 2), 2, [3, 3], strides=[2, 2]),
        conv("strides_beyond_kernel", (2, 8, 7, 2), 2, [2, 2], strides=[3, 3]),
        conv("strides_beyond_kernel_same", (2, 8, 7, 2), 2, [2, 2], strides=[3, 3], padding="same"),
        conv("tall_kernel", (2, 7, 4, 2), 3, [5, 1]),
        conv("wide_kernel_same", (2, 3, 7, 2), 3, [1, 4], padding="same"),
        conv("unequal_kernel_strides", (2, 7, 8, 2), 3, [3, 2], strides=[2, 1]),
        conv("unequal_kernel_strides_same", (2, 7, 8, 2), 3, [2, 3], strides=[1, 3], padding="same"),
        conv("dilation_2", (2, 7, 8, 2), 3, [3, 3], dilation=[2, 2]),
        conv("dilation_2_same", (2, 6, 5, 2), 3, [3, 3], dilation=[2, 2], padding="same"),
        conv("unequal_dilation", (2, 8, 6, 2), 2, [3, 2], dilation=[3, 1]),
        conv("unequal_dilation_same", (1, 5, 6, 2), 2, [2, 3], dilation=[1, 2], padding="same"),
        conv("groups_2", (2, 5, 5, 4), 6, [3, 3], groups=2),
        conv("groups_2_strides_2_same", (2, 5, 6, 4), 4, [3, 3], groups=2, strides=[2, 2], padding="same"),
        conv("groups_2_dilation_2", (1, 7, 6, 4), 2, [3, 3], groups=2, dilation=[2, 2]),
        conv("groups_are_channels", (2, 5, 4, 3), 3, [3, 3], groups=3, padding="same"),
        conv("groups_are_channels_twice_filters", (2, 5, 4, 3), 6, [3, 3], groups=3),
        conv("relu", (2, 5, 5, 3), 4, [3, 3], padding="same", activation="relu"),
        conv("sigmoid", (2, 4, 5, 2), 3, [2, 2], activation="sigmoid"),
        conv("tanh", (2, 4, 5, 2), 3, [2, 2], activation="tanh"),
        conv("channels_17_filters_9", (2, 4, 3, 17), 9, [2, 2]),
        conv("channels_16_filters_16", (2, 4, 4, 16), 16, [2, 2], padding="same", activation="relu"),
    ]
