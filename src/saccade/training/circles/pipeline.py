"""From nothing to a package, step by step, in a work folder; a step that is done already is not done again."""

from __future__ import annotations

import json
import time
from pathlib import Path

from saccade.training.circles.calibration import choose
from saccade.training.circles.export import Calibration, export, load_net
from saccade.training.circles.generator import SCENES
from saccade.training.circles.matching import Report, Tally, reliability
from saccade.training.circles.measure import (
    Detector,
    coco_set,
    first_state_of,
    measure,
    set_size,
    shard_set,
    time_graph,
)
from saccade.training.circles.package import GRAPH_NAME, Findings, write_package
from saccade.training.circles.recipe import Recipe
from saccade.training.circles.shards import STATES_PER_SET, TRAIN_FIRST_STATE, VALIDATION_FIRST_STATE, write_shards
from saccade.training.circles.train import Course, train

PHOTOGRAPHS = "coins-dev"


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(line, flush=True)


class Workshop:
    """A work folder and a recipe, and the steps between them."""

    def __init__(self, work: Path, recipe: Recipe, *, is_quick: bool = False) -> None:
        """Work in ``work`` by ``recipe``."""
        self._work = work
        self._recipe = recipe
        self._command = "python -m saccade.training.circles all" + (" --quick" if is_quick else "")

    def generate(self) -> None:
        """Draw the pictures to train, to calibrate and to measure on."""
        recipe = self._recipe
        for name, first, count in (
            ("validation", VALIDATION_FIRST_STATE, recipe.validation),
            ("train", TRAIN_FIRST_STATE, recipe.pictures),
        ):
            write_shards(self._work / name, first_state=first, count=count, processes=recipe.workers, report=say)
        for kind, count in recipe.more.items():
            first = TRAIN_FIRST_STATE + STATES_PER_SET * (1 + list(SCENES).index(kind))
            write_shards(
                self._work / "train", first_state=first, count=count, processes=recipe.workers, report=say, kind=kind
            )
        for kind in SCENES:
            count = recipe.test_pictures or set_size(kind)
            folder, first = self._work / "test" / kind, first_state_of(kind)
            write_shards(folder, first_state=first, count=count, processes=recipe.workers, report=say, kind=kind)

    def train(self) -> None:
        """Run each plan of the recipe from the weights of the one before."""
        start: Path | None = None
        for number, plan in enumerate(self._recipe.plans, start=1):
            checkpoint = self._work / f"weights_{number}.pt"
            done = checkpoint.with_suffix(".done")
            if not done.exists():
                began = time.monotonic()
                train(Course(self._work / "train", checkpoint, plan, start), workers=self._recipe.workers)
                done.write_text(f"{(time.monotonic() - began) / 60:.1f}\n")
            start = checkpoint

    def finish(self, output: Path, photographs: tuple[Path, Path] | None = None, history: str = "") -> None:
        """Calibrate the last weights, write the graph, measure it, and write the package around it.

        Args:
            output: Folder of the package.
            photographs: COCO file and folder of real pictures to measure as well.
            history: In what the making differed from the recipe, for the card.
        """
        net = load_net(self._work / f"weights_{len(self._recipe.plans)}.pt")
        raw = self._work / "raw.onnx"
        export(net, raw, Calibration())
        choice = choose(measure(Detector.of(raw), shard_set(self._work / "validation", self._recipe.validation)))
        calibration = choice.calibration
        say(f"calibration: slope {calibration.slope:.3f}, offset {calibration.offset:.3f}")
        say(f"default threshold: {choice.threshold:g}")
        export(net, output / GRAPH_NAME, calibration)
        findings = self._measure(output / GRAPH_NAME, choice.threshold, photographs)
        (self._work / "findings.json").write_text(json.dumps(findings.as_json(), indent=1))
        write_package(output, findings, self._recipe, self._command, history)
        say(f"package written to {output.name}")

    def _measure(self, graph: Path, threshold: float, photographs: tuple[Path, Path] | None) -> Findings:
        detector = Detector.of(graph)
        reports: dict[str, Report] = {}
        together = Tally()
        if photographs:
            reports[PHOTOGRAPHS] = measure(detector, coco_set(*photographs)).report(threshold)
            say(f"{PHOTOGRAPHS}: F1 {reports[PHOTOGRAPHS].f1:.4f}")
        for kind in SCENES:
            tally = measure(detector, shard_set(self._work / "test" / kind))
            reports[kind] = tally.report(threshold)
            together.scores += tally.scores
            together.hits += tally.hits
            say(f"{kind}: F1 {reports[kind].f1:.4f}, false per picture {reports[kind].false_per_picture:.4f}")
        median_ms, least_ms = time_graph(detector)
        return Findings(threshold, reports, reliability(together), median_ms, least_ms)
