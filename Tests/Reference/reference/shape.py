"""Layers that move values without changing them: flatten, permute, borders, and dropout in inference."""

from .layer_case import layer_case


def cases():
    return [
        layer_case("flatten_images", "flatten", {}, [(2, 3, 4, 2)]),
        layer_case("flatten_batch_1", "flatten", {}, [(1, 2, 3, 3)]),
        layer_case("flatten_rows", "flatten", {}, [(3, 4)]),
        layer_case("permute_sequence", "permute", {"order": [2, 1]}, [(2, 3, 4)]),
        layer_case("permute_images", "permute", {"order": [3, 1, 2]}, [(2, 3, 4, 2)]),
        layer_case("zero_pad2d", "zero_pad2d", {"padding": [[1, 1], [2, 2]]}, [(2, 3, 2, 2)]),
        layer_case("zero_pad2d_uneven", "zero_pad2d", {"padding": [[0, 1], [2, 0]]}, [(1, 3, 2, 3)]),
        layer_case("zero_pad1d", "zero_pad1d", {"padding": [[2, 1]]}, [(2, 3, 2)]),
        layer_case("crop2d", "crop2d", {"cropping": [[1, 0], [1, 2]]}, [(2, 4, 5, 2)]),
        layer_case("crop1d", "crop1d", {"cropping": [[1, 2]]}, [(2, 5, 2)]),
        layer_case("dropout_inference", "dropout", {"rate": 0.4}, [(3, 5)]),
        layer_case("dropout_inference_images", "dropout", {"rate": 0.5}, [(2, 3, 2, 2)]),
    ]
