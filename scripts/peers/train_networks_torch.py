#!/usr/bin/env python3
"""PyTorch trains three networks of MLPerf Tiny and an LSTM on random data; a round is ten steps of each."""

import time

import contender

parsed = contender.options(__doc__, threads=2, batch=64)
answers = contender.claim_stdout()

import torch  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(parsed.threads)
torch.manual_seed(1)
STEPS = 10


def normalized(inputs, outputs, size, stride=1, padding=None, groups=1):
    """Convolution, batch normalization, rectifier."""
    padding = size // 2 if padding is None else padding
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(*normalized(inputs, outputs, 3, stride),
                                  *normalized(outputs, outputs, 3)[:2])
        self.side = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return torch.relu(self.body(x) + self.side(x))


def resnet8():
    model = nn.Sequential(*normalized(3, 16, 3), Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2),
                          nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return model, (3, 32, 32), 10


def mobilenet():
    layers, channels = normalized(3, 8, 3, 2), 8
    for outputs, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)):
        layers += normalized(channels, channels, 3, stride, groups=channels) + normalized(channels, outputs, 1)
        channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 2)), (3, 96, 96), 2


def dscnn():
    layers = normalized(1, 64, (10, 4), 2, (5, 1))
    for _ in range(4):
        layers += normalized(64, 64, 3, groups=64) + normalized(64, 64, 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 12)), (1, 49, 10), 12


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(28, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def lstm():
    return Recurrent(), (28, 28), 10


class Run:
    def __init__(self, model, shape, classes):
        self.model = model
        self.samples = torch.rand(parsed.batch * STEPS, *shape)
        self.labels = torch.randint(classes, (len(self.samples),))
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def seconds_a_step(self):
        started = time.perf_counter()
        for at in range(0, len(self.samples), parsed.batch):
            chosen = slice(at, at + parsed.batch)
            self.optimizer.zero_grad()
            cross_entropy(self.model(self.samples[chosen]), self.labels[chosen]).backward()
            self.optimizer.step()
        return (time.perf_counter() - started) / STEPS


cross_entropy = nn.CrossEntropyLoss()
runs = {"mobilenet": Run(*mobilenet())}
runs["mobilenet"].seconds_a_step()
mobilenet_peak = contender.peak_memory_bytes()  # before the others add theirs
runs |= {"resnet8": Run(*resnet8()), "dscnn": Run(*dscnn()), "lstm": Run(*lstm())}


def steps():
    return {f"{name}_step_s": run.seconds_a_step() for name, run in runs.items()}


for _ in range(3):
    steps()
identity = {"peer": "pytorch", "version": torch.__version__}
contender.Contender(identity, steps, lambda: {"mobilenet_peak_memory_bytes": mobilenet_peak}).run(parsed, answers)
