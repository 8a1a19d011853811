"""What a service may say of itself: text that every database, log and terminal can take."""

import pytest

from saccade.api.documents import checked
from saccade.api.schemas.models import NewModel
from saccade.errors import ParameterInvalid

LEAST = {"name": "cat", "url": "http://10.2.0.9:9000", "task": "image-classification"}


@pytest.mark.parametrize("acting", ["\0", "\x1b[2J", "a\rb", "\x7f", "\x85", "\ud800"])
@pytest.mark.parametrize("field", ["description", "license", "model", "labels"])
def test_characters_that_act_are_refused(field, acting):
    """A NUL would be the database's failure; an escape would be for whoever lists models on a terminal."""
    text = f"a{acting.replace(chr(13), chr(12)) if field == 'description' else acting}"
    with pytest.raises(ParameterInvalid):
        checked(NewModel, {**LEAST, field: [text] if field == "labels" else text})


def test_text_of_any_script_is_taken():
    """And a description may have several lines."""
    text = "Münzen, \u0915\u094d\u200d\u0937, \U0001fa99"
    asked = checked(
        NewModel,
        {**LEAST, "description": f"{text}\r\n\tand more", "license": text, "model": text, "labels": [text]},
    )

    assert (asked.license, asked.model, asked.labels) == (text, text, [text])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Cat"),
        ("name", "cat@1"),
        ("name", "cat\n"),
        ("version", ""),
        ("version", "1/2"),
        ("url", "ftp://10.2.0.9"),
        ("url", "http://10.2.0.9?a"),
        ("url", "http://10.2.0.9\n"),
        ("timeout_s", 61),
        ("timeout_s", 0),
        ("retries", 6),
        ("threshold", 1.1),
        ("task", "zero-shot-object-detection"),
        ("protocol", "grpc"),
        ("labels", [""]),
        ("owner", "eve"),
    ],
)
def test_what_does_not_fit_is_refused(field, value):
    """With the field's name."""
    with pytest.raises(ParameterInvalid) as caught:
        checked(NewModel, {**LEAST, field: value})
    assert next(iter(caught.value.faults)).startswith(field)
