"""Words with a class for each: steps of training by Keras's own fit on labels [N, T], with padding and weights of steps."""

import keras
import numpy as np

from .networks import draw_parameter
from .reports import train
from .tensors import first_suitable, tensor

STEPS = 3
SAMPLES, LENGTH, WORDS, CLASSES = 5, 4, 7, 3


def build_model(is_masked):
    words = keras.Input((LENGTH,), dtype="int32")
    vectors = keras.layers.Embedding(WORDS, 4, mask_zero=is_masked, name="words")(words)
    hidden = keras.layers.Dense(5, activation="tanh", name="hidden")(vectors)
    normalized = keras.layers.BatchNormalization(momentum=0.5, name="norm")(hidden)
    return keras.Model(words, keras.layers.Dense(CLASSES, activation="softmax", name="tags")(normalized))


def training(name, is_masked, is_weighted=False):
    def build(draw):
        model = build_model(is_masked)
        words = draw.labels((SAMPLES, LENGTH), WORDS)
        words[0, 2:] = words[1, 3] = 0
        words[2, 0] = 1
        tags = draw.labels((SAMPLES, LENGTH), CLASSES)
        weights = draw.uniform((SAMPLES, LENGTH), 0.5, 2) if is_weighted else None
        for variable in model.weights:
            variable.assign(draw_parameter(draw, variable.path, variable.shape))
        case = {
            "masked": [is_masked],
            "columns": {"words": tensor(words)},
            "targets": {"tags": tensor(tags)},
            "initial_parameters": {v.path: tensor(v.numpy().astype(np.float32)) for v in model.weights},
        }
        if is_weighted:
            case["sample_weight"] = tensor(weights)
        # Keras counts hits at masked steps unless metrics are weighted.
        model.compile(optimizer=keras.optimizers.SGD(0.5, momentum=0.9), loss="sparse_categorical_crossentropy",
                      metrics=[] if is_masked else ["accuracy"])
        return case | train(model, words, tags, STEPS, batch_size=SAMPLES, sample_weight=weights)

    return first_suitable(name, build)


def cases():
    return [training("tagging_plain", False), training("tagging_masked", True),
            training("tagging_weighted", False, True), training("tagging_masked_weighted", True, True)]
