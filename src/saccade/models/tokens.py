"""Words for a model that is told what to look for: from labels to the numbers that its graph takes.

The rules of a package's ``tokenizer.json`` are carried out by the ``tokenizers`` library, which only these models need.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from saccade.errors import BackendNotInstalled, PackageInvalid
from saccade.vision.arrays import TokenIds

if TYPE_CHECKING:
    import tokenizers

#: The tokenizer of a hundred languages has 17 MB.
_MAX_BYTES = 64 * 1024**2
#: Lists of labels whose tokens are kept: callers ask for the same words again and again.
_MAX_KEPT = 64


@dataclass(frozen=True, slots=True)
class TextPlan:
    """How a package's labels become tokens.

    Attributes:
        tokenizer: Its ``tokenizer.json``.
        length: Tokens of every label: a longer one is cut, a shorter one is filled up.
        pad_token: What fills up; None where the package names only its id.
        pad_id: Its id, where no token is named or the tokenizer does not know it.
    """

    tokenizer: Path
    length: int
    pad_token: str | None = None
    pad_id: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """A list of labels as a graph takes it.

    Attributes:
        labels: The labels, in the order of the class ids.
        ids: (L, T) int64, a row of tokens for each.
        mask: (L, T) int64, 1 where there is a token and 0 where the row is filled up.
    """

    labels: tuple[str, ...]
    ids: TokenIds
    mask: TokenIds


class LabelTokenizer:
    """Turns labels into tokens as the package's own tokenizer does. Thread-safe."""

    def __init__(self, plan: TextPlan) -> None:
        """Read the tokenizer.

        Raises:
            BackendNotInstalled: The tokenizers library is not installed.
            PackageInvalid: The file is no tokenizer, or far too large.
        """
        tokenizer = _read(plan.tokenizer)
        known = None if plan.pad_token is None else tokenizer.token_to_id(plan.pad_token)
        tokenizer.enable_truncation(plan.length)
        tokenizer.enable_padding(
            length=plan.length, pad_id=plan.pad_id if known is None else known, pad_token=plan.pad_token or "[PAD]"
        )
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, ...], Words] = OrderedDict()

    def __call__(self, labels: tuple[str, ...]) -> Words:
        """Return the tokens of some labels, at least one."""
        with self._lock:
            if labels in self._kept:
                self._kept.move_to_end(labels)
                return self._kept[labels]
        # One by one: the library would start threads of its own for a batch.
        rows = [self._tokenizer.encode(label) for label in labels]
        ids = np.array([row.ids for row in rows], np.int64)
        mask = np.array([row.attention_mask for row in rows], np.int64)
        words = Words(labels, ids, mask)
        with self._lock:
            self._kept[labels] = words
            while len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return words


def _read(path: Path) -> tokenizers.Tokenizer:
    try:
        import tokenizers
    except ImportError as error:
        raise BackendNotInstalled(
            "A zero-shot model needs the tokenizers library: pip install 'saccade[zero-shot]'.",
            hint="pip install 'saccade[zero-shot]'",
        ) from error
    if path.stat().st_size > _MAX_BYTES:
        raise PackageInvalid(f"'{path.name}' is larger than {_MAX_BYTES // 1024**2} MiB.")
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:
        raise PackageInvalid(f"'{path.name}' is no tokenizer: {str(error)[:200]}.") from error
