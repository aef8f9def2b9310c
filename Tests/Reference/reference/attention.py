"""multi_head_attention: on a sequence itself, on others, causal, of sizes that differ."""

from .layer_case import layer_case


def cases():
    def attention(name, shapes, heads, key, padding=None, **options):
        return layer_case(f"multi_head_attention_{name}", "multi_head_attention",
                          {"num_heads": heads, "key_dim": key, **options}, shapes, padding=padding)

    return [
        attention("self", [(2, 4, 3)], 2, 3),
        attention("one_head_batch_1", [(1, 3, 4)], 1, 2),
        attention("causal", [(2, 5, 4)], 2, 2, use_causal_mask=True),
        attention("cross", [(2, 3, 4), (2, 5, 3)], 2, 2),
        attention("cross_causal", [(2, 4, 3), (2, 3, 3)], 1, 3, use_causal_mask=True),
        attention("query_value_key", [(2, 3, 4), (2, 4, 3), (2, 4, 2)], 3, 2, value_dim=1),
        attention("other_output", [(2, 3, 4)], 2, 3, value_dim=4, output_dim=5),
        attention("no_bias", [(2, 3, 4)], 2, 2, use_bias=False),
        attention("masked", [(3, 4, 3)], 2, 2, padding=[[[3], [0, 2], [0, 1, 2, 3]]]),
        attention("masked_causal", [(3, 4, 3)], 2, 2, use_causal_mask=True, padding=[[[3], [0, 2], [1]]]),
        attention("masked_values", [(2, 3, 4), (2, 5, 3)], 2, 2, padding=[None, [[0, 4], [1, 2, 3]]]),
        attention("masked_queries", [(2, 3, 4), (2, 5, 3)], 1, 2, padding=[[[1], [0, 2]], None]),
        attention("masked_all", [(2, 3, 4), (2, 4, 3), (2, 4, 2)], 2, 2,
                  padding=[[[1], [0]], [[0], [3]], [[1], []]]),
    ]
