"""Models that run elsewhere: a folder with nothing but saccade.yaml, which says where."""

from __future__ import annotations

from pathlib import Path

from saccade.errors import PackageInvalid
from saccade.models.digests import digest_files, package_digest
from saccade.models.documents import path_inside
from saccade.models.layouts.labels import given_labels
from saccade.models.layouts.plugins import references_of
from saccade.models.manifest import MANIFEST_NAME, Manifest
from saccade.models.package import ModelCard, Package, RemoteSpec
from saccade.models.prediction import Task

NAME = "remote"
#: Keys of saccade.yaml that say how a graph is used, and that nobody here would look at.
_GRAPH_KEYS = ("family", "graph", "variant", "decoder", "preprocess", "entry")
_TASKS = (Task.IMAGE_CLASSIFICATION, Task.OBJECT_DETECTION)


def read_remote(folder: Path, manifest: Manifest, *, name: str, version: str) -> Package:
    """Read a folder whose saccade.yaml says ``engine: remote``; nobody is asked yet.

    Its digest is that of saccade.yaml and the files that it names: another address is another package.

    Args:
        folder: The package.
        manifest: Its saccade.yaml.
        name: The model's name here.
        version: The version here.

    Raises:
        PackageInvalid: It does not say its task, or says how a graph is used.
    """
    said = manifest.remote
    strange = [key for key in _GRAPH_KEYS if getattr(manifest, key)]
    if said is None or strange:
        raise PackageInvalid(
            f"{MANIFEST_NAME}: {', '.join(strange) or 'no `remote`'} and `engine: remote` do not go together.",
            hint="The other server prepares and reads by itself: say `remote` and leave these keys out.",
        )
    if manifest.task not in _TASKS:
        raise PackageInvalid(
            f"{MANIFEST_NAME} does not say the task of a remote model.",
            hint=f"Write `task: {_TASKS[0].value}` or `task: {_TASKS[1].value}`.",
        )
    labels_file = None if manifest.labels_file is None else path_inside(folder, manifest.labels_file)
    references = references_of(manifest, folder)
    files = [folder / MANIFEST_NAME, *(item.image for item in references)]
    digests = digest_files(folder, files if labels_file is None else [*files, labels_file])
    card = ModelCard(
        name=name,
        version=version,
        task=manifest.task,
        family=NAME,
        engine=NAME,
        labels=given_labels(manifest, labels_file) or (),
        layout=NAME,
        description=manifest.description or "",
        license=manifest.license,
        tags=tuple(manifest.tags),
        threshold=manifest.threshold,
        source=manifest.source,
        parameters=manifest.parameters,
        size_bytes=sum(file.size_bytes for file in digests),
        digest=package_digest(digests),
        files=digests,
    )
    url, model = said.url.rstrip("/"), said.model or name
    spec = RemoteSpec(url, said.protocol, model, said.timeout_s, said.retries, name=name)
    return Package(card=card, folder=folder, references=references, remote=spec)
