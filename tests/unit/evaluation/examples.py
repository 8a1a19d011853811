"""Evaluations made up by a seed; their figures follow from finds and truths that were drawn, and so agree."""

from __future__ import annotations

import random
from dataclasses import replace

from saccade.evaluation.document import (
    Bin,
    Calibration,
    ClassificationFigures,
    ClassRow,
    Coco,
    Counted,
    Curve,
    DetectionFigures,
    Evaluation,
    Figure,
    ImageRow,
    Jaccard,
    LabelRow,
    ModelEvaluation,
    SizeRow,
    StageLatency,
)
from saccade.models.prediction import Task

NONE = Figure(None)
IOUS = (0.3, 0.5, 0.7, 0.9)
COINS = ("1 Euro", "2 Euro", "50 Cent", "20 Cent")
TEXTURES = ("tips", "powder", "films", "fibres", "patterned", "porous")


def figure(value, spread=0.04):
    """Return a figure with an interval around it, as a bootstrap would give it."""
    if value is None:
        return NONE
    value = round(value, 6)
    return Figure(value, max(0.0, value - spread), min(1.0, value + 0.8 * spread))


def counted(iou, right, wrong, missed, spread=0.04):
    """Return counts and what follows from them."""
    precision = right / (right + wrong) if right + wrong else None
    recall = right / (right + missed) if right + missed else None
    f1 = 2 * right / (2 * right + wrong + missed) if right + wrong + missed else None
    return Counted(iou, right, wrong, missed, *(figure(each, spread) for each in (precision, recall, f1)))


def curve_of(finds, truths, label, iou, threshold):
    """Return precision over recall of (score, is_right), best first."""
    points, right, operating = [], 0, None
    for number, (score, is_right) in enumerate(sorted(finds, reverse=True), 1):
        right += is_right
        points.append((right / max(1, truths), right / number, score))
        if score >= threshold:
            operating = points[-1][:2]
    return Curve(label, iou, tuple(points), operating)


def calibration_of(answers, bins=10):
    """Return how often (score, is_right) were right, by score."""
    found, gap = [], 0.0
    for number in range(bins):
        inside = [(s, r) for s, r in answers if min(int(s * bins), bins - 1) == number]
        mean = sum(s for s, _ in inside) / len(inside) if inside else None
        share = sum(r for _, r in inside) / len(inside) if inside else None
        if inside:
            gap += len(inside) * abs(mean - share)
        found.append(Bin(number / bins, (number + 1) / bins, len(inside), mean, share))
    return Calibration(figure(gap / len(answers) if answers else None, 0.02), tuple(found))


def stages(rng, scale=1.0):
    """Return latencies by stage."""
    means = {"queue": 0.3, "decode": 4.1, "preprocess": 2.2, "infer": 18.5, "postprocess": 0.9, "total": 26.4}
    return tuple(
        StageLatency(name, mean * scale, mean * scale * 0.94, mean * scale * 1.3, mean * scale * rng.uniform(1.6, 2.4),
                     mean * scale * 3.1)
        for name, mean in means.items()
    )  # fmt: skip


