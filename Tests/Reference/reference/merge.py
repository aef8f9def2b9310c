"""Layers of several inputs."""

from .layer_case import layer_case


def cases():
    return [
        layer_case("add_two", "add", {}, [(2, 3, 4, 2)] * 2),
        layer_case("add_three_rows", "add", {}, [(3, 5)] * 3),
        layer_case("subtract", "subtract", {}, [(2, 3, 2)] * 2),
        layer_case("multiply_three", "multiply", {}, [(2, 2, 3, 2)] * 3),
        layer_case("multiply_broadcast", "multiply", {}, [(2, 3, 4, 5), (2, 1, 1, 5)]),
        layer_case("average_three", "average", {}, [(2, 5)] * 3),
        layer_case("maximum", "maximum", {}, [(3, 7)] * 2),
        layer_case("minimum_three", "minimum", {}, [(2, 3, 3)] * 3),
        layer_case("concat_channels", "concat", {}, [(2, 3, 2, 4), (2, 3, 2, 1), (2, 3, 2, 3)]),
        layer_case("concat_rows", "concat", {"axis": 2}, [(2, 3, 2, 4), (2, 1, 2, 4)]),
        layer_case("add_batch_1", "add", {}, [(1, 2, 2, 17)] * 2),
    ]
