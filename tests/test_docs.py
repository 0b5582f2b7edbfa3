"""The documents against the code: settings, examples, links, commands. What they say must be so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from portal.cli import main
from portal.config import Settings
from portal.core import playing
from portal.core.roles import RIGHTS, ROLE_MAY, SCOPED
from portal.wire_settings import WireSettings
from tests.conftest import Portal
from tests.storage.conftest import seaweed
from tests.wire.directly import on_s3

__all__ = ["on_s3", "seaweed"]

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLE = re.compile(
    r"^```sh\n(?P<script>.*?)^```$(?:\s+Answer:\s+^```text\n(?P<answer>.*?)^```$)?", re.M | re.S
)
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.M | re.S)
COMMAND = re.compile(r"(?:^|[`/]|\| )portal ([a-z][a-z-]*)(.*)", re.M)
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)[^)]*\)")
NODE_MODULES = ROOT / "node_modules"

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@dataclass(frozen=True)
class Example:
    """Lines for a shell, and the beginnings of the lines that they print, in that order."""

    script: str
    answer: list[str]


def examples(document: Path) -> Iterator[Example]:
    for found in EXAMPLE.finditer(document.read_text()):
        lines = (found["answer"] or "").splitlines()
        yield Example(found["script"], [line.partition("…")[0] for line in lines])


def settings_table() -> str:
    """The table of docs/settings.md. `pytest tests/test_docs.py -k settings` prints it if wrong."""
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    wire = fields(WireSettings)
    for each in [each for each in fields(Settings) if each not in wire] + list(wire):
        default = f"`{each.metadata['default']}`" if each.metadata["default"] else ""
        sentence = each.metadata["sentence"]
        lines.append(f"| `{each.metadata['variable']}` | {default} | {sentence} |")
    return "\n".join(lines)


def test_the_settings_page_has_the_table_that_the_code_makes() -> None:
    table = settings_table()
    assert f"\n\n{table}\n" in (ROOT / "docs/settings.md").read_text(), f"write this:\n{table}"


def rights_table() -> str:
    """The table of docs/access.md."""
    roles = " | ".join(f"`{role}`" for role in ROLE_MAY)
    lines = [f"| Right | {roles} |", "|---" * (len(ROLE_MAY) + 1) + "|"]
    for right, what in RIGHTS.items():
        cells = " | ".join(cell(role, right) for role in ROLE_MAY)
        lines.append(f"| {what} | {cells} |")
    return "\n".join(lines)


def cell(role: str, right: str) -> str:
    if f"{right}_own" in ROLE_MAY[role]:
        return "own"
    if right not in ROLE_MAY[role]:
        return "–"
    of_recordings = right not in ("audit", "upload")
    return "scope" if role in SCOPED and of_recordings else "yes"


def test_the_page_on_access_has_the_rights_that_the_code_gives() -> None:
    table = rights_table()
    assert f"\n\n{table}\n" in (ROOT / "docs/access.md").read_text(), f"write this:\n{table}"
    known = {right.removesuffix("_own") for may in ROLE_MAY.values() for right in may}
    assert known == set(RIGHTS)


def test_no_document_names_a_setting_that_does_not_exist() -> None:
    known = {each.metadata["variable"] for each in fields(Settings)}
    for document in DOCUMENTS:
        named = set(re.findall(r"\bPORTAL_[A-Z_]+\b", document.read_text()))
        assert named <= known, document


@pytest.fixture
def desk(tmp_path: Path, media: Callable[[str], Path]) -> Path:
    """A folder with a recording, as the examples ask for it."""
    shutil.copy(media("call-sales-0815.wav"), tmp_path / "recording.wav")
    shutil.copy(media("rdp-finance-server-2026.mp4"), tmp_path / "recording.mp4")
    return tmp_path


@pytest.mark.parametrize(
    "document", sorted(ROOT.glob("docs/wire/*.md")), ids=lambda path: path.name
)
def test_every_example_runs_as_it_stands(
    document: Path, desk: Path, request: pytest.FixtureRequest
) -> None:
    # A folder has no addresses that clients could be sent to.
    portal: Portal = (
        request.getfixturevalue("on_s3").portal
        if document.name == "direct.md"
        else request.getfixturevalue("portal")
    )
    token = portal.token("uploader", "upload", "read", "delete", leads=["*"])
    told = {"PORTAL": portal.url, "TOKEN": token, "NODE_PATH": str(NODE_MODULES)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for example in examples(document):
        finished = subprocess.run(
            ["sh", "-eu", "-c", example.script],
            cwd=desk,
            env=os.environ | told | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
        )
        seen = f"{example.script}\n{finished.stdout}\n{finished.stderr}"
        assert finished.returncode == 0, seen
        assert first_unseen(example.answer, finished.stdout) is None, seen


def first_unseen(expected: list[str], output: str) -> str | None:
    """The first of these beginnings that no line has, after the line that had the one before."""
    lines = iter(output.splitlines())
    for start in expected:
        if not any(line.startswith(start) for line in lines):
            return start
    return None


def test_the_examples_are_found_with_their_answers() -> None:
    found = list(examples(ROOT / "docs/wire/tus.md"))
    assert len(found) >= 9
    assert sum(bool(each.answer) for each in found) >= 8
    assert first_unseen(["a", "b"], "b\na\nb") is None
    assert first_unseen(["a", "b"], "b\na") == "b"


@each_document
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), f"{target} in {document.name}"


@each_document
def test_every_named_command_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for code in CODE.findall(document.read_text()):
        assert set(re.findall(r"\bmake ([a-z]+)", code)) <= targets, code
        for name, rest in COMMAND.findall(code):
            assert name in main.commands, code
            known = {option for each in main.commands[name].params for option in each.opts}
            assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= known, code


def test_the_threat_model_says_how_long_an_address_of_bytes_lives() -> None:
    text = (ROOT / "docs/threat-model.md").read_text()
    minutes = playing.IDLE.seconds // 60
    assert f"until {minutes} minutes after it was last used" in text
    beside = {each.partition("/")[0] for each in Settings.from_env({}).accept_chunks} - {
        "audio",
        "video",
    }
    assert beside == {"image", "application"} and "pictures and PDFs" in text
