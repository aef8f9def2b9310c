"""Metrics over a data set, by their Lua names and options; the loss says what predictions are."""

import keras
import numpy as np
import tensorflow as tf

from .tensors import first_suitable, number, tensor

M = keras.metrics


def measure(name, metric, made, shape, loss, sparse=True, **options):
    def build(draw):
        classes = max(shape[1], 2)
        labels = draw.labels(shape[0], classes)
        if loss == "mse":
            truth = draw.uniform(shape)
            prediction = (truth + 0.4 * draw.uniform(shape)).round(3).astype(np.float32)
        else:
            prediction = draw.uniform(shape, 0.01, 1)
            truth = labels[:, None].astype(np.float32) if shape[1] == 1 else np.eye(classes, dtype=np.float32)[labels]
            if loss == "cross_entropy":
                prediction = (prediction + 0.5 * truth).astype(np.float32)
                prediction = (prediction / prediction.sum(1, keepdims=True)).round(3).astype(np.float32)
            else:
                prediction = (0.7 * prediction + 0.25 * truth).round(3).astype(np.float32)
        if callable(made) and not isinstance(made, keras.metrics.Metric):
            value = made(truth, prediction)
        else:
            for start in range(0, shape[0], 7):  # in pieces, as a data set is seen
                made.update_state(truth[start:start + 7], prediction[start:start + 7])
            value = np.asarray(made.result(), np.float64)
        given = labels if sparse and loss != "mse" and shape[1] > 1 else truth
        return {"metric": metric, "options": options, "loss": loss, "prediction": tensor(prediction),
                "target": tensor(given), "value": tensor(np.asarray(value))}

    return first_suitable(name, build)


def confusion(truth, prediction):
    wanted, told = (truth.argmax(1), prediction.argmax(1)) if truth.shape[1] > 1 else (
        truth[:, 0].astype(int), (prediction[:, 0] > 0.5).astype(int))
    return tf.math.confusion_matrix(wanted, told, max(truth.shape[1], 2)).numpy().astype(np.int32)


def cases():
    n = (40, 5)
    return [
        measure("accuracy", "accuracy", M.CategoricalAccuracy(), n, "cross_entropy"),
        measure("accuracy_answers", "accuracy", M.BinaryAccuracy(), (40, 3), "binary_cross_entropy", sparse=False),
        measure("top_2", "top_k", M.TopKCategoricalAccuracy(k=2), n, "cross_entropy", k=2),
        measure("top_3_rows", "top_k", M.TopKCategoricalAccuracy(k=3), n, "cross_entropy", sparse=False, k=3),
        measure("precision", "precision", M.Precision(), (40, 1), "binary_cross_entropy"),
        measure("precision_classes", "precision", M.Precision(thresholds=0.3125), n, "cross_entropy", threshold=0.3125),
        measure("recall", "recall", M.Recall(), (40, 1), "binary_cross_entropy"),
        measure("recall_classes", "recall", M.Recall(thresholds=0.21875), n, "cross_entropy",
                threshold=0.21875),
        measure("f1_macro", "f1", M.F1Score(average="macro"), n, "cross_entropy", average="macro"),
        measure("f1_micro", "f1", M.F1Score(average="micro"), n, "cross_entropy", average="micro"),
        measure("f1_weighted", "f1", M.F1Score(average="weighted"), n, "cross_entropy", average="weighted"),
        measure("f1_answers", "f1", M.F1Score(average="macro", threshold=0.5), (40, 1), "binary_cross_entropy",
                threshold=0.5, average="macro"),
        measure("auc", "auc", M.AUC(), (60, 1), "binary_cross_entropy"),
        measure("auc_few", "auc", M.AUC(num_thresholds=14), n, "cross_entropy", num_thresholds=14),
        measure("confusion_matrix", "confusion_matrix", confusion, n, "cross_entropy"),
        measure("confusion_matrix_answers", "confusion_matrix", confusion, (40, 1), "binary_cross_entropy"),
        measure("mae", "mae", M.MeanAbsoluteError(), (30, 3), "mse"),
        measure("mse", "mse", M.MeanSquaredError(), (30, 3), "mse"),
        measure("r2", "r2", M.R2Score(), (30, 3), "mse"),
    ]
