"""Layers that move values without changing them: flatten, and dropout in inference."""

from .layer_case import layer_case


def cases():
    return [
        layer_case("flatten_images", "flatten", {}, [(2, 3, 4, 2)]),
        layer_case("flatten_batch_1", "flatten", {}, [(1, 2, 3, 3)]),
        layer_case("flatten_rows", "flatten", {}, [(3, 4)]),
        layer_case("dropout_inference", "dropout", {"rate": 0.4}, [(3, 5)]),
        layer_case("dropout_inference_images", "dropout", {"rate": 0.5}, [(2, 3, 2, 2)]),
    ]
