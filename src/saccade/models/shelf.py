"""The models folder: which of its entries are packages, and which name and version each has."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from saccade.errors import ModelError, ModelUnknown, ParameterInvalid
from saccade.models.layouts import triton
from saccade.models.layouts.plugins import read_plugin, read_plugin_file
from saccade.models.manifest import Manifest, read_manifest
from saccade.models.names import FIRST_VERSION, agreed_version, split_folder_name

#: Files that are packages by themselves.
_LONE_SUFFIXES = frozenset({".py", ".onnx"})


def list_packages(models_folder: Path) -> list[Path]:
    """Return everything in the models folder that may be a package, by name: folders, ``.onnx`` and ``.py`` files.

    What begins with a dot or an underscore is none: half-added packages, ``__pycache__``.
    """
    if not models_folder.is_dir():
        return []
    return sorted(
        path
        for path in models_folder.iterdir()
        if path.name[0] not in "._" and (path.is_dir() or (path.is_file() and path.suffix in _LONE_SUFFIXES))
    )


def identify(path: Path) -> tuple[str, str]:
    """Return the name and version of a package, as ``read_package`` gives them, but without looking at its graph.

    Raises:
        PackageInvalid: saccade.yaml or a plug-in is damaged, no name can be made of the folder's, or saccade.yaml says
            another version than the folder's name.
    """
    manifest = (read_manifest(path) if path.is_dir() else None) or Manifest()
    name, version = split_folder_name(path.name if path.is_dir() else path.stem)
    version = agreed_version(path.name, in_name=version, given=manifest.version)
    return manifest.name or name, version or _own_version(path, manifest) or FIRST_VERSION


def _own_version(path: Path, manifest: Manifest) -> str | None:
    """Return the version that a plug-in's class or a layout keeps by itself."""
    if path.suffix == ".py" and path.is_file():
        return read_plugin_file(path).card.version
    if manifest.engine == "python":
        return read_plugin(path, manifest, name=FIRST_VERSION, version=None).card.version
    return triton.own_version(path) if path.is_dir() else None


def find_packages(models_folder: Path, name: str) -> dict[str, Path]:
    """Return the packages of this name by version; packages that say nothing readable are passed over."""
    found: dict[str, Path] = {}
    for path in list_packages(models_folder):
        try:
            known_name, version = identify(path)
        except ModelError:
            continue
        if known_name == name:
            found[version] = path
    return found


def remove_package(reference: str, *, models_folder: Path) -> Path:
    """Take a package out of the models folder for good.

    It is first renamed to something hidden, so that nobody sees half of it.

    Args:
        reference: ``name@version``, or ``name`` where there is only one version.
        models_folder: Where it lies.

    Returns:
        Where it lay.

    Raises:
        ModelUnknown: There is none of this name, or not in this version.
        ParameterInvalid: There are several versions and none is named.
    """
    name, _, version = reference.partition("@")
    found = find_packages(models_folder, name)
    if not version and len(found) > 1:
        raise ParameterInvalid(
            f"There are several versions of '{name}': {', '.join(sorted(found))}.", hint=f"Say which: {name}@VERSION."
        )
    path = found.get(version) if version else next(iter(found.values()), None)
    if path is None:
        raise ModelUnknown(f"There is no package '{reference[:200]}' in the models folder.")
    leaving = path.with_name(f".removing-{secrets.token_hex(8)}")
    path.rename(leaving)
    if leaving.is_symlink() or leaving.is_file():
        leaving.unlink()
    else:
        shutil.rmtree(leaving)
    return path
