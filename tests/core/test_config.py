"""Settings: what is wrong is refused with a sentence, what is right arrives as it was."""

from __future__ import annotations

import dataclasses
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from portal.config import BadSetting, Settings
from portal.data_dir import make_data_dir, secret_key
from storage_backends import open_store

PROJECT = Path(__file__).parents[2]
NUMBERS = ["-1", "1.5", "ten", "1_0", "٣", "0x10", "1e3", "9" * 16]
WRONG: dict[str, list[str]] = {
    "PORT": [*NUMBERS, "0", "65536"],
    "PORTAL_PUBLIC_URL": ["recordings.example.org", "ftp://example.org", "https://", "http://["],
    "PORTAL_DATABASE_URL": ["portal.sqlite3", "mysql://localhost/portal", "sqlite://"],
    "PORTAL_REDIS_URL": ["localhost:6379", "tcp://localhost", "http://localhost"],
    "PORTAL_STORAGE_URL": ["/srv/recordings", "file://srv/recordings", "ftp://bucket/x"],
    "S3_BUCKET_NAME": ["s3://bucket", "bucket/prefix", "Bucket", "b"],
    "PORTAL_STAGING_URL": ["/srv/staging", "file://srv/staging", "memory://here"],
    "PORTAL_DIRECT_UPLOADS": ["yes", "ON"],
    "PORTAL_DIRECT_PLAYBACK": ["yes", "ON"],
    "PORTAL_VERIFY_DAYS": [*NUMBERS, "0"],
    "PORTAL_RETENTION_GRACE_DAYS": [*NUMBERS, "3651"],
    "PORTAL_VERIFY_MIB_PER_SECOND": [*NUMBERS, "0"],
    "PORTAL_LOG_FORMAT": ["xml", "JSON", "json plain"],
    "PORTAL_DURABILITY": ["Strict", "none"],
    "PORTAL_SECRET_KEY": ["too short", "x" * 31],
    "PORTAL_SEAL_KEY": ["too short", "x" * 64, "A" * 64],
    "PORTAL_WEB_PROCESSES": [*NUMBERS, "0", "65"],
    "PORTAL_WEB_THREADS": [*NUMBERS, "3", "1025"],
    "PORTAL_JOB_WORKERS": [*NUMBERS, "65"],
    "MAX_VIDEO_SIZE_MB": [*NUMBERS, "0", "5000001"],
    "MAX_VIDEO_DURATION_MINUTES": [*NUMBERS, "0", "100001"],
    "PORTAL_MAX_UPLOAD_MB": [*NUMBERS, "0", "5000001"],
    "PORTAL_CHUNK_BYTES": [*NUMBERS, "1023", "16777217"],
    "PORTAL_MAX_OPEN_UPLOADS": [*NUMBERS, "0", "1000001"],
    "PORTAL_MAX_PARTS": [*NUMBERS, "0", "10000001"],
    "PORTAL_FINISH_WAIT_SECONDS": [*NUMBERS, "61"],
    "PORTAL_KEEP_DAYS": [*NUMBERS, "36501"],
    "PORTAL_SESSION_IDLE_MINUTES": [*NUMBERS, "0", "100001"],
    "PORTAL_SESSION_HOURS": [*NUMBERS, "0", "8761"],
    "PORTAL_ACCEPT_TUS": ["video", "video/*;q=1", "<>"],
    "PORTAL_ACCEPT_SESSIONS": ["**"],
    "PORTAL_ACCEPT_CHUNKS": ["image/"],
    "PORTAL_ACCEPT_CALLS": ["/wav"],
    "PORTAL_RESUMABLE_DRAFT": ["yes", "ON"],
    "PORTAL_CORS_ORIGINS": ["*", "app.example.org", "https://app.example.org/path"],
    "PORTAL_JWT_JWKS": ["/nowhere/jwks.json", "http://keys.example.org"],
    "PORTAL_JWT_KEY": ["short"],
    "PORTAL_METRICS_TOKEN": ["too short", "x" * 31],
    "PORTAL_UPLOAD_TTL_HOURS": [*NUMBERS, "0", "8761"],
    "PORTAL_IDLE_SECONDS": [*NUMBERS, "0", "3601"],
    "PORTAL_LEASE_SECONDS": [*NUMBERS, "0", "3601"],
    "PORTAL_SEAL_SECONDS": [*NUMBERS, "9", "2592001"],
    "PORTAL_RECONCILE_SECONDS": [*NUMBERS, "0", "3601"],
    "PORTAL_ASK_REASON": ["call", "tus,Calls"],
    "PORTAL_PROXY_HOPS": [*NUMBERS, "6"],
    "PORTAL_ACCEL_REDIRECT": ["stored/", "/stored", "/", "/a/../b/", "/a b/", "//"],
}
ANY_TEXT = {
    "PORTAL_DATA_DIR",
    "PORTAL_HOST",
    "PORTAL_TRUSTED_HOSTS",
    "PORTAL_JWT_ISSUER",
    "PORTAL_JWT_AUDIENCE",
}
VARIABLES = {each.metadata["variable"] for each in dataclasses.fields(Settings)}
"""Every setting that there is: a new one needs an entry above."""


