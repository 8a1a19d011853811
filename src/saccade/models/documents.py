"""Reading the small files of a package: paths that stay inside it, JSON and YAML that cannot blow up."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path, PurePosixPath
from typing import cast

import yaml
from typing_extensions import override
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from saccade.errors import PackageInvalid
from saccade.models.package import Plain

#: A config file with the labels of ImageNet-21k has 1.6 MB; nothing honest comes near this.
_MAX_BYTES = 16 * 1024 * 1024
#: YAML takes a hundred times as long to read as JSON.
_MAX_YAML_BYTES = 1024 * 1024


def path_inside(folder: Path, relative: str) -> Path:
    """Return the path of a file of the package, which must exist and lie inside the folder, links followed.

    Args:
        folder: The package.
        relative: As written in the package, with forward slashes.

    Raises:
        PackageInvalid: It is absolute, goes up, leaves the folder through a link, or is no file.
    """
    pure = PurePosixPath(relative)
    if not relative or pure.is_absolute() or ".." in pure.parts or "\\" in relative or "\0" in relative:
        raise PackageInvalid(f"'{relative[:200]}' is no path inside the package.", hint=_INSIDE_HINT)
    path = folder / pure
    if not path.is_file():
        raise PackageInvalid(f"The package has no file '{relative[:200]}'.")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise PackageInvalid(f"'{relative[:200]}' is a link that leaves the package.", hint=_INSIDE_HINT)
    return path


def read_text(path: Path, *, max_bytes: int = _MAX_BYTES) -> str:
    """Return a small UTF-8 file.

    Raises:
        PackageInvalid: It is larger than ``max_bytes``, cannot be read, or is not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise PackageInvalid(f"'{path.name}' is larger than {max_bytes // 1024 // 1024} MiB.")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PackageInvalid(f"'{path.name}' is not UTF-8 text.") from error
    except OSError as error:
        raise PackageInvalid(f"'{path.name}' cannot be read: {error.strerror}.") from error


def read_json(path: Path) -> dict[str, Plain]:
    """Return a JSON file that holds an object.

    Raises:
        PackageInvalid: It is no JSON, or holds something else.
    """
    try:
        document = cast("Plain", json.loads(read_text(path)))
    except (ValueError, RecursionError) as error:
        raise PackageInvalid(f"'{path.name}' is not valid JSON: {str(error)[:200]}.") from error
    return _mapping(document, path)


def read_yaml(path: Path) -> dict[str, Plain]:
    """Return a YAML file that holds a mapping; no tags, no aliases, no key twice.

    Raises:
        PackageInvalid: It is no such YAML, or larger than 1 MiB.
    """
    try:
        document = cast("Plain", _PlainLoader(read_text(path, max_bytes=_MAX_YAML_BYTES)).get_single_data())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PackageInvalid(f"'{path.name}' is not valid YAML: {' '.join(str(error).split())[:300]}.") from error
    return _mapping({} if document is None else document, path)


def _mapping(document: Plain, path: Path) -> dict[str, Plain]:
    if not isinstance(document, dict):
        raise PackageInvalid(f"'{path.name}' holds no mapping of keys.")
    return document


class _PlainLoader(Composer, SafeConstructor, Resolver):
    """YAML without aliases (they can make a gigabyte of a kilobyte) and without a key that stands twice.

    libyaml splits the text where it is there, five times as fast; what is made of the pieces is bounded here.
    """

    def __init__(self, text: str) -> None:
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        events = yaml.CSafeLoader(text) if yaml.__with_libyaml__ else yaml.SafeLoader(text)
        self.check_event = events.check_event
        self.peek_event = events.peek_event
        self.get_event = events.get_event

    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read")
        return super().compose_node(parent, index)

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.YAMLError(f"the key {key.value!r} stands twice")
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


_INSIDE_HINT = "Every path in a package is relative to its folder and stays in it."
