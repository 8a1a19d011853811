"""Training: a fixed number of steps over varied copies of the synthetic pictures."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from saccade.training.sem_textures.augment import as_pixel_values, augmented, warped_to_square
from saccade.training.sem_textures.dataset import PictureSet
from saccade.training.sem_textures.network import TextureNetwork, count_weights
from saccade.training.sem_textures.recipe import Recipe

_PEAK_RATE = 3e-3
_WARM_UP_STEPS = 200
_WEIGHT_DECAY = 0.02
_LABEL_SMOOTHING = 0.03
_AVERAGE_DECAY = 0.998


@dataclass(frozen=True)
class Fitted:
    """A trained network and what it took."""

    network: TextureNetwork
    #: Wall time of training, without making the pictures.
    elapsed_s: float
    weights: int


def train(pictures: PictureSet, *, recipe: Recipe) -> Fitted:
    """Return the network after ``recipe.steps`` steps; its weights are the moving average of the run's.

    One thread, fixed random states and fixed counts: the same machine makes the same network again.
    """
    torch.set_num_threads(1)
    torch.manual_seed(recipe.random_state)
    rng = np.random.default_rng([recipe.random_state, 1])
    network = TextureNetwork().to(memory_format=torch.channels_last)
    decay = min(_AVERAGE_DECAY, 1.0 - 10.0 / (10.0 + recipe.steps))
    averaging = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=averaging, use_buffers=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_PEAK_RATE, weight_decay=_WEIGHT_DECAY)
    warm_up = min(_WARM_UP_STEPS, recipe.steps // 4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _PEAK_RATE, total_steps=recipe.steps, pct_start=warm_up / recipe.steps
    )
    started = time.monotonic()
    places = np.zeros(0, dtype=np.int64)
    losses: list[float] = []
    for step in range(1, recipe.steps + 1):
        if len(places) < recipe.batch:
            places = rng.permutation(len(pictures.targets))
        chosen, places = places[: recipe.batch], places[recipe.batch :]
        losses.append(_step(network, optimiser, pictures, chosen=chosen, rng=rng))
        schedule.step()
        average.update_parameters(network)
        if step % max(recipe.steps // 40, 1) == 0:
            elapsed = time.monotonic() - started
            print(f"  step {step} of {recipe.steps}: loss {np.mean(losses[-100:]):.3f}, {elapsed:.0f} s", flush=True)
    fitted: TextureNetwork = average.module
    fitted.eval()
    return Fitted(fitted, time.monotonic() - started, count_weights(fitted))


def _step(
    network: TextureNetwork,
    optimiser: torch.optim.Optimizer,
    pictures: PictureSet,
    *,
    chosen: NDArray[np.int64],
    rng: Generator,
) -> float:
    """Return the loss of one step on varied copies of the chosen pictures."""
    squares = np.stack([augmented(pictures.images[place], rng=rng) for place in chosen])
    pixels = torch.from_numpy(as_pixel_values(squares, channels=1))
    targets = torch.from_numpy(pictures.targets[chosen])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(pixels)
    loss = torch.nn.functional.cross_entropy(logits.float(), targets, label_smoothing=_LABEL_SMOOTHING)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())


def logits_of(network: TextureNetwork, pictures: PictureSet) -> NDArray[np.float32]:
    """Return the network's raw answers for whole pictures, (N, 10) float32, before any temperature."""
    answers: list[NDArray[np.float32]] = []
    with torch.no_grad():
        for start in range(0, len(pictures.targets), 64):
            squares = np.stack([warped_to_square(image) for image in pictures.images[start : start + 64]])
            answers.append(network(torch.from_numpy(as_pixel_values(squares))).numpy().astype(np.float32))
    return np.concatenate(answers)


def save_weights(path: Path, fitted: Fitted) -> None:
    """Write a trained network to a file in the work folder."""
    torch.save({"weights": fitted.network.state_dict(), "elapsed_s": fitted.elapsed_s}, path)


def load_weights(path: Path) -> Fitted:
    """Return the network that ``save_weights`` wrote."""
    kept = torch.load(path, weights_only=True)
    network = TextureNetwork()
    network.load_state_dict(kept["weights"])
    network.eval()
    return Fitted(network, float(kept["elapsed_s"]), count_weights(network))
