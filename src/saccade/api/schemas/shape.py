"""What all documented shapes share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A JSON object that the server sends: fields with a default may be missing."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")


class Request(BaseModel):
    """A JSON object that a client sends: fields with a default may be left out."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")
