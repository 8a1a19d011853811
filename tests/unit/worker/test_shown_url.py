"""What a worker says of where it works."""

import pytest

from saccade.worker.run import shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:s3cret@db:5433/jobs?password=s3cret", "postgresql://db:5433/jobs"),
        ("postgresql://ada:s3/cr@et@db/jobs", "postgresql://db/jobs"),
        ("memory://", "memory://"),
        ("sqlite:////var/lib/saccade.db", "sqlite:////var/lib/saccade.db"),
    ],
)
def test_no_password_is_shown(url, shown):
    """Whatever is written before the host or behind the path."""
    assert shown_url(url) == shown
