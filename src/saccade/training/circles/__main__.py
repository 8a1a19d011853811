"""The circles detector's command line: generate, train, export, measure, samples, or all of making it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from saccade.training.circles.generator import SCENES
from saccade.training.circles.matching import Report, Tally
from saccade.training.circles.measure import Detector, coco_set, drawn_set, measure, time_graph
from saccade.training.circles.pipeline import Workshop, say
from saccade.training.circles.recipe import QUICK, SHIPPED
from saccade.training.circles.samples import write_samples

DEFAULT_GRAPH = Path(__file__).resolve().parents[2] / "models" / "embedded" / "circles" / "onnx" / "model.onnx"
DEFAULT_THRESHOLD = 0.5


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command."""
    asked = _parser().parse_args(arguments)
    started = time.monotonic()
    if asked.command == "measure":
        _measure(asked)
    elif asked.command == "samples":
        write_samples(asked.output)
    else:
        _make(asked)
    say(f"{asked.command} took {time.monotonic() - started:.0f} s")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m saccade.training.circles", description="Make and measure the circles detector."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = {
        "generate": "draw the training and validation pictures",
        "train": "train on the drawn pictures",
        "export": "calibrate, write the graph and its package, and measure it",
        "all": "generate, train and export",
    }
    for name, text in making.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--work", type=Path, help="folder for pictures and weights, by default build/circles")
        command.add_argument(
            "--quick", action="store_true", help="a few minutes along the same path; what comes out detects little"
        )
        if name in ("export", "all"):
            command.add_argument("--output", type=Path, required=True, help="folder of the package")
            command.add_argument("--coco", type=Path, help="COCO file of real pictures to measure as well")
            command.add_argument("--images", type=Path, help="folder of its pictures")
            command.add_argument("--history", default="", help="in what the weights' making differed, for the card")
    measuring = commands.add_parser("measure", help="measure a graph on a set")
    measuring.add_argument("--model", type=Path, default=DEFAULT_GRAPH, help="ONNX file")
    measuring.add_argument(
        "--threshold", type=float, default=DEFAULT_THRESHOLD, help="lowest score that counts as returned"
    )
    measuring.add_argument("--set", dest="kind", choices=sorted(SCENES), help="a drawn set")
    measuring.add_argument("--pictures", type=int, help="how many of a drawn set")
    measuring.add_argument("--coco", type=Path, help="COCO file with boxes")
    measuring.add_argument("--images", type=Path, help="folder of its pictures")
    drawing = commands.add_parser("samples", help="write sample pictures")
    drawing.add_argument("--output", type=Path, required=True, help="folder of the pictures")
    return parser


def _make(asked: argparse.Namespace) -> None:
    # Apart, for what is done already in a work folder is not done again.
    work = asked.work or Path("build/circles/quick" if asked.quick else "build/circles/whole")
    workshop = Workshop(work, QUICK if asked.quick else SHIPPED, is_quick=asked.quick)
    if asked.command in ("generate", "all"):
        workshop.generate()
    if asked.command in ("train", "all"):
        workshop.train()
    if asked.command in ("export", "all"):
        photographs = (asked.coco, asked.images) if asked.coco and asked.images else None
        workshop.finish(asked.output, photographs, asked.history)


def _measure(asked: argparse.Namespace) -> None:
    detector = Detector.of(asked.model)
    if asked.coco and asked.images:
        tally = measure(detector, coco_set(asked.coco, asked.images))
    elif asked.kind:
        tally = measure(detector, drawn_set(asked.kind, asked.pictures))
    else:
        raise SystemExit("measure needs --set, or --coco and --images")
    _print_report(tally, tally.report(asked.threshold))
    median_ms, least_ms = time_graph(detector)
    say(f"graph for 640 x 480 on one core: median {median_ms:.1f} ms, least {least_ms:.1f} ms")


def _print_report(tally: Tally, report: Report) -> None:
    say(f"pictures {report.pictures}, things {report.things}, returned {report.found}, right {report.correct}")
    say(f"precision {report.precision:.4f}, recall {report.recall:.4f}, F1 {report.f1:.4f}")
    say(f"mean IoU {report.mean_iou:.3f}")
    say(
        f"false per picture {report.false_per_picture:.4f}, ECE {report.ece:.4f}, of returned {report.ece_returned:.4f}"
    )
    say(f"median centre error {report.centre_error:.2%} of the diameter, radius error {report.radius_error:.2%}")
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
        other = tally.report(threshold)
        say(f"at {threshold}: precision {other.precision:.4f}, recall {other.recall:.4f}, F1 {other.f1:.4f}")


if __name__ == "__main__":
    main()
