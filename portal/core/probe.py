"""Looks into one stored file and writes down what it is: facts, pictures, waveform, playback.

Run by portal.core.content as ``python -m portal.core.probe MEDIA_PATH OUT_DIR``. Knows media
formats; knows nothing of users, names or storage, and trusts no byte of what it reads.
"""

import json
import sys
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import numpy as np
import puremagic
from av.container import InputContainer
from av.error import FFmpegError

from portal.core.content import BIGGEST_NUMBER, LONGEST_TEXT, TYPES, Facts, limit_this_process
from portal.core.frames import decoded, first, open_media, packets
from portal.core.pictures import write_sprite, write_thumbnail
from portal.core.repack import write_playback
from portal.core.waveform import Envelope, loudness

BRANDS = {"qt": "quicktime", "3gp": "3gpp", "3g2": "3gpp"}
WEBM_CODECS = {"vp8", "vp9", "av1", "opus", "vorbis"}
GUESSED = {"mp3", "aac", "mpeg"}  # recognised by a few bits: some programs pass for these
ESTIMATED = {"mp3", "aac", "amr"}  # raw streams: the first duration is only size by bit rate
ONLY_MEDIA = "only audio and video recordings are accepted."
WORDS = {"image": "a picture", "text": "text"}


class Refused(Exception):
    """The content is no acceptable recording; the message is a sentence for the user.

    `looks_like`: the media type that its first bytes speak for, if it is something else.
    """

    def __init__(self, sentence: str, looks_like: str = "") -> None:
        super().__init__(sentence)
        self.looks_like = looks_like


def main(media: Path, out: Path) -> None:
    """Examine the file and fill the folder, the most important things first."""
    try:
        facts = read_facts(media)
    except Refused as refusal:
        return write_json(
            out / "facts.json", {"refused": str(refusal), "looks_like": refusal.looks_like}
        )
    write_json(out / "facts.json", asdict(facts))
    derive(media, out, facts)


def derive(media: Path, out: Path, facts: Facts) -> None:
    """What can be made of a recording, the most important things first."""
    if facts.kind == "video":
        write_thumbnail(media, out, facts.duration_ms or 0)
    if facts.channels:
        write_peaks(media, out)
    if facts.container == "aac":
        with open_media(media) as container:
            write_playback(container, out / "playback.m4a")
    if facts.duration_ms is None or facts.container in ESTIMATED:
        facts = replace(facts, duration_ms=measured_duration(media) or facts.duration_ms)
        write_json(out / "facts.json", asdict(facts))
    if facts.kind == "video" and facts.duration_ms:
        write_sprite(media, out, facts.duration_ms)


def write_json(path: Path, content: dict[str, object]) -> None:
    """Write whole or not at all: whoever kills this process finds no half file."""
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(content), encoding="ascii")
    temporary.replace(path)


def read_facts(media: Path) -> Facts:
    """What the headers say; Refused if the file is no recording."""
    with media.open("rb") as file:
        head = file.read(8192)
    kind = sniffed(head)
    if not head or (kind and not is_media(kind)):
        words = WORDS.get(kind.split("/")[0], "a document, playlist or program")
        seen = f"content looks like {words} ({kind})" if head else "file is empty"
        raise Refused(f"The {seen}; {ONLY_MEDIA}", kind)
    try:
        with open_media(media) as container:
            return described_streams(container, head)
    except FFmpegError as error:
        seen = f"looks like {kind} but is damaged" if kind else "is in no known recording format"
        raise Refused(f"The content {seen}; {ONLY_MEDIA}") from error


