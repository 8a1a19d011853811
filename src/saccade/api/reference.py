"""What the API says about itself, as pages of the reference: its errors, and its OpenAPI document."""

from __future__ import annotations

import inspect
import json

from saccade.api import problems
from saccade.api.app import describe_app
from saccade.errors import FAMILIES, SaccadeError, SourceAmbiguous

_ERRORS_HEAD = """\
# Errors

<!-- Written by `make docs`. -->

Every error of the API is a problem (RFC 9457, `application/problem+json`):

```json
{problem}
```

Match on `code`: it is stable. `detail` says what happened this time, `hint` what to do about it.
`request_id` is in the `X-Request-ID` header and in the server's log.
A 429 of limits has the registered `type` of such problems and lists `violated-policies`.
When parameters are at fault, `errors` lists them as `{{"loc", "msg", "type"}}`.
429 and 503 carry `Retry-After`, a 405 `Allow`, a 401 `WWW-Authenticate`.
Faces tell errors in their own dialect, with the same status.
The `type` of a problem leads to the server's own explanation, `GET /problems/{{code}}`, which knows every code.

Some errors never reach HTTP, such as a wrong setting at start-up: the command line tells them.
"""


def errors_page() -> str:
    """Return the page of all errors, family by family."""
    example = problems.describe(
        SourceAmbiguous("The JSON names 2 pictures where one is needed."),
        instance="/v1/models/circles/predict",
        request_id="0d6f4c7e-5c0b-4d5e-9d0a-2f6f3c1b7a11",
    )
    parts = [_ERRORS_HEAD.format(problem=json.dumps(example, indent=1))]
    for family in FAMILIES:
        parts.append(f"\n## {family.__name__}\n\n{inspect.getdoc(family)}\n")
        parts.extend(_entry(kind) for kind in (family, *family.__subclasses__()))
    parts.append(
        f"\n## Unforeseen\n\n### {problems.INTERNAL}\n\nHTTP {problems.INTERNAL_STATUS}. "
        f"{problems.INTERNAL_TYPE['title']}: nothing else is told to the client.\n"
        f"\nWhat to do: {problems.INTERNAL_TYPE['hint']}\n"
    )
    return "".join(parts)


def openapi_document() -> str:
    """Return the OpenAPI document as committed."""
    return json.dumps(describe_app().openapi(), indent=1, ensure_ascii=False) + "\n"


def _entry(kind: type[SaccadeError]) -> str:
    again = " Trying again later may help." if kind.retryable else ""
    hint = f"\nWhat to do: {kind.default_hint}\n" if kind.default_hint else ""
    return f"\n### {kind.code}\n\nHTTP {problems.status_of(kind)}. {problems.title_of(kind)}.{again}\n{hint}"
