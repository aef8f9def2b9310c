"""Numbers on their way into the fixtures: seeded draws that survive the trip, and the JSON form of a tensor."""

import json
import zlib

import numpy as np


class Unsuitable(Exception):
    """This draw sits on a kink (a relu at 0, a tie in a max pool); the next attempt draws again."""


class Draw:
    """Random tensors for one attempt at one case, determined by the case's name alone."""

    def __init__(self, name, attempt):
        self.random = np.random.default_rng([zlib.crc32(name.encode()), attempt])

    def uniform(self, shape, low=-1.0, high=1.0):
        """Values with three decimals: short to write, too fine for accidental ties to be common."""
        return np.round(self.random.uniform(low, high, shape), 3).astype(np.float32)

    def distinct(self, shape):
        """Values that differ from one another by 0.005 at least, in random order, around 0."""
        count = int(np.prod(shape))
        values = (self.random.permutation(count) - count // 2) * 0.005 + 0.002
        return np.round(values, 3).astype(np.float32).reshape(shape)

    def labels(self, count, classes):
        return self.random.integers(0, classes, count).astype(np.int32)


def first_suitable(name, build):
    """The case from the first draw that lies on no kink; `build` takes a `Draw` and may raise `Unsuitable`."""
    for attempt in range(200):
        try:
            return {"name": name, **build(Draw(name, attempt))}
        except Unsuitable as reason:
            last = reason
    raise SystemExit(f"{name}: no suitable draw in 200 attempts ({last})")


def tensor(values):
    """The JSON form. Single precision marks a given value, written as drawn; double a result, nine digits."""
    values = np.asarray(values)
    if values.dtype.kind in "iu":
        data = [int(v) for v in values.ravel()]
    elif values.dtype == np.float32:
        data = [Shortest(v) for v in values.ravel()]
    else:
        data = [NineDigits(v) for v in values.ravel()]
    return {"shape": list(values.shape), "data": data}


def number(value):
    """A single result, as in a loss."""
    return NineDigits(value)


class NineDigits(float):
    """Nine significant digits determine a single-precision number."""

    def __repr__(self):
        return format(float(self), ".9g")


class Shortest(float):
    """The fewest digits that read back as the same single-precision number."""

    def __repr__(self):
        return repr(float(np.format_float_positional(np.float32(self), unique=True)))


def encode(value, indent=""):
    """JSON with one short thing a line: objects open up to the level of tensors, number lists never do."""
    if isinstance(value, dict) and not set(value) <= {"shape", "data"}:
        inner = indent + " "
        lines = [f"{inner}{json.dumps(k)}: {encode(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + indent + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}": {encode(v)}' for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)) and any(isinstance(v, dict) for v in value):
        inner = indent + " "
        return "[\n" + ",\n".join(inner + encode(v, inner) for v in value) + "\n" + indent + "]"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(encode(v) for v in value) + "]"
    if isinstance(value, float):
        if not np.isfinite(value):
            raise SystemExit("a reference value is not finite")
        return repr(value)
    return json.dumps(value)
