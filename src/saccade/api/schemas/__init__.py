"""The shapes of bodies and answers, as documentation: nothing is validated through them while requests are served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from saccade.api.schemas import protocols, system3, systems
from saccade.api.schemas.access import (
    Key,
    KeyList,
    KeyMade,
    KeyRotation,
    Login,
    Me,
    NewKey,
    NewPassword,
    NewUser,
    PasswordChange,
    Profile,
    Registration,
    Session,
    User,
    UserChange,
    UserList,
)
from saccade.api.schemas.faces import HuggingFaceAnswer, HuggingFaceError, HuggingFaceRequest
from saccade.api.schemas.images import (
    Image,
    ImageIds,
    ImageList,
    ImageObject,
    ImageObjects,
    ImageRequest,
    RememberedImage,
)
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
from saccade.api.schemas.models import Model, ModelList, NewModel
from saccade.api.schemas.predictions import Pairs, PairsRequest, Prediction, PredictRequest
from saccade.api.schemas.problems import Problem, ProblemType
from saccade.api.schemas.promotion import AliasChange, AliasList, Evaluation, EvaluationList, NewEvaluation, Promotion
from saccade.api.schemas.service import Config, Health, Index, Liveness, Readiness, Version
from saccade.api.schemas.usage import Usage

_SHOWN = (
    AliasChange,
    AliasList,
    Evaluation,
    EvaluationList,
    NewEvaluation,
    Promotion,
    Key,
    KeyList,
    KeyMade,
    KeyRotation,
    Login,
    Me,
    NewKey,
    NewPassword,
    NewUser,
    PasswordChange,
    Profile,
    Registration,
    Session,
    User,
    UserChange,
    UserList,
    Config,
    Delivery,
    DeliveryList,
    Health,
    HuggingFaceAnswer,
    HuggingFaceError,
    HuggingFaceRequest,
    Image,
    ImageIds,
    ImageList,
    ImageObject,
    ImageObjects,
    ImageRequest,
    RememberedImage,
    Index,
    Job,
    JobList,
    JobRequest,
    JobResults,
    Liveness,
    Model,
    ModelList,
    NewModel,
    Pairs,
    PairsRequest,
    Prediction,
    PredictRequest,
    Problem,
    ProblemType,
    Queue,
    Readiness,
    Usage,
    Version,
    WebhookSecret,
)

#: The bodies of other systems, all of their files.
_SYSTEMS: tuple[type[BaseModel], ...] = tuple(
    kind
    for module in (systems, system3, protocols)
    for name, kind in vars(module).items()
    if isinstance(kind, type)
    and issubclass(kind, BaseModel)
    and kind.__module__ == module.__name__
    and name.isidentifier()
    and name[0] != "_"
)

#: Bodies of paths that only one face can own: shown where it owns them, each with what it is made of.
AT_ROOT: Mapping[str, tuple[str, ...]] = {
    "System0Health": ("System0Waiting",),
    "System1Index": (),
    "System2Greeting": (),
    "System4Health": (),
    "System4Config": (),
}

_ALL: tuple[type[BaseModel], ...] = (*_SHOWN, *_SYSTEMS)


def component_schemas() -> dict[str, object]:
    """Return every schema by name, in JSON Schema 2020-12 as OpenAPI 3.1 uses it."""
    _, document = models_json_schema(
        [(model, "serialization") for model in _ALL], ref_template="#/components/schemas/{model}"
    )
    return cast("dict[str, object]", document["$defs"])
