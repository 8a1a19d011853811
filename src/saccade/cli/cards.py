"""A model as a command shows it to people: colours and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from saccade.cli.output import shown_bytes

if TYPE_CHECKING:
    from saccade.models.package import ModelCard
    from saccade.models.status import ModelStatus

#: How each state is coloured.
STATE_STYLES = {
    "ready": "green",
    "available": "green",
    "loading": "yellow",
    "unloaded": "dim",
    "failed": "bold red",
}
#: A page shows so many labels in full.
_LABELS_SHOWN = 20


def page_of(status: ModelStatus) -> list[tuple[str, str]]:
    """Return what a page shows of a model, name by name; what is not known is left out."""
    rows = [("state", status.state.value + (" (default version)" if status.default else ""))]
    if status.card is not None:
        rows += _page_of_card(status.card)
    rows += [("runs on", status.runtime or ""), ("problem", status.detail or "")]
    return [(name, text) for name, text in rows if text]


def _page_of_card(card: ModelCard) -> list[tuple[str, str]]:
    """Return the lines that the package itself gives."""
    labels = ", ".join(card.labels[:_LABELS_SHOWN])
    beyond = len(card.labels) - _LABELS_SHOWN
    return [
        ("what", card.description),
        ("task", card.task.value),
        ("labels", f"{labels} and {beyond} more" if beyond > 0 else labels),
        ("family", card.family),
        ("engine", card.engine),
        ("layout", card.layout),
        ("license", card.license or ""),
        ("tags", ", ".join(card.tags)),
        ("threshold", "" if card.threshold is None else f"{card.threshold:g}"),
        ("source", card.source or ""),
        ("parameters", f"{card.parameters:,}" if card.parameters else ""),
        ("size", shown_bytes(card.size_bytes) if card.size_bytes else ""),
        ("digest", card.digest),
        (
            "files",
            "\n".join(f"{file.path}  {shown_bytes(file.size_bytes)}  sha256 {file.sha256}" for file in card.files),
        ),
    ]
