"""What chaos needs that is not everywhere: a database that a test fills by itself, and services of its own."""

import os

import pytest

from chaos.services import is_here

#: CI sets it; there a skip would go unseen.
IN_CI = "CI" in os.environ  # noqa: TID251 - read before the fixtures clean it


@pytest.fixture
def need():
    """Return a function that skips where a service is not installed, and fails in CI."""

    def check(*names):
        missing = [name for name in names if not is_here(name)]
        if missing and IN_CI:
            pytest.fail(f"not here: {', '.join(missing)}")
        if missing:
            pytest.skip(f"not here: {', '.join(missing)}")

    return check
