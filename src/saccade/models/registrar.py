"""Registration: a service that runs elsewhere says what it is, is looked at, and is one of the models from then on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from saccade.errors import (
    Forbidden,
    ModelError,
    ModelUnknown,
    NameTaken,
    RegistryFull,
    ServiceUnreachable,
    UnavailableError,
)
from saccade.models.catalog import Found
from saccade.models.package import RemoteSpec
from saccade.models.ports import Remote
from saccade.models.prediction import Task
from saccade.models.registrations import (
    MOST_LABELS,
    MOST_LABELS_CHARS,
    Registration,
    Registrations,
    Service,
    found_of,
    is_label,
)
from saccade.models.runners import blank_image
from saccade.models.status import ModelState, ModelStatus

#: How long a service may take to answer the blank picture from which its labels are learnt.
_TRIAL_S = 10.0
#: Each costs a thread and a question every two seconds, in every process.
MOST_REGISTERED = 200
#: Of one principal, so that no key takes all the room there is.
MOST_EACH = 100


class Models(Protocol):
    """What registration asks of the registry."""

    def set_registered(self, registered: Iterable[Found], *, load: bool) -> None:
        """Let these be the models that registered themselves."""

    def has_package(self, name: str) -> bool:
        """Tell whether a model of this name lies in the folders."""

    def load(self, reference: str) -> ModelStatus:
        """Load a model, and wait until that is done."""

    def status(self, reference: str) -> ModelStatus:
        """Return one version.

        Raises:
            ModelUnknown: There is none.
        """


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a registration came to.

    Attributes:
        status: The model, as it stands now.
        is_new: Whether anything of it was not known before.
    """

    status: ModelStatus
    is_new: bool


