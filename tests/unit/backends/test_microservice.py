"""What a model service says of itself, and how that is read."""

import json

import pytest

from saccade.backends.remotes.microservice import Microservice
from saccade.errors import RemoteFailed


def test_service_that_says_that_it_failed_is_believed():
    """It kept the contract; its own words are for its own log, for they may hold anything."""
    body = json.dumps({"status": "failure", "detail": "a path of the inside"}).encode()

    with pytest.raises(RemoteFailed) as caught:
        Microservice("mine").read(body, 1)
    assert str(caught.value) == "The remote model mine says that it failed."


def test_any_other_status_is_no_answer():
    """The contract knows two."""
    with pytest.raises(ValueError, match="neither"):
        Microservice("mine").read(b'{"status": "pending"}', 1)
