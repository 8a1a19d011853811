"""``saccade models convert``: from a torch checkpoint to a package. Nothing of torch is imported before it is run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli.options import AsJson, ModelsFolder, read_settings
from saccade.cli.output import shown_bytes, stderr, stdout, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from saccade.conversion.comparing import Difference
    from saccade.conversion.convert import Converted

#: Names of weights in one line; a checkpoint may have hundreds that are not used.
_SHOWN = 5


def convert_model(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="hf:org/name@revision, a folder of transformers, or a .pth or .safetensors file of torchvision's.",
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write the package there; without it, into the models folder."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The model's name, else the source's.")] = None,
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="Its version, else 1.")] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with its labels, one a line or JSON.", exists=True, dir_okay=False),
    ] = None,
    as_json: AsJson = False,
    folder: ModelsFolder = None,
) -> None:
    """Make a package of a torch checkpoint: weights are exported to ONNX and compared with torch.

    Read are ViT classifiers and OWL-ViT of transformers (safetensors), and torchvision's resnet, efficientnet,
    mobilenet_v3 and squeezenet. Needs the extra `export`, and torch. Where graph and torch differ, nothing is written.
    """
    from saccade.conversion.libraries import require_libraries

    require_libraries()
    from saccade.cli.platform import opened
    from saccade.conversion.convert import Target, convert
    from saccade.models.add import Wishes

    settings = read_settings({"SACCADE_MODELS": folder})
    wishes = Wishes(name=name, version=version, labels_file=labels)
    target = Target(models_folder=settings.models_folder, output=output)
    with opened(settings) as platform, stderr().status(f"Converting {source} …"):
        made = convert(source, target, inspect=platform.inspector, check=platform.check, wishes=wishes)
    _write(made, as_json=as_json)


def _write(made: Converted, *, as_json: bool) -> None:
    """Say what was made, and how near it is to torch."""
    from saccade.predictions.render import card_to_json

    card = made.card
    if as_json:
        rows = [
            {"pictures": row.pictures, "output": row.output, "largest_difference": row.largest, "scale": row.scale}
            for row in made.differences
        ]
        said = {"folder": str(made.folder), "compared": rows, "left_out": list(made.left_out)}
        write_json({"model": card.reference, **said, **card_to_json(card)}, indent=2)
        return
    labels = f"{len(card.labels)} labels, " if card.labels else ""
    console = stdout()
    console.print(
        f"[green]✓[/] Converted [bold]{card.reference}[/]: {card.task.value}, {labels}{shown_bytes(card.size_bytes)}"
    )
    for output in dict.fromkeys(row.output for row in made.differences):
        rows_of = [row for row in made.differences if row.output == output]
        console.print(f"  [dim]{_compared(output, rows_of)}[/]", soft_wrap=True)
    for line in (card.description, f"Lies in {made.folder}"):
        if line:
            console.print(f"  {line}", style="dim", markup=False, soft_wrap=True)
    if made.left_out:
        stderr().print(
            f"Left out, for no layer uses them: {', '.join(made.left_out[:_SHOWN])}"
            f"{f' and {len(made.left_out) - _SHOWN} more' if made.left_out[_SHOWN:] else ''}.",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


def _compared(output: str, rows: Sequence[Difference]) -> str:
    """Return how far graph and torch are apart in one output."""
    numbers = ", ".join(str(row.pictures) for row in rows)
    largest, scale = max(row.largest for row in rows), max(row.scale for row in rows)
    return f"{output}: {largest:.1e} from torch's, of values up to {scale:.2g}, with {numbers} pictures; same order."
