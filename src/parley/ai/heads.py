"""Two small classifiers in numpy: a softmax regression and a net with one hidden layer, both trained by Adam.

Rows come from a function (places → matrix), so that a sparse matrix need never stand in memory whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parley.ai.likeness import Floats

Rows = Callable[[NDArray[np.intp]], Floats]
Labels = NDArray[np.intp]
Told = Callable[[float], None]


def nothing(done: float) -> None:
    """A progress that nobody watches."""


class Adam:
    """Kingma & Ba 2015, with weight decay beside the gradient (Loshchilov & Hutter 2019)."""

    def __init__(self, *weights: Floats, decay: float = 0.0) -> None:
        self.weights, self.decay, self.step = weights, decay, 0
        self._first = [np.zeros_like(w) for w in weights]
        self._second = [np.zeros_like(w) for w in weights]
        self._room = [np.empty_like(w) for w in weights]  # a step is bound by memory: none is asked for anew

    def move(self, rate: float, *gradients: Floats) -> None:
        self.step += 1
        size = float(rate * np.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step))
        known = zip(self.weights, gradients, self._first, self._second, self._room, strict=True)
        for weight, gradient, first, second, room in known:
            np.subtract(gradient, first, out=room)
            room *= 0.1
            first += room
            np.multiply(gradient, gradient, out=room)
            room -= second
            room *= 0.001
            second += room
            if self.decay and weight.ndim > 1:
                weight *= 1 - rate * self.decay
            np.sqrt(second, out=room)
            room += 1e-8
            np.divide(first, room, out=room)
            room *= size
            weight -= room


@dataclass
class Plan:
    """How a head is trained. smoothing: of the labels; dropout: of the hidden layer and, by half, of what comes in."""

    epochs: int = 30
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.0
    smoothing: float = 0.0
    dropout: float = 0.0
    hidden: int = 512
    seed: int = 1


@dataclass
class Softmax:
    """Logits = x · weights + bias."""

    weights: Floats
    bias: Floats

    def logits(self, x: Floats) -> Floats:
        found: Floats = x @ self.weights + self.bias
        return found

    @classmethod
    def fit(cls, rows: Rows, labels: Labels, width: int, classes: int, plan: Plan, told: Told = nothing,
            weight: Floats | None = None) -> "Softmax":  # fmt: skip
        """weight: how much each row counts, 1 when left out."""
        made = cls(np.zeros((width, classes), np.float32), np.zeros(classes, np.float32))
        adam = Adam(made.weights, made.bias, decay=plan.decay)
        for rate, places in _batches(len(labels), plan, told):
            x = rows(places)
            pull = _pull(made.logits(x), labels[places], plan.smoothing)
            if weight is not None:
                pull *= weight[places, None]
            adam.move(rate, x.T @ pull, pull.sum(axis=0))
        return made


@dataclass
class Net:
    """Logits over one hidden layer of rectified units. mean, scale: what brings a column of x to mean 0, spread 1."""

    mean: Floats
    scale: Floats
    into: Floats
    into_bias: Floats
    out: Floats
    out_bias: Floats

    def logits(self, x: Floats) -> Floats:
        hidden = np.maximum(self._scaled(x) @ self.into + self.into_bias, 0)
        found: Floats = hidden @ self.out + self.out_bias
        return found

    def _scaled(self, x: Floats) -> Floats:
        return (x - self.mean) * self.scale

    @classmethod
    def fit(cls, x: Floats, labels: Labels, classes: int, plan: Plan, told: Told = nothing) -> "Net":
        chance = np.random.default_rng(plan.seed)
        width = x.shape[1]
        made = cls(
            mean=x.mean(axis=0),
            scale=(1 / np.maximum(x.std(axis=0), 1e-4)).astype(np.float32),
            into=(chance.standard_normal((width, plan.hidden)) * np.sqrt(2 / width)).astype(np.float32),
            into_bias=np.zeros(plan.hidden, np.float32),
            out=(chance.standard_normal((plan.hidden, classes)) * np.sqrt(1 / plan.hidden)).astype(np.float32),
            out_bias=np.zeros(classes, np.float32),
        )
        adam = Adam(made.into, made.into_bias, made.out, made.out_bias, decay=plan.decay)
        for rate, places in _batches(len(labels), plan, told):
            made._learn(made._scaled(x[places]), labels[places], adam, rate, plan, chance)
        return made

    def _learn(self, x: Floats, labels: Labels, adam: Adam, rate: float, plan: Plan, chance: Any) -> None:
        if plan.dropout:
            x = x * _kept(chance, x.shape, plan.dropout / 2)
        hidden = np.maximum(x @ self.into + self.into_bias, 0)
        if plan.dropout:
            hidden *= _kept(chance, hidden.shape, plan.dropout)
        pull = _pull(hidden @ self.out + self.out_bias, labels, plan.smoothing)
        back = (pull @ self.out.T) * (hidden > 0)
        if plan.dropout:
            back /= 1 - plan.dropout
        adam.move(rate, x.T @ back, back.sum(axis=0), hidden.T @ pull, pull.sum(axis=0))


def _kept(chance: Any, shape: tuple[int, ...], dropped: float) -> Floats:
    keep: Floats = (chance.random(shape, np.float32) >= dropped).astype(np.float32) / np.float32(1 - dropped)
    return keep


def _pull(logits: Floats, labels: Labels, smoothing: float) -> Floats:
    """The gradient of the cross entropy, averaged over the batch."""
    classes = logits.shape[1]
    pull = softmax(logits) - np.float32(smoothing / classes)
    pull[np.arange(len(labels)), labels] -= np.float32(1 - smoothing)
    pull /= np.float32(len(labels))
    return pull


def _batches(count: int, plan: Plan, told: Told) -> Iterator[tuple[float, NDArray[np.intp]]]:
    """(rate, places), every epoch in another order; the rate falls along a cosine."""
    chance = np.random.default_rng(plan.seed + 7)
    steps = max(1, -(-count // plan.batch)) * plan.epochs
    step = 0
    for epoch in range(plan.epochs):
        order = chance.permutation(count)
        for start in range(0, count, plan.batch):
            yield plan.rate * 0.5 * (1 + np.cos(np.pi * step / steps)), order[start : start + plan.batch]
            step += 1
        told((epoch + 1) / plan.epochs)


def softmax(logits: Floats) -> Floats:
    lifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = (lifted / lifted.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def log_softmax(logits: Floats) -> Floats:
    low = logits - logits.max(axis=1, keepdims=True)
    found: Floats = (low - np.log(np.exp(low).sum(axis=1, keepdims=True))).astype(np.float32)
    return found
