"""Clipping, decay and averages over several variables."""

from .optimizers import several


def cases():
    sgd = {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False}
    adam = {"learning_rate": 0.05, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}
    return [
        several("clipvalue", "sgd", **sgd, clipvalue=0.7),
        several("clipnorm", "sgd", **sgd, clipnorm=1.5),
        several("global_clipnorm", "sgd", **sgd, global_clipnorm=2.5),
        several("clipnorm_adam", "adam", **adam, clipnorm=1.0),
        several("decay_of_all", "adamw", **adam, weight_decay=0.2),
        several("decay_of_kernels", "adamw", **adam, weight_decay=0.2, decay_vectors=False),
        several("ema", "sgd", **sgd, use_ema=True, ema_momentum=0.8),
        several("ema_overwriting", "sgd", **sgd, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4),
    ]
