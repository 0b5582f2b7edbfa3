"""The configuration: where it comes from, what it refuses and how it says so, the token at rest."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import sys
import types
from dataclasses import fields
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest

from recordings_client import ApiError, ApiIntegrationManager, ClientSettings, ValidationError
from recordings_client.hours import Hours
from recordings_client.options import settings_of

NEEDED = {"enabled": True, "base_url": "https://storage.company.com/api", "api_token": "secret-1"}
TABLE = {
    "enabled": False,
    "base_url": "",
    "api_token": "",
    "auto_upload": False,
    "upload_timeout": 60,
    "max_retries": 3,
    "max_concurrent_uploads": 2,
    "delete_after_upload": False,
    "upload_older_recordings": True,
    "max_file_age_days": 30,
}
"""The contract's parameters and their defaults."""


def load(environ: dict[str, str] | None = None, **said: Any) -> ClientSettings:
    return ClientSettings.load({"api": said}, environ or {})


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = load()
    assert {name: getattr(settings, name) for name in TABLE} == TABLE


def test_a_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    said = NEEDED | {"upload_timeout": 120, "max_retries": 5, "state_dir": str(tmp_path / "s")}
    config.write_text(json.dumps({"recording": {"fps": 15}, "api": said}))
    environ = {"RECORDINGS_MAX_RETRIES": "9", "RECORDINGS_DELETE_AFTER_UPLOAD": "yes", "HOME": "x"}
    environ["RECORDINGS_UPLOAD_WINDOWS"] = '[{"from": "19:00", "to": "07:00", "days": "mon-fri"}]'
    settings = ClientSettings.load(config, environ)
    assert (settings.upload_timeout, settings.max_retries) == (120, 9)
    assert settings.delete_after_upload and settings.api_token == "secret-1"
    assert settings.upload_windows == (Hours(time(19), time(7), frozenset(range(5))),)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("enabled", "perhaps", "true or false"),
        ("base_url", "storage.company.com", "an address such as https://"),
        ("base_url", "http://storage..company.com/api", "an address such as https://"),
        ("base_url", "http://storage.company.com:99999/api", "an address such as https://"),
        ("base_url", "http://storage company.com/api", "an address such as https://"),
        ("upload_timeout", 0, "a whole number of seconds from 1 to 86400"),
        ("upload_timeout", "60s", "a whole number of seconds from 1 to 86400"),
        ("max_retries", -1, "a whole number of tries"),
        ("max_retries", True, "a whole number of tries"),
        ("max_concurrent_uploads", 2.5, "a whole number of uploads"),
        ("bandwidth_limits", [{"kib_per_second": "fast"}], "kib_per_second"),
        ("upload_windows", [{"from": "25:00"}], "from"),
        ("upload_windows", [{"days": "someday"}], "days"),
        ("upload_windows", [{"from": "19:00", "too": "07:00"}], "to"),
        ("upload_windows", [{"from": "19:00+02:00"}], "from"),
        ("bandwidth_limits", [{"kib_per_second": 5, "day": "mon"}], "days"),
        ("upload_windows", "always", "a list such as"),
    ],
)
def test_a_wrong_value_is_named_in_a_sentence(name: str, value: object, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load(**NEEDED | {name: value})
    assert f"api.{name}: write " in caught.value.message
    assert expected in caught.value.message and repr(value) in caught.value.message


def test_all_wrong_values_are_named_at_once_and_the_token_is_not_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        load({"RECORDINGS_MAX_RETRIES": "many"}, **NEEDED | {"api_token": "two words"})
    assert "switch enabled off" not in caught.value.message, "each is named once"
    assert "RECORDINGS_MAX_RETRIES: write " in caught.value.message
    assert "api.api_token: write " in caught.value.message and "two" not in caught.value.message
    with pytest.raises(ValidationError, match=r"api\.base_url.*api\.api_token"):
        load(enabled=True)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError, match="without a password") as caught:
        load(**NEEDED | {"base_url": "https://user:hunter2@storage.company.com/api"})
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_of_a_windows_editor_is_read(tmp_path: Path, encoding: str) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"api": {"max_retries": 7}}), encoding)
    assert ClientSettings.load(config, {}).max_retries == 7


