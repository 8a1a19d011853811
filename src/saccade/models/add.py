"""Adding a package to the models folder: from the hub, a folder, a lone file, or an installed plug-in."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from saccade.errors import PackageExists, PackageInvalid, PackageUnrecognised, ParameterInvalid
from saccade.models.digests import file_sha256, verify_files
from saccade.models.graph import GraphFacts, Inspector
from saccade.models.hub import HUB_SCHEME, fetch_snapshot, parse_hub_source
from saccade.models.layouts import read_package, read_plugin_file
from saccade.models.layouts.graphs import refuse_pickle
from saccade.models.layouts.plugins import split_entry
from saccade.models.manifest import MANIFEST_NAME, FilePart, Manifest, read_manifest, write_manifest
from saccade.models.names import FIRST_VERSION, is_name, is_version, slug, split_folder_name
from saccade.models.package import FileDigest, Package
from saccade.models.shelf import find_packages
from saccade.models.staging import copy_file, copy_folder, labels_beside, prune

#: What an installed plug-in's source starts with.
PLUGIN_SCHEME = "python:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What whoever adds a package says beyond where it is; it wins over the package's own files.

    Attributes:
        name: The model's name.
        version: The version.
        variant: Which of several graphs.
        family: Which decoder.
        labels_file: A file with the labels, from anywhere.
    """

    name: str | None = None
    version: str | None = None
    variant: str | None = None
    family: str | None = None
    labels_file: Path | None = None

    def check(self) -> None:
        """Refuse a name or version that no model may have.

        Raises:
            ParameterInvalid: It is one.
        """
        if self.name is not None and not is_name(self.name):
            raise ParameterInvalid(
                f"'{self.name[:200]}' is no model name.",
                hint="A name has 1 to 100 lower-case letters, digits, dots, dashes and underscores.",
            )
        if self.version is not None and not is_version(self.version):
            raise ParameterInvalid(
                f"'{self.version[:100]}' is no version.",
                hint="A version has 1 to 64 letters, digits, dots, dashes and underscores.",
            )
        if self.labels_file is not None and not self.labels_file.is_file():
            raise ParameterInvalid(f"There is no labels file '{self.labels_file.name}'.")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Staged:
    """What lies in the staging folder, and what its source says of it."""

    manifest: Manifest
    name: str
    version: str | None = None


def add_package(
    source: str,
    *,
    models_folder: Path,
    inspect: Inspector,
    wishes: Wishes | None = None,
    hub_cache_dir: Path | None = None,
) -> Package:
    """Copy a package into the models folder, checked, with its digests written down.

    It lies there as ``name@version``. Only the files that are used are kept; saccade.yaml is written or completed with
    the name, the version, the source and the sha256 of each file. The folder appears whole or not at all.

    Args:
        source: ``hf:org/name[@revision]``, a folder, an ``.onnx`` or ``.py`` file, or ``python:package.module:Class``.
        models_folder: Where packages lie; made if it is not there.
        inspect: Checks a graph and reads its facts; should also run it once.
        wishes: What is said beyond the package's own files.
        hub_cache_dir: The hub's cache; None takes the hub's own setting.

    Raises:
        PackageExists: This name and version is already there.
        ParameterInvalid: The source, name or version cannot be one.
        PackageUnrecognised: The source is in no layout.
        PackageInvalid: Something in it is missing or wrong.
        GraphRefused: Its graph may not be served.
        HubUnreachable: The hub does not answer and its cache does not hold it.
        BackendNotInstalled: The hub's client is not installed.
    """
    wanted = wishes or Wishes()
    wanted.check()
    ask = _asked_once(inspect)
    with _staging(models_folder) as folder:
        staged = _collect(source, folder, wanted, ask, hub_cache_dir)
        manifest = _completed(staged, wanted, folder)
        target = _free_place(models_folder, manifest)
        verify_files(folder, [FileDigest(file.path, file.size_bytes, file.sha256) for file in staged.manifest.files])
        write_manifest(folder, manifest)
        package = read_package(folder, inspect=ask)
        prune(folder, {MANIFEST_NAME, *(file.path for file in package.card.files)})
        kept = [
            FilePart(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)
            for file in package.card.files
            if file.path != MANIFEST_NAME
        ]
        write_manifest(folder, manifest.model_copy(update={"files": kept}))
        _move(folder, target)
    return read_package(target, inspect=ask)


def check_package(path: Path, *, inspect: Inspector) -> Package:
    """Read a package where it lies, as ``read_package`` does; with an inspector that also runs the graph, a full check.

    Raises:
        ModelError: What is wrong with it.
    """
    if not path.exists():
        raise PackageUnrecognised(f"There is no file or folder '{path.name}'.")
    return read_package(path, inspect=inspect)