def detector(name="circles@1", *, seed=1, skill=0.8, labels=COINS, names=None, failed=0, threshold=0.5, images=29):
    """Return a detector's evaluation whose counts, curves and rows come from the same drawn finds."""
    rng = random.Random(seed)
    names = names or [f"{number:03}_coins.jpg" for number in range(images)]
    truths = {label: rng.randint(8, 60) for label in labels}
    drawn = {label: finds_of(rng, truths[label], skill) for label in labels}
    finds, total = [find for own in drawn.values() for find in own], sum(truths.values())
    curves = [curve_of(own, truths[label], label, 0.5, threshold) for label, own in drawn.items()]
    curves += [curve_of(finds, total, None, 0.5, threshold)]
    curves += [curve_of([(s, r and rng.random() < 0.85) for s, r in finds], total, None, 0.75, threshold)]
    label_rows = tuple(label_row(label, truths[label], own, threshold) for label, own in drawn.items())
    served = [is_right for score, is_right in finds if score >= threshold]
    counts = [
        tuple(counts_at(iou, sum(served) * part, len(served), total) for iou, part in zip(IOUS, parts, strict=True))
        for parts in ((1.0, 1.0, 0.9, 0.4), (1.02, 1.0, 0.91, 0.41))
    ]
    rows = tuple(image_row(rng, picture, skill, has_failed=n < failed) for n, picture in enumerate(names))
    overlaps = [row.jaccard for row in rows]
    mean = sum(overlaps) / len(overlaps)
    ap50 = sum(row.ap50 for row in label_rows) / len(label_rows)
    coco = Coco(figure(ap50 * 0.8, 0.05), figure(ap50, 0.05), figure(ap50 * 0.85, 0.06), None,
                *(ap50 * part for part in (0.7, 0.9, 0.3, 0.8, 0.88)), None, ap50 * 0.75, ap50 * 0.93)  # fmt: skip
    sizes = (SizeRow("small", 0, None, None, None), SizeRow("medium", total // 3, ap50 * 0.7, ap50 * 0.75, ap50 * 0.8),
             SizeRow("large", total - total // 3, ap50 * 0.9, ap50 * 0.93, ap50 * 0.95))  # fmt: skip
    found = DetectionFigures(
        threshold, total, len(served), coco, *counts,
        Jaccard(figure(mean), figure(mean * 0.97), min(overlaps), max(overlaps), len(overlaps)),
        label_rows, sizes, tuple(curves), calibration_of([(s, r) for s, r in finds if s >= threshold]),
    )  # fmt: skip
    timing = stages(rng, 1 + 0.2 * seed)
    return ModelEvaluation(name, "sha256:" + f"{seed:x}" * 64, Task.OBJECT_DETECTION, "onnxruntime 1.20, cpu", found,
                           None, timing, failed, flat_of(found, timing, failed), rows)  # fmt: skip


def finds_of(rng, truths, skill):
    """Return finds of one label as (score, is_right)."""
    own = min(0.97, max(0.05, rng.gauss(skill, 0.15)))
    right = [(min(0.999, max(0.02, rng.gauss(0.75, 0.15))), True) for _ in range(round(truths * own))]
    return right + [(min(0.99, max(0.02, rng.gauss(0.35, 0.2))), False) for _ in range(round(truths * (1.2 - skill)))]


def counts_at(iou, right, finds, truths):
    """Return counts of so many finds and truths, of which about so many are right."""
    number = min(finds, round(right))
    return counted(iou, number, finds - number, truths - number)


def label_row(label, truths, finds, threshold):
    """Return a label's figures."""
    served = [is_right for score, is_right in finds if score >= threshold]
    each = counts_at(0.5, sum(served), len(served), truths)
    ap50 = 0.95 * sum(is_right for _, is_right in finds) / truths
    figures = (each.precision.value, each.recall.value, each.f1.value)
    return LabelRow(label, truths, len(served), ap50 * 0.8, ap50, *figures)


def image_row(rng, name, skill, *, has_failed):
    """Return what was counted in one picture."""
    if has_failed:
        problem = "image_unreadable: It ends too early."
        return ImageRow(name, 0, 0, 4, 0, 0, 0, 4, 0.0, badness=1.0, problem=problem)
    here = rng.randint(1, 9)
    good = sum(rng.random() < skill for _ in range(here))
    wrong = sum(rng.random() < 1 - skill for _ in range(3))
    badness = 1 - 2 * good / (good + wrong + here)
    overlap = max(0.0, min(1.0, rng.gauss(skill, 0.12)))
    return ImageRow(name, 640, 480, here, good + wrong, good, wrong, here - good, overlap, badness=badness, total_ms=26)


def flat_of(found, timing, failed):
    """Return a detector's figures by name, without those that are not known."""
    coco, jaccard = found.coco, found.jaccard
    flat = {"ap": coco.ap.value, "ap50": coco.ap50.value, "ap75": coco.ap75.value, "ar100": coco.ar100,
            "jaccard": jaccard.mean.value, "jaccard_weighted": jaccard.weighted.value,
            "ece": found.calibration.ece.value, "p50_ms": timing[-1].p50, "p99_ms": timing[-1].p99,
            "failed": float(failed)}  # fmt: skip
    for prefix, every in (("", found.greedy), ("hungarian_", found.hungarian)):
        for each in every:
            for what in ("precision", "recall", "f1"):
                flat[f"{prefix}{what}@{each.iou:g}"] = getattr(each, what).value
    return {name: value for name, value in flat.items() if value is not None}


def classifier(name="sem-textures@1", *, seed=1, skill=0.85, labels=TEXTURES, images=240, failed=0, unsaid=3):
    """Return a classifier's evaluation whose matrix, rows and figures agree."""
    rng = random.Random(seed)
    rows = tuple(
        classified_row(rng, number, labels, skill, has_failed=number < failed, is_silent=number < failed + unsaid)
        for number in range(images)
    )
    confusion = [[sum((row.label, row.said) == (true, said) for row in rows) for said in labels] for true in labels]
    nothing = [sum((row.label, row.said) == (true, None) for row in rows) for true in labels]
    class_rows = tuple(class_row(n, label, confusion, nothing) for n, label in enumerate(labels))
    scores = [row.f1 for row in class_rows if row.f1 is not None]
    top1, top5 = (sum((row.rank or 9) <= most for row in rows) / images for most in (1, 5))
    answers = [(row.score, row.rank == 1) for row in rows if row.score is not None]
    found = ClassificationFigures(figure(top1), figure(top5, 0.02), figure(sum(scores) / len(scores), 0.05),
                                  class_rows, tuple(map(tuple, confusion)), tuple(nothing),
                                  calibration_of(answers))  # fmt: skip
    timing = stages(rng, 0.3)
    flat = {"top1": top1, "top5": top5, "macro_f1": found.macro_f1.value, "ece": found.calibration.ece.value,
            "p50_ms": timing[-1].p50, "failed": float(failed)}  # fmt: skip
    return ModelEvaluation(name, "sha256:" + "c" * 64, Task.IMAGE_CLASSIFICATION, "onnxruntime 1.20, cpu", None, found,
                           timing, failed, flat, rows)  # fmt: skip


def classified_row(rng, number, labels, skill, *, has_failed, is_silent):
    """Return what was said of one picture."""
    count = len(labels)
    true = rng.randrange(count)
    row = ImageRow(f"{labels[true][:20]}/{number:04}.png", 512, 384, 1, 0, label=labels[true], badness=1.0)
    if is_silent:
        return replace(row, problem="timed_out: The server did not answer." if has_failed else None)
    said = true if rng.random() < skill else (true + 1 + min(count - 2, int(rng.expovariate(1.2)))) % count
    score = min(0.999, max(0.2, rng.gauss(0.88 if said == true else 0.6, 0.12)))
    rank = 1 if said == true else rng.choice((2, 2, 3, 4, None))
    badness = 0.0 if said == true else score
    return replace(row, finds=1, said=labels[said], score=score, rank=rank, badness=badness, total_ms=8.0)


def class_row(number, label, confusion, nothing):
    """Return one label's figures from the matrix."""
    shown, said = sum(confusion[number]) + nothing[number], sum(row[number] for row in confusion)
    right = confusion[number][number]
    each = counted(0, right, said - right, shown - right)
    return ClassRow(label, shown, said, each.precision.value, each.recall.value, each.f1.value)


def empty_detector(name="circles@1"):
    """Return the evaluation of a detector on no picture: nothing can be computed."""
    coco = Coco(NONE, NONE, NONE, *(None,) * 9)
    counts = tuple(Counted(iou, 0, 0, 0, NONE, NONE, NONE) for iou in IOUS)
    found = DetectionFigures(None, 0, 0, coco, counts, counts, Jaccard(NONE, NONE, None, None, 0), (), (), (),
                             Calibration(NONE, ()))  # fmt: skip
    return ModelEvaluation(name, "", Task.OBJECT_DETECTION, "", found, None, (), 0, {"failed": 0.0}, ())


def empty_classifier(name="sem-textures@1"):
    """Return the evaluation of a classifier on no picture."""
    found = ClassificationFigures(NONE, NONE, NONE, (), (), (), Calibration(NONE, ()))
    return ModelEvaluation(name, "", Task.IMAGE_CLASSIFICATION, "", None, found, (), 0, {"failed": 0.0}, ())


def evaluation(*models, dataset="coins-dev", resamples=1000, server=None):
    """Return models side by side."""
    rows = models[0].rows if models else ()
    truths = sum(row.truths for row in rows)
    if models and models[0].detection is not None:
        truths = models[0].detection.truths
    return Evaluation("01890a5d-ac96-774b-bcce-b302099a8057", "2026-11-28T02:52:29+00:00", "0.1.0", dataset, "ab" * 32,
                      len(rows), truths, server, resamples, 7, models)  # fmt: skip


def without_intervals(model):
    """Return a detector's evaluation that was not resampled."""
    found = model.detection
    bare = {name: Figure(getattr(found.coco, name).value) for name in ("ap", "ap50", "ap75")}
    counts = [
        tuple(replace(c, precision=Figure(c.precision.value), recall=Figure(c.recall.value), f1=Figure(c.f1.value))
              for c in every)
        for every in (found.greedy, found.hungarian)
    ]  # fmt: skip
    return replace(model, detection=replace(found, coco=replace(found.coco, **bare), greedy=counts[0],
                                            hungarian=counts[1]))  # fmt: skip
