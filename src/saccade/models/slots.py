"""All slots of a registry, and which of them a name means."""

from __future__ import annotations

from saccade.errors import AliasUnknown, ModelFailed
from saccade.models.meanings import Meanings, is_alias, is_version
from saccade.models.slot import Slot
from saccade.models.status import ModelState
from saccade.models.versions import newest_first


class Slots(dict[str, Slot]):
    """By ``name@version``. Not thread-safe."""

    def __init__(self) -> None:
        """Have none, and know no alias."""
        super().__init__()
        self.meanings = Meanings()

    def versions(self, name: str) -> list[Slot]:
        """Return the slots of one name, newest version first."""
        slots = {slot.found.version: slot for slot in self.values() if slot.found.name == name}
        return [slots[version] for version in newest_first(slots)]

    def default(self, name: str) -> Slot | None:
        """Return what the bare name means: what ``prod`` does, else the newest in service, else the newest."""
        target = self.meanings.target(name)
        if target is not None:
            return self.get(target[0])
        versions = self.versions(name)
        usable = [slot for slot in versions if slot.state not in {ModelState.FAILED, ModelState.UNLOADED}]
        return next(iter(usable or versions), None)

    def meant(self, reference: str) -> Slot | None:
        """Return the slot of a version, an alias or a bare name.

        Raises:
            AliasUnknown: The model has no such alias.
            ModelFailed: The version has other files than those that were promoted.
        """
        if is_version(reference):
            return self.get(reference)
        target = self.meanings.target(reference)
        if target is None:
            if is_alias(reference):
                raise AliasUnknown(f"There is no alias {reference[:128]!r}.")
            return self.default(reference)
        slot = self.get(target[0])
        package = None if slot is None else slot.package
        # Whoever promoted it looked at those files; what lies there now may be anything.
        if package is not None and package.card.digest != target[1]:
            raise ModelFailed(
                f"{reference} means {target[0]}, and its files are others now than those that were promoted.",
                hint="Put the files back, or promote the version again.",
            )
        return slot
