"""Losses by their Lua names and options, with labels as classes, one-hot rows or numbers, and with weights."""

import keras
import numpy as np
import tensorflow as tf

from .losses import differentiate, floating, result
from .tensors import first_suitable, number, tensor

L = keras.losses


def loss(name, which, made, shape, prediction, target, weights=None, classes=None, masked=False, **options):
    """`prediction` and `target` say how values are drawn; `made` is the Keras loss of rows.

    Weights are one a sample, or with "steps" one a step; `masked` leaves a third of the steps out.
    """

    def build(draw):
        x = {"logits": lambda: draw.uniform(shape, -2, 2), "shares": lambda: draw.uniform(shape, 0.05, 0.95),
             "numbers": lambda: draw.uniform(shape, -2, 2)}[prediction]()
        labels = None
        if target == "classes":
            labels = draw.labels(shape[0], shape[1]) if len(shape) == 2 else draw.random.integers(
                0, shape[-1], shape[:-1]).astype(np.int32)
            truth = np.eye(shape[-1], dtype=np.float32)[labels]
        elif target == "answers":
            truth = np.round(draw.uniform(shape, 0, 1)).astype(np.float32)
        elif target == "signs":
            truth = np.sign(draw.uniform(shape)).astype(np.float32)
        elif target == "shares":
            truth = draw.uniform(shape, 0.05, 0.95)
        else:
            truth = draw.uniform(shape, -2, 2)
        extra, weight = {}, None
        if weights:
            weight = draw.uniform(shape[:2] if weights == "steps" else (shape[0],), 0, 2)
            extra["sample_weight"] = tensor(weight)
        if classes is not None:
            extra["class_weight"] = classes
            weight = np.array(classes)[labels] * (1 if weight is None else weight)
        if weight is not None and weight.ndim == 1:  # one a sample, whatever axes a row's loss has
            weight = np.reshape(weight, (shape[0],) + (1,) * (len(shape) - 2))
        if masked:
            mask = (draw.random.permutation(shape[0] * shape[1]) % 3 > 0).reshape(shape[:2])
            extra["mask"] = tensor(mask.astype(np.int32))

        def compare(p):
            if masked:
                p = tf.identity(p)
                p._keras_mask = tf.constant(mask)
            return made(floating(truth), p, sample_weight=weight)

        value, (gradient,) = differentiate(compare, floating(x))
        return {"loss": which, "options": options, "prediction": tensor(x),
                "target": tensor(truth if labels is None else labels), **extra, "value": number(value),
                "prediction_gradient": result(gradient)}

    return first_suitable(name, build)


