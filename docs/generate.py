"""Writes what is generated: pages of docs/reference, and the facts of the shipped graphs. Run by `make docs`."""

# ruff: noqa: INP001 - a script beside pages, in no package

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from saccade.api.access_reference import access_page
from saccade.api.postman import postman_document
from saccade.api.reference import errors_page, openapi_document
from saccade.backends.engines.inspection import GraphInspector
from saccade.cli.reference import cli_page, settings_page
from saccade.metrics import Metrics
from saccade.models import embedded_folder

REFERENCE = Path(__file__).parent / "reference"

_METRICS_HEAD = """\
# Metrics

<!-- Written by `make docs`. -->

`GET /metrics` answers in Prometheus' text format. A histogram `NAME` has the series `NAME_bucket`, `NAME_sum` and
`NAME_count`. Labels are shown as Prometheus does: `{model, stage}`.

| metric | kind | what it says |
| --- | --- | --- |
"""


def metrics_page() -> str:
    """Return the page of all metrics, with their labels."""
    rows = []
    for instrument in vars(Metrics()).values():
        if isinstance(instrument, MetricWrapperBase):
            [described] = instrument.describe()
            labels = ", ".join(instrument._labelnames)  # noqa: SLF001 - there is no other way to ask
            name = (
                described.name + ("_total" if described.type == "counter" else "") + (f"{{{labels}}}" if labels else "")
            )
            rows.append(f"| `{name}` | {described.type} | {described.documentation} |\n")
    return _METRICS_HEAD + "".join(rows)


#: File in docs/reference → what writes its text.
PAGES: Mapping[str, Callable[[], str]] = {
    "access.md": access_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
    "metrics.md": metrics_page,
    "openapi.json": openapi_document,
    "postman.json": postman_document,
    "settings.md": settings_page,
}


def write_facts() -> None:
    """Inspect the shipped graphs anew, so that a first start need not."""
    folder = embedded_folder() / "_facts"
    shutil.rmtree(folder, ignore_errors=True)
    inspect = GraphInspector(cache_dir=folder)
    for graph in sorted(embedded_folder().glob("*/onnx/*.onnx")):
        inspect(graph)


def main() -> None:
    """Write everything anew."""
    write_facts()
    REFERENCE.mkdir(exist_ok=True)
    for name, text in PAGES.items():
        (REFERENCE / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