class Registrar:
    """Takes registrations, and lets this process know those of others. Thread-safe, and blocking."""

    def __init__(
        self,
        registrations: Registrations,
        models: Models,
        *,
        admit: Callable[[str], str],
        dial: Callable[[RemoteSpec], Remote],
    ) -> None:
        """Tie the parts together.

        Args:
            registrations: Keeps them.
            models: Serves them.
            admit: Returns a URL in its one spelling; raises ServiceRefused for one at which no model may be.
            dial: Opens the way to a model, and looks once whether it is there.
        """
        self._registrations = registrations
        self._models = models
        self._admit = admit
        self._dial = dial
        self._observing = threading.Lock()

    def observe(self, *, load: bool = True) -> None:
        """Let this process know all registrations as they are in the database.

        Args:
            load: Look after them from now on.

        Raises:
            DatabaseUnreachable: The database does not answer; what was known before stays.
        """
        with self._observing:  # else what one thread read before a change could be set by it after the change
            self._models.set_registered([found_of(each) for each in self._registrations.all()], load=load)

    def register(self, service: Service, *, principal: str, is_admin: bool) -> Welcome:
        """Take a service in, or note that it is still there.

        A name belongs to the one who registered it first, until it is removed. A service that was known and registers
        from another place has moved, unless it still answers at the old one. Labels that it does not say are learnt
        from what it answers to a blank picture, where it is a classifier. One that was unloaded on purpose stays so.

        Args:
            service: What it says of itself.
            principal: Id of the one who registers it.
            is_admin: Whether they may also change what others registered.

        Raises:
            ServiceRefused: No model may be at this URL.
            NameTaken: The name is somebody else's, or its model is still at its old place.
            RegistryFull: There are as many as one server takes.
            ServiceUnreachable: Nobody answers there as the protocol has it.
            DatabaseUnreachable: Nobody can write it down now.
        """
        service = replace(service, url=self._admit(service.url))
        if self._models.has_package(service.name):
            raise NameTaken(f"{service.name} is a model in this server's own folders.")
        all_known = self._registrations.all()
        namesakes = [each for each in all_known if each.service.name == service.name]
        if any(each.principal != principal for each in namesakes) and not is_admin:
            raise NameTaken(f"{service.name} was registered by somebody else.")
        owner = namesakes[0].principal if namesakes else principal
        known = next((each.service for each in namesakes if each.service.version == service.version), None)
        if known is None:
            _check_room(all_known, owner)
        elif service.says_no_more_than(known) and (status := self._settled(known.reference)) is not None:
            self._registrations.put(known, principal=owner)
            return Welcome(status, is_new=False)
        elif service.place != known.place and self._answers(known):
            raise NameTaken(f"{known.reference} still answers where it was registered before.")
        self._registrations.put(self._looked_at(service, known), principal=owner)
        self.observe()
        is_new = known is None or not service.says_no_more_than(known)
        return Welcome(self._settled(service.reference) or self._models.load(service.reference), is_new=is_new)

    def remove(self, name: str, *, principal: str, is_admin: bool, version: str | None = None) -> None:
        """Forget a model that registered itself. It comes back if it registers once more.

        Args:
            name: Without version.
            principal: Id of the one who wants it.
            is_admin: Whether they may also remove what others registered.
            version: The only one to be forgotten; None means all.

        Raises:
            ModelUnknown: None of this name and version registered itself.
            Forbidden: Somebody else registered it.
        """
        known = [each for each in self._registrations.all() if each.service.name == name]
        if any(each.principal != principal for each in known) and not is_admin:
            raise Forbidden(f"{name} was registered by somebody else.")
        is_known = any(version in (None, each.service.version) for each in known)
        if not is_known or not self._registrations.remove(name, version=version):
            raise ModelUnknown(
                f"No model {name[:128]!r} registered itself.", hint="`saccade models remove` takes a package away."
            )
        self.observe()

    def _settled(self, reference: str) -> ModelStatus | None:
        """Return where a model stands if nothing has to be done for it: it answers, or was unloaded on purpose."""
        try:
            status = self._models.status(reference)
        except ModelUnknown:
            return None
        return status if status.state in {ModelState.READY, ModelState.UNLOADED} else None

    def _answers(self, service: Service) -> bool:
        """Tell whether a service is there."""
        with closing(self._dial(service.spec)) as remote:
            return remote.problem is None

    def _looked_at(self, service: Service, known: Service | None) -> Service:
        """Return the service with its labels, having seen that it answers.

        Raises:
            ServiceUnreachable: It does not.
        """
        trial = replace(service.spec, timeout_s=min(service.timeout_s, _TRIAL_S), retries=0)
        with closing(self._dial(trial)) as remote:
            problem = remote.problem
            if problem is not None:
                raise ServiceUnreachable(f"{service.name} cannot be asked at {service.url}: {problem}.")
            if service.labels or service.task is not Task.IMAGE_CLASSIFICATION:
                return service
            learnt = _labels_of(remote)
        return replace(service, labels=learnt or (known.labels if known else ()))


def _check_room(known: Sequence[Registration], owner: str) -> None:
    """Return if one more may be registered.

    Raises:
        RegistryFull: It may not.
    """
    if len(known) >= MOST_REGISTERED:
        raise RegistryFull(f"{MOST_REGISTERED} models are registered, and a server takes no more.")
    if sum(each.principal == owner for each in known) >= MOST_EACH:
        raise RegistryFull(f"You have registered {MOST_EACH} models, and a server takes no more of anybody.")


def _labels_of(remote: Remote) -> tuple[str, ...]:
    """Return the labels in what a classifier says of a blank picture; none if it says nothing of it."""
    try:
        answer = remote.predict([blank_image()])
    except (ModelError, UnavailableError):  # it may refuse a picture with nothing on it
        return ()
    entries = answer[0] if answer and isinstance(answer[0], list | tuple) else ()
    said = [entry for entry in entries if isinstance(entry, dict)]
    labels = dict.fromkeys(entry["label"] for entry in sorted(said, key=_place_of) if is_label(entry.get("label")))
    kept: list[str] = []
    left_chars = MOST_LABELS_CHARS
    for label in labels:
        left_chars -= len(label)
        if left_chars < 0 or len(kept) == MOST_LABELS:
            break
        kept.append(label)
    return tuple(kept)


def _place_of(entry: dict[str, object]) -> float:
    """Return where an entry's label stands among the classes; those of equal place stay as they came, best first."""
    class_id = entry.get("class_id")
    return class_id if isinstance(class_id, int) else 0
