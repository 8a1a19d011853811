"""The shapes of bodies and answers, as documentation: nothing is validated through them while requests are served."""

from __future__ import annotations

from typing import cast

from pydantic.json_schema import models_json_schema

from saccade.api.schemas.faces import HuggingFaceAnswer, HuggingFaceError, HuggingFaceRequest
from saccade.api.schemas.jobs import (
    Delivery,
    DeliveryList,
    Job,
    JobList,
    JobRequest,
    JobResults,
    Queue,
    WebhookSecret,
)
from saccade.api.schemas.models import Model, ModelList
from saccade.api.schemas.predictions import Pairs, PairsRequest, Prediction, PredictRequest
from saccade.api.schemas.problems import Problem, ProblemType
from saccade.api.schemas.service import Config, Health, Index, Liveness, Readiness, Version

_SHOWN = (
    Config,
    Delivery,
    DeliveryList,
    Health,
    HuggingFaceAnswer,
    HuggingFaceError,
    HuggingFaceRequest,
    Index,
    Job,
    JobList,
    JobRequest,
    JobResults,
    Liveness,
    Model,
    ModelList,
    Pairs,
    PairsRequest,
    Prediction,
    PredictRequest,
    Problem,
    ProblemType,
    Queue,
    Readiness,
    Version,
    WebhookSecret,
)


def component_schemas() -> dict[str, object]:
    """Return every schema by name, in JSON Schema 2020-12 as OpenAPI 3.1 uses it."""
    _, document = models_json_schema(
        [(model, "serialization") for model in _SHOWN], ref_template="#/components/schemas/{model}"
    )
    return cast("dict[str, object]", document["$defs"])
