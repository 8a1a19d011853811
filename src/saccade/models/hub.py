"""The Hugging Face hub and its cache on disk: which commit is meant, and which of its files are needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from saccade.errors import BackendNotInstalled, HubUnreachable, PackageInvalid, ParameterInvalid
from saccade.models.layouts.graphs import choose_among

if TYPE_CHECKING:
    from huggingface_hub import HfApi

#: What a reference to a repository of the hub starts with.
HUB_SCHEME = "hf:"
#: The files a package may need beside its graph.
SMALL_FILES = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "saccade.yaml",
    "labels.txt",
    "labels.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
#: Shorter beginnings of a commit are not taken for one.
_MIN_COMMIT_CHARACTERS = 7
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository of the hub, and what of its history is meant: a branch, a tag, a commit, or None for the newest."""

    repository: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit of a repository on disk."""

    folder: Path
    commit: str


def parse_hub_source(source: str) -> HubSource:
    """Read ``hf:org/name`` or ``hf:org/name@revision``.

    Raises:
        ParameterInvalid: It is neither.
    """
    repository, at, revision = source.removeprefix(HUB_SCHEME).partition("@")
    is_revision = _REVISION.fullmatch(revision) is not None and ".." not in revision
    if _REPOSITORY.fullmatch(repository) is None or ".." in repository or (at and not is_revision):
        raise ParameterInvalid(f"'{source[:200]}' names no repository of the hub.", hint="Write hf:org/name@revision.")
    return HubSource(repository, revision or None)


def fetch_snapshot(
    source: HubSource,
    *,
    variant: str | None = None,
    cache_dir: Path | None = None,
    choose: Callable[[Iterable[str]], list[str]] | None = None,
) -> Snapshot:
    """Return one commit of a repository on disk, downloading what is needed of it and is not there yet.

    With ``HF_HUB_OFFLINE=1``, or when the hub does not answer, the cache alone is asked.

    Args:
        source: The repository and revision.
        variant: The variant of the graph to download; None takes the one that runs best on a CPU.
        cache_dir: The hub's cache; None takes the hub's own setting (``HF_HUB_CACHE``).
        choose: Which of the repository's files are needed; None takes those of a package, graph and all.

    Raises:
        BackendNotInstalled: The hub's client is not installed.
        HubUnreachable: The hub does not answer, and the cache does not hold what was asked for.
        PackageInvalid: The hub has no such repository or revision, or no graph in it.
        ParameterInvalid: The cache alone is asked, for no revision, and holds several.
    """
    try:
        import huggingface_hub
        from huggingface_hub import constants
    except ImportError as error:
        raise BackendNotInstalled(
            "Adding models from the hub needs its client.", hint="pip install 'saccade[hub]'"
        ) from error
    cache = Path(constants.HF_HUB_CACHE) if cache_dir is None else cache_dir
    if constants.HF_HUB_OFFLINE:
        return find_cached(source, cache_dir=cache)
    wanted = partial(needed_files, variant=variant) if choose is None else choose
    return _download(huggingface_hub.HfApi(), source, wanted, cache_dir=cache)


def find_cached(source: HubSource, *, cache_dir: Path) -> Snapshot:
    """Return the commit that the cache holds, without any network.

    A revision may be a branch or tag that the cache knows, a commit, or the beginning of one. Without a revision there
    must be exactly one commit: which of several is meant is not guessed.

    Raises:
        HubUnreachable: The cache does not hold it.
        ParameterInvalid: No revision is named and the cache holds several; the message names them.
    """
    home = cache_dir / f"models--{source.repository.replace('/', '--')}"
    snapshots = home / "snapshots"
    commits = sorted(path.name for path in snapshots.iterdir() if path.is_dir()) if snapshots.is_dir() else []
    commit = _named_commit(home, commits, source.revision) if source.revision else _only_commit(source, commits)
    if commit is None:
        wanted = f"{source.repository}@{source.revision}" if source.revision else source.repository
        raise HubUnreachable(f"The hub cannot be asked, and its cache does not hold {wanted}.")
    return Snapshot(snapshots / commit, commit)


def needed_files(names: Iterable[str], *, variant: str | None) -> list[str]:
    """Return which of a repository's files a package needs: the small ones, one graph, and its weights beside it.

    Raises:
        PackageInvalid: There is no graph, or not in this variant.
    """
    present = set(names)
    graph = choose_among(present, variant)
    if graph is None:
        has_weights = any(name.endswith(".safetensors") for name in present)
        raise PackageInvalid(
            f"The repository holds no ONNX graph{', only weights (safetensors)' if has_weights else ''}.",
            hint="saccade models convert makes one of some models; many are exported under "
            "https://huggingface.co/onnx-community.",
        )
    weights = [name for name in present if is_sidecar(name, graph)]
    return sorted({graph, *weights, *(present & set(SMALL_FILES))})


def is_sidecar(name: str, graph: str) -> bool:
    """Say whether a file holds weights of a graph, by its name: ``model.onnx_data`` or ``model.onnx.data``."""
    same_folder = PurePosixPath(name).parent == PurePosixPath(graph).parent
    return same_folder and name != graph and name.startswith((f"{graph}_data", f"{graph}.data"))


def _only_commit(source: HubSource, commits: list[str]) -> str | None:
    if len(commits) > 1:
        raise ParameterInvalid(
            f"The cache holds several commits of {source.repository}: {', '.join(commits)}.",
            hint=f"Say which: {HUB_SCHEME}{source.repository}@{commits[0]}",
        )
    return commits[0] if commits else None


def _named_commit(home: Path, commits: list[str], revision: str) -> str | None:
    if revision in commits:
        return revision
    pointer = home / "refs" / revision
    if pointer.is_file():
        commit = pointer.read_text(encoding="utf-8").strip()
        return commit if commit in commits else None
    fitting = [commit for commit in commits if commit.startswith(revision)]
    return fitting[0] if len(fitting) == 1 and len(revision) >= _MIN_COMMIT_CHARACTERS else None


def _download(
    api: HfApi, source: HubSource, choose: Callable[[Iterable[str]], list[str]], *, cache_dir: Path
) -> Snapshot:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # whichever httpx the client itself uses

    try:
        info = api.model_info(source.repository, revision=source.revision, timeout=_TIMEOUT_S)
        commit = str(info.sha)
        if _COMMIT.fullmatch(commit) is None:
            raise HubUnreachable(f"The hub's answer for {source.repository} names no commit.")
        wanted = choose([item.rfilename for item in info.siblings or []])
        folder = api.snapshot_download(
            source.repository, revision=commit, allow_patterns=wanted, cache_dir=cache_dir, etag_timeout=_TIMEOUT_S
        )
    except (RepositoryNotFoundError, RevisionNotFoundError, GatedRepoError) as error:
        shown = f"{source.repository}@{source.revision}" if source.revision else source.repository
        raise PackageInvalid(
            f"The hub has no {shown} that you may read.", hint="Check the name; for a gated one, set HF_TOKEN."
        ) from error
    except (httpx.HTTPError, OSError) as error:
        return _cached_instead(source, cache_dir=cache_dir, error=error)
    return Snapshot(Path(str(folder)), commit)


def _cached_instead(source: HubSource, *, cache_dir: Path, error: Exception) -> Snapshot:
    try:
        return find_cached(source, cache_dir=cache_dir)
    except HubUnreachable as absent:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise HubUnreachable(f"{absent} The hub's client says: {reason}") from error
