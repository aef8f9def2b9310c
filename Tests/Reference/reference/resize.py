"""Layers that change the size of images: transposed convolution, enlargement, global pooling."""

from .layer_case import layer_case


def cases():
    def transposed(name, shape, filters, kernel, **options):
        return layer_case(f"conv2d_transpose_{name}", "conv2d_transpose",
                          {"filters": filters, "kernel_size": kernel, **options}, [shape])

    def pool(name, kind, shape, **options):
        return layer_case(f"{kind}_{name}", kind, options, draw_inputs=lambda draw: [draw.distinct(shape)])

    made = [
        transposed("plain", (2, 3, 4, 2), 3, [3, 3]),
        transposed("same", (2, 4, 3, 2), 3, [3, 2], padding="same"),
        transposed("batch_1_no_bias", (1, 3, 3, 3), 2, [2, 2], use_bias=False),
        transposed("strides_2", (2, 3, 2, 3), 2, [3, 3], strides=[2, 2]),
        transposed("strides_2_same_relu", (2, 3, 4, 2), 3, [3, 3], strides=[2, 2], padding="same", activation="relu"),
        transposed("strides_2_even_kernel_same", (2, 3, 3, 2), 3, [4, 4], strides=[2, 2], padding="same"),
        transposed("strides_beyond_kernel", (1, 3, 2, 2), 2, [2, 1], strides=[3, 2]),
        transposed("strides_beyond_kernel_same", (1, 3, 2, 2), 2, [2, 1], strides=[3, 2], padding="same"),
        layer_case("up_sample2d_nearest", "up_sample2d", {"size": [2, 3]}, [(2, 3, 2, 3)]),
        layer_case("up_sample2d_bilinear", "up_sample2d", {"size": [2, 2], "interpolation": "bilinear"},
                   [(2, 3, 4, 2)]),
        layer_case("up_sample2d_bilinear_3_1", "up_sample2d", {"size": [3, 1], "interpolation": "bilinear"},
                   [(1, 2, 3, 2)]),
        layer_case("reshape", "reshape", {"shape": [3, -1, 2]}, [(2, 6, 4)]),
        layer_case("spatial_dropout2d", "spatial_dropout2d", {"rate": 0.3}, [(2, 3, 4, 3)]),
        layer_case("gaussian_noise", "gaussian_noise", {"stddev": 0.3}, [(2, 3)]),
    ]
    for kind in ("global_max_pool2d", "global_avg_pool2d"):
        made += [pool("plain", kind, (2, 3, 5, 4)), pool("keep_dims", kind, (1, 4, 3, 2), keep_dims=True)]
    return made
