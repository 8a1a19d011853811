"""Settings: one place, three layers, and nothing misspelt goes unnoticed."""

from pathlib import Path

import pytest

from saccade import settings
from saccade.errors import SettingInvalid, SettingUnknown


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Work in an empty folder, without the SACCADE_ variables of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in settings.variables():
        monkeypatch.delenv(name, raising=False)


def test_load_keeps_defaults_when_nothing_is_said():
    """A bare machine needs no setting at all."""
    loaded = settings.load()

    assert (loaded.server.host, loaded.server.port) == ("127.0.0.1", 8000)
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.models_folder == Path("~/.saccade/models").expanduser()


def test_command_line_stands_over_environment_over_dotenv(monkeypatch, tmp_path):
    """The nearer to the person, the stronger; and each value knows where it came from."""
    (tmp_path / ".env").write_text("SACCADE_SERVER_PORT=1\nSACCADE_LOG_LEVEL=debug\nSACCADE_CACHE_BYTES=1\nOTHER=x\n")
    monkeypatch.setenv("SACCADE_SERVER_PORT", "2")
    monkeypatch.setenv("SACCADE_LOG_LEVEL", "error")
    loaded = settings.load({"SACCADE_SERVER_PORT": "3"})

    assert (3, "error", 1) == (loaded.server.port, loaded.log.level, loaded.cache.bytes)
    assert ["command line", "environment", ".env"] == [
        loaded.origins[name] for name in ("SACCADE_SERVER_PORT", "SACCADE_LOG_LEVEL", "SACCADE_CACHE_BYTES")
    ]


def test_load_refuses_an_unknown_variable(monkeypatch):
    """A misspelt setting is an error, not a silence."""
    monkeypatch.setenv("SACCADE_SERVER_PROT", "8000")
    with pytest.raises(SettingUnknown, match="SACCADE_SERVER_PROT"):
        settings.load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SACCADE_SERVER_PORT", "eighty"),
        ("SACCADE_SERVER_PORT", "70000"),
        ("SACCADE_ENVIRONMENT", "production"),
        ("SACCADE_CACHE_BYTES", "-1"),
        ("SACCADE_LOG_FORMAT", "xml"),
    ],
)
def test_load_names_variable_origin_and_reason_when_a_value_is_wrong(monkeypatch, name, value):
    """Whoever reads the message knows what to mend and where."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingInvalid, match=rf"{name}='{value}' \(environment\): "):
        settings.load()


def test_lists_are_written_with_commas(monkeypatch):
    """Spaces and empty parts in a list mean nothing."""
    monkeypatch.setenv("SACCADE_FETCH_ALLOW", "10.0.0.0/8, lab.example:8443,,")

    assert ("10.0.0.0/8", "lab.example:8443") == settings.load().fetch.allow


def test_settings_cannot_be_changed_after_loading():
    """What was read once stays."""
    loaded = settings.load()
    with pytest.raises(ValueError, match="frozen"):
        loaded.server.port = 1


def test_every_variable_has_a_description():
    """Doctor and the reference page say what each setting is for."""
    assert [name for name, variable in settings.variables().items() if not variable.help] == []
