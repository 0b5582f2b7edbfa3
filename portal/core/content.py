"""What a stored recording turns out to be: runs portal.core.probe on it and checks the answer.

Knows how to fence that process in and which media types are ours; parses no media bytes itself.
"""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any

log = logging.getLogger(__name__)

# Content types for (pictures and sound, sound only). Media is served under these and no other.
TYPES: dict[str, tuple[str, str]] = {
    "mp4": ("video/mp4", "audio/mp4"),
    "quicktime": ("video/quicktime", "video/quicktime"),
    "3gpp": ("video/3gpp", "audio/3gpp"),
    "webm": ("video/webm", "audio/webm"),
    "matroska": ("video/x-matroska", "audio/x-matroska"),
    "mp3": ("audio/mpeg", "audio/mpeg"),
    "aac": ("audio/aac", "audio/aac"),
    "wav": ("audio/wav", "audio/wav"),
    "ogg": ("video/ogg", "audio/ogg"),
    "flac": ("audio/flac", "audio/flac"),
    "amr": ("audio/amr", "audio/amr"),
    "avi": ("video/x-msvideo", "video/x-msvideo"),
    "mpegts": ("video/mp2t", "video/mp2t"),
    "mpeg": ("video/mpeg", "video/mpeg"),
}
# What else may be accepted where a dialect's terms say so; anything that is not listed is served
# as plain bytes. Only media is ever played inside a page.
OTHERS = {
    "image/png": "image",
    "image/jpeg": "image",
    "image/gif": "image",
    "image/webp": "image",
    "image/heif": "image",
    "image/tiff": "image",
    "image/bmp": "image",
    "application/pdf": "document",
    "text/plain": "document",
}
LONGEST_TEXT = 300  # characters of a refusal or a codec list that the probe may hand over
BIGGEST_NUMBER = 10**11  # three years in milliseconds; fits every column it may go to
LIMITS = {
    resource.RLIMIT_CPU: 900,  # seconds; an hour of AAC takes 3, an orphan must end by itself
    resource.RLIMIT_AS: 4 * 2**30,  # bytes; an 8K frame has 50 MB and a decoder keeps 16 of them
    resource.RLIMIT_FSIZE: 64 * 2**20,
    resource.RLIMIT_NOFILE: 64,
    resource.RLIMIT_CORE: 0,
}
OCTETS = "application/octet-stream"
LARGEST_DERIVATIVE = 4 * 2**20  # bytes; a thumbnail has about 30 kB, a sprite 400, peaks 4
DERIVED = ("thumbnail.jpg", "sprite.jpg", "peaks.json", "playback.m4a")


@dataclass(frozen=True)
class Facts:
    """What is known of a recording. Sizes are in pixels, rates in Hz; None means unknown."""

    kind: str
    content_type: str
    container: str
    codecs: str
    duration_ms: int | None
    width: int | None
    height: int | None
    channels: int | None
    sample_rate: int | None

    def __post_init__(self) -> None:
        """Raise ValueError for anything an honest probe would not say."""
        for text in (self.kind, self.content_type, self.container, self.codecs):
            if not isinstance(text, str) or not text.isascii() or len(text) > LONGEST_TEXT:
                raise ValueError("a description is not plain text")
        if self.content_type != self._known_type():
            raise ValueError("content type does not belong to the kind and container")
        for number in (
            self.duration_ms,
            self.width,
            self.height,
            self.channels,
            self.sample_rate,
        ):
            if number is not None and not (type(number) is int and 0 <= number <= BIGGEST_NUMBER):
                raise ValueError("a number is out of range")

    def _known_type(self) -> str | None:
        """The content type that goes with this kind and container."""
        if self.kind in ("audio", "video") and self.container in TYPES:
            return TYPES[self.container][self.kind == "audio"]
        if self.container:
            return None
        listed = OTHERS.get(self.content_type) == self.kind
        return self.content_type if listed else OCTETS if self.kind == "other" else None


def other_facts(looks_like: str) -> Facts:
    """Facts of something that is no recording, by the type that its first bytes speak for."""
    kind = OTHERS.get(looks_like, "other")
    content_type = looks_like if looks_like in OTHERS else OCTETS
    return Facts(kind, content_type, "", "", None, None, None, None, None)


@dataclass(frozen=True)
class Findings:
    """Either facts, with paths of the derivatives that are whole, or one sentence of refusal.

    `looks_like`: the media type of content that is no recording, if it is known. `conclusive` is
    False when the examination itself failed, which another try may cure.
    `sprite` is a sheet of 10 by 10 pictures, one for each hundredth of a film. `playback` is a copy
    that browsers can seek in, where they cannot in the original.
    """

    facts: Facts | None = None
    refusal: str | None = None
    thumbnail: Path | None = None
    sprite: Path | None = None
    peaks: Path | None = None
    playback: Path | None = None
    conclusive: bool = True
    looks_like: str = ""


