"""The package that is served: the graph's manifest, its reference pictures with their answers, and the card."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from saccade.models.decoders.peaks import MAX_CONTAINMENT, MAX_IOU, NESTED_AREA, NESTED_COUNT, NESTED_SCORE
from saccade.training.circles.matching import Report
from saccade.training.circles.measure import Detector
from saccade.training.circles.preprocess import LONG_SIDE_PX, MULTIPLE_PX
from saccade.training.circles.recipe import Recipe
from saccade.training.circles.samples import REFERENCES, write_references

GRAPH_NAME = "onnx/model.onnx"
LABEL = "circle"
DESCRIPTION = "Finds round things (coins, wells, particles, dishes, washers) with box, centre and radius."
TAGS = ["circles", "coins", "counting", "microplates", "microscopy", "synthetic"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured of the finished graph.

    Attributes:
        threshold: The default threshold.
        reports: Figures by the set's name.
        bins: Mean score, share of right finds and count of the reliability bins of all drawn sets together.
        median_ms: Time of the graph for 640 x 480 px on one core.
        least_ms: The least such time.
    """

    threshold: float
    reports: dict[str, Report]
    bins: list[tuple[float, float, int]]
    median_ms: float
    least_ms: float

    def as_json(self) -> dict[str, object]:
        """Return plain values for a JSON file."""
        return asdict(self)


def manifest(folder: Path, threshold: float) -> dict[str, object]:
    """Return what saccade.yaml says; the graph and the reference pictures are in ``folder`` already."""
    detector = Detector.of(folder / GRAPH_NAME)
    return {
        "name": "circles",
        "version": "1",
        "task": "object-detection",
        "family": "peaks",
        "license": "Apache-2.0",
        "tags": TAGS,
        "description": DESCRIPTION,
        "threshold": threshold,
        "graph": GRAPH_NAME,
        "labels": [LABEL],
        "decoder": {
            "max_iou": MAX_IOU,
            "max_containment": MAX_CONTAINMENT,
            "nested_area": NESTED_AREA,
            "nested_count": NESTED_COUNT,
        },
        "preprocess": {
            "steps": [
                {"fit": {"long_side_px": LONG_SIDE_PX, "resample": "bilinear"}},
                {"rescale": {"factor": 1 / 255}},
                {"pad": {"multiple": MULTIPLE_PX, "mode": "edge"}},
            ]
        },
        "references": [
            {"image": f"references/{name}", "predictions": answers(detector, folder / "references" / name, threshold)}
            for name in REFERENCES
        ],
    }


def answers(detector: Detector, path: Path, threshold: float) -> list[dict[str, object]]:
    """Return what the detector says of a picture file, as the API words it; coordinates in px of the picture."""
    with Image.open(path) as file:
        found = detector.find(np.asarray(file.convert("RGB")), threshold)
    rows = []
    for score, box, circle in zip(found.scores.tolist(), found.boxes.tolist(), found.circles.tolist(), strict=True):
        x_min, y_min, x_max, y_max = (round(value, 2) for value in box)
        rows.append(
            {
                "label": LABEL,
                "score": round(score, 4),
                "box": {"xmin": x_min, "ymin": y_min, "xmax": x_max, "ymax": y_max},
                "centroid": {"x": round(circle[0], 2), "y": round(circle[1], 2)},
                "radius_px": round(circle[2], 2),
            }
        )
    return rows


def write_package(folder: Path, findings: Findings, recipe: Recipe, command: str, history: str = "") -> None:
    """Write manifest, reference pictures and card around the graph that is in ``folder`` already.

    Args:
        folder: Of the package.
        findings: What was measured of it.
        recipe: By which it was made.
        command: That makes it.
        history: In what the making differed from the recipe, for the card.
    """
    write_references(folder / "references")
    text = yaml.safe_dump(manifest(folder, findings.threshold), sort_keys=False, allow_unicode=True, width=120)
    (folder / "saccade.yaml").write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(card(folder, findings, recipe, command, history), encoding="utf-8")


def card(folder: Path, findings: Findings, recipe: Recipe, command: str, history: str = "") -> str:
    """Return the model card in Markdown."""
    size_kb = (folder / GRAPH_NAME).stat().st_size / 1000
    iterations = " + ".join(f"{plan.iterations:,}" for plan in recipe.plans)
    states = ", ".join(str(plan.random_state) for plan in recipe.plans)
    template = Path(__file__).with_name("card.md").read_text(encoding="utf-8")
    return template.format(
        size_kb=size_kb,
        command=command,
        pictures=recipe.pictures,
        more=", ".join(f"{count:,} of the kind `{kind}`" for kind, count in recipe.more.items()),
        iterations=iterations,
        history=f" {history}" if history else "",
        states=states,
        validation=recipe.validation,
        threshold=findings.threshold,
        rows="\n".join(_row(name, report) for name, report in findings.reports.items()),
        bins="\n".join(f"| {score:.2f} | {right:.2f} | {count:,} |" for score, right, count in findings.bins),
        median_ms=findings.median_ms,
        least_ms=findings.least_ms,
        max_iou=MAX_IOU,
        max_containment=MAX_CONTAINMENT,
        nested_area=NESTED_AREA,
        nested_count=NESTED_COUNT,
        nested_score=NESTED_SCORE,
    )


def _row(name: str, report: Report) -> str:
    if not report.things:
        shares = "- | - | - | -"
    else:
        shares = f"{report.precision:.3f} | {report.recall:.3f} | **{report.f1:.3f}** | {report.mean_iou:.3f}"
    outline = "- | -" if np.isnan(report.centre_error) else f"{report.centre_error:.1%} | {report.radius_error:.1%}"
    counts = f"{report.pictures:,} | {report.things:,}"
    trust = f"{report.ece:.3f} | {report.ece_returned:.3f}"
    return f"| {name} | {counts} | {shares} | {report.false_per_picture:.3f} | {trust} | {outline} |"
