"""What aliases mean in one process: told from outside, asked by the registry under its lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from saccade.models.names import RESERVED_VERSIONS

#: The alias that the bare name means.
PROD = "prod"

#: (name, alias) to (``name@version``, digest of the files that were promoted).
Aliases: TypeAlias = Mapping[tuple[str, str], tuple[str, str]]


class Meanings:
    """Aliases as they were last seen. Not thread-safe."""

    def __init__(self) -> None:
        """Know none."""
        self._aliases: Aliases = {}

    def set(self, aliases: Aliases) -> set[str]:
        """Let aliases mean these versions, and no alias anything else; return what one of them did not mean before."""
        before, self._aliases = self._aliases, dict(aliases)
        return {meant[0] for alias, meant in self._aliases.items() if before.get(alias) != meant}

    def target(self, reference: str) -> tuple[str, str] | None:
        """Return version and digest of what an alias or a bare name means; None where it means no certain one."""
        name, alias = _split(reference)
        return self._aliases.get((name, alias))

    def of(self, reference: str) -> tuple[str, ...]:
        """Return the aliases that mean a version, sorted."""
        return tuple(sorted(alias for (_, alias), (meant, _) in self._aliases.items() if meant == reference))

    def unknown(self, reference: str) -> str:
        """Return the sentence that says that something is not here, and what was meant by it."""
        target = self.target(reference)
        if target is None:
            return f"There is no model {reference[:128]!r}."
        name, alias = _split(reference)
        return f"{alias} of {name} means {target[0]}, which is not here."


def is_alias(reference: str) -> bool:
    """Say whether a reference names an alias, as in ``circles@candidate``."""
    return reference.partition("@")[2] in RESERVED_VERSIONS


def is_version(reference: str) -> bool:
    """Say whether a reference names one version, as in ``circles@2``."""
    return "@" in reference and not is_alias(reference)


def _split(reference: str) -> tuple[str, str]:
    """Return name and alias; a bare name stands for its ``prod``."""
    name, _, version = reference.partition("@")
    return name, version or PROD
