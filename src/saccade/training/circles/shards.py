"""Pictures on disk: shards of JPEGs one after another, with a table of offsets and labels beside each.

A shard is ``<name>.bin`` (the JPEGs) and ``<name>.npz`` (``offsets`` (N + 1,), ``labels`` (M, 8), ``counts`` (N,)).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from saccade.training.circles.generator import MIXED, decode_picture, encode_picture, make_picture
from saccade.training.circles.stage import LABEL_COLUMNS, Labels

SHARD_PICTURES = 500
STATES_PER_SET = 100_000
TRAIN_FIRST_STATE = 1_000_000
VALIDATION_FIRST_STATE = 2_000_000
TEST_FIRST_STATE = 3_000_000


@dataclass(frozen=True, slots=True)
class ShardOrder:
    """What one worker has to write: ``count`` pictures from ``first_state`` on, as ``stem``.bin and ``stem``.npz."""

    stem: Path
    first_state: int
    count: int
    kind: str = MIXED


def write_shard(order: ShardOrder) -> Path:
    """Draw the pictures of an order and store them; return the path of the table."""
    cv2.setNumThreads(1)
    offsets, counts, rows = [0], [], []
    with order.stem.with_suffix(".bin").open("wb") as file:
        for state in range(order.first_state, order.first_state + order.count):
            picture = make_picture(state, kind=order.kind)
            offsets.append(offsets[-1] + file.write(encode_picture(state, picture.image)))
            counts.append(len(picture.labels))
            rows.append(picture.labels)
    table = order.stem.with_suffix(".npz")
    labels = np.concatenate(rows) if rows else np.zeros((0, len(LABEL_COLUMNS)), np.float32)
    np.savez(table, offsets=np.array(offsets, np.int64), counts=np.array(counts, np.int64), labels=labels)
    return table


def write_shards(
    folder: Path, *, first_state: int, count: int, processes: int, report: Callable[[str], None], kind: str = MIXED
) -> None:
    """Draw ``count`` pictures of a kind into ``folder`` on some processes; shards that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    orders = []
    for start in range(0, count, SHARD_PICTURES):
        stem, pictures = folder / f"{first_state + start:08d}", min(SHARD_PICTURES, count - start)
        order = ShardOrder(stem, first_state + start, pictures, kind)
        if not order.stem.with_suffix(".npz").exists():
            orders.append(order)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for done, table in enumerate(pool.imap_unordered(write_shard, orders), start=1):
            report(f"drawn {done}/{len(orders)} shards, last {table.stem}")


class ShardReader:
    """All pictures of a folder of shards, read from disk one at a time."""

    def __init__(self, folder: Path) -> None:
        """Open the tables of every shard in ``folder``; their order is that of the random states."""
        self._files: list[NDArray[np.uint8]] = []
        self._places: list[tuple[int, int, int]] = []
        self.labels: list[Labels] = []
        for table_path in sorted(folder.glob("*.npz")):
            with np.load(table_path) as table:
                offsets, counts, labels = table["offsets"], table["counts"], table["labels"]
            self._places += [(len(self._files), int(a), int(b)) for a, b in pairwise(offsets)]
            self.labels += np.split(labels, np.cumsum(counts)[:-1])
            self._files.append(np.memmap(table_path.with_suffix(".bin"), np.uint8, "r"))

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._places)

    def image(self, index: int) -> NDArray[np.uint8]:
        """Return picture ``index``, (H, W, 3) uint8 RGB."""
        shard, start, end = self._places[index]
        return decode_picture(np.asarray(self._files[shard][start:end]))
