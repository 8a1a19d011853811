"""The names of models and of their versions: what they may look like and how a folder's name gives both."""

from __future__ import annotations

import re

from saccade.errors import PackageInvalid

#: A model's name.
NAME_PATTERN = r"[a-z0-9][a-z0-9._-]{0,99}"
#: A version of a model.
VERSION_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
#: What no version may be called: these are aliases, which an operator moves.
RESERVED_VERSIONS = frozenset({"prod", "candidate"})
#: The version of a package that names none.
FIRST_VERSION = "1"

_NAME = re.compile(NAME_PATTERN)
_VERSION = re.compile(VERSION_PATTERN)
_FORBIDDEN = re.compile(r"[^a-z0-9._-]+")


def is_name(text: str) -> bool:
    """Say whether the text may be a model's name."""
    return _NAME.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Say whether the text may be a version."""
    return _VERSION.fullmatch(text) is not None and text not in RESERVED_VERSIONS


def slug(text: str) -> str:
    """Return the nearest allowed name: lower case, a dash for each run of anything else.

    Raises:
        PackageInvalid: Nothing is left of the text.

    Example:
        >>> slug("ResNet 50 (fine-tuned)")
        'resnet-50-fine-tuned'
    """
    name = _FORBIDDEN.sub("-", text.lower()).strip("._-")[:100]
    if not is_name(name):
        raise PackageInvalid(
            f"No model name can be made of '{text[:100]}'.", hint="Give one: `name:` in saccade.yaml, or --name."
        )
    return name


def split_folder_name(text: str) -> tuple[str, str | None]:
    """Return the name and the version that a folder's name stands for; the version is None where it says none.

    Raises:
        PackageInvalid: No name can be made of it, or what follows the ``@`` cannot be a version.

    Example:
        >>> split_folder_name("Coin Finder@2.1")
        ('coin-finder', '2.1')
    """
    name, at, version = text.rpartition("@")
    if not at:
        return slug(text), None
    if not is_version(version):
        raise PackageInvalid(f"'{version[:100]}' in the folder name '{text[:200]}' is no version.", hint=_VERSION_HINT)
    return slug(name), version


def agreed_version(folder: str, *, in_name: str | None, given: str | None) -> str | None:
    """Return the version that saccade.yaml or else the folder's name gives; None where neither says one.

    Args:
        folder: The folder's name, to be told.
        in_name: The version that stands in it.
        given: The version that its saccade.yaml says.

    Raises:
        PackageInvalid: Both say one, and not the same: whoever copied the folder would be answered by another version
            than its name promises.
    """
    if in_name is not None and given is not None and in_name != given:
        raise PackageInvalid(
            f"The folder '{folder[:200]}' says version {in_name}, but its saccade.yaml says version {given}.",
            hint="Change one of them, or take `version` out of saccade.yaml: then the folder's name says it.",
        )
    return given or in_name


_VERSION_HINT = (
    "A version has 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first; "
    "prod and candidate are aliases, and no versions."
)
