"""The ways in as the settings name them."""

import pytest

from saccade import settings
from saccade.access import development
from saccade.access.principals import Role
from saccade.errors import CredentialInvalid, DatabaseUnreachable, SettingInvalid
from saccade.wiring.access import DEVELOPMENT_KEY, has_development_key, open_access


@pytest.fixture
def open_at(tmp_path):
    """Return a function that opens the ways in of a home, with its database away."""

    def away():
        raise DatabaseUnreachable("away")

    def start(**said):
        read = settings.load(
            {"SACCADE_HOME": str(tmp_path), **{f"SACCADE_{name}": value for name, value in said.items()}}
        )
        return open_access(read, keys=away), read

    return start


def test_development_key_is_looked_for_where_it_is_made(open_at, tmp_path):
    """Production looks for the file without importing what signs."""
    _, read = open_at()
    assert not has_development_key(read)
    development.issue(tmp_path, "alice", Role.INVESTIGATOR, 60)

    assert development.key_file(tmp_path).name == DEVELOPMENT_KEY
    assert has_development_key(read)


def test_development_tokens_open_nothing_in_production(open_at, tmp_path):
    """Whatever lies in the home folder."""
    token = development.issue(tmp_path, "alice", Role.ADMIN, 60)
    development_access, _ = open_at()
    production, _ = open_at(ENVIRONMENT="prod", ACCESS_MODE="required")

    assert development_access.read(token).id == "dev:alice"
    with pytest.raises(CredentialInvalid):
        production.read(token)


def test_token_is_remembered_and_a_stranger_is_not(open_at, tmp_path):
    """The event loop asks only what is known already."""
    access, _ = open_at()
    token = development.issue(tmp_path, "alice", Role.INVESTIGATOR, 60)

    assert access.recall(token) is None
    assert access.recall("sac_" + "0" * 85) is None
    assert access.read(token) == access.recall(token)


def test_keys_wait_for_the_database_and_tokens_do_not(open_at):
    """A key that nobody can look up is neither good nor bad."""
    access, _ = open_at()

    with pytest.raises(DatabaseUnreachable):
        access.read("sac_" + "0" * 85)
    with pytest.raises(CredentialInvalid):
        access.read("no token")


@pytest.mark.parametrize("missing", ["JWT_ISSUER", "JWT_AUDIENCE"])
def test_provider_without_issuer_or_audience_is_told_at_the_start(open_at, missing):
    """Else any token of that provider, for whatever service, would open this one."""
    said = {"JWT_JWKS": "https://login.lab/keys", "JWT_ISSUER": "https://login.lab", "JWT_AUDIENCE": "saccade"}

    with pytest.raises(SettingInvalid, match=missing):
        open_at(**{**said, missing: ""})
