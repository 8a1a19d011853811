"""Do the plan's pictures fit the graph's input, and the labels its output? Sizes are (height, width) in px."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TypeAlias

from saccade.errors import PackageInvalid
from saccade.models.graph import GraphFacts
from saccade.models.graph_inputs import GraphInputs
from saccade.models.layouts.draft import Draft
from saccade.models.manifest import Manifest
from saccade.models.ports import TensorSpec
from saccade.models.prediction import Task
from saccade.models.preprocess.plan import (
    CenterCrop,
    FlipChannels,
    Letterbox,
    Normalize,
    Pad,
    Plan,
    Rescale,
    Resize,
    Step,
)

SizePx: TypeAlias = tuple[int, int]
#: The longest side that a step may ask for. The largest inputs of today have some 1,500 px; a slip of the pen in a
#: package must not fill the memory of the server.
MAX_SIDE_PX = 8192
_CHANNELS = 3
_BATCHED_RANK = 4
_KEEPS_SIZE = (Rescale, Normalize, FlipChannels)


def image_input(facts: GraphFacts) -> TensorSpec | None:
    """Return the input that takes the picture: [B, 3, H, W], [B, H, W, 3] or [3, H, W]; None if there is none."""
    try:
        spec = GraphInputs.of(facts.inputs, "it").pixels
    except PackageInvalid:
        return None
    return spec if _is_channels_last(spec) or spec.shape[-3] in {_CHANNELS, None} else None


def input_size_px(facts: GraphFacts) -> SizePx | None:
    """Return the size of the pictures that the graph takes; None where it is free, wholly or in part."""
    spec = image_input(facts)
    if spec is None:
        return None
    height_px, width_px = spec.shape[-3:-1] if _is_channels_last(spec) else spec.shape[-2:]
    return None if height_px is None or width_px is None else (height_px, width_px)


def _is_channels_last(spec: TensorSpec) -> bool:
    return len(spec.shape) == _BATCHED_RANK and spec.shape[-1] == _CHANNELS and spec.shape[1] != _CHANNELS


def plan_size_px(plan: Plan) -> SizePx | None:
    """Return the size that every picture has after the plan; None where it depends on the picture."""
    size: SizePx | None = None
    for step in plan.steps:
        if not isinstance(step, _KEEPS_SIZE):
            size = _step_size_px(step)
    return size


def check_fit(plan: Plan, facts: GraphFacts) -> None:
    """Compare the plan with the graph's input.

    Raises:
        PackageInvalid: No input takes a picture, or one of a fixed size that the plan does not make; or the plan makes
            gigantic ones.
    """
    _check_sides(plan)
    spec = image_input(facts)
    if spec is None:
        shapes = ", ".join(f"{item.name} {list(item.shape)}" for item in facts.inputs)
        raise PackageInvalid(
            f"No input of the graph takes one picture with 3 channels; it has: {shapes or 'none'}.",
            hint="Export the graph with one picture input: [batch, 3, height, width].",
        )
    wanted_px = input_size_px(facts)
    made_px = plan_size_px(plan)
    if wanted_px is not None and made_px != wanted_px:
        made = "of varying size" if made_px is None else f"of {made_px[0]} x {made_px[1]} px"
        raise PackageInvalid(
            f"The graph takes pictures of {wanted_px[0]} x {wanted_px[1]} px; its preprocessing makes them {made}.",
            hint="Mend the preprocessor's size, or export the graph with free height and width.",
        )


def check_labels(labels: Sequence[str], facts: GraphFacts) -> None:
    """Compare the labels of a classifier with the width of its output, where the graph fixes it.

    Raises:
        PackageInvalid: They are not as many.
    """
    scores = [spec for spec in facts.outputs if spec.name == "logits" or len(facts.outputs) == 1]
    width = next((spec.shape[1] for spec in scores if len(spec.shape) > 1), None)
    if width is not None and width != len(labels):
        raise PackageInvalid(
            f"The graph scores {width} labels, but the package names {len(labels)}.",
            hint="Give the package the label list that the graph was trained with.",
        )


def check_words(task: Task, draft: Draft, given: Manifest) -> None:
    """Compare what the task says with what the graph takes: words to look for, or none.

    Raises:
        PackageInvalid: The one takes words and the other does not, or nothing says how they become tokens, or there are
            references and no labels to look for in them.
    """
    takes_words = any(spec.name == "input_ids" for spec in draft.facts.inputs)
    if takes_words != task.takes_words:
        takes = "takes words as well as a picture" if takes_words else "takes no words (`input_ids`)"
        raise PackageInvalid(f"The graph {takes}, and the package is for {task}.")
    if task.takes_words and draft.text is None:
        raise PackageInvalid(
            "Nothing says how words become tokens.",
            hint="Bring the model in Hugging Face's layout: config.json, tokenizer.json and onnx/model.onnx.",
        )
    if task.takes_words and given.references and not given.has_labels:
        raise PackageInvalid(
            "The references do not say what to look for.", hint="Say it with `labels:` in the saccade.yaml."
        )


def _check_sides(plan: Plan) -> None:
    for step in plan.steps:
        for setting in fields(step):
            length = getattr(step, setting.name)
            is_length = setting.name.endswith("_px") or setting.name == "multiple"
            if is_length and length is not None and length > MAX_SIDE_PX:
                raise PackageInvalid(
                    f"The preprocessing's {type(step).__name__} asks for more than {MAX_SIDE_PX} px ({setting.name}).",
                    hint="Mend the preprocessor's size.",
                )


def _step_size_px(step: Step) -> SizePx | None:
    if isinstance(step, Resize | CenterCrop):
        return step.height_px, step.width_px
    if isinstance(step, Letterbox):
        return None if step.multiple is not None else (step.height_px, step.width_px)
    if isinstance(step, Pad) and step.height_px is not None and step.width_px is not None:
        return step.height_px, step.width_px
    return None
