"""How errors are told on a face's paths, also those raised before any of its routes ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

#: Turns the members of a problem into a face's own words.
Dialect: TypeAlias = Callable[[Mapping[str, object]], dict[str, object]]

#: Seconds that a client is told to wait for a model that still loads; Hugging Face's clients show it.
LOADING_ESTIMATE_S = 1.0


def huggingface(problem: Mapping[str, object]) -> dict[str, object]:
    """Tell a problem as Hugging Face's inference API does: one ``error`` text, and how long a load may take."""
    told: dict[str, object] = {"error": problem["detail"]}
    if problem["code"] == "model_loading":
        told["estimated_time"] = LOADING_ESTIMATE_S
    return told


#: Path prefix to dialect.
DIALECTS: Mapping[str, Dialect] = {"/hf/": huggingface}


def dialect_of(path: str) -> Dialect | None:
    """Return the dialect spoken at a path, or None where our own problems are."""
    return next((dialect for prefix, dialect in DIALECTS.items() if path.startswith(prefix)), None)
