"""Models that run elsewhere: how they are dialled, and who takes in those that register themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from saccade.images.addresses import parse_allow_list
from saccade.models.package import RemoteSpec
from saccade.models.ports import Remote
from saccade.models.registry import Registry
from saccade.settings import Settings

if TYPE_CHECKING:
    from saccade.backends.database.connection import Database
    from saccade.models.registrar import Registrar

_ALLOW = "SACCADE_REMOTE_ALLOW"


def remote_dialler(settings: Settings) -> Callable[[RemoteSpec], Remote]:
    """Return what opens the way to a model that runs elsewhere.

    Raises:
        SettingInvalid: The list of places cannot be read.
    """
    allow = parse_allow_list(settings.remote.allow, setting=_ALLOW)

    def dial(spec: RemoteSpec) -> Remote:
        from saccade.backends.remotes import open_remote  # the client library is imported where there is one

        return open_remote(spec, allow=allow)

    return dial


def registrar_over(database: Database, registry: Registry, settings: Settings) -> Registrar:
    """Return what takes in models that register themselves, and shows this process those of others.

    Raises:
        SettingInvalid: The list of places cannot be read.
    """
    from saccade.backends.database.registrations import SqlRegistrations
    from saccade.models.registrar import Registrar

    allow = parse_allow_list(settings.remote.allow, setting=_ALLOW)

    def admit(url: str) -> str:
        from saccade.backends.remotes.places import admit as looked_at

        return looked_at(url, allow)

    return Registrar(SqlRegistrations(database), registry, admit=admit, dial=remote_dialler(settings))
