"""What a layout is shown of a folder, and what it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from saccade.models.graph import GraphFacts, Inspector
from saccade.models.manifest import Manifest
from saccade.models.package import Plain
from saccade.models.prediction import Task
from saccade.models.preprocess.plan import Plan
from saccade.models.tokens import TextPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A folder that may be a package.

    Attributes:
        folder: The folder.
        given: What its saccade.yaml says, and nothing at all where there is none. What is given need not be found, and
            a layout does not look for it: its own file may say something that Saccade cannot do.
        inspect: Checks a graph and reads its facts.
        only: The one graph to look at, where the package is a lone file among others.
    """

    folder: Path
    given: Manifest
    inspect: Inspector
    only: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """What a layout found; None means that its files do not say.

    Attributes:
        layout: The layout's name.
        graph: The ONNX file.
        facts: What is known of it.
        task: What the model does.
        family: Which decoder reads its outputs.
        labels: By class id.
        plan: How a picture becomes its input.
        decoder: Options of the decoder.
        description: For people.
        license: As the exporter wrote it.
        version: The version that the layout itself keeps.
        files: The other files that were used.
        advice: What to do where the plan is missing.
        text: How labels become tokens.
    """

    layout: str
    graph: Path
    facts: GraphFacts
    task: Task | None = None
    family: str | None = None
    labels: tuple[str, ...] | None = None
    plan: Plan | None = None
    decoder: Mapping[str, Plain] = field(default_factory=dict)
    description: str = ""
    license: str | None = None
    version: str | None = None
    files: tuple[Path, ...] = ()
    advice: str = "Write `preprocess` in a saccade.yaml beside the graph."
    text: TextPlan | None = None
