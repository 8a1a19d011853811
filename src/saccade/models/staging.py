"""Copying what a package needs, and nothing else, into a folder of our own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from saccade.errors import PackageInvalid
from saccade.models.digests import files_below
from saccade.models.hub import is_sidecar
from saccade.models.layouts.graphs import choose_among
from saccade.models.layouts.labels import LABEL_FILES
from saccade.models.manifest import Manifest

_MAX_FILES = 5_000
_MAX_BYTES = 16 * 1024**3
#: What is never part of a package: other frameworks' weights, and code.
_FOREIGN_SUFFIXES = frozenset(
    {".safetensors", ".pt", ".pth", ".pt2", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".h5", ".msgpack"}
    | {".tflite", ".mlmodel", ".ipynb", ".zip", ".tar", ".gz"}
)
_FOREIGN_STARTS = ("pytorch_model", "training_args", "optimizer")
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"})


def copy_folder(folder: Path, target: Path, given: Manifest, *, variant: str | None) -> None:
    """Copy a package's files, without the graphs that are not served and without other frameworks' files.

    Links are followed where they stay inside the folder, or lead into the blobs of the hub's cache that the folder is a
    snapshot of; the copy holds plain files only.

    Args:
        folder: What to copy.
        target: An existing, empty folder.
        given: What the folder's saccade.yaml says.
        variant: Which of several graphs to take.

    Raises:
        PackageInvalid: A link leads elsewhere, or there is far more than any package holds.
    """
    names = list(_names(folder))
    chosen = given.graph or choose_among(names, variant or given.variant)
    pictures = {item.image for item in given.references}
    others = [] if chosen is None else [name for name in names if name.endswith(".onnx") and name != chosen]
    size_bytes = 0
    for name in names:
        source = _real(folder, name)
        if name in others or any(is_sidecar(name, other) for other in others) or _is_foreign(name, given, pictures):
            continue
        size_bytes += source.stat().st_size
        if size_bytes > _MAX_BYTES:
            raise PackageInvalid(f"'{folder.name}' holds more than {_MAX_BYTES // 1024**3} GiB.")
        copy_file(source, target / name)


def copy_file(source: Path, target: Path) -> None:
    """Copy one file's bytes: a new file, no link to the old one, with the usual rights."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def labels_beside(graph: Path) -> Path | None:
    """Return the labels file beside a lone graph; None if there is none."""
    names = [*(f"{graph.stem}.{name}" for name in LABEL_FILES), *LABEL_FILES]
    return next((graph.parent / name for name in names if (graph.parent / name).is_file()), None)


def prune(folder: Path, keep: set[str]) -> None:
    """Delete every file but these, and the folders that are empty then.

    Args:
        folder: The package.
        keep: Paths inside it.
    """
    for place, _, files in os.walk(folder, topdown=False):
        for name in files:
            path = Path(place, name)
            if path.relative_to(folder).as_posix() not in keep:
                path.unlink()
        if Path(place) != folder and not any(Path(place).iterdir()):
            Path(place).rmdir()


def _names(folder: Path) -> Iterator[str]:
    for count, name in enumerate(files_below(folder)):
        if count >= _MAX_FILES:
            raise PackageInvalid(f"'{folder.name}' holds more than {_MAX_FILES} files; that is no package.")
        yield name


def _real(folder: Path, name: str) -> Path:
    """Return the file behind a name, links followed as far as they may lead."""
    real = (folder / name).resolve()
    allowed = [folder.resolve()]
    if folder.parent.name == "snapshots":
        allowed.append(folder.parent.parent.resolve() / "blobs")
    if not any(real.is_relative_to(place) for place in allowed):
        raise PackageInvalid(f"'{name}' is a link that leaves the package.")
    if not real.is_file():
        raise PackageInvalid(f"'{name}' is no plain file, or a link to nothing.")
    return real


def _is_foreign(name: str, given: Manifest, pictures: set[str]) -> bool:
    if given.engine == "python":  # what a plug-in reads is its own business
        return False
    path = Path(name)
    suffix = path.suffix.lower()
    if suffix in _PICTURES:
        return name not in pictures
    return suffix in _FOREIGN_SUFFIXES or suffix == ".py" or path.name.startswith(_FOREIGN_STARTS)
