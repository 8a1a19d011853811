"""How a package's labels become tokens: its tokenizer, and the few keys of its configs that say how long a label is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from saccade.errors import PackageInvalid
from saccade.models.documents import path_inside, read_json
from saccade.models.package import Plain
from saccade.models.tokens import TextPlan

TOKENIZER = "tokenizer.json"
#: What stands beside it and may name the token that fills labels up.
TOKENIZER_CONFIGS = ("tokenizer_config.json", "special_tokens_map.json")
#: transformers' default for these models, which their configs leave out.
_LENGTH = 16
#: A label of more tokens than this is a text; a config that says so is wrong.
_MAX_LENGTH = 4096


def text_plan(folder: Path, config: Mapping[str, Plain]) -> tuple[TextPlan, tuple[Path, ...]]:
    """Read how labels become tokens.

    Args:
        folder: The package.
        config: Its ``config.json``.

    Returns:
        The plan, and the files that it was read from.

    Raises:
        PackageInvalid: There is no ``tokenizer.json``, or a key beside it is wrong.
    """
    if not (folder / TOKENIZER).is_file():
        raise PackageInvalid(
            f"The model looks for words, but the folder has no {TOKENIZER}.",
            hint=f"With transformers, AutoTokenizer.from_pretrained(…).save_pretrained(folder) writes {TOKENIZER}.",
        )
    beside = [path_inside(folder, name) for name in TOKENIZER_CONFIGS if (folder / name).is_file()]
    said = [read_json(path) for path in beside]
    text = config.get("text_config")
    text = text if isinstance(text, dict) else {}
    pad_token = next((token for document in said if (token := _token(document.get("pad_token"))) is not None), None)
    pad_id = text.get("pad_token_id")
    plan = TextPlan(
        tokenizer=path_inside(folder, TOKENIZER),
        length=_length(text, said[0] if said else {}),
        pad_token=pad_token,
        pad_id=pad_id if isinstance(pad_id, int) and pad_id >= 0 else 0,
    )
    return plan, (plan.tokenizer, *beside)


def _token(value: Plain) -> str | None:
    """Return a token's text, which is written bare or with its properties."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _length(text: Mapping[str, Plain], tokenizer: Mapping[str, Plain]) -> int:
    """Return the tokens of a label: what the tokenizer says, but never more than the graph has places for."""
    places = text.get("max_position_embeddings", _LENGTH)
    if isinstance(places, bool) or not isinstance(places, int) or not 0 < places <= _MAX_LENGTH:
        raise PackageInvalid(
            f"config.json: text_config.max_position_embeddings is {places!r}; 1 to {_MAX_LENGTH} are read."
        )
    wanted = tokenizer.get("model_max_length")
    # Tokenizers without a limit of their own say 1e30 here.
    return min(wanted, places) if isinstance(wanted, int) and wanted > 0 else places
