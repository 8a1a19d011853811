"""Which file is the graph: the variants of an export, and the formats that are never opened."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from saccade.errors import GraphRefused, PackageInvalid
from saccade.models.documents import path_inside

#: Suffixes of formats that run code when they are loaded.
PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".ckpt", ".pt2"})
#: The variants that run well on a CPU, the best first; half precision and 4 bits are slower there than fp32.
PREFERRED_VARIANTS = ("fp32", "quantized", "uint8", "int8")
_SUFFIXES = {"fp32": "", "q8": "_quantized"}
_FOLDERS = ("onnx/", "")
_STEM = "model"


def graph_suffix(variant: str) -> str:
    """Return what a variant adds to the name of the graph's file, by the rule of transformers.js.

    Example:
        >>> graph_suffix("fp32"), graph_suffix("q8"), graph_suffix("fp16")
        ('', '_quantized', '_fp16')
    """
    return _SUFFIXES.get(variant, f"_{variant}")


def choose_variant(folder: Path, variant: str | None) -> Path | None:
    """Return the graph of a Hugging Face folder: ``onnx/model*.onnx``, or beside the config; None where there is none.

    Args:
        folder: The package.
        variant: The one to take; None takes the one that runs best on a CPU.

    Raises:
        PackageInvalid: There are graphs, but not this variant; or the file is a link out of the folder.
    """
    names = [f"{place}{path.name}" for place in _FOLDERS for path in (folder / place).glob(f"{_STEM}*.onnx")]
    chosen = choose_among(names, variant)
    return None if chosen is None else path_inside(folder, chosen)


def choose_among(names: Iterable[str], variant: str | None) -> str | None:
    """Return which of these paths is the graph: as ``choose_variant``, for files that need not be on this disk.

    Raises:
        PackageInvalid: There are graphs, but not this variant.
    """
    present = set(names)
    found = {
        path.stem.removeprefix(_STEM): f"{place}{path.name}"
        for place in reversed(_FOLDERS)
        for path in map(PurePosixPath, sorted(present))
        if f"{place}{path.name}" in present and _is_variant(path)
    }
    if not found:
        return None
    if variant is not None:
        if graph_suffix(variant) not in found:
            raise PackageInvalid(f"There is no variant '{variant}' here, only: {', '.join(sorted(found.values()))}.")
        return found[graph_suffix(variant)]
    preferred = [graph_suffix(name) for name in PREFERRED_VARIANTS]
    return found[next((suffix for suffix in preferred if suffix in found), min(found))]


def _is_variant(path: PurePosixPath) -> bool:
    return path.suffix == ".onnx" and (path.stem == _STEM or path.stem.startswith(f"{_STEM}_"))


def refuse_pickle(path: Path) -> None:
    """Refuse a graph in a format that runs code when it is loaded.

    Raises:
        GraphRefused: By the suffix of its name.
    """
    if path.suffix.lower() in PICKLE_SUFFIXES:
        raise GraphRefused(
            f"'{path.name}' is a pickle, which can run any code when loaded; Saccade never opens one.",
            hint="Export the model to ONNX where it was trained, and add the ONNX file; some `saccade models convert` "
            "exports.",
        )


def refuse_other_weights(folder: Path) -> None:
    """Say what to do with a folder that holds weights, but no graph.

    Raises:
        PackageInvalid: They are safetensors: export first.
        GraphRefused: They are a pickle.
    """
    if next(folder.glob("*.safetensors"), None) is not None:
        raise PackageInvalid(
            "The folder holds weights (safetensors) but no ONNX graph.",
            hint="Export first: `saccade models convert` does so for some models, and `saccade models add` takes what "
            "other exporters write.",
        )
    for path in sorted(folder.iterdir()):
        if path.is_file():
            refuse_pickle(path)
