"""The API as a Postman collection, made from its own OpenAPI document: one request for each operation, by tag."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import cast

from saccade.api.app import describe_app
from saccade.api.description import JSON_TYPE, TAGS

#: By the format's own name; nobody fetches it.
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_FORM = "multipart/form-data"
_URLENCODED = "application/x-www-form-urlencoded"
_BYTES = "application/octet-stream"
_METHODS = ("get", "post", "put", "patch", "delete")
_VARIABLE = re.compile(r"{(\w+)}")
_SEGMENT = re.compile(r"/\{(\w+)\}(?=/|$)")
#: Values that work on a server that was just started.
_EXAMPLES: Mapping[str, str] = {"model": "circles", "version": "1", "alias": "prod", "role": "investigator"}
_MOST_DEPTH = 4
_LEAST: Mapping[str, object] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}

_Json = Mapping[str, object]


def postman_document() -> str:
    """Return the collection as JSON text; equal APIs give equal texts."""
    document = describe_app().openapi()
    collection = {
        "info": {
            "name": "Saccade",
            "description": "A server that looks at images. Set `base_url`, and `token` where you are asked.",
            "schema": SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [
            {"key": "base_url", "value": "http://127.0.0.1:8000"},
            {"key": "token", "value": ""},
            {"key": "model", "value": _EXAMPLES["model"]},
        ],
        "item": [
            {"name": tag["name"], "description": tag["description"], "item": _requests(document, tag["name"])}
            for tag in TAGS
        ],
    }
    return json.dumps(collection, indent=1, ensure_ascii=False) + "\n"


def _requests(document: _Json, tag: str) -> list[_Json]:
    schemas = cast("_Json", cast("_Json", document["components"])["schemas"])
    return [
        _request(method, path, cast("_Json", item[method]), schemas)
        for path, item in cast("Mapping[str, _Json]", document["paths"]).items()
        for method in _METHODS
        if method in item and tag in cast("Sequence[str]", cast("_Json", item[method])["tags"])
    ]


def _request(method: str, path: str, operation: _Json, schemas: _Json) -> _Json:
    parameters = cast("Sequence[_Json]", operation.get("parameters", ()))
    request: dict[str, object] = {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "url": _url(path, parameters),
        "header": [
            {"key": each["name"], "value": "", "description": each.get("description", ""), "disabled": True}
            for each in parameters
            if each["in"] == "header"
        ],
    }
    if operation.get("security") == []:
        request["auth"] = {"type": "noauth"}
    content = cast("_Json", cast("_Json", operation.get("requestBody", {})).get("content", {}))
    body = _body(content, schemas)
    if body is not None:
        request["body"] = body
    return {"name": f"{operation['summary']} ({method.upper()} {path})", "request": request}


def _url(path: str, parameters: Sequence[_Json]) -> _Json:
    # A variable that is a whole segment has a field of its own; one with more behind it is the collection's.
    written = _VARIABLE.sub(r"{{\1}}", _SEGMENT.sub(r"/:\1", path))
    query = [
        {
            "key": each["name"],
            "value": "",
            "description": each.get("description", ""),
            "disabled": not each.get("required", False),
        }
        for each in parameters
        if each["in"] == "query"
    ]
    url: dict[str, object] = {
        "raw": "{{base_url}}" + written,
        "host": ["{{base_url}}"],
        "path": written.strip("/").split("/") if written.strip("/") else [],
        "variable": [{"key": name, "value": _EXAMPLES.get(name, "")} for name in _SEGMENT.findall(path)],
    }
    return {**url, "query": query} if query else url


def _body(content: _Json, schemas: _Json) -> _Json | None:
    """Return the body in the kind that is easiest to fill by hand: a form, else JSON, else a file."""
    if _FORM in content:
        form = cast("_Json", cast("_Json", content[_FORM])["schema"])
        return {"mode": "formdata", "formdata": _fields(form)}
    if _URLENCODED in content:
        example = _example(cast("_Json", cast("_Json", content[_URLENCODED])["schema"]), schemas)
        return {"mode": "urlencoded", "urlencoded": [{"key": key, "value": ""} for key in cast("_Json", example)]}
    if JSON_TYPE in content:
        example = _example(cast("_Json", cast("_Json", content[JSON_TYPE])["schema"]), schemas)
        text = json.dumps(example, indent=2, ensure_ascii=False)
        return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}
    return {"mode": "file", "file": {}} if content else None


def _fields(form: _Json) -> list[_Json]:
    needed = cast("Sequence[str]", form.get("required", ()))
    fields: list[_Json] = []
    for name, schema in cast("Mapping[str, _Json]", form["properties"]).items():
        item = cast("_Json", schema.get("items", schema))
        kind = {"type": "file", "src": []} if "contentMediaType" in item else {"type": "text", "value": ""}
        fields.append({"key": name, **kind, "disabled": name not in needed})
    return fields


def _example(schema: _Json, schemas: _Json, depth: int = 0) -> object:
    """Return the least value that a schema takes."""
    if "$ref" in schema:
        return _example(cast("_Json", schemas[str(schema["$ref"]).rpartition("/")[2]]), schemas, depth)
    choices = cast("Sequence[_Json]", schema.get("anyOf", schema.get("oneOf", ())))
    if choices:
        return _example(choices[0], schemas, depth)
    if "enum" in schema:
        return cast("Sequence[object]", schema["enum"])[0]
    if "properties" in schema:
        return _object(schema, schemas, depth)
    if isinstance(schema.get("items"), Mapping):
        return [_example(cast("_Json", schema["items"]), schemas, depth + 1)]
    return _LEAST.get(str(schema.get("type")))


def _object(schema: _Json, schemas: _Json, depth: int) -> _Json:
    """Return an object with what is required, or with all that it may have where nothing is."""
    properties = cast("Mapping[str, _Json]", schema["properties"])
    names = cast("Sequence[str]", schema.get("required", tuple(properties))) if depth < _MOST_DEPTH else ()
    return {name: _example(properties[name], schemas, depth + 1) for name in names if name in properties}
