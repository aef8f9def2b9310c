"""depthwise_conv2d and separable_conv2d: multipliers, strides, paddings, dilation, odd sizes."""

from .layer_case import layer_case


def cases():
    def depthwise(name, shape, kernel, **options):
        return layer_case(f"depthwise_conv2d_{name}", "depthwise_conv2d", {"kernel_size": kernel, **options}, [shape])

    def separable(name, shape, filters, kernel, **options):
        return layer_case(f"separable_conv2d_{name}", "separable_conv2d",
                          {"filters": filters, "kernel_size": kernel, **options}, [shape])

    return [
        depthwise("plain", (2, 5, 6, 3), [3, 3]),
        depthwise("batch_1_no_bias", (1, 5, 4, 2), [2, 3], use_bias=False),
        depthwise("multiplier_2", (2, 4, 5, 3), [3, 2], depth_multiplier=2),
        depthwise("same_odd", (2, 5, 3, 4), [3, 3], padding="same"),
        depthwise("strides_2_same_odd", (2, 7, 5, 3), [3, 3], strides=[2, 2], padding="same"),
        depthwise("strides_2_same_even", (2, 6, 8, 2), [3, 3], strides=[2, 2], padding="same"),
        depthwise("strides_2", (1, 7, 8, 2), [3, 3], strides=[2, 2], activation="relu"),
        depthwise("dilation_2_same", (2, 6, 5, 2), [3, 3], dilation=[2, 2], padding="same"),
        depthwise("one_channel_multiplier_3", (2, 4, 4, 1), [3, 3], depth_multiplier=3),
        depthwise("channels_17", (1, 4, 3, 17), [3, 3], padding="same"),
        separable("plain", (2, 5, 6, 3), 4, [3, 3]),
        separable("multiplier_2_relu", (2, 5, 4, 2), 3, [3, 3], depth_multiplier=2, activation="relu"),
        separable("strides_2_same_odd", (1, 7, 5, 3), 2, [3, 3], strides=[2, 2], padding="same", use_bias=False),
        separable("dilation_2", (2, 6, 6, 2), 3, [2, 2], dilation=[2, 2]),
    ]
