"""Fashion-MNIST from its four idx files, plain or gzip, as the peers take it: float images in [0, 1], channels last."""

import gzip
from pathlib import Path

import numpy as np

DEBIAN = "/usr/share/datasets/fashion-mnist"


def idx(folder, stem):
    for path, opener in ((Path(folder) / stem, open), (Path(folder) / f"{stem}.gz", gzip.open)):
        if path.exists():
            with opener(path, "rb") as file:
                content = file.read()
            rank = content[3]
            shape = np.frombuffer(content, ">u4", rank, offset=4)
            return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)
    raise SystemExit(f"{folder}/{stem}[.gz] not found: install dataset-fashion-mnist or give --data DIR")


def images(folder, part):
    pixels = idx(folder, f"{part}-images-idx3-ubyte")[..., None].astype(np.float32)
    pixels /= 255  # in place: a copy would count as the peer's memory
    return pixels


def labels(folder, part):
    return idx(folder, f"{part}-labels-idx1-ubyte").astype(np.int64)


def train(folder):
    return images(folder, "train"), labels(folder, "train")


def test(folder):
    return images(folder, "t10k"), labels(folder, "t10k")
