"""Arming failpoints: what is no failpoint is refused in our words."""

import pytest

from saccade.errors import SettingInvalid
from saccade.failpoints import arm


@pytest.mark.parametrize(
    "text",
    [
        "nowhere:kill",
        "worker.turn",
        "worker.turn:explode",
        "worker.turn:kill@x",
        "worker.turn:kill@\u00b2",
        "worker.turn:pause=soon",
        "worker.turn:pause=nan",
        "worker.turn:pause=-1",
    ],
)
def test_what_is_no_failpoint_is_refused(text):
    """The setting is named; nothing is armed."""
    with pytest.raises(SettingInvalid, match="SACCADE_FAILPOINTS"):
        arm(text)
