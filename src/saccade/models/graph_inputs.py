"""Which of a graph's inputs takes the picture, which the mask, sizes or words; and how a batch is fed to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.errors import PackageInvalid
from saccade.models.ports import TensorSpec
from saccade.models.prepared import Prepared
from saccade.vision.arrays import Tensor

_MASKS = ("pixel_mask",)
_SIZES = ("orig_target_sizes", "target_sizes", "orig_size")
_WORDS = ("input_ids",)
_WORDS_MASK = ("attention_mask",)
_RGB = 3


@dataclass(frozen=True, slots=True)
class GraphInputs:
    """The inputs of a graph by what they mean.

    Attributes:
        pixels: Takes the picture: [B, 3, H, W], [B, H, W, 3] or, for one picture at a time, [3, H, W].
        mask: Takes 1 where there is picture and 0 where there is padding, or None.
        sizes: Takes width and height of the original, or None.
        words: Takes the tokens of the labels to look for, or None: [B * L, T], those of the first picture first.
        words_mask: Takes 1 where there is a token of them, or None.
        batchable: Whether the batch axis is free.
    """

    pixels: TensorSpec
    mask: TensorSpec | None
    sizes: TensorSpec | None
    words: TensorSpec | None
    words_mask: TensorSpec | None
    batchable: bool

    @classmethod
    def of(cls, specs: Sequence[TensorSpec], reference: str) -> GraphInputs:
        """Sort a graph's inputs.

        Args:
            specs: The graph's inputs.
            reference: The model's name, for the message.

        Raises:
            PackageInvalid: There is no picture input, or one that Saccade cannot fill.
        """
        mask, sizes = _named(specs, _MASKS), _named(specs, _SIZES)
        words, words_mask = _named(specs, _WORDS), _named(specs, _WORDS_MASK)
        rest = [spec for spec in specs if spec.name not in {*_MASKS, *_SIZES, *_WORDS, *_WORDS_MASK}]
        if len(rest) != 1 or len(rest[0].shape) not in {3, 4}:
            shown = "; ".join(f"{spec.name} {list(spec.shape)} {spec.dtype}" for spec in specs)
            raise PackageInvalid(
                f"The graph of {reference} has inputs that Saccade cannot fill: {shown}.",
                hint="A graph takes one picture [B, 3, H, W], and may take pixel_mask, orig_target_sizes, and "
                "input_ids with attention_mask.",
            )
        if words is not None and (len(words.shape) != len(("labels", "tokens")) or words.shape[0] is not None):
            raise PackageInvalid(
                f"The graph of {reference} takes input_ids {list(words.shape)}; any number of labels must do.",
                hint="Export it with a free number of texts: input_ids [labels, tokens].",
            )
        pixels = rest[0]
        batch = pixels.shape[0] if len(pixels.shape) == _RGB + 1 else 1
        if batch not in {None, 1}:
            raise PackageInvalid(
                f"The graph of {reference} takes exactly {batch} pictures at a time.",
                hint="Export it with a free batch axis, or with a batch of 1.",
            )
        return cls(pixels, mask, sizes, words, words_mask, batchable=batch is None)

    def feeds(self, works: Sequence[Prepared]) -> dict[str, Tensor]:
        """Stack prepared pictures of equal shape into the graph's inputs.

        Args:
            works: At least one; all of one tensor shape, and all looking for the same words.

        Returns:
            Every input by name, batch axis first.
        """
        pixels = works[0].pixels[np.newaxis] if len(works) == 1 else np.stack([work.pixels for work in works])
        if self.pixels.shape[-1] == _RGB and self.pixels.shape[1] != _RGB:
            pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        if len(self.pixels.shape) == _RGB:
            pixels = pixels[0]
        feeds: dict[str, Tensor] = {self.pixels.name: pixels.astype(self.pixels.dtype, copy=False)}
        if self.mask is not None:
            masks = [np.ones(work.pixels.shape[1:], np.int64) if work.mask is None else work.mask for work in works]
            feeds[self.mask.name] = np.stack(masks).astype(self.mask.dtype, copy=False)
        if self.sizes is not None:
            sizes = [[work.geometry.original_width_px, work.geometry.original_height_px] for work in works]
            feeds[self.sizes.name] = np.asarray(sizes, self.sizes.dtype)
        return feeds | self._word_feeds(works)

    def _word_feeds(self, works: Sequence[Prepared]) -> dict[str, Tensor]:
        """Repeat the words for each picture: the graph shares its rows of tokens out among them."""
        words = works[0].words
        if self.words is None or words is None:
            return {}
        feeds: dict[str, Tensor] = {self.words.name: np.tile(words.ids, (len(works), 1)).astype(self.words.dtype)}
        if self.words_mask is not None:
            mask = np.tile(words.mask, (len(works), 1))
            feeds[self.words_mask.name] = mask.astype(self.words_mask.dtype)
        return feeds


def _named(specs: Sequence[TensorSpec], names: Sequence[str]) -> TensorSpec | None:
    return next((spec for spec in specs if spec.name in names), None)
