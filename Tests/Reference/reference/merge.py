"""Layers of several inputs."""

from .layer_case import layer_case


def cases():
    return [
        layer_case("add_two", "add", {}, [(2, 3, 4, 2)] * 2),
        layer_case("add_three_rows", "add", {}, [(3, 5)] * 3),
        layer_case("add_batch_1", "add", {}, [(1, 2, 2, 17)] * 2),
    ]
