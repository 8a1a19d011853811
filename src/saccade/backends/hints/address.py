"""The URL of a broker, read once: what kombu gets to see, and what is ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from saccade.errors import SettingInvalid

DEFAULT_QUEUE = "saccade.hints"
_QUEUE = re.compile(r"[A-Za-z0-9._-]{1,100}")
_PARAMETERS = frozenset({"queue", "ca"})


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is.

    Attributes:
        url: Without parameters, as kombu reads it; it may hold a password.
        host: Its name, for the certificate.
        queue: Name of the one queue.
        authorities: PEM file of the authorities to trust; None takes the system's.
    """

    url: str
    host: str
    queue: str
    authorities: str | None


def read_address(text: str) -> BrokerAddress:
    """Read a broker's URL.

    Args:
        text: ``scheme://user:password@host:port/place``; the place is a database number or a virtual host.
            ``?queue=`` names another queue than ``saccade.hints``, for several Saccades on one broker;
            ``&ca=/path.pem`` names the authorities that a TLS certificate is checked against.

    Raises:
        SettingInvalid: It cannot be read, or has a parameter that means nothing.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise SettingInvalid("SACCADE_HINTS_URL cannot be read.") from None
    unknown = sorted(set(parameters) - _PARAMETERS)
    queue = parameters.get("queue", DEFAULT_QUEUE)
    if unknown or parts.fragment or not _QUEUE.fullmatch(queue):
        raise SettingInvalid(
            f"SACCADE_HINTS_URL has a parameter that means nothing here: {', '.join(unknown) or 'queue'}.",
            hint="Known are queue (letters, digits, dots, dashes) and ca (a PEM file).",
        )
    return BrokerAddress(
        url=parts._replace(query="").geturl(),
        host=host or "localhost",
        queue=queue,
        authorities=parameters.get("ca"),
    )
