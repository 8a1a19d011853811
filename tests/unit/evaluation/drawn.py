"""Datasets and what was seen in them: built by hand in a line, or drawn by a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from saccade.evaluation.seen import Seen
from saccade.evaluation.truth import Dataset, TruthBox, TruthImage
from saccade.models.prediction import Box, Classification, Detection, Task


def box(x, y, width, height):
    """Return a box as COCO writes it."""
    return Box(float(x), float(y), float(x + width), float(y + height))


def truth(x, y, width, height, label="coin", *, crowd=False, area=None):
    """Return an object that is there."""
    return TruthBox(label, box(x, y, width, height), float(width * height if area is None else area), crowd)


def find(x, y, width, height, score=0.9, label="coin"):
    """Return an object that was found."""
    return Detection.of_box(label=label, score=float(score), class_id=0, box=box(x, y, width, height))


def scene(*pictures, labels=("coin",), threshold=0.0):
    """Return a dataset and what was seen in it, of (truths, finds) a picture; only strong finds are served."""
    images, seen = [], []
    for number, (truths, finds) in enumerate(pictures):
        name = f"{number:05}.png"
        images.append(TruthImage(name, Path(name), tuple(truths)))
        ranked = tuple(sorted(finds, key=lambda each: -each.score))
        served = tuple(each for each in ranked if each.score >= threshold)
        seen.append(Seen(name, 640, 480, served, ranked, {"infer": 2.0, "total": 3.0}))
    return Dataset("drawn", "0" * 64, Task.OBJECT_DETECTION, tuple(labels), tuple(images)), seen


def drawn_scene(seed, *, images=30, objects=6, labels=3, crowds=0.1, levels=20, strange=False, threshold=0.4):
    """Return a scene with everything in it: crowds, equal scores, empty pictures, finds twice, nowhere and elsewhere.

    ``levels``: how many different scores there are, so that many are equal; ``strange``: labels the truth lacks.
    """
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(images):
        truths, finds = [], []
        for _ in range(int(rng.integers(0, 2 * objects)) if rng.random() < 0.9 else 0):
            sides = rng.integers(5, 150, 2)
            place = rng.integers(0, 300, 2)
            label = f"l{rng.integers(labels)}"
            area = float(sides.prod() * rng.uniform(0.5, 1)) if rng.random() < 0.5 else None
            truths.append(truth(*place, *sides, label, crowd=bool(rng.random() < crowds), area=area))
            for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3]))):
                moved = np.maximum([*(place + rng.normal(0, 3, 2)), *(sides + rng.normal(0, 4, 2))], 0)
                called = label if rng.random() < 0.9 else f"l{rng.integers(labels)}"
                finds.append(find(*moved, round(rng.beta(4, 2) * levels) / levels, called))
        for _ in range(int(rng.integers(0, 5))):
            called = f"l{rng.integers(labels + 1 if strange else labels)}"
            finds.append(find(*rng.uniform(0, 200, 4), round(rng.beta(1, 3) * levels) / levels, called))
        rng.shuffle(finds)
        pictures.append((truths, finds if rng.random() < 0.93 else []))
    return scene(*pictures, labels=[f"l{number}" for number in range(labels)], threshold=threshold)


def said(label, *answers, name=None, problem=None):
    """Return a picture that shows a label, and (label, score) that were said of it."""
    entries = tuple(Classification(answer, score, 0) for answer, score in answers)
    return label, entries, name, problem


def album(*pictures, labels):
    """Return a dataset for a classifier and what was said of it."""
    images, seen = [], []
    for number, (label, entries, name, problem) in enumerate(pictures):
        named = name or f"{number:05}.png"
        images.append(TruthImage(named, Path(named), (), label))
        seen.append(Seen(named, 32, 32, entries, entries, {"total": 1.0}, problem))
    return Dataset("drawn", "0" * 64, Task.IMAGE_CLASSIFICATION, tuple(labels), tuple(images)), seen


def drawn_album(seed, *, images=80, labels=7, silent=0.1, strange=0.1):
    """Return an album in which some is right, some wrong, some unsaid, some of no label that the truth knows."""
    rng = np.random.default_rng(seed)
    names = [f"l{number}" for number in range(labels)]
    pictures = []
    for _ in range(images):
        true = int(rng.integers(labels - 1))  # the last label is in no picture
        order = [int(each) for each in rng.permutation(labels)]
        if rng.random() < 0.6:
            order.remove(true)
            order.insert(0, true)
        scores = sorted(rng.dirichlet(np.ones(labels)), reverse=True)
        answers = [(names[each], float(score)) for each, score in zip(order, scores, strict=True)]
        if rng.random() < strange:
            answers[0] = ("nobody's", answers[0][1])
        pictures.append(said(names[true], *([] if rng.random() < silent else answers)))
    return album(*pictures, labels=names)