def sniffed(head: bytes) -> str:
    """The media type that the first bytes speak for, or an empty string."""
    if head[4:12] in (b"ftypmif1", b"ftypmsf1"):
        return "image/heif"
    if head.startswith(b"%PDF-"):  # before the next line: some are written in ASCII throughout
        return "application/pdf"
    if head.isascii() and b"\0" not in head and not head.startswith((b"#", b"<")):
        return "text/plain"
    try:  # two matching bytes (confidence 0.2) prove nothing: random content has them
        kinds = [m.mime_type for m in puremagic.magic_string(head) if m.confidence >= 0.3]
    except puremagic.PureError:
        return ""
    return next(filter(is_media, kinds), kinds[0] if kinds else "")


def is_media(kind: str) -> bool:
    """True for types of audio and video; a playlist is neither, whatever its type says."""
    return kind.startswith(("audio/", "video/", "application/ogg")) and "mpegurl" not in kind


def described_streams(container: InputContainer, head: bytes) -> Facts:
    """Facts of an opened file; Refused if it holds nothing to play."""
    video, audio = first(container.streams.video), first(container.streams.audio)
    if not video and not audio:
        raise Refused(f"The content holds neither sound nor moving pictures; {ONLY_MEDIA}")
    if container.format.name in GUESSED and not decodable(container):
        raise Refused(f"The content is in no known recording format; {ONLY_MEDIA}")
    codecs = [stream.codec_context.codec.canonical_name for stream in (video, audio) if stream]
    name = container_name(container, head, codecs)
    return Facts(
        kind="video" if video else "audio",
        content_type=TYPES[name][not video],
        container=name,
        codecs=", ".join(codecs)[:LONGEST_TEXT],
        duration_ms=sane((container.duration or 0) // 1000),
        width=sane(video.width) if video else None,
        height=sane(video.height) if video else None,
        channels=sane(audio.channels) if audio else None,
        sample_rate=sane(audio.sample_rate) if audio else None,
    )


def sane(number: int) -> int | None:
    """The number, or None if the file claims something absurd."""
    return number if 0 < number <= BIGGEST_NUMBER else None


def container_name(container: InputContainer, head: bytes, codecs: list[str]) -> str:
    """Our name for the container, a key of TYPES."""
    if container.format.name == "matroska,webm":
        declared_webm = b"\x42\x82\x84webm" in head[:128]  # EBML element DocType
        return "webm" if declared_webm and WEBM_CODECS.issuperset(codecs) else "matroska"
    if container.format.name.startswith("mov,"):
        return BRANDS.get(container.metadata.get("major_brand", "")[:3].strip(), "mp4")
    return container.format.name


def decodable(container: InputContainer) -> bool:
    """True if most of the first packets can be decoded."""
    right = wrong = 0
    for packet in islice(packets(container), 60):
        try:
            right += bool(packet.decode())
        except FFmpegError:
            wrong += 1
    return right > wrong


def measured_duration(media: Path) -> int | None:
    """Milliseconds from the first to the last time stamp of all packets, or None."""
    start, end = float("inf"), 0.0
    with open_media(media) as container:
        for packet in packets(container):
            if packet.pts is not None and packet.time_base:
                start = min(start, float(packet.pts * packet.time_base))
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return sane(round((end - start) * 1000)) if end > start else None


def write_peaks(media: Path, out: Path) -> None:
    """Write peaks.json, or nothing if no sound can be decoded."""
    envelope, seconds = Envelope(), 0.0
    with open_media(media) as container:
        start = (container.start_time or 0) / 1e6
        for frame in decoded(container, first(container.streams.audio)):
            if frame.samples and frame.sample_rate:
                gap = (frame.time or 0.0) - start - seconds
                if 0.1 < gap < 3600:  # a late start, a pause or damage: time goes on silently
                    envelope.add(np.zeros(int(gap * frame.sample_rate / 64), np.float32))
                    seconds += gap
                envelope.add(loudness(frame))
                seconds += frame.samples / frame.sample_rate
    if points := envelope.points():
        write_json(out / "peaks.json", {"points": points, "duration_ms": round(seconds * 1000)})


if __name__ == "__main__":
    limit_this_process()
    main(Path(sys.argv[1]), Path(sys.argv[2]))
