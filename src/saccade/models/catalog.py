"""Which packages there are: built in, shipped, in the operator's folder, and models that registered themselves."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TypeAlias

from saccade.errors import PackageInvalid, SaccadeError
from saccade.models.dummy import Dummy
from saccade.models.names import FIRST_VERSION
from saccade.models.package import ModelCard, Package
from saccade.models.prediction import Task
from saccade.models.shelf import identify, list_packages
from saccade.models.status import Registered

#: Size and time of every file: equal signatures mean that nothing was written.
Signature: TypeAlias = tuple[tuple[str, int, int], ...]
Reader: TypeAlias = Callable[[Path], Package]


@dataclass(frozen=True, slots=True)
class Found:
    """A package, or why what lies there is none.

    Attributes:
        name: The model's name.
        version: Its version.
        package: The package, if it could be read.
        problem: Why it could not.
        signature: Changes when a file of it changes.
        registered: When it registered itself; None for what lies in a folder.
    """

    name: str
    version: str
    package: Package | None
    problem: SaccadeError | None
    signature: Signature
    registered: Registered | None = None

    @property
    def reference(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    def is_another(self, before: Found) -> bool:
        """Tell whether what answers for one must not answer for the other.

        A folder's package that changes is the same model until it is loaded again; one that registered itself is what
        it said of itself, where it said.
        """
        return (self.registered, before.registered) != (None, None) and self.signature != before.signature


class Catalog:
    """Reads the folders when asked; a package that did not change is not read again. Thread-safe."""

    def __init__(self, *, shipped: Path, folder: Path, read: Reader) -> None:
        """Name the folders.

        Args:
            shipped: The packages that come with Saccade.
            folder: The operator's packages; they stand over shipped ones of the same name and version.
            read: Reads one package: a folder, or a file that is one by itself.
        """
        self._shipped = shipped
        self._folder = folder
        self._read = read
        self._lock = threading.Lock()
        self._known: dict[Path, Found] = {}
        self._registered: tuple[Found, ...] = ()

    def set_registered(self, registered: Iterable[Found]) -> bool:
        """Let these be the models that registered themselves, and no others; tell whether that changes anything."""
        told = tuple(registered)
        with self._lock:
            before, self._registered = self._registered, told
        return told != before

    def has_package(self, name: str) -> bool:
        """Tell whether a model of this name, in any version, is here without having registered itself."""
        return any(item.name == name and item.registered is None for item in self.scan().values())

    def scan(self) -> dict[str, Found]:
        """Return everything there is, by ``name@version``, in the order in which it is loaded: the operator's first."""
        with self._lock:
            found: dict[str, Found] = {}
            for item in (*self._scan(self._folder), *self._scan(self._shipped), _dummy()):
                found.setdefault(item.reference, item)
            # A folder's model hides its namesakes: its bare name must not come to mean somebody's newer version.
            here = {item.name for item in found.values()}
            return found | {item.reference: item for item in self._registered if item.name not in here}

    def _scan(self, folder: Path) -> Iterator[Found]:
        """Read the packages of one folder."""
        for path in list_packages(folder):
            yield self._found(path)

    def _found(self, path: Path) -> Found:
        """Read one package unless it is known and unchanged."""
        signature = _signature(path)
        known = self._known.get(path)
        if known is not None and known.signature == signature:
            return known
        try:
            package = self._read(path)
            found = Found(package.card.name, package.card.version, package, None, signature)
        except SaccadeError as problem:
            found = _broken(path, problem, signature)
        except Exception as error:  # noqa: BLE001 - whatever one package does must not take the others away
            found = _broken(path, PackageInvalid(f"{path.name} cannot be read: {type(error).__name__}."), signature)
        self._known[path] = found
        return found


def _broken(path: Path, problem: SaccadeError, signature: Signature) -> Found:
    """Keep a package that cannot be read under the name that it would have, so that people see what is wrong."""
    try:
        name, version = identify(path)
    except Exception:  # noqa: BLE001 - what could not be read may fail here in the same way
        name, _, version = path.name.partition("@")
    return Found(name, version or FIRST_VERSION, None, problem, signature)


def _signature(path: Path) -> Signature:
    """Return path, time and size of every file of a package; a lone file's weights and labels bear its name."""
    files = sorted(path.rglob("*") if path.is_dir() else path.parent.glob(f"{escape(path.stem)}.*"))
    stats = [(str(file), stat) for file in files if "__pycache__" not in file.parts and (stat := _stat(file))]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def _stat(file: Path) -> os.stat_result | None:
    """Return what is known of a plain file; None for anything else, and for what is gone or out of reach by now."""
    try:
        return file.stat() if file.is_file() else None
    except OSError:
        return None


def _dummy() -> Found:
    """Return the built-in model."""
    card = ModelCard(
        name="dummy",
        version=Dummy.version,
        task=Task(Dummy.task),
        family="plugin",
        engine="python",
        labels=Dummy.labels,
        layout="built-in",
        description=Dummy.description,
        license=Dummy.license,
        digest="built-in",
    )
    package = Package(card=card, folder=Path(__file__).parent, entry=f"{Dummy.__module__}:{Dummy.__name__}")
    return Found(card.name, card.version, package, None, ())
