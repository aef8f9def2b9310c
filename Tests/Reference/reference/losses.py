"""Losses and their gradients, one scalar a case: the mean over the batch."""

import keras
import numpy as np
import tensorflow as tf

from .tensors import first_suitable, number, tensor


def floating(values):
    return tf.Variable(np.asarray(values).astype(keras.config.floatx()))


def result(values):
    return tensor(np.asarray(values).astype(np.float64))


def differentiate(loss, *variables):
    with tf.GradientTape() as tape:
        value = loss(*variables)
    return value.numpy(), [g.numpy() for g in tape.gradient(value, list(variables))]


def cross_entropy(name, shape, target, from_logits, low=-2.0, high=2.0, given=None):
    makers = {"sparse": keras.losses.SparseCategoricalCrossentropy, "one_hot": keras.losses.CategoricalCrossentropy}
    loss = makers[target](from_logits=from_logits)

    def build(draw):
        logits = draw.uniform(shape, low, high) if given is None else np.array(given, np.float32)
        labels = draw.labels(shape[0], shape[1])
        truth = labels if target == "sparse" else np.eye(shape[1], dtype=np.float32)[labels]
        case = {"loss": "cross_entropy", "options": {"target": target, "from_logits": from_logits}}
        if from_logits:
            value, (gradient,) = differentiate(lambda p: loss(truth, p), floating(logits))
            return {**case, "prediction": tensor(logits), "target": tensor(truth), "value": number(value),
                    "prediction_gradient": result(gradient)}
        through, (logits_gradient,) = differentiate(lambda z: loss(truth, keras.ops.softmax(z)), floating(logits))
        prediction = keras.ops.softmax(floating(logits)).numpy()
        value, (gradient,) = differentiate(lambda p: loss(truth, p), floating(prediction))
        assert abs(value - through) < 1e-6
        return {**case, "prediction": result(prediction), "target": tensor(truth), "value": number(value),
                "prediction_gradient": result(gradient), "logits": tensor(logits),
                "logits_gradient": result(logits_gradient)}

    return first_suitable(name, build)


def cross_entropy_clipped(name, target):
    """A true class of probability 0 costs -log(1e-7), not infinity."""
    makers = {"sparse": keras.losses.SparseCategoricalCrossentropy, "one_hot": keras.losses.CategoricalCrossentropy}

    def build(draw):
        prediction = np.array([[0, 1, 0], [0.25, 0.25, 0.5]], np.float32)
        labels = np.array([0, 2], np.int32)
        truth = labels if target == "sparse" else np.eye(3, dtype=np.float32)[labels]
        value = makers[target]()(truth, floating(prediction)).numpy()
        return {"loss": "cross_entropy", "options": {"target": target, "from_logits": False}, "value_only": True,
                "prediction": tensor(prediction), "target": tensor(truth), "value": number(value)}

    return first_suitable(name, build)


def mse(name, shape):
    loss = keras.losses.MeanSquaredError()

    def build(draw):
        prediction, truth = draw.uniform(shape), draw.uniform(shape)
        value, (gradient,) = differentiate(lambda p: loss(floating(truth), p), floating(prediction))
        return {"loss": "mse", "options": {}, "prediction": tensor(prediction), "target": tensor(truth),
                "value": number(value), "prediction_gradient": result(gradient)}

    return first_suitable(name, build)


def divergence(student, teacher, temperature, scaled):
    """Hinton, Vinyals, Dean 2015: both sides softened by T; the factor T^2 keeps the gradient's size."""
    p = keras.ops.softmax(teacher / temperature)
    q = keras.ops.softmax(student / temperature)
    return keras.losses.KLDivergence()(p, q) * (temperature * temperature if scaled else 1.0)


def kl(name, shape, temperature, scaled):
    def build(draw):
        student, teacher = draw.uniform(shape, -3, 3), draw.uniform(shape, -3, 3)
        value, (gradient,) = differentiate(
            lambda z: divergence(z, floating(teacher), temperature, scaled), floating(student))
        return {"loss": "kl", "options": {"temperature": temperature, "scaled": scaled}, "prediction": tensor(student),
                "target": tensor(teacher), "value": number(value), "prediction_gradient": result(gradient)}

    return first_suitable(name, build)


def distillation(name, shape, temperature, alpha):
    hard = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def build(draw):
        student, teacher = draw.uniform(shape, -3, 3), draw.uniform(shape, -3, 3)
        labels = draw.labels(shape[0], shape[1])
        value, (gradient,) = differentiate(
            lambda z: alpha * divergence(z, floating(teacher), temperature, True) + (1 - alpha) * hard(labels, z),
            floating(student))
        return {"loss": "distillation", "options": {"temperature": temperature, "alpha": alpha},
                "prediction": tensor(student), "target": tensor(teacher), "labels": tensor(labels),
                "value": number(value), "prediction_gradient": result(gradient)}

    return first_suitable(name, build)


def cases():
    made = []
    for target in ("sparse", "one_hot"):
        made += [
            cross_entropy(f"cross_entropy_{target}_logits", (5, 4), target, True),
            cross_entropy(f"cross_entropy_{target}_logits_batch_1", (1, 10), target, True),
            cross_entropy(f"cross_entropy_{target}_logits_far", (3, 3), target, True,
                          given=[[100, 0, -100], [-80, -80, 79], [0, 0, 0]]),
            cross_entropy(f"cross_entropy_{target}_probabilities", (5, 4), target, False),
            cross_entropy(f"cross_entropy_{target}_probabilities_batch_1", (1, 10), target, False),
            cross_entropy_clipped(f"cross_entropy_{target}_probabilities_clipped", target),
        ]
    return made + [
        mse("mse_rows", (4, 3)),
        mse("mse_images", (2, 3, 2, 2)),
        kl("kl_temperature_1", (4, 5), 1.0, False),
        kl("kl_temperature_4", (4, 5), 4.0, False),
        kl("kl_temperature_4_scaled", (4, 5), 4.0, True),
        kl("kl_temperature_2_5_scaled_batch_1", (1, 10), 2.5, True),
        distillation("distillation_temperature_4_alpha_0_9", (4, 5), 4.0, 0.9),
        distillation("distillation_temperature_2_alpha_0_3", (3, 10), 2.0, 0.3),
    ]
