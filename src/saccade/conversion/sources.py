"""Where a checkpoint lies: a repository of the hub, a folder of transformers, or one file of weights."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from saccade.errors import PackageInvalid, PackageUnrecognised
from saccade.models.hub import HUB_SCHEME, SMALL_FILES, fetch_snapshot, parse_hub_source
from saccade.models.names import slug, split_folder_name

#: Files of weights: torch's own, and the one that cannot hold code.
TORCH_SUFFIXES = frozenset({".pth", ".pt"})
SAFETENSORS = ".safetensors"
#: A checkpoint that is larger is none of the models that can be converted.
MAX_BYTES = 8 * 1024**3
#: What a tokenizer is made of where there is no tokenizer.json.
_WORD_FILES = ("vocab.json", "merges.txt", "added_tokens.json")
_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A checkpoint on this disk.

    Attributes:
        path: A folder of transformers, or a file of weights.
        name: What its model would be called.
        version: The version, where the folder's or file's name carries one.
        origin: For the package's ``source``: ``hf:org/name@commit``, or None for what lies on this machine.
        commit: The hub's commit.
    """

    path: Path
    name: str
    version: str | None = None
    origin: str | None = None
    commit: str | None = None


def find_source(source: str, *, hub_cache_dir: Path | None = None) -> Source:
    """Find a checkpoint; one of the hub is downloaded, or taken from its cache, pinned to a commit.

    Args:
        source: ``hf:org/name[@revision]``, a folder, or a file.
        hub_cache_dir: The hub's cache; None takes the hub's own setting.

    Raises:
        PackageUnrecognised: There is no such file or folder, or it is of a kind that holds no weights.
        PackageInvalid: The repository holds no safetensors, or the weights are larger than 8 GiB.
        ParameterInvalid: The source names no repository.
        HubUnreachable: The hub does not answer and its cache does not hold it.
        BackendNotInstalled: The hub's client is not installed.
    """
    if source.startswith(HUB_SCHEME):
        wish = parse_hub_source(source)
        snapshot = fetch_snapshot(wish, cache_dir=hub_cache_dir, choose=checkpoint_files)
        found = Source(
            path=snapshot.folder,
            name=slug(wish.repository.rpartition("/")[2]),
            origin=f"{HUB_SCHEME}{wish.repository}@{snapshot.commit}",
            commit=snapshot.commit,
        )
    else:
        found = _on_disk(source)
    _refuse_large(found.path)
    return found


def checkpoint_files(names: Iterable[str]) -> list[str]:
    """Return which of a repository's files are needed: weights as safetensors, configs, what a tokenizer is made of.

    Raises:
        PackageInvalid: There are no such weights.
    """
    present = set(names)
    weights = {name for name in present if _WEIGHTS.fullmatch(name)}
    if not weights:
        raise PackageInvalid(
            "The repository holds no weights as safetensors (model.safetensors); others are never opened.",
            hint="Another revision may: hf:org/name@refs/pr/1, say. save_pretrained writes them, too.",
        )
    return sorted({*weights, *(present & {_INDEX, *SMALL_FILES, *_WORD_FILES})})


def weights_of(folder: Path) -> list[Path]:
    """Return the files of weights of a folder of transformers."""
    return sorted(path for path in folder.iterdir() if _WEIGHTS.fullmatch(path.name))


def _on_disk(source: str) -> Source:
    path = Path(source).expanduser().absolute()
    if path.is_dir():
        name, version = split_folder_name(path.resolve().name)
        return Source(path=path, name=name, version=version)
    if not path.is_file():
        raise PackageUnrecognised(
            f"There is no file or folder '{source[:200]}'.", hint="From the hub: hf:org/name@revision."
        )
    if path.suffix.lower() not in {*TORCH_SUFFIXES, SAFETENSORS}:
        raise PackageUnrecognised(
            f"'{path.name}' is no checkpoint: a file of weights ends in .pth, .pt or .safetensors.",
            hint="saccade models add takes ONNX files as they are.",
        )
    name, version = split_folder_name(path.stem)
    return Source(path=path, name=name, version=version)


def _refuse_large(path: Path) -> None:
    files = weights_of(path) if path.is_dir() else [path]
    size_bytes = sum(file.stat().st_size for file in files)
    if size_bytes > MAX_BYTES:
        raise PackageInvalid(f"The weights of '{path.name}' have more than {MAX_BYTES // 1024**3} GiB.")
