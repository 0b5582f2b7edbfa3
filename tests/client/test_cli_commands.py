"""The other commands of `recordings`, its exit codes, and that it keeps the token to itself."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest

from recordings_client.cli.exits import MEANINGS
from tests.client.conftest import MiB, sha256
from tests.client.console import Console
from tests.client.test_queue import uploads_of
from tests.client.unreliable import Unreliable
from tests.conftest import Portal
from tests.waiting import wait_for

CLIENT = Path(__file__).parents[2] / "client"


@pytest.fixture
def reader(portal: Portal, console: Console) -> Console:
    """Like `console`, with a token that may read, too."""
    token = portal.token("auditor", "read")
    return Console(console.folder, console.said | {"api_token": token})


def test_list_and_download(reader: Console, console: Console, large: Path, tmp_path: Path) -> None:
    name = large.stem
    [sent] = console.json("upload", "--wait", "--session-id", name, large)["files"]
    file_id = sent["server_file_id"]
    [found] = reader.json("list", "--session-id", name)["recordings"]
    assert (found["file_id"], found["sha256"]) == (file_id, sent["sha256"])
    listed = reader.run("list", "--session-id", name)
    assert listed.stdout.split()[0] == file_id and large.name in listed.stdout
    target = tmp_path / "fetched"
    target.mkdir()
    [done] = reader.json("download", file_id, "--to", target)["downloaded"]
    assert sha256(Path(done["path"])) == sha256(large) and done["file_id"] == file_id
    again = reader.run("download", file_id, "--to", target)
    assert again.returncode == 6 and "there already" in again.stderr
    assert reader.run("download", file_id, "x", "--to", target / "film.mp4").returncode == 2
    code, written = reader.on_terminal("download", file_id, "--to", target / "bars.mp4")
    assert code == 0 and "SHA-256" in written and "━" in written


def test_what_is_not_there_or_not_allowed(reader: Console, console: Console) -> None:
    gone = "01a20440-0555-7470-9499-a4b8c427bce8"
    assert reader.json("download", gone)["error"]["exit"] == 1
    assert console.json("list")["error"]["exit"] == 3, "the token has the scope upload only"
    assert reader.json("list", "--received-from", "yesterday")["error"]["exit"] == 1


def test_verify(portal: Portal, console: Console, reader: Console, film: Path) -> None:
    assert console.run("verify", film).returncode == 1, "it was not sent"
    console.run("upload", "--wait", film)
    [file_id] = uploads_of(portal, film)
    told = console.json("verify", film)
    assert told == {
        "path": str(film),
        "file_id": file_id,
        "sha256": sha256(film),
        "portal_sha256": sha256(film),
        "same": True,
        "exit": 0,
    }
    copy = film.with_name("copy.mp4")
    copy.write_bytes(film.read_bytes() + b"x")
    differs = console.run("verify", copy, "--id", file_id)
    assert differs.returncode == 5 and sha256(copy) in differs.stdout
    assert reader.json("verify", film, "--id", file_id)["same"], "somebody else's, with read"


def test_status_and_retry(portal: Portal, console: Console, film: Path) -> None:
    assert "The queue is empty" in console.run("status").stdout
    text = film.with_name(f"text-{film.stem}.mp4")
    text.write_text("This is no film. " * 900)
    console.run("upload", "--wait", text, film)
    told = console.json("status")
    assert told["exit"] == 1 and told["counts"] == {"completed": 1, "failed": 1}
    [failed] = told["tasks"]
    assert failed["filename"] == text.name and failed["error"] and not told["sending"]
    assert len(console.json("status", "--all")["tasks"]) == 2
    assert console.run("retry", film.name).returncode == 1, "it has not failed"
    again = console.run("retry", text)
    assert again.returncode == 0 and "Nobody sends" in again.stderr
    assert console.json("status")["counts"] == {"completed": 1, "pending": 1}
    assert "waits in the queue" in console.run("status").stdout


def test_doctor_is_content(console: Console) -> None:
    told = console.json("doctor")
    assert told["exit"] == 0 and all(each["ok"] for each in told["checks"])
    names = [each["check"] for each in told["checks"]]
    assert names == ["configuration", "portal", "clock", "token", "disk", "queue"]


def wrong(console: Console, **more: str) -> tuple[int, dict[str, dict[str, Any]]]:
    told = console.json("doctor", **more)
    found = {each["check"]: each for each in told["checks"] if not each["ok"]}
    assert all(each["found"].strip() for each in found.values())
    return told["exit"], found


def test_doctor_says_what_to_do(console: Console, film: Path) -> None:
    code, found = wrong(console, base_url="")
    assert code == 2 and "RECORDINGS_BASE_URL" in found["configuration"]["do"]
    code, found = wrong(console, max_retries="many")
    assert code == 2 and "RECORDINGS_MAX_RETRIES" in found["configuration"]["found"]
    code, found = wrong(console, api_token="rp_of_nobody_at_all")
    assert code == 3 and "administrator" in found["token"]["do"]
    code, found = wrong(console, base_url="http://127.0.0.1:1/api")
    assert code == 4 and "network" in found["portal"]["do"]
    film.write_text("This is no film. " * 900)
    console.run("upload", "--wait", film)
    code, found = wrong(console)
    assert code == 1 and "recordings status" in found["queue"]["do"]


def test_doctor_looks_at_a_damaged_queue(console: Console) -> None:
    console.state.mkdir()
    (console.state / "queue.sqlite3").write_text("no database " * 1000)
    code, found = wrong(console)
    assert code == 6 and "Move" in found["queue"]["do"]
    assert console.run("status").returncode == 6


def test_doctor_has_no_queue_thrown_away_that_only_cannot_be_written_to(console: Console) -> None:
    (console.state / "queue.sqlite3").mkdir(parents=True)
    code, found = wrong(console)
    assert code == 6 and "Keep it" in found["queue"]["do"]


def test_doctor_compares_the_clocks(console: Console) -> None:
    class Late(BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(int(time.time()) - 600)

        def do_GET(self) -> None:
            self.send_response(200 if self.path.endswith("/health") else 404)
            self.end_headers()
            self.wfile.write(b"{}")

    with HTTPServer(("127.0.0.1", 0), Late) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _, found = wrong(console, base_url=f"http://127.0.0.1:{server.server_port}/api")
        server.shutdown()
    assert 600 <= int(found["clock"]["found"].split()[0]) < 660, found
    assert "ahead of" in found["clock"]["found"] and "NTP" in found["clock"]["do"]


def test_a_token_on_the_command_line_is_refused_and_not_repeated(console: Console) -> None:
    secret = "rp_very_secret_words"
    for words in (
        ("status", "--token", secret),
        ("--token", secret, "status"),
        ("upload", f"--api-token={secret}"),
        ("status", "--tokn", secret),
        ("status", f"--tokn={secret}"),
        ("--secret", secret, "status"),
    ):
        done = console.run(*words)
        assert done.returncode == 2 and secret not in done.stdout + done.stderr, words
    assert "replaced" in console.run("status", "--token", secret).stderr


def test_the_token_of_a_file_and_of_the_configuration(
    console: Console, film: Path, tmp_path: Path
) -> None:
    token = console.said["api_token"]
    path = tmp_path / "token"
    path.write_text(token + "\n", "utf-8-sig")  # with the mark that Windows puts first
    path.chmod(0o600)
    without = Console(console.folder, {"base_url": console.said["base_url"]})
    assert without.run("upload", film).returncode == 3
    assert without.run("doctor", "--token-file", path).returncode == 0
    path.chmod(0o644)
    assert "chmod 600" in without.run("doctor", "--token-file", path).stderr
    assert without.run("doctor", "--token-file", film.with_name("none")).returncode == 3
    config = console.folder / "config" / "recordings-client" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"api": {"api_token": token}}))
    done = without.run("doctor", "--verbose")
    assert done.returncode == 0 and token not in done.stdout + done.stderr
    assert token not in config.read_text(), "it has been sealed"


def test_the_token_is_in_no_command_line_of_a_running_upload(
    portal: Portal, console: Console, large: Path
) -> None:
    with Unreliable(portal.port) as proxy:
        slow = '[{"kib_per_second": 2048}]'
        where = {"base_url": f"{proxy.url}/api", "bandwidth_limits": slow}
        process = console.start("upload", "--verbose", large, **where)
        wait_for(lambda: proxy.passed > MiB)
        assert console.said["api_token"] not in " ".join(psutil.Process(process.pid).cmdline())
        process.terminate()
        assert console.said["api_token"] not in process.communicate(timeout=30)[0]


def test_a_queue_that_cannot_be_written_to(console: Console, film: Path) -> None:
    console.state.write_text("a file where the folder should be")
    done = console.run("upload", film)
    assert done.returncode == 6 and done.stderr.startswith("recordings: ")


def test_looking_makes_nothing_that_another_account_would_trip_over(console: Console) -> None:
    assert console.run("status").returncode == 0
    assert not (console.state / "sender.lock").exists()


def test_its_version_is_told(console: Console) -> None:
    assert console.run("--version").stdout.strip() == version("recordings-client")


def test_names_do_not_command_the_terminal(console: Console, film: Path) -> None:
    evil = film.rename(film.with_name(f"\x1b[2J{film.name}"))
    console.run("upload", "--wait", evil)
    assert "\x1b" not in console.run("status", "--all").stdout


def test_the_readme_has_every_exit_code(console: Console) -> None:
    readme = (CLIENT / "README.md").read_text("utf-8")
    for code, meaning in MEANINGS.items():
        assert f"| {code} | {meaning} |" in readme
    done = console.run("--help")
    assert done.returncode == 0 and all(meaning in done.stdout for meaning in MEANINGS.values())
