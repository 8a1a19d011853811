"""Who is asking: a user, a key, a service, or everybody while nobody is asked.

A principal's ``id`` is what owns jobs, images and rows of usage. Ids from different ways in never meet: the id of an
account is its plain name, which has no colon; the others have the way in before a colon. So no outside issuer can make
a token that owns what an account owns.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

#: The one who asks a server that asks nobody who they are.
ANONYMOUS_ID = "anonymous"
#: Longest subject of a token; with the way in before it, an id fits into its column.
MAX_SUBJECT_CHARS = 200


class Role(StrEnum):
    """What somebody is allowed in general; nobody has a role unless it was given."""

    INVESTIGATOR = "investigator"
    RESEARCHER = "researcher"
    ADMIN = "admin"


class Service(StrEnum):
    """What kind of machine a service key is for; such a key opens nothing else."""

    PREDICT = "predict_microservice"


class Via(StrEnum):
    """How somebody came in."""

    OPEN = "open"
    KEY = "key"
    SESSION = "session"
    JWT = "jwt"
    DEVELOPMENT = "dev"
    FACE = "face"
    """Without credentials, by a face that acts as one account."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent a request.

    Attributes:
        id: What their things belong to; unique over all ways in.
        name: As people know them, for reports; need not be unique.
        roles: What they were given.
        via: How they came in.
        scopes: What their key is limited to; None where no key limits them.
        service: Kind of service key; None for everybody else.
        key_id: Id of the key or session that they showed.
    """

    id: str
    name: str
    roles: frozenset[Role]
    via: Via
    scopes: frozenset[str] | None = None
    service: Service | None = None
    key_id: str | None = None

    @property
    def is_admin(self) -> bool:
        """Whether they may see what others own. A key never may: it has no scope for that."""
        return Role.ADMIN in self.roles and self.scopes is None and self.service is None


#: Everybody, on a server that is open: whoever reaches it is its operator.
ANONYMOUS = Principal(ANONYMOUS_ID, ANONYMOUS_ID, frozenset({Role.ADMIN}), Via.OPEN)


def outside_id(via: Via, subject: str) -> str | None:
    """Return the id of somebody that a token names; None if the subject could not be kept apart from others.

    Blanks at the ends and control characters are refused: some databases compare texts without them.
    """
    is_plain = subject == subject.strip() and all(unicodedata.category(char)[0] != "C" for char in subject)
    if not subject or not is_plain or len(subject) > MAX_SUBJECT_CHARS:
        return None
    return f"{via.value}:{subject}"
