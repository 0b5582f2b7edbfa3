"""Looks into one stored file and writes down what it is: facts, thumbnail, waveform, playback.

Run by portal.core.content as ``python -m portal.core.probe MEDIA_PATH OUT_DIR``. Knows media
formats; knows nothing of users, names or storage, and trusts no byte of what it reads.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
import puremagic
from av import AudioStream, Packet, VideoFrame, VideoStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard, Disposition, Stream

from portal.core.content import BIGGEST_NUMBER, LONGEST_TEXT, TYPES, Facts, limit_this_process
from portal.core.repack import write_playback
from portal.core.waveform import Envelope, loudness

# The only demuxers that may see the file, and no way to reach anything but that file: without
# these FFmpeg follows the addresses in a playlist.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,aac,wav,ogg,flac,amr,avi,mpegts,mpeg"
SAFE = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
BRANDS = {"qt": "quicktime", "3gp": "3gpp", "3g2": "3gpp"}
STILL = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
WEBM_CODECS = {"vp8", "vp9", "av1", "opus", "vorbis"}
GUESSED = {"mp3", "aac", "mpeg"}  # recognised by a few bits: some programs pass for these
ESTIMATED = {"mp3", "aac", "amr"}  # raw streams: the first duration is only size by bit rate
ONLY_MEDIA = "only audio and video recordings are accepted."
WORDS = {"image": "a picture", "text": "text"}

Playable = TypeVar("Playable", AudioStream, VideoStream)


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
    if facts.kind == "video":
        write_thumbnail(media, out, facts.duration_ms or 0)
    if facts.channels:
        write_peaks(media, out)
    if facts.container == "aac":
        with open_media(media) as container:
            write_playback(container, out / "playback.m4a")
    if facts.duration_ms is None or facts.container in ESTIMATED:
        exact = replace(facts, duration_ms=measured_duration(media) or facts.duration_ms)
        write_json(out / "facts.json", asdict(exact))


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


def open_media(media: Path) -> InputContainer:
    """Open with safe demuxers only; FFmpegError if none of them takes the file."""
    return av.open(str(media.absolute()), options=SAFE, metadata_errors="replace")


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


def first(streams: Iterable[Playable]) -> Playable | None:
    """The first stream that can be decoded and is no cover picture."""
    return next((s for s in streams if s.codec_context and not s.disposition & STILL), None)


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


def packets(container: InputContainer, *streams: Stream) -> Iterator["Packet[Stream]"]:
    """Packets of the streams (of all if none is named) up to the end or to hopeless damage."""
    try:
        yield from container.demux(*streams)
    except FFmpegError:
        return  # a recording that breaks off is common: what came before it is kept


def decoded(container: InputContainer, stream: AudioStream | VideoStream | None) -> Iterator[Any]:
    """Frames of one stream; damaged packets are left out. Frames of nothing for None."""
    if stream is None:
        return
    if not stream.codec_context.is_open:
        stream.codec_context.thread_count = 2  # each costs address space
    for other in container.streams:  # in MP4 and MOV the bytes of the others are not even read
        other.discard = Discard.default if other is stream else Discard.all
    for packet in packets(container, stream):
        try:
            frames = packet.decode()
        except FFmpegError:
            continue
        yield from frames


def measured_duration(media: Path) -> int | None:
    """Milliseconds from the first to the last time stamp of all packets, or None."""
    start, end = float("inf"), 0.0
    with open_media(media) as container:
        for packet in packets(container):
            if packet.pts is not None and packet.time_base:
                start = min(start, float(packet.pts * packet.time_base))
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return sane(round((end - start) * 1000)) if end > start else None


def write_thumbnail(media: Path, out: Path, duration_ms: int) -> None:
    """Write thumbnail.jpg, at most 480 px wide, or nothing if no frame can be decoded."""
    with open_media(media) as container:
        frame = first_telling(candidates(container, duration_ms))
        if frame is not None:
            upright(frame, 480).save(out / "part.jpg", qmin=4, qmax=4)  # about quality 80
            (out / "part.jpg").replace(out / "thumbnail.jpg")


def candidates(container: InputContainer, duration_ms: int) -> Iterator[VideoFrame]:
    """Some frames from 10 % on, then from further places, then from the start."""
    for share in (0.1, 0.3, 0.6, 0.0) if duration_ms else (0.0,):
        with suppress(FFmpegError):  # no index, or a broken one: what comes next will do
            container.seek((container.start_time or 0) + int(duration_ms * 1000 * share))
        yield from islice(decoded(container, first(container.streams.video)), 0, 150, 30)


def first_telling(frames: Iterable[VideoFrame]) -> VideoFrame | None:
    """The first frame that is not all one colour (black, mostly); failing that, the last."""
    frame = None
    for frame in frames:
        small = frame.reformat(width=64, height=36, format="gray").to_ndarray()
        if small.std() > 6:  # of 255; camera noise in the dark has 1 to 3
            break
    return frame


def upright(frame: VideoFrame, most: int) -> VideoFrame:
    """The frame at most `most` pixels wide, turned the way the camera was held."""
    turns = round(frame.rotation / 90) % 4
    scale = min(1.0, most / (frame.height if turns % 2 else frame.width))
    width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
    pixels = np.ascontiguousarray(np.rot90(np.asarray(small.to_ndarray()), turns))
    return VideoFrame.from_ndarray(pixels, format="rgb24")


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
