"""Keys: made, listed, replaced, disabled. A secret is shown once, when it is made."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from saccade.access.credentials import is_key_id
from saccade.access.policy import Action, Resource
from saccade.access.principals import Principal, Service
from saccade.api.access_render import key_to_json, made_to_json
from saccade.api.answers import JsonAnswer
from saccade.api.cursors import no_cursor, single, whole_number
from saccade.api.dependencies import authentications_of, platform_of
from saccade.api.description import (
    body_of,
    created,
    emptied,
    new_router,
    operation,
    page_parameters,
    parameter,
)
from saccade.api.documents import read_document
from saccade.api.principals import caller_of, require
from saccade.errors import Forbidden

router = new_router("access")

_NO_STORE = {"Cache-Control": "no-store"}
_DEFAULT_PAGE = 50
_LARGEST_PAGE = 200
_BODY_PROBLEMS = (400, 413, 415)
_OWNER = parameter(
    "owner", "query", "For admins: whose keys, by the principal's id; `*` means all.", {"type": "string"}
)
_EVERYBODY = "*"


@router.get(
    "/v1/keys",
    **operation("List keys", action=Action.KEYS_READ, ok="KeyList", extra={"parameters": [*page_parameters(), _OWNER]}),
)
async def list_keys(request: Request) -> Response:
    """Return the caller's keys, newest first; an admin may name another `owner`, or `*` for everybody's."""
    limit = whole_number(request, "limit", least=1, most=_LARGEST_PAGE) or _DEFAULT_PAGE
    after, owner = single(request, "cursor"), single(request, "owner")
    if after is not None and not is_key_id(after):
        raise no_cursor()
    caller, keys = caller_of(request), platform_of(request).keys
    wanted = owner if owner is not None else caller.id
    if wanted != caller.id and not caller.is_admin:
        return JsonAnswer({"keys": [], "next": None}, headers=_NO_STORE)
    listed = None if wanted == _EVERYBODY else wanted
    found = await authentications_of(request).run(keys.list, listed, after=after, limit=limit + 1)
    shown = found[:limit]
    following = None
    if len(found) > limit:
        query = {"cursor": shown[-1].id, "limit": str(limit)} | ({"owner": owner} if owner is not None else {})
        following = f"/v1/keys?{urlencode(query)}"
    return JsonAnswer({"keys": [key_to_json(key) for key in shown], "next": following}, headers=_NO_STORE)


@router.post(
    "/v1/keys",
    **created(
        operation(
            "Make a key",
            action=Action.KEYS_WRITE,
            ok="KeyMade",
            problems=(*_BODY_PROBLEMS, 404),
            extra=body_of("NewKey"),
        )
    ),
    status_code=201,
)
async def make_key(request: Request) -> Response:
    """Make a key that opens what its scopes say of what its owner may. Its secret is shown this once."""
    from saccade.api.schemas.access import NewKey

    asked = await read_document(request, NewKey)
    caller, platform = caller_of(request), platform_of(request)
    if asked.service is not None:
        require(request, Action.SERVICE_KEYS_WRITE, Resource())

    def make() -> dict[str, object]:
        owner = platform.accounts.find(_owner_of(caller, asked.owner)) if asked.owner is not None else None
        made = platform.keys.make(
            caller,
            scopes=frozenset(asked.scopes),
            service=Service(asked.service) if asked.service is not None else None,
            detail=asked.detail,
            lasts_s=asked.expires_in_s,
            owner=owner,
        )
        return made_to_json(made)

    made = await authentications_of(request).run(make)
    return JsonAnswer(made, status=201, headers={**_NO_STORE, "Location": f"/v1/keys/{made['id']}"})


@router.get("/v1/keys/{key_id}", **operation("Show a key", action=Action.KEYS_READ, ok="Key", problems=(404,)))
async def show_key(request: Request, key_id: str) -> Response:
    """Return a key without its secret."""
    record = await authentications_of(request).run(platform_of(request).keys.find, caller_of(request), key_id)
    return JsonAnswer(key_to_json(record), headers=_NO_STORE)


@router.post(
    "/v1/keys/{key_id}/rotate",
    **created(
        operation(
            "Replace a key",
            action=Action.KEYS_WRITE,
            ok="KeyMade",
            problems=(*_BODY_PROBLEMS, 404, 409),
            extra=body_of("KeyRotation", required=False),
        )
    ),
    status_code=201,
)
async def rotate_key(request: Request, key_id: str) -> Response:
    """Make a key in the place of another one, which opens for `overlap_s` seconds more: by default a day."""
    from saccade.api.schemas.access import KeyRotation

    asked = await read_document(request, KeyRotation, may_be_empty=True)
    keys = platform_of(request).keys
    made = await authentications_of(request).run(keys.rotate, caller_of(request), key_id, overlap_s=asked.overlap_s)
    return JsonAnswer(made_to_json(made), status=201, headers={**_NO_STORE, "Location": f"/v1/keys/{made.record.id}"})


@router.delete(
    "/v1/keys/{key_id}",
    **emptied(
        operation("Disable a key", action=Action.KEYS_WRITE, ok=None, problems=(404,)), "It opens nothing any more."
    ),
    status_code=204,
)
async def disable_key(request: Request, key_id: str) -> Response:
    """Let a key open nothing any more, everywhere within seconds. It stays in the list, for the ledger names it."""
    await authentications_of(request).run(platform_of(request).keys.disable, caller_of(request), key_id)
    return Response(status_code=204, headers=_NO_STORE)


def _owner_of(caller: Principal, name: str) -> str:
    """Return the name of the account that a key is made for.

    Raises:
        Forbidden: Only admins make keys for others; whether there is such an account is told to nobody else.
    """
    if name != caller.id and not caller.is_admin:
        raise Forbidden("Only an admin makes keys for others.")
    return name
