"""Step sizes of the first steps under a schedule."""

import keras
import numpy as np

from .tensors import NineDigits

STEPS = 60


def schedule(name, made, options, rate=0.5):
    values = [NineDigits(np.asarray(made(np.float64(step)))) for step in range(STEPS)]
    return {"name": name, "schedule": options.pop("name"), "options": options, "rate": rate, "values": values}


def cases():
    k = keras.optimizers.schedules
    return [
        schedule("step", k.PiecewiseConstantDecay([10, 25], [0.5, 0.2, 0.05]),
                 {"name": "step", "boundaries": [10, 25], "values": [0.5, 0.2, 0.05]}),
        schedule("step_by_rate", k.PiecewiseConstantDecay([7, 20], [0.5, 0.05, 0.005]),
                 {"name": "step", "boundaries": [7, 20], "decay_rate": 0.1}),
        schedule("exponential", k.ExponentialDecay(0.5, 20, 0.3),
                 {"name": "exponential", "decay_steps": 20, "decay_rate": 0.3}),
        schedule("exponential_staircase", k.ExponentialDecay(0.5, 20, 0.3, staircase=True),
                 {"name": "exponential", "decay_steps": 20, "decay_rate": 0.3, "staircase": True}),
        schedule("polynomial", k.PolynomialDecay(0.5, 40, 0.01, power=2.0),
                 {"name": "polynomial", "decay_steps": 40, "end_learning_rate": 0.01, "power": 2.0}),
        schedule("polynomial_cycle", k.PolynomialDecay(0.5, 17, 0.01, power=1.0, cycle=True),
                 {"name": "polynomial", "decay_steps": 17, "end_learning_rate": 0.01, "power": 1.0, "cycle": True}),
        schedule("cosine", k.CosineDecay(0.5, 45, alpha=0.1), {"name": "cosine", "decay_steps": 45, "alpha": 0.1}),
        schedule("cosine_warmup", k.CosineDecay(0.1, 40, warmup_target=0.5, warmup_steps=12),
                 {"name": "cosine", "decay_steps": 40, "warmup_steps": 12, "warmup_start": 0.2}),
        schedule("cosine_restarts", k.CosineDecayRestarts(0.5, 7, t_mul=2.0, m_mul=0.8, alpha=0.05),
                 {"name": "cosine_restarts", "first_decay_steps": 7, "t_mul": 2.0, "m_mul": 0.8, "alpha": 0.05}),
        schedule("cosine_restarts_even", k.CosineDecayRestarts(0.5, 11, t_mul=1.0, m_mul=0.5),
                 {"name": "cosine_restarts", "first_decay_steps": 11, "t_mul": 1.0, "m_mul": 0.5}),
    ]