@dataclass(frozen=True)
class Refused:
    """What the probe says of content that is no recording."""

    sentence: str
    looks_like: str


def inspect(path: Path, out: Path, seconds: float = 300) -> Findings:
    """Examine the file at path for at most `seconds`; derivatives are left in the folder `out`.

    Never raises for what the file holds: hostile or broken content ends as a refusal.
    Raises OSError if the process cannot be started or `out` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in ("facts.json", *DERIVED):
        (out / name).unlink(missing_ok=True)
    trouble = run_probe(path, out, seconds)
    try:
        answer = read_answer(out / "facts.json")
    except ValueError as error:
        reason = f"The content could not be examined: {trouble or error}."
        return Findings(refusal=reason, conclusive=False)
    if isinstance(answer, Refused):
        return Findings(refusal=answer.sentence, looks_like=answer.looks_like)
    return Findings(
        answer,
        thumbnail=whole_jpeg(out / "thumbnail.jpg"),
        sprite=whole_jpeg(out / "sprite.jpg"),
        peaks=whole_peaks(out),
        playback=whole_playback(out),
    )


def run_probe(path: Path, out: Path, seconds: float) -> str | None:
    """Run the probe to its end; the answer says what went wrong with it, or None."""
    command = [sys.executable, "-P", "-m", "portal.core.probe"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, str(path.absolute()), str(out.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=bare_environment(),
            start_new_session=True,
        )
        trouble = wait_for(process, seconds)
        if trouble:
            log.warning("probe of %r: %s: %r", path.name, trouble, tail(errors))
    return trouble


def limit_this_process() -> None:
    """Called by the probe as its first act, before it opens the file.

    Not done in a preexec_fn: Python code between fork and exec can dead-lock if the parent has
    threads. Nothing but our own imports runs before it.
    """
    for what, most in LIMITS.items():
        resource.setrlimit(what, (most, most))


def bare_environment() -> dict[str, str]:
    """Only what Python needs: no configuration and no secret reaches the code that reads media."""
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",  # else its buffers take 64 MiB of address space per core
        "MALLOC_ARENA_MAX": "2",  # likewise for each thread of FFmpeg
    }


def wait_for(process: subprocess.Popen[bytes], seconds: float) -> str | None:
    """Wait for the end; on a time-out, a job's own too, the whole process group is killed."""
    try:
        code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"it took longer than {seconds:g} seconds"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code < 0:
        return f"the examination was stopped by {signal.Signals(-code).name}"
    return f"the examination failed with code {code}" if code else None


def tail(errors: IO[bytes]) -> bytes:
    """The last 2,000 bytes the probe complained with."""
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - 2000))
    return errors.read()


def read_answer(path: Path) -> Facts | Refused:
    """Facts, or a refusal; ValueError if the probe left nothing sensible."""
    answer = read_json(path)
    if not isinstance(answer, dict):
        raise ValueError("the examination gave no answer")
    if answer.keys() == {"refused", "looks_like"} and all(map(_plain, answer.values())):
        return Refused(answer["refused"], answer["looks_like"])
    if answer.keys() != {field.name for field in fields(Facts)}:
        raise ValueError("the examination gave an answer that was not understood")
    return Facts(**answer)


def _plain(text: object) -> bool:
    return isinstance(text, str) and len(text) <= LONGEST_TEXT and text.isprintable()


def read_json(path: Path) -> Any:
    """The decoded content of a small regular file; None if there is none."""
    if not whole(path):
        return None
    return json.loads(path.read_bytes())


def whole(path: Path, largest: int = LARGEST_DERIVATIVE) -> bool:
    """True for a regular file of sane size; the probe renames, so what is there is complete."""
    if path.is_symlink() or not path.is_file():
        return False
    return 0 < path.stat().st_size <= largest


def whole_jpeg(path: Path) -> Path | None:
    """The path if a JPEG is there."""
    return path if whole(path) and path.read_bytes()[:3] == b"\xff\xd8\xff" else None


def whole_playback(out: Path) -> Path | None:
    """The path of the copy for playing, if there is one."""
    path = out / "playback.m4a"
    return path if whole(path, LIMITS[resource.RLIMIT_FSIZE]) else None


def whole_peaks(out: Path) -> Path | None:
    """The path of the peaks if they are at most 1,000 numbers of 0 to 100."""
    path = out / "peaks.json"
    try:
        points = read_json(path)["points"]
    except (ValueError, TypeError, KeyError):
        return None
    fine = 0 < len(points) <= 1000 and all(type(p) is int and 0 <= p <= 100 for p in points)
    return path if fine else None