@pytest.mark.parametrize("variable", sorted(VARIABLES - ANY_TEXT))
def test_a_wrong_value_is_refused_with_a_sentence_that_names_it(variable: str) -> None:
    for text in WRONG[variable]:
        with pytest.raises(BadSetting) as refused:
            Settings.from_env({variable: text})
        sentence = str(refused.value)
        assert sentence.startswith(variable) and sentence.endswith("."), sentence
        assert " cannot be used: " in sentence


SECRET = "Geheim77"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PORTAL_SECRET_KEY", SECRET),
        ("PORTAL_DATABASE_URL", f"postgres://portal:{SECRET}@db/portal"),
        ("PORTAL_DATABASE_URL", f"mysql://portal:{SECRET}@db/portal"),
        ("PORTAL_REDIS_URL", f"redis:portal:{SECRET}@queue"),
        ("PORTAL_REDIS_URL", f"tcp://:{SECRET}@queue:6379"),
        ("PORTAL_STORAGE_URL", f"s3://key:{SECRET}@bucket"),
        ("PORTAL_STAGING_URL", f"s3://key:{SECRET}@bucket"),
    ],
)
def test_no_password_is_shown_when_a_value_is_refused(variable: str, text: str) -> None:
    with pytest.raises(BadSetting) as refused:
        Settings.from_env({variable: text})
    assert SECRET not in str(refused.value)
    assert variable in str(refused.value)


def test_defaults_are_those_that_are_documented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_env({})
    assert settings.data_dir == tmp_path / "var"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.database_url == f"sqlite:///{tmp_path}/var/portal.sqlite3"
    assert settings.storage_url == f"file://{tmp_path}/var/store"
    assert settings.redis_address == f"unix://{tmp_path}/var/valkey/valkey.sock"
    assert settings.strict
    assert settings.upload_lifetime.total_seconds() == 24 * 3600
    assert settings.max_upload_bytes == 10 * 2**30
    assert settings.trusted_hosts == ()
    assert not list(tmp_path.iterdir()), "reading settings creates nothing"


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert Settings.from_env(dict.fromkeys(VARIABLES, " ")) == Settings.from_env({})


def test_values_are_read() -> None:
    settings = Settings.from_env(
        {
            "PORT": " 9000 ",
            "PORTAL_DURABILITY": "relaxed",
            "PORTAL_PUBLIC_URL": "https://recordings.example.org/",
            "PORTAL_TRUSTED_HOSTS": "a.example.org, b.example.org c.example.org",
            "MAX_VIDEO_SIZE_MB": "2",
        }
    )
    assert settings.port == 9000 and not settings.strict
    assert settings.public_url == "https://recordings.example.org"
    assert settings.trusted_hosts == ("a.example.org", "b.example.org", "c.example.org")
    assert settings.max_video_bytes == 2 * 2**20


def test_a_postgresql_address_gets_the_driver_that_is_installed() -> None:
    given = "postgresql://portal:p%40ss@db.example.org:5433/portal?sslmode=require"
    settings = Settings.from_env({"PORTAL_DATABASE_URL": given})
    url = make_url(settings.database_url)
    assert (url.drivername, url.host, url.port) == ("postgresql+psycopg", "db.example.org", 5433)
    assert (url.password, url.query) == ("p@ss", {"sslmode": "require"})
    assert create_engine(url).dialect.driver == "psycopg"
    assert settings.environment()["PORTAL_DATABASE_URL"] == given


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"PORTAL_HOST": "0.0.0.0"},  # noqa: S104
        {"PORTAL_HOST": "::1"},
        {"PORTAL_HOST": "::", "PORT": "81"},
        {"PORTAL_DATA_DIR": "/srv/with blanks/100%/a+psycopg/Zoë"},
        {"PORTAL_DATA_DIR": "relative"},
        {"PORTAL_DATA_DIR": "~/portal"},
        {"PORTAL_TRUSTED_HOSTS": "a.example.org,b.example.org"},
        {"PORTAL_DATABASE_URL": "postgresql://portal@/portal?host=/run/postgresql"},
        {"PORTAL_REDIS_URL": "rediss://:p%40ss@queue:6379/1"},
        {"PORTAL_SECRET_KEY": "s" * 32, "PORTAL_DURABILITY": "relaxed", "PORTAL_JOB_WORKERS": "0"},
    ],
)
def test_child_processes_get_the_same_settings(environ: dict[str, str]) -> None:
    settings = Settings.from_env(environ)
    passed_on = settings.environment()
    assert set(passed_on) == VARIABLES
    assert Settings.from_env(passed_on) == settings


