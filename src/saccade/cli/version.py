"""``saccade version``: which Saccade this is, and what it runs on."""

from __future__ import annotations

import platform
from importlib import metadata

from saccade import __version__
from saccade.cli.options import AsJson
from saccade.cli.output import stdout, write_json

#: The libraries whose version decides what a model answers.
LIBRARIES = ("onnxruntime", "numpy", "pillow", "simplejpeg", "fastapi", "uvicorn", "pydantic")


def version(*, as_json: AsJson = False) -> None:
    """Show the version of Saccade and of what it stands on."""
    if as_json:
        write_json({"saccade": __version__, "python": platform.python_version(), "libraries": library_versions()})
        return
    stdout().print(f"saccade {__version__} (Python {platform.python_version()})")
    for name, found in library_versions().items():
        stdout().print(f"  {name} {found or 'is not installed'}")


def library_versions() -> dict[str, str | None]:
    """Return the version of each library; None when it is not installed."""
    return {name: version_of(name) for name in LIBRARIES}


def version_of(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
