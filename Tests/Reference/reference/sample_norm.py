"""Normalizations of each sample by itself, and the one whose statistics were learned beforehand."""

from .layer_case import layer_case


def cases():
    def case(name, layer, shape, **options):
        def positive(draw, parameter, extents):
            return draw.uniform(extents, 0.5, 1.5) if parameter == "variance" else None

        return layer_case(name, layer, options, [shape], draw_parameter=positive)

    return [
        case("layer_norm_rows", "layer_norm", (3, 7)),
        case("layer_norm_sequence", "layer_norm", (2, 3, 33)),
        case("layer_norm_no_scale", "layer_norm", (2, 5), scale=False),
        case("layer_norm_no_center_epsilon", "layer_norm", (2, 5), center=False, epsilon=0.1),
        case("layer_norm_images_whole", "layer_norm", (2, 3, 2, 4), axis=[2, 3, 4]),
        case("layer_norm_images_places", "layer_norm", (2, 3, 2, 4), axis=[2, 3]),
        case("layer_norm_images_rows", "layer_norm", (2, 3, 2, 4), axis=[2, 4], epsilon=0.05),
        case("layer_norm_sequence_steps", "layer_norm", (2, 5, 3), axis=[2]),
        case("rms_norm_images_rows", "rms_norm", (2, 3, 2, 4), axis=[3, 4]),
        case("group_norm_images", "group_norm", (2, 3, 2, 6), groups=3),
        case("group_norm_one_group", "group_norm", (2, 4, 5), groups=1),
        case("group_norm_instances", "group_norm", (2, 3, 3, 2), groups=-1),
        case("group_norm_bare", "group_norm", (2, 4, 4), groups=2, scale=False, center=False),
        case("rms_norm_rows", "rms_norm", (3, 7)),
        case("rms_norm_images", "rms_norm", (2, 2, 3, 4), epsilon=0.01),
        case("normalization_rows", "normalization", (3, 4)),
        case("normalization_images", "normalization", (2, 2, 3, 2)),
    ]
