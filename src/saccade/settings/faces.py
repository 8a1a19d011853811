"""The settings of faces: which are shown, which model answers behind each, and as whom."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from saccade.settings.sections import Section


class Root(StrEnum):
    """Whose ``/``, ``/health`` and ``/config`` are answered."""

    NATIVE = "native"
    SYSTEM_0 = "0"
    SYSTEM_1 = "1"
    SYSTEM_2 = "2"
    SYSTEM_3 = "3"
    SYSTEM_4 = "4"


class FacesSettings(Section):
    """What all faces share."""

    prefix: ClassVar[str] = "FACES_"

    root: Root = Root.NATIVE
    """Whose ``/``, ``/health`` and ``/config`` are answered: ``native`` or the number of a face, whose other paths are
    the same either way. ``/livez``, ``/readyz`` and ``/version`` always stay native."""


class Face0Settings(Section):
    """System 0: an asynchronous SEM classifier behind a JWT gateway."""

    prefix: ClassVar[str] = "FACES_0_"

    enabled: bool = True
    """Whether its paths are answered: ``/api/v1/inference``, ``/api/v1/jobs/status``, ``/api/v1/jobs/results``, …"""

    model: str = "sem-textures"
    """The classifier that answers there: a name, ``name@version`` or ``name@alias``."""


class Face1Settings(Section):
    """System 1: a synchronous classifier."""

    prefix: ClassVar[str] = "FACES_1_"

    enabled: bool = True
    """Whether its paths are answered: ``/api/v1/classify``, ``/api/v1/classify-batch``, ``/api/v1/model/info``, …"""

    model: str = "sem-textures"
    """The classifier that answers there: a name, ``name@version`` or ``name@alias``."""

    principal: str = ""
    """Account that requests without credentials act as there, where callers are asked who they are; empty: they are
    refused. Whoever reaches the server may then do what this account may, but never as an admin."""


class Face2Settings(Section):
    """System 2: a prediction queue."""

    prefix: ClassVar[str] = "FACES_2_"

    enabled: bool = True
    """Whether its paths are answered: ``/inference/image`` and ``/predictions/{uuid}``."""

    model: str = "sem-textures"
    """The model that answers there: a name, ``name@version`` or ``name@alias``."""

    principal: str = ""
    """Account that requests without credentials act as there, where callers are asked who they are; empty: they are
    refused. Whoever reaches the server may then do what this account may, but never as an admin."""


class Face3Settings(Section):
    """System 3: a photo server with many models, accounts and search."""

    prefix: ClassVar[str] = "FACES_3_"

    enabled: bool = True
    """Whether its paths are answered: ``/auth/…``, ``/model/…`` and ``/predict``. Accounts are made at ``/auth/new``
    only where ``SACCADE_ACCESS_REGISTRATION`` is ``open``."""


class Face4Settings(Section):
    """System 4: a circle detector that stores what it finds."""

    prefix: ClassVar[str] = "FACES_4_"

    enabled: bool = True
    """Whether its paths are answered: ``/images/…`` and ``/api/v1/images/…``."""

    model: str = "circles"
    """The detector that answers there: a name, ``name@version`` or ``name@alias``."""

    principal: str = ""
    """Account that requests without credentials act as there, where callers are asked who they are; empty: they are
    refused. Whoever reaches the server may then do what this account may, but never as an admin."""
