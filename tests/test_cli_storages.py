"""What an operator does about storages at a shell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from storage_backends import S3Options
from tests.backends import on_s3, seaweed
from tests.conftest import Portal, Tus, upload_id

__all__ = ["seaweed"]


def send(portal: Portal, size: int = 10) -> dict[str, str]:
    """The row of a recording of so many bytes."""
    tus = Tus(portal, portal.token())
    path = tus.begin(size)
    assert tus.patch(path, 0, b"x" * size).status_code == 204
    return portal.recording(upload_id(path))


def test_a_further_storage_is_added_tried_filled_by_a_rule_and_named(
    own_portal: Callable[..., Portal], seaweed: S3Options
) -> None:
    portal, there = own_portal(), on_s3(seaweed)
    url = there.settings["PORTAL_STORAGE_URL"]
    plain = {"endpoint_url": seaweed.endpoint_url, "region": seaweed.region, "key": seaweed.key}
    options = [f"--option={name}={value}" for name, value in plain.items()]
    added = portal.cli(
        "add-storage", "cloud", url, *options, "--secrets-stdin", given=f"secret={seaweed.secret}\n"
    )
    assert seaweed.secret not in added.stdout
    assert portal.cli("check-storage", "cloud").stdout.count(" ok") >= 11
    portal.cli("add-storage-rule", "cloud", "--source", "tus", "--at-least", "100")
    small, large = send(portal, 99), send(portal, 100)
    assert (small["storage_id"], large["storage_id"]) == ("main", "cloud")
    assert there.store is not None and b"".join(there.store.read(large["key"])) == b"x" * 100
    said = portal.cli("storages").stdout
    assert f"cloud                {url}" in said
    assert "rule 1: source tus, 100 bytes or more → cloud" in said
    kept = (portal.data / "portal.sqlite3").read_bytes() + portal.log.read_bytes()
    assert seaweed.secret.encode() not in kept
    refused = portal.cli("remove-storage", "cloud", check=False)
    assert refused.returncode == 1 and "cannot be forgotten" in refused.stderr


def test_rules_are_dropped_and_empty_storages_forgotten(portal: Portal, tmp_path: Path) -> None:
    portal.cli("add-storage", "archive", (tmp_path / "archive").as_uri())
    portal.cli("add-storage-rule", "archive", "--kind", "audio", "--source", "nobody")
    assert portal.cli("remove-storage", "archive", check=False).returncode == 1
    portal.cli("drop-storage-rule", "1")
    portal.cli("remove-storage", "archive")
    assert "archive" not in portal.cli("storages").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["add-storage", "main", "file:///srv/x"], "no name for a further storage"),
        (["add-storage", "other", "s3://b", "--option=colour=red"], "colour means nothing here"),
        (["add-storage", "other", "s3://b", "--option=colour"], "NAME=VALUE"),
        (["add-storage-rule", "nowhere"], "no storage 'nowhere'"),
        (["check-storage", "nowhere"], "no storage 'nowhere'"),
        (["drop-storage-rule", "77"], "no rule number 77"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    portal: Portal, words: list[str], sentence: str
) -> None:
    refused = portal.cli(*words, check=False)
    assert refused.returncode == 1 and sentence in refused.stderr


def test_a_start_on_an_empty_folder_in_place_of_the_recordings_is_refused(
    own_portal: Callable[..., Portal],
) -> None:
    portal = own_portal()
    send(portal)
    portal.stop()
    (portal.data / "store").rename(portal.data / "unmounted")
    refused = portal.cli("run", check=False)
    assert refused.returncode == 1 and "Mount its disk" in refused.stderr
    shutil.rmtree(portal.data / "store")
    (portal.data / "unmounted").rename(portal.data / "store")
    assert "storages are ours" in portal.cli("migrate").stdout


def test_a_storage_that_is_away_at_the_start_keeps_nobody_from_the_lists(
    own_portal: Callable[..., Portal],
) -> None:
    away = {"S3_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "portal"}
    away |= {"AWS_SECRET_ACCESS_KEY": "Geheim77", "PORTAL_STORAGE_URL": "s3://recordings"}
    portal = own_portal(**away)
    assert "Starting without a storage" in portal.log.read_text()
    assert "Geheim77" not in portal.log.read_text()


def test_repairing_is_asked_for_and_approved(own_portal: Callable[..., Portal]) -> None:
    portal = own_portal()
    kept = [send(portal) for _ in range(2)]
    stray = (portal.data / "store" / kept[0]["key"]).parent / "left"
    stray.write_bytes(b"behind")
    os.utime(stray, (1, 1))
    assert "Aborted" in portal.cli("reconcile", "--repair", given="n\n", check=False).stderr
    assert stray.exists()
    assert "1 repaired" in portal.cli("reconcile", "--repair", "--yes").stdout
    assert not stray.exists() and len(portal.stored_files("recordings")) == 2
