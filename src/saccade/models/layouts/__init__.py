"""The package layouts that Saccade reads: one file per layout, tried in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from saccade.errors import PackageInvalid, PackageUnrecognised, SaccadeError
from saccade.models.decoders.families import FAMILIES, Family, family_named, require_known_options
from saccade.models.digests import digest_files, package_digest, verify_files
from saccade.models.documents import path_inside
from saccade.models.graph import GraphFacts, Inspector
from saccade.models.layouts import bare, huggingface, mlflow, plugins, remote, timm, triton
from saccade.models.layouts.draft import Candidate, Draft
from saccade.models.layouts.graphs import refuse_other_weights, refuse_pickle
from saccade.models.layouts.labels import given_labels
from saccade.models.layouts.plugins import read_plugin_file, references_of
from saccade.models.layouts.shapes import check_fit, check_labels, check_words
from saccade.models.manifest import MANIFEST_NAME, Manifest, PreprocessPart, TorchvisionPart, read_manifest
from saccade.models.names import FIRST_VERSION, agreed_version, split_folder_name
from saccade.models.package import FileDigest, ModelCard, Package, Plain
from saccade.models.preprocess.plan import Plan, Resample
from saccade.models.preprocess.processors import IMAGENET_MEAN, IMAGENET_STD
from saccade.models.preprocess.torchvision import classification_plan
from saccade.models.preprocess.written import plan_from_steps

__all__ = ["LAYOUTS", "read_package", "read_plugin_file"]

#: Every layout of a graph, in the order in which they are tried: what it looks for, and its reader.
LAYOUTS: Mapping[str, tuple[str, Callable[[Candidate], Draft | None]]] = {
    huggingface.NAME: (huggingface.LOOKED_FOR, huggingface.read),
    timm.NAME: (timm.LOOKED_FOR, timm.read),
    triton.NAME: (triton.LOOKED_FOR, triton.read),
    mlflow.NAME: (mlflow.LOOKED_FOR, mlflow.read),
    bare.ULTRALYTICS: (bare.ULTRALYTICS_LOOKED_FOR, bare.read_ultralytics),
    bare.NAME: (bare.LOOKED_FOR, bare.read),
}
_WRITTEN = "saccade"


def read_package(folder: Path, *, inspect: Inspector, name: str | None = None, version: str | None = None) -> Package:
    """Read a package in whatever layout it is. Nothing is loaded, imported or changed.

    What saccade.yaml says wins; what it leaves out is taken from the files of the first layout that fits.

    Args:
        folder: The package's folder; or a single ``.onnx`` or ``.py`` file, which is a package by itself.
        inspect: Checks a graph and reads its facts, outside this process.
        name: The model's name; None takes saccade.yaml's, then the folder's.
        version: The version; None takes saccade.yaml's, then the folder's (``name@version``), then the layout's,
            then ``1``.

    Returns:
        The package with its digest.

    Raises:
        PackageUnrecognised: It is in no layout; the message lists what was looked for.
        PackageInvalid: Something in it is missing, wrong, or has changed since it was added; or saccade.yaml says
            another version than the folder's name.
        PreprocessorUnsupported: It asks for preprocessing whose exact rules are not known.
        GraphRefused: Its graph may not be served.
    """
    try:
        return _read(folder, inspect, name, version)
    except SaccadeError:
        raise
    except Exception as error:
        # Packages are strangers' files; a number that no float holds, say, must not spoil the packages beside it.
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise PackageInvalid(f"'{folder.name}' holds something that cannot be read ({reason}).") from error


def _read(folder: Path, inspect: Inspector, name: str | None, version: str | None) -> Package:
    if folder.suffix == ".py" and folder.is_file():
        return read_plugin_file(folder, name=name, version=version)
    only = folder if folder.is_file() else None
    if only is not None:
        _refuse_lone_file(only)
    home = folder if only is None else folder.parent
    manifest = read_manifest(home) if only is None else None
    given = manifest or Manifest()
    verify_files(home, [FileDigest(file.path, file.size_bytes, file.sha256) for file in given.files])
    folder_name, folder_version = split_folder_name(folder.name if only is None else folder.stem)
    chosen_name = name or given.name or folder_name
    chosen_version = version or agreed_version(folder.name, in_name=folder_version, given=given.version)
    if given.engine == "python":
        return plugins.read_plugin(home, given, name=chosen_name, version=chosen_version)
    if given.engine == "remote":
        return remote.read_remote(home, given, name=chosen_name, version=chosen_version or FIRST_VERSION)
    candidate = Candidate(folder=home, given=given, inspect=_asked_once(inspect), only=only)
    draft = _draft(candidate)
    return _package(candidate, draft, name=chosen_name, version=chosen_version or draft.version or FIRST_VERSION)


def _refuse_lone_file(path: Path) -> None:
    refuse_pickle(path)
    if path.suffix != ".onnx":
        raise PackageUnrecognised(f"'{path.name}' is no package: a single file must end in .onnx or .py.")


def _draft(candidate: Candidate) -> Draft:
    for _, read in LAYOUTS.values():
        draft = read(candidate)
        if draft is not None:
            return draft
    if not candidate.folder.is_dir():
        raise PackageUnrecognised(f"'{candidate.folder.name}' is no folder and no file.")
    refuse_other_weights(candidate.folder)
    looked_for = "; ".join(
        [f"{MANIFEST_NAME} with `graph`", *(what for what, _ in LAYOUTS.values()), plugins.LOOKED_FOR]
    )
    raise PackageUnrecognised(f"'{candidate.folder.name}' is no package. Looked for: {looked_for}.")


def _asked_once(inspect: Inspector) -> Inspector:
    """Several layouts ask for the same graph; only the first question costs."""
    known: dict[Path, GraphFacts] = {}

    def ask(graph: Path) -> GraphFacts:
        if graph not in known:
            known[graph] = inspect(graph)
        return known[graph]

    return ask


def _package(candidate: Candidate, draft: Draft, *, name: str, version: str) -> Package:
    given, folder = candidate.given, candidate.folder
    family = _family(given, draft)
    decoder = _decoder(given, draft, family)
    plan = _plan(given.preprocess) or draft.plan
    if plan is None:
        raise PackageInvalid(f"'{name}' does not say how a picture becomes its input.", hint=draft.advice)
    check_fit(plan, draft.facts)
    check_words(family.task, draft, given)
    labels_file = None if given.labels_file is None else path_inside(folder, given.labels_file)
    labels = given_labels(given, labels_file) or _found_labels(draft, name)
    if family.name == "transformers":
        check_labels(labels, draft.facts)
    references = references_of(given, folder)
    beside = [path for path in (folder / MANIFEST_NAME, labels_file) if path is not None and path.is_file()]
    weights = [draft.graph, *(draft.graph.parent / item for item in draft.facts.external)]
    pictures = [item.image for item in references]
    files = digest_files(folder, [*weights, *draft.files, *_own(candidate, beside), *pictures])
    card = ModelCard(
        name=name,
        version=version,
        task=family.task,
        family=family.name,
        engine=given.engine,
        labels=labels,
        layout=_WRITTEN if given.speaks else draft.layout,
        description=given.description or draft.description,
        license=given.license or draft.license,
        tags=tuple(given.tags),
        threshold=given.threshold,
        source=given.source,
        parameters=draft.facts.parameters if given.parameters is None else given.parameters,
        size_bytes=sum(file.size_bytes for file in files),
        digest=package_digest(files),
        files=files,
    )
    return Package(
        card=card,
        folder=folder,
        graph=draft.graph,
        plan=replace(plan, pixel_mask=any(spec.name == "pixel_mask" for spec in draft.facts.inputs)),
        decoder=decoder,
        references=references,
        text=draft.text if family.task.takes_words else None,
    )


def _own(candidate: Candidate, beside: list[Path]) -> list[Path]:
    """A lone file in a folder of packages has nothing to do with the files beside it."""
    return beside if candidate.only is None else []


def _family(given: Manifest, draft: Draft) -> Family:
    named = given.family or draft.family
    if named is None:
        outputs = ", ".join(f"{spec.name} {spec.dtype}{list(spec.shape)}" for spec in draft.facts.outputs)
        raise PackageInvalid(
            f"The graph's outputs fit no family, or more than one: {outputs}.",
            hint=f"Say `family:` in a saccade.yaml; the families are: {', '.join(FAMILIES)}.",
        )
    family = family_named(named)
    if given.task is not None and given.task != family.task:
        raise PackageInvalid(f"{MANIFEST_NAME} says the task {given.task}, but models of {named} do {family.task}.")
    return family


def _decoder(given: Manifest, draft: Draft, family: Family) -> Mapping[str, Plain]:
    found = draft.decoder if draft.family == family.name else {}
    decoder: dict[str, Plain] = {**found, **given.decoder}
    require_known_options(family, decoder)
    return decoder


def _plan(part: PreprocessPart | None) -> Plan | None:
    if part is None:
        return None
    if part.steps is not None:
        return plan_from_steps(part.steps)
    preset = part.torchvision or TorchvisionPart()
    return classification_plan(
        resize_px=preset.resize_px,
        crop_px=preset.crop_px,
        resample=Resample[preset.resample.upper()],
        mean=IMAGENET_MEAN if preset.mean is None else tuple(preset.mean),
        std=IMAGENET_STD if preset.std is None else tuple(preset.std),
    )


def _found_labels(draft: Draft, name: str) -> tuple[str, ...]:
    if draft.labels is None:
        raise PackageInvalid(
            f"'{name}' has no labels.",
            hint="Put a labels.txt beside the graph, one a line, or `labels:` in saccade.yaml.",
        )
    return draft.labels
