"""Options stand over the settings, in the settings' own words."""

from pathlib import Path

import pytest

from saccade.cli.options import overrides, read_settings
from saccade.errors import SettingInvalid


def test_options_not_given_leave_the_setting_alone():
    """None is no value."""
    assert overrides({"SACCADE_SERVER_PORT": None, "SACCADE_SERVER_HOST": "::1"}) == {"SACCADE_SERVER_HOST": "::1"}


def test_values_are_written_as_the_environment_has_them():
    """Numbers, paths and booleans become text."""
    given = {"SACCADE_SERVER_PORT": 0, "SACCADE_MODELS": Path("m"), "SACCADE_SERVER_ALLOW_ANYONE": True}

    assert overrides(given) == {
        "SACCADE_SERVER_PORT": "0",
        "SACCADE_MODELS": "m",
        "SACCADE_SERVER_ALLOW_ANYONE": "true",
    }


def test_option_stands_over_the_environment(monkeypatch):
    """The command line has the last word, and doctor can tell."""
    monkeypatch.setenv("SACCADE_SERVER_PORT", "9000")

    settings = read_settings({"SACCADE_SERVER_PORT": 9001})

    assert settings.server.port == 9001
    assert settings.origins["SACCADE_SERVER_PORT"] == "command line"


def test_wrong_option_is_named_with_its_setting():
    """The message says which setting is wrong and where it came from."""
    with pytest.raises(SettingInvalid, match=r"SACCADE_PRELOAD='some' \(command line\)"):
        read_settings({"SACCADE_PRELOAD": "some"})