def test_the_bucket_of_the_contract_is_a_storage() -> None:
    assert Settings.from_env({"S3_BUCKET_NAME": "calls"}).storage_url == "s3://calls"
    both = {"S3_BUCKET_NAME": "calls", "PORTAL_STORAGE_URL": "abfs://calls/portal"}
    assert Settings.from_env(both).storage_url == "abfs://calls/portal"


@pytest.mark.parametrize(
    "variables",
    [
        {"PORTAL_STAGING_URL": "s3://bucket/staging"},
        {"PORTAL_DIRECT_UPLOADS": "on"},
        {"PORTAL_DIRECT_PLAYBACK": "on"},
    ],
)
def test_storage_settings_that_do_not_fit_together_are_refused(variables: dict[str, str]) -> None:
    (name,) = variables
    with pytest.raises(BadSetting, match=rf"{name}.*PORTAL_STORAGE_URL"):
        Settings.from_env(variables)
    Settings.from_env(variables | {"PORTAL_STORAGE_URL": "s3://bucket"})


def test_nginx_sends_files_only_where_there_are_files_and_nginx() -> None:
    place = {"PORTAL_ACCEL_REDIRECT": "/stored/"}
    for wrong in ({}, {"PORTAL_PROXY_HOPS": "1", "PORTAL_STORAGE_URL": "s3://bucket"}):
        with pytest.raises(BadSetting, match="PORTAL_ACCEL_REDIRECT needs"):
            Settings.from_env(place | wrong)
    Settings.from_env(place | {"PORTAL_PROXY_HOPS": "1"})


def test_staging_within_what_the_storage_keeps_is_refused() -> None:
    both = {"PORTAL_STORAGE_URL": "s3://bucket", "PORTAL_STAGING_URL": "s3://bucket/parts/x"}
    with pytest.raises(BadSetting, match="within each other"):
        Settings.from_env(both)


@pytest.mark.parametrize("name", ["with blanks", "100%", "per%20cent", "what?", "a#b", "Zoë"])
def test_the_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    settings = Settings.from_env({"PORTAL_DATA_DIR": str(folder)})
    make_data_dir(settings)
    with create_engine(settings.database_url).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE here (id INTEGER)")
    open_store(settings.storage_url).write("here", [b"x"])
    assert (folder / "portal.sqlite3").is_file()
    assert (folder / "store" / "here").is_file()
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_the_data_folder_is_made_for_us_alone(tmp_path: Path) -> None:
    settings = Settings.from_env({"PORTAL_DATA_DIR": str(tmp_path / "a" / "b")})
    make_data_dir(settings)
    make_data_dir(settings)
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700


def test_a_data_folder_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings.from_env({"PORTAL_DATA_DIR": str(tmp_path / "file" / "data")})
    with pytest.raises(BadSetting, match=r"PORTAL_DATA_DIR=.* cannot be used: Not a directory\."):
        make_data_dir(settings)


def test_a_long_path_still_has_room_for_a_socket(tmp_path: Path) -> None:
    long = Settings.from_env({"PORTAL_DATA_DIR": str(tmp_path / ("x" * 120))})
    other = Settings.from_env({"PORTAL_DATA_DIR": str(tmp_path / ("y" * 120))})
    assert len(bytes(long.embedded_socket)) < 108
    assert long.embedded_socket != other.embedded_socket


def test_the_secret_key_is_the_one_that_was_set(tmp_path: Path) -> None:
    environ = {"PORTAL_DATA_DIR": str(tmp_path / "data"), "PORTAL_SECRET_KEY": "k" * 32}
    assert secret_key(Settings.from_env(environ)) == "k" * 32
    assert not (tmp_path / "data").exists()


MAKES_A_KEY = """
import os, sys
from portal.config import Settings
from portal.data_dir import secret_key
os.umask(0)
settings = Settings.from_env()
print("ready", flush=True)
sys.stdin.readline()
print(secret_key(settings))
"""


def test_processes_that_start_at_once_agree_on_one_secret_key(tmp_path: Path) -> None:
    environ = {"PORTAL_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-c", MAKES_A_KEY]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    racing = [
        subprocess.Popen(command, cwd=PROJECT, env=environ, text=True, **pipes) for _ in range(5)
    ]
    for each in racing:
        assert each.stdout is not None and each.stdout.readline() == "ready\n"
    for each in racing:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    (key,) = {each.communicate(timeout=30)[0].strip() for each in racing}
    assert len(key) >= 32
    (file,) = (tmp_path / "data").iterdir()
    assert file.read_text() == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret_key(Settings.from_env(environ)) == key, "and it stays"
