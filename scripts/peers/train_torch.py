#!/usr/bin/env python3
"""PyTorch trains the mission's CNN; a round is an epoch."""

import time

import contender
import dataset

parsed = contender.options(__doc__, threads=2, batch=128, layout=("nchw", "nhwc"))
answers = contender.claim_stdout()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(parsed.threads)
torch.manual_seed(1)
images, labels = dataset.train(parsed.data)
images = torch.from_numpy(images).permute(0, 3, 1, 2)
labels = torch.from_numpy(labels)
model = nn.Sequential(
    nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(1600, 64), nn.ReLU(), nn.Linear(64, 10))
if parsed.layout == "nhwc":
    model = model.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
else:
    images = images.contiguous()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
cross_entropy = nn.CrossEntropyLoss()


def train_on(chosen):
    optimizer.zero_grad()
    loss = cross_entropy(model(images[chosen]), labels[chosen])
    loss.backward()
    optimizer.step()


def epoch():
    started = time.perf_counter()
    order = torch.randperm(len(labels))
    for at in range(0, len(labels), parsed.batch):
        train_on(order[at:at + parsed.batch])
    return {"epoch_s": time.perf_counter() - started}


def finish():
    peak = contender.peak_memory_bytes()  # before the test set is read
    pixels, truth = dataset.test(parsed.data)
    with torch.no_grad():
        answer = model(torch.from_numpy(pixels).permute(0, 3, 1, 2)).argmax(1).numpy()
    return {"accuracy": float(np.mean(answer == truth)), "peak_memory_bytes": peak}


for _ in range(3):  # primitives are made and memory pools grow outside the first round
    train_on(torch.arange(parsed.batch))
identity = {"peer": "pytorch", "version": torch.__version__, "layout": parsed.layout}
contender.Contender(identity, epoch, finish).run(parsed, answers)