def test_settings_behind_a_link_are_protected_where_they_are(tmp_path: Path) -> None:
    config, link = tmp_path / "config.json", tmp_path / "link.json"
    config.write_text(json.dumps({"api": NEEDED | {"state_dir": str(tmp_path / "state")}}))
    link.symlink_to(config)
    ClientSettings.load(link, {})
    assert "secret-1" not in config.read_text() and link.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_settings_of_another_account_are_left_as_they_are(tmp_path: Path) -> None:
    """Sealed by whoever looks at them, their owner could not open the token any more."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"api": NEEDED | {"state_dir": str(tmp_path / "state")}}))
    os.chown(config, 65534, 65534)
    assert ClientSettings.load(config, {}).api_token == "secret-1"
    assert "secret-1" in config.read_text() and config.stat().st_uid == 65534


def test_an_unknown_name_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load(**NEEDED, delete_after_uplaod=True)
    assert "api.delete_after_uplaod" in caplog.text


def test_a_file_that_is_none_is_told_of(tmp_path: Path) -> None:
    for content in ("{", "[]", '{"api": 5}', "[" * 100_000):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ValidationError, match=r"config\.json"):
            ClientSettings.load(tmp_path / "config.json", {})
    with pytest.raises(ValidationError, match=r"none\.json"):
        ClientSettings.load(tmp_path / "none.json", {})


def test_the_recorders_own_settings_object_will_do() -> None:
    recorder = types.SimpleNamespace(
        API_ENABLED=True, API_BASE_URL="https://a.example/api", API_TOKEN="t", API_AUTO_UPLOAD=True
    )
    settings = settings_of(recorder)
    assert settings.auto_upload and settings.api_token == "t"
    assert settings_of(settings) is settings


def test_the_token_does_not_stay_readable(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    api = NEEDED | {"state_dir": str(tmp_path / "state")}
    config.write_text(json.dumps({"recording": {"output_dir": "D:\\Gravações"}, "api": api}))
    config.chmod(0o640)
    assert ClientSettings.load(config, {}).api_token == "secret-1"
    text = config.read_text("utf-8")
    kept = json.loads(text)
    assert "secret-1" not in text and kept["api"].pop("api_token").startswith("encrypted:")
    api.pop("api_token")
    assert kept == {"recording": {"output_dir": "D:\\Gravações"}, "api": api}
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "state" / "token.key").stat().st_mode) == 0o600
    again = ClientSettings.load(config, {})
    assert again.api_token == "secret-1" and config.read_text("utf-8") == text
    assert "secret-1" not in repr(again)
    (tmp_path / "state" / "token.key").unlink()
    with pytest.raises(ApiError, match="write the token anew"):
        ClientSettings.load(config, {})


def test_the_token_goes_into_the_keyring_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[tuple[str, str], str] = {}
    keyring = types.ModuleType("keyring")
    keyring.__dict__.update(
        get_keyring=lambda: types.SimpleNamespace(priority=5),
        set_password=lambda service, name, token: kept.update({(service, name): token}),
        get_password=lambda service, name: kept.get((service, name)),
    )
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"api": NEEDED | {"state_dir": str(tmp_path / "state")}}))
    ClientSettings.load(config, {})
    assert json.loads(config.read_text())["api"]["api_token"].startswith("keyring:")
    assert list(kept.values()) == ["secret-1"]
    assert ClientSettings.load(config, {}).api_token == "secret-1"
    assert not (tmp_path / "state" / "token.key").exists()
    kept.clear()
    with pytest.raises(ApiError, match="keyring"):
        ClientSettings.load(config, {})


def test_a_locked_keyring_is_no_reason_to_keep_the_token_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: str) -> None:
        raise RuntimeError("locked")

    keyring = types.ModuleType("keyring")
    known = types.SimpleNamespace(priority=5)
    keyring.__dict__.update(get_keyring=lambda: known, set_password=locked, get_password=locked)
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"api": NEEDED | {"state_dir": str(tmp_path / "state")}}))
    assert ClientSettings.load(config, {}).api_token == "secret-1"
    assert json.loads(config.read_text())["api"]["api_token"].startswith("encrypted:")
    with pytest.raises(ApiError, match="Unlock it"):
        load(**NEEDED | {"api_token": "keyring:1"})


def test_a_file_that_cannot_be_written_is_used_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Here because there is no room for the name of a second file beside it."""
    config = tmp_path / f"{'long' * 62}.json"
    config.write_text(json.dumps({"api": NEEDED | {"state_dir": str(tmp_path / "state")}}))
    assert ClientSettings.load(config, {}).api_token == "secret-1"
    assert "stays readable" in caplog.text and "secret-1" not in caplog.text


def test_wrong_settings_and_a_disabled_api_are_no_reason_to_stop_recording(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = ApiIntegrationManager({"api": NEEDED | {"upload_timeout": "soon"}})
    off = ApiIntegrationManager({"api": {"enabled": False}})
    nowhere = tmp_path / "file"
    nowhere.touch()
    unusable = ApiIntegrationManager({"api": NEEDED | {"state_dir": str(nowhere / "state")}})
    (tmp_path / "queue.sqlite3").write_text("This is no database. " * 100)
    damaged = ApiIntegrationManager({"api": NEEDED | {"state_dir": str(tmp_path)}})
    assert str(tmp_path) in damaged.error and "not a database" in damaged.error
    for manager in (wrong, off, unusable, damaged):
        assert not manager.is_initialized and manager.error and manager.upload_client is None
        assert manager.upload_recording(tmp_path / "any.mp4") is None
        assert manager.get_upload_status(None) is None
        assert manager.upload_older_recordings(tmp_path) == []
        assert set(manager.get_queue_status().values()) == {0}
        manager.shutdown()
    assert "api.upload_timeout" in wrong.error and "switched off" in off.error


@pytest.mark.parametrize(
    ("moment", "holds"),
    [
        ("2026-11-23 18:59", False),  # a Monday
        ("2026-11-23 19:00", True),
        ("2026-11-24 06:59", True),
        ("2026-11-24 07:00", False),
        ("2026-11-28 06:00", True),  # Saturday's morning belongs to Friday's night
        ("2026-11-28 20:00", False),
        ("2026-11-23 06:00", False),
    ],
)
def test_hours_go_past_midnight(moment: str, holds: bool) -> None:
    [window] = load(
        upload_windows='[{"from":"19:00","to":"07:00","days":"mon-fri"}]'
    ).upload_windows
    assert window.hold(datetime.fromisoformat(moment)) is holds


def test_the_readme_has_every_setting_and_its_default() -> None:
    text = (Path(__file__).parents[2] / "client" / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\| ", text, re.M))
    assert set(rows) == {each.name for each in fields(ClientSettings)}
    for each in fields(ClientSettings):
        if each.name != "state_dir":
            shown = json.dumps([] if each.default == () else each.default).strip('"')
            assert rows[each.name].strip("`") == shown
