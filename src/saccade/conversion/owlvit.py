"""OWL-ViT: a detector that is told in words what to look for. Its network takes words and pictures, and finds boxes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from saccade.conversion.libraries import quiet
from saccade.conversion.network import Network
from saccade.errors import PackageInvalid
from saccade.models.layouts.texts import TOKENIZER, text_plan
from saccade.models.package import Plain

#: Labels for each picture, when the network is tried: more than one, so that none is taken for the only number.
_LABELS = 3
_FEWEST_TOKENS = 2
#: What a tokenizer is made of.
_PARTS = ("vocab.json", "merges.txt")


class _Found(nn.Module):  # type: ignore[misc]  # torch carries no types where this is checked
    """The inputs and outputs of the graphs on the hub, without the embeddings, which nobody reads."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, pixel_values: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, P, L) and boxes (B, P, 4)."""
        found = self.model(input_ids=input_ids, pixel_values=pixel_values, attention_mask=attention_mask)
        return found.logits, found.pred_boxes


def network(model: nn.Module, folder: Path, config: Mapping[str, Plain]) -> Network:
    """Return the network of a model.

    Args:
        model: transformers' own.
        folder: Holds its tokenizer, which says how long a label is.
        config: Its ``config.json``.

    Returns:
        The network: input_ids (B * L, T) int64, those of the first picture first, pixel_values (B, 3, H, W) float32 and
        attention_mask (B * L, T) int64 in; logits (B, P, L) and pred_boxes (B, P, 4) out.

    Raises:
        PackageInvalid: The tokenizer is not there, or its keys are wrong.
    """
    plan, _ = text_plan(folder, config)
    text, vision = model.config.text_config, model.config.vision_config
    if plan.length < _FEWEST_TOKENS:
        raise PackageInvalid("The tokenizer leaves no place for a label between the marks of its beginning and end.")

    def example(pictures: int, random: torch.Generator) -> tuple[Tensor, ...]:
        rows = pictures * _LABELS
        words = torch.randint(1, text.vocab_size, (rows, plan.length), generator=random)
        ends = torch.randint(1, plan.length, (rows, 1), generator=random)
        places = torch.arange(plan.length).expand(rows, -1)
        # The text is read at its end mark, which is the highest id or a named one.
        end = text.vocab_size - 1 if text.eos_token_id is None else text.eos_token_id
        words = torch.where(places == ends, torch.full_like(words, end), words)
        mask = (places <= ends).to(torch.int64)
        pixels = torch.randn(pictures, 3, vision.image_size, vision.image_size, generator=random)
        return words * mask, pixels, mask

    return Network(
        module=_Found(model).eval(),
        inputs={
            "input_ids": {0: "text_batch_size"},
            "pixel_values": {0: "batch_size"},
            "attention_mask": {0: "text_batch_size"},
        },
        outputs=("logits", "pred_boxes"),
        ranked="logits",
        example=example,
    )


def complete_tokenizer(folder: Path) -> None:
    """Write ``tokenizer.json`` where the folder has only what it is made of, as older repositories do.

    Raises:
        PackageInvalid: That is not there, or makes no tokenizer.
    """
    if (folder / TOKENIZER).is_file():
        return
    if not all((folder / name).is_file() for name in _PARTS):
        raise PackageInvalid(
            f"The model looks for words, but the folder has neither {TOKENIZER} nor {' and '.join(_PARTS)}.",
            hint="AutoTokenizer.from_pretrained(…).save_pretrained(folder) writes it.",
        )
    from transformers import CLIPTokenizer

    try:
        with quiet():
            tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    except Exception as error:
        # Strangers' files: transformers raises whatever the part raised that read them.
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise PackageInvalid(f"{' and '.join(_PARTS)} make no tokenizer ({reason}).") from error
