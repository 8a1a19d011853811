"""The settings of who may and who did: ways in, limits, quotas, the ledger."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field, SecretStr

from saccade.settings.sections import CommaList, Section


class AccessMode(StrEnum):
    """Whether anybody is asked who they are."""

    OPEN = "open"
    REQUIRED = "required"


class Registration(StrEnum):
    """Whether strangers may make themselves an account."""

    CLOSED = "closed"
    OPEN = "open"


class GivenRole(StrEnum):
    """What somebody new is allowed."""

    NONE = "none"
    INVESTIGATOR = "investigator"
    RESEARCHER = "researcher"


class OnFailure(StrEnum):
    """What becomes of requests while nobody counts them."""

    OPEN = "open"
    CLOSED = "closed"


class AccessSettings(Section):
    """Who is let in, and how."""

    prefix: ClassVar[str] = "ACCESS_"

    mode: AccessMode = AccessMode.OPEN
    """``open`` asks nobody who they are, and stays on this machine; ``required`` asks everybody: keys, tokens of an
    identity provider and own accounts, all at once."""

    registration: Registration = Registration.CLOSED
    """``open`` lets strangers make themselves an account; else an admin makes them."""

    registration_role: GivenRole = GivenRole.NONE
    """What those who registered themselves are allowed, until an admin gives them a role."""

    session_s: float = Field(57_600.0, ge=60, le=2_592_000)
    """How long a login lasts."""

    password_min_chars: int = Field(12, ge=8, le=128)
    """Shortest password of an account."""

    recheck_s: float = Field(2.0, gt=0, le=5)
    """How long a key that was found good is not looked up again: so long may it still open after it was disabled."""

    outside_key_s: float = Field(7_776_000.0, ge=60, le=315_576_000)
    """Longest life of a key of somebody who has no account here: nobody tells this server that they left."""

    metrics_for_all: bool = False
    """Let /metrics answer those who do not say who they are; else it takes an admin, or a key with metrics:read."""


class JwtSettings(Section):
    """Tokens of an identity provider."""

    prefix: ClassVar[str] = "JWT_"

    jwks: str = ""
    """Where the provider's keys are: an https URL, or the path of a file. Empty takes no tokens."""

    issuer: str = ""
    """What a token's ``iss`` must be. Needed with SACCADE_JWT_JWKS."""

    audience: CommaList = ()
    """What a token's ``aud`` must name one of, separated by commas. Needed with SACCADE_JWT_JWKS."""

    algorithms: CommaList = ("RS256", "ES256", "EdDSA")
    """How tokens may be signed, separated by commas, whatever their header says. Shared secrets are never taken."""

    name_claims: CommaList = ("preferred_username", "name", "sub")
    """Where people's names stand, for reports; the first that is there counts. What they own hangs on ``sub`` alone."""

    roles_claim: str = "roles"
    """Where the roles stand: a list or words in one text; dots lead inwards, as in ``realm_access.roles``."""

    default_role: GivenRole = GivenRole.NONE
    """What those are allowed whose token names none of our roles."""

    leeway_s: float = Field(30.0, ge=0, le=60)
    """How far the provider's clock may be off."""

    refresh_s: float = Field(300.0, ge=1)
    """How long fetched keys are trusted before they are fetched again."""

    unknown_s: float = Field(30.0, ge=1)
    """How long a key id that the provider did not know is not asked for again."""


class RateSettings(Section):
    """How much one principal may ask for in a short time; 0 and empty mean without limit."""

    prefix: ClassVar[str] = "RATE_"

    url: str = "memory://"
    """Where it is counted: ``memory://`` for each process by itself, ``redis://…`` for all together."""

    requests: str = ""
    """Requests of one principal, as in ``600/minute``; several, separated by semicolons, count all."""

    images: str = ""
    """Predictions of one principal, as in ``1000/minute``: each picture counts once for each model, jobs' too."""

    pixels: str = ""
    """Pixels of one principal's predictions that are answered at once, as in ``1000000000/hour``. What jobs decode is
    counted by SACCADE_QUOTA_PIXELS_PER_DAY."""

    bytes_in_flight: int = Field(0, ge=0)
    """Bytes of one principal's bodies under way at once, in one process."""

    routes: CommaList = ()
    """Requests of one principal to one route, as in ``POST /v1/jobs=60/minute``, separated by commas."""

    login: str = "10/minute"
    """Tries to log in or to register from one address, and ten times as many for one name. Counted even while the place
    where limits are counted is away."""

    on_failure: OnFailure = OnFailure.OPEN
    """While the place where it is counted is away, ``open`` lets everybody through and ``closed`` answers 503."""


class QuotaSettings(Section):
    """How much one principal may have in a day, UTC, counted from the ledger; 0 means without limit."""

    prefix: ClassVar[str] = "QUOTA_"

    requests_per_day: int = Field(0, ge=0)
    """Requests of one principal."""

    images_per_day: int = Field(0, ge=0)
    """Predictions of one principal: each picture counts once for each model."""

    pixels_per_day: int = Field(0, ge=0)
    """Pixels of one principal's predictions."""


class ClientSettings(Section):
    """How this machine's own commands come in where a server asks who they are."""

    prefix: ClassVar[str] = "CLIENT_"

    token: SecretStr = SecretStr("")
    """Key, session or token that ``saccade jobs`` and the like show to a server. Better here than on a command line,
    which everybody on the machine can read."""


class UsageSettings(Section):
    """The ledger of who did what."""

    prefix: ClassVar[str] = "USAGE_"

    service: str = Field("saccade", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    """Name of this service in the ledger: servers that share a database tell themselves apart by it."""

    flush_s: float = Field(1.0, gt=0, le=60)
    """How often rows are written. So much is lost when the process is killed, and nothing when it is asked to stop."""

    buffer_rows: int = Field(100_000, ge=100)
    """Rows that wait for a database that is away; beyond that the newest are dropped, and counted in a metric."""

    retention_s: float = Field(0.0, ge=0)
    """How long rows are kept, a day at least; 0 keeps them for ever."""
