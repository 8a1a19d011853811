"""What routes of images are asked beside the image: models, names, how to draw."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from saccade.api.context import context_of
from saccade.api.cursors import single
from saccade.api.options import MODELS, THRESHOLD, is_plain_text, model_names, number_in
from saccade.errors import ModelUnknown, ParameterInvalid
from saccade.vision.drawn import DrawnFormat

#: How a request gives the name under which an image is remembered.
FILE_NAME = "file_name"

_MOST_MODELS = 32
_MAX_NAME_CHARACTERS = 1024
_MAX_MODEL_CHARACTERS = 256
#: Unknown names that are told of, and so much of each.
_MOST_TOLD = 10
_TOLD_CHARACTERS = 100


def check_names(request: Request, known: Sequence[str]) -> None:
    """Refuse a query with a parameter that a route does not know: left out, it would mean other images than are meant.

    Raises:
        ParameterInvalid: There is one.
    """
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        told = [name[:_TOLD_CHARACTERS] for name in unknown[:_MOST_TOLD]]
        raise ParameterInvalid(
            f"{', '.join(f'{name!a}' for name in told)} {'is' if len(unknown) == 1 else 'are'} not known here.",
            hint=f"Known are {', '.join(known)}." if known else "This route takes no parameters.",
            faults=dict.fromkeys(told, "is not known here"),
        )


def asked_models(values: Sequence[object]) -> list[str]:
    """Return which models are asked of an image that is sent; none is no error.

    Args:
        values: As they were given: a text each from a query or a form, a list from JSON.

    Raises:
        ParameterInvalid: One can be no model's name or is given twice, or there are too many.
        ModelUnknown: Several names are given as one.
    """
    flat = [name for value in values for name in (value if isinstance(value, list) else [value])]
    names = model_names(flat) if flat else []
    for name in names:
        if "," in name:
            hint = f"No model's name has a comma; repeat {MODELS!r} for each, or give a list in JSON."
            raise ModelUnknown(f"There is no model {name[:_TOLD_CHARACTERS]!r}.", hint=hint)
    if len(set(names)) < len(names):
        raise ParameterInvalid("A model is named twice.", faults={MODELS: "must name each model once"})
    if len(names) > _MOST_MODELS:
        raise _invalid(MODELS, f"must be at most {_MOST_MODELS} names")
    return names


def given_name(values: Sequence[object]) -> str | None:
    """Return the name under which an image is to be remembered, if the request gives one.

    Raises:
        ParameterInvalid: It is no text of sane length, or given more than once.
    """
    if not values:
        return None
    name = values[0]
    if len(values) > 1 or not isinstance(name, str) or not is_plain_text(name, max_characters=_MAX_NAME_CHARACTERS):
        raise _invalid(FILE_NAME, f"must be one text of 1 to {_MAX_NAME_CHARACTERS} characters")
    return name


def named_model(request: Request) -> str | None:
    """Return whose prediction is meant, as the query says it; None where it says nothing.

    Raises:
        ParameterInvalid: It can be no model's name.
    """
    text = single(request, "model")
    if text is None:
        return None
    if not is_plain_text(text, max_characters=_MAX_MODEL_CHARACTERS):
        raise _invalid("model", "must be the name of a model")
    context_of(request.scope).model = text
    return text


def drawn_format(request: Request) -> DrawnFormat:
    """Return what a drawing is written as; PNG where the query says nothing.

    Raises:
        ParameterInvalid: It is none that is written.
    """
    text = single(request, "format") or DrawnFormat.PNG.value
    known = {drawn.value: drawn for drawn in DrawnFormat}
    if text not in known:
        raise _invalid("format", f"must be one of {', '.join(known)}")
    return known[text]


def drawn_threshold(request: Request) -> float | None:
    """Return the lowest score that is drawn; None where the query says nothing.

    Raises:
        ParameterInvalid: It is no number from 0 to 1.
    """
    text = single(request, THRESHOLD)
    if text is None:
        return None
    threshold = number_in(text, least=0, most=1)
    if threshold is None:
        raise _invalid(THRESHOLD, "must be one number from 0 to 1")
    return threshold


def _invalid(name: str, fault: str) -> ParameterInvalid:
    return ParameterInvalid(f"{name!r} {fault}.", faults={name: fault})
