"""The way of a checkpoint into a package: found, read, exported, held against torch, written, read again, put in place.

A package is made in a hidden folder beside the place where it is to lie, and appears there whole or not at all.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from saccade.conversion.comparing import Difference, compare
from saccade.conversion.exporting import export
from saccade.conversion.huggingface import read_network
from saccade.conversion.lone import read_lone
from saccade.conversion.network import Network
from saccade.conversion.sources import Source, find_source
from saccade.errors import PackageExists, PackageInvalid
from saccade.models.add import Wishes, add_package, check_package
from saccade.models.graph import Inspector
from saccade.models.manifest import MANIFEST_NAME, Manifest, read_manifest, write_manifest
from saccade.models.names import FIRST_VERSION
from saccade.models.package import ModelCard, Package
from saccade.models.shelf import find_packages
from saccade.models.staging import copy_file, copy_folder, prune

#: Where the graph lies in a package.
GRAPH = "onnx/model.onnx"
#: The folder of a package whose name stands in its saccade.yaml alone.
_UNNAMED = "converted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a package is to lie: in the models folder, or, with ``output``, in a folder of its own."""

    models_folder: Path
    output: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """What a conversion made.

    Attributes:
        card: The package's.
        folder: Where it lies.
        differences: How far its graph and torch are apart.
        left_out: Weights of the checkpoint that no layer of the network uses.
    """

    card: ModelCard
    folder: Path
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...] = ()


def convert(
    source: str,
    target: Target,
    *,
    inspect: Inspector,
    check: Callable[[Package], None],
    wishes: Wishes | None = None,
    hub_cache_dir: Path | None = None,
) -> Converted:
    """Make a package of a checkpoint.

    Args:
        source: ``hf:org/name[@revision]``, a folder of transformers, or a ``.pth`` or ``.safetensors`` file of one of
            torchvision's classifiers.
        target: Where the package is to lie.
        inspect: Checks a graph and reads its facts, outside this process.
        check: Loads a package and runs it; raises what is wrong with it.
        wishes: Name, version and labels; the rest of them means nothing here.
        hub_cache_dir: The hub's cache; None takes the hub's own setting.

    Returns:
        What was made. Of several runs with one name and version the first wins.

    Raises:
        PackageExists: The place is taken.
        PackageInvalid: The checkpoint is none that can be converted; the message says why.
        PackageUnrecognised: There is no checkpoint.
        GraphFailed: Its graph cannot be made, or differs from torch. Nothing is written then.
        GraphRefused: The graph may not be served.
        HubUnreachable: The hub does not answer and its cache does not hold the checkpoint.
    """
    wanted = wishes or Wishes()
    wanted.check()
    _refuse_taken_folder(target)
    found = find_source(source, hub_cache_dir=hub_cache_dir)
    with _staging(target) as folder:
        network, manifest = _read(found, folder, wanted)
        _refuse_taken_name(target, manifest)
        export(network, folder / GRAPH)
        differences = compare(network, folder / GRAPH)
        write_manifest(folder, manifest)
        package = check_package(folder, inspect=inspect)
        check(package)
        if target.output is None:
            package = add_package(str(folder), models_folder=target.models_folder, inspect=inspect)
        else:
            prune(folder, {MANIFEST_NAME, *(file.path for file in package.card.files)})
            _move(folder, target.output)
            package = check_package(target.output, inspect=inspect)
    return Converted(card=package.card, folder=package.folder, differences=differences, left_out=network.left_out)


def _read(found: Source, folder: Path, wanted: Wishes) -> tuple[Network, Manifest]:
    """Put the small files of a checkpoint into the folder, and return its network and what saccade.yaml is to say."""
    if found.path.is_dir():
        copy_folder(found.path, folder, Manifest(), variant=None)
        _drop_graphs(folder)
        manifest = read_manifest(folder) or Manifest()
        if manifest.engine != "onnxruntime":
            raise PackageInvalid(f"The folder's {MANIFEST_NAME} says `engine: {manifest.engine}`: it is no checkpoint.")
        network = read_network(folder, found.path)
    else:
        network, manifest = read_lone(found.path, labels_file=wanted.labels_file)
    changes: dict[str, object] = {
        "name": wanted.name or manifest.name,
        "version": wanted.version or manifest.version,
        "source": found.origin or manifest.source,
        "revision": found.commit or manifest.revision,
        "graph": None,
        "variant": None,
        "files": [],
    }
    if wanted.labels_file is not None:
        name = "labels.json" if wanted.labels_file.suffix.lower() == ".json" else "labels.txt"
        copy_file(wanted.labels_file, folder / name)
        changes |= {"labels": None, "labels_file": name}
    if folder.name == _UNNAMED:
        changes["name"] = changes["name"] or found.name
        changes["version"] = changes["version"] or found.version
    return network, manifest.model_copy(update=changes)


def _drop_graphs(folder: Path) -> None:
    """What is served is the graph that is made here, not one that lay beside the weights."""
    for path in [*folder.rglob("*.onnx"), *folder.rglob("*.onnx?data")]:
        path.unlink()


def _refuse_taken_folder(target: Target) -> None:
    if target.output is not None and target.output.exists():
        raise PackageExists(f"'{target.output.name}' is already there.", hint=_TAKEN_HINT)


def _refuse_taken_name(target: Target, manifest: Manifest) -> None:
    """Say now what would be said after some minutes of work."""
    name, version = manifest.name or "", manifest.version or FIRST_VERSION
    if target.output is None and version in find_packages(target.models_folder, name):
        raise PackageExists(f"The models folder already holds {name}@{version}.")


@contextmanager
def _staging(target: Target) -> Iterator[Path]:
    """Give a folder in a hidden one on the same disk, and leave nothing of them behind.

    It has the name that the package's folder is to have, which is part of what a package says.
    """
    beside = target.models_folder if target.output is None else target.output.absolute().parent
    beside.mkdir(parents=True, exist_ok=True)
    hidden = beside / f".converting-{secrets.token_hex(8)}"
    folder = hidden / (_UNNAMED if target.output is None else target.output.name)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _move(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError as error:
        raise PackageExists(f"'{target.name}' is already there.", hint=_TAKEN_HINT) from error


_TAKEN_HINT = "Name a folder that does not exist yet."