def cases():
    return [
        loss("mae", "mae", L.MeanAbsoluteError(), (5, 4), "numbers", "numbers"),
        loss("mae_image", "mae", L.MeanAbsoluteError(), (2, 3, 2, 3), "numbers", "numbers", weights=True),
        loss("mse_weights", "mse", L.MeanSquaredError(), (5, 4), "numbers", "numbers", weights=True),
        loss("huber", "huber", L.Huber(), (6, 5), "numbers", "numbers"),
        loss("huber_narrow", "huber", L.Huber(delta=0.3), (6, 35), "numbers", "numbers", delta=0.3),
        loss("hinge_signs", "hinge", L.Hinge(), (5, 4), "numbers", "signs"),
        loss("hinge_answers", "hinge", L.Hinge(), (5, 4), "numbers", "answers"),
        loss("kl", "kl", L.KLDivergence(), (4, 6), "shares", "shares"),
        loss("kl_sequence", "kl", L.KLDivergence(), (3, 2, 5), "shares", "shares", weights=True),
        loss("cosine_similarity", "cosine_similarity", L.CosineSimilarity(), (4, 6), "numbers", "numbers"),
        loss("cosine_similarity_sequence", "cosine_similarity", L.CosineSimilarity(), (3, 2, 40), "numbers", "numbers"),
        loss("binary_logits", "binary_cross_entropy", L.BinaryCrossentropy(from_logits=True), (6, 3), "logits",
             "answers", from_logits=True),
        loss("binary_shares", "binary_cross_entropy", L.BinaryCrossentropy(), (6, 1), "shares", "answers",
             from_logits=False),
        loss("binary_smoothed", "binary_cross_entropy", L.BinaryCrossentropy(from_logits=True, label_smoothing=0.2),
             (5, 33), "logits", "answers", from_logits=True, label_smoothing=0.2, weights=True),
        loss("binary_focal", "binary_focal", L.BinaryFocalCrossentropy(from_logits=True), (5, 4), "logits", "answers",
             from_logits=True),
        loss("binary_focal_balanced", "binary_focal",
             L.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.3, gamma=1.5), (5, 1), "shares", "answers",
             from_logits=False, alpha=0.3, gamma=1.5),
        loss("focal", "focal", L.CategoricalFocalCrossentropy(from_logits=True), (5, 7), "logits", "classes",
             from_logits=True),
        loss("focal_shares", "focal", L.CategoricalFocalCrossentropy(alpha=0.5, gamma=0.7), (5, 7), "shares", "classes",
             from_logits=False, alpha=0.5, gamma=0.7),
        loss("cross_entropy_smoothed", "cross_entropy",
             L.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), (5, 7), "logits", "classes",
             from_logits=True, label_smoothing=0.1),
        loss("cross_entropy_classes", "cross_entropy", L.CategoricalCrossentropy(from_logits=True), (8, 3), "logits",
             "classes", from_logits=True, classes=[0.5, 2.0, 1.0]),
        loss("cross_entropy_weights", "cross_entropy", L.CategoricalCrossentropy(), (8, 3), "shares", "classes",
             from_logits=False, classes=[0.5, 2.0, 0.0], weights=True),
    ] + [
        # Sequences: a row of classes, or an answer, for each step.
        loss("sequence_cross_entropy", "cross_entropy", L.CategoricalCrossentropy(from_logits=True), (3, 4, 5), "logits",
             "classes", from_logits=True),
        loss("sequence_cross_entropy_shares", "cross_entropy", L.CategoricalCrossentropy(), (3, 4, 5), "shares",
             "classes", from_logits=False, weights=True),
        loss("sequence_cross_entropy_smoothed", "cross_entropy",
             L.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), (3, 2, 5), "logits", "classes",
             from_logits=True, label_smoothing=0.1, weights="steps"),
        loss("sequence_cross_entropy_steps", "cross_entropy", L.CategoricalCrossentropy(from_logits=True), (3, 4, 5),
             "logits", "classes", from_logits=True, weights="steps"),
        loss("sequence_cross_entropy_masked", "cross_entropy", L.CategoricalCrossentropy(from_logits=True), (3, 4, 5),
             "logits", "classes", from_logits=True, masked=True),
        loss("sequence_cross_entropy_masked_steps", "cross_entropy", L.CategoricalCrossentropy(from_logits=True),
             (3, 4, 5), "logits", "classes", from_logits=True, masked=True, weights="steps"),
        loss("sequence_focal", "focal", L.CategoricalFocalCrossentropy(from_logits=True), (3, 4, 5), "logits", "classes",
             from_logits=True),
        loss("sequence_focal_masked", "focal", L.CategoricalFocalCrossentropy(alpha=0.5, gamma=0.7), (3, 4, 5), "shares",
             "classes", from_logits=False, alpha=0.5, gamma=0.7, masked=True),
        loss("sequence_binary", "binary_cross_entropy", L.BinaryCrossentropy(from_logits=True), (3, 4, 1), "logits",
             "answers", from_logits=True),
        loss("sequence_binary_masked", "binary_cross_entropy", L.BinaryCrossentropy(from_logits=True), (3, 4, 3), "logits",
             "answers", from_logits=True, masked=True, weights=True),
        loss("sequence_mse_steps", "mse", L.MeanSquaredError(), (3, 4, 2), "numbers", "numbers", weights="steps"),
        loss("sequence_mse_masked", "mse", L.MeanSquaredError(), (3, 4, 2), "numbers", "numbers", masked=True),
        loss("sequence_huber_masked", "huber", L.Huber(), (3, 4, 2), "numbers", "numbers", masked=True),
    ]
