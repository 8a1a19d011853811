"""What ``…/infer`` is sent: pictures, options and wanted outputs, from JSON and the bytes behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod

from starlette.requests import Request

from saccade.api.bodies import Kind, kind_of, parse_json, read_raw
from saccade.api.dependencies import platform_of
from saccade.api.faces.oip_errors import NotOffered
from saccade.api.faces.oip_outputs import SCORE, gives_places, output_names
from saccade.api.faces.oip_tensors import BYTES, flat, shape_of, unpack_bytes
from saccade.api.options import CANDIDATE_LABELS, MAX_TOP_K, Given, given_by, is_plain_text, items_of
from saccade.errors import BodyTooLarge, BodyUnreadable, MediaTypeUnsupported, ParameterInvalid
from saccade.models.prediction import Task

#: The one input: encoded pictures.
IMAGE = "image"
#: Pictures of one request, as many as ``POST /v1/predict`` takes pairs.
MAX_PICTURES = 32
#: Where the JSON ends and the bytes begin.
HEADER_LENGTH = "Inference-Header-Content-Length"
MAX_ID_CHARACTERS = 256

BINARY_DATA = "binary_data"
BINARY_DATA_SIZE = "binary_data_size"
BINARY_DATA_OUTPUT = "binary_data_output"
CLASSIFICATION = "classification"
_SHARED_MEMORY = "shared_memory"
_LENGTH_DIGITS = 12
#: Datatypes of numbers: of tensors that somebody prepared already.
_NUMBERS = ("FP", "BF", "INT", "UINT")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One output that is to be answered.

    Attributes:
        name: Of the output.
        binary: Whether its elements come as bytes.
        classes: How many ``value:index:label`` texts come in its place; None for the output itself.
    """

    name: str
    binary: bool
    classes: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read.

    Attributes:
        id: The client's own name for it, sent back; None if it has none.
        pictures: Encoded; or, where they came in JSON, as base64.
        given: Options of the prediction.
        outputs: What is to be answered; None for all, see ``binary``.
        binary: Whether outputs come as bytes that do not say how.
    """

    id: str | None
    pictures: Sequence[bytes | str]
    given: Given
    outputs: Sequence[Mapping[str, object]] | None = None
    binary: bool = False


async def read_asked(request: Request) -> Asked:
    """Return what is asked.

    Raises:
        RequestError: The body is wrong, or too large.
    """
    if kind_of(request) is Kind.FORM:
        raise MediaTypeUnsupported("This route takes JSON, and bytes behind it, and no form.")
    max_bytes = platform_of(request).settings.server.max_body_bytes
    body = await read_raw(request, max_bytes=max_bytes, refusal=BodyTooLarge("The body is too large."))
    length = _header_length(request, len(body))
    if length == 0:  # the whole body is the one element of the one input
        return Asked(id=None, pictures=[body], given=given_by(request))
    document, binary = parse_json(body[:length]), body[length:]
    identity = document.get("id")
    if identity is not None and not is_plain_text(identity, max_characters=MAX_ID_CHARACTERS):
        raise ParameterInvalid(f"'id' must be a text of at most {MAX_ID_CHARACTERS} characters.")
    parameters = _object(document.get("parameters"), "parameters")
    is_binary = _flag(parameters, BINARY_DATA_OUTPUT, default=False)
    outputs = document.get("outputs")
    if outputs is not None and not isinstance(outputs, list):
        raise ParameterInvalid("'outputs' must be a list.")
    return Asked(
        id=None if identity is None else str(identity),
        pictures=_pictures(document.get("inputs"), binary),
        given=given_by(request, _fields(parameters)),
        outputs=[_object(output, "an output") for output in outputs] if outputs else None,
        binary=is_binary,
    )


def wanted_of(asked: Asked, task: Task) -> list[Wanted]:
    """Return what is to be answered, held against what a task has.

    Raises:
        ParameterInvalid: An output is unknown, or asked for twice, or cannot be asked for like this.
        NotOffered: It is to lie in memory that is shared.
    """
    known = output_names(task)
    if asked.outputs is None:
        return [Wanted(name, asked.binary) for name in known]
    wanted: list[Wanted] = []
    for output in asked.outputs:
        name, parameters = output.get("name"), _object(output.get("parameters"), "parameters")
        if name not in known or not isinstance(name, str):
            raise ParameterInvalid(f"There is no output {str(name)[:100]!a}; there are {', '.join(known)}.")
        if any(name == other.name for other in wanted):
            raise ParameterInvalid(f"The output {name!r} is asked for twice.")
        _refuse_shared_memory(parameters)
        binary = _flag(parameters, BINARY_DATA, default=asked.binary)
        wanted.append(Wanted(name, binary, _classes(parameters, name, task)))
    return wanted


def _header_length(request: Request, body_bytes: int) -> int:
    """Return where the JSON ends.

    Raises:
        BodyUnreadable: The header is no number, or leads beyond the body.
    """
    given = request.headers.getlist(HEADER_LENGTH)
    if not given:
        return body_bytes or -1  # an empty body is no JSON, and no picture either
    text = given[0]
    if len(given) != 1 or not (text.isascii() and text.isdigit() and len(text) <= _LENGTH_DIGITS):
        raise BodyUnreadable(f"{HEADER_LENGTH} must be one whole number.")
    if int(text) > body_bytes:
        raise BodyUnreadable(f"{HEADER_LENGTH} is {int(text)}, and the body has only {body_bytes} bytes.")
    return int(text)


def _pictures(inputs: object, binary: bytes) -> list[bytes | str]:
    """Return the pictures of the one input that there is.

    Raises:
        ParameterInvalid: There is another input, or shape and data do not agree.
        NotOffered: The input is a tensor of numbers.
    """
    given = _only_input(inputs)
    parameters = _object(given.get("parameters"), "parameters")
    _refuse_shared_memory(parameters)
    count = _count(shape_of(given.get("shape")))
    pictures = _elements(given.get("data"), parameters.get(BINARY_DATA_SIZE), binary)
    if len(pictures) != count:
        raise ParameterInvalid(f"The shape says {count} elements, and {len(pictures)} came.")
    return pictures


def _only_input(inputs: object) -> Mapping[str, object]:
    if not isinstance(inputs, list) or not inputs:
        raise ParameterInvalid("'inputs' must be a list with one input.")
    given = [_object(each, "an input") for each in inputs]
    for each in given:
        _check_input(each)
    if len(given) != 1:
        raise ParameterInvalid(f"There is one input, {IMAGE!r}, and it is given {len(given)} times.")
    return given[0]


def _elements(data: object, size: object, binary: bytes) -> list[bytes | str]:
    """Return the elements of the input, as base64 from the JSON or as they are from the bytes behind it."""
    if size is None:
        if binary:
            raise ParameterInvalid(f"{len(binary)} bytes follow the JSON, and no input has a {BINARY_DATA_SIZE!r}.")
        return [_text(element) for element in flat(data)]
    if isinstance(size, bool) or size != len(binary):
        raise ParameterInvalid(f"{BINARY_DATA_SIZE!r} must be {len(binary)}: so many bytes follow the JSON.")
    if data is not None:
        raise ParameterInvalid(f"An input has either 'data' or {BINARY_DATA_SIZE!r}.")
    # Millions of empty elements fit into a body: one too many is enough to refuse it.
    return list(islice(unpack_bytes(binary), MAX_PICTURES + 1))


def _check_input(given: Mapping[str, object]) -> None:
    """Refuse an input that is no list of encoded pictures.

    Raises:
        ParameterInvalid: It has another name or datatype.
        NotOffered: It is a tensor of numbers.
    """
    name, datatype = given.get("name"), given.get("datatype")
    if not isinstance(name, str) or not isinstance(datatype, str):
        raise ParameterInvalid("An input has a 'name', a 'datatype' and a 'shape'.")
    if datatype.startswith(_NUMBERS):
        raise NotOffered(
            f"Pictures are taken encoded, as {BYTES}; tensors of {datatype[:20]!a} that were prepared already are not."
        )
    if name != IMAGE or datatype != BYTES:
        raise ParameterInvalid(f"There is one input: {IMAGE!r}, of the datatype {BYTES}.")


def _count(shape: tuple[int, ...]) -> int:
    """Return how many pictures a shape means: ``[N]`` or ``[N, 1]``."""
    count = prod(shape)
    if len(shape) > 2 or count != shape[0]:  # noqa: PLR2004 - as written above
        raise ParameterInvalid(f"The shape of {IMAGE!r} must be [N] or [N, 1].")
    if not 1 <= count <= MAX_PICTURES:
        raise ParameterInvalid(f"A request has 1 to {MAX_PICTURES} pictures, and not {count}.")
    return count


def _classes(parameters: Mapping[str, object], name: str, task: Task) -> int | None:
    classes = parameters.get(CLASSIFICATION)
    if classes is None or (classes == 0 and not isinstance(classes, bool)):
        return None
    if name != SCORE or gives_places(task):
        raise ParameterInvalid(f"Only {SCORE!r} of a classifier can be asked for as {CLASSIFICATION!r}.")
    if not isinstance(classes, int) or isinstance(classes, bool) or not 1 <= classes <= MAX_TOP_K:
        raise ParameterInvalid(f"{CLASSIFICATION!r} must be one whole number from 1 to {MAX_TOP_K}.")
    return classes


def _fields(parameters: Mapping[str, object]) -> list[tuple[str, object]]:
    """Return parameters as options; a parameter of this protocol is no list, so labels may stand between commas."""
    options = {name: value for name, value in parameters.items() if name != BINARY_DATA_OUTPUT}
    labels = options.get(CANDIDATE_LABELS)
    if isinstance(labels, str):
        options[CANDIDATE_LABELS] = [label.strip() for label in labels.split(",")]
    return items_of(options)


def _flag(parameters: Mapping[str, object], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise ParameterInvalid(f"{name!r} must be true or false.")
    return value


def _refuse_shared_memory(parameters: Mapping[str, object]) -> None:
    if any(name.startswith(_SHARED_MEMORY) for name in parameters):
        raise NotOffered("Tensors come with the request and not in shared memory.")


def _text(element: object) -> str:
    if not isinstance(element, str):
        raise ParameterInvalid("Each element of 'data' must be a picture in base64.")
    return element


def _object(value: object, what: str) -> Mapping[str, object]:
    if value is None and what == "parameters":
        return {}
    if not isinstance(value, dict):
        raise ParameterInvalid(f"{what.removeprefix('an ').capitalize()!r} must be an object.")
    return value
