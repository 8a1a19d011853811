"""The API's documentation as pages, offline: the viewers are packaged, nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from saccade.access.policy import Action
from saccade.api.answers import JsonAnswer
from saccade.api.guard import ACTION_KEY, GuardedRoute
from saccade.errors import RouteUnknown

router = APIRouter(include_in_schema=False, route_class=GuardedRoute)

_PUBLIC = {ACTION_KEY: Action.SERVICE_READ.value}

#: Scripts only from here; the viewers write style elements, and ReDoc searches in a worker made from a blob.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
_ASSET_HEADERS = {"Cache-Control": "public, max-age=86400"}
_PACKAGED = frozenset({"swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "favicon.png"})

# The pages have no inline script, so that the policy needs no exception. Addresses are relative, as a prefix may come
# before them.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Saccade API</title>
<link rel="icon" href="docs/assets/favicon.png">
{style}
</head>
<body>
<main id="api"></main>
<script src="docs/assets/{viewer}"></script>
<script src="docs/assets/{start}"></script>
</body>
</html>
"""
_STYLE = '<link rel="stylesheet" href="docs/assets/swagger-ui.css">'
_SCRIPTS: Mapping[str, str] = {
    "start-swagger.js": (
        'SwaggerUIBundle({url: "openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null, '
        "displayRequestDuration: true});\n"
    ),
    "start-redoc.js": 'Redoc.init("openapi.json", {}, document.getElementById("api"));\n',
}


@router.get("/openapi.json", openapi_extra=_PUBLIC)
async def openapi(request: Request) -> Response:
    """Return the API's description."""
    return JsonAnswer(request.app.openapi())


@router.get("/docs", openapi_extra=_PUBLIC)
async def swagger_page() -> Response:
    """Show the API with forms to try it."""
    page = _PAGE.format(style=_STYLE, viewer="swagger-ui-bundle.js", start="start-swagger.js")
    return HTMLResponse(page, headers=_HEADERS)


@router.get("/redoc", openapi_extra=_PUBLIC)
async def redoc_page() -> Response:
    """Show the API as a reference to read."""
    page = _PAGE.format(style="", viewer="redoc.standalone.js", start="start-redoc.js")
    return HTMLResponse(page, headers=_HEADERS)


@router.get("/docs/assets/{name}", openapi_extra=_PUBLIC)
async def docs_asset(name: str) -> Response:
    """Return one of the viewers' files."""
    if name in _SCRIPTS:
        return Response(_SCRIPTS[name], media_type="text/javascript", headers=_ASSET_HEADERS)
    if name in _PACKAGED:
        return FileResponse(_packaged_folder() / name, headers=_ASSET_HEADERS)
    raise RouteUnknown("There is no such file.")


@cache
def _packaged_folder() -> Path:
    """Return where the packaged viewers lie; found without importing their package, which would import much more."""
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RouteUnknown("The viewers are not installed.", hint="pip install fastapi-offline")
    return Path(spec.origin).parent / "static"
