"""Plug-ins: a Python class with ``load`` and ``predict``, read here as text. Nothing of it is imported or run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import cast

from saccade.errors import PackageInvalid
from saccade.models.digests import digest_files, files_below, package_digest
from saccade.models.documents import path_inside, read_text
from saccade.models.layouts.labels import given_labels
from saccade.models.manifest import MANIFEST_NAME, Manifest
from saccade.models.names import FIRST_VERSION, RESERVED_VERSIONS, split_folder_name
from saccade.models.package import ModelCard, Package, Plain, Reference
from saccade.models.prediction import Task

NAME = "plugin"
LOOKED_FOR = "a plug-in (saccade.yaml with engine: python, or a single .py file)"
_METHODS = frozenset({"load", "predict"})
_ATTRIBUTES = frozenset({"task", "labels", "version", "license", "description", "tags", "threshold"})
#: Keys of saccade.yaml that say how a graph is used, and that a plug-in would never look at.
_GRAPH_KEYS = ("family", "graph", "variant", "decoder", "preprocess")


def split_entry(entry: str) -> tuple[str, str]:
    """Return the module and the class of an entry; a module that ends in ``.py`` is a file in the package's folder.

    Raises:
        PackageInvalid: It is not ``module:Class``.

    Example:
        >>> split_entry("python:lab.models:Finder"), split_entry("finder.py:Finder")
        (('lab.models', 'Finder'), ('finder.py', 'Finder'))
    """
    module, colon, class_name = entry.removeprefix("python:").rpartition(":")
    is_file = module.endswith(".py")
    is_module = all(part.isidentifier() for part in module.split("."))
    if not colon or not class_name.isidentifier() or not (is_file or is_module):
        raise PackageInvalid(f"'{entry[:200]}' is no entry.", hint="Write package.module:Class, or file.py:Class.")
    return module, class_name


def read_plugin_file(path: Path, *, name: str | None = None, version: str | None = None) -> Package:
    """Read a single ``.py`` file as a package, without importing it.

    Args:
        path: ``NAME.py`` or ``NAME@VERSION.py``.
        name: The model's name; None takes the file's.
        version: The version; None takes the file's, then the class's own, then ``1``.

    Returns:
        The package; its folder is the one that the file lies in, its entry ``FILE:Class``.

    Raises:
        PackageInvalid: The file is no Python, has not exactly one class with both methods, or does not say its task.
    """
    class_name, said = _describe(path, None)
    stem_name, stem_version = split_folder_name(path.stem)
    return _package(
        folder=path.parent,
        entry=f"{path.name}:{class_name}",
        manifest=Manifest(),
        said=said,
        name=name or stem_name,
        version=version or stem_version,
        files=(path,),
    )


def read_plugin(folder: Path, manifest: Manifest, *, name: str, version: str | None) -> Package:
    """Read a folder whose saccade.yaml says ``engine: python``, without importing the class.

    Everything in the folder belongs to the package, for only the plug-in knows what it reads.

    Args:
        folder: The package.
        manifest: Its saccade.yaml; what it says wins over what the class says.
        name: The model's name.
        version: The version; None takes the class's own, then ``1``.

    Raises:
        PackageInvalid: The entry or its file is wrong, the manifest says how a graph is used, or neither the manifest
            nor the class says the task.
    """
    module, class_name = split_entry(manifest.entry or "")
    strange = [key for key in _GRAPH_KEYS if getattr(manifest, key)]
    if strange:
        raise PackageInvalid(
            f"{MANIFEST_NAME}: {', '.join(strange)} and `engine: python` do not go together.",
            hint="A plug-in prepares and reads by itself: leave these keys, or options, out.",
        )
    source = path_inside(folder, module) if module.endswith(".py") else find_module(module)
    said = {} if source is None else _describe(source, class_name)[1]
    return _package(
        folder=folder,
        entry=f"{module}:{class_name}",
        manifest=manifest,
        said=said,
        name=name,
        version=version,
        files=tuple(path_inside(folder, file) for file in files_below(folder)),
    )


def references_of(manifest: Manifest, folder: Path) -> tuple[Reference, ...]:
    """Return the pictures with known answers that saccade.yaml names.

    Raises:
        PackageInvalid: One of them is not in the folder.
    """
    return tuple(
        Reference(image=path_inside(folder, item.image), predictions=tuple(item.predictions))
        for item in manifest.references
    )


def find_module(module: str) -> Path | None:
    """Return the file of an installed module, without importing it or the packages above it; None if not found."""
    places: list[str] | None = None
    parts = module.split(".")
    origin: str | None = None
    for depth in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: depth + 1]), places)
        if spec is None:
            return None
        origin = spec.origin
        places = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
    return None if origin is None or not origin.endswith(".py") else Path(origin)


def _package(
    *,
    folder: Path,
    entry: str,
    manifest: Manifest,
    said: Mapping[str, Plain],
    name: str,
    version: str | None,
    files: tuple[Path, ...],
) -> Package:
    task = manifest.task or _task(said.get("task"), entry)
    chosen = version or _text(said.get("version")) or FIRST_VERSION
    if chosen in RESERVED_VERSIONS:
        raise PackageInvalid(f"{entry} calls its version {chosen}, which is an alias.", hint="Give it another version.")
    labels_file = None if manifest.labels_file is None else path_inside(folder, manifest.labels_file)
    digests = digest_files(folder, files)
    card = ModelCard(
        name=name,
        version=chosen,
        task=task,
        family=NAME,
        engine="python",
        labels=given_labels(manifest, labels_file) or _words(said.get("labels")),
        layout=NAME,
        description=manifest.description or _text(said.get("description")) or "",
        license=manifest.license or _text(said.get("license")),
        tags=tuple(manifest.tags) or _words(said.get("tags")),
        threshold=_threshold(said.get("threshold"), entry) if manifest.threshold is None else manifest.threshold,
        source=manifest.source,
        parameters=manifest.parameters,
        size_bytes=sum(file.size_bytes for file in digests),
        digest=package_digest(digests),
        files=digests,
    )
    return Package(card=card, folder=folder, entry=entry, references=references_of(manifest, folder))


def _describe(path: Path, class_name: str | None) -> tuple[str, Mapping[str, Plain]]:
    """Return the plug-in class of a file and the values that stand in it as literals."""
    try:
        tree = ast.parse(read_text(path), filename=path.name)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PackageInvalid(f"'{path.name}' is not valid Python: {error}.") from error
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    fitting = [node for node in classes if (node.name == class_name if class_name else _functions(node) >= _METHODS)]
    if len(fitting) != 1:
        wanted = f"the class {class_name}" if class_name else "one class that has both load() and predict()"
        found = ", ".join(node.name for node in fitting) or "none"
        raise PackageInvalid(f"'{path.name}' must hold {wanted}; it has: {found}.")
    return fitting[0].name, {key: value for key, value in _literals(fitting[0]) if key in _ATTRIBUTES}


def _functions(node: ast.ClassDef) -> set[str]:
    return {item.name for item in node.body if isinstance(item, ast.FunctionDef)}


def _literals(node: ast.ClassDef) -> list[tuple[str, Plain]]:
    found: list[tuple[str, Plain]] = []
    for item in node.body:
        target = item.targets[0] if isinstance(item, ast.Assign) else getattr(item, "target", None)
        value = item.value if isinstance(item, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and value is not None:
            found.extend((target.id, literal) for literal in _literal(value))
    return found


def _literal(value: ast.expr) -> list[Plain]:
    """Return the value of an expression that needs nothing run, as a list of one; else an empty list."""
    if isinstance(value, ast.Attribute) and value.attr in Task.__members__:
        return [Task[value.attr].value]
    try:
        return [cast("Plain", ast.literal_eval(value))]
    except (ValueError, TypeError, RecursionError, MemoryError):
        return []


def _task(value: Plain, entry: str) -> Task:
    tasks = {task.value for task in Task if not task.takes_words}  # `predict(images)` is told no words
    known = ", ".join(task.value for task in Task if task.value in tasks)
    if value is None:
        raise PackageInvalid(
            f"The plug-in '{entry}' does not say its task.",
            hint=f'Write `task = "…"` in the class, or `task:` in saccade.yaml; tasks are: {known}.',
        )
    if not isinstance(value, str) or value not in tasks:
        raise PackageInvalid(f"The plug-in '{entry}' says the task {value!r}; tasks are: {known}.")
    return Task(value)


def _threshold(value: Plain, entry: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise PackageInvalid(f"The plug-in '{entry}' says the threshold {value!r}; it must be a number from 0 to 1.")
    return float(value)


def _words(value: Plain) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list | tuple) else ()


def _text(value: Plain) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None
