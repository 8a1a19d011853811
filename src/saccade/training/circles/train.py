"""Training: a fixed number of iterations over the pictures, an average of the weights kept, checkpoints on the way."""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed

from saccade.training.circles.batches import GEOMETRY_HEAT, Batch, Phase, Share, batches
from saccade.training.circles.net import CircleNet, boxes_of, cell_middles
from saccade.training.circles.shards import ShardReader

REPORT_EVERY = 50
SAVE_EVERY = 250
MIN_HEAT = 1e-4
PEAK = 0.999
GEOMETRY_SHARE = 1.5


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train: everything that decides the outcome beside the pictures.

    Attributes:
        phases: What sizes for how many iterations.
        random_state: Of the weights at the start and of all batches.
        rate: The highest learning rate.
        warm_up: Iterations until it is reached.
        average: Share of the old in the running average of the weights.
        weight_decay: Of AdamW.
        crowd_power: A thing in a picture of n things counts n ** -crowd_power: 0 is all alike, 1 all pictures alike.
    """

    phases: tuple[Phase, ...]
    random_state: int = 20
    rate: float = 3e-3
    warm_up: int = 200
    average: float = 0.998
    weight_decay: float = 1e-3
    crowd_power: float = 0.0

    @property
    def iterations(self) -> int:
        """All iterations."""
        return sum(phase.iterations for phase in self.phases)

    def rate_at(self, number: int) -> float:
        """Return the learning rate of an iteration: a short rise, then half a cosine down to 1 % of the highest."""
        fall = 0.5 * (1 + math.cos(math.pi * number / self.iterations))
        return self.rate * min(1.0, (number + 1) / self.warm_up) * (0.99 * fall + 0.01)


def picture_weights(heat: Tensor, crowd_power: float) -> tuple[Tensor, Tensor]:
    """Return what a thing of each picture counts, n ** -crowd_power, as (B, 1, 1, 1), and the sum over all things."""
    things = (heat >= PEAK).float().sum((1, 2, 3), keepdim=True)
    weights = things.clamp(min=1) ** -crowd_power
    return weights, (things * weights).sum().clamp(min=1)


def heat_loss(logits: Tensor, heat: Tensor, counts: Tensor, crowd_power: float = 0.0) -> Tensor:
    """Return the focal loss of a heat map by thing: cells near a peak are blamed less.

    Source:
        Zhou et al., Objects as Points, arXiv:1904.07850, equation 1 (alpha 2, beta 4).
    """
    guess = torch.sigmoid(logits).clamp(MIN_HEAT, 1 - MIN_HEAT)
    is_peak = (heat >= PEAK).float()
    hit = is_peak * torch.log(guess) * (1 - guess) ** 2
    miss = (1 - is_peak) * (1 - heat) ** 4 * guess**2 * torch.log(1 - guess)
    weights, total = picture_weights(heat, crowd_power)
    return -((hit + miss) * counts * weights).sum() / total


def geometry_loss(guess: Tensor, geometry: Tensor, heat: Tensor, crowd_power: float = 0.0) -> Tensor:
    """Return how far boxes and outlines are off, as a mean over the cells near peaks, weighted by their heat."""
    weights, _ = picture_weights(heat, crowd_power)
    weight = torch.where(heat[:, 0] > GEOMETRY_HEAT, heat[:, 0], torch.zeros(())) * weights[:, 0]
    total = weight.sum().clamp(min=1e-3)
    x, y = cell_middles(heat.shape[2], heat.shape[3], heat.device)
    ours, theirs = boxes_of(guess, x, y), boxes_of(geometry, x, y)
    overlap = (torch.minimum(ours[2], theirs[2]) - torch.maximum(ours[0], theirs[0])).clamp(min=0) * (
        torch.minimum(ours[3], theirs[3]) - torch.maximum(ours[1], theirs[1])
    ).clamp(min=0)
    union = (ours[2] - ours[0]) * (ours[3] - ours[1]) + (theirs[2] - theirs[0]) * (theirs[3] - theirs[1]) - overlap
    hull = (torch.maximum(ours[2], theirs[2]) - torch.minimum(ours[0], theirs[0])) * (
        torch.maximum(ours[3], theirs[3]) - torch.minimum(ours[1], theirs[1])
    )
    loose = 1 - (overlap / union.clamp(min=1e-3) - (hull - union) / hull.clamp(min=1e-3))
    off = (guess - geometry).abs()
    box_off = off[:, :4].sum(1)
    # Offsets are in 16 px and the radius in log(16 px): dividing by the radius makes both a share of the thing's size.
    size = torch.exp(geometry[:, 6]).clamp(min=0.2)
    outline_off = (off[:, 4] + off[:, 5]) / size + off[:, 6]
    return ((loose + 0.5 * box_off + outline_off) * weight).sum() / total


def _losses(net: CircleNet, batch: Batch, crowd_power: float) -> tuple[Tensor, Tensor]:
    pixels = torch.from_numpy(batch.pixels)
    heat, geometry, counts = (
        torch.from_numpy(batch.heat),
        torch.from_numpy(batch.geometry),
        torch.from_numpy(batch.counts),
    )
    with torch.autocast("cpu", torch.bfloat16):
        logits, guess = net(pixels)
    on_heat = heat_loss(logits.float(), heat, counts, crowd_power)
    return on_heat, GEOMETRY_SHARE * geometry_loss(guess.float(), geometry, heat, crowd_power)


class Average:
    """A running average of a network's weights, which detects better than the last weights do."""

    def __init__(self, net: CircleNet, keep: float) -> None:
        """Start from the network's weights; ``keep`` is the share of the old at each step, reached after a while."""
        self.weights = {name: value.detach().clone() for name, value in net.state_dict().items()}
        self._keep = keep
        self._steps = 0

    def add(self, net: CircleNet) -> None:
        """Take the network's present weights in."""
        self._steps += 1
        keep = min(self._keep, (1 + self._steps) / (20 + self._steps))
        for name, value in net.state_dict().items():
            if value.dtype.is_floating_point:
                self.weights[name].mul_(keep).add_(value.detach(), alpha=1 - keep)
            else:
                self.weights[name].copy_(value)


