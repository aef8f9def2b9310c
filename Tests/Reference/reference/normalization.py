"""batch_norm: with the batch's statistics in training, with the moving ones in inference."""

from .layer_case import layer_case


def cases():
    def batch_norm(name, shape, training, low=-1.0, high=1.0, padding=None, **options):
        def parameter(draw, parameter_name, parameter_shape):
            positive = parameter_name in ("gamma", "moving_variance")
            return draw.uniform(parameter_shape, 0.5 if positive else -1, 1.5 if positive else 1)

        return layer_case(f"batch_norm_{name}", "batch_norm", options, training=training, draw_parameter=parameter,
                          draw_inputs=lambda draw: [draw.uniform(shape, low, high)], padding=padding)

    return [
        batch_norm("training_images", (3, 4, 5, 2), True),
        batch_norm("training_rows", (6, 5), True),
        batch_norm("training_batch_1", (1, 3, 4, 3), True),
        batch_norm("training_shifted", (4, 3, 3, 2), True, low=4, high=6),
        batch_norm("training_momentum_0_9_epsilon_1e_5", (4, 2, 3, 3), True, momentum=0.9, epsilon=1e-5),
        batch_norm("training_channels_17", (2, 2, 3, 17), True),
        batch_norm("training_masked", (3, 5, 4), True, padding=[[[3, 4], [], [0, 2]]]),
        batch_norm("training_masked_whole_sample", (2, 3, 2), True, low=2, high=4, padding=[[[0, 1, 2], [2]]]),
        batch_norm("inference_masked", (2, 3, 2), False, padding=[[[2], [0]]]),
        batch_norm("inference_images", (2, 3, 4, 2), False),
        batch_norm("inference_rows", (3, 5), False),
        batch_norm("inference_batch_1_epsilon_1e_5", (1, 2, 2, 3), False, epsilon=1e-5),
    ]
