"""The command line: ``python -m saccade.training.sem_textures {sheet|generate|train|export|measure|samples|all}``."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from saccade.training.sem_textures.calibration import fit_temperature
from saccade.training.sem_textures.card import Findings, card_text
from saccade.training.sem_textures.dataset import PictureSet, make_set
from saccade.training.sem_textures.graph import Graph
from saccade.training.sem_textures.measuring import measure, measure_time
from saccade.training.sem_textures.package import GRAPH_FILE, write_configuration, write_manifest, write_samples
from saccade.training.sem_textures.recipe import (
    CALIBRATION_SEED,
    LARGE_SEED,
    QUICK,
    SHIPPED,
    TEST_SEED,
    TRAIN_SEED,
    Recipe,
)
from saccade.training.sem_textures.sheet import write_sheet

_EMBEDDED = Path(__file__).parents[2] / "models" / "embedded" / "sem-textures"


@dataclass(frozen=True)
class Run:
    """One call: what to make and where."""

    recipe: Recipe
    #: Folder for pictures and weights, kept between commands.
    work: Path
    #: Folder of the package.
    output: Path
    #: Folder of the demonstration pictures.
    samples: Path

    @property
    def weights(self) -> Path:
        """Where the trained network is kept."""
        return self.work / "network.pt"

    @property
    def facts(self) -> Path:
        """Where the export notes what the card will say about the training."""
        return self.work / "facts.json"

    def train_set(self) -> PictureSet:
        """Return the pictures to train on."""
        shape, count = self.recipe.picture_shape, self.recipe.train_per_label
        return make_set(self.work / "train.npy", per_label=count, first_seed=TRAIN_SEED, shape=shape)

    def calibration_set(self) -> PictureSet:
        """Return the pictures that set the temperature."""
        shape, count = self.recipe.picture_shape, self.recipe.calibration_per_label
        return make_set(self.work / "calibration.npy", per_label=count, first_seed=CALIBRATION_SEED, shape=shape)

    def test_set(self) -> PictureSet:
        """Return the pictures that are only measured."""
        shape, count = self.recipe.picture_shape, self.recipe.test_per_label
        return make_set(self.work / "test.npy", per_label=count, first_seed=TEST_SEED, shape=shape)

    def large_set(self) -> PictureSet:
        """Return the large pictures that are only measured."""
        shape, count = self.recipe.large_shape, self.recipe.large_per_label
        return make_set(self.work / "large.npy", per_label=count, first_seed=LARGE_SEED, shape=shape)


def _sheet(run: Run) -> None:
    """Draw the contact sheet."""
    run.work.mkdir(parents=True, exist_ok=True)
    write_sheet(run.work / "sheet.png")
    print(f"wrote {run.work / 'sheet.png'}")


def _generate(run: Run) -> None:
    """Make all sets of pictures."""
    for make in (run.calibration_set, run.test_set, run.large_set, run.train_set):
        make()
    print("pictures are ready")


def _train(run: Run) -> None:
    """Train and keep the network."""
    from saccade.training.sem_textures.fitting import save_weights, train

    fitted = train(run.train_set(), recipe=run.recipe)
    save_weights(run.weights, fitted)
    print(f"trained {fitted.weights} weights in {fitted.elapsed_s:.0f} s")


def _export(run: Run) -> None:
    """Set the temperature, write the graph, its configuration, references and manifest."""
    from saccade.training.sem_textures.exporting import export_graph
    from saccade.training.sem_textures.fitting import load_weights, logits_of

    fitted = load_weights(run.weights)
    pictures = run.calibration_set()
    temperature = fit_temperature(logits_of(fitted.network, pictures), pictures.targets)
    write_configuration(run.output)
    export_graph(fitted.network, run.output / GRAPH_FILE, temperature=temperature)
    write_manifest(run.output)
    facts = {"temperature": temperature, "training_s": fitted.elapsed_s, "weights": fitted.weights}
    run.facts.write_text(json.dumps(facts) + "\n", encoding="utf-8")
    print(f"wrote {run.output} with temperature {temperature:.3f}")


def _measure(run: Run) -> None:
    """Measure the exported graph and write the card."""
    facts: dict[str, float] = json.loads(run.facts.read_text(encoding="utf-8"))
    test, large = run.test_set(), run.large_set()
    graph = Graph.opened(run.output / GRAPH_FILE)
    findings = Findings(
        recipe=run.recipe,
        test=measure(graph, test),
        uncalibrated=measure(graph, test, temperature=1.0 / facts["temperature"]),
        large=measure(graph, large),
        timed=measure_time(graph, large.images[0]),
        temperature=facts["temperature"],
        training_s=facts["training_s"],
        weights=int(facts["weights"]),
        graph_bytes=(run.output / GRAPH_FILE).stat().st_size,
    )
    text = card_text(findings)
    (run.output / "README.md").write_text(text, encoding="utf-8")
    print(text)


def _samples(run: Run) -> None:
    """Write the demonstration pictures."""
    write_samples(run.samples)
    print(f"wrote {run.samples}")


def _all(run: Run) -> None:
    """Do everything in turn."""
    for number, step in enumerate((_sheet, _generate, _train, _export, _measure, _samples), start=1):
        print(f"[{number}/6] {step.__doc__}", flush=True)
        step(run)


_COMMANDS: Mapping[str, Callable[[Run], None]] = {
    "sheet": _sheet,
    "generate": _generate,
    "train": _train,
    "export": _export,
    "measure": _measure,
    "samples": _samples,
    "all": _all,
}


def _run_from(arguments: Sequence[str]) -> tuple[Callable[[Run], None], Run]:
    """Return the command and its settings from the words of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m saccade.training.sem_textures", description="Make the sem-textures package."
    )
    summary = "; ".join(f"{name}: {(command.__doc__ or '').rstrip('.').lower()}" for name, command in _COMMANDS.items())
    parser.add_argument("command", choices=list(_COMMANDS), help=summary)
    parser.add_argument(
        "--quick", action="store_true", help="a tiny run through the same path, with no promise about accuracy"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("build/sem-textures"),
        help="folder for pictures and weights (default: %(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, help="folder of the package (default: the shipped one; with --quick: inside --work)"
    )
    parser.add_argument(
        "--samples",
        type=Path,
        help="folder of the samples (default: samples/sem-textures; with --quick: inside --work)",
    )
    chosen = parser.parse_args(arguments)
    work = chosen.work / "quick" if chosen.quick else chosen.work
    output = chosen.output or (work / "package" if chosen.quick else _EMBEDDED)
    samples = chosen.samples or (work / "samples" if chosen.quick else Path("samples/sem-textures"))
    return _COMMANDS[chosen.command], Run(QUICK if chosen.quick else SHIPPED, work, output, samples)


def main(arguments: Sequence[str]) -> None:
    """Run one command of the package's maker."""
    command, run = _run_from(arguments)
    command(run)


if __name__ == "__main__":
    main(sys.argv[1:])