@dataclass(frozen=True, slots=True)
class Course:
    """One run of training: from which weights, on which pictures, by which plan, to which file.

    Attributes:
        folder: Shards of pictures.
        checkpoint: Where the averaged weights are written, at the end and now and then before.
        plan: How to train.
        start: Weights to start from; None draws them.
    """

    folder: Path
    checkpoint: Path
    plan: Plan
    start: Path | None = None


def train(course: Course, *, workers: int) -> None:
    """Train on some processes of one thread each, which share every batch and average their gradients.

    On a machine with other work, processes that meet once an iteration lose less time than threads that meet at every
    layer.
    """
    course.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        torch.multiprocessing.spawn(_work, args=(course, workers, meeting), nprocs=workers)


def _work(rank: int, course: Course, workers: int, meeting: Path) -> None:
    torch.set_num_threads(1)
    if workers > 1:
        distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=workers)
    Worker(course, Share(rank, workers)).run()
    if workers > 1:
        distributed.destroy_process_group()


class Worker:
    """One process of training."""

    def __init__(self, course: Course, share: Share) -> None:
        """Make the network, the same in every process, and open the pictures."""
        plan = course.plan
        torch.manual_seed(plan.random_state)
        self._course, self._share, self._plan = course, share, plan
        self._net = CircleNet().arrange()
        if course.start is not None:
            self._net.load_state_dict(torch.load(course.start, weights_only=True))
        self._reader = ShardReader(course.folder)
        self._optimiser = torch.optim.AdamW(self._net.parameters(), plan.rate, weight_decay=plan.weight_decay)
        self._average = Average(self._net, plan.average)
        self._started, self._seen = time.monotonic(), 0
        self._recent: list[tuple[float, float]] = []

    def run(self) -> None:
        """Train to the end of the plan."""
        if self._share.rank == 0:
            weights = sum(parameter.numel() for parameter in self._net.parameters())
            print(
                f"training {weights} weights on {len(self._reader)} pictures for {self._plan.iterations} iterations",
                flush=True,
            )
        for number, batch in enumerate(batches(self._reader, self._plan.phases, self._plan.random_state, self._share)):
            self._learn(number, batch)
            if self._share.rank == 0:
                self._average.add(self._net)
                self._keep_record(number + 1)

    def _learn(self, number: int, batch: Batch) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = self._plan.rate_at(number)
        on_heat, on_geometry = _losses(self._net, batch, self._plan.crowd_power)
        self._optimiser.zero_grad(set_to_none=True)
        (on_heat + on_geometry).backward()
        self._meet()
        torch.nn.utils.clip_grad_norm_(self._net.parameters(), 10.0)
        self._optimiser.step()
        self._seen += len(batch.pixels) * self._share.workers
        self._recent.append((on_heat.item(), on_geometry.item()))

    def _meet(self) -> None:
        """Replace each worker's gradient by the mean of all."""
        if self._share.workers == 1:
            return
        gradients = [parameter.grad for parameter in self._net.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients]) / self._share.workers
        distributed.all_reduce(flat)
        for gradient, part in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def _keep_record(self, done: int) -> None:
        is_last = done == self._plan.iterations
        if done % REPORT_EVERY == 0 or is_last:
            heat, geometry = np.mean(self._recent[-REPORT_EVERY:], axis=0)
            elapsed_s = time.monotonic() - self._started
            left_min = elapsed_s / done * (self._plan.iterations - done) / 60
            pace = f"{self._seen / elapsed_s:.1f} pictures/s, {left_min:.0f} min left"
            print(f"iteration {done}: heat {heat:.4f} geometry {geometry:.4f}, {pace}", flush=True)
        if done % SAVE_EVERY == 0 or is_last:
            torch.save(self._average.weights, self._course.checkpoint)
