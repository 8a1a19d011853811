"""The Postman collection has every route, and nothing else."""

import json
import re

from saccade.api.app import describe_app
from saccade.api.postman import postman_document

COLLECTION = json.loads(postman_document())
REQUESTS = [each["request"] for folder in COLLECTION["item"] for each in folder["item"]]


def test_every_operation_is_one_request():
    """By method and path, as the description has them."""
    described = {
        (method.upper(), re.sub(r"{(\w+)}", r"{{\1}}", re.sub(r"{(\w+)}(?=/|$)", r":\1", path)))
        for path, item in describe_app().openapi()["paths"].items()
        for method in item
        if method in {"get", "post", "put", "patch", "delete"}
    }

    shown = [(each["method"], each["url"]["raw"].removeprefix("{{base_url}}")) for each in REQUESTS]
    assert len(shown) == len(set(shown))
    assert set(shown) == described


def test_every_part_of_a_path_that_is_a_variable_has_one():
    """Postman fills ``:name`` by the request's own variables."""
    for each in REQUESTS:
        named = [part[1:] for part in each["url"]["path"] if part.startswith(":")]
        colons = re.findall(r":(\w+)", each["url"]["raw"].removeprefix("{{base_url}}").replace(":predict", ""))
        assert [variable["key"] for variable in each["url"]["variable"]] == colons or named == colons


def test_bodies_can_be_sent_as_they_are():
    """JSON parses; a form has a file where a picture is meant."""
    for each in REQUESTS:
        body = each.get("body", {"mode": "none"})
        if body["mode"] == "raw":
            json.loads(body["raw"])
        if body["mode"] == "formdata":
            assert any(field["type"] == "file" for field in body["formdata"]), each["url"]["raw"]


def test_public_routes_ask_for_no_token():
    """A health check without a token set sends no empty one."""
    [live] = [each for each in REQUESTS if each["url"]["raw"].endswith("/livez")]

    assert live["auth"] == {"type": "noauth"}
