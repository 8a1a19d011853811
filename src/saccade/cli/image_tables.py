"""Images, what models see in them, and their objects as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, cast

from rich import box
from rich.table import Table
from rich.text import Text

from saccade.cli.output import shown_bytes, shown_score

if TYPE_CHECKING:
    from saccade.predictions.render import Json

_CLASSIFICATION = "image-classification"
#: Labels that a line has room for.
_LABELS = 3
_NAMES = 3


def images_table(found: Sequence[Mapping[str, Json]]) -> Table:
    """Return a row for each image: its id, which is there to be copied, above its names."""
    is_alike = any(image.get("distance") is not None for image in found)
    table = _table("Image", "Sees", "Size", "Remembered", *(["Bits apart"] if is_alike else []))
    for image in found:
        names = cast("Sequence[str]", image["file_names"])
        beyond = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        said = [line for line in cast("Sequence[Mapping[str, Json]]", image["predictions"]) if line["is_newest"]]
        table.add_row(
            Text.assemble(str(image["id"]), ("\n" + plain(", ".join(names[:_NAMES]) + beyond), "dim")),
            Text("\n".join(f"{plain(str(line['model']))}: {in_words(line)}" for line in said)),
            f"{image['width_px']} x {image['height_px']}",
            _moment(image["created_at"]),
            *([str(image["distance"])] if is_alike else []),
        )
    return table


def image_page(image: Mapping[str, Json]) -> Table:
    """Return everything that is known of an image, a line each."""
    page = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    page.add_column(style="dim", no_wrap=True)
    page.add_column(overflow="fold")
    page.add_row("image", Text(str(image["id"]), "bold"))
    for number, name in enumerate(cast("Sequence[str]", image["file_names"])):
        page.add_row("" if number else "names", Text(plain(name)))
    page.add_row("picture", f"{image['width_px']} x {image['height_px']} px, {image['format']}")
    page.add_row("file", shown_bytes(cast("int", image["size_bytes"])))
    for name in ("owner", "md5", "sha1", "phash"):
        page.add_row(name, Text(plain(str(image[name]))))
    page.add_row("remembered", _moment(image["created_at"]))
    page.add_row("changed", _moment(image["updated_at"]))
    return page


def predictions_table(image: Mapping[str, Json]) -> Table:
    """Return a row for each version of each model that saw an image; older versions are dim."""
    table = _table("Model", "Sees", "Objects", "When")
    for said in cast("Sequence[Mapping[str, Json]]", image["predictions"]):
        style = "" if said["is_newest"] else "dim"
        objects = str(said["object_count"]) if said["task"] != _CLASSIFICATION else ""
        table.add_row(
            Text(plain(str(said["model"]))), Text(in_words(said)), objects, _moment(said["created_at"]), style=style
        )
    return table


def objects_table(found: Sequence[Mapping[str, Json]]) -> Table:
    """Return a row for each object; places in px of the upright picture."""
    table = _table("Object", "Label", "Score", "Left", "Top", "Width", "Height", "Centre", "Radius", "Model")
    for one in found:
        sides = cast("Mapping[str, float]", one["box"])
        centre = cast("Mapping[str, float]", one["centroid"])
        table.add_row(
            str(one["object_id"]),
            Text(plain(str(one["label"]))),
            shown_score(cast("float", one["score"])),
            f"{sides['xmin']:.1f}",
            f"{sides['ymin']:.1f}",
            f"{sides['xmax'] - sides['xmin']:.1f}",
            f"{sides['ymax'] - sides['ymin']:.1f}",
            f"{centre['x']:.1f} {centre['y']:.1f}",
            f"{cast('float', one['radius_px']):.1f}",
            Text(plain(str(one["model"]))),
        )
    return table


def in_words(said: Mapping[str, Json]) -> str:
    """Return what a model sees in a few words: how many of what, or the best labels."""
    labels = cast("Sequence[Mapping[str, Json]]", said["labels"])
    if not labels:
        return "nothing"
    if said["task"] != _CLASSIFICATION:
        commonest = sorted(labels, key=lambda label: -cast("int", label["count"]))
        told = [f"{label['count']} {plain(str(label['label']))}" for label in commonest[:_LABELS]]
        beyond = len(labels) - _LABELS
        return ", ".join(told + ([f"{beyond} more labels"] if beyond > 0 else []))
    return f"{plain(str(labels[0]['label']))} {shown_score(cast('float', labels[0]['score']))}"


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    numbers = {"Size", "Objects", "Score", "Left", "Top", "Width", "Height", "Centre", "Radius", "Bits apart"}
    for heading in headings:
        justify: Literal["left", "right"] = "right" if heading in numbers else "left"
        is_whole = heading in {"Image", "Object", "Remembered", "When", *numbers}
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=is_whole)
    return table


def plain(text: str) -> str:
    """Return a text of a stranger without what would move the cursor or turn what stands beside it."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _moment(text: Json) -> str:
    """Return a moment to the second, as people read it; it is in UTC."""
    return str(text)[:19].replace("T", " ") + " UTC"
