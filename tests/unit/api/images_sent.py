"""People who send images over HTTP, and what they find."""

import pytest

from saccade.access.development import issue
from saccade.access.principals import Role
from unit.api.conftest import client_of


@pytest.fixture
def asking(make_platform):
    """Yield a platform that asks everybody who they are, and a client of it."""
    platform = make_platform(access_mode="required")
    with client_of(platform) as client:
        yield platform, client


def headers_of(platform, name, role=Role.INVESTIGATOR):
    return {"Authorization": f"Bearer {issue(platform.settings.home, name, frozenset({role}), 6000)}"}


def send(client, picture, *, name="a.png", models=(), headers=None, **fields):
    form = [("file", (name, picture, "image/png")), *(("models", (None, model)) for model in models)]
    form += [(key, (None, str(value))) for key, value in fields.items()]
    return client.post("/v1/images", files=form, headers=headers)


def ids_of(client, query="", headers=None):
    """Return the ids of all pages, and the sizes of the pages."""
    found, sizes, path = [], [], f"/v1/images{query}"
    while path is not None:
        page = client.get(path, headers=headers).json()
        found += [image["id"] for image in page["images"]]
        sizes.append(len(page["images"]))
        path = page["next"]
    return found, sizes
