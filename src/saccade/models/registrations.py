"""Models that registered themselves: services that run elsewhere and said so, held in the database."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from saccade.models.catalog import Found
from saccade.models.package import ModelCard, Package, RemoteSpec
from saccade.models.prediction import Task
from saccade.models.status import Registered

#: What stands as the layout of such a model.
LAYOUT = "registered"
#: Labels that a service may have, the length of one, and of all together: each process reads them every two seconds.
MOST_LABELS = 10_000
MOST_LABEL_CHARS = 200
MOST_LABELS_CHARS = 300_000
#: Kinds of characters that act on a terminal, a log or a page, or that cannot be written as UTF-8.
_ACTING = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """What a service says of the model that it runs.

    Attributes:
        name: The model's name here.
        version: Its version; another one is another model.
        url: Of the service; paths of the protocol are put behind it.
        protocol: How it is asked: ``v2``, ``v1`` or ``microservice``.
        model: Its name there.
        task: What it does.
        labels: Those that it knows; none if it does not say.
        timeout_s: For one try.
        retries: Further tries, where the first one surely was not answered.
    """

    name: str
    version: str
    url: str
    protocol: str
    model: str
    task: Task
    labels: tuple[str, ...] = ()
    description: str = ""
    license: str | None = None
    threshold: float | None = None
    timeout_s: float
    retries: int

    @property
    def reference(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def place(self) -> tuple[str, str]:
        """Who answers: there cannot be two models at one place."""
        return self.url, "" if self.protocol == "microservice" else self.model

    @property
    def spec(self) -> RemoteSpec:
        """How it is asked; only where the operator lets such models be."""
        way = (self.url, self.protocol, self.model, self.timeout_s, self.retries)
        return RemoteSpec(*way, name=self.name, is_limited=True)

    def says_no_more_than(self, known: Service) -> bool:
        """Tell whether everything that it says of itself is known; labels may have been found out since."""
        return (self if self.labels else replace(self, labels=known.labels)) == known


@dataclass(frozen=True, slots=True)
class Registration:
    """A service that registered itself.

    Attributes:
        service: What it said.
        principal: Id of the one whose key it showed; the name is theirs.
        first_us: When it came for the first time: microseconds since 1970, UTC, by the database's clock.
        last_us: When it came for the last time.
    """

    service: Service
    principal: str
    first_us: int
    last_us: int


def is_label(text: object) -> bool:
    """Tell whether something may be a label: short text, of characters that only stand there."""
    if not isinstance(text, str) or not 0 < len(text) <= MOST_LABEL_CHARS:
        return False
    return not any(unicodedata.category(char) in _ACTING for char in text)


class Registrations(Protocol):
    """Keeps registrations. Each method is one transaction; all raise DatabaseUnreachable."""

    def all(self) -> list[Registration]:
        """Return all of them, by name and version."""

    def put(self, service: Service, *, principal: str) -> Registration:
        """Write a registration down, in the place of one of the same name and version, or of the same place.

        Raises:
            NameTaken: The name, or the place, is somebody else's.
        """

    def remove(self, name: str, *, version: str | None = None) -> bool:
        """Forget a model, or one version of it; tell whether there was one."""


def found_of(registration: Registration) -> Found:
    """Return a registration as the registry knows models."""
    package = package_of(registration.service, registration.principal)
    first, last = (_time(us) for us in (registration.first_us, registration.last_us))
    # Of everything that was said: a server that did not hear it itself must not go on with what was said before.
    signature = ((_hashed(repr(registration.service)), 0, 0),)
    card = package.card
    return Found(card.name, card.version, package, None, signature, Registered(first, last))


def package_of(service: Service, principal: str) -> Package:
    """Return a service as a package without files.

    Its digest is that of what it says and of whose it is, but not of where it is: a model that moves is the same one,
    so that jobs which wait for it are worked off at its new place. One that somebody else registers under a name that
    was removed is another one: aliases and jobs that meant the first do not come to mean it.

    Args:
        service: What it says of itself.
        principal: Id of the one who registered it.
    """
    said = [principal, service.name, service.version, service.model, service.task.value, *service.labels]
    card = ModelCard(
        name=service.name,
        version=service.version,
        task=service.task,
        family="remote",
        engine="remote",
        labels=service.labels,
        layout=LAYOUT,
        description=service.description,
        license=service.license,
        threshold=service.threshold,
        digest=_hashed(json.dumps(said)),
    )
    return Package(card=card, folder=Path(), remote=service.spec)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _time(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)
