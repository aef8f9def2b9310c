"""Layers over sequences [length, channels]: conv1d with its three paddings, pooling, repetition."""

from .layer_case import layer_case


def cases():
    def conv(name, shape, filters, kernel, **options):
        return layer_case(f"conv1d_{name}", "conv1d", {"filters": filters, "kernel_size": [kernel], **options},
                          [shape])

    def pool(name, kind, shape, **options):
        return layer_case(f"{kind}_{name}", kind, options, draw_inputs=lambda draw: [draw.distinct(shape)])

    made = [
        conv("plain", (2, 7, 3), 4, 3),
        conv("batch_1_no_bias", (1, 5, 2), 3, 2, use_bias=False),
        conv("same_even_kernel", (2, 6, 2), 3, 4, padding="same"),
        conv("strides_2_same_odd", (2, 7, 2), 3, 3, strides=[2], padding="same"),
        conv("strides_3", (2, 8, 2), 3, 2, strides=[3]),
        conv("dilation_2_same", (2, 6, 2), 2, 3, dilation=[2], padding="same"),
        conv("causal", (2, 6, 3), 2, 3, padding="causal"),
        conv("causal_dilation_2_relu", (2, 7, 2), 3, 3, padding="causal", dilation=[2], activation="relu"),
        conv("causal_strides_2", (2, 7, 2), 3, 3, padding="causal", strides=[2]),
        conv("causal_strides_2_even", (1, 8, 2), 3, 2, padding="causal", strides=[2]),
        conv("groups_2", (2, 5, 4), 6, 3, groups=2),
        conv("one_element_kernel", (2, 5, 4), 3, 1),
        layer_case("up_sample1d", "up_sample1d", {"size": [3]}, [(2, 4, 3)]),
        layer_case("global_avg_pool1d_masked", "global_avg_pool1d", {}, [(3, 4, 2)], padding=[[[3], [0, 2], []]]),
        layer_case("global_avg_pool1d_masked_keep_dims", "global_avg_pool1d", {"keep_dims": True}, [(2, 4, 3)],
                   padding=[[[1, 2, 3], [0]]]),
        layer_case("spatial_dropout1d", "spatial_dropout1d", {"rate": 0.3}, [(2, 4, 3)]),
    ]
    for kind in ("max_pool1d", "avg_pool1d"):
        made += [
            pool("plain", kind, (2, 6, 3), pool_size=[2]),
            pool("odd_same", kind, (2, 7, 2), pool_size=[2], padding="same"),
            pool("overlapping", kind, (1, 8, 2), pool_size=[3], strides=[2]),
            pool("overlapping_same", kind, (2, 7, 5), pool_size=[3], strides=[2], padding="same"),
        ]
    for kind in ("global_max_pool1d", "global_avg_pool1d"):
        made += [pool("plain", kind, (2, 5, 3)), pool("keep_dims", kind, (1, 4, 2), keep_dims=True)]
    return made