@contextmanager
def _staging(models_folder: Path) -> Iterator[Path]:
    """Give a hidden folder on the same disk, and leave nothing of it behind."""
    models_folder.mkdir(parents=True, exist_ok=True)
    folder = models_folder / f".adding-{secrets.token_hex(8)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _collect(source: str, target: Path, wanted: Wishes, ask: Inspector, hub_cache_dir: Path | None) -> _Staged:
    if source.startswith(HUB_SCHEME):
        return _from_hub(source, target, wanted, hub_cache_dir)
    if source.startswith(PLUGIN_SCHEME):
        module, class_name = split_entry(source)
        entry = f"{module}:{class_name}"
        manifest = Manifest(engine="python", entry=entry, source=f"{PLUGIN_SCHEME}{entry}")
        return _Staged(manifest=manifest, name=slug(class_name))
    path = Path(source).expanduser()
    if path.is_dir():
        return _from_folder(path.absolute(), target, wanted)
    if not path.is_file():
        raise PackageUnrecognised(
            f"There is no file or folder '{source[:200]}'.", hint="From the hub: hf:org/name@revision."
        )
    refuse_pickle(path)
    if path.suffix == ".py":
        return _from_plugin_file(path, target)
    return _from_graph(path, target, ask)


def _from_hub(source: str, target: Path, wanted: Wishes, cache_dir: Path | None) -> _Staged:
    wish = parse_hub_source(source)
    snapshot = fetch_snapshot(wish, variant=wanted.variant, cache_dir=cache_dir)
    given = read_manifest(snapshot.folder) or Manifest()
    if given.engine == "python":
        raise PackageInvalid(
            f"{MANIFEST_NAME} of {wish.repository} asks for code of its own (`engine: python`); Saccade never runs "
            "code that comes from the hub.",
            hint="Read it, and put the plug-in's file into the models folder yourself if you trust it.",
        )
    copy_folder(snapshot.folder, target, given, variant=wanted.variant)
    pinned = {"source": f"{HUB_SCHEME}{wish.repository}@{snapshot.commit}", "revision": snapshot.commit}
    return _Staged(manifest=given.model_copy(update=pinned), name=slug(wish.repository.rpartition("/")[2]))


def _from_folder(folder: Path, target: Path, wanted: Wishes) -> _Staged:
    given = read_manifest(folder) or Manifest()
    copy_folder(folder, target, given, variant=wanted.variant)
    name, version = split_folder_name(folder.resolve().name)
    return _Staged(manifest=given, name=name, version=version)


def _from_plugin_file(path: Path, target: Path) -> _Staged:
    package = read_plugin_file(path)
    copy_file(path, target / path.name)
    return _Staged(
        manifest=Manifest(engine="python", entry=package.entry), name=package.card.name, version=package.card.version
    )


def _from_graph(path: Path, target: Path, ask: Inspector) -> _Staged:
    facts = ask(path)
    for name in (path.name, *facts.external):
        copy_file(path.parent / name, target / name)
    labels = labels_beside(path)
    if labels is not None:
        copy_file(labels, target / labels.name)
    name, version = split_folder_name(path.stem)
    return _Staged(manifest=Manifest(graph=path.name), name=name, version=version)


def _completed(staged: _Staged, wanted: Wishes, folder: Path) -> Manifest:
    """Return the manifest with the wishes in it; a labels file is copied in."""
    given = staged.manifest
    changes: dict[str, object] = {
        "name": wanted.name or given.name or staged.name,
        "version": wanted.version or given.version or staged.version or FIRST_VERSION,
        "variant": wanted.variant or given.variant,
        "family": wanted.family or given.family,
        "files": [],
    }
    if wanted.labels_file is not None:
        name = "labels.json" if wanted.labels_file.suffix.lower() == ".json" else "labels.txt"
        copy_file(wanted.labels_file, folder / name)
        changes |= {"labels": None, "labels_file": name}
    return given.model_copy(update=changes)


def _free_place(models_folder: Path, manifest: Manifest) -> Path:
    name, version = manifest.name or "", manifest.version or FIRST_VERSION
    target = models_folder / f"{name}@{version}"
    if target.exists() or version in find_packages(models_folder, name):
        raise PackageExists(f"The models folder already holds {name}@{version}.")
    return target


def _move(folder: Path, target: Path) -> None:
    try:
        folder.rename(target)
    except OSError as error:
        raise PackageExists(f"The models folder already holds {target.name}.") from error


def _asked_once(inspect: Inspector) -> Inspector:
    """The same graph lies first in its source, then in staging, then in its place; it is looked at once."""
    known: dict[str, GraphFacts] = {}

    def ask(graph: Path) -> GraphFacts:
        digest = file_sha256(graph)
        if digest not in known:
            known[digest] = inspect(graph)
        return known[digest]

    return ask
