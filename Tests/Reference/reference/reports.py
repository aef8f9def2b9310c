"""What Keras's evaluate says before each step of its train_on_batch."""

import numpy as np

from .tensors import number, tensor


def train(model, x, y, steps, batch_size, **options):
    """Trains a compiled model on one batch; the reports, and the parameters after the last step."""
    reports = []
    for _ in range(steps):
        before = model.evaluate(x, y, batch_size=batch_size, verbose=0, return_dict=True, **options)
        model.train_on_batch(x, y, **options)
        reports.append({k: number(v) for k, v in sorted(before.items())})
    return {"reports": reports,
            "final_parameters": {v.path: tensor(v.numpy().astype(np.float64)) for v in model.weights}}
